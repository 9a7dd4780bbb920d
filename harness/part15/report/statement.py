"""The draft of a Conformance Statement's Security section: every row that PS3.2 and PS3.15 ask for, always.

The rows are data (``reports/statement/rows.json``); each entry says what was declared, what was
observed, where the proof is, and, if neither decides, what to do. Nothing is written that neither a
declaration nor an observation supports.
"""

from __future__ import annotations

import fnmatch
import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from part15 import content
from part15.report.conclude import DECIDED
from part15.report.statement_facts import contradiction, declared_at, fact_text, met, text_of
from part15.report.statement_tables import tables

SCHEMA = "https://part15.invalid/schema/statement-1.json"
UNKNOWN = "not determined"
PROVENANCES = ("observed", "declared", "both", "contradiction", "attested", UNKNOWN, "not claimed")
TEMPLATES = ("A.7", "N")
MOST_JUDGED = 4
"""Results that an entry tells; all of them are in the report."""
Document = Mapping[str, Any]
Entry = dict[str, Any]


@functools.cache
def catalogue() -> dict[str, Any]:
    """Return the rows and sections of the statement, from ``reports/statement/rows.json``."""
    path = content.folder("reports") / "statement" / "rows.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def draft(document: Document, template: str = "A.7") -> dict[str, Any]:
    """Return the statement drafted from *document*: sections with entries and tables, and the flat entries.

    *template* is ``A.7`` (the classic skeleton) or ``N`` (PS3.2 Annex N; numbers that are not known
    stay empty). Raises ValueError for another.
    """
    if template not in TEMPLATES:
        raise ValueError(f"template '{template}' is not one of {', '.join(TEMPLATES)}")
    entries = [entry for row in catalogue()["rows"] for entry in _entries(row, document)]
    made = tables(document)
    sections = [
        {
            "number": section["number"]
            if template == "A.7"
            else _annex(entries, section["number"]),
            "title": section["title"],
            "entries": [e for e in entries if e["section"] == section["number"]],
            "tables": [t for t in made if t["section"] == section["number"]],
        }
        for section in catalogue()["sections"]
    ]
    return {
        "schema": SCHEMA,
        "template": template,
        "sut": document["sut"],
        "edition": document["standard"]["edition"],
        "run": {
            k: document["run"][k] for k in ("id", "startedAt", "configDigest", "profilesDigest")
        },
        "tool": document["tool"]["version"],
        "executed": document["summary"]["executed"],
        "claims": document["claims"],
        "sections": sections,
        "entries": entries,
        "buckets": document["buckets"],
    }


def _annex(entries: Sequence[Entry], section: str) -> str:
    return next((e["annexN"] for e in entries if e["section"] == section and e["annexN"]), "")


def covers(span: Sequence[str | None], edition: str) -> bool:
    """Tell whether *span*, first and last edition, contains *edition*."""
    first, last = span
    return (first or "") <= edition and (last is None or edition <= last)


