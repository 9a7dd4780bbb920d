"""The judge: levels, caps, waivers, attestations, sets, and checks that break."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from part15 import registry
from part15.errors import Trouble
from part15.judge import ask, judge
from part15.model import Case, Judgement, Level, Stimulus, Word, fails, passes, undecided
from part15.observations import Many, Member, NotReached
from part15.registry import Check

TODAY = dt.date(2026, 11, 21)


@dataclasses.dataclass(frozen=True)
class Door:
    is_open: bool


def closes(seen: Door) -> Judgement:
    return (
        fails("the door is open", observed="open") if seen.is_open else passes("the door is closed")
    )


def explodes(seen: Door) -> Judgement:
    raise RuntimeError(str(seen))


def drafts(seen: Door) -> Judgement:
    return (
        fails("x", rests_on=("draft:ours", "T-16"))
        if seen.is_open
        else passes("y", rests_on=("draft:ours",))
    )


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {
        f"door.{f.__name__}": Check(f"door.{f.__name__}", f) for f in (closes, explodes, drafts)
    }
    monkeypatch.setattr("part15.judge.checks", lambda: known)
    assert registry is not None


def case(**changed: object) -> Case:
    values: dict[str, object] = {
        "id": "X-1:door",
        "clause": "X-1",
        "profile": "x",
        "claim": "x",
        "section": "X.1",
        "edition": "2023b",
        "role": "door",
        "level": Level.SHALL,
        "family": "secure_use",
        "stimulus": Stimulus("door.look"),
        "check": "door.closes",
    }
    return Case(**{**values, **changed})  # type: ignore[arg-type]


def word(seen: object, **changed: object) -> Word:
    return judge(case(**changed), seen, today=TODAY).word


def test_pass_and_fail() -> None:
    assert word(Door(False)) is Word.PASS
    assert word(Door(True)) is Word.FAIL


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"level": Level.SHALL_NOT}, Word.FAIL),
        ({"level": Level.SHOULD}, Word.WARN),
        ({"level": Level.SHOULD_NOT}, Word.WARN),
        ({"level": Level.MAY}, Word.INFO),
        ({"derived": True}, Word.WARN),
        ({"advisory": True}, Word.WARN),
    ],
)
def test_level_decides_what_a_failure_is(changed: dict[str, object], expected: Word) -> None:
    assert word(Door(True), **changed) is expected
    assert judge(case(**changed), Door(True), today=TODAY).uncapped is Word.FAIL


def test_trouble_is_error_and_not_reached_is_inconclusive() -> None:
    assert word(Trouble("connect", "refused")) is Word.ERROR
    assert word(NotReached("control", "the port is dead")) is Word.INCONCLUSIVE


def test_a_check_that_breaks_is_error_never_a_verdict_on_the_target() -> None:
    verdict = judge(case(check="door.explodes"), Door(True), today=TODAY)
    assert verdict.word is Word.ERROR
    assert "RuntimeError" in verdict.message


def test_an_unknown_check_and_a_foreign_observation() -> None:
    assert word(Door(True), check="door.none") is Word.ERROR
    assert word("something else") is Word.INCONCLUSIVE


def test_draft_bindings_cap_both_ways() -> None:
    for is_open in (True, False):
        verdict = judge(case(check="door.drafts"), Door(is_open), today=TODAY)
        assert verdict.word is Word.INCONCLUSIVE
        assert "draft binding ours" in verdict.because
        assert verdict.uncapped is (Word.FAIL if is_open else Word.PASS)
    assert judge(case(check="door.drafts"), Door(True), today=TODAY).rests_on == ("T-16",)


def test_a_set_is_as_bad_as_its_worst_member() -> None:
    doors = Many((Member("front", Door(False)), Member("back", Door(True))), "door")
    verdict = judge(case(), doors, today=TODAY)
    assert verdict.word is Word.FAIL
    assert [f.subject for f in verdict.findings] == ["back"]
    assert "1 fail, 1 pass of 2 doors" in verdict.message


def test_an_empty_set_decides_nothing() -> None:
    assert word(Many((), "door")) is Word.INCONCLUSIVE


def test_a_member_that_was_not_reached_is_inconclusive() -> None:
    answer = ask(
        Check("door.closes", closes), Many((Member("a", NotReached("open", "locked")),)), {}
    )
    assert answer.word is Word.INCONCLUSIVE


WAIVER = {"owner": "j.doe", "expires": "2027-01-01", "reason": "known"}


def test_waiver_covers_a_failure_until_it_expires() -> None:
    assert word(Door(True), waiver=WAIVER) is Word.WAIVED
    assert word(Door(True), waiver={**WAIVER, "expires": "2026-11-20"}) is Word.FAIL
    assert word(Trouble("connect", "dead"), waiver=WAIVER) is Word.ERROR
    verdict = judge(case(waiver=WAIVER), Door(False), today=TODAY)
    assert verdict.word is Word.PASS
    assert "no longer applies" in verdict.because


def test_attestation_decides_only_what_waits_for_a_person() -> None:
    attestation = {"verdict": "pass", "by": "k.roe", "date": "2026-01-01", "note": "seen"}
    review = Judgement(Word.REVIEW, "look at it")
    settled = judge(case(settled=review, attestation=attestation), None, today=TODAY)
    assert (settled.word, settled.provenance) == (Word.PASS, "attested")
    assert word(Door(True), attestation=attestation) is Word.FAIL
    planned = undecided("not tested by this version")
    assert word(None, settled=planned, attestation=attestation) is Word.INCONCLUSIVE


def test_findings_are_bounded() -> None:
    doors = Many(tuple(Member(str(n), Door(True)) for n in range(80)), "door")
    verdict = judge(case(), doors, today=TODAY)
    assert len(verdict.findings) == 50
    assert "80 findings" in verdict.message
