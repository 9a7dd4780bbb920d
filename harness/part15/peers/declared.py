"""What the embedded peer's Conformance Statement says, and what its makers vouch for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from part15.peers.reference import ReferencePeer
    from part15.pki import Pki

ATTESTED = {
    "TLS-COMMON-abort-both-sides": "the association ends in state 1 and the node logs the provider reason",
    "RFC7525-ticket-strong-cipher": "OpenSSL encrypts tickets with AES-256-CBC and HMAC-SHA-256",
    "RFC7525-ticket-key-rotation": "ticket keys live as long as the process, which is a test run",
    "RFC9325-ticket-strong-cipher": "OpenSSL encrypts tickets with AES-256-CBC and HMAC-SHA-256",
    "RFC9325-ticket-key-rotation": "ticket keys live as long as the process, which is a test run",
    "RFC9325-no-old-session-resume": "sessions end with the process",
}


def declarations(artim: float, ports: Mapping[str, int], profile: str) -> dict[str, Any]:
    """Return the ``[declared]`` table of the peer."""
    return {
        "profiles": [
            {
                "id": profile,
                "selection": "by port: the TLS port serves this profile only",
                "features": "bi-directional authentication is always on",
                "extensions": "none",
            }
        ],
        "ul": {"artim_seconds": artim, "ports": sorted(ports.values())},
        "upper_layer": {"default_port": 11112},
        "user_identity": {"extra_use": "none: the node ignores the User Identity sub-item"},
        "statement": {"security_section": "PS3.2 section Security of the peer's docstring"},
        profile: {
            "default_port": 2762,
            "ports": sorted(p for name, p in ports.items() if name != "dicom-plain"),
            "key_management": "X.509 certificates in PEM files, issued by the CA of the test",
            "abort_provider_reason": 0,
            "key_exchange": ["ECDHE", "DHE"],
            "cipher_suites": [
                "TLS_AES_256_GCM_SHA384",
                "TLS_CHACHA20_POLY1305_SHA256",
                "TLS_AES_128_GCM_SHA256",
                "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
                "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
                "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
                "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
                "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
                "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
                "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
            ],
            "signature_algorithms": [
                "rsa_pss_rsae_sha256",
                "rsa_pss_rsae_sha384",
                "rsa_pss_rsae_sha512",
                "ecdsa_secp256r1_sha256",
                "rsa_pkcs1_sha256",
                "rsa_pkcs1_sha384",
                "rsa_pkcs1_sha512",
            ],
            "mutual_auth_configuration": "required, optional or off by the policy of the peer",
        },
    }


def attestations(profile: str, today: dt.date) -> list[dict[str, Any]]:
    """Return the ``[[attestations]]`` of the peer: the clauses that only its makers can know."""
    prefix = {"tls-bcp195-rfc8996": "B.12", "tls-bcp195": "B.9"}.get(profile, "")
    bcp195 = profile.startswith("tls-bcp195")
    cases = {c: note for c, note in ATTESTED.items() if bcp195 or not c.startswith("RFC")}
    if prefix:
        cases[f"{prefix}-multiple-profiles"] = "one profile per port"
    return [
        {"case": case, "verdict": "pass", "by": "the makers of part15", "date": today, "note": note}
        for case, note in sorted(cases.items())
    ]


def _identity(pki: Pki, name: str) -> dict[str, str]:
    return {"certificate": str(pki[name].certificate), "key": str(pki[name].key)}


SERVER_IDENTITIES = {
    "wrong_name": "wrong-name",
    "expired": "expired",
    "future": "future",
    "wrong_usage": "client-only",
    "revoked": "revoked",
    "long_chain": "long-chain",
    "rsa_1024": "rsa-1024",
    "p_192": "p-192",
    "p_224": "p-224",
    "weak_issuer": "weak-issuer",
    "weak_issuer_ec": "weak-issuer-ec",
    "sha1": "sha1",
    "sha224": "sha224",
    "md5": "md5",
}
"""The server certificates that we can show to a client, by the kind that stimuli ask for."""

IDENTITIES = {
    "expired": "expired",
    "future": "future",
    "unknown_ca": "untrusted",
    "self_signed": "self-signed",
    "wrong_usage": "server-only",
    "revoked": "revoked",
    "rsa_1024": "rsa-1024",
    "p_192": "p-192",
    "p_224": "p-224",
    "weak_issuer": "weak-issuer",
    "weak_issuer_ec": "weak-issuer-ec",
    "sha1": "sha1",
    "sha224": "sha224",
    "md5": "md5",
    "long_chain": "long-chain",
    "intermediate": "intermediate",
    "other": "client-2",
}
"""The extra identities of the peer's target, by the kind that stimuli ask for."""


def endpoint_table(peer: ReferencePeer, name: str, host: str = "") -> dict[str, Any]:
    """Return the endpoint *name* of *peer* as a target file writes it."""
    table: dict[str, Any] = {
        "address": peer.address(name, host),
        "transport": "plain" if name == "dicom-plain" else "tls",
        "ae_title": peer.ae_title,
    }
    if table["transport"] == "tls":
        table["trust"] = str(peer.pki.ca)
        table["server_name"] = "localhost"
        table["identity"] = _identity(peer.pki, "client")
        table["identities"] = {k: _identity(peer.pki, v) for k, v in IDENTITIES.items()}
    return table


def _shared(peer: ReferencePeer) -> dict[str, Any]:
    """Return an endpoint that states a port a second time, with another transport, if a fault wants it."""
    if not peer.policy.states_port_twice:
        return {}
    first = endpoint_table(peer, next(iter(peer.ports)))
    return {"dicom-shared": {**first, "transport": "plain", "profiles": []}}


def target_document(
    peer: ReferencePeer,
    *,
    edition: str = "2023b",
    profile: str = "tls-bcp195-rfc8996",
    features: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the target that describes *peer*: endpoints, the claim, declarations and attestations."""
    today = dt.datetime.now(dt.UTC).date()
    endpoints: Mapping[str, Any] = {name: endpoint_table(peer, name) for name in peer.ports}
    return {
        "target": {
            "name": "part15 reference peer",
            "version": "embedded",
            "vendor": "part15",
            "edition": edition,
        },
        "claims": {profile: {"roles": ["tls-server"], "features": list(features)}},
        "endpoints": {**endpoints, **_shared(peer)},
        **({"media": {"folder": str(peer.folder)}} if peer.folder else {}),
        "declared": declarations(peer.artim, peer.ports, profile),
        "attestations": attestations(profile, today),
    }
