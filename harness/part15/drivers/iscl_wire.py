"""Two real ISCL ends with us as the wire: what holds under any binding (PS3.15 B.2)."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from part15.address import split_address
from part15.bench import Bench
from part15.channel.iscl_relay import Alter, ByteRelay, Wire, deleting, flipping, unaltered
from part15.channel.tls import Ended, Plain, dial
from part15.channel.trigger import acting
from part15.drivers.iscl_object import PATIENT, SECONDARY_CAPTURE, Made, made
from part15.errors import Trouble
from part15.observations import NotReached
from part15.observations.iscl import BetweenSeen, Carried, FreshSeen

AGENT = "tcp:"
"""Begins a partner that is an agent: a port that takes one line of JSON and answers ``0`` or ``1``."""
HANDSHAKES = 20
SIZE = 40_000
"""Octets of the object that is sent."""
NEEDS = "needs a second endpoint"


@dataclass
class Between:
    """Makes transfers through a relay; *role* is that of the product."""

    bench: Bench
    role: str
    wires: list[Wire] = field(default_factory=list)

    def run(
        self, sent: Made, alter: Alter = unaltered, *, stranger: bool = False
    ) -> tuple[Carried, Wire]:
        """Carry one transfer of *sent*; raises Trouble if it cannot be started."""
        said = self.bench.endpoint.iscl
        other = said.stranger if stranger else said.partner
        point = self.bench.endpoint
        if self.role == "server":
            return self.through(point.address, other, sent, alter)
        return self.through(str(other), point.trigger, sent, alter)

    def through(
        self, address: str, command: Any, sent: Made, alter: Alter = unaltered
    ) -> tuple[Carried, Wire]:
        """Carry what *command* sends to *address*."""
        point = self.bench.endpoint
        listening = {} if self.role == "server" else {"host": point.host, "port": point.port}
        before = self.files()
        self.bench.ledger.connected(address)
        with ByteRelay(address, alter, deadline=self.bench.deadline, **listening) as relay:
            acknowledged = self._act(command, relay, sent)
            wire = relay.wires[0] if relay.wires else Wire()
            if relay.wires:
                wire.done.wait(2 * self.bench.deadline)
        return self.carried(sent, wire, before, acknowledged=acknowledged), wire

    @property
    def seen_in(self) -> str:
        """The folder of received objects, empty where it cannot be told whether they are ours."""
        trigger = "" if self.role == "server" else str(self.bench.endpoint.trigger)
        ours = self.role == "server" or trigger.startswith(AGENT) or "{file}" in trigger
        return str(self.bench.endpoint.iscl.folder) if ours else ""

    def _act(self, command: Any, relay: ByteRelay, sent: Made) -> bool:
        slots = {
            "host": relay.host,
            "port": str(relay.listens),
            "aet": self.bench.endpoint.ae_title,
            "file": str(sent.path),
        }
        wait = 4 * self.bench.deadline
        if isinstance(command, str) and command.startswith(AGENT):
            return _by_agent(command.removeprefix(AGENT), slots, wait)
        folder = getattr(self.bench.target, "folder", self.bench.scratch)
        with acting(command, folder=folder, slots=slots, what="send an object") as process:
            until = time.monotonic() + wait
            if process is None:
                raise Trouble("second endpoint", "a person cannot be asked for forty transfers")
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(max(until - time.monotonic(), 0.1)) == 0
        return False

    @contextlib.contextmanager
    def acting(self, slots: dict[str, str], sent: Made) -> Iterator[None]:
        """Let the product send *sent* to the place in *slots* while the block waits for it."""
        point, wait = self.bench.endpoint, 4 * self.bench.deadline
        whole = {**slots, "aet": point.ae_title, "file": str(sent.path)}
        if isinstance(point.trigger, str) and point.trigger.startswith(AGENT):
            given = (point.trigger.removeprefix(AGENT), whole, wait)
            thread = threading.Thread(target=_by_agent, args=given, daemon=True)
            thread.start()
            yield
            thread.join(wait)
            return
        folder = getattr(self.bench.target, "folder", self.bench.scratch)
        with acting(point.trigger, folder=folder, slots=whole, what="send an object"):
            yield

    def files(self) -> dict[Path, tuple[int, int]]:
        """Return the files of the folder where received objects are written, with time and size."""
        folder = self.seen_in
        if not folder:
            return {}
        return {
            p: (p.stat().st_mtime_ns, p.stat().st_size)
            for p in sorted(Path(folder).rglob("*"))[:100_000]
            if p.is_file()
        }

    def carried(
        self, sent: Made, wire: Wire, before: dict[Path, tuple[int, int]], *, acknowledged: bool
    ) -> Carried:
        """Return what became of *sent* on *wire*, seeing which files are not as *before*."""
        stored = "unknown"
        if self.seen_in:
            new = [p for p, state in self.files().items() if before.get(p) != state]
            stored = "none"
            for path in new:
                whole = sent.payload in path.read_bytes()
                stored = "same" if whole and stored != "other" else "other"
        return Carried(
            acknowledged=acknowledged,
            stored=stored,
            dropped=bool(wire.ended) and wire.ended[0] == self.role,
            entered=bool(wire.chunks),
            sent=wire.counts["client"],
            answered=wire.counts["server"],
        )


def _by_agent(address: str, slots: dict[str, str], wait: float) -> bool:
    until = time.monotonic() + wait
    try:
        plain = Plain(dial(address, until))
    except Ended as ended:
        raise Trouble("second endpoint", f"its agent at {address}: {ended}") from None
    try:
        plain.send(json.dumps(slots).encode() + b"\n", until)
        return plain.receive(until)[:1] == b"0"
    except Ended:
        return False
    finally:
        plain.close()


def _span(wire: Wire) -> tuple[int, int, int]:
    """Return where the transfer begins and ends in the client's stream, and how much the server had said by then."""
    bursts = wire.bursts()
    largest = max((n for side, _, n in bursts if side == "client"), default=0)
    large = [(at, n) for side, at, n in bursts if side == "client" and n * 4 >= largest]
    start, end = large[0][0], sum(large[-1])
    said = done = 0
    for side, octets in wire.chunks:
        done += len(octets) if side == "client" else 0
        if done >= end:
            break
        said += len(octets) if side == "server" else 0
    return start, end, said


