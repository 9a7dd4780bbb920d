"""The tables of a drafted statement about endpoints and associations (T2 to T5), and how tables are made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Document = Mapping[str, Any]
Table = dict[str, Any]

ABORT_REASONS = {
    (0, 0): "service user, reason not significant",
    (2, 0): "service provider, reason not specified",
    (2, 1): "service provider, unrecognized PDU",
    (2, 2): "service provider, unexpected PDU",
    (2, 4): "service provider, unrecognized PDU parameter",
    (2, 5): "service provider, unexpected PDU parameter",
    (2, 6): "service provider, invalid PDU parameter value",
}
"""A-ABORT source and reason in words (PS3.8 Table 9-26)."""


REJECT_REASONS = {
    (1, 1): "no reason given",
    (1, 2): "application context name not supported",
    (1, 3): "calling AE title not recognized",
    (1, 7): "called AE title not recognized",
    (2, 1): "no reason given (ACSE)",
    (2, 2): "protocol version not supported",
    (3, 1): "temporary congestion",
    (3, 2): "local limit exceeded",
}
"""A-ASSOCIATE-RJ source and reason in words (PS3.8 Table 9-21)."""


NO_ABORT = "connection ended, no A-ABORT PDU seen (an A-P-ABORT may be given locally only)"


def table(
    number: str, section: str, title: str, columns: str, rows: Iterable[Sequence[Any]], none: str
) -> Table:
    """Return one table; *columns* are parted by `` | ``, *none* stands where there is no row."""
    return {
        "id": number,
        "section": section,
        "title": title,
        "columns": columns.split(" | "),
        "rows": [[str(cell) for cell in row] for row in rows],
        "none": none,
    }


def facts_of(document: Document, key: str) -> list[tuple[str, Any]]:
    """Return endpoint and value of every fact *key*."""
    return [(o["endpoint"], o["value"]) for o in document["observations"] if o["key"] == key]


def rows_of(document: Document, key: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Return endpoint and row of every fact *key* that is a list of rows."""
    return [(endpoint, row) for endpoint, rows in facts_of(document, key) for row in rows]


def endpoints(document: Document) -> list[Table]:
    """Return T2, one table per endpoint."""
    made = []
    for point in document["endpoints"]:
        own = {
            o["key"]: o["value"] for o in document["observations"] if o["endpoint"] == point["id"]
        }
        rows = [
            ("address", point["address"], "declared"),
            ("transport", point["transport"], "declared"),
            ("address families", ", ".join(point["families"]) or "not determined", "observed"),
            (
                "state of use",
                point["state"],
                "observed" if point["state"] != "not determined" else "not determined",
            ),
        ]
        if "tls.suites" in own:
            rows += _tls_items(own)
        elif point["transport"] == "tls":
            rows.append(("protocol versions and suites", "not determined", "not determined"))
        made.append(
            table("T2", "7.1.2", f"Endpoint {point['id']}", "Item | Value | Provenance", rows, "")
        )
    return made


def _tls_items(own: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    versions = own.get("tls.versions", [])
    items = {
        "minimum and maximum version": f"{versions[0]} and {versions[-1]}" if versions else "none",
        "groups": ", ".join(own.get("tls.groups", [])),
        "Diffie-Hellman bits": ", ".join(map(str, own.get("tls.dhBits", []))),
        "signature algorithms": ", ".join(own.get("tls.signatureAlgorithms", [])),
        "client certificate": own.get("tls.clientCertificate", ""),
        "extensions": ", ".join(own.get("tls.extensions", [])),
        "compression": own.get("tls.compression", ""),
        "ALPN": ", ".join(own.get("tls.alpn", [])),
    }
    rows = [
        (name, value or "not determined", "observed" if value else "not determined")
        for name, value in items.items()
    ]
    for certificate in own.get("tls.certificates", []):
        text = (
            f"{certificate['subject']}; {certificate['key']}; signed with {certificate['signedWith']}; "
            f"{certificate['chain']} in the chain; SHA-256 {certificate['sha256']}"
        )
        rows.append(("server certificate", text, "observed"))
    if "use" in own:
        rows.append(("plain DICOM", own["use"]["plain"], "observed"))
    return rows


def suites(document: Document) -> Table:
    """Return T3, the suites that the server selects."""
    rows = [
        (row["suite"], row["code"], row["version"], endpoint, row["rank"])
        for endpoint, row in sorted(
            rows_of(document, "tls.suites"), key=lambda r: (r[0], r[1]["version"], r[1]["rank"])
        )
    ]
    return table(
        "T3",
        "7.1.2",
        "Cipher suites that the server selects",
        "Suite | Code | Version | Endpoint | Rank",
        rows,
        "Not determined: no endpoint was surveyed.",
    )


def aborts(document: Document) -> Table:
    """Return T4, what follows refusals and broken connections."""
    rows: list[Sequence[Any]] = []
    for _, row in rows_of(document, "association.answers"):
        if row["indication"] == "A-ABORT":
            source, reason = (*row["numbers"], "", "")[:2]
            rows.append(
                (
                    row["stimulus"],
                    "A-ABORT",
                    source,
                    reason,
                    ABORT_REASONS.get((source, reason), "reserved"),
                )
            )
    for _, row in rows_of(document, "tls.clientIdentities"):
        rows.append((f"client certificate: {row['identity']}", row["answer"], "", "", ""))
    for _, row in rows_of(document, "integrity.damages"):
        told = NO_ABORT if row["answer"].startswith("connection ended") else ""
        rows.append((f"record {row['damage']}", row["answer"], "", "", told))
    for _, row in rows_of(document, "port.foreign"):
        told = NO_ABORT if row["answer"] in {"closed", "reset"} else ""
        rows.append((row["sent"], row["answer"], "", "", told))
    return table(
        "T4",
        "7.1.2",
        "Abort and refusal behaviour",
        "Stimulus | Seen on the wire | Source | Reason | Meaning",
        rows,
        "Not determined: nothing was provoked. The provider reason of a local indication must be declared.",
    )


def policy(document: Document) -> Table:
    """Return T5, what is checked when an association is asked for."""
    rows = [
        (f"{row['check']} ({row['shown']})", row["enforced"], row["answer"], endpoint)
        for endpoint, row in rows_of(document, "association.policy")
    ]
    for endpoint, row in rows_of(document, "association.answers"):
        if row["indication"] == "A-ASSOCIATE-RJ":
            numbers = tuple(row["numbers"])
            meaning = REJECT_REASONS.get(numbers[1:3], "") if len(numbers) == 3 else ""
            rows.append(
                (
                    row["stimulus"],
                    "yes",
                    f"{'/'.join(map(str, numbers))} {meaning}".strip(),
                    endpoint,
                )
            )
        elif row["indication"] != "A-ABORT":
            rows.append((row["stimulus"], "not determined", row["indication"], endpoint))
    return table(
        "T5",
        "7.2",
        "Association policy",
        "Check | Enforced | Result/source/reason returned | Endpoint",
        rows,
        "Not determined: no association with a wrong title, context or address was tried.",
    )