def matching(profiles: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """Return the *profiles* that one of the *patterns* fits, sorted, without repeats."""
    return sorted(
        {p for p in profiles if any(fnmatch.fnmatchcase(p, pattern) for pattern in patterns)}
    )


def _entries(row: Mapping[str, Any], document: Document) -> list[Entry]:
    edition = document["standard"]["edition"]
    patterns = row["profiles"]
    scopes = matching((c["profile"] for c in document["claims"]), patterns) if patterns else [""]
    in_force = [
        scope
        for scope in scopes
        if covers(row["editions"], edition)
        or any(
            covers(row["editions"], c["edition"])
            for c in document["claims"]
            if c["profile"] == scope
        )
    ]
    if in_force:
        return [_entry(row, scope, document) for scope in in_force]
    if not covers(row["editions"], edition):
        return []
    return [{**_blank(row, ""), "value": "Not claimed.", "provenance": "not claimed", "todo": ""}]


def _blank(row: Mapping[str, Any], profile: str) -> Entry:
    return {
        "csId": row["id"],
        "section": row["section"],
        "annexN": row["annexN"],
        "says": row["says"],
        "source": row["source"],
        "profile": profile,
        "value": UNKNOWN,
        "provenance": UNKNOWN,
        "declared": "",
        "observed": "",
        "contradiction": "",
        "checks": [],
        "evidence": [],
        "todo": row["determine"],
    }


def _entry(row: Mapping[str, Any], profile: str, document: Document) -> Entry:
    entry = _blank(row, profile)
    results = _results(row, profile, document)
    facts = [o for o in document["observations"] if row["id"] in o["csId"]]
    entry["declared"] = (
        _said_of_claims(document) if row["id"] == "CS-GEN-1" else _declared(row, profile, document)
    )
    entry["observed"] = "; ".join(text for f in facts if (text := fact_text(f)))
    judged = [
        r
        for r in results
        if r["provenance"] == "observed" and not r["check"].startswith("statement.")
    ]
    entry["observed"] = "; ".join(t for t in (entry["observed"], _judged(judged)) if t)
    if row["id"] == "CS-GEN-5":
        entry["observed"] = _families(document)
    if row["id"] == "CS-TLS-1":
        entry["observed"] = "; ".join(
            f"{e['id']} answered at {e['address']}" for e in met(profile, document)
        )
    refuted = [r for r in judged if r["verdict"] == "fail"] if entry["declared"] else []
    entry["contradiction"] = contradiction(row["id"], profile, document) or _judged(refuted)
    entry["checks"] = sorted({r["case"] for r in results})
    entry["evidence"] = sorted(
        {e for f in facts for e in f["evidence"]} | {e for r in results for e in r["evidence"]}
    )
    attested = [r for r in results if r["attestedBy"] and r["verdict"] in DECIDED]
    entry["provenance"] = _provenance(
        entry, attested=bool(attested), only_declared=row["observable"] == "D"
    )
    if entry["provenance"] == UNKNOWN:
        return entry
    entry["todo"] = "Correct the product or the statement." if entry["contradiction"] else ""
    parts = [entry["declared"]]
    parts += [f"Attested by {r['attestedBy']}: {r['message']}" for r in attested]
    if entry["observed"]:
        parts.append(f"Observed: {entry['observed']}" if any(parts) else entry["observed"])
    if entry["contradiction"]:
        parts.append(f"Contradiction: {entry['contradiction']}")
    entry["value"] = ". ".join(p.rstrip(".") for p in parts if p) + "."
    return entry


def _judged(results: Sequence[Mapping[str, Any]]) -> str:
    """Return what checks said, violations first, at most four."""
    ordered = sorted(results, key=lambda r: r["verdict"] != "fail")
    told = [f"{r['clause']} {r['verdict']}: {r['message']}" for r in ordered[:MOST_JUDGED]]
    more = [f"and {len(ordered) - MOST_JUDGED} more cases"] if len(ordered) > MOST_JUDGED else []
    return "; ".join(told + more)


def _said_of_claims(document: Document) -> str:
    said = [f"{c['profile']} as {c['role']} ({c['edition']})" for c in document["claims"]]
    return "; ".join(said)


def _families(document: Document) -> str:
    return "; ".join(
        f"{e['id']}: {' and '.join(e['families'])}, {e['transport']}, {e['state']}"
        for e in document["endpoints"]
        if e["families"] and (e["state"] != UNKNOWN or any(e["counts"].get(w) for w in DECIDED))
    )


def _provenance(entry: Entry, *, attested: bool, only_declared: bool) -> str:
    """Return where an entry comes from; with *only_declared* an observation informs but does not answer."""
    observed = bool(entry["observed"]) and not only_declared
    if entry["contradiction"]:
        return "contradiction"
    if entry["declared"]:
        return "both" if observed else "declared"
    if attested:
        return "attested"
    return "observed" if observed else UNKNOWN


def _results(row: Mapping[str, Any], profile: str, document: Document) -> list[Mapping[str, Any]]:
    return [
        r
        for r in document["results"]
        if any(fnmatch.fnmatchcase(r["clause"], c) for c in row["clauses"])
        and (not profile or r["claim"] == profile)
    ]


def _declared(row: Mapping[str, Any], profile: str, document: Document) -> str:
    parts = []
    for pattern in row["declared"]:
        key = pattern.format(profile=profile)
        value = declared_at(document, key)
        if value is None:
            continue
        name = key.rpartition(".")[2].replace("_", " ")
        parts.append(text_of(value) if len(row["declared"]) == 1 else f"{name}: {text_of(value)}")
    return "; ".join(parts)
