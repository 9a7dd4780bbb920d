"""Stimuli in which the product opens the association: what identity it shows us, what it makes of our answer."""

from __future__ import annotations

import queue
import time
from typing import Any

from part15.bench import Bench
from part15.channel.acceptor import Acceptor, listener_context
from part15.channel.association import Line
from part15.channel.messages import Messages
from part15.channel.tls import Ended
from part15.channel.trigger import acting
from part15.drivers import identity_answers as answering
from part15.drivers import identity_keytab as tickets
from part15.errors import Trouble
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.identity import ReactionsSeen, RequestItem, RequestSeen
from part15.registry import driver
from part15.wire import dimse, pdu
from part15.wire import user_identity as ui

RIGHT = "59H"
FORGED = "59H with a forged server ticket"
ANSWERS = (
    RIGHT,
    "no 59H",
    FORGED,
    "two 59H",
    "59H with a response length beyond the item",
    "59H longer than the user information",
    "59H of 65000 octets",
    "rejected",
    "aborted",
)
"""What we can answer an A-ASSOCIATE-RQ with; a forged server ticket needs ``listeners.ID.keytab``."""
TRANSFERS = (pdu.EXPLICIT_LE, pdu.IMPLICIT_LE)


@driver(Impact.ASSOCIATE, at="listener")
def receive(bench: Bench, *, answer: str = RIGHT) -> RequestSeen | NotReached:
    """Have the product open an association with us and read the User Identity sub-items of its request.

    *answer* ``59H`` returns a positive response where one was asked for, ``no 59H`` never; the others are
    in :data:`ANSWERS`. Every context that is proposed is accepted, and every request answered with success.
    """
    if answer not in ANSWERS:
        raise Trouble("stimulus", f"answer is one of {', '.join(ANSWERS)}, not '{answer}'")
    listener_context(bench.endpoint)
    tickets.keys_of(bench)
    return _received(bench, answer)


@driver(Impact.ASSOCIATE, at="listener")
def react(bench: Bench) -> ReactionsSeen | NotReached:
    """Have the product open one association for each of :data:`ANSWERS`, and see what it does after ours.

    What comes of a forged server ticket is seen only where the product shows a ticket that our keytab opens.
    """
    listener_context(bench.endpoint)
    tickets.keys_of(bench)
    first = _received(bench, RIGHT)
    if isinstance(first, NotReached):
        return first
    verified = any(i.proof == "verified" for i in first.items)
    seen, absent = [first], []
    for answer in ANSWERS[1:]:
        if answer == FORGED and not verified:
            continue
        found = _received(bench, answer)
        if isinstance(found, NotReached):
            absent.append(answer)
        else:
            seen.append(found)
    return ReactionsSeen(tuple(seen), tuple(absent))


def _received(bench: Bench, answer: str) -> RequestSeen | NotReached:
    found: queue.Queue[RequestSeen] = queue.Queue()
    listener = bench.endpoint

    def serve(line: Line) -> None:
        seen = _served(bench, line, answer)
        if seen is not None:
            found.put(seen)

    with Acceptor(
        listener.host,
        listener.port,
        lambda: listener_context(listener),
        serve,
        recorder=bench.recorder,
    ) as own:
        slots = {"host": own.host, "port": str(own.port), "aet": listener.ae_title}
        what = "open an association that shows a user"
        with acting(
            listener.trigger,
            folder=bench.target.folder,
            slots=slots,
            what=what,
            wait=listener.wait,
        ):
            try:
                return found.get(timeout=listener.wait)
            except queue.Empty:
                return NotReached(
                    "trigger",
                    f"no A-ASSOCIATE-RQ came to {own.address} within {listener.wait:g} s; look whether the "
                    f"trigger of listeners.{listener.id} makes the product connect there",
                )


def _requires(bench: Bench) -> bool | None:
    stated = bench.target.declared.get("user_identity", {}).get("requires_confirmation")
    return stated if isinstance(stated, bool) else None


def _served(bench: Bench, line: Line, answer: str) -> RequestSeen | None:
    """Answer one association; None if no A-ASSOCIATE-RQ came."""
    talk, until = Messages(line), bench.until()
    if line.failed:
        return None
    _, asked = talk.next(until)
    if not isinstance(asked, pdu.Associate):
        return None
    label = "".join(c if c.isalnum() else "-" for c in answer)
    bench.evidence.keep(f"request-{label}.bin", ui.blanked(talk.body))
    fault, items = "", []
    try:
        shown = [i for i in ui.sub_items(talk.body) if i.kind == ui.REQUEST]
        items = [_kept(ui.read_request(i), tickets.opened(bench, i)) for i in shown]
    except pdu.PduError as error:
        shown, fault = [], str(error)
    asks = any(i.positive for i in items)
    answer = "no 59H" if answer == RIGHT and not asks else answer
    reply = tickets.reply(bench, shown, forged=answer == FORGED)
    talk.send(answering.octets(answer, asked, tuple(_answers(asked)), reply), until)
    if answer not in ("rejected", "aborted"):
        talk.agree(asked, pdu.Associate(contexts=tuple(_answers(asked))), asked)
    return RequestSeen(
        tuple(items),
        "plain" if line.tls is None else "tls",
        answer,
        _then(talk, until),
        _requires(bench),
        fault,
    )


def _kept(item: ui.ReadRequest, proof: str) -> RequestItem:
    fields: dict[str, Any] = {
        n: getattr(item, n) for n in ("kind", "positive", "reserved", "primary", "secondary")
    }
    return RequestItem(**fields, form=item.form, fault=item.fault, proof=proof)


def _answers(asked: pdu.Associate) -> list[pdu.PresentationContext]:
    return [
        pdu.PresentationContext(
            c.id,
            "",
            (next((t for t in c.transfers if t in TRANSFERS), (c.transfers or ("",))[0]),),
            0,
        )
        for c in asked.contexts
    ]


def _then(talk: Messages, until: float) -> str:
    """Serve what comes with success and return what the product did after our answer."""
    went = ""
    try:
        while time.monotonic() < until:
            message = talk.get(until)
            went = "went on"
            if not message.kind & dimse.RESPONSE:
                answer = dimse.decode_command(dimse.response_to(message.command))
                talk.put(message.context, answer, until)
    except Ended as ended:
        return went or {"garbage": "closed", "reset": "closed"}.get(ended.how, ended.how)
    return went or "silent"
