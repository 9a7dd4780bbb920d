"""From verdicts to ``report.json``: the one document that every writer renders (contract §5)."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from part15.model import Case, Claim, Clause, Finding, Judgement, Plan, Profile, Verdict, Word
from part15.report import conclude
from part15.report.conclude import exit_code
from part15.report.facts import EndpointFacts, EvidenceItem, RunFacts, TargetFacts
from part15.report.observed import observations

SCHEMA = "https://part15.invalid/schema/report-1.json"
CLAUSE_BASE = "https://dicom.nema.org/medical/dicom/{edition}/output/chtml/part15/"
MAX_FINDINGS = 200
"""Findings per result in the document; all of them are in ``results.jsonl``."""

_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
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
    results = _with_fingerprints(sorted((_result(v) for v in verdicts), key=_order))
    clauses = _clauses({v.case.clause: v.case for v in verdicts}.values(), profiles, target.edition)
    claims = [_claim(c, plan, results) for c in _sorted_claims(plan)]
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "tool": _tool(facts),
        "run": _run(facts),
        "standard": {
            "part": "PS3.15",
            "edition": target.edition,
            "clauseBaseUri": CLAUSE_BASE.format(edition=target.edition),
        },
        "sut": _sut(target),
        "claims": claims,
        "clauses": clauses,
        "results": results,
        "observations": observations(facts.observations),
        "evidence": [_evidence(e) for e in sorted(facts.evidence, key=lambda e: e.id)],
        "waivers": [_waiver(w, verdicts, facts.started) for w in target.waivers],
        "attestations": [_attestation(a, verdicts) for a in target.attestations],
        "sent": {
            "connections": dict(sorted(facts.connections.items())),
            "total": sum(facts.connections.values()),
            "items": _sent(facts.sent),
        },
        "endpoints": [_endpoint(e, results) for e in sorted(facts.endpoints, key=lambda e: e.id)],
        "unclaimed": [{"profile": p, "reason": why} for p, why in sorted(plan.unclaimed)],
        "declared": _plain(target.declared),
        "summary": _summary(claims, clauses, results),
        "integrity": {
            "manifest": "SHA256SUMS",
            "signature": facts.signature or None,
            "signerFingerprint": facts.signer or None,
        },
    }
    document = _clean(document)
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


def _result(verdict: Verdict) -> dict[str, Any]:
    case = verdict.case
    driven = case.settled is None and case.stimulus is not None
    return {
        "case": case.id,
        "clause": case.clause,
        "profile": case.profile,
        "claim": case.claim,
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
        "driven": driven,
        "findings": [_finding(f) for f in verdict.findings[:MAX_FINDINGS]],
        "findingsTotal": len(verdict.findings),
        "evidence": sorted(verdict.evidence),
        "restsOn": sorted(set(verdict.rests_on)),
        "provenance": verdict.provenance
        if verdict.word.value in conclude.DECIDED
        else "not determined",
        "attestedBy": _attested_by(verdict),
        "waiver": _plain(case.waiver) if case.waiver and verdict.word is Word.WAIVED else None,
        "fingerprint": fingerprint(case),
        "durationMs": round(verdict.duration * 1000, 1),
    }


def _attested_by(verdict: Verdict) -> str:
    attestation = verdict.case.attestation
    if attestation is None or verdict.provenance != "attested":
        return ""
    return str(attestation.get("by", ""))


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


def _tool(facts: RunFacts) -> dict[str, Any]:
    return {
        "name": "part15",
        "version": facts.version,
        "sourceRevision": facts.revision or None,
        "python": facts.python,
        "openssl": facts.openssl,
        "platform": facts.platform,
        "dependencies": dict(sorted(facts.dependencies.items())),
    }


def _run(facts: RunFacts) -> dict[str, Any]:
    return {
        "id": facts.id,
        "startedAt": facts.started,
        "endedAt": facts.ended,
        "command": [_without_folders(part) for part in facts.command],
        "configDigest": facts.config_digest,
        "profilesDigest": facts.profiles_digest,
        "selection": facts.selection,
        "workers": facts.workers,
        "randomSeed": facts.seed,
        "timezone": facts.timezone,
        "clockOffsetMs": facts.clock_offset_ms,
        "interrupted": facts.interrupted,
        "gate": facts.gate,
        "exitStatus": None,
        "notifications": list(facts.notifications),
    }


def _without_folders(part: str) -> str:
    """Keep only the last two names of an absolute path, so that no host's layout is told."""
    option, equals, value = part.rpartition("=") if part.startswith("-") else ("", "", part)
    if value.startswith("/") or re.match(r"[A-Za-z]:[\\/]", value):
        value = "/".join(re.split(r"[\\/]", value.rstrip("\\/"))[-1:])
    return f"{option}{equals}{value}"


