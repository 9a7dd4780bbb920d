"""Signed objects of our own: properties, scope, references, what tables say."""

from __future__ import annotations

import random
import runpy
import struct
import tracemalloc
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from part15.checks import (
    signature_coverage,
    signature_purposes,
    signature_timestamps,
    signature_values,
    signatures,
)
from part15.model import Word
from part15.observations.signatures import SignedObjectSeen
from part15.peers.signing_orders import right_files, right_order
from part15.peers.signing_party import signing_party
from part15.peers.signing_samples import (
    compressed,
    image,
    plain,
    report,
)
from part15.wire import part10
from part15.wire.elements import walk
from part15.wire.signature_references import resolve
from part15.wire.signature_table import lines, rows
from part15.wire.signature_time import read_datetime
from part15.wire.signed_object import read_file, read_object
from part15.wire.signing import Order, code_nodes, sign
from part15.wire.tree import NATIVE_SYNTAXES, Node, file_of, find, moved, opened, put, text_node

bench = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("signature_bench.py"))))
PARTY = signing_party()
QUIET = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def seen_of(data: bytes, name: str = "object") -> SignedObjectSeen:
    return read_object(data, name, PARTY.trust)


def integrity(data: bytes) -> list[str]:
    return [s.crypto.integrity for s in seen_of(data).signatures]


TEXT_TAGS = (0x00080070, 0x0008103E, 0x00081030, 0x00100010, 0x00100020, 0x00204000, 0x00401001)
VRS = {
    0x00080070: "LO",
    0x0008103E: "LO",
    0x00081030: "LO",
    0x00100010: "PN",
    0x00100020: "LO",
    0x00204000: "LT",
    0x00401001: "SH",
}
texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=16)
leaves = st.one_of(
    st.builds(lambda t, v: text_node(t, VRS[t], v), st.sampled_from(TEXT_TAGS), texts),
    st.builds(lambda v: Node(0x00280010, "US", struct.pack("<H", v)), st.integers(0, 65535)),
    st.builds(lambda v: Node(0x00181063, "DS", b"%d " % (v % 9)), st.integers(0, 9)),
    st.builds(lambda v: Node(0x00189073, "FD", struct.pack("<d", v)), st.floats(allow_nan=False)),
    st.builds(lambda v: Node(0x00189810, "SS", v[:2]), st.binary(min_size=2, max_size=2)),
)


def data_set(inner: Any) -> Any:
    sequences = st.builds(
        lambda tag, items: Node(tag, "SQ", items=[level(i) for i in items]),
        st.sampled_from([0x00081140, 0x00400275, 0x0040A730]),
        st.lists(inner, max_size=3),
    )
    return st.lists(st.one_of(leaves, sequences), max_size=6)


def level(nodes: list[Node]) -> list[Node]:
    """One level has each tag once, in ascending order."""
    return sorted({n.tag: n for n in nodes}.values(), key=lambda n: n.tag)


