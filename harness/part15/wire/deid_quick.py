"""The quickest way to judge one object alone: the rules meet the octets, no list of elements is made.

For explicit VR little endian without oddities, which is what releases are made of. :func:`scan_octets`
answers None for whatever it does not know for certain (other syntaxes, UN that may be a sequence,
malformed data): the ways over the walk (``deid_fast``, ``deid_scan``) then decide, with the same answers.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import NamedTuple

from part15.wire.deid_actions import PRIVATE, UNSURE, Said
from part15.wire.deid_collect import Collected
from part15.wire.deid_content import CLEAN_CONTENT, SAFE_PRIVATE
from part15.wire.deid_fast import (
    BY_CONTENT,
    ENCRYPTED,
    MOST_OPEN,
    READ,
    Top,
    attributes_at,
    outcome_of,
)
from part15.wire.deid_index import HIDDEN_ITEM, Index
from part15.wire.deid_rules import Rule, Rules, rules
from part15.wire.dictionary import tag_text
from part15.wire.elements import (
    EXPLICIT_LITTLE,
    LONG_FORM,
    SHORT_FORM,
    UNDEFINED,
    Limits,
    Octets,
)
from part15.wire.part10 import uid_text

_HEAD = struct.Struct("<IHH").unpack_from
_PAIR = struct.Struct("<II").unpack_from
_LENGTH = struct.Struct("<I").unpack_from
_ITEM, _ITEM_END, _SEQUENCE_END = 0xE000FFFE, 0xE00DFFFE, 0xE0DDFFFE
_DELIMITERS = 0xFFFE
_EVER = 0xFFFFFFFF
_SOP_CLASS = 0x00160008


def _code(vr: str) -> int:
    return int.from_bytes(vr.encode(), "little")


_SHORT = {_code(vr): vr for vr in SHORT_FORM}
_LONG_NAMES = {_code(vr): vr for vr in LONG_FORM}
_SQ, _UN = _code("SQ"), _code("UN")
_MOST_KNOWN = 50_000


def turned(tag: int) -> int:
    """Return *tag* as the four octets of it read as one number, and the other way round."""
    return (tag & 0xFFFF) << 16 | tag >> 16


_READING = Rule("", "", "", (), ())
"""Stands for the rule of tags that have none, but are read."""


class _ByWord(dict[int, Rule | None]):
    """The rule by turned tag, for every tag: filled as tags are met."""

    def __init__(self, rules: Rules | None) -> None:
        super().__init__()
        self._rules = rules

    def __missing__(self, word: int) -> Rule | None:
        rule = self._rules.of(turned(word)) if self._rules is not None else None
        if rule is None and word in _READ:
            rule = _READING
        if len(self) < _MOST_KNOWN:
            self[word] = rule
        return rule


_READ = frozenset(turned(tag) for tag in READ)
_ENCRYPTED = turned(ENCRYPTED)
_MUTED = _ByWord(None)


def _table(rules: Rules) -> _ByWord:
    key = ("", "", "by word", False, False)
    known = rules.memo.get(key)
    if known is None:
        known = rules.memo[key] = _ByWord(rules)
    return known


class Scanned(NamedTuple):
    """How many elements, items and fragments there are, and those attributes that marks are read from."""

    elements: int
    top: Index


@dataclass
class _Met:
    """What is said of attributes with the same tag, surroundings and outcome, and how many there are."""

    rule: Rule
    type_: str
    said: Said
    times: int = 0


@dataclass
class _Scan:
    """Where the loop stands: the sequences around it (turned tags), the number of the item in each."""

    data: Octets
    collected: Collected
    sequences: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    met: dict[tuple[int, int, str], _Met] = field(default_factory=dict)
    """What was said by tag, sequence around it, and outcome; counted at the end."""

    def leaf(self, word: int, vr: str, value: int, length: int, rule: Rule) -> None:
        """Judge what is no sequence."""
        if rule is self.collected.rules.private:
            self._private(word, rule)
            return
        if self.sequences:
            self.collected.nested += 1
        self._judge(word, vr, length, rule, outcome_of(self.data, vr, value, length, rule))

    def sequence(self, word: int, length: int, rule: Rule, *, filled: bool) -> bool:
        """Judge a sequence; tell whether its inside is of no interest."""
        if rule is self.collected.rules.private:
            self._private(word, rule)
            return True
        outcome = "empty" if not filled else "present" if rule.actions == ("X",) else "items"
        self._judge(word, "SQ", length, rule, outcome)
        return outcome == "present"

    def _private(self, word: int, rule: Rule) -> None:
        action, column = rule.actions[0], rule.columns[0]
        self.collected.count(action, column, "present")
        said = Said(PRIVATE, "fail", action, column)
        self.collected.deviates(self._path(word), rule, "", "present", said)

    def _judge(self, word: int, vr: str, length: int, rule: Rule, outcome: str) -> None:
        parent = self.sequences[-1] if self.sequences else 0
        key = (word, parent, outcome)
        met = self.met.get(key)
        if met is None:
            type_ = self.collected.type_of(turned(word), turned(parent))
            met = self.met[key] = _Met(rule, type_, self.collected.said(rule, type_, outcome))
        met.times += 1
        said = met.said
        if not said.kind:
            return
        if said.kind == UNSURE and met.times > MOST_OPEN:
            return
        told = f"{vr} of {length} octets"
        within = self._within(self.collected.rules)
        self.collected.deviates_as(self._path(word), rule, met.type_, outcome, said, told, within)

    def settle(self) -> None:
        """Count what was met."""
        for (_, _, outcome), met in self.met.items():
            self.collected.judge(met.rule, met.type_, outcome, met.times)

    def _path(self, word: int) -> str:
        parts = [
            f"{tag_text(turned(sequence))}[{number}]"
            for sequence, number in zip(self.sequences, self.numbers, strict=True)
        ]
        return "/".join((*parts, tag_text(turned(word))))

    def _within(self, rules: Rules) -> str:
        """Return the action of the innermost kept or cleaned sequence around."""
        for sequence in reversed(self.sequences):
            rule = rules.of(turned(sequence))
            if rule is not None and rule.action in BY_CONTENT:
                return rule.action
        return ""


def sop_class(data: Octets, start: int) -> str:
    """Return SOP Class UID (0008,0016) if it stands where it has to, near the beginning."""
    position, size = start, len(data)
    while position + 8 <= size:
        word, code, length = _HEAD(data, position)
        if code not in _SHORT or word & 0xFFFF > 8:
            break
        position += 8 + length
        if word == _SOP_CLASS:
            return uid_text(bytes(data[position - length : position]))
    return ""


def scan_octets(data: Octets, start: int, limits: Limits, collected: Collected) -> Scanned | None:
    """Judge every element for itself into *collected*; None if the walk has to decide.

    *collected* is of no use any more then.
    """
    options = collected.rules.options
    if CLEAN_CONTENT in options or SAFE_PRIVATE in options:
        return None
    scan = _Scan(data, collected)
    return _guarded(data, start, limits, _table(collected.rules), scan)


def read_octets(data: Octets, start: int, limits: Limits) -> Scanned | None:
    """Judge nothing, only count and read; None if that takes the walk."""
    return _guarded(data, start, limits, _MUTED, _Scan(data, Collected(rules(), "")))


def _guarded(
    data: Octets, start: int, limits: Limits, table: _ByWord, scan: _Scan
) -> Scanned | None:
    try:
        return _scanned(data, start, limits, table, scan)
    except struct.error:
        return None  # the data ends inside a header


def _scanned(
    data: Octets, start: int, limits: Limits, table: _ByWord, scan: _Scan
) -> Scanned | None:
    sequences, numbers = scan.sequences, scan.numbers
    # The frames around: between items or not, where they end, closed by a delimiter or not, the rules.
    stack: list[tuple[bool, int, bool, _ByWord]] = []
    tops: list[Top] = []
    short, head, read = _SHORT, _HEAD, _READ
    most, deepest = limits.count, limits.depth
    items = undefined = False
    position, limit, count = start, len(data), 0
    while True:
        if position >= limit:
            if undefined:
                return None
            if not stack:
                break
        elif items:
            word, length = _PAIR(data, position)
            position += 8
            if word == _ITEM:
                count += 1
                numbers[-1] += 1
                stack.append((True, limit, undefined, table))
                items, undefined = False, length == _EVER
                if not undefined:
                    if position + length > limit:
                        return None
                    limit = position + length
                continue
            if word != _SEQUENCE_END or not undefined or position > limit:
                return None
        else:
            begun = position
            word, code, length = head(data, position)
            if code in short:
                if word & 0xFFFF == _DELIMITERS:
                    return None
                count += 1
                value = position + 8
                position = value + length
                if position > limit:
                    return None
                rule = table[word]
                if rule is None:
                    continue
                vr = short[code]
            elif word & 0xFFFF == _DELIMITERS:
                position += 8
                if word != _ITEM_END or not undefined or position > limit:
                    return None
                items, limit, undefined, table = stack.pop()
                continue
            else:
                vr = _LONG_NAMES.get(code, "")
                value = position + 12
                if not vr or value > limit:
                    return None
                count += 1
                (length,) = _LENGTH(data, position + 8)
                rule = table[word]
                if length == _EVER:
                    if code != _SQ:
                        if vr[0] != "O" or (rule is not None and rule is not _READING):
                            return None
                        fragments, position = _fragments(data, value, limit)
                        if not position:
                            return None
                        count += fragments
                        if word in read and not stack:
                            tops.append(Top(turned(word), vr, begun, value, UNDEFINED, position))
                        continue
                elif value + length > limit:
                    return None
                if code == _SQ:
                    depth = len(sequences)
                    if depth >= deepest or (word == _ENCRYPTED and depth) or count > most:
                        return None
                    inside = table
                    if word in read and not depth:
                        known, end = length, value + length
                        if length == _EVER:
                            known, end = UNDEFINED, -1  # until it is closed
                        tops.append(Top(turned(word), vr, begun, value, known, end))
                    if length == _EVER:
                        size, filled = 0, _PAIR(data, value)[0] != _SEQUENCE_END
                    else:
                        size, filled = length, length > 0
                    if rule is None or rule is _READING:
                        pass
                    elif scan.sequence(word, size, rule, filled=filled):
                        inside = _MUTED
                    stack.append((False, limit, undefined, table))
                    sequences.append(word)
                    numbers.append(0)
                    items, undefined, table, position = True, length == _EVER, inside, value
                    if not undefined:
                        limit = value + length
                    continue
                position = value + length
                if code == _UN and length > 7 and data[value : value + 4] == HIDDEN_ITEM:
                    return None
                if rule is None:
                    continue
            if word in read and not stack:
                tops.append(Top(turned(word), vr, begun, value, length, position))
            if rule is not _READING:
                scan.leaf(word, vr, value, length, rule)
            continue
        if items:
            sequences.pop()
            numbers.pop()
            if not sequences and tops and tops[-1].vr == "SQ" and tops[-1].end < 0:
                tops[-1] = tops[-1]._replace(end=position)
        items, limit, undefined, table = stack.pop()
    if count > most:
        return None
    scan.settle()
    return Scanned(count, attributes_at(data, tops, EXPLICIT_LITTLE))


def _fragments(data: Octets, position: int, limit: int) -> tuple[int, int]:
    """Return how many fragments there are from *position* on and where they end, 0 if that is not known."""
    count = 0
    while position + 8 <= limit:
        word, length = _PAIR(data, position)
        position += 8
        if word == _SEQUENCE_END:
            return count, position
        if word != _ITEM:
            break
        count += 1
        position += length
    return 0, 0
