"""Signed objects (PS3.15 Annex C): files of a signer, and every DICOM file that ``part15 inspect`` is given.

``read_object(data, name, trust)`` reads one, ``resolve(objects, opener)`` follows the references of a set.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from part15.bench import Bench
from part15.channel.files import InspectedFile, walk
from part15.channel.keys import trust_of
from part15.channel.reading import Desk, Reading, at_end, reader
from part15.errors import Trouble
from part15.model import Impact
from part15.observations import Many, Member, NotReached
from part15.observations.signatures import PROVES, SignedObjectSeen
from part15.registry import driver
from part15.wire import part10
from part15.wire.elements import MalformedDataSet
from part15.wire.signature_references import resolve
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


@driver(Impact.OBSERVE)
def read_files(bench: Bench, *, documents: bool = False) -> Many[SignedObjectSeen] | NotReached:
    """Read every signed DICOM object in ``media.folder``; with *documents* only reports and key object selections."""
    objects = bench.shelf.once("signatures.files", lambda: _read_folder(bench))
    if isinstance(objects, NotReached):
        return objects
    signed = [o for o in objects if o.levels or o.trouble]
    if not any(o.levels for o in signed):
        return NotReached(
            "signed objects",
            f"none of the {len(objects)} DICOM files in media.folder carries a signature",
        )
    if documents:
        signed = [o for o in signed if o.document is not None]
        if not signed:
            return NotReached("signed documents", "no signed file in media.folder is a report")
    table = [row for o in signed for row in ({"object": o.name, **r} for r in rows(o))]
    bench.evidence.keep("signatures.json", json.dumps([PROVES, *table], indent=1).encode())
    return Many(tuple(Member(o.name, o) for o in signed), "signed object")


def _read_folder(bench: Bench) -> list[SignedObjectSeen] | NotReached:
    media = getattr(bench.target, "media", None)
    if media is None or not getattr(media, "folder", ""):
        return NotReached("media", "the target names no media.folder with signed objects")
    folder = Path(media.folder)
    if not folder.is_dir():
        return NotReached("media", f"media.folder {folder.name} is no folder")
    trust = trust_of(
        [Path(p) for p in media.trust],
        [Path(p) for p in media.intermediates],
        [Path(p) for p in media.crls],
    )
    paths: dict[str, Path] = {}
    objects = []
    for found in walk(folder):
        if found.refused or len(paths) >= MAX_FILES:
            continue
        try:
            file = part10.open_file(found.path, found.name)
        except part10.NotDicom:
            continue
        except MalformedDataSet as trouble:
            objects.append(SignedObjectSeen(found.name, trouble=f"it cannot be read {trouble}"))
            continue
        except OSError as trouble:
            raise Trouble("media", f"{found.name} cannot be read: {trouble.strerror}") from trouble
        paths[found.name] = found.path
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
    if seen.signatures and not desk.drawer.get(_SAID):
        desk.drawer[_SAID] = True
        desk.note(PROVES)
    candidates = ("creator-rsa", "authorization-rsa", *(("sr-rsa",) if seen.document else ()))
    return Reading(
        seen.name,
        seen,
        marks=("base-rsa",) if seen.levels else (),
        candidates=candidates if seen.levels else (),
        notes=tuple(lines(seen)),
    )


def _remember(file: InspectedFile, seen: SignedObjectSeen, desk: Desk) -> None:
    """Keep what references need: where the instance is, and UID and value of its signatures."""
    kept: dict[str, Any] = desk.drawer.setdefault(
        _DRAWER, {"objects": {}, "paths": {}, "waiting": []}
    )
    if seen.sop_instance and len(kept["objects"]) < MAX_FILES:
        kept["objects"][seen.sop_instance] = dataclasses.replace(
            seen, present=(), unsignable=(), parameters=(), levels=(), references=()
        )
    if file.path is not None:
        kept["paths"][file.name] = file.path
    if _protected(seen):
        kept["waiting"].append(seen)


@at_end
def read_references(desk: Desk) -> Iterator[Reading]:
    """Yield the objects whose references carry MACs or signatures, with what came of them."""
    kept = desk.drawer.get(_DRAWER)
    if not kept:
        return
    paths: dict[str, Path] = kept["paths"]

    def opener(name: str) -> part10.Part10File:
        if name not in paths:
            raise FileNotFoundError(f"{name} is the content of another file")
        return part10.open_file(paths[name], name)

    known = list(kept["objects"].values())
    for seen in resolve([*known, *kept["waiting"]], opener)[len(known) :]:
        yield _reading(seen, desk)
