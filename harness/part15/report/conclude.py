"""From results to a conclusion per claim, and from a document to an exit code (contract §3, §4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

DECIDED = frozenset({"pass", "fail", "warn", "waived", "info"})
UNDECIDED = frozenset({"inconclusive", "review", "error"})
CONCLUSIONS = ("not-conformant", "not-established", "conformant-with-waivers", "conformant")
"""Worst first."""
MET = {
    "not-conformant": "not-met",
    "not-established": "not-established",
    "conformant-with-waivers": "met-with-waivers",
    "conformant": "met",
}
"""The same said of a site policy, which is no part of PS3.15: nothing conforms to it."""
GATES = ("fail", "decided", "should")

Result = Mapping[str, Any]


def binds(result: Result) -> bool:
    """Tell whether the edition's text obliges the SUT here.

    Recommendations, permissions, newer rule sets (*advisory*) and inferences (*derived*) do not:
    they neither make nor hinder conformance.
    """
    if result["advisory"] or result["derived"]:
        return False
    return result["level"] in {"shall", "shall-not"}


def counts(results: Iterable[Result]) -> dict[str, int]:
    """Return the number of results per verdict word, sorted by word, without zeros."""
    return dict(sorted(Counter(str(r["verdict"]) for r in results).items()))


def conclude(results: Sequence[Result], planned: int | None = None) -> tuple[str, int, int]:
    """Return conclusion, decided and total of one claim from its *results*.

    *planned* is the number of its cases that are not *not-applicable*; cases that were planned but
    never judged (deselected, interrupted) count in the total and leave the claim not established.
    A claim that rests on attestation alone, with nothing observed or declared, is not established.
    """
    applicable = [r for r in results if r["verdict"] != "not-applicable"]
    decided = [r for r in applicable if r["verdict"] in DECIDED]
    total = max(len(applicable), planned or 0)
    if any(r["verdict"] == "fail" for r in applicable):
        return "not-conformant", len(decided), total
    open_ones = any(binds(r) and r["verdict"] in UNDECIDED for r in applicable)
    executed = any(r["provenance"] != "attested" for r in decided)
    if open_ones or total > len(applicable) or not executed:
        return "not-established", len(decided), total
    if any(r["verdict"] == "waived" for r in applicable):
        return "conformant-with-waivers", len(decided), total
    return "conformant", len(decided), total


def overall(conclusions: Sequence[str]) -> str:
    """Return the worst of *conclusions*; nothing is *not-established*."""
    return min(conclusions, key=CONCLUSIONS.index, default="not-established")


def executed(results: Iterable[Result]) -> int:
    """Return how many results come from something that was done: driven, read or declared."""
    return sum(
        1 for r in results if r["driven"] or (r["verdict"] in DECIDED and not r["attestedBy"])
    )


def exit_code(document: Mapping[str, Any], gate: str = "decided") -> int:
    """Return the exit code of *document* under *gate*, by the precedence 2, 1, 3, 5, 6, 0.

    A site policy moves it as a claim does: whoever lays one on a run wants to know. The document
    tells which of the two it was. *gate* is ``fail`` (undecided claims do not count), ``decided`` or ``should`` (warnings count as
    violations too). Code 4 is for trouble before there is a document. Raises ValueError for
    another gate.
    """
    if gate not in GATES:
        raise ValueError(f"gate '{gate}' is not one of {', '.join(GATES)}")
    results = document["results"]
    words = {r["verdict"] for r in results}
    stale = any(w["state"] == "no-longer-applies" for w in document["waivers"])
    if document["run"]["interrupted"]:
        return 2
    if "fail" in words or stale or (gate == "should" and "warn" in words):
        return 1
    if "error" in words:
        return 3
    if not document["summary"]["executed"]:
        return 5
    if gate != "fail" and not _established(document):
        return 6
    return 0


def _established(document: Mapping[str, Any]) -> bool:
    policies = document["policies"]
    if document["claims"] or policies:
        return all(c["conclusion"].startswith("conformant") for c in document["claims"]) and all(
            p["conclusion"].startswith("met") for p in policies
        )
    return not any(binds(r) and r["verdict"] in UNDECIDED for r in document["results"])
