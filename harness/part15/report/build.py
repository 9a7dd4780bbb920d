"""From verdicts to ``report.json``: the one document that every writer renders (contract §5)."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from part15.model import (
    SEVERITY,
    Case,
    Claim,
    Clause,
    Finding,
    Judgement,
    Plan,
    Profile,
    Verdict,
    Word,
)
from part15.report import conclude
from part15.report.about import (
    assumption_row,
    attestation_row,
    clean,
    evidence_row,
    plain,
    run_row,
    sent_rows,
    sut_row,
    tool_row,
    waiver_row,
    without_folders,
)
from part15.report.buckets import buckets
from part15.report.conclude import exit_code
from part15.report.facts import EndpointFacts, RunFacts, TargetFacts
from part15.report.observed import observations
from part15.report.repro import reproduce

SCHEMA = "https://part15.invalid/schema/report-1.json"
CLAUSE_BASE = "https://dicom.nema.org/medical/dicom/{edition}/output/chtml/part15/"
MAX_FINDINGS = 200
"""Findings per result in the document; all of them are in ``results.jsonl``."""

_PORT = re.compile(r":\d+\b")


def build(
    facts: RunFacts,
    plan: Plan,
    verdicts: Sequence[Verdict],
    profiles: Mapping[str, Profile],
    target: TargetFacts,
) -> dict[str, Any]:
    """Return the report document: JSON values only, sorted, no absolute paths, no secrets.

    *profiles* is keyed by profile id and may hold more than the plan uses. The exit status is that
    of ``facts.exit_status`` or, when that is None, what :func:`exit_code` says under ``facts.gate``.
    """
    run = run_row(facts)
    again = functools.partial(reproduce, run["command"], without_folders(target.path))
    results = _with_fingerprints(sorted((_result(v, again) for v in verdicts), key=_order))
    clauses = _clauses({v.case.clause: v.case for v in verdicts}.values(), profiles, target.edition)
    claims = [_claim(c, plan, results) for c in _sorted_claims(plan) if not c.policy]
    policies = [_policy(c, plan, results, profiles) for c in _sorted_claims(plan) if c.policy]
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "tool": tool_row(facts),
        "run": run,
        "standard": {
            "part": "PS3.15",
            "edition": target.edition,
            "clauseBaseUri": CLAUSE_BASE.format(edition=target.edition),
        },
        "sut": sut_row(target),
        "claims": claims,
        "policies": policies,
        "clauses": clauses,
        "results": results,
        "observations": observations(facts.observations),
        "evidence": [evidence_row(e) for e in sorted(facts.evidence, key=lambda e: e.id)],
        "waivers": [waiver_row(w, verdicts, facts.started) for w in target.waivers],
        "attestations": [attestation_row(a, verdicts) for a in target.attestations],
        "assumptions": [assumption_row(a) for a in target.assumptions],
        "sent": {
            "connections": dict(sorted(facts.connections.items())),
            "total": sum(facts.connections.values()),
            "items": sent_rows(facts.sent),
        },
        "endpoints": [_endpoint(e, results) for e in sorted(facts.endpoints, key=lambda e: e.id)],
        "unclaimed": [{"profile": p, "reason": why} for p, why in sorted(plan.unclaimed)],
        "declared": plain(target.declared),
        "summary": _summary(claims, policies, clauses, results),
        "integrity": {
            "manifest": "SHA256SUMS",
            "signature": facts.signature or None,
            "signerFingerprint": facts.signer or None,
        },
    }
    document["buckets"] = buckets(document)
    document = clean(document)
    status = facts.exit_status
    document["run"]["exitStatus"] = exit_code(document, facts.gate) if status is None else status
    return document


def to_text(document: Mapping[str, Any]) -> str:
    """Return *document* as the text of ``report.json``: two-space indent, keys as built, one final newline."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def natural(text: str) -> tuple[tuple[int, int | str], ...]:
    """Return a key that sorts ``A.2`` before ``A.10``."""
    return tuple((0, int(p)) if p.isdigit() else (1, p) for p in re.split(r"(\d+)", text) if p)


