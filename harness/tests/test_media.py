"""Annex D: every check passes on the right creator and reader and fails on a seeded fault; SUTs by adapter."""

from __future__ import annotations

import dataclasses
import functools
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from part15 import load
from part15.bench import Bench, Ledger, Shelf
from part15.checks import media, media_readers, media_sets
from part15.drivers import media_sut
from part15.drivers.media import file_set, referenced_files
from part15.errors import Trouble
from part15.model import Status, Word
from part15.observations import Many, NotReached, from_json, to_json
from part15.observations.media import (
    FileSetMember,
    PasswordsSeen,
    PasswordTrial,
    ReaderSeen,
    ReadTrial,
    SecureFileSetSeen,
)
from part15.peers import media_samples
from part15.peers.faults import Fault
from part15.peers.media_faults import faults, party_of
from part15.peers.media_party import MediaParty, base_recipe, parties, write_pem
from part15.selftest import Judged, compare
from part15.selftest_media import ARENAS, MediaArena
from part15.wire.cms_writing import write


@functools.cache
def right(name: str) -> Judged:
    return next(arena for arena in ARENAS if arena.name == name).right()


PAIRS = [(arena, fault) for arena in ARENAS for fault in arena.faults()]


class Nowhere:
    def keep(self, name: str, data: bytes, *, phi: str = "none") -> None:
        pass


def bench_of(target: Any, scratch: Path, deadline: float = 5.0) -> Bench:
    return Bench(target, None, Nowhere(), Ledger(), Shelf(), scratch, deadline)


def inside(party: Any) -> Any:
    return SimpleNamespace(inside=party, media=None, target=SimpleNamespace(edition="2023b"))


@pytest.mark.parametrize("arena", ARENAS, ids=lambda a: a.name)
def test_the_right_creator_and_reader_pass_every_clause(arena: MediaArena) -> None:
    words = right(arena.name).words
    assert words
    assert set(words.values()) == {Word.PASS}


@pytest.mark.parametrize(("arena", "fault"), PAIRS, ids=lambda x: getattr(x, "name", ""))
def test_each_fault_flips_exactly_its_clauses(arena: MediaArena, fault: Fault) -> None:
    if fault.name == "pipes_openssl" and not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    run = compare(fault, arena.name, right(arena.name).words, arena.wrong(fault).words)
    assert run.missed == ()
    assert run.strays == ()


def test_every_checked_clause_has_a_killer() -> None:
    killed = {clause for fault in faults().values() for clause in fault.flips}
    profiles = load.load_profiles()
    for name in ("basic-media-security", "secure-dicom-file"):
        for clause in profiles[name].clauses:
            if clause.status is Status.CHECKED:
                assert clause.id in killed, clause.id
            else:
                assert all(b.reason or b.stimulus for b in clause.bindings), clause.id


def test_observations_survive_json(tmp_path: Path) -> None:
    seen = media_sut.collect(bench_of(inside(MediaParty()), tmp_path))
    assert isinstance(seen, Many)
    assert len(seen.members) == 3
    assert from_json(to_json(seen)) == seen


def test_a_folder_of_files_is_collected(tmp_path: Path) -> None:
    folder, keys = tmp_path / "media", tmp_path / "keys"
    originals = tmp_path / "originals"
    folder.mkdir()
    keys.mkdir()
    originals.mkdir()
    (originals / "IM1").write_bytes(media_samples.image(2))
    everybody = parties()
    paths = write_pem(keys, "first", everybody.recipients["first"])
    anchor = write_pem(
        keys,
        "root",
        dataclasses.replace(everybody.stranger, certificate=everybody.root.certificate),
    )
    for name, content in (
        ("IM1", media_samples.image(1)),
        ("DICOMDIR", media_samples.directory(["IM1"])),
    ):
        (folder / name).write_bytes(write(content, base_recipe("2023b")))
    (folder / "link").symlink_to(keys / "first.key")
    (folder / "README").write_text("text is no part of the set", encoding="utf-8")
    target = SimpleNamespace(
        media=SimpleNamespace(
            folder=str(folder),
            originals=str(originals),
            identity=SimpleNamespace(paths=lambda: (paths["certificate"], paths["key"])),
            password="",
            trust=(anchor["certificate"],),
            intermediates=(),
            crls=(),
        ),
        adapter=(),
    )
    seen = media_sut.collect(bench_of(target, tmp_path))
    assert isinstance(seen, Many)
    assert [m.seen.access for m in seen.members] == ["opened", "opened"]
    assert [m.seen.content and m.seen.content.original for m in seen.members] == ["", "different"]
    whole = media_sut.collect_set(bench_of(target, tmp_path))
    assert isinstance(whole, SecureFileSetSeen)
    assert whole.links == ("link",)
    judged = media_sets.holds_secure_files_only(whole)
    assert judged.word is Word.FAIL
    assert "symbolic link" in judged.message


def test_a_target_without_files_and_adapter_is_not_reached(tmp_path: Path) -> None:
    target = SimpleNamespace(media=None, adapter=())
    for seen in (
        media_sut.collect(bench_of(target, tmp_path)),
        media_sut.collect_set(bench_of(target, tmp_path)),
        media_sut.read_with_sut(bench_of(target, tmp_path), files="origin"),
    ):
        assert isinstance(seen, NotReached)


