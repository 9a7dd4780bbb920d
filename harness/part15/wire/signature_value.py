"""MAC algorithms (PS3.3 0400,0015) and Signature (0400,0120): hashing, and what the signer's key says.

An RSA signature is opened by the bare public operation, so that what is wrong with the block can be
told (PS3.15 C.1: RSASSA-PKCS1-v1_5 with DigestInfo, reading O-04), and RIPEMD-160 needs no library that knows it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import Any

from part15.observations.signatures import BlockSeen
from part15.wire.certificates import MAX_KEY_BITS, der_length

TERMS = {
    "RIPEMD160": "ripemd160",
    "MD5": "md5",
    "SHA1": "sha1",
    "SHA256": "sha256",
    "SHA384": "sha384",
    "SHA512": "sha512",
}
"""Defined terms of MAC Algorithm (0400,0015) and the names of the hash functions."""

OIDS = {
    "ripemd160": "1.3.36.3.2.1",
    "md5": "1.2.840.113549.2.5",
    "sha1": "1.3.14.3.2.26",
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
}
_DER_OIDS = {
    "ripemd160": "2b24030201",
    "md5": "2a864886f70d0205",
    "sha1": "2b0e03021a",
    "sha256": "608648016503040201",
    "sha384": "608648016503040202",
    "sha512": "608648016503040203",
}
_BY_DER = {bytes.fromhex(octets): name for name, octets in _DER_OIDS.items()}
_SIZES = {"ripemd160": 20, "md5": 16, "sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64}
_LEAST_PADDING = 8
_MOST_EXPONENT_BITS = 256


def hasher(name: str) -> Any:
    """Return a new hash object; ValueError if this Python's OpenSSL has no such function."""
    return hashlib.new(name, usedforsecurity=False)


def digest_of(pieces: Iterable[memoryview | bytes], name: str) -> tuple[bytes, int]:
    """Return digest and number of octets of *pieces*."""
    state = hasher(name)
    total = 0
    for piece in pieces:
        state.update(piece)
        total += len(piece)
    return state.digest(), total


def digest_info(name: str, digest: bytes) -> bytes:
    """Return the DER encoding of DigestInfo (RFC 3447 9.2), parameters NULL."""
    oid = bytes.fromhex(_DER_OIDS[name])
    inner = b"\x06" + bytes((len(oid),)) + oid + b"\x05\x00"
    algorithm = b"\x30" + bytes((len(inner),)) + inner
    content = algorithm + b"\x04" + bytes((len(digest),)) + digest
    return b"\x30" + bytes((len(content),)) + content


def usable(key: Any) -> str:
    """Return why an RSA *key* is not used here, or nothing."""
    if key.key_size > MAX_KEY_BITS:
        return f"the RSA key has {key.key_size} bits; more than {MAX_KEY_BITS} are not computed"
    return ""


def opened(key: Any, value: bytes, digests: dict[str, bytes]) -> BlockSeen:
    """Return what the RSA *key* makes of the signature *value*.

    *digests* holds the MACs (by hash name) against which a block without DigestInfo, or PSS, is compared.
    """
    size = (key.key_size + 7) // 8
    length = len(value)
    if length == size + 1 and size % 2 and not value[-1]:
        length = size
    for name, digest in digests.items():
        if length == size and _exact(key, value[:length], digest_info(name, digest)):
            return BlockSeen("pkcs1-v1_5", name, OIDS[name], digest.hex(), length, size)
    numbers = key.public_numbers()
    if numbers.e.bit_length() > _MOST_EXPONENT_BITS:
        return BlockSeen("not-pkcs1", length=length, modulus_length=size)
    number = int.from_bytes(value[:length], "big")
    if number >= numbers.n:
        return BlockSeen("not-pkcs1", length=length, modulus_length=size)
    block = pow(number, numbers.e, numbers.n).to_bytes(size, "big")
    form, name, digest, oid = _block(block, digests)
    if form == "not-pkcs1" and _is_pss(key, value[:length], digests):
        form = "pss"
    return BlockSeen(form, name, oid, digest.hex(), length, size)