def alterations(wire: Wire) -> Iterator[tuple[str, str, tuple[Alter, ...]]]:
    """Yield (facet, side, changes), places taken from the untouched *wire*.

    Two places of one facet are 40 octets apart, so that no more than one falls into a header whose
    words nobody uses.
    """
    start, end, said = _span(wire)
    middle = (start + end) // 2
    places = {
        "altered-start": (start + 200, start + 240),
        "altered-middle": (middle, middle + 40),
        "altered-last": (end - 60, end - 100),
        "altered-mac": (end - 2, end - 10),
    }
    for name, both in places.items():
        yield name, "client", tuple(flipping("client", [p]) for p in both)
    yield "deleted", "client", (deleting("client", middle, 64),)
    answers = [(n, at) for side, at, n in wire.bursts() if side == "server" and at >= said]
    if answers:
        size, at = max(answers)
        # what is last is a MAC or follows one; no header has so many octets that nobody looks at
        ends = tuple(at + size - n for n in (2, 10, 18, 26) if n <= size)
        yield "altered-answer", "server", tuple(flipping("server", [p]) for p in ends)


MARKERS = ("patient name", "SOP Instance UID", "SOP Class UID", "called AE title", "zero octets")


def _heard(wire: Wire, sent: Made, called: str) -> tuple[str, ...]:
    octets = [b"".join(o for s, o in wire.chunks if s == side) for side in ("client", "server")]
    looked = dict(
        zip(
            MARKERS,
            (
                PATIENT,
                sent.instance.encode(),
                SECONDARY_CAPTURE.encode(),
                called.encode(),
                bytes(96),
            ),
            strict=True,
        )
    )
    return tuple(n for n, what in looked.items() if what and any(what in o for o in octets))


