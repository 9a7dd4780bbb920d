"""Bit preservation: the recorded pairs come out as their manifest says; every kind of difference is told apart."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from part15.checks import comparison as checks
from part15.errors import TargetError
from part15.inspect_pairs import compare, instance_of
from part15.inspect_pairs_report import document_of
from part15.model import Word
from part15.observations import from_json, to_json
from part15.observations.comparison import ComparisonSeen
from part15.peers.media_samples import directory, element, file_of, image, sequence
from part15.wire.comparison import compare_octets

BITS = Path(__file__).parent / "vectors" / "bits"
PAIRS: list[dict[str, Any]] = json.loads((BITS / "manifest.json").read_text(encoding="utf-8"))
SOP = "1.2.840.10008.5.1.4.1.1.7"


def of_pair(pair: dict[str, Any]) -> ComparisonSeen:
    return compare_octets((BITS / pair["before"]).read_bytes(), (BITS / pair["after"]).read_bytes())


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: p["id"])
def test_recorded_pairs_come_out_as_the_manifest_says(pair: dict[str, Any]) -> None:
    seen, expected = of_pair(pair), pair["expected"]
    assert not seen.problem
    assert seen.preserved == (expected["verdict"] == "accept"), seen.differences
    assert [seen.syntax_before, seen.syntax_after] == expected["transfer_syntax"]
    if pair["id"] == "router-swaps-items":
        assert seen.counts == (("order", 1),)
    else:
        assert seen.total == expected["element_differences"]
    assert dict(seen.allowed).get("group lengths", 0) == expected["group_length_differences"]
    assert from_json(to_json(seen)) == seen


def test_the_reason_is_that_of_the_manifest() -> None:
    by_id = {p["id"]: of_pair(p) for p in PAIRS}
    assert by_id["router-drops-private"].counts == (("removed", 3),)
    assert by_id["router-retypes-un"].counts == (("VR", 1),)
    assert by_id["router-adds-element"].counts == (("added", 1),)
    assert by_id["router-coerces-patient-id"].differences[0].path == "(0010,0020)"
    assert by_id["dcmconv-same"].differences[0].nature == "padding"
    assert by_id["dcmqrscp-store-implicit"].syntax_after == "1.2.840.10008.1.2"
    assert by_id["dcmconv-no-post-1993-vr"].counts == (("VR", 7),)


def made(*rows: bytes, uid: str = "1.2.3") -> bytes:
    head = element(0x00080016, "UI", SOP) + element(0x00080018, "UI", uid)
    return file_of(SOP, uid, head + b"".join(rows))


def item(text: str) -> bytes:
    return element(0x00080100, "SH", text)


def undefined(tag: int, items: list[bytes]) -> bytes:
    head = struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, b"SQ", 0, 0xFFFFFFFF)
    inner = b"".join(
        struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF) + i + struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
        for i in items
    )
    return head + inner + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def encapsulated(*fragments: bytes) -> bytes:
    head = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)
    inner = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(f)) + f for f in fragments)
    return head + inner + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


A, B = item("A"), item("B")
LENGTH = struct.pack("<HH2sHI", 0x0010, 0, b"UL", 4, 12)
CASES = [
    ("same", [], [], ""),
    ("value", [element(0x00100020, "LO", "one")], [element(0x00100020, "LO", "two")], "value"),
    ("emptied", [element(0x00100020, "LO", "one")], [element(0x00100020, "LO", "")], "value"),
    ("removed empty", [element(0x00100040, "CS", "")], [], "removed"),
    ("added", [], [element(0x00100040, "CS", "O")], "added"),
    (
        "charset",
        [element(0x00080005, "CS", "ISO_IR 100")],
        [element(0x00080005, "CS", "ISO_IR 192")],
        "value",
    ),
    ("vr", [element(0x00280106, "SS", 1)], [element(0x00280106, "US", 1)], "VR"),
    ("un", [element(0x00291001, "UN", b"ab")], [element(0x00291001, "LO", "ab")], "VR"),
    ("order", [sequence(0x00081032, [A, B])], [sequence(0x00081032, [B, A])], "order"),
    ("items", [sequence(0x00081032, [A, B])], [sequence(0x00081032, [A])], "items"),
    ("nested value", [sequence(0x00081032, [A])], [sequence(0x00081032, [B])], "value"),
    ("undefined", [sequence(0x00081032, [A, B])], [undefined(0x00081032, [A, B])], ""),
    ("group length", [LENGTH], [], ""),
    ("fragments", [encapsulated(b"", b"abcd")], [encapsulated(b"", b"ab", b"cd")], "fragments"),
    ("pixels", [encapsulated(b"", b"abcd")], [encapsulated(b"", b"abce")], "value"),
    ("decoded", [encapsulated(b"", b"abcd")], [element(0x7FE00010, "OB", b"abcd")], "form"),
]


@pytest.mark.parametrize(("name", "before", "after", "kind"), CASES, ids=[c[0] for c in CASES])
def test_each_kind_of_difference_is_told(
    name: str, before: list[bytes], after: list[bytes], kind: str
) -> None:
    seen = compare_octets(made(*before), made(*after))
    assert [k for k, _ in seen.counts] == ([kind] if kind else []), name
    assert seen.preserved is (kind in ("", "added"))


KILLERS = [
    (
        checks.keeps_values,
        {"value", "emptied", "fragments", "pixels", "decoded", "items", "charset", "nested value"},
    ),
    (checks.keeps_item_order, {"order"}),
    (checks.keeps_vrs, {"vr", "un"}),
    (checks.keeps_elements, {c[0] for c in CASES if c[3] not in ("", "added")}),
]


@pytest.mark.parametrize(("check", "wrong"), KILLERS, ids=lambda x: getattr(x, "__name__", ""))
def test_each_check_fails_on_its_kinds_and_passes_on_the_others(
    check: Any, wrong: set[str]
) -> None:
    for name, before, after, _ in CASES:
        answer = check(compare_octets(made(*before), made(*after)))
        assert (answer.word is Word.FAIL) == (name in wrong), (name, answer.message)
    assert check(ComparisonSeen("a", "b", problem="unreadable")).word is Word.INCONCLUSIVE


def test_additions_and_syntaxes_are_judged() -> None:
    added = compare_octets(made(), made(element(0x00100040, "CS", "O")))
    assert checks.adds_nothing(added).word is Word.INFO
    assert checks.adds_nothing(compare_octets(made(), made())).word is Word.PASS
    implicit = ComparisonSeen("a", "b", syntax_after="1.2.840.10008.1.2")
    assert checks.returns_explicit_vr(implicit).word is Word.FAIL
    assert checks.returns_explicit_vr(added).word is Word.PASS
    assert checks.keeps_vrs(implicit).word is Word.INCONCLUSIVE


def test_values_are_never_told() -> None:
    secret = "Secret^Patient"
    seen = compare_octets(
        made(element(0x00100010, "PN", secret)), made(element(0x00100010, "PN", secret + "X"))
    )
    assert seen.total == 1
    assert secret not in repr(seen)
    assert secret not in repr(checks.keeps_values(seen))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0x1001, 0x10FF), st.binary(max_size=20)), max_size=12),
    st.integers(0, 30),
)
def test_one_changed_value_is_always_the_one_found(rows: list[tuple[int, bytes]], at: int) -> None:
    unique = sorted(dict(rows).items())
    elements = [element(0x00290000 | t, "UN", v) for t, v in unique]
    before = made(*elements)
    assert compare_octets(before, made(*elements)).total == 0
    if unique:
        index = at % len(unique)
        tag, value = unique[index]
        changed = [*elements]
        changed[index] = element(0x00290000 | tag, "UN", value + b"\xff\xfe")
        seen = compare_octets(before, made(*changed))
        assert [d.path for d in seen.differences] == [f"(0029,{tag:04X})"]
        assert seen.elements == len(unique) + 2


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_hostile_files_never_raise(data: st.DataObject) -> None:
    octets = bytearray((BITS / "dcmconv-same.original.dcm").read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(octets[: data.draw(st.integers(0, len(octets)))])
    compare_octets((BITS / "dcmconv-same.original.dcm").read_bytes(), bytes(octets))
    compare_octets(bytes(octets), cut)


def test_deep_nesting_is_one_clear_problem() -> None:
    deep = b""
    for _ in range(200):
        deep = sequence(0x00081032, [deep]) if len(deep) < 60_000 else deep
    seen = compare_octets(made(deep), made(deep, A))
    assert "nested" in seen.problem


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    after.mkdir()
    for number in (1, 2, 3):
        (before / f"IM{number}").write_bytes(image(number))
    return before, after


def test_folders_pair_by_instance_else_by_name(folders: tuple[Path, Path]) -> None:
    before, after = folders
    (after / "IM1").write_bytes(image(1))
    (after / "renamed").write_bytes(image(2))
    (after / "IM3").write_bytes(image(3)[:-1] + b"\x01")
    (after / "more").write_bytes(image(9))
    found = compare(before, after)
    pairs = {m.subject: m.seen.after for m in found.pairs.members}
    assert pairs == {"IM1": "IM1", "IM2": "renamed", "IM3": "IM3"}
    assert found.only_after == ("more",)
    assert not found.preserved
    assert [m.subject for m in found.pairs.members if not m.seen.preserved] == ["IM3"]


def test_a_missing_object_is_not_preserved(folders: tuple[Path, Path]) -> None:
    before, after = folders
    for number in (1, 2):
        (after / f"IM{number}").write_bytes(image(number))
    found = compare(before, after)
    assert found.only_before == ("IM3",)
    assert not found.preserved
    (after / "IM3").write_bytes(image(3))
    assert compare(before, after).preserved


def test_large_equal_files_and_unequal_ends(tmp_path: Path) -> None:
    big = image(1, rows=600)
    (tmp_path / "a").write_bytes(big)
    (tmp_path / "b").write_bytes(big)
    assert compare(tmp_path / "a", tmp_path / "b").identical == 1
    (tmp_path / "b").write_bytes(big[:-1] + bytes([big[-1] ^ 1]))
    found = compare(tmp_path / "a", tmp_path / "b")
    assert found.pairs.members[0].seen.counts == (("value", 1),)
    (tmp_path / "b").write_bytes(big + element(0xFFFCFFFC, "OB", b"\0\0"))
    assert compare(tmp_path / "a", tmp_path / "b").pairs.members[0].seen.counts == (("added", 1),)


def test_bad_input_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("text", encoding="utf-8")
    with pytest.raises(TargetError, match="no readable DICOM"):
        compare(tmp_path / "text", tmp_path / "text")
    with pytest.raises(TargetError, match="no file or folder"):
        compare(tmp_path / "gone", tmp_path)
    with pytest.raises(TargetError, match="both be"):
        compare(tmp_path / "text", tmp_path)


def test_the_document_holds_the_clauses_of_a3(folders: tuple[Path, Path]) -> None:
    before, after = folders
    for number in (1, 2, 3):
        (after / f"IM{number}").write_bytes(image(number)[:-1] + b"\x01")
    document = document_of(compare(before, after), ("before", "after"))
    words = {r["clause"]: r["verdict"] for r in document["results"]}
    assert words["A.3-a-bit-for-bit"] == "fail"
    assert words["A.3-b-item-order"] == "pass"
    assert words["A.3-c-no-removal-or-change"] == "fail"
    assert document["run"]["exitStatus"] == 1


def test_instances_are_read_from_the_meta_information(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(made(uid="1.2.99"))
    assert instance_of(tmp_path / "x") == "1.2.99"
    (tmp_path / "y").write_bytes(b"nothing")
    assert instance_of(tmp_path / "y") == ""
    (tmp_path / "z").write_bytes(directory(["x"]))
    assert instance_of(tmp_path / "z") == "2.25.15.9"
