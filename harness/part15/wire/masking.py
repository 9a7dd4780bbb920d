"""Filler in place of credentials in recorded streams, octet for octet, so that sizes and structure stay."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from part15.wire import user_identity as ui
from part15.wire.pcapng import Piece
from part15.wire.pdu import PduError
from part15.wire.stream_names import PDUS, RECORDS, Namer

_APPLICATION_DATA = 23


def shows_identity(names: Namer) -> bool:
    """Tell whether the association PDU that *names* read has User Identity sub-items, or cannot be read."""
    if names.association is None:
        return names.unfinished
    try:
        return any(i.kind in (ui.REQUEST, ui.RESPONSE) for i in ui.sub_items(names.association))
    except PduError:
        return True


def masked(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """Return *pieces* of one connection with filler for what may be secret.

    In DICOM streams that is the content of User Identity sub-items, in TLS streams application data
    (a suite without encryption would show it), in any other stream everything.
    """
    streams = {
        out: masked_stream(b"".join(p.octets for p in pieces if p.out == out))
        for out in (True, False)
    }
    at, found = {True: 0, False: 0}, []
    for piece in pieces:
        start = at[piece.out]
        at[piece.out] = start + len(piece.octets)
        found.append(dataclasses.replace(piece, octets=streams[piece.out][start : at[piece.out]]))
    return tuple(found)


def masked_stream(octets: bytes) -> bytes:
    """Return one direction of a stream with filler for what may be secret; it has the same length."""
    if octets[:1] and octets[0] in RECORDS and octets[1:2] == b"\x03":
        return _records(octets)
    if octets[:1] and octets[0] in PDUS and octets[1:2] == b"\0":
        return _pdus(octets)
    return ui.FILLER * len(octets)


def _records(octets: bytes) -> bytes:
    found, at = bytearray(), 0
    while at + 5 <= len(octets) and octets[at] in RECORDS and octets[at + 1] == 3:
        size = int.from_bytes(octets[at + 3 : at + 5], "big")
        body = octets[at + 5 : at + 5 + size]
        sealed = octets[at] == _APPLICATION_DATA
        found += octets[at : at + 5] + (ui.FILLER * len(body) if sealed else body)
        at += 5 + size
    return bytes(found) + ui.FILLER * (len(octets) - len(found))


def _association(body: bytes) -> bytes:
    """Return an association PDU *body* without credentials.

    Where its sub-items are not what PS3.7 and PS3.8 know, one with a wrong length may have spilt what
    is secret into others: then all of the body is replaced.
    """
    try:
        known = all(0x51 <= item.kind <= 0x59 for item in ui.sub_items(body))
    except PduError:
        known = False
    return ui.blanked(body) if known else ui.FILLER * len(body)


def _pdus(octets: bytes) -> bytes:
    found, at = bytearray(), 0
    while at + 6 <= len(octets) and octets[at] in PDUS:
        size = int.from_bytes(octets[at + 2 : at + 6], "big")
        body = octets[at + 6 : at + 6 + size]
        if len(body) < size:
            break
        association = octets[at] in (1, 2)
        found += octets[at : at + 6] + (_association(body) if association else body)
        at += 6 + size
    return bytes(found) + ui.FILLER * (len(octets) - len(found))
