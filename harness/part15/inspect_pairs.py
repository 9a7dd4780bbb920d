"""Objects and folders compared pairwise (PS3.15 A.3): ``part15 compare``, and the pairs of ``inspect --before``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from part15.channel.files import walk
from part15.errors import TargetError
from part15.observations import Many, Member
from part15.observations.comparison import ComparisonSeen
from part15.wire import part10
from part15.wire.comparison import compare_octets
from part15.wire.elements import MalformedDataSet

BUFFER = 256 << 10
_SOP_INSTANCE = 0x00020003
_MAX_HEAD = 4096


@dataclass(frozen=True)
class Comparison:
    """Two objects or folders: one ComparisonSeen per pair, and what had no partner."""

    pairs: Many[ComparisonSeen]
    only_before: tuple[str, ...] = ()
    only_after: tuple[str, ...] = ()
    identical: int = 0
    """How many pairs are equal octet by octet."""

    @property
    def preserved(self) -> bool:
        """Tell whether A.3 holds for every object of *before*; further objects in *after* do not count."""
        if self.only_before or not self.pairs.members:
            return False
        return all(m.seen.preserved for m in self.pairs.members)


@dataclass
class _Buffers:
    """Two buffers for whole files; made once, since making them costs more than small files."""

    first: bytearray = field(default_factory=lambda: bytearray(BUFFER))
    second: bytearray = field(default_factory=lambda: bytearray(BUFFER))
    syntax: str = ""
    """The transfer syntax of the files that were found equal last, empty if they name none."""

    def equal(self, before: Path, after: Path) -> bool:
        """Tell whether two files are equal octet by octet; raises OSError."""
        with before.open("rb", buffering=0) as a, after.open("rb", buffering=0) as b:
            n, m = a.readinto(self.first), b.readinto(self.second)
            self.syntax = syntax_in(bytes(self.first[: min(n or 0, _MAX_HEAD)]))
            while True:
                if n != m:
                    return self._slowly(before, after) if n and m else False
                if not n:
                    return True
                if n == BUFFER:
                    if self.first != self.second:
                        return False
                elif self.first[:n] != self.second[:n]:
                    return False
                n, m = a.readinto(self.first), b.readinto(self.second)

    @staticmethod
    def _slowly(before: Path, after: Path) -> bool:
        """Compare files whose reads come in unequal pieces."""
        return before.stat().st_size == after.stat().st_size and (
            before.read_bytes() == after.read_bytes()
        )


def compare(before: Path, after: Path) -> Comparison:
    """Compare two objects or two folders.

    Files of a folder pair by relative name when they are equal there, else by SOP Instance UID, else
    by relative name. Raises TargetError if a path is missing, a file stands against a folder, or one
    of two files is no readable DICOM file.
    """
    for path in (before, after):
        if not path.exists():
            raise TargetError(f"there is no file or folder {path}")
    if before.is_dir() != after.is_dir():
        raise TargetError(f"{before} and {after} must both be files or both be folders")
    if not before.is_dir():
        seen = _pair(before, after, ("before", "after"), _Buffers())
        if seen.problem:
            raise TargetError(seen.problem)
        return Comparison(
            Many((Member(after.name, seen),), "object"), identical=int(seen.identical)
        )
    return _folders(before, after)


def _folders(before: Path, after: Path) -> Comparison:
    left = {f.name: f.path for f in walk(before) if not f.refused}
    right = {f.name: f.path for f in walk(after) if not f.refused}
    buffers = _Buffers()
    members, open_ones = [], []
    for name, path in left.items():
        other = right.get(name)
        if other is not None and _same(buffers, path, other):
            syntax = buffers.syntax
            seen = ComparisonSeen(name, name, True, syntax, syntax)
            members.append(Member(name, seen))
        else:
            open_ones.append(name)
    done = {m.subject for m in members}
    free = {n: p for n, p in right.items() if n not in done}
    uids = {uid: n for n, p in free.items() if (uid := instance_of(p))} if open_ones else {}
    alone = []
    for name in open_ones:
        uid = instance_of(left[name])
        partner = uids.get(uid) if uid else None
        partner = partner if partner in free else name if name in free else None
        if partner is None:
            alone.append(name)
            continue
        seen = _pair(left[name], free.pop(partner), (name, partner), buffers)
        members.append(Member(name, seen))
    found = Many(tuple(sorted(members, key=lambda m: m.subject)), "object")
    identical = sum(m.seen.identical for m in members)
    return Comparison(found, tuple(alone), tuple(free), identical)


def _same(buffers: _Buffers, before: Path, after: Path) -> bool:
    try:
        return buffers.equal(before, after)
    except OSError:
        return False


def _pair(before: Path, after: Path, names: tuple[str, str], buffers: _Buffers) -> ComparisonSeen:
    try:
        if buffers.equal(before, after):
            if not buffers.syntax:
                return compare_octets(_octets(before), _octets(after), names=names)
            return ComparisonSeen(*names, True, buffers.syntax, buffers.syntax)
        return compare_octets(_octets(before), _octets(after), names=names)
    except OSError as error:
        return ComparisonSeen(*names, problem=f"a file cannot be read: {error.strerror or error}")


def syntax_in(head: bytes) -> str:
    """Return the transfer syntax that the first octets of a DICOM file name, or nothing."""
    at = head.find(b"\x02\x00\x10\x00UI", 132)
    if at < 0 or head[128:132] != b"DICM":
        return ""
    length = int.from_bytes(head[at + 6 : at + 8], "little")
    return part10.uid_text(head[at + 8 : at + 8 + length])


def _octets(path: Path) -> Any:
    import mmap

    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(0)
        if size < part10.MAPPED_FROM:
            return stream.read()
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)


def instance_of(path: Path) -> str:
    """Return the SOP Instance UID in the meta information of *path*, or nothing."""
    try:
        with path.open("rb") as stream:
            file = part10.parse(stream.read(_MAX_HEAD))
    except (OSError, MalformedDataSet):
        return ""
    value = file.meta_value(_SOP_INSTANCE)
    return part10.uid_text(value) if value else ""


def notes_of(comparison: Comparison) -> Iterator[str]:
    """Yield sentences about the pairs, and about what is told but is no difference."""
    total = len(comparison.pairs.members)
    yield f"{total} pairs, {comparison.identical} of them equal octet by octet"
    for name in comparison.only_before[:50]:
        yield f"{name} has no partner in AFTER"
    if comparison.only_after:
        yield f"{len(comparison.only_after)} objects are only in AFTER"
    allowed: dict[str, int] = {}
    for member in comparison.pairs.members:
        for what, count in member.seen.allowed:
            allowed[what] = allowed.get(what, 0) + count
    for what, count in sorted(allowed.items()):
        yield f"not a difference: {what} ({count})"


def explained(seen: ComparisonSeen) -> Iterator[str]:
    """Yield one line per difference of a pair, for a terminal."""
    if seen.problem:
        yield seen.problem
    for one in seen.differences:
        how = f" ({one.nature})" if one.nature else ""
        change = f": {one.before} -> {one.after}" if one.before and one.after else ""
        yield f"{one.kind}{how}  {one.path} {one.keyword}".rstrip() + change
    if seen.total > len(seen.differences):
        yield f"... {seen.total - len(seen.differences)} more"
    if not seen.problem and seen.identical_or_added and not seen.preserved:
        yield "returned in Implicit VR Little Endian; A.3 d asks for an explicit VR syntax"
