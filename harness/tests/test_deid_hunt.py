"""Planted values are found in every disguise, and named by place and disguise only."""

from __future__ import annotations

import base64
import hashlib

import pytest

from part15.observations.deid import DeidSeen
from part15.peers.canaries import write_corpus
from part15.peers.deidentifier import Deidentifier
from part15.wire.deid import Claimed, read_pair
from part15.wire.deid_hunt import Canary, Hunter, sought
from part15.wire.deid_rules import rules

WORD = "QZBCDFGHJK"
HUNTER = Hunter.of([Canary("name", WORD), Canary("day", "19580307", "date"), Canary("id", "QZ77")])


def found(octets: bytes) -> set[tuple[str, str]]:
    return {(HUNTER.canaries[n].name, how) for _, n, how in HUNTER.in_octets(octets)}


@pytest.mark.parametrize(
    ("octets", "how"),
    [
        (WORD.encode(), "as it is"),
        (b"xx" + WORD.lower().encode(), "other case"),
        (WORD[::-1].encode(), "reversed"),
        (WORD.encode("utf-16-le"), "UTF-16"),
        (WORD.encode("utf-16-be"), "UTF-16"),
        (WORD.encode().hex().encode(), "hexadecimal"),
        (base64.b64encode(WORD.encode()), "base64"),
        (base64.b64encode(b"x" + WORD.encode() + b"yz"), "base64"),
        (base64.b64encode(b"xy" + WORD.encode()), "base64"),
        (hashlib.md5(WORD.encode()).hexdigest().encode(), "md5 hash"),
        (hashlib.sha1(WORD.lower().encode()).digest(), "sha1 hash"),
        (base64.b64encode(hashlib.sha256(WORD.encode()).digest()), "sha256 hash, base64"),
        (hashlib.sha512(WORD.encode()).hexdigest().upper().encode(), "sha512 hash"),
        (b"mr. " + WORD[:8].encode(), "part"),
    ],
)
def test_disguises_of_words(octets: bytes, how: str) -> None:
    assert ("name", how) in found(b"-- " + octets + b" --")


@pytest.mark.parametrize(
    "text",
    ["1958-03-07", "07.03.1958", "03/07/1958", "07-MAR-1958", "19580307120000", "07 Mar 1958"],
)
def test_disguises_of_dates(text: str) -> None:
    assert found(text.encode())


def test_what_is_not_there_is_not_found() -> None:
    assert found(b"QZBCDF 1958 " + bytes(range(256)) * 8) == set()


def test_values_that_are_too_short_are_not_hunted() -> None:
    assert [c.name for c in HUNTER.canaries] == ["name", "day"]


def test_survivors_in_names_are_named_without_their_value() -> None:
    (seen,) = HUNTER.in_text(f"export/{WORD.lower()}_01.dcm", "file name")
    assert (seen.canary, seen.place, seen.transform) == ("name", "file name", "other case")
    assert WORD not in repr(seen)


def test_what_an_option_keeps_is_not_hunted_and_what_no_row_lists_is_no_violation() -> None:
    canaries = [
        Canary("uid", "1.2.3.4.5", "uid", "(0008,0018)"),
        Canary("filter", "QZFILTER", "text", "(0018,1160)"),
        Canary("name", "QZNAMEXX", "text", "(0010,0010)"),
    ]
    kept = sought(canaries, rules("2023b", ("retain-uids",)))
    assert [(c.name, c.listed) for c in kept] == [("filter", False), ("name", True)]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[bytes, object]]:
    corpus = write_corpus(tmp_path_factory.mktemp("corpus"))
    return {
        what: ((corpus.folder / path).read_bytes(), corpus) for path, what in corpus.files.items()
    }


def judged(pairs: dict, what: str, *faults: str) -> DeidSeen:
    before, corpus = pairs[what]
    claim = Claimed(hunter=Hunter.of(sought(corpus.canaries, rules("2023b"))))
    return read_pair(before, Deidentifier(faults=faults).object(before), what, claim)


def test_the_corpus_hides_identity_in_every_place(pairs: dict) -> None:
    before, corpus = pairs["every row at the top, private blocks, overlay, burned-in text"]
    claim = Claimed(hunter=Hunter.of(corpus.canaries), regions=(corpus.region,))
    seen = read_pair(before, before, "unchanged", claim)
    assert seen.pixels.burned == ("burned-in word",)
    rows = {d.row for d in seen.deviations}
    assert {"(60xx,3000)", "(60xx,4000)", "(50xx,xxxx)", "(gggg,eeee)"} <= rows
    places = {s.place for s in seen.survivors}
    assert {"preamble", "(0002,0016)", "(0010,0010)", "(6002,3000)"} <= places


def test_what_hides_in_un_of_defined_length_is_found(pairs: dict) -> None:
    before, _ = pairs["rows inside items"]
    seen = read_pair(before, before, "unchanged", Claimed())
    assert any(d.path == "(0018,FFF1)[1]/(0010,0010)" for d in seen.deviations)


@pytest.mark.parametrize(
    ("fault", "transform"),
    [("copies_name_elsewhere", "other case"), ("hashes_patient_id", "md5 hash")],
)
def test_survivors_of_faults_are_named_by_place_and_disguise(
    pairs: dict, fault: str, transform: str
) -> None:
    right, bad = (
        judged(pairs, "a second study of the patient"),
        judged(pairs, "a second study of the patient", fault),
    )
    assert [s for s in right.survivors if s.listed] == []
    assert transform in {s.transform for s in bad.survivors}


@pytest.mark.parametrize("kept", [True, False])
def test_private_attributes_that_are_declared_safe_have_to_stay(pairs: dict, kept: bool) -> None:
    before, _ = pairs["every row at the top, private blocks, overlay, burned-in text"]
    options = ("retain-safe-private",)
    made = Deidentifier(options=options if kept else ()).object(before)
    claim = Claimed(options=options, safe=frozenset([("ELSCINT1", 0x00E1, 0x21)]))
    seen = read_pair(before, made, "a", claim)
    lost = {d.path for d in seen.deviations if d.kind == "not-kept" and d.row == "(gggg,eeee)"}
    assert lost == (set() if kept else {"(00E1,1021)"})
