"""Stimuli with damaged records: what a failed integrity check does to a connection (PS3.15 B.1-B.13)."""

from __future__ import annotations

import dataclasses
import os
import ssl
import time
from collections.abc import Sequence

from part15.bench import Bench
from part15.channel import records
from part15.channel.association import Conversation, Line, response_status
from part15.channel.tls import Ended, reading
from part15.drivers import session_lines as lines
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
    the TCP stream (``cut short``).
    """
    control = lines.before(bench)
    if isinstance(control, NotReached):
        return control
    clean = _undamaged(bench)
    if isinstance(clean, NotReached):
        return clean
    message, status = clean
    found: dict[str, Damaged] = {}
    for version in versions:
        for name in (*damages, "cut short"):
            label = f"{name} (TLS {version})" if version else name
            bench.note(f"{message} with a record {name}")
            found[label] = _damaged(bench, name, version)
            if sum(not d.closed and not d.why for d in found.values()) >= ENOUGH:
                return IntegritySeen(message, status, found, lines.after(bench))
    return IntegritySeen(message, status, found, lines.after(bench))


def _open(bench: Bench, version: str) -> tuple[Line, Conversation, int, list[bytes]] | str:
    """Associate; return line, conversation, context and PDUs of the message, or why not."""
    mine = lines.identity_of(bench)
    shown = lines.Shown(mine.certificate, mine.key, mine.password, version, version)
    try:
        line = lines.open_line(bench, shown)
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
        command = dimse.store_request(SECONDARY_CAPTURE, instance)
        return line, talk, 3, list(pdu.fragments(3, command, _data_set(instance), 1024))
    if 1 in accepted:
        echoes = [dimse.echo_request(n) for n in range(1, 5)]
        return line, talk, 1, [part for e in echoes for part in pdu.fragments(1, e, b"")]
    line.close()
    return "no presentation context was accepted"


def _undamaged(bench: Bench) -> tuple[str, int | None] | NotReached:
    opened = _open(bench, "")
    if isinstance(opened, str):
        return NotReached("association", opened)
    line, talk, context, parts = opened
    until = bench.until()
    try:
        for part in parts:
            talk.send(part, until)
        status = response_status(talk, until)
        talk.send(pdu.encode_release(), until)
    except Ended as ended:
        return NotReached("undamaged message", str(ended))
    finally:
        line.close()
    return ("C-STORE" if context == 3 else "C-ECHO"), status


def _damaged(bench: Bench, name: str, version: str) -> Damaged:
    opened = _open(bench, version)
    if isinstance(opened, str):
        return Damaged(why=opened)
    line, talk, context, parts = opened
    assert line.tls is not None
    spoke = line.tls.object.version() or ""
    began = time.monotonic()
    until = began + min(PATIENCE, 2 * bench.deadline)
    answered = 0
    intact = 0 if context == 3 else 1  # the first of several C-ECHO is not touched
    try:
        sealed, _ = records.cut(b"".join(line.tls.seal(part) for part in parts))
        if name == "cut short":
            line.plain.send(b"".join(sealed)[:-1], until)
            line.plain.end()
        else:
            line.plain.send(b"".join(records.DAMAGES[name](sealed)), until)
        while (status := response_status(talk, until)) is not None:
            answered += status == 0
        ended = Ended("closed")
    except (Ended, ssl.SSLError) as error:
        ended = reading(error, line.spoken)
    closed = ended.how in ("closed", "reset") or _ends(line, until)
    line.close(reset=True)
    return Damaged(
        closed,
        answered > intact,
        line.spoken.alert_received,
        round(time.monotonic() - began, 2),
        spoke,
        ended.how,
    )


def _ends(line: Line, until: float) -> bool:
    """Tell whether the TCP stream ends before *until*, whatever comes on it."""
    try:
        while line.plain.receive(until):
            continue
    except Ended as ended:
        return ended.how != "silent"
    return True
