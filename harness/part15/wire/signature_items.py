"""Reading the small items of the Digital Signatures Macro: plain values, lists of tags, codes."""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator

from part15.observations.signatures import ItemAttributeSeen, PurposeSeen
from part15.wire.elements import ITEM, children
from part15.wire.mac_stream import TOP, Stored

MAX_ITEMS = 200
"""Items of one sequence that are read: signatures, MAC parameters, codes."""
MAX_LISTED = 1 << 20
"""Octets of one list of tags that are read."""
_REMEMBERED = 1 << 14


def items_of(source: Stored, index: int) -> list[int]:
    """Return the items of the sequence at *index*, at most :data:`MAX_ITEMS`."""
    found = []
    for item in children(source.elements, index):
        if source.elements[item].vr is ITEM:
            found.append(item)
        if len(found) == MAX_ITEMS:
            break
    return found


def attributes_of(source: Stored, item: int) -> tuple[ItemAttributeSeen, ...]:
    """Return the elements of an item, as encoded."""
    elements = source.elements
    return tuple(
        ItemAttributeSeen(elements[i].tag, elements[i].vr, elements[i].length)
        for i in source.level(item)
    )


def values_of(source: Stored, item: int, wanted: frozenset[int]) -> dict[int, bytes]:
    """Return the values of the *wanted* plain elements of an item; the first counts."""
    elements = source.elements
    found: dict[int, bytes] = {}
    indices = source.level(item)
    if item == TOP:
        here = source.tags
        indices = tuple(i for tag in wanted if tag in here for i in _top_with(source, tag))
    for index in indices:
        element = elements[index]
        if element.tag in wanted and element.tag not in found and element.after == index + 1:
            found[element.tag] = source.value(index)
    return found


def text(octets: bytes | None) -> str:
    """Return a CS, SH, UI or DT value without padding; octets outside ASCII come out escaped."""
    return (octets or b"").rstrip(b" \0").decode("ascii", "backslashreplace")


def _top_with(source: Stored, tag: int) -> Iterator[int]:
    """Yield the first element of depth 0 with *tag*."""
    at = -1
    while True:
        try:
            at = source.tags.index(tag, at + 1)
        except ValueError:
            return
        if not source.elements[at].depth:
            yield at
            return


def tags_of(octets: bytes | None) -> tuple[int, ...]:
    """Return the tags of an AT value in little endian; a rest of less than four octets is dropped."""
    whole = (octets or b"")[:MAX_LISTED]
    whole = whole[: len(whole) - len(whole) % 4]
    return _tags(whole) if len(whole) > _REMEMBERED else _known_tags(whole)


def _tags(whole: bytes) -> tuple[int, ...]:
    return tuple(group << 16 | element for group, element in struct.iter_unpack("<HH", whole))


@functools.lru_cache(maxsize=64)
def _known_tags(whole: bytes) -> tuple[int, ...]:
    """The same: the files of one signer carry the same few lists."""
    return _tags(whole)


def number(octets: bytes | None) -> int | None:
    """Return a single US value, None if it is none."""
    return int.from_bytes(octets, "little") if octets is not None and len(octets) == 2 else None


def code_of(source: Stored, item: int) -> PurposeSeen:
    """Return value, scheme and meaning of the code in an item."""
    values = values_of(source, item, frozenset({0x00080100, 0x00080102, 0x00080104}))
    return PurposeSeen(
        text(values.get(0x00080100)), text(values.get(0x00080102)), text(values.get(0x00080104))
    )
