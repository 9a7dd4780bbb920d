"""Stimuli with PDUs cut into TLS records in odd ways: nothing is damaged, the association must go on."""

from __future__ import annotations

import dataclasses
import functools
import ssl
import time
from collections.abc import Sequence

from part15.bench import Bench
from part15.channel.association import Conversation, Line, response_status
from part15.channel.services import Instance
from part15.channel.tls import Ended, reading
from part15.drivers import serving, serving_lines, storage_lines
from part15.drivers import session_lines as lines
from part15.errors import Trouble
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.session import AssociationSeen
from part15.observations.tls_stream import Recut, RecutSeen
from part15.registry import driver
from part15.wire import dimse, pdu
from part15.wire.record_cuts import CUTS, HEADER, RECORD, USUAL
from part15.wire.trap_objects import SECONDARY_CAPTURE, base, joined, new_uid
from part15.wire.writing import element

WAYS = tuple(way for way in CUTS if way != USUAL)
COLUMNS = 100
PIXELS = bytes(range(1, 101))
TALL, FLAT = 200, 4
"""Rows of the object, and of one whose whole message fits into a record."""
FETCHED = 5
"""The most objects asked for again."""


@driver(Impact.STORE)
def recut(bench: Bench, *, ways: Sequence[str] = WAYS) -> RecutSeen | NotReached:
    """Send a C-STORE (or, where none is accepted, C-ECHOs) cut into records as usual, then in each of *ways*.

    Where the product offers C-GET, or the target names ``media.folder``, what was stored is looked at.
    """
    if bench.endpoint.transport != "tls":
        return NotReached("TLS", "the endpoint has no TLS records")
    control = lines.before(bench)
    if isinstance(control, NotReached):
        return control
    found: dict[str, Recut] = {}
    stored: dict[str, Instance] = {}
    message = ""
    for way in (USUAL, *ways):
        bench.note(f"a message in records cut '{way}'")
        message, found[way], sent = _sent(bench, way)
        if found[way].went_on and sent is not None:
            stored[way] = sent
        if way == USUAL and not found[way].went_on:
            break
    found = _compared(bench, found, stored)
    usual = found.pop(USUAL)
    return RecutSeen(message or "C-ECHO", usual, found, lines.after(bench))


