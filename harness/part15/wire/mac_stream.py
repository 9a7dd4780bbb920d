"""The octets a digital signature is made over (PS3.3 C.12.1.1.3.1.1 and .2).

Everything is encoded in the MAC Calculation Transfer Syntax: plain elements with their length; a
sequence as tag, VR and reserved octets, then per item the item tag alone and its elements, then the
tag of the sequence delimiter alone; encapsulated pixel data likewise with its fragments. Where the
stored encoding is that syntax, the stream consists of slices of the original octets and nothing is
encoded again.

    source = Stored(data, elements, syntax)
    mac = digest(stream(source, listed(source, level, tags)), "sha256")

Element indices are those of the list that ``elements.walk`` returned; *level* is the index of an
item, or :data:`TOP`.
"""

from __future__ import annotations

import array
import struct
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from part15.wire.dictionary import described
from part15.wire.elements import (
    EXPLICIT_LITTLE,
    FRAGMENT,
    ITEM,
    SHORT_FORM,
    UNDEFINED,
    Element,
    Syntax,
    children,
)

TOP = -1

SEQUENCE_OF_SIGNATURES = 0xFFFAFFFA
MAC_PARAMETERS = 0x4FFE0001
NOT_OF_THE_ITEM = frozenset({0x04000115, 0x04000120, 0x04000305, 0x04000310})
"""Certificate, signature and timestamp: the elements of a signature item that its MAC leaves out."""

