"""Rules about certificates bind both ways: a server's own, and those of clients that it lets in."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from part15.bench import Bench
from part15.drivers import session
from part15.drivers.tls_survey import survey
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.session import AuthenticationSeen
from part15.observations.tls import SuitesSeen
from part15.observations.tls_certificates import CertificatesSeen
from part15.registry import driver
from part15.wire.tls_certificates import chain_seen

KINDS = ("rsa_1024", "p_192", "p_224", "weak_issuer", "weak_issuer_ec", "sha1", "md5", "sha224")


@driver(Impact.ASSOCIATE)
def exchange(bench: Bench, *, kinds: Sequence[str] = KINDS) -> CertificatesSeen | NotReached:
    """Read the server's chain from its hellos and ask for associations with weak client certificates.

    *kinds* are names in ``endpoints.ID.identities``; what cannot be shown stays undecided.
    """
    own = survey(bench)
    if isinstance(own, NotReached):
        return own
    shown = session.show_identities(bench, kinds=kinds)
    shake = shown.control.handshake if isinstance(shown, AuthenticationSeen) else None
    return CertificatesSeen(with_leaf(own, shake.certificate if shake else b""), shown)


def with_leaf(own: SuitesSeen, der: bytes) -> SuitesSeen:
    """Return *own* with the certificate *der* of a completed handshake, where no hello showed the chain (TLS 1.3)."""
    if not der or any(hello.chain for hello in own.hellos):
        return own
    chain = chain_seen((der,))
    return dataclasses.replace(
        own,
        versions=tuple(
            dataclasses.replace(
                found, accepted=tuple(dataclasses.replace(h, chain=chain) for h in found.accepted)
            )
            for found in own.versions
        ),
    )
