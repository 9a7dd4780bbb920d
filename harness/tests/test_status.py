"""Online Electronic Storage: the model of its rules, and the embedded archive right and wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from part15 import load
from part15.bench import Bench, Ledger, Shelf
from part15.checks import status as checks
from part15.drivers import status, status_actions, status_stories
from part15.evidence import Drawer
from part15.judge import ask, worst
from part15.model import Word
from part15.observations import NotReached
from part15.observations.status import (
    AlterationsSeen,
    CommitmentSeen,
    EventSeen,
    StatusCase,
    StatusSeen,
    StorySeen,
)
from part15.peers.archive import Archive, right_policy
from part15.peers.archive_faults_status import STATUS
from part15.peers.faults import Fault
from part15.pki import Pki, make_pki
from part15.registry import checks as all_checks
from part15.registry import drivers
from part15.target_file import parse_target
from part15.wire.status_model import RULES, broken, story


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("status-pki"))


@pytest.fixture(scope="module")
def archive(pki: Pki) -> Iterator[Archive]:
    with Archive(pki, artim=0.5, idle=1.0) as found:
        yield found


def bench_on(archive: Archive, folder: Path, endpoint: str = "dicom-tls", **changes: Any) -> Bench:
    document = archive.document()
    document["listeners"] = archive.listeners()
    document |= changes
    target = parse_target(document, folder=folder)
    drawer = Drawer(folder / "evidence")
    return Bench(target, target.endpoints[endpoint], drawer, Ledger(), Shelf(), folder, 0.6, "t")


def words(bench: Bench, clauses: set[str]) -> dict[str, Word]:
    """Return the word of each of *clauses* as a storage SCP, at the endpoint of *bench*."""
    found: dict[str, list[Word]] = {}
    seen: dict[str, Any] = {}
    for name in ("online-electronic-storage", "ps3.4-storage"):
        for clause in load.load_profiles()[name].clauses:
            for bound in clause.bindings:
                stimulus = bound.stimulus
                if clause.id not in clauses or stimulus is None:
                    continue
                if not stimulus.kind.startswith("status") or "creator" in bound.roles:
                    continue
                if stimulus.key not in seen:
                    args = {**stimulus.args, **({"budget": 4} if "budget" in stimulus.args else {})}
                    seen[stimulus.key] = drivers()[stimulus.kind].function(bench, **args)
                answer = ask(all_checks()[bound.check], seen[stimulus.key], bound.expect)
                found.setdefault(clause.id, []).append(answer.word)
    return {clause: worst(given) for clause, given in found.items()}


def explored(pki: Pki, tmp_path: Path, *faults: str) -> StorySeen:
    with Archive(pki, faults, artim=0.5, idle=1.0) as archive:
        seen = status_stories.explore(bench_on(archive, tmp_path), budget=8)
    assert isinstance(seen, StorySeen)
    return seen


def test_the_right_archive_has_no_story(pki: Pki, tmp_path: Path) -> None:
    seen = explored(pki, tmp_path)
    assert seen.stories == {}
    assert seen.tried >= 8
    assert checks.survives_exploration(seen, rules=list(RULES)).word is Word.PASS


def test_a_violation_is_shrunk_to_its_shortest_story(pki: Pki, tmp_path: Path) -> None:
    seen = explored(pki, tmp_path, "leaves_ao_in_copy")
    told = [s.words for s in seen.stories["copy-status"]]
    assert told == [
        "instance 1 stored as AO over TLS from a partner",
        "commitment of instance 1 asked for and confirmed",
        "all asked for by a partner, who received AO",
    ]
    assert seen.stories["copy-status"][-1].broke
    assert set(seen.stories) == {"copy-status", "single-holder"}
    assert checks.survives_exploration(seen, rules=["copy-status"]).word is Word.FAIL
    assert len(checks.tells_stories(seen).findings) == 2
    assert checks.survives_exploration(seen, rules=["to-plain"]).word is Word.PASS


EVERY = {c for f in STATUS for c in f.flips}


def test_the_right_archive_passes(archive: Archive, tmp_path: Path) -> None:
    found = words(bench_on(archive, tmp_path), EVERY)
    assert len(found) >= 14
    assert {c: w for c, w in found.items() if w is not Word.PASS} == {}


@pytest.mark.parametrize("fault", STATUS, ids=lambda f: f.name)
def test_each_fault_flips_its_clauses(pki: Pki, tmp_path: Path, fault: Fault) -> None:
    # what a round trip shows of it is for test_storage
    mine = set(fault.flips) - ({"A.1.1-h-no-other-change"} if "new_uid" in fault.changes else set())
    with Archive(pki, [fault.name], artim=0.5, idle=1.0) as wrong:
        found = words(bench_on(wrong, tmp_path), mine)
    assert found
    assert set(found.values()) == {Word.FAIL}, found


def test_a_plain_endpoint_is_judged_at_the_secure_one(archive: Archive, tmp_path: Path) -> None:
    bench = bench_on(archive, tmp_path, "dicom-plain")
    seen = status.follow(bench)
    assert isinstance(seen, StatusSeen)
    assert checks.keeps_rules(seen, rules=["copy-status"]).word is Word.NOT_APPLICABLE


def test_a_target_without_a_secure_endpoint_is_not_judged(archive: Archive, tmp_path: Path) -> None:
    document = archive.document()
    only = {"dicom-plain": document["endpoints"]["dicom-plain"]}
    seen = status.follow(bench_on(archive, tmp_path, "dicom-plain", endpoints=only))
    assert isinstance(seen, NotReached)
    assert seen.step == "transport"


def test_without_a_second_identity_the_stranger_is_asked_for(
    archive: Archive, tmp_path: Path
) -> None:
    bench = bench_on(archive, tmp_path, listeners={})
    point = bench.endpoint.model_copy(update={"identities": {}})
    seen = status.follow(dataclasses.replace(bench, endpoint=point))
    assert isinstance(seen, StatusSeen)
    judged = checks.keeps_rules(seen, rules=["to-stranger"])
    assert judged.word is Word.INCONCLUSIVE
    assert "identities.other" in judged.message


@pytest.mark.parametrize(
    ("how", "word"), [("new", Word.PASS), ("twice", Word.PASS), ("same", Word.PASS)]
)
def test_reports_may_come_on_either_association(
    pki: Pki, tmp_path: Path, how: str, word: Word
) -> None:
    policy = dataclasses.replace(right_policy(), commits=how)
    with Archive(pki, archive=policy, artim=0.5, idle=1.0) as archive:
        seen = status.commit(bench_on(archive, tmp_path))
    assert isinstance(seen, CommitmentSeen)
    judged = checks.commits(seen)
    assert judged.word is word, judged
    assert seen.events[0].route == ("new" if how == "new" else "same")
    assert any(f.word is Word.WARN for f in judged.findings) is (how == "twice")


def test_without_a_listener_a_missing_report_decides_nothing(pki: Pki, tmp_path: Path) -> None:
    with Archive(pki, ["never_commits"], artim=0.5, idle=1.0) as archive:
        seen = status.commit(bench_on(archive, tmp_path, listeners={}))
    assert isinstance(seen, CommitmentSeen)
    assert checks.commits(seen).word is Word.INCONCLUSIVE


def test_without_actions_and_listeners_they_are_asked_for(archive: Archive, tmp_path: Path) -> None:
    seen = status_actions.authorize(bench_on(archive, tmp_path, actions={}))
    assert isinstance(seen, NotReached)
    assert "actions.authorize" in seen.why
    moved = status_actions.transfer(bench_on(archive, tmp_path, listeners={}))
    assert isinstance(moved, NotReached)
    assert moved.step == "listeners"


def test_an_alteration_of_which_the_control_was_lost_proves_nothing() -> None:
    assert checks.discards_altered(AlterationsSeen(False, ()), statuses=["OR"]).word is (
        Word.INCONCLUSIVE
    )


def test_a_success_event_of_type_2_fails() -> None:
    seen = CommitmentSeen(True, 0, (EventSeen(2, True, "committed"),), (), True, 1.0)
    assert checks.commits(seen).word is Word.FAIL
    assert checks.commits(dataclasses.replace(seen, action=0x0110)).word is Word.FAIL
    assert checks.commits(dataclasses.replace(seen, action=None)).word is Word.FAIL


def case(
    sent: str | None, came: str, asked: str, returned: str | None, *, committed: bool = True
) -> StatusCase:
    return StatusCase(sent, came, asked, committed, True, returned)


@pytest.mark.parametrize(
    ("seen", "rules"),
    [
        (case("AO", "partner", "partner", "AC"), set()),
        (case("AO", "partner", "partner", "NS"), set()),
        (case("AO", "partner", "partner", "AO"), {"copy-status", "single-holder"}),
        (case("AO", "partner", "partner", None), {"copy-status"}),
        (case("AC", "partner", "partner", "OR"), {"copy-status"}),
        (case("OR", "partner", "partner", None), set()),
        (case("OR", "partner", "partner", "OR"), {"single-holder"}),
        (case("OR", "partner", "partner", "NS", committed=False), {"no-forward-before-commit"}),
        (case("AO", "partner", "plain", "AC"), {"to-plain"}),
        (case("AO", "partner", "plain", None), set()),
        (case("NS", "partner", "stranger", "OR"), {"to-stranger"}),
        (case("AO", "plain", "partner", "AO"), {"from-plain"}),
        (case("AO", "plain", "partner", "NS"), set()),
        (case("ao", "stranger", "partner", "ao"), {"from-stranger"}),
        (case(None, "stranger", "partner", None), set()),
    ],
)
def test_the_model_of_the_rules(seen: StatusCase, rules: set[str]) -> None:
    assert {rule for rule in RULES if broken(seen, rule)} == rules
    assert "stored with" in story(seen)


def test_companions_without_a_status_break_a_rule() -> None:
    seen = dataclasses.replace(
        case("AO", "partner", "plain", None), companions=("(0100,0420)",), changed=("(0010,0010)",)
    )
    assert {rule for rule in RULES if broken(seen, rule)} == {"companions", "values"}


def test_it_is_followed_over_ipv6_too(pki: Pki, tmp_path: Path) -> None:
    with Archive(pki, hosts=("::1",), artim=0.5, idle=1.0) as found:
        document = found.document()
        names = [n for n, e in document["endpoints"].items() if e["transport"] == "tls"]
        assert all("[::1]" in e["address"] for e in document["endpoints"].values())
        target = parse_target(document, folder=tmp_path)
        drawer = Drawer(tmp_path / "evidence")
        bench = Bench(
            target, target.endpoints[names[0]], drawer, Ledger(), Shelf(), tmp_path, 0.6, "t"
        )
        seen = status.follow(bench)
        committed = status.commit(bench)
    assert checks.keeps_rules(seen, rules=["copy-status", "to-plain", "from-plain"]).word is (
        Word.PASS
    )
    assert checks.commits(committed).word is Word.PASS
