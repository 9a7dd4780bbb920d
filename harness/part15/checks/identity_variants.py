"""What an association acceptor does with unusual and damaged User Identity sub-items (PS3.7 D.3.3.7.1)."""

from __future__ import annotations

from collections.abc import Iterable

from part15.checks.identity_words import listed
from part15.model import Finding, Judgement, Word, fails, passes, undecided
from part15.observations.identity import IdentityAnswer, VariantsSeen
from part15.registry import check

DAMAGED = {
    "item length too long": "its item length does not fit",
    "item length too short": "its item length does not fit",
    "primary length beyond the item": "its primary field does not fit the item",
    "secondary length beyond the item": "its secondary field does not fit the item",
    "no secondary length": "a mandatory field is missing",
    "identity type 0": "its type is not defined",
    "identity type 6": "its type is not defined",
    "identity type 255": "its type is not defined",
}
ODD = {
    "positive response flag 2": "treat it as 0 or refuse it",
    "positive response flag 255": "treat it as 0 or refuse it",
    "two sub-items": "at most one is allowed",
}


def _findings(answers: Iterable[IdentityAnswer]) -> list[Finding]:
    found = []
    for answer in answers:
        if answer.shown in ODD and answer.responses:
            text = f"it was authenticated (59H); {ODD[answer.shown]}"
            found.append(Finding(answer.shown, Word.WARN, text))
        if answer.outcome in ("silent", "gone"):
            text = f"{answer.said} after {answer.seconds:g} s"
            found.append(Finding(answer.shown, Word.WARN, text))
    return found


def _stopped(seen: VariantsSeen) -> Judgement | None:
    if seen.after.accepted:
        return None
    return undecided(
        f"the right identity afterwards was {seen.after.said}; look why the product stopped answering",
        observed=listed(seen.answers),
        findings=_findings(seen.answers),
    )


@check
def ignores_reserved_octet(seen: VariantsSeen) -> Judgement:
    """A reserved octet of FFH makes no difference."""
    reserved = next((a for a in seen.answers if a.shown == "reserved octet FFH"), None)
    if reserved is None:
        return undecided("no sub-item with another reserved octet was shown")
    stopped = _stopped(seen)
    if stopped:
        return stopped
    same = reserved.outcome == seen.before.outcome and len(reserved.responses) == len(
        seen.before.responses
    )
    if not same:
        return fails(
            f"with reserved octet FFH the same identity was {reserved.said} with {len(reserved.responses)} 59H sub-items, "
            f"with 00H {seen.before.said} with {len(seen.before.responses)}; do not test it",
            expected=seen.before.said,
            observed=reserved.said,
        )
    return passes("a reserved octet of FFH made no difference", observed=reserved.said)


@check
def authenticates_no_damage(seen: VariantsSeen) -> Judgement:
    """No damaged sub-item, and none of an undefined type, is answered with a positive response (59H).

    Refusing and ignoring it are both right. What only is unusual, and silence, are findings.
    """
    judged = [a for a in seen.answers if a.shown in DAMAGED]
    wrong = [a for a in judged if a.responses]
    findings = _findings(seen.answers)
    if wrong:
        return fails(
            f"{wrong[0].shown}: a positive response came back, although {DAMAGED[wrong[0].shown]}; refuse or ignore it",
            expected="no 59H sub-item",
            observed=listed(judged),
            findings=[Finding(a.shown, Word.FAIL, DAMAGED[a.shown]) for a in wrong] + findings,
        )
    stopped = _stopped(seen)
    if stopped:
        return stopped
    if not judged:
        return undecided("no damaged sub-item was shown; run it again with this version")
    if not seen.before.responses:
        return undecided(
            "the right identity gets no positive response either, so its absence tells nothing of damaged ones",
            observed=listed(judged),
            findings=findings,
        )
    return passes(
        f"none of {len(judged)} damaged sub-items was authenticated",
        observed=listed(judged),
        findings=findings,
    )
