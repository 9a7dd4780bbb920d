"""The record layer: cutting a byte stream into records and handshake messages, with explicit bounds."""

from __future__ import annotations

from dataclasses import dataclass

from part15.wire.tls_octets import Malformed, vector

MAX_RECORD = 2**14 + 2048 + 256
"""Longest fragment accepted: TLSCiphertext of TLS 1.2, and the expansion of TLS 1.3 on top."""
MAX_MESSAGE = 256 * 1024
"""Longest handshake message accepted."""
MAX_RECORDS = 512
"""Most records read in one flight."""
MAX_WARNINGS = 16
"""Most warning alerts read before a flight is given up."""

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA, HEARTBEAT = 20, 21, 22, 23, 24
TYPES = (CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA, HEARTBEAT)


class Oversize(Malformed):
    """A record, a message or a flight that is larger than its bound."""


@dataclass(frozen=True)
class Record:
    """One record: content type, record-layer version, fragment."""

    type: int
    version: int
    fragment: bytes


@dataclass(frozen=True)
class Alert:
    """An alert: level 1 warning or 2 fatal, description (RFC 8446 section 6)."""

    level: int
    description: int


def encode_record(type_: int, fragment: bytes, version: int = 0x0301) -> bytes:
    """Return one record; *version* may be any number."""
    return bytes([type_]) + version.to_bytes(2, "big") + vector(2, fragment)


def encode_records(type_: int, data: bytes, version: int = 0x0301, size: int = 2**14) -> bytes:
    """Return *data* as records of at most *size* octets each; an empty *data* gives one empty record."""
    pieces = [data[at : at + size] for at in range(0, len(data), size)] or [b""]
    return b"".join(encode_record(type_, piece, version) for piece in pieces)


def encode_alert(level: int, description: int, version: int = 0x0301) -> bytes:
    """Return an alert record."""
    return encode_record(ALERT, bytes([level, description]), version)


def encode_message(type_: int, body: bytes) -> bytes:
    """Return one handshake message: type, 24-bit length, body."""
    return bytes([type_]) + vector(3, body)


def parse_alert(fragment: bytes) -> Alert:
    """Return the alert in *fragment*; raises Malformed for any other length than two."""
    if len(fragment) != 2:
        raise Malformed(f"an alert has {len(fragment)} octets instead of 2")
    return Alert(fragment[0], fragment[1])


class Deframer:
    """Collects octets as they come and gives whole records; raises Malformed or Oversize, nothing else.

    What does not begin like a record is refused at its first octets, so that a plain-text answer
    is told apart at once.
    """

    def __init__(self, *, records: int = MAX_RECORDS) -> None:
        self._buffer = bytearray()
        self._left = records

    @property
    def pending(self) -> int:
        """Octets of an unfinished record."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Record]:
        """Return the records that *data* completes."""
        self._buffer += data
        found: list[Record] = []
        while (record := self._next()) is not None:
            found.append(record)
            self._left -= 1
            if self._left < 0:
                raise Oversize(f"more than {MAX_RECORDS} records in one flight")
        return found

    def _next(self) -> Record | None:
        head = self._buffer
        if head and head[0] not in TYPES:
            raise Malformed(f"the first octet of a record is 0x{head[0]:02X}")
        if len(head) > 1 and head[1] != 3:
            raise Malformed(f"the record version begins with 0x{head[1]:02X}")
        if len(head) < 5:
            return None
        length = int.from_bytes(head[3:5], "big")
        if length > MAX_RECORD:
            raise Oversize(f"a record announces {length} octets; {MAX_RECORD} are allowed")
        if len(head) < 5 + length:
            return None
        record = Record(head[0], int.from_bytes(head[1:3], "big"), bytes(head[5 : 5 + length]))
        del head[: 5 + length]
        return record


class Joiner:
    """Collects handshake fragments and gives whole messages as (type, body)."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def pending(self) -> int:
        """Octets of an unfinished message."""
        return len(self._buffer)

    def feed(self, fragment: bytes) -> list[tuple[int, bytes]]:
        """Return the messages that *fragment* completes; raises Oversize for one above the bound."""
        self._buffer += fragment
        found: list[tuple[int, bytes]] = []
        at, data = 0, self._buffer
        while len(data) - at >= 4:
            length = int.from_bytes(data[at + 1 : at + 4], "big")
            if length > MAX_MESSAGE:
                raise Oversize(
                    f"a handshake message announces {length} octets; {MAX_MESSAGE} are allowed"
                )
            if len(data) - at < 4 + length:
                break
            found.append((data[at], bytes(data[at + 4 : at + 4 + length])))
            at += 4 + length
        del data[:at]
        return found
