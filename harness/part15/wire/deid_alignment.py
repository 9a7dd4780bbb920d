"""Which content item of the output was which of the original: removing items moves those behind them (E.3.4)."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from part15.wire.deid_content import TREES
from part15.wire.deid_index import Attribute, Index

_CONCEPT = "(0040,A043)[1]/"
_ITEM = ("(0040,A010)", "(0040,A040)", f"{_CONCEPT}(0008,0100)", f"{_CONCEPT}(0008,0102)")
"""What an item keeps under the option: relationship, value type, code and scheme of its concept."""
Numbers = dict[int, int]


def aligned(before: Index, after: Index) -> tuple[Index, dict[str, str]]:
    """Return *before* with its content items numbered as in *after*, and its own path of each that differs.

    Items that *after* has not are numbered beyond its last.
    """
    sequences: dict[str, tuple[str, Numbers]] = {}
    renamed: list[Attribute] = []
    own: dict[str, str] = {}
    for attribute in before.attributes:
        path = attribute.path
        if path.startswith(TREES):
            path = _renamed(path, sequences)
            if attribute.items > 0:
                sequences[attribute.path] = (path, _numbers(before, after, attribute, path))
        if path != attribute.path:
            own[path] = attribute.path
        renamed.append(attribute._replace(path=path))
    if not own:
        return before, own
    places = {attribute.path: at for at, attribute in enumerate(renamed)}
    return replace(before, attributes=renamed, by_path=places), own


def _renamed(path: str, sequences: dict[str, tuple[str, Numbers]]) -> str:
    item, _, name = path.rpartition("/")
    sequence, _, number = item.rpartition("[")
    if sequence not in sequences:
        return path
    above, numbers = sequences[sequence]
    old = int(number[:-1])
    return f"{above}[{numbers.get(old, old)}]/{name}"


def _numbers(before: Index, after: Index, old: Attribute, path: str) -> Numbers:
    """Return the number in *after* of each item of *old* that has another there."""
    new = after.at(path)
    if new is None or new.items <= 0 or not path.endswith(TREES):
        return {}
    was, now = _items(before, old.path, old.items), _items(after, path, new.items)
    if was == now:
        return {}
    free: dict[tuple[str, ...], deque[int]] = {}
    for number, item in enumerate(now, 1):
        free.setdefault(item, deque()).append(number)
    found: Numbers = {}
    alone = []
    for number, item in enumerate(was, 1):
        if free.get(item):
            found[number] = free[item].popleft()
        else:
            alone.append(number)
    left = sorted(number for numbers in free.values() for number in numbers)
    if len(left) != len(alone):  # not the same items with other concepts
        left = list(range(new.items + 1, new.items + 1 + len(alone)))
    return found | dict(zip(alone, left, strict=True))


def _items(index: Index, path: str, count: int) -> list[tuple[str, ...]]:
    return [
        tuple(index.text(f"{path}[{number}]/{name}") for name in _ITEM)
        for number in range(1, count + 1)
    ]
