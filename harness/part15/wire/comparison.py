"""Value- and VR-exact comparison of two encoded data sets (PS3.15 A.3), element by element, nothing decoded.

Not differences, but counted: group lengths, defined against undefined lengths, file meta
information. The Value field of encapsulated data includes its item boundaries (PS3.5 A.4), so
another fragmentation is a difference. Octet order is undone before values are compared; where one
side is implicit VR there is no VR to compare.
"""

from __future__ import annotations

import hashlib
import zlib
from collections import Counter
from dataclasses import dataclass, field, replace

from part15.observations.comparison import ComparisonSeen, Difference
from part15.wire import part10
from part15.wire.comparison_span import RUN, DataSet, differing, inside, size, top
from part15.wire.dictionary import keyword_of, tag_text
from part15.wire.elements import (
    FRAGMENT,
    IMPLICIT_LITTLE,
    UNDEFINED,
    Element,
    MalformedDataSet,
    Octets,
)

MAX_DIFFERENCES = 200
_SIGNATURES = 0xFFFAFFFA
_LONG = 4096
_UNIT = {
    **dict.fromkeys(("US", "SS", "OW", "AT", "US/SS", "US/OW", "US/SS/OW", "OB/OW"), 2),
    **dict.fromkeys(("UL", "SL", "FL", "OF", "OL"), 4),
    **dict.fromkeys(("FD", "OD", "SV", "UV", "OV"), 8),
}


@dataclass
class _Tally:
    """What was found so far."""

    kept: list[Difference] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    allowed: Counter[str] = field(default_factory=Counter)
    elements: int = 0

    def add(self, difference: Difference) -> None:
        self.counts[difference.kind] += 1
        if len(self.kept) < MAX_DIFFERENCES:
            self.kept.append(difference)


def compare_octets(
    before: Octets, after: Octets, *, names: tuple[str, str] = ("before", "after")
) -> ComparisonSeen:
    """Compare two DICOM files; what cannot be read is in ``problem``."""
    files = []
    for data, name in zip((before, after), names, strict=True):
        try:
            files.append(part10.parse(data, name))
        except MalformedDataSet as error:
            return ComparisonSeen(*names, problem=f"{name} is no readable DICOM file: {error}")
    return compare_files(files[0], files[1])


def compare_files(before: part10.Part10File, after: part10.Part10File) -> ComparisonSeen:
    """Compare two parsed files."""
    names = before.name, after.name
    uids = before.transfer_syntax, after.transfer_syntax
    try:
        first = DataSet.of(before.data_set, syntax=before.syntax, start=before.start)
    except MalformedDataSet as error:
        return ComparisonSeen(*names, problem=f"{before.name} cannot be walked to its end: {error}")
    try:
        middle = differing(first, after)
        if middle is None:
            second = DataSet.of(after.data_set, syntax=after.syntax, start=after.start)
            middle = top(first), second, top(second)
    except MalformedDataSet as error:
        return ComparisonSeen(*names, problem=f"{after.name} cannot be walked to its end: {error}")
    left, second, right = middle
    tally = _Tally(elements=len(first.elements) - size(first, left))
    _Pair(first, second, tally).level(left, right, "")
    seen = _seen(first, tally, names, uids)
    if _meta(before) == _meta(after):
        return seen
    allowed = (*seen.allowed, ("file meta information or preamble", 1))
    return replace(seen, allowed=tuple(sorted(allowed)))


def _meta(file: part10.Part10File) -> bytes:
    return bytes(file.octets[: file.meta[-1].end])


def compare_sets(
    before: DataSet,
    after: DataSet,
    *,
    names: tuple[str, str] = ("before", "after"),
    uids: tuple[str, str] = ("", ""),
) -> ComparisonSeen:
    """Compare two data sets element by element at every depth; *uids* are their transfer syntaxes."""
    tally = _Tally()
    _Pair(before, after, tally).level(top(before), top(after), "")
    return _seen(before, tally, names, uids)


def _seen(
    before: DataSet, tally: _Tally, names: tuple[str, str], uids: tuple[str, str]
) -> ComparisonSeen:
    if "1.2.840.10008.1.2" in uids:
        tally.allowed["value representations, which implicit VR does not write"] += 1
    return ComparisonSeen(
        before=names[0],
        after=names[1],
        syntax_before=uids[0],
        syntax_after=uids[1],
        differences=tuple(tally.kept),
        total=sum(tally.counts.values()),
        counts=tuple(sorted(tally.counts.items())),
        allowed=tuple(sorted(tally.allowed.items())),
        elements=tally.elements,
        signed=any(e[0] == _SIGNATURES for e in before.elements),
    )


