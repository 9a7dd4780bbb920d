"""DER as Kerberos needs it: tags below 31, definite lengths, bounded depth; written and read strictly."""

from __future__ import annotations

from collections.abc import Iterator

BOOLEAN_BITS, OCTETS, INTEGER, SEQUENCE = 0x03, 0x04, 0x02, 0x30
GENERAL_STRING, TIME = 0x1B, 0x18


class DerError(ValueError):
    """Octets that are no DER, or not what was expected there."""


def tlv(tag: int, content: bytes) -> bytes:
    """Return one element."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def sequence(*fields: bytes) -> bytes:
    """Return a SEQUENCE of encoded *fields*."""
    return tlv(SEQUENCE, b"".join(fields))


def explicit(number: int, content: bytes) -> bytes:
    """Return *content* under the context tag *number*."""
    return tlv(0xA0 | number, content)


def application(number: int, content: bytes) -> bytes:
    """Return *content* under the APPLICATION tag *number*."""
    return tlv(0x60 | number, content)


def integer(value: int) -> bytes:
    """Return an INTEGER."""
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def read(octets: bytes) -> tuple[int, bytes, bytes]:
    """Return tag, content and what follows the first element; raises DerError."""
    if len(octets) < 2:
        raise DerError("an element is cut off")
    tag, size, at = octets[0], octets[1], 2
    if tag & 0x1F == 0x1F:
        raise DerError("a tag has more than one octet")
    if size & 0x80:
        count = size & 0x7F
        if not 0 < count <= 4 or len(octets) < 2 + count:
            raise DerError("a length is not definite")
        size, at = int.from_bytes(octets[2 : 2 + count], "big"), 2 + count
        if size < 0x80 or size >> 8 * (count - 1) == 0:
            raise DerError("a length is longer than it need be")
    if at + size > len(octets):
        raise DerError(f"an element of {size} octets has {len(octets) - at} left")
    return tag, octets[at : at + size], octets[at + size :]


def only(octets: bytes, tag: int) -> bytes:
    """Return the content of the one element with *tag* that *octets* are; raises DerError."""
    found, content, rest = read(octets)
    if found != tag or rest:
        raise DerError(f"tag {found:02X}H instead of {tag:02X}H, or octets behind it")
    return content


def elements(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of each element in *content*; raises DerError."""
    while content:
        tag, inner, content = read(content)
        yield tag, inner


def fields(octets: bytes, tag: int) -> dict[int, bytes]:
    """Return the context-tagged fields of the SEQUENCE under the APPLICATION *tag* (or bare, 30H); raises DerError."""
    inner = only(octets, tag)
    if tag != SEQUENCE:
        inner = only(inner, SEQUENCE)
    found: dict[int, bytes] = {}
    for kind, content in elements(inner):
        if kind & 0xE0 != 0xA0 or kind & 0x1F in found:
            raise DerError(f"tag {kind:02X}H where a field is due")
        found[kind & 0x1F] = content
    return found


def number(octets: bytes) -> int:
    """Return an INTEGER; raises DerError."""
    return int.from_bytes(only(octets, INTEGER), "big", signed=True)


def text(octets: bytes) -> str:
    """Return a GeneralString; raises DerError."""
    return only(octets, GENERAL_STRING).decode("utf-8", "replace")
