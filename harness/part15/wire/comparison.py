"""Value- and VR-exact comparison of two encoded data sets (PS3.15 A.3), element by element, nothing decoded.

Not differences, but counted: group lengths, defined against undefined lengths, file meta
information. The Value field of encapsulated data includes its item boundaries (PS3.5 A.4), so
another fragmentation is a difference. Octet order is undone before values are compared; where one
side is implicit VR there is no VR to compare.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from part15.observations.comparison import ComparisonSeen, Difference
from part15.wire import part10
from part15.wire.dictionary import keyword_of, tag_text
from part15.wire.elements import (
    FRAGMENT,
    IMPLICIT_LITTLE,
    UNDEFINED,
    Element,
    Limits,
    MalformedDataSet,
    Octets,
    Syntax,
    walk,
)

MAX_DIFFERENCES = 200
_LIMITS = Limits(depth=100)
_SIGNATURES = 0xFFFAFFFA
_UNIT = {
    **dict.fromkeys(("US", "SS", "OW", "AT", "US/SS", "US/OW", "US/SS/OW", "OB/OW"), 2),
    **dict.fromkeys(("UL", "SL", "FL", "OF", "OL"), 4),
    **dict.fromkeys(("FD", "OD", "SV", "UV", "OV"), 8),
}


@dataclass(frozen=True)
class DataSet:
    """An encoded data set: its octets, its elements, how it is encoded."""

    data: Octets
    elements: Sequence[Element]
    syntax: Syntax

    @classmethod
    def of(cls, data: Octets, *, syntax: Syntax, start: int = 0) -> DataSet:
        """Walk *data* from *start*; raises MalformedDataSet."""
        return cls(data, walk(data, start=start, syntax=syntax, limits=_LIMITS), syntax)


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
    sets = []
    for file in (before, after):
        try:
            sets.append(DataSet.of(file.data_set, syntax=file.syntax, start=file.start))
        except MalformedDataSet as error:
            return ComparisonSeen(*names, problem=f"{file.name} cannot be walked to its end: {error}")
    seen = compare_sets(
        sets[0], sets[1], names=names, uids=(before.transfer_syntax, after.transfer_syntax)
    )
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
    _level(before, _top(before), after, _top(after), "", tally)
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
        signed=any(e.tag == _SIGNATURES for e in before.elements),
    )


def _top(data_set: DataSet) -> list[int]:
    return _span(data_set.elements, 0, len(data_set.elements))


def _span(elements: Sequence[Element], at: int, stop: int) -> list[int]:
    found = []
    while at < stop:
        found.append(at)
        at = elements[at][7]
    return found


def _inside(data_set: DataSet, index: int) -> list[int]:
    return _span(data_set.elements, index + 1, data_set.elements[index].after)


def _level(
    a: DataSet, left: list[int], b: DataSet, right: list[int], prefix: str, tally: _Tally
) -> None:
    """Compare two levels: elements pair by tag, and by occurrence where a tag stands twice."""
    ea, eb = a.elements, b.elements
    tally.elements += len(left)
    if len(left) == len(right) and all(
        ea[i][0] == eb[j][0] for i, j in zip(left, right, strict=True)
    ):
        for i, j in zip(left, right, strict=True):
            _pair(a, i, b, j, prefix, tally)
        return
    theirs: dict[int, list[int]] = {}
    for j in reversed(right):
        theirs.setdefault(eb[j].tag, []).append(j)
    for i in left:
        tag = ea[i].tag
        waiting = theirs.get(tag)
        if waiting:
            _pair(a, i, b, waiting.pop(), prefix, tally)
        elif tag & 0xFFFF == 0:
            tally.allowed["group lengths"] += 1
        else:
            tally.add(_difference(prefix, tag, "removed", before=_told(a, ea[i])))
    for tag, waiting in theirs.items():
        for j in reversed(waiting):
            if tag & 0xFFFF == 0:
                tally.allowed["group lengths"] += 1
            else:
                tally.add(_difference(prefix, tag, "added", after=_told(b, eb[j])))


def _pair(a: DataSet, i: int, b: DataSet, j: int, prefix: str, tally: _Tally) -> None:
    """Compare two elements with the same tag."""
    x, y = a.elements[i], b.elements[j]
    if x.tag & 0xFFFF == 0:
        if x.length != y.length or _octets(a, x) != _octets(b, y):
            tally.allowed["group lengths"] += 1
        return
    if x.vr == y.vr and x.length == y.length and a.syntax == b.syntax:
        if a.data[x.value : x.end] == b.data[y.value : y.end]:
            tally.elements += x.after - i - 1
            return
    elif a.syntax.explicit and b.syntax.explicit and x.vr != y.vr:
        tally.add(_difference(prefix, x.tag, "VR", before=x.vr, after=y.vr))
    xs, ys = _structured(x), _structured(y)
    if not xs and not ys:
        first, second = _octets(a, x), _octets(b, y)
        if a.syntax.big != b.syntax.big:
            unit = _UNIT.get(x.vr if a.syntax.explicit else y.vr, 1)
            first = _little(first, unit) if a.syntax.big else first
            second = _little(second, unit) if b.syntax.big else second
        if first != second:
            tally.add(_changed(prefix, x, y, first, second))
        return
    if xs and ys and (x.length == UNDEFINED) != (y.length == UNDEFINED):
        tally.allowed["defined against undefined lengths"] += 1
    _nested(a, i, b, j, prefix, tally)


def _structured(element: Element) -> bool:
    return element.length == UNDEFINED or element.vr == "SQ"


def _nested(a: DataSet, i: int, b: DataSet, j: int, prefix: str, tally: _Tally) -> None:
    x, y = a.elements[i], b.elements[j]
    if not (_structured(x) and _structured(y)):
        opened = _reopened(a, i), _reopened(b, j)
        if opened[0] is None or opened[1] is None:
            tally.add(
                _difference(prefix, x.tag, "form", before=_told(a, x), after=_told(b, y))
            )
            return
        (a, i), (b, j) = opened
        x, y = a.elements[i], b.elements[j]
    left, right = _inside(a, i), _inside(b, j)
    kinds = {s.elements[k].vr == FRAGMENT for s, ks in ((a, left), (b, right)) for k in ks}
    if len(kinds) > 1:
        tally.add(_difference(prefix, x.tag, "form", before=_told(a, x), after=_told(b, y)))
    elif kinds == {True}:
        _fragments(a, left, b, right, prefix, x, tally)
    else:
        _items(a, left, b, right, prefix, x, tally)


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


def _items(
    a: DataSet,
    left: list[int],
    b: DataSet,
    right: list[int],
    prefix: str,
    element: Element,
    tally: _Tally,
) -> None:
    path = _path(prefix, element.tag)
    if len(left) != len(right):
        tally.add(
            Difference(
                path,
                keyword_of(element.tag),
                "items",
                f"{len(left)} items",
                f"{len(right)} items",
            )
        )
    elif len(left) > 1 and _reordered(a, left, b, right):
        tally.add(
            Difference(path, keyword_of(element.tag), "order", f"{len(left)} items", "other order")
        )
        return
    for number, (i, j) in enumerate(zip(left, right, strict=False), 1):
        undefined = a.elements[i].length == UNDEFINED, b.elements[j].length == UNDEFINED
        if undefined[0] != undefined[1]:
            tally.allowed["defined against undefined lengths"] += 1
        _level(a, _inside(a, i), b, _inside(b, j), f"{path}[{number}]/", tally)


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


def _fragments(
    a: DataSet,
    left: list[int],
    b: DataSet,
    right: list[int],
    prefix: str,
    element: Element,
    tally: _Tally,
) -> None:
    """Compare encapsulated data: first fragment by fragment, then as one stream."""
    first, second = ([_octets(s, s.elements[k]) for k in ks] for s, ks in ((a, left), (b, right)))
    if first == second:
        return
    told = tuple(f"{len(f)} fragments, {sum(map(len, f))} octets" for f in (first, second))
    same = b"".join(first[1:]).rstrip(b"\0") == b"".join(second[1:]).rstrip(b"\0")
    kind = "fragments" if same else "value"
    nature = "the offset table or the boundaries differ, the compressed octets do not" if same else ""
    tally.add(
        Difference(
            _path(prefix, element.tag), keyword_of(element.tag), kind, told[0], told[1], nature
        )
    )


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


def _path(prefix: str, tag: int) -> str:
    return prefix + tag_text(tag)


def _difference(
    prefix: str, tag: int, kind: str, *, before: str = "", after: str = ""
) -> Difference:
    return Difference(_path(prefix, tag), keyword_of(tag), kind, before, after)


def _changed(prefix: str, x: Element, y: Element, first: bytes, second: bytes) -> Difference:
    nature = "padding" if first.rstrip(b" \0") == second.rstrip(b" \0") else ""
    if not nature and not second:
        nature = "emptied"
    return Difference(
        _path(prefix, x.tag),
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
    return f"{vr}, {len(octets)} octets, SHA-256 {hashlib.sha256(octets).hexdigest()[:8]}"
