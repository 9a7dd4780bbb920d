"""Wrong handling of session tickets by the embedded peer, beside a TLS library that handles them rightly."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from part15.channel.tls import Plain, Tap


class Relabelling(Plain):
    """A stream on which the first TLS 1.2 session ticket says another lifetime: the hint is sent in clear.

    The client's Finished will not verify after that; the hint has been seen by then.
    """

    def __init__(self, sock: socket.socket, tap: Tap, lifetime: int) -> None:
        super().__init__(sock, tap)
        self.lifetime = lifetime

    def send(self, octets: bytes, until: float) -> None:
        """Send *octets*, with the lifetime changed where they begin with a ticket."""
        if octets[:1] == b"\x16" and octets[5:6] == b"\x04":
            octets = octets[:9] + self.lifetime.to_bytes(4, "big") + octets[13:]
        super().send(octets, until)


def ticket_in(message: bytes) -> bytes:
    """Return the ticket in a NewSessionTicket of TLS 1.2 (RFC 5077) or 1.3 (RFC 8446)."""
    if len(message) == 10 + int.from_bytes(message[8:10], "big"):
        return message[10:]
    at = 13 + message[12]
    return message[at + 2 : at + 2 + int.from_bytes(message[at : at + 2], "big")]


def repaired(early: bytes, issued: Sequence[bytes]) -> bytes:
    """Return *early* with a ticket that differs from an *issued* one in one octet put right."""
    for message in issued:
        ticket = ticket_in(message)
        for start in (8, len(ticket) // 2):
            at = early.find(ticket[start : start + 48]) - start
            if at > 0 and len(early) >= at + len(ticket):
                early = early[:at] + ticket + early[at + len(ticket) :]
    return early
