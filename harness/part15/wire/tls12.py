"""Keys and records of TLS 1.2 with AES-GCM (RFC 5246, 5288, 7627): what a handshake of our own needs. No I/O.

A handshake of our own does what no TLS library does for us: it renegotiates without saying so.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Any

from part15.wire import tls_names as names
from part15.wire.tls_octets import Malformed, vector

VERSION = 0x0303
SUITES = (0xC02F, 0xC030, 0xC02B, 0xC02C)
"""ECDHE with AES-GCM: what every server of the last ten years has at least one of."""
DHE = (0x009E, 0x009F)
"""DHE with AES-GCM, for an RSA certificate."""
GROUPS = (29, 23, 24)
CURVES = {23: "SECP256R1", 24: "SECP384R1", 19: "SECP192R1"}
"""The curves that we can use; the last one only as a server that does wrong."""


def prf(digest: str, secret: bytes, label: bytes, seed: bytes, length: int) -> bytes:
    """Return *length* octets of the pseudo-random function of RFC 5246 section 5 with hash *digest*."""
    seed, block, out = label + seed, label + seed, b""
    while len(out) < length:
        block = hmac.digest(secret, block, digest)
        out += hmac.digest(secret, block + seed, digest)
    return out[:length]


def suite_hash(suite: int) -> str:
    """Return the hash of *suite* as hashlib names it."""
    return "sha384" if names.suites()[suite].hash == "SHA-384" else "sha256"


@dataclass(frozen=True)
class Keys:
    """What both sides derive: the master secret, and key and fixed nonce of each direction."""

    digest: str
    master: bytes
    client_key: bytes
    server_key: bytes
    client_nonce: bytes
    server_nonce: bytes

    def verify_data(self, label: bytes, transcript: bytes) -> bytes:
        """Return the content of a Finished message over *transcript*."""
        seed = hashlib.new(self.digest, transcript).digest()
        return prf(self.digest, self.master, label, seed, 12)


def derive(
    suite: int,
    premaster: bytes,
    randoms: tuple[bytes, bytes],
    session: bytes | None,
) -> Keys:
    """Return the keys of *suite*; *randoms* are those of client and server.

    *session* is the transcript up to ClientKeyExchange if extended_master_secret was negotiated.
    """
    digest = suite_hash(suite)
    client, server = randoms
    if session is None:
        master = prf(digest, premaster, b"master secret", client + server, 48)
    else:
        seed = hashlib.new(digest, session).digest()
        master = prf(digest, premaster, b"extended master secret", seed, 48)
    size = names.suites()[suite].bits // 8
    block = prf(digest, master, b"key expansion", server + client, 2 * size + 8)
    return Keys(
        digest,
        master,
        block[:size],
        block[size : 2 * size],
        block[2 * size : 2 * size + 4],
        block[2 * size + 4 :],
    )


@dataclass
class Direction:
    """One direction of protected records, with its sequence number."""

    key: bytes
    nonce: bytes
    sequence: int = field(default=0)

    def _extra(self, type_: int, length: int) -> bytes:
        head = self.sequence.to_bytes(8, "big") + bytes([type_])
        return head + VERSION.to_bytes(2, "big") + length.to_bytes(2, "big")

    def seal(self, type_: int, content: bytes) -> bytes:
        """Return the protected record for *content*."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        explicit = self.sequence.to_bytes(8, "big")
        extra = self._extra(type_, len(content))
        sealed = AESGCM(self.key).encrypt(self.nonce + explicit, content, extra)
        self.sequence += 1
        return bytes([type_]) + VERSION.to_bytes(2, "big") + vector(2, explicit + sealed)

    def open(self, type_: int, fragment: bytes) -> bytes:
        """Return the content of a protected record; raises Malformed if it does not verify."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if len(fragment) < 24:
            raise Malformed(f"a protected record has {len(fragment)} octets")
        extra = self._extra(type_, len(fragment) - 24)
        try:
            content = AESGCM(self.key).decrypt(self.nonce + fragment[:8], fragment[8:], extra)
        except InvalidTag:
            raise Malformed("a protected record does not verify") from None
        self.sequence += 1
        return content


@dataclass(frozen=True)
class Share:
    """Our half of an ECDHE exchange: the public key to send and the shared secret."""

    public: bytes
    secret: bytes


@dataclass(frozen=True)
class OwnShare:
    """Our half before the other side's is known: the public key to send, and the private one."""

    public: bytes
    private: Any = field(repr=False)


