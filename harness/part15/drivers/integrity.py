"""Stimuli with damaged records: what a failed integrity check does to a connection (PS3.15 B.1-B.13)."""

from __future__ import annotations

import dataclasses
import os
import ssl
import threading
import time
from collections.abc import Sequence

from part15.bench import Bench
from part15.channel import records
from part15.channel.association import Conversation, Line, protect, response_status
from part15.channel.relay import Relay, unchanged
from part15.channel.services import Instance
from part15.channel.tls import Ended, Plain, dial, reading
from part15.drivers import session_lines as lines
from part15.drivers import storage_lines
from part15.errors import Trouble
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.session import Damaged, IntegritySeen
from part15.registry import driver
from part15.wire import dimse, pdu

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
PATIENCE = 10.0
"""The most seconds to wait for the end of a connection after the damage; else twice the deadline."""
ENOUGH = 2
"""After so many connections that did not end, the others are not tried."""
PROMPT = 0.5
"""An end without an alert that takes longer, in seconds, may be that of an idle connection."""
ANSWER = "of its own answer changed on the way"
"""The damage that we notice, not the product: it gets our alert, and must end the connection too."""


def _instance() -> str:
    return f"2.25.{int.from_bytes(os.urandom(12), 'big')}"


def _data_set(instance: str) -> bytes:
    """Return a small synthetic Secondary Capture data set, implicit VR little endian."""

    def element(group: int, number: int, value: bytes) -> bytes:
        return (
            group.to_bytes(2, "little")
            + number.to_bytes(2, "little")
            + len(value).to_bytes(4, "little")
            + value
        )

    def uid(text: str) -> bytes:
        return text.encode() + b"\0" * (len(text) % 2)

    return (
        element(0x0008, 0x0016, uid(SECONDARY_CAPTURE))
        + element(0x0008, 0x0018, uid(instance))
        + element(0x0010, 0x0010, b"PART15^INTEGRITY")
        + element(0x0010, 0x0020, b"PART15")
        + element(0x0020, 0x000D, uid(f"{instance}.1"))
        + element(0x0020, 0x000E, uid(f"{instance}.2"))
        + element(0x0020, 0x4000, b"synthetic object for a damaged transfer " * 100)
    )


def _request(bench: Bench) -> pdu.Associate:
    asked = lines.request_for(bench)
    storage = pdu.PresentationContext(3, SECONDARY_CAPTURE, (pdu.IMPLICIT_LE,))
    return dataclasses.replace(asked, contexts=(*asked.contexts, storage))


@dataclasses.dataclass
class _Opened:
    """An association in which one message is to be sent: its presentation context, PDUs, and object."""

    line: Line
    talk: Conversation
    context: int
    parts: list[bytes]
    instance: str = ""

    @property
    def version(self) -> str:
        """The TLS version; not known any more once the connection has failed."""
        return (self.line.tls.object.version() or "") if self.line.tls else ""


@driver(Impact.STORE)
def damage_records(
    bench: Bench,
    *,
    versions: Sequence[str] = ("",),
    damages: Sequence[str] = tuple(records.DAMAGES),
) -> IntegritySeen | NotReached:
    """Send a C-STORE of a synthetic object with one record damaged, once for each of *damages*.

    The records after it follow, since a lost or longer record shows only when the next one comes.
    *versions* limits TLS; empty is the highest. One octet of our message is also cut off by the end of
    the TCP stream (``cut short``), and once a relay flips an octet of the product's own answer. Where the
    product offers C-GET, or the target names ``media.folder``, it is looked for what was stored.
    """
    if bench.endpoint.transport != "tls":
        return NotReached("TLS", "the endpoint has no TLS records")
    control = lines.before(bench)
    if isinstance(control, NotReached):
        return control
    clean = _undamaged(bench)
    if isinstance(clean, NotReached):
        return clean
    message, status, first = clean
    found: dict[str, Damaged] = {}
    sent: dict[str, str] = {}
    held = 0
    for version in versions:
        for name in (*damages, "cut short", ANSWER):
            label = f"{name} (TLS {version})" if version else name
            bench.note(f"{message} with a record {name}")
            if name == ANSWER:
                found[label] = _answer_damaged(bench, version)
            else:
                found[label], sent[label] = _damaged(bench, name, version)
            held += not found[label].closed and not found[label].why
            if held >= ENOUGH:
                return IntegritySeen(message, status, found, lines.after(bench))
    slow = [d for d in found.values() if d.closed and d.alert is None and d.seconds > PROMPT]
    idle = _idle(bench) if slow else None
    found = _looked_for(bench, first, found, sent)
    return IntegritySeen(message, status, found, lines.after(bench), idle)


