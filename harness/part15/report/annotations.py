"""Annotations for GitHub Actions: violations and warnings as ``::error`` and ``::warning`` lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from part15.report import view, writer

MOST = 10
"""Annotations per level and step that the site shows."""


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _value(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def render(document: Mapping[str, Any]) -> str:
    """Return at most ten lines per level, what to fix first on top."""
    sut = document["sut"]
    lines = []
    for word, command in (("fail", "error"), ("warn", "warning")):
        entries = (*view.fixes(document, word), *view.fixes(document, word, policy=True))
        ranked = [c["results"][0] for entry in entries for c in entry["clauses"]]
        for result in ranked[:MOST]:
            line = max(1, sut["lines"].get(result["claim"], 1))
            title = f"{result['clause']} ({view.bound(result)})"
            where = f"file={_value(sut['targetFile'])},line={line},title={_value(title)}"
            lines.append(f"::{command} {where}::{_data(result['message'])}\n")
    return "".join(lines)


write = writer(render)
