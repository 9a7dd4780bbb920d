"""Releases: any number of files through a pool of processes, in order, in constant memory.

    for name, seen in read_files(files, claim, workers=8):
        ...

``read_one`` is a pure function of one item and the claim, so that another engine can map it as well.
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from part15.observations.deid import DeidSeen, DeidSet
from part15.wire.deid import Claimed, read_object, read_pair
from part15.wire.deid_set import Gathered
from part15.wire.elements import MalformedDataSet
from part15.wire.part10 import open_file

CHUNK = 64
AHEAD = 4
"""Chunks per worker that may be under way: what bounds the memory."""


@dataclass(frozen=True)
class Item:
    """One file of a release, with its original if there is one."""

    name: str
    path: str
    original: str = ""


@dataclass(frozen=True)
class Unread:
    """A file that is no DICOM object, or cannot be read, with the reason."""

    name: str
    why: str


def read_one(item: Item, claim: Claimed) -> DeidSeen | Unread:
    """Return what is seen of one file; trouble with it is an answer, not an exception."""
    try:
        octets = open_file(item.path, item.name).octets
        if not item.original:
            return read_object(octets, item.name, claim)
        return read_pair(open_file(item.original).octets, octets, item.name, claim)
    except MalformedDataSet as trouble:
        return Unread(item.name, str(trouble))
    except OSError as trouble:
        return Unread(item.name, trouble.strerror or str(trouble))


def read_chunk(items: Sequence[Item], claim: Claimed) -> list[DeidSeen | Unread]:
    """Return what is seen of several files."""
    return [read_one(item, claim) for item in items]


def read_files(
    items: Iterable[Item], claim: Claimed, *, workers: int = 0, done: Collection[str] = ()
) -> Iterator[tuple[str, DeidSeen | Unread]]:
    """Yield (name, what was seen) in the order of *items*, without those whose names are in *done*.

    With *workers* 0 as many processes as the machine has; with 1, or with keys to open encrypted
    attributes, which do not leave this process, none. Only a few chunks are under
    way at a time, whatever the length of *items*; stopping the iteration stops the processes.
    """
    left = (item for item in items if item.name not in done)
    if (workers or os.cpu_count() or 1) == 1 or claim.openers:
        for item in left:
            yield item.name, read_one(item, claim)
        return
    count = workers or os.cpu_count() or 1
    with ProcessPoolExecutor(count) as pool:
        waiting: deque[tuple[list[Item], Future[list[DeidSeen | Unread]]]] = deque()
        try:
            while True:
                while len(waiting) < AHEAD * count and (
                    chunk := list(itertools.islice(left, CHUNK))
                ):
                    waiting.append((chunk, pool.submit(read_chunk, chunk, claim)))
                if not waiting:
                    return
                chunk, future = waiting.popleft()
                for item, seen in zip(chunk, future.result(), strict=True):
                    yield item.name, seen
        finally:
            for _, future in waiting:
                future.cancel()


def files_of(folder: Path, originals: Path | None = None) -> Iterator[Item]:
    """Yield the files below *folder*, with those of the same name below *originals*; links are not followed."""
    stack = [folder]
    while stack:
        with os.scandir(stack.pop()) as entries:
            listed = sorted(entries, key=lambda e: e.name)
        for entry in listed:
            if entry.is_symlink():
                continue
            if entry.is_dir():
                stack.append(Path(entry.path))
            elif entry.is_file():
                name = Path(entry.path).relative_to(folder).as_posix()
                original = originals / name if originals is not None else None
                yield Item(
                    name, entry.path, str(original) if original and original.is_file() else ""
                )


def gather(
    seen: Iterable[tuple[str, DeidSeen | Unread]], gathered: Gathered
) -> Iterator[tuple[str, DeidSeen | Unread]]:
    """Pass *seen* on and take every object into *gathered*."""
    for name, one in seen:
        if isinstance(one, DeidSeen):
            gathered.add(one)
        yield name, one


def release_of(
    folder: Path, claim: Claimed, *, originals: Path | None = None, workers: int = 0
) -> DeidSet:
    """Return the set facts of a whole folder."""
    gathered = Gathered()
    for _ in gather(read_files(files_of(folder, originals), claim, workers=workers), gathered):
        pass
    return gathered.result()
