"""A syslog sender for tests: TLS (RFC 5425) with single records at will, and UDP; bounded by deadlines."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from part15.bench import WireRecord
from part15.channel.tcp import open_socket
from part15.channel.tls import VERSIONS, Ended, Plain, Tap, Tls, client_context, reason_of

Record = Callable[[socket.socket], WireRecord | None]


@dataclass(frozen=True)
class Offered:
    """What the sender offers: certificate, versions, ciphers (OpenSSL names)."""

    certificate: str = ""
    key: str = ""
    password: str = ""
    minimum: str = ""
    maximum: str = ""
    ciphers: str = ""


class Sender:
    """One TLS connection to a collector; *ended* is empty while it stands, else how it ended.

    *record* gives the record of its socket, if somebody records. Raises OSError if nothing listens.
    """

    def __init__(
        self, point: Any, offered: Offered, deadline: float, record: Record | None = None
    ) -> None:
        self.until = time.monotonic() + deadline
        self.ended = ""
        self.version, self.suite = "", ""
        context = client_context(
            certificate=offered.certificate,
            key=offered.key,
            password=offered.password,
            minimum=offered.minimum,
            maximum=offered.maximum,
            ciphers=offered.ciphers,
        )
        self.reached = False
        raw = open_socket(point.host, point.port, deadline)
        self.reached = True
        plain = Plain(raw, Tap(limit=0), wire=record(raw) if record else None)
        self.tls = Tls(plain, context, name=point.server_name or None)
        try:
            self.tls.handshake(self.until)
        except (Ended, ssl.SSLError, OSError, ValueError) as error:
            raw.close()
            silent = isinstance(error, Ended) and error.how == "silent"
            self.ended = "silent" if silent else f"refused: {reason_of(error)}"
        else:
            suite = self.tls.object.cipher()
            self.version = (self.tls.object.version() or "").removeprefix("TLSv")
            self.suite = suite[0] if suite else ""

    def send(self, octets: bytes) -> bool:
        """Send *octets* as they stand; False if the connection is over."""
        if self.ended:
            return False
        try:
            self.tls.send(octets, max(self.until, time.monotonic() + 0.05))
        except Ended as ended:
            self.ended = "silent" if ended.how == "silent" else "closed"
        except (OSError, ValueError):
            self.ended = "closed"
        return not self.ended

    def send_split(self, octets: bytes) -> bool:
        """Send *octets* one by one, each in a TLS record of its own."""
        return all(self.send(octets[at : at + 1]) for at in range(len(octets)))

    def stands(self, grace: float) -> bool:
        """Wait *grace* seconds for an alert or an end of the stream; True if nothing came."""
        if self.ended:
            return False
        try:
            data = self.tls.receive(time.monotonic() + grace, 4096)
        except Ended as ended:
            if ended.how == "silent":
                return True
            self.ended = f"refused: {reason_of(ended)}"
            return False
        except (OSError, ValueError) as error:
            self.ended = f"refused: {reason_of(error)}"
            return False
        if data:
            return True
        self.ended = "refused: unexpected_eof_while_reading" if self.tls.ragged else "closed"
        return False

    def close(self, *, wait: float = 0.3) -> bool | None:
        """Say close_notify and close; tell whether it was answered, None if the connection was over."""
        answered: bool | None = None
        if not self.ended:
            answered = False
            with contextlib.suppress(Ended, OSError, ValueError):
                self.tls.shut(time.monotonic() + wait)
                answered = True
            self.ended = "ours"
        self.tls.plain.close()
        return answered


def send_datagrams(
    host: str, port: int, datagrams: Sequence[bytes], record: Record | None = None
) -> list[bool]:
    """Send each datagram; False for those the network here did not take."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = []
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind(("", 0))
        wire = record(sock) if record else None
        for data in datagrams:
            try:
                sock.sendto(data, (host, port))
                if wire is not None:
                    wire.note(data, out=True)
                taken.append(True)
            except OSError:
                taken.append(False)
    return taken


def version_names() -> tuple[str, ...]:
    """Return the TLS versions that can be asked for."""
    return tuple(VERSIONS)


__all__ = ["Offered", "Sender", "send_datagrams", "version_names"]
