"""The rows of ``report.json`` that tell of the run and the target: tool, run, sut, waivers, what was sent."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from part15.model import Verdict, Word
from part15.report.facts import EvidenceItem, RunFacts, TargetFacts

_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def tool_row(facts: RunFacts) -> dict[str, Any]:
    """Return the tool's name, version and what it ran on."""
    return {
        "name": "part15",
        "version": facts.version,
        "sourceRevision": facts.revision or None,
        "python": facts.python,
        "openssl": facts.openssl,
        "platform": facts.platform,
        "dependencies": dict(sorted(facts.dependencies.items())),
    }


def run_row(facts: RunFacts) -> dict[str, Any]:
    """Return when and how the run was made."""
    return {
        "id": facts.id,
        "startedAt": facts.started,
        "endedAt": facts.ended,
        "command": [without_folders(part) for part in facts.command],
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


def without_folders(part: str) -> str:
    """Keep only the last two names of an absolute path, so that no host's layout is told."""
    option, equals, value = part.rpartition("=") if part.startswith("-") else ("", "", part)
    if value.startswith("/") or re.match(r"[A-Za-z]:[\\/]", value):
        value = "/".join(re.split(r"[\\/]", value.rstrip("\\/"))[-1:])
    return f"{option}{equals}{value}"


def sut_row(target: TargetFacts) -> dict[str, Any]:
    """Return what the target file says of the product."""
    return {
        "id": target.name,
        "vendor": target.vendor,
        "product": target.product or target.name,
        "version": target.version,
        "build": target.build,
        "operator": target.operator,
        "targetFile": without_folders(target.path),
        "lines": dict(sorted(target.lines.items())),
        "statementRef": plain(target.statement) or None,
        "aes": [plain(ae) for ae in target.aes],
        "observed": plain(target.observed),
    }


def evidence_row(item: EvidenceItem) -> dict[str, Any]:
    """Return one evidence file."""
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


def waiver_row(
    waiver: Mapping[str, Any], verdicts: Sequence[Verdict], started: str
) -> dict[str, Any]:
    """Return a waiver with what became of it in this run."""
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


def attestation_row(attestation: Mapping[str, Any], verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return an attestation with the number of its cases."""
    name = str(attestation.get("case", ""))
    return {
        "case": name,
        "verdict": str(attestation.get("verdict", "")),
        "by": str(attestation.get("by", "")),
        "date": str(attestation.get("date", "")),
        "note": str(attestation.get("note", "")),
        "matched": sum(1 for v in verdicts if name in (v.case.id, v.case.clause)),
    }


def assumption_row(assumption: Mapping[str, Any]) -> dict[str, str]:
    """Return what a person said of the site (clause 1): topic, text, by whom, when and how it was learnt."""
    return {key: str(assumption.get(key, "")) for key in ("topic", "text", "by", "date", "how")}


def sent_rows(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Group what was sent: the same words to the same endpoint are one row with a count.

    Rows that have a count already (``times``) keep it, so grouping twice changes nothing.
    """
    rows: Counter[tuple[str, str, str]] = Counter()
    for item in items:
        name = (
            str(item.get("endpoint", "")),
            str(item.get("stimulus", "")),
            str(item.get("what", "")),
        )
        rows[name] += int(item.get("times", 1))
    return [
        {"endpoint": endpoint, "stimulus": stimulus, "what": what, "times": times}
        for (endpoint, stimulus, what), times in sorted(rows.items())
    ]


def plain(value: Any) -> Any:
    """Return *value* as JSON values: mappings sorted, dates as text, anything else by its text."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in sorted(value.items(), key=lambda kv: str(kv[0]))}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(v) for v in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return str(value)


def clean(value: Any) -> Any:
    """Drop from every text what no report may carry: control characters and private keys."""
    if isinstance(value, dict):
        return {k: clean(v) for k, v in value.items()}
    if isinstance(value, list):
        return [clean(v) for v in value]
    if isinstance(value, str):
        if "PRIVATE KEY" in value:
            value = _PRIVATE_KEY.sub("(private key removed)", value)
        return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", value)
    return value
