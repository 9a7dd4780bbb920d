"""De-identified objects, read: one alone, or one against its original (PS3.15 Annex E).

    seen = read_object(data, "a.dcm", claim=Claimed("2023b", ("retain-uids",)))
    seen = read_pair(before, after, "a.dcm", claim=...)

No I/O. What cannot be read raises ``MalformedDataSet``; a hostile file is bounded by the walk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from part15.observations.deid import DeidSeen, DeidSet, PixelsSeen, SurvivorSeen
from part15.wire.deid_actions import CANARY, Said
from part15.wire.deid_collect import Collected
from part15.wire.deid_content import ContentRules, PrivateBlocks, advised_actions, noted_safe
from part15.wire.deid_encrypted import encrypted
from part15.wire.deid_fast import scan_elements, shallow
from part15.wire.deid_hunt import Hunter, originals, sought
from part15.wire.deid_index import Attribute, Index, index, indexed
from part15.wire.deid_marks import marked_profiles, marks, meta, pixels
from part15.wire.deid_quick import read_octets, scan_octets, sop_class
from part15.wire.deid_rules import PRIVATE_ROW, Rule, rules
from part15.wire.deid_scan import scan_alone, scan_pair
from part15.wire.deid_set import set_of
from part15.wire.dictionary import tag_number
from part15.wire.elements import EXPLICIT_LITTLE, Limits, Octets
from part15.wire.part10 import Part10File, parse, uid_text

if TYPE_CHECKING:
    from part15.wire.cms_opening import Opener

LIMITS = Limits(depth=128, count=2_000_000)


@dataclass(frozen=True)
class Claimed:
    """What the objects are judged by, and what is known of them.

    *options* are profile ids (``clean-graphics``); *safe* private attributes of the SUT's statement as
    (creator, group, element in the block); *openers* keys by name for Encrypted Attributes; *hunter*
    the planted values; *regions* burned-in text (see ``deid_marks.pixels``); *salt* a secret of the run
    for the hashes; *look_at_pixels* whether Pixel Data may be read; *hunt_originals* seeks the
    identifying values of each original everywhere in its output.
    """

    edition: str = "2023b"
    options: tuple[str, ...] = ()
    safe: frozenset[tuple[str, int, int]] = frozenset()
    openers: Mapping[str, Opener] = field(default_factory=dict)
    hunter: Hunter | None = None
    regions: tuple[tuple[str, bytes, int, int, int, int], ...] = ()
    salt: bytes = b""
    look_at_pixels: bool = False
    hunt_originals: bool = False


def marked(data: Octets) -> tuple[str, ...]:
    """Return the profiles an object says it was de-identified by: what ``inspect`` judges without a claim.

    Raises MalformedDataSet if *data* is no DICOM file.
    """
    file = parse(data)
    if file.syntax == EXPLICIT_LITTLE:
        read = read_octets(file.data_set, file.start, LIMITS)
        if read is not None:
            return marked_profiles(read.top)
    return marked_profiles(shallow(file.data_set, file.walk(LIMITS), file.syntax))


def read_object(data: Octets, name: str, claim: Claimed | None = None) -> DeidSeen:
    """Return what can be seen of one de-identified object without its original.

    Raises MalformedDataSet if *data* is no DICOM file.
    """
    chosen = claim or Claimed()
    file = parse(data, name)
    table = rules(chosen.edition, chosen.options)
    if chosen.hunter is None and file.syntax == EXPLICIT_LITTLE:
        quick = sop_class(file.data_set, file.start) or _media_class(file)
        collected = Collected(table, quick, chosen.salt)
        scanned = scan_octets(file.data_set, file.start, LIMITS, collected)
        if scanned is not None and _sop_class(scanned.top, file) == quick:
            return _seen(file, scanned.top, None, None, collected, chosen, scanned.elements)
    elements = file.walk(LIMITS)
    if chosen.hunter is None:
        top = shallow(file.data_set, elements, file.syntax)
        collected = Collected(table, _sop_class(top, file), chosen.salt)
        if scan_elements(file.data_set, elements, collected):
            return _seen(file, top, None, None, collected, chosen, len(elements))
    after = indexed(file.data_set, elements, big=file.syntax.big)
    collected = Collected(table, _sop_class(after, file), chosen.salt)
    noted, advised = noted_safe(after), advised_actions(after)
    blocks = PrivateBlocks(after, chosen.edition, chosen.safe, noted, advised)
    scan_alone(after, collected, blocks)
    return _seen(file, after, None, None, collected, chosen, len(elements))


def read_pair(before: Octets, after: Octets, name: str, claim: Claimed | None = None) -> DeidSeen:
    """Return what became of every attribute of *before* in *after*.

    Raises MalformedDataSet if either is no DICOM file.
    """
    chosen = claim or Claimed()
    old_file, new_file = parse(before, f"original of {name}"), parse(after, name)
    old, new = index(old_file, LIMITS), index(new_file, LIMITS)
    collected = Collected(
        rules(chosen.edition, chosen.options),
        _sop_class(new, new_file) or _sop_class(old, old_file),
        chosen.salt,
        paired=True,
    )
    noted = noted_safe(old) | noted_safe(new)
    advised = advised_actions(old) | advised_actions(new)
    scan_pair(old, new, collected, PrivateBlocks(new, chosen.edition, chosen.safe, noted, advised))
    return _seen(new_file, new, old_file, old, collected, chosen, len(new.attributes))


def read_set(objects: Iterable[DeidSeen]) -> DeidSet:
    """Return the facts about *objects* together: the maps of UIDs and identifiers, the shifts of dates."""
    return set_of(objects)


def _sop_class(found: Index, file: Part10File) -> str:
    """Return the SOP Class; of a DICOMDIR, which names it in the meta information only, that one."""
    return found.text("(0008,0016)") or _media_class(file)


def _media_class(file: Part10File) -> str:
    return uid_text(file.meta_value(0x00020002) or b"")


def _seen(
    file: Part10File,
    after: Index,
    old_file: Part10File | None,
    before: Index | None,
    collected: Collected,
    claim: Claimed,
    elements: int,
) -> DeidSeen:
    instance = after.text("(0008,0018)")
    looks = claim.look_at_pixels or bool(claim.regions)
    survivors: tuple[SurvivorSeen, ...] = ()
    hunter = claim.hunter
    if hunter is None and claim.hunt_originals and before is not None:
        hunter = Hunter.of(sought(originals(before), collected.rules), parts=False)
    if hunter is not None:
        survivors = _unkept(hunter.hunt(file, after), after, collected)
        if claim.hunter is None:
            survivors += hunter.in_text(file.name, "file name")
        collected.settle_cleaned({s.place for s in survivors})
    return DeidSeen(
        name=file.name,
        edition=collected.rules.edition,
        options=collected.rules.options,
        unknown_options=collected.rules.unknown_options,
        paired=before is not None,
        sop_class=collected.sop_class,
        iod=collected.types.iod,
        elements=elements,
        nested=collected.nested,
        deviations=tuple(collected.deviations),
        more=collected.more,
        tally=collected.tally,
        columns=collected.columns,
        rows=collected.rows,
        conflicts=tuple(collected.conflicts),
        marks=marks(after, before, claim.salt),
        meta=meta(file, instance, old_file),
        pixels=pixels(after, before, claim.regions) if looks else _unread(after),
        encrypted=encrypted(after, before, claim.openers, claim.salt),
        survivors=survivors,
        hunted=len(hunter.canaries) if hunter is not None else 0,
        links=tuple(collected.links),
        shifts=tuple(collected.shifts),
        altered=tuple(collected.altered),
        removed=tuple(collected.removed),
        added=tuple(collected.added),
        integrity=tuple(collected.integrity),
        same_instance=before is not None
        and bool(instance)
        and before.text("(0008,0018)") == instance,
        signatures=tuple(a.path for a in after.attributes if a.tag == 0xFFFAFFFA),
        orphan_macs=_orphan_macs(after),
        registered_changed=tuple(collected.registered_changed),
    )


def _unread(after: Index) -> PixelsSeen:
    """Tell whether there is Pixel Data, without reading it."""
    return PixelsSeen("unread" if "(7FE0,0010)" in after.by_path else "absent")


def _unkept(
    survivors: tuple[SurvivorSeen, ...], after: Index, collected: Collected
) -> tuple[SurvivorSeen, ...]:
    """Leave out what stands in an attribute that an option keeps as it is; list what should be cleaned."""
    content = ContentRules(collected.rules)
    found = []
    for survivor in survivors:
        attribute = after.at(survivor.place)
        rule = None
        if attribute is not None:
            rule = content.of(after, attribute, collected.rules.of(attribute.tag))
            rule = rule or _cleaned_around(attribute, collected)
        if rule is not None:
            if "K" in rule.actions:
                continue
            if "C" in rule.actions and rule.row != PRIVATE_ROW:
                weight = "fail" if survivor.listed else "open"
                said = Said(CANARY, weight, "C", rule.columns[rule.actions.index("C")])
                how = f"{survivor.canary}, {survivor.transform}"
                collected.deviates(survivor.place, rule, "", "kept", said, detail=how)
        found.append(survivor)
    return tuple(found)


def _cleaned_around(attribute: Attribute, collected: Collected) -> Rule | None:
    """Return the rule of the outermost cleaned sequence around an attribute that no row lists."""
    for part in attribute.path.split("/")[:-1]:
        rule = collected.rules.of(tag_number(part.partition("[")[0]))
        if rule is not None and "C" in rule.actions:
            return rule
    return None


def _orphan_macs(after: Index) -> int:
    """Count MAC Parameters Sequences without signatures beside them (reading O-22)."""
    return sum(
        1
        for a in after.attributes
        if a.tag == 0x4FFE0001 and after.at(a.path[: -len("(4FFE,0001)")] + "(FFFA,FFFA)") is None
    )
