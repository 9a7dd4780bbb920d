"""Secure use of digital signatures by who stores and sends on (PS3.15 A.2)."""

from __future__ import annotations

import re

from part15.model import Judgement, fails, passes, undecided
from part15.observations.storage import SignatureBack, SignedTripsSeen
from part15.registry import check

_STATUS = re.compile("[0-9A-F]{4}H")


def _listed(signatures: tuple[SignatureBack, ...]) -> str:
    words = [f"{'ours' if s.ours else 'another'}: {s.integrity}" for s in signatures]
    return ", ".join(words) or "no signature"


@check
def removes_broken_signatures(seen: SignedTripsSeen) -> Judgement:
    """Every signature that is still in the object sent on holds over the octets that came (c.1)."""
    back = seen.right
    if not back.delivered:
        return undecided(f"the signed object was stored ({back.status}), but did not come back")
    trips = {back.route: back, **seen.routes}
    for route, trip in trips.items():
        if any(s.integrity == "invalid" for s in trip.signatures):
            return fails(
                f"a signature in the object returned by {route} does not hold any more; "
                "remove what writing values anew breaks",
                expected="no broken signature",
                observed=_listed(trip.signatures),
            )
    unclear = [r for r, t in trips.items() if any(s.integrity != "valid" for s in t.signatures)]
    if unclear:
        return undecided(
            f"whether a signature in the object returned by {unclear[0]} holds cannot be computed",
            observed=_listed(trips[unclear[0]].signatures),
        )
    return passes(
        f"no broken signature came back by {', '.join(trips)}", observed=_listed(back.signatures)
    )


def _refused(seen: SignedTripsSeen) -> Judgement:
    """Judge who did not store what was altered: only a failure status refuses, and only of who is still there."""
    if not _STATUS.fullmatch(seen.altered.status):
        return undecided(
            f"an object that was altered after signing was not stored, but no status says so ({seen.altered.status})"
        )
    if not (seen.right.stored and seen.after):
        return undecided(
            "a right object cannot be had either, so the refusal of an altered one proves nothing"
        )
    return passes(f"an object that was altered after signing was refused ({seen.altered.status})")


@check
def validates_on_receipt(seen: SignedTripsSeen) -> Judgement:
    """An object altered after signing is refused, or at least not signed anew over what was altered (b)."""
    back = seen.altered
    if not back.stored:
        return _refused(seen)
    fresh = [s for s in back.signatures if not s.ours and s.integrity == "valid" and s.covers]
    if fresh:
        return fails(
            "an object that was altered after signing was stored and signed anew over what was altered",
            expected="a failure status, or no new signature",
            observed=_listed(back.signatures),
        )
    if any(not s.ours and s.integrity == "valid" for s in seen.right.signatures):
        return passes(
            "a right object is signed anew and an altered one is not",
            observed=_listed(back.signatures),
        )
    return undecided(
        "an object that was altered after signing was stored without a visible reaction; "
        "look for a Security Alert in the audit trail and attest",
        observed=_listed(back.signatures),
    )


@check
def signs_again(seen: SignedTripsSeen) -> Judgement:
    """The object sent on has a new signature that holds and covers what could be verified at receipt (c.2)."""
    back = seen.right
    if not back.delivered:
        return undecided(f"the signed object was stored ({back.status}), but did not come back")
    for route, trip in {back.route: back, **seen.routes}.items():
        fresh = [s for s in trip.signatures if not s.ours and s.integrity == "valid"]
        if any(s.covers for s in fresh):
            continue
        if fresh:
            return fails(
                f"the new signature in what came by {route} does not cover all that could be verified at receipt",
                expected="all elements of the signature that came",
                observed=_listed(trip.signatures),
            )
        return fails(
            f"the object came back by {route} without a new signature",
            expected="a new signature that holds",
            observed=_listed(trip.signatures),
        )
    return passes("a new signature covers what ours did", observed=_listed(back.signatures))