def _sut(target: TargetFacts) -> dict[str, Any]:
    return {
        "id": target.name,
        "vendor": target.vendor,
        "product": target.product or target.name,
        "version": target.version,
        "build": target.build,
        "operator": target.operator,
        "targetFile": _without_folders(target.path),
        "lines": dict(sorted(target.lines.items())),
        "statementRef": _plain(target.statement) or None,
        "aes": [_plain(ae) for ae in target.aes],
        "observed": _plain(target.observed),
    }


def _evidence(item: EvidenceItem) -> dict[str, Any]:
    return {
        "id": item.id,
        "kind": item.kind,
        "path": item.path,
        "sha256": item.sha256,
        "size": item.size,
        "mediaType": item.media_type,
        "phi": item.phi,
        "redacted": item.redacted,
    }


def _waiver(waiver: Mapping[str, Any], verdicts: Sequence[Verdict], started: str) -> dict[str, Any]:
    name, expires = str(waiver.get("case", "")), str(waiver.get("expires", ""))
    hit = [v for v in verdicts if name in (v.case.id, (v.case.waiver or {}).get("case"))]
    words = {v.word for v in hit}
    expired = bool(expires) and expires < started[: len("2027-03-31")]
    if Word.WAIVED in words:
        state = "applied"
    elif expired:
        state = "expired"
    elif words & {Word.PASS, Word.WARN, Word.INFO}:
        state = "no-longer-applies"
    else:
        state = "not-decided" if hit else "not-in-this-run"
    return {
        "case": name,
        "reason": str(waiver.get("reason", "")),
        "owner": str(waiver.get("owner", "")),
        "ticket": str(waiver.get("ticket", "")),
        "expires": expires,
        "matched": len(hit),
        "state": state,
    }


def _attestation(attestation: Mapping[str, Any], verdicts: Sequence[Verdict]) -> dict[str, Any]:
    name = str(attestation.get("case", ""))
    return {
        "case": name,
        "verdict": str(attestation.get("verdict", "")),
        "by": str(attestation.get("by", "")),
        "date": str(attestation.get("date", "")),
        "note": str(attestation.get("note", "")),
        "matched": sum(1 for v in verdicts if name in (v.case.id, v.case.clause)),
    }


def _sent(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Group what was sent: the same words to the same endpoint are one row with a count."""
    rows = Counter(
        (str(i.get("endpoint", "")), str(i.get("stimulus", "")), str(i.get("what", "")))
        for i in items
    )
    return [
        {"endpoint": endpoint, "stimulus": stimulus, "what": what, "times": times}
        for (endpoint, stimulus, what), times in sorted(rows.items())
    ]


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
    claims: list[dict[str, Any]], clauses: list[dict[str, Any]], results: list[dict[str, Any]]
) -> dict[str, Any]:
    def by(key: str) -> dict[str, dict[str, int]]:
        names = sorted({r[key] for r in results})
        return {n: conclude.counts(r for r in results if r[key] == n) for n in names}

    decided = {r["clause"] for r in results if r["verdict"] in conclude.DECIDED}
    return {
        "results": len(results),
        "counts": conclude.counts(results),
        "byProfile": by("profile"),
        "byLevel": by("level"),
        "byGroup": by("group"),
        "coverage": {"clauses": len(clauses), "decided": len(decided)},
        "executed": conclude.executed(results),
        "conclusion": conclude.overall([c["conclusion"] for c in claims]),
    }


def _plain(value: Any) -> Any:
    """Return *value* as JSON values: mappings sorted, dates as text, anything else by its text."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in sorted(value.items(), key=lambda kv: str(kv[0]))}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(v) for v in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return str(value)


def _clean(value: Any) -> Any:
    """Drop from every text what no report may carry: control characters and private keys."""
    if isinstance(value, dict):
        return {k: _clean(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_clean(v) for v in value]
    if isinstance(value, str):
        if "PRIVATE KEY" in value:
            value = _PRIVATE_KEY.sub("(private key removed)", value)
        return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", value)
    return value
