"""Single DES and what ISCL builds from it (PS3.15 table B.2-1): CBC, padding, DES-MAC, MD5 with DES.

DES is Triple-DES with one key three times. Imports ``cryptography`` on first use. Keys are eight
octets; their parity bits do not count.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
from typing import Any

BLOCK = 8
ZERO = bytes(BLOCK)
PADDINGS = ("pkcs5", "x923", "zero", "none")
CONCATENATIONS = ("random_message", "message_random", "random_message_random")


class SealError(ValueError):
    """Octets that cannot have been sealed as they should: wrong length, padding or code."""


@functools.cache
def ciphers() -> tuple[Any, Any, Any, Any]:
    """Return Cipher, TripleDES, ECB and CBC of the library, from where its version has them."""
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    from cryptography.hazmat.primitives.ciphers import Cipher, modes

    try:
        from cryptography.hazmat.decrepit.ciphers.modes import CBC  # type: ignore[attr-defined,unused-ignore]
    except ImportError:
        CBC = modes.CBC  # noqa: N806 - a class
    return Cipher, TripleDES, modes.ECB, CBC


def _cipher(key: bytes, iv: bytes | None) -> Any:
    if len(key) != BLOCK:
        raise SealError(f"a DES key has 8 octets, not {len(key)}")
    cipher, triple, ecb, cbc = ciphers()
    return cipher(triple(key * 3), ecb() if iv is None else cbc(iv))


def _run(context: Any, data: bytes) -> bytes:
    if len(data) % BLOCK:
        raise SealError(f"{len(data)} octets are no whole number of DES blocks")
    done: bytes = context.update(data) + context.finalize()
    return done


def ecb_encrypt(key: bytes, data: bytes) -> bytes:
    """Return *data*, whole blocks, enciphered block by block."""
    return _run(_cipher(key, None).encryptor(), data)


def ecb_decrypt(key: bytes, data: bytes) -> bytes:
    """Return *data*, whole blocks, deciphered block by block."""
    return _run(_cipher(key, None).decryptor(), data)


def cbc_encrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    """Return *data*, whole blocks, enciphered in CBC mode; the last block is the next chained IV."""
    return _run(_cipher(key, iv).encryptor(), data)


def cbc_decrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    """Return *data*, whole blocks, deciphered in CBC mode."""
    return _run(_cipher(key, iv).decryptor(), data)


def pad(data: bytes, kind: str) -> bytes:
    """Return *data* padded to whole blocks by *kind*, one of :data:`PADDINGS`."""
    if kind == "none":
        return data
    over = len(data) % BLOCK
    if kind == "zero":
        return data + bytes(-over % BLOCK)
    count = BLOCK - over
    return data + (bytes([count]) * count if kind == "pkcs5" else bytes(count - 1) + bytes([count]))


def unpad(data: bytes, kind: str, length: int | None = None) -> bytes:
    """Return *data* without its padding; padding that does not tell its size needs the *length* before it.

    Raises SealError if the padding is not what *kind* says.
    """
    if kind in ("none", "zero"):
        size = len(data) if length is None else length
        if not 0 <= len(data) - size < BLOCK or any(data[size:]):
            raise SealError("what follows the message is no zero fill of less than a block")
        return data[:size]
    if not data:
        raise SealError("there is no padding")
    count = data[-1]
    tail = bytes([count]) * count if kind == "pkcs5" else bytes(max(count - 1, 0)) + data[-1:]
    if not 1 <= count <= BLOCK or not same(data[-count:], tail):
        raise SealError("the padding is wrong")
    return data[:-count]


def des_mac(key: bytes, message: bytes, length: int = BLOCK) -> bytes:
    """Return the leftmost *length* octets of the DES-MAC (FIPS 113; ISO 8730 takes 4) of *message*.

    Zero fill, zero IV; an empty message counts as one block of zeros.
    """
    filled = pad(message, "zero") or ZERO
    return cbc_encrypt(key, ZERO, filled)[-BLOCK:][:length]


def md5(message: bytes) -> bytes:
    """Return the MD5 digest, 16 octets."""
    return hashlib.md5(message, usedforsecurity=False).digest()


def md5_after_random(key: bytes, random: bytes, message: bytes, concatenation: str) -> bytes:
    """Return the MD5 digest of *message* with the enciphered *random* in it (PS3.15 B.2, first order)."""
    hidden = ecb_encrypt(key, random)
    before = hidden if concatenation.startswith("random") else b""
    after = hidden if concatenation.endswith("message_random") else b""
    return md5(before + message + after)


def encrypt_digest(key: bytes, digest: bytes, mode: str, padding: str) -> bytes:
    """Return *digest* enciphered by itself: the second order of PS3.15 B.2 where nothing else is enciphered."""
    padded = pad(digest, padding)
    return ecb_encrypt(key, padded) if mode == "ecb" else cbc_encrypt(key, ZERO, padded)


def session_key(base: bytes, random: bytes, derivation: str) -> bytes:
    """Return the session key that *random* gives: ``identity``, ``encrypt`` or ``decrypt`` under *base*."""
    if derivation == "identity":
        return random
    return ecb_encrypt(base, random) if derivation == "encrypt" else ecb_decrypt(base, random)


def key_of(number: int, order: str) -> bytes:
    """Return the eight octets of the integer key *number* in byte *order* (``big`` or ``little``)."""
    return number.to_bytes(BLOCK, "little" if order == "little" else "big")


def same_key(one: bytes, other: bytes) -> bool:
    """Tell whether two DES keys are the same but for parity bits."""
    return same(bytes(o & 0xFE for o in one), bytes(o & 0xFE for o in other))


def same(one: bytes, other: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(one, other)
