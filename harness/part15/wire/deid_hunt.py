"""Hunts known values in octets, in every disguise a careless tool may leave them in.

    hunter = Hunter.of([Canary("patient-name", "QZKABCD^EFGHQ", "text", "(0010,0010)")])
    hunter.hunt(file, index)          # SurvivorSeen: which, where, in what disguise
    hunter.in_text("QZKABCD_01.dcm", "file name")

Disguises: as it is, other case, reversed, UTF-16, base64 (at each alignment), hexadecimal, hashes (MD5,
SHA-1, SHA-256, SHA-512; octets, hexadecimal, base64), parts of it, and other ways to write a date.
Pixel Data is not searched here (``deid_marks.pixels`` looks for what was burned in).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from part15.observations.deid import SurvivorSeen
from part15.wire.deid_index import Attribute, Index
from part15.wire.deid_rules import Rules
from part15.wire.deid_values import decoded, is_harmless, is_registered
from part15.wire.dictionary import tag_text
from part15.wire.part10 import Part10File

CONTENT = "E.3.4-1"
SHORTEST = 5
"""Values of fewer characters are not hunted: they turn up by chance."""
_PART = 8
MOST_SURVIVORS = 2000
_PIXELS = (0x7FE00010, 0x7FE00008, 0x7FE00009)
_ENCRYPTED = 0x04000520
_HASHES = ("md5", "sha1", "sha256", "sha512")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class Canary(NamedTuple):
    """A value that must not come out.

    *name* stands for it in reports; *kind* is text, whole, date or uid; *home* the attribute it was planted
    in; *listed* whether the table lists that attribute under the claim. A text of kind whole is never
    sought word by word.
    """

    name: str
    value: str
    kind: str = "text"
    home: str = ""
    listed: bool = True


class _Needle(NamedTuple):
    octets: bytes
    canary: int
    transform: str


_Table = dict[bytes, list[_Needle]]


def sought(canaries: Iterable[Canary], rules: Rules) -> tuple[Canary, ...]:
    """Return the canaries that must not come out under *rules*, each listed or not in their table.

    What an option keeps may come out; dates that an option lets be modified are judged by their rows,
    because a date that moved may hit another one by chance.
    """
    found = []
    for canary in canaries:
        rule = rules.row(canary.home)
        if rule is not None and "K" in rule.actions:
            continue
        if canary.kind == "date" and rule is not None and "C" in rule.actions:
            continue
        in_content = canary.home.startswith(CONTENT) and rules.edition > "2008"
        found.append(canary._replace(listed=canary.listed and (rule is not None or in_content)))
    return tuple(found)


_IDENTIFYING = {
    "(0010,0010)": "text",
    "(0010,0020)": "text",
    "(0010,1000)": "text",
    "(0010,1001)": "text",
    "(0010,1005)": "text",
    "(0010,1040)": "text",
    "(0010,1060)": "text",
    "(0010,2154)": "text",
    "(0008,0050)": "text",
    "(0008,0018)": "uid",
    "(0020,000D)": "uid",
    "(0020,000E)": "uid",
    "(0004,1511)": "uid",
}
_RECORDS = "(0004,1220)"
_LONG_ENOUGH = 6
_ORDINARY = frozenset(["PATIENT", "PHANTOM", "MALE", "FEMALE", "TEST", "OTHER", "IMAGE", "STUDY"])


def originals(before: Index) -> tuple[Canary, ...]:
    """Return the values of *before* that identify a patient or an instance by themselves.

    Shorter ones than six characters are left out: they turn up by chance. So do words of a name (Brown,
    White): one alone is told and held against nobody (not *listed*).
    """
    found: dict[tuple[str, str], Canary] = {}
    for attribute, path, kind in _identifying(before):
        for canary in _canaries(before, attribute, path, kind):
            found.setdefault((canary.name, canary.value), canary)
    return tuple(found.values())


def _identifying(before: Index) -> Iterator[tuple[Attribute, str, str]]:
    """Give what identifies at the top of an object and in the records of a DICOMDIR: attribute, home, kind."""
    records = before.inside(at) if (at := before.by_path.get(_RECORDS)) is not None else ()
    for attribute in (*filter(None, map(before.at, _IDENTIFYING)), *records):
        home = tag_text(attribute.tag)
        if attribute.items < 0 and attribute.level <= 1 and home in _IDENTIFYING:
            yield attribute, home, _IDENTIFYING[home]


def _canaries(before: Index, attribute: Attribute, path: str, kind: str) -> list[Canary]:
    """Return what to seek of one value that stands in *path* by itself."""
    text = decoded(before.plain(attribute), before.charset)
    values = [v for v in text.split("\\") if not is_harmless(v.encode("utf-8", "replace"))]
    if attribute.vr == "PN":
        return [each for value in values for each in _name(path, value)]
    return [
        Canary(f"value of {path}", value, "uid" if kind == "uid" else "whole", path)
        for value in values
        if len(value) >= _LONG_ENOUGH and not is_registered(value.encode("utf-8", "replace"))
    ]


def _name(path: str, value: str) -> list[Canary]:
    """Return the ways to write a person name, and its words, each for itself."""
    found: list[Canary] = []
    for group in value.split("="):
        parts = [part for part in group.split("^") if part]
        if len(group) >= _LONG_ENOUGH and not set(map(str.upper, parts)) <= _ORDINARY:
            written = {group, *(mark.join(parts) for mark in (" ", "_", ", ", ""))}
            written |= {mark.join((*parts[1:], parts[0])) for mark in (" ", "_") if parts}
            found += [Canary(f"value of {path}", each, "whole", path) for each in sorted(written)]
        words = [w for part in parts for w in part.split() if w.upper() not in _ORDINARY]
        if len(parts) > 1 or len(words) > 1:
            found += [Canary(f"a word of {path}", w, "whole", path, listed=False) for w in words]
    return found


@dataclass(frozen=True)
class Hunter:
    """Canaries with their disguises, by the first octets of each; *folded* ones are sought in lower case.

    With *bounded* a number inside a longer number, or a word inside a longer word, is none: what is
    sought was not made up to be unmistakable.
    """

    canaries: tuple[Canary, ...]
    bounded: bool = False
    exact: _Table = field(default_factory=dict, repr=False)
    folded: _Table = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, canaries: Iterable[Canary], *, parts: bool = True) -> Hunter:
        """Return a hunter for *canaries*; without *parts* only whole values are sought, within bounds."""
        chosen = tuple(c for c in canaries if len(c.value) >= SHORTEST)
        exact: list[_Needle] = []
        folded: list[_Needle] = []
        for number, canary in enumerate(chosen):
            for value in _forms(canary):
                _disguises(number, value, exact, folded)
            if canary.kind == "date":
                _dates(number, canary.value, folded)
            elif canary.kind == "text" and parts:
                _parts(number, canary.value, folded)
        return cls(chosen, not parts, _table(exact), _table(folded))

    def in_octets(self, octets: bytes) -> list[tuple[int, int, str]]:
        """Return (offset, canary number, transform) of what is in *octets*; the plainest per canary and offset.

        Time grows with the octets, not with the number of canaries.
        """
        found: dict[tuple[int, int], str] = {}
        for needles, hay in ((self.exact, octets), (self.folded, octets.lower())):
            if not needles:
                continue
            look = needles.get
            for at in range(len(hay) - SHORTEST + 1):
                for needle in look(hay[at : at + SHORTEST], ()):
                    if not hay.startswith(needle.octets, at) or len(found) >= MOST_SURVIVORS:
                        continue
                    if self.bounded and _inside(hay, at, needle.octets):
                        continue
                    found.setdefault((at, needle.canary), needle.transform)
        return [(at, canary, transform) for (at, canary), transform in sorted(found.items())]

    def in_text(self, text: str, place: str) -> tuple[SurvivorSeen, ...]:
        """Return what survives in *text*: a file name, a log line, an audit message."""
        found = {
            (number, transform): None
            for _, number, transform in self.in_octets(text.encode("utf-8", "surrogateescape"))
        }
        plainest: dict[int, str] = {}
        for number, transform in found:
            plainest.setdefault(number, transform)
        return tuple(self._seen(number, place, how) for number, how in plainest.items())

    def hunt(self, file: Part10File, index: Index) -> tuple[SurvivorSeen, ...]:
        """Return what survives in an object: preamble, meta information, every attribute and odd octet."""
        found: dict[tuple[int, str], str] = {}
        head = min(file.start if not file.deflated else len(file.octets), len(file.octets))
        for at, number, how in self.in_octets(bytes(file.octets[:head])):
            found.setdefault((number, _meta_place(file, at)), how)
        for attribute in index.attributes:
            if attribute.items >= 0 or attribute.tag in _PIXELS or attribute.tag == _ENCRYPTED:
                continue
            for _, number, how in self._in_value(index, attribute):
                found.setdefault((number, attribute.path), how)
        return tuple(self._seen(number, place, how) for (number, place), how in found.items())[
            :MOST_SURVIVORS
        ]

    def _in_value(self, index: Index, attribute: Attribute) -> list[tuple[int, int, str]]:
        if 0 <= attribute.length < SHORTEST - 1:
            return []
        return self.in_octets(index.octets(attribute))

    def _seen(self, number: int, place: str, transform: str) -> SurvivorSeen:
        canary = self.canaries[number]
        return SurvivorSeen(canary.name, place, transform, canary.listed)


def _inside(hay: bytes, at: int, needle: bytes) -> bool:
    """Tell whether *needle* at *at* is only a piece of a longer number or word."""
    before, after = hay[at - 1 : at], hay[at + len(needle) : at + len(needle) + 1]
    return _kin(needle[:1], before, b".") or _kin(needle[-1:], after, b"")


def _kin(edge: bytes, beside: bytes, digits: bytes) -> bool:
    if edge.isdigit():
        return beside.isdigit() or (bool(digits) and beside == digits)
    return edge.isalpha() and beside.isalpha()


def _table(needles: list[_Needle]) -> _Table:
    """Return *needles* by their first octets, without doubles, the plainest first."""
    table: dict[bytes, dict[tuple[bytes, int], _Needle]] = {}
    for needle in needles:
        of_prefix = table.setdefault(needle.octets[:SHORTEST], {})
        of_prefix.setdefault((needle.octets, needle.canary), needle)
    return {prefix: list(each.values()) for prefix, each in table.items()}


def _meta_place(file: Part10File, at: int) -> str:
    if at < 128:
        return "preamble"
    for element in file.meta:
        if element.start <= at < element.end:
            return f"({element.tag >> 16:04X},{element.tag & 0xFFFF:04X})"
    return "between meta information and data set"


def _forms(canary: Canary) -> list[str]:
    """Return the value and, of a name or a phrase, each long enough word of it."""
    words = canary.value.replace("^", " ").replace("=", " ").split()
    if canary.kind != "text" or len(words) == 1:
        return [canary.value]
    return [canary.value, *(word for word in words if len(word) >= SHORTEST)]


def _disguises(number: int, value: str, exact: list[_Needle], folded: list[_Needle]) -> None:
    octets = value.encode("utf-8")
    low = octets.lower()
    exact.append(_Needle(octets, number, "as it is"))
    folded.append(_Needle(low, number, "other case"))
    folded.append(_Needle(low[::-1], number, "reversed"))
    folded.append(_Needle(value.lower().encode("utf-16-le"), number, "UTF-16"))
    folded.append(_Needle(value.lower().encode("utf-16-be"), number, "UTF-16"))
    folded.append(_Needle(octets.hex().encode(), number, "hexadecimal"))
    for form in {octets, low, octets.upper()}:
        exact.extend(_Needle(n, number, "base64") for n in _base64(form))
        for name in _HASHES:
            made = hashlib.new(name, form, usedforsecurity=False)
            exact.append(_Needle(made.digest(), number, f"{name} hash"))
            folded.append(_Needle(made.hexdigest().encode(), number, f"{name} hash"))
            exact.append(_Needle(base64.b64encode(made.digest()), number, f"{name} hash, base64"))


def _base64(octets: bytes) -> list[bytes]:
    """Return the stable middle of the base64 of *octets* at each of the three alignments."""
    found = []
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + octets)
        first = (0, 2, 3)[shift]
        last = len(whole) - (4 if (shift + len(octets)) % 3 else 0)
        if last - first >= SHORTEST + 1:
            found.append(whole[first:last])
    return found


def _parts(number: int, value: str, folded: list[_Needle]) -> None:
    for word in value.replace("^", " ").split():
        low = word.lower().encode()
        if len(low) > _PART:
            folded.append(_Needle(low[:_PART], number, "part"))
            folded.append(_Needle(low[-_PART:], number, "part"))


def _dates(number: int, value: str, folded: list[_Needle]) -> None:
    """Add other ways to write the date that *value* begins with (YYYYMMDD)."""
    year, month, day = value[:4], value[4:6], value[6:8]
    if not (year + month + day).isdigit() or not 1 <= int(month or 0) <= 12:
        return
    named = _MONTHS[int(month) - 1]
    written = (
        f"{year}-{month}-{day}", f"{year}/{month}/{day}", f"{year}.{month}.{day}",
        f"{day}.{month}.{year}", f"{day}/{month}/{year}", f"{month}/{day}/{year}",
        f"{day}-{month}-{year}", f"{day}-{named}-{year}", f"{day} {named} {year}",
        f"{day}{month}{year}", f"{month}{day}{year}", f"{year}{month}{day}",
    )  # fmt: skip
    folded.extend(_Needle(text.encode(), number, "other date format") for text in written)
