"""``part15 attest``: the questions that only a person can answer, and the assumptions of clause 1."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from part15.errors import TargetError
from part15.model import Case, Word
from part15.target import TOPICS, Target
from part15.toml_writing import toml_text

QUESTIONS: Mapping[str, str] = {
    "local-environment": "The standard takes it that every system is secure on its own site before it "
    "speaks to others: policies, access control, audit trails. What is in place here?",
    "physical-protection": "Who can touch the equipment, its disks and its network, and what "
    "prevents others from doing so?",
    "local-user-identification": "How does the system make sure who its local users are, and what "
    "they may do? The standard begins behind that.",
    "key-distribution": "How do keys and certificates reach the system, and how are they replaced "
    "and revoked? The standard does not say how.",
    "smart-cards": "Where users or systems hold keys on cards: how are the cards given out, "
    "protected and withdrawn? Say so if there are none.",
}
"""What is asked about each topic of an assumption."""


def open_questions(cases: Sequence[Case]) -> Iterator[Case]:
    """Yield one case per clause that waits for a person."""
    asked: set[str] = set()
    for case in cases:
        waits = (
            case.settled is not None
            and case.settled.word is Word.REVIEW
            and case.attestation is None
        )
        if waits and case.clause not in asked:
            asked.add(case.clause)
            yield case


def open_topics(target: Target) -> tuple[str, ...]:
    """Return the topics of clause 1 about which *target* says nothing yet."""
    known = {a.topic for a in target.assumptions}
    return tuple(topic for topic in TOPICS if topic not in known)


def appended(text: str, entries: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Return the target file *text* with *entries* (``attestations``, ``assumptions``) at its end.

    Raises TargetError if the file would not be TOML any more.
    """
    given = {name: list(rows) for name, rows in entries.items() if rows}
    if not given:
        return text
    made = f"{text.rstrip()}\n\n{toml_text(given)}"
    try:
        tomllib.loads(made)
    except tomllib.TOMLDecodeError as error:
        raise TargetError(
            f"the answers cannot be appended to the target file ({error}); write its "
            f"{' and '.join(given)} as [[tables]] and answer again"
        ) from None
    return made


def _day(value: str) -> dt.date:
    try:
        found = dt.date.fromisoformat(value)
    except ValueError:
        raise click.BadParameter("write the date as YYYY-MM-DD") from None
    if found > _today():
        raise click.BadParameter("this day is still to come")
    return found


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


def _said(question: str, **options: Any) -> str:
    """Ask until something is said; returns it without the blanks around it."""
    while True:
        answer = str(click.prompt(f"  {question}", type=str, **options)).strip()
        if answer:
            return answer


def _who_and_when(person: str) -> dict[str, Any]:
    return {
        "by": _said("who says so", default=person),
        "date": click.prompt("  when was it learnt", default=str(_today()), value_proc=_day),
    }


def _attested(case: Case, person: str) -> dict[str, Any] | None:
    click.echo(f"  {case.text}")
    choice = click.Choice(("holds", "violated", "skip"))
    answer = click.prompt("  holds, violated, or skip", type=choice, default="skip")
    if answer == "skip":
        return None
    return {
        "case": case.clause,
        "verdict": "pass" if answer == "holds" else "fail",
        **_who_and_when(person),
        "note": _said("how do you know (document, test)"),
    }


def _assumed(topic: str, person: str) -> dict[str, Any] | None:
    click.echo(f"  {QUESTIONS[topic]}")
    text = click.prompt("  in a sentence or two (empty: skip)", default="", show_default=False)
    if not text.strip():
        return None
    return {
        "topic": topic,
        "text": text.strip(),
        **_who_and_when(person),
        "how": _said("how was it learnt (document, visit, interview)"),
    }


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--by", help="Who answers.")
def attest_command(target: Path, by: str | None) -> int:
    """Walk through what only a person can know, and write the answers into TARGET.

    First the clauses that wait for a person, then the assumptions under which PS3.15 works (its
    clause 1). Assumptions stand in every report as such; they decide nothing. What was answered is
    kept if you stop in the middle.
    """
    from part15 import load
    from part15.plan import build_plan
    from part15.target_file import load_target, parse_target

    loaded = load_target(target)
    plan = build_plan(loaded, load.load_profiles(), load.load_roles())
    clauses, topics = list(open_questions(plan.cases)), open_topics(loaded)
    if not clauses and not topics:
        click.echo("There is nothing left that only a person can answer.")
        return 0
    text = target.read_text(encoding="utf-8")
    person = by or _said("Your name")
    asked: list[tuple[str, str, Callable[[], dict[str, Any] | None]]] = [
        (
            "attestations",
            f"{c.clause}  ({c.section}, {c.level})",
            lambda c=c: _attested(c, person),  # type: ignore[misc]
        )
        for c in clauses
    ]
    asked += [
        ("assumptions", f"Assumption: {t.replace('-', ' ')}", lambda t=t: _assumed(t, person))  # type: ignore[misc]
        for t in topics
    ]
    answers: dict[str, list[dict[str, Any]]] = {"attestations": [], "assumptions": []}
    try:
        for number, (table, title, ask) in enumerate(asked, start=1):
            click.echo(f"\n{number} of {len(asked)}  {title}")
            answer = ask()
            if answer is not None:
                answers[table].append(answer)
    finally:
        made = appended(text, answers)
        parse_target(tomllib.loads(made), source=str(target), text=made, folder=target.parent)
        if made != text:
            target.write_text(made, encoding="utf-8")
        count = sum(map(len, answers.values()))
        click.echo(f"\n{count} of {len(asked)} answered; written to {target}")
    return 0
