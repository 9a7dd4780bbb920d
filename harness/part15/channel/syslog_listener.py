"""A syslog collector for tests: TLS (RFC 5425) and UDP (RFC 5426) on loopback, bounded and with deadlines.

It records how each source connected, what it framed wrongly and how it ended; messages go to a sink
as they come, so that a flood needs no memory here.
"""

from __future__ import annotations

import contextlib
import functools
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, Self

from part15.bench import WireRecord, WireRecorder
from part15.channel.tls import Ended, Plain, Stream, Tap, Tls, listen_to, reason_of
from part15.channel.udp_checksums import ChecksumsSeen, ChecksumWatch
from part15.observations.audit import AuditConnectionSeen
from part15.wire.audit_flaw import Flaw
from part15.wire.syslog_frames import Frame, FrameReader

CONNECTIONS = 64
"""Connections at once; more wait in the backlog."""
RECORDED = 1024
"""Connections that are described; more are served all the same."""
RECEIVE = 65536
TICK = 0.05
HANDSHAKE = 10.0
"""Seconds that a handshake may take."""


class Sink(Protocol):
    """Takes each message with the number of its connection (0 for a datagram) and its UTC epoch time."""

    def __call__(self, frame: Frame, connection: int, arrived: float) -> None:
        """Take one message."""


@dataclass(frozen=True)
class Shown:
    """How the collector presents itself: certificate and key, the CA of sources, TLS versions allowed.

    Without *certificate* there is no TLS. *name* says which certificate it is.
    """

    certificate: str = ""
    key: str = ""
    trust: str = ""
    name: str = ""
    minimum: str = "1.0"
    maximum: str = "1.3"
    demand: bool = False
    ciphers: str = "DEFAULT:AES128-SHA:@SECLEVEL=0"

    def context(self) -> ssl.SSLContext:
        """Return a fresh server context; raises OSError or ssl.SSLError if the files cannot be used."""
        from part15.channel.tls import VERSIONS

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers(self.ciphers)
        context.load_cert_chain(self.certificate, self.key or None, password="")
        # A source that never reads would leave our tickets unread and reset the connection on close.
        context.num_tickets = 0
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # old versions are what we ask about
            context.minimum_version = VERSIONS[self.minimum]
            context.maximum_version = VERSIONS[self.maximum]
        with contextlib.suppress(AttributeError):
            context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
        if self.trust:
            context.load_verify_locations(self.trust)
            context.verify_mode = ssl.CERT_REQUIRED if self.demand else ssl.CERT_OPTIONAL
        return context


@dataclass
class _Connection:
    """What is learnt about one connection."""

    number: int
    server: str
    first: str = "nothing"
    version: str = ""
    suite: str = ""
    certificate: bool = False
    failed: str = ""
    alert: int | None = None
    ended: str = "open"
    octets: int = 0
    messages: int = 0
    framing: list[Flaw] = field(default_factory=list)

    def seen(self) -> AuditConnectionSeen:
        return AuditConnectionSeen(
            self.number,
            self.server,
            self.first,
            self.version,
            self.suite,
            self.certificate,
            self.failed,
            self.alert,
            self.ended,
            self.octets,
            self.messages,
            tuple((f.path, f.expected, f.observed) for f in self.framing),
        )