def _open(bench: Bench, version: str, line: Line | None = None) -> _Opened | str:
    """Associate (on *line*, if it is given); return the message to send, or why there is none."""
    mine = lines.identity_of(bench)
    shown = lines.Shown(mine.certificate, mine.key, mine.password, version, version)
    try:
        line = line or lines.open_line(bench, shown)
    except Trouble as trouble:
        return str(trouble)
    talk, until = Conversation(line), bench.until()
    try:
        if line.failed:
            raise line.failed
        talk.send(pdu.encode_request(_request(bench)), until)
        _, said = talk.next(until)
    except Ended as ended:
        line.close()
        return str(ended)
    if not isinstance(said, pdu.Associate):
        line.close()
        return f"a {type(said).__name__} PDU answers the A-ASSOCIATE-RQ"
    accepted = [c.id for c in said.contexts if c.result == 0]
    if 3 in accepted:
        instance = _instance()
        bench.ledger.keep(instance, f"{instance}.1")
        command = dimse.store_request(SECONDARY_CAPTURE, instance)
        parts = list(pdu.fragments(3, command, _data_set(instance), 1024))
        return _Opened(line, talk, 3, parts, instance)
    if 1 in accepted:
        echoes = [dimse.echo_request(n) for n in range(1, 5)]
        return _Opened(line, talk, 1, [part for e in echoes for part in pdu.fragments(1, e, b"")])
    line.close()
    return "no presentation context was accepted"


def _undamaged(bench: Bench) -> tuple[str, int | None, str] | NotReached:
    opened = _open(bench, "")
    if isinstance(opened, str):
        return NotReached("association", opened)
    until = bench.until()
    try:
        for part in opened.parts:
            opened.talk.send(part, until)
        status = response_status(opened.talk, until)
        opened.talk.send(pdu.encode_release(), until)
    except Ended as ended:
        return NotReached("undamaged message", str(ended))
    finally:
        opened.line.close()
    return ("C-STORE" if opened.context == 3 else "C-ECHO"), status, opened.instance


def _damaged(bench: Bench, name: str, version: str) -> tuple[Damaged, str]:
    """Send one message damaged as *name* says; return what became of it, and the UID of its object."""
    opened = _open(bench, version)
    if isinstance(opened, str):
        return Damaged(why=opened), ""
    line, talk = opened.line, opened.talk
    assert line.tls is not None
    began, version = time.monotonic(), opened.version
    until = began + min(PATIENCE, 2 * bench.deadline)
    answered = 0
    intact = 0 if opened.context == 3 else 1  # the first of several C-ECHO is not touched
    try:
        sealed, _ = records.cut(b"".join(line.tls.seal(part) for part in opened.parts))
        whole = b"".join(sealed)
        hurt = whole[:-1] if name == "cut short" else b"".join(records.DAMAGES[name](sealed))
        bench.evidence.keep(f"{name}-before.bin".replace(" ", "-"), whole, phi="synthetic")
        bench.evidence.keep(f"{name}-after.bin".replace(" ", "-"), hurt, phi="synthetic")
        line.plain.send(hurt, until)
        if name == "cut short":
            line.plain.end()
        while (status := response_status(talk, until)) is not None:
            answered += status == 0
        ended = Ended("closed")
    except (Ended, ssl.SSLError) as error:
        ended = reading(error, line.spoken)
    closed = ended.how in ("closed", "reset") or _ends(line, until)
    told = Damaged(closed, answered > intact, version=version, how=ended.how)
    return _told(line, began, told), opened.instance


def _told(line: Line, began: float, damaged: Damaged) -> Damaged:
    """Close *line* and return *damaged* with the alert and the time that it took."""
    line.close(reset=True)
    seconds = round(time.monotonic() - began, 2)
    return dataclasses.replace(damaged, alert=line.spoken.alert_received, seconds=seconds)


