"""Online Electronic Storage on products that are down, silent or lying: nothing of that is ever a pass."""

from __future__ import annotations

import dataclasses
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from part15.bench import Bench, Ledger, Shelf
from part15.checks import status as checks
from part15.checks import status_deletion
from part15.drivers import status, status_actions, status_stories
from part15.evidence import Drawer
from part15.judge import ask
from part15.model import Word
from part15.observations import Many, NotReached
from part15.observations.status import (
    AlterationsSeen,
    DeletionSeen,
    StatusCase,
    StatusSeen,
    StorySeen,
    TransferSeen,
)
from part15.peers.archive import Archive, right_policy
from part15.pki import Pki, make_pki
from part15.registry import checks as all_checks
from part15.target_file import parse_target


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("lying-pki"))


@pytest.fixture(scope="module")
def archive(pki: Pki) -> Iterator[Archive]:
    with Archive(pki, artim=0.5, idle=1.0) as found:
        yield found


def bench_on(archive: Archive, folder: Path, **changes: Any) -> Bench:
    document = archive.document()
    document["listeners"] = archive.listeners()
    document |= changes
    target = parse_target(document, folder=folder)
    drawer = Drawer(folder / "evidence")
    return Bench(target, target.endpoints["dicom-tls"], drawer, Ledger(), Shelf(), folder, 0.4, "t")


def with_plain_at(archive: Archive, address: str) -> dict[str, Any]:
    endpoints: dict[str, Any] = archive.document()["endpoints"]
    return {**endpoints, "dicom-plain": {**endpoints["dicom-plain"], "address": address}}


def test_a_plain_port_that_is_closed_refuses_nothing(archive: Archive, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    bench = bench_on(archive, tmp_path, endpoints=with_plain_at(archive, f"127.0.0.1:{port}"))
    seen = status.follow(bench)
    assert isinstance(seen, StatusSeen)
    judged = checks.keeps_rules(seen, rules=["from-plain"])
    assert judged.word is Word.INCONCLUSIVE
    assert "cannot be reached" in judged.message
    assert checks.keeps_rules(seen, rules=["copy-status"]).word is Word.PASS


def test_a_plain_port_that_is_silent_refuses_nothing(archive: Archive, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        seen = status.follow(
            bench_on(archive, tmp_path, endpoints=with_plain_at(archive, address), listeners={})
        )
    assert isinstance(seen, StatusSeen)
    for rule in ("from-plain", "to-plain"):
        assert checks.keeps_rules(seen, rules=[rule]).word is Word.INCONCLUSIVE


RIGHT = StatusCase("NS", "partner", "partner", False, True, "NS")


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ("no association: rejected: (1, 1, 3)", Word.PASS),
        ("0122H", Word.PASS),
        ("no association: silent: no answer", Word.INCONCLUSIVE),
        ("garbage: no PDU", Word.INCONCLUSIVE),
        ("not sent", Word.INCONCLUSIVE),
    ],
)
def test_only_a_refusal_is_one(answer: str, word: Word) -> None:
    seen = StatusSeen((RIGHT,), {"stranger AO": answer}, {})
    assert checks.keeps_rules(seen, rules=["from-stranger"]).word is word
    asked = dataclasses.replace(RIGHT, asked="stranger", delivered=False, answer=answer)
    sending = StatusSeen((RIGHT, asked), {}, {})
    assert checks.keeps_rules(sending, rules=["to-stranger"]).word is word
    alone = StatusSeen((asked,), {"stranger AO": answer}, {})
    assert checks.keeps_rules(alone, rules=["from-stranger"]).word is Word.INCONCLUSIVE


@pytest.fixture(scope="module")
def hollow(pki: Pki) -> Iterator[Archive]:
    """An archive whose retrievals always succeed and bring nothing."""
    policy = dataclasses.replace(right_policy(), retrieves="nothing")
    with Archive(pki, archive=policy, artim=0.5, idle=1.0) as found:
        yield found


