"""Query filtering: what the checks say, each way to leak, controls, target files, and secrets that stay secret."""

from __future__ import annotations

import dataclasses
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest

from part15.checks import filtering as checks
from part15.errors import TargetError
from part15.model import Case, Verdict, Word
from part15.observations import from_json, to_json
from part15.observations.filtering import Answered, AskerSeen, FilteringSeen, StudySeen
from part15.peers.archive import USERS, Archive
from part15.peers.archive_access import Access
from part15.peers.archive_faults_filtering import FILTERING
from part15.peers.archive_node import ArchiveAssociation
from part15.peers.faults import Fault
from part15.pki import Pki
from part15.selftest import Judged, compare
from part15.selftest_filtering import ARENAS, POLICY, document, filtering_policy
from part15.selftest_tls import drive, shared_pki
from part15.target_file import parse_target

(ARENA,) = ARENAS
RULES = ("find", "get", "move", "counts", "nobody", "wrong-credential", "existence")


@pytest.fixture(scope="module")
def right() -> Judged:
    return ARENA.right()


def test_the_archive_that_filters_passes(right: Judged) -> None:
    assert right.words == {f"{POLICY}-{rule}": Word.PASS for rule in RULES}
    assert right.unclean == ()


@pytest.mark.parametrize("fault", FILTERING, ids=lambda f: f.name)
def test_each_leak_breaks_its_rules(right: Judged, fault: Fault) -> None:
    run = compare(fault, ARENA.name, right.words, ARENA.wrong(fault).words)
    assert run.sound, run


# what the checks say


def answer(service: str, study: str, *shown: str, status: int = 0, **more: Any) -> Answered:
    return Answered(service, f"study UID of {study}", (study,), "answered", status, shown, **more)


def nothing(service: str, status: int = 0) -> Answered:
    text = "study UID that nobody has"
    return Answered(service, text, (), "answered", status, existing=False)


def user(name: str, may: str, *more: Answered, after: bool = True) -> AskerSeen:
    seen = [answer(s, may, may, counts={"sub-operations": 2}) for s in checks.EVERY]
    again = (answer("C-FIND", may, may),) if after else ()
    asked = (*seen, *more, *(nothing(s) for s in checks.EVERY))
    return AskerSeen(name, "user", (may,), "accepted", asked, again)


STUDIES = {"a": StudySeen("one", 2, whole=True), "b": StudySeen("two", 2, whole=True)}
NOBODY = AskerSeen("nobody", "nobody", (), "rejected: (1, 1, 3)")


def seen(*askers: AskerSeen, moves: bool = True) -> FilteringSeen:
    return FilteringSeen(STUDIES, askers, moves)


GOOD = seen(user("alice", "a", answer("C-FIND", "b")), user("bob", "b"), NOBODY)


def shows(found: FilteringSeen, service: str = "C-FIND", kind: str = "user") -> tuple[Word, str]:
    judged = checks.shows_no_more(found, services=[service], kind=kind)
    return judged.word, judged.message


def test_an_observation_survives_being_stored() -> None:
    assert from_json(to_json(GOOD)) == GOOD


@pytest.mark.parametrize("service", checks.EVERY)
def test_nothing_too_much_passes(service: str) -> None:
    assert shows(GOOD, service)[0] is Word.PASS
    assert shows(GOOD, service, "nobody")[0] is Word.PASS


@pytest.mark.parametrize("service", checks.EVERY)
def test_a_forbidden_study_fails_even_without_controls(service: str) -> None:
    leak = answer(service, "b", "b")
    for other in (user("bob", "b"), user("bob", "b", after=False)):
        word, message = shows(seen(user("alice", "a", leak), other), service)
        assert word is Word.FAIL
        assert "study b" in message


def test_a_forbidden_patient_fails() -> None:
    leak = dataclasses.replace(answer("C-FIND", "b"), patients=("two",))
    assert shows(seen(user("alice", "a", leak), user("bob", "b")))[0] is Word.FAIL


def test_a_user_who_does_not_see_what_they_may_decides_nothing() -> None:
    blind = AskerSeen("bob", "user", ("b",), "rejected: (1, 1, 1)")
    word, message = shows(seen(user("alice", "a"), blind))
    assert word is Word.INCONCLUSIVE
    assert "bob does not see b by C-FIND (association: rejected: (1, 1, 1))" in message
    assert checks.counts_no_more(seen(user("alice", "a"), blind)).word is Word.INCONCLUSIVE
    assert checks.hides_existence(seen(user("alice", "a"), blind)).word is Word.INCONCLUSIVE


