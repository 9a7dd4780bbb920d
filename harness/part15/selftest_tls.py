"""The arenas of the TLS profiles: the embedded peer, right and with each named fault."""

from __future__ import annotations

import dataclasses
import datetime as dt
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from part15 import load
from part15.evidence import Store
from part15.forge import KeyRing
from part15.judge import judge, worst
from part15.model import Plan, Verdict, Word
from part15.peers import gnutls_child
from part15.peers.faults import Fault, faults
from part15.peers.policy import Policy
from part15.peers.reference import ReferencePeer
from part15.pki import Pki, make_pki
from part15.plan import build_plan
from part15.selftest import Judged
from part15.session import Session
from part15.target_file import parse_target

DEADLINE = 0.4
"""Seconds for one exchange on loopback; a hanging peer costs this much per stimulus."""

_KEYS = KeyRing()
_PKI: list[Pki] = []


def shared_pki() -> Pki:
    """Return the test PKI of this process, made once."""
    if not _PKI:
        _PKI.append(make_pki(Path(tempfile.mkdtemp(prefix="part15-selftest-")), keys=_KEYS))
    return _PKI[0]


def drive(
    document: Mapping[str, Any],
    folder: Path,
    *,
    deadline: float,
    only: str = "",
    about: str = "",
) -> tuple[Plan, list[Verdict]]:
    """Plan, drive and judge the target that *document* describes, in this process.

    *only* one claim of it; *about*: only cases whose stimuli begin with that word.
    """
    target = parse_target(document, folder=folder)
    plan = build_plan(target, load.load_profiles(), load.load_roles())
    session = Session(target, Store(folder / "evidence"), deadline=deadline)
    today = dt.datetime.now(dt.UTC).date()
    verdicts = []
    for case in plan.cases:
        if only not in ("", case.claim):
            continue
        if about and not (case.stimulus and case.stimulus.kind.startswith(about)):
            continue
        seen = None
        if case.settled is None and case.stimulus is not None:
            seen = session.observe(case.stimulus)
        verdicts.append(judge(case, seen, today=today))
    return plan, verdicts


def judged(verdicts: Sequence[Verdict]) -> Judged:
    """Return the gravest uncapped word of each driven clause, and the clauses that fail with caps applied."""
    words: dict[str, list[Word]] = {}
    unclean = set()
    for verdict in verdicts:
        if verdict.case.settled is None and verdict.uncapped is not None:
            words.setdefault(verdict.case.clause, []).append(verdict.uncapped)
        if verdict.word in (Word.FAIL, Word.ERROR):
            unclean.add(verdict.case.clause)
    return Judged({clause: worst(found) for clause, found in words.items()}, tuple(sorted(unclean)))


@dataclass(frozen=True)
class TlsArena:
    """The embedded peer under one TLS profile.

    The arena that judges the rule sets runs every fault; the others run those that act on their own
    clauses, or with *every* (``selftest --full``) all of them.
    """

    name: str
    profile: str
    edition: str
    policy: Policy
    rule_sets: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    every: bool = False
    answers_for: str = "tls-server"

    @property
    def profiles(self) -> tuple[str, ...]:
        """The profiles whose clauses it accounts for."""
        return (self.profile, *self.rule_sets)

    def faults(self) -> Sequence[Fault]:
        """Return the faults that flip a clause judged here."""
        mine = {c.id for name in self.profiles for c in load.load_profiles()[name].clauses}
        return [
            f
            for f in faults().values()
            if f.role == "tls-server"
            and (self.every or mine & set(f.flips) or (self.rule_sets and not f.flips))
        ]

    def right(self) -> Judged:
        """Judge the right peer."""
        return self._run(())

    def wrong(self, fault: Fault) -> Judged:
        """Judge the peer with *fault*."""
        return self._run((fault.name,))

    def _run(self, names: Sequence[str]) -> Judged:
        with (
            tempfile.TemporaryDirectory(prefix="part15-selftest-") as folder,
            tempfile.TemporaryDirectory(prefix="part15-stored-") as stored,
            ReferencePeer(
                shared_pki(), names, policy=self.policy, artim=0.5, idle=0.5, folder=Path(stored)
            ) as peer,
        ):
            document = peer.document(
                edition=self.edition, profile=self.profile, features=self.features
            )
            _, verdicts = drive(document, Path(folder), deadline=DEADLINE)
        return judged(verdicts)


FOUR = "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES128-GCM-SHA256"

RETIRED = ("entity-authentication", "master-secret-exchange", "integrity", "privacy")
"""What B.1 and B.3 bind only where it is claimed."""

ARENAS = (
    TlsArena(
        "B.12",
        "tls-bcp195-rfc8996",
        "2023b",
        Policy(),
        ("rfc7525", "rfc8996", "rfc9325", "tls-common", "ps3.8-transport"),
    ),
    TlsArena("B.9", "tls-bcp195", "2022b", Policy(ciphers=FOUR)),
    TlsArena("B.10", "tls-bcp195-nondowngrading", "2022b", Policy(ciphers=FOUR)),
    TlsArena(
        "B.11",
        "tls-bcp195-extended",
        "2022b",
        Policy(
            ciphers=f"{FOUR}:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256",
            maximum="1.2",
        ),
    ),
    TlsArena("B.13", "tls-bcp195-rfc8996-modified", "2023b", gnutls_child.MODIFIED),
    TlsArena("B.1", "tls-basic", "2017c", gnutls_child.BASIC, features=RETIRED),
    TlsArena("B.3", "tls-aes", "2017c", gnutls_child.AES, features=RETIRED),
)

FULL = tuple(dataclasses.replace(arena, every=True) for arena in ARENAS)
"""The product of every server fault and every TLS profile."""