def own_share(group: int, private: bytes = b"") -> OwnShare:
    """Return a key of *group* (x25519, or a curve of :data:`CURVES`), fresh or *private*.

    Raises Malformed for other groups.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, x25519
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if group == 29:
        mine = (
            x25519.X25519PrivateKey.from_private_bytes(private)
            if private
            else x25519.X25519PrivateKey.generate()
        )
        return OwnShare(mine.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw), mine)
    curve = _curve(group)
    key = (
        ec.derive_private_key(int.from_bytes(private, "big"), curve)
        if private
        else ec.generate_private_key(curve)
    )
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return OwnShare(point, key)


def _curve(group: int) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec

    if group not in CURVES:
        raise Malformed(f"{names.group_name(group)} is none of our groups")
    return getattr(ec, CURVES[group])()


def shared_secret(group: int, private: Any, theirs: bytes) -> bytes:
    """Return the shared secret; raises Malformed if *theirs* is no public key of *group*."""
    from cryptography.hazmat.primitives.asymmetric import ec, x25519

    try:
        if group == 29:
            secret: bytes = private.exchange(x25519.X25519PublicKey.from_public_bytes(theirs))
            return secret
        point = ec.EllipticCurvePublicKey.from_encoded_point(_curve(group), theirs)
        shared: bytes = private.exchange(ec.ECDH(), point)
    except ValueError as error:
        if isinstance(error, Malformed):
            raise
        raise Malformed(
            f"the other side's key share is no key of {names.group_name(group)}"
        ) from None
    return shared


def agree(group: int, theirs: bytes, private: bytes = b"") -> Share:
    """Return our share for the server's public key *theirs* of *group*; the key is fresh or *private*.

    Raises Malformed if the group is none of :data:`GROUPS` or the key is no point of it.
    """
    if group not in GROUPS:
        raise Malformed(f"the server chose {names.group_name(group)}, which was not offered")
    mine = own_share(group, private)
    return Share(mine.public, shared_secret(group, mine.private, theirs))


def agree_dh(prime: int, generator: int, theirs: int, private: bytes) -> Share:
    """Return our finite-field share of the secret *private*; raises Malformed for numbers out of range."""
    if not 1 < theirs < prime - 1 or not 1 < generator < prime - 1:
        raise Malformed("the server's DH parameters are out of range")
    secret, width = int.from_bytes(private, "big"), (prime.bit_length() + 7) // 8
    shared = pow(theirs, secret, prime)
    octets = shared.to_bytes((shared.bit_length() + 7) // 8, "big")
    return Share(pow(generator, secret, prime).to_bytes(width, "big"), octets)


def sign(key: Any, octets: bytes, scheme: int) -> bytes:
    """Return the signature of *octets* by *key* with the TLS 1.2 signature *scheme*."""
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    digest = _HASHES[names.schemes()[scheme].hash]
    if not isinstance(key, rsa.RSAPrivateKey):
        signed: bytes = key.sign(octets, ec.ECDSA(_hash(digest)))
        return signed
    if scheme >> 8 == 8:
        made = _hash(digest)
        pss = padding.PSS(padding.MGF1(made), made.digest_size)
        return key.sign(octets, pss, made)
    return key.sign(octets, padding.PKCS1v15(), _hash(digest))


_HASHES = {"SHA-1": "SHA1", "SHA-256": "SHA256", "SHA-384": "SHA384", "SHA-512": "SHA512"}


def _hash(name: str) -> Any:
    from cryptography.hazmat.primitives import hashes

    return getattr(hashes, name)()


def sign_old(key: Any, octets: bytes) -> bytes:
    """Return the signature of TLS 1.1 and before: MD5 and SHA-1 together with RSA, SHA-1 with ECDSA."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if not isinstance(key, rsa.RSAPrivateKey):
        signed: bytes = key.sign(octets, ec.ECDSA(_hash("SHA1")))
        return signed
    both = hashlib.md5(octets, usedforsecurity=False).digest()
    both += hashlib.sha1(octets, usedforsecurity=False).digest()
    numbers = key.private_numbers()
    modulus = numbers.public_numbers.n
    size = (modulus.bit_length() + 7) // 8
    padded = b"\x00\x01" + b"\xff" * (size - 3 - len(both)) + b"\x00" + both
    return pow(int.from_bytes(padded, "big"), numbers.d, modulus).to_bytes(size, "big")
