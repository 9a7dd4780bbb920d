"""The one table of an object's signatures: scope, overlap, purpose, signer, time (for people and reports)."""

from __future__ import annotations

from typing import Any

from part15.observations.signatures import SignatureSeen, SignedObjectSeen


def rows(seen: SignedObjectSeen) -> list[dict[str, Any]]:
    """Return one row per signature, in the order of the object."""
    return [_row(seen, signature) for signature in seen.signatures]


def _row(seen: SignedObjectSeen, signature: SignatureSeen) -> dict[str, Any]:
    stamp = signature.timestamp
    purpose = signature.purposes[0] if signature.purposes else None
    return {
        "signature": signature.path,
        "scope": signature.level or "data set",
        "attributes": len(signature.signed),
        "overlaps": overlaps(seen, signature),
        "purpose": f"{purpose.value} {purpose.meaning}".strip() if purpose else "none",
        "signer": signature.certificate.subject or "no certificate",
        "holder": signature.certificate.holder,
        "algorithm": signature.algorithm,
        "time": signature.signed_at or signature.datetime,
        "timestamp": "none" if stamp is None else f"{stamp.status} {stamp.time}".strip(),
        "integrity": signature.crypto.integrity,
        "trust": signature.trust.status,
        "historic": signature.historic,
    }


def overlaps(seen: SignedObjectSeen, signature: SignatureSeen) -> list[str]:
    """Return the other signatures of the same data set with how many attributes both sign."""
    mine = frozenset(signature.signed)
    found = []
    for other in seen.signatures:
        if other.path == signature.path or other.level != signature.level:
            continue
        shared = len(mine & frozenset(other.signed))
        if shared:
            found.append(f"{other.path}: {shared}")
    return found


def lines(seen: SignedObjectSeen) -> list[str]:
    """Return the table as one sentence per signature, prefixed with the name of the object."""
    found = []
    for row in rows(seen):
        shared = f", overlaps {', '.join(row['overlaps'])}" if row["overlaps"] else ""
        holder = "" if row["holder"] == "not told" else f" ({row['holder']})"
        historic = ", of an earlier state of the object" if row["historic"] else ""
        found.append(
            f"{seen.name} {row['signature']}: {row['integrity']}, {row['trust']}; {row['attributes']}"
            f" attributes of {row['scope']}{shared}; purpose {row['purpose']}; {row['algorithm'] or 'no MAC'} by"
            f" {row['signer']}{holder} at {row['time'] or 'no time'}; timestamp {row['timestamp']}{historic}"
        )
    return found
