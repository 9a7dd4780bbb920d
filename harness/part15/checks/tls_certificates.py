"""Certificates both ways: the server's own chain holds the rule, and clients that break it are not let in (B.13)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from part15.checks import session, tls_algorithms
from part15.model import Judgement, Word, undecided
from part15.observations import NotReached
from part15.observations.tls_certificates import CertificatesSeen
from part15.registry import check


@check
def has_key_bits(
    seen: CertificatesSeen, *, key: str, minimum: int, kinds: Sequence[str]
) -> Judgement:
    """Hold if own *key* (RSA, EC) keys have *minimum* bits and no client of *kinds* is let in."""
    return _both(seen, tls_algorithms.has_key_bits(seen.own, key=key, minimum=minimum), kinds)


@check
def is_signed_with_bits(
    seen: CertificatesSeen, *, signer: str, minimum: int, kinds: Sequence[str]
) -> Judgement:
    """Hold if own *signer* signatures are by keys of *minimum* bits and no client of *kinds* is let in."""
    own = tls_algorithms.is_signed_with_bits(seen.own, signer=signer, minimum=minimum)
    return _both(seen, own, kinds)


@check
def is_signed_with_hash(
    seen: CertificatesSeen, *, hashes: Sequence[str], kinds: Sequence[str]
) -> Judgement:
    """Hold if own signatures use one of *hashes* and no client of *kinds* is let in."""
    return _both(seen, tls_algorithms.is_signed_with_hash(seen.own, hashes=hashes), kinds)


def _both(seen: CertificatesSeen, own: Judgement, kinds: Sequence[str]) -> Judgement:
    """Return the judgement on both sides; a server that asks for no client certificate has one side only."""
    if own.word is Word.FAIL:
        return own
    theirs = _of_clients(seen, kinds)
    if theirs is None or (own.word is Word.INCONCLUSIVE and theirs.word is Word.PASS):
        return own
    if theirs.word is Word.PASS:
        told = f"{own.message.rstrip('.')}; {theirs.message}."
        return dataclasses.replace(own, message=told, observed=theirs.observed)
    return theirs


def _of_clients(seen: CertificatesSeen, kinds: Sequence[str]) -> Judgement | None:
    if isinstance(seen.shown, NotReached):
        return undecided(f"{seen.shown.step}: {seen.shown.why}")
    shake = seen.shown.control.handshake
    if shake is not None and not shake.requested:
        return None
    missing = [
        found
        for kind in kinds
        if isinstance(found := seen.shown.shown.get(kind), NotReached) or found is None
    ]
    answer = session.refuses_identities(seen.shown, kinds=kinds)
    if answer.word is Word.PASS and missing:
        first = next((found for found in missing if found is not None), None)
        return undecided(first.why if first else f"{kinds[0]} was not shown")
    return answer
