"""The named faults of the embedded TLS client: here those of what it opens with; and the list of all."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from part15.peers import faults_clients_answers as answers
from part15.peers import faults_clients_legacy as legacy
from part15.peers import rewriting as r
from part15.peers.faults import Fault, for_each
from part15.peers.faults_clients_base import NO_DHE, client_fault
from part15.peers.policy import WITH_DHE

_OLD_SUITES = (
    "B.10-cipher-additional",
    "B.10-cipher-mandatory",
    "B.13-no-other-tls12-ciphers",
    "B.13-prohibited-algorithms",
    "RFC7525-client-first-suite",
    "RFC7525-recommended-suites",
    "RFC9325-client-first-suite",
    "RFC9325-recommended-suites",
)
"""What a client violates that offers suites of old only."""

_SHORT = (
    *for_each("RFC{}-dh-2048", "7525", "9325"),
    *for_each("{}-dhe-2048", "B.11", "B.13"),
)
"""What a client violates that lowers its security level for old versions: short DH primes get in."""
_CBC = (
    "B.10-cipher-additional",
    "B.11-no-other-ciphers",
    "B.13-no-other-tls12-ciphers",
    "B.13-permitted-algorithms",
    "B.13-prohibited-algorithms",
)
"""What a client violates that offers CBC suites beside right ones."""

FAULTS = (
    client_fault(
        "offers_old_versions",
        "offers TLS 1.0 and 1.1 beside the new ones",
        (
            "RFC8996-no-tls10",
            "RFC8996-no-tls11",
            "RFC8996-alert-0x0301",
            "RFC8996-alert-0x0302",
            "RFC9325-no-tls10",
            "RFC9325-no-tls11",
            *for_each("{}-no-tls10-tls11", "B.10", "B.11"),
            "B.9-downgrade-care",
            *_SHORT,
            *_CBC,
        ),
        "they are not offered, and not accepted",
        minimum="1.0",
        level=0,
        ciphers=f"{WITH_DHE}:ECDHE+AES+SHA1",
    ),
    client_fault(
        "offers_sslv3",
        "lists SSL 3.0 among its versions",
        ("RFC7525-no-sslv3", "RFC9325-no-sslv3", "B.9-downgrade-care"),
        "SSL 3.0 is broken",
        rewrite=r.with_extension(43, b"\x06\x03\x04\x03\x03\x03\x00"),
    ),
    client_fault(
        "sends_early_data",
        "says that it sends early data",
        ("RFC9325-no-0rtt",),
        "no profile says what DICOM may send as early data",
        rewrite=r.with_extension(42, b""),
    ),
    client_fault(
        "offers_no_suite_of_b13",
        "offers CBC suites only in TLS 1.2",
        ("B.13-cipher-tls12-client", "B.13-permitted-algorithms", *_OLD_SUITES),
        "at least one of the listed suites is needed, and CBC is not permitted",
        ciphers="ECDHE+AES+SHA256:ECDHE+AES+SHA384:!AESGCM:!AESCCM",
    ),
    client_fault(
        "offers_no_tls13_suite_of_b13",
        "offers integrity-only suites in TLS 1.3",
        (
            "B.13-cipher-tls13-client",
            "B.13-permitted-algorithms",
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
    client_fault(
        "speaks_tls11_only",
        "offers TLS 1.1 at most",
        (
            "B.13-client-one-version",
            "B.13-permitted-algorithms",
            "RFC8996-alert-0x0302",
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
    client_fault(
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
    client_fault(
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
    client_fault(
        "falls_back_to_tls11",
        "tries TLS 1.1 when it is refused",
        ("RFC9325-fallback", "RFC8996-client-hello-0x0302", *_SHORT, *_CBC),
        "a TLS 1.2 client does not fall back",
        falls_back=("1.1",),
        level=0,
        ciphers=f"{WITH_DHE}:ECDHE+AES+SHA1",
    ),
    client_fault(
        "offers_no_tls13",
        "speaks TLS 1.2 only",
        ("RFC9325-tls13-support", "B.12-tls13-optional", "B.13-cipher-tls13-client"),
        "TLS 1.3 is not offered",
        maximum="1.2",
    ),
    client_fault(
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
    client_fault(
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
    client_fault(
        "offers_compressed_points",
        "offers compressed point formats, as OpenSSL does",
        ("RFC9325-point-formats", "RFC7525-point-formats"),
        "only uncompressed points are allowed",
        rewrite=None,
    ),
    client_fault(
        "offers_no_alpn",
        "sends no ALPN",
        ("RFC9325-alpn-support",),
        "the protocol is not named",
        alpn=(),
    ),
    client_fault(
        "falls_back_to_sslv3",
        "tries SSL 3.0 when it is refused",
        ("RFC7525-fallback", "RFC9325-fallback"),
        "a client never falls back so far",
        falls_back=("ssl3",),
    ),
    client_fault(
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
    client_fault(
        "says_tls10",
        "writes 03 01 as its client_version",
        ("RFC8996-client-hello-0x0301",),
        "client_version must not be TLS 1.0",
        rewrite=r.rewriting(version=0x0301),
    ),
    client_fault(
        "offers_null",
        "offers NULL encryption",
        ("RFC7525-no-null", "RFC9325-no-null", "B.12-no-null", "B.12-encrypt-and-integrity"),
        "data would go in clear if the server chose it",
        rewrite=r.offering(0xC010, 0xC006),
    ),
    client_fault(
        "sends_no_server_name",
        "sends no server_name, although it was given a name",
        for_each("RFC{}-sni-support", "7525", "9325"),
        "the server cannot tell for which name the connection is",
        rewrite=r.rewriting(extensions=lambda found: {k: v for k, v in found.items() if k != 0}),
    ),
    client_fault(
        "lacks_dhe_suites",
        "offers ECDHE suites only",
        (*for_each("{}-cipher-mandatory", "B.10", "B.11"), NO_DHE),
        "two of the four or more suites that are named are DHE suites",
        ciphers="ECDHE+AESGCM",
    ),
    client_fault(
        "offers_rc4",
        "offers RC4",
        ("RFC7525-no-rc4", "RFC9325-no-rc4"),
        "RC4 is broken",
        rewrite=r.offering(0xC011, 0xC007),
    ),
    client_fault(
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
    client_fault(
        "offers_compression",
        "offers DEFLATE",
        ("RFC7525-no-compression", "RFC9325-no-compression"),
        "compression leaks",
        rewrite=r.rewriting(compressions=b"\x01\x00"),
    ),
    client_fault(
        "offers_truncated_hmac",
        "offers truncated_hmac",
        ("RFC7525-no-truncated-hmac", "RFC9325-no-truncated-hmac"),
        "it is not to be used",
        rewrite=r.with_extension(4, b""),
    ),
    client_fault(
        "offers_small_curves",
        "offers curves below 192 bits",
        (
            "RFC7525-ecdh-min",
            "RFC9325-ecdh-min",
            *for_each("{}-ecdhe-256", "B.11", "B.13"),
        ),
        "they are too small",
        rewrite=r.with_extension(10, r.numbers(29, 23, 15, 16)),
    ),
    client_fault(
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
    client_fault(
        "asks_for_sha1_only",
        "asks for SHA-1 signatures only",
        ("RFC7525-client-sigalgs", "RFC9325-client-sigalgs"),
        "SHA-256 must be asked for",
        rewrite=r.with_extension(13, r.numbers(0x0201, 0x0203)),
    ),
    client_fault(
        "offers_no_extended_master_secret",
        "does not offer extended_master_secret",
        ("RFC9325-triple-handshake",),
        "RFC 7627 is not implemented",
        rewrite=r.rewriting(extensions=lambda found: {k: v for k, v in found.items() if k != 23}),
    ),
    client_fault(
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
    return {fault.name: fault for fault in (*FAULTS, *answers.FAULTS, *legacy.FAULTS)}
