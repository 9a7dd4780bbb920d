"""Claims and clauses become cases: pure, no I/O (contract §1, §4)."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from part15 import content
from part15.errors import ContentError, TargetError
from part15.model import (
    Binding,
    Case,
    Claim,
    Clause,
    Impact,
    Judgement,
    Level,
    Plan,
    Profile,
    Status,
    Stimulus,
    does_not_apply,
    informs,
    needs_review,
    undecided,
)
from part15.plan_checks import check_claims, check_waivers, check_words, covers
from part15.plan_policies import is_layer, with_layers
from part15.registry import Driver, did_you_mean, drivers
from part15.target import Attestation, Endpoint, Listener, Target

UNTESTED = "not tested by this version"

_SLOT = re.compile(r"^\$\{(\w+)\}$")


def read_edition(edition: str, profiles: Mapping[str, Profile]) -> str:
    """Return the newest edition whose text was read that is not newer than *edition*.

    Spans of clauses name such editions only; a claim of 2024a is judged by the text of 2023b.
    """
    bounds = {
        bound
        for profile in profiles.values()
        for clause in profile.clauses
        for bound in clause.editions
        if bound is not None
    }
    return max((b for b in bounds if b <= edition), default=edition)


def clauses_of(
    claim: Claim, profiles: Mapping[str, Profile]
) -> Iterator[tuple[Profile, Clause, bool]]:
    """Yield every clause in force that *claim* brings in, its own first, then those of included profiles.

    An option that is a profile of its own is brought in too. The third member tells whether the
    clause comes by a newer rule set and only warns. A policy takes over the newest text, whatever the edition. A clause reached twice is yielded once, binding
    if any way to it is. What a site policy is laid upon is a claim of its own.
    """
    edition = read_edition(claim.edition, profiles)
    found: dict[str, tuple[Profile, Clause, bool]] = {}

    def visit(name: str, only_advice: bool, trail: tuple[str, ...], only: tuple[str, ...]) -> None:
        profile = profiles[name]
        for clause in profile.clauses:
            if only and not clause.id.startswith(only):
                continue
            newest = only_advice or (claim.policy and name != claim.profile)
            if clause.in_force(edition) or (newest and clause.editions[1] is None):
                before = found.get(clause.id)
                if before is None or (before[2] and not only_advice):
                    found[clause.id] = (profile, clause, only_advice)
        for include in () if only else profile.include:
            if is_layer(profile, include, profiles):
                continue
            if covers(include.editions, edition) and include.profile not in trail:
                advice = only_advice or include.advisory
                visit(include.profile, advice, (*trail, include.profile), include.only)

    visit(claim.profile, False, (claim.profile,), ())
    for option in claim.options:
        if option in profiles:
            visit(option, False, (claim.profile, option), ())
    yield from found.values()


def _rows(each: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one dict of parameter values per row of *each* (one key, a table or a list)."""
    rows: list[dict[str, Any]] = [{}]
    for name, source in each.items():
        values = source
        if isinstance(source, str) and source.startswith("table:"):
            values = content.table(source[6:])
        if isinstance(values, Mapping):
            values = values.get("rows", list(values))
        expanded = [v["name"] if isinstance(v, Mapping) else v for v in values]
        rows = [{**row, name: value} for row in rows for value in expanded]
    return rows


def _filled(value: Any, row: Mapping[str, Any]) -> Any:
    """Return *value* with ``${name}`` replaced by the row's value, type kept."""
    if isinstance(value, str):
        slot = _SLOT.match(value)
        if slot and slot.group(1) in row:
            return row[slot.group(1)]
        return value
    if isinstance(value, Mapping):
        return {k: _filled(v, row) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_filled(v, row) for v in value]
    return value


TRANSPORTS = {
    "tls-server": ("tls",),
    "tls-client": ("tls",),
    "iscl-server": ("iscl",),
    "iscl-client": ("iscl",),
    "audit-source": ("syslog-tls", "syslog-udp"),
    "audit-collector": ("syslog-tls", "syslog-udp"),
}
"""The transports that fit a claimable role; every other role fits plain, TLS and ISCL associations."""