def test_a_product_that_died_meanwhile_decides_nothing() -> None:
    word, message = shows(seen(user("alice", "a"), user("bob", "b", after=False)))
    assert word is Word.INCONCLUSIVE
    assert "not see b any more" in message


def test_a_silent_answer_decides_nothing() -> None:
    silent = Answered("C-FIND", "list of study UIDs", ("a", "b"), "silent: nothing came")
    assert shows(seen(user("alice", "a", silent), user("bob", "b")))[0] is Word.INCONCLUSIVE


def test_a_destination_that_the_product_does_not_know_is_told() -> None:
    def lost(asker: AskerSeen) -> AskerSeen:
        answers = [
            dataclasses.replace(a, studies=(), status=0xA801) if a.service == "C-MOVE" else a
            for a in asker.answers
        ]
        return dataclasses.replace(asker, answers=tuple(answers))

    word, message = shows(seen(lost(user("alice", "a")), lost(user("bob", "b"))), "C-MOVE")
    assert word is Word.INCONCLUSIVE
    assert (
        "alice does not see a by C-MOVE (A801H): the product does not know the AE title" in message
    )


def test_moves_need_somewhere_to_go() -> None:
    word, message = shows(dataclasses.replace(GOOD, moves=False), "C-MOVE")
    assert word is Word.INCONCLUSIVE
    assert "listener" in message


def test_a_study_that_no_user_may_see_decides_nothing() -> None:
    assert shows(seen(user("alice", "a")))[0] is Word.INCONCLUSIVE


def test_a_service_that_is_offered_to_nobody_gives_nothing() -> None:
    def without(asker: AskerSeen) -> AskerSeen:
        kept = [
            dataclasses.replace(a, outcome="not offered", studies=()) if a.service == "C-GET" else a
            for a in asker.answers
        ]
        return dataclasses.replace(asker, answers=tuple(kept))

    word, message = shows(seen(without(user("alice", "a")), without(user("bob", "b"))), "C-GET")
    assert word is Word.PASS
    assert "offered to none" in message


def test_numbers() -> None:
    assert checks.counts_no_more(GOOD).word is Word.PASS
    failed = answer("C-MOVE", "b", status=0xA702, counts={"sub-operations": 2})
    judged = checks.counts_no_more(seen(user("alice", "a", failed), user("bob", "b")))
    assert judged.word is Word.FAIL
    assert "counts 2 sub-operations by C-MOVE, where 0 may be known" in judged.message
    whole = StudySeen("two", 2, whole=False)
    related = Answered("C-FIND", "patient ID of two", ("b",), "answered", 0, counts={"studies": 9})
    alice = user("alice", "a", related)
    others = FilteringSeen({**STUDIES, "b": whole}, (alice, user("bob", "b")), moves=True)
    assert checks.counts_no_more(others).word is Word.PASS, "the patient has studies of others"


def test_a_patient_who_may_have_other_studies_is_no_leak() -> None:
    shown = Answered("C-FIND", "patient ID of two", ("b",), "answered", 0, patients=("two",))
    others = {**STUDIES, "b": StudySeen("two", 2, whole=False)}
    found = FilteringSeen(others, (user("alice", "a", shown), user("bob", "b")), moves=True)
    assert shows(found)[0] is Word.PASS


def test_a_product_that_counts_twice_tells_of_nothing_hidden() -> None:
    twice = answer("C-GET", "a", "a", counts={"sub-operations": 4})
    assert (
        checks.counts_no_more(seen(user("alice", "a", twice), user("bob", "b"))).word is Word.PASS
    )


def test_existence() -> None:
    assert checks.hides_existence(GOOD).word is Word.PASS
    told = answer("C-FIND", "b", status=0x0124)
    judged = checks.hides_existence(seen(user("alice", "a", told), user("bob", "b")))
    assert judged.word is Word.FAIL
    assert "0124H" in judged.message


# on the embedded archive


@pytest.fixture(scope="module")
def pki() -> Pki:
    return shared_pki()


