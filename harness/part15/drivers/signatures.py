"""Signed objects (PS3.15 Annex C): files of a signer, and every DICOM file that ``part15 inspect`` is given.

``read_object(data, name, trust)`` reads one, ``resolve(objects, opener)`` follows the references of a set.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from part15.bench import Bench
from part15.channel.files import InspectedFile, walk
from part15.channel.keys import trust_of
from part15.channel.reading import Desk, Reading, at_end, folds, reader
from part15.drivers.deid_spill import Spilling
from part15.drivers.signature_signer import signed_by_adapter
from part15.errors import TargetError, Trouble
from part15.model import Impact
from part15.observations import Many, Member, NotReached, from_json, to_json
from part15.observations.signatures import PROVES, SignedObjectSeen
from part15.registry import driver
from part15.wire import part10
from part15.wire.cms_trust import Trust
from part15.wire.elements import MalformedDataSet
from part15.wire.signature_references import resolve
from part15.wire.signature_sets import WHOLE_STUDY, chains, complete_sets, title_of, told
from part15.wire.signature_table import lines, rows
from part15.wire.signed_object import read_file, read_object

__all__ = ["read_files", "read_object", "resolve"]

PROFILES = (
    "digital-signatures-macro",
    "base-rsa",
    "creator-rsa",
    "authorization-rsa",
    "sr-rsa",
)
MAX_FILES = 100_000
_DRAWER = "signatures.objects"
_SAID = "signatures.said"


@driver(Impact.OBSERVE, at="target", adapter=True)
def read_files(
    bench: Bench, *, documents: bool = False, profile: str = ""
) -> Many[SignedObjectSeen] | NotReached:
    """Read every signed DICOM object in ``media.folder``, or what the adapter signs for *profile*.

    With *documents* only reports and key object selections.
    """
    media = getattr(bench.target, "media", None)
    objects: list[SignedObjectSeen] | NotReached
    if media is not None and media.folder:
        objects = bench.shelf.once("signatures.files", lambda: _read_folder(media))
    else:
        key = f"signatures.signed.{profile}"
        objects = bench.shelf.once(key, lambda: _read_signed(bench, profile))
    if isinstance(objects, NotReached):
        return objects
    signed = [o for o in objects if o.levels or o.trouble]
    if not any(o.levels for o in signed):
        return NotReached(
            "signed objects",
            f"none of the {len(objects)} DICOM files carries a signature",
        )
    signed = [o for o in signed if not _is_of_another_claim(o, profile, bench.target)]
    if documents:
        signed = [o for o in signed if o.document is not None]
        if not signed:
            return NotReached("signed documents", "no signed file is a report")
    table = [row for o in signed for row in ({"object": o.name, **r} for r in rows(o))]
    sets = [*map(told, complete_sets(objects)), *chains(objects)]
    kept = json.dumps([PROVES, *table, *sets], indent=1)
    bench.evidence.keep("signatures.json", kept.encode())
    return Many(tuple(Member(o.name, o) for o in signed), "signed object")


def _is_of_another_claim(seen: SignedObjectSeen, profile: str, target: Any) -> bool:
    """Tell whether a report was signed under C.4, where the target claims that beside *profile*.

    What marks such signatures is the purpose code, which C.2 and C.3 do not ask for.
    """
    if profile not in ("creator-rsa", "authorization-rsa"):
        return False
    claimed = "sr-rsa" in (getattr(target, "claims", None) or {})
    return claimed and seen.document is not None and all(s.purposes for s in seen.main)


def _read_folder(media: Any) -> list[SignedObjectSeen] | NotReached:
    folder = Path(media.folder)
    if not folder.is_dir():
        return NotReached("media", f"media.folder {folder.name} is no folder")
    try:
        trust = trust_of(
            [Path(p) for p in media.trust],
            [Path(p) for p in media.intermediates],
            [Path(p) for p in media.crls],
        )
    except TargetError as trouble:
        raise Trouble("media", str(trouble)) from trouble
    found = itertools.islice((f for f in walk(folder) if not f.refused), MAX_FILES)
    return _read(((f.name, f.path) for f in found), trust)


def _read_signed(bench: Bench, profile: str) -> list[SignedObjectSeen] | NotReached:
    signed = signed_by_adapter(bench, profile)
    if isinstance(signed, NotReached):
        return signed
    files, anchor = signed
    return _read(files.items(), trust_of([anchor], [], []))


def _read(files: Iterable[tuple[str, Path]], trust: Trust) -> list[SignedObjectSeen]:
    paths: dict[str, Path] = {}
    objects = []
    for name, path in files:
        try:
            file = part10.open_file(path, name)
        except part10.NotDicom:
            continue
        except MalformedDataSet as trouble:
            objects.append(SignedObjectSeen(name, trouble=f"it cannot be read {trouble}"))
            continue
        except OSError as trouble:
            raise Trouble("media", f"{name} cannot be read: {trouble.strerror}") from trouble
        paths[name] = path
        objects.append(read_file(file, trust))
    return resolve(objects, lambda name: part10.open_file(paths[name], name))


@reader("dicom")
def read_signatures(file: InspectedFile, desk: Desk) -> Iterator[Reading]:
    """Read the signatures of one DICOM file; what refers to other files waits until all are read."""
    seen = read_object(file.octets, file.name, desk.trust)
    _remember(file, seen, desk)
    if _protected(seen):
        return
    if seen.levels:
        yield _reading(seen, desk)
    elif seen.trouble and desk.wants(*PROFILES):
        yield Reading(file.name, seen)
    elif desk.wants(*PROFILES):
        desk.note(f"{seen.name} carries no digital signature")


def _protected(seen: SignedObjectSeen) -> bool:
    return any(r.macs or r.signatures for r in seen.references)


def _reading(seen: SignedObjectSeen, desk: Desk) -> Reading:
    if seen.signatures:
        desk.keep(_SAID, None)
    candidates = ("creator-rsa", "authorization-rsa", *(("sr-rsa",) if seen.document else ()))
    return Reading(
        seen.name,
        seen,
        marks=("base-rsa",) if seen.levels else (),
        candidates=candidates if seen.levels else (),
        notes=tuple(lines(seen)),
    )


@folds(_SAID)
def fold_said(_value: None, desk: Desk) -> None:
    """Say once per inspection what a signature proves."""
    if not desk.drawer.get(_SAID):
        desk.drawer[_SAID] = True
        desk.note(PROVES)


def _remember(file: InspectedFile, seen: SignedObjectSeen, desk: Desk) -> None:
    """Keep what references need: the documents, and of every instance where it is and its signatures."""
    whole = seen if _protected(seen) or seen.document is not None else None
    if seen.sop_instance or whole is not None:
        light = dataclasses.replace(
            seen, present=(), unsignable=(), parameters=(), levels=(), references=()
        )
        facts = json.dumps([str(file.path or ""), to_json(light)], ensure_ascii=False)
        desk.keep(_DRAWER, (seen.sop_instance, facts, whole))


@folds(_DRAWER)
def fold_object(value: tuple[str, str, SignedObjectSeen | None], desk: Desk) -> None:
    """Take one object into the drawer; what is known of instances moves to a disk when it is much."""
    instance, facts, whole = value
    if _DRAWER not in desk.drawer:
        desk.drawer[_DRAWER] = {"objects": Spilling(), "waiting": [], "documents": []}
    kept = desk.drawer[_DRAWER]
    if instance:
        kept["objects"][instance] = facts
    if whole is not None and _protected(whole):
        kept["waiting"].append(whole)
    elif whole is not None and len(kept["documents"]) < MAX_FILES:
        kept["documents"].append(whole)


@at_end
def read_references(desk: Desk) -> Iterator[Reading]:
    """Yield the objects whose references carry MACs or signatures, with what came of them."""
    kept = desk.drawer.get(_DRAWER)
    if not kept or not (kept["waiting"] or kept["documents"]):
        return
    paths: dict[str, str] = {}
    known = {}
    for path, seen in _at_hand(kept["objects"], [*kept["waiting"], *kept["documents"]]):
        known[seen.sop_instance] = seen
        paths[seen.name] = path

    def opener(name: str) -> part10.Part10File:
        if not paths.get(name):
            raise FileNotFoundError(f"{name} is the content of another file")
        return part10.open_file(paths[name], name)

    resolved = resolve([*known.values(), *kept["waiting"]], opener)[len(known) :]
    for seen in resolved:
        yield _reading(seen, desk)
    documents = {o.sop_instance: o for o in (*kept["documents"], *resolved) if o.document}
    everything = list({**known, **documents}.values())
    for sentence in (*map(told, complete_sets(everything)), *chains(everything)):
        desk.note(sentence)


def _at_hand(
    objects: Spilling, documents: list[SignedObjectSeen]
) -> Iterator[tuple[str, SignedObjectSeen]]:
    """Yield path and facts of the instances that *documents* refer to, or whose whole study they state."""
    wanted = {r.sop_instance for o in documents for r in o.references}
    wanted |= {o.sop_instance for o in documents}
    studies = {o.study for o in documents if title_of(o) in WHOLE_STUDY}
    for instance in objects if studies else sorted(wanted):
        stored = objects.get(instance)
        if stored is None:
            continue
        path, seen = json.loads(stored)
        if instance in wanted or seen["study"] in studies:
            yield path, from_json(seen)
