"""Stimuli for TLS clients: we answer its ClientHello by a choice, a right one or one that it must refuse."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence

from part15.bench import Bench
from part15.channel.association import Conversation, Line
from part15.channel.tls import Ended
from part15.channel.tls12_server import OwnServer
from part15.drivers import serving
from part15.drivers import serving_lines as lines
from part15.errors import Trouble
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.session import NOT_OFFERED, Served
from part15.observations.tls_choices import ChoicesSeen, Chosen
from part15.registry import driver
from part15.wire import pdu
from part15.wire.tls12_answers import WAYS
from part15.wire.tls_certificates import chain_seen

RIGHT = "right"
ODD = tuple(way for way in WAYS if way != RIGHT)
"""The ways that are tried by default, each on a connection of its own."""


@driver(
    Impact.ASSOCIATE,
    at="listener",
    turns=lambda ways: len(ways) + 2,
    why="Each time we answer in another way, most of them wrong; the product should refuse those.",
)
def answer(bench: Bench, *, ways: Sequence[str] = ODD) -> ChoicesSeen | NotReached:
    """Let the product connect once per way of answering its ClientHello in TLS 1.2: rightly first and last.

    A way that was used before in this run is not used again. A way that means nothing to this client
    (no DHE suite offered, no ALPN) is a NotReached there. A client with which our own handshake cannot
    be completed is observed all the same: what it refuses then needs an alert to count.
    """
    unknown = [way for way in ways if way not in WAYS]
    if unknown:
        raise Trouble("answer", f"'{unknown[0]}' is no way to answer; use one of {', '.join(WAYS)}")
    right = _once(bench, RIGHT)
    if isinstance(right, NotReached):
        return right
    before = right.entered or _associates(serving.once(bench))
    chosen = {way: _once(bench, way) for way in ways}
    after, living = bench.shelf.once(
        ("tls-choose-after", bench.endpoint.id, tuple(ways)), lambda: _last(bench)
    )
    return ChoicesSeen(right, chosen, after, (before, living))


def _last(bench: Bench) -> tuple[Chosen, bool]:
    """Make the control afterwards: our own TLS, and the library's where that does not come to an association."""
    seen = _attempt(bench, RIGHT)
    after = Chosen("silent", why=seen.why) if isinstance(seen, NotReached) else seen
    return after, after.entered or _associates(serving.again(bench))


def _associates(seen: Served | NotReached) -> bool:
    return isinstance(seen, Served) and seen.entered


def _once(bench: Bench, way: str) -> Chosen | NotReached:
    return bench.shelf.once(
        ("tls-choose", bench.endpoint.id, way), functools.partial(_attempt, bench, way)
    )


def _attempt(bench: Bench, way: str) -> Chosen | NotReached:
    shown = lines.ours(bench, RIGHT)
    if isinstance(shown, NotReached):
        return shown
    bench.note(f"listening, and answering a ClientHello with {WAYS[way].text}")
    seen = lines.connected(
        bench,
        lambda line: _serve(line, bench.deadline),
        protect=lines.own_tls(WAYS[way], shown),
        far=lambda chosen: chosen.entered,
    )
    if isinstance(seen, Chosen) and seen.ended == "ours" and not seen.went_on and way != RIGHT:
        return NotReached(NOT_OFFERED, seen.why)
    return seen


def _serve(line: Line, deadline: float) -> Chosen:
    """Serve what comes inside after the handshake, if it was completed; then tell what was seen."""
    assert isinstance(line.plain, OwnServer)
    ended, entered = line.failed, False
    closes = ended is not None and ended.how in ("closed", "reset")
    if ended is None:
        talk, until = Conversation(line), time.monotonic() + deadline
        try:
            _, said = talk.next(until)
            entered = True
            if isinstance(said, pdu.Associate):
                serving.answer(talk, said, until)
        except Ended as stop:
            ended = stop
    elif ended.how == "alert":
        closes = _closes(line, time.monotonic() + deadline)
    return _told(line.plain, ended, entered=entered, closes=closes)


def _closes(line: Line, until: float) -> bool:
    """Tell whether the client ends the connection after its alert."""
    try:
        while line.plain.receive(until):
            continue
    except Ended as ended:
        return ended.how in ("closed", "reset", "alert")
    return True


def _told(server: OwnServer, ended: Ended | None, *, entered: bool, closes: bool) -> Chosen:
    heard, made = server.heard, server.heard.answer
    level, alert = heard.alert or (None, None)
    return Chosen(
        ended.how if ended else "open",
        server.way.text,
        heard.hello,
        made.hello.suite if made else 0,
        made.exchange.dh_bits if made else 0,
        made.exchange.group if made else 0,
        heard.went_on,
        heard.completed,
        entered,
        level,
        alert,
        closes,
        heard.public,
        chain_seen(heard.chain),
        heard.scheme,
        ended.why if ended else "",
    )
