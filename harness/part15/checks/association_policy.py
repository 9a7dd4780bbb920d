"""Whether what a product declares to look at is looked at when an association is asked for."""

from __future__ import annotations

from part15.model import Judgement, fails, informs, passes, undecided
from part15.observations.policy import CHECKS, PolicySeen
from part15.registry import check


@check
def enforces(seen: PolicySeen, *, what: str) -> Judgement:
    """Who is wrong in *what* is not let in, if ``declared.association.checks`` names it; else it is a fact.

    *what* is one of ``calling AE title``, ``called AE title``, ``peer address``,
    ``application context``, ``number of associations`` and ``certificate``.
    """
    unknown = [name for name in seen.declared or () if name not in CHECKS]
    if unknown:
        return undecided(
            f"declared.association.checks names '{unknown[0]}'; the checks are {', '.join(CHECKS)}"
        )
    answer = next((a for a in seen.answers if a.check == what), None)
    if answer is not None and answer.outcome == "absent":
        return informs(f"there is no {what} here: {answer.why}", observed="absent")
    if answer is None or answer.outcome == "not tried":
        why = answer.why if answer else "it was not observed then"
        if what not in (seen.declared or ()):
            return informs(f"not tried: {why}", observed="not tried")
        return undecided(f"not tried: {why}", observed="not tried")
    fact = f"{answer.shown}: {answer.said}"
    if what not in (seen.declared or ()):
        return informs(f"{fact}; the target declares no such check", observed=answer.said)
    if answer.accepted:
        return fails(
            f"{fact}, although the target declares that it checks the {what}",
            expected="a refusal",
            observed=answer.said,
        )
    if not seen.after.accepted:
        return undecided(
            f"{fact}, but the right association afterwards was {seen.after.said}, so it proves nothing; "
            "look why the product stopped answering",
            observed=answer.said,
        )
    if not answer.refused:
        return undecided(f"{fact}, which is no refusal", observed=answer.said)
    return passes(
        f"{fact}; the right association was accepted before and after", observed=answer.said
    )
