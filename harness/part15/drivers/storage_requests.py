"""Stimuli in which the product stores with us: what it proposes and sends."""

from __future__ import annotations

import time

from part15.bench import Bench
from part15.channel.trigger import acting
from part15.drivers import storage_lines as lines
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.storage import ProposalSeen
from part15.registry import driver

EXTENDED_ITEM = 0x56


@driver(Impact.ASSOCIATE, at="listener")
def receive(bench: Bench) -> ProposalSeen | NotReached:
    """Have the product store an object with us; tell its proposal and the syntaxes that it used."""
    inbox, listener = lines.Inbox(), bench.endpoint
    with lines.acceptor(bench, listener, inbox) as own:
        slots = {"host": own.host, "port": str(own.port), "aet": listener.ae_title}
        until = time.monotonic() + listener.wait
        with acting(
            listener.trigger,
            folder=bench.target.folder,
            slots=slots,
            what="store an object with us",
            wait=listener.wait,
        ):
            if not inbox.wait(lambda box: bool(box.proposals), until):
                return NotReached(
                    "trigger",
                    f"no A-ASSOCIATE-RQ came to {own.address} within {listener.wait:g} s; look whether the "
                    f"trigger of listeners.{listener.id} makes the product store there",
                )
            inbox.wait(lambda box: bool(box.instances), min(until, bench.until()))
    proposed: dict[str, tuple[str, ...]] = {}
    extended = []
    for asked in inbox.proposals:
        for context in asked.contexts:
            if context.abstract.startswith(lines.STORAGE):
                known = proposed.get(context.abstract, ())
                proposed[context.abstract] = (*known, *context.transfers)
        for kind, body in asked.user_items:
            if kind == EXTENDED_ITEM:
                extended.append(body[2 + int.from_bytes(body[:2], "big") :])
    used = tuple(dict.fromkeys(i.transfer for i in inbox.instances))
    return ProposalSeen(proposed, used, tuple(extended))
