"""A held instance is not replaced by another that comes under its UID (PS3.15 A.1.1 c, h)."""

from __future__ import annotations

from part15.model import Judgement, fails, passes, undecided
from part15.observations.status import ResentSeen
from part15.registry import check


@check
def keeps_first(seen: ResentSeen) -> Judgement:
    """What comes again under the UID of a held AO instance changes no value of it, whatever the answer is."""
    if not seen.delivered:
        return undecided(
            f"the instance did not come back after it was sent again ({seen.answer}); look at storage commitment"
        )
    if seen.changed:
        return fails(
            f"an AO instance was replaced by another one with its UID ({seen.answer}): "
            f"{', '.join(seen.changed[:5])} changed; refuse it (0111H)",
            expected="the values of the first",
            observed=", ".join(seen.changed[:5]),
        )
    return passes(f"the first instance is kept when another comes under its UID ({seen.answer})")
