"""A TLS stream that takes the records for PDUs, each way wrong in one respect: for faulty peers."""

from __future__ import annotations

from typing import Any

from part15.channel.tls import Ended, Tls

HEADER = 6
TINY, PATIENCE = 1, 64


class Clumsy(Tls):
    """Reads as its *how* says; empty is right.

    ``split``: a record that ends within a PDU ends the connection. ``header``: one that ends within the
    header of a PDU does. ``first``: what stands behind the first PDU of a record is lost. ``tiny``: after
    :data:`PATIENCE` records of one octet in a row the connection is ended.
    """

    def __init__(self, *arguments: Any, how: str = "", **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.how, self._tiny, self._within = how, 0, 0

    def receive(self, until: float, size: int = 65536) -> bytes:
        """Return the next octets; raises Ended too where the records are not to its liking."""
        octets = super().receive(until, size)
        if not octets or not self.how:
            return octets
        if self.how == "tiny":
            self._tiny = self._tiny + 1 if len(octets) == TINY else 0
            if self._tiny > PATIENCE:
                raise Ended("reset", "too many small records")
            return octets
        return self._cut(octets)

    def _cut(self, octets: bytes) -> bytes:
        """Follow the PDUs in *octets*; *_within* is what is still missing of the current one."""
        at = min(self._within, len(octets))
        self._within -= at
        while not self._within and at < len(octets):
            if at + HEADER > len(octets):
                if self.how in ("header", "split"):
                    raise Ended("reset", "half a header")
                return octets
            end = at + HEADER + int.from_bytes(octets[at + 2 : at + HEADER], "big")
            self._within, at = max(end - len(octets), 0), min(end, len(octets))
            if self.how == "first" and at < len(octets):
                return octets[:at]
        if self.how == "split" and self._within:
            raise Ended("reset", "a record that ends within a PDU")
        return octets
