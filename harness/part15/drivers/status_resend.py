"""Stimulus in which a held instance is sent once more, with other values under the same UID (PS3.15 A.1.1 c, h)."""

from __future__ import annotations

import dataclasses

from part15.bench import Bench
from part15.channel.tls import Ended
from part15.drivers import status_lines
from part15.drivers import storage_lines as lines
from part15.drivers.status_lines import secure
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.status import PARTNER, ResentSeen
from part15.registry import driver
from part15.wire.part10 import syntax_of
from part15.wire.writing import element, replaced

COMMENTS, STATUS = 0x00104000, 0x01000410


@driver(Impact.STORE)
def send_again(bench: Bench) -> ResentSeen | NotReached:
    """Store an AO instance of ours, have it committed, send it again as NS with another comment, and ask for it.

    A plain endpoint is judged by the secure one beside it.
    """
    there = status_lines.at_secure(bench)
    found: ResentSeen | NotReached = bench.shelf.once(
        ("resend", there.endpoint.id), lambda: secure(there) or _resent(there)
    )
    return found


def _resent(bench: Bench) -> ResentSeen | NotReached:
    play = status_lines.begin(bench)
    sent = status_lines.made(play, "AO", PARTNER)
    status_lines.store(play, [sent])
    if not sent.stored:
        return NotReached("C-STORE", f"an AO instance was not stored ({sent.said})")
    status_lines.commit_sent(play, [sent])
    first = sent.instance
    changes: dict[int, bytes | None] = {
        COMMENTS: element(COMMENTS, "LT", "sent once more, with this comment"),
        STATUS: element(STATUS, "CS", "NS"),
    }
    data = replaced(first.data, changes, syntax_of(first.transfer))
    party = play.parties[PARTNER]
    try:
        answers = lines.send(
            party.bench, [dataclasses.replace(first, data=data)], shown=party.shown
        )
        case = status_lines.fetch(play, PARTNER, [sent])[0]
    except Ended as ended:
        return NotReached("C-GET", f"what the product has now cannot be asked for: {ended}")
    answer = answers.get(first.uid, "not sent")
    said = f"{answer:04X}H" if isinstance(answer, int) else answer
    return ResentSeen(said, case.delivered, (*case.changed, *case.gained))
