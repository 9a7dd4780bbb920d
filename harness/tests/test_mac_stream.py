"""The MAC byte stream: the worked example octet by octet, other encodings, variants, what cannot be built."""

from __future__ import annotations

import hashlib
import struct

import pytest

from part15.wire import part10
from part15.wire.elements import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    Syntax,
    walk,
)
from part15.wire.mac_stream import (
    TOP,
    NotComputable,
    Stored,
    forbidden,
    gathered,
    listed,
    of_signature_item,
    stream,
)
from part15.wire.mac_variants import dcmtk_stream, variants
from part15.wire.tree import Node, encode, file_of, octets_node, text_node

LIST = (
    0x00080016,
    0x00080018,
    0x00080070,
    0x00081041,
    0x0020000D,
    0x0020000E,
    0x00280010,
    0x7FE00010,
)

EXAMPLE = bytes.fromhex(
    "08001600 5549 1a00 312e322e3834302e31303030382e352e312e342e312e312e3700"
    "08001800 5549 0800 312e322e332e3400"
    "08007000 4c4f 0400 41434d45"
    "08004110 5351 0000 feff00e0 080000015348020031200800020153480400393958200800 04014c4f02004d20"
    "feff00e0 feffdde0"
    "20000d00 5549 0600 312e322e3300"
    "20000e00 5549 0800 312e322e332e3100"
    "28001000 5553 0200 0200"
    "e07f1000 4f42 0000 04000000 01020304"
    "00040500 5553 0200 0000"
    "00040001 5549 0800 312e322e332e3939"
    "00040501 4454 1400 32303236313132323030303030302b3030303020"
    "00041001 4353 0e00 583530395f313939335f53494720"
    "00040104 5351 0000 feff00e0 0800000153480200352008000201534810004153544d2d736967707572706f736520"
    "080004014c4f1600566572696669636174696f6e205369676e6174757265 feffdde0".replace(" ", "")
)
DIGESTS = {
    "md5": "116a9c5f96245ff7d2edf975c91d3388",
    "sha1": "c31108b14ceb96d748ed2f384a4f99e4a960acb4",
    "ripemd160": "af51f8bb6e89cc7f7d5fa198b9d9b9430271d997",
    "sha256": "8ce596040e5a4f3659a6c8743437f7b058c02a29bd87997252a860dd76daf789",
    "sha384": "7d806ad86a333229c91889eeeb1c953fd4ba90671fc28fe1c9c791ad3de5d5507bf26ad51c91fed6a69df763561d354d",
    "sha512": "54e801d4b8cea63a9b8f8ac0293364b02c0d4d2787c7ca3f0abb188f156da64144d11fb746aa0795392f2d6261f03d57"
    "9be44e4bf67892ed5f944311432bb928",
}


