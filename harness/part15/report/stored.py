"""Reading a stored report: from a run folder, or the file itself."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from part15.errors import InputError
from part15.report.build import SCHEMA
from part15.report.schema import report_schema
from part15.report.valid import problems

MAX_SIZE = 1 << 30
"""Octets above which a file is no report of ours."""


def read(path: Path) -> dict[str, Any]:
    """Return the document in *path*, a run folder or a ``report.json``.

    Raises InputError, with what to do, if there is none or it is of another kind or version.
    """
    place = path / "report.json" if path.is_dir() else path
    try:
        if place.stat().st_size > MAX_SIZE:
            raise InputError(
                f"{place} is larger than any report; give a run folder or its report.json"
            )
        document = json.loads(place.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{place} cannot be read: {error.strerror}; give the folder that 'part15 run' wrote"
        ) from None
    except (ValueError, RecursionError):
        raise InputError(f"{place} is no JSON; it is cut off or not a report of part15") from None
    kind = document.get("schema") if isinstance(document, dict) else None
    if kind != SCHEMA:
        raise InputError(
            f"{place} is of the form {kind!r}, not {SCHEMA!r}; judge the run again with 'part15 judge'"
        )
    if "policies" not in document:
        _without_policies(document)
    wrong = problems(document, report_schema()) or dangling(document)
    if wrong:
        raise InputError(f"{place} is damaged: {'; '.join(wrong)}")
    return dict(document)


def _without_policies(document: dict[str, Any]) -> None:
    """Complete a report that was written before site policies had a column of their own."""
    document["policies"] = []
    none = {"results": 0, "counts": {}, "conclusion": "none"}
    with contextlib.suppress(KeyError, TypeError):
        document["summary"].setdefault("policy", none)
        for result in document["results"]:
            result.setdefault("policy", "")


def dangling(document: dict[str, Any]) -> list[str]:
    """Return the first results of a *document* of the right form that name a clause it does not have."""
    known = {clause["id"] for clause in document["clauses"]}
    lost = [n for n, result in enumerate(document["results"]) if result["clause"] not in known]
    return [f"results[{n}].clause names no clause of the report" for n in lost[:5]]