def fingerprint(case: Case) -> str:
    """Return 16 hex digits that name the case across runs: no port, no time, no edition."""
    rest = case.id.removeprefix(f"{case.clause}:{case.role}")
    rest = re.sub(r"%[^:%]*$", "", rest)
    endpoint = case.stimulus.endpoint if case.stimulus else ""
    parameter = rest.removeprefix(f"@{endpoint}") if endpoint else rest
    where = endpoint or _PORT.sub("", case.subject)
    return _hash([case.clause, case.claim, case.role, where, parameter])


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _order(result: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        result["claim"],
        result["profile"],
        natural(result["section"]),
        natural(result["clause"]),
        result["role"],
        natural(result["subject"]),
        natural(result["case"]),
    )


def _with_fingerprints(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Make the fingerprints unique: the same clause may be claimed in two editions."""
    seen = Counter(r["fingerprint"] for r in results)
    for result in results:
        if seen[result["fingerprint"]] > 1:
            result["fingerprint"] = _hash(
                [result["fingerprint"], result["edition"], result["case"]]
            )
    return results


def _result(verdict: Verdict, again: Callable[[str], str]) -> dict[str, Any]:
    case = verdict.case
    driven = case.settled is None and case.stimulus is not None
    return {
        "case": case.id,
        "clause": case.clause,
        "profile": case.profile,
        "claim": case.claim,
        "policy": case.claim if case.policy else "",
        "section": case.section,
        "edition": case.edition,
        "role": case.role,
        "level": case.level.value,
        "family": case.family,
        "group": case.group,
        "advisory": case.advisory,
        "derived": case.derived,
        "verdict": verdict.word.value,
        "uncapped": verdict.uncapped.value if verdict.uncapped else None,
        "message": verdict.message,
        "because": verdict.because,
        "text": case.text,
        "hint": case.hint,
        "expected": verdict.expected,
        "observed": verdict.observed,
        "subject": case.subject,
        "endpoint": case.stimulus.endpoint if case.stimulus else "",
        "stimulus": case.stimulus.key if driven and case.stimulus else "",
        "check": case.check,
        "reproduce": again(case.stimulus.key) if driven and case.stimulus else "",
        "driven": driven,
        "findings": [_finding(f) for f in _worst_first(verdict.findings)[:MAX_FINDINGS]],
        "findingsTotal": len(verdict.findings),
        "evidence": sorted(name.removeprefix("evidence/") for name in verdict.evidence),
        "restsOn": sorted(set(verdict.rests_on)),
        "provenance": verdict.provenance
        if verdict.word.value in conclude.DECIDED
        else "not determined",
        "attestedBy": _attested_by(verdict),
        "waiver": plain(case.waiver) if case.waiver and verdict.word is Word.WAIVED else None,
        "fingerprint": fingerprint(case),
        "durationMs": round(verdict.duration * 1000, 1),
    }


def _attested_by(verdict: Verdict) -> str:
    attestation = verdict.case.attestation
    if attestation is None or verdict.provenance != "attested":
        return ""
    return str(attestation.get("by", ""))


def _worst_first(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda f: -SEVERITY.index(f.word))


def _finding(finding: Finding) -> dict[str, str]:
    return {
        "subject": finding.subject,
        "verdict": finding.word.value,
        "message": finding.message,
        "expected": finding.expected,
        "observed": finding.observed,
    }


def _sorted_claims(plan: Plan) -> list[Claim]:
    return sorted(plan.claims, key=lambda c: (c.profile, c.role, c.edition))


def _claim(claim: Claim, plan: Plan, results: list[dict[str, Any]]) -> dict[str, Any]:
    key = (claim.profile, claim.role, claim.edition)
    own = [r for r in results if (r["claim"], r["role"], r["edition"]) == key]
    cases = [c for c in plan.cases if (c.claim, c.role, c.edition) == key]
    judged = {r["case"] for r in own}
    waiting = [c for c in cases if c.id not in judged and not _not_applicable(c.settled)]
    applicable = sum(1 for r in own if r["verdict"] != "not-applicable")
    conclusion, decided, total = conclude.conclude(own, applicable + len(waiting))
    return {
        "profile": claim.profile,
        "role": claim.role,
        "edition": claim.edition,
        "options": sorted(claim.options),
        "features": sorted(claim.features),
        "source": claim.source,
        "conclusion": conclusion,
        "decided": decided,
        "total": total,
        "notRun": len(waiting),
        "counts": conclude.counts(own),
    }


def _policy(
    claim: Claim, plan: Plan, results: list[dict[str, Any]], profiles: Mapping[str, Profile]
) -> dict[str, Any]:
    row = _claim(claim, plan, results)
    profile = profiles.get(claim.profile)
    return {
        **row,
        "title": profile.title if profile else claim.profile,
        "on": list(claim.on),
        "conclusion": conclude.MET[row["conclusion"]],
    }


def _not_applicable(settled: Judgement | None) -> bool:
    return settled is not None and settled.word is Word.NOT_APPLICABLE


def _clauses(
    cases: Iterable[Case], profiles: Mapping[str, Profile], edition: str
) -> list[dict[str, Any]]:
    by_id: dict[str, Clause] = {c.id: c for p in profiles.values() for c in p.clauses}
    rows = [
        _clause(case, by_id.get(case.clause), profiles.get(case.profile), edition) for case in cases
    ]
    return sorted(rows, key=lambda r: (r["profile"], natural(r["section"]), natural(r["id"])))


def _clause(
    case: Case, clause: Clause | None, profile: Profile | None, edition: str
) -> dict[str, Any]:
    in_part15 = re.match(r"[A-H]\.\d", case.section) and not (
        profile and not profile.section[:1].isalpha()
    )
    anchor = re.match(r"[A-H](\.\d+)+", case.section) if in_part15 else None
    uri = f"{CLAUSE_BASE.format(edition=edition)}sect_{anchor.group()}.html" if anchor else None
    return {
        "id": case.clause,
        "profile": case.profile,
        "profileTitle": profile.title if profile else case.profile,
        "section": case.section,
        "family": case.family,
        "group": case.group,
        "level": case.level.value,
        "roles": sorted(clause.roles) if clause else [case.role],
        "editions": list(clause.editions) if clause else [case.edition, None],
        "text": case.text or (clause.text if clause else ""),
        "how": clause.how if clause else "",
        "hint": case.hint or (clause.hint if clause else ""),
        "status": clause.status.value if clause else "checked",
        "reason": next((b.reason for b in clause.bindings if b.reason), "") if clause else "",
        "readings": sorted(set(case.readings) | set(clause.readings if clause else ())),
        "uri": uri if edition >= "2014" else None,
    }


def _endpoint(endpoint: EndpointFacts, results: list[dict[str, Any]]) -> dict[str, Any]:
    own = [r for r in results if endpoint.id and r["endpoint"] == endpoint.id]
    return {
        "id": endpoint.id,
        "address": endpoint.address,
        "direction": endpoint.direction,
        "transport": endpoint.transport,
        "aeTitle": endpoint.ae_title,
        "families": sorted(endpoint.families),
        "state": endpoint.state
        or ("absent" if endpoint.transport == "plain" else "not determined"),
        "why": endpoint.why,
        "setting": endpoint.setting,
        "claims": sorted(set(endpoint.claims) | {r["claim"] for r in own}),
        "counts": conclude.counts(own),
    }


def _summary(
    claims: list[dict[str, Any]],
    policies: list[dict[str, Any]],
    clauses: list[dict[str, Any]],
    every: list[dict[str, Any]],
) -> dict[str, Any]:
    """Sum up what was judged by PS3.15, and beside it what was judged by site policies."""
    results = [r for r in every if not r["policy"]]
    sites = [r for r in every if r["policy"]]

    def by(key: str) -> dict[str, dict[str, int]]:
        names = sorted({r[key] for r in results})
        return {n: conclude.counts(r for r in results if r[key] == n) for n in names}

    names = {r["clause"] for r in results}
    decided = {r["clause"] for r in results if r["verdict"] in conclude.DECIDED}
    return {
        "results": len(results),
        "counts": conclude.counts(results),
        "byProfile": by("profile"),
        "byLevel": by("level"),
        "byGroup": by("group"),
        "coverage": {
            "clauses": sum(1 for c in clauses if c["id"] in names),
            "decided": len(decided),
        },
        "executed": conclude.executed(every),
        "conclusion": conclude.overall([c["conclusion"] for c in claims]),
        "policy": {
            "results": len(sites),
            "counts": conclude.counts(sites),
            "conclusion": min(
                (p["conclusion"] for p in policies),
                key=list(conclude.MET.values()).index,
                default="none",
            ),
        },
    }
