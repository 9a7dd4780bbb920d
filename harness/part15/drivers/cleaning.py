"""After a run: the product is told to delete the test objects that were stored with it, and nothing else."""

from __future__ import annotations

import time
from typing import Any

from part15.bench import Ledger
from part15.channel.trigger import ASK, act
from part15.errors import Trouble

SECONDS = 60.0
"""The most that cleaning up takes; each action has the target's deadline."""


def clean(target: Any, ledger: Ledger) -> None:
    """Run ``actions.delete`` for each instance of *ledger*, or for each study where it has no ``{uid}``.

    What became of it is noted in *ledger*. A product that refuses to delete an OR or AO instance is
    right, so nothing of this is judged.
    """
    command = target.actions.get("delete")
    if not command or not ledger.stored:
        return
    if command == ASK:
        ledger.note("cleaning", "", f"{len(ledger.stored)} test objects are left for you to delete")
        return
    whole = "{uid}" not in (command if isinstance(command, str) else " ".join(command))
    rows = {study: study for study in ledger.stored.values()} if whole else dict(ledger.stored)
    until, deleted, tried = time.monotonic() + SECONDS, 0, 0
    for uid, study in rows.items():
        if time.monotonic() >= until:
            break
        tried += 1
        try:
            acted = act(
                command,
                folder=target.folder,
                slots={"uid": "" if whole else uid, "study": study},
                what="delete a test object",
                deadline=target.limits.deadline,
            )
        except Trouble:
            continue
        deleted += acted.code == 0
    what = "studies of test objects" if whole else "test objects"
    text = f"action delete for {tried} of {len(rows)} {what}: {deleted} deleted, the others refused or gone"
    ledger.note("cleaning", "", text)
    ledger.stored.clear()
