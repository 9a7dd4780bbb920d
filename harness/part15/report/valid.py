"""Whether a document meets the schema of reports, without a library: for the words that our schema uses.

Used before a stored report is rendered, so that a damaged or foreign file is one clear sentence and
not a traceback. The published schema stays the reference; the tests hold the two together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

MOST = 5
"""Problems that are told."""

_KINDS: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}


def problems(value: Any, schema: Mapping[str, Any]) -> list[str]:
    """Return the first problems of *value* under *schema*, each with its place, or none."""
    return list(islice(_walk(value, schema, ""), MOST))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _walk(value: Any, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    where = place or "the document"
    if "anyOf" in schema:
        if all(next(_walk(value, s, place), None) for s in schema["anyOf"]):
            yield f"{where} is {_shown(value)}, which fits none of its forms"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{where} is {_shown(value)}, not {schema['const']!r}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} is {_shown(value)}, not one of {', '.join(map(str, schema['enum']))}"
        return
    kind = schema.get("type")
    if kind is not None:
        yield from _typed(value, kind, schema, place)


def _typed(value: Any, kind: str, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    where = place or "the document"
    fits: bool = isinstance(value, _KINDS[kind])
    if not fits or (isinstance(value, bool) and kind in {"integer", "number"}):
        yield f"{where} is {_shown(value)}, not of type {kind}"
    elif kind == "object":
        yield from _object(value, schema, place)
    elif kind == "array":
        yield from _array(value, schema, place)
    elif kind == "string" and not re.search(schema.get("pattern", ""), str(value)):
        yield f"{where} is {_shown(value)}, which has another form"
    elif kind in {"integer", "number"}:
        yield from _number(float(value), schema, where)


def _number(value: float, schema: Mapping[str, Any], where: str) -> Iterator[str]:
    if value < schema.get("minimum", value):
        yield f"{where} is {value:g}, less than {schema['minimum']}"
    if value > schema.get("maximum", value):
        yield f"{where} is {value:g}, more than {schema['maximum']}"


def _object(value: Mapping[str, Any], schema: Mapping[str, Any], place: str) -> Iterator[str]:
    known = schema.get("properties", {})
    more = schema.get("additionalProperties", True)
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{f'{place}.' if place else ''}{name} is missing"
    for name, inside in value.items():
        here = f"{place}.{name}" if place else name
        if "propertyNames" in schema:
            yield from _walk(name, schema["propertyNames"], f"the name {here}")
        if name in known:
            yield from _walk(inside, known[name], here)
        elif more is False:
            yield f"{here} is not known"
        elif isinstance(more, Mapping):
            yield from _walk(inside, more, here)


def _array(value: list[Any], schema: Mapping[str, Any], place: str) -> Iterator[str]:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        yield f"{place} has {len(value)} members"
    for number, inside in enumerate(value):
        yield from _walk(inside, schema.get("items", {}), f"{place}[{number}]")
