"""Keys and records of TLS 1.2 with AES-GCM (RFC 5246, 5288, 7627): what a handshake of our own needs. No I/O.

A handshake of our own does what no TLS library does for us: it renegotiates without saying so.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from part15.wire import tls_names as names
from part15.wire.tls_octets import Malformed, vector

VERSION = 0x0303
SUITES = (0xC02F, 0xC030, 0xC02B, 0xC02C)
"""ECDHE with AES-GCM: what every server of the last ten years has at least one of."""
GROUPS = (29, 23, 24)


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


def agree(group: int, theirs: bytes) -> Share:
    """Return our share for the server's public key *theirs* of *group*.

    Raises Malformed if the group is none of :data:`GROUPS` or the key is no point of it.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, x25519
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        if group == 29:
            mine = x25519.X25519PrivateKey.generate()
            secret = mine.exchange(x25519.X25519PublicKey.from_public_bytes(theirs))
            return Share(mine.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw), secret)
        curves = {23: ec.SECP256R1, 24: ec.SECP384R1}
        if group not in curves:
            raise Malformed(f"the server chose {names.group_name(group)}, which was not offered")
        curve = curves[group]()
        key = ec.generate_private_key(curve)
        point = ec.EllipticCurvePublicKey.from_encoded_point(curve, theirs)
        public = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return Share(public, key.exchange(ec.ECDH(), point))
    except ValueError as error:
        if isinstance(error, Malformed):
            raise
        raise Malformed(f"the server's key share is no key of {names.group_name(group)}") from None
