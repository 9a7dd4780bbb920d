"""The identifier of a query inside an audit message, walked in the transfer syntax it claims."""

from __future__ import annotations

import struct
import zlib

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
_LONG = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
_BOUND = 4 * 1024 * 1024
_ELEMENTS = 10_000


def data_set_problem(data: bytes, syntax: str) -> str | None:
    """Return why *data* is no data set in transfer syntax *syntax*, or None if its elements can be walked.

    Only the top level is walked: tags rise, lengths stay inside. An element of undefined length ends
    the walk well.
    """
    if not data:
        return "it is empty"
    if syntax == DEFLATED:
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            data = unpacker.decompress(data, _BOUND)
        except zlib.error:
            return "it is not deflated data"
    order = ">" if syntax == BIG_ENDIAN else "<"
    at, last = 0, -1
    for _ in range(_ELEMENTS):
        if at == len(data):
            return None
        if at + 8 > len(data):
            return f"octet {at} begins no element"
        group, element = struct.unpack_from(f"{order}HH", data, at)
        tag = group << 16 | element
        if tag <= last:
            return f"the tags do not rise at octet {at}"
        last = tag
        length, at = _length(data, at, order, explicit=syntax != IMPLICIT)
        if length < 0:
            return f"octet {at} holds no value representation"
        if length == 0xFFFFFFFF:
            return None
        if at + length > len(data):
            return f"an element at octet {at} is longer than the data set"
        at += length
    return None


def _length(data: bytes, at: int, order: str, *, explicit: bool) -> tuple[int, int]:
    """Return the value length of the element at *at* and where its value begins; -1 without a VR."""
    if not explicit:
        (length,) = struct.unpack_from(f"{order}I", data, at + 4)
        return length, at + 8
    vr = data[at + 4 : at + 6]
    if not (vr.isalpha() and vr.isupper()):
        return -1, at
    if vr in _LONG:
        if at + 12 > len(data):
            return -1, at
        (length,) = struct.unpack_from(f"{order}I", data, at + 8)
        return length, at + 12
    (length,) = struct.unpack_from(f"{order}H", data, at + 6)
    return length, at + 8