_LENGTH_TO_END = 0x00080001
_PADDING = 0xFFFCFFFC
_ITEM_DELIMITER = 0xFFFEE00D
_FIRST_SIGNABLE_GROUP = 8
_SIGNATURE_GROUP = 0xFFFA
_LAST_PLAIN = 0xFFF9FFFF
_CACHED = 4096
_SHORTEST = 0xFFFF
_CHUNK = 1 << 20
_WIDTH = {
    **dict.fromkeys(("US", "SS", "OW", "AT"), 2),
    **dict.fromkeys(("UL", "SL", "FL", "OF", "OL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
_CODES = {2: "H", 4: "I", 8: "Q"}


class NotComputable(ValueError):  # noqa: N818 - reads as what it is about
    """The stream cannot be built from what is stored; the message says why."""


def forbidden(tag: int) -> bool:
    """Tell whether an element may never be signed because of its tag alone."""
    group = tag >> 16
    return (
        not tag & 0xFFFF
        or group < _FIRST_SIGNABLE_GROUP
        or group == _SIGNATURE_GROUP
        or tag in (_LENGTH_TO_END, MAC_PARAMETERS, _PADDING, _ITEM_DELIMITER)
    )


@lru_cache(maxsize=64)
def _odd(tags: tuple[int, ...]) -> tuple[int, ...]:
    """Return where tags may be unsignable; the objects of a series have the same few lists of tags."""
    low, high, odd = _LENGTH_TO_END, _LAST_PLAIN, MAC_PARAMETERS
    return tuple(
        [i for i, t in enumerate(tags) if not t & 0xFFFF or not low < t <= high or t == odd]
    )


@dataclass(frozen=True, eq=False)
class Stored:
    """A data set as it stands: its octets, the elements of the walk, how they are encoded."""

    data: memoryview
    elements: Sequence[Element]
    syntax: Syntax = EXPLICIT_LITTLE

    @cached_property
    def unsignable(self) -> frozenset[int]:
        """The indices of the elements that are never signed: by tag, as UN, or as SQ that holds UN."""
        found: set[int] = set()
        elements = self.elements
        tags = self.tags
        # The filter is coarse and cheap; nearly all elements of an object end here.
        suspects = {*(_odd if len(tags) <= _CACHED else _odd.__wrapped__)(tuple(tags))}
        vrs = [e[1] for e in elements]
        if "UN" in vrs:
            suspects.update(i for i, vr in enumerate(vrs) if vr == "UN")
        for index in suspects:
            element = elements[index]
            if element.vr == "UN":
                found.update(_enclosing(elements, index))
            elif element.vr is not ITEM and element.vr is not FRAGMENT and forbidden(element.tag):
                found.add(index)
        return frozenset(found)

    @cached_property
    def top(self) -> tuple[int, ...]:
        """The indices of the elements of depth 0."""
        return tuple([i for i, e in enumerate(self.elements) if not e[6]])

    @cached_property
    def tags(self) -> list[int]:
        """The tags of all elements, items and fragments: asking whether one is there is cheap."""
        return [e[0] for e in self.elements]

    def level(self, item: int) -> tuple[int, ...]:
        """Return the indices of the elements of the data set at *item*, an item or :data:`TOP`."""
        return self.top if item == TOP else tuple(children(self.elements, item))

    def value(self, index: int) -> bytes:
        """Return a copy of the value of a plain element, little endian if its VR has an octet order."""
        element = self.elements[index]
        octets = bytes(self.data[element.value : element.value + max(element.length, 0)])
        width = _WIDTH.get(element.vr)
        if self.syntax.big and width:
            return swapped(octets, width)
        return octets


def _enclosing(elements: Sequence[Element], index: int) -> Iterator[int]:
    """Yield *index* and the sequences around it."""
    yield index
    depth = elements[index].depth
    while depth:
        index -= 1
        if elements[index].depth < depth:
            depth = elements[index].depth
            if elements[index].vr is not ITEM:
                yield index


def listed(source: Stored, level: int, tags: Collection[int]) -> list[int]:
    """Return the indices of the elements at *level* whose tag is in *tags*, by ascending tag."""
    wanted = frozenset(tags)
    elements = source.elements
    return _ascending(elements, [i for i in source.level(level) if elements[i][0] in wanted])


def _ascending(elements: Sequence[Element], indices: list[int]) -> list[int]:
    tags = [elements[index][0] for index in indices]
    if tags != sorted(tags):
        indices.sort(key=lambda index: elements[index].tag)
    return indices


def of_signature_item(source: Stored, item: int) -> list[int]:
    """Return the elements of the signature item at index *item* that belong to its stream."""
    elements = source.elements
    found = [
        index
        for index in source.level(item)
        if elements[index].tag not in NOT_OF_THE_ITEM and index not in source.unsignable
    ]
    return _ascending(elements, found)


def choices(source: Stored) -> Mapping[str, str]:
    """Return the VR for each ambiguous one of implicit VR (PS3.5 A.1; pixel values by (0028,0103))."""
    signed = False
    for index in source.top:
        element = source.elements[index]
        if element.tag == 0x00280103 and element.length == 2:
            signed = source.value(index) == b"\1\0"
    return {"US/SS": "SS" if signed else "US", "OB/OW": "OW", "US/SS/OW": "OW", "US/OW": "OW"}


def ambiguous(source: Stored, chosen: Iterable[int]) -> list[str]:
    """Return the ambiguous VRs among the *chosen* elements and what is inside them."""
    elements = source.elements
    return sorted(
        {e.vr for top in chosen for e in elements[top : elements[top].after] if "/" in e.vr}
    )


def stream(
    source: Stored,
    chosen: Sequence[int],
    syntax: Syntax = EXPLICIT_LITTLE,
    *,
    vrs: Mapping[str, str] | None = None,
    fragment_lengths: bool = False,
) -> Iterator[memoryview | bytes]:
    """Yield the stream of the *chosen* elements in *syntax*, in pieces.

    *vrs* says what an ambiguous VR of implicit VR is taken as, :func:`choices` by default;
    *fragment_lengths* writes the length of each fragment, as DCMTK did before 3.5.4.
    Raises NotComputable if an element cannot be written in *syntax*.
    """
    if source.syntax == syntax and syntax.explicit:
        return _sliced(source, chosen, syntax.big, fragment_lengths)
    return _encoded(source, chosen, syntax, vrs or choices(source), fragment_lengths)


def _delimiter(big: bool) -> bytes:
    return struct.pack(">HH" if big else "<HH", 0xFFFE, 0xE0DD)


def _sliced(
    source: Stored, chosen: Sequence[int], big: bool, fragment_lengths: bool
) -> Iterator[memoryview | bytes]:
    """Yield slices of the original octets; neighbours are one slice."""
    data, elements, skipped = source.data, source.elements, source.unsignable
    delimiter = _delimiter(big)
    begin = end = 0
    open_until: list[int] = []
    for top in chosen:
        first = elements[top]
        index, stop = top, first[7]
        if stop == top + 1 and first[1] != "SQ" and first[4] >= 0 and top not in skipped:
            # A plain element, as nearly all are.
            if first[2] != end:
                if end > begin:
                    yield data[begin:end]
                begin = first[2]
            end = first[5]
            continue
        while index < stop or open_until:
            while open_until and index >= open_until[-1]:
                open_until.pop()
                if end > begin:
                    yield data[begin:end]
                begin = end = 0
                yield delimiter
            if index >= stop:
                break
            element = elements[index]
            if index in skipped:
                index = element.after
                continue
            start, until = element.start, element.end
            if element.vr is ITEM:
                until = start + 4
            elif element.vr is FRAGMENT:
                if not fragment_lengths:
                    if start != end:
                        if end > begin:
                            yield data[begin:end]
                        begin = start
                    yield data[begin : start + 4]
                    begin = end = start = element.value
            elif element.vr == "SQ" or element.length == UNDEFINED:
                until = start + 8
                open_until.append(element.after)
            if start != end:
                if end > begin:
                    yield data[begin:end]
                begin = start
            end = until
            index += 1
    if end > begin:
        yield data[begin:end]


class Piece(NamedTuple):
    """One step of a stream that is written anew: ``leaf``, ``sequence``, ``item``, ``fragment`` or ``end``."""

    kind: str
    head: bytes
    value: memoryview | None = None
    element: Element | None = None


def pieces(
    source: Stored,
    chosen: Sequence[int],
    syntax: Syntax = EXPLICIT_LITTLE,
    *,
    vrs: Mapping[str, str] | None = None,
    fragment_lengths: bool = False,
) -> Iterator[Piece]:
    """Yield the steps of the stream of *chosen* in *syntax*; values are slices of the original octets.

    Values of another octet order are not swapped yet: ``_encoded`` does that.
    """
    vrs = vrs or choices(source)
    data, elements, skipped = source.data, source.elements, source.unsignable
    order = ">" if syntax.big else "<"
    tag_of = struct.Struct(order + "HH").pack
    length_of = struct.Struct(order + "I").pack
    closing = Piece("end", _delimiter(syntax.big))
    open_until: list[int] = []
    for top in chosen:
        index, stop = top, elements[top].after
        while index < stop or open_until:
            while open_until and index >= open_until[-1]:
                open_until.pop()
                yield closing
            if index >= stop:
                break
            element = elements[index]
            if index in skipped:
                index = element.after
                continue
            index += 1
            tag = tag_of(element.tag >> 16, element.tag & 0xFFFF)
            value = data[element.value : element.end]
            if element.vr is ITEM:
                yield Piece("item", tag)
            elif element.vr is FRAGMENT:
                length = length_of(element.length) if fragment_lengths else b""
                yield Piece("fragment", tag + length, value)
            elif element.vr == "SQ" or element.length == UNDEFINED:
                vr = "OB" if "/" in element.vr else element.vr
                yield Piece("sequence", tag + (vr.encode() + b"\0\0" if syntax.explicit else b""))
                open_until.append(element.after)
            else:
                vr = vrs.get(element.vr, element.vr)
                yield Piece("leaf", tag + _head(element, vr, syntax), value, element)


def _encoded(
    source: Stored,
    chosen: Sequence[int],
    syntax: Syntax,
    vrs: Mapping[str, str],
    fragment_lengths: bool,
) -> Iterator[memoryview | bytes]:
    """Yield the stream written anew in *syntax*."""
    swap = source.syntax.big != syntax.big
    steps = pieces(source, chosen, syntax, vrs=vrs, fragment_lengths=fragment_lengths)
    for _, head, value, element in steps:
        yield head
        if value is None:
            continue
        width = _WIDTH.get(vrs.get(element.vr, element.vr)) if element else None
        if swap and width:
            yield from _swapped_chunks(value, width)
        else:
            yield value


def _head(element: Element, vr: str, syntax: Syntax) -> bytes:
    """Return VR and length of *element*."""
    order = ">" if syntax.big else "<"
    if not syntax.explicit:
        return struct.pack(order + "I", element.length)
    if vr not in SHORT_FORM:
        return vr.encode() + b"\0\0" + struct.pack(order + "I", element.length)
    if element.length > _SHORTEST:
        raise NotComputable(
            f"{described(element.tag)} has {element.length} octets, which explicit VR {vr}"
            " cannot hold (PS3.5 7.1.2)"
        )
    return vr.encode() + struct.pack(order + "H", element.length)


def width_of(vr: str) -> int:
    """Return the octets of one unit of a VR with an octet order (PS3.5 7.3), 0 for others."""
    return _WIDTH.get(vr, 0)


def swapped(octets: bytes | memoryview, width: int) -> bytes:
    """Return *octets* with each unit of *width* octets reversed; a rest that is no unit stays."""
    whole = len(octets) - len(octets) % width
    units = array.array(_CODES[width], bytes(octets[:whole]))
    units.byteswap()
    return units.tobytes() + bytes(octets[whole:])


def _swapped_chunks(octets: memoryview, width: int) -> Iterator[bytes]:
    for at in range(0, len(octets), _CHUNK):
        yield swapped(octets[at : at + _CHUNK], width)


def gathered(pieces: Iterable[memoryview | bytes]) -> Iterator[memoryview | bytes]:
    """Yield *pieces* with runs of small ones joined, so that a hash is fed in few calls."""
    small: list[memoryview | bytes] = []
    size = 0
    for piece in pieces:
        if len(piece) >= _CHUNK:
            if small:
                yield b"".join(small)
                small, size = [], 0
            yield piece
            continue
        small.append(piece)
        size += len(piece)
        if size >= _CHUNK:
            yield b"".join(small)
            small, size = [], 0
    if small:
        yield b"".join(small)
