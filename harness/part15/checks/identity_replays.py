"""Whether a credential that let a user in is taken again (RFC 4120 3.2.3 for tickets, RFC 7519 4.1.7 for tokens)."""

from __future__ import annotations

from collections.abc import Sequence

from part15.checks.identity_words import DIED, listed, unclaimed
from part15.model import Judgement, fails, passes, undecided
from part15.observations.identity import WrongIdentitiesSeen
from part15.registry import check


@check
def refuses_replays(seen: WrongIdentitiesSeen, *, types: Sequence[int]) -> Judgement:
    """No credential of *types* lets a user in a second time."""
    none = unclaimed(seen.claimed, types)
    if none:
        return none
    judged = [a for a in seen.answers if a.kind in types and a.shown.startswith("replayed")]
    taken = [a for a in judged if a.accepted]
    if taken:
        return fails(
            f"the {taken[0].shown} was accepted a second time; remember what was shown until it expires",
            expected="A-ASSOCIATE-RJ",
            observed=listed(judged),
        )
    if not judged:
        left = (
            f" ({', '.join(s for s in seen.left if s.startswith('replayed'))})" if seen.left else ""
        )
        return undecided(
            f"no credential was shown twice{left}; raise limits.wrong_credentials, and let the user in once"
        )
    if not seen.after.accepted:
        return undecided(DIED.format(said=seen.after.said), observed=listed(judged))
    if not all(a.refused for a in judged):
        return undecided(
            f"the {judged[0].shown} was {judged[0].said}, which is no refusal",
            observed=listed(judged),
        )
    return passes("what was shown once is refused the second time", observed=listed(judged))
