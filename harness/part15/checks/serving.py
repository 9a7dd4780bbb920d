"""What is judged of a TLS client that completes handshakes with us."""

from __future__ import annotations

from collections.abc import Sequence

from part15.model import Finding, Judgement, Word, fails, passes, undecided
from part15.observations import NotReached
from part15.observations.session import NOT_OFFERED, Served, ServedSeen
from part15.registry import check

KINDS = {
    "wrong_name": "a certificate for another host",
    "unknown_ca": "a certificate of a CA it cannot know",
    "self_signed": "a self-signed certificate",
    "expired": "an expired certificate",
    "future": "a certificate that is not valid yet",
    "wrong_usage": "a certificate for clients only",
    "revoked": "a revoked certificate",
    "key_mismatch": "the right certificate without its key",
    "garbage": "something that is no certificate",
    "huge": "certificates of ten million octets",
    "long_chain": "a chain of twenty intermediate CAs",
    "rsa_1024": "a certificate with an RSA key of 1024 bits",
    "p_192": "a certificate with an elliptic curve key of 192 bits",
    "p_224": "a certificate with an elliptic curve key of 224 bits",
    "sha1": "a certificate signed with SHA-1",
    "md5": "a certificate signed with MD5",
    "sha224": "a certificate signed with SHA-224",
    "weak_issuer": "a certificate signed with an RSA key of 1024 bits",
    "weak_issuer_ec": "a certificate signed with an elliptic curve key of 224 bits",
}


UNDECIDED = ("silent", "garbage", "ours")
"""Ends of a connection that are no refusal of a certificate."""


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
    hung = [k for k, s in tried.items() if not s.entered and s.ended in UNDECIDED]
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
        return _not_shown(seen, kinds)
    if hung:
        return undecided(
            f"shown {_kind(hung[0])}, the client neither associated nor ended the connection "
            f"({_word(tried[hung[0]])})",
            observed=observed,
        )
    if not seen.after.entered:
        return undecided(
            f"afterwards the client did not connect with our right certificate either ({_word(seen.after)}), "
            "so its refusals prove nothing"
        )
    return passes(f"the client refused {', '.join(_kind(k) for k in tried)}", observed=observed)


def _not_shown(seen: ServedSeen, kinds: Sequence[str]) -> Judgement:
    """Return the judgement where none of *kinds* was shown: a client may offer nothing that they fit."""
    whys = [w for k in kinds if isinstance(w := seen.shown.get(k), NotReached)]
    if len(whys) == len(kinds) and all(w.step == NOT_OFFERED for w in whys):
        return passes(
            f"the client offers nothing for {' or '.join(_kind(k) for k in kinds)}: {whys[0].why}"
        )
    first = next((w for w in whys if w.step != NOT_OFFERED), None)
    return undecided(first.why if first else f"{_kind(kinds[0])} was not shown")