@dataclass(frozen=True)
class _Pair:
    """Two data sets being compared, and what was found."""

    a: DataSet
    b: DataSet
    tally: _Tally

    def level(self, left: list[int], right: list[int], prefix: str) -> None:
        """Compare two levels: elements pair by tag, and by occurrence where a tag stands twice."""
        ea, eb = self.a.elements, self.b.elements
        if [ea[i][0] for i in left] == [eb[j][0] for j in right]:
            self._run(left, right, prefix)
            return
        self.tally.elements += len(left)
        theirs: dict[int, list[int]] = {}
        for j in reversed(right):
            theirs.setdefault(eb[j].tag, []).append(j)
        for i in left:
            waiting = theirs.get(ea[i].tag)
            if waiting:
                self.element(i, waiting.pop(), prefix)
            else:
                self._alone(self.a, i, prefix, "removed")
        for waiting in theirs.values():
            for j in reversed(waiting):
                self._alone(self.b, j, prefix, "added")

    def _run(self, left: list[int], right: list[int], prefix: str) -> None:
        """Compare elements with equal tags: neighbours at once where their octets are equal, else by halves."""
        ea, eb, count = self.a.elements, self.b.elements, len(left)
        if count > 1 and self.a.syntax == self.b.syntax:
            a0, a1 = ea[left[0]].start, ea[left[-1]].end
            b0, b1 = eb[right[0]].start, eb[right[-1]].end
            if a1 - a0 == b1 - b0 <= RUN and self.a.data[a0:a1] == self.b.data[b0:b1]:
                self.tally.elements += ea[left[-1]].after - left[0]
                return
            half = count // 2
            self._run(left[:half], right[:half], prefix)
            self._run(left[half:], right[half:], prefix)
            return
        self.tally.elements += count
        for i, j in zip(left, right, strict=True):
            self.element(i, j, prefix)

    def _alone(self, data_set: DataSet, index: int, prefix: str, kind: str) -> None:
        element = data_set.elements[index]
        if element.tag & 0xFFFF == 0:
            self.tally.allowed["group lengths"] += 1
            return
        told = _told(data_set, element)
        before, after = (told, "") if kind == "removed" else ("", told)
        self.tally.add(_difference(prefix, element.tag, kind, before=before, after=after))

    def element(self, i: int, j: int, prefix: str) -> None:
        """Compare two elements with the same tag."""
        a, b, tally = self.a, self.b, self.tally
        x, y = a.elements[i], b.elements[j]
        if x.vr == y.vr and x.length == y.length and a.syntax == b.syntax:
            if a.data[x.value : x.end] == b.data[y.value : y.end]:
                tally.elements += x.after - i - 1
                return
        elif a.syntax.explicit and b.syntax.explicit and x.vr != y.vr:
            tally.add(_difference(prefix, x.tag, "VR", before=x.vr, after=y.vr))
        if x.tag & 0xFFFF == 0:
            tally.allowed["group lengths"] += 1
            return
        if _structured(x) or _structured(y):
            self.nested(i, j, prefix)
            return
        first, second = _octets(a, x), _octets(b, y)
        if a.syntax.big != b.syntax.big:
            unit = _UNIT.get(x.vr if a.syntax.explicit else y.vr, 1)
            first = _little(first, unit) if a.syntax.big else first
            second = _little(second, unit) if b.syntax.big else second
        if first != second:
            tally.add(_changed(prefix, x, y, first, second))

    def nested(self, i: int, j: int, prefix: str) -> None:
        """Compare two elements of which one at least holds items or fragments."""
        x, y = self.a.elements[i], self.b.elements[j]
        if not (_structured(x) and _structured(y)):
            left, right = _reopened(self.a, i), _reopened(self.b, j)
            if left is None or right is None:
                self._form(x, y, prefix)
            else:
                _Pair(left[0], right[0], self.tally).nested(left[1], right[1], prefix)
            return
        if (x.length == UNDEFINED) != (y.length == UNDEFINED):
            self.tally.allowed["defined against undefined lengths"] += 1
        ours, theirs = inside(self.a, i), inside(self.b, j)
        fragmented = {self.a.elements[k].vr == FRAGMENT for k in ours}
        fragmented |= {self.b.elements[k].vr == FRAGMENT for k in theirs}
        if len(fragmented) > 1:
            self._form(x, y, prefix)
        elif fragmented == {True}:
            self._fragments(ours, theirs, prefix, x)
        else:
            self._items(ours, theirs, prefix, x)

    def _form(self, x: Element, y: Element, prefix: str) -> None:
        told = _told(self.a, x), _told(self.b, y)
        self.tally.add(_difference(prefix, x.tag, "form", before=told[0], after=told[1]))

    def _items(self, left: list[int], right: list[int], prefix: str, element: Element) -> None:
        count = f"{len(left)} items"
        if len(left) != len(right):
            found = _difference(
                prefix, element.tag, "items", before=count, after=f"{len(right)} items"
            )
            self.tally.add(found)
        elif len(left) > 1 and _reordered(self.a, left, self.b, right):
            found = _difference(prefix, element.tag, "order", before=count, after="another order")
            self.tally.add(found)
            return
        path = prefix + tag_text(element.tag)
        for number, (i, j) in enumerate(zip(left, right, strict=False), 1):
            lengths = self.a.elements[i].length, self.b.elements[j].length
            if (lengths[0] == UNDEFINED) != (lengths[1] == UNDEFINED):
                self.tally.allowed["defined against undefined lengths"] += 1
            self.level(inside(self.a, i), inside(self.b, j), f"{path}[{number}]/")

    def _fragments(self, left: list[int], right: list[int], prefix: str, element: Element) -> None:
        """Compare encapsulated data: fragment by fragment, then as one stream."""
        first = [_octets(self.a, self.a.elements[k]) for k in left]
        second = [_octets(self.b, self.b.elements[k]) for k in right]
        if first == second:
            return
        same = b"".join(first[1:]).rstrip(b"\0") == b"".join(second[1:]).rstrip(b"\0")
        told = [f"{len(f)} fragments, {sum(map(len, f))} octets" for f in (first, second)]
        found = _difference(
            prefix, element.tag, "fragments" if same else "value", before=told[0], after=told[1]
        )
        nature = "only the offset table or the boundaries differ, not the compressed octets"
        self.tally.add(replace(found, nature=nature) if same else found)


