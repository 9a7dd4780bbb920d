"""How other TLS libraries name one version and one cipher suite: GnuTLS in a priority string, tlslite-ng in settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from part15.wire import tls_names as names
from part15.wire.tls_names import Suite

GNUTLS_VERSIONS: Mapping[str, str] = MappingProxyType(
    {
        "ssl3": "VERS-SSL3.0",
        "1.0": "VERS-TLS1.0",
        "1.1": "VERS-TLS1.1",
        "1.2": "VERS-TLS1.2",
        "1.3": "VERS-TLS1.3",
    }
)
_GNUTLS_KX = {
    ("RSA", "RSA"): "RSA",
    ("DHE", "RSA"): "DHE-RSA",
    ("ECDHE", "RSA"): "ECDHE-RSA",
    ("ECDHE", "ECDSA"): "ECDHE-ECDSA",
    ("any", "any"): "ECDHE-RSA:+ECDHE-ECDSA:+DHE-RSA",
}
_GNUTLS_ENC = {"ChaCha20": "CHACHA20-POLY1305", "3DES": "3DES-CBC", "RC4": "ARCFOUR-128"}
_MACS = {"SHA-1": "SHA1", "SHA-256": "SHA256", "SHA-384": "SHA384", "MD5": "MD5", "AEAD": "AEAD"}
TAIL = "+COMP-NULL:+SIGN-ALL:+GROUP-ALL:+CTYPE-X509:%PROFILE_VERY_WEAK:%VERIFY_ALLOW_BROKEN"
"""Nothing that GnuTLS would refuse by itself: a refusal is to be the other side's."""
_SMALL = ":+GROUP-SECP224R1:+GROUP-SECP192R1"
"""Curves that GROUP-ALL leaves out, and that a certificate may be on; TLS 1.3 has them no more (RFC 8446 4.2.7)."""


def gnutls_priority(version: str, suite: int) -> str:
    """Return the priority string for *suite* in *version* alone, empty if GnuTLS has no name for it."""
    known = names.suites().get(suite)
    kx = _GNUTLS_KX.get((known.kx, known.auth)) if known else None
    if known is None or kx is None or known.mac not in _MACS:
        return ""
    cipher = _GNUTLS_ENC.get(known.enc) or _gnutls_cipher(known)
    parts = (GNUTLS_VERSIONS[version], cipher, _MACS[known.mac], kx)
    small = "" if version == "1.3" else _SMALL
    return f"NONE:{':'.join(f'+{part}' for part in parts)}:{TAIL}{small}"


def _gnutls_cipher(suite: Suite) -> str:
    if suite.enc == "NULL":
        return "NULL"
    mode = suite.mode.replace("_", "-")
    return f"{suite.enc.upper()}-{suite.bits}-{mode}"


@dataclass(frozen=True)
class TlsliteSuite:
    """The names in the settings of tlslite-ng."""

    cipher: str
    mac: str
    kx: str
    version: tuple[int, int]


_TLSLITE_VERSIONS = {"ssl3": (3, 0), "1.0": (3, 1), "1.1": (3, 2), "1.2": (3, 3), "1.3": (3, 4)}
_TLSLITE_KX = {
    ("RSA", "RSA"): "rsa",
    ("DHE", "RSA"): "dhe_rsa",
    ("ECDHE", "RSA"): "ecdhe_rsa",
    ("ECDHE", "ECDSA"): "ecdhe_ecdsa",
    ("any", "any"): "ecdhe_rsa",
}
_TLSLITE_CIPHERS = {
    ("3DES", "CBC"): "3des",
    ("RC4", ""): "rc4",
    ("NULL", ""): "null",
    ("ChaCha20", "Poly1305"): "chacha20-poly1305",
}
_TLSLITE_MODES = {"CBC": "", "GCM": "gcm", "CCM": "ccm", "CCM_8": "ccm_8"}


def tlslite_suite(version: str, suite: int) -> TlsliteSuite | None:
    """Return the names for *suite* in *version*, None if tlslite-ng has none (Camellia)."""
    known = names.suites().get(suite)
    kx = _TLSLITE_KX.get((known.kx, known.auth)) if known else None
    if known is None or kx is None:
        return None
    cipher = _TLSLITE_CIPHERS.get((known.enc, known.mode))
    if cipher is None and known.enc == "AES" and known.mode in _TLSLITE_MODES:
        cipher = f"aes{known.bits}{_TLSLITE_MODES[known.mode]}"
    if cipher is None:
        return None
    mac = "aead" if known.mac == "AEAD" else _MACS[known.mac].lower().replace("sha1", "sha")
    return TlsliteSuite(cipher, mac, kx, _TLSLITE_VERSIONS[version])
