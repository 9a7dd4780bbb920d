"""An OR or AO instance is not deleted by who holds it (PS3.15 A.1.1 c)."""

from __future__ import annotations

from part15.model import Judgement, fails, needs_review, passes, undecided
from part15.observations import NotReached
from part15.observations.status import DeletionSeen
from part15.registry import check


@check
def keeps_from_deletion(seen: DeletionSeen | NotReached) -> Judgement:
    """What is told to delete deletes no OR and no AO instance; other ways to delete are for a person to know."""
    if isinstance(seen, NotReached):
        return needs_review(
            f"Only a person can know this; attest it in the target file ({seen.step}: {seen.why})."
        )
    if not seen.before:
        return undecided(
            f"the {seen.status} instance did not come back before it was to be deleted; look at storage commitment"
        )
    if seen.after:
        return passes(f"the {seen.status} instance is still there after it was to be deleted")
    if seen.answer != "0000H":
        return undecided(f"the retrieval afterwards ended with {seen.answer}")
    if not seen.control:
        return undecided("the action 'delete' did not delete just what it was told to; look at it")
    return fails(
        f"the product deleted an {seen.status} instance; refuse to, but for a confirmed transfer",
        expected="the instance is kept",
        observed="gone",
    )
