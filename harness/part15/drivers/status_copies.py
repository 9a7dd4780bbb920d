"""What the product does when it is told to: one action for one of our test objects, and copies sent to us."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable

from part15.bench import Bench
from part15.channel.services import Retrieved
from part15.channel.trigger import act
from part15.drivers import status_lines
from part15.drivers import storage_lines as lines
from part15.drivers.status_lines import Play, Sent
from part15.observations import NotReached
from part15.observations.status import PARTNER, StatusCase

LATEST = 60.0
"""Seconds that an action may take at most; else six times the deadline."""
_SLOTS = {"transfer": " and {aet}", "copy": " and {aet}"}


def missing(bench: Bench, verb: str) -> NotReached | None:
    """Return why the action *verb* cannot be asked of the product, None if it can."""
    if bench.target.actions.get(verb):
        return None
    slots = f"{{uid}}{_SLOTS.get(verb, '')}"
    return NotReached(
        "actions",
        f"the target has no action '{verb}'; give actions.{verb}, a command with {slots}",
    )


def do(bench: Bench, verb: str, sent: Sent, listener: object = None) -> bool:
    """Run the action *verb* for *sent*, an instance of ours; tell whether it ended with status 0.

    *listener* is where it is to be sent to. Raises Trouble.
    """
    bench.note(f"action {verb} for test object {sent.instance.uid}")
    slots = {"uid": sent.instance.uid, "study": sent.study}
    for slot, name in (("aet", "ae_title"), ("host", "host"), ("port", "port")):
        slots[slot] = str(getattr(listener, name, ""))
    acted = act(
        bench.target.actions[verb],
        folder=bench.target.folder,
        slots=slots,
        what=f"{verb} the instance {sent.instance.uid}",
        deadline=min(bench.deadline * 6 + 5, LATEST),
    )
    done = acted.code in (0, None)
    if done and verb == "delete":
        bench.ledger.stored.pop(sent.instance.uid, None)
    return done


def copied(play: Play, asked: str, wanted: Iterable[Sent]) -> list[StatusCase]:
    """Have the product send a copy of each of *wanted* to our listener of the kind *asked*; tell what came.

    Nothing where there is no such listener or no action ``copy``.
    """
    bench = play.parties[PARTNER].bench
    listener = status_lines.destinations(bench).get(asked)
    stored = [s for s in wanted if s.stored]
    if listener is None or missing(bench, "copy"):
        return []
    inbox, cases = lines.Inbox(), []
    with lines.acceptor(bench, listener, inbox):
        for sent in stored:
            before = len(inbox.instances)
            done = do(bench, "copy", sent, listener)
            if done:
                until = time.monotonic() + bench.deadline
                inbox.wait(lambda box, n=before: len(box.instances) > n, until)  # type: ignore[misc]
            found = Retrieved(inbox.instances[before:], 0 if done else None, ended="refused")
            cases += status_lines.cases_of([sent], asked, found, "copy")
    return [dataclasses.replace(c, answer=c.answer if c.delivered else "") for c in cases]
