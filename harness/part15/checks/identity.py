"""What an association acceptor does with user identities (PS3.7 D.3.3.7, PS3.15 B.4 to B.7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from part15.model import (
    Finding,
    Judgement,
    Word,
    does_not_apply,
    fails,
    informs,
    passes,
    undecided,
)
from part15.observations.identity import (
    IdentitiesSeen,
    IdentityAnswer,
    ResponseItem,
    UnsupportedSeen,
    VariantsSeen,
    WrongIdentitiesSeen,
)
from part15.registry import check
from part15.wire.user_identity import NAMES

_DIED = (
    "the right identity was refused afterwards ({said}), so the refusals before it prove nothing; "
    "look whether the account was locked or the product stopped answering"
)


def _where(answer: IdentityAnswer) -> str:
    asked = ", response asked for" if answer.positive else ""
    return f"{answer.shown}, type {answer.kind}{asked}" if answer.kind else answer.shown


def _listed(answers: Iterable[IdentityAnswer]) -> str:
    return "; ".join(f"{_where(a)}: {a.said}" for a in answers)


def _presumes(environment: str) -> str:
    if environment == "alone":
        return "tested alone, without transport security, which presumes trusted systems or a secure network"
    return f"tested {environment}"


def _nothing(seen: IdentitiesSeen) -> Judgement | None:
    """Return why nothing can be judged: no association PDU ever came back."""
    every = (seen.control, *seen.answers)
    if any(a.outcome in ("accepted", "rejected", "aborted") for a in every):
        return None
    return undecided(
        f"no association PDU came back, not even without an identity ({seen.control.said}); "
        "look whether the endpoint lets us in at all"
    )


def _unclaimed(claimed: Sequence[int], types: Sequence[int]) -> Judgement | None:
    """Return why a clause of identity *types* does not bind a product that claims others."""
    if not types or set(types) & set(claimed):
        return None
    wanted = " or ".join(NAMES[t] for t in types)
    return does_not_apply(f"the target does not claim identities of type {wanted}")


@check
def accepts_identities(seen: IdentitiesSeen, *, types: Sequence[int]) -> Judgement:
    """A user who is allowed in gets an A-ASSOCIATE-AC, by each of *types*."""
    nothing = _nothing(seen)
    if nothing:
        return nothing
    judged = [a for a in seen.answers if a.kind in types and not a.positive]
    refused = [a for a in judged if not a.accepted]
    if refused:
        first = refused[0]
        return fails(
            f"{_where(first)} was {first.said}, although the target says this user is let in; "
            "accept the User Identity sub-item",
            expected="A-ASSOCIATE-AC",
            observed=_listed(judged),
            findings=[Finding(_where(a), Word.FAIL, f"it was {a.said}") for a in refused],
        )
    missing = [t for t in types if t not in {a.kind for a in seen.answers}]
    if missing:
        return undecided(
            f"no user of type {', '.join(map(str, missing))} was shown; give one in [users.NAME]",
            observed=_listed(judged),
        )
    return passes(
        f"users of type {', '.join(map(str, types))} were accepted, {_presumes(seen.environment)}",
        observed=_listed(judged),
    )


def _fault_of(responses: tuple[ResponseItem, ...], content: str) -> str:
    if not responses:
        return "no 59H sub-item came back"
    if len(responses) > 1:
        return f"{len(responses)} 59H sub-items came back, not one"
    return _content_fault(responses[0], content)


def _content_fault(item: ResponseItem, content: str) -> str:
    if content == "nothing" and item.length:
        return f"the server response has {item.length} octets, not 0"
    if content == "DER" and item.form != "DER":
        return (
            f"the server response is {item.form}, not a Kerberos server ticket (DER, APPLICATION)"
        )
    if content == "SAML" and not (
        item.form.startswith("XML: Response of") and "saml" in item.form.lower()
    ):
        return f"the server response is '{item.form}', not a SAML Response"
    return ""


@check
def responds_when_asked(
    seen: IdentitiesSeen, *, types: Sequence[int], content: str = "any"
) -> Judgement:
    """An accepted identity of *types* with a positive response asked for gets exactly one 59H sub-item.

    No *types* means all that were shown.
    *content* is ``nothing`` (length 0), ``DER`` (a Kerberos server ticket), ``SAML`` (a SAML
    Response) or ``any``.
    """
    nothing = _unclaimed(seen.claimed, types) or _nothing(seen)
    if nothing:
        return nothing
    wanted = tuple(types) or tuple(sorted({a.kind for a in seen.answers}))
    judged = [a for a in seen.answers if a.kind in wanted and a.positive and a.accepted]
    faults = {_where(a): _fault_of(a.responses, content) for a in judged}
    wrong = {k: f for k, f in faults.items() if f}
    if wrong:
        where, fault = next(iter(wrong.items()))
        return fails(
            f"{where}: {fault}; answer a request for a positive response with one User Identity sub-item (59H)",
            expected="one 59H sub-item",
            observed="; ".join(f"{k}: {f or 'one 59H sub-item'}" for k, f in faults.items()),
            findings=[Finding(k, Word.FAIL, f) for k, f in wrong.items()],
            rests_on=("T-25",),
        )
    missing = [t for t in wanted if t not in {a.kind for a in judged}]
    if missing:
        return undecided(
            f"no user of type {', '.join(map(str, missing))} was accepted with a response asked for; "
            "give one in [users.NAME] and let it in",
            observed=_listed(seen.answers),
        )
    return passes(
        f"each of {len(judged)} accepted identities that asked for a response got one 59H sub-item",
        observed=_listed(judged),
        rests_on=("T-25",),
    )


@check
def stays_silent_unasked(seen: IdentitiesSeen) -> Judgement:
    """No 59H sub-item comes back where no positive response was asked for."""
    judged = [a for a in seen.answers if not a.positive and a.accepted]
    wrong = [a for a in judged if a.responses]
    if wrong:
        return fails(
            f"{_where(wrong[0])}: a 59H sub-item came back though no response was asked for",
            expected="no 59H sub-item",
            observed=f"{len(wrong[0].responses)} 59H sub-items",
            findings=[Finding(_where(a), Word.FAIL, "59H came unasked") for a in wrong],
        )
    if not judged:
        return undecided("no identity was accepted without a response asked for")
    return passes(f"{len(judged)} identities without a request for a response got no 59H sub-item")


@check
def stays_silent_without_identity(seen: IdentitiesSeen) -> Judgement:
    """An association without a 58H sub-item is answered without a 59H one."""
    if not seen.control.accepted:
        return undecided(
            f"an association without identity was {seen.control.said}; there is no A-ASSOCIATE-AC to look at"
        )
    if seen.control.responses:
        return fails(
            "the answer to a request without a User Identity sub-item carries one (59H)",
            expected="no 59H sub-item",
            observed=f"{len(seen.control.responses)} 59H sub-items",
        )
    return passes("an association without identity was accepted without a 59H sub-item")


def _responses(seen: IdentitiesSeen) -> list[tuple[str, ResponseItem]]:
    return [(_where(a), r) for a in (seen.control, *seen.answers) for r in a.responses]


@check
def lays_out_responses(seen: IdentitiesSeen) -> Judgement:
    """Every 59H sub-item has the fields of Table D.3-15, lengths that fit, and reserved octet 00H."""
    found = _responses(seen)
    wrong = [
        (where, r.fault or f"its reserved octet is {r.reserved:02X}H")
        for where, r in found
        if r.fault or r.reserved
    ]
    if wrong:
        return fails(
            f"the 59H sub-item for {wrong[0][0]} is not laid out as Table D.3-15 says: {wrong[0][1]}",
            expected="reserved 00H, item length 2 more than the response",
            observed=wrong[0][1],
            findings=[Finding(w, Word.FAIL, why) for w, why in wrong],
        )
    if not found:
        return undecided("no 59H sub-item was ever sent; there is nothing to look at")
    return passes(f"{len(found)} 59H sub-items have the fields of Table D.3-15")


@check
def sends_one_response(seen: IdentitiesSeen) -> Judgement:
    """No A-ASSOCIATE-AC has more than one 59H sub-item."""
    judged = [a for a in (seen.control, *seen.answers) if a.accepted]
    wrong = [a for a in judged if len(a.responses) > 1]
    if wrong:
        return fails(
            f"{_where(wrong[0])}: {len(wrong[0].responses)} 59H sub-items came back",
            expected="at most one",
            observed=len(wrong[0].responses),
        )
    if not judged:
        return undecided("no association was accepted")
    return passes(f"no A-ASSOCIATE-AC of {len(judged)} has more than one 59H sub-item")


@check
def leaves_responses_empty(seen: IdentitiesSeen) -> Judgement:
    """The server response to types 1 and 2 has zero length."""
    unclaimed = _unclaimed(seen.claimed, (1, 2))
    if unclaimed:
        return unclaimed
    found = [(_where(a), r) for a in seen.answers if a.kind in (1, 2) for r in a.responses]
    wrong = [(where, r) for where, r in found if r.length]
    if wrong:
        return fails(
            f"the server response for {wrong[0][0]} has {wrong[0][1].length} octets; send an empty one",
            expected="0 octets",
            observed=f"{wrong[0][1].length} octets",
        )
    if not found:
        return undecided(
            "no 59H sub-item was sent for types 1 and 2; there is no length to look at"
        )
    return passes(f"{len(found)} server responses to types 1 and 2 are empty")


@check
def refuses_wrong_identities(seen: WrongIdentitiesSeen, *, types: Sequence[int]) -> Judgement:
    """No wrong credential of *types* gets an A-ASSOCIATE-AC."""
    unclaimed = _unclaimed(seen.claimed, types)
    if unclaimed:
        return unclaimed
    judged = [a for a in seen.answers if a.kind in types]
    let_in = [a for a in judged if a.accepted]
    if let_in:
        return fails(
            f"{_where(let_in[0])} was accepted; reject the association when authentication fails",
            expected="A-ASSOCIATE-RJ",
            observed=_listed(judged),
            findings=[Finding(_where(a), Word.FAIL, "it was accepted") for a in let_in],
        )
    left = f"; not shown: {', '.join(seen.left)}" if seen.left else ""
    if not judged:
        return undecided(
            f"no wrong credential of type {', '.join(map(str, types))} was shown{left}"
        )
    if not seen.after.accepted:
        return undecided(_DIED.format(said=seen.after.said), observed=_listed(judged))
    return passes(
        f"{len(judged)} wrong credentials were refused, {_presumes(seen.environment)}{left}",
        observed=_listed(judged),
    )


@check
def rejects_as_defined(seen: WrongIdentitiesSeen) -> Judgement:
    """A refused identity is rejected with result 1 (permanent) and source 2 (ACSE), reason 1.

    PS3.7 D.3.3.7.3 fixes result and source; another reason is a finding.
    """
    refused = [a for a in seen.answers if not a.accepted]
    if not refused:
        return undecided(
            "no wrong credential was refused, so there is no rejection to look at",
            observed=_listed(seen.answers),
        )
    if not seen.after.accepted:
        return undecided(_DIED.format(said=seen.after.said), observed=_listed(seen.answers))
    wrong = [a for a in refused if a.outcome != "rejected" or a.reject[:2] != (1, 2)]
    reasons = [
        Finding(_where(a), Word.WARN, f"reason {a.reject[2]}; reason 1 is the only fitting one")
        for a in refused
        if a.outcome == "rejected" and a.reject[:2] == (1, 2) and a.reject[2] != 1
    ]
    if wrong:
        return fails(
            f"{_where(wrong[0])} was {wrong[0].said}; reject it with result 1, source 2, reason 1",
            expected="A-ASSOCIATE-RJ (1, 2, 1)",
            observed=_listed(wrong),
            findings=[Finding(_where(a), Word.FAIL, f"it was {a.said}") for a in wrong] + reasons,
        )
    return passes(
        f"{len(refused)} wrong credentials were rejected with result 1 and source 2",
        observed=_listed(refused),
        findings=reasons,
    )


@check
def tells_whether_credentials_count(seen: WrongIdentitiesSeen) -> Judgement:
    """Record whether wrong credentials are refused; a permission, never a violation."""
    let_in = [a.shown for a in seen.answers if a.accepted]
    words = f"accepted: {', '.join(let_in)}" if let_in else "all wrong credentials were refused"
    return informs(words, observed=_listed(seen.answers))


@check
def ignores_unsupported_identities(seen: UnsupportedSeen) -> Judgement:
    """Identity types that the product does not claim, and unknown sub-items, change nothing.

    The association is accepted and no 59H sub-item comes back (PS3.7 D.3.3.7; PS3.8 9.3.1).
    """
    wrong = {
        _where(a): f"it was {a.said}" if not a.accepted else "a 59H sub-item came back"
        for a in seen.answers
        if not a.accepted or a.responses
    }
    if not seen.after.accepted:
        return undecided(
            f"the association without identity afterwards was {seen.after.said}; "
            "look why the product stopped answering"
        )
    if wrong:
        where, why = next(iter(wrong.items()))
        return fails(
            f"{where}: {why}, although the target does not claim it; ignore what is not supported",
            expected="A-ASSOCIATE-AC without 59H",
            observed="; ".join(f"{k}: {v}" for k, v in wrong.items()),
            findings=[Finding(k, Word.FAIL, v) for k, v in wrong.items()],
        )
    return passes(
        f"{len(seen.answers)} identities that the target does not claim were accepted without a 59H sub-item",
        observed=_listed(seen.answers),
    )


_ODD = {
    "positive response flag 2": "treat it as 0 or refuse",
    "two sub-items": "at most one is allowed",
    "item length too long": "its length does not fit",
    "primary length beyond the item": "its length does not fit",
    "secondary length beyond the item": "its length does not fit",
}


@check
def ignores_reserved_octet(seen: VariantsSeen) -> Judgement:
    """A reserved octet of FFH makes no difference; damaged sub-items that authenticate are findings."""
    reserved = next((a for a in seen.answers if a.shown == "reserved octet FFH"), None)
    if reserved is None:
        return undecided("no sub-item with another reserved octet was shown")
    if not seen.after.accepted:
        return undecided(
            f"the right identity afterwards was {seen.after.said}; look why the product stopped answering"
        )
    damaged = [
        Finding(a.shown, Word.WARN, f"it was authenticated (59H), although {_ODD[a.shown]}")
        for a in seen.answers
        if a.shown in _ODD and a.accepted and a.responses
    ]
    hung = [
        Finding(a.shown, Word.WARN, f"no answer for {a.seconds:g} s")
        for a in seen.answers
        if a.outcome == "silent"
    ]
    same = reserved.outcome == seen.before.outcome and len(reserved.responses) == len(
        seen.before.responses
    )
    if not same:
        return fails(
            f"with reserved octet FFH the same identity was {reserved.said} with {len(reserved.responses)} 59H sub-items, "
            f"with 00H {seen.before.said} with {len(seen.before.responses)}; do not test it",
            expected=seen.before.said,
            observed=reserved.said,
            findings=damaged + hung,
        )
    return passes(
        "a reserved octet of FFH made no difference",
        observed=_listed(seen.answers),
        findings=damaged + hung,
    )
