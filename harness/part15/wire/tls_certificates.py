"""Reads certificates as far as clauses about keys and signatures need: leniently, since servers send odd ones."""

from __future__ import annotations

import functools
import hashlib
import re
from typing import TYPE_CHECKING

from part15.observations.tls import CertificateSeen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asn1crypto.x509 import Certificate

HASHES = {
    "md2": "MD2",
    "md5": "MD5",
    "sha1": "SHA-1",
    "sha224": "SHA-224",
    "sha256": "SHA-256",
    "sha384": "SHA-384",
    "sha512": "SHA-512",
    "shake256": "SHAKE256",
}
KEYS = {
    "rsa": "RSA",
    "rsassa_pss": "RSA",
    "ec": "EC",
    "dsa": "DSA",
    "ed25519": "Ed25519",
    "ed448": "Ed448",
}
SIGNERS = {"rsassa_pkcs1v15": "RSA", "rsassa_pss": "RSA", "ecdsa": "ECDSA", "dsa": "DSA"}
MAX_CERTIFICATE = 128 * 1024
# What a lenient ASN.1 library raises on hostile input.
UNREADABLE = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    OverflowError,
    AttributeError,
    RecursionError,
)


@functools.lru_cache(maxsize=64)
def chain_seen(ders: tuple[bytes, ...]) -> tuple[CertificateSeen, ...]:
    """Return the facts of a chain of DER certificates, leaf first; an unreadable one says so."""
    return tuple(_seen(der, ders[at + 1 :]) for at, der in enumerate(ders))


def _seen(der: bytes, issuers: Sequence[bytes]) -> CertificateSeen:
    fingerprint = hashlib.sha256(der).hexdigest()
    if len(der) > MAX_CERTIFICATE:
        return CertificateSeen(
            fingerprint=fingerprint, problem=f"the certificate has {len(der)} octets"
        )
    try:
        return _read(der, issuers, fingerprint)
    except UNREADABLE as error:
        kind = type(error).__name__
        return CertificateSeen(
            fingerprint=fingerprint, problem=f"the certificate cannot be read ({kind})"
        )


def _read(der: bytes, issuers: Sequence[bytes], fingerprint: str) -> CertificateSeen:
    from asn1crypto.x509 import Certificate

    certificate = Certificate.load(der, strict=True)
    key, bits, curve = _key(certificate)
    algorithm = certificate["signature_algorithm"]
    issuer = _issuer(certificate, issuers)
    return CertificateSeen(
        subject=_common_name(certificate),
        key=key,
        bits=bits,
        curve=curve,
        signer=_signer(algorithm),
        signer_bits=_key(issuer)[1] if issuer is not None else _signature_bits(certificate),
        hash=_hash(algorithm),
        self_signed=certificate.subject == certificate.issuer,
        fingerprint=fingerprint,
    )


def _common_name(certificate: Certificate) -> str:
    names = certificate.subject.native
    found = names.get("common_name") or next(iter(names.values()), "")
    return str(found[0] if isinstance(found, list) else found)[:64]


def _key(certificate: Certificate) -> tuple[str, int, str]:
    """Return algorithm, bits and curve of the subject's public key."""
    public = certificate.public_key
    name = public["algorithm"]["algorithm"].native
    kind = KEYS.get(name, str(name))
    if kind == "EC":
        form, curve = public.curve
        label = str(curve) if form == "named" else "explicit parameters"
        # An uncompressed point is twice the field behind one octet.
        point = public["public_key"].native
        octets = (len(point) - 1) // 2 if point[:1] == b"\x04" else len(point) - 1
        return kind, _curve_bits(label, octets), label
    if kind in ("Ed25519", "Ed448"):
        return kind, 256 if kind == "Ed25519" else 456, ""
    return kind, int(public.bit_size), ""


def _curve_bits(curve: str, octets: int) -> int:
    """Return the field size that the curve's name tells, else that of its coordinates."""
    digits = re.search(r"\d{3}", curve)
    return int(digits[0]) if digits else octets * 8


def _signer(algorithm: object) -> str:
    try:
        name = algorithm.signature_algo  # type: ignore[attr-defined]
    except ValueError:
        return ""
    return SIGNERS.get(name, str(name))


def _hash(algorithm: object) -> str:
    try:
        name = algorithm.hash_algo  # type: ignore[attr-defined]
    except ValueError:
        return ""
    return HASHES.get(name, str(name))


def _issuer(certificate: Certificate, candidates: Sequence[bytes]) -> Certificate | None:
    """Return the certificate whose key signed *certificate*, as far as names tell."""
    from asn1crypto.x509 import Certificate

    if certificate.subject == certificate.issuer:
        return certificate
    for der in candidates[:8]:
        try:
            found = Certificate.load(der, strict=True)
            if found.subject == certificate.issuer:
                return found
        except UNREADABLE:
            continue
    return None


def _signature_bits(certificate: Certificate) -> int | None:
    """Return the size of the key that made the signature: exact in octets for RSA, the order for ECDSA."""
    from asn1crypto.algos import DSASignature

    signer, value = (
        _signer(certificate["signature_algorithm"]),
        certificate["signature_value"].native,
    )
    if signer == "RSA":
        return len(value) * 8
    if signer != "ECDSA":
        return None
    pair = DSASignature.load(value, strict=True)
    longest = max(int(pair["r"].native).bit_length(), int(pair["s"].native).bit_length())
    return next((size for size in (160, 192, 224, 256, 384, 521) if longest <= size), longest)