def test_a_crashing_reader_has_refused_nothing(tmp_path: Path) -> None:
    target = SimpleNamespace(media=None, adapter=(sys.executable, "-c", "import os; os.abort()"))
    seen = media_sut.read_with_sut(bench_of(target, tmp_path), files="origin")
    assert isinstance(seen, ReaderSeen)
    assert {t.answer for t in seen.trials} == {"crashed"}
    assert media_readers.reads_right_files_only(seen).word is Word.FAIL
    assert media_readers.tells_untrusted_signers(seen).word is Word.INCONCLUSIVE


def test_an_adapter_that_cannot_read_is_not_reached(tmp_path: Path) -> None:
    target = SimpleNamespace(media=None, adapter=(sys.executable, "-c", "raise SystemExit(2)"))
    seen = media_sut.read_with_sut(bench_of(target, tmp_path), files="origin")
    assert isinstance(seen, NotReached)


def test_an_adapter_that_is_not_there_is_trouble(tmp_path: Path) -> None:
    target = SimpleNamespace(media=None, adapter=(str(tmp_path / "nothing"),))
    with pytest.raises(Trouble, match="cannot be started"):
        media_sut.read_with_sut(bench_of(target, tmp_path), files="origin")


def trial(**given: Any) -> ReadTrial:
    return ReadTrial(**{"name": "t", "right": True, "defect": "", "answer": "accepted", **given})


@pytest.mark.parametrize(
    ("trials", "word"),
    [
        ([trial(), trial(right=False, defect="d", answer="refused")], Word.PASS),
        ([trial(), trial(right=False, defect="d")], Word.FAIL),
        ([trial(answer="refused")], Word.FAIL),
        ([trial(content="different")], Word.FAIL),
        ([trial(answer="late")], Word.FAIL),
        ([trial(answer="cannot")], Word.INCONCLUSIVE),
        ([trial(right=False, defect="d", answer="refused")], Word.INCONCLUSIVE),
        ([], Word.INCONCLUSIVE),
    ],
)
def test_readers_are_judged_by_good_files_and_mutants(trials: list[ReadTrial], word: Word) -> None:
    assert media_readers.reads_right_files_only(ReaderSeen(tuple(trials))).word is word


@pytest.mark.parametrize(
    ("trials", "word"),
    [
        ([trial(), trial(right=False, defect="d")], Word.PASS),
        ([trial(answer="refused")], Word.FAIL),
        ([trial(), trial(right=False, defect="d", answer="crashed")], Word.FAIL),
        ([trial(right=False, defect="d", answer="refused")], Word.INCONCLUSIVE),
    ],
)
def test_readers_may_know_more_than_they_must(trials: list[ReadTrial], word: Word) -> None:
    assert media_readers.reads_all(ReaderSeen(tuple(trials))).word is word


def passwords(*rows: tuple[bool, str, str]) -> PasswordsSeen:
    return PasswordsSeen(tuple(PasswordTrial("p", a, o, opens) for a, o, opens in rows))


@pytest.mark.parametrize(
    ("seen", "word"),
    [
        (passwords((True, "done", "yes"), (False, "refused", "")), Word.PASS),
        (passwords((True, "done", "no")), Word.FAIL),
        (passwords((True, "refused", "")), Word.FAIL),
        (passwords((False, "done", "yes")), Word.FAIL),
        (passwords((True, "crashed", "")), Word.INCONCLUSIVE),
        (passwords(), Word.INCONCLUSIVE),
    ],
)
def test_creators_are_judged_by_the_passwords_they_take(seen: PasswordsSeen, word: Word) -> None:
    assert media.keeps_to_repertoire(seen).word is word


def test_references_that_escape_are_findings() -> None:
    octets = media_samples.directory(["IM1", "../../etc/passwd", "SUB/../IM1", "C:/IM2", "GONE"])
    references = referenced_files(octets)
    seen = file_set("", [("DICOMDIR", "secure"), ("IM1", "secure")], "secure", references)
    assert seen.escaping == ("../../etc/passwd", "SUB/../IM1", "C:/IM2")
    assert seen.missing == ("GONE",)
    assert FileSetMember("IM1", "secure", referenced=True) in seen.members
    assert media_sets.holds_secure_files_only(seen).word is Word.FAIL
    assert media_sets.holds_no_secure_file(seen).word is Word.FAIL


def test_foreign_files_are_no_part_of_the_set() -> None:
    members = [("DICOMDIR", "secure"), ("IM1", "secure"), ("README.TXT", "foreign")]
    named = file_set("", members, "secure", ("IM1", "README.TXT"))
    assert media_sets.holds_secure_files_only(named).word is Word.FAIL
    aside = file_set("", members, "secure", ("IM1",))
    judged = media_sets.holds_secure_files_only(aside)
    assert judged.word is Word.PASS
    assert [f.subject for f in judged.findings] == ["README.TXT"]
    nothing = file_set("", [("README.TXT", "foreign")], "absent", None)
    assert media_sets.holds_secure_files_only(nothing).word is Word.INCONCLUSIVE


def test_a_directory_that_is_none_has_no_references() -> None:
    assert referenced_files(media_samples.image(1)) is None
    assert referenced_files(b"nothing") is None


@pytest.mark.parametrize(
    ("name", "word"), [("writes_plain", Word.FAIL), ("digests_with_md5", Word.PASS)]
)
def test_faults_act_on_files(name: str, word: Word, tmp_path: Path) -> None:
    seen = media_sut.collect_set(bench_of(inside(party_of(faults()[name])), tmp_path))
    assert isinstance(seen, SecureFileSetSeen)
    assert media_sets.holds_secure_files_only(seen).word is word
