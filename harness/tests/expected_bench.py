"""Comparing every verdict on a real peer with what is expected of it and why (``expected/*.json``).

``PART15_WRITE_EXPECTED=1`` writes the verdicts anew; reasons are kept, and a clause without one fails.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from part15.model import Verdict, Word
from part15.plan import UNTESTED

EXPECTED = Path(__file__).parent / "expected"
GOOD = (Word.PASS, Word.INFO, Word.NOT_APPLICABLE)
GENERAL = {
    "declared": "the target of this test declares nothing",
    "person": "only a person can know, and nobody attested it for this test",
    "planned": "this version has no check for the clause in this role, and the message says so",
    "bare": "a bare TLS program: no DICOM application stands behind it",
}


def required() -> bool:
    """Tell whether every peer must be installed here."""
    return os.environ.get("PART15_REQUIRE_PEERS") == "1"


def require(peer: Any) -> None:
    """Skip, or fail where CI demands the peer, if it is not installed."""
    if peer.installed:
        return
    if required():
        pytest.fail(f"{peer.name}: {peer.package} must be installed here")
    pytest.skip(f"{peer.name}: {peer.package} is not installed")


def general(verdict: Verdict, *, dicom: bool) -> str:
    """Return the general reason for a verdict that is no pass, or nothing."""
    if verdict.word is Word.REVIEW:
        return "person"
    if verdict.case.check.startswith("statement.") or "not declared" in verdict.message:
        return "declared"
    if verdict.message.startswith(UNTESTED):
        return "planned"
    told = ("associat", "A-ASSOCIATE", "made no request")
    if (
        not dicom
        and verdict.word is Word.INCONCLUSIVE
        and any(part in verdict.message for part in told)
    ):
        return "bare"
    return ""


def reasons(
    verdicts: Sequence[Verdict], known: Mapping[str, str], *, dicom: bool
) -> dict[str, str]:
    """Return why each clause is no pass: as it is *known*, by a general reason, or still to be told."""
    found = {}
    for verdict in verdicts:
        clause = verdict.case.clause
        if verdict.word not in GOOD:
            kept = "" if known.get(clause) in GENERAL else known.get(clause)
            found[clause] = kept or general(verdict, dicom=dicom) or f"? {verdict.message}"
    return found


def compare(name: str, peer: Any, verdicts: Sequence[Verdict]) -> None:
    """Compare *verdicts* on *peer* with the file *name*, or write it anew."""
    file = EXPECTED / f"{name}.json"
    expected: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"reasons": {}}
    seen = {v.case.id: str(v.word) for v in verdicts}
    if os.environ.get("PART15_WRITE_EXPECTED") == "1":
        document = {
            "peer": peer.text,
            "claims": dict(peer.claims),
            "floor": sum(
                v.word in (*GOOD, Word.FAIL, Word.WARN) and v.case.settled is None for v in verdicts
            ),
            "reasons": reasons(verdicts, expected["reasons"], dicom=peer.dicom),
            "verdicts": seen,
        }
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
        return
    differences = {
        v.case.id: (expected["verdicts"].get(v.case.id), str(v.word), v.message)
        for v in verdicts
        if expected["verdicts"].get(v.case.id) != v.word
    }
    assert differences == {}
    assert set(seen) == set(expected["verdicts"])
    unexplained = [
        v.case.clause
        for v in verdicts
        if v.word not in GOOD and v.case.clause not in expected["reasons"]
    ]
    assert unexplained == []
    general_only = {
        v.case.clause: (expected["reasons"][v.case.clause], general(v, dicom=peer.dicom))
        for v in verdicts
        if v.word not in GOOD and expected["reasons"][v.case.clause] in GENERAL
    }
    assert all(kept == now for kept, now in general_only.values()), general_only
