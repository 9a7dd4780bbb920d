"""The services we use on an association of ours: Storage, Query/Retrieve, Storage Commitment (PS3.4 B, C, J).

Data sets pass as octets and are never decoded, so that what is sent and what came can be compared.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from part15.channel.association import Line
from part15.channel.messages import Message, Messages, role
from part15.channel.tls import Ended
from part15.wire import dimse, pdu
from part15.wire.dimse import Command
from part15.wire.writing import commitment_in, element, sequence

FIND, MOVE, GET = (f"1.2.840.10008.5.1.4.1.2.2.{n}" for n in (1, 2, 3))
"""Study Root Query/Retrieve."""
PATIENT_FIND, PATIENT_MOVE, PATIENT_GET = (f"1.2.840.10008.5.1.4.1.2.1.{n}" for n in (1, 2, 3))
"""Patient Root Query/Retrieve."""
COMMITMENT = "1.2.840.10008.1.20.1"
COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1.1"

C_GET_RQ, C_FIND_RQ, C_MOVE_RQ, C_CANCEL_RQ = 0x0010, 0x0020, 0x0021, 0x0FFF
N_EVENT_RQ, N_ACTION_RQ = 0x0100, 0x0130
PENDING = (0xFF00, 0xFF01)
MOST = 10_000
"""Sub-operations and responses that one request may draw."""
ROOM = 1 << 30
"""Octets of data sets that one retrieval may bring."""


@dataclass(frozen=True)
class Instance:
    """A data set on the wire: *data* is encoded in *transfer*."""

    sop_class: str
    uid: str
    transfer: str
    data: bytes


@dataclass(frozen=True)
class Commitment:
    """An N-EVENT-REPORT of Storage Commitment; *failed* has reasons by SOP Instance UID."""

    event: int
    transaction: str
    committed: tuple[str, ...]
    failed: Mapping[str, int]


@dataclass
class Retrieved:
    """What a C-GET or C-MOVE brought: instances, the final status, and the counters of the final response.

    *told* is the greatest number of sub-operations that any response added up to.
    """

    instances: list[Instance] = field(default_factory=list)
    status: int | None = None
    counters: Mapping[str, int] = field(default_factory=dict)
    ended: str = ""
    told: int = 0


def proposal(
    called: str,
    calling: str,
    syntaxes: Iterable[tuple[str, Sequence[str]]],
    *,
    as_scp: Iterable[str] = (),
) -> pdu.Associate:
    """Return a request with one context per (SOP class, transfer syntaxes); we are SCP of *as_scp*."""
    contexts = tuple(
        pdu.PresentationContext(2 * n + 1, abstract, tuple(transfers))
        for n, (abstract, transfers) in enumerate(syntaxes)
    )
    roles = tuple(role(uid, scu=False, scp=True) for uid in dict.fromkeys(as_scp))
    return pdu.Associate(called, calling, contexts, pdu.default_user_items(1 << 17) + roles)


def opened(line: Line, request: pdu.Associate, until: float, raw: bytes = b"") -> Messages:
    """Return the association that *request* asked for on *line* (*raw*: encoded by the caller).

    Raises Ended: ``rejected`` or ``aborted`` with the codes, or as the stream ends; closes the line then.
    """
    talk = Messages(line)
    try:
        if line.failed:
            raise line.failed
        talk.send(raw or pdu.encode_request(request), until)
        answered = _accepted(talk.next(until)[1])
    except Ended:
        line.close()
        raise
    talk.agree(request, answered, answered)
    return talk


def _accepted(said: pdu.Pdu) -> pdu.Associate:
    if isinstance(said, pdu.Associate):
        return said
    if isinstance(said, pdu.Reject):
        raise Ended("rejected", f"({said.result}, {said.source}, {said.reason})")
    if isinstance(said, pdu.Abort):
        raise Ended("aborted", f"({said.source}, {said.reason})")
    raise Ended("garbage", f"a {type(said).__name__} PDU answers the A-ASSOCIATE-RQ")


def close(talk: Messages, until: float) -> None:
    """Release the association if that still goes, and close its line."""
    try:
        talk.release(min(until, time.monotonic() + 1.0))
    except Ended:
        pass  # it is over either way
    finally:
        talk.line.close()


def _await(talk: Messages, number: int, until: float, other: Callable[[Message], None]) -> Message:
    for _ in range(MOST):
        message = talk.get(until)
        if message.kind & dimse.RESPONSE and message.command.get(dimse.RESPONDED) == number:
            return message
        other(message)
    raise Ended("garbage", f"more than {MOST} messages, none of them the response")


def _ignore(message: Message) -> None:
    if not message.kind & dimse.RESPONSE:
        raise Ended("garbage", f"a request {message.kind:04X}H comes instead of a response")


def store(
    talk: Messages,
    sent: Instance,
    until: float,
    *,
    other: Callable[[Message], None] = _ignore,
    more: Mapping[int, int | str] | None = None,
) -> int | None:
    """C-STORE *sent*; return the status of the response. Raises Ended.

    ``Ended("no context")`` if its SOP class and transfer syntax were not accepted.
    """
    context = talk.context_of(sent.sop_class, sent.transfer)
    if context is None:
        raise Ended("no context", f"{sent.sop_class} in {sent.transfer} was not accepted")
    number = talk.number()
    command: Command = {
        dimse.SOP_CLASS: sent.sop_class,
        dimse.FIELD: dimse.C_STORE_RQ,
        dimse.MESSAGE_ID: number,
        dimse.PRIORITY: 0,
        dimse.SOP_INSTANCE: sent.uid,
        **(more or {}),
    }
    talk.put(context, command, until, sent.data)
    return _await(talk, number, until, other).status


@dataclass(frozen=True)
class Query:
    """What is asked for at IMAGE level; empty UIDs are left out, *wanted* are further (tag, VR) to return.

    *keys* are further (tag, VR, value) to match.
    """

    study: str = ""
    series: str = ""
    instance: str = ""
    level: str = "IMAGE"
    wanted: tuple[tuple[int, str], ...] = ()
    keys: tuple[tuple[int, str, str], ...] = ()

    def encoded(self, transfer: str) -> bytes:
        """Return the identifier in *transfer* (implicit or explicit VR little endian)."""
        explicit = transfer != pdu.IMPLICIT_LE
        rows: list[tuple[int, str, bytes]] = [(0x00080052, "CS", self.level.encode())]
        for tag, uid in (
            (0x00080018, self.instance),
            (0x0020000D, self.study),
            (0x0020000E, self.series),
        ):
            if uid:
                rows.append((tag, "UI", uid.encode()))
        rows += [(tag, vr, b"") for tag, vr in self.wanted]
        rows += [(tag, vr, value.encode()) for tag, vr, value in self.keys]
        return b"".join(element(t, vr, v, explicit=explicit) for t, vr, v in sorted(rows))


def _counters(command: Command) -> dict[str, int]:
    names = {
        "remaining": dimse.REMAINING,
        "completed": dimse.COMPLETED,
        "failed": dimse.FAILED,
        "warned": dimse.WARNED,
    }
    return {n: int(command[e]) for n, e in names.items() if isinstance(command.get(e), int)}


def take_store(talk: Messages, message: Message, until: float, status: int = 0) -> Instance:
    """Answer a C-STORE-RQ with *status* and return its data set."""
    command = message.command
    answer: Command = {
        dimse.SOP_CLASS: command.get(dimse.SOP_CLASS, ""),
        dimse.FIELD: dimse.C_STORE_RQ | dimse.RESPONSE,
        dimse.RESPONDED: command.get(dimse.MESSAGE_ID, 0),
        dimse.STATUS: status,
        dimse.SOP_INSTANCE: command.get(dimse.SOP_INSTANCE, ""),
    }
    talk.put(message.context, answer, until)
    transfer = talk.contexts.get(message.context, ("", ""))[1]
    uids = str(command.get(dimse.SOP_CLASS, "")), str(command.get(dimse.SOP_INSTANCE, ""))
    return Instance(*uids, transfer, message.data)


def _retrieve(
    talk: Messages, abstract: str, command: Command, query: Query, until: float
) -> Retrieved:
    context = talk.context_of(abstract)
    if context is None:
        raise Ended("no context", f"{abstract} was not accepted")
    number = talk.number()
    asked = {
        dimse.SOP_CLASS: abstract,
        dimse.MESSAGE_ID: number,
        dimse.PRIORITY: 0,
        **command,
    }
    talk.put(context, asked, until, query.encoded(talk.contexts[context][1]))
    found = Retrieved()

    def other(message: Message) -> None:
        if message.kind != dimse.C_STORE_RQ:
            raise Ended("garbage", f"a request {message.kind:04X}H comes during a retrieval")
        found.instances.append(take_store(talk, message, until))
        held[0] += len(message.data)
        if held[0] > ROOM:
            raise Ended("garbage", f"more than {ROOM >> 20} MiB came")

    held = [0]
    try:
        for _ in range(MOST):
            answer = _await(talk, number, until, other)
            counters = _counters(answer.command)
            found.told = max(found.told, sum(counters.values()))
            if answer.status not in PENDING:
                found.status, found.counters = answer.status, counters
                break
    except Ended as ended:
        found.ended = str(ended)
    return found


def get(talk: Messages, query: Query, until: float, *, model: str = GET) -> Retrieved:
    """C-GET *query*; what comes back is in the answer, even if the association ends early."""
    return _retrieve(talk, model, {dimse.FIELD: C_GET_RQ}, query, until)


def move(
    talk: Messages, query: Query, destination: str, until: float, *, model: str = MOVE
) -> Retrieved:
    """C-MOVE *query* to the AE *destination*; the instances arrive elsewhere."""
    command: Command = {dimse.FIELD: C_MOVE_RQ, dimse.DESTINATION: destination}
    return _retrieve(talk, model, command, query, until)


def find(
    talk: Messages, query: Query, until: float, *, model: str = FIND
) -> tuple[list[bytes], int | None]:
    """C-FIND *query*; return the identifiers of the answers as octets, and the final status. Raises Ended."""
    context = talk.context_of(model)
    if context is None:
        raise Ended("no context", f"{model} was not accepted")
    number = talk.number()
    asked: Command = {
        dimse.SOP_CLASS: model,
        dimse.FIELD: C_FIND_RQ,
        dimse.MESSAGE_ID: number,
        dimse.PRIORITY: 0,
    }
    talk.put(context, asked, until, query.encoded(talk.contexts[context][1]))
    answers: list[bytes] = []
    for _ in range(MOST):
        message = _await(talk, number, until, _ignore)
        if message.status not in PENDING:
            return answers, message.status
        answers.append(message.data)
    raise Ended("garbage", f"more than {MOST} answers")


def _references(transaction: str, rows: Iterable[tuple[str, str]], *, explicit: bool) -> bytes:
    items = [
        element(0x00081150, "UI", sop.encode(), explicit=explicit)
        + element(0x00081155, "UI", uid.encode(), explicit=explicit)
        for sop, uid in rows
    ]
    return element(0x00081195, "UI", transaction.encode(), explicit=explicit) + sequence(
        0x00081199, items, explicit=explicit
    )


def ask_commitment(
    talk: Messages,
    transaction: str,
    rows: Sequence[tuple[str, str]],
    until: float,
    *,
    other: Callable[[Message], None] = _ignore,
) -> int | None:
    """N-ACTION: ask for commitment of *rows* (SOP class, instance); return the status. Raises Ended."""
    context = talk.context_of(COMMITMENT)
    if context is None:
        raise Ended("no context", "Storage Commitment was not accepted")
    number = talk.number()
    explicit = talk.contexts[context][1] != pdu.IMPLICIT_LE
    asked: Command = {
        dimse.REQUESTED_CLASS: COMMITMENT,
        dimse.FIELD: N_ACTION_RQ,
        dimse.MESSAGE_ID: number,
        dimse.REQUESTED_INSTANCE: COMMITMENT_INSTANCE,
        dimse.ACTION_TYPE: 1,
    }
    talk.put(context, asked, until, _references(transaction, rows, explicit=explicit))
    return _await(talk, number, until, other).status


def take_event(talk: Messages, message: Message, until: float) -> Commitment:
    """Answer an N-EVENT-REPORT-RQ with success and return what it reports.

    Raises Ended ``garbage`` if it is no report of Storage Commitment.
    """
    command = message.command
    answer: Command = {
        dimse.SOP_CLASS: COMMITMENT,
        dimse.FIELD: N_EVENT_RQ | dimse.RESPONSE,
        dimse.RESPONDED: command.get(dimse.MESSAGE_ID, 0),
        dimse.EVENT_TYPE: command.get(dimse.EVENT_TYPE, 0),
        dimse.STATUS: 0,
        dimse.SOP_INSTANCE: COMMITMENT_INSTANCE,
    }
    talk.put(message.context, answer, until)
    transfer = talk.contexts.get(message.context, ("", pdu.IMPLICIT_LE))[1]
    return read_event(int(command.get(dimse.EVENT_TYPE, 0)), message.data, transfer)


def read_event(event: int, data: bytes, transfer: str) -> Commitment:
    """Return what the data set of an N-EVENT-REPORT (or N-ACTION) of Storage Commitment says."""
    from part15.wire.elements import MalformedDataSet
    from part15.wire.part10 import syntax_of

    try:
        transaction, committed, failed = commitment_in(data, syntax_of(transfer))
    except MalformedDataSet as error:
        raise Ended("garbage", f"the report cannot be read: {error}") from None
    return Commitment(event, transaction, committed, failed)


def report_commitment(
    talk: Messages,
    transaction: str,
    committed: Sequence[tuple[str, str]],
    failed: Sequence[tuple[str, str, int]],
    until: float,
    *,
    event: int = 0,
) -> int | None:
    """N-EVENT-REPORT: tell what was *committed* and *failed* (with its reason). Raises Ended."""
    context = talk.context_of(COMMITMENT)
    if context is None:
        raise Ended("no context", "Storage Commitment was not accepted")
    explicit = talk.contexts[context][1] != pdu.IMPLICIT_LE
    data = _references(transaction, committed, explicit=explicit)
    if failed:
        items = [
            element(0x00081150, "UI", sop.encode(), explicit=explicit)
            + element(0x00081155, "UI", uid.encode(), explicit=explicit)
            + element(0x00081197, "US", reason.to_bytes(2, "little"), explicit=explicit)
            for sop, uid, reason in failed
        ]
        failures = sequence(0x00081198, items, explicit=explicit)
        head = element(0x00081195, "UI", transaction.encode(), explicit=explicit)
        data = head + failures + data[len(head) :]
    number = talk.number()
    asked: Command = {
        dimse.SOP_CLASS: COMMITMENT,
        dimse.FIELD: N_EVENT_RQ,
        dimse.MESSAGE_ID: number,
        dimse.SOP_INSTANCE: COMMITMENT_INSTANCE,
        dimse.EVENT_TYPE: event or (2 if failed else 1),
    }
    talk.put(context, asked, until, data)
    return _await(talk, number, until, _ignore).status


BROKEN = (Ended, ssl.SSLError, OSError)
"""What a stream may raise while services run on it."""
