"""What an association acceptor does with user identities (PS3.7 D.3.3.7, PS3.15 B.4 to B.7)."""

from __future__ import annotations

from collections.abc import Sequence

from part15.checks.identity_words import (
    DIED,
    listed,
    nothing,
    presumes,
    survival,
    survived,
    unclaimed,
    where,
)
from part15.model import (
    Finding,
    Judgement,
    Word,
    fails,
    informs,
    passes,
    undecided,
)
from part15.observations.identity import (
    IdentitiesSeen,
    IdentityAnswer,
    ResponseItem,
    WrongIdentitiesSeen,
)
from part15.registry import check
from part15.wire.user_identity import KERBEROS


def _turned_away(seen: IdentitiesSeen, answer: IdentityAnswer) -> bool:
    """Tell whether *answer* denies entry: a refusal, or no usable answer from a product that is still well."""
    if answer.outcome in ("rejected", "aborted", "damaged"):
        return True
    return answer.outcome in ("closed", "reset", "silent", "garbage") and survived(seen)


@check
def accepts_identities(seen: IdentitiesSeen, *, types: Sequence[int]) -> Judgement:
    """A user who is allowed in gets an A-ASSOCIATE-AC, by each of *types*."""
    none = nothing(seen)
    if none:
        return none
    judged = [a for a in seen.answers if a.kind in types]
    plain = [a for a in judged if not a.positive] or judged
    refused = [a for a in plain if _turned_away(seen, a)]
    if refused:
        first = refused[0]
        return fails(
            f"{where(first)} was {first.said}, although the target says this user is let in; "
            "accept the User Identity sub-item",
            expected="A-ASSOCIATE-AC",
            observed=listed(judged),
            findings=[Finding(where(a), Word.FAIL, f"it was {a.said}") for a in refused],
        )
    unclear = [a for a in plain if not a.accepted]
    if unclear:
        return undecided(
            f"{where(unclear[0])} was {unclear[0].said}, and {survival(seen)}; look why the product stopped answering",
            observed=listed(judged),
        )
    missing = [t for t in types if t not in {a.kind for a in judged}]
    if missing:
        left = f" (not shown: {', '.join(seen.left)})" if seen.left else ""
        return undecided(
            f"no user of type {', '.join(map(str, missing))} was shown{left}; give one in [users.NAME]",
            observed=listed(judged),
        )
    return passes(
        f"users of type {', '.join(map(str, types))} were accepted, {presumes(seen.environment, types)}",
        observed=listed(judged),
    )


def _fault_of(answer: IdentityAnswer, content: str) -> str:
    if answer.outcome == "damaged":
        return f"the A-ASSOCIATE-AC cannot be read ({answer.why})"
    if not answer.accepted:
        return f"it was {answer.said}, although the same user is accepted without a response"
    if not answer.responses:
        return "no 59H sub-item came back"
    if len(answer.responses) > 1:
        return f"{len(answer.responses)} 59H sub-items came back, not one"
    return _content_fault(answer.responses[0], content)


