"""Facts about a release as a whole, gathered one object at a time (PS3.15 E.1.1: consistency of a set).

    gathered = Gathered()
    for seen in ...:
        gathered.add(seen)
    gathered.result()          # DeidSet

*maps* may be any mappings: dictionaries in memory, or on disk for a release of a million instances.
"""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass, field, replace

from part15.observations.deid import AttributeSeen, ConflictSeen, DeidSeen, DeidSet

MOST_CONFLICTS = 200
MOST_EXAMPLES = 3


@dataclass
class Gathered:
    """What was gathered so far; *forward* is original -> replacement, *back* the other way, as hashes."""

    forward: MutableMapping[str, str] = field(default_factory=dict)
    back: MutableMapping[str, str] = field(default_factory=dict)
    shifts: MutableMapping[str, str] = field(default_factory=dict)
    objects: int = 0
    pairs: int = 0
    links: int = 0
    shifted: int = 0
    kept_dates: int = 0
    _split: dict[str, ConflictSeen] = field(default_factory=dict)
    _merged: dict[str, ConflictSeen] = field(default_factory=dict)
    _uneven: dict[str, ConflictSeen] = field(default_factory=dict)
    inserted: dict[str, None] = field(default_factory=dict)
    codes: dict[str, None] = field(default_factory=dict)
    syntaxes: dict[str, None] = field(default_factory=dict)
    options: tuple[str, ...] = ()

    def add(self, seen: DeidSeen) -> None:
        """Take in one object."""
        self.objects += 1
        self.pairs += seen.paired
        self.options = self.options or seen.options
        for path in seen.added:
            self.inserted.setdefault(path)
        for code in seen.marks.codes:
            self.codes.setdefault(f"{code.code} {code.scheme}")
        for item in seen.encrypted.items:
            self.syntaxes.setdefault(item.transfer_syntax)
        for kind, old, new in seen.links:
            self.links += 1
            _met(self.forward, f"{kind} {old}", new, self._split, kind, seen.name)
            _met(self.back, f"{kind} {new}", old, self._merged, kind, seen.name)
        for study, days in seen.shifts:
            self.shifted += 1
            _met(self.shifts, study, str(days), self._uneven, "date shift", seen.name)
        self.kept_dates += sum(map(_is_kept_date, seen.deviations))

    def result(self) -> DeidSet:
        """Return the facts; conflicts beyond a bound are counted in the last one's *count* only."""
        return DeidSet(
            objects=self.objects,
            pairs=self.pairs,
            links=self.links,
            split=tuple(self._split.values()),
            merged=tuple(self._merged.values()),
            kept_dates=self.kept_dates,
            shifted_dates=self.shifted,
            shifts=tuple(self._uneven.values()),
            inserted=tuple(self.inserted)[:MOST_CONFLICTS],
            codes=tuple(self.codes)[:MOST_CONFLICTS],
            transfer_syntaxes=tuple(self.syntaxes)[:MOST_CONFLICTS],
            options=self.options,
        )


def _is_kept_date(seen: AttributeSeen) -> bool:
    return seen.column == "retain-long-modified-dates" and seen.outcome == "kept"


def contribution(seen: DeidSeen) -> DeidSeen:
    """Return *seen* with only that which :meth:`Gathered.add` looks at: small enough to be kept."""
    return replace(
        seen,
        deviations=tuple(d for d in seen.deviations if _is_kept_date(d)),
        tally={},
        columns={},
        rows={},
        conflicts=(),
        survivors=(),
        altered=(),
        removed=(),
        integrity=(),
        signatures=(),
        registered_changed=(),
    )


def _met(
    known: MutableMapping[str, str],
    key: str,
    value: str,
    conflicts: dict[str, ConflictSeen],
    what: str,
    name: str,
) -> None:
    """Remember that *key* goes with *value*; note it where it went with another one before."""
    first = known.get(key)
    if first is None:
        known[key] = value
        return
    if first == value:
        return
    seen = conflicts.get(key)
    if seen is None:
        if len(conflicts) < MOST_CONFLICTS:
            conflicts[key] = ConflictSeen(
                what, 2, "study" if what == "date shift" else "run", (name,)
            )
    elif name not in seen.examples and len(seen.examples) < MOST_EXAMPLES:
        conflicts[key] = ConflictSeen(what, seen.count + 1, seen.scope, (*seen.examples, name))


def set_of(objects: Iterable[DeidSeen]) -> DeidSet:
    """Return the facts about *objects* together."""
    gathered = Gathered()
    for seen in objects:
        gathered.add(seen)
    return gathered.result()