def judge(
    pki: Pki,
    folder: Path,
    change: Any = None,
    *,
    archive: Any = None,
    plain: bool = False,
    deadline: float = 0.5,
) -> dict[str, Verdict]:
    given = archive or filtering_policy()
    with Archive(pki, (), archive=given, plain=plain, artim=0.5, idle=1.0) as peer:
        target = document(peer, folder)
        if change is not None:
            change(target, peer)
        _, verdicts = drive(target, folder, deadline=deadline, only=POLICY)
    return {v.case.clause.removeprefix(f"{POLICY}-"): v for v in verdicts}


def test_verdicts_are_those_of_a_site(pki: Pki, tmp_path: Path) -> None:
    found = judge(pki, tmp_path)
    cases: list[Case] = [v.case for v in found.values()]
    assert all(case.policy for case in cases)
    assert found["existence"].word is Word.PASS


def test_users_known_by_a_certificate(pki: Pki, tmp_path: Path) -> None:
    def change(target: dict[str, Any], _peer: Archive) -> None:
        target["users"] = {
            name: {"identity": {k: str(getattr(pki[name], k)) for k in ("certificate", "key")}}
            | {"sees": sees}
            for name, sees in (("client", ["ward-a", "alone"]), ("client-ec", ["ward-b"]))
        }
        target["studies"].pop("shared")

    known = {"part15 client": ("WARD A",), "part15 client-ec": ("WARD B",)}
    names = [_common(pki, name) for name in ("client", "client-ec")]
    policy = dataclasses.replace(
        filtering_policy(), access=Access(dict(zip(names, known.values(), strict=True)))
    )
    found = judge(pki, tmp_path, change, archive=policy)
    assert {v.word for v in found.values()} == {Word.PASS}, {k: v.message for k, v in found.items()}


