"""What an association requestor shows of a user (PS3.7 D.3.3.7.1, PS3.15 B.4 to B.7)."""

from __future__ import annotations

from collections.abc import Sequence

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
from part15.observations.identity import ReactionsSeen, RequestItem, RequestSeen
from part15.registry import check

_FORMS = {
    1: ("text",),
    2: ("text", "nothing"),
    3: ("DER",),
    4: ("XML",),
    5: ("token",),
}


def _none(seen: RequestSeen) -> Judgement | None:
    if seen.fault:
        return fails(
            f"the user information of the A-ASSOCIATE-RQ cannot be read: {seen.fault}",
            expected="items that fit",
            observed=seen.fault,
        )
    if not seen.items:
        return undecided(
            "the A-ASSOCIATE-RQ has no User Identity sub-item (58H); have the product show a user"
        )
    return None


@check
def sends_types(seen: RequestSeen, *, types: Sequence[int]) -> Judgement:
    """The A-ASSOCIATE-RQ carries a 58H sub-item of one of *types*."""
    if seen.fault:
        return fails(f"the A-ASSOCIATE-RQ cannot be read: {seen.fault}")
    found = [item.kind for item in seen.items]
    wanted = " or ".join(map(str, types))
    if not found:
        return fails(
            f"the A-ASSOCIATE-RQ has no User Identity sub-item; send one of type {wanted}",
            expected=f"58H of type {wanted}",
            observed="none",
        )
    if any(kind not in types for kind in found):
        return fails(
            f"the User Identity sub-item has type {', '.join(map(str, found))}, not {wanted}",
            expected=f"type {wanted}",
            observed=found,
        )
    return passes(f"a User Identity sub-item of type {found[0]} was sent", observed=found)


@check
def lays_out_request(seen: RequestSeen) -> Judgement:
    """The 58H sub-item has the fields of Table D.3-14 with lengths that fill it exactly."""
    none = _none(seen)
    if none:
        return none
    wrong = [item.fault for item in seen.items if item.fault]
    if wrong:
        return fails(
            f"the 58H sub-item is not laid out as Table D.3-14 says: {wrong[0]}",
            expected="item length = 6 + both fields",
            observed=wrong[0],
        )
    return passes("the 58H sub-item has the fields of Table D.3-14")


@check
def sends_one_request(seen: RequestSeen) -> Judgement:
    """At most one 58H sub-item is in the A-ASSOCIATE-RQ."""
    if seen.fault:
        return fails(f"the A-ASSOCIATE-RQ cannot be read: {seen.fault}")
    count = len(seen.items)
    if count > 1:
        return fails(
            f"the A-ASSOCIATE-RQ has {count} User Identity sub-items; send one",
            expected="at most one",
            observed=count,
        )
    return passes(f"the A-ASSOCIATE-RQ has {count or 'no'} User Identity sub-item")


def _each(seen: RequestSeen, faults: Sequence[str], good: str, wanted: str) -> Judgement:
    none = _none(seen)
    if none:
        return none
    wrong = [fault for fault in faults if fault]
    if wrong:
        return fails(wrong[0], expected=wanted, observed="; ".join(wrong))
    return passes(good)


@check
def clears_reserved_octet(seen: RequestSeen) -> Judgement:
    """The reserved octet of the 58H sub-item is 00H."""
    faults = [
        f"the reserved octet of the 58H sub-item is {i.reserved:02X}H, not 00H"
        if i.reserved
        else ""
        for i in seen.items
    ]
    return _each(seen, faults, "the reserved octet is 00H", "00H")


@check
def uses_defined_types(seen: RequestSeen, *, types: Sequence[int]) -> Judgement:
    """User-Identity-Type is one of *types*."""
    faults = [
        f"User-Identity-Type {i.kind} is not defined" if i.kind not in types else ""
        for i in seen.items
    ]
    return _each(seen, faults, "the User-Identity-Type is defined", ", ".join(map(str, types)))


@check
def uses_defined_flags(seen: RequestSeen) -> Judgement:
    """Positive-response-requested is 0 or 1."""
    faults = [
        f"Positive-response-requested is {i.positive}, not 0 or 1" if i.positive > 1 else ""
        for i in seen.items
    ]
    return _each(seen, faults, "Positive-response-requested is 0 or 1", "0 or 1")


def _form_fault(item: RequestItem) -> str:
    if item.proof not in ("", "verified"):
        return f"the ticket is none for our service: {item.proof}"
    wanted = _FORMS.get(item.kind)
    if wanted is None or item.fault or any(item.form.startswith(w) for w in wanted):
        return "a user name has a NUL in it" if item.form == "text with NUL" else ""
    if item.kind in (1, 2) and item.form not in ("octets", "nothing"):
        return ""
    return f"the primary field of type {item.kind} is {item.form}, not {' or '.join(wanted)}"