def points_for(claim: Claim, points: Mapping[str, Endpoint] | Mapping[str, Listener]) -> list[str]:
    """Return the ids of the endpoints (or listeners) that carry *claim*."""
    fitting = TRANSPORTS.get(claim.role, ("plain", "tls", "iscl"))
    return [
        name
        for name, point in points.items()
        if (
            not {claim.profile, *claim.on}.isdisjoint(point.profiles)
            if point.profiles
            else point.transport in fitting
        )
    ]


@dataclasses.dataclass(frozen=True)
class _Draft:
    """A case before its id is known to be unique."""

    case: Case
    endpoint: str
    parameter: str
    part: str = ""


def _attested(attestations: Iterable[Attestation], *names: str) -> Attestation | None:
    for attestation in attestations:
        if attestation.case in names:
            return attestation
    return None


def _settled(clause: Clause, binding: Binding) -> Judgement:
    """Return the judgement of a clause that nothing drives."""
    if clause.level is Level.MAY:
        return informs(f"A permission; nothing to decide. {binding.reason}".strip())
    if binding.status is Status.ATTESTED:
        return needs_review(
            f"Only a person can know this; attest it in the target file. {clause.how}".strip()
        )
    if binding.status is Status.STATEMENT:
        return undecided(
            f"not declared: {binding.reason or 'the statement of the product is needed'}"
        )
    reason = binding.reason.removeprefix(UNTESTED).lstrip(": ")
    return undecided(f"{UNTESTED}: {reason}" if reason else UNTESTED)


def _places(claim: Claim, driver: Driver, target: Target) -> tuple[list[str], Judgement | None]:
    """Return the endpoints a driver is to be used on, or why there is none."""
    if driver.at == "target":
        return [""], None
    points: Mapping[str, Any] = target.listeners if driver.at == "listener" else target.endpoints
    names = points_for(claim, points)
    if names:
        return names, None
    table = "listeners" if driver.at == "listener" else "endpoints"
    fitting = " or ".join(TRANSPORTS.get(claim.role, ("plain", "tls", "iscl")))
    return [""], undecided(
        f"the target has no [{table}.…] with transport {fitting} for {claim.profile}; add one to have this tested"
    )


def _case(claim: Claim, profile: Profile, clause: Clause, binding: Binding, advisory: bool) -> Case:
    level = Level(clause.level_in.get(claim.profile, clause.level))
    return Case(
        id="",
        clause=clause.id,
        profile=profile.id,
        claim=claim.profile,
        section=clause.section,
        edition=claim.edition,
        role=claim.role,
        policy=claim.policy,
        level=level,
        family=profile.family,
        text=clause.text,
        group=clause.group,
        check=binding.check,
        advisory=advisory,
        derived=clause.derived,
        hint=clause.hint,
        readings=clause.readings,
    )


def _bound(clause: Clause, mine: set[str]) -> Iterator[Binding]:
    """Yield the first binding of each part of *clause* that fits one of the clause roles *mine*."""
    taken: set[str] = set()
    for binding in clause.bindings:
        fits = binding.status is not Status.UNTESTABLE and mine & set(binding.roles)
        if fits and binding.part not in taken:
            taken.add(binding.part)
            yield binding


def _drafts(
    claim: Claim,
    profile: Profile,
    clause: Clause,
    binding: Binding,
    advisory: bool,
    target: Target,
    limit: Impact,
) -> Iterator[_Draft]:
    case = _case(claim, profile, clause, binding, advisory)
    known = {*claim.features, *claim.options}
    if binding.features and not known & set(binding.features):
        wanted = " or ".join(binding.features)
        reason = does_not_apply(f"binds only where {wanted} is claimed; the claim does not list it")
        yield _Draft(dataclasses.replace(case, settled=reason), "", "", binding.part)
        return
    if binding.stimulus is None or not binding.check:
        yield _Draft(
            dataclasses.replace(case, settled=_settled(clause, binding)), "", "", binding.part
        )
        return
    driver = drivers().get(binding.stimulus.kind)
    if driver is None:
        raise ContentError(
            f"{profile.source}: {clause.id}: there is no driver {binding.stimulus.kind}"
        )
    places, absent = _places(claim, driver, target)
    impact = driver.impact_on(adapter=bool(target.adapter))
    slots = {
        "edition": claim.edition,
        "profile": claim.profile,
        "role": claim.role,
        "options": list(claim.options),
        "features": list(claim.features),
    }
    for place in places:
        for row in _rows(binding.each):
            parameter = ",".join(str(v) for v in row.values())
            settled = absent
            if settled is None and not impact.within(limit):
                settled = undecided(
                    f"not permitted by limits: the stimulus is of impact '{impact}', the limit is '{limit}'"
                )
            yield _Draft(
                dataclasses.replace(
                    case,
                    stimulus=Stimulus(
                        binding.stimulus.kind, _filled(binding.stimulus.args, slots), place
                    ),
                    expect=_filled(binding.expect, {**slots, **row}),
                    subject=parameter or binding.part or place,
                    settled=settled,
                    impact=impact,
                ),
                place,
                parameter,
                binding.part,
            )


