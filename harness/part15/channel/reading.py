"""Readers: how each family turns a file into observations; ``part15 inspect`` asks all of them.

    @reader("cms", "dicom")
    def read_secure_files(file: InspectedFile, desk: Desk) -> Iterator[Reading | InspectedFile]: ...

A reader yields a :class:`Reading` per thing that it saw, and an InspectedFile for a file it found
inside (which every reader is then asked about). It never raises for hostile content: what is wrong
with a file is part of an observation, or a note on the desk. Readers stand in ``drivers/``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from part15.channel.files import InspectedFile
from part15.wire.cms_opening import Opener
from part15.wire.cms_trust import Trust

MAX_NOTES = 500


@dataclass(frozen=True)
class Reading:
    """One observation of *subject* (a file name, or more).

    *marks* names the profiles whose marks are in the file: without ``-p`` they are judged and count.
    *candidates* are judged too, but only to say which profiles the file meets. *notes* are sentences
    for the report.
    """

    subject: str
    seen: Any
    marks: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class Desk:
    """What readers may use: the claim, the keys, the anchors, and a drawer of their own between files.

    *claimed* is empty without ``-p``. *before* is the file or folder of originals. *drawer* keeps what a
    reader must remember until the end, under a key of its own; ``links`` lists (root, name) of what the
    walk refused to follow.
    """

    claimed: frozenset[str] = frozenset()
    options: tuple[str, ...] = ()
    edition: str = ""
    trust: Trust = field(default_factory=Trust)
    openers: tuple[Opener, ...] = ()
    before: Path | None = None
    notes: list[str] = field(default_factory=list)
    drawer: dict[str, Any] = field(default_factory=dict)

    def note(self, text: str) -> None:
        """Add a sentence to the report; from the five hundredth on they are only counted."""
        if len(self.notes) < MAX_NOTES:
            self.notes.append(text)
        else:
            self.drawer["desk.more"] = self.drawer.get("desk.more", 0) + 1

    def wants(self, *profiles: str) -> bool:
        """Tell whether one of *profiles* is claimed by ``-p``."""
        return bool(self.claimed & set(profiles))


Read = Callable[[InspectedFile, Desk], Iterable[Reading | InspectedFile]]
Close = Callable[[Desk], Iterable[Reading]]


@dataclass(frozen=True)
class Reader:
    """A registered reader: the kinds of files it is asked about (none means every file)."""

    name: str
    kinds: tuple[str, ...]
    read: Read


_readers: dict[str, Reader] = {}
_closers: dict[str, Close] = {}


def reader(*kinds: str) -> Callable[[Read], Read]:
    """Register a reader for files of *kinds* (see ``files.kind_of``)."""

    def register(function: Read) -> Read:
        name = f"{function.__module__}.{function.__name__}"
        _readers[name] = Reader(name, kinds, function)
        return function

    return register


def at_end(function: Close) -> Close:
    """Register what is asked for readings about the whole set once every file was read."""
    _closers[f"{function.__module__}.{function.__name__}"] = function
    return function


def readers() -> tuple[Reader, ...]:
    """Return every reader, sorted by name; imports ``part15.drivers`` on first use."""
    from part15.registry import drivers

    drivers()
    return tuple(_readers[name] for name in sorted(_readers))


def closers() -> tuple[Close, ...]:
    """Return what is to be asked at the end, sorted by name."""
    return tuple(_closers[name] for name in sorted(_closers))
