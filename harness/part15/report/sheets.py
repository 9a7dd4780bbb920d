"""CSV (RFC 4180): results, traceability from clause to case, and help with an MDS2 form."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from part15.report import view, writer
from part15.report.conclude import counts

COLUMNS = (
    "case",
    "clause",
    "profile",
    "claim",
    "section",
    "edition",
    "role",
    "level",
    "verdict",
    "policy",
    "policyVerdict",
    "message",
    "expected",
    "observed",
    "subject",
    "endpoint",
    "hint",
    "provenance",
    "attestedBy",
    "waiver",
    "restsOn",
    "evidence",
    "fingerprint",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

MDS2 = {
    "NAUT": ("Node authentication", ("authentication",), ("user_identity",)),
    "TXCF": ("Transmission confidentiality", ("encryption", "framework"), ()),
    "TXIG": ("Transmission integrity", ("integrity",), ()),
    "AUDT": ("Audit controls", (), ("audit",)),
    "DIDT": ("Health data de-identification", (), ("confidentiality",)),
    "PAUT": ("Person authentication", (), ("user_identity",)),
    "IGAU": ("Health data integrity and authenticity", (), ("digital_signatures", "secure_use")),
    "STCF": ("Health data storage confidentiality", (), ("media_security",)),
    "CNFS": ("Configuration of security features", (), ("system_management",)),
}
"""Question groups of the MDS2 form, with the transport groups and the families that bear on each."""


def safe(value: Any) -> str:
    """Return *value* as a cell that no spreadsheet takes for a formula.

    An apostrophe goes before what would be one, and before such an apostrophe, so that nothing is lost.
    """
    if isinstance(value, Mapping):
        value = f"{value.get('reason', '')} ({value.get('owner', '')}, until {value.get('expires', '')})"
    text = " ".join(str(v) for v in value) if isinstance(value, (list, tuple)) else str(value or "")
    return f"'{text}" if text.lstrip("'").startswith(_FORMULA) else text


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a CSV text with CRLF line ends."""
    buffer = io.StringIO()
    out = csv.writer(buffer, lineterminator="\r\n")
    out.writerow(header)
    out.writerows([safe(cell) for cell in row] for row in rows)
    return buffer.getvalue()


def render(document: Mapping[str, Any]) -> str:
    """Return one row per result; the verdict stands in the column of PS3.15 or in that of the site policy."""
    return table(COLUMNS, ([_in_columns(r)[c] for c in COLUMNS] for r in document["results"]))


def _in_columns(result: Mapping[str, Any]) -> dict[str, Any]:
    word = result["verdict"]
    site = bool(result["policy"])
    return {**result, "verdict": "" if site else word, "policyVerdict": word if site else ""}


def render_traceability(document: Mapping[str, Any]) -> str:
    """Return one row per clause and case, also for clauses without a case."""
    own: dict[str, list[Mapping[str, Any]]] = {}
    for result in document["results"]:
        own.setdefault(result["clause"], []).append(result)
    header = (
        "clause",
        "profile",
        "section",
        "level",
        "status",
        "how",
        "check",
        "case",
        "verdict",
        "policy",
        "policyVerdict",
        "message",
        "uri",
    )
    rows = [
        (
            c["id"],
            c["profile"],
            c["section"],
            c["level"],
            c["status"],
            c["how"],
            r["check"],
            r["case"],
            r["verdict"],
            r["policy"],
            r["policyVerdict"],
            r["message"],
            c["uri"] or "",
        )
        for c in document["clauses"]
        for r in map(_in_columns, own.get(c["id"], []))
    ]
    return table(header, rows)


def render_mds2(document: Mapping[str, Any]) -> str:
    """Return, per question group of an MDS2 form, what this run has to say; question numbers are not given."""
    rows = []
    for group, (title, parts, families) in MDS2.items():
        own = [
            r
            for r in document["results"]
            if not r["policy"] and (r["group"] in parts or r["family"] in families)
        ]
        found = counts(own)
        failed = sorted({r["clause"] for r in own if r["verdict"] == "fail"})
        profiles = sorted({r["profile"] for r in own})
        rows.append(
            (group, title, profiles, view.count_text(found) if own else "not tested", failed)
        )
    return table(("group", "title", "profiles", "verdicts", "violated clauses"), rows)


write = writer(render)
write_traceability = writer(render_traceability)
write_mds2 = writer(render_mds2)
