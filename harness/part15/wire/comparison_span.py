"""What two data sets have in common at both ends: equal octets between element boundaries are equal elements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from part15.wire import part10
from part15.wire.elements import Element, Limits, MalformedDataSet, Octets, Syntax, walk

LIMITS = Limits(depth=60)
RUN = 1 << 20
"""Neighbours are compared at once up to this many octets, since slicing copies them."""


@dataclass(frozen=True)
class DataSet:
    """An encoded data set: its octets, its elements, how it is encoded."""

    data: Octets
    elements: Sequence[Element]
    syntax: Syntax

    @classmethod
    def of(cls, data: Octets, *, syntax: Syntax, start: int = 0) -> DataSet:
        """Walk *data* from *start*; raises MalformedDataSet."""
        return cls(data, walk(data, start=start, syntax=syntax, limits=LIMITS), syntax)


def size(data_set: DataSet, tops: list[int]) -> int:
    """Return how many elements *tops*, neighbours of one level, hold together."""
    return data_set.elements[tops[-1]].after - tops[0] if tops else 0


def differing(
    first: DataSet, after: part10.Part10File
) -> tuple[list[int], DataSet, list[int]] | None:
    """Leave out the elements at both ends that are equal octet by octet; walk only the rest of *after*.

    What a walk sees follows from the octets, so equal octets from one element boundary to another
    are equal elements. Returns None where this does not apply: another syntax, or the rest of
    *after* is no row of whole elements.
    """
    if first.syntax != after.syntax:
        return None
    tops, elements = top(first), first.elements
    bounds = [elements[i].start for i in tops]
    bounds.append(elements[tops[-1]].end if tops else after.start)
    if bounds[0] != after.start:
        return None
    front = equal_runs(first.data, after.data_set, bounds, 0)
    shift = len(after.data_set) - bounds[-1]
    ends = [-bound for bound in reversed(bounds[front:])]
    back = equal_runs(first.data, after.data_set, ends, shift)
    stop = len(tops) - back
    begin, end = bounds[front], bounds[stop] + shift
    if begin > end:
        return None
    try:
        found = walk(after.data_set, start=begin, end=end, syntax=after.syntax, limits=LIMITS)
    except MalformedDataSet:
        return None
    second = DataSet(after.data_set, found, after.syntax)
    return tops[front:stop], second, top(second)


def equal_runs(a: Octets, b: Octets, bounds: list[int], shift: int) -> int:
    """Return how many of the pieces between *bounds* are equal in *a* and, moved by *shift*, in *b*.

    Negative bounds run from the end to the front.
    """
    at, step, last = 0, 64, len(bounds) - 1
    while at < last:
        to = min(at + step, last)
        low, high = sorted((abs(bounds[at]), abs(bounds[to])))
        small = high - low <= RUN or to == at + 1
        if small and low + shift >= 0 and a[low:high] == b[low + shift : high + shift]:
            at = to
        elif to == at + 1:
            break
        else:
            step = max(1, step // 2)
    return at


def top(data_set: DataSet) -> list[int]:
    """Return the indices of the elements at the top."""
    return span(data_set.elements, 0, len(data_set.elements))


def span(elements: Sequence[Element], at: int, stop: int) -> list[int]:
    """Return the indices of the elements of one level from *at* to *stop*."""
    found = []
    while at < stop:
        found.append(at)
        at = elements[at][7]
    return found


def inside(data_set: DataSet, index: int) -> list[int]:
    """Return the indices of the items, fragments or elements inside ``elements[index]``."""
    return span(data_set.elements, index + 1, data_set.elements[index].after)
