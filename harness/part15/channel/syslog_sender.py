"""A syslog sender for tests: TLS (RFC 5425) with single records at will, and UDP; bounded by deadlines."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from part15.channel.tcp import open_socket
from part15.channel.tls import VERSIONS, client_context


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
    """One TLS connection to a collector; *ended* is empty while it stands, else how it ended."""

    def __init__(self, point: Any, offered: Offered, deadline: float) -> None:
        self.until = time.monotonic() + deadline
        self.ended = ""
        self.version, self.suite = "", ""
        self.sock: ssl.SSLSocket | None = None
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
        try:
            raw.settimeout(max(0.05, self.until - time.monotonic()))
            raw.getpeername()  # a connection that was reset by now would leak inside wrap_socket
            self.sock = context.wrap_socket(
                raw,
                server_hostname=point.server_name or None,
                suppress_ragged_eofs=False,
            )
        except TimeoutError:
            raw.close()
            self.ended = "silent"
        except (OSError, ValueError) as error:
            raw.close()
            self.ended = (
                f"refused: {str(getattr(error, 'reason', None) or type(error).__name__).lower()}"
            )
        else:
            suite = self.sock.cipher()
            self.version = (self.sock.version() or "").removeprefix("TLSv")
            self.suite = suite[0] if suite else ""

    def send(self, octets: bytes) -> bool:
        """Send *octets* as they stand; False if the connection is over."""
        if self.ended or self.sock is None:
            return False
        try:
            self.sock.settimeout(max(0.05, self.until - time.monotonic()))
            self.sock.sendall(octets)
        except TimeoutError:
            self.ended = "silent"
        except (OSError, ValueError):
            self.ended = "closed"
        return not self.ended

    def send_split(self, octets: bytes) -> bool:
        """Send *octets* one by one, each in a TLS record of its own."""
        return all(self.send(octets[at : at + 1]) for at in range(len(octets)))

    def stands(self, grace: float) -> bool:
        """Wait *grace* seconds for an alert or an end of the stream; True if nothing came."""
        if self.ended or self.sock is None:
            return False
        try:
            self.sock.settimeout(grace)
            data = self.sock.recv(4096)
        except TimeoutError:
            return True
        except (OSError, ValueError) as error:
            self.ended = (
                f"refused: {str(getattr(error, 'reason', None) or type(error).__name__).lower()}"
            )
            return False
        if data:
            return True
        self.ended = "closed"
        return False

    def close(self, *, wait: float = 0.3) -> bool | None:
        """Say close_notify and close; tell whether it was answered, None if the connection was over."""
        if self.sock is None:
            return None
        answered: bool | None = None
        if not self.ended:
            answered = False
            self.sock.settimeout(wait)
            with contextlib.suppress(OSError, ValueError):
                self.sock.unwrap()
                answered = True
            self.ended = "ours"
        with contextlib.suppress(OSError):
            self.sock.close()
        return answered


def send_datagrams(host: str, port: int, datagrams: Sequence[bytes]) -> list[bool]:
    """Send each datagram; False for those the network here did not take."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = []
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        for data in datagrams:
            try:
                sock.sendto(data, (host, port))
                taken.append(True)
            except OSError:
                taken.append(False)
    return taken


def version_names() -> tuple[str, ...]:
    """Return the TLS versions that can be asked for."""
    return tuple(VERSIONS)


__all__ = ["Offered", "Sender", "send_datagrams", "version_names"]
