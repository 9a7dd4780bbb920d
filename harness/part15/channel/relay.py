"""A relay between a client and a server: cuts the streams into TLS records, may change them, keeps a tap.

It has no keys; what it changes, the other end must notice. It also carries plain DICOM, whose bytes
it passes on as they are.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from part15.address import is_ipv6, join_address
from part15.channel.records import cut
from part15.channel.tls import TAP_LIMIT, Ended, Tap, dial

Change = Callable[[int, bytes], list[bytes]]
"""From the number of a record (from 0, per direction) and its octets to what is sent instead."""


def unchanged(_: int, record: bytes) -> list[bytes]:
    """Pass the record on."""
    return [record]


def nth_application_record(number: int, change: Callable[[bytes], list[bytes]]) -> Change:
    """Return the change of the application data record *number* (from 0) of one direction.

    TLS 1.3 sends the end of its handshake in such records too.
    """
    seen = -1

    def apply(_: int, record: bytes) -> list[bytes]:
        nonlocal seen
        if record[:1] != b"\x17":
            return [record]
        seen += 1
        return change(record) if seen == number else [record]

    return apply


@dataclass
class _Way:
    """One direction of one connection."""

    source: socket.socket
    sink: socket.socket
    change: Change
    out: bool
    held: bytes = b""
    count: int = 0
    protected: bool | None = None

    def carry(self, octets: bytes, tap: Tap) -> bytes:
        """Take *octets* and return what goes on now."""
        tap.note(octets, out=self.out)
        if self.protected is None:
            self.protected = octets[:1] in (b"\x14", b"\x15", b"\x16", b"\x17")
        if not self.protected:
            return octets
        try:
            records, self.held = cut(self.held + octets)
        except ValueError:
            self.protected, rest, self.held = False, self.held + octets, b""
            return rest
        sent = b""
        for record in records:
            sent += b"".join(self.change(self.count, record))
            self.count += 1
        return sent


@dataclass
class Relay:
    """Listens on loopback and carries every connection to *address*.

    *changes* makes, for each new connection, the change of its way to the server and of its way back.
    *taps* keeps the first *room* octets that came from each end (before changes) and *sent* those that
    went on to each end (after them); *deadline* ends a connection that is silent.
    """

    address: str
    changes: Callable[[], tuple[Change, Change]] = lambda: (unchanged, unchanged)
    host: str = "127.0.0.1"
    port: int = 0
    deadline: float = 5.0
    room: int = TAP_LIMIT
    taps: list[Tap] = field(default_factory=list)
    sent: list[Tap] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        family = socket.AF_INET6 if is_ipv6(self.host) else socket.AF_INET
        self._listening = socket.create_server((self.host, self.port), family=family)
        self._closing, self._alarm = socket.socketpair()
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._alarm.send(b"x")
        self._acceptor.join(2)
        for thread in self._threads:
            thread.join(self.deadline + 1)
        for sock in (self._listening, self._closing, self._alarm):
            sock.close()

    @property
    def here(self) -> str:
        """The address to connect to."""
        return join_address(self.host, self._listening.getsockname()[1])

    def _accept(self) -> None:
        while True:
            ready, _, _ = select.select([self._listening, self._closing], [], [])
            if self._closing in ready:
                return
            near, _ = self._listening.accept()
            thread = threading.Thread(target=self._carry, args=(near,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _carry(self, near: socket.socket) -> None:
        with near:
            try:
                far = dial(self.address, time.monotonic() + self.deadline)
            except Ended:
                return
            with far:
                tap, passed = Tap(limit=self.room), Tap(limit=self.room)
                self.taps.append(tap)
                self.sent.append(passed)
                onward, back = self.changes()
                self._pump(
                    _Way(near, far, onward, out=True), _Way(far, near, back, out=False), tap, passed
                )

    def _pump(self, onward: _Way, back: _Way, tap: Tap, passed: Tap) -> None:
        ways = {onward.source: onward, back.source: back}
        for sock in ways:
            sock.settimeout(self.deadline)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):
            while ways:
                ready, _, _ = select.select([*ways, self._closing], [], [], self.deadline)
                if not ready or self._closing in ready:
                    return
                for sock in ready:
                    way = ways[sock]
                    octets = sock.recv(65536)
                    if octets:
                        self._pass(way, way.carry(octets, tap), passed)
                        continue
                    self._pass(way, way.held, passed)
                    way.sink.shutdown(socket.SHUT_WR)
                    del ways[sock]

    @staticmethod
    def _pass(way: _Way, octets: bytes, passed: Tap) -> None:
        passed.note(octets, out=way.out)
        way.sink.sendall(octets)