def _content_fault(item: ResponseItem, content: str) -> str:
    if content == "nothing" and item.length:
        return f"the server response has {item.length} octets, not 0"
    if content == "DER" and item.form != "DER":
        return (
            f"the server response is {item.form}, not a Kerberos server ticket (DER, APPLICATION)"
        )
    if content == "DER" and item.proof not in ("", "verified"):
        return f"the server ticket does not verify: {item.proof}"
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

    No *types* means all that were shown. *content* is ``nothing`` (length 0), ``DER`` (a Kerberos server
    ticket, verified with the session key where we hold it), ``SAML`` (a SAML Response) or ``any``.
    A user who is refused only because a response is asked for counts as one without a response.
    """
    none = unclaimed(seen.claimed, types) or nothing(seen)
    if none:
        return none
    wanted = tuple(types) or tuple(sorted({a.kind for a in seen.answers}))
    welcome = {a.shown for a in seen.answers if a.accepted and not a.positive}
    judged = [
        a
        for a in seen.answers
        if a.kind in wanted
        and a.positive
        and (a.accepted or (a.shown in welcome and _turned_away(seen, a)))
    ]
    faults = {where(a): _fault_of(a, content) for a in judged}
    wrong = {k: f for k, f in faults.items() if f}
    if wrong:
        first, fault = next(iter(wrong.items()))
        return fails(
            f"{first}: {fault}; answer with one User Identity sub-item (59H), filled as Table D.3-15 says",
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
            observed=listed(seen.answers),
        )
    if content == "DER" and not all(r.proof for a in judged for r in a.responses):
        return undecided(
            "the server ticket has the form of one, but could not be verified without the session key; "
            "give the user by cache and service",
            observed=listed(judged),
        )
    verified = ", and its server ticket verifies with our session key" if content == "DER" else ""
    return passes(
        f"each of {len(judged)} accepted identities that asked for a response got one 59H sub-item{verified}",
        observed=listed(judged),
        rests_on=("T-25",),
    )


@check
def stays_silent_unasked(seen: IdentitiesSeen) -> Judgement:
    """No 59H sub-item comes back where no positive response was asked for."""
    judged = [a for a in seen.answers if not a.positive and a.accepted]
    wrong = [a for a in judged if a.responses]
    if wrong:
        return fails(
            f"{where(wrong[0])}: a 59H sub-item came back though no response was asked for",
            expected="no 59H sub-item",
            observed=f"{len(wrong[0].responses)} 59H sub-items",
            findings=[Finding(where(a), Word.FAIL, "59H came unasked") for a in wrong],
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
    return [(where(a), r) for a in (seen.control, *seen.answers) for r in a.responses]


@check
def lays_out_responses(seen: IdentitiesSeen) -> Judgement:
    """Every 59H sub-item has the fields of Table D.3-15, lengths that fit, and reserved octet 00H."""
    found = _responses(seen)
    wrong = [
        (said, r.fault or f"its reserved octet is {r.reserved:02X}H")
        for said, r in found
        if r.fault or r.reserved
    ]
    wrong += [
        (where(a), f"the A-ASSOCIATE-AC cannot be read ({a.why})")
        for a in seen.answers
        if a.outcome == "damaged" and a.positive
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
            f"{where(wrong[0])}: {len(wrong[0].responses)} 59H sub-items came back",
            expected="at most one",
            observed=len(wrong[0].responses),
        )
    if not judged:
        return undecided("no association was accepted")
    return passes(f"no A-ASSOCIATE-AC of {len(judged)} has more than one 59H sub-item")


@check
def leaves_responses_empty(seen: IdentitiesSeen) -> Judgement:
    """The server response to types 1 and 2 has zero length."""
    none = unclaimed(seen.claimed, (1, 2))
    if none:
        return none
    found = [(where(a), r) for a in seen.answers if a.kind in (1, 2) for r in a.responses]
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


def _replay(answer: IdentityAnswer) -> bool:
    """Tell whether *answer* is to a replay that no standard forbids (Kerberos does)."""
    return answer.shown.startswith("replayed") and answer.kind != KERBEROS


@check
def refuses_wrong_identities(seen: WrongIdentitiesSeen, *, types: Sequence[int]) -> Judgement:
    """No wrong credential of *types* gets an A-ASSOCIATE-AC; silence and garbage are no refusal.

    A SAML assertion or a token that is taken a second time is a finding.
    """
    none = unclaimed(seen.claimed, types)
    if none:
        return none
    every = [a for a in seen.answers if a.kind in types]
    judged = [a for a in every if not _replay(a)]
    let_in = [a for a in judged if a.accepted or a.outcome == "damaged"]
    again = [
        Finding(where(a), Word.WARN, "it was accepted a second time")
        for a in every
        if _replay(a) and a.accepted
    ]
    if let_in:
        return fails(
            f"{where(let_in[0])} was {let_in[0].said}; reject the association when authentication fails",
            expected="A-ASSOCIATE-RJ",
            observed=listed(every),
            findings=[Finding(where(a), Word.FAIL, f"it was {a.said}") for a in let_in] + again,
        )
    left = f"; not shown: {', '.join(seen.left)}" if seen.left else ""
    if not judged:
        return undecided(
            f"no wrong credential of type {', '.join(map(str, types))} was shown{left}; "
            "raise limits.wrong_credentials if the accounts can bear it",
            observed=listed(every),
        )
    if not seen.after.accepted:
        return undecided(DIED.format(said=seen.after.said), observed=listed(judged))
    unclear = [a for a in judged if not a.refused]
    if unclear:
        return undecided(
            f"{where(unclear[0])} was {unclear[0].said}, which is no refusal; answer it with A-ASSOCIATE-RJ",
            observed=listed(judged),
            findings=[Finding(where(a), Word.INCONCLUSIVE, f"it was {a.said}") for a in unclear],
        )
    return passes(
        f"{len(judged)} wrong credentials were refused, {presumes(seen.environment, types)}{left}",
        observed=listed(judged),
        findings=again,
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
            observed=listed(seen.answers),
        )
    if not seen.after.accepted:
        return undecided(DIED.format(said=seen.after.said), observed=listed(seen.answers))
    judged = [a for a in refused if a.outcome not in ("ours", "alert", "gone", "full")]
    wrong = [a for a in judged if a.outcome != "rejected" or a.reject[:2] != (1, 2)]
    reasons = [
        Finding(where(a), Word.WARN, f"reason {a.reject[2]}; reason 1 is the only fitting one")
        for a in judged
        if a.outcome == "rejected" and a.reject[:2] == (1, 2) and a.reject[2] != 1
    ]
    if wrong:
        return fails(
            f"{where(wrong[0])} was {wrong[0].said}; reject it with result 1, source 2, reason 1",
            expected="A-ASSOCIATE-RJ (1, 2, 1)",
            observed=listed(wrong),
            findings=[Finding(where(a), Word.FAIL, f"it was {a.said}") for a in wrong] + reasons,
        )
    if not judged:
        return undecided(
            f"{where(refused[0])} was {refused[0].said}: no A-ASSOCIATE-RQ was answered",
            observed=listed(refused),
        )
    return passes(
        f"{len(judged)} wrong credentials were rejected with result 1 and source 2",
        observed=listed(judged),
        findings=reasons,
    )


@check
def tells_whether_credentials_count(seen: WrongIdentitiesSeen) -> Judgement:
    """Record whether wrong credentials are refused; a permission, never a violation."""
    let_in = [a.shown for a in seen.answers if a.accepted and a.kind in (1, 2)]
    words = f"accepted: {', '.join(let_in)}" if let_in else "all wrong credentials were refused"
    return informs(words, observed=listed(seen.answers))
