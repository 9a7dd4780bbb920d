"""Table E.1-1 as a function: which action an attribute needs, per edition and options (PS3.15 E.1.1).

    table = rules("2023b", ("retain-uids",))
    table.of(0x00080018)        # Rule(row="(0008,0018)", actions=("K",), columns=("retain-uids",), ...)
    table.of(0x60023000)        # the row (60xx,3000)
    table.of(0x00090010)        # the row (gggg,eeee): private attributes
    table.of(0x00280010)        # None: the table says nothing

A rule has more than one action where two claimed options, or two rows of the same tag in one
edition, differ; either outcome then conforms (reading O-16).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from part15.content import table
from part15.wire.dictionary import tag_number

BASIC = "basic-confidentiality"
PRIVATE_ROW = "(gggg,eeee)"
CURVE_ROW = "(50xx,xxxx)"
RETAIN_UIDS = "retain-uids"
RETAIN = "retain-"
"""Options whose cells say what stays; the others (``clean-``) say what goes."""


class Rule(NamedTuple):
    """What has to happen to an attribute.

    *actions* are the codes of Table E.1-1 (``X``, ``Z/D``, ``K`` ...; ``P`` for the list of 2008),
    *columns* the profile or options they stand in, one per action; *vr* is that of PS3.6.
    """

    row: str
    name: str
    vr: str
    actions: tuple[str, ...]
    columns: tuple[str, ...]

    @property
    def action(self) -> str:
        """The actions as one word, ``K or C`` where several stand side by side."""
        return " or ".join(self.actions)

    @property
    def retained(self) -> bool:
        """Tell whether an option that retains rules here, and none that only cleans beside it."""
        return all(column.startswith(RETAIN) for column in self.columns)


@dataclass(frozen=True)
class Rules:
    """The table of one edition under a set of options; *edition* is the sampled one that was used."""

    edition: str
    options: tuple[str, ...]
    exact: Mapping[int, Rule]
    private: Rule | None
    curve: Rule | None
    unknown_options: tuple[str, ...] = ()
    _rows: Mapping[str, Rule] = field(default_factory=dict)
    memo: dict[tuple[str, str, str, bool, bool], Any] = field(
        default_factory=dict, repr=False, compare=False
    )
    """What was said about (row, Type, outcome, IOD known): as many entries as those can have."""

    def of(self, tag: int) -> Rule | None:
        """Return the rule for *tag*, or None where the table has no row."""
        rule = self.exact.get(tag)
        if rule is not None:
            return rule
        if tag & 0x10000:
            return self.private
        if tag >> 24 == 0x50:
            return self.curve
        return None

    def row(self, name: str) -> Rule | None:
        """Return the rule of the row written *name*, as ``(60xx,3000)``."""
        return self._rows.get(name)


def sampled_edition(edition: str) -> str:
    """Return the newest edition of the table that is not newer than *edition*; the oldest if none is."""
    editions: list[str] = table("confidentiality-e1-1")["editions"]
    older = [known for known in editions if known <= edition]
    return older[-1] if older else editions[0]


def options() -> tuple[str, ...]:
    """Return the ids of the options, as in profiles: ``clean-pixel-data`` ... ."""
    return tuple(row["option"] for row in method_codes() if row["option"] != BASIC)


def presets() -> dict[str, tuple[str, ...]]:
    """Return the options of each preset by its name (``teaching-file`` ...)."""
    stored = table("deid-presets")["presets"]
    return {name: tuple(preset["options"]) for name, preset in stored.items()}


def expanded(names: Iterable[str]) -> tuple[str, ...]:
    """Return the options that *names* stand for, presets among them, in the order of CID 7050."""
    known = presets()
    chosen = {option for name in names for option in known.get(name, (name,))}
    return tuple(option for option in options() if option in chosen)


def method_codes() -> list[dict[str, str]]:
    """Return the rows of CID 7050: option, code, meaning, first."""
    rows: list[dict[str, str]] = table("confidentiality-cid7050")["rows"]
    return rows


def _cells(row: Mapping[str, Any], edition: str, chosen: Iterable[str]) -> list[tuple[str, str]]:
    """Return (action, column) of *row*: those of the options, or that of the profile if they are blank."""
    cells = row.get("options", {})
    found = [(cells[option], option) for option in chosen if option in cells]
    return found or [(row.get("basic_in", {}).get(edition, row["basic"]), BASIC)]


def _conceded(row: Mapping[str, Any], edition: str, chosen: Iterable[str]) -> list[tuple[str, str]]:
    """Let UIDs stay under Retain UIDs where the table maps them and has no cell: reported, not failed."""
    basic = row.get("basic_in", {}).get(edition, row["basic"])
    left_out = basic == "U" and RETAIN_UIDS not in row.get("options", {})
    return [("K", RETAIN_UIDS)] if left_out and RETAIN_UIDS in chosen else []


def _merged(pairs: list[tuple[str, str]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return actions and columns; a column that retains wins over one that cleans with the same code."""
    by_action: dict[str, str] = {}
    for action, column in pairs:
        known = by_action.get(action)
        if known is None or (column.startswith(RETAIN) and not known.startswith(RETAIN)):
            by_action[action] = column
    return tuple(by_action), tuple(by_action.values())


