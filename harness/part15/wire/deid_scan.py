"""Judges the attributes of one object against the rules: alone, or against its original.

Alone, only what must not be there, or must not be empty, can be said; a value that should have been
replaced is *present*, and whether it was is not known. Paired, a value counts as *kept* when it is
one that the original has in the same attribute, at any place: items may be reordered.
"""

from __future__ import annotations

from dataclasses import replace

from part15.wire.deid_actions import EMPTIED, INVALID, LEFT, Said
from part15.wire.deid_alignment import aligned
from part15.wire.deid_collect import Collected, named
from part15.wire.deid_content import ContentRules, PrivateBlocks
from part15.wire.deid_index import LARGE, Attribute, Index
from part15.wire.deid_private import declared_gone, judge_private, private_outcome
from part15.wire.deid_rules import Rule
from part15.wire.deid_values import days, digest, flaw, is_harmless, is_registered, same
from part15.wire.dictionary import tag_number, tag_text, vr_of

MODIFIED = "retain-long-modified-dates"
INSERTED = frozenset(
    (
        0x00120062,
        0x00120063,
        0x00120064,
        0x00280301,
        0x00280302,
        0x00280303,
        0x04000500,
        0x00120052,
        0x00120053,
    )
)
"""Attributes that the profile itself or an option adds."""
_BY_CONTENT = frozenset(["K", "C", "X/Z/U*"])
_LINKED = {0x00100020: "patient-id", 0x00200010: "study-id", 0x00080050: "accession-number"}
_SIGNATURES = 0xFFFAFFFA
_CHARSET = 0x00080005
_DATES = ("DA", "DT")


def scan_alone(index: Index, collected: Collected, blocks: PrivateBlocks) -> None:
    """Judge every attribute of *index* for itself."""
    content = ContentRules(collected.rules)
    skip = 0
    for position, attribute in enumerate(index.attributes):
        if position < skip:
            continue
        rule = content.of(index, attribute, collected.rules.of(attribute.tag))
        if rule is None:
            continue
        if attribute.tag & 0x10000:
            if judge_private(attribute, rule, "present", collected, blocks):
                skip = attribute.after
            continue
        if attribute.items < 0:
            collected.nested += bool(attribute.level)
        elif rule.action in _BY_CONTENT:
            collected.holds(attribute.path, rule.action)
        outcome = _alone(index, attribute, rule)
        type_ = collected.type_of(attribute.tag, attribute.parent)
        found = collected.judge(rule, type_, outcome)
        if found.kind:
            value = (
                index.octets(attribute) if attribute.items < 0 and attribute.length < LARGE else b""
            )
            collected.deviates(
                attribute.path, rule, type_, outcome, found, value=value, vr=attribute.vr
            )
        if rule.actions == ("X",) and attribute.items >= 0:
            skip = attribute.after


def _alone(index: Index, attribute: Attribute, rule: Rule) -> str:
    if attribute.items >= 0:
        if attribute.items == 0:
            return "empty"
        return "present" if rule.actions == ("X",) else "items"
    if attribute.length == 0 or (attribute.length <= 2 and not index.plain(attribute)):
        return "empty"
    if "U" in rule.actions and is_registered(index.octets(attribute)):
        return "items"
    return "present"


def scan_pair(before: Index, after: Index, collected: Collected, blocks: PrivateBlocks) -> None:
    """Judge every attribute of *after* against *before*, then what of *before* is gone."""
    before, own = aligned(before, after)
    known = _known(before, collected)
    content = ContentRules(collected.rules)
    study = _study(before, collected)
    skip = 0
    for position, attribute in enumerate(after.attributes):
        if position < skip:
            continue
        rule = content.of(after, attribute, collected.rules.of(attribute.tag))
        if rule is None:
            _unlisted(before, after, attribute, collected)
            continue
        if attribute.tag & 0x10000:
            if judge_private(
                attribute, rule, private_outcome(before, after, attribute), collected, blocks
            ):
                skip = attribute.after
            continue
        if attribute.items >= 0:
            _sequence(before, after, position, rule, collected)
            if rule.actions == ("X",):
                skip = attribute.after
            continue
        collected.nested += bool(attribute.level)
        _leaf(before, after, attribute, rule, known, study, collected)
    _gone(before, after, own, collected)
    declared_gone(before, after, collected, blocks)
    _settle_dates(collected)


def _known(before: Index, collected: Collected) -> dict[int, set[bytes]]:
    """Return the values that the original has in each listed attribute, at any depth; of UIDs, in any of them."""
    found: dict[int, set[bytes]] = {}
    for attribute in before.attributes:
        if attribute.items >= 0 or attribute.tag & 0x10000 or attribute.length >= LARGE:
            continue
        if collected.rules.of(attribute.tag) is not None:
            found.setdefault(_home(attribute), set()).add(before.plain(attribute))
    return found


