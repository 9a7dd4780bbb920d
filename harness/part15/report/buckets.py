"""Claimed against observed: four lists that say what of a product's claims was shown, and what nobody claimed."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from part15 import content
from part15.report.conclude import DECIDED

TITLES = {
    "claimedAndShown": "Claimed and shown",
    "claimedAndRefuted": "Claimed and refuted",
    "claimedAndNotShown": "Claimed and not shown",
    "shownAndNotClaimed": "Shown and not claimed",
}
NO_PROFILE = "A VPN or IPsec link below DICOM is no profile of PS3.15 Annex B."
_OLD = ("ssl3", "1.0", "1.1")
_CONCLUDED = {
    "conformant": "claimedAndShown",
    "conformant-with-waivers": "claimedAndShown",
    "not-conformant": "claimedAndRefuted",
    "not-established": "claimedAndNotShown",
}

Row = dict[str, Any]


def _row(what: str, why: str, state: str = "", evidence: Iterable[str] = ()) -> Row:
    return {"what": what, "why": why, "state": state, "evidence": sorted(evidence)}


def _claim(claim: Mapping[str, Any], results: Sequence[Mapping[str, Any]], states: str) -> Row:
    key = (claim["profile"], claim["role"], claim["edition"])
    own = [r for r in results if (r["claim"], r["role"], r["edition"]) == key]
    failed = list(dict.fromkeys(r["clause"] for r in own if r["verdict"] == "fail"))
    waived = list(dict.fromkeys(r["clause"] for r in own if r["verdict"] == "waived"))
    told = f"{claim['decided']} of {claim['total']} cases decided"
    if failed:
        told += f"; violated: {_few(failed)}"
    if waived:
        told += f"; waived: {_few(waived)}"
    evidence = {e for r in own if r["verdict"] in {"fail", "waived"} for e in r["evidence"]}
    return _row(
        f"{claim['profile']} as {claim['role']}, {claim['edition']}", told, states, evidence
    )


def _few(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _transport_claims(claims: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        c["profile"]
        for c in claims
        if fnmatch.fnmatch(c["profile"], "tls-*") or c["profile"] == "iscl"
    ]


def _unclaimed(document: Mapping[str, Any]) -> Iterator[Row]:
    facts = {(o["endpoint"], o["key"]): o for o in document["observations"]}
    for point in document["endpoints"]:
        place = f"{point['id']} ({point['address']})"
        use = facts.get((point["id"], "use"))
        reached = bool(use) or any(point["counts"].get(w) for w in DECIDED)
        if point["state"] in {"absent", "available, not used", "used, not enforced"} and reached:
            why = point["why"] or "plain DICOM was accepted"
            yield _row(
                f"plain DICOM at {place}",
                f"{why}. {NO_PROFILE}",
                point["state"],
                use["evidence"] if use else (),
            )
    for (endpoint, key), fact in sorted(facts.items()):
        if key == "tls.suites" and fact["value"]:
            yield from _suites(document, endpoint, fact)


def _suites(document: Mapping[str, Any], endpoint: str, fact: Mapping[str, Any]) -> Iterator[Row]:
    where = f" at {endpoint}" if endpoint else ""
    weak = set(content.table("tls-null-and-anonymous"))
    accepted = {row["suite"]: row for row in fact["value"]}
    for name in sorted(accepted.keys() & weak):
        what = f"{name}{where}"
        yield _row(
            what,
            "the server selects it; it gives no encryption or no authentication",
            "",
            fact["evidence"],
        )
    for version in _OLD:
        if any(row["version"] == version for row in fact["value"]):
            name = "SSL 3.0" if version == "ssl3" else f"TLS {version}"
            yield _row(f"{name}{where}", "the server negotiates it", "", fact["evidence"])
    claimed = _transport_claims(document["claims"])
    if not claimed:
        yield _row(
            f"TLS{where}", "no Secure Transport Connection Profile is claimed", "", fact["evidence"]
        )
    declared = {
        str(s)
        for profile in claimed
        for s in _listed(document["declared"].get(profile, {}), "cipher_suites")
    }
    extra = sorted(accepted.keys() - declared - weak) if declared else []
    if extra:
        why = f"the server selects {len(extra)} suites that the statement does not name: {_few(extra, 20)}"
        yield _row(f"undeclared cipher suites{where}", why, "", fact["evidence"])


def _listed(table: Any, key: str) -> list[Any]:
    value = table.get(key, []) if isinstance(table, Mapping) else []
    return list(value) if isinstance(value, (list, tuple)) else []


def buckets(document: Mapping[str, Any]) -> dict[str, list[Row]]:
    """Return the four lists of *document*; each row has ``what, why, state, evidence``.

    *state* is the state of use of the endpoints that carry a transport claim, or of the endpoint.
    """
    lists: dict[str, list[Row]] = {key: [] for key in TITLES}
    for claim in document["claims"]:
        points = [e for e in document["endpoints"] if claim["profile"] in e["claims"]]
        states = "; ".join(f"{e['id']}: {e['state']}" for e in points)
        lists[_CONCLUDED[claim["conclusion"]]].append(_claim(claim, document["results"], states))
    lists["shownAndNotClaimed"] = list(_unclaimed(document))
    return lists
