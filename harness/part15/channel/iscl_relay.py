"""A byte relay between two ISCL ends that knows nothing of ISCL: it records, and changes octets by their place."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

from part15.address import is_ipv6, join_address
from part15.channel.tls import Ended, dial
from part15.errors import Trouble

LIMIT = 16 << 20
"""Octets of one connection that are recorded."""

Alter = Callable[[str, int, bytes], bytes]
"""From the side they come from, their offset in its stream, and octets to what goes on."""


@dataclass
class Wire:
    """One connection: its octets in their order, and which sides ended it in which order."""

    chunks: list[tuple[str, bytes]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: {"client": 0, "server": 0})
    done: threading.Event = field(default_factory=threading.Event)

    def bursts(self) -> list[tuple[str, int, int]]:
        """Return (side, offset in its stream, octets) of each run of octets without an answer in between."""
        found: list[tuple[str, int, int]] = []
        at = {"client": 0, "server": 0}
        for side, octets in self.chunks:
            if found and found[-1][0] == side:
                found[-1] = side, found[-1][1], found[-1][2] + len(octets)
            else:
                found.append((side, at[side], len(octets)))
            at[side] += len(octets)
        return found


def unaltered(_: str, __: int, octets: bytes) -> bytes:
    """Pass octets on."""
    return octets


def flipping(side: str, places: Sequence[int]) -> Alter:
    """Return the change of one bit at each of *places* in the stream of *side*."""

    def alter(from_: str, at: int, octets: bytes) -> bytes:
        if from_ != side:
            return octets
        changed = bytearray(octets)
        for place in places:
            if at <= place < at + len(octets):
                changed[place - at] ^= 0x10
        return bytes(changed)

    return alter


def deleting(side: str, place: int, count: int) -> Alter:
    """Return the removal of *count* octets from *place* on in the stream of *side*."""

    def alter(from_: str, at: int, octets: bytes) -> bytes:
        if from_ != side:
            return octets
        start, end = max(place - at, 0), max(place + count - at, 0)
        return octets[:start] + octets[end:]

    return alter


@dataclass
class ByteRelay:
    """Listens and carries connections to *address*; *deadline* ends one on which nothing comes, in seconds."""

    address: str
    alter: Alter = unaltered
    host: str = "127.0.0.1"
    port: int = 0
    deadline: float = 5.0
    wires: list[Wire] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        family = socket.AF_INET6 if is_ipv6(self.host) else socket.AF_INET
        try:
            self._listening = socket.create_server((self.host, self.port), family=family)
        except OSError as error:
            place = join_address(self.host, self.port)
            raise Trouble("listen", f"{place} cannot be listened on: {error.strerror}") from error
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
    def listens(self) -> int:
        """The port."""
        return int(self._listening.getsockname()[1])

    def _accept(self) -> None:
        while True:
            ready, _, _ = select.select([self._listening, self._closing], [], [])
            if self._closing in ready:
                return
            near, _ = self._listening.accept()
            wire = Wire()
            self.wires.append(wire)
            thread = threading.Thread(target=self._carry, args=(near, wire), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _carry(self, near: socket.socket, wire: Wire) -> None:
        with near:
            try:
                far = dial(self.address, time.monotonic() + self.deadline)
            except Ended:
                wire.done.set()
                return
            with far:
                for sock in (near, far):
                    sock.settimeout(self.deadline)
                    with contextlib.suppress(OSError):
                        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._pump({near: "client", far: "server"}, wire)
        wire.done.set()

    def _pump(self, sides: dict[socket.socket, str], wire: Wire) -> None:
        near, far = sides
        left = dict(sides)
        while left:
            ready, _, _ = select.select([*left, self._closing], [], [], self.deadline)
            if not ready or self._closing in ready:
                return
            for sock in ready:
                side, other = sides[sock], far if sock is near else near
                try:
                    octets = sock.recv(65536)
                except OSError:
                    octets = b""
                if not octets:
                    wire.ended.append(side)
                    del left[sock]
                    with contextlib.suppress(OSError):
                        other.shutdown(socket.SHUT_WR)
                    continue
                at = wire.counts[side]
                wire.counts[side] += len(octets)
                if sum(wire.counts.values()) <= LIMIT:
                    wire.chunks.append((side, octets))
                try:
                    other.sendall(self.alter(side, at, octets))
                except OSError:
                    wire.ended += [s for s in [sides[other]] if s not in wire.ended]
                    left.pop(other, None)