def _home(attribute: Attribute) -> int:
    """Return under what values are known: UIDs refer to each other, so all of them under 0."""
    return 0 if vr_of(attribute.tag) == "UI" else attribute.tag


def _study(before: Index, collected: Collected) -> str:
    study = before.at("(0020,000D)")
    return digest(before.plain(study), collected.salt) if study is not None else ""


def _leaf(
    before: Index,
    after: Index,
    attribute: Attribute,
    rule: Rule,
    known: dict[int, set[bytes]],
    study: str,
    collected: Collected,
) -> None:
    type_ = collected.type_of(attribute.tag, attribute.parent)
    value = after.plain(attribute) if attribute.length < LARGE else after.octets(attribute)
    twin = before.at(attribute.path)
    old = before.plain(twin) if twin is not None and twin.items < 0 else None
    if old and value and same(old, value, attribute.vr, before.charset, after.charset):
        value = old
    outcome = _outcome(value, old, attribute, rule, known)
    found = collected.judge(rule, type_, outcome)
    if found.kind == LEFT and found.action != "X" and is_harmless(value, attribute.vr):
        found = found._replace(weight="warn")
    if found.kind == "empty" and old == b"":
        found = found._replace(weight="warn")
    if outcome == "changed" and old and value:
        _link(attribute, rule, old, value, study, collected)
    wrong = ""
    if outcome in ("changed", "present") and found.action not in ("X", "K"):
        wrong = flaw(value, attribute.vr, after.charset)
        if wrong and old and flaw(old, attribute.vr, before.charset):
            wrong = ""
    if wrong:
        found = Said(INVALID, "fail", found.action, found.column)
    if found.kind:
        collected.deviates(
            attribute.path, rule, type_, outcome, found, value=value, vr=attribute.vr, detail=wrong
        )


def _outcome(
    value: bytes, old: bytes | None, attribute: Attribute, rule: Rule, known: dict[int, set[bytes]]
) -> str:
    if ("K" in rule.actions or "C" in rule.actions) and old is not None:
        return "kept" if value == old else "changed" if value else "empty"
    if not value:
        return "empty"
    if "U" in rule.actions and is_registered(value):
        return "changed"
    if value == old or value in known.get(_home(attribute), ()):
        return "kept"
    if attribute.length >= LARGE and old is not None:
        return "kept" if value == old else "changed"
    return "changed"


def _link(
    attribute: Attribute, rule: Rule, old: bytes, new: bytes, study: str, collected: Collected
) -> None:
    """Remember what became of a value that has to be replaced alike in the whole set."""
    is_uid = "U" in rule.actions or ("P" in rule.actions and attribute.vr == "UI")
    kind = "uid" if is_uid else _LINKED.get(attribute.tag)
    if kind and not (kind == "uid" and is_registered(old)):
        salt = collected.salt
        collected.links[kind, digest(old, salt), digest(new, salt)] = None
    if attribute.vr in _DATES and MODIFIED in rule.columns and len(collected.shifts) < 64:
        was, now = days(old), days(new)
        if was is not None and now is not None:
            collected.shifts[study, now - was] = None


def _sequence(before: Index, after: Index, position: int, rule: Rule, collected: Collected) -> None:
    attribute = after.attributes[position]
    type_ = collected.type_of(attribute.tag, attribute.parent)
    twin_at = before.by_path.get(attribute.path)
    twin = before.attributes[twin_at] if twin_at is not None else None
    detail = ""
    if attribute.items == 0:
        outcome = (
            "kept" if twin is not None and twin.items == 0 and "K" in rule.actions else "empty"
        )
    elif any(action in _BY_CONTENT for action in rule.actions):
        outcome = "items"
        if rule.action in _BY_CONTENT:
            collected.holds(attribute.path, rule.action)
        if twin is not None and twin.items > attribute.items and rule.retained:
            outcome, detail = "changed", f"{attribute.items} of {twin.items} items are left"
    elif attribute.tag == _SIGNATURES and _signed_anew(before, after):
        collected.count(rule.actions[0], rule.columns[0], "changed")
        return
    elif rule.actions == ("X",) or (
        twin_at is not None and before.content(twin_at) == after.content(position)
    ):
        outcome = "kept"
    else:
        outcome = "changed"
    found = collected.judge(rule, type_, outcome)
    if found.kind == EMPTIED and found.action == "X":
        found = found._replace(kind=LEFT)  # the sequence itself is what had to go
    if found.kind:
        collected.deviates(
            attribute.path, rule, type_, outcome, found, detail=detail or f"{attribute.items} items"
        )


