"""Observation and case become a verdict: checks are called here, and levels, caps, waivers applied here only."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from part15.errors import Trouble
from part15.model import (
    SEVERITY,
    Case,
    Finding,
    Judgement,
    Level,
    Verdict,
    Word,
    undecided,
)
from part15.observations import Many, NotReached
from part15.registry import Check, checks

FINDINGS = 50
"""How many findings a verdict keeps; the message says how many there were."""

DRAFT = "draft:"


def judge(
    case: Case,
    seen: Any,
    *,
    today: dt.date,
    evidence: Sequence[str] = (),
    duration: float = 0.0,
) -> Verdict:
    """Return the verdict of *case* on *seen*: an observation, a Trouble, or None for a settled case.

    *today* decides whether a waiver has expired. Never raises: a check that breaks is verdict *error*.
    """
    if isinstance(seen, Trouble):
        return _bound(case, _broken(str(seen)), today, evidence, duration)
    answer = case.settled or _asked(case, seen)
    return _bound(case, answer, today, evidence, duration)


def _broken(why: str) -> Judgement:
    return Judgement(Word.ERROR, why)


def _asked(case: Case, seen: Any) -> Judgement:
    check = checks().get(case.check)
    if check is None:
        return _broken(f"check {case.check} is not known to this version")
    try:
        return ask(check, seen, case.expect)
    except Exception as error:  # noqa: BLE001 - a defect of a check is verdict error, whatever it raised
        return _broken(f"check {case.check} broke: {type(error).__name__}: {error}")


def ask(check: Check, seen: Any, expect: Mapping[str, Any]) -> Judgement:
    """Return the answer of *check*, lifted over a :class:`Many` where it judges members."""
    if isinstance(seen, NotReached) and not check.takes(NotReached):
        return undecided(f"{seen.step}: {seen.why}")
    if isinstance(seen, Many) and not check.takes(Many):
        return _lifted(check, seen, expect)
    if not check.takes(type(seen)):
        return undecided(
            f"{check.name} needs facts that were not observed (it was given {type(seen).__name__})"
        )
    return check.function(seen, **expect)


def worst(words: Sequence[Word]) -> Word:
    """Return the gravest of *words* (:data:`part15.model.SEVERITY`)."""
    return max(words, key=SEVERITY.index)


def _lifted(check: Check, seen: Many[Any], expect: Mapping[str, Any]) -> Judgement:
    """Judge every member; the worst word wins, every member that is no pass is a finding."""
    if not seen.members:
        return undecided(f"no {seen.what} was seen; there is nothing to judge")
    answers = [(member.subject, ask(check, member.seen, expect)) for member in seen.members]
    counts: dict[Word, int] = {}
    for _, answer in answers:
        counts[answer.word] = counts.get(answer.word, 0) + 1
    word = worst(list(counts))
    findings = [
        Finding(subject, answer.word, answer.message, answer.expected, answer.observed)
        for subject, answer in answers
        if answer.word not in (Word.PASS, Word.NOT_APPLICABLE, Word.INFO)
    ]
    first = next(a for _, a in answers if a.word is word)
    tally = ", ".join(f"{n} {w}" for w, n in sorted(counts.items()))
    message = (
        first.message
        if len(answers) == 1
        else f"{tally} of {len(answers)} {seen.what}s; first: {first.message}"
    )
    rests = sorted({r for _, a in answers if a.word is word for r in a.rests_on})
    return Judgement(word, message, first.expected, first.observed, tuple(findings), tuple(rests))


def _levelled(case: Case, answer: Judgement) -> tuple[Word, str]:
    """Apply level, drafts, advice and inference to *answer*: word and the reason for a change."""
    word = answer.word
    if word is Word.ERROR:
        return word, ""
    drafts = [r.removeprefix(DRAFT) for r in answer.rests_on if r.startswith(DRAFT)]
    if drafts and word in (Word.PASS, Word.FAIL):
        return (
            Word.INCONCLUSIVE,
            f"rests on draft binding {', '.join(drafts)}; it would have been {word}",
        )
    if case.level is Level.MAY and word in (Word.FAIL, Word.INCONCLUSIVE, Word.REVIEW):
        return Word.INFO, "a permission is never violated"
    if word is Word.FAIL and case.level in (Level.SHOULD, Level.SHOULD_NOT):
        return Word.WARN, f"the clause is a {case.level}"
    if word is Word.FAIL and case.derived:
        return Word.WARN, "the clause is inferred, not written in the standard"
    if word is Word.FAIL and case.advisory:
        return Word.WARN, f"the rule set is newer than the claimed edition {case.edition}"
    return word, ""


def _bound(
    case: Case, answer: Judgement, today: dt.date, evidence: Sequence[str], duration: float
) -> Verdict:
    word, reason = _levelled(case, answer)
    message, provenance = answer.message, "observed"
    if case.family and case.check.startswith("statement."):
        provenance = "declared"
    if word is Word.REVIEW and case.attestation is not None:
        word = Word(case.attestation["verdict"])
        word = (
            Word.WARN
            if word is Word.FAIL and case.level in (Level.SHOULD, Level.SHOULD_NOT)
            else word
        )
        provenance = "attested"
        note = case.attestation.get("note") or "no note"
        reason = f"attested by {case.attestation['by']} on {case.attestation['date']}: {note}"
    if case.waiver is not None:
        word, reason = _waived(case, word, today)
    level = str(case.level).replace("-", " ")
    site = "site policy, " if case.policy else ""
    because = f"{case.section} {site}{level}: {case.text}".strip()
    verdict = Verdict(
        case=case,
        word=word,
        message=message,
        because=f"{because} ({reason})" if reason else because,
        expected=answer.expected,
        observed=answer.observed,
        findings=answer.findings[:FINDINGS],
        evidence=tuple(evidence),
        uncapped=answer.word,
        provenance=provenance,
        rests_on=tuple(
            sorted({*case.readings, *(r for r in answer.rests_on if not r.startswith(DRAFT))})
        ),
        duration=duration,
    )
    if len(answer.findings) > FINDINGS:
        more = f"{message} ({len(answer.findings)} findings, the first {FINDINGS} are kept)"
        return dataclasses.replace(verdict, message=more)
    return verdict


def _waived(case: Case, word: Word, today: dt.date) -> tuple[Word, str]:
    """Apply the waiver of *case*; one that expired or no longer applies says so, and gates."""
    assert case.waiver is not None
    owner, expires = case.waiver["owner"], dt.date.fromisoformat(str(case.waiver["expires"]))
    if word is not Word.FAIL:
        return word, f"the waiver of {owner} no longer applies; remove it"
    if expires < today:
        return word, f"the waiver of {owner} expired on {expires}"
    return Word.WAIVED, f"waived by {owner} until {expires}: {case.waiver['reason']}"
