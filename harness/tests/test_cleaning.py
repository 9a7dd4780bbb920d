"""Test data is marked, told to be deleted after a run, and nothing else of the product is touched."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from part15.bench import Ledger
from part15.channel.services import Instance
from part15.drivers.cleaning import clean
from part15.evidence import Store
from part15.model import Stimulus
from part15.observations import Many, NotReached
from part15.peers.archive import Archive, bit_preserving_policy, right_policy
from part15.peers.archive_shelves import Held, text_of
from part15.pki import Pki, make_pki
from part15.session import Session
from part15.target_file import parse_target
from part15.wire.trap_objects import EXPLICIT, ROOT, SECONDARY_CAPTURE, base, joined

FOREIGN = "1.2.826.0.1.3680043.10.1"


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("cleaning-pki"))


@pytest.fixture
def archive(pki: Pki) -> Iterator[Archive]:
    """An archive that holds an instance of somebody else."""
    with Archive(pki, artim=0.5, idle=1.0) as found:
        data = joined(base(FOREIGN, "1.2.3", "1.2.4"))
        instance = Instance(SECONDARY_CAPTURE, FOREIGN, EXPLICIT, data)
        found.shelves.held[FOREIGN] = Held(instance, "", settled=True, study="1.2.3")
        yield found


def session_on(archive: Archive, folder: Path, **changes: Any) -> Session:
    document = archive.document()
    document["listeners"] = archive.listeners()
    target = parse_target({**document, **changes}, folder=folder)
    return Session(target, Store(folder / "evidence"), deadline=0.6)


def observed(session: Session, kind: str) -> Any:
    return session.observe(Stimulus(kind, {}, "dicom-tls"))


def test_what_a_run_stored_is_marked_and_deleted_again(archive: Archive, tmp_path: Path) -> None:
    session = session_on(archive, tmp_path)
    observed(session, "status.follow")
    observed(session, "storage_signed.round_trip")
    ours = {u: h for u, h in archive.shelves.held.items() if u != FOREIGN}
    assert len(ours) > 15
    for uid, held in ours.items():
        assert uid.startswith(ROOT + ".")
        assert (text_of(held.instance, 0x00100020) or "").startswith("PART15")
    assert set(ours) <= set(session.ledger.stored)
    session.clean()
    left = archive.shelves.held
    assert FOREIGN in left
    assert {h.status for u, h in left.items() if u != FOREIGN} <= {"OR", "AO"}
    assert session.ledger.sent[-1]["stimulus"] == "cleaning"
    assert "deleted" in session.ledger.sent[-1]["what"]


def test_nothing_of_others_is_named_in_what_was_sent(archive: Archive, tmp_path: Path) -> None:
    session = session_on(archive, tmp_path)
    for kind in ("status.follow", "status_actions.authorize", "status_actions.transfer"):
        observed(session, kind)
    session.clean()
    assert FOREIGN not in str(session.ledger.sent)
    assert archive.shelves.held[FOREIGN].status == ""


def test_without_an_action_nothing_is_deleted(archive: Archive, tmp_path: Path) -> None:
    session = session_on(archive, tmp_path, actions={})
    observed(session, "storage_signed.round_trip")
    before = len(archive.shelves.held)
    session.clean()
    assert len(archive.shelves.held) == before


@pytest.mark.parametrize(
    ("command", "calls"),
    [
        (["true", "{uid}"], "3 of 3 test objects: 3 deleted"),
        (["true", "{study}"], "2 of 2 studies of test objects: 2 deleted"),
        (["false", "{uid}"], "3 of 3 test objects: 0 deleted"),
        (["no-such-program", "{uid}"], "3 of 3 test objects: 0 deleted"),
        ("ask", "3 test objects are left"),
    ],
)
def test_it_is_told_what_became_of_them(command: Any, calls: str) -> None:
    ledger = Ledger(stored={"1": "a", "2": "a", "3": "b"})
    target = parse_target({"target": {"name": "x"}, "actions": {"delete": command}})
    clean(target, ledger)
    assert calls in ledger.sent[-1]["what"]


@pytest.mark.parametrize("retrieves", ["nothing", "another", "many", "half", "noise"])
def test_strange_retrievals_end_in_time_and_prove_nothing(
    pki: Pki, tmp_path: Path, retrieves: str
) -> None:
    began = time.monotonic()
    policy = dataclasses.replace(bit_preserving_policy(), retrieves=retrieves)
    with Archive(pki, archive=policy, artim=0.5, idle=1.0) as archive:
        session = session_on(archive, tmp_path)
        trips = observed(session, "storage.store_and_retrieve")
        signed = observed(session, "storage_signed.round_trip")
    assert time.monotonic() - began < 60
    if isinstance(trips, Many) and retrieves != "many":
        assert all(m.seen.problem for m in trips.members)
    if retrieves != "many":
        assert isinstance(signed, NotReached) or not signed.right.delivered


@pytest.mark.parametrize("commits", ["never", "twice", "unknown", "refuses"])
def test_strange_commitments_end_in_time(pki: Pki, tmp_path: Path, commits: str) -> None:
    began = time.monotonic()
    policy = dataclasses.replace(right_policy(), commits=commits)
    with Archive(pki, archive=policy, artim=0.5, idle=1.0) as archive:
        session = session_on(archive, tmp_path)
        for kind in ("status.commit", "status.follow", "status_actions.transfer"):
            observed(session, kind)
    assert time.monotonic() - began < 30
