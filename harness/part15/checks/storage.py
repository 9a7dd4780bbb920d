"""What a storage product does with objects and negotiation (PS3.4 B, PS3.15 A.1.1 g and h, A.3 d)."""

from __future__ import annotations

from collections.abc import Sequence

from part15.model import Finding, Judgement, Word, fails, informs, passes, undecided
from part15.observations.comparison import ComparisonSeen, Difference
from part15.observations.storage import (
    NegotiationSeen,
    ProposalSeen,
    RoundTripSeen,
)
from part15.registry import check

IMPLICIT = "1.2.840.10008.1.2"
STATUS_TAGS = ("(0100,0410)", "(0100,0420)", "(0100,0424)", "(0100,0426)")
COERCIBLE = ("(0010,0020)", "(0020,000D)", "(0020,000E)")
TRAILING_PADDING = "(FFFC,FFFC)"
_TOLD = 20


def _finding(difference: Difference) -> Finding:
    named = f"{difference.path} {difference.keyword}".rstrip()
    nature = f" ({difference.nature})" if difference.nature else ""
    message = f"{named}: {difference.kind}{nature}"
    return Finding(difference.path, Word.FAIL, message, difference.before, difference.after)


def _empty(difference: Difference) -> bool:
    return ", 0 octets" in difference.before


def _judged(found: Sequence[Difference], wrong: str, right: str, advice: str) -> Judgement:
    if not found:
        return passes(right)
    first = found[0]
    return fails(
        f"{len(found)} {wrong}; first: {first.path} {first.keyword} ({first.kind}); {advice}",
        expected=first.before or "nothing",
        observed=first.after or "nothing",
        findings=[_finding(d) for d in found[:_TOLD]],
    )


@check
def stores_in_full(seen: ComparisonSeen) -> Judgement:
    """Every element that was sent with a value is in the object returned, private ones too (Level 2).

    Empty elements may be dropped (PS3.4 B.4.1), and so may Data Set Trailing Padding, which is no Attribute.
    """
    if seen.problem:
        return undecided(f"{seen.problem}; look whether it is held back or lost")
    lost = [
        d
        for d in seen.differences
        if d.kind == "removed" and not _empty(d) and d.path != TRAILING_PADDING
    ]
    return _judged(
        lost,
        "elements with a value were lost",
        f"{seen.elements} elements were kept",
        "store all Attributes, private ones included",
    )


@check
def changes_nothing_else(
    seen: ComparisonSeen, *, may_change: Sequence[str] = STATUS_TAGS
) -> Judgement:
    """No value changed but those of *may_change* and group lengths; additions are no changes.

    An element that was dropped has changed, unless it was empty.
    """
    if seen.problem:
        return undecided(f"{seen.problem}; look whether it is held back or lost")
    changed = [
        d
        for d in seen.differences
        if d.path not in may_change
        and d.kind not in ("added", "VR")
        and not (d.kind == "removed" and (_empty(d) or d.path == TRAILING_PADDING))
    ]
    return _judged(
        changed,
        "values were changed",
        f"no value of {seen.elements} elements was changed",
        "change nothing but the SOP status attributes",
    )


@check
def warns_when_coercing(seen: RoundTripSeen) -> Judgement:
    """Whoever coerces Patient ID or Study or Series Instance UID answers with a warning (B000H)."""
    if seen.comparison.problem:
        return undecided(seen.comparison.problem)
    coerced = [
        d
        for d in seen.comparison.differences
        if d.path in COERCIBLE and d.kind != "VR" and d.nature != "padding"
    ]
    if coerced and seen.status != 0xB000:
        return fails(
            f"{coerced[0].path} {coerced[0].keyword} was coerced, but the status was {seen.status:04X}H",
            expected="B000H",
            observed=f"{seen.status:04X}H",
        )
    if coerced:
        return passes(f"{coerced[0].path} was coerced, and the status was B000H")
    return passes("neither Patient ID nor Study or Series Instance UID was coerced")


@check
def chooses_explicit(seen: NegotiationSeen) -> Judgement:
    """Where an explicit VR syntax is proposed, it is accepted, not Implicit VR Little Endian."""
    both = {k: o for k, o in seen.offers.items() if len(o.proposed) > 1}
    wrong = [k for k, o in both.items() if o.accepted == IMPLICIT]
    stated = "; ".join(f"{k}: {o.accepted or 'refused'}" for k, o in seen.offers.items())
    if wrong:
        return fails(
            f"Implicit VR Little Endian was chosen with {wrong[0]}; choose an explicit VR syntax",
            expected="an explicit VR transfer syntax",
            observed=stated,
            rests_on=("T-08",),
        )
    refused = [k for k, o in both.items() if not o.accepted]
    if refused:
        return undecided(f"Storage was refused with {refused[0]}", observed=stated)
    return passes("an explicit VR syntax was chosen", observed=stated, rests_on=("T-08",))


