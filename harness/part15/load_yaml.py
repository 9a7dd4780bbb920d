"""YAML 1.2 with the line and column of every value; duplicate keys and oversize files are refused.

Imports ruamel.yaml, hence is itself imported only where a file is really read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from part15.errors import ContentError, Problem

Place = tuple[str | int, ...]

MAX_BYTES = 4_000_000
MAX_DEPTH = 40
MAX_VALUES = 200_000

_BOOLS = {"true": True, "false": False}


@dataclass
class Document:
    """A YAML file as plain values, with where each of them stands."""

    file: str
    value: Any = None
    keys: dict[Place, tuple[int, int]] = field(default_factory=dict)
    values: dict[Place, tuple[int, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    count: int = 0

    def problem(self, path: Sequence[str | int], message: str, *, key: bool = False) -> Problem:
        """Return *message* as a problem at *path*, or at the nearest value around it.

        *key* points at the key, else at the value.
        """
        place = tuple(path)
        first = self.keys if key else self.values
        while True:
            at = first.get(place) or self.values.get(place)
            if at or not place:
                line, column = at or (1, 1)
                return Problem(self.file, line, column, message)
            place = place[:-1]


def _place(node: Any) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _scalar(node: Any) -> Any:
    """Return the value of a scalar by the YAML 1.2 core schema; what that does not know stays text."""
    text = str(node.value)
    kind = str(node.tag).rsplit(":", 1)[-1]
    if kind == "null":
        return None
    if kind == "bool":
        return _BOOLS.get(text.lower(), text)
    try:
        if kind == "int":
            return int(text.replace("_", ""), 0) if text[:2].lower() in ("0x", "0o") else int(text)
        if kind == "float":
            number = float(text)
            return number if math.isfinite(number) else text
    except ValueError:
        return text
    return text


def _plain(document: Document, node: Any, path: Place) -> Any:
    document.count += 1
    document.values.setdefault(path, _place(node))
    if document.count > MAX_VALUES or len(path) > MAX_DEPTH:
        raise ContentError(
            document.problem(path, "the file has too many or too deeply nested values")
        )
    if isinstance(node, MappingNode):
        table: dict[str, Any] = {}
        for key_node, value_node in node.value:
            name = str(key_node.value) if isinstance(key_node, ScalarNode) else ""
            if not isinstance(key_node, ScalarNode):
                document.problems.append(
                    Problem(document.file, *_place(key_node), "a key must be text")
                )
                continue
            if name in table:
                document.problems.append(
                    Problem(document.file, *_place(key_node), f"the key '{name}' is given twice")
                )
                continue
            document.keys[*path, name] = _place(key_node)
            table[name] = _plain(document, value_node, (*path, name))
        return table
    if isinstance(node, SequenceNode):
        return [_plain(document, item, (*path, n)) for n, item in enumerate(node.value)]
    return _scalar(node)


def read(path: Path, name: str = "") -> Document:
    """Return the YAML file at *path*; problems call it *name*.

    Raises ContentError if it cannot be read, is too large or is no YAML. Duplicate keys are in
    the ``problems`` of the result.
    """
    file = name or str(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ContentError(Problem(file, None, None, f"cannot be read: {error.strerror}")) from None
    return parse(data, file)


def parse(data: bytes, file: str) -> Document:
    """Return the YAML text *data*; problems call it *file*. Raises ContentError as :func:`read`."""
    if len(data) > MAX_BYTES:
        raise ContentError(
            Problem(file, None, None, f"has more than {MAX_BYTES} bytes; a profile is smaller")
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise ContentError(
            Problem(file, None, None, "is not UTF-8 text; a profile is a YAML file")
        ) from None
    document = Document(file)
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        what = error.problem or error.context or "cannot be parsed"
        raise ContentError(Problem(file, line, column, f"is not valid YAML: {what}")) from None
    except (YAMLError, RecursionError) as error:
        what = str(error).splitlines()[0] if str(error) else "nested too deeply"
        raise ContentError(Problem(file, None, None, f"is not valid YAML: {what}")) from None
    if node is None:
        raise ContentError(Problem(file, 1, 1, "is empty; a profile begins with 'profile: ID'"))
    document.value = _plain(document, node, ())
    return document
