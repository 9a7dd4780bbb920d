"""Counting verdicts over a set of files in constant memory: per clause the worst word, counts, first findings."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from part15.inspect_share import Partial
from part15.judge import judge, worst
from part15.model import Case, Claim, Judgement, Plan, Profile, Status, Verdict, Word
from part15.plan import _filled, clauses_of
from part15.registry import Check, checks

FILE_ROLES = (
    "signer",
    "media-creator",
    "de-identifier",
    "audit-source",
    "creator",
    "storage-scp",
    "storage-scu",
)
"""The claimable roles whose conformance shows in files, in the order in which a claim prefers them."""

_QUIET = (Word.PASS, Word.NOT_APPLICABLE, Word.INFO)


@dataclass
class Tally:
    """One case over all files: how many came out with each word, and the first of each word."""

    case: Case
    check: Check
    partial: Partial = field(default_factory=Partial)
    _kinds: dict[type, bool] = field(default_factory=dict)

    def takes(self, kind: type) -> bool:
        """Tell whether the check judges *kind*; asked once per kind, since annotations are slow to read."""
        if kind not in self._kinds:
            self._kinds[kind] = self.check.takes(kind)
        return self._kinds[kind]

    def add(self, subject: str, answer: Judgement) -> None:
        """Count *answer* about *subject*."""
        self.partial.add(subject, answer)

    def taken(self) -> Partial:
        """Return what was counted, and begin anew."""
        partial, self.partial = self.partial, Partial()
        return partial

    def verdict(self, today: dt.date) -> Verdict:
        """Return the verdict of the case over everything that was counted."""
        seen = self.partial
        word = worst(list(seen.counts))
        subject, first = seen.first[word]
        total = sum(seen.counts.values())
        message = first.message
        if total > 1:
            told = ", ".join(f"{n} {w}" for w, n in sorted(seen.counts.items()))
            message = f"{told} of {total}; first: {subject}: {first.message}"
            if seen.more:
                message += f" ({seen.more} more findings are in results.jsonl)"
        answer = dataclasses.replace(first, message=message, findings=tuple(seen.findings))
        bound = judge(dataclasses.replace(self.case, settled=answer), None, today=today)
        return dataclasses.replace(bound, case=self.case)


@dataclass
class Judging:
    """One claim judged on files: the cases whose checks take what readers see."""

    claim: Claim
    planned: tuple[Case, ...]
    tallies: tuple[Tally, ...]

    def judge(self, subject: str, seen: Any) -> dict[str, Judgement]:
        """Judge one observation; returns the answers by clause id, and counts them."""
        answers = {}
        for tally in self.tallies:
            if tally.takes(type(seen)):
                answer = asked(tally, seen)
                tally.add(subject, answer)
                answers[tally.case.clause] = answer
        return answers

    def would(self, seen: Any) -> dict[str, Judgement]:
        """Judge one observation without counting it."""
        return {t.case.clause: asked(t, seen) for t in self.tallies if t.takes(type(seen))}


def asked(tally: Tally, seen: Any) -> Judgement:
    """Return the answer of the check; a check that breaks is verdict *error*."""
    try:
        return tally.check.function(seen, **tally.case.expect)
    except Exception as error:  # noqa: BLE001 - a defect of a check is verdict error, as in judge
        why = f"check {tally.check.name} broke: {type(error).__name__}: {error}"
        return Judgement(Word.ERROR, why)


def violates(tally: Tally, answer: Judgement, today: dt.date) -> Word:
    """Return the word of *answer* after the level of its clause."""
    if answer.word in _QUIET:
        return answer.word
    case = dataclasses.replace(tally.case, settled=answer)
    return judge(case, None, today=today).word


def role_for(profile: Profile) -> str | None:
    """Return the role of *profile* that shows in files, or None."""
    return next((r for r in FILE_ROLES if r in profile.roles), None)


def judging(
    claim: Claim, profiles: Mapping[str, Profile], roles: Mapping[str, Sequence[str]]
) -> Judging:
    """Return how *claim* is judged on files: every binding of its role that has a check."""
    mine = set(roles.get(claim.role, (claim.role,)))
    tallies, planned = [], []
    for case, check in _cases(claim, profiles, mine):
        planned.append(case)
        if check is not None:
            tallies.append(Tally(case, check))
    return Judging(claim, tuple(planned), tuple(tallies))


def _slots(claim: Claim) -> dict[str, Any]:
    """Return what ``${name}`` in an expectation stands for, as in a plan."""
    return {
        "edition": claim.edition,
        "profile": claim.profile,
        "role": claim.role,
        "options": list(claim.options),
        "features": list(claim.features),
    }


def _cases(
    claim: Claim, profiles: Mapping[str, Profile], mine: set[str]
) -> Iterator[tuple[Case, Check | None]]:
    for profile, clause, advisory in clauses_of(claim, profiles):
        for binding in clause.bindings:
            if binding.status is Status.UNTESTABLE or not mine & set(binding.roles):
                continue
            if binding.features and not {*claim.options, *claim.features} & set(binding.features):
                continue
            level = clause.level_in.get(claim.profile, clause.level)
            case = Case(
                id=f"{clause.id}:{claim.role}",
                clause=clause.id,
                profile=profile.id,
                claim=claim.profile,
                section=clause.section,
                edition=claim.edition,
                role=claim.role,
                level=type(clause.level)(level),
                family=profile.family,
                text=clause.text,
                group=clause.group,
                stimulus=binding.stimulus,
                check=binding.check,
                expect=_filled(binding.expect, _slots(claim)),
                advisory=advisory,
                derived=clause.derived,
                hint=clause.hint,
                readings=clause.readings,
            )
            yield (
                case,
                checks().get(binding.check) if binding.stimulus and not binding.each else None,
            )
            break


def plan_of(judgings: Sequence[Judging], profiles: Mapping[str, Profile]) -> Plan:
    """Return the plan of an inspection: every clause of the claims, decided here or not."""
    claims = tuple(j.claim for j in judgings)
    names = Counter(c.id for j in judgings for c in j.planned)
    cases = tuple(named(c, names) for j in judgings for c in j.planned)
    claimed = {c.profile for c in claims}
    unclaimed = tuple(
        (p.id, "not inspected: no mark of it was found")
        for p in profiles.values()
        if p.claimable and p.id not in claimed
    )
    return Plan(claims, cases, unclaimed)


def named(case: Case, names: Mapping[str, int]) -> Case:
    """Return *case* with an id that no other claim has."""
    if names[case.id] < 2:
        return case
    return dataclasses.replace(case, id=f"{case.id}%{case.claim}-{case.edition}")


def verdicts_of(judgings: Sequence[Judging], today: dt.date) -> list[Verdict]:
    """Return one verdict per case that something was seen for."""
    names = Counter(c.id for j in judgings for c in j.planned)
    found = []
    for one in judgings:
        for tally in one.tallies:
            if tally.partial.counts:
                verdict = tally.verdict(today)
                found.append(dataclasses.replace(verdict, case=named(verdict.case, names)))
    return found