def _common(pki: Pki, name: str) -> str:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    shown = x509.load_pem_x509_certificate(pki[name].certificate.read_bytes())
    return str(shown.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def test_wrong_credentials_are_bounded(pki: Pki, tmp_path: Path) -> None:
    def change(target: dict[str, Any], _peer: Archive) -> None:
        target["limits"]["wrong_credentials"] = 1

    found = judge(pki, tmp_path, change)["wrong-credential"]
    assert found.word is Word.PASS
    assert "not tried: bob with wrong passcode" in found.message
    (tmp_path / "none").mkdir()

    def none(target: dict[str, Any], _peer: Archive) -> None:
        target["limits"]["wrong_credentials"] = 0

    assert judge(pki, tmp_path / "none", none)["wrong-credential"].word is Word.INCONCLUSIVE


def test_a_product_that_is_gone_passes_nothing(pki: Pki, tmp_path: Path) -> None:
    found = judge(pki, tmp_path, lambda _target, peer: peer.close())
    assert {v.word for v in found.values()} == {Word.ERROR}


def test_a_product_that_stores_nothing_decides_nothing(pki: Pki, tmp_path: Path) -> None:
    def change(target: dict[str, Any], _peer: Archive) -> None:
        target["studies"]["ward-a"]["ae_title"] = "NOBODY"

    found = judge(pki, tmp_path, change)
    assert {v.word for v in found.values()} == {Word.INCONCLUSIVE}
    assert "studies.ward-a.uid" in found["find"].message


def test_a_product_that_does_not_answer_ends_in_time(
    pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ArchiveAssociation, "_found", lambda _self, _message: None)
    began = time.monotonic()
    found = judge(pki, tmp_path, deadline=0.1)
    assert {v.word for v in found.values()} == {Word.INCONCLUSIVE}
    assert time.monotonic() - began < 30


def test_a_study_that_is_there_already(pki: Pki, tmp_path: Path) -> None:
    def change(target: dict[str, Any], _peer: Archive) -> None:
        target["studies"]["alone"] = {"uid": "1.2.3.4", "patient_id": "OTHER"}

    found = judge(pki, tmp_path, change)
    assert found["find"].word is Word.INCONCLUSIVE
    assert "alice does not see alone by C-FIND (0000H)" in found["find"].message


def test_what_others_own_is_not_recorded(pki: Pki, tmp_path: Path) -> None:
    def change(target: dict[str, Any], _peer: Archive) -> None:
        target["studies"]["alone"] = {"uid": "1.2.3.4", "patient_id": "OTHER"}

    def captured(folder: Path) -> bytes:
        return b"".join(p.read_bytes() for p in (folder / "evidence").rglob("phi-capture.pcapng"))

    folders = [tmp_path / name for name in ("ours", "others")]
    for folder, changes in zip(folders, (None, change), strict=True):
        folder.mkdir()
        judge(pki, folder, changes, plain=True)
    assert b"PART15ARC" in captured(folders[0])
    assert b"PART15ARC" not in captured(folders[1])


def test_a_ticket_for_one_association_is_not_enough(pki: Pki, tmp_path: Path) -> None:
    def change(target: dict[str, Any], _peer: Archive) -> None:
        ticket = target["users"]["alice"]["passcode"]
        target["users"]["alice"] = {"type": 3, "ticket": ticket, "sees": ["ward-a", "alone"]}

    found = judge(pki, tmp_path, change)
    assert {v.word for v in found.values()} == {Word.INCONCLUSIVE}
    assert "the ticket of users.alice is good for one association" in found["find"].message


def test_no_credential_is_in_any_file_of_a_run(pki: Pki, tmp_path: Path) -> None:
    judge(pki, tmp_path, plain=True)
    kept = [p for p in (tmp_path / "evidence").rglob("*") if p.is_file()]
    assert any(p.name == "phi-capture.pcapng" for p in kept)
    for secret in (*USERS.values(), bytes(reversed(USERS["alice"]))):
        assert [p for p in kept if secret in p.read_bytes()] == []


# target files


HEAD = '[target]\nname = "x"\n'


def problems(text: str) -> list[str]:
    with pytest.raises(TargetError) as caught:
        parse_target(tomllib.loads(HEAD + text), source="t.toml", text=HEAD + text)
    return [str(p) for p in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '[users.a]\ntype = 1\nname = "a"\nsees = ["wrad"]\n[studies.ward]\n',
            "t.toml:6: users.a.sees names 'wrad', which is not in [studies]; did you mean 'ward'?",
        ),
        (
            '[users.a]\ntype = 1\nname = "a"\nsees = ["s"]\n[studies.s]\n[studies.t]\n',
            "t.toml:8: studies.t: nobody sees it, so nothing shows it is there; let one user see it",
        ),
        (
            '[users.a]\ntype = 1\nname = "a"\n[studies.s]\n',
            "studies: no user has 'sees', so no view of them can be tried; give one, sees = [...]",
        ),
        (
            "[users.a]\nsees = []\n",
            "a user is known by a type, an identity (a certificate) or a calling_ae_title",
        ),
        ('[users.a]\nname = "a"\n', "a user with name has a type, from 1 to 5"),
        (
            '[users.a]\ntype = 1\nname = "a"\nsees = ["s"]\n[studies.s]\nstored_by = "b"\n',
            "t.toml:8: studies.s.stored_by names 'b', which is not in [users]",
        ),
        (
            '[users.a]\nidentity = { certificate = "no.pem", key = "env:KEY" }\n',
            "users.a.identity.certificate: there is no file",
        ),
        ('[studies.s]\npatient_id = "7"\n', "begins with PART15"),
        ('[studies.s]\nuid = "1.2"\ndepartment = "d"\n', "remove department"),
        ('[studies.s]\npatient = "p"\npatient_id = "PART15-p"\n', "not both"),
        (
            '[users.a]\ntype = 1\nname = "a"\nsees = ["*"]\n[studies."*"]\n',
            "t.toml:7: studies.*: its name goes into patient IDs",
        ),
        ('[studies.s]\nuid = "abc"\n', "t.toml:4: 'studies.s.uid': 'abc' is no UID"),
        (
            '[studies.s]\npatient = "a*"\n',
            "t.toml:4: 'studies.s.patient': it goes into patient IDs",
        ),
        ("[studies.s]\ninstances = 0\n", "one instance at least"),
        ('[studies.s]\ndepartmnt = "d"\n', "did you mean 'department'?"),
    ],
)
def test_what_does_not_fit_is_told(text: str, said: str) -> None:
    assert any(said in p for p in problems(text)), problems(text)


def test_without_studies_the_rules_say_what_to_do(pki: Pki, tmp_path: Path) -> None:
    def change(target: dict[str, Any], _peer: Archive) -> None:
        target.pop("studies")
        for each in target["users"].values():
            each.pop("sees")

    found = judge(pki, tmp_path, change)
    assert {v.word for v in found.values()} == {Word.INCONCLUSIVE}
    assert "[studies.NAME]" in found["find"].message
