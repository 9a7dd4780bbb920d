"""What passed on the wire during one stimulus, kept as pcapng and as words for people.

Sockets of the harness report to the recorder of their stimulus. It keeps the first octets of each
connection and the keys of our own TLS sessions. As soon as a stimulus shows credentials, it keeps
no keys, and filler of the same length stands in place of what may be secret.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from part15.address import join_address
from part15.wire import pcapng
from part15.wire.masking import masked, shows_identity
from part15.wire.stream_names import Namer

CONNECTION_LIMIT = 256 * 1024
"""Octets that are kept of one connection, both directions together."""
STIMULUS_LIMIT = 4 * 1024 * 1024
"""Octets that are kept of one stimulus."""
PIECES = 20_000
"""Sends and receives that are kept of one stimulus."""
LINES = 2_000
"""Lines of a transcript."""
KEYS_LIMIT = 1024 * 1024
FIRST = 8
"""Names of what a connection brought that are told to a person."""


@dataclass
class Wire:
    """One connection as it is recorded; *here* and *there* are its addresses."""

    recorder: Recorder
    here: pcapng.Address
    there: pcapng.Address
    began: float
    opened_here: bool = True
    udp: bool = False
    pieces: list[pcapng.Piece] = field(default_factory=list)
    clear: list[tuple[float, bool, str]] = field(default_factory=list)
    passed: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    kept: int = 0
    full: bool = False
    _names: dict[bool, Namer] = field(default_factory=lambda: {True: Namer(), False: Namer()})

    @property
    def keys(self) -> Path | None:
        """The file to which the TLS sessions on this connection log their keys, None to log none."""
        return self.recorder.keys

    @property
    def cut(self) -> int:
        """Octets that passed and were not kept."""
        return sum(self.passed.values()) - self.kept

    def note(self, octets: bytes, *, out: bool) -> None:
        """Keep *octets* as far as there is room."""
        self.passed[out] += len(octets)
        kept = octets[: self.recorder.room(self, len(octets))]
        if kept:
            self.kept += len(kept)
            self.pieces.append(pcapng.Piece(time.time(), out, bytes(kept)))

    def decrypted(self, octets: bytes, *, out: bool) -> None:
        """Take note of what *octets* say under TLS; they themselves are not kept."""
        names = self._names[out]
        for said in names.feed(octets):
            if len(self.clear) < LINES:
                self.clear.append((time.time(), out, said))

    @property
    def identifies(self) -> bool:
        """Whether an association on this connection shows a user, in the clear or under TLS."""
        bare = {out: Namer() for out in (True, False)}
        for out, names in bare.items():
            first = next((p.octets[:1] for p in self.pieces if p.out == out), b"")
            if first in (b"\1", b"\2"):
                for piece in self.pieces:
                    if piece.out == out:
                        names.feed(piece.octets)
        return any(shows_identity(names) for names in (*bare.values(), *self._names.values()))


@dataclass
class Recorder:
    """Records the connections of one stimulus.

    *keys* is the file for the keys of TLS sessions, in a folder that goes away with the stimulus.
    *private* is true for a stimulus that shows credentials; *sensitive* where the product may send data
    of others; *done* once one that connects has ended
    as it should.
    """

    keys: Path | None = None
    private: bool = False
    sensitive: bool = False
    done: bool = False
    wires: list[Wire] = field(default_factory=list)
    _kept: int = 0
    _pieces: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def connected(
        self, sock: Any, *, opened: bool = True, to: tuple[str, int] | None = None
    ) -> Wire:
        """Return the record of a connection that begins now, *opened* by us or by the SUT; datagrams go *to*."""
        here, there = ("0.0.0.0", 0), to or ("0.0.0.0", 0)  # noqa: S104 - an address that is not known any more
        with contextlib.suppress(OSError):
            here = sock.getsockname()[:2]
            there = to or sock.getpeername()[:2]
        wire = Wire(self, here, there, time.time(), opened, udp=to is not None)
        with self._lock:
            self.wires.append(wire)
        return wire

    def room(self, wire: Wire, wanted: int) -> int:
        """Return how many of *wanted* octets may be kept of *wire*."""
        with self._lock:
            left = min(CONNECTION_LIMIT - wire.kept, STIMULUS_LIMIT - self._kept)
            if wire.full or self._pieces >= PIECES:
                return 0
            granted = max(0, min(wanted, left))
            wire.full = granted < wanted
            self._kept += granted
            self._pieces += 1
        return granted

    def written(self, stimulus: str) -> tuple[bytes, bytes]:
        """Return what was recorded, as a pcapng file and as a text for people."""
        self.private = self.private or any(wire.identifies for wire in self.wires)
        keys = b"" if self.private else self._logged()
        talks = [self._conversation(wire) for wire in self.wires]
        said = "; ".join(self._remarks(keys))
        comment = f"{stimulus}: {said}" if said else stimulus
        capture = pcapng.encode(talks, keys=keys, comment=comment, tool="part15")
        return capture, "\n".join([*self._lines(keys), ""]).encode()

    def arrivals(self) -> list[str]:
        """Return a line about each connection that the product opened: from where, and what it said first."""
        return [_arrived(wire) for wire in list(self.wires) if not wire.opened_here]

    def _logged(self) -> bytes:
        if self.keys is None or not self.keys.is_file():
            return b""
        with self.keys.open("rb") as stream:
            text = stream.read(KEYS_LIMIT)
        return b"".join(
            line
            for line in text.splitlines(keepends=True)
            if line[:1] != b"#" and line[-1:] == b"\n"
        )

    def _remarks(self, keys: bytes) -> Iterator[str]:
        yield "octets as they passed our sockets, IP and TCP headers are made up"
        if not self.wires:
            yield "no connection: what was asked had been learnt before in this run"
        if self.private:
            yield "filler stands for credentials, and no TLS keys are kept"
        elif keys:
            yield "the keys of our own TLS sessions are inside"
        cut = sum(wire.cut for wire in self.wires)
        if cut:
            yield f"cut: {cut} octets that passed are not in this file"

    def _conversation(self, wire: Wire) -> pcapng.Conversation:
        pieces = masked(wire.pieces) if self.private else tuple(wire.pieces)
        told = f"cut: {wire.cut} octets of this connection are not in this file" if wire.cut else ""
        return pcapng.Conversation(
            wire.here, wire.there, wire.began, pieces, wire.opened_here, wire.udp, told
        )

    def _lines(self, keys: bytes) -> Iterator[str]:
        yield "On the wire: " + "; ".join(self._remarks(keys))
        yield "(> we sent, < the product sent, . decrypted; seconds since the connection began)"
        left = LINES
        for number, wire in enumerate(self.wires, start=1):
            if left <= 0:
                yield f"and {len(self.wires) - number + 1} more connections"
                return
            told = list(_told(wire))
            yield from told[:left]
            left -= len(told)


def _arrived(wire: Wire) -> str:
    namer = Namer()
    said = [
        name for piece in list(wire.pieces) if not piece.out for name in namer.feed(piece.octets)
    ]
    said += [name for _, out, name in list(wire.clear) if not out]
    said = [name for name in said if not name.startswith("application_data")] or said
    told = ", ".join(list(dict.fromkeys(said))[:FIRST]) or f"{wire.passed[False]} octets"
    return f"a connection from {join_address(*wire.there)}: {told}"


def _told(wire: Wire) -> Iterator[str]:
    names = {True: Namer(), False: Namer()}
    arrow = {True: ">", False: "<"}
    rows = [(p.at, arrow[p.out], _said(names[p.out], p.octets)) for p in wire.pieces]
    rows += [(at, f".{arrow[out]}", said) for at, out, said in wire.clear]
    ends = join_address(*wire.here), join_address(*wire.there)
    who = "we connected" if wire.opened_here else "the product connected"
    kind = "datagrams" if wire.udp else who
    yield f"{ends[0]} {'->' if wire.opened_here else '<-'} {ends[1]} ({kind})"
    for at, way, said in sorted(rows, key=lambda row: row[0]):
        yield f"  {at - wire.began:8.3f} {way:2} {said}"
    if wire.cut:
        yield f"  {wire.cut} further octets are not recorded"


def _said(namer: Namer, octets: bytes) -> str:
    names = ", ".join(namer.feed(octets))
    return f"{len(octets)} octets{': ' if names else ''}{names}"
