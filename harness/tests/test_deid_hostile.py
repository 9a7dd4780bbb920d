"""Hostile files: every answer is an observation or MalformedDataSet, in bounded time."""

from __future__ import annotations

import io
import random
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import config, dcmread, dcmwrite

from part15.observations.deid import DeidSeen
from part15.wire.deid import Claimed, marked, read_object, read_pair
from part15.wire.deid_hunt import Canary, Hunter
from part15.wire.elements import MalformedDataSet
from part15.wire.part10 import parse

VECTORS = Path(__file__).parent / "vectors" / "deid"
ORIGINAL = (VECTORS / "phi-sr.original.dcm").read_bytes()
REPAIRED = (VECTORS / "phi-sr.repaired.dcm").read_bytes()
ENVELOPE = (VECTORS / "enc-gdcm-aes256.dcm").read_bytes()
HEAD = REPAIRED[: parse(REPAIRED).start]


def tolerated(before: bytes, after: bytes) -> DeidSeen | None:
    hunter = Hunter.of([Canary("a", "QZBCDFGHJK")])
    try:
        marked(after)
        read_object(
            after, "hostile", Claimed(options=("clean-structured-content", "retain-safe-private"))
        )
        return read_pair(before, after, "hostile", Claimed(hunter=hunter, hunt_originals=True))
    except MalformedDataSet:
        return None


@pytest.mark.parametrize("seed", range(40))
def test_mutants_of_files_do_no_harm(seed: int) -> None:
    draw = random.Random(seed)
    octets = bytearray(draw.choice([ORIGINAL, REPAIRED, ENVELOPE]))
    for _ in range(draw.randrange(1, 12)):
        octets[draw.randrange(132, len(octets))] = draw.randrange(256)
    tolerated(ORIGINAL, bytes(octets))
    tolerated(bytes(octets), REPAIRED)


@pytest.mark.parametrize("length", [0, 1, 131, 132, 200, 400, 1000, 2000])
def test_cut_files_are_refused_or_read(length: int) -> None:
    tolerated(ORIGINAL, REPAIRED[:length])


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_any_data_set_behind_a_right_head(data: bytes) -> None:
    tolerated(ORIGINAL, HEAD + data)


def element(tag: int, vr: bytes, value: bytes) -> bytes:
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr)
    if vr in (b"SQ", b"UN", b"OB", b"UT"):
        return head + b"\0\0" + struct.pack("<I", len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def item(value: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + struct.pack("<I", len(value)) + value


def test_sequences_hidden_in_sequences_hidden_in_un_end_somewhere() -> None:
    inner = b""
    for _ in range(60):
        inner = struct.pack("<HHI", 0x0018, 0xFFF1, len(inner) + 8) + item(inner)
    seen = tolerated(ORIGINAL, HEAD + element(0x0018FFF1, b"UN", item(inner)))
    assert seen is not None


def test_many_deviations_are_counted_and_not_all_listed() -> None:
    many = b"".join(item(element(0x00104000, b"LT", b"a note")) for _ in range(5000))
    seen = read_object(HEAD + element(0x00289145, b"SQ", many), "many")
    assert len(seen.deviations) == 2000
    assert seen.more == 3000
    assert seen.tally["X present"] == 5000


def test_doubled_and_unordered_tags_are_all_judged() -> None:
    twice = element(0x00104000, b"LT", b"a ") * 2 + element(0x00081030, b"LO", b"ab")
    seen = read_object(HEAD + twice, "twice")
    assert [d.row for d in seen.deviations] == ["(0010,4000)", "(0010,4000)", "(0008,1030)"]


@pytest.mark.parametrize(
    "uid", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"]
)
def test_other_encodings_are_judged_alike(uid: str) -> None:
    explicit = [(VECTORS / f"phi-mr.{n}.dcm").read_bytes() for n in ("original", "gdcmanon")]
    one = read_pair(*explicit, "a")
    other = read_pair(*(encoded(octets, uid) for octets in explicit), "a")
    assert {(d.path, d.kind) for d in one.deviations} == {
        (d.path, d.kind) for d in other.deviations
    }


def encoded(octets: bytes, uid: str) -> bytes:
    source = dcmread(io.BytesIO(octets))
    source.file_meta.TransferSyntaxUID = uid
    little = not uid.endswith(".2.2")
    out = io.BytesIO()
    with config.disable_value_validation():
        dcmwrite(
            out,
            source,
            implicit_vr=uid == "1.2.840.10008.1.2",
            little_endian=little,
            enforce_file_format=True,
        )
    return out.getvalue()


def paired(old: bytes, new: bytes, *options: str) -> DeidSeen:
    return read_pair(HEAD + old, HEAD + new, "pair", Claimed(options=options))


def words(seen: DeidSeen) -> list[tuple[str, str]]:
    return [(d.kind, d.weight) for d in seen.deviations]


def test_a_value_that_is_only_written_differently_is_kept() -> None:
    name = element(0x00100010, b"PN", b"DOE^JANE")
    assert words(paired(name, element(0x00100010, b"PN", b"DOE^JANE^^"))) == [("left", "fail")]
    assert words(paired(name, element(0x00100010, b"UN", b"DOE^JANE "))) == [("left", "fail")]
    latin = element(0x00080005, b"CS", b"ISO_IR 100") + element(
        0x00100010, b"PN", "MÜLLER".encode("latin-1")
    )
    unicode = element(0x00080005, b"CS", b"ISO_IR 192") + element(
        0x00100010, b"PN", "MÜLLER ".encode()
    )
    assert words(paired(latin, unicode)) == [("left", "fail")]


def test_a_number_that_is_only_written_differently_is_kept_under_an_option() -> None:
    old, new = element(0x00101030, b"DS", b"71.50 "), element(0x00101030, b"DS", b"71.5")
    assert words(paired(old, new, "retain-patient-characteristics")) == []
    other = element(0x00101030, b"DS", b"72.0")
    assert words(paired(old, other, "retain-patient-characteristics")) == [("not-kept", "fail")]


def test_a_word_that_stands_for_nobody_may_stay() -> None:
    anonymous = element(0x00100010, b"PN", b"Anonymous ")
    assert words(paired(anonymous, anonymous)) == [("left", "warn")]


def directory(name: bytes) -> bytes:
    """Return a DICOMDIR with one record of a patient."""
    record = element(0x00041430, b"CS", b"PATIENT ") + element(0x00100010, b"PN", name)
    octets = bytearray(HEAD + element(0x00041220, b"SQ", item(record)))
    at = octets.index(b"\x02\x00\x02\x00UI")
    length = struct.unpack_from("<H", octets, at + 6)[0]
    octets[at : at + 8 + length] = element(0x00020002, b"UI", b"1.2.840.10008.1.3.10")
    return bytes(octets)


def test_a_dicomdir_is_judged_by_its_records_and_not_by_marks() -> None:
    seen = read_pair(directory(b"DOE^JANE"), directory(b"DOE^JANE"), "DICOMDIR", Claimed())
    assert [(d.path, d.kind) for d in seen.deviations] == [("(0004,1220)[1]/(0010,0010)", "left")]
    assert seen.sop_class == "1.2.840.10008.1.3.10"
    assert seen.meta.instance_matches


def test_values_of_the_original_are_sought_in_the_name_of_the_file() -> None:
    old = element(0x00100010, b"PN", b"QUIXOTE^ALONSO")
    new = element(0x00100010, b"PN", b"")
    seen = read_pair(HEAD + old, HEAD + new, "out/quixote_01.dcm", Claimed(hunt_originals=True))
    assert [(s.place, s.transform) for s in seen.survivors] == [("file name", "other case")]
