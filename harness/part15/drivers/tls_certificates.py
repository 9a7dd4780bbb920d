"""Rules about certificates bind both ways: a server's own, and those of clients that it lets in."""

from __future__ import annotations

from collections.abc import Sequence

from part15.bench import Bench
from part15.drivers import session
from part15.drivers.tls_survey import survey
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.tls import CertificatesSeen
from part15.registry import driver

KINDS = ("rsa_1024", "p_192", "p_224", "weak_issuer", "weak_issuer_ec", "sha1", "md5", "sha224")


@driver(Impact.ASSOCIATE)
def exchange(bench: Bench, *, kinds: Sequence[str] = KINDS) -> CertificatesSeen | NotReached:
    """Read the server's chain from its hellos and ask for associations with weak client certificates.

    *kinds* are names in ``endpoints.ID.identities``; what cannot be shown stays undecided.
    """
    own = survey(bench)
    if isinstance(own, NotReached):
        return own
    return CertificatesSeen(own, session.show_identities(bench, kinds=kinds))