def _exact(key: Any, value: bytes, content: bytes) -> bool:
    """Tell whether the block is right and holds *content*: the quick way, by the library."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import padding

    try:
        found: bytes = key.recover_data_from_signature(value, padding.PKCS1v15(), None)
    except (InvalidSignature, ValueError):
        return False
    return found == content


def _block(block: bytes, digests: dict[str, bytes]) -> tuple[str, str, bytes, str]:
    if block[:2] == b"\0\2":
        return "block-type-2", "", b"", ""
    body = block[2:].lstrip(b"\xff")
    padding = len(block) - 2 - len(body)
    if block[:2] != b"\0\1" or body[:1] != b"\0" or not body[1:]:
        return "not-pkcs1", "", b"", ""
    body = body[1:]
    for name, digest in digests.items():
        if body == digest:
            return "no-digestinfo", name, digest, ""
    length = der_length(body)
    parts = _digest_info(body[:length])
    if parts is None:
        return "not-pkcs1", "", b"", ""
    oid_octets, digest = parts
    known = _BY_DER.get(oid_octets, "")
    oid = OIDS.get(known, oid_octets.hex())
    if length < len(body):
        return "trailing-garbage", known, digest, oid
    exact = bool(known) and digest_info(known, digest) == body
    if not exact or len(digest) != _SIZES[known] or padding < _LEAST_PADDING:
        return "other-encoding", known, digest, oid
    return "pkcs1-v1_5", known, digest, oid


def _digest_info(octets: bytes) -> tuple[bytes, bytes] | None:
    """Return object identifier and digest of a DigestInfo, or None."""
    outer = _content(octets, 0x30)
    if outer is None:
        return None
    algorithm = _content(outer, 0x30)
    if algorithm is None:
        return None
    oid = _content(algorithm, 0x06)
    digest = _content(outer[der_length(outer) :], 0x04)
    return None if oid is None or digest is None else (oid, digest)


def _content(octets: bytes, tag: int) -> bytes | None:
    length = der_length(octets)
    if not length or octets[0] != tag:
        return None
    header = 2 + (octets[1] & 0x7F if octets[1] & 0x80 else 0)
    return octets[header:length]


def _functions() -> dict[str, Any]:
    """Return the hash classes of the library by our names; it has no RIPEMD-160."""
    from cryptography.hazmat.primitives import hashes

    return {
        "md5": hashes.MD5,
        "sha1": hashes.SHA1,
        "sha256": hashes.SHA256,
        "sha384": hashes.SHA384,
        "sha512": hashes.SHA512,
    }


def _is_pss(key: Any, value: bytes, digests: dict[str, bytes]) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import padding, utils

    known = _functions()
    for name, digest in digests.items():
        if name not in known:
            continue
        function = known[name]()
        scheme = padding.PSS(padding.MGF1(function), padding.PSS.AUTO)
        try:
            key.verify(value, digest, scheme, utils.Prehashed(function))
        except (InvalidSignature, UnsupportedAlgorithm, ValueError):
            continue
        return True
    return False


def other_key_verifies(key: Any, kind: str, value: bytes, name: str, digest: bytes) -> bool | None:
    """Tell whether an EC or DSA *key* made *value* over *digest*; None if it cannot be computed here.

    The DER structure of such a signature may be followed by one pad octet.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    functions = _functions()
    if name not in functions:
        return None
    length = der_length(value)
    if not length or len(value) - length > 1:
        return False
    hashed = utils.Prehashed(functions[name]())
    try:
        if kind == "EC":
            key.verify(value[:length], digest, ec.ECDSA(hashed))
        elif kind == "DSA":
            key.verify(value[:length], digest, hashed)
        else:
            return None
    except (InvalidSignature, ValueError):
        return False
    except UnsupportedAlgorithm:
        return None
    return True


def same(a: str, b: bytes) -> bool:
    """Compare a digest in hexadecimal with octets."""
    return hmac.compare_digest(a, b.hex())
