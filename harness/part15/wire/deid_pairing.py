"""Which output came of which original, where neither name nor UID says it (objects that passed through a SUT).

    pairs = paired(originals, outputs)      # {position of output: position of original}

De-identification leaves what no row of Table E.1-1 lists, so that the original is the one that shares
most of it; objects of another SOP Class are never paired.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from part15.wire.deid_index import LARGE, Index, index
from part15.wire.deid_rules import rules
from part15.wire.elements import Limits, MalformedDataSet
from part15.wire.part10 import parse

_LIMITS = Limits(depth=64, count=200_000)
Traits = tuple[str, frozenset[bytes]]
"""SOP Class, and digests of what is likely to stay."""


def paired(originals: Sequence[bytes], outputs: Sequence[bytes]) -> dict[int, int]:
    """Return the original of each output, both files by position; an output like none of them is left out.

    Alike candidates are taken in the order in which they stand.
    """
    old, new = [_traits(each) for each in originals], [_traits(each) for each in outputs]
    ranked = sorted(
        (-_likeness(before, after), abs(at - number), number, at)
        for at, before in enumerate(old)
        for number, after in enumerate(new)
        if before is not None and after is not None and before[0] == after[0]
    )
    found: dict[int, int] = {}
    taken: set[int] = set()
    for _, _, number, at in ranked:
        if number not in found and at not in taken:
            found[number] = at
            taken.add(at)
    return found


def _likeness(before: Traits, after: Traits) -> float:
    either = before[1] | after[1]
    return len(before[1] & after[1]) / len(either) if either else 1.0


def _traits(octets: bytes) -> Traits | None:
    try:
        found = index(parse(octets), _LIMITS)
    except MalformedDataSet:
        return None
    return found.text("(0008,0016)"), frozenset(_kept(found))


def _kept(found: Index) -> list[bytes]:
    table = rules()
    return [
        blake2b(a.path.encode() + b"\0" + found.plain(a), digest_size=8).digest()
        for a in found.attributes
        if a.items < 0 and 0 < a.length < LARGE and table.of(a.tag) is None
    ]
