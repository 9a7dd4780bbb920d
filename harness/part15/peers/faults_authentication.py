"""Faults of entity authentication: which client certificates are taken."""

from __future__ import annotations

from part15.peers.contexts import NO_CHECK_TIME, PARTIAL_CHAIN
from part15.peers.faults import Fault, for_each

_FAMILY = "authentication"
_MUTUAL = for_each("{}-server-mutual-auth", "B.12", "B.13")

FAULTS = (
    Fault(
        "ignores_client_certificate",
        "asks for no client certificate",
        _MUTUAL,
        "there is no bi-directional authentication",
        _FAMILY,
        {"client": "ignored"},
    ),
    Fault(
        "needs_no_client_certificate",
        "asks for a client certificate, but goes on without one",
        _MUTUAL,
        "anybody can connect",
        _FAMILY,
        {"client": "optional"},
    ),
    Fault(
        "accepts_expired_client_certificate",
        "does not look at the validity of client certificates",
        _MUTUAL,
        "an expired certificate is accepted",
        _FAMILY,
        {"verify": NO_CHECK_TIME},
    ),
    Fault(
        "accepts_unknown_ca",
        "takes client certificates of a CA it should not know",
        _MUTUAL,
        "anybody can make a certificate",
        _FAMILY,
        {"trusts": ("other-ca",)},
    ),
    Fault(
        "accepts_self_signed",
        "takes a self-signed client certificate, and looks at no revocation list",
        (*_MUTUAL, "RFC9325-revocation-strategy"),
        "anybody can make a certificate; there is no list for self-signed ones",
        _FAMILY,
        {"trusts": ("self-signed",), "crl": False, "verify": PARTIAL_CHAIN},
    ),
    Fault(
        "ignores_revocation",
        "does not look at the revocation list",
        ("RFC9325-revocation-strategy",),
        "a revoked certificate is accepted",
        _FAMILY,
        {"crl": False},
    ),
    Fault(
        "accepts_weak_client_certificate",
        "takes client certificates with short keys, short issuer keys and old hashes, and signs with SHA-1",
        (
            "B.13-cert-rsa-2048",
            "B.13-cert-ecc-256",
            "B.13-cert-sig-rsa-2048",
            "B.13-cert-sig-ecdsa-256",
            "B.13-cert-hash-sha256",
            "B.13-prohibited-algorithms",
            "RFC9325-no-sha1-md5",
        ),
        "the certificate of the other side is not looked at closely enough",
        _FAMILY,
        {"level": 0, "weak_peers": True},
    ),
)
