"""What differs between an object as it left and as it came back (PS3.15 A.3); never the values themselves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """One difference of two objects.

    *kind* is ``value``, ``VR``, ``order`` (items of a sequence), ``items`` (their number), ``removed``,
    ``added``, ``fragments`` (boundaries of encapsulated data) or ``form`` (native against
    encapsulated, sequence against opaque). *before* and *after* give VR, length and the first octets
    of a SHA-256 (a CRC-32 of long values), never a value. *nature* says ``padding`` when only trailing spaces or NULs differ.
    """

    path: str
    keyword: str
    kind: str
    before: str = ""
    after: str = ""
    nature: str = ""


@dataclass(frozen=True)
class ComparisonSeen:
    """Two objects compared element by element.

    *identical*: the files are equal octet by octet. *differences* are the first of *total*;
    *allowed* counts what is told but is no difference (group lengths, defined against undefined
    lengths, file meta information). *problem* says why there is nothing to compare.
    *signed* says that the object before carries digital signatures.
    """

    before: str
    after: str
    identical: bool = False
    syntax_before: str = ""
    syntax_after: str = ""
    differences: tuple[Difference, ...] = ()
    total: int = 0
    counts: tuple[tuple[str, int], ...] = ()
    allowed: tuple[tuple[str, int], ...] = ()
    elements: int = 0
    signed: bool = False
    problem: str = ""

    def count(self, *kinds: str) -> int:
        """Return how many differences are of *kinds*."""
        return sum(n for kind, n in self.counts if kind in kinds)

    @property
    def preserved(self) -> bool:
        """Tell whether A.3 holds: nothing but additions, and an explicit VR syntax (reading T-08).

        Equal octets are preserved whatever their syntax: a copy says nothing about a transfer.
        """
        if self.problem or self.identical:
            return not self.problem
        return self.identical_or_added and self.syntax_after != "1.2.840.10008.1.2"

    @property
    def identical_or_added(self) -> bool:
        """Tell whether every element of *before* is in *after*, unchanged."""
        return not self.problem and self.total == self.count("added")
