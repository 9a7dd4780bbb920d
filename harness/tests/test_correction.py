"""Corrections of signed objects: what the checks say, each fault, actions that do nothing, and Orthanc's modify."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import runpy
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from part15.checks import correction as checks
from part15.drivers.correction_objects import Correctable, correctable
from part15.model import Judgement, Verdict, Word
from part15.observations import from_json, to_json
from part15.observations.correction import CorrectionSeen, InstanceSeen
from part15.peers.archive import Archive, signing_policy
from part15.peers.archive_correction import Corrections, corrected
from part15.peers.archive_faults_correction import CORRECTION
from part15.peers.faults import Fault
from part15.selftest import compare
from part15.selftest_correction import ARENAS, CorrectionArena
from part15.selftest_tls import drive, shared_pki
from part15.wire.cms_trust import Trust
from part15.wire.signed_object import read_object
from part15.wire.trap_objects import Trap, file_of

bench = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("signature_bench.py"))))
SIGNATURE, INSTANCE, PREDECESSOR, ORIGINAL = (
    f"A.4-corrected-{name}" for name in ("signature", "instance", "predecessor", "original")
)


@pytest.mark.parametrize("arena", ARENAS, ids=lambda a: a.name)
def test_each_fault_flips_its_clauses(arena: CorrectionArena) -> None:
    right = arena.right()
    assert set(right.words.values()) == {Word.PASS}
    assert right.unclean == ()
    for fault in arena.faults():
        run = compare(fault, arena.name, right.words, arena.wrong(fault).words)
        assert run.sound, run


def test_every_fault_has_an_arena() -> None:
    fought: set[str] = {f.name for arena in ARENAS for f in arena.faults()}
    listed: tuple[Fault, ...] = CORRECTION
    assert fought == {f.name for f in listed}


# what the checks say


def instance(made: Correctable, given: Any, value: str, *, predecessor: str = "") -> InstanceSeen:
    octets = file_of(Trap("x", given.uid, given.data, given.transfer, given.sop_class))
    same = given.uid == made.instance.uid
    return InstanceSeen(
        same,
        value,
        same and value == "old",
        read_object(octets, "x", Trust()),
        (predecessor,) if predecessor else (),
    )


def seen(kind: str, how: Corrections | None = None) -> CorrectionSeen:
    """Return what is seen of an archive that corrects as *how*, without any network."""
    made = correctable(kind)
    before = instance(made, made.instance, "old")
    every = corrected(made.instance, made.tag, made.new, how or Corrections())
    after = [instance(made, i, "old") for i in every[:-1]]
    after.append(instance(made, every[-1], "new", predecessor="ours" if len(every) > 1 else ""))
    covering = [s.signed for s in before.seen.current if made.tag in s.signed]
    covered = tuple(sorted({tag for tags in covering for tag in tags}))
    return CorrectionSeen(kind, made.tag, made.ours, covered, before, tuple(after))


def by_edition(found: CorrectionSeen) -> Judgement:
    return checks.signs_as_a_report(found, edition="2023b")


IMAGE = (checks.drops_what_it_breaks, checks.signs_what_was_verifiable)


def predecessor_signed(found: CorrectionSeen) -> Judgement:
    return checks.signs_the_predecessor(found, edition="2023b")


REPORT: tuple[Callable[[CorrectionSeen], Judgement], ...] = (
    by_edition,
    predecessor_signed,
    checks.makes_a_new_instance,
    checks.names_its_predecessor,
    checks.keeps_the_original,
)


def test_an_observation_survives_being_stored() -> None:
    found = seen("report")
    assert from_json(to_json(found)) == found


@pytest.mark.parametrize("check", IMAGE)
def test_a_right_correction_of_an_image_passes(check: Any) -> None:
    assert check(seen("image")).word is Word.PASS


@pytest.mark.parametrize("check", REPORT)
def test_a_right_correction_of_a_report_passes(check: Any) -> None:
    assert check(seen("report")).word is Word.PASS


@pytest.mark.parametrize(
    ("kind", "check", "how"),
    [
        ("image", checks.drops_what_it_breaks, Corrections(drops=False)),
        ("image", checks.signs_what_was_verifiable, Corrections(signs=False)),
        ("image", checks.signs_what_was_verifiable, Corrections(covers=False)),
        ("report", by_edition, Corrections(drops=False)),
        ("report", by_edition, Corrections(covers=False)),
        ("report", by_edition, Corrections(in_place=True)),
        ("report", by_edition, Corrections(covers_predecessor=False)),
        ("report", predecessor_signed, Corrections(covers_predecessor=False)),
        ("report", checks.makes_a_new_instance, Corrections(in_place=True)),
        ("report", checks.keeps_the_original, Corrections(in_place=True)),
        ("report", checks.keeps_the_original, Corrections(original="deleted")),
    ],
)
def test_wrong_corrections_fail(kind: str, check: Any, how: Corrections) -> None:
    assert check(seen(kind, how)).word is Word.FAIL


@pytest.mark.parametrize("how", [Corrections(signs=False), Corrections(in_place=True)])
def test_nothing_is_said_of_predecessors_that_are_not_there(how: Corrections) -> None:
    assert predecessor_signed(seen("report", how)).word is Word.INCONCLUSIVE


@pytest.mark.parametrize(
    ("kind", "claim"),
    [("image", "creator-rsa"), ("image", "authorization-rsa"), ("report", "sr-rsa")],
)
def test_what_is_to_be_corrected_is_rightly_signed(kind: str, claim: str) -> None:
    octets = file_of(
        Trap("x", (i := correctable(kind).instance).uid, i.data, i.transfer, i.sop_class)
    )
    answers = bench.judged(read_object(octets, "x", Trust()), claim)
    assert bench.failed(answers) == set()


def test_predecessors() -> None:
    found = seen("report")
    (old, new) = found.after
    for predecessors in ((), ("another",)):
        other = dataclasses.replace(new, predecessors=predecessors)
        judged = checks.names_its_predecessor(dataclasses.replace(found, after=(old, other)))
        assert judged.word is Word.FAIL
    both = dataclasses.replace(new, predecessors=("another", "ours"))
    judged = checks.names_its_predecessor(dataclasses.replace(found, after=(old, both)))
    assert judged.word is Word.PASS


def test_the_signature_over_the_pixels_may_stay() -> None:
    made = correctable("image")
    narrow = read_object(
        file_of(Trap("x", made.instance.uid, made.instance.data)), "x", Trust()
    ).current
    assert [s.crypto.integrity for s in narrow] == ["valid"] * 3
    assert [made.tag in s.signed for s in narrow] == [True, True, False]


@pytest.mark.parametrize("check", [*IMAGE, *REPORT])
def test_no_corrected_value_decides_nothing(check: Any) -> None:
    found = seen("report" if check in REPORT else "image")
    for after in ((), (found.before,)):
        assert check(dataclasses.replace(found, after=after)).word is Word.INCONCLUSIVE


def test_an_unsigned_corrected_report_decides_nothing() -> None:
    assert by_edition(seen("report", Corrections(signs=False))).word is Word.INCONCLUSIVE


def test_what_was_broken_before_decides_nothing() -> None:
    found = seen("image", Corrections(drops=False))
    spoilt = dataclasses.replace(found, before=dataclasses.replace(found.after[-1], value="old"))
    assert checks.drops_what_it_breaks(spoilt).word is Word.INCONCLUSIVE


# actions


def judge(folder: Path, change: Callable[[dict[str, Any]], None]) -> dict[str, Verdict]:
    with Archive(
        shared_pki(), (), archive=signing_policy(), plain=False, artim=0.5, idle=1.0
    ) as archive:
        document = archive.document(
            claims={
                "basic-digital-signatures-use": ["storage-scp"],
                "basic-sr-digital-signatures-use": ["creator"],
            }
        )
        change(document)
        _, verdicts = drive(document, folder, deadline=0.5)
    return {v.case.clause: v for v in verdicts if v.case.check.startswith("correction.")}


def test_without_an_action_nothing_is_decided(tmp_path: Path) -> None:
    found = judge(tmp_path, lambda document: document["actions"].pop("correct"))
    assert {v.word for v in found.values()} == {Word.INCONCLUSIVE}
    assert "actions.correct" in found["A.2-c2-corrected"].message


@pytest.mark.parametrize("code", [0, 1])
def test_an_action_that_does_nothing_decides_nothing(tmp_path: Path, code: int) -> None:
    def change(document: dict[str, Any]) -> None:
        document["actions"]["correct"] = [sys.executable, "-c", f"raise SystemExit({code})"]

    found = judge(tmp_path, change)
    assert {v.word for v in found.values()} == {Word.INCONCLUSIVE}
    said = found["A.2-c2-corrected"].message
    assert ("no instance of the study has the new" if code == 0 else "ended with code 1") in said


def test_levels_are_those_of_the_text(tmp_path: Path) -> None:
    """What A.2 and C.4 do not write is a warning, never a violation."""
    with Archive(
        shared_pki(),
        ("keeps_signatures_that_a_correction_breaks",),
        archive=signing_policy(),
        plain=False,
        artim=0.5,
        idle=1.0,
    ) as archive:
        document = archive.document(claims={"basic-digital-signatures-use": ["storage-scp"]})
        _, verdicts = drive(document, tmp_path, deadline=0.5)
    found = {v.case.clause: v for v in verdicts}
    assert found["A.2-c1-corrected"].word is Word.WARN
    assert found["A.2-c2-corrected"].word is Word.PASS


# a real peer


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def orthanc(folder: Path, port: int, http: int) -> Iterator[None]:
    configuration = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": http,
        "RemoteAccessAllowed": False,
        "DicomPort": port,
        "DicomAet": "ORTHANC",
        "DicomCheckCalledAet": False,
        "DicomAlwaysAllowGet": True,
        "Plugins": [],
    }
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    process = subprocess.Popen(
        ["Orthanc", str(folder / "orthanc.json")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TCP_NODELAY": "1"},
    )
    try:
        until = time.monotonic() + 20
        for listening in (port, http):
            while True:
                try:
                    socket.create_connection(("127.0.0.1", listening), timeout=1).close()
                    break
                except OSError:
                    assert process.poll() is None
                    assert time.monotonic() < until
                    threading.Event().wait(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(8)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def script_of_the_page(http: int) -> str:
    """Return the script that the page on corrections has for Orthanc, for its REST port *http*."""
    page = Path(__file__).parents[1] / "docs" / "correction.md"
    script = page.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    assert "127.0.0.1:8042" in script
    return script.replace("127.0.0.1:8042", f"127.0.0.1:{http}")


@pytest.mark.skipif(
    shutil.which("Orthanc") is None and not os.environ.get("PART15_REQUIRE_PEERS"),
    reason="Orthanc is not installed",
)
def test_orthanc_corrects_and_keeps_what_it_breaks(tmp_path: Path) -> None:
    """POST /instances/ID/modify makes a new instance with the old signatures, and refers to no predecessor."""
    port, http = free_port(), free_port()
    (tmp_path / "modify.py").write_text(script_of_the_page(http))
    script = [sys.executable, str(tmp_path / "modify.py")]
    document = {
        "target": {"name": "Orthanc"},
        "claims": {
            "basic-digital-signatures-use": ["storage-scp"],
            "basic-sr-digital-signatures-use": ["creator"],
        },
        "endpoints": {"plain": {"address": f"127.0.0.1:{port}", "transport": "plain"}},
        "actions": {"correct": [*script, "{uid}", "{keyword}", "{value}"]},
    }
    with orthanc(tmp_path, port, http):
        _, verdicts = drive(document, tmp_path, deadline=3.0)
    found = {v.case.clause: v for v in verdicts if v.case.check.startswith("correction.")}
    assert {clause: v.uncapped for clause, v in found.items()} == {
        "A.2-c1-corrected": Word.FAIL,
        "A.2-c2-corrected": Word.FAIL,
        SIGNATURE: Word.FAIL,
        INSTANCE: Word.PASS,
        PREDECESSOR: Word.FAIL,
        ORIGINAL: Word.PASS,
        "C.4-corrected-predecessors": Word.INCONCLUSIVE,
    }, {clause: v.message for clause, v in found.items()}
    assert found["A.2-c1-corrected"].word is Word.WARN
    assert "2 signature(s)" in found["A.2-c1-corrected"].message
    assert "absent or empty" in found[PREDECESSOR].message