def fresh(wires: list[Wire]) -> FreshSeen | NotReached:
    """Lay the beginnings of *wires* over each other: which bits vary, on which side first."""
    found = {"client": [b""] * len(wires), "server": [b""] * len(wires)}
    turns: list[tuple[str, int, int]] = []
    for number, wire in enumerate(wires):
        for side, at, size in wire.bursts():
            if size >= 150:
                break
            octets = b"".join(o for s, o in wire.chunks if s == side)
            found[side][number] += octets[at : at + size]
            if number == 0:
                turns.append((side, at, size))
    if not all(found["client"]) or not all(found["server"]):
        return NotReached("handshakes", "the octets before data could not be told from data")
    varying = {side: _varying(found[side]) for side in found}
    before = 0
    for side, at, size in turns:
        bits = sum(at <= place // 8 < at + size for place in varying[side])
        if side == "client" and bits:
            break
        before += bits
    distinct = all(len(set(found[side])) == len(wires) for side in found)
    counts = {side: len(v) for side, v in varying.items()}
    return FreshSeen(len(wires), counts["client"], counts["server"], before, distinct)


def _varying(streams: list[bytes]) -> list[int]:
    size = min(map(len, streams), default=0)
    numbers = [int.from_bytes(s[:size], "big") for s in streams]
    ones = zeros = 0
    for number in numbers:
        ones |= number
        zeros |= ~number
    both = ones & zeros & ((1 << 8 * size) - 1)
    return [8 * size - 1 - bit for bit in range(8 * size) if both >> bit & 1]


def observe(bench: Bench, role: str) -> BetweenSeen | NotReached:
    """Carry transfers between the product (*role*) and its second end: untouched, altered, replayed."""
    said = bench.endpoint.iscl
    place = f"{'endpoints' if role == 'server' else 'listeners'}.{bench.endpoint.id}.iscl"
    if said is None or not said.partner:
        return NotReached(
            NEEDS,
            f"give {place}.partner, a second instance of the product that already talks to it",
        )
    between = Between(bench, role)
    sent, small = made(bench.scratch, SIZE), made(bench.scratch, 600)
    bench.note("an object between the two ends, untouched")
    clean, wire = between.run(sent)
    if not clean.acknowledged or clean.stored in ("none", "other"):
        return NotReached(
            NEEDS,
            f"the untouched transfer did not succeed (acknowledged: {clean.acknowledged}, stored: "
            f"{clean.stored}); look at {place}.partner and its keys",
        )
    for side, name in (("client", "c2s.bin"), ("server", "s2c.bin")):
        octets = b"".join(o for s, o in wire.chunks if s == side)
        bench.evidence.keep(f"untouched-{name}", octets, phi="synthetic")
    runs: dict[str, tuple[Carried, ...]] = {}
    towards = "client" if role == "server" else "server"
    for name, side, changes in alterations(wire):
        if side == towards:  # what the other end makes of damage tells nothing about the product
            bench.note(f"the object between the two ends, {name}")
            runs[name] = tuple(between.run(sent, change)[0] for change in changes)
    if role == "server":
        bench.note("the client's octets of the untouched transfer, replayed")
        runs["replay"] = (_replayed(bench, between, sent, wire),)
    else:
        bench.note("the server's octets of the untouched transfer, replayed")
        runs["replay"] = (_replayed_to_client(between, sent, wire),)
    if said.stranger:
        bench.note("an object from an end with other keys")
        runs["other-keys"] = (between.run(sent, stranger=True)[0],)
    bench.note(f"{HANDSHAKES} handshakes between the two ends")
    wires = [between.run(small)[1] for _ in range(HANDSHAKES)]
    after = between.run(small)[0]
    markers = _heard(wire, sent, bench.endpoint.ae_title)
    return BetweenSeen(clean, runs, fresh(wires), markers, len(sent.payload), after)


def _replayed_to_client(between: Between, sent: Made, wire: Wire) -> Carried:
    """Say to the client what the server said, in the same turns; it enters if it begins the transfer again."""
    start, _, _ = _span(wire)
    with _Player([(s, o) for s, o in wire.chunks], between.bench.deadline) as player:
        done = between.through(player.here, between.bench.endpoint.trigger, sent)[0]
    return dataclasses.replace(done, entered=done.sent > start + 64)


class _Player:
    """A server that says recorded octets in their turns, to one connection."""

    def __init__(self, chunks: list[tuple[str, bytes]], deadline: float) -> None:
        self._chunks, self._deadline = chunks, deadline
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(5 * deadline)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._thread.join(5 * self._deadline)

    @property
    def here(self) -> str:
        """The address to connect to."""
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def _serve(self) -> None:
        with contextlib.suppress(OSError, Ended):
            plain = Plain(self._socket.accept()[0])
            try:
                self._play(plain)
            finally:
                plain.close()

    def _play(self, plain: Plain) -> None:
        got = expected = 0
        for side, octets in self._chunks:
            until = time.monotonic() + self._deadline
            if side == "server":
                plain.send(octets, until)
                continue
            expected += len(octets)
            while got < expected:
                more = plain.receive(until)
                if not more:
                    return
                got += len(more)


def _replayed(bench: Bench, between: Between, sent: Made, wire: Wire) -> Carried:
    """Say to the server what the client said, in the same turns."""
    before = between.files()
    host, port = split_address(bench.endpoint.address)
    bench.ledger.connected(bench.endpoint.address)
    start, _, said = _span(wire)
    got, done = 0, Wire()
    until = time.monotonic() + 2 * bench.deadline
    try:
        plain = Plain(socket.create_connection((host, port), timeout=bench.deadline))
    except OSError as error:
        raise Trouble("connect", f"{bench.endpoint.address}: {error}") from error
    expected = 0
    try:
        for side, octets in wire.chunks:
            if side == "client":
                plain.send(octets, until)
                continue
            expected += len(octets)
            while got < expected and not done.ended:
                more = plain.receive(min(until, time.monotonic() + bench.deadline))
                got += len(more)
                done.ended = [] if more else ["server"]
            if done.ended:
                break
    except Ended as ended:
        done.ended = ["server"] if ended.how != "silent" else []
    finally:
        plain.close()
    done.counts = {"client": wire.counts["client"], "server": got}
    carried = between.carried(sent, done, before, acknowledged=got >= said)
    return Carried(
        carried.acknowledged, carried.stored, carried.dropped, got >= said > 0, start, got
    )
