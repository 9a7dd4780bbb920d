"""Gathers what is found about the attributes of one object, with bounds."""

from __future__ import annotations

from dataclasses import dataclass, field

from part15.observations.deid import AttributeSeen
from part15.wire.deid_actions import NOT_KEPT, UNSURE, Said, said
from part15.wire.deid_rules import Rule, Rules
from part15.wire.deid_types import UNKNOWN, Types, nested, types_of
from part15.wire.deid_values import value_class

MOST_DEVIATIONS = 2000
MOST_NAMED = 50
MOST_HOLDERS = 1000

_NONE: dict[int, str] = {}


@dataclass
class Collected:
    """Deviations, counts and lists of one object; see ``observations.deid.DeidSeen``."""

    rules: Rules
    sop_class: str
    salt: bytes = b""
    paired: bool = False
    deviations: list[AttributeSeen] = field(default_factory=list)
    more: int = 0
    tally: dict[str, int] = field(default_factory=dict)
    columns: dict[str, int] = field(default_factory=dict)
    rows: dict[str, str] = field(default_factory=dict)
    conflicts: dict[str, None] = field(default_factory=dict)
    links: dict[tuple[str, str, str], None] = field(default_factory=dict)
    shifts: dict[tuple[str, int], None] = field(default_factory=dict)
    altered: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    integrity: list[str] = field(default_factory=list)
    registered_changed: list[str] = field(default_factory=list)
    holders: list[tuple[str, str]] = field(default_factory=list)
    nested: int = 0
    types: Types = UNKNOWN

    def __post_init__(self) -> None:
        self.types = types_of(self.sop_class)

    def type_of(self, tag: int, parent: int) -> str:
        """Return the Type of *tag*, inside items of *parent* unless that is 0."""
        if parent:
            return nested().get(parent, _NONE).get(tag, "")
        return self.types.top_level.get(tag, "")

    def holds(self, path: str, action: str) -> None:
        """Remember a sequence that an option keeps (K) or has cleaned (C)."""
        if len(self.holders) < MOST_HOLDERS:
            self.holders.append((path + "[", action))

    def within(self, path: str) -> str:
        """Return the action of the kept or cleaned sequence that *path* is inside of."""
        inner = [action for prefix, action in self.holders if path.startswith(prefix)]
        return inner[-1] if inner else ""

    def said(self, rule: Rule, type_: str, outcome: str) -> Said:
        """Return what is to be said."""
        found: Said = self._known(rule, type_, outcome)[0]
        return found

    def _known(self, rule: Rule, type_: str, outcome: str) -> tuple[Said, str, str]:
        memo = self.rules.memo
        key = (rule.row, type_, outcome, self.types.iod != "", self.paired)
        known: tuple[Said, str, str] | None = memo.get(key)
        if known is None:
            found = said(rule, type_, outcome, known_iod=key[3])
            if found.kind == NOT_KEPT and not self.paired:
                # Whether the original had a value is not known: empty stays empty under an option that keeps.
                found = found._replace(kind=UNSURE, weight="open")
            known = memo[key] = (found, f"{found.action} {outcome}", f"{found.column} {outcome}")
        return known

    def judge(self, rule: Rule, type_: str, outcome: str, times: int = 1) -> Said:
        """Return what is to be said, and count it *times*."""
        found, action, column = self._known(rule, type_, outcome)
        row = rule.row
        self.tally[action] = self.tally.get(action, 0) + times
        self.columns[column] = self.columns.get(column, 0) + times
        if outcome != "absent":
            met = self.rows.get(row)
            if met is None:
                self.rows[row] = outcome
            elif outcome not in met:
                self.rows[row] = f"{met} {outcome}"
            if len(rule.actions) > 1:
                self.conflicts[row] = None
        return found

    def settle_cleaned(self, places: set[str]) -> None:
        """Drop the doubt about cleaned attributes (C) that kept their value and in which nothing was found."""
        self.deviations = [
            seen
            for seen in self.deviations
            if not (seen.action == "C" and seen.kind == UNSURE and seen.path not in places)
        ]

    def count(self, action: str, column: str, outcome: str) -> None:
        """Count one attribute under its action and under its column."""
        key = f"{action} {outcome}"
        self.tally[key] = self.tally.get(key, 0) + 1
        key = f"{column} {outcome}"
        self.columns[key] = self.columns.get(key, 0) + 1

    def deviates(
        self,
        path: str,
        rule: Rule,
        type_: str,
        outcome: str,
        found: Said,
        *,
        value: bytes = b"",
        vr: str = "",
        detail: str = "",
    ) -> None:
        """List one deviation; beyond the bound it is only counted."""
        shown = value_class(value, vr, self.salt) if vr else ""
        self._list(path, rule, type_, outcome, found, shown, detail, self.within(path))

    def deviates_as(
        self, path: str, rule: Rule, type_: str, outcome: str, found: Said, shown: str, within: str
    ) -> None:
        """List one deviation whose value is already told."""
        self._list(path, rule, type_, outcome, found, shown, "", within)

    def _list(
        self,
        path: str,
        rule: Rule,
        type_: str,
        outcome: str,
        found: Said,
        shown: str,
        detail: str,
        within: str,
    ) -> None:
        if len(self.deviations) >= MOST_DEVIATIONS:
            self.more += 1
            return
        self.deviations.append(
            AttributeSeen(
                path, rule.row, found.action, found.column, type_, outcome, found.kind,
                found.weight, shown, detail, within,
            )
        )  # fmt: skip


def named(names: list[str], name: str) -> None:
    """Append *name* unless the list is full."""
    if len(names) < MOST_NAMED:
        names.append(name)
