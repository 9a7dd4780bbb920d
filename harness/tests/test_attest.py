"""The questionnaire: clauses that wait for a person, and the assumptions of clause 1."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from part15 import load
from part15.cli_attest import QUESTIONS, appended, attest_command, open_questions
from part15.errors import TargetError
from part15.plan import build_plan
from part15.report import markdown, terminal, writer_of
from part15.report.facts import TargetFacts
from part15.run import Run
from part15.target import TOPICS
from part15.target_file import load_target, parse_target

TARGET = """[target]
name = "Archive"
edition = "2023b"

[claims]
tls-bcp195-rfc8996 = ["tls-server"]

[endpoints.a]
address = "127.0.0.1:1"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "target.toml"
    found.write_text(TARGET, encoding="utf-8")
    return found


def questions(path: Path) -> list[str]:
    plan = build_plan(load_target(path), load.load_profiles(), load.load_roles())
    return [c.clause for c in open_questions(plan.cases)]


def answer(path: Path, lines: Sequence[str], *options: str) -> Result:
    return CliRunner().invoke(
        attest_command, [str(path), *options], input="".join(f"{line}\n" for line in lines)
    )


def test_every_answer_is_written_with_who_when_and_how(path: Path) -> None:
    asked = questions(path)
    assert asked
    clause = ["holds", "", "2026-01-31", "manual, page 4"]
    skipped = ["skip"] * (len(asked) - 1)
    physical = ['A "locked" room; Zürich', "k.roe", "2026-02-28", "visit"]
    done = answer(path, [*clause, *skipped, "", *physical, "", "", ""], "--by", "j.doe")
    assert done.exit_code == 0, done.output
    for text in QUESTIONS.values():
        assert text in done.output
    target = load_target(path)
    (attested,) = target.attestations
    assert (attested.case, attested.verdict, attested.by) == (asked[0], "pass", "j.doe")
    assert (str(attested.date), attested.note) == ("2026-01-31", "manual, page 4")
    (assumed,) = target.assumptions
    assert assumed.topic == "physical-protection"
    assert assumed.text == 'A "locked" room; Zürich'
    assert (assumed.by, str(assumed.date), assumed.how) == ("k.roe", "2026-02-28", "visit")
    assert path.read_text(encoding="utf-8").startswith(TARGET.rstrip())


def test_what_is_answered_is_not_asked_again(path: Path) -> None:
    every = ["holds", "", "", "seen"] * len(questions(path)) + ["yes", "", "", "seen"] * len(TOPICS)
    assert answer(path, ["j.doe", *every]).exit_code == 0
    assert [a.topic for a in load_target(path).assumptions] == list(TOPICS)
    assert "nothing left" in answer(path, []).output


def test_stopping_in_the_middle_keeps_what_was_said(path: Path) -> None:
    done = answer(path, ["violated", "", "", "seen in test 3"], "--by", "j.doe")
    assert done.exit_code != 0
    (attested,) = load_target(path).attestations
    assert attested.verdict == "fail"


def test_skipping_all_changes_nothing(path: Path) -> None:
    lines = ["skip"] * len(questions(path)) + [""] * len(TOPICS)
    assert answer(path, lines, "--by", "x").exit_code == 0
    assert path.read_text(encoding="utf-8") == TARGET


def test_a_date_must_be_one_and_not_to_come(path: Path) -> None:
    lines = ["skip"] * len(questions(path)) + ["room", "", "tomorrow", "2999-01-01", "", "visit"]
    done = answer(path, [*lines, "", "", "", ""], "--by", "x")
    assert done.exit_code == 0, done.output
    assert "YYYY-MM-DD" in done.output
    assert "still to come" in done.output
    assert [a.topic for a in load_target(path).assumptions] == ["local-environment"]


def test_a_file_to_which_nothing_can_be_appended_is_left_alone() -> None:
    row = {"topic": "smart-cards", "text": "none", "by": "x", "date": "2026-01-01", "how": "x"}
    with pytest.raises(TargetError, match="cannot be appended"):
        appended("assumptions = []\n" + TARGET, {"assumptions": [row]})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"topic": "weather"}, "assumptions.0.topic"),
        ({"text": ""}, "assumptions.0.text"),
        ({"how": ""}, "assumptions.0.how"),
        ({"verdict": "pass"}, "is not a key"),
    ],
)
def test_the_table_is_strict(wrong: dict[str, str], said: str) -> None:
    row = {"topic": "smart-cards", "text": "none", "by": "x", "date": "2026-01-01", "how": "x"}
    parse_target({**tomllib.loads(TARGET), "assumptions": [row]})
    with pytest.raises(TargetError, match=said):
        parse_target({**tomllib.loads(TARGET), "assumptions": [{**row, **wrong}]})


def test_assumptions_stand_in_reports_and_decide_nothing(path: Path, tmp_path: Path) -> None:
    def document(text: str) -> dict[str, object]:
        path.write_text(text, encoding="utf-8")
        run = Run.prepare(path, out=str(tmp_path / "run"))
        for case in run.plan.cases:
            run.settle(run.verdict(case, None if case.settled else missing, 0.0))
        return run.build()

    from part15.observations import NotReached

    missing = NotReached("x", "not driven in this test")
    row = {
        "topic": "smart-cards",
        "text": "No *cards*",
        "by": "k.roe",
        "date": "2026-01-01",
        "how": "asked",
    }
    before = document(TARGET)
    after = document(appended(TARGET, {"assumptions": [row]}))
    assert after["assumptions"] == [row]
    assert before["assumptions"] == []
    kept = ("results", "claims", "summary", "attestations")
    for name in kept:
        assert [comparable(r) for r in listed(after[name])] == [
            comparable(r) for r in listed(before[name])
        ]
    assert "1 assumption of the site: smart cards" in terminal.render(after)
    assert "assumption" not in terminal.render(before)
    assert "smart cards: No \\*cards\\* (k.roe, 2026-01-01; asked)" in markdown.render(after)
    writer_of("html")(after, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "No *cards*" in page
    assert "k.roe" in page
    assert TargetFacts.of(load_target(path)).assumptions == (row,)


def listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def comparable(row: object) -> object:
    return {k: v for k, v in row.items() if k != "durationMs"} if isinstance(row, dict) else row
