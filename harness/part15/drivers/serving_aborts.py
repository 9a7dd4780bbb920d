"""What a client says to an answer that PS3.8 does not allow: its A-ABORT PDUs are drawn out."""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass

from part15.bench import Bench
from part15.channel.association import Conversation, Line
from part15.channel.tls import Ended
from part15.drivers import serving
from part15.drivers import serving_lines as lines
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.session import AnswersSeen, AssociationSeen, Served
from part15.registry import driver
from part15.wire import pdu

ANSWERS: dict[str, bytes] = {
    "a PDU type that does not exist": pdu.frame(0x5A, bytes(4)),
    "a P-DATA-TF before the association": pdu.encode_data([pdu.Pdv(1, True, True, b"\0\0")]),
    "an A-RELEASE-RP before the association": pdu.encode_release(response=True),
}
"""What answers the A-ASSOCIATE-RQ, by its name."""


@dataclass(frozen=True)
class _Said:
    """What a client said to one wrong answer: a PDU, or how it ended in words."""

    said: pdu.Pdu | None
    words: str


@driver(
    Impact.ASSOCIATE,
    at="listener",
    turns=lambda: len(ANSWERS) + 2,
    why="We answer the association request by what is none; the product should abort.",
)
def draw(bench: Bench) -> AnswersSeen | NotReached:
    """Let the product connect and answer its A-ASSOCIATE-RQ by what is none, once for each; a right answer comes first and last."""
    right = serving.once(bench)
    if isinstance(right, NotReached):
        return right
    if not right.entered:
        why = f"no A-ASSOCIATE-RQ came ({right.ended} {right.why})".strip()
        return NotReached("control association", why)
    aborts: dict[str, tuple[int, ...]] = {}
    others: dict[str, str] = {}
    for name, octets in ANSWERS.items():
        bench.note(f"answered an A-ASSOCIATE-RQ with {name}")
        seen = lines.with_certificate(
            bench,
            lines.RIGHT,
            functools.partial(_provoke, octets, bench.deadline),
            far=lambda said: said.said is not None,
        )
        if isinstance(seen, NotReached):
            others[name] = seen.why
        elif isinstance(seen.said, pdu.Abort):
            aborts[name] = (seen.said.source, seen.said.reason)
        else:
            others[name] = seen.words
    after = serving.again(bench)
    entered = isinstance(after, Served) and after.entered
    last = AssociationSeen("accepted" if entered else "closed")
    return AnswersSeen({}, aborts, others, AssociationSeen("accepted"), last)


def _provoke(octets: bytes, deadline: float, line: Line) -> _Said:
    """Answer the A-ASSOCIATE-RQ with *octets*; return what comes back."""
    if line.failed:
        return _Said(None, str(line.failed))
    talk, until = Conversation(line), time.monotonic() + deadline
    try:
        _, asked = talk.next(until)
        if not isinstance(asked, pdu.Associate):
            return _Said(None, "no A-ASSOCIATE-RQ came")
        talk.send(octets, until)
        _, said = talk.next(until)
    except Ended as ended:
        return _Said(None, str(ended))
    return _Said(said, f"a {type(said).__name__} PDU")
