"""Stimuli that need actions of the target: authorization, and transfer of an instance to us (PS3.15 A.1.1 b, d)."""

from __future__ import annotations

import datetime as dt
import time

from part15.bench import Bench
from part15.channel.services import Query
from part15.channel.tls import Ended
from part15.drivers import status_copies, status_handing, status_lines
from part15.drivers import storage_lines as lines
from part15.drivers.status_lines import Play, Sent, secure
from part15.model import Impact
from part15.observations import Many, Member, NotReached
from part15.observations.status import (
    PARTNER,
    AuthorizationSeen,
    DeletionSeen,
    StatusCase,
    TransferSeen,
)
from part15.registry import driver
from part15.wire import writing
from part15.wire.elements import MalformedDataSet
from part15.wire.part10 import syntax_of
from part15.wire.status_model import AFTER

PAUSE = 0.1
TOLERANCE = dt.timedelta(minutes=5)


def _missing(bench: Bench, verb: str) -> NotReached | None:
    return secure(bench) or status_copies.missing(bench, verb)


def _committed(play: Play, status: str) -> Sent | NotReached:
    sent = status_lines.made(play, status, PARTNER)
    status_lines.store(play, [sent])
    if not sent.stored:
        return NotReached("C-STORE", f"an {status} instance was not stored ({sent.answer})")
    status_lines.commit_sent(play, [sent])
    if not sent.committed:
        why = f"the commitment of an {status} instance was not confirmed, so what becomes of it cannot be seen"
        return NotReached("storage commitment", why)
    return sent


@driver(Impact.STORE)
def authorize(bench: Bench) -> AuthorizationSeen | NotReached:
    """Store an OR instance, have it committed and authorized, and look at it as a partner before and after.

    A plain endpoint is judged by the secure one beside it.
    """
    there = status_lines.at_secure(bench)
    found: AuthorizationSeen | NotReached = bench.shelf.once(
        ("authorize", there.endpoint.id), lambda: _authorized(there)
    )
    return found


def _authorized(bench: Bench) -> AuthorizationSeen | NotReached:
    missing = _missing(bench, "authorize")
    if missing:
        return missing
    play = status_lines.begin(bench)
    sent = _committed(play, "OR")
    if isinstance(sent, NotReached):
        return sent
    began = dt.datetime.now(dt.UTC)
    try:
        before = status_lines.fetch(play, PARTNER, [sent])[0]
        if not status_copies.do(bench, "authorize", sent):
            return NotReached("actions", "the action 'authorize' ended with an error")
        after = status_lines.fetch(play, PARTNER, [sent])[0]
        values = _values(bench, play, sent)
    except Ended as ended:
        return NotReached("C-GET", f"the instance cannot be asked for: {ended}")
    return AuthorizationSeen(
        before.returned if before.delivered else "-",
        after.returned if after.delivered else "-",
        after.uid_kept or not before.uid_kept,
        _when(values.get(0x01000420), began),
        _number(values.get(0x01000426), bench),
        len(values.get(0x01000424) or b""),
    )


def _values(bench: Bench, play: Play, sent: Sent) -> dict[int, bytes]:
    found = lines.by_get(bench, [sent.instance], Query(study=play.study, level="STUDY"))
    for instance in found.instances if found else ():
        syntax = syntax_of(instance.transfer)
        try:
            return {
                e.tag: instance.data[e.value : e.end]
                for e in writing.top(instance.data, syntax)
                if e.tag >> 16 == 0x0100
            }
        except MalformedDataSet:
            continue
    return {}


def _when(value: bytes | None, began: dt.datetime) -> str:
    from part15.wire.signature_time import read_datetime

    if value is None:
        return "absent"
    text = value.decode("latin-1").strip(" \0")
    if not text:
        return "empty"
    stamp, _ = read_datetime(text)
    if stamp is None:
        return "invalid"
    if stamp.tzinfo is None:
        stamp = stamp.astimezone()
    if stamp < began - TOLERANCE:
        return "early"
    return "future" if stamp > dt.datetime.now(dt.UTC) + TOLERANCE else "right"


def _number(value: bytes | None, bench: Bench) -> str:
    if value is None:
        return "absent"
    text = value.decode("latin-1").strip(" \0")
    if not text:
        return "empty"
    if len(text) > 64:
        return "long"
    declared = bench.target.declared.get("oes", {}).get("equipment_certification_number")
    return "other than declared" if declared and text != declared else "right"


@driver(Impact.STORE)
def transfer(bench: Bench) -> Many[TransferSeen] | NotReached:
    """Have the product transfer an OR and two AO instances to us; the commitment of one of them fails.

    Then look, as a partner, what the product still has. A plain endpoint is judged by the secure one
    beside it.
    """
    there = status_lines.at_secure(bench)
    found: Many[TransferSeen] | NotReached = bench.shelf.once(
        ("transfer", there.endpoint.id), lambda: _transfers(there)
    )
    return found


