"""The report document of a comparison: the clauses of PS3.15 A.3 that two objects decide."""

from __future__ import annotations

import datetime as dt
import platform
import ssl
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from part15 import __version__, load
from part15.checks.comparison import returns_explicit_vr
from part15.inspect_pairs import Comparison, notes_of
from part15.inspect_tally import Judging, Tally, plan_of, verdicts_of
from part15.model import Case, Claim, Clause, Level, Stimulus
from part15.observations import Member
from part15.observations.comparison import ComparisonSeen
from part15.registry import Check, checks
from part15.report import build
from part15.report.facts import RunFacts, TargetFacts
from part15.target import EDITION

PROFILE = "bit-preserving-digital-signatures-use"
_CHECKS = {
    "A.3-a-bit-for-bit": "comparison.keeps_values",
    "A.3-b-item-order": "comparison.keeps_item_order",
    "A.3-c-no-removal-or-change": "comparison.keeps_elements",
    "A.3-c-add-allowed": "comparison.adds_nothing",
    "A.3-d-explicit-vr": "comparison.returns_explicit_vr",
    "A.3-e-vr-unchanged": "comparison.keeps_vrs",
}
"""What two files decide of A.3; the same checks judge the round trips of ``run``."""

_FILES_ONLY = {
    "comparison.returns_explicit_vr": Check("comparison.returns_explicit_vr", returns_explicit_vr)
}
_ROLE = "storage-scp"


def document_of(
    comparison: Comparison, names: Sequence[str], edition: str = EDITION
) -> dict[str, Any]:
    """Return the report document of a comparison: the clauses of A.3 that two files decide."""
    profiles = load.load_profiles()
    claim = Claim(PROFILE, _ROLE, edition, source="cli")
    clauses = [c for c in profiles[PROFILE].clauses if c.id in _CHECKS and c.in_force(edition)]
    tallies = tuple(_tally(c, claim) for c in clauses)
    judging = Judging(claim, tuple(t.case for t in tallies), tallies)
    for member in _judged(comparison):
        judging.judge(member.subject, member.seen)
    started = dt.datetime.now(dt.UTC)
    facts = RunFacts(
        id=str(uuid.uuid4()),
        started=started.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        ended=started.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        command=("part15", "compare"),
        version=__version__,
        python=platform.python_version(),
        openssl=ssl.OPENSSL_VERSION,
        platform=f"{platform.system()} {platform.machine()}",
        profiles_digest=load.profiles_digest(),
        notifications=tuple(notes_of(comparison)),
    )
    target = TargetFacts(name=" against ".join(names), edition=edition, path="")
    verdicts = verdicts_of([judging], started.date())
    document = build.build(facts, plan_of([judging], profiles), verdicts, profiles, target)
    document["run"]["exitStatus"] = 0 if comparison.preserved else 1
    return document


def _judged(comparison: Comparison) -> Iterator[Member[ComparisonSeen]]:
    yield from comparison.pairs.members
    for name in comparison.only_before:
        yield Member(name, ComparisonSeen(name, "", problem=f"{name} did not come back"))


def _tally(clause: Clause, claim: Claim) -> Tally:
    case = Case(
        id=f"{clause.id}:{claim.role}",
        clause=clause.id,
        profile=PROFILE,
        claim=PROFILE,
        section=clause.section,
        edition=claim.edition,
        role=claim.role,
        level=Level(clause.level),
        family="secure_use",
        text=clause.text,
        stimulus=Stimulus("files.compare"),
        check=_CHECKS[clause.id],
        hint=clause.hint,
        readings=clause.readings,
    )
    return Tally(case, _FILES_ONLY.get(case.check) or checks()[case.check])
