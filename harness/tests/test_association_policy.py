"""Who is let into an association: the strict archive, its faults, real servers, and what a report says of it."""

from __future__ import annotations

import copy
import dataclasses
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pynetdicom import AE
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from part15.bench import Bench, Ledger, Shelf
from part15.checks import association_policy as checks
from part15.drivers import association_policy as drivers
from part15.evidence import Drawer
from part15.model import Word
from part15.observations import NotReached
from part15.observations.policy import CHECKS, PolicySeen
from part15.peers.archive import Archive, right_policy, strict_policy
from part15.peers.archive_policy import ArchivePolicy
from part15.peers.faults import Fault
from part15.pki import Pki, make_pki
from part15.report.statement_facts import contradiction
from part15.selftest import Judged, compare
from part15.selftest_archive import ARENAS
from part15.target_file import parse_target

ARENA = next(a for a in ARENAS if a.name == "association policy")


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("policy-pki"))


@pytest.fixture(scope="module")
def right() -> Judged:
    return ARENA.right()


def test_the_strict_archive_refuses_every_stranger(right: Judged) -> None:
    assert len(right.words) == len(CHECKS)
    assert set(right.words.values()) == {Word.PASS}


@pytest.mark.parametrize("fault", ARENA.faults(), ids=lambda f: f.name)
def test_each_fault_lets_one_stranger_in(right: Judged, fault: Fault) -> None:
    run = compare(fault, ARENA.name, right.words, ARENA.wrong(fault).words)
    assert run.sound, run


def seen_on(
    folder: Path, document: dict[str, Any], endpoint: str, *, limits: int = 4
) -> PolicySeen | NotReached:
    made = {**document, "limits": {"connections": limits}}
    target = parse_target(made, folder=folder)
    where = target.endpoints[endpoint]
    bench = Bench(target, where, Drawer(folder / "ev"), Ledger(), Shelf(), folder, 2.0, "t")
    return drivers.try_strangers(bench)


def archive_document(archive: Archive) -> dict[str, Any]:
    claims = {"site-association-policy": ("association-acceptor",)}
    found = copy.deepcopy(archive.document(claims=claims))
    found.pop("limits", None)
    return found


@pytest.fixture(params=[right_policy, strict_policy])
def archive(pki: Pki, request: pytest.FixtureRequest) -> Iterator[Archive]:
    policy: ArchivePolicy = request.param()
    with Archive(pki, archive=policy, artim=0.5, idle=1.0, plain=True) as found:
        yield found


@pytest.mark.parametrize("endpoint", ["dicom-plain", "dicom-tls"])
def test_what_can_be_had_is_told(archive: Archive, tmp_path: Path, endpoint: str) -> None:
    seen = seen_on(tmp_path, archive_document(archive), endpoint)
    assert isinstance(seen, PolicySeen)
    assert (seen.control.had, seen.after.outcome) == ("C-ECHO 0000H and C-FIND 0000H", "accepted")
    found = {a.check: a for a in seen.answers}
    strict = "certificate" in archive.archive.looks_at
    assert found["called AE title"].reject == (1, 1, 7)
    calling = found["calling AE title"]
    assert (calling.reject == (1, 1, 3)) if strict else calling.echo == calling.find == 0
    tried = found["certificate"].outcome
    if endpoint == "dicom-plain":
        assert tried == "absent"
    else:
        assert tried == ("rejected" if strict else "accepted")


def test_without_a_declaration_there_are_facts_and_no_verdict(pki: Pki, tmp_path: Path) -> None:
    with Archive(pki, artim=0.5, idle=1.0, plain=True) as archive:
        document = archive_document(archive)
        document["declared"].pop("association")
        seen = seen_on(tmp_path, document, "dicom-plain")
    assert isinstance(seen, PolicySeen)
    for what in CHECKS:
        assert checks.enforces(seen, what=what).word is Word.INFO


def test_a_word_that_is_no_check_is_named(pki: Pki, tmp_path: Path) -> None:
    with Archive(pki, artim=0.5, idle=1.0, plain=True) as archive:
        document = archive_document(archive)
        document["declared"]["association"]["checks"] = ["calling AET"]
        seen = seen_on(tmp_path, document, "dicom-plain")
    assert isinstance(seen, PolicySeen)
    judged = checks.enforces(seen, what="calling AE title")
    assert judged.word is Word.INCONCLUSIVE
    assert "names 'calling AET'" in judged.message


