"""Plain values as TOML text: what ``tomllib`` does not do."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_BARE = re.compile(r"^[A-Za-z0-9_-]+$")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _quoted(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(v) for v in value) + "]"
    return _quoted(str(value))


def _tables(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and bool(value)
        and all(isinstance(v, Mapping) for v in value)
    )


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    lines = [
        f"{_key(k)} = {_value(v)}"
        for k, v in table.items()
        if not isinstance(v, Mapping) and not _tables(v)
    ]
    for name, value in table.items():
        place = (*path, name)
        dotted = ".".join(_key(p) for p in place)
        if isinstance(value, Mapping):
            inner = _lines(value, place)
            header = [] if inner and inner[0] == "" else ["", f"[{dotted}]"]
            lines += [*header, *inner]
        elif _tables(value):
            for row in value:
                lines += ["", f"[[{dotted}]]", *_lines(row, place)]
    return lines


def toml_text(document: Mapping[str, Any]) -> str:
    """Return *document* (strings, numbers, booleans, dates, lists, mappings) as a TOML document."""
    return "\n".join(_lines(document, ())).lstrip("\n") + "\n"


def relative_below(value: Any, folder: Path) -> Any:
    """Return *value* with every path below *folder* made relative to it, so that the folder can be moved."""
    if isinstance(value, Mapping):
        return {k: relative_below(v, folder) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [relative_below(v, folder) for v in value]
    if isinstance(value, str) and value.startswith(f"{folder}/"):
        return Path(value).relative_to(folder).as_posix()
    return value
