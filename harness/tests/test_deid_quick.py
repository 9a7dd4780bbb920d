"""The quickest judge of one object answers as the walk does: on right, wrong, odd and damaged octets."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from part15.observations.deid import DeidSeen
from part15.wire import deid, deid_quick, part10
from part15.wire.deid import LIMITS, Claimed, read_object
from part15.wire.deid_index import index
from part15.wire.deid_marks import marked_profiles
from part15.wire.deid_quick import read_octets, turned
from part15.wire.elements import Limits, MalformedDataSet, walk

VECTORS = Path(__file__).parent / "vectors" / "deid"
OPTIONS = ((), ("retain-uids", "retain-device-identity", "clean-graphics"), ("clean-descriptors",))
HEAD = (
    bytes(128)
    + b"DICM"
    + b"\x02\x00\x02\x00UI\x1a\x001.2.840.10008.5.1.4.1.1.2\0"
    + b"\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\0"
)


def answer(octets: bytes, claim: Claimed) -> DeidSeen | str:
    try:
        return read_object(octets, "a", claim)
    except MalformedDataSet as trouble:
        return str(trouble)


def both(octets: bytes, claim: Claimed, monkeypatch: pytest.MonkeyPatch) -> DeidSeen | str:
    quick = answer(octets, claim)
    with monkeypatch.context() as patch:
        patch.setattr(deid, "scan_octets", lambda *_: None)
        assert quick == answer(octets, claim)
    return quick


def explicit(path: Path) -> bool:
    return part10.parse(path.read_bytes()).transfer_syntax not in (
        part10.IMPLICIT_UID,
        part10.BIG_ENDIAN_UID,
    )


FILES = sorted(VECTORS.rglob("*.dcm"))


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("edition", ["2008", "2011", "2023b"])
def test_vectors(options: tuple[str, ...], edition: str, monkeypatch: pytest.MonkeyPatch) -> None:
    claim = Claimed(edition, options, salt=b"s")
    for path in FILES:
        assert isinstance(both(path.read_bytes(), claim, monkeypatch), DeidSeen)


def test_the_quick_way_is_taken() -> None:
    taken = 0
    for path in filter(explicit, FILES):
        file = part10.parse(path.read_bytes())
        read = read_octets(file.data_set, file.start, LIMITS)
        taken += read is not None
        if read is not None:
            assert read.elements == len(file.walk())
    assert taken > 5


def test_damaged_octets(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(7)
    claim = Claimed(salt=b"s")
    whole = broken = 0
    for path in [p for p in FILES if explicit(p) and p.stat().st_size < 1 << 17]:
        octets = path.read_bytes()
        start = part10.parse(octets).start
        for _ in range(40):
            made = bytearray(octets[: start + 12_000])
            for _ in range(rng.randrange(1, 4)):
                made[rng.randrange(start, len(made))] = rng.choice((0, 1, 8, 0xE0, 0xFE, 0xFF, 83))
            seen = both(bytes(made), claim, monkeypatch)
            whole += isinstance(seen, DeidSeen)
            broken += isinstance(seen, str)
    assert whole
    assert broken


def element(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr)
    size = len(value) if length is None else length
    if vr in (b"SQ", b"OB", b"OW", b"UN", b"UT"):
        return head + struct.pack("<HI", 0, size) + value
    return head + struct.pack("<H", size) + value


def item(value: bytes, *, defined: bool) -> bytes:
    if defined:
        return struct.pack("<HHI", 0xFFFE, 0xE000, len(value)) + value
    ends = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
    return struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF) + value + ends


def sequence(tag: int, items: list[bytes], *, defined: bool) -> bytes:
    value = b"".join(items)
    if defined:
        return element(tag, b"SQ", value)
    ends = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return element(tag, b"SQ", value + ends, 0xFFFFFFFF)


TAGS = (
    (0x00080018, b"UI"), (0x00080020, b"DA"), (0x00100010, b"PN"), (0x00100020, b"LO"),
    (0x00280010, b"US"), (0x00091001, b"LO"), (0x00090010, b"LO"), (0x50003000, b"OW"),
    (0x60003000, b"OW"), (0x00120062, b"CS"), (0x00120063, b"LO"), (0x00080005, b"CS"),
    (0x00091002, b"UN"), (0x00101081, b"UN"), (0x7FE00010, b"OW"), (0x0040A123, b"PN"),
)  # fmt: skip
SEQUENCES = (
    0x00081140, 0x00400275, 0x0040A730, 0x00091010, 0x00120064, 0x04000500, 0x04000561,
    0x00081115, 0xFFFAFFFA, 0x4FFE0001, 0x00082112, 0x00101002,
)  # fmt: skip
VALUES = (
    b"",
    b" \0",
    b"1.2.840.10008.1\0",
    b"Canary^A",
    b"YES ",
    b"1.2.3.4\0",
    b"\xfe\xff\0\xe0\0\0\0\0",
)


def grown(rng: random.Random, depth: int) -> bytes:
    parts = []
    for _ in range(rng.randrange(0, 6)):
        if depth < 4 and rng.random() < 0.4:
            inner = [
                item(grown(rng, depth + 1), defined=rng.random() < 0.5)
                for _ in range(rng.randrange(0, 3))
            ]
            parts.append(sequence(rng.choice(SEQUENCES), inner, defined=rng.random() < 0.5))
        else:
            tag, vr = rng.choice(TAGS)
            parts.append(element(tag, vr, rng.choice(VALUES)))
    if not depth and rng.random() < 0.2:
        fragments = [item(b"", defined=True), item(b"abcd", defined=True)]
        ends = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
        parts.append(element(0x7FE00010, b"OB", b"".join(fragments) + ends, 0xFFFFFFFF))
    return b"".join(parts)


def test_grown_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(15)
    quick = 0
    for number in range(600):
        claim = Claimed(options=OPTIONS[number % 3], salt=b"s")
        octets = HEAD + grown(rng, 0)
        assert isinstance(both(octets, claim, monkeypatch), DeidSeen)
        quick += read_octets(octets, len(HEAD), LIMITS) is not None
    assert quick > 300


def test_bounds_are_those_of_the_walk() -> None:
    deep = b""
    for _ in range(20):
        deep = sequence(0x00081140, [item(deep, defined=False)], defined=False)
    assert read_octets(deep, 0, Limits(depth=20)) is not None
    assert read_octets(deep, 0, Limits(depth=19)) is None
    with pytest.raises(MalformedDataSet):
        walk(deep, limits=Limits(depth=19))
    many = element(0x00100020, b"LO", b"ab") * 50
    assert read_octets(many, 0, Limits(count=50)) is not None
    assert read_octets(many, 0, Limits(count=49)) is None


def test_marks_are_those_of_the_whole_index() -> None:
    found = set()
    for path in FILES:
        octets = path.read_bytes()
        marks = deid.marked(octets)
        assert marks == marked_profiles(index(part10.parse(octets), LIMITS))
        found.add(marks)
    assert len(found) > 1


def test_tags_turn_round() -> None:
    assert turned(turned(0x0040A730)) == 0x0040A730
    assert deid_quick.sop_class(element(0x00080016, b"UI", b"1.2\0"), 0) == "1.2"
    assert deid_quick.sop_class(element(0x00080018, b"UI", b"1.2\0"), 0) == ""