def _tags(row: str) -> list[int]:
    """Return the tags that *row* names, those of all even groups for ``(60xx,3000)``."""
    if row in (PRIVATE_ROW, CURVE_ROW):
        return []
    if "xx" in row:
        return [tag_number(row.replace("xx", f"{number:02X}")) for number in range(0, 0x100, 2)]
    return [tag_number(row)]


def _of_2008(chosen: tuple[str, ...], unknown: tuple[str, ...]) -> Rules:
    source = table("confidentiality-e1-1")
    names = {row["tag"]: row for row in source["rows"]}
    exact = {
        tag_number(tag): Rule(tag, names[tag]["name"], names[tag]["vr"], ("P",), (BASIC,))
        for tag in source["tags_2008"]
    }
    return Rules("2008", chosen, exact, None, None, unknown, {r.row: r for r in exact.values()})


@functools.lru_cache(maxsize=64)
def rules(edition: str = "2023b", chosen: tuple[str, ...] = ()) -> Rules:
    """Return the table of *edition* (the sampled one below it) under the options *chosen*.

    Options the edition does not have, or nobody knows, are in ``unknown_options`` and change nothing.
    """
    sampled = sampled_edition(edition)
    first = {row["option"]: row["first"] for row in method_codes()}
    known = tuple(o for o in chosen if o in first and first[o] <= sampled and o != BASIC)
    unknown = tuple(o for o in chosen if o not in known and o != BASIC)
    if sampled == "2008":
        return _of_2008(known, unknown)
    pairs: dict[str, list[tuple[str, str]]] = {}
    concessions: dict[str, list[tuple[str, str]]] = {}
    names: dict[str, Any] = {}
    for row in table("confidentiality-e1-1")["rows"]:
        if row["first"] <= sampled <= row.get("last", sampled):
            cells = _cells(row, sampled, known)
            pairs.setdefault(row["tag"], []).extend(cells)
            concessions.setdefault(row["tag"], []).extend(_conceded(row, sampled, known))
            names.setdefault(row["tag"], row)
    by_row = {
        tag: Rule(
            tag,
            names[tag]["name"],
            names[tag]["vr"],
            *_merged([*_specific(cells), *concessions[tag]]),
        )
        for tag, cells in pairs.items()
    }
    exact = {tag: rule for row, rule in by_row.items() for tag in _tags(row)}
    return Rules(
        sampled, known, exact, by_row.get(PRIVATE_ROW), by_row.get(CURVE_ROW), unknown, by_row
    )


def _specific(cells: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Drop the cell of the profile where a twin row has one of an option."""
    chosen = [cell for cell in cells if cell[1] != BASIC]
    return chosen or cells


@functools.cache
def safe_private() -> frozenset[tuple[str, int, int]]:
    """Return Table E.3.10-1 as (private creator, group, element within the block)."""
    found = set()
    for row in table("confidentiality-e3-10-1")["rows"]:
        group, element = row[0].strip("()").split(",")
        found.add((row[1].strip(), int(group, 16), int(element[-2:], 16)))
    return frozenset(found)