bodies = st.recursive(st.lists(leaves, max_size=4), data_set, max_leaves=8)
IDENTITY = [
    text_node(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7"),
    text_node(0x00080018, "UI", "1.2.3.4"),
    Node(0x7FE00010, "OW", bytes(range(16))),
]


@QUIET
@given(
    bodies,
    st.sampled_from(["SHA256", "SHA1", "MD5", "RIPEMD160", "SHA384", "SHA512"]),
    st.booleans(),
)
def test_what_is_signed_verifies_in_every_encoding(
    body: list[Node], algorithm: str, undefined: bool
) -> None:
    nodes = level([*body, *IDENTITY])
    data = sign(file_of(nodes, undefined=undefined), Order(PARTY.right, algorithm=algorithm))
    assert integrity(data) == ["valid"]
    for uid in NATIVE_SYNTAXES:
        assert integrity(moved(data, uid, undefined=undefined)) == ["valid"], uid


@QUIET
@given(st.integers(0, 2**32), st.sampled_from(["plain", "compressed"]))
def test_one_bit_of_a_covered_octet_is_caught(seed: int, kind: str) -> None:
    data = SIGNED[kind]
    covered = COVERED[kind]
    at = covered[seed % len(covered)]
    bit = 1 << (seed // len(covered) % 8)
    changed = data[:at] + bytes((data[at] ^ bit,)) + data[at + 1 :]
    seen = seen_of(changed)
    assert seen.trouble or [s.crypto.integrity for s in seen.signatures] != ["valid"], hex(at)


def covered_octets(data: bytes) -> list[int]:
    """The offsets of the values that are signed, outside the two sequences."""
    elements = part10.parse(data).walk()
    found: list[int] = []
    skip = 0
    for index, element in enumerate(elements):
        if element.start < skip:
            continue
        if element.tag in (0x4FFE0001, 0xFFFAFFFA):
            skip = element.end
            continue
        plain_one = element.after == index + 1 and element.vr not in ("UN", "item")
        if plain_one and element.tag & 0xFFFF and element.tag != 0xFFFCFFFC:
            found += range(element.value, element.end)
    return found


SIGNED = {
    "plain": sign(plain(), right_order(PARTY)),
    "compressed": sign(compressed(), right_order(PARTY)),
}
COVERED = {kind: covered_octets(data) for kind, data in SIGNED.items()}


@QUIET
@given(st.integers(0, 10_000))
def test_a_change_outside_the_list_is_no_crypto_failure(seed: int) -> None:
    tags = (0x00080016, 0x00080018, 0x0020000D, 0x0020000E)
    data = sign(plain(), right_order(PARTY, tags=tags))
    nodes, _ = opened(data)
    choice = random.Random(seed)
    victim = choice.choice([n for n in nodes if n.tag not in (*tags, 0x4FFE0001, 0xFFFAFFFA)])
    if choice.random() < 0.5 and victim.items is None:
        victim.value = victim.value[::-1] + b"  "
    else:
        nodes.remove(victim)
    assert integrity(file_of(nodes)) == ["valid"]


def test_nested_and_several_signatures_are_told_apart() -> None:
    files = right_files(PARTY)
    both = seen_of(files["two-signers.dcm"])
    assert [s.crypto.integrity for s in both.signatures] == ["valid", "valid"]
    assert [s.certificate.holder for s in both.signatures] == ["device", "person"]
    table = rows(both)
    assert table[0]["overlaps"] == [f"(FFFA,FFFA)[2]: {table[0]['attributes']}"]
    item = seen_of(files["item-then-main.dcm"])
    assert [(s.level, s.path) for s in item.signatures] == [
        ("(0040,0275)[2]", "(0040,0275)[2]/(FFFA,FFFA)[1]"),
        ("", "(FFFA,FFFA)[1]"),
    ]
    assert [s.crypto.integrity for s in item.signatures] == ["valid", "valid"]
    assert len(lines(item)) == 2


def test_stripping_an_inner_signature_is_not_noticed_by_the_outer_one() -> None:
    nodes, _ = opened(right_files(PARTY)["item-then-main.dcm"])
    sequence = find(nodes, 0x00400275)
    assert sequence is not None
    assert sequence.items is not None
    sequence.items[1] = [n for n in sequence.items[1] if n.tag not in (0xFFFAFFFA, 0x4FFE0001)]
    assert integrity(file_of(nodes)) == ["valid"]


def test_signatures_of_an_earlier_state_are_historic() -> None:
    nodes, _ = opened(sign(plain(), right_order(PARTY)))
    signature, parameters = find(nodes, 0xFFFAFFFA), find(nodes, 0x4FFE0001)
    assert signature is not None
    assert parameters is not None
    unsigned = [n for n in image() if n.tag != 0x00100010]
    put(
        unsigned,
        Node(0x04000561, "SQ", items=[[Node(0x04000550, "SQ", items=[[parameters, signature]])]]),
    )
    seen = seen_of(file_of(unsigned))
    assert [s.historic for s in seen.signatures] == [True]
    assert seen.current == ()
    assert signature_values.verifies(seen).word is Word.INCONCLUSIVE


def test_shared_parameters_serve_two_signatures() -> None:
    first = sign(plain(), right_order(PARTY))
    both = sign(first, right_order(PARTY, 2, signer=PARTY.signers["second"], share=True))
    seen = seen_of(both)
    assert len(seen.parameters) == 1
    assert [s.crypto.integrity for s in seen.signatures] == ["valid", "valid"]


def test_defect_of_dcmtk_is_recognised() -> None:
    deep: list[Node] = [text_node(0x0040A160, "UT", "x" * 900)]
    for _ in range(3):
        deep = [text_node(0x0040A160, "UT", "y" * 900), Node(0x0040A730, "SQ", items=[deep] * 4)]
    nodes = sorted([*report(), *[n for n in deep if n.tag == 0x0040A730]], key=lambda n: n.tag)
    nodes = level(nodes)

    def wrong(source: Any, chosen: Any, own: Any, syntax: Any) -> Any:
        from part15.wire.mac_variants import dcmtk_stream

        return dcmtk_stream(source, [*chosen, *own])

    seen = seen_of(sign(file_of(nodes), right_order(PARTY, streamer=wrong)))
    (signature,) = seen.signatures
    assert signature.crypto.integrity == "invalid"
    assert signature.crypto.alternative == "dcmtk-16k"
    assert "16 KiB defect" in signature_values.verifies(seen).message


def test_references_are_resolved_in_the_set() -> None:
    files = right_files(PARTY)
    document, first = (
        seen_of(files["report.dcm"], "report.dcm"),
        seen_of(files["image.dcm"], "image.dcm"),
    )
    alone = [r for r in resolve([document], lambda _: part10.parse(b""))[0].references if r.macs]
    assert [r.macs[0].outcome for r in alone] == ["not in the set"]
    found = resolve([document, first], lambda name: part10.parse(files[name]))[0]
    (reference,) = [r for r in found.references if r.macs]
    assert reference.file == "image.dcm"
    assert reference.macs[0].outcome == "matches"
    assert reference.signatures[0].outcome == "matches"
    nodes, _ = opened(files["image.dcm"])
    put(nodes, Node(0x7FE00010, "OW", bytes(32)))
    changed = file_of(nodes)
    found = resolve([document, seen_of(changed, "image.dcm")], lambda _: part10.parse(changed))[0]
    (reference,) = [r for r in found.references if r.macs]
    assert reference.macs[0].outcome == "differs"
    resigned = sign(plain(), right_order(PARTY, datetime="20260602120000+0000"))
    found = resolve([document, seen_of(resigned, "image.dcm")], lambda _: part10.parse(resigned))[0]
    assert [r.signatures[0].outcome for r in found.references if r.signatures] == ["differs"]


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("20261122080000.123456+0100", True),
        ("2026+0000", True),
        ("20261122080000", False),
        ("20261122080000-0000", False),
        ("20261122080000+1500", False),
        ("20261122080000+0160", False),
        ("20261332080000+0000", False),
        ("2026112208.5+0000", False),
        ("", False),
        ("99991231235960+1400", True),
        ("00010101000000+1400", False),
    ],
)
def test_times(text: str, right: bool) -> None:
    assert (read_datetime(text)[1] == "") is right


