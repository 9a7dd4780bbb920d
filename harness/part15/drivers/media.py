"""Secure media (PS3.15 Annex D): files of a creator, file-sets, and what a reader does with good files and mutants."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from part15.channel.files import HEAD, InspectedFile, kind_of
from part15.channel.reading import Desk, Reading, at_end, folds, reader
from part15.drivers.deid_spill import Spilling
from part15.observations.media import FileSetMember, SecureFileSeen, SecureFileSetSeen
from part15.wire import part10
from part15.wire.cms_secure_file import MEDIA_STORAGE_DIRECTORY, beside, look
from part15.wire.elements import MalformedDataSet

PROFILES = ("basic-media-security", "secure-dicom-file")
DIRECTORY = "DICOMDIR"
KINDS = {"enveloped": "secure", "plain": "plain", "other": "foreign"}
"""What a member of a file-set is, by its outermost content; every other content is ``other``."""
_SETS = "media.file-sets"
_FILE_ID = 0x00041500
_MAX_MEMBERS = 1_000_000


@reader()
def read_secure_file(file: InspectedFile, desk: Desk) -> Iterator[Reading | InspectedFile]:
    """Read a CMS file; with Annex D claimed, every file but text, so that a plain one is found.

    Text beside a file-set (a README, a list) is no part of it; only a DICOMDIR that names it makes it one.
    """
    if file.within:
        return
    claimed = desk.wants(*PROFILES)
    directory = PurePosixPath(file.name).name == DIRECTORY
    if file.kind not in ("cms", "pem") and not claimed:
        if file.kind == "dicom":
            _remember(file, desk, "plain", file.octets if directory else None)
        return
    if is_text(file.octets):
        _remember(file, desk, "foreign", None)
        return
    looked = look(file.octets, desk.openers, desk.trust)
    original = _before(file, desk)
    seen = looked.seen if original is None else beside(looked, original)
    kind = KINDS.get(seen.outer, "other")
    _remember(
        file, desk, kind, _directory_octets(file, seen, looked.content) if directory else None
    )
    yield Reading(file.name, seen, marks=PROFILES[:1], notes=_notes(file.name, seen))
    if looked.content is not None and seen.outer == "enveloped" and seen.content is not None:
        inner = "dicom" if seen.content.form == "part10" else "other"
        yield InspectedFile(f"{file.name}!content", inner, looked.content, within=file.name)


def is_text(octets: bytes | memoryview) -> bool:
    """Tell whether a file is text of no kind that Annex D knows (PEM is a wrong encoding of CMS)."""
    kind = kind_of(bytes(octets[:HEAD]))
    if kind in ("xml", "syslog"):
        return True
    return kind == "other" and not any(o < 0x20 and o not in b"\t\r\n\f" for o in octets[:512])


def _before(file: InspectedFile, desk: Desk) -> bytes | None:
    """Return the original of *file* that ``--before`` gives: the file itself, or the one of its name."""
    if desk.before is None:
        return None
    path = desk.before / file.name if desk.before.is_dir() else desk.before
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError:
        return None


def _directory_octets(
    file: InspectedFile, seen: SecureFileSeen, content: memoryview | None
) -> bytes | memoryview | None:
    return file.octets if seen.outer == "plain" else content


def _notes(name: str, seen: SecureFileSeen) -> tuple[str, ...]:
    """Tell the creator, the signed attributes and the recipients of one file."""
    if seen.outer != "enveloped":
        return ()
    sizes = ", ".join(
        f"{r.kind} {r.key_bits} bits" if r.key_bits else r.kind for r in seen.recipients
    )
    if seen.inner is None:
        return (
            f"{name}: recipients {sizes or 'none'}; creator hidden, the content was not decrypted",
        )
    who = "; ".join(s.subject or "a signer without certificate" for s in seen.inner.signers)
    signed = {a for s in seen.inner.signers for a in s.attributes or ()}
    attributes = f"; signed attributes {', '.join(sorted(signed))}" if signed else ""
    return (f"{name}: creator {who or 'not identified'}; recipients {sizes or 'none'}{attributes}",)


def _remember(
    file: InspectedFile, desk: Desk, kind: str, directory: bytes | memoryview | None
) -> None:
    """Keep what the file-set below the same root needs: names and kinds, and its DICOMDIR."""
    if file.root is None:
        return
    references: tuple[str, ...] | None = None
    if directory is not None and PurePosixPath(file.name).name == DIRECTORY:
        references = referenced_files(directory)
    desk.keep(_SETS, (str(file.root), file.name, kind, references))


@folds(_SETS)
def fold_member(value: tuple[str, str, str, tuple[str, ...] | None], desk: Desk) -> None:
    """Take one file into the file-set below its root; names move to a disk when they are many."""
    root, name, kind, references = value
    sets: dict[str, dict[str, Any]] = desk.drawer.setdefault(_SETS, {})
    if root not in sets:
        sets[root] = {"count": 0, "members": Spilling(), "directories": {}}
    found = sets[root]
    if found["count"] < _MAX_MEMBERS:
        found["members"][f"{found['count']:08}"] = f"{kind} {name}"
        found["count"] += 1
    if PurePosixPath(name).name == DIRECTORY:
        found["directories"][name] = (kind, references)


def referenced_files(directory: bytes | memoryview) -> tuple[str, ...] | None:
    """Return the file IDs a DICOMDIR names, with ``/``, or None if it is no readable DICOMDIR (PS3.10 8)."""
    try:
        file = part10.parse(directory)
        elements = file.walk()
    except MalformedDataSet:
        return None
    value = file.meta_value(0x00020002)
    if value is None or part10.uid_text(value) != MEDIA_STORAGE_DIRECTORY:
        return None
    found = []
    for element in elements:
        if element.tag == _FILE_ID and element.length > 0:
            text = bytes(file.data_set[element.value : element.end]).decode("latin-1")
            found.append("/".join(part.strip(" \0") for part in text.split("\\")))
    return tuple(found)


@at_end
def read_file_sets(desk: Desk) -> Iterator[Reading]:
    """Yield one file-set per folder with a DICOMDIR."""
    for root, found in desk.drawer.get(_SETS, {}).items():
        refused = tuple(n for r, n in desk.drawer.get("links", ()) if r == root)
        for name, (kind, references) in found["directories"].items():
            base = name.removesuffix(DIRECTORY)
            listed = (found["members"][n].partition(" ") for n in found["members"])
            members = [(n, k) for k, _, n in listed if n.startswith(base)]
            links = tuple(n for n in refused if n.startswith(base))
            seen = file_set(base, members, kind, references, links)
            secure = any(m.kind == "secure" for m in seen.members)
            if not secure and not desk.wants(*PROFILES):
                continue
            yield Reading(base.rstrip("/") or "file-set", seen, marks=PROFILES[:1])


def file_set(
    base: str,
    members: list[tuple[str, str]],
    kind: str,
    references: tuple[str, ...] | None,
    links: tuple[str, ...] = (),
) -> SecureFileSetSeen:
    """Return the file-set below *base*; *references* are the file IDs of its DICOMDIR, None if unread."""
    names = {name[len(base) :]: k for name, k in members}
    escaping, missing, referenced = [], [], set()
    for reference in references or ():
        parts = reference.split("/")
        if not reference or ".." in parts or "" in parts or ":" in reference:
            escaping.append(reference)
        elif reference in names:
            referenced.add(reference)
        else:
            missing.append(reference)
    unread = kind == "secure" and references is None
    return SecureFileSetSeen(
        directory="unreadable" if unread else kind,
        members=tuple(
            FileSetMember(base + name, k, name in referenced) for name, k in sorted(names.items())
        ),
        escaping=tuple(escaping[:1000]),
        missing=tuple(missing[:1000]),
        links=links,
        truncated=len(members) >= _MAX_MEMBERS,
    )
