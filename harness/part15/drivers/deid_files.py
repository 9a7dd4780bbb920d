"""De-identified files for ``part15 inspect``: each alone or against its original, then all of them together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from part15.channel.files import InspectedFile
from part15.channel.reading import Desk, Reading, at_end, folds, reader
from part15.drivers.deid_spill import Spilling
from part15.observations.deid import DeidSeen, DeidSet
from part15.wire.cms_opening import RsaOpener
from part15.wire.deid import Claimed, marked, read_object, read_pair
from part15.wire.deid_rules import BASIC, expanded, options
from part15.wire.deid_set import Gathered, contribution
from part15.wire.elements import MalformedDataSet

_SET = "deid.set"
_MOST_ORIGINAL = 1 << 31


@reader("dicom")
def read_deidentified(file: InspectedFile, desk: Desk) -> Iterator[Reading]:
    """Read a DICOM file that is claimed, or says, to be de-identified, or whose original is at hand."""
    claimed = desk.wants(BASIC, *options())
    try:
        marks = marked(file.octets)
        if not (claimed or marks or desk.before is not None):
            return
        seen = _seen(file, desk, _options(desk, () if claimed else marks))
    except MalformedDataSet as trouble:
        if claimed:
            desk.note(f"{file.name} cannot be read as a de-identified object: {trouble}")
        return
    if marks or claimed:
        desk.keep(_SET, contribution(seen))
    candidates = () if marks else (BASIC,)
    yield Reading(file.name, seen, marks=marks, candidates=candidates, notes=_notes(seen))


@folds(_SET)
def fold_object(seen: DeidSeen, desk: Desk) -> None:
    """Take one object into the facts about all of them."""
    if _SET not in desk.drawer:
        desk.drawer[_SET] = Gathered(Spilling(), Spilling(), Spilling())
    desk.drawer[_SET].add(seen)


def _options(desk: Desk, marks: tuple[str, ...]) -> tuple[str, ...]:
    """Return the options that are claimed by name or as profiles, or that the object names."""
    return expanded((*desk.options, *desk.claimed, *marks))


def _seen(file: InspectedFile, desk: Desk, chosen: tuple[str, ...]) -> DeidSeen:
    keys = {f"key {n}": o for n, o in enumerate(desk.openers, 1) if isinstance(o, RsaOpener)}
    edition = desk.edition or "2023b"
    claim = Claimed(edition, chosen, openers=keys, salt=desk.salt, hunt_originals=True)
    original = original_of(file, desk.before)
    if original is None:
        if desk.before is not None:
            desk.note(f"{file.name} has no original of the same name in {desk.before.name}")
        return read_object(file.octets, file.name, claim)
    return read_pair(original.read_bytes(), file.octets, file.name, claim)


def original_of(file: InspectedFile, before: Path | None) -> Path | None:
    """Return the original of *file*: *before* itself, or the file of the same relative name below it."""
    if before is None:
        return None
    if before.is_file():
        return before
    relative = PurePosixPath(file.name)
    if file.path is not None and file.root is not None and file.path.is_relative_to(file.root):
        relative = PurePosixPath(file.path.relative_to(file.root).as_posix())
    found = before / relative
    if found.is_file() and not found.is_symlink() and found.stat().st_size <= _MOST_ORIGINAL:
        return found
    return None


def _notes(seen: DeidSeen) -> tuple[str, ...]:
    """Tell what the table cannot judge: orphaned MAC parameters, options of another edition."""
    notes = []
    if seen.orphan_macs:
        notes.append(f"{seen.name} has MAC Parameters without signatures (reading O-22)")
    if seen.unknown_options:
        listed = ", ".join(seen.unknown_options)
        notes.append(
            f"{seen.name} was judged without {listed}: the table of {seen.edition} has no such option"
        )
    return tuple(notes)


@at_end
def read_release(desk: Desk) -> Iterator[Reading]:
    """Read the facts about all de-identified files together."""
    gathered: Gathered | None = desk.drawer.pop(_SET, None)
    if gathered is None:
        return
    facts = gathered.result()
    note = (
        f"{facts.objects} de-identified objects, {facts.pairs} with originals; codes: "
        f"{', '.join(facts.codes) or 'none'}; inserted attributes: "
        f"{', '.join(facts.inserted[:20]) or 'none'}"
    )
    yield Reading("the release", facts, marks=(BASIC,), notes=(note, *_told(facts)), summary=True)


def _told(facts: DeidSet) -> Iterator[str]:
    """Tell what else a statement has to say of a release (E.1.3)."""
    if facts.links:
        scope = "one original has several replacements" if facts.split else "alike in all of them"
        yield f"{facts.links} times a UID or an identifier was replaced, {scope}"
    if facts.transfer_syntaxes:
        yield f"Encrypted Attributes in transfer syntax {', '.join(facts.transfer_syntaxes)}"
