"""Stimuli that need actions of the target: authorization, and transfer of an instance to us (PS3.15 A.1.1 b, d)."""

from __future__ import annotations

import datetime as dt
import time

from part15.bench import Bench
from part15.channel import services
from part15.channel.messages import Message, Messages
from part15.channel.services import Query
from part15.channel.tls import Ended
from part15.channel.trigger import act
from part15.drivers import status_lines
from part15.drivers import storage_lines as lines
from part15.drivers.status import secure
from part15.drivers.status_lines import Play, Sent
from part15.model import Impact
from part15.observations import Many, Member, NotReached
from part15.observations.status import PARTNER, AuthorizationSeen, TransferSeen
from part15.registry import driver
from part15.wire import dimse, writing
from part15.wire.elements import MalformedDataSet
from part15.wire.part10 import syntax_of

TOLERANCE = dt.timedelta(minutes=5)
LATEST = 60.0
"""Seconds that an action may take at most; else six times the deadline."""


def _missing(bench: Bench, verb: str) -> NotReached | None:
    nothing = secure(bench)
    if nothing is not None:
        return nothing
    if not bench.target.actions.get(verb):
        return NotReached(
            "actions",
            f"the target has no action '{verb}'; give actions.{verb}, a command with {{uid}}"
            + (" and {aet}" if verb == "transfer" else ""),
        )
    return None


def _do(bench: Bench, verb: str, sent: Sent, title: str = "") -> bool:
    """Run the action *verb* for *sent*; tell whether it ended with status 0. Raises Trouble."""
    bench.note(f"action {verb} for test object {sent.instance.uid}")
    acted = act(
        bench.target.actions[verb],
        folder=bench.target.folder,
        slots={"uid": sent.instance.uid, "aet": title},
        what=f"{verb} the instance {sent.instance.uid}",
        deadline=min(bench.deadline * 6 + 5, LATEST),
    )
    return acted.code in (0, None)


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
        if not _do(bench, "authorize", sent):
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
    inbox = lines.Inbox()

    def respond(talk: Messages, message: Message, until: float) -> None:
        transfer = talk.contexts[message.context][1]
        asked = services.read_event(0, message.data, transfer)
        rows = [(sent.instance.sop_class, uid) for uid in asked.committed]
        failed = [(*row, 0x0110) for row in rows] if answer == "failure" else []
        services.report_commitment(talk, asked.transaction, [] if failed else rows, failed, until)

    with lines.acceptor(bench, listener, inbox, act=respond):
        done = _do(bench, "transfer", sent, bench.endpoint.calling_ae_title)
        if done:
            inbox.wait(lambda box: bool(box.actions), time.monotonic() + bench.deadline)
    came = next((i for i in inbox.instances if i.uid == sent.instance.uid), None)
    case = status_lines.case_of(sent, PARTNER, came)
    try:
        left = status_lines.fetch(play, PARTNER, [sent])[0]
    except Ended as ended:
        return NotReached("C-GET", f"what the product still has cannot be asked for: {ended}")
    return TransferSeen(
        status,
        bench.endpoint.transport != "plain",
        case.returned if came else "-",
        any(m.command.get(dimse.ACTION_TYPE) == 1 for m in inbox.actions),
        answer,
        left.returned if left.delivered else "gone",
        case.uid_kept,
    )
