"""Reads certificates as far as clauses about keys and signatures need: leniently, since servers send odd ones.

A small reader of DER of our own, because each scan needs it and no crypto library starts fast or
takes every odd certificate (1024-bit keys, MD5, curves it does not know).
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from part15.observations.tls import CertificateSeen
from part15.wire.tls_octets import Cursor, Malformed

MAX_CERTIFICATE = 128 * 1024
SEQUENCE, INTEGER, BIT_STRING, OID, CONTEXT_0 = 0x30, 0x02, 0x03, 0x06, 0xA0
COMMON_NAME = "2.5.4.3"

KEYS: Mapping[str, str] = MappingProxyType(
    {
        "1.2.840.113549.1.1.1": "RSA",
        "1.2.840.113549.1.1.10": "RSA",
        "1.2.840.10045.2.1": "EC",
        "1.2.840.10040.4.1": "DSA",
        "1.3.101.112": "Ed25519",
        "1.3.101.113": "Ed448",
    }
)
PSS = "1.2.840.113549.1.1.10"
HASHES: Mapping[str, str] = MappingProxyType(
    {
        "1.2.840.113549.2.5": "MD5",
        "1.3.14.3.2.26": "SHA-1",
        "2.16.840.1.101.3.4.2.4": "SHA-224",
        "2.16.840.1.101.3.4.2.1": "SHA-256",
        "2.16.840.1.101.3.4.2.2": "SHA-384",
        "2.16.840.1.101.3.4.2.3": "SHA-512",
    }
)
SIGNATURES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "1.2.840.113549.1.1.2": ("RSA", "MD2"),
        "1.2.840.113549.1.1.4": ("RSA", "MD5"),
        "1.2.840.113549.1.1.5": ("RSA", "SHA-1"),
        "1.2.840.113549.1.1.14": ("RSA", "SHA-224"),
        "1.2.840.113549.1.1.11": ("RSA", "SHA-256"),
        "1.2.840.113549.1.1.12": ("RSA", "SHA-384"),
        "1.2.840.113549.1.1.13": ("RSA", "SHA-512"),
        "1.2.840.10045.4.1": ("ECDSA", "SHA-1"),
        "1.2.840.10045.4.3.1": ("ECDSA", "SHA-224"),
        "1.2.840.10045.4.3.2": ("ECDSA", "SHA-256"),
        "1.2.840.10045.4.3.3": ("ECDSA", "SHA-384"),
        "1.2.840.10045.4.3.4": ("ECDSA", "SHA-512"),
        "1.2.840.10040.4.3": ("DSA", "SHA-1"),
        "2.16.840.1.101.3.4.3.1": ("DSA", "SHA-224"),
        "2.16.840.1.101.3.4.3.2": ("DSA", "SHA-256"),
        "1.3.101.112": ("Ed25519", "SHA-512"),
        "1.3.101.113": ("Ed448", "SHAKE256"),
    }
)
CURVES: Mapping[str, tuple[str, int]] = MappingProxyType(
    {
        "1.3.132.0.8": ("secp160r1", 160),
        "1.3.132.0.31": ("secp192k1", 192),
        "1.2.840.10045.3.1.1": ("secp192r1", 192),
        "1.3.132.0.32": ("secp224k1", 224),
        "1.3.132.0.33": ("secp224r1", 224),
        "1.3.132.0.10": ("secp256k1", 256),
        "1.2.840.10045.3.1.7": ("secp256r1", 256),
        "1.3.132.0.34": ("secp384r1", 384),
        "1.3.132.0.35": ("secp521r1", 521),
        "1.3.36.3.3.2.8.1.1.3": ("brainpoolP192r1", 192),
        "1.3.36.3.3.2.8.1.1.5": ("brainpoolP224r1", 224),
        "1.3.36.3.3.2.8.1.1.7": ("brainpoolP256r1", 256),
        "1.3.36.3.3.2.8.1.1.9": ("brainpoolP320r1", 320),
        "1.3.36.3.3.2.8.1.1.11": ("brainpoolP384r1", 384),
        "1.3.36.3.3.2.8.1.1.13": ("brainpoolP512r1", 512),
    }
)
ORDERS = (160, 192, 224, 256, 384, 521)


@dataclass(frozen=True)
class Parts:
    """A certificate cut into what is judged; names and keys stay DER."""

    issuer: bytes
    subject: bytes
    key: bytes
    algorithm: bytes
    signature: bytes


def read_element(cursor: Cursor) -> tuple[int, bytes]:
    """Return tag and content of the next DER element; raises Malformed for what DER does not allow."""
    tag, length = cursor.number(1), cursor.number(1)
    if tag & 0x1F == 0x1F:
        raise Malformed("a tag of several octets")
    if length & 0x80:
        width = length & 0x7F
        if not 1 <= width <= 4:
            raise Malformed(f"a length of {width} octets")
        length = cursor.number(width)
    return tag, cursor.take(length)


def _expect(cursor: Cursor, tag: int) -> bytes:
    found, content = read_element(cursor)
    if found != tag:
        raise Malformed(f"tag 0x{found:02X} where 0x{tag:02X} belongs")
    return content


def _oid(content: bytes) -> str:
    if not content or len(content) > 32:
        raise Malformed(f"an object identifier of {len(content)} octets")
    numbers, value = [], 0
    for octet in content:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            numbers.append(value)
            value = 0
    if not numbers:
        raise Malformed("an object identifier that does not end")
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]]))


def cut(der: bytes) -> Parts:
    """Return the parts of a certificate; raises Malformed if it is none."""
    outer = Cursor(der)
    whole = Cursor(_expect(outer, SEQUENCE))
    outer.end("certificate")
    body = Cursor(_expect(whole, SEQUENCE))
    algorithm, signature = _expect(whole, SEQUENCE), _expect(whole, BIT_STRING)[1:]
    tag, _ = read_element(body)
    if tag == CONTEXT_0:
        _expect(body, INTEGER)
    _expect(body, SEQUENCE)
    issuer = _expect(body, SEQUENCE)
    _expect(body, SEQUENCE)
    subject, key = _expect(body, SEQUENCE), _expect(body, SEQUENCE)
    return Parts(issuer, subject, key, algorithm, signature)


@functools.lru_cache(maxsize=64)
def chain_seen(ders: tuple[bytes, ...]) -> tuple[CertificateSeen, ...]:
    """Return the facts of a chain of DER certificates, leaf first; an unreadable one says so."""
    return tuple(_seen(der, ders[at + 1 : at + 9]) for at, der in enumerate(ders))


def _seen(der: bytes, issuers: Sequence[bytes]) -> CertificateSeen:
    fingerprint = hashlib.sha256(der).hexdigest()
    if len(der) > MAX_CERTIFICATE:
        return CertificateSeen(
            fingerprint=fingerprint, problem=f"the certificate has {len(der)} octets"
        )
    try:
        return _read(cut(der), issuers, fingerprint)
    except Malformed as error:
        return CertificateSeen(
            fingerprint=fingerprint, problem=f"the certificate cannot be read ({error})"
        )


def _read(parts: Parts, issuers: Sequence[bytes], fingerprint: str) -> CertificateSeen:
    key, bits, curve = _key(parts.key)
    signer, digest = _algorithm(parts.algorithm)
    above = _issuer_key(parts, issuers)
    return CertificateSeen(
        subject=_common_name(parts.subject),
        key=key,
        bits=bits,
        curve=curve,
        signer=signer,
        signer_bits=_signature_bits(signer, parts.signature) if above is None else _key(above)[1],
        hash=digest,
        self_signed=parts.subject == parts.issuer,
        fingerprint=fingerprint,
    )


def _key(content: bytes) -> tuple[str, int, str]:
    """Return algorithm, bits and curve of a SubjectPublicKeyInfo."""
    cursor = Cursor(content)
    algorithm, public = Cursor(_expect(cursor, SEQUENCE)), _expect(cursor, BIT_STRING)[1:]
    name = _oid(_expect(algorithm, OID))
    kind = KEYS.get(name, name)
    if kind == "RSA":
        modulus = _expect(Cursor(_expect(Cursor(public), SEQUENCE)), INTEGER)
        return kind, int.from_bytes(modulus, "big").bit_length(), ""
    if kind == "EC":
        return (kind, *_curve(algorithm, public))
    if kind == "DSA":
        prime = _expect(Cursor(_expect(algorithm, SEQUENCE)), INTEGER) if algorithm.left else b""
        return kind, int.from_bytes(prime, "big").bit_length(), ""
    return kind, {"Ed25519": 256, "Ed448": 456}.get(kind, 8 * len(public)), ""


def _curve(parameters: Cursor, point: bytes) -> tuple[int, str]:
    """Return field bits and name of the curve; an unknown one is measured by the size of the point."""
    octets = (len(point) - 1) // 2 if point[:1] == b"\x04" else max(len(point) - 1, 0)
    tag, content = read_element(parameters)
    if tag != OID:
        return 8 * octets, "explicit parameters"
    name = _oid(content)
    label, bits = CURVES.get(name, (name, 8 * octets))
    return bits, label


def _algorithm(content: bytes) -> tuple[str, str]:
    """Return key type and hash of a signature algorithm; what is not known is its object identifier."""
    cursor = Cursor(content)
    name = _oid(_expect(cursor, OID))
    if name != PSS:
        return SIGNATURES.get(name, (name, ""))
    # RFC 4055: SHA-1 unless the first parameter names another hash.
    parameters = Cursor(_expect(cursor, SEQUENCE) if cursor.left else b"")
    if not parameters.left:
        return "RSA", "SHA-1"
    tag, first = read_element(parameters)
    if tag != CONTEXT_0:
        return "RSA", "SHA-1"
    digest = _oid(_expect(Cursor(_expect(Cursor(first), SEQUENCE)), OID))
    return "RSA", HASHES.get(digest, digest)


def _common_name(name: bytes) -> str:
    """Return the common name of a Name, or the first value it has."""
    values: dict[str, str] = {}
    cursor = Cursor(name)
    while cursor.left:
        attributes = Cursor(read_element(cursor)[1])
        while attributes.left:
            pair = Cursor(_expect(attributes, SEQUENCE))
            kind = _oid(_expect(pair, OID))
            values.setdefault(kind, read_element(pair)[1].decode("utf-8", "replace"))
    return values.get(COMMON_NAME, next(iter(values.values()), ""))[:64]


def _issuer_key(parts: Parts, candidates: Sequence[bytes]) -> bytes | None:
    """Return the public key of the certificate that signed, as far as names tell."""
    if parts.subject == parts.issuer:
        return parts.key
    for der in candidates:
        try:
            above = cut(der)
        except Malformed:
            continue
        if above.subject == parts.issuer:
            return above.key
    return None


def _signature_bits(signer: str, value: bytes) -> int | None:
    """Return the size of the key that made the signature: exact in octets for RSA, the order for ECDSA."""
    if signer == "RSA":
        return len(value) * 8
    if signer != "ECDSA":
        return None
    pair = Cursor(_expect(Cursor(value), SEQUENCE))
    longest = max(
        int.from_bytes(_expect(pair, INTEGER), "big").bit_length(),
        int.from_bytes(_expect(pair, INTEGER), "big").bit_length(),
    )
    return next((size for size in ORDERS if longest <= size), longest)
