"""From observations to named facts: ``observations[]`` of the report, which tables and statement are made from.

A fact has a *key* (``tls.suites``), a JSON *value*, the endpoint it is about, and the statement rows
(``CS-TLS-3``) that it answers. Observations without such facts give none; nothing is inferred here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from part15.observations import Many
from part15.report import observed_objects, observed_transport
from part15.report.facts import Observed
from part15.report.observed_transport import Fact

MAX_VALUES = 500
"""Values of one fact; a fact is for a table that a person reads."""

READERS = {**observed_transport.READERS, **observed_objects.READERS}


def _facts(seen: Any, endpoint: str) -> Iterator[tuple[str, Fact]]:
    if isinstance(seen, Many):
        for member in seen.members[:MAX_VALUES]:
            yield from _facts(member.seen, endpoint)
        return
    name = type(seen).__name__
    if name == "SuitesSeen":
        for one in seen.everywhere:
            for fact in READERS[name](one):
                yield one.endpoint or endpoint, fact
        return
    reader = READERS.get(name)
    for fact in reader(seen) if reader else ():
        yield endpoint, fact


def _merged(key: str, old: Any, new: Any) -> Any:
    """Return two values of one fact as one: lists are joined without repeats, tables by their numbers.

    Of stories the longest is kept.
    """
    if key == "association.story":
        return max(old, new, key=len)
    if isinstance(old, list) and isinstance(new, list):
        return [*old, *(v for v in new if v not in old)][:MAX_VALUES]
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **new}
    if isinstance(old, int) and isinstance(new, int):
        return max(old, new)
    return old if old == new else f"{old}; {new}"


def observations(items: Sequence[Observed]) -> list[dict[str, Any]]:
    """Return one row ``{id, csId, key, value, provenance, endpoint, evidence}`` per fact and endpoint, sorted."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for item in items:
        for endpoint, (key, statement, value) in _facts(item.seen, item.endpoint):
            name = f"{key}@{endpoint}" if endpoint else key
            evidence = f"{item.key}/observation.json"
            row = rows.get((endpoint, key))
            if row is None:
                rows[endpoint, key] = {
                    "id": name,
                    "csId": list(statement),
                    "key": key,
                    "value": value,
                    "provenance": "observed",
                    "endpoint": endpoint,
                    "evidence": [evidence],
                }
                continue
            row["value"] = _merged(key, row["value"], value)
            row["evidence"] = sorted({*row["evidence"], evidence})
    return [rows[key] for key in sorted(rows)]
