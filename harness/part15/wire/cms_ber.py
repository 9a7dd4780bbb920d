"""BER and DER by slicing: headers are read in place, contents are never copied or turned into a tree.

Bounded on hostile input: depth, number of headers, and every length against the octets that are there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

Octets: TypeAlias = "bytes | bytearray | memoryview"

INTEGER, OCTET_STRING, OID, SEQUENCE, SET = 0x02, 0x04, 0x06, 0x30, 0x31
CONSTRUCTED = 0x20
MAX_DEPTH = 48
_END_OF_CONTENTS = 0x00


class BerError(ValueError):
    """The octets are no BER, or their lengths lie; says where and what."""


class Budget:
    """How many more headers may be read; one per file, so that a hostile file ends."""

    def __init__(self, size: int) -> None:
        self.left = 20_000 + size // 64

    def spend(self) -> None:
        """Count one header; raises BerError when there were too many for a file of this size."""
        self.left -= 1
        if self.left < 0:
            raise BerError("more ASN.1 elements than a file of this size can need")


@dataclass(frozen=True, slots=True)
class Tlv:
    """One element: *identifier* octet, contents ``[body:end]``, whole ``[start:after]``."""

    identifier: int
    start: int
    body: int
    end: int
    after: int
    indefinite: bool

    @property
    def constructed(self) -> bool:
        """Tell whether the contents are elements themselves."""
        return bool(self.identifier & CONSTRUCTED)


def header(data: Octets, at: int, limit: int) -> tuple[int, int, int]:
    """Return identifier, where the contents begin, and their length (-1 = indefinite)."""
    if limit - at < 2:
        raise BerError(f"the element at octet {at} is cut off")
    identifier, first = data[at], data[at + 1]
    if identifier & 0x1F == 0x1F:
        raise BerError(f"the element at octet {at} has a tag number above 30, which CMS never uses")
    if first < 0x80:
        return identifier, at + 2, first
    if first == 0x80:
        if not identifier & CONSTRUCTED:
            raise BerError(f"the primitive element at octet {at} has an indefinite length")
        return identifier, at + 2, -1
    count = first & 0x7F
    if count > 8 or at + 2 + count > limit:
        raise BerError(f"the length of the element at octet {at} is cut off or too long")
    return identifier, at + 2 + count, int.from_bytes(data[at + 2 : at + 2 + count], "big")


def _end_of_indefinite(data: Octets, at: int, limit: int, budget: Budget) -> int:
    """Return where the end-of-contents octets stand that close the contents beginning at *at*."""
    depth = 1
    while True:
        budget.spend()
        identifier, body, length = header(data, at, limit)
        if identifier == _END_OF_CONTENTS and length == 0:
            depth -= 1
            if depth == 0:
                return at
            at = body
        elif length < 0:
            depth += 1
            if depth > MAX_DEPTH:
                raise BerError(f"elements of indefinite length are nested deeper than {MAX_DEPTH}")
            at = body
        else:
            at = body + length


def read(data: Octets, at: int, limit: int, budget: Budget) -> Tlv:
    """Return the element that starts at *at* and must end by *limit*.

    Raises BerError if it is cut off, lies about its length, or nests too deep.
    """
    budget.spend()
    identifier, body, length = header(data, at, limit)
    if length < 0:
        end = _end_of_indefinite(data, body, limit, budget)
        return Tlv(identifier, at, body, end, end + 2, indefinite=True)
    if body + length > limit:
        raise BerError(
            f"the element at octet {at} says it has {length} octets, but only {limit - body} follow"
        )
    return Tlv(identifier, at, body, body + length, body + length, indefinite=False)


def children(data: Octets, tlv: Tlv, budget: Budget) -> list[Tlv]:
    """Return the elements inside *tlv*; raises BerError if it is primitive or they do not fit."""
    if not tlv.constructed:
        raise BerError(f"the element at octet {tlv.start} should hold elements, but is primitive")
    return list(siblings(data, tlv.body, tlv.end, budget))


def siblings(data: Octets, at: int, limit: int, budget: Budget) -> Iterator[Tlv]:
    """Yield the elements from *at* to *limit*, one after the other."""
    while at < limit:
        tlv = read(data, at, limit, budget)
        yield tlv
        at = tlv.after


def fragments(data: Octets, tlv: Tlv, budget: Budget, depth: int = 0) -> list[tuple[int, int]]:
    """Return the ranges of octets of an OCTET STRING, which BER may cut into pieces of pieces."""
    if not tlv.constructed:
        return [(tlv.body, tlv.end)]
    if depth >= MAX_DEPTH:
        raise BerError(f"an octet string is nested deeper than {MAX_DEPTH}")
    found: list[tuple[int, int]] = []
    for piece in siblings(data, tlv.body, tlv.end, budget):
        if piece.identifier & ~CONSTRUCTED != OCTET_STRING:
            raise BerError(
                f"the octet string at {tlv.start} holds something else than octet strings"
            )
        found += fragments(data, piece, budget, depth + 1)
    return found


def joined(data: Octets, tlv: Tlv, budget: Budget) -> bytes:
    """Return the octets of an OCTET STRING as one piece."""
    return b"".join(bytes(data[a:b]) for a, b in fragments(data, tlv, budget))


def raw(data: Octets, tlv: Tlv) -> bytes:
    """Return the whole element as it stands, header included."""
    return bytes(data[tlv.start : tlv.after])


def definite(data: Octets, tlv: Tlv, budget: Budget, depth: int = 0) -> bytes:
    """Return *tlv* with definite lengths and octet strings in one piece; the same octets if it has them."""
    if not tlv.constructed:
        return raw(data, tlv)
    if depth >= MAX_DEPTH:
        raise BerError(f"elements are nested deeper than {MAX_DEPTH}")
    if tlv.identifier == OCTET_STRING | CONSTRUCTED:
        return element(OCTET_STRING, joined(data, tlv, budget))
    inner = b"".join(definite(data, c, budget, depth + 1) for c in children(data, tlv, budget))
    return element(tlv.identifier, inner)


def length_octets(length: int) -> bytes:
    """Return the DER length octets of *length*."""
    if length < 0x80:
        return bytes([length])
    size = (length.bit_length() + 7) // 8
    return bytes([0x80 | size]) + length.to_bytes(size, "big")


def element(identifier: int, contents: bytes) -> bytes:
    """Return one DER element."""
    return bytes([identifier]) + length_octets(len(contents)) + contents


def oid_octets(dotted: str) -> bytes:
    """Return the DER element of an object identifier written ``1.2.840``."""
    first, second, *rest = (int(part) for part in dotted.split("."))
    out = bytearray()
    for arc in (first * 40 + second, *rest):
        group = [arc & 0x7F]
        while arc := arc >> 7:
            group.append(0x80 | arc & 0x7F)
        out += bytes(reversed(group))
    return element(OID, bytes(out))


def oid_text(data: Octets, tlv: Tlv) -> str:
    """Return an object identifier as ``1.2.840``; raises BerError if *tlv* is none."""
    if tlv.identifier != OID or not 0 < tlv.end - tlv.body <= 64 or data[tlv.end - 1] & 0x80:
        raise BerError(f"there is no object identifier at octet {tlv.start}")
    arcs, value = [], 0
    for octet in data[tlv.body : tlv.end]:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(str(arc) for arc in (first, arcs[0] - 40 * first, *arcs[1:]))


def small_integer(data: Octets, tlv: Tlv) -> int:
    """Return an INTEGER of at most eight octets; raises BerError if *tlv* is none."""
    if tlv.identifier != INTEGER or not 0 < tlv.end - tlv.body <= 8:
        raise BerError(f"there is no small INTEGER at octet {tlv.start}")
    return int.from_bytes(data[tlv.body : tlv.end], "big", signed=True)
