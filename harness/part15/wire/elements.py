"""The one raw walk over an encoded data set: tags, VRs and offsets, never values.

    elements = walk(data, start=0, end=None, syntax=EXPLICIT_LITTLE, limits=LIMITS)

*data* is bytes, a memoryview of bytes or an mmap; nothing of it is copied. The answer is a list of
:class:`Element` in the order of the file, parents before children:

- ``tag, vr, start, value, length, end, depth, after``: *start* is the offset of the tag, *value* of
  the first octet of the value, *length* the declared length or :data:`UNDEFINED` (-1), *end* the
  offset behind the element with its delimiters, *after* the index in the list of the first element
  that is not inside it. Delimiters are no elements of their own.
- depth 0: top level; 1: the items (VR :data:`ITEM`) of a sequence, or the fragments (VR
  :data:`FRAGMENT`, the offset table first) of encapsulated data; 2: elements of such an item; ...
- an element without children has ``after == index + 1``; the children of ``elements[i]`` are
  ``children(elements, i)``, its encoded value is ``data[e.value:e.value + e.length]`` where *length*
  is not UNDEFINED (a slice of a memoryview copies nothing, a slice of an mmap does).
- SQ, and UN of undefined length (PS3.5 6.2.2, read as implicit VR little endian), are walked into;
  UN of defined length is a leaf. In implicit VR the VR is that of PS3.6, choices with a stroke
  (``US/SS``), see ``wire.dictionary.representations``.

Tags may come in any order and any number of times: judging that is not the business of the walk.
Broken input raises :class:`MalformedDataSet` with the offset of the element that cannot be read.
Time is about 1 µs per element; depth and count are bounded by :class:`Limits`.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from part15.wire.dictionary import described, representations, tag_text

Octets: TypeAlias = "bytes | bytearray | memoryview | mmap.mmap"

UNDEFINED = -1
ITEM = "item"
FRAGMENT = "fragment"

_SHORT_NAMES = "AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US"
_LONG_NAMES = "OB OD OF OL OV OW SQ SV UC UN UR UT UV"
SHORT_FORM = frozenset(_SHORT_NAMES.split(" "))
LONG_FORM = frozenset(_LONG_NAMES.split(" "))
"""The VRs whose explicit header has 8 (short) or 12 (long) octets (PS3.5 7.1.2)."""

_SHORT = {vr.encode(): vr for vr in SHORT_FORM}
_LONG = {vr.encode(): vr for vr in LONG_FORM}
_EVER = 0xFFFFFFFF
_ITEM_TAG = 0xFFFEE000
_ITEM_DELIMITER = 0xFFFEE00D
_SEQUENCE_DELIMITER = 0xFFFEE0DD
_PIXEL_DATA = 0x7FE00010


class MalformedDataSet(ValueError):  # noqa: N818 - reads as what it is about
    """The octets are no data set: *offset* is where, *message* says what is wrong there."""

    def __init__(self, offset: int, message: str) -> None:
        self.offset, self.message = offset, message
        super().__init__(f"at offset {offset}: {message}")


@dataclass(frozen=True)
class Syntax:
    """What of a transfer syntax the walk must know: VRs written or not, octet order."""

    explicit: bool = True
    big: bool = False


EXPLICIT_LITTLE = Syntax()
EXPLICIT_BIG = Syntax(big=True)
IMPLICIT_LITTLE = Syntax(explicit=False)


@dataclass(frozen=True)
class Limits:
    """Bounds of one walk: levels of nested sequences, and elements, items and fragments together."""

    depth: int = 256
    count: int = 5_000_000


LIMITS = Limits()


class Element(NamedTuple):
    """One element, item or fragment, by offsets; see the module."""

    tag: int
    vr: str
    start: int
    value: int
    length: int
    end: int
    depth: int
    after: int


def walk(
    data: Octets,
    *,
    start: int = 0,
    end: int | None = None,
    syntax: Syntax = EXPLICIT_LITTLE,
    limits: Limits = LIMITS,
) -> list[Element]:
    """Return every element of the data set in *data* between *start* and *end*.

    Raises MalformedDataSet if the octets cannot be read as a data set in *syntax*, or are nested
    deeper or hold more elements than *limits* allows.
    """
    size = len(data)
    limit = size if end is None else min(end, size)
    order = ">" if syntax.big else "<"
    explicit_head = struct.Struct(order + "HH2sH").unpack_from
    long_length = struct.Struct(order + "I").unpack_from
    implicit_head = struct.Struct(order + "HHI").unpack_from
    new, cls = tuple.__new__, Element
    short, long_ = _SHORT.get, _LONG.get
    explicit = syntax.explicit
    vrs: Mapping[int, str] = {} if explicit else representations()
    found: list[Element] = []
    add = found.append
    # The frame being read: elements or items, VR of items, its end, closed by a delimiter or not.
    stack: list[tuple[bool, str, int, bool, bool]] = []
    opened: list[int] = []
    items, item_vr, undefined = False, ITEM, False
    position, depth, count, most = start, 0, 0, limits.count

    while True:
        if position >= limit:
            if not stack:
                return found
            if undefined:
                what = "sequence" if items else "item"
                raise MalformedDataSet(
                    found[opened[-1]].start, f"the {what} of undefined length is never closed"
                )
            closing = position
        elif items:
            if position + 8 > limit:
                raise MalformedDataSet(position, "the data ends inside an item header")
            group, element, length = implicit_head(data, position)
            tag = group << 16 | element
            if tag == _ITEM_TAG:
                value = position + 8
                count += 1
                if count > most:
                    raise MalformedDataSet(position, f"there are more than {most} elements")
                if item_vr is FRAGMENT:
                    if length > limit - value:
                        raise MalformedDataSet(
                            position, _beyond("a fragment", length, limit - value)
                        )
                    after = value + length
                    add(new(cls, (tag, FRAGMENT, position, value, length, after, depth, count)))
                    position = after
                    continue
                if length == _EVER:
                    inner, length = limit, UNDEFINED
                else:
                    inner = value + length
                    if inner > limit:
                        raise MalformedDataSet(position, _beyond("an item", length, limit - value))
                opened.append(count - 1)
                add(new(cls, (tag, ITEM, position, value, length, 0, depth, 0)))
                stack.append((items, item_vr, limit, undefined, explicit))
                items, limit, undefined, position = False, inner, length == UNDEFINED, value
                depth += 1
                continue
            if tag != _SEQUENCE_DELIMITER:
                raise MalformedDataSet(
                    position, f"{described(tag)} stands where an item should begin"
                )
            if not undefined:
                raise MalformedDataSet(
                    position, "a sequence delimiter stands in a sequence of defined length"
                )
            closing = position + 8
        else:
            if position + 8 > limit:
                raise MalformedDataSet(position, "the data ends inside an element header")
            if explicit:
                group, element, code, length = explicit_head(data, position)
                tag = group << 16 | element
                vr = short(code, "")
                if vr and group != 0xFFFE:
                    value = position + 8
                    after = value + length
                    if after > limit:
                        raise MalformedDataSet(
                            position, _beyond(described(tag), length, limit - value)
                        )
                    count += 1
                    add(new(cls, (tag, vr, position, value, length, after, depth, count)))
                    if count > most:
                        raise MalformedDataSet(position, f"there are more than {most} elements")
                    position = after
                    continue
                if group != 0xFFFE:
                    vr = long_(code) or _unknown_vr(tag, bytes(code), position)
                    if position + 12 > limit:
                        raise MalformedDataSet(position, "the data ends inside an element header")
                    value = position + 12
                    length = long_length(data, position + 8)[0]
            else:
                group, element, length = implicit_head(data, position)
                tag = group << 16 | element
                vr = vrs[tag]
                value = position + 8
            if group == 0xFFFE:
                if tag != _ITEM_DELIMITER:
                    raise MalformedDataSet(position, f"{tag_text(tag)} stands outside a sequence")
                if not undefined:
                    raise MalformedDataSet(
                        position, "an item delimiter stands where no item of undefined length is"
                    )
                closing = position + 8
            else:
                count += 1
                if count > most:
                    raise MalformedDataSet(position, f"there are more than {most} elements")
                if length != _EVER:
                    after = value + length
                    if after > limit:
                        raise MalformedDataSet(
                            position, _beyond(described(tag), length, limit - value)
                        )
                    if vr != "SQ":
                        add(new(cls, (tag, vr, position, value, length, after, depth, count)))
                        position = after
                        continue
                    inner, inside, kind = after, explicit, ITEM
                else:
                    inner, inside, kind = limit, explicit, ITEM
                    if vr[0] == "O" or tag == _PIXEL_DATA:
                        kind = FRAGMENT
                    elif vr == "UN":
                        if syntax.big:
                            raise MalformedDataSet(
                                position,
                                f"{described(tag)} is UN of undefined length in a big endian"
                                " data set, which has no defined encoding",
                            )
                        inside, vrs = False, representations()
                    elif vr != "SQ":
                        raise MalformedDataSet(
                            position, f"{described(tag)} has VR {vr} and an undefined length"
                        )
                    length = UNDEFINED
                if len(stack) >= 2 * limits.depth:
                    raise MalformedDataSet(
                        position, f"sequences are nested more than {limits.depth} levels deep"
                    )
                opened.append(count - 1)
                add(new(cls, (tag, vr, position, value, length, 0, depth, 0)))
                stack.append((items, item_vr, limit, undefined, explicit))
                items, item_vr, limit, undefined = True, kind, inner, length == UNDEFINED
                explicit, position = inside, value
                depth += 1
                continue
        index = opened.pop()
        tag, vr, begun, value, length, _, level, _ = found[index]
        found[index] = new(cls, (tag, vr, begun, value, length, closing, level, count))
        items, item_vr, limit, undefined, explicit = stack.pop()
        position, depth = closing, level


def _beyond(what: str, length: int, left: int) -> str:
    return f"{what} declares {length} octets where {left} are left"


def _unknown_vr(tag: int, code: bytes, offset: int) -> str:
    """Return a VR that is newer than us (PS3.5 6.2.2: long form), or refuse what cannot be one."""
    if code.isalpha() and code.isupper():
        return code.decode("ascii")
    raise MalformedDataSet(offset, f"{described(tag)} has no value representation ({code.hex()})")


def children(elements: Sequence[Element], index: int) -> Iterator[int]:
    """Yield the indices of the direct children of ``elements[index]``: items, fragments or elements."""
    at, stop = index + 1, elements[index].after
    while at < stop:
        yield at
        at = elements[at].after


def top_level(elements: Sequence[Element]) -> Iterator[int]:
    """Yield the indices of the elements of depth 0."""
    at, stop = 0, len(elements)
    while at < stop:
        yield at
        at = elements[at].after


def ancestors(elements: Sequence[Element], index: int) -> list[int]:
    """Return the indices from the outermost ancestor of ``elements[index]`` down to itself."""
    line = [index]
    at, depth = index, elements[index].depth
    while depth:
        at -= 1
        if elements[at].depth < depth:
            depth = elements[at].depth
            line.append(at)
    return line[::-1]


def path(elements: Sequence[Element], index: int) -> str:
    """Return where ``elements[index]`` stands, ``(0040,A730)[2]/(0008,0100)``; items count from 1.

    Looks backwards for the ancestors: linear in the number of elements before it.
    """
    parts: list[str] = []
    line = ancestors(elements, index)
    for parent, at in zip([-1, *line], line, strict=False):
        element = elements[at]
        if element.tag == _ITEM_TAG and parent >= 0:
            number = 1 + sum(1 for sibling in children(elements, parent) if sibling < at)
            parts[-1] += f"[{number}]"
        else:
            parts.append(tag_text(element.tag))
    return "/".join(parts)


def paths(elements: Sequence[Element]) -> Iterator[str]:
    """Yield the path of every element in order, as :func:`path` does, in linear time."""
    names: list[str] = []
    counts: list[int] = []
    for element in elements:
        depth = element.depth
        del names[depth:], counts[depth + 1 :]
        while len(counts) <= depth:
            counts.append(0)
        if element.tag == _ITEM_TAG and depth:
            counts[depth] += 1
            name = f"{names[-1]}[{counts[depth]}]"
        else:
            above = names[-1] + "/" if names else ""
            name = above + tag_text(element.tag)
            del counts[depth + 1 :]
        names.append(name)
        yield name
