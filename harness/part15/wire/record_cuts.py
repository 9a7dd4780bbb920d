"""Ways to cut the PDUs of one message into TLS records, which have no meaning for them (RFC 5246 6.2.1, RFC 8446 5.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

HEADER = 6
"""Octets of the header of a PDU (PS3.8 9.3)."""
RECORD = 1 << 14
"""Octets of plain text that fit into one record."""


def _pieces(octets: bytes, size: int) -> Iterator[bytes]:
    return (octets[at : at + size] for at in range(0, len(octets), size))


def _as_usual(pdus: Sequence[bytes]) -> list[bytes]:
    return [piece for each in pdus for piece in _pieces(each, RECORD)]


def _longer_than_a_record(pdus: Sequence[bytes]) -> list[bytes]:
    return [p for each in pdus for p in _pieces(each, min(RECORD, max(len(each) // 2 + 1, 1)))]


def _several_in_one(pdus: Sequence[bytes]) -> list[bytes]:
    return list(_pieces(b"".join(pdus), RECORD))


def _split_header(pdus: Sequence[bytes]) -> list[bytes]:
    return [
        piece
        for each in pdus
        for piece in (each[: HEADER // 2], *_pieces(each[HEADER // 2 :], RECORD))
        if piece
    ]


def _single_octets(pdus: Sequence[bytes]) -> list[bytes]:
    return list(_pieces(b"".join(pdus), 1))


USUAL = "as usual"
CUTS: Mapping[str, Callable[[Sequence[bytes]], list[bytes]]] = MappingProxyType(
    {
        USUAL: _as_usual,
        "PDU longer than a record": _longer_than_a_record,
        "several PDUs in one record": _several_in_one,
        "PDU header over two records": _split_header,
        "records of one octet": _single_octets,
    }
)
"""From the PDUs of a message to the plain texts of the records that carry it; nothing is lost or changed."""
