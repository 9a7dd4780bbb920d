"""Reading TLS vectors: a cursor that never runs past its end, and the one error of the codec."""

from __future__ import annotations

import struct


class Malformed(ValueError):  # noqa: N818 - a noun of the house
    """Octets that are not the TLS structure they should be; the only exception this codec raises."""


class Cursor:
    """Reads big-endian integers and length-prefixed vectors; every read is bounded by what is there."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def left(self) -> int:
        """Octets that have not been read."""
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        """Return the next *count* octets."""
        if count > self.left:
            raise Malformed(f"{count} octets announced where {self.left} are left")
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, width: int) -> int:
        """Return the next *width* octets as an unsigned integer."""
        return int.from_bytes(self.take(width), "big")

    def vector(self, width: int) -> bytes:
        """Return the vector whose length stands in the next *width* octets."""
        return self.take(self.number(width))

    def rest(self) -> bytes:
        """Return everything that is left."""
        return self.take(self.left)

    def end(self, what: str) -> None:
        """Raise Malformed if something follows the end of *what*."""
        if self.left:
            raise Malformed(f"{self.left} octets follow the end of the {what}")


def vector(width: int, data: bytes) -> bytes:
    """Return *data* behind its length in *width* octets."""
    return len(data).to_bytes(width, "big") + data


def numbers(data: bytes, what: str) -> tuple[int, ...]:
    """Return the 16-bit numbers of a list; raises Malformed for an odd length."""
    if len(data) % 2:
        raise Malformed(f"the list of {what} has an odd length of {len(data)} octets")
    return struct.unpack(f">{len(data) // 2}H", data)
