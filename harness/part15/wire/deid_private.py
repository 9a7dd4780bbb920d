"""Private attributes of one object: removed, or known to be safe, or treated as the object recommends (E.2, E.3.10)."""

from __future__ import annotations

from part15.wire.deid_actions import NOT_KEPT, PRIVATE, Said
from part15.wire.deid_collect import Collected
from part15.wire.deid_content import SAFE_PRIVATE, PrivateBlocks, is_creator
from part15.wire.deid_index import LARGE, Attribute, Index
from part15.wire.deid_rules import Rule


def judge_private(
    attribute: Attribute, rule: Rule, outcome: str, collected: Collected, blocks: PrivateBlocks
) -> bool:
    """Judge a private attribute; return whether the inside of it is not to be looked at."""
    action, column = rule.actions[0], rule.columns[0]
    detail = ""
    if column == SAFE_PRIVATE:
        if is_creator(attribute.tag):
            if _reserves_safe(attribute, blocks):
                collected.count(action, column, "kept")
                return False
            detail = "a private creator without an attribute in its block that may stay"
        elif blocks.is_safe(attribute):
            collected.count(action, column, "kept")
            return False
        elif _as_advised(attribute, outcome, blocks):
            collected.count(blocks.advice(attribute), column, outcome)
            return False
        elif not blocks.creator(attribute):
            detail = "no private creator reserves its block"
        else:
            detail = "nothing says that it is safe"
    collected.count(action, column, outcome)
    found = Said(PRIVATE, "fail", action, column)
    collected.deviates(attribute.path, rule, "", outcome, found, detail=detail)
    return True


def _as_advised(attribute: Attribute, outcome: str, blocks: PrivateBlocks) -> bool:
    """Tell whether an attribute that is not safe was emptied or replaced as (0008,0307) recommends (E.3.10)."""
    action = blocks.advice(attribute)
    if action not in ("D", "Z", "U") or outcome == "kept":
        return False
    return action == "Z" or bool(attribute.length)


def _reserves_safe(creator: Attribute, blocks: PrivateBlocks) -> bool:
    """Tell whether an attribute that may stay is in the block that *creator* reserves, in its data set."""
    index = blocks.index
    item = creator.path[: -len("(0009,0010)")]
    block = creator.tag & 0xFF
    start = index.by_path[creator.path]
    for other in index.attributes[start + 1 :]:
        if other.tag >> 16 != creator.tag >> 16 or not other.path.startswith(item):
            if other.level <= creator.level:
                break
            continue
        if (
            other.level == creator.level
            and other.tag >> 8 & 0xFF == block
            and (blocks.is_safe(other) or blocks.advice(other) in ("D", "Z", "U"))
        ):
            return True
    return False


def private_outcome(before: Index, after: Index, attribute: Attribute) -> str:
    """Return kept unless the value differs from that of the original at the same place."""
    twin = before.at(attribute.path)
    if twin is None:
        return "present"
    if max(twin.items, attribute.items) >= 0 or max(twin.length, attribute.length) >= LARGE:
        return "kept"
    same_value = before.plain(twin) == after.plain(attribute)
    return "kept" if same_value and attribute.length else "changed"


def declared_gone(before: Index, after: Index, collected: Collected, blocks: PrivateBlocks) -> None:
    """List private attributes that the SUT declares as safe and removed all the same (E.3.10)."""
    rule = collected.rules.private
    if rule is None or rule.columns != (SAFE_PRIVATE,) or not blocks.declared:
        return
    old = PrivateBlocks(before, blocks.edition, blocks.declared)
    for attribute in before.attributes:
        if (
            not attribute.tag & 0x10000
            or is_creator(attribute.tag)
            or attribute.path in after.by_path
        ):
            continue
        if (old.creator(attribute), attribute.tag >> 16, attribute.tag & 0xFF) in blocks.declared:
            found = Said(NOT_KEPT, "fail", rule.actions[0], SAFE_PRIVATE)
            detail = "declared as safe"
            collected.deviates(attribute.path, rule, "", "absent", found, detail=detail)