def _answer_damaged(bench: Bench, version: str) -> Damaged:
    """Have a relay flip an octet of the product's answer; our alert goes to it, and it must end too."""
    armed = threading.Event()

    def flip(_: int, record: bytes) -> list[bytes]:
        if not armed.is_set() or record[:1] != b"\x17":
            return [record]
        armed.clear()
        return [records.flipped(record, (records.HEADER + len(record)) // 2)]

    bench.ledger.connected(bench.endpoint.address)
    with Relay(
        bench.endpoint.address, lambda: (unchanged, flip), deadline=PATIENCE + bench.deadline
    ) as relay:
        mine = dataclasses.replace(lines.identity_of(bench), maximum=version, minimum=version)
        context, until = lines.context_for(bench, mine), bench.until()
        try:
            plain = Plain(dial(relay.here, until))
        except Ended as ended:
            return Damaged(why=str(ended))
        line = protect(plain, context, until, name=lines.server_name(bench))
        opened = _open(bench, version, line)
        if isinstance(opened, str):
            return Damaged(why=opened)
        armed.set()
        seen = _after_the_answer(bench, opened)
        kept = {"came": relay.taps[0], "went-on": relay.sent[0]}
    for how, tap in kept.items():
        bench.evidence.keep(f"its-answer-{how}.bin", bytes(tap.received), phi="synthetic")
    return seen


def _after_the_answer(bench: Bench, opened: _Opened) -> Damaged:
    line, talk = opened.line, opened.talk
    began, version = time.monotonic(), opened.version
    until = began + min(PATIENCE, 2 * bench.deadline)
    try:
        for part in opened.parts:
            talk.send(part, until)
        response_status(talk, until)
    except (Ended, ssl.SSLError) as error:
        ended = reading(error, line.spoken)
    else:
        line.close(reset=True)
        return Damaged(why="no record of the answer passed the relay after the association")
    if line.spoken.alert_sent is None and ended.how == "silent":
        line.close(reset=True)
        return Damaged(why="no answer came that could be damaged")
    closed = ended.how in ("closed", "reset") or _ends(line, until)
    return _told(line, began, Damaged(closed, version=version, how=ended.how))


def _ends(line: Line, until: float) -> bool:
    """Tell whether the TCP stream ends before *until*, whatever comes on it."""
    try:
        while line.plain.receive(until):
            continue
    except Ended as ended:
        return ended.how != "silent"
    return True


def _idle(bench: Bench) -> float | None:
    """Return after how many seconds an undamaged message that stops half-way is ended, None if it is not."""
    bench.note("a message that stops half-way, undamaged")
    opened = _open(bench, "")
    if isinstance(opened, str):
        return None
    began = time.monotonic()
    until = began + min(PATIENCE, 2 * bench.deadline)
    try:
        opened.talk.send(opened.parts[0], until)
        ended = _ends(opened.line, until)
    except Ended:
        ended = True
    finally:
        opened.line.close(reset=True)
    return round(time.monotonic() - began, 2) if ended else None


def _looked_for(
    bench: Bench, first: str, found: dict[str, Damaged], sent: dict[str, str]
) -> dict[str, Damaged]:
    """Look for the objects of *sent*; what the product holds of the undamaged *first* shows that it can be seen."""
    wanted = {uid for uid in (first, *sent.values()) if uid}
    try:
        held = _held(bench, first, wanted)
    except (Ended, Trouble):
        return found
    if first not in held:
        return found
    return {
        name: dataclasses.replace(seen, stored=sent[name] in held) if sent.get(name) else seen
        for name, seen in found.items()
    }


def _held(bench: Bench, first: str, wanted: set[str]) -> set[str]:
    """Return those UIDs of *wanted* that the product holds, as files or by C-GET; *first* is asked for first."""
    files = storage_lines.in_files(bench, wanted)
    if files is not None:
        return {instance.uid for instance in files}
    held: set[str] = set()
    for uid in sorted(wanted, key=lambda uid: uid != first):
        instance = Instance(SECONDARY_CAPTURE, uid, pdu.IMPLICIT_LE, _data_set(uid))
        found = storage_lines.by_get(bench, [instance], storage_lines.one(instance))
        held |= {i.uid for i in found.instances} if found else set()
        if first not in held:
            break
    return held
