"""The raw walk: what it yields, and that broken octets give one clear error in bounded time."""

from __future__ import annotations

import struct
import tracemalloc
import zlib

import pytest

from part15.wire import part10
from part15.wire.dictionary import keyword_of, tag_number, vr_of
from part15.wire.elements import (
    EXPLICIT_BIG,
    FRAGMENT,
    IMPLICIT_LITTLE,
    ITEM,
    UNDEFINED,
    Limits,
    MalformedDataSet,
    ancestors,
    children,
    path,
    paths,
    top_level,
    walk,
)

EVER = 0xFFFFFFFF
ITEM_END = bytes.fromhex("feff0de000000000")
SEQUENCE_END = bytes.fromhex("feffdde000000000")


def tag(number: int, order: str = "<") -> bytes:
    return struct.pack(order + "HH", number >> 16, number & 0xFFFF)


def element(number: int, vr: str, value: bytes, *, length: int | None = None) -> bytes:
    length = len(value) if length is None else length
    if vr in ("SQ", "OB", "OW", "UN", "UT"):
        return tag(number) + vr.encode() + struct.pack("<HI", 0, length) + value
    return tag(number) + vr.encode() + struct.pack("<H", length) + value


def item(content: bytes, *, length: int | None = None) -> bytes:
    return tag(0xFFFEE000) + struct.pack("<I", len(content) if length is None else length) + content


NESTED = (
    element(0x00080060, "CS", b"CT")
    + element(
        0x0040A730,
        "SQ",
        item(element(0x0040A040, "CS", b"TEXT"))
        + item(
            element(
                0x0040A730,
                "SQ",
                item(element(0x00080100, "SH", b"1 ")) + item(b""),
            )
        ),
    )
    + element(0x7FE00010, "OB", item(b"") + item(b"\1\2") + SEQUENCE_END, length=EVER)
)

NESTED_PATHS = [
    "(0008,0060)",
    "(0040,A730)",
    "(0040,A730)[1]",
    "(0040,A730)[1]/(0040,A040)",
    "(0040,A730)[2]",
    "(0040,A730)[2]/(0040,A730)",
    "(0040,A730)[2]/(0040,A730)[1]",
    "(0040,A730)[2]/(0040,A730)[1]/(0008,0100)",
    "(0040,A730)[2]/(0040,A730)[2]",
    "(7FE0,0010)",
    "(7FE0,0010)[1]",
    "(7FE0,0010)[2]",
]


def test_every_element_has_its_place() -> None:
    found = walk(NESTED)
    assert list(paths(found)) == NESTED_PATHS
    assert [path(found, i) for i in range(len(found))] == NESTED_PATHS
    assert [e.depth for e in found] == [0, 0, 1, 2, 1, 2, 3, 4, 3, 0, 1, 1]
    assert [e.after for e in found] == [1, 9, 4, 4, 9, 9, 8, 8, 9, 12, 11, 12]
    assert list(top_level(found)) == [0, 1, 9]
    assert list(children(found, 1)) == [2, 4]
    assert ancestors(found, 7) == [1, 4, 5, 6, 7]
    assert found[9].length == UNDEFINED
    assert found[9].end == len(NESTED)
    assert [e.vr for e in found[-2:]] == [FRAGMENT, FRAGMENT]
    assert found[2].vr == ITEM
    assert NESTED[found[11].value : found[11].end] == b"\1\2"


def test_undefined_lengths_give_the_same_tree() -> None:
    inner = element(0x00080100, "SH", b"1 ")
    open_ended = element(
        0x0040A730, "SQ", item(inner + ITEM_END, length=EVER) + SEQUENCE_END, length=EVER
    )
    found = walk(open_ended)
    assert list(paths(found)) == [
        "(0040,A730)",
        "(0040,A730)[1]",
        "(0040,A730)[1]/(0008,0100)",
    ]
    assert found[0].end == len(open_ended)
    assert found[1].end == len(open_ended) - len(SEQUENCE_END)


def test_implicit_and_big_endian() -> None:
    implicit = tag(0x00080060) + struct.pack("<I", 2) + b"CT" + tag(0x00281052) + bytes(4)
    assert [e.vr for e in walk(implicit, syntax=IMPLICIT_LITTLE)] == ["CS", "DS"]
    big = tag(0x00280010, ">") + b"US" + struct.pack(">HH", 2, 7)
    assert walk(big, syntax=EXPLICIT_BIG)[0].tag == 0x00280010


def test_un_of_undefined_length_is_implicit_inside() -> None:
    inner = tag(0x00080100) + struct.pack("<I", 2) + b"1 "
    data = element(0x00091010, "UN", item(inner) + SEQUENCE_END, length=EVER) + element(
        0x00100010, "PN", b"A^"
    )
    assert [e.vr for e in walk(data)] == ["UN", ITEM, "SH", "PN"]


