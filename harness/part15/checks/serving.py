"""What is judged of a TLS client that completes handshakes with us."""

from __future__ import annotations

from collections.abc import Sequence

from part15.model import Finding, Judgement, Word, fails, passes, undecided
from part15.observations import NotReached
from part15.observations.session import Served, ServedSeen
from part15.registry import check

KINDS = {
    "wrong_name": "a certificate for another host",
    "unknown_ca": "a certificate of a CA it cannot know",
    "self_signed": "a self-signed certificate",
    "expired": "an expired certificate",
    "future": "a certificate that is not valid yet",
    "wrong_usage": "a certificate for clients only",
    "revoked": "a revoked certificate",
    "rsa_1024": "a certificate with an RSA key of 1024 bits",
    "p_224": "a certificate with an elliptic curve key of 224 bits",
    "sha1": "a certificate signed with SHA-1",
    "md5": "a certificate signed with MD5",
    "sha224": "a certificate signed with SHA-224",
    "weak_issuer": "a certificate signed with an RSA key of 1024 bits",
    "weak_issuer_ec": "a certificate signed with an elliptic curve key of 224 bits",
}


def _kind(kind: str) -> str:
    return KINDS.get(kind, f"a certificate of kind '{kind}'")


def _word(seen: Served | NotReached) -> str:
    if isinstance(seen, NotReached):
        return seen.step
    if seen.entered:
        return "associated"
    return f"alert {seen.alert}" if seen.alert is not None else seen.ended


@check
def begins_with_a_request(seen: ServedSeen) -> Judgement:
    """The first thing that the client sends inside TLS is an A-ASSOCIATE-RQ, and it makes its request."""
    if seen.right.first != 1:
        return fails(
            f"the first PDU inside TLS is of type {seen.right.first:02X}H",
            expected="01H",
            observed=f"{seen.right.first:02X}H",
        )
    made = "and made a request" if seen.right.answered else "but made no request"
    return passes(f"the client sent an A-ASSOCIATE-RQ inside {seen.right.version or 'TLS'} {made}")


@check
def shows_certificate(seen: ServedSeen) -> Judgement:
    """The client shows a certificate when it is asked for one."""
    if seen.right.certificate:
        return passes("the client showed a certificate when asked")
    return fails(
        "the client showed no certificate when asked; give it one, and give us its CA as trust of the listener",
        expected="a certificate",
        observed="none",
    )


@check
def refuses_servers(seen: ServedSeen, *, kinds: Sequence[str]) -> Judgement:
    """The client sends no A-ASSOCIATE-RQ to a server that shows a certificate of one of *kinds*."""
    tried = {k: s for k in kinds if isinstance(s := seen.shown.get(k), Served)}
    taken = [k for k, s in tried.items() if s.entered]
    observed = ", ".join(f"{k}: {_word(s)}" for k, s in tried.items())
    if taken:
        return fails(
            f"the client associates with a server that shows {' and '.join(_kind(k) for k in taken)}",
            expected="a refusal",
            observed=observed,
            findings=[Finding(k, Word.FAIL, f"the client takes {_kind(k)}") for k in taken],
        )
    if not tried:
        why = seen.shown.get(kinds[0])
        return undecided(
            why.why if isinstance(why, NotReached) else f"{_kind(kinds[0])} was not shown"
        )
    if not seen.after.entered:
        return undecided(
            f"afterwards the client did not connect with our right certificate either ({_word(seen.after)}), "
            "so its refusals prove nothing"
        )
    return passes(f"the client refused {', '.join(_kind(k) for k in tried)}", observed=observed)
