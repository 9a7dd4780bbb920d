"""Words that the checks of user identity share: what was shown, in which environment, and why nothing can be said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from part15.model import Judgement, does_not_apply, undecided
from part15.observations.identity import IdentitiesSeen, IdentityAnswer
from part15.wire.user_identity import NAMES, PRESUMES

DIED = (
    "the right identity was not accepted afterwards ({said}), so the refusals before it prove nothing; "
    "look whether the account was locked or the product stopped answering"
)


def where(answer: IdentityAnswer) -> str:
    """Return what was shown, in words."""
    asked = ", response asked for" if answer.positive else ""
    return f"{answer.shown}, type {answer.kind}{asked}" if answer.kind else answer.shown


def listed(answers: Iterable[IdentityAnswer]) -> str:
    """Return what was shown and what came back, in one line."""
    return "; ".join(f"{where(a)}: {a.said}" for a in answers)


def presumes(environment: str, types: Iterable[int]) -> str:
    """Return in which environment it was tested, and which one identities of *types* presume."""
    tested = (
        "tested alone, without transport security"
        if environment == "alone"
        else f"tested {environment}"
    )
    wanted = "; ".join(f"type {t} presumes {PRESUMES[t]}" for t in sorted(set(types)))
    return f"{tested} ({wanted}; over VPN or IPsec: not observable here)" if wanted else tested


def nothing(seen: IdentitiesSeen) -> Judgement | None:
    """Return why nothing can be judged: no association PDU ever came back."""
    every = (seen.control, *seen.answers)
    if any(a.entered or a.outcome == "damaged" for a in every):
        return None
    return undecided(
        f"no association PDU came back, not even without an identity ({seen.control.said}); "
        "look whether the endpoint lets us in at all"
    )


def unclaimed(claimed: Sequence[int], types: Sequence[int]) -> Judgement | None:
    """Return why a clause of identity *types* does not bind a product that claims others."""
    if not types or set(types) & set(claimed):
        return None
    wanted = " or ".join(NAMES[t] for t in types)
    return does_not_apply(f"the target does not claim identities of type {wanted}")


def survived(seen: IdentitiesSeen) -> bool:
    """Tell whether the control afterwards was answered as the one before; runs without one are taken to have."""
    return seen.after is None or seen.after.outcome == seen.control.outcome


def survival(seen: IdentitiesSeen) -> str:
    """Return in words how the control afterwards went."""
    said = "not tried" if seen.after is None else seen.after.said
    return f"an association without identity afterwards was {said}"