class SyslogListener:
    """Listens from construction to :meth:`close`; one thread per connection, all of this process.

    *idle* is the number of seconds after which a silent connection is given up; *pause* stops the
    reading (not the accepting) while it is set, as a busy collector would.
    """

    def __init__(
        self,
        sink: Sink,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        udp: bool = False,
        shown: Shown | None = None,
        idle: float = 30.0,
        tap: Callable[[int, bytes], None] | None = None,
        recorder: WireRecorder | None = None,
    ) -> None:
        self._recorder = recorder
        self._sink, self._shown, self._idle, self._tap = sink, shown or Shown(), idle, tap
        self._connections: list[_Connection] = []
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._room = threading.Semaphore(CONNECTIONS)
        self.last = time.monotonic()
        self.received = 0
        if self._shown.certificate:
            self._shown.context()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if udp:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        try:
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        self._socket.settimeout(TICK)
        if not udp:
            self._socket.listen(64)
        self.host, self.port = host, int(self._socket.getsockname()[1])
        self._watch = ChecksumWatch(family, self.port) if udp else None
        self._start(self._datagrams if udp else self._accept)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def connections(self) -> tuple[AuditConnectionSeen, ...]:
        """What is known of each connection so far."""
        return tuple(c.seen() for c in self._connections)

    @property
    def checksums(self) -> ChecksumsSeen | None:
        """What is known of the UDP checksums; None over TLS, or where this process may not see them."""
        return self._watch.seen(self.received) if self._watch else None

    def close(self) -> None:
        """Stop listening; open connections are dropped."""
        self._stop.set()
        if self._watch:
            self._watch.close()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in list(self._threads):
            thread.join(2.0)

    def wait(self, ready: Callable[[], bool], deadline: float) -> bool:
        """Wait until *ready* says so, at most *deadline* seconds; asked after every message and tick."""
        until = time.monotonic() + deadline
        with self._changed:
            while not ready():
                left = until - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(min(left, TICK))
        return True

    def wait_quiet(
        self, quiet: float, deadline: float, *, busy: Callable[[], bool] | None = None
    ) -> None:
        """Wait until nothing came for *quiet* seconds and *busy* is no longer true, or *deadline* passed."""
        self.wait(
            lambda: time.monotonic() - self.last > quiet and not (busy and busy()),
            deadline,
        )

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads = [t for t in self._threads if t.is_alive()]
        self._threads.append(thread)
        thread.start()

    def _deliver(self, frame: Frame, number: int) -> None:
        self._sink(frame, number, time.time())
        with self._changed:
            self.received += 1
            self.last = time.monotonic()
            self._changed.notify_all()

    def _touch(self) -> None:
        with self._changed:
            self.last = time.monotonic()
            self._changed.notify_all()

    def _datagrams(self) -> None:
        records: dict[tuple[str, int], WireRecord] = {}
        while not self._stop.is_set():
            try:
                data, source = self._socket.recvfrom(65536)
            except TimeoutError:
                continue
            except OSError:
                return
            self._recorded(records, source[:2], data)
            if self._tap:
                self._tap(0, data)
            self._deliver(Frame(data, len(data), "datagram"), 0)

    def _recorded(
        self, records: dict[tuple[str, int], WireRecord], source: tuple[str, int], data: bytes
    ) -> None:
        if self._recorder is None:
            return
        if source not in records and len(records) < RECORDED:
            records[source] = self._recorder.connected(self._socket, opened=False, to=source)
        if source in records:
            records[source].note(data, out=False)

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                sock, _ = self._socket.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            self._touch()
            self._room.acquire()
            connection = _Connection(len(self._connections) + 1, self._shown.name)
            if len(self._connections) < RECORDED:
                self._connections.append(connection)
            self._start(lambda s=sock, c=connection: self._serve(s, c))  # type: ignore[misc]

    def _serve(self, sock: socket.socket, seen: _Connection) -> None:
        wire = self._recorder.connected(sock, opened=False) if self._recorder else None
        plain = Plain(sock, Tap(limit=0), wire=wire)
        try:
            sock.settimeout(TICK)
            first = self._peek(sock)
            if first:
                seen.first = "tls" if first == b"\x16" else "clear"
            stream: Stream | None = plain
            if seen.first == "tls" and self._shown.certificate:
                stream = self._secured(plain, seen)
            if stream is not None:
                self._read(stream, seen)
        finally:
            plain.close()
            self._room.release()
            self._touch()

    def _peek(self, sock: socket.socket) -> bytes:
        until = time.monotonic() + self._idle
        while not self._stop.is_set() and time.monotonic() < until:
            try:
                return sock.recv(1, socket.MSG_PEEK)
            except TimeoutError:
                continue
            except OSError:
                return b""
        return b""

    def _secured(self, plain: Plain, seen: _Connection) -> Tls | None:
        context = self._shown.context()
        spoken = listen_to(context)
        stream = Tls(plain, context, server=True)
        try:
            stream.handshake(time.monotonic() + HANDSHAKE)
        except (Ended, OSError, ValueError) as error:
            seen.failed = reason_of(error).replace("_", " ")
            seen.alert = spoken.alert_received
            seen.ended = "reset"
            return None
        suite = stream.object.cipher()
        seen.version, seen.suite = (
            (stream.object.version() or "").removeprefix("TLSv"),
            suite[0] if suite else "",
        )
        seen.certificate = bool(stream.object.getpeercert(binary_form=True))
        return stream

    def _read(self, stream: Stream, seen: _Connection) -> None:
        """Read frames to the end of the stream; a silent or stopped one is left as ``open``."""
        reader = FrameReader()
        until = time.monotonic() + self._idle
        while not self._stop.is_set() and time.monotonic() < until:
            try:
                data = stream.receive(time.monotonic() + TICK, RECEIVE)
            except Ended as ended:
                if ended.how == "silent":
                    continue
                seen.ended, seen.failed = "reset", reason_of(ended)
                break
            except (OSError, ValueError) as error:
                seen.ended, seen.failed = "reset", reason_of(error)
                break
            if not data:
                closed = isinstance(stream, Tls) and not stream.ragged
                seen.ended = "close-notify" if closed else "eof"
                break
            until = time.monotonic() + self._idle
            if self._tap:
                self._tap(seen.number, data)
            for frame in reader.feed(data):
                seen.messages += 1
                self._deliver(frame, seen.number)
            seen.octets, seen.framing = reader.octets, reader.flaws
        for frame in reader.end():
            seen.messages += 1
            self._deliver(frame, seen.number)
        seen.octets, seen.framing = reader.octets, reader.flaws
        if seen.ended == "close-notify" and isinstance(stream, Tls):
            stream.close_notify(time.monotonic() + 0.5)


@functools.cache
def may_listen(port: int) -> bool:
    """Tell whether this process may listen for datagrams at *port*: low ports need a right."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.255.15.15", port))
        except OSError:
            return False
    return True
