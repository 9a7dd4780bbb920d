"""A loopback gateway: plain DICOM on one side, ISCL on the other, so that any tool can speak ISCL.

It also gives pynetdicom a context that it takes for a TLS one.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from part15.address import is_ipv6, is_literal, join_address
from part15.channel.tls import Ended, dial
from part15.errors import Trouble
from part15.wire.iscl import Engine
from part15.wire.iscl_types import Closed, Event, Failed, Received

CONNECTIONS = 64
WAITING = 1 << 20
"""Octets that may wait to be protected or delivered before no more are read."""

EngineMaker = Callable[[], Engine]


@dataclass
class _Pump:
    """Carries one connection between a plain socket and an ISCL one until both have ended."""

    plain: socket.socket
    wire: socket.socket
    engine: Engine
    deadline: float
    idle: float
    out: bytearray = field(default_factory=bytearray)
    wire_out: bytearray = field(default_factory=bytearray)
    plain_open: bool = True
    failed: str = ""
    began: float = field(default_factory=time.monotonic)

    def run(self) -> None:
        """Carry; a failed integrity check drops both sides at once."""
        for sock in (self.plain, self.wire):
            sock.setblocking(False)
        with contextlib.suppress(OSError):
            self._take(self.engine.start())
            while not self._over():
                self._turn()
        if self.failed:
            for sock in (self.plain, self.wire):
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    def _over(self) -> bool:
        if self.failed:
            return not self.wire_out
        return self.engine.state == "closed" and not self.out and not self.wire_out

    def _turn(self) -> None:
        reads = [self.wire] if len(self.out) < WAITING and not self.failed else []
        if self.plain_open and self.engine.state == "ready" and self.engine.backlog < WAITING:
            reads.append(self.plain)
        writes = [self.plain] if self.out else []
        writes += [self.wire] if self.wire_out else []
        wait = self.idle
        if not self.engine.authenticated:
            wait = max(self.began + self.deadline - time.monotonic(), 0)
        readable, writable, _ = select.select(reads, writes, [], wait)
        if wait <= 0 or not (readable or writable):
            self.failed = self.failed or "silent"
            self.wire_out.clear()
            return
        if self.wire in readable:
            octets = self.wire.recv(65536)
            if not octets:
                self.failed = self.failed or "the ISCL side ended without a disconnection"
            self._take(self.engine.feed(octets))
        if self.plain in readable:
            octets = self.plain.recv(65536)
            if octets:
                self._take(self.engine.send(octets))
            else:
                self.plain_open = False
                self._take(self.engine.disconnect())
        if self.plain in writable:
            del self.out[: self.plain.send(self.out)]
        if self.wire in writable:
            del self.wire_out[: self.wire.send(self.wire_out)]

    def _take(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Received):
                self.out += event.octets
            elif isinstance(event, Failed):
                self.failed = f"{event.reason}: {event.why}"
            elif isinstance(event, Closed):
                self.plain_open = False
        self.wire_out += self.engine.outgoing()


def carry(
    plain: socket.socket,
    wire: socket.socket,
    engine: Engine,
    *,
    deadline: float = 10.0,
    idle: float = 300.0,
) -> str:
    """Carry a connection between *plain* and *wire*, which *engine* speaks on, to its end; close both.

    *deadline* bounds the handshake, *idle* the silence after it, in seconds. Returns what
    went wrong, or nothing.
    """
    with plain, wire:
        pump = _Pump(plain, wire, engine, deadline, idle)
        pump.run()
        if not pump.failed:
            for sock in (plain, wire):
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_WR)
    return pump.failed


@dataclass
class Gateway:
    """Listens on *host* and carries every connection to *address*; a context manager.

    *protects* tells whether the far side is ISCL (we are its client) or the near one (we are its
    server). *ends* keeps how each connection ended. Only addresses of this machine are listened on.
    """

    address: str
    engine: EngineMaker
    protects: bool
    host: str = "127.0.0.1"
    port: int = 0
    deadline: float = 10.0
    idle: float = 300.0
    ends: list[str] = field(default_factory=list)
    _threads: set[threading.Thread] = field(default_factory=set)
    _open: set[socket.socket] = field(default_factory=set)

    def __enter__(self) -> Self:
        if self.host not in ("127.0.0.1", "::1", "localhost"):
            raise Trouble(
                "listen", f"a gateway listens on loopback only, not on {self.host}; use 127.0.0.1"
            )
        family = socket.AF_INET6 if is_ipv6(self.host) else socket.AF_INET
        host = self.host if is_literal(self.host) else "127.0.0.1"
        try:
            self._listening = socket.create_server((host, self.port), family=family)
        except OSError as error:
            place = join_address(host, self.port)
            raise Trouble("listen", f"{place} cannot be listened on: {error.strerror}") from error
        self.host = host
        self._wake, self._alarm = socket.socketpair()
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._alarm.send(b"x")
        self._acceptor.join(5)
        for sock in tuple(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in tuple(self._threads):
            thread.join(5)
        for sock in (self._listening, self._wake, self._alarm):
            sock.close()

    @property
    def here(self) -> str:
        """The address to connect to."""
        return join_address(self.host, self._listening.getsockname()[1])

    def _accept(self) -> None:
        while True:
            ready, _, _ = select.select([self._listening, self._wake], [], [])
            if self._wake in ready:
                return
            with contextlib.suppress(OSError):
                near, _ = self._listening.accept()
                if len(self._threads) >= CONNECTIONS:
                    near.close()
                    continue
                thread = threading.Thread(target=self._serve, args=(near,), daemon=True)
                self._threads.add(thread)
                thread.start()

    def _serve(self, near: socket.socket) -> None:
        try:
            near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            far = dial(self.address, time.monotonic() + self.deadline)
        except (Ended, OSError) as error:
            self.ends.append(str(error))
            near.close()
        else:
            self._open |= {near, far}
            plain, wire = (near, far) if self.protects else (far, near)
            self.ends.append(
                carry(plain, wire, self.engine(), deadline=self.deadline, idle=self.idle)
            )
            self._open -= {near, far}
        finally:
            self._threads.discard(threading.current_thread())


class WrappedSocket:
    """What pynetdicom takes for a TLS socket: a real descriptor that carries octets in clear.

    Everything else is asked of the socket of that descriptor.
    """

    def __init__(
        self, raw: socket.socket, engine: Engine, *, connected: bool, deadline: float
    ) -> None:
        self._raw, self._engine, self._deadline = raw, engine, deadline
        self._inner, self._outer = socket.socketpair()
        self._thread: threading.Thread | None = None
        if connected:
            self._start()

    def _start(self) -> None:
        self._thread = threading.Thread(
            target=carry,
            args=(self._outer, self._raw, self._engine),
            kwargs={"deadline": self._deadline},
            daemon=True,
        )
        self._thread.start()

    def connect(self, address: Any) -> None:
        """Connect; raises OSError. The handshake goes on in the background: what is sent waits for it."""
        self._raw.connect(address)
        self._raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._start()

    def settimeout(self, seconds: float | None) -> None:
        """Set the time-out of both sides."""
        if self._thread is None:
            self._raw.settimeout(seconds)
        self._inner.settimeout(seconds)

    def bind(self, address: Any) -> None:
        """Bind the real socket."""
        self._raw.bind(address)

    def getsockname(self) -> Any:
        """Return the address of the real socket, or that of a closed one."""
        try:
            return self._raw.getsockname()
        except OSError:
            return ("0.0.0.0", 0)  # noqa: S104 - nothing listens on it; the socket is closed

    def getpeername(self) -> Any:
        """Return the address of the other end."""
        return self._raw.getpeername()

    def setsockopt(self, *given: Any) -> None:
        """Set an option of the real socket, if it is still there."""
        with contextlib.suppress(OSError):
            self._raw.setsockopt(*given)

    def close(self) -> None:
        """Close our end; the line is disconnected in the background."""
        self._inner.close()
        if self._thread is None:
            self._raw.close()
            self._outer.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@dataclass(frozen=True)
class IsclContext:
    """Stands where pynetdicom wants an ``ssl.SSLContext``: every connection speaks ISCL.

    *engine* makes the engine of a connection, for the role ``client`` or ``server``.
    """

    engine: Callable[[Any], Engine]
    deadline: float = 10.0

    def wrap_socket(
        self, sock: socket.socket, server_side: bool = False, server_hostname: str | None = None
    ) -> WrappedSocket:
        """Return what stands for *sock*; a server's is connected already, a client's is not yet."""
        del server_hostname
        role = "server" if server_side else "client"
        return WrappedSocket(sock, self.engine(role), connected=server_side, deadline=self.deadline)