def _instance(rows: int) -> Instance:
    """Return a secondary capture of *rows* rows of :data:`COLUMNS` pixels each."""
    uid = new_uid()
    changed = {
        0x00280010: element(0x00280010, "US", rows.to_bytes(2, "little")),
        0x00280011: element(0x00280011, "US", COLUMNS.to_bytes(2, "little")),
        0x7FE00010: element(0x7FE00010, "OB", PIXELS * (rows * COLUMNS // len(PIXELS))),
    }
    data = joined({**base(uid, new_uid(), new_uid()), **changed})
    return Instance(SECONDARY_CAPTURE, uid, pdu.EXPLICIT_LE, data)


def _sent(bench: Bench, way: str) -> tuple[str, Recut, Instance | None]:
    """Send one message cut in *way*; return its kind, what became of it, and the object if it was one."""
    try:
        line = lines.open_line(bench, lines.identity_of(bench))
    except Trouble as trouble:
        return "", Recut(why=str(trouble)), None
    talk, until = Conversation(line), bench.until()
    try:
        if line.failed:
            raise line.failed
        accepted, room = _associated(bench, talk, until)
    except Ended as ended:
        line.close()
        return "", Recut(why=str(ended)), None
    assert line.tls is not None
    instance = _instance(TALL if way in (USUAL, WAYS[0]) else FLAT) if 3 in accepted else None
    if instance is not None:
        bench.ledger.keep(instance.uid, storage_lines.one(instance).study)
    longest = 1 << 17 if way == WAYS[0] else RECORD - HEADER
    parts = _message(instance, accepted, min(room or longest, longest))
    cut = CUTS[way](parts)
    until = time.monotonic() + 2 * bench.deadline
    went_on, how = False, ""
    try:
        line.plain.send(b"".join(line.tls.seal(piece) for piece in cut), until)
        answers = 1 if instance else len(parts)
        statuses = [response_status(talk, until) for _ in range(answers)]
        went_on, how = set(statuses) == {0}, ", ".join(f"{s:04X}H" for s in statuses if s)
        talk.send(pdu.encode_release(), until)
        talk.next(until)
    except (Ended, ssl.SSLError) as error:
        went_on, how = False, str(reading(error, line.spoken))
    finally:
        line.close()
    return ("C-STORE" if instance else "C-ECHO"), Recut(len(cut), went_on, how), instance


def _associated(bench: Bench, talk: Conversation, until: float) -> tuple[list[int], int]:
    """Return the ids of the accepted contexts and the longest PDU that the other side takes; raises Ended."""
    asked = lines.request_for(bench)
    storage = pdu.PresentationContext(3, SECONDARY_CAPTURE, (pdu.EXPLICIT_LE,))
    asked = dataclasses.replace(asked, contexts=(*asked.contexts, storage))
    talk.send(pdu.encode_request(asked), until)
    _, said = talk.next(until)
    accepted = (
        [c.id for c in said.contexts if c.result == 0] if isinstance(said, pdu.Associate) else []
    )
    if not accepted or not isinstance(said, pdu.Associate):
        raise Ended("closed", f"a {type(said).__name__} PDU accepts no presentation context")
    return accepted, said.max_length


def _message(instance: Instance | None, accepted: Sequence[int], room: int) -> list[bytes]:
    """Return the PDUs of one C-STORE of *instance*, or of two C-ECHOs."""
    if instance is not None:
        command = dimse.store_request(instance.sop_class, instance.uid)
        return list(pdu.fragments(3, command, instance.data, room))
    echoes = [dimse.echo_request(n) for n in (1, 2)]
    return [part for echo in echoes for part in pdu.fragments(accepted[0], echo, b"")]


def _compared(
    bench: Bench, found: dict[str, Recut], stored: dict[str, Instance]
) -> dict[str, Recut]:
    """Get back what was *stored* and tell which way changed it, measured by the one that was cut as usual."""
    if USUAL not in stored:
        return found
    wanted = list(stored.values())[:FETCHED]
    uids = {i.uid for i in wanted}
    try:
        back = storage_lines.in_files(bench, list(uids)) or _by_get(bench, wanted)
    except (Ended, Trouble):
        return found
    came = {i.uid: i for i in back or ()}
    lost = {way for way, sent in stored.items() if sent.uid not in came}
    if USUAL in lost:
        return found
    plain = _altered(stored[USUAL], came[stored[USUAL].uid])
    return {
        way: seen
        if way not in stored
        else dataclasses.replace(
            seen, changed=way in lost or _altered(stored[way], came[stored[way].uid]) != plain
        )
        for way, seen in found.items()
    }


def _by_get(bench: Bench, wanted: Sequence[Instance]) -> list[Instance]:
    found: list[Instance] = []
    for each in wanted:
        got = storage_lines.by_get(bench, [each], storage_lines.one(each))
        if got is None:
            break
        found += got.instances
    return found


def _altered(sent: Instance, back: Instance) -> bool:
    """Tell whether the pixels of *sent* did not come back as they were."""
    return sent.data[sent.data.find(PIXELS) :] not in back.data


@driver(
    Impact.ASSOCIATE,
    at="listener",
    turns=lambda ways: len(ways) + 2,
    why="The product makes a request, C-ECHO will do; we cut our answer into records in odd ways.",
)
def recut_answers(bench: Bench, *, ways: Sequence[str] = WAYS) -> RecutSeen | NotReached:
    """Let the product connect once per way; cut our A-ASSOCIATE-AC and our response into records so.

    It has gone on if it releases the association, or asks for more, after the response.
    """
    found: dict[str, Recut] = {}
    for way in (USUAL, *ways):
        bench.note(f"our answers in records cut '{way}'")
        seen = serving_lines.with_certificate(
            bench,
            serving_lines.RIGHT,
            functools.partial(_answered, way=way, deadline=bench.deadline),
            far=lambda recut: not recut.why,
        )
        if isinstance(seen, NotReached) and way == USUAL:
            return seen
        found[way] = Recut(why=seen.why) if isinstance(seen, NotReached) else seen
        if way == USUAL and not found[way].went_on:
            break
    after = serving.again(bench)
    entered = not isinstance(after, NotReached) and after.entered
    usual = found.pop(USUAL)
    return RecutSeen("answer", usual, found, AssociationSeen("accepted" if entered else "closed"))


def _answered(line: Line, way: str, deadline: float) -> Recut:
    """Answer one connection with records cut in *way* and see whether it goes on."""
    if line.failed or line.tls is None:
        return Recut(why=str(line.failed or "no TLS"))
    talk, until = Conversation(line), time.monotonic() + 2 * deadline
    count = 0

    def say(parts: Sequence[bytes]) -> None:
        nonlocal count
        assert line.tls is not None
        cut = CUTS[way](parts)
        count += len(cut)
        line.plain.send(b"".join(line.tls.seal(piece) for piece in cut), until)

    try:
        _, asked = talk.next(until)
        if not isinstance(asked, pdu.Associate):
            return Recut(why="no A-ASSOCIATE-RQ came")
        say([pdu.encode_accept(serving.accepting(asked))])
        request, context = serving.request(talk, until)
        say(list(pdu.fragments(context, dimse.response_to(request), b"", 40)))
        kind, said = talk.next(until)
        if kind == pdu.RELEASE_RQ:
            say([pdu.encode_release(response=True)])
    except Ended as ended:
        return Recut(count, went_on=False, how=str(ended))
    went_on = kind == pdu.RELEASE_RQ or isinstance(said, pdu.Data)
    return Recut(count, went_on, "" if went_on else f"a {type(said).__name__} PDU")
