"""The tables T1 to T16 of a drafted statement, as far as there are facts to fill them."""

from __future__ import annotations

from typing import Any

from part15.report.conclude import CONCLUSIONS
from part15.report.statement_transport import (
    Document,
    Table,
    aborts,
    endpoints,
    facts_of,
    policy,
    rows_of,
    suites,
    table,
)


def _yes(value: Any) -> str:
    return "yes" if value else "no"


def _t1(document: Document) -> Table:
    titles = {c["profile"]: (c["profileTitle"], c["section"]) for c in document["clauses"]}
    rows = []
    for claim in sorted(document["claims"], key=lambda c: CONCLUSIONS.index(c["conclusion"])):
        failed = sorted(
            {
                r["clause"]
                for r in document["results"]
                if r["claim"] == claim["profile"] and r["verdict"] == "fail"
            }
        )
        title = titles.get(claim["profile"], (claim["profile"], ""))[0]
        rows.append(
            [
                f"{title} ({claim['profile']})",
                claim["edition"],
                claim["role"],
                "yes",
                claim["conclusion"].replace("-", " "),
                f"{claim['decided']}/{claim['total']}",
                "both" if claim["decided"] else "declared",
                ", ".join(failed[:8]) + (" ..." if len(failed) > 8 else "") or "none",
            ]
        )
    columns = "Profile | Edition | Role | Claimed | Observed result | Decided | Provenance | Violated clauses"
    return table(
        "T1", "7.1.1", "Claimed and observed profiles", columns, rows, "No profile is claimed."
    )


def _environments(document: Document) -> dict[tuple[str, int], str]:
    """Return by endpoint and identity type in which combination it was tested, and what it presumes."""
    found: dict[tuple[str, int], str] = {}
    for endpoint, row in rows_of(document, "identity.environments"):
        at = (endpoint, row["type"])
        text = f"{row['combination']}: {row['outcome']}"
        found[at] = f"{found[at]}; {text}" if at in found else f"presumes {row['presumes']}; {text}"
    return found


def _t6(document: Document) -> Table:
    environments = _environments(document)
    rows = [
        (
            row["type"] or "none",
            row["shown"],
            "yes" if row["asked"] else "no",
            row["answer"],
            "yes" if row["responses"] else "no",
            environments.get((endpoint, row["type"]), ""),
        )
        for endpoint, row in rows_of(document, "identity.answers")
    ]
    columns = "Type | Shown | Response asked for | Answer | Response given | Environment"
    return table(
        "T6",
        "7.1.3",
        "User identity",
        columns,
        rows,
        "Not determined: no user identity was negotiated.",
    )


def _t7(document: Document) -> Table:
    rows = [
        (
            row["object"],
            row["algorithm"],
            row["certificateType"],
            row["key"],
            row["timestamp"],
            row["purpose"] or "none",
            row["signed"],
            row["integrity"],
        )
        for _, row in rows_of(document, "signatures")
    ]
    columns = "Object | MAC algorithm | Certificate type | Key | Time stamp | Purpose | Signed attributes | Integrity"
    return table(
        "T7", "7.1.4", "Signatures", columns, rows, "Not determined: no signed object was seen."
    )


def _t8(document: Document) -> Table:
    rows = [
        (
            f"{row['before']} -> {row['after']}",
            f"{row['syntaxBefore']} / {row['syntaxAfter']}",
            _yes(row["identical"]),
            row["differences"],
        )
        for _, row in rows_of(document, "preservation")
    ]
    columns = "Path | Transfer syntax in / out | Octet for octet | Differences"
    return table(
        "T8",
        "7.1.4",
        "Preservation of objects",
        columns,
        rows,
        "Not determined: no object was stored and taken back.",
    )


def _t9(document: Document) -> Table:
    rows = [
        (
            row["sent"] or "absent",
            f"stored over {row['came']}{', committed' if row['committed'] else ''}, asked for by {row['asked']}",
            row["returned"],
        )
        for _, row in rows_of(document, "status.cases")
    ]
    columns = "Status sent | Event | Status returned"
    return table(
        "T9",
        "7.1.4",
        "SOP Instance Status",
        columns,
        rows,
        "Not determined: no status was followed.",
    )