def _answer(seen: NegotiationSeen) -> bytes | None:
    right = seen.extended.get("right")
    return right.answered if right else None


@check
def states_signature_level(seen: NegotiationSeen, *, levels: Sequence[int]) -> Judgement:
    """If SOP Class Extended Negotiation is answered, it states one of the signature *levels*, level 2 of support."""
    answer = _answer(seen)
    if answer is None:
        return informs("SOP Class Extended Negotiation is not answered, so no level is stated")
    if len(answer) < 3:
        return undecided(f"the answer has {len(answer)} octets and states no level")
    wanted = " or ".join(map(str, levels))
    if answer[2] not in levels or answer[0] != 2:
        return fails(
            f"support level {answer[0]} and signature level {answer[2]} are stated; the profile corresponds to 2 and {wanted}",
            expected=f"2 and {wanted}",
            observed=f"{answer[0]} and {answer[2]}",
        )
    return passes(f"support level 2 and signature level {answer[2]} are stated")


def _extended_fault(octets: bytes) -> str:
    if len(octets) != 6:
        return f"it has {len(octets)} octets, not 6"
    if octets[0] > 3 or octets[2] > 3 or octets[4] > 2:
        return (
            f"it has the values {octets[0]}, {octets[2]} and {octets[4]}, which are not all defined"
        )
    if octets[1] or octets[3] or octets[5]:
        return "its reserved octets are not 00H"
    return ""


@check
def answers_extended_negotiation(seen: NegotiationSeen) -> Judgement:
    """The answer to 56H has six octets with defined values, and odd ones do not cost the association."""
    dead = [k for k, a in seen.extended.items() if a.outcome != "accepted"]
    if "right" in dead:
        return fails(
            f"an association with right SOP Class Extended Negotiation was {seen.extended['right'].outcome}",
            expected="A-ASSOCIATE-AC",
            observed=seen.extended["right"].outcome,
        )
    if dead:
        return fails(
            f"SOP Class Extended Negotiation with {dead[0]} ended the association ({seen.extended[dead[0]].outcome})",
            expected="A-ASSOCIATE-AC",
            observed=seen.extended[dead[0]].outcome,
        )
    faults = {
        k: f for k, a in seen.extended.items() if a.answered and (f := _extended_fault(a.answered))
    }
    if faults:
        name, fault = next(iter(faults.items()))
        return fails(
            f"the answer to 56H ({name}) is wrong: {fault}",
            expected="six octets with defined values",
            observed=fault,
        )
    answered = [k for k, a in seen.extended.items() if a.answered]
    return passes(
        f"the association survives odd 56H items; answered: {', '.join(answered) or 'none'}"
    )


@check
def proposes_explicit(seen: ProposalSeen) -> Judgement:
    """Every Storage context proposed has an explicit VR syntax for its SOP class, and it is used."""
    if not seen.proposed:
        return undecided("the product proposed no Storage SOP class")
    wrong = [k for k, transfers in seen.proposed.items() if set(transfers) <= {IMPLICIT}]
    if wrong:
        return fails(
            f"{wrong[0]} is proposed in Implicit VR Little Endian only; propose an explicit VR syntax",
            expected="an explicit VR transfer syntax",
            observed=seen.proposed[wrong[0]],
        )
    if IMPLICIT in seen.used:
        return fails(
            "an object was sent in Implicit VR Little Endian, although an explicit VR syntax was accepted",
            expected="an explicit VR transfer syntax",
            observed=seen.used,
        )
    return passes(f"{len(seen.proposed)} Storage SOP classes are proposed with explicit VR")


@check
def sends_extended_negotiation(seen: ProposalSeen) -> Judgement:
    """A 56H item that is sent has six octets with defined values."""
    faults = [f for octets in seen.extended if (f := _extended_fault(octets))]
    if faults:
        return fails(
            f"the 56H item is wrong: {faults[0]}",
            expected="six octets with defined values",
            observed=faults[0],
        )
    if not seen.extended:
        return informs("no SOP Class Extended Negotiation was sent")
    return passes(f"{len(seen.extended)} 56H items have six octets with defined values")