def _signed_anew(before: Index, after: Index) -> bool:
    """Tell whether no certificate of the original's signatures is in the output (E.1.1 note 8)."""
    old = {before.plain(a) for a in before.attributes if a.tag == 0x04000115}
    new = {after.plain(a) for a in after.attributes if a.tag == 0x04000115}
    return bool(new) and not old & new


def _gone(before: Index, after: Index, own: dict[str, str], collected: Collected) -> None:
    """Judge what the original has and the output has not, outside what went as a whole.

    *own* has the paths in the original where those in *before* are others.
    """
    content = ContentRules(collected.rules)
    skip = 0
    for position, attribute in enumerate(before.attributes):
        if position < skip:
            continue
        twin = after.at(attribute.path)
        if twin is not None:
            if attribute.items > 0 and twin.items <= 0:
                skip = attribute.after
            if not attribute.level and not attribute.tag & 0x10000:
                _emptied(before, attribute, twin, collected)
            continue
        if attribute.items >= 0:
            skip = attribute.after
        rule = content.of(before, attribute, collected.rules.of(attribute.tag))
        type_ = collected.type_of(attribute.tag, attribute.parent)
        if not attribute.level and type_ in ("1", "2") and not (rule and rule.actions == ("X",)):
            named(collected.integrity, f"{tag_text(attribute.tag)} of Type {type_} is missing")
        if rule is None or attribute.tag & 0x10000:
            if rule is None and not attribute.level and attribute.tag & 0xFFFF:
                named(collected.removed, attribute.path)
            continue
        if rule.row.startswith("E.3.4-1") and "K" not in rule.actions:
            continue
        found = collected.judge(rule, type_, "absent")
        if found.kind and (not attribute.level or found.kind == "not-kept"):
            if found.kind == "not-kept" and (
                (rule.row[:1] == "(" and _item_gone(attribute, after))
                or _in_replaced(attribute, collected)
            ):
                continue
            path = own.get(attribute.path, attribute.path)
            collected.deviates(path, rule, type_, "absent", found)


def _item_gone(attribute: Attribute, after: Index) -> bool:
    """Tell whether the item that *attribute* stood in is not in the output at all."""
    sequence, _, number = attribute.path.rpartition("/")[0].rpartition("[")
    holder = after.at(sequence) if sequence else None
    return bool(sequence) and (holder is None or holder.items < int(number.rstrip("]") or 0))


def _in_replaced(attribute: Attribute, collected: Collected) -> bool:
    """Tell whether *attribute* stands in a sequence that has to be replaced or removed itself."""
    for part in attribute.path.split("/")[:-1]:
        rule = collected.rules.of(tag_number(part.partition("[")[0]))
        if rule is not None and not any(action in _BY_CONTENT for action in rule.actions):
            return True
    return False


def _emptied(before: Index, old: Attribute, new: Attribute, collected: Collected) -> None:
    rule = collected.rules.of(old.tag)
    if not old.length or new.length or (rule is not None and rule.actions == ("X",)):
        return
    if collected.types.top(old.tag) != "1":
        return
    if old.items > 0 or before.plain(old):
        named(collected.integrity, f"{tag_text(old.tag)} of Type 1 is empty")


def _unlisted(before: Index, after: Index, attribute: Attribute, collected: Collected) -> None:
    """Note what no row lists and is new or different; values of more than a mebibyte are not read."""
    if attribute.tag in INSERTED or attribute.path.startswith(("(0012,0064)[", "(0400,0500)[")):
        return
    twin = before.at(attribute.path)
    if twin is None:
        if not attribute.level and attribute.tag & 0xFFFF:
            named(collected.added, attribute.path)
        return
    if attribute.items >= 0 or not attribute.tag & 0xFFFF:
        return
    if max(attribute.length, twin.length) >= LARGE or attribute.length < 0 or twin.length < 0:
        return
    old, new = before.plain(twin), after.plain(attribute)
    if old != new and attribute.tag != _CHARSET:
        named(collected.altered, attribute.path)
        if attribute.vr == "UI" and is_registered(old):
            named(collected.registered_changed, attribute.path)


def _settle_dates(collected: Collected) -> None:
    """Decide dates that stayed although they should be modified: a few may, all may not (E.3.6)."""
    moved = collected.columns.get(f"{MODIFIED} changed", 0)
    for at, seen in enumerate(collected.deviations):
        if seen.column == MODIFIED and seen.action == "C" and seen.outcome == "kept":
            whole = seen.value[:2] in _DATES and not moved
            weight = "fail" if whole else "warn"
            collected.deviations[at] = replace(seen, kind=LEFT, weight=weight)
