"""One object as a flat list of attributes with paths, for pairing and for rules that look at neighbours.

Built on the one walk (``wire.elements``). Sequences that hide in UN of defined length are opened too:
what an implicit VR sender wrote and a receiver did not know is identity all the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from part15.wire.deid_values import TEXT, codec_of, plain
from part15.wire.dictionary import tag_text, vr_of
from part15.wire.elements import (
    EXPLICIT_LITTLE,
    FRAGMENT,
    IMPLICIT_LITTLE,
    ITEM,
    UNDEFINED,
    Element,
    Limits,
    MalformedDataSet,
    Octets,
    Syntax,
    walk,
)
from part15.wire.part10 import Part10File

HIDDEN_ITEM = b"\xfe\xff\x00\xe0"
LARGE = 1 << 20
"""Values of more octets than this are not read unless somebody asks for pixels."""
_ITEM_END = b"\xfe\xff\x0d\xe0" + bytes(4)
_SEQUENCE_END = b"\xfe\xff\xdd\xe0"
_EVER = 0xFFFFFFFF
_CHARSET = 0x00080005
_HIDDEN_DEPTH = 16


class Attribute(NamedTuple):
    """One attribute: where it stands and where its value is.

    *level* counts enclosing sequences; *parent* is the tag of the nearest one (0: none); *items* the
    number of items of a sequence, -1 for what is none; *after* the index of the first attribute of
    the list that is not inside it.
    """

    path: str
    tag: int
    vr: str
    value: int
    length: int
    end: int
    level: int
    parent: int
    items: int
    after: int


@dataclass
class Index:
    """The attributes of one object in file order, and by path (the last of doubled ones)."""

    data: Octets
    big: bool
    attributes: list[Attribute]
    charset: str = "latin-1"
    by_path: dict[str, int] = field(default_factory=dict)

    def octets(self, attribute: Attribute) -> bytes:
        """Return the encoded value of *attribute* (of a sequence: all its items)."""
        stop = (
            attribute.end if attribute.length == UNDEFINED else attribute.value + attribute.length
        )
        return bytes(self.data[attribute.value : stop])

    def plain(self, attribute: Attribute) -> bytes:
        """Return the value of *attribute* without padding, little endian; UN is read as PS3.6 has the tag."""
        vr = vr_of(attribute.tag) if attribute.vr == "UN" else attribute.vr
        return plain(self.octets(attribute), vr, big=self.big)

    def at(self, path: str) -> Attribute | None:
        """Return the attribute at *path*, or None."""
        position = self.by_path.get(path)
        return None if position is None else self.attributes[position]

    def text(self, path: str) -> str:
        """Return the text value at *path* in ASCII, empty if there is none."""
        found = self.at(path)
        return self.plain(found).decode("ascii", "replace") if found is not None else ""

    def inside(self, position: int) -> Sequence[Attribute]:
        """Return the attributes inside the one at *position* of the list."""
        return self.attributes[position + 1 : self.attributes[position].after]

    def content(self, position: int) -> list[tuple[str, bytes]]:
        """Return what a sequence holds as (path within it, plain value), for comparison."""
        skip = len(self.attributes[position].path)
        return [
            (inner.path[skip:], b"" if inner.items >= 0 else self.plain(inner))
            for inner in self.inside(position)
        ]


def index(file: Part10File, limits: Limits | None = None) -> Index:
    """Return the index of *file*.

    Raises MalformedDataSet if its data set cannot be walked.
    """
    elements = file.walk(limits) if limits else file.walk()
    return indexed(file.data_set, elements, big=file.syntax.big)


def indexed(data: Octets, elements: Sequence[Element], *, big: bool = False) -> Index:
    """Return the index of the data set that *elements* were walked from."""
    found: list[Attribute] = []
    _add(found, data, elements, "", 0, 0, 0)
    result = Index(data, big, found)
    result.by_path = {attribute.path: at for at, attribute in enumerate(found)}
    charset = result.at(tag_text(_CHARSET))
    if charset is not None:
        result.charset = codec_of(result.octets(charset))
    return result


def _add(
    found: list[Attribute],
    data: Octets,
    elements: Sequence[Element],
    above: str,
    level: int,
    parent: int,
    hidden: int,
) -> None:
    """Append the attributes of *elements*; *above* is the path of what they stand in, with a stroke."""
    prefixes, parents, counts = [above], [parent], [0]
    open_at: list[tuple[int, int]] = []
    for number, element in enumerate(elements):
        while open_at and element.depth <= open_at[-1][1]:
            _close(found, open_at.pop()[0])
            del (
                prefixes[len(open_at) + 1 :],
                parents[len(open_at) + 1 :],
                counts[len(open_at) + 1 :],
            )
        if element.vr is FRAGMENT:
            continue
        if element.vr is ITEM:
            sequence, _ = open_at[-1]
            counts[-1] += 1
            prefixes[-1] = f"{found[sequence].path}[{counts[-1]}]/"
            continue
        path = prefixes[-1] + tag_text(element.tag)
        kin = element.after > number + 1 and elements[number + 1].vr is ITEM
        is_sequence = element.vr == "SQ" or kin
        here = level + len(open_at)
        items = _items(elements, number) if is_sequence else -1
        found.append(
            Attribute(
                path, element.tag, "SQ" if is_sequence else element.vr, element.value, element.length,
                element.end, here, parents[-1], items, len(found) + 1,
            )
        )  # fmt: skip
        if is_sequence:
            open_at.append((len(found) - 1, element.depth))
            prefixes.append(path)
            parents.append(element.tag)
            counts.append(0)
        elif element.vr == "UN" and element.length >= 8 and hidden < _HIDDEN_DEPTH:
            _hidden(found, data, element, level + len(open_at), hidden)
    while open_at:
        _close(found, open_at.pop()[0])


def _close(found: list[Attribute], position: int) -> None:
    found[position] = found[position]._replace(after=len(found))


def _items(elements: Sequence[Element], number: int) -> int:
    count, at, stop = 0, number + 1, elements[number].after
    while at < stop:
        count += 1
        at = elements[at].after
    return count


def _hidden(
    found: list[Attribute], data: Octets, element: Element, level: int, hidden: int
) -> None:
    """Open a UN value of defined length that holds items; leave it a leaf otherwise."""
    if bytes(data[element.value : element.value + 4]) != HIDDEN_ITEM:
        return
    parts = _hidden_items(data, element)
    if parts is None:
        return
    position = len(found) - 1
    leaf = found[position]
    for number, inner in enumerate(parts, 1):
        _add(found, data, inner, f"{leaf.path}[{number}]/", level + 1, leaf.tag, hidden + 1)
    found[position] = leaf._replace(vr="SQ", items=len(parts), after=len(found))


def _hidden_items(data: Octets, element: Element) -> list[list[Element]] | None:
    """Return the items of a value in implicit VR, as UN has it, or explicit VR, as some write; None if it has none."""
    for syntax in (IMPLICIT_LITTLE, EXPLICIT_LITTLE):
        with contextlib.suppress(MalformedDataSet):
            return list(_items_in(data, element.value, element.value + element.length, syntax))
    return None


def _items_in(data: Octets, start: int, stop: int, syntax: Syntax) -> Iterator[list[Element]]:
    at = start
    while at < stop:
        head = bytes(data[at : at + 4])
        if stop - at == 8 and head == _SEQUENCE_END:
            return
        if stop - at < 8 or head != HIDDEN_ITEM:
            raise MalformedDataSet(at, "no item stands here")
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        if length == _EVER:
            end = _item_end(data, at + 8, stop, syntax)
            after = end + 8
        else:
            end = after = at + 8 + length
        if end > stop:
            raise MalformedDataSet(at, "the item is longer than the value")
        yield walk(data, start=at + 8, end=end, syntax=syntax)
        at = after


def _item_end(data: Octets, start: int, stop: int, syntax: Syntax) -> int:
    """Return where the delimiter of the item of undefined length stands that begins at *start*.

    Raises MalformedDataSet if there is none.
    """
    try:
        walk(data, start=start, end=stop, syntax=syntax)
    except MalformedDataSet as stopped:
        if bytes(data[stopped.offset : stopped.offset + 8]) == _ITEM_END:
            return stopped.offset
        raise
    raise MalformedDataSet(start, "the item of undefined length is never closed")


def is_text(attribute: Attribute) -> bool:
    """Tell whether the value of *attribute* is characters."""
    return attribute.vr in TEXT
