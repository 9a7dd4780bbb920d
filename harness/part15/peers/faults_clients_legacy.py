"""Faults of a client of the retired profiles B.1 and B.3, which GnuTLS speaks for."""

from __future__ import annotations

from part15.peers.client import OLD, OLD_VERSIONS
from part15.peers.faults import for_each
from part15.peers.faults_clients_base import client_fault
from part15.wire.foreign_suites import TAIL

FAULTS = (
    client_fault(
        "has_no_tls10",
        "does not speak TLS 1.0",
        for_each("{}-framework", "B.1", "B.3"),
        "the retired profiles name TLS 1.0",
        gnutls=f"NONE:+VERS-TLS1.2:+AES-128-CBC:+3DES-CBC:{OLD}",
    ),
    client_fault(
        "shows_elliptic_curve_certificate",
        "shows a certificate with an elliptic curve key",
        for_each("{}-entity-authentication", "B.1", "B.3"),
        "the retired profiles name RSA certificates",
        identity="client-ec",
    ),
    client_fault(
        "lacks_triple_des",
        "does not offer TLS_RSA_WITH_3DES_EDE_CBC_SHA",
        ("B.1-privacy", "B.3-offer-both-suites"),
        "as every client on OpenSSL 3",
        gnutls=f"NONE:{OLD_VERSIONS}:+AES-128-CBC:{OLD}",
    ),
    client_fault(
        "prefers_triple_des",
        "offers Triple DES before AES",
        ("B.3-prefer-aes",),
        "AES is to be preferred",
        gnutls=f"NONE:{OLD_VERSIONS}:+3DES-CBC:+AES-128-CBC:{OLD}",
    ),
    client_fault(
        "lacks_rsa_key_transport",
        "exchanges keys by ECDHE only",
        ("B.1-master-secret", "B.1-privacy", "B.3-offer-both-suites", "B.3-prefer-aes"),
        "B.1 names the exchange of master secrets by RSA; both suites need it",
        gnutls=f"NONE:{OLD_VERSIONS}:+AES-128-CBC:+3DES-CBC:+SHA1:+ECDHE-RSA:{TAIL}",
    ),
    client_fault(
        "lacks_sha1_suites",
        "protects records with SHA-256 only",
        ("B.1-integrity", "B.1-privacy", "B.3-offer-both-suites", "B.3-prefer-aes"),
        "the retired profiles name SHA-1",
        gnutls=f"NONE:{OLD_VERSIONS}:+AES-128-CBC:+SHA256:+RSA:{TAIL}",
    ),
    client_fault(
        "holds_connection_with_aes",
        "keeps the connection when an integrity check failed, on OpenSSL, which has no Triple DES",
        (
            *for_each("{}-integrity-failure", "B.1", "B.3"),
            "TLS-COMMON-integrity-drop",
            "B.1-privacy",
            "B.3-offer-both-suites",
        ),
        "the connection must be dropped",
        holds=True,
        gnutls="",
        ciphers="AES128-SHA",
        minimum="1.0",
        maximum="1.2",
        level=0,
    ),
)
