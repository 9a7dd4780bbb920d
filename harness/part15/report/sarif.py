"""SARIF 2.1.0: everything (*full*), or only what an upload target should show as an alert."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from part15.report import view, writer

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
KINDS = {
    "pass": ("pass", "none"),
    "fail": ("fail", "error"),
    "waived": ("fail", "error"),
    "warn": ("fail", "warning"),
    "inconclusive": ("open", "none"),
    "review": ("review", "none"),
    "not-applicable": ("notApplicable", "none"),
    "info": ("informational", "none"),
}
"""SARIF kind and level per verdict; *error* is a notification, not a result."""
ALERTS = frozenset({"fail", "warn", "waived"})
_SEVERITY = {"shall": "8.0", "shall-not": "8.0", "should": "4.0", "should-not": "4.0", "may": "0.0"}
_CWE = {"encryption": 319, "authentication": 295, "integrity": 353, "framework": 327}


def _rule(clause: Mapping[str, Any]) -> dict[str, Any]:
    level = view.level_text(clause["level"])
    text = clause["text"] or clause["id"]
    advice = clause["hint"] or clause["how"] or text
    rule: dict[str, Any] = {
        "id": clause["id"],
        "name": "".join(
            part[:1].upper() + part[1:] for part in clause["id"].replace(".", "-").split("-")
        ),
        "shortDescription": {"text": f"{clause['section']} ({level}): {text}"},
        "fullDescription": {"text": text},
        "help": {"text": advice, "markdown": _markdown(advice)},
        "defaultConfiguration": {
            "level": "error" if clause["level"].startswith("shall") else "warning"
        },
        "properties": {
            "tags": sorted({"security", clause["profile"], clause["family"]} - {""}),
            "security-severity": _SEVERITY[clause["level"]],
            "precision": "high",
            "problem.severity": "error" if clause["level"].startswith("shall") else "warning",
            "profile": clause["profile"],
            "section": clause["section"],
            "obligation": clause["level"],
        },
    }
    if clause["uri"]:
        rule["helpUri"] = clause["uri"]
    if clause["group"] in _CWE:
        rule["relationships"] = [
            {
                "target": {
                    "id": str(_CWE[clause["group"]]),
                    "toolComponent": {"name": "CWE", "index": 0},
                },
                "kinds": ["relevant"],
            }
        ]
    return rule


def _markdown(text: str) -> str:
    return "".join("\\" + c if c in "\\`*_[]<>#|" else c for c in text)


def _result(
    result: Mapping[str, Any],
    document: Mapping[str, Any],
    index: Mapping[str, int],
    paths: Mapping[str, str],
) -> dict[str, Any]:
    kind, level = KINDS[result["verdict"]]
    sut = document["sut"]
    point = next((e for e in document["endpoints"] if e["id"] == result["endpoint"]), None)
    name = (
        f"{point['aeTitle'] or point['id']}@{point['address']}"
        if point
        else result["subject"] or sut["product"]
    )
    row: dict[str, Any] = {
        "ruleId": result["clause"],
        "ruleIndex": index[result["clause"]],
        "kind": kind,
        "level": level,
        "message": {"text": f"{'Site policy: ' if result['policy'] else ''}{result['message']}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": sut["targetFile"] or "target.toml"},
                    "region": {"startLine": max(1, sut["lines"].get(result["claim"], 1))},
                },
                "logicalLocations": [{"fullyQualifiedName": name, "kind": "resource"}],
            }
        ],
        "partialFingerprints": {"dicomCheck/v1": result["fingerprint"]},
        "properties": {
            "verdict": result["verdict"],
            "obligation": result["level"],
            "case": result["case"],
            "profile": result["profile"],
            "policy": result["policy"],
            "section": result["section"],
            "role": result["role"],
            "edition": result["edition"],
            "expected": result["expected"],
            "observed": result["observed"],
            "provenance": result["provenance"],
            "attestedBy": result["attestedBy"],
            "evidence": result["evidence"],
        },
    }
    if result["waiver"]:
        why = f"{result['waiver']['reason']} (until {result['waiver']['expires']}, {result['waiver']['owner']})"
        row["suppressions"] = [{"kind": "external", "status": "accepted", "justification": why}]
    files = [{"artifactLocation": {"uri": paths[e]}} for e in result["evidence"] if e in paths]
    if files:
        row["attachments"] = files
    return row


def log(document: Mapping[str, Any], *, alerts: bool) -> dict[str, Any]:
    """Return the SARIF log of *document*; with *alerts* only violations and warnings."""
    clauses = document["clauses"]
    index = {c["id"]: i for i, c in enumerate(clauses)}
    results = [r for r in document["results"] if r["verdict"] in KINDS]
    if alerts:
        results = [r for r in results if r["verdict"] in ALERTS]
    paths = {e["id"]: e["path"] for e in document["evidence"]}
    troubles = [r for r in document["results"] if r["verdict"] == "error"]
    run, tool, sut = document["run"], document["tool"], document["sut"]
    used = sorted({_CWE[c["group"]] for c in clauses if c["group"] in _CWE})
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": tool["name"],
                        "semanticVersion": tool["version"] or "0.0.0",
                        "informationUri": "https://dicom.nema.org/medical/dicom/current/output/html/part15.html",
                        "rules": [_rule(c) for c in clauses],
                    }
                },
                "invocations": [
                    {
                        "executionSuccessful": not troubles and not run["interrupted"],
                        "startTimeUtc": run["startedAt"],
                        "endTimeUtc": run["endedAt"],
                        "exitCode": run["exitStatus"] or 0,
                        "toolExecutionNotifications": [_notification(r, index) for r in troubles],
                    }
                ],
                "automationDetails": {
                    "id": f"dicom-ps315/{_slug(sut['id'])}/{document['standard']['edition']}/"
                },
                "columnKind": "unicodeCodePoints",
                "taxonomies": [
                    {"name": "CWE", "organization": "MITRE", "taxa": [{"id": str(n)} for n in used]}
                ],
                "results": [_result(r, document, index, paths) for r in results],
            }
        ],
    }


def _notification(result: Mapping[str, Any], index: Mapping[str, int]) -> dict[str, Any]:
    return {
        "level": "error",
        "message": {"text": result["message"]},
        "associatedRule": {"id": result["clause"], "index": index[result["clause"]]},
        "properties": {"case": result["case"], "verdict": "error"},
    }


def _slug(text: str) -> str:
    return "-".join("".join(c if c.isalnum() else " " for c in text).split()) or "target"


def _text(document: Mapping[str, Any], *, alerts: bool) -> str:
    return json.dumps(log(document, alerts=alerts), indent=1, ensure_ascii=False) + "\n"


def render(document: Mapping[str, Any]) -> str:
    """Return the full log."""
    return _text(document, alerts=False)


def render_alerts(document: Mapping[str, Any]) -> str:
    """Return the log for upload: violations, waived ones as suppressed, and warnings."""
    return _text(document, alerts=True)


write = writer(render)
write_alerts = writer(render_alerts)