def test_limits_bound_how_many_are_open(pki: Pki, tmp_path: Path) -> None:
    with Archive(pki, archive=strict_policy(), artim=0.5, idle=1.0, plain=True) as archive:
        seen = seen_on(tmp_path, archive_document(archive), "dicom-plain", limits=2)
    assert isinstance(seen, PolicySeen)
    judged = checks.enforces(seen, what="number of associations")
    assert judged.word is Word.INCONCLUSIVE
    assert "set limits.connections to 4 or more" in judged.message


def test_a_dead_product_refuses_nobody(pki: Pki, tmp_path: Path) -> None:
    with Archive(pki, archive=strict_policy(), artim=0.5, idle=1.0, plain=True) as archive:
        seen = seen_on(tmp_path, archive_document(archive), "dicom-plain")
    assert isinstance(seen, PolicySeen)
    assert checks.enforces(seen, what="calling AE title").word is Word.PASS
    dead = dataclasses.replace(seen, after=dataclasses.replace(seen.after, outcome="closed"))
    assert checks.enforces(dead, what="calling AE title").word is Word.INCONCLUSIVE
    silent = dataclasses.replace(
        seen, answers=tuple(dataclasses.replace(a, outcome="silent") for a in seen.answers)
    )
    assert checks.enforces(silent, what="calling AE title").word is Word.INCONCLUSIVE


def plain_document(port: int) -> dict[str, Any]:
    return {
        "target": {"name": "peer"},
        "claims": {"site-association-policy": ["association-acceptor"]},
        "endpoints": {
            "plain": {
                "address": f"127.0.0.1:{port}",
                "transport": "plain",
                "ae_title": "PYNETDICOM",
            }
        },
    }


def test_pynetdicom_is_told_apart_by_what_it_requires(tmp_path: Path) -> None:
    entity = AE(ae_title="PYNETDICOM")
    entity.add_supported_context(Verification)
    entity.maximum_associations = 2
    entity.require_calling_aet = ["PART15"]
    entity.require_called_aet = True
    server = entity.start_server(("127.0.0.1", 0), block=False)
    try:
        document = plain_document(server.server_address[1])
        document["declared"] = {"association": {"checks": list(CHECKS), "most": 2}}
        seen = seen_on(tmp_path, document, "plain")
    finally:
        server.shutdown()
    assert isinstance(seen, PolicySeen)
    codes = {a.check: a.reject for a in seen.answers}
    assert codes["calling AE title"] == (1, 1, 3)
    assert codes["called AE title"] == (1, 1, 7)
    assert codes["number of associations"] == (2, 3, 2)
    words = {what: checks.enforces(seen, what=what).word for what in CHECKS}
    assert words["calling AE title"] is words["number of associations"] is Word.PASS
    assert words["peer address"] is Word.FAIL
    assert words["certificate"] is Word.INFO


@pytest.mark.peer(name="storescp")
def test_storescp_lets_everybody_in(tmp_path: Path) -> None:
    if shutil.which("storescp") is None:
        assert not os.environ.get("PART15_REQUIRE_PEERS"), "storescp is not installed"
        pytest.skip("storescp is not installed")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        ["storescp", "-od", str(tmp_path), str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                threading.Event().wait(0.05)
        seen = seen_on(tmp_path, plain_document(port), "plain")
    finally:
        process.terminate()
        process.wait(10)
    assert isinstance(seen, PolicySeen)
    found = {a.check: a.said for a in seen.answers}
    assert found["calling AE title"] == "accepted, C-ECHO 0000H inside"
    assert found["called AE title"] == "accepted, C-ECHO 0000H inside"
    assert found["application context"] == "rejected 1/1/2"


def test_the_statement_names_what_is_declared_and_not_done() -> None:
    row = {"check": "certificate", "shown": "x", "answer": "accepted"}
    value = [
        {**row, "enforced": "no", "declared": True},
        {**row, "check": "peer address", "enforced": "no", "declared": False},
    ]
    observed = {"key": "association.policy", "endpoint": "e", "value": value}
    found = contradiction("CS-ASSOC-1", "", {"observations": [observed]})
    assert found == "declared to be checked, but it was not: certificate (e)"