def _t10(document: Document) -> Table:
    rows = [
        (row["path"], row["required"], row["outcome"], row["class"])
        for _, row in rows_of(document, "deid.deviations")
    ]
    columns = "Attribute | Required action | Observed action | Value class"
    none = (
        "No deviation from the table was seen."
        if facts_of(document, "deid.removed")
        else "Not determined: no de-identified object was seen."
    )
    return table("T10", "7.1.6", "De-identification: deviations per attribute", columns, rows, none)


def _t11(document: Document) -> Table:
    seen = sorted({code for _, codes in facts_of(document, "deid.codes") for code in codes})
    columns = "Code (CID 7050) in (0012,0064) | Seen"
    return table(
        "T11",
        "7.1.6",
        "De-identification options",
        columns,
        [(c, "yes") for c in seen],
        "Not determined: no method code was seen.",
    )


def _t12(document: Document) -> Table:
    rows = [
        (row["what"], row["kind"], row["scope"], row["count"])
        for _, row in rows_of(document, "deid.conflicts")
    ]
    columns = "Value | Conflict | Within | Count"
    links = sum(value for _, value in facts_of(document, "deid.links"))
    none = (
        f"No conflict in {links} replacements."
        if links
        else "Not determined: no set of objects was compared."
    )
    return table("T12", "7.1.6", "Referential integrity", columns, rows, none)


def _t13(document: Document) -> Table:
    rows = [
        (row["content"], row["recipients"], row["cipher"], row["signers"], row["decrypts"])
        for _, row in rows_of(document, "media.files")
    ]
    columns = "CMS content | Recipients | Content cipher | Signers | Decrypts"
    return table(
        "T13", "7.1.5", "Secure media", columns, rows, "Not determined: no secure file was seen."
    )


def _t14(document: Document) -> Table:
    rows = [
        (kind, "yes", number)
        for _, kinds in facts_of(document, "audit.kinds")
        for kind, number in sorted(kinds.items())
    ]
    columns = "Audit message | Used | Seen"
    return table(
        "T14",
        "7.1.7",
        "Audit messages",
        columns,
        rows,
        "Not determined: no audit message was seen.",
    )


def _t15(document: Document) -> Table:
    sizes = dict(facts_of(document, "audit.maximumSize"))
    rows = [
        (
            row["transport"],
            row["version"] or "none",
            row["suite"] or "none",
            row["messages"],
            sizes.get(endpoint, ""),
        )
        for endpoint, row in rows_of(document, "audit.connections")
    ]
    columns = "Transport | TLS version | Suite | Messages | Largest message, octets"
    return table(
        "T15", "7.1.7", "Syslog", columns, rows, "Not determined: no syslog connection was seen."
    )


SYSTEM_MANAGEMENT = (
    ("dicom-network-address-management", "Basic Network Address Management", "DHCP, DNS"),
    ("dicom-time-synchronization", "Basic Time Synchronization", "NTP, SNTP"),
    ("dicom-application-configuration-management", "Application Configuration Management", "LDAP"),
    ("dicom-dns-service-discovery", "DNS Service Discovery", "DNS-SD"),
)


def _t16(document: Document) -> Table:
    rows = []
    for profile, title, protocols in SYSTEM_MANAGEMENT:
        roles = sorted({c["role"] for c in document["claims"] if c["profile"] == profile})
        said = document["declared"].get(profile, {})
        security = said.get(
            "secure_transactions",
            said.get("security_patterns", said.get("dnssec", "not determined")),
        )
        rows.append(
            (title, ", ".join(roles) or "not claimed", protocols, "", security if roles else "")
        )
    columns = "Profile | Actor | Protocols used | Optional transactions | Security support"
    return table("T16", "4.4.3.2", "System Management Profiles", columns, rows, "")


def tables(document: Document) -> list[Table]:
    """Return every table, each ``{id, section, title, columns, rows, none}``; *none* stands where there is no row."""
    makers = (suites, aborts, policy, _t6, _t7, _t8, _t9, _t10, _t11, _t12, _t13, _t14, _t15, _t16)
    return [_t1(document), *endpoints(document), *(make(document) for make in makers)]
