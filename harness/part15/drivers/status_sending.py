"""Stimuli in which the product sends to us, its partner, and we show wrong certificates (PS3.15 A.1.1 d.2)."""

from __future__ import annotations

import queue
import time

from part15.bench import Bench
from part15.channel.acceptor import Acceptor
from part15.channel.association import Line
from part15.channel.services import Query
from part15.channel.tls import Ended
from part15.drivers import serving, serving_lines, status_lines
from part15.drivers import storage_lines as lines
from part15.drivers.status_lines import Play, secure
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.session import Served, ServedSeen
from part15.observations.status import PARTNER
from part15.registry import driver

KINDS = ("unknown_ca", "self_signed", "expired")


@driver(Impact.STORE)
def present(bench: Bench) -> ServedSeen | NotReached:
    """Have the product move an instance of ours to our listener, which shows wrong certificates, then the right one.

    By C-MOVE as partner; the right certificate comes first and last. A plain endpoint is judged by the
    secure one beside it.
    """
    there = status_lines.at_secure(bench)
    found: ServedSeen | NotReached = bench.shelf.once(
        ("present", there.endpoint.id), lambda: secure(there) or _presented(there)
    )
    return found


def _presented(bench: Bench) -> ServedSeen | NotReached:
    listener = status_lines.destinations(bench).get(PARTNER)
    if listener is None or bench.endpoint.transport != "tls":
        return NotReached(
            "listeners",
            "give a listener with transport 'tls', a port and an AE title of ours that the product knows as a partner",
        )
    play = status_lines.begin(bench)
    sent = status_lines.made(play, "AC", PARTNER)
    status_lines.store(play, [sent])
    if not sent.stored:
        return NotReached("C-STORE", f"an AC instance was not stored ({sent.said})")
    right = _served(play, listener, serving_lines.RIGHT)
    if isinstance(right, NotReached):
        return right
    shown = {kind: _served(play, listener, kind) for kind in KINDS}
    after = _served(play, listener, serving_lines.RIGHT)
    if isinstance(after, NotReached):
        after = Served("silent", why=after.why)
    return ServedSeen(right, shown, after)


def _served(play: Play, listener: object, kind: str) -> Served | NotReached:
    """Return what the product did when it was to connect to *listener* with the certificate of *kind*."""
    bench = play.parties[PARTNER].bench
    there = bench.at(listener)
    files = serving_lines.files_of(there, kind)
    if isinstance(files, NotReached):
        return files
    found: queue.Queue[Served] = queue.Queue()

    def serve(line: Line) -> None:
        found.put(serving.serve_once(line, bench.deadline))

    own = Acceptor(
        there.endpoint.host,
        there.endpoint.port,
        lambda: serving_lines.server_context(there, *files),
        serve,
        recorder=bench.recorder,
    )
    with own:
        moved = _moved(play, there.endpoint.ae_title)
        if isinstance(moved, NotReached):
            return moved
        try:
            return found.get(timeout=max(bench.until() - time.monotonic(), 0.1))
        except queue.Empty:
            return NotReached("C-MOVE", f"the product did not connect to {there.endpoint.ae_title}")


def _moved(play: Play, title: str) -> NotReached | None:
    party = play.parties[PARTNER]
    query = Query(study=play.study, level="STUDY")
    try:
        with lines.association(party.bench, lines.retrieval((), ()), shown=party.shown) as talk:
            found = lines.ask_move(party.bench, talk, query, title)
    except Ended as ended:
        return NotReached("C-MOVE", f"no association for C-MOVE: {ended}")
    if found is None:
        return NotReached("C-MOVE", "the product does not offer C-MOVE")
    if found.status == status_lines.UNKNOWN_DESTINATION:
        return NotReached("C-MOVE", f"the product does not know our AE title {title} (A801H)")
    return None