@check
def fills_primary_field(seen: RequestSeen) -> Judgement:
    """The primary field is UTF-8 text, a ticket in DER, an XML assertion or a token, as its type says."""
    faults = [_form_fault(item) for item in seen.items]
    return _each(seen, faults, "the primary field is what its type says", "as Table D.3-14")


@check
def keeps_secondary_for_passcodes(seen: RequestSeen) -> Judgement:
    """Only type 2 has a secondary field."""
    faults = [
        f"type {i.kind} has a secondary field of {i.secondary} octets; leave it empty"
        if i.kind != 2 and i.secondary
        else ""
        for i in seen.items
    ]
    return _each(seen, faults, "only type 2 has a secondary field", "no secondary field")


@check
def asks_for_confirmation(seen: RequestSeen) -> Judgement:
    """A requestor that requires confirmation asks for a positive response."""
    if seen.requires is None:
        return undecided("declare user_identity.requires_confirmation, true or false")
    if not seen.requires:
        return passes("the target declares that it requires no confirmation")
    faults = [
        "Positive-response-requested is 0, although the target requires confirmation; set it to 1"
        if i.positive != 1
        else ""
        for i in seen.items
    ]
    return _each(seen, faults, "a positive response is asked for", "1")


@check
def tells_what_it_decides(seen: RequestSeen) -> Judgement:
    """Record what the requestor does when no positive response comes back."""
    return informs(f"after an answer with {seen.answered} it {seen.then}", observed=seen.then)


@check
def hides_passcode(seen: RequestSeen) -> Judgement:
    """A passcode goes over protected connections only (a note of PS3.7)."""
    if not seen.items:
        return undecided("no user was shown; have the product show one")
    if not any(i.kind == 2 for i in seen.items):
        kinds = ", ".join(str(i.kind) for i in seen.items)
        return passes(f"no passcode was sent, but an identity of type {kinds}")
    if seen.transport == "plain":
        return fails(
            "a passcode was sent over a plain connection; use TLS or single-use passcodes",
            expected="a protected connection",
            observed="plain TCP",
        )
    return passes(f"the passcode was sent inside {seen.transport}")


BROKEN = (
    "two 59H",
    "59H with a response length beyond the item",
    "59H longer than the user information",
)


@check
def tells_how_it_reacts(seen: ReactionsSeen) -> Judgement:
    """Record what the requestor does after each of our answers; going on after a broken one is a finding."""
    told = "; ".join(f"{s.answered}: {s.then}" for s in seen.seen)
    odd = [
        Finding(
            s.answered, Word.WARN, f"it {s.then}, although the A-ASSOCIATE-AC breaks Table D.3-15"
        )
        for s in seen.seen
        if s.answered in BROKEN and s.then in ("went on", "released")
    ]
    stuck = [
        Finding(s.answered, Word.WARN, "nothing came for as long as we waited")
        for s in seen.seen
        if s.then == "silent"
    ]
    gone = [Finding(a, Word.WARN, "the product did not come again") for a in seen.absent]
    return informs(f"after {told}", observed=told, findings=[*odd, *stuck, *gone])


@check
def verifies_server_ticket(seen: ReactionsSeen) -> Judgement:
    """A requestor that showed a ticket and asked for a response does not go on with a server that cannot open it."""
    first = seen.seen[0]
    if not any(i.kind == 3 for i in first.items):
        return does_not_apply("the product shows no Kerberos ticket")
    if not any(i.positive == 1 for i in first.items):
        return undecided("the product asks for no response, so that no server ticket comes")
    proofs = [i.proof for i in first.items if i.kind == 3]
    if proofs != ["verified"]:
        return undecided(
            f"the ticket was not opened ({proofs[0] or 'we have no key'}); give listeners.ID.keytab of the "
            "service that the product asks for"
        )
    if first.then not in ("went on", "released"):
        return undecided(
            f"with a right server ticket it {first.then}; there is nothing to compare with"
        )
    forged = next((s for s in seen.seen if "forged" in s.answered), None)
    if forged is None:
        return undecided("the product did not come for the forged server ticket")
    if forged.then in ("went on", "released"):
        return fails(
            f"with a server ticket under another key it {forged.then}; verify what the server returns",
            expected="an abort or a closed connection",
            observed=forged.then,
        )
    if forged.then == "silent":
        return undecided("with a forged server ticket nothing came for as long as we waited")
    return passes(
        f"with a right server ticket it {first.then}, with a forged one it {forged.then}",
        observed=forged.then,
    )
