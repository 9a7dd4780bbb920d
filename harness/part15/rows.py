"""Cases and verdicts as plain rows: for ``plan.json``, ``results.jsonl`` and pytest's ``user_properties``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from part15.model import Case, Finding, Plan, Verdict, Word

_LONE = re.compile("[\ud800-\udfff]")


def case_row(case: Case) -> dict[str, Any]:
    """Return *case* as JSON values."""
    row: dict[str, Any] = {
        "case": case.id,
        "clause": case.clause,
        "profile": case.profile,
        "claim": case.claim,
        "policy": case.policy,
        "section": case.section,
        "edition": case.edition,
        "role": case.role,
        "level": str(case.level),
        "subject": case.subject,
    }
    if case.stimulus is not None:
        row["stimulus"] = {
            "key": case.stimulus.key,
            "kind": case.stimulus.kind,
            "endpoint": case.stimulus.endpoint,
            "impact": str(case.impact),
        }
        row["check"] = case.check
    if case.settled is not None:
        row["settled"] = {"verdict": str(case.settled.word), "why": case.settled.message}
    return row


def plan_document(plan: Plan, notes: Sequence[str]) -> dict[str, Any]:
    """Return ``plan.json``: every case, and the profiles that are not claimed, one line each."""
    attended: dict[str, set[str]] = {}
    for case in plan.cases:
        if case.stimulus is not None and case.settled is None:
            attended.setdefault(case.stimulus.endpoint, set()).add(case.stimulus.key)
    return {
        "claims": [
            {"profile": c.profile, "role": c.role, "edition": c.edition, "source": c.source}
            for c in plan.claims
        ],
        "cases": [case_row(case) for case in plan.cases],
        "unclaimed": [{"profile": profile, "why": why} for profile, why in plan.unclaimed],
        "stimuli": {place or "-": len(keys) for place, keys in sorted(attended.items())},
        "notes": list(notes),
    }


def verdict_row(verdict: Verdict) -> dict[str, str]:
    """Return *verdict* as text values: what travels in ``user_properties`` and stands in ``results.jsonl``."""
    case = verdict.case
    row = {
        "case": case.id,
        "clause": case.clause,
        "profile": case.profile,
        "policy": case.claim if case.policy else "",
        "section": case.section,
        "edition": case.edition,
        "role": case.role,
        "level": str(case.level),
        "verdict": str(verdict.word),
        "subject": case.subject,
        "message": verdict.message,
        "because": verdict.because,
        "expected": verdict.expected,
        "observed": verdict.observed,
        "provenance": verdict.provenance,
        "uncapped": str(verdict.uncapped or verdict.word),
        "findings": json.dumps(
            [[f.subject, str(f.word), f.message, f.expected, f.observed] for f in verdict.findings],
            ensure_ascii=False,
        ),
        "evidence": json.dumps(verdict.evidence),
        "restsOn": json.dumps(verdict.rests_on),
        "duration": f"{verdict.duration:.6f}",
    }
    return {key: _LONE.sub("\N{REPLACEMENT CHARACTER}", text) for key, text in row.items()}


def verdict_from(row: Mapping[str, str], case: Case) -> Verdict:
    """Return the verdict that :func:`verdict_row` wrote, bound to *case* of the plan.

    Raises KeyError or ValueError if the row is not whole.
    """
    return Verdict(
        case=case,
        word=Word(row["verdict"]),
        message=row["message"],
        because=row["because"],
        expected=row["expected"],
        observed=row["observed"],
        findings=tuple(
            Finding(subject, Word(word), message, expected, observed)
            for subject, word, message, expected, observed in json.loads(row["findings"])
        ),
        evidence=tuple(json.loads(row["evidence"])),
        uncapped=Word(row["uncapped"]),
        provenance=row["provenance"],
        rests_on=tuple(json.loads(row["restsOn"])),
        duration=float(row["duration"]),
    )
