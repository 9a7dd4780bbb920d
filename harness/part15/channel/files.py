"""Files to inspect: walked without following links, told apart by their first octets, mapped when large."""

from __future__ import annotations

import contextlib
import mmap
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from part15.wire.cms_outer import sniff

HEAD = 1024
MAPPED_FROM = 1 << 20
MAX_DEPTH = 64

_SYSLOG = re.compile(rb"\A(\d{1,9} )?<\d{1,3}>\d{0,2} ?\S")


@dataclass(frozen=True)
class Found:
    """One entry of a walk: *name* relative to what the user gave, with ``/``.

    *refused* says why it is not looked at: a symbolic link, a device, a folder too deep.
    """

    name: str
    path: Path
    root: Path
    refused: str = ""


def walk(root: Path) -> Iterator[Found]:
    """Yield the files at *root* (a file or a folder), sorted by name within a folder.

    Links below *root* are yielded as refused and never followed; memory is one folder listing per level.
    """
    if not root.is_dir():
        yield Found(root.name, root, root.parent)
        return
    stack: list[Iterator[os.DirEntry[str]]] = []
    prefixes: list[str] = [""]

    def enter(folder: str) -> None:
        with os.scandir(folder) as entries:
            stack.append(iter(sorted(entries, key=lambda e: e.name)))

    enter(str(root))
    while stack:
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
            prefixes.pop()
            continue
        name = prefixes[-1] + entry.name
        path = Path(entry.path)
        if entry.is_symlink():
            yield Found(name, path, root, "a symbolic link; links are not followed")
        elif entry.is_dir(follow_symlinks=False):
            if len(stack) >= MAX_DEPTH:
                yield Found(name, path, root, f"a folder more than {MAX_DEPTH} levels deep")
                continue
            try:
                enter(entry.path)
            except OSError as error:
                yield Found(name, path, root, f"a folder that cannot be read: {error.strerror}")
                continue
            prefixes.append(name + "/")
        elif entry.is_file(follow_symlinks=False):
            yield Found(name, path, root)
        else:
            yield Found(name, path, root, "neither a file nor a folder")


def kind_of(head: bytes) -> str:
    """Tell what a file is by its first octets: ``dicom``, ``cms``, ``pem``, ``xml``, ``syslog``, ``empty``, ``other``."""
    if not head:
        return "empty"
    looks = sniff(head)
    if looks != "other":
        return "dicom" if looks == "plain" else looks
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if _SYSLOG.match(start):
        return "syslog"
    if start.startswith((b"<?xml", b"<!--", b"<AuditMessage", b"<IHEYr4")):
        return "xml"
    return "other"


@dataclass(frozen=True)
class InspectedFile:
    """A file that readers are given: *name* is how reports call it, *octets* its content.

    *octets* of a large file is a view of a memory map: slices of it copy nothing. *path* is None for
    a file that came out of another one (the content of a Secure DICOM File).
    """

    name: str
    kind: str
    octets: bytes | memoryview = field(repr=False)
    path: Path | None = None
    root: Path | None = None
    within: str = ""


@contextlib.contextmanager
def opened(found: Found) -> Iterator[InspectedFile]:
    """Yield the file *found*; raises OSError if it cannot be read."""
    with found.path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        if size < MAPPED_FROM:
            data = stream.read()
            yield InspectedFile(found.name, kind_of(data[:HEAD]), data, found.path, found.root)
            return
        mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        view = memoryview(mapped)
        yield InspectedFile(found.name, kind_of(bytes(view[:HEAD])), view, found.path, found.root)
