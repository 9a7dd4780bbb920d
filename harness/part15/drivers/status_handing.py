"""How the product is made to hand an instance over to us, and how we answer its request for commitment."""

from __future__ import annotations

import time

from part15.bench import Bench
from part15.channel import services
from part15.channel.messages import Message, Messages
from part15.drivers import status_copies, status_lines
from part15.drivers import storage_lines as lines
from part15.drivers.status_lines import Sent
from part15.wire import dimse

PROCESSING_FAILURE = 0x0110


def hand_over(bench: Bench, listener: object, sent: Sent, *, confirm: bool) -> lines.Inbox:
    """Have the product transfer *sent* to *listener*; *confirm* its commitment or report a failure.

    Returns what came. Raises Trouble.
    """
    inbox = lines.Inbox()

    def respond(talk: Messages, message: Message, until: float) -> None:
        transfer = talk.contexts[message.context][1]
        asked = services.read_event(0, message.data, transfer)
        rows = [(sent.instance.sop_class, uid) for uid in asked.committed]
        failed = [] if confirm else [(*row, PROCESSING_FAILURE) for row in rows]
        services.report_commitment(talk, asked.transaction, [] if failed else rows, failed, until)

    with lines.acceptor(bench, listener, inbox, act=respond):
        if status_copies.do(bench, "transfer", sent, listener):
            inbox.wait(lambda box: bool(box.actions), time.monotonic() + bench.deadline)
    return inbox


def asked_for_commitment(inbox: lines.Inbox) -> bool:
    """Tell whether a request for storage commitment came."""
    return any(m.command.get(dimse.ACTION_TYPE) == 1 for m in inbox.actions)


def handed(bench: Bench, sent: Sent, *, confirm: bool) -> str:
    """Have the product transfer *sent* to us; return ``confirmed`` or ``unconfirmed``, empty if it did not.

    Only what arrives with the status that was stored, and is followed by a request for commitment, is a
    transfer.
    """
    inbox = hand_over(bench, status_lines.own_listeners(bench)[0], sent, confirm=confirm)
    came = next((i for i in inbox.instances if i.uid == sent.instance.uid), None)
    transferred = status_lines.case_of(sent, "partner", came).returned == sent.status
    if not (came and transferred and asked_for_commitment(inbox)):
        return ""
    return "confirmed" if confirm else "unconfirmed"
