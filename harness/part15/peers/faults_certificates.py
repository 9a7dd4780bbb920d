"""Faults of the certificates that the peer sends."""

from __future__ import annotations

from part15.peers.faults import Fault, for_each

_FAMILY = "certificates"

FAULTS = (
    Fault(
        "weak_rsa_certificate",
        "has a certificate with an RSA key of 1024 bits",
        (
            "RFC7525-rsa-cert-2048",
            "RFC9325-rsa-cert-2048",
            *for_each("{}-cert-rsa-2048", "B.13"),
        ),
        "the key must have 2048 bits",
        _FAMILY,
        {"certificates": ("rsa-1024", "server-ec"), "level": 1},
    ),
    Fault(
        "weak_curve_certificate",
        "has a certificate with an elliptic curve key of 224 bits",
        (*for_each("{}-cert-ecc-256", "B.13"), "RFC9325-ecdsa-p256"),
        "the key must have 256 bits, and be on P-256",
        _FAMILY,
        {"certificates": ("server", "p-224")},
    ),
    Fault(
        "weak_issuer",
        "sends a chain whose intermediate has an RSA key of 1024 bits",
        (
            *for_each("{}-cert-sig-rsa-2048", "B.13"),
            *for_each("{}-cert-rsa-2048", "B.13"),
            "RFC7525-rsa-cert-2048",
            "RFC9325-rsa-cert-2048",
        ),
        "the signature was made with a key that is too short, and its certificate is sent along",
        _FAMILY,
        {"certificates": ("weak-issuer", "server-ec"), "level": 1},
    ),
    Fault(
        "weak_issuer_ec",
        "sends a chain whose intermediate has an elliptic curve key of 224 bits",
        (*for_each("{}-cert-sig-ecdsa-256", "B.13"), *for_each("{}-cert-ecc-256", "B.13")),
        "the signature was made with a key that is too short, and its certificate is sent along",
        _FAMILY,
        {"certificates": ("weak-issuer-ec", "server-ec")},
    ),
    Fault(
        "sha1_chain",
        "has a certificate signed with SHA-1",
        (
            "RFC7525-sha256",
            "RFC9325-sha256",
            "RFC9325-no-sha1-md5",
            *for_each("{}-cert-hash-sha256", "B.13"),
        ),
        "the signature hash must be SHA-256 or stronger",
        _FAMILY,
        {"certificates": ("sha1", "server-ec"), "level": 0},
    ),
    Fault(
        "md5_chain",
        "has a certificate signed with MD5",
        (
            "RFC7525-sha256",
            "RFC9325-sha256",
            "RFC9325-no-sha1-md5",
            *for_each("{}-cert-hash-sha256", "B.13"),
        ),
        "the signature hash must be SHA-256 or stronger",
        _FAMILY,
        {"certificates": ("md5", "server-ec"), "level": 0},
    ),
)