def example() -> list[Node]:
    code = [
        text_node(0x00080100, "SH", "1"),
        text_node(0x00080102, "SH", "99X"),
        text_node(0x00080104, "LO", "M"),
    ]
    purpose = [
        text_node(0x00080100, "SH", "5"),
        text_node(0x00080102, "SH", "ASTM-sigpurpose"),
        text_node(0x00080104, "LO", "Verification Signature"),
    ]
    signature = [
        Node(0x04000005, "US", b"\0\0"),
        text_node(0x04000100, "UI", "1.2.3.99"),
        text_node(0x04000105, "DT", "20261122000000+0000"),
        text_node(0x04000110, "CS", "X509_1993_SIG"),
        octets_node(0x04000115, b"certificate"),
        octets_node(0x04000120, b"signature"),
        text_node(0x04000305, "CS", "CMS_TSP"),
        octets_node(0x04000310, b"token"),
        Node(0x04000401, "SQ", items=[purpose]),
    ]
    return [
        text_node(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7"),
        text_node(0x00080018, "UI", "1.2.3.4"),
        text_node(0x00080070, "LO", "ACME"),
        Node(0x00081041, "SQ", items=[code, []]),
        text_node(0x0020000D, "UI", "1.2.3"),
        text_node(0x0020000E, "UI", "1.2.3.1"),
        text_node(0x00204000, "LT", "not signed"),
        Node(0x00280010, "US", b"\2\0"),
        Node(0x7FE00010, "OB", b"\1\2\3\4"),
        Node(0xFFFAFFFA, "SQ", items=[signature]),
        Node(0xFFFCFFFC, "OB", b"\0\0"),
    ]


def stored(data: bytes, syntax: Syntax = EXPLICIT_LITTLE) -> Stored:
    return Stored(memoryview(data), walk(data, syntax=syntax), syntax)


def whole(source: Stored, tags: tuple[int, ...] = LIST) -> bytes:
    index = next(i for i in source.top if source.elements[i].tag == 0xFFFAFFFA)
    own = of_signature_item(source, source.level(index)[0])
    return b"".join(stream(source, [*listed(source, TOP, tags), *own]))


@pytest.mark.parametrize("undefined", [False, True])
def test_worked_example(undefined: bool) -> None:
    assert len(EXAMPLE) == 326
    assert whole(stored(encode(example(), EXPLICIT_LITTLE, undefined=undefined))) == EXAMPLE
    for name, digest in DIGESTS.items():
        assert hashlib.new(name, EXAMPLE, usedforsecurity=False).hexdigest() == digest


@pytest.mark.parametrize("undefined", [False, True])
def test_worked_example_stored_in_big_endian(undefined: bool) -> None:
    data = encode(example(), EXPLICIT_BIG, undefined=undefined)
    assert whole(stored(data, EXPLICIT_BIG)) == EXAMPLE


def test_worked_example_stored_in_implicit_vr() -> None:
    nodes = example()
    nodes[8].vr = "OW"
    data = encode(nodes, IMPLICIT_LITTLE)
    assert whole(stored(data, IMPLICIT_LITTLE)) == EXAMPLE.replace(b"OB\0\0\4", b"OW\0\0\4")


def test_worked_example_stored_deflated() -> None:
    file = part10.parse(file_of(example(), part10.DEFLATED_UID))
    assert whole(Stored(memoryview(file.data_set), file.walk(), file.syntax)) == EXAMPLE


def test_original_octets_are_sliced_not_copied() -> None:
    nodes = [text_node(0x00080018, "UI", "1.2"), Node(0x7FE00010, "OW", bytes(4096))]
    source = stored(encode(nodes, EXPLICIT_LITTLE))
    pieces = list(stream(source, listed(source, TOP, (0x00080018, 0x7FE00010))))
    assert [type(p) for p in pieces] == [memoryview]
    assert len(pieces[0]) == len(source.data)


def test_encapsulated_fragments_stand_without_lengths() -> None:
    nodes = [Node(0x7FE00010, "OB", fragments=[b"", b"\1\2", b"\3\4\5\6"])]
    source = stored(encode(nodes, EXPLICIT_LITTLE))
    chosen = listed(source, TOP, (0x7FE00010,))
    item, end = bytes.fromhex("feff00e0"), bytes.fromhex("feffdde0")
    head = bytes.fromhex("e07f10004f420000")
    right = head + item + item + b"\1\2" + item + b"\3\4\5\6" + end
    assert b"".join(stream(source, chosen)) == right
    old = b"".join(stream(source, chosen, fragment_lengths=True))
    lengths = [struct.pack("<I", n) for n in (0, 2, 4)]
    parts = [item + n + f for n, f in zip(lengths, (b"", b"\1\2", b"\3\4\5\6"), strict=True)]
    assert old == head + b"".join(parts) + end


def test_what_is_never_signed_is_left_out_inside_items() -> None:
    inner = [
        Node(0x00080000, "UL", bytes(4)),
        text_node(0x00080100, "SH", "1"),
        Node(0x4FFE0001, "SQ", items=[[]]),
        Node(0xFFFAFFFA, "SQ", items=[[]]),
    ]
    source = stored(encode([Node(0x0040A730, "SQ", items=[inner])], EXPLICIT_LITTLE))
    only = stored(encode([Node(0x0040A730, "SQ", items=[[inner[1]]])], EXPLICIT_LITTLE))
    first, second = (b"".join(stream(s, listed(s, TOP, (0x0040A730,)))) for s in (source, only))
    assert first == second


def test_un_makes_the_sequences_around_it_unsignable() -> None:
    deep = [Node(0x0040A730, "SQ", items=[[Node(0x00091010, "UN", b"\1\2")]])]
    nodes = [Node(0x0040A043, "SQ", items=[[]]), Node(0x0040A730, "SQ", items=[deep])]
    source = stored(encode(nodes, EXPLICIT_LITTLE))
    tags = [source.elements[i].tag for i in source.top if i in source.unsignable]
    assert tags == [0x0040A730]


@pytest.mark.parametrize(
    "tag",
    [0x00080001, 0x00100000, 0x00020010, 0xFFFAFFFA, 0x4FFE0001, 0xFFFCFFFC, 0xFFFEE00D],
)
def test_forbidden_tags(tag: int) -> None:
    assert forbidden(tag)
    assert not forbidden(0x00080018)


def test_value_too_long_for_its_header_cannot_be_written() -> None:
    data = struct.pack("<HHI", 0x0008, 0x103E, 0x10000) + b"x" * 0x10000
    source = stored(data, IMPLICIT_LITTLE)
    with pytest.raises(NotComputable, match="cannot hold"):
        b"".join(stream(source, listed(source, TOP, (0x0008103E,))))


def test_mac_in_other_syntaxes_than_the_standard_allows() -> None:
    nodes = [Node(0x00280010, "US", b"\2\0"), Node(0x00081041, "SQ", items=[[]])]
    source = stored(encode(nodes, EXPLICIT_LITTLE))
    chosen = listed(source, TOP, (0x00280010,))
    assert b"".join(stream(source, chosen, EXPLICIT_BIG)) == bytes.fromhex("00280010555300020002")
    assert b"".join(stream(source, chosen, IMPLICIT_LITTLE)) == bytes.fromhex(
        "28001000020000000200"
    )


def test_small_pieces_are_gathered_and_large_ones_kept() -> None:
    large = memoryview(bytes(1 << 20))
    pieces = list(gathered([b"a", b"b", large, b"c"]))
    assert pieces == [b"ab", large, b"c"]
    assert pieces[1] is large


def nested(depth: int, text: str, width: int) -> list[Node]:
    here = [text_node(0x0040A160, "UT", text)]
    if depth:
        here.append(
            Node(0x0040A730, "SQ", items=[nested(depth - 1, text, width) for _ in range(width)])
        )
    return here


def test_defect_of_dcmtk_drops_what_nested_sequences_hold_beyond_16_kib() -> None:
    source = stored(encode(nested(3, "x" * 300, 6), EXPLICIT_LITTLE))
    chosen = list(source.top)
    right = b"".join(stream(source, chosen))
    wrong = b"".join(dcmtk_stream(source, chosen))
    assert len(right) > 4 * 16_384
    assert len(wrong) < len(right)
    assert wrong[:16_384] == right[:16_384]
    small = stored(encode(nested(2, "x" * 20, 3), EXPLICIT_LITTLE))
    assert b"".join(dcmtk_stream(small, small.top)) == b"".join(stream(small, small.top))


def test_variants_are_different_streams() -> None:
    nodes = [
        text_node(0x00080018, "UI", "1.2.3"),
        Node(
            0x0040A730,
            "SQ",
            items=[[text_node(0x00080100, "SH", "1"), Node(0xFFFAFFFA, "SQ", items=[])]],
        ),
        Node(0x7FE00010, "OB", fragments=[b"", b"\1\2"]),
    ]
    source = stored(encode(nodes, EXPLICIT_LITTLE))
    chosen = list(source.top)
    right = b"".join(stream(source, chosen))
    streams = {
        key: b"".join(pieces())
        for key, pieces in variants(source, chosen, [], EXPLICIT_LITTLE, chosen[::-1])
    }
    assert {"fragment-lengths", "nested-signatures", "list-order", "lengths"} <= set(streams)
    for key in ("fragment-lengths", "nested-signatures", "list-order", "lengths"):
        assert streams[key] != right
