"""Syslog messages in a byte stream: octet counting (RFC 5425 4.3), and LF framing (RFC 6587 3.4.2) recognised."""

from __future__ import annotations

import re
from dataclasses import dataclass

from part15.wire.audit_flaw import Flaw, short
from part15.wire.syslog import LIMIT

RULE = "SYSLOG-5425-09"
KEPT = 65536
"""Octets kept of a message that is larger than the limit."""
FLAWS = 64
"""Framing flaws that are listed; more are counted by the last one."""


@dataclass(frozen=True)
class Frame:
    """One message of a stream: its octets (cut if larger than the limit), its true size, how it was framed."""

    data: bytes
    size: int
    framing: str


class FrameReader:
    """Cuts a stream into messages; feed it octets, take frames; memory is bounded by *limit*."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self.flaws: list[Flaw] = []
        self.octets = 0
        self._buffer = bytearray()
        self._skip = 0
        self._big: Frame | None = None
        self._lost = False
        self._frames = 0

    def feed(self, data: bytes) -> list[Frame]:
        """Return the messages that *data* completes."""
        self.octets += len(data)
        self._buffer += data
        found: list[Frame] = []
        while (frame := self._next()) is not None:
            found.append(frame)
            self._frames += 1
        return found

    def end(self) -> list[Frame]:
        """Return what an ended stream leaves: an unterminated LF message, or a flaw for a cut frame."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        if self._big is not None:
            self._flaw(f"{self._skip} more octets", "the end of the stream")
        elif rest.startswith(b"<"):
            return [Frame(rest, len(rest), "lf")]
        elif rest.strip(b"\r\n\0 "):
            self._flaw("a whole frame", f"the end of the stream after {len(rest)} octets of it")
        return []

    def _flaw(self, expected: str, observed: str) -> None:
        if len(self.flaws) < FLAWS:
            self.flaws.append(Flaw(RULE, f"frame {self._frames + 1}", expected, observed))

    def _next(self) -> Frame | None:
        if self._big is not None:
            return self._swallow()
        if self._lost and not self._resume():
            return None
        stripped = self._buffer.lstrip(b"\r\n\0")
        if len(stripped) < len(self._buffer):
            if not (
                self._frames and self.flaws and self.flaws[-1].observed.startswith("a trailer")
            ):
                self._flaw(
                    "the next MSG-LEN right after MSG-LEN octets", "a trailer (CR, LF or NUL)"
                )
            self._buffer = stripped
        if not self._buffer:
            return None
        return self._line() if self._buffer[:1] == b"<" else self._counted()

    def _counted(self) -> Frame | None:
        match = re.match(rb"(\d{1,12}) ", self._buffer)
        if match is None:
            if len(self._buffer) <= 12 and self._buffer.isdigit():
                return None
            found = self._buffer[:12].decode("ascii", "backslashreplace")
            self._flaw("MSG-LEN (decimal octets) and a space", short(found))
            self._lost = True
            return self._next() if self._resume() else None
        digits = match[1]
        if digits.startswith(b"0"):
            self._flaw("MSG-LEN without a leading zero", short(digits.decode()))
        length = int(digits)
        if length == 0:
            del self._buffer[: match.end()]
            return self._next()
        if length > self.limit:
            self._big = Frame(b"", length, "octet-counting")
            self._skip = length
            del self._buffer[: match.end()]
            return self._swallow()
        end = match.end() + length
        if len(self._buffer) < end:
            return None
        data = bytes(self._buffer[match.end() : end])
        del self._buffer[:end]
        return Frame(data, length, "octet-counting")

    def _swallow(self) -> Frame | None:
        """Drop the octets of a message that is larger than the limit."""
        assert self._big is not None
        more = bytes(self._buffer[: min(self._skip, KEPT - len(self._big.data))])
        self._big = Frame(self._big.data + more, self._big.size, self._big.framing)
        gone = min(self._skip, len(self._buffer))
        del self._buffer[:gone]
        self._skip -= gone
        if self._skip:
            return None
        big, self._big = self._big, None
        return big

    def _line(self) -> Frame | None:
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > self.limit:
                self._flaw(f"a line end within {self.limit} octets", "none")
                self._buffer.clear()
                self._lost = True
            return None
        self._flaw("MSG-LEN SP SYSLOG-MSG", "LF framing (RFC 6587 3.4.2)")
        data = bytes(self._buffer[:end]).removesuffix(b"\r")
        del self._buffer[: end + 1]
        return Frame(data, len(data), "lf")

    def _resume(self) -> bool:
        """Find the next place that looks like a frame after an unreadable one."""
        match = re.search(rb"(?<!\d)[1-9]\d{0,11} <\d{1,3}>", self._buffer)
        if match is None:
            del self._buffer[: max(0, len(self._buffer) - 24)]
            return False
        del self._buffer[: match.start()]
        self._lost = False
        return True


def framed(message: bytes) -> bytes:
    """Return *message* as an octet-counted frame."""
    return str(len(message)).encode() + b" " + message


def datagram_flaws(data: bytes) -> list[Flaw]:
    """Return what is wrong with *data* as one RFC 5426 datagram."""
    rule = "SYSLOG-5426-01"
    if re.match(rb"\d+ <", data):
        return [
            Flaw(rule, "datagram", "one SYSLOG-MSG that begins with '<'", "an octet-count prefix")
        ]
    if not data.startswith(b"<"):
        found = data[:8].decode("ascii", "backslashreplace")
        return [Flaw(rule, "datagram", "one SYSLOG-MSG that begins with '<'", short(found))]
    second = re.search(rb"\n(?:\d+ )?<\d{1,3}>1 ", data)
    if second is not None:
        return [
            Flaw(rule, "datagram", "one SYSLOG-MSG", f"a second one at octet {second.start() + 1}")
        ]
    return []
