"""Declared and observed facts in words, and where the two disagree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from part15.drivers.statement import declared as declared_value
from part15.report.conclude import DECIDED

Document = Mapping[str, Any]

MOST = 12
"""Values of one kind that a cell names; the tables and the evidence have all."""


def declared_at(document: Document, key: str) -> Any:
    """Return the value declared under *key*, or None."""
    try:
        return declared_value(document["declared"], key)
    except KeyError:
        return None


def text_of(value: Any) -> str:
    """Return a declared or observed *value* as a person would write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {text_of(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        shown = [text_of(v) for v in value[:MOST]]
        more = f" and {len(value) - MOST} more" if len(value) > MOST else ""
        return (", ".join(shown) or "none") + more
    return str(value)


_FACT_NAMES = {
    "tls.versions": "versions",
    "tls.groups": "groups",
    "tls.dhBits": "Diffie-Hellman bits",
    "tls.signatureAlgorithms": "signature algorithms",
    "tls.session": "completed session",
    "tls.clientCertificate": "client certificate",
    "audit.kinds": "messages seen",
    "audit.maximumSize": "largest message, octets",
    "deid.keyBits": "key bits",
    "deid.links": "replacements seen consistently",
    "deid.removed": "removed",
    "deid.inserted": "inserted",
    "deid.altered": "replaced",
    "deid.codes": "codes of CID 7050",
    "deid.transferSyntaxes": "transfer syntaxes",
}


def fact_text(fact: Mapping[str, Any]) -> str:
    """Return a fact as ``what (endpoint): value``, or nothing if it holds no value."""
    value, key = fact["value"], fact["key"]
    if value in ([], {}, "", None):
        return ""
    at = f" ({fact['endpoint']})" if fact["endpoint"] else ""
    if key == "tls.suites":
        return f"suites{at}: {text_of(list(dict.fromkeys(v['suite'] for v in value)))}"
    if key == "tls.certificates":
        return (
            f"server certificate{at}: {text_of([c['key'] + ' ' + c['signedWith'] for c in value])}"
        )
    if key == "tls.clientIdentities":
        return f"clients{at}: {text_of([v['identity'] + ' ' + v['answer'] for v in value])}"
    if key == "integrity.damages":
        return f"damaged records{at}: {text_of([v['damage'] + ': ' + v['answer'] for v in value])}"
    if key == "identity.answers":
        return f"identities{at}: {text_of([v['shown'] + ': ' + v['answer'] for v in value])}"
    if key == "identity.environments":
        rows = [f"type {v['type']} {v['combination']}: {v['outcome']}" for v in value]
        return f"environments of identities{at}: {text_of(rows)}"
    if key == "deid.conflicts":
        told = [f"{v['what']} {v['kind']} within {v['scope']}" for v in value]
        return f"conflicts: {text_of(told)}"
    if key == "ports":
        rows = [f"{v['endpoint']} {v['port']} {v['transport']}" for v in value]
        return f"ports: {text_of(rows)}"
    if key == "association.policy":
        return (
            f"association policy{at}: {text_of([v['check'] + ': ' + v['answer'] for v in value])}"
        )
    if key == "association.answers":
        rows = [
            f"{v['stimulus']}: {v['indication']} {'/'.join(map(str, v['numbers']))}".strip()
            for v in value
        ]
        return f"answers{at}: {text_of(rows)}"
    if key == "port.foreign":
        return f"foreign bytes: {text_of([v['sent'] + ': ' + v['answer'] for v in value])}"
    if isinstance(value, list) and isinstance(value[0], Mapping):
        return f"{len(value)} {key.rpartition('.')[2]}{at}"
    return f"{_FACT_NAMES.get(key, key)}{at}: {text_of(value)}"


def contradiction(row: str, profile: str, document: Document) -> str:
    """Return where declaration and observation disagree, or nothing."""
    if row == "CS-GEN-1":
        return _claims(document)
    if row == "CS-TLS-1":
        return _ports(profile, document)
    if row == "CS-TLS-3":
        return _suites(profile, document)
    if row == "CS-AUD-8":
        return _size(profile, document)
    return _policy(document) if row == "CS-ASSOC-1" else ""


def _numbers(value: Any) -> set[int]:
    items = value if isinstance(value, (list, tuple)) else [value]
    return {int(str(v)) for v in items if str(v).isdigit()}


def met(profile: str, document: Document) -> list[Mapping[str, Any]]:
    """Return the TLS endpoints that carry *profile* and answered."""
    return [
        e
        for e in document["endpoints"]
        if e["transport"] == "tls"
        and e["direction"] == "harness-connects"
        and profile in e["claims"]
        and any(e["counts"].get(w) for w in DECIDED)
    ]


def _ports(profile: str, document: Document) -> str:
    said = _numbers(declared_at(document, f"{profile}.ports"))
    seen = _numbers([e["address"].rpartition(":")[2] for e in met(profile, document)])
    extra = sorted(seen - said) if said else []
    if not extra:
        return ""
    return f"TLS was met on port {text_of(extra)}, but only {text_of(sorted(said))} is declared"


def _suites(profile: str, document: Document) -> str:
    said = declared_at(document, f"{profile}.cipher_suites")
    if not isinstance(said, (list, tuple)):
        return ""
    seen = {
        s["suite"] for o in document["observations"] if o["key"] == "tls.suites" for s in o["value"]
    }
    extra = sorted(seen - {str(s) for s in said})
    return f"the server selects suites that are not declared: {text_of(extra)}" if extra else ""


def _size(profile: str, document: Document) -> str:
    said = declared_at(document, f"{profile}.maximum_message_size")
    seen = max(
        (o["value"] for o in document["observations"] if o["key"] == "audit.maximumSize"), default=0
    )
    if isinstance(said, int) and seen > said:
        return f"a message of {seen} octets was seen, but {said} are declared as the most"
    return ""


def _policy(document: Document) -> str:
    found = [
        f"{row['check']} ({observed['endpoint']})"
        for observed in document["observations"]
        if observed["key"] == "association.policy"
        for row in observed["value"]
        if row["declared"] and row["enforced"] == "no"
    ]
    return f"declared to be checked, but it was not: {text_of(found)}" if found else ""


def _claims(document: Document) -> str:
    refuted = [
        f"{c['profile']} as {c['role']}"
        for c in document["claims"]
        if c["conclusion"] == "not-conformant"
    ]
    return f"claimed, but not conformant in this run: {text_of(refuted)}" if refuted else ""
