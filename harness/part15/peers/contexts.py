"""TLS contexts of the embedded peer, from its policy; OpenSSL through the standard library."""

from __future__ import annotations

import base64
import contextlib
import ssl
import textwrap
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from part15.channel.tls import VERSIONS
from part15.peers.policy import Policy

if TYPE_CHECKING:
    from part15.pki import Pki

# RFC 7919 ffdhe2048, and the 1024-bit group of RFC 2409 section 6.2 that BCP 195 forbids.
PRIMES = {
    "ffdhe2048": (
        "FFFFFFFFFFFFFFFFADF85458A2BB4A9AAFDC5620273D3CF1D8B9C583CE2D3695A9E13641146433FBCC939DCE249B3EF9"
        "7D2FE363630C75D8F681B202AEC4617AD3DF1ED5D5FD65612433F51F5F066ED0856365553DED1AF3B557135E7F57C935"
        "984F0C70E0E68B77E2A689DAF3EFE8721DF158A136ADE73530ACCA4F483A797ABC0AB182B324FB61D108A94BB2C8E3FB"
        "B96ADAB760D7F4681D4F42A3DE394DF4AE56EDE76372BB190B07A7C8EE0A6D709E02FCE1CDF7E2ECC03404CD28342F61"
        "9172FE9CE98583FF8E4F1232EEF28183C3FE3B1B4C6FAD733BB5FCBC2EC22005C58EF1837D1683B2C6F34A26C1B2EFFA"
        "886B423861285C97FFFFFFFFFFFFFFFF"
    ),
    "oakley1024": (
        "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
        "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
        "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF"
    ),
}

NO_CHECK_TIME, PARTIAL_CHAIN = 0x200000, 0x80000
"""Bits of OpenSSL's verification flags that the standard library has no name for in every version."""
NO_EXTENDED_MASTER_SECRET = 0x1
ALLOW_CLIENT_RENEGOTIATION, ALLOW_UNSAFE_RENEGOTIATION = 0x100, 0x40000
"""Bits of OpenSSL's options, likewise."""


def dh_file(folder: Path, group: str) -> Path:
    """Write the Diffie-Hellman group of that name as PEM into *folder*, once."""
    path = folder / f"{group}.pem"
    if not path.exists():
        prime = b"\0" + bytes.fromhex(PRIMES[group])
        numbers = b"\x02\x82" + len(prime).to_bytes(2, "big") + prime + b"\x02\x01\x02"
        der = b"\x30\x82" + len(numbers).to_bytes(2, "big") + numbers
        name = "DH PARAMETERS"
        lines = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
        path.write_text(f"-----BEGIN {name}-----\n{lines}\n-----END {name}-----\n")
    return path


def server_context(policy: Policy, pki: Pki, scratch: Path) -> ssl.SSLContext:
    """Return the TLS context that behaves as *policy* says; *scratch* takes parameter files."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are faults here
        context.minimum_version = VERSIONS[policy.minimum]
        context.maximum_version = VERSIONS[policy.maximum]
    wanted = f"{policy.ciphers}:{policy.without}" if policy.without else policy.ciphers
    context.set_ciphers(f"{wanted}:@SECLEVEL={policy.level}")
    context.options |= ssl.OP_NO_COMPRESSION | policy.options
    if not policy.renegotiates:
        context.options |= ssl.OP_NO_RENEGOTIATION
    if policy.server_preference:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    else:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    for name in policy.certificates:
        context.load_cert_chain(pki[name].certificate, pki[name].key)
    if policy.dh:
        context.load_dh_params(str(dh_file(scratch, policy.dh)))
    if policy.group:
        context.set_ecdh_curve(policy.group)
    context.verify_mode = {
        "required": ssl.CERT_REQUIRED,
        "optional": ssl.CERT_OPTIONAL,
        "ignored": ssl.CERT_NONE,
    }[policy.client]
    context.load_verify_locations(pki.bundle if policy.crl else pki.ca)
    for name in policy.trusts:
        file = pki.other_bundle if name == "other-ca" else pki[name].certificate
        context.load_verify_locations(file)
    if policy.crl:
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    context.verify_flags |= ssl.VerifyFlags(policy.verify)
    if policy.alpn:
        context.set_alpn_protocols(list(policy.alpn))
    if policy.unknown_name == "refuse":
        known = policy.names

        def named(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> int | None:
            if name is None or name.lower().rstrip(".") in known:
                return None
            return int(ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME)

        context.sni_callback = named
    with contextlib.suppress(AttributeError):
        context.num_tickets = 1
    return context