def _structured(element: Element) -> bool:
    return element.length == UNDEFINED or element.vr == "SQ"


def _reopened(data_set: DataSet, index: int) -> tuple[DataSet, int] | None:
    """Return a sequence that implicit VR wrote as an opaque private value, walked after all."""
    element = data_set.elements[index]
    if _structured(element):
        return data_set, index
    if data_set.syntax.explicit or "UN" not in element.vr:
        return None
    value = bytes(data_set.data[element.value : element.value + element.length])
    tag = (element.tag >> 16).to_bytes(2, "little") + (element.tag & 0xFFFF).to_bytes(2, "little")
    octets = tag + b"\xff\xff\xff\xff" + value + b"\xfe\xff\xdd\xe0\0\0\0\0"
    try:
        return DataSet.of(octets, syntax=IMPLICIT_LITTLE), 0
    except MalformedDataSet:
        return None


def _reordered(a: DataSet, left: list[int], b: DataSet, right: list[int]) -> bool:
    """Tell whether the items are the same in another order."""
    first, second = [_fingerprint(a, i) for i in left], [_fingerprint(b, j) for j in right]
    return first != second and sorted(first) == sorted(second)


def _fingerprint(data_set: DataSet, index: int) -> bytes:
    """Return a digest of an item that its encoding does not change: tags and values, in order."""
    digest = hashlib.sha256()
    elements = data_set.elements
    for element in elements[index + 1 : elements[index].after]:
        if element.tag & 0xFFFF == 0 and element.vr == "UL":
            continue
        octets = b""
        if not _structured(element) and element.vr != "item":
            octets = _octets(data_set, element)
            if data_set.syntax.big:
                octets = _little(octets, _UNIT.get(element.vr, 1))
        digest.update(b"%08x%d %d " % (element.tag, element.depth, len(octets)) + octets)
    return digest.digest()


def _octets(data_set: DataSet, element: Element) -> bytes:
    value = element.value
    stop = element.end if element.length == UNDEFINED else value + element.length
    return bytes(data_set.data[value:stop])


def _little(octets: bytes, unit: int) -> bytes:
    """Return *octets* with the order of every *unit* reversed."""
    if unit == 1 or len(octets) % unit:
        return octets
    swapped = bytearray(len(octets))
    for place in range(unit):
        swapped[place::unit] = octets[unit - 1 - place :: unit]
    return bytes(swapped)


def _difference(
    prefix: str, tag: int, kind: str, *, before: str = "", after: str = ""
) -> Difference:
    return Difference(prefix + tag_text(tag), keyword_of(tag), kind, before, after)


def _changed(prefix: str, x: Element, y: Element, first: bytes, second: bytes) -> Difference:
    nature = ""
    if x.vr[0] != "O" and first.rstrip(b" \0") == second.rstrip(b" \0"):
        nature = "padding"
    if not nature and not second:
        nature = "emptied"
    return Difference(
        prefix + tag_text(x.tag),
        keyword_of(x.tag),
        "value",
        _digest(x.vr, first),
        _digest(y.vr, second),
        nature,
    )


def _told(data_set: DataSet, element: Element) -> str:
    if element.length == UNDEFINED or element.vr == "SQ":
        return f"{element.vr}, structured"
    return _digest(element.vr, _octets(data_set, element))


def _digest(vr: str, octets: bytes) -> str:
    if len(octets) > _LONG:
        return f"{vr}, {len(octets)} octets, CRC-32 {zlib.crc32(octets):08x}"
    return f"{vr}, {len(octets)} octets, SHA-256 {hashlib.sha256(octets).hexdigest()[:8]}"
