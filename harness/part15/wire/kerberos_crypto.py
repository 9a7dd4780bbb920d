"""Encryption of Kerberos with AES: RFC 3961 key derivation, RFC 3962 (types 17, 18), RFC 8009 (types 19, 20)."""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
from dataclasses import dataclass
from math import lcm

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 16


class SealError(ValueError):
    """Octets that do not decrypt: the key is another one, or they were changed."""


@dataclass(frozen=True)
class Key:
    """A key of encryption type *etype*."""

    etype: int
    octets: bytes


@dataclass(frozen=True)
class _Type:
    size: int
    mac: int
    hash: str
    derived: bool


TYPES = {
    17: _Type(16, 12, "sha1", derived=False),
    18: _Type(32, 12, "sha1", derived=False),
    19: _Type(16, 16, "sha256", derived=True),
    20: _Type(32, 24, "sha384", derived=True),
}
"""The encryption types we speak; *derived* ones derive keys as RFC 8009 does."""


def new_key(etype: int) -> Key:
    """Return a random key."""
    return Key(etype, os.urandom(TYPES[etype].size))


def nfold(octets: bytes, size: int) -> bytes:
    """Return *octets* folded to *size* octets (RFC 3961 section 5.1)."""
    bits = len(octets) * 8
    whole = lcm(size, len(octets))
    value = int.from_bytes(octets, "big")
    turned = b""
    for turn in range(whole // len(octets)):
        by = 13 * turn % bits
        turned += ((value >> by | value << (bits - by)) & ((1 << bits) - 1)).to_bytes(
            len(octets), "big"
        )
    total = sum(int.from_bytes(turned[i : i + size], "big") for i in range(0, whole, size))
    while total >> 8 * size:
        total = (total & ((1 << 8 * size) - 1)) + (total >> 8 * size)
    return total.to_bytes(size, "big")


def _cbc(key: bytes, octets: bytes, *, seal: bool) -> bytes:
    cipher = Cipher(algorithms.AES(key), modes.CBC(bytes(BLOCK)))
    run = cipher.encryptor() if seal else cipher.decryptor()
    return run.update(octets) + run.finalize()


def cts_seal(key: bytes, plain: bytes) -> bytes:
    """Return *plain* encrypted in CBC with ciphertext stealing (CS3), at least one block long."""
    sealed = _cbc(key, plain + bytes(-len(plain) % BLOCK), seal=True)
    if len(sealed) <= BLOCK:
        return sealed
    tail = len(plain) - (len(sealed) - BLOCK)
    return sealed[: -2 * BLOCK] + sealed[-BLOCK:] + sealed[-2 * BLOCK : -BLOCK][:tail]


def cts_open(key: bytes, sealed: bytes) -> bytes:
    """Return the inverse of :func:`cts_seal`; raises SealError if there is less than a block."""
    if len(sealed) < BLOCK:
        raise SealError("less than a block")
    if len(sealed) == BLOCK:
        return _cbc(key, sealed, seal=False)
    tail = (len(sealed) - 1) % BLOCK + 1
    head, last, stolen = sealed[: -BLOCK - tail], sealed[-BLOCK - tail : -tail], sealed[-tail:]
    ecb = Cipher(algorithms.AES(key), modes.ECB()).decryptor()  # noqa: S305 - one block of the mode
    middle = ecb.update(last) + ecb.finalize()
    full = stolen + middle[tail:]
    return _cbc(key, head + full + last, seal=False)[: len(sealed)]


def _derive(key: Key, usage: int, purpose: int) -> bytes:
    """Return the key for *usage* and *purpose* (AAH encryption, 55H integrity)."""
    kind, label = TYPES[key.etype], struct.pack(">IB", usage, purpose)
    if kind.derived:
        size = kind.mac if purpose == 0x55 else kind.size
        whole = b"\0\0\0\1" + label + b"\0" + struct.pack(">I", size * 8)
        return hmac.digest(key.octets, whole, kind.hash)[:size]
    block, made = nfold(label, BLOCK), b""
    while len(made) < kind.size:
        block = _cbc(key.octets, block, seal=True)
        made += block
    return made[: kind.size]


def _mac(key: Key, usage: int, octets: bytes) -> bytes:
    kind = TYPES[key.etype]
    return hmac.digest(_derive(key, usage, 0x55), octets, kind.hash)[: kind.mac]


def seal(key: Key, usage: int, plain: bytes) -> bytes:
    """Return *plain* encrypted and protected under *key* for the key *usage* number."""
    whole = os.urandom(BLOCK) + plain
    sealed = cts_seal(_derive(key, usage, 0xAA), whole)
    derived = TYPES[key.etype].derived
    return sealed + _mac(key, usage, bytes(BLOCK) + sealed if derived else whole)


def unseal(key: Key, usage: int, sealed: bytes) -> bytes:
    """Return what :func:`seal` was given; raises SealError."""
    kind = TYPES.get(key.etype)
    if kind is None:
        raise SealError(f"encryption type {key.etype} is not one of {sorted(TYPES)}")
    if len(key.octets) != kind.size or len(sealed) < kind.mac + BLOCK:
        raise SealError("the key or the ciphertext is too short")
    body, mac = sealed[: -kind.mac], sealed[-kind.mac :]
    whole = cts_open(_derive(key, usage, 0xAA), body)
    mine = _mac(key, usage, bytes(BLOCK) + body if kind.derived else whole)
    if not hmac.compare_digest(mac, mine):
        raise SealError("the integrity check fails: another key, or changed on the way")
    return whole[BLOCK:]


def fingerprint(octets: bytes) -> bytes:
    """Return what stands for *octets* in a replay cache."""
    return hashlib.sha256(octets).digest()
