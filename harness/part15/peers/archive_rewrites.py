"""What faulty archives do to the data sets they keep: each takes and returns explicit VR little endian."""

from __future__ import annotations

from collections.abc import Callable

from part15.wire import writing
from part15.wire.dictionary import vr_of
from part15.wire.elements import EXPLICIT_LITTLE, UNDEFINED, Element, children, walk
from part15.wire.writing import element

_TEXT = ("LO", "LT", "SH", "ST", "DS", "IS", "PN", "UT", "UC")


def _each(data: bytes, change: Callable[[Element, bytes], bytes]) -> bytes:
    """Return *data* with every top level element changed; *change* gets its octets."""
    return b"".join(change(e, data[e.start : e.end]) for e in writing.top(data, EXPLICIT_LITTLE))


def coerce_patient_name(data: bytes) -> bytes:
    """Give the patient another name."""
    made = element(0x00100010, "PN", "COERCED^PATIENT")
    return writing.replaced(data, {0x00100010: made}, EXPLICIT_LITTLE)


def coerce_patient_id(data: bytes) -> bytes:
    """Give the patient another ID, without a word."""
    made = element(0x00100020, "LO", "OTHER")
    return writing.replaced(data, {0x00100020: made}, EXPLICIT_LITTLE)


def drop_private(data: bytes) -> bytes:
    """Leave out every private element of the top level."""
    return _each(data, lambda e, octets: b"" if e.tag & 0x10000 else octets)


def drop_signatures(data: bytes) -> bytes:
    """Leave out Digital Signatures and MAC Parameters."""
    changes: dict[int, bytes | None] = {0xFFFAFFFA: None, 0x4FFE0001: None}
    return writing.replaced(data, changes, EXPLICIT_LITTLE)


def trim_padding(data: bytes) -> bytes:
    """Cut the trailing blanks of text."""

    def change(e: Element, octets: bytes) -> bytes:
        if e.vr not in _TEXT or e.length == UNDEFINED:
            return octets
        return element(e.tag, e.vr, data[e.value : e.end].rstrip(b" \0"))

    return _each(data, change)


def reorder_items(data: bytes) -> bytes:
    """Sort the items of every sequence of the top level by their octets."""
    elements = walk(data, syntax=EXPLICIT_LITTLE)
    parts = []
    at = 0
    while at < len(elements):
        e = elements[at]
        items = [elements[i] for i in children(elements, at)] if e.vr == "SQ" else []
        if len(items) > 1:
            tail = data[items[-1].end : e.end]
            body = b"".join(sorted(data[i.start : i.end] for i in items))
            parts.append(data[e.start : e.value] + body + tail)
        else:
            parts.append(data[e.start : e.end])
        at = e.after
    return b"".join(parts)


def resolve_unknown(data: bytes) -> bytes:
    """Write UN of known tags with the VR that the dictionary has."""

    def change(e: Element, octets: bytes) -> bytes:
        vr = vr_of(e.tag)
        if e.vr != "UN" or e.length == UNDEFINED or vr in ("UN", "SQ") or "/" in vr:
            return octets
        return element(e.tag, vr, data[e.value : e.end])

    return _each(data, change)


def drop_empty(data: bytes) -> bytes:
    """Leave out elements without a value."""
    return _each(data, lambda e, octets: b"" if e.length == 0 and e.vr != "SQ" else octets)


def add_element(data: bytes) -> bytes:
    """Add an element of our own: what A.3 permits."""
    made = element(0x00120062, "CS", "NO")
    return writing.replaced(data, {0x00120062: made}, EXPLICIT_LITTLE)


def merge_fragments(data: bytes) -> bytes:
    """Put all fragments of encapsulated data into one."""
    elements = walk(data, syntax=EXPLICIT_LITTLE)
    parts = []
    for index, e in enumerate(elements):
        if e.depth:
            continue
        if e.tag == 0x7FE00010 and e.length == UNDEFINED:
            kept = [elements[i] for i in children(elements, index)]
            values = [data[f.value : f.end] for f in kept]
            parts.append(writing.encapsulated(e.tag, [values[0], b"".join(values[1:])]))
        else:
            parts.append(data[e.start : e.end])
    return b"".join(parts)
