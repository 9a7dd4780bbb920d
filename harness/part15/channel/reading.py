"""Readers: how each family turns a file into observations; ``part15 inspect`` asks all of them.

    @reader("cms", "dicom")
    def read_secure_files(file: InspectedFile, desk: Desk) -> Iterator[Reading | InspectedFile]: ...

A reader yields a :class:`Reading` per thing that it saw, and an InspectedFile for a file it found
inside (which every reader is then asked about). It never raises for hostile content: what is wrong
with a file is part of an observation, or a note on the desk. Readers stand in ``drivers/``.

Files may be read in several processes. What a reader must remember for the end it therefore hands to
``desk.keep(key, value)``; the function registered for that key takes it into the one drawer, in the
order of the files:

    @folds("media.members")
    def fold_member(value: tuple[str, str], desk: Desk) -> None: ...
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from part15.channel.files import InspectedFile
from part15.wire.cms_opening import Opener
from part15.wire.cms_trust import Trust

MAX_NOTES = 500
MAX_LINKS = 100_000
NOTE = "note"


@dataclass(frozen=True)
class Reading:
    """One observation of *subject* (a file name, or more).

    *marks* names the profiles whose marks are in the file: without ``-p`` they are judged and count.
    *candidates* are judged too, but only to say which profiles the file meets. *notes* are sentences
    for the report. *summary*: about all subjects together, and not counted as one more.
    """

    subject: str
    seen: Any
    marks: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    summary: bool = False


@dataclass
class Desk:
    """What readers may use: the claim, the keys, the anchors; and a drawer for the end.

    *claimed* is empty without ``-p``. *before* is the file or folder of originals. *drawer* holds what
    was folded into it, under keys of their own; ``links`` lists (root, name) of what the walk refused
    to follow. *salt* is the secret of the run for hashes. *tray* gathers what is kept while files are
    read elsewhere; None means that it is folded at once.
    """

    claimed: frozenset[str] = frozenset()
    options: tuple[str, ...] = ()
    edition: str = ""
    trust: Trust = field(default_factory=Trust)
    openers: tuple[Opener, ...] = ()
    before: Path | None = None
    notes: list[str] = field(default_factory=list)
    drawer: dict[str, Any] = field(default_factory=dict)
    salt: bytes = field(default_factory=lambda: os.urandom(32), repr=False)
    tray: list[tuple[str, Any]] | None = None
    noted: int = 0
    more: int = 0
    gathered: int = 0

    def keep(self, key: str, value: Any) -> None:
        """Remember *value* (as an observation's field may be) for the end, by the function of *key*."""
        if self.tray is None:
            self.fold(key, value)
        else:
            self.tray.append((key, value))

    def gather(self, key: str, value: Any) -> None:
        """Keep *value*, that will be judged at the end together with others: its file has something to judge."""
        self.gathered += 1
        self.keep(key, value)

    def fold(self, key: str, value: Any) -> None:
        """Take *value* into the drawer."""
        _folds[key][0](value, self)

    def note(self, text: str) -> None:
        """Add a sentence to the report; from the five hundredth on they are only counted."""
        if self.noted >= MAX_NOTES:
            self.more += 1
            return
        self.noted += 1
        if self.tray is None:
            self.notes.append(text)
        else:
            self.tray.append((NOTE, text))

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


Fold = Callable[[Any, Desk], None]

_folds: dict[str, tuple[Fold, bool]] = {}
_readers: dict[str, Reader] = {}
_closers: dict[str, Close] = {}


def reader(*kinds: str) -> Callable[[Read], Read]:
    """Register a reader for files of *kinds* (see ``files.kind_of``)."""

    def register(function: Read) -> Read:
        name = f"{function.__module__}.{function.__name__}"
        _readers[name] = Reader(name, kinds, function)
        return function

    return register


def folds(key: str, *, stored: bool = True) -> Callable[[Fold], Fold]:
    """Register what takes the values kept as *key* into the drawer.

    With *stored* False they hold content of files, and are never written to a disk for a resume.
    """

    def register(function: Fold) -> Fold:
        _folds[key] = function, stored
        return function

    return register


def is_stored(key: str) -> bool:
    """Tell whether values kept as *key* may be written to a disk."""
    return _folds[key][1]


@folds(NOTE)
def fold_note(text: str, desk: Desk) -> None:
    """Add a sentence that was said elsewhere."""
    desk.note(text)


@folds("links")
def fold_link(value: tuple[str, str], desk: Desk) -> None:
    """Remember what the walk refused to follow, as (root, name)."""
    found = desk.drawer.setdefault("links", [])
    if len(found) < MAX_LINKS:
        found.append(tuple(value))


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