def test_rules_of_a_vendor() -> None:
    seen = seen_of(sign(plain(), right_order(PARTY)))
    assert signature_purposes.codes_purpose(seen, wanted=["1"]).word is Word.PASS
    assert signature_purposes.codes_purpose(seen, wanted=["1", "5"]).word is Word.FAIL
    assert signature_values.identifies_signer(seen, holder="device").word is Word.PASS
    assert signature_values.identifies_signer(seen, holder="person").word is Word.FAIL
    assert signature_timestamps.stamps_by_protocol(seen, required=True).word is Word.PASS
    assert signature_coverage.covers(seen, tags=["PatientName", "(7FE0,0010)"]).word is Word.PASS
    assert signature_coverage.covers(seen, tags=["PatientID"]).word is Word.FAIL
    bare = seen_of(sign(plain(), right_order(PARTY, token=None)))
    assert signature_timestamps.stamps_by_protocol(bare, required=True).word is Word.FAIL
    other = seen_of(sign(plain(), right_order(PARTY, signer=PARTY.signers["expired"])))
    assert signature_values.identifies_signer(other, holder="device").word is Word.REVIEW


def test_objects_of_unknown_class_are_not_guessed_at() -> None:
    nodes = image()
    put(nodes, text_node(0x00080016, "UI", "1.2.3.4.5"))
    seen = seen_of(sign(file_of(nodes), right_order(PARTY)))
    answer = signature_coverage.covers_modules(seen, modules=["image-pixel"], profile="creator-rsa")
    assert answer.word is Word.INCONCLUSIVE
    assert answer.rests_on == ("O-02",)


def test_general_image_is_the_union_for_old_claims() -> None:
    nodes = image()
    put(nodes, text_node(0x00200012, "IS", "1"))
    tags = tuple(
        n.tag
        for n in nodes
        if n.tag not in (0x00200012, 0xFFFCFFFC) and n.tag & 0xFFFF and n.vr != "UN"
    )
    seen = seen_of(sign(file_of(nodes), right_order(PARTY, tags=tags)))
    for edition, word in (("2011", Word.FAIL), ("2023b", Word.PASS)):
        answer = signature_coverage.covers_modules(
            seen, modules=["general-image"], profile="creator-rsa", edition=edition
        )
        assert answer.word is word


def test_an_unsigned_object_is_no_concern() -> None:
    seen = seen_of(plain())
    assert signatures.orders_list(seen).word is Word.NOT_APPLICABLE


def test_walk_and_tree_agree() -> None:
    nodes = image()
    for undefined in (False, True):
        file = part10.parse(file_of(nodes, undefined=undefined))
        assert [e.tag for e in walk(file.data_set, start=file.start) if not e.depth] == [
            n.tag for n in nodes
        ]
        assert opened(file_of(nodes, undefined=undefined))[0] == nodes


def test_codes_of_other_schemes_are_named() -> None:
    seen = seen_of(sign(plain(), right_order(PARTY, purpose=("7", "99PART15", "Seen"))))
    answer = signature_purposes.codes_purpose(seen)
    assert answer.word is Word.PASS
    assert answer.findings[0].word is Word.WARN
    wrong = Node(0x04000401, "SQ", items=[code_nodes("19", "ASTM-sigpurpose", "None")])
    seen = seen_of(sign(plain(), right_order(PARTY, purpose=None, extra=(wrong,))))
    assert signature_purposes.codes_purpose(seen).word is Word.FAIL


def test_large_objects_are_hashed_where_they_are(tmp_path: Path) -> None:
    nodes = [*IDENTITY[:2], Node(0x7FE00010, "OW", bytes(48 << 20))]
    path = tmp_path / "large.dcm"
    path.write_bytes(sign(file_of(nodes), right_order(PARTY)))
    del nodes
    tracemalloc.start()
    seen = read_file(part10.open_file(path), PARTY.trust)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [s.crypto.integrity for s in seen.signatures] == ["valid"]
    assert peak < 4 << 20
