"""One ClientHello, one answer; and the bracket of controls around offers that are to be refused."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from part15.address import is_literal
from part15.bench import Bench
from part15.channel import tcp
from part15.errors import Trouble
from part15.observations.tls import ControlSeen, HelloSeen, HellosSeen
from part15.wire import tls_names as names
from part15.wire.tls_flight import Flight
from part15.wire.tls_hello import ENTROPY, Offer, encode_offer

KEPT = 64
"""How many answers a stimulus keeps as octets; the transcript has all of them."""
GRACE = 1.0
"""Seconds within which a server is expected to close after a fatal alert."""


@dataclass
class Line:
    """The connection to one endpoint during one stimulus: what was asked, answered, and kept."""

    bench: Bench
    transcript: list[str] = field(default_factory=list)
    connections: int = 0
    reached: bool = False
    habits: set[str] = field(default_factory=set)

    def settle(self, offer: Offer, *, await_close: bool = False) -> HelloSeen:
        """Return the answer to *offer*, asked again if it is one that may be an accident.

        That is an answer without a TLS message (a closed or reset connection, garbage), until it has
        come twice in a row once: from then on it is a habit of the server.
        """
        seen = self.ask(offer, await_close=await_close)
        if (
            seen.outcome in ("hello", "alert", "silent", "unreachable")
            or seen.outcome in self.habits
        ):
            return seen
        again = self.ask(offer, await_close=await_close)
        if again.outcome == seen.outcome:
            self.habits.add(again.outcome)
        return again

    def ask(self, offer: Offer, *, await_close: bool = False) -> HelloSeen:
        """Send *offer* and return the answer.

        Raises Trouble("connect") if the endpoint was never reached on this line; later that is the
        outcome ``unreachable``.
        """
        return self.send(encode_offer(offer, os.urandom(ENTROPY)), offer, await_close=await_close)

    def send(self, octets: bytes, offer: Offer, *, await_close: bool = False) -> HelloSeen:
        """Send *octets*, which stand for *offer* (damaged or not), and return the answer."""
        self.connections += 1
        try:
            seen, stream = self._exchange(octets, offer, await_close=await_close)
        except Trouble as trouble:
            if not self.reached:
                raise
            seen = HelloSeen(
                offer.summary, offer.versions, offer.suites, "unreachable", trouble.why
            )
            self.transcript.append(f"{self.connections:4} {seen.offered} -> {answer(seen)}")
            return seen
        self.reached = True
        self.transcript.append(f"{self.connections:4} {seen.offered} -> {answer(seen)}")
        if self.connections <= KEPT and seen.outcome != "silent":
            self.bench.evidence.keep(f"{self.connections:03}-c2s.bin", bytes(stream.sent))
            self.bench.evidence.keep(f"{self.connections:03}-s2c.bin", bytes(stream.received))
        return seen

    def _exchange(
        self, octets: bytes, offer: Offer, *, await_close: bool
    ) -> tuple[HelloSeen, tcp.Stream]:
        with tcp.stream(self.bench) as stream:
            flight = Flight(offer)
            stream.send(octets)
            stream.ended = "" if stream.ended == "reset" else stream.ended
            while not flight.done and not stream.ended:
                data = stream.receive()
                if data:
                    flight.feed(data)
            seen = flight.seen(stream.ended)
            if await_close and seen.outcome == "alert":
                seen = dataclasses.replace(seen, closed=stream.wait_end(GRACE))
            return seen, stream

    def close(self) -> None:
        """Keep the transcript and list what was sent."""
        self.bench.evidence.keep("transcript.txt", "\n".join([*self.transcript, ""]).encode())
        self.bench.note(f"{self.connections} ClientHello messages; no handshake was completed")


def answer(seen: HelloSeen) -> str:
    """Return the answer in a few words: ``TLS 1.2 TLS_… (0x…)``, ``alert handshake_failure(40)``, ``close``."""
    if seen.outcome == "hello" and seen.suite is not None:
        again = ", asking for another key share" if seen.retry else ""
        cut = "" if seen.whole else f", but {seen.detail or 'no whole flight'}"
        return f"{names.version_label(seen.version)} {names.suite_label(seen.suite)}{again}{cut}"
    if seen.outcome == "alert":
        return f"alert {names.alert_label(seen.alert)}"
    words = {
        "close": "connection closed without an alert",
        "reset": "connection reset",
        "silent": "no answer within the deadline",
        "drip": "an unfinished answer at the deadline",
        "garbage": "something that is not TLS",
    }
    told = words.get(seen.outcome, seen.outcome)
    return f"{told} ({seen.detail})" if seen.detail else told


def server_name(bench: Bench) -> str:
    """Return the name for SNI: the endpoint's, unless that is an address."""
    named = str(getattr(bench.endpoint, "server_name", "") or bench.endpoint.host)
    return "" if is_literal(named) else named


def control_of(seen: HelloSeen, what: str) -> ControlSeen:
    """Return the control that the answer *seen* is."""
    return ControlSeen(what, seen.accepted, answer(seen))


def check_alive(line: Line, good: Offer) -> ControlSeen:
    """Offer what is known to be accepted, twice if need be, and return the control."""
    seen = line.ask(good)
    if not seen.accepted:
        seen = line.ask(good)
    return control_of(seen, good.summary)


def bracketed(
    line: Line,
    before: ControlSeen,
    good: Offer,
    offers: Sequence[Callable[[], HelloSeen]],
) -> HellosSeen:
    """Make *offers* and check afterwards that the endpoint still accepts *good*."""
    hellos = tuple(make() for make in offers)
    if hellos and hellos[-1].accepted:
        after = control_of(hellos[-1], hellos[-1].offered)
    else:
        after = check_alive(line, good)
    return HellosSeen(hellos, before, after)
