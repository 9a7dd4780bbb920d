"""How one message is protected by a binding: enciphered, cut, given a MAC; and the way back."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from part15.wire import iscl_des as des
from part15.wire.iscl_binding import Binding


@dataclass(frozen=True)
class Method:
    """What protects a message: *privacy* (DES-CBC or not), *mac* (``des_mac``, ``md5``, ``none``), its keys."""

    privacy: bool
    mac: str
    key: bytes
    mac_key: bytes
    random: bytes = b""
    """The random number of the first MD5 order."""
    order: str = ""
    """The MD5 order to send in; empty is the binding's."""
    bare: bool = False
    """Send an MD5 digest that nothing enciphers, which PS3.15 B.2 does not allow."""


@dataclass
class Way:
    """One direction of a connection; its IV runs through what the binding chains."""

    binding: Binding
    iv: bytes = des.ZERO

    @functools.cached_property
    def _chain(self) -> frozenset[str]:
        return frozenset(self.binding["privacy.chain"])

    def _encrypt(self, what: str, key: bytes, data: bytes) -> bytes:
        padded = des.pad(data, self.binding["privacy.padding"])
        if len(padded) % des.BLOCK:  # padding 'none' leaves a rest, which can only be filled
            padded = des.pad(padded, "zero")
        chained = what in self._chain
        sealed = des.cbc_encrypt(key, self.iv if chained else des.ZERO, padded)
        if chained and sealed:
            self.iv = sealed[-des.BLOCK :]
        return sealed

    def _decrypt(self, what: str, key: bytes, data: bytes, length: int | None) -> bytes:
        chained = what in self._chain
        opened = des.cbc_decrypt(key, self.iv if chained else des.ZERO, data)
        if chained and data:
            self.iv = data[-des.BLOCK :]
        return des.unpad(opened, self.binding["privacy.padding"], length)

    def pieces(self, method: Method, message: bytes, room: int) -> list[bytes]:
        """Return *message* as it goes into data blocks of at most *room* octets."""
        if not method.privacy:
            return _cut(message, room)
        if self.binding["privacy.split"] == "after":
            return _cut(self._encrypt("data", method.key, message), room - room % des.BLOCK)
        step = max(room - room % des.BLOCK - des.BLOCK, des.BLOCK)
        return [self._encrypt("data", method.key, part) for part in _cut(message, step)]

    def opened(self, method: Method, pieces: list[bytes], length: int) -> bytes:
        """Return the message of *length* octets that *pieces* carry. Raises SealError."""
        if not method.privacy:
            message = b"".join(pieces)
        elif self.binding["privacy.split"] == "after":
            message = self._decrypt("data", method.key, b"".join(pieces), length)
        else:
            message, left = b"", length
            for piece in pieces:
                part = self._decrypt("data", method.key, piece, min(left, len(piece)))
                message, left = message + part, left - len(part)
        if len(message) != length:
            raise des.SealError(f"the message has {len(message)} octets, not {length}")
        return message

    def code(self, method: Method, message: bytes, pieces: list[bytes]) -> bytes:
        """Return the content of the MAC notification for *message*."""
        made = self._plain_code(method, message, pieces, method.order or self._order)
        if method.privacy and self.binding["integrity.encrypted"]:
            return self._encrypt("mac", method.key, made)
        return made

    @property
    def _order(self) -> str:
        order: str = self.binding["integrity.md5_order"]
        return order

    def _over(self, message: bytes, pieces: list[bytes]) -> bytes:
        return message if self.binding["integrity.mac_over"] == "plaintext" else b"".join(pieces)

    def _plain_code(self, method: Method, message: bytes, pieces: list[bytes], order: str) -> bytes:
        over = self._over(message, pieces)
        if method.mac == "des_mac":
            return des.des_mac(method.mac_key, over, self.binding["integrity.des_mac_length"])
        if order == "encrypted_random_then_digest":
            concatenation = self.binding["integrity.md5_concat"]
            return des.md5_after_random(method.mac_key, method.random, over, concatenation)
        hidden = method.privacy and self.binding["integrity.encrypted"]
        if hidden or method.bare:
            return des.md5(over)
        mode, padding = self.binding["integrity.md5_mode"], self.binding["integrity.md5_padding"]
        return des.encrypt_digest(method.mac_key, des.md5(over), mode, padding)

    def order_of(
        self,
        method: Method,
        message: bytes,
        pieces: list[bytes],
        code: bytes,
        *,
        bare: bool = False,
    ) -> str:
        """Return which way *code* was made: ``des_mac``, an MD5 order, or ``bare`` where that is let pass.

        Both MD5 orders are tried (PS3.15 B.2). Raises SealError if none fits.
        """
        if method.privacy and self.binding["integrity.encrypted"]:
            size = self.binding["integrity.des_mac_length"] if method.mac == "des_mac" else 16
            code = self._decrypt("mac", method.key, code, size)
        if method.mac == "des_mac":
            if des.same(self._plain_code(method, message, pieces, ""), code):
                return "des_mac"
        else:
            for order in ("digest_then_encrypt", "encrypted_random_then_digest"):
                if des.same(self._plain_code(method, message, pieces, order), code):
                    return order
            if bare and des.same(des.md5(self._over(message, pieces)), code):
                return "bare"
        raise des.SealError("the MAC does not fit the message")


def _cut(octets: bytes, step: int) -> list[bytes]:
    return [octets[at : at + step] for at in range(0, len(octets), step)]


def sealed_length(binding: Binding, length: int) -> int:
    """Return the most octets of enciphered data that a message of *length* octets becomes."""
    return (
        2 * length + 2 * des.BLOCK if binding["privacy.split"] == "before" else length + des.BLOCK
    )
