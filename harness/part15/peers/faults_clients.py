"""The named faults of the embedded TLS client."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from part15.peers.faults import Fault, for_each

_FAMILY, _ROLE = "tls-client", "tls-client"


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
        "speaks_plain",
        "does not speak TLS",
        for_each("{}-client-attempts-tls", "B.10", "B.11", "B.12", "B.13"),
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
        ("RFC9325-fallback", "RFC8996-client-hello-0x0302", "RFC8996-no-tls11"),
        "a TLS 1.2 client does not fall back",
        falls_back=("1.1",),
        level=0,
        ciphers="ECDHE+AESGCM:ECDHE+AES+SHA1",
    ),
    _fault(
        "offers_no_tls13",
        "speaks TLS 1.2 only",
        ("RFC9325-tls13-support",),
        "TLS 1.3 is not offered",
        maximum="1.2",
    ),
    _fault(
        "offers_no_tls12",
        "speaks TLS 1.3 only",
        ("B.12-tls12-mandatory", "RFC7525-tls12-support", "RFC9325-tls12-support"),
        "TLS 1.2 is not offered",
        minimum="1.3",
    ),
    _fault(
        "offers_no_alpn",
        "sends no ALPN",
        ("RFC9325-alpn-support",),
        "the protocol is not named",
        alpn=(),
    ),
)


@functools.cache
def faults() -> Mapping[str, Fault]:
    """Return every fault of the client by name."""
    return {fault.name: fault for fault in FAULTS}
