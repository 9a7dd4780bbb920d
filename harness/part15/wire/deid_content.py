"""Neighbours that decide a rule: concept names of content items, private blocks and their safety."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from part15.content import table
from part15.wire.deid_index import Attribute, Index
from part15.wire.deid_rules import BASIC, Rule, Rules, safe_private

CLEAN_CONTENT = "clean-structured-content"
SAFE_PRIVATE = "retain-safe-private"
MOST_BLOCKS = 1000
TREES = ("(0040,A730)", "(0040,0555)", "(0040,0610)")
"""Sequences of content items."""
_VALUES = {
    0x0040A160: ("TEXT",),
    0x0040A123: ("PNAME",),
    0x0040A120: ("DATETIME",),
    0x0040A121: ("DATE",),
    0x0040A122: ("TIME",),
    0x0040A124: ("UIDREF",),
    0x0040A300: ("NUM",),
    0x0040A30A: ("NUM",),
    0x0040A168: ("CODE",),
    0x00081199: ("COMPOSITE", "IMAGE", "WAVEFORM"),
}
"""Attributes that carry the value of a content item, with the value types they carry it for."""
Concepts = dict[tuple[str, str, str], Rule]
"""The rules of Table E.3.4-1 by code, scheme and value type: its rows differ by each of them."""
_SAME_SCHEMES = {"SRT": "SRT", "SNM3": "SRT", "99SDM": "SRT"}


@functools.lru_cache(maxsize=16)
def _concepts(options: tuple[str, ...]) -> Concepts:
    """Return Table E.3.4-1 under *options*, retired codes included."""
    found: Concepts = {}
    for row in table("confidentiality-e3-4-1")["rows"]:
        cells = row.get("options", {})
        chosen = [(cells[o], o) for o in options if o in cells]
        pairs = dict(chosen) or {row["basic"]: BASIC}
        name = f"E.3.4-1 {row['code']} {row['scheme']}"
        rule = Rule(name, row["meaning"], "", tuple(pairs), tuple(pairs.values()))
        found.setdefault((row["code"], row["scheme"], row["type"]), rule)
        if "retired_code" in row:
            old = rule._replace(row=f"E.3.4-1 {row['retired_code']} SRT")
            found.setdefault((row["retired_code"], "SRT", row["type"]), old)
    return found


def concept_rules(rules: Rules) -> Concepts:
    """Return Table E.3.4-1 under the options of *rules*; nothing before 2019c or without the option."""
    if CLEAN_CONTENT not in rules.options or rules.edition < "2019c":
        return {}
    return _concepts(rules.options)


def retired_scheme(scheme: str) -> str:
    """Return SRT for every name that the retired SNOMED scheme goes by, else *scheme* (E.3.4 note 3)."""
    return _SAME_SCHEMES.get(scheme, scheme)


class ContentRules:
    """Rules for the values of content items under Clean Structured Content (E.3.4)."""

    def __init__(self, rules: Rules) -> None:
        self.used = CLEAN_CONTENT in rules.options
        self._table = concept_rules(rules)
        self._any = Rule("content item", "value of a content item", "", ("C",), (CLEAN_CONTENT,))

    def of(self, index: Index, attribute: Attribute, rule: Rule | None) -> Rule | None:
        """Return the rule for *attribute*: that of its concept inside a content tree, else *rule*.

        A value whose attribute has a row of its own (a person name, a UID, a date) and whose concept is
        in no table stays under that row; any other value is to be cleaned.
        """
        if not self.used or attribute.tag not in _VALUES or not attribute.path.startswith(TREES):
            return rule
        item = attribute.path[: -len("(0040,A160)")]
        name = item + "(0040,A043)[1]/"
        code = index.text(name + "(0008,0100)")
        scheme = retired_scheme(index.text(name + "(0008,0102)"))
        return self._row(code, scheme, _kinds(index, item, attribute.tag)) or rule or self._any

    def _row(self, code: str, scheme: str, kinds: Iterable[str]) -> Rule | None:
        rows = (self._table.get((code, scheme, kind)) for kind in kinds)
        return next((row for row in rows if row is not None), None)


def _kinds(index: Index, item: str, tag: int) -> tuple[str, ...]:
    """Return the value types that *tag* carries, the one that *item* names alone if it is among them."""
    kinds = _VALUES[tag]
    own = index.text(item + "(0040,A040)") if len(kinds) > 1 else ""
    return (own,) if own in kinds else kinds


@dataclass
class PrivateBlocks:
    """Private creators of one object, and which private attributes are known to be safe (E.3.10).

    *declared* are those of the SUT's own statement: (creator, group, element within the block);
    *advised* says how others may be treated (:func:`advised_actions`).
    """

    index: Index
    edition: str
    declared: frozenset[tuple[str, int, int]] = frozenset()
    noted: Mapping[tuple[str, int], frozenset[int] | None] = field(default_factory=dict)
    advised: Mapping[tuple[str, int, int], str] = field(default_factory=dict)

    def creator(self, attribute: Attribute) -> str:
        """Return the private creator that reserves the block of *attribute*, empty if none does."""
        block = attribute.tag >> 8 & 0xFF
        item = attribute.path[: -len("(0009,1001)")]
        return self.index.text(f"{item}({attribute.tag >> 16:04X},{block:04X})")

    def is_safe(self, attribute: Attribute) -> bool:
        """Tell whether *attribute*, no creator itself, is known to identify nobody."""
        creator, group = self.creator(attribute), attribute.tag >> 16
        place = attribute.tag & 0xFF
        if not creator:
            return False
        key = (creator, group, place)
        if key in self.declared or (self.edition >= "2017c" and key in safe_private()):
            return True
        if (creator, group) in self.noted and self.edition >= "2017c":
            listed = self.noted[creator, group]
            return listed is None or place in listed
        return False

    def advice(self, attribute: Attribute) -> str:
        """Return the action that Deidentification Action (0008,0307) recommends for *attribute*, or nothing."""
        if self.edition < "2017c":
            return ""
        group, place = attribute.tag >> 16, attribute.tag & 0xFF
        return self.advised.get((self.creator(attribute), group, place), "")


def is_creator(tag: int) -> bool:
    """Tell whether *tag* is a Private Creator element (gggg,0010-00FF)."""
    return bool(tag & 0x10000) and 0x10 <= tag & 0xFFFF <= 0xFF


def noted_safe(index: Index | None) -> dict[tuple[str, int], frozenset[int] | None]:
    """Return the blocks that (0008,0300) of *index* calls safe: (creator, group) -> elements, None for all."""
    found: dict[tuple[str, int], frozenset[int] | None] = {}
    if index is None:
        return found
    for item, key in _noted_blocks(index):
        status = index.text(item + "(0008,0303)")
        if status == "SAFE":
            found[key] = None
        elif status == "MIXED":
            found[key] = _places(index, item + "(0008,0304)")
    return found


def advised_actions(index: Index | None) -> dict[tuple[str, int, int], str]:
    """Return what (0008,0300) of *index* recommends: (creator, group, element) -> D, Z, X or U."""
    found: dict[tuple[str, int, int], str] = {}
    if index is None:
        return found
    for item, (creator, group) in _noted_blocks(index):
        sequence = index.at(item + "(0008,0305)")
        for number in range(1, _counted(sequence) + 1):
            inner = f"{item}(0008,0305)[{number}]/"
            action = index.text(inner + "(0008,0307)")
            for place in _places(index, inner + "(0008,0306)"):
                found[creator, group, place] = action
    return found


def _counted(sequence: Attribute | None) -> int:
    return min(sequence.items, MOST_BLOCKS) if sequence is not None else 0


def _noted_blocks(index: Index) -> Iterator[tuple[str, tuple[str, int]]]:
    """Give the path of each item of (0008,0300) that names a block, and the block as (creator, group)."""
    for number in range(1, _counted(index.at("(0008,0300)")) + 1):
        item = f"(0008,0300)[{number}]/"
        group = index.at(item + "(0008,0301)")
        creator = index.text(item + "(0008,0302)")
        if group is not None and group.length == 2 and creator:
            yield item, (creator, int.from_bytes(index.plain(group), "little"))


def _places(index: Index, path: str) -> frozenset[int]:
    """Return the elements within a block that a US value at *path* lists."""
    listed = index.at(path)
    octets = index.plain(listed) if listed is not None and listed.items < 0 else b""
    return frozenset(octets[at] for at in range(0, len(octets) - 1, 2))
