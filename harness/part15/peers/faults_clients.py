"""The named faults of the embedded TLS client."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from part15.peers import rewriting as r
from part15.peers.faults import Fault, for_each
from part15.peers.policy import WITH_DHE
from part15.wire import pdu

_FAMILY, _ROLE = "tls-client", "tls-client"


_OLD_SUITES = (
    "B.10-cipher-mandatory",
    "B.13-no-other-tls12-ciphers",
    "B.13-prohibited-algorithms",
    "RFC7525-client-first-suite",
    "RFC7525-recommended-suites",
    "RFC9325-client-first-suite",
    "RFC9325-recommended-suites",
)
"""What a client violates that offers suites of old only."""


def _fault(name: str, text: str, flips: tuple[str, ...], why: str, **changes: Any) -> Fault:
    return Fault(f"client_{name}", text, flips, why, _FAMILY, changes, _ROLE)


FAULTS = (
    _fault(
        "shows_no_certificate",
        "shows no certificate when asked",
        for_each("{}-client-mutual-auth", "B.12", "B.13"),
        "clients are encouraged to authenticate themselves",
        identity="",
    ),
    _fault(
        "ignores_the_name",
        "takes a certificate of another host",
        ("RFC7525-hostname-validation", "RFC9325-hostname-validation", "RFC9325-sni-cert-mismatch"),
        "the name is not compared",
        check_name=False,
    ),
    _fault(
        "ignores_revocation",
        "looks at no revocation list",
        ("RFC9325-revocation-strategy",),
        "a revoked certificate is accepted",
        crl=False,
    ),
    _fault(
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
    _fault(
        "takes_weak_certificates",
        "takes short keys and old hashes",
        (
            "B.13-cert-rsa-2048",
            "B.13-cert-hash-sha256",
            "B.13-cert-sig-rsa-2048",
            "RFC9325-no-sha1-md5",
        ),
        "the certificate is not looked at closely enough",
        level=0,
    ),
    _fault(
        "holds_connection_after_damage",
        "keeps the connection when an integrity check failed",
        (
            "TLS-COMMON-integrity-drop",
            *for_each("{}-integrity-failure", "B.1", "B.3", "B.9", "B.10", "B.11", "B.12", "B.13"),
        ),
        "the connection must be dropped",
        holds=True,
    ),
    _fault(
        "releases_first",
        "sends an A-RELEASE-RQ before it has an association",
        (
            "PS3.8-9.1.2-rq-after-connect",
            *for_each("{}-framework", "B.9", "B.10", "B.11", "B.12", "B.13"),
        ),
        "an A-ASSOCIATE-RQ comes first",
        first=pdu.encode_release(),
    ),
    _fault(
        "offers_no_suite_of_b13",
        "offers CBC suites only in TLS 1.2",
        ("B.13-cipher-tls12-client", *_OLD_SUITES),
        "at least one of the listed suites is needed, and CBC is not permitted",
        ciphers="ECDHE+AES+SHA256:ECDHE+AES+SHA384:!AESGCM:!AESCCM",
    ),
    _fault(
        "offers_no_tls13_suite_of_b13",
        "offers integrity-only suites in TLS 1.3",
        (
            "B.13-cipher-tls13-client",
            "RFC7525-no-null",
            "RFC9325-no-null",
            "B.12-no-null",
            "B.12-encrypt-and-integrity",
        ),
        "at least one of the five is needed, and these do not encrypt",
        rewrite=r.rewriting(
            suites=lambda listed: [0xC0B4, *(c for c in listed if not 0x1300 < c < 0x1306)]
        ),
    ),
    _fault(
        "speaks_tls11_only",
        "offers TLS 1.1 at most",
        (
            "B.13-client-one-version",
            "B.13-cipher-tls12-client",
            "B.13-cipher-tls13-client",
            "B.10-no-tls10-tls11",
            "B.10-cipher-mandatory",
            "B.12-tls12-mandatory",
            "B.12-tls13-optional",
            "RFC7525-no-tls10",
            "RFC7525-no-tls11",
            "RFC7525-client-sigalgs",
            "RFC7525-tls12-support",
            "RFC8996-client-hello-0x0302",
            "RFC8996-no-tls11",
            "RFC9325-client-sigalgs",
            "RFC9325-fallback",
            "RFC9325-no-tls11",
            "RFC9325-tls12-support",
            "RFC9325-tls13-support",
            *_OLD_SUITES,
        ),
        "TLS 1.2 or 1.3 is needed; with them goes all that belongs to them",
        minimum="1.1",
        maximum="1.1",
        level=0,
        ciphers="ECDHE+AES+SHA1",
    ),
    _fault(
        "speaks_plain",
        "does not speak TLS",
        (
            *for_each("{}-client-attempts-tls", "B.10", "B.11", "B.12", "B.13"),
            *for_each("{}-strict-tls", "B.10", "B.11", "B.12", "B.13"),
            "RFC7525-strict-tls",
            "RFC7525-try-tls-without-hint",
            "RFC9325-strict-tls",
        ),
        "it opens with an A-ASSOCIATE-RQ in clear",
        plain=True,
    ),
    _fault(
        "falls_back_to_plain",
        "goes on in clear when TLS is refused",
        (
            *for_each("{}-strict-tls", "B.10", "B.11", "B.12", "B.13"),
            "RFC7525-strict-tls",
            "RFC9325-strict-tls",
        ),
        "strict TLS is preferred",
        falls_back=("plain",),
    ),
    _fault(
        "falls_back_to_tls11",
        "tries TLS 1.1 when it is refused",
        ("RFC9325-fallback", "RFC8996-client-hello-0x0302"),
        "a TLS 1.2 client does not fall back",
        falls_back=("1.1",),
        level=0,
        ciphers=f"{WITH_DHE}:ECDHE+AES+SHA1",
    ),
    _fault(
        "offers_no_tls13",
        "speaks TLS 1.2 only",
        ("RFC9325-tls13-support", "B.12-tls13-optional", "B.13-cipher-tls13-client"),
        "TLS 1.3 is not offered",
        maximum="1.2",
    ),
    _fault(
        "tries_tls13_last",
        "offers TLS 1.3 only after TLS 1.2 was refused",
        (
            *for_each("{}-client-tries-tls13", "B.12", "B.13"),
            "RFC9325-tls13-support",
            "RFC9325-tls13-prefer",
            "B.12-tls13-optional",
            "B.13-cipher-tls13-client",
        ),
        "a client that has TLS 1.3 tries it at once",
        maximum="1.2",
        falls_back=("1.3",),
    ),
    _fault(
        "offers_no_tls12",
        "speaks TLS 1.3 only",
        (
            "B.12-tls12-mandatory",
            "RFC7525-tls12-support",
            "RFC9325-tls12-support",
            "RFC7525-recommended-suites",
            "RFC9325-recommended-suites",
        ),
        "TLS 1.2 is not offered, with all that belongs to it",
        minimum="1.3",
    ),
    _fault(
        "offers_compressed_points",
        "offers compressed point formats, as OpenSSL does",
        ("RFC9325-point-formats", "RFC7525-point-formats"),
        "only uncompressed points are allowed",
        rewrite=None,
    ),
    _fault(
        "offers_no_alpn",
        "sends no ALPN",
        ("RFC9325-alpn-support",),
        "the protocol is not named",
        alpn=(),
    ),
    _fault(
        "falls_back_to_sslv3",
        "tries SSL 3.0 when it is refused",
        ("RFC7525-fallback", "RFC9325-fallback"),
        "a client never falls back so far",
        falls_back=("ssl3",),
    ),
    _fault(
        "opens_with_sslv2",
        "sends an SSL 2.0 CLIENT-HELLO",
        (
            "RFC7525-no-sslv2",
            "RFC9325-no-sslv2",
            "RFC7525-fallback",
            "RFC9325-fallback",
            "RFC7525-try-tls-without-hint",
            *for_each("{}-client-attempts-tls", "B.10", "B.11", "B.12", "B.13"),
        ),
        "SSL 2.0 is not even mentioned any more, and what it opens with is no TLS record",
        rewrite=r.sslv2_hello,
    ),
    _fault(
        "says_tls10",
        "writes 03 01 as its client_version",
        ("RFC8996-client-hello-0x0301",),
        "client_version must not be TLS 1.0",
        rewrite=r.rewriting(version=0x0301),
    ),
    _fault(
        "offers_null",
        "offers NULL encryption",
        ("RFC7525-no-null", "RFC9325-no-null", "B.12-no-null", "B.12-encrypt-and-integrity"),
        "data would go in clear if the server chose it",
        rewrite=r.offering(0xC010, 0xC006),
    ),
    _fault(
        "offers_rc4",
        "offers RC4",
        ("RFC7525-no-rc4", "RFC9325-no-rc4"),
        "RC4 is broken",
        rewrite=r.offering(0xC011, 0xC007),
    ),
    _fault(
        "offers_single_des",
        "offers single DES",
        (
            "RFC7525-no-lt-112",
            "RFC9325-no-lt-112",
            "RFC7525-no-lt-128",
            "RFC9325-no-lt-128",
        ),
        "less than 112 bits of security",
        rewrite=r.offering(0x0015),
    ),
    _fault(
        "offers_compression",
        "offers DEFLATE",
        ("RFC7525-no-compression", "RFC9325-no-compression"),
        "compression leaks",
        rewrite=r.rewriting(compressions=b"\x01\x00"),
    ),
    _fault(
        "offers_truncated_hmac",
        "offers truncated_hmac",
        ("RFC7525-no-truncated-hmac", "RFC9325-no-truncated-hmac"),
        "it is not to be used",
        rewrite=r.with_extension(4, b""),
    ),
    _fault(
        "offers_small_curves",
        "offers curves below 192 bits",
        ("RFC7525-ecdh-min", "RFC9325-ecdh-min"),
        "they are too small",
        rewrite=r.with_extension(10, r.numbers(29, 23, 15, 16)),
    ),
    _fault(
        "does_not_indicate_renegotiation",
        "sends neither renegotiation_info nor its signalling suite",
        (
            "RFC9325-client-sends-renegotiation-info",
            "RFC9325-renegotiation-info",
            "RFC7525-renegotiation-info",
        ),
        "RFC 5746 is not implemented",
        rewrite=r.without_suite(0x00FF),
    ),
    _fault(
        "asks_for_sha1_only",
        "asks for SHA-1 signatures only",
        ("RFC7525-client-sigalgs", "RFC9325-client-sigalgs"),
        "SHA-256 must be asked for",
        rewrite=r.with_extension(13, r.numbers(0x0201, 0x0203)),
    ),
    _fault(
        "offers_no_extended_master_secret",
        "does not offer extended_master_secret",
        ("RFC9325-triple-handshake",),
        "RFC 7627 is not implemented",
        rewrite=r.rewriting(extensions=lambda found: {k: v for k, v in found.items() if k != 23}),
    ),
    _fault(
        "prefers_static_rsa",
        "offers RSA key transport first",
        (
            "RFC7525-forward-secrecy",
            "RFC9325-forward-secrecy",
            "RFC7525-no-static-rsa",
            "RFC9325-no-static-rsa",
            "RFC7525-client-first-suite",
            "RFC9325-client-first-suite",
        ),
        "forward secret suites come first",
        rewrite=r.rewriting(suites=lambda listed: [0x009C, *listed]),
    ),
)


@functools.cache
def faults() -> Mapping[str, Fault]:
    """Return every fault of the client by name."""
    return {fault.name: fault for fault in FAULTS}
