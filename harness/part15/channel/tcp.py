"""TCP with deadlines: connect over IPv4 and IPv6, send, bounded reads; every connection is counted."""

from __future__ import annotations

import contextlib
import errno
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from part15.address import join_address
from part15.bench import Bench, WireRecord
from part15.errors import Trouble

CHUNK = 65536
REFUSED = (errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTUNREACH, errno.ENETUNREACH)


@dataclass
class Stream:
    """A connected socket with one deadline (monotonic seconds) for all that is done on it.

    *ended* tells how the other side ended: nothing yet, ``close`` (end of stream), ``reset``, or
    ``timeout`` (our deadline). The octets of both directions are kept up to *tap* each.
    """

    socket: socket.socket
    until: float
    ended: str = ""
    tap: int = 64 * 1024
    sent: bytearray = field(default_factory=bytearray)
    received: bytearray = field(default_factory=bytearray)
    wire: WireRecord | None = None

    def send(self, data: bytes) -> bool:
        """Send all of *data*; False (and *ended*) if the other side or the deadline prevented it."""
        self.sent += data[: max(0, self.tap - len(self.sent))]
        if not self._in_time():
            return False
        if self.wire is not None:
            self.wire.note(data, out=True)
        try:
            self.socket.sendall(data)
        except TimeoutError:
            self.ended = "timeout"
        except OSError:
            self.ended = "reset"
        return not self.ended

    def receive(self, size: int = CHUNK) -> bytes:
        """Return what has arrived, at most *size* octets; nothing when the stream has *ended*."""
        if not self._in_time():
            return b""
        try:
            data = self.socket.recv(size)
        except TimeoutError:
            self.ended = "timeout"
            return b""
        except OSError:
            self.ended = "reset"
            return b""
        if not data:
            self.ended = "close"
        elif self.wire is not None:
            self.wire.note(data, out=False)
        self.received += data[: max(0, self.tap - len(self.received))]
        return data

    def wait_end(self, grace: float) -> bool:
        """Read and drop what comes until the other side ends; False if *grace* seconds pass first."""
        self.until = min(self.until, time.monotonic() + grace)
        dropped = 0
        while not self.ended and dropped < 1024 * 1024:
            dropped += len(self.receive())
        return self.ended in ("close", "reset")

    def _in_time(self) -> bool:
        """Give the socket what is left of the deadline; False if the stream has ended."""
        left = self.until - time.monotonic()
        if not self.ended and left <= 0:
            self.ended = "timeout"
        if self.ended:
            return False
        self.socket.settimeout(left)
        return True


def open_socket(host: str, port: int, deadline: float, source: str = "") -> socket.socket:
    """Return a connected socket, from the address *source* if one is given; zone ids are allowed.

    Raises OSError; EADDRNOTAVAIL if *source* is no address of ours.
    """
    last: OSError | None = None
    for family, kind, protocol, _, address in socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM
    ):
        made = socket.socket(family, kind, protocol)
        try:
            made.settimeout(deadline)
            if source:
                made.bind((source, 0))
            made.connect(address)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            made.close()
            last = error
        else:
            return made
    raise last or OSError(errno.EHOSTUNREACH, "no address")


def connect(bench: Bench, *, deadline: float | None = None, source: str = "") -> Stream:
    """Return a stream to the endpoint of *bench*, counted in its ledger.

    The deadline of the stream (of *bench* unless given) begins now and includes the connecting.
    Raises Trouble("connect") with a sentence that says what to look at.
    """
    seconds = bench.deadline if deadline is None else deadline
    host, port = bench.endpoint.host, bench.endpoint.port
    bench.ledger.connected(bench.endpoint.address)
    until = time.monotonic() + seconds
    try:
        made = open_socket(host, port, seconds, source)
    except OSError as error:
        raise Trouble("connect", _unreachable(host, port, error, seconds)) from error
    return Stream(made, until, wire=bench.recorded(made))


@contextlib.contextmanager
def stream(bench: Bench, *, deadline: float | None = None) -> Iterator[Stream]:
    """Give a connected stream and close it afterwards; raises what :func:`connect` raises."""
    opened = connect(bench, deadline=deadline)
    try:
        yield opened
    finally:
        opened.socket.close()


def _unreachable(host: str, port: int, error: OSError, seconds: float) -> str:
    place = join_address(host, port)
    if isinstance(error, socket.gaierror):
        return f"the name {host} cannot be resolved ({error.strerror}); correct the address of the endpoint"
    if isinstance(error, TimeoutError):
        return (
            f"{place} did not answer within {seconds:g} s; look whether the host is up and whether a "
            "firewall drops the connection"
        )
    if error.errno in REFUSED:
        return f"nothing accepts connections on {place} ({error.strerror}); start the product or correct the port"
    return f"{place} cannot be connected to ({error.strerror or error})"
