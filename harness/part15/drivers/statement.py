"""Read what the target declares; nothing is sent anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from part15.bench import Bench
from part15.model import Impact
from part15.observations.statement import DeclarationSeen, DeclaredPoint
from part15.registry import driver

_ABSENT = object()


def _at(table: Any, key: str) -> Any:
    """Return the value of the dotted *key*; a name in *table* may itself contain dots."""
    if not isinstance(table, Mapping):
        return _ABSENT
    if key in table:
        return table[key]
    for at, letter in enumerate(key):
        if letter == "." and key[:at] in table:
            found = _at(table[key[:at]], key[at + 1 :])
            if found is not _ABSENT:
                return found
    return _ABSENT


def declared(table: Mapping[str, Any], key: str) -> Any:
    """Return the value declared under *key*; ``NAME[].FIELD`` gives a tuple, one value per item.

    Raises KeyError if it is not declared, for a list if any item lacks the field.
    """
    listed, bracket, field = key.partition("[].")
    found = _at(table, listed)
    if not bracket or found is _ABSENT:
        if found is _ABSENT:
            raise KeyError(key)
        return found
    items = found if isinstance(found, (list, tuple)) else [found]
    values = tuple(_at(item, field) for item in items)
    if _ABSENT in values:
        raise KeyError(key)
    return values


def _plain(value: Any) -> Any:
    """Return *value* as an observation can hold it: tuples for lists, text for dates."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return tuple(_plain(v) for v in value)
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def _points(target: Any) -> tuple[DeclaredPoint, ...]:
    return tuple(
        DeclaredPoint(name, point.host, point.port, point.transport, tuple(point.profiles), listens)
        for points, listens in ((target.endpoints, True), (target.listeners, False))
        for name, point in points.items()
    )


@driver(Impact.OBSERVE, at="target")
def read(bench: Bench, *, keys: Sequence[str]) -> DeclarationSeen:
    """Return what ``[declared]`` of the target file says under *keys*, its claims and its ports."""
    values: dict[str, Any] = {}
    absent = []
    for key in keys:
        try:
            values[key] = _plain(declared(bench.target.declared, key))
        except KeyError:
            absent.append(key)
    claims = {name: tuple(table.roles) for name, table in bench.target.claims.items()}
    return DeclarationSeen(tuple(keys), values, tuple(absent), claims, _points(bench.target))