def _transfers(bench: Bench) -> Many[TransferSeen] | NotReached:
    missing = _missing(bench, "transfer")
    if missing:
        return missing
    listeners = status_lines.own_listeners(bench)
    if not listeners:
        return NotReached(
            "listeners",
            f"give a listener with transport '{bench.endpoint.transport}', a port and our AE title "
            f"'{bench.endpoint.calling_ae_title}', which the product knows as a partner",
        )
    members = []
    for status, answer in (("OR", "success"), ("AO", "success"), ("AO", "failure")):
        seen = _transferred(bench, listeners[0], status, answer)
        if isinstance(seen, NotReached):
            return seen
        members.append(Member(f"{status}, commitment answered with {answer}", seen))
    return Many(tuple(members), "transfer")


def _transferred(
    bench: Bench, listener: object, status: str, answer: str
) -> TransferSeen | NotReached:
    play = status_lines.begin(bench)
    sent = _committed(play, status)
    if isinstance(sent, NotReached):
        return sent
    control = status_lines.made(play, "NS", PARTNER)
    status_lines.store(play, [control])
    inbox = status_handing.hand_over(bench, listener, sent, confirm=answer == "success")
    case = _arrived(sent, inbox)
    allowed = AFTER[status] if answer == "success" else ()
    until = bench.until()
    try:
        left = _left(play, sent, control)
        while left not in allowed and allowed and time.monotonic() < until:
            time.sleep(PAUSE)
            left = _left(play, sent, control)
    except Ended as ended:
        return NotReached("C-GET", f"what the product still has cannot be asked for: {ended}")
    if left == "no control":
        return NotReached(
            "C-GET",
            "an instance beside it that nobody touched did not come back either, so what is left cannot be seen",
        )
    return TransferSeen(
        status,
        bench.endpoint.transport != "plain",
        case.returned if case.delivered else "-",
        status_handing.asked_for_commitment(inbox),
        answer,
        left,
        case.uid_kept,
        _again(bench, listener, sent) if answer == "success" else "-",
    )


def _arrived(sent: Sent, inbox: lines.Inbox) -> StatusCase:
    came = next((i for i in inbox.instances if i.uid == sent.instance.uid), None)
    return status_lines.case_of(sent, PARTNER, came)


def _again(bench: Bench, listener: object, sent: Sent) -> str | None:
    case = _arrived(sent, status_handing.hand_over(bench, listener, sent, confirm=True))
    return case.returned if case.delivered else "-"


def _left(play: Play, sent: Sent, control: Sent) -> str | None:
    """Return what a partner gets of *sent* now, as :class:`TransferSeen` has it, or ``no control``."""
    case, *controls = status_lines.fetch(play, PARTNER, [sent, control])
    if not any(c.delivered for c in controls):
        return "no control"
    if case.delivered:
        return case.returned
    return "gone" if case.answer == "0000H" else "not delivered"


@driver(Impact.STORE)
def delete(bench: Bench) -> Many[DeletionSeen] | NotReached:
    """Tell the product to delete an OR, an AO and, as control, an instance without status; ask for them.

    A plain endpoint is judged by the secure one beside it.
    """
    there = status_lines.at_secure(bench)
    found: Many[DeletionSeen] | NotReached = bench.shelf.once(
        ("delete", there.endpoint.id), lambda: _deleted(there)
    )
    return found


def _deleted(bench: Bench) -> Many[DeletionSeen] | NotReached:
    missing = _missing(bench, "delete")
    if missing:
        return missing
    play = status_lines.begin(bench)
    members = []
    for status in ("OR", "AO"):
        sent = status_lines.made(play, status, PARTNER)
        control, other = (status_lines.made(play, "NS", PARTNER) for _ in range(2))
        status_lines.store(play, [sent, control, other])
        if not (sent.stored and control.stored and other.stored):
            return NotReached("C-STORE", f"an {status} instance was not stored ({sent.said})")
        status_lines.commit_sent(play, [sent])
        try:
            before = status_lines.fetch(play, PARTNER, [sent])[0]
            done = status_copies.do(bench, "delete", sent)
            control_done = status_copies.do(bench, "delete", control)
            after = status_lines.fetch(play, PARTNER, [sent, control, other])
        except Ended as ended:
            return NotReached("C-GET", f"what the product still has cannot be asked for: {ended}")
        members.append(
            Member(
                status,
                DeletionSeen(
                    status,
                    before=before.delivered,
                    done=done,
                    after=after[0].delivered,
                    answer=after[0].answer,
                    control=control_done and not after[1].delivered and after[2].delivered,
                ),
            )
        )
    return Many(tuple(members), "deletion")
