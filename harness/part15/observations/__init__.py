"""Observations: typed facts seen, one module per family; frozen dataclasses that survive JSON.

Every observation is a frozen dataclass whose fields are str, int, float, bool, bytes, None, tuples,
string-keyed dicts or further such dataclasses. ``to_json`` and ``from_json`` are exact inverses, so
``part15 judge RUN`` can repeat a judgement from ``observation.json``.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Seen = TypeVar("Seen")


@dataclass(frozen=True)
class NotReached:
    """A precondition of the stimulus was missing: *step* says which, *why* what was seen instead.

    Not a statement about the SUT: the judge answers *inconclusive* without calling the check,
    unless the check's annotation accepts NotReached.
    """

    step: str
    why: str


@dataclass(frozen=True)
class Member(Generic[Seen]):
    """One observation of a set, with the name of what it is about."""

    subject: str
    seen: Seen


@dataclass(frozen=True)
class Many(Generic[Seen]):
    """Observations of one kind: files, messages, certificates. The judge lifts a check over them.

    The verdict is the worst of the members, with one finding per member that is not a pass.
    An empty set decides nothing.
    """

    members: tuple[Member[Seen], ...] = ()
    what: str = "item"


@functools.cache
def kinds() -> dict[str, type]:
    """Return every observation class by name."""
    found = {
        name: value
        for module in pkgutil.iter_modules(__path__)
        for name, value in vars(importlib.import_module(f"{__name__}.{module.name}")).items()
        if dataclasses.is_dataclass(value) and isinstance(value, type)
    }
    return {**found, "NotReached": NotReached, "Member": Member, "Many": Many}


def to_json(seen: Any) -> Any:
    """Return *seen* as JSON values; a dataclass carries its class name under ``is``."""
    if dataclasses.is_dataclass(seen) and not isinstance(seen, type):
        fields = {f.name: to_json(getattr(seen, f.name)) for f in dataclasses.fields(seen)}
        return {"is": type(seen).__name__, **fields}
    if isinstance(seen, bytes):
        return {"is": "bytes", "base64": base64.b64encode(seen).decode()}
    if isinstance(seen, (tuple, list)):
        return [to_json(item) for item in seen]
    if isinstance(seen, Mapping):
        return {"is": "map", "items": [[to_json(k), to_json(v)] for k, v in seen.items()]}
    if isinstance(seen, (frozenset, set)):
        return {"is": "set", "items": sorted(to_json(item) for item in seen)}
    if isinstance(seen, str):
        return str(seen)
    return seen


def from_json(stored: Any) -> Any:
    """Return the observation that :func:`to_json` wrote; unknown fields of newer versions are an error.

    Raises ValueError if *stored* names a class this version does not have.
    """
    if isinstance(stored, list):
        return tuple(from_json(item) for item in stored)
    if not isinstance(stored, dict):
        return stored
    kind = stored.get("is")
    if kind == "bytes":
        return base64.b64decode(stored["base64"])
    if kind == "map":
        return {from_json(k): from_json(v) for k, v in stored["items"]}
    if kind == "set":
        return frozenset(from_json(item) for item in stored["items"])
    cls = kinds().get(str(kind))
    if cls is None:
        raise ValueError(f"observation kind {kind!r} is not known to this version")
    values = {k: from_json(v) for k, v in stored.items() if k != "is"}
    known = {f.name for f in dataclasses.fields(cls)}
    if set(values) - known:
        raise ValueError(
            f"{kind} has no field {', '.join(sorted(set(values) - known))} in this version"
        )
    return cls(**values)
