"""Faults of the retired profiles B.1 and B.3, and of what only GnuTLS serves rightly (B.13)."""

from __future__ import annotations

from part15.peers.faults import Fault, for_each

_FAMILY = "legacy"

FAULTS = (
    Fault(
        "no_tls10",
        "does not speak TLS 1.0",
        for_each("{}-framework", "B.1", "B.3"),
        "the retired profiles name TLS 1.0",
        _FAMILY,
        {"minimum": "1.2"},
    ),
    Fault(
        "lacks_triple_des",
        "does not serve TLS_RSA_WITH_3DES_EDE_CBC_SHA",
        ("B.1-privacy", "B.3-offer-both-suites"),
        "as every server on OpenSSL 3",
        _FAMILY,
        {"gnutls_without": "-3DES-CBC"},
    ),
    Fault(
        "follows_the_client",
        "selects the first suite of the client",
        ("B.3-prefer-aes",),
        "AES must win over Triple DES",
        _FAMILY,
        {"server_preference": False},
    ),
    Fault(
        "lacks_rsa_key_transport",
        "exchanges keys by ECDHE only",
        ("B.1-master-secret", "B.1-privacy", "B.3-offer-both-suites"),
        "B.1 names the exchange of master secrets by RSA; both suites need it",
        _FAMILY,
        {"gnutls_without": "-RSA:+ECDHE-RSA"},
    ),
    Fault(
        "has_no_rsa_certificate",
        "has an elliptic curve certificate only",
        for_each("{}-entity-authentication", "B.1", "B.3"),
        "the retired profiles name RSA certificates",
        _FAMILY,
        {"certificates": ("server-ec",), "gnutls_without": "-RSA:+ECDHE-ECDSA"},
    ),
    Fault(
        "lacks_sha1_suites",
        "protects records with SHA-256 only",
        (
            "B.1-integrity",
            "B.1-privacy",
            "B.3-offer-both-suites",
            *for_each("{}-framework", "B.1", "B.3"),
        ),
        "the retired profiles name SHA-1; Triple DES and TLS 1.0 have nothing else",
        _FAMILY,
        {"gnutls_without": "-SHA1:+SHA256"},
    ),
    Fault(
        "lacks_camellia",
        "does not serve the Camellia suites",
        ("B.13-cipher-tls12-mandatory",),
        "servers shall support all fourteen; four are Camellia, which OpenSSL lacks",
        _FAMILY,
        {"gnutls_without": "-CAMELLIA-128-GCM:-CAMELLIA-256-GCM"},
    ),
    Fault(
        "lacks_ccm_8",
        "does not serve the CCM_8 suites",
        ("B.13-cipher-tls12-mandatory", "B.13-cipher-tls13-mandatory-server"),
        "servers shall support all five suites of TLS 1.3",
        _FAMILY,
        {"gnutls_without": "-AES-128-CCM-8:-AES-256-CCM-8"},
    ),
)
