"""Data elements as octets, little endian: what our own data sets are made of, right or odd."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from part15.wire.elements import LONG_FORM, Element, Syntax, walk

_PAD = {"UI": b"\0", "OB": b"\0", "UN": b"\0"}
UNDEFINED = 0xFFFFFFFF


def element(tag: int, vr: str, value: bytes | str, *, explicit: bool = True) -> bytes:
    """Return one element of defined length; an odd value is padded as its VR wants (PS3.5 6.2)."""
    octets = value.encode("utf-8") if isinstance(value, str) else value
    if len(octets) % 2:
        octets += _PAD.get(vr, b" ")
    return header(tag, vr, len(octets), explicit=explicit) + octets


def header(tag: int, vr: str, length: int, *, explicit: bool = True) -> bytes:
    """Return the header of an element that declares *length*."""
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if not explicit:
        return head + struct.pack("<I", length)
    if vr in LONG_FORM:
        return head + vr.encode() + struct.pack("<HI", 0, length)
    return head + vr.encode() + struct.pack("<H", length)


def item(content: bytes, *, undefined: bool = False) -> bytes:
    """Return an item of a sequence."""
    head = struct.pack("<HHI", 0xFFFE, 0xE000, UNDEFINED if undefined else len(content))
    return head + content + (struct.pack("<HHI", 0xFFFE, 0xE00D, 0) if undefined else b"")


def sequence(
    tag: int,
    items: Iterable[bytes],
    *,
    explicit: bool = True,
    undefined: bool = False,
    vr: str = "SQ",
) -> bytes:
    """Return a sequence of *items*, each a data set; *undefined* for itself and its items."""
    inner = b"".join(item(i, undefined=undefined) for i in items)
    head = header(tag, vr, UNDEFINED if undefined else len(inner), explicit=explicit)
    return head + inner + (struct.pack("<HHI", 0xFFFE, 0xE0DD, 0) if undefined else b"")


def encapsulated(tag: int, fragments: Iterable[bytes], *, vr: str = "OB") -> bytes:
    """Return encapsulated data; the first fragment is the offset table (PS3.5 A.4)."""
    inner = b"".join(item(f) for f in fragments)
    return header(tag, vr, UNDEFINED) + inner + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def top(data: bytes, syntax: Syntax) -> list[Element]:
    """Return the elements of the top level; raises MalformedDataSet."""
    return [e for e in walk(data, syntax=syntax) if e.depth == 0]


def value_of(data: bytes, tag: int, syntax: Syntax) -> bytes | None:
    """Return the value of the top level element *tag*, None if it is absent; raises MalformedDataSet."""
    for found in top(data, syntax):
        if found.tag == tag:
            return data[found.value : found.end]
    return None


def replaced(data: bytes, changes: dict[int, bytes | None], syntax: Syntax) -> bytes:
    """Return *data* with top level elements replaced, added or (None) removed; all else octet by octet.

    *changes* has encoded elements by tag. Raises MalformedDataSet.
    """
    parts = [(e.tag, data[e.start : e.end]) for e in top(data, syntax) if e.tag not in changes]
    added = [(tag, octets) for tag, octets in changes.items() if octets is not None]
    for tag, octets in sorted(added):
        at = next((i for i, (other, _) in enumerate(parts) if other > tag), len(parts))
        parts.insert(at, (tag, octets))
    return b"".join(octets for _, octets in parts)


def commitment_in(data: bytes, syntax: Syntax) -> tuple[str, tuple[str, ...], dict[str, int]]:
    """Return transaction UID, committed instances, and failed ones with their reasons (PS3.4 J.3).

    Raises MalformedDataSet.
    """
    transaction = ""
    committed: list[str] = []
    failed: dict[str, int] = {}
    inside = 0
    name = ""
    for found in walk(data, syntax=syntax):
        value = data[found.value : found.end]
        if found.depth == 0:
            inside = found.tag
            if found.tag == 0x00081195:
                transaction = uid_text(value)
        elif found.depth == 2 and found.tag == 0x00081155:
            name = uid_text(value)
            if inside == 0x00081199:
                committed.append(name)
            elif inside == 0x00081198:
                failed[name] = 0
        elif found.depth == 2 and found.tag == 0x00081197 and inside == 0x00081198 and name:
            failed[name] = int.from_bytes(value[:2], "little")
    return transaction, tuple(committed), failed


def uid_text(value: bytes) -> str:
    """Return a UI value without its padding."""
    return value.rstrip(b"\0 ").decode("latin-1")