def _named(drafts: Sequence[_Draft]) -> list[Case]:
    """Give each case the shortest id that the contract allows: parts appear only where they tell apart."""
    groups: dict[tuple[str, str], list[_Draft]] = {}
    for draft in drafts:
        groups.setdefault((draft.case.clause, draft.case.role), []).append(draft)
    cases = []
    for draft in drafts:
        clause, role = draft.case.clause, draft.case.role
        group = groups[clause, role]
        name = f"{clause}:{role}"
        if len({d.endpoint for d in group}) > 1 and draft.endpoint:
            name += f"@{draft.endpoint}"
        if len({d.part for d in group}) > 1 and draft.part:
            name += f":{draft.part}"
        if draft.parameter:
            name += f":{draft.parameter}"
        if len({(d.case.claim, d.case.edition) for d in group}) > 1:
            name += f"%{draft.case.claim}-{draft.case.edition}"
        cases.append(dataclasses.replace(draft.case, id=name))
    return cases


def build_plan(
    target: Target,
    profiles: Mapping[str, Profile],
    roles: Mapping[str, Sequence[str]],
    *,
    only: Sequence[str] = (),
    edition: str | None = None,
    safe: bool = False,
) -> Plan:
    """Return every case of *target*.

    *roles* maps a claimable role to the clause roles it answers for; *only* keeps the claims of
    these profiles; *edition* overrides the target's; *safe* limits every stimulus to ``observe``.
    Raises TargetError for claims that cannot be, ContentError for a clause bound to nothing.
    """
    check_claims(target, profiles, edition)
    unknown = [name for name in only if name not in target.claims]
    if unknown:
        hint = did_you_mean(unknown[0], list(target.claims))
        raise TargetError(f"the target does not claim {', '.join(unknown)}{hint}")
    limit = Impact.OBSERVE if safe else target.limits.impact
    claims = with_layers(target.claimed(edition), only, profiles)
    drafts: list[_Draft] = []
    for claim in claims:
        mine = set(roles.get(claim.role, (claim.role,)))
        brought = list(clauses_of(claim, profiles))
        check_words(target, claim, [clause for _, clause, _ in brought], profiles)
        for profile, clause, advisory in brought:
            for binding in _bound(clause, mine):
                drafts += _drafts(claim, profile, clause, binding, advisory, target, limit)
    cases = [_attach(case, target) for case in _named(drafts)]
    cases.sort(key=_is_late)
    check_waivers(target, cases, whole=not only)
    unclaimed = tuple(
        (p.id, "not claimed by the target")
        for p in profiles.values()
        if p.claimable and p.id not in {c.profile for c in claims}
    )
    return Plan(claims, tuple(_unique(cases)), unclaimed)


def _is_late(case: Case) -> bool:
    return case.stimulus is not None and drivers()[case.stimulus.kind].late


def _unique(cases: Sequence[Case]) -> Iterator[Case]:
    seen: set[str] = set()
    for case in cases:
        if case.id in seen:
            raise ContentError(
                f"two cases would have the id {case.id}; report this as a defect of part15"
            )
        seen.add(case.id)
        yield case


def _attach(case: Case, target: Target) -> Case:
    """Bind waiver and attestation of the target to *case*."""
    waiver = next((w for w in target.waivers if w.case == case.id), None)
    attestation = _attested(target.attestations, case.id, case.clause)
    changed: dict[str, Any] = {}
    if waiver is not None:
        changed["waiver"] = waiver.model_dump(mode="json")
    if attestation is not None:
        changed["attestation"] = attestation.model_dump(mode="json")
    return dataclasses.replace(case, **changed) if changed else case