def test_who_returns_nothing_keeps_no_rule(hollow: Archive, tmp_path: Path) -> None:
    bench = bench_on(hollow, tmp_path)
    seen = status.follow(bench_on(hollow, tmp_path, listeners={}))
    stories = status_stories.explore(bench, budget=2)
    assert isinstance(seen, StatusSeen)
    assert isinstance(stories, StorySeen)
    for rule in ("copy-status", "to-plain", "to-stranger", "from-plain", "uid"):
        assert checks.keeps_rules(seen, rules=[rule]).word is Word.INCONCLUSIVE
    judged = checks.survives_exploration(stories, rules=["no-forward-before-commit"])
    assert judged.word is Word.INCONCLUSIVE
    moved = status_actions.transfer(bench)
    assert isinstance(moved, NotReached)
    assert "nobody touched" in moved.why
    altered = status.alter(bench)
    assert isinstance(altered, AlterationsSeen)
    assert checks.discards_altered(altered, statuses=["OR"]).word is Word.INCONCLUSIVE


def test_who_deletes_nothing_at_all_or_everything_decides_little() -> None:
    kept = DeletionSeen("OR", True, True, True, "0000H", True)
    gone = dataclasses.replace(kept, after=False)
    said = {
        kept: Word.PASS,
        gone: Word.FAIL,
        dataclasses.replace(kept, before=False): Word.INCONCLUSIVE,
        dataclasses.replace(gone, answer="A702H"): Word.INCONCLUSIVE,
        dataclasses.replace(gone, control=False): Word.INCONCLUSIVE,
    }
    for seen, word in said.items():
        assert status_deletion.keeps_from_deletion(seen).word is word
    absent = NotReached("actions", "the target has no action 'delete'")
    assert status_deletion.keeps_from_deletion(absent).word is Word.REVIEW


def test_what_is_left_but_not_seen_is_not_gone() -> None:
    seen = TransferSeen("OR", True, "OR", True, "success", "not delivered")
    assert checks.relinquishes(seen).word is Word.INCONCLUSIVE
    assert checks.relinquishes(dataclasses.replace(seen, left="gone")).word is Word.PASS
    again = dataclasses.replace(seen, left="gone", again="OR")
    assert checks.relinquishes(again).word is Word.FAIL


@pytest.mark.parametrize("retrieves", ["another", "many"])
def test_who_returns_something_else_ends_in_time(pki: Pki, tmp_path: Path, retrieves: str) -> None:
    policy = dataclasses.replace(right_policy(), retrieves=retrieves)
    began = time.monotonic()
    with Archive(pki, archive=policy, artim=0.5, idle=1.0) as archive:
        bench = bench_on(archive, tmp_path, listeners={})
        seen = status.follow(bench)
        stories = status_stories.explore(bench, budget=1)
    assert isinstance(seen, StatusSeen)
    assert isinstance(stories, StorySeen)
    assert time.monotonic() - began < 60
    word = checks.keeps_rules(seen, rules=["uid"]).word
    assert word is (Word.FAIL if retrieves == "another" else Word.PASS)


def test_a_vpn_is_no_profile_of_annex_b(archive: Archive, tmp_path: Path) -> None:
    document = archive.document()
    only = {"dicom-plain": document["endpoints"]["dicom-plain"]}
    declared = {**document["declared"], "oes": {"link": "ipsec"}}
    bench = bench_on(archive, tmp_path, endpoints={**only, "dicom-tls": only["dicom-plain"]})
    bench = bench.at(bench.target.endpoints["dicom-plain"])
    target = bench.target.model_copy(update={"declared": declared})
    seen = status.follow(dataclasses.replace(bench, target=target))
    check = all_checks()["status.keeps_rules"]
    letter = ask(check, seen, {"rules": ["to-plain"], "annex_b": True})
    assert letter.word is Word.FAIL
    assert "IPSEC" in letter.message
    assert ask(check, seen, {"rules": ["copy-status"]}).word is Word.INCONCLUSIVE


def test_several_transfers_are_one_observation(archive: Archive, tmp_path: Path) -> None:
    seen = status_actions.transfer(bench_on(archive, tmp_path))
    assert isinstance(seen, Many)
    assert [m.seen.left for m in seen.members] == ["gone", "gone", "AC"]