@pytest.mark.parametrize(
    ("data", "offset", "word"),
    [
        (b"\x08\x00\x60", 0, "ends inside an element header"),
        (element(0x00080060, "CS", b"CT", length=200), 0, "declares 200 octets where 2"),
        (element(0x7FE00010, "OW", b"", length=0xFFFFFFF0), 0, "declares 4294967280 octets"),
        (element(0x0040A730, "SQ", item(b"", length=50)), 12, "an item declares 50"),
        (element(0x0040A730, "SQ", item(b"", length=EVER), length=EVER), 12, "never closed"),
        (element(0x0040A730, "SQ", item(b""), length=EVER), 0, "never closed"),
        (element(0x0040A730, "SQ", b"\1\0\2\0\0\0\0\0"), 12, "where an item should begin"),
        (element(0x0040A730, "SQ", SEQUENCE_END), 12, "sequence of defined length"),
        (ITEM_END, 0, "no item of undefined length"),
        (SEQUENCE_END, 0, "outside a sequence"),
        (tag(0x00080060) + b"\1\2\2\0CT", 0, "no value representation"),
        (element(0x00080060, "UT", b"", length=EVER), 0, "undefined length"),
        (element(0x7FE00010, "OB", item(b"\1", length=9), length=EVER), 12, "a fragment declares"),
    ],
)
def test_broken_octets_are_named_by_offset(data: bytes, offset: int, word: str) -> None:
    with pytest.raises(MalformedDataSet, match=word) as caught:
        walk(data)
    assert caught.value.offset == offset


def test_deep_nesting_is_refused_at_the_limit() -> None:
    opening = (tag(0x0040A730) + b"SQ\0\0" + b"\xff" * 4) + item(b"", length=EVER)
    with pytest.raises(MalformedDataSet, match="nested more than 256 levels"):
        walk(opening * 10_000)
    closed = opening * 200 + (ITEM_END + SEQUENCE_END) * 200
    assert len(walk(closed)) == 400


def test_too_many_elements_are_refused() -> None:
    with pytest.raises(MalformedDataSet, match="more than 10 elements"):
        walk(element(0x00080060, "CS", b"") * 11, limits=Limits(count=10))
    with pytest.raises(MalformedDataSet, match="more than 10 elements"):
        walk(element(0x0040A730, "SQ", item(b"") * 11), limits=Limits(count=10))


def test_the_dictionary_knows_repeating_and_private_elements() -> None:
    assert vr_of(0x60023000) == "OB/OW"
    assert keyword_of(0x60023000) == "OverlayData"
    assert vr_of(0x00290010) == "LO"
    assert vr_of(0x00291001) == "UN"
    assert vr_of(0x00080000) == "UL"
    assert tag_number("(0008,103E)") == tag_number("0008103e") == 0x0008103E


def file_of(body: bytes, uid: str) -> bytes:
    value = uid.encode() + b"\0" * (len(uid) % 2)
    return bytes(128) + b"DICM" + element(0x00020010, "UI", value) + body


def test_a_file_is_opened() -> None:
    file = part10.parse(file_of(NESTED, part10.EXPLICIT_UID), "a.dcm")
    assert file.transfer_syntax == part10.EXPLICIT_UID
    assert len(file.walk()) == len(NESTED_PATHS)
    assert file.meta_value(0x00020010) == b"1.2.840.10008.1.2.1\0"


def test_a_bomb_of_a_gibibyte_takes_little_memory() -> None:
    stream = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    block = bytes(1 << 20)
    bomb = b"".join(stream.compress(block) for _ in range(1024)) + stream.flush()
    tracemalloc.start()
    try:
        with pytest.raises(MalformedDataSet, match="grows beyond"):
            part10.inflated(bomb, 0)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


def test_a_deflated_file_is_inflated_within_bounds() -> None:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = packer.compress(NESTED) + packer.flush()
    file = part10.parse(file_of(packed + b"\0", part10.DEFLATED_UID))
    assert file.deflated
    assert [e.tag for e in file.walk()] == [e.tag for e in walk(NESTED)]
    with pytest.raises(MalformedDataSet, match="ends early"):
        part10.parse(file_of(packed[:-3], part10.DEFLATED_UID))
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    bomb = packer.compress(bytes(1 << 22)) + packer.flush()
    with pytest.raises(MalformedDataSet, match="grows beyond"):
        part10.inflated(bomb, 0, ratio=10, least=0)


def test_what_is_no_dicom_file_is_told_apart() -> None:
    with pytest.raises(part10.NotDicom):
        part10.parse(b"plain text")
    with pytest.raises(MalformedDataSet, match="names no transfer syntax"):
        part10.parse(bytes(128) + b"DICM")
