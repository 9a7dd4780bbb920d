"""Faults of the embedded TLS client in what it makes of a server's answer, and in what it shows of itself."""

from __future__ import annotations

from part15.peers.faults import for_each
from part15.peers.faults_clients_base import NO_DHE, client_fault
from part15.peers.policy import MODERN
from part15.wire import pdu

_CARELESS = (
    *for_each("RFC{}-dh-2048", "7525", "9325"),
    *for_each("RFC{}-hostname-validation", "7525", "9325"),
    *for_each("RFC{}-no-compression", "7525", "9325"),
    "RFC9325-alpn-client-check",
    "RFC9325-client-aborts-without-ack",
    "RFC9325-no-sha1-md5",
    "RFC9325-revocation-strategy",
    "RFC9325-sni-cert-mismatch",
    "RFC9325-tls13-support",
    "B.11-dhe-2048",
    "B.12-tls13-optional",
    "B.13-cipher-tls13-client",
    "B.13-dhe-2048",
    *for_each(
        "B.13-cert-{}", "rsa-2048", "ecc-256", "sig-rsa-2048", "sig-ecdsa-256", "hash-sha256"
    ),
)
"""What a client violates that has TLS 1.2 only and verifies nothing."""

FAULTS = (
    client_fault(
        "shows_no_certificate",
        "shows no certificate when asked",
        for_each("{}-client-mutual-auth", "B.12", "B.13"),
        "clients are encouraged to authenticate themselves",
        identity="",
    ),
    client_fault(
        "ignores_the_name",
        "takes a certificate of another host",
        ("RFC7525-hostname-validation", "RFC9325-hostname-validation", "RFC9325-sni-cert-mismatch"),
        "the name is not compared",
        check_name=False,
    ),
    client_fault(
        "ignores_revocation",
        "looks at no revocation list",
        ("RFC9325-revocation-strategy",),
        "a revoked certificate is accepted",
        crl=False,
    ),
    client_fault(
        "trusts_anybody",
        "does not verify the server's certificate",
        (
            "RFC7525-hostname-validation",
            "RFC9325-hostname-validation",
            "RFC9325-sni-cert-mismatch",
            "RFC9325-revocation-strategy",
        ),
        "anybody can pose as the server",
        trust=False,
    ),
    client_fault(
        "takes_weak_certificates",
        "takes short keys and old hashes",
        (
            "B.13-cert-rsa-2048",
            "B.13-cert-hash-sha256",
            "B.13-cert-sig-rsa-2048",
            "B.13-cert-sig-ecdsa-256",
            "RFC9325-no-sha1-md5",
            NO_DHE,
        ),
        "the certificate is not looked at closely enough",
        level=0,
        strong=False,
        ciphers=MODERN,
    ),
    client_fault(
        "takes_short_dh_primes",
        "takes DH primes of 1024 bits",
        ("RFC7525-dh-2048", "RFC9325-dh-2048", *for_each("{}-dhe-2048", "B.11", "B.13")),
        "2048 bits are the least",
        level=1,
    ),
    client_fault(
        "takes_expired_certificates",
        "looks at no dates",
        ("RFC7525-hostname-validation", "RFC9325-hostname-validation"),
        "a certificate that is not valid proves no identity",
        check_time=False,
    ),
    client_fault(
        "takes_unsafe_renegotiation",
        "goes on with a server that does not acknowledge renegotiation_info",
        ("RFC9325-client-aborts-without-ack",),
        "without it a handshake can be spliced into another",
        options=4,
    ),
    client_fault(
        "verifies_nothing",
        "completes any handshake of TLS 1.2, whatever is selected or shown",
        _CARELESS,
        "nothing of the answer is compared with what was offered",
        careless="fresh",
    ),
    client_fault(
        "reuses_its_dh_key",
        "has one ephemeral key for all connections, and verifies nothing",
        (*_CARELESS, "RFC7525-dh-reuse", "RFC9325-dh-reuse"),
        "a key that is used again undoes forward secrecy",
        careless="fixed",
    ),
    client_fault(
        "falls_over_after_odd_answers",
        "connects no more once it refused a ServerHello",
        ("TLS-COMMON-handshake-failure-robustness",),
        "a failed handshake ends a connection, not the service",
        falls_over=True,
    ),
    client_fault(
        "shows_sha1_certificate",
        "shows a certificate signed with SHA-1",
        (
            "RFC7525-sha256",
            "RFC9325-sha256",
            "RFC9325-no-sha1-md5",
            "B.13-cert-hash-sha256",
            NO_DHE,
        ),
        "the signature hash must be SHA-256 or stronger",
        identity="sha1",
        level=0,
        ciphers=MODERN,
    ),
    client_fault(
        "shows_weak_rsa_certificate",
        "shows a certificate with an RSA key of 1024 bits",
        ("B.13-cert-rsa-2048", NO_DHE),
        "the key must have 2048 bits",
        identity="rsa-1024",
        level=0,
        ciphers=MODERN,
    ),
    client_fault(
        "shows_weak_curve_certificate",
        "shows a certificate with an elliptic curve key of 224 bits",
        (
            "B.13-cert-ecc-256",
            "RFC9325-ecdsa-p256",
            "RFC9325-tls13-support",
            "B.12-tls13-optional",
            "B.13-cipher-tls13-client",
        ),
        "the key must have 256 bits, and be on P-256; TLS 1.3 cannot even sign with it",
        identity="p-224",
        maximum="1.2",
    ),
    client_fault(
        "shows_weak_issuer",
        "shows a certificate signed with an RSA key of 1024 bits",
        ("B.13-cert-sig-rsa-2048", "B.13-cert-rsa-2048", NO_DHE),
        "the signing key must have 2048 bits",
        identity="weak-issuer",
        level=0,
        ciphers=MODERN,
    ),
    client_fault(
        "connects_to_one_port_only",
        "connects to the port that it was told first, whatever it is told",
        ("PS3.8-9.1.1-remote-port-configurable",),
        "the port of the remote must be configurable",
        remembers_port=True,
    ),
    client_fault(
        "aborts_with_odd_values",
        "sends an A-ABORT whose source is not defined",
        ("PS3.8-9.3.8-abort-values",),
        "PS3.8 table 9-26 has the sources and reasons",
        abort=(1, 9),
    ),
    client_fault(
        "holds_connection_after_damage",
        "keeps the connection when an integrity check failed",
        (
            "TLS-COMMON-integrity-drop",
            *for_each("{}-integrity-failure", "B.1", "B.3", "B.9", "B.10", "B.11", "B.12", "B.13"),
        ),
        "the connection must be dropped",
        holds=True,
    ),
    client_fault(
        "releases_first",
        "sends an A-RELEASE-RQ before it has an association",
        (
            "PS3.8-9.1.2-rq-after-connect",
            *for_each("{}-framework", "B.9", "B.10", "B.11", "B.12", "B.13"),
        ),
        "an A-ASSOCIATE-RQ comes first",
        first=pdu.encode_release(),
    ),
)
