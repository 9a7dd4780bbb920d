"""The arena of ISCL: the embedded peer under a draft binding, right and with each named fault.

A self-check of the harness, not evidence about ISCL: the peer and the checks have one author. The
judgements are compared uncapped, as everywhere.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from part15 import load
from part15.evidence import Store
from part15.judge import judge
from part15.peers.faults import Fault
from part15.peers.iscl_faults import faults
from part15.peers.iscl_peer import IsclPeer
from part15.plan import build_plan
from part15.selftest import Judged
from part15.selftest_tls import judged
from part15.session import Session
from part15.target_file import parse_target

DEADLINE = 0.5


@dataclass(frozen=True)
class IsclArena:
    """The embedded ISCL peer in one *role* with a second end, under the clauses of B.2 alone."""

    role: str = "iscl-server"
    profiles: tuple[str, ...] = ("iscl",)

    @property
    def name(self) -> str:
        """Return its name, which says what it is not."""
        return f"B.2 as {self.role} (self-check of the harness, no evidence about ISCL)"

    def faults(self) -> Sequence[Fault]:
        """Return every fault of the peer in this role."""
        return [f for f in faults().values() if f.role == self.role]

    def right(self) -> Judged:
        """Judge the right peer."""
        return self._run(())

    def wrong(self, fault: Fault) -> Judged:
        """Judge the peer with *fault*."""
        return self._run((fault.name,))

    def _run(self, names: Sequence[str]) -> Judged:
        mine = {c.id for c in load.load_profiles()["iscl"].clauses}
        today = dt.datetime.now(dt.UTC).date()
        with (
            tempfile.TemporaryDirectory(prefix="part15-selftest-") as folder,
            IsclPeer(names) as peer,
        ):
            said = peer.document() if self.role == "iscl-server" else peer.client_document()
            target = parse_target(said, folder=Path(folder))
            plan = build_plan(target, load.load_profiles(), load.load_roles())
            session = Session(target, Store(Path(folder) / "evidence"), deadline=DEADLINE)
            verdicts = [
                judge(
                    case,
                    session.observe(case.stimulus) if case.stimulus and not case.settled else None,
                    today=today,
                )
                for case in plan.cases
                if case.clause in mine
            ]
        return judged(verdicts)


ARENAS = (IsclArena(), IsclArena("iscl-client"))
