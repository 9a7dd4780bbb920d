"""What an association acceptor does with identity types that it does not support (PS3.7 D.3.3.7)."""

from __future__ import annotations

from part15.checks.identity_words import listed, where
from part15.model import Finding, Judgement, Word, fails, passes, undecided
from part15.observations.identity import IdentityAnswer, UnsupportedSeen
from part15.registry import check
from part15.wire.user_identity import NAMES, PASSCODE, USERNAME


def _seems_known(seen: UnsupportedSeen, answer: IdentityAnswer) -> bool:
    """Tell whether *answer* can come from a product that supports the type, though it does not claim it."""
    if seen.declared is not None or answer.kind not in NAMES:
        return False
    refused = answer.outcome == "rejected" and answer.reject[1:2] == (2,)
    named = answer.kind in (USERNAME, PASSCODE) and bool(answer.responses)
    return refused or named


@check
def ignores_unsupported_identities(seen: UnsupportedSeen) -> Judgement:
    """Identity types that the product does not claim, and unknown sub-items, change nothing.

    The association is accepted and no 59H sub-item comes back (PS3.7 D.3.3.7; PS3.8 9.3.1). What is not
    claimed may be supported: unless the target declares its types, a rejection as PS3.7 has it for users,
    and a response to a mere name, decide nothing.
    """
    unclear = [a for a in seen.answers if _seems_known(seen, a)]
    wrong = {
        where(a): "a 59H sub-item came back" if a.accepted else f"it was {a.said}"
        for a in seen.answers
        if a not in unclear and (a.responses or a.outcome in ("rejected", "aborted", "damaged"))
    }
    stopped = {
        where(a): f"it was {a.said}"
        for a in seen.answers
        if not a.accepted and a not in unclear and where(a) not in wrong
    }
    if not seen.after.accepted and not wrong:
        return undecided(
            f"the association without identity afterwards was {seen.after.said}; "
            "look why the product stopped answering",
            observed=listed(seen.answers),
        )
    if seen.after.accepted:
        wrong |= stopped
    if wrong:
        first, why = next(iter(wrong.items()))
        return fails(
            f"{first}: {why}, although the target does not claim it; ignore what is not supported",
            expected="A-ASSOCIATE-AC without 59H",
            observed="; ".join(f"{k}: {v}" for k, v in wrong.items()),
            findings=[Finding(k, Word.FAIL, v) for k, v in wrong.items()],
        )
    if unclear:
        kinds = ", ".join(str(a.kind) for a in unclear)
        return undecided(
            f"{where(unclear[0])} was {unclear[0].said}, as a user whom the product knows by that type and does not "
            f"let in; declare user_identity.types, without {kinds} if they are not supported",
            observed=listed(seen.answers),
        )
    return passes(
        f"{len(seen.answers)} identities that the target does not claim were accepted without a 59H sub-item",
        observed=listed(seen.answers),
    )
