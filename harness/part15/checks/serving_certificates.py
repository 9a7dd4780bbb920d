"""Certificates of a client, both ways: those that it shows hold the rule, and servers that break it are refused (B.13)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from part15.checks import serving, tls_chains
from part15.checks.tls_chains import CLIENT
from part15.model import Finding, Judgement, Word, fails, passes, undecided
from part15.observations import NotReached
from part15.observations.session import NOT_OFFERED, ServedSeen
from part15.registry import check
from part15.wire import tls_names as names


@check
def has_key_bits(seen: ServedSeen, *, key: str, minimum: int, kinds: Sequence[str]) -> Judgement:
    """Hold if the keys of type *key* that it shows have *minimum* bits, and it refuses servers of *kinds*."""
    return _both(
        seen, tls_chains.key_bits(seen.right.chain, CLIENT, key=key, minimum=minimum), kinds
    )


@check
def is_signed_with_bits(
    seen: ServedSeen, *, signer: str, minimum: int, kinds: Sequence[str]
) -> Judgement:
    """Hold if *signer* signatures that it shows are by keys of *minimum* bits, and it refuses servers of *kinds*."""
    own = tls_chains.signer_bits(seen.right.chain, CLIENT, signer=signer, minimum=minimum)
    return _both(seen, own, kinds)


@check
def is_signed_with_hash(
    seen: ServedSeen, *, hashes: Sequence[str], kinds: Sequence[str] = ()
) -> Judgement:
    """Hold if signatures that it shows use one of *hashes*, and it refuses servers of *kinds*."""
    return _both(seen, tls_chains.signature_hash(seen.right.chain, CLIENT, hashes=hashes), kinds)


@check
def signs_without(seen: ServedSeen, *, hashes: Sequence[str], kinds: Sequence[str]) -> Judgement:
    """Hold if it signs no handshake with one of *hashes*, shows no such certificate, and refuses servers of *kinds*."""
    scheme = names.schemes().get(seen.right.scheme or -1)
    if scheme is not None and scheme.hash in hashes:
        return fails(
            f"the client signed the handshake with {scheme.name}, although it was offered better.",
            expected=f"no signature with {' or '.join(hashes)}",
            observed=scheme.name,
        )
    bad = [c for c in seen.right.chain if c.hash in hashes and not c.self_signed]
    if bad:
        return fails(
            f"certificate {bad[0].subject!r} of the client is signed with {bad[0].hash}; replace it.",
            expected=f"no signature with {' or '.join(hashes)}",
            observed=bad[0].hash,
            findings=[Finding(c.subject, Word.FAIL, f"signed with {c.hash}") for c in bad],
        )
    return _both(
        seen, passes("neither handshake nor certificate of the client is so signed"), kinds
    )


@check
def has_leaf_key(seen: ServedSeen, *, keys: Sequence[str]) -> Judgement:
    """Hold if the certificate that the client shows has a key of one of the types *keys* (RSA, EC)."""
    return tls_chains.leaf_key(seen.right.chain[:1], CLIENT, keys=keys)


@check
def has_leaf_curve(seen: ServedSeen, *, curves: Sequence[str]) -> Judgement:
    """Hold if an elliptic curve certificate that the client shows is on one of *curves*."""
    if not seen.right.certificate:
        return passes("the client shows no certificate, so none on another curve")
    return tls_chains.leaf_curve(seen.right.chain[:1], CLIENT, curves=curves)


def _both(seen: ServedSeen, own: Judgement, kinds: Sequence[str]) -> Judgement:
    """Return the judgement on both sides; a client that shows no certificate has one side only."""
    if own.word is Word.FAIL:
        return own
    if not kinds:
        return own if seen.right.certificate else passes("the client shows no certificate")
    theirs = serving.refuses_servers(seen, kinds=kinds)
    if theirs.word is not Word.PASS:
        return theirs
    whys = [w for k in kinds if isinstance(w := seen.shown.get(k), NotReached)]
    missing = [w for w in whys if w.step != NOT_OFFERED]
    if missing or any(k not in seen.shown for k in kinds):
        return undecided(missing[0].why if missing else f"not all of {', '.join(kinds)} were shown")
    if not seen.right.certificate:
        return dataclasses.replace(theirs, message=f"{theirs.message}; it shows none itself")
    if own.word is not Word.PASS:
        return own
    told = f"{own.message.rstrip('.')}; {theirs.message}."
    return dataclasses.replace(own, message=told, observed=theirs.observed)
