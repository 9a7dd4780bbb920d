"""What certificates say of keys, signatures and curves, whoever shows them; each has a sentence for its outcome."""

from __future__ import annotations

from collections.abc import Sequence

from part15.model import Finding, Judgement, Word, fails, passes, undecided
from part15.observations.tls import CertificateSeen

SERVER, CLIENT = "server", "client"
UNSEEN = {
    SERVER: "the certificate was not seen: the server negotiates no version before TLS 1.3, where it is "
    "encrypted; a completed handshake is needed.",
    CLIENT: "the client showed no certificate when it was asked for one.",
}


def key_bits(found: Sequence[CertificateSeen], who: str, *, key: str, minimum: int) -> Judgement:
    """Every certificate with a *key* (RSA, EC) key has at least *minimum* bits."""
    mine = [c for c in found if c.key == key]
    return _about(
        found,
        who,
        [(c, f"an {key} key of {c.bits} bits") for c in mine if c.bits < minimum],
        f"{key} keys of {minimum} bits or more",
        f"{len(mine)} certificates of the chain have an {key} key, each of {minimum} bits or more"
        if mine
        else f"no certificate of the chain has an {key} key",
    )


def signer_bits(
    found: Sequence[CertificateSeen], who: str, *, signer: str, minimum: int
) -> Judgement:
    """Every *signer* (RSA, ECDSA) signature was made with a key of *minimum* bits; self-signed ones aside (T-22)."""
    mine = [c for c in found if c.signer == signer and not c.self_signed]
    unknown = [c for c in mine if c.signer_bits is None]
    if unknown:
        return undecided(
            f"the key that signed {unknown[0].subject!r} is not known; send the whole chain."
        )
    return _about(
        found,
        who,
        [
            (c, f"a signature by an {signer} key of {c.signer_bits} bits")
            for c in mine
            if (c.signer_bits or 0) < minimum
        ],
        f"signing keys of {minimum} bits or more",
        f"{len(mine)} certificates are signed with {signer}, each by a key of {minimum} bits or more"
        if mine
        else f"no certificate of the chain is signed with {signer}",
        rests_on=("T-22",),
    )


def signature_hash(
    found: Sequence[CertificateSeen], who: str, *, hashes: Sequence[str]
) -> Judgement:
    """Every signature uses one of *hashes*; that of a self-signed one is ignored (T-22)."""
    judged = [c for c in found if not c.self_signed] or list(found[:1])
    return _about(
        found,
        who,
        [
            (c, f"a signature with {c.hash or 'an unknown hash'}")
            for c in judged
            if c.hash not in hashes
        ],
        f"signatures with {' or '.join(hashes)}",
        f"{len(judged)} certificates are signed with {', '.join(sorted({c.hash for c in judged}))}",
        rests_on=("T-22",),
    )


def leaf_key(leaves: Sequence[CertificateSeen], who: str, *, keys: Sequence[str]) -> Judgement:
    """Hold if its own certificate has a key of one of the types *keys* (RSA, EC)."""
    return _about(
        leaves,
        who,
        [(c, f"an {c.key} key") for c in leaves if c.key not in keys],
        f"a key of type {' or '.join(keys)}",
        f"the {who} certificate has an {' and '.join(sorted({c.key for c in leaves}))} key",
    )


def leaf_curve(leaves: Sequence[CertificateSeen], who: str, *, curves: Sequence[str]) -> Judgement:
    """Hold if its own elliptic curve certificate, where it has one, is on one of *curves*."""
    mine = [c for c in leaves if c.key == "EC"]
    return _about(
        leaves,
        who,
        [(c, f"an elliptic curve key on {c.curve}") for c in mine if c.curve not in curves],
        f"curve {' or '.join(curves)}",
        f"the elliptic curve certificate is on {mine[0].curve}"
        if mine
        else f"the {who} shows no elliptic curve certificate",
    )


def _about(
    found: Sequence[CertificateSeen],
    who: str,
    bad: Sequence[tuple[CertificateSeen, str]],
    expected: str,
    good: str,
    *,
    rests_on: Sequence[str] = (),
) -> Judgement:
    if not found:
        return undecided(UNSEEN[who], expected=expected)
    if bad:
        certificate, what = bad[0]
        return fails(
            f"certificate {certificate.subject!r} of the {who} has {what}; replace it.",
            expected=expected,
            observed=what,
            findings=[Finding(c.subject, Word.FAIL, f"{told}.") for c, told in bad],
            rests_on=rests_on,
        )
    unreadable = [c for c in found if c.problem]
    if unreadable:
        return undecided(f"a certificate of the chain decides nothing: {unreadable[0].problem}.")
    return passes(f"{good}.", expected=expected, rests_on=rests_on)
