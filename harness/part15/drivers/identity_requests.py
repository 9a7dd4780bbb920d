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
from part15.errors import Trouble
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.identity import RequestItem, RequestSeen
from part15.registry import driver
from part15.wire import dimse, pdu
from part15.wire import user_identity as ui

ANSWERS = ("59H", "no 59H")
TRANSFERS = (pdu.EXPLICIT_LE, pdu.IMPLICIT_LE)


@driver(Impact.ASSOCIATE, at="listener")
def receive(bench: Bench, *, answer: str = "59H") -> RequestSeen | NotReached:
    """Have the product open an association with us and read the User Identity sub-items of its request.

    *answer* ``59H`` returns a positive response where one was asked for, ``no 59H`` never. Every
    context that is proposed is accepted, and every request answered with success.
    """
    if answer not in ANSWERS:
        raise Trouble("stimulus", f"answer is one of {', '.join(ANSWERS)}, not '{answer}'")
    found: queue.Queue[RequestSeen] = queue.Queue()
    listener = bench.endpoint
    listener_context(listener)

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
        with acting(listener.trigger, folder=bench.target.folder, slots=slots, what=what):
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
    bench.evidence.keep("request.bin", ui.blanked(talk.body))
    fault, items = "", []
    try:
        items = [ui.read_request(i) for i in ui.sub_items(talk.body) if i.kind == ui.REQUEST]
    except pdu.PduError as error:
        fault = str(error)
    respond = answer == "59H" and any(i.positive for i in items)
    raw = ui.with_items(_accept(asked), ui.encode_response()) if respond else _accept(asked)
    talk.send(raw, until)
    answered = pdu.Associate(contexts=tuple(_answers(asked)))
    talk.agree(asked, answered, asked)
    return RequestSeen(
        tuple(_kept(i) for i in items),
        "plain" if line.tls is None else "tls",
        "59H" if respond else "no 59H",
        _then(talk, until),
        _requires(bench),
        fault,
    )


def _kept(item: ui.ReadRequest) -> RequestItem:
    fields: dict[str, Any] = {
        n: getattr(item, n) for n in ("kind", "positive", "reserved", "primary", "secondary")
    }
    return RequestItem(**fields, form=item.form, fault=item.fault)


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


def _accept(asked: pdu.Associate) -> bytes:
    return pdu.encode_accept(
        pdu.Associate(
            asked.called, asked.calling, tuple(_answers(asked)), pdu.default_user_items(1 << 17)
        )
    )


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
