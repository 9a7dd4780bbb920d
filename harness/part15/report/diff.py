"""Two reports compared by fingerprint: what newly fails, what was fixed, what stays, and why it flipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from part15.report.conclude import UNDECIDED

Document = Mapping[str, Any]

KINDS = {
    "new": "Newly violated",
    "stillFailing": "Still violated",
    "newlyUndecided": "No longer decided",
    "fixed": "Fixed",
    "decided": "Newly decided",
    "changed": "Other changes of verdict",
    "gone": "No longer a case",
    "added": "New cases that are not violated",
}
"""The lists of a comparison, in the order in which they are shown."""


def _kind(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> str:
    before = old["verdict"] if old else ""
    after = new["verdict"] if new else ""
    if not after:
        return "gone"
    if after == "fail":
        return "stillFailing" if before == "fail" else "new"
    if not before:
        return "added"
    if after in UNDECIDED:
        return "" if before in UNDECIDED else "newlyUndecided"
    if before == "fail":
        return "fixed"
    if before in UNDECIDED:
        return "decided"
    return "" if before == after else "changed"


def _flipped(
    old: Document,
    new: Document,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> str:
    """Return why a verdict is another one, or why there is a case on one side only; empty if neither."""
    if before and after:
        return _why(old, new, before, after) if before["verdict"] != after["verdict"] else ""
    editions = [d["standard"]["edition"] for d in (old, new)]
    if editions[0] != editions[1]:
        return f"edition {editions[0]} before, {editions[1]} now"
    if old["run"]["profilesDigest"] != new["run"]["profilesDigest"]:
        return "the profiles changed"
    if old["run"]["configDigest"] != new["run"]["configDigest"]:
        return "the target file changed"
    return "another selection of cases was run"


def _why(old: Document, new: Document, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Return what made a verdict flip: the profile's text, part15 itself, the target file, or behaviour."""
    texts = [
        {c["id"]: c for c in d["clauses"]}.get(r["clause"], {})
        for d, r in ((old, before), (new, after))
    ]
    keys = ("text", "level", "how", "status", "section")
    if before["edition"] != after["edition"]:
        return f"edition {before['edition']} before, {after['edition']} now"
    if [texts[0].get(k) for k in keys] != [texts[1].get(k) for k in keys]:
        return "the profile's text changed"
    if before["waiver"] != after["waiver"] or before["attestedBy"] != after["attestedBy"]:
        return "a waiver or an attestation changed"
    seen = [_observation(d, r) for d, r in ((old, before), (new, after))]
    if seen[0] and seen[0] == seen[1]:
        return f"judged differently on the same observation (part15 {old['tool']['version']}, {new['tool']['version']})"
    if not before["driven"] and not after["driven"]:
        return "the target file changed"
    return "the system behaved differently"


def _observation(document: Document, result: Mapping[str, Any]) -> str:
    digests = {e["id"]: e["sha256"] for e in document["evidence"]}
    names = [n for n in result["evidence"] if n.endswith("/observation.json")]
    return ",".join(digests.get(n, "") for n in names)


def compare(old: Document, new: Document) -> dict[str, Any]:
    """Return the comparison as JSON values: both runs, the claims whose conclusion changed, and the lists."""
    afters = {r["fingerprint"]: r for r in new["results"]}
    befores = _paired(old["results"], afters)
    lists: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    for name in [*afters, *(n for n in befores if n not in afters)]:
        before, after = befores.get(name), afters.get(name)
        kind = _kind(before, after)
        if not kind:
            continue
        known = after or before or {}
        lists[kind].append(
            {
                "fingerprint": name,
                "case": known["case"],
                "clause": known["clause"],
                "profile": known["profile"],
                "policy": known.get("policy", ""),
                "section": known["section"],
                "level": known["level"],
                "before": before["verdict"] if before else None,
                "after": after["verdict"] if after else None,
                "message": known["message"],
                "hint": known["hint"],
                "why": _flipped(old, new, before, after),
            }
        )
    return {
        "oldRun": _about(old),
        "newRun": _about(new),
        "claims": _claims(old, new),
        "counts": {kind: len(rows) for kind, rows in lists.items()},
        **lists,
    }


def _paired(
    olds: Sequence[Mapping[str, Any]], afters: Mapping[str, Any]
) -> dict[str, Mapping[str, Any]]:
    """Return the old results under the fingerprints of the new ones.

    A case whose fingerprint changed (a clause that is driven now) is known by its id.
    """
    befores = {r["fingerprint"]: r for r in olds}
    by_case = {r["case"]: name for name, r in befores.items() if name not in afters}
    for name, result in afters.items():
        lost = by_case.get(result["case"])
        if name not in befores and lost is not None:
            befores[name] = befores.pop(lost)
    return befores


def _about(document: Document) -> dict[str, Any]:
    return {
        "run": document["run"]["id"],
        "startedAt": document["run"]["startedAt"],
        "sut": f"{document['sut']['product']} {document['sut']['version']}".strip(),
        "edition": document["standard"]["edition"],
        "tool": document["tool"]["version"],
        "profilesDigest": document["run"]["profilesDigest"],
    }


def _claims(old: Document, new: Document) -> list[dict[str, Any]]:
    def key(claim: Mapping[str, Any]) -> tuple[str, str]:
        return claim["profile"], claim["role"]

    befores = {key(c): c for c in (*old["claims"], *old.get("policies", ()))}
    afters = {key(c): c for c in (*new["claims"], *new.get("policies", ()))}
    rows = []
    for name in sorted(befores.keys() | afters.keys()):
        before, after = befores.get(name), afters.get(name)
        if before is None or after is None or before["conclusion"] != after["conclusion"]:
            rows.append(
                {
                    "profile": name[0],
                    "role": name[1],
                    "before": before["conclusion"] if before else None,
                    "after": after["conclusion"] if after else None,
                }
            )
    return rows


def exit_code(comparison: Mapping[str, Any]) -> int:
    """Return 1 if something newly fails, 6 if something is no longer decided, else 0."""
    if comparison["new"]:
        return 1
    return 6 if comparison["newlyUndecided"] else 0


def render(comparison: Mapping[str, Any], most: int = 40) -> str:
    """Return the comparison for a person; at most *most* cases per list."""
    old, new = comparison["oldRun"], comparison["newRun"]
    told = [f"{d['sut']}, {d['startedAt'][:16]}, edition {d['edition']}" for d in (old, new)]
    lines = ["  ->  ".join(told)]
    for claim in comparison["claims"]:
        before, after = claim["before"] or "not claimed", claim["after"] or "not claimed"
        lines.append(f"{claim['profile']} as {claim['role']}: {before} -> {after}")
    for kind, title in KINDS.items():
        rows = comparison[kind]
        if not rows:
            continue
        lines += ["", f"{title} ({len(rows)})"]
        for row in rows[:most]:
            flip = f"{row['before'] or 'no case'} -> {row['after'] or 'no case'}"
            lines.append(
                f"  {row['case']}{' (site policy)' if row['policy'] else ''}  {flip if row['before'] != row['after'] else row['after']}"
            )
            lines.append(
                f"      {row['message'].rstrip('.')}{'; ' + row['why'] if row['why'] else ''}"
            )
        if len(rows) > most:
            lines.append(f"  and {len(rows) - most} more (--json has them)")
    if not any(comparison[kind] for kind in KINDS):
        lines.append("Every case has the verdict it had.")
    return "\n".join(lines) + "\n"
