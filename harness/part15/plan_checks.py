"""Claims, waivers and attestations that cannot be: refused before anything is planned (contract §6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from part15 import content
from part15.errors import TargetError
from part15.model import Case, Claim, Clause, Profile
from part15.registry import did_you_mean
from part15.target import Target, check_edition


def covers(span: tuple[str, str | None], edition: str) -> bool:
    """Tell whether the *span* of editions contains *edition*."""
    first, last = span
    return first <= edition and (last is None or edition <= last)


def check_claims(target: Target, profiles: Mapping[str, Profile], edition: str | None) -> None:
    """Refuse claims that name no profile, no role of it, or an edition without it.

    Raises TargetError with every problem.
    """
    check_edition(edition)
    problems = []
    claimable = [p.id for p in profiles.values() if p.claimable]
    for claim in target.claimed(edition):
        profile = profiles.get(claim.profile)
        if profile is None or not profile.claimable:
            hint = did_you_mean(claim.profile, claimable)
            problems.append(f"claims.{claim.profile}: there is no such profile to claim{hint}")
            continue
        if claim.role not in profile.roles:
            problems.append(
                f"claims.{claim.profile}: '{claim.role}' is no role of it; its roles are {', '.join(profile.roles)}"
            )
        if not covers(profile.editions, claim.edition):
            first, last = profile.editions
            span = f"{first} to {last}" if last else f"{first} on"
            problems.append(
                f"claims.{claim.profile}: the edition {claim.edition} does not have it (it is in {span}); "
                f'give the claim an edition of its own: {{ roles = ["{claim.role}"], edition = "{last or first}" }}'
            )
    if problems:
        raise TargetError(
            *(f"{target.source}: {p}" if target.source else p for p in sorted(set(problems)))
        )


def check_words(
    target: Target, claim: Claim, clauses: Sequence[Clause], profiles: Mapping[str, Profile]
) -> None:
    """Refuse options and features of *claim* that mean nothing: clauses would not apply by a misspelling.

    A word means something if one of *clauses* binds by it, if it is a profile of the same family, or
    a preset of options. Raises TargetError with every problem.
    """
    family = profiles[claim.profile].family
    known = {word for clause in clauses for b in clause.bindings for word in b.features}
    known |= {word for clause in clauses for word in clause.data.get("features", ())}
    known |= {p.id for p in profiles.values() if p.family == family and p.id != claim.profile}
    if family == "confidentiality":
        known |= set(content.table("deid-presets")["presets"])
    place = f"{target.source}: " if target.source else ""
    problems = [
        f"{place}claims.{claim.profile}.{key}: '{word}' is none that PS3.15 or part15 knows"
        f"{did_you_mean(word, known)}"
        for key, words in (("options", claim.options), ("features", claim.features))
        for word in words
        if word not in known
    ]
    if problems:
        raise TargetError(*problems)


def check_waivers(target: Target, cases: Sequence[Case], *, whole: bool) -> None:
    """Refuse waivers and attestations of what is no case; a plan that is not *whole* cannot tell.

    Raises TargetError with every problem.
    """
    if not whole:
        return
    ids = {case.id for case in cases}
    named = ids | {case.clause for case in cases}
    problems = [
        f"waivers: '{w.case}' is no case of this plan{did_you_mean(w.case, ids)}"
        for w in target.waivers
        if w.case not in ids
    ]
    problems += [
        f"attestations: '{a.case}' is no case or clause of this plan{did_you_mean(a.case, named)}"
        for a in target.attestations
        if a.case not in named
    ]
    if problems:
        raise TargetError(*(f"{target.source}: {p}" if target.source else p for p in problems))
