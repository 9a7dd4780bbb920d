"""TAP version 13."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from part15.report import writer

_SKIP = frozenset({"inconclusive", "review", "not-applicable"})


def _line(number: int, result: Mapping[str, Any]) -> str:
    word = result["verdict"]
    state = "not ok" if word in {"fail", "error", "waived"} else "ok"
    name = result["case"].replace("#", "\\#")
    if word in _SKIP:
        name += f" # SKIP {word}: {_single(result['message'])}"
    elif word == "waived":
        name += f" # TODO waived: {_single(result['message'])}"
    return f"{state} {number} - {name}"


def _single(text: str) -> str:
    return " ".join(text.split())


def _more(result: Mapping[str, Any]) -> list[str]:
    keys = (
        "clause",
        "policy",
        "verdict",
        "level",
        "message",
        "expected",
        "observed",
        "provenance",
        "attestedBy",
        "waiver",
    )
    # JSON strings are YAML strings, so nothing in a message can end the block
    return ["  ---", *(f"  {k}: {json.dumps(result[k])}" for k in keys), "  ..."]


def render(document: Mapping[str, Any]) -> str:
    """Return one test line per result, each with its YAML block."""
    lines = ["TAP version 13", f"1..{len(document['results'])}"]
    for number, result in enumerate(document["results"], 1):
        lines += [_line(number, result), *_more(result)]
    return "\n".join(lines) + "\n"


write = writer(render)
