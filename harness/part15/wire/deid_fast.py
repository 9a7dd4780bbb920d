"""The quick way to judge one object alone: the rules meet the raw elements, paths are made for deviations only.

Answers as ``deid_scan.scan_alone`` on a whole index does; a release of a million files is judged this
way. What needs neighbours (content items, safe private blocks, sequences hidden in UN) is left to the
slow way: :func:`scan_elements` then answers None.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from part15.wire.deid_actions import PRIVATE, UNSURE, Said
from part15.wire.deid_collect import Collected
from part15.wire.deid_content import CLEAN_CONTENT, SAFE_PRIVATE
from part15.wire.deid_index import HIDDEN_ITEM, Attribute, Index, indexed
from part15.wire.deid_rules import Rule
from part15.wire.deid_values import TEXT, codec_of, is_registered
from part15.wire.dictionary import tag_text
from part15.wire.elements import ITEM, Element, Octets, Syntax, walk

MOST_OPEN = 3
"""How often an undecidable attribute is listed for the same sequence around it; the others are only counted."""
DEPTH = 520
"""More levels of containers than any walk yields (two for each of the sequences it allows)."""
READ = frozenset(
    (0x00080005, 0x00080016, 0x00080018, 0x00120052, 0x00120053, 0x00120062, 0x00120063, 0x00120064,
     0x00280301, 0x00280302, 0x00280303, 0x00880200, 0x04000500, 0x4FFE0001, 0x7FE00010, 0xFFFAFFFA)
)  # fmt: skip
ENCRYPTED = 0x04000500
BY_CONTENT = ("K", "C", "X/Z/U*")
_CURVES = 0x50


class _Place:
    """Where the loop stands: the container at each depth, and the number of the item at each depth.

    The loop writes both itself; entries at or beyond its depth are stale.
    """

    def __init__(self, elements: Sequence[Element]) -> None:
        self.elements = elements
        self.containers = [0] * DEPTH
        self.numbers = [0] * DEPTH

    def path(self, position: int) -> str:
        """Return the path of the element at *position*, which the loop has just reached."""
        element = self.elements[position]
        parts = []
        for level in range(0, element.depth, 2):
            sequence = self.elements[self.containers[level]]
            parts.append(f"{tag_text(sequence.tag)}[{self.numbers[level + 1]}]")
        return "/".join((*parts, tag_text(element.tag)))

    def parent(self, depth: int) -> int:
        """Return the tag of the sequence around elements of *depth*, 0 at the top."""
        return self.elements[self.containers[depth - 2]].tag if depth else 0

    def within(self, depth: int, collected: Collected) -> str:
        """Return the action of the innermost kept or cleaned sequence around *depth*."""
        for level in range(depth - 2, -1, -2):
            rule = collected.rules.of(self.elements[self.containers[level]].tag)
            if rule is not None and rule.action in BY_CONTENT:
                return rule.action
        return ""


def scan_elements(data: Octets, elements: Sequence[Element], collected: Collected) -> bool:
    """Judge every element for itself; tell whether that was possible without an index."""
    rules = collected.rules
    if CLEAN_CONTENT in rules.options or SAFE_PRIVATE in rules.options:
        return False
    exact, private, curve = rules.exact.get, rules.private, rules.curve
    place = _Place(elements)
    containers, numbers = place.containers, place.numbers
    skip = position = -1
    open_: dict[tuple[int, int], int] = {}
    for element in elements:
        position += 1
        if position < skip:
            continue
        tag, vr, _, value, length, _, depth, after = element
        if vr is ITEM:
            containers[depth] = position
            numbers[depth] += 1
            continue
        rule = exact(tag)
        container = after > position + 1
        if rule is None:
            if tag & 0x10000:
                rule = private
            elif tag >> 24 == _CURVES:
                rule = curve
        if rule is None:
            if container:
                containers[depth] = position
                numbers[depth + 1] = 0
                if tag == ENCRYPTED and depth:
                    return False
            elif vr == "UN" and length > 7 and bytes(data[value : value + 4]) == HIDDEN_ITEM:
                return False
            continue
        if vr == "UN" and length > 7 and bytes(data[value : value + 4]) == HIDDEN_ITEM:
            return False
        if rule is private:
            _private(place, position, rule, collected)
            skip = after
            continue
        outcome = _outcome(data, element, rule, sequence=container or vr == "SQ", filled=container)
        if container:
            containers[depth] = position
            numbers[depth + 1] = 0
            if outcome == "present":
                skip = after
        elif depth and vr != "SQ":
            collected.nested += 1
        type_ = collected.type_of(tag, place.parent(depth))
        found = collected.judge(rule, type_, outcome)
        if not found.kind:
            continue
        if found.kind == UNSURE:
            key = tag, place.parent(depth)
            open_[key] = open_.get(key, 0) + 1
            if open_[key] > MOST_OPEN:
                continue
        _list(place, element, position, rule, type_, outcome, found, collected)
    return True


def _outcome(data: Octets, element: Element, rule: Rule, *, sequence: bool, filled: bool) -> str:
    if sequence:
        if not filled:
            return "empty"
        return "present" if rule.actions == ("X",) else "items"
    return outcome_of(data, element.vr, element.value, element.length, rule)


def outcome_of(data: Octets, vr: str, value: int, length: int, rule: Rule) -> str:
    """Return the outcome of an attribute that is no sequence."""
    if length == 0:
        return "empty"
    if 0 < length <= 2 and vr in TEXT and not bytes(data[value : value + length]).strip(b" \0"):
        return "empty"
    if "U" in rule.actions and is_registered(bytes(data[value : value + length])):
        return "items"
    return "present"


def _private(place: _Place, position: int, rule: Rule, collected: Collected) -> None:
    action, column = rule.actions[0], rule.columns[0]
    collected.count(action, column, "present")
    found = Said(PRIVATE, "fail", action, column)
    collected.deviates(place.path(position), rule, "", "present", found)


def _list(
    place: _Place,
    element: Element,
    position: int,
    rule: Rule,
    type_: str,
    outcome: str,
    found: Said,
    collected: Collected,
) -> None:
    length = max(element.length, 0)
    told = f"{element.vr} of {length} octets" if element.vr != "SQ" else f"SQ of {length} octets"
    collected.deviates_as(
        place.path(position),
        rule,
        type_,
        outcome,
        found,
        told,
        place.within(element.depth, collected),
    )


class Top(NamedTuple):
    """An element of the main data set: tag, VR, offsets as of ``elements.Element``."""

    tag: int
    vr: str
    start: int
    value: int
    length: int
    end: int


def shallow(data: Octets, elements: Sequence[Element], syntax: Syntax) -> Index:
    """Return an index of those attributes of the main data set that marks and encrypted items are read from."""
    tops = []
    at, stop = 0, len(elements)
    while at < stop:
        element = elements[at]
        if element[0] in READ:
            vr = "SQ" if element.after > at + 1 and element.vr == "UN" else element.vr
            tops.append(Top(element.tag, vr, *element[2:6]))
        at = element[7]
    return attributes_at(data, tops, syntax)


def attributes_at(data: Octets, tops: Sequence[Top], syntax: Syntax) -> Index:
    """Return an index of *tops* and what is inside of them."""
    found: list[Attribute] = []
    for top in tops:
        if top.vr != "SQ":
            tag, vr, _, value, length, end = top
            name = tag_text(tag)
            found.append(Attribute(name, tag, vr, value, length, end, 0, 0, -1, len(found) + 1))
        else:
            part = walk(data, start=top.start, end=top.end, syntax=syntax)
            base = len(found)
            found += [
                a._replace(after=a.after + base)
                for a in indexed(data, part, big=syntax.big).attributes
            ]
    result = Index(data, syntax.big, found)
    result.by_path = {attribute.path: number for number, attribute in enumerate(found)}
    charset = result.at("(0008,0005)")
    if charset is not None:
        result.charset = codec_of(result.octets(charset))
    return result
