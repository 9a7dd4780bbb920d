"""What several writers show of a document: what to fix first, what a person must do next, profile by profile."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from part15 import content
from part15.report.buckets import TITLES
from part15.report.build import natural
from part15.report.conclude import CONCLUSIONS as CONCLUSION_ORDER
from part15.report.conclude import UNDECIDED, binds, counts

Document = Mapping[str, Any]
Result = Mapping[str, Any]

WORDS = {
    "fail": "violated",
    "error": "harness trouble",
    "waived": "violated, waived",
    "warn": "discouraged",
    "inconclusive": "undecided",
    "review": "a person must look",
    "pass": "holds",
    "info": "for information",
    "not-applicable": "does not apply",
}
"""Verdict words, what stands out first, with what they say about a clause."""

CONCLUSIONS = {
    "conformant": "Conformant",
    "conformant-with-waivers": "Conformant with waivers",
    "not-conformant": "Not conformant",
    "not-established": "Not established",
}
POLICY_CONCLUSIONS = {
    "met": "Met",
    "met-with-waivers": "Met with waivers",
    "not-met": "Not met",
    "not-established": "Not established",
}
"""What is said of a site policy; the words of PS3.15 are not used for it."""
GROUPS = {
    "framework": "Framework and negotiation",
    "authentication": "Entity authentication",
    "encryption": "Encryption",
    "integrity": "Integrity",
    "": "Statement and other clauses",
}
"""The order in which PS3.15 section 6.2 describes a Secure Transport Connection Profile."""

NEXT = (
    (
        "error",
        "",
        "Make the connection work, then run again",
        "part15 doctor TARGET says what is in the way.",
    ),
    (
        "",
        "not declared",
        "Declare it in the target file",
        "Write the missing key under [declared]; the same text belongs in the Conformance Statement.",
    ),
    (
        "review",
        "",
        "Let a person look, then attest",
        "part15 attest TARGET asks the questions and writes the [[attestations]].",
    ),
    (
        "",
        "not permitted by limits",
        "Allow the stimulus",
        "Raise limits.impact in the target file if the system under test may be treated so.",
    ),
    (
        "",
        "skipped: ",
        "Make the product act when you are asked",
        "part15 run TARGET --undecided RUN asks for these alone, at a terminal.",
    ),
    (
        "",
        "the target has no",
        "Describe what is missing in the target file",
        "Add the endpoint, listener or folder that the message names.",
    ),
    (
        "",
        "budget",
        "Give the run more time",
        "Raise limits.budget, or rerun the undecided cases alone.",
    ),
    (
        "",
        "not tested by this version",
        "Test by hand",
        "This version has no check for these clauses; a newer one may decide them from a new run.",
    ),
    (
        "",
        "",
        "Remove what prevented a decision",
        "The message says what was missing; then run again.",
    ),
)
"""Rules that sort undecided results by what to do: verdict, words in the message, title, how."""

_GROUP_RANK = {"encryption": 0, "authentication": 1, "integrity": 2, "framework": 3}


def level_text(level: str) -> str:
    """Return *level* as the standard writes it."""
    return level.replace("-", " ")


def count_text(found: Mapping[str, int]) -> str:
    """Return counts as ``3 fail, 1 warn, 12 pass``, what stands out first."""
    return ", ".join(f"{found[w]} {w}" for w in WORDS if found.get(w)) or "nothing judged"


def claim_name(claim: Mapping[str, Any]) -> str:
    """Return ``profile as role, edition``."""
    return f"{claim['profile']} as {claim['role']}, {claim['edition']}"


def claims(document: Document) -> list[Mapping[str, Any]]:
    """Return the claims, worst conclusion first."""
    return sorted(document["claims"], key=lambda c: CONCLUSION_ORDER.index(c["conclusion"]))


def rows(document: Document) -> list[dict[str, Any]]:
    """Return what was claimed as ``name, claim, policies``, worst first: PS3.15 beside the site policies laid upon it.

    *claim* is None for a policy that is laid upon no claim of the run.
    """
    left = list(document["policies"])
    found = []
    for claim in claims(document):
        upon = [
            p
            for p in left
            if claim["profile"] in p["on"]
            and (p["role"], p["edition"]) == (claim["role"], claim["edition"])
        ]
        found.append({"name": claim_name(claim), "claim": claim, "policies": upon})
    shown = {id(p) for row in found for p in row["policies"]}
    alone = sorted((p for p in left if id(p) not in shown), key=claim_name)
    return found + [{"name": claim_name(p), "claim": None, "policies": [p]} for p in alone]


def bound(result: Mapping[str, Any]) -> str:
    """Return how a result or clause binds: ``shall``, or ``site policy, shall`` where a site asks for it."""
    level = level_text(result["level"])
    return f"site policy, {level}" if result["policy"] else level


def policy_line(policy: Mapping[str, Any]) -> str:
    """Return the conclusion on a site policy in a line: ``site-x: Not met, 3 of 4 decided``."""
    word = POLICY_CONCLUSIONS[policy["conclusion"]]
    return f"{policy['profile']}: {word}, {decided_text(policy)}"


def decided_text(claim: Mapping[str, Any]) -> str:
    """Return ``12 of 24 decided``, with the number that was never run."""
    text = f"{claim['decided']} of {claim['total']} decided"
    return f"{text}, {claim['notRun']} not run" if claim["notRun"] else text


def fixes(document: Document, *words: str, policy: bool = False) -> list[dict[str, Any]]:
    """Return what to change, most important first: ``do, hint, clauses, count``, one entry per hint.

    *words* are the verdicts to collect, ``fail`` if none is given: those of PS3.15, or with *policy*
    those of site policies. Clauses that one and the same change would repair are one entry.
    """
    wanted = set(words or ("fail",))
    groups: dict[str, list[Result]] = {}
    for result in document["results"]:
        if result["verdict"] in wanted and bool(result["policy"]) is policy:
            groups.setdefault(result["hint"] or result["clause"], []).append(result)
    ranked = sorted(
        groups.values(),
        key=lambda own: (min(map(_weight, own)), -len(own), natural(own[0]["clause"])),
    )
    return [
        {
            "do": _what_to_do(own[0]),
            "hint": own[0]["hint"],
            "clauses": _by_clause(own),
            "count": len(own),
        }
        for own in _one_cause(ranked)
    ]


def _what_to_do(result: Result) -> str:
    """Return the hint, or the clause as an order where the profile has no hint."""
    if result["hint"]:
        return str(result["hint"])
    order = "Put an end to this" if result["level"].endswith("-not") else "Make this hold"
    return f"{order}: {result['text'] or result['clause']}"


def _one_cause(groups: Sequence[list[Result]]) -> list[list[Result]]:
    """Join each group to an earlier one that has the same cause.

    That is so where both are about a cipher suite of one endpoint and their hints have at least half
    of their words in common.
    """
    joined: list[tuple[set[tuple[str, str]], list[Result]]] = []
    for own in groups:
        about = _suites_of(own)
        hint = own[0]["hint"]
        same = next((o for o in joined if about & o[0] and _alike(hint, o[1][0]["hint"])), None)
        if same is None:
            joined.append((about, list(own)))
        else:
            same[0].update(about)
            same[1].extend(own)
    return [own for _, own in joined]


def _suites_of(results: Sequence[Result]) -> set[tuple[str, str]]:
    return {
        (r["endpoint"], name) for r in results for name in re.findall(r"\bTLS_\w+", r["observed"])
    }


def _alike(one: str, other: str) -> bool:
    a, b = ({w.casefold() for w in re.findall(r"\w+", text)} for text in (one, other))
    return bool(a and b) and 2 * len(a & b) >= len(a | b)


def values(result: Result) -> list[tuple[str, str]]:
    """Return what was expected and observed, without what the message already says."""
    rows = [("expected", result["expected"]), ("observed", result["observed"])]
    return [(name, value) for name, value in rows if value and value not in result["message"]]


def _weight(result: Result) -> tuple[int, int]:
    binding = result["level"] in {"shall", "shall-not"} and not result["advisory"]
    return (0 if binding else 1, _GROUP_RANK.get(result["group"], 4))


def _by_clause(results: Iterable[Result]) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        found.setdefault((result["clause"], result["policy"]), []).append(result)
    return [
        {
            "id": name,
            "section": own[0]["section"],
            "level": level_text(own[0]["level"]),
            "policy": policy,
            "bound": bound(own[0]),
            "text": own[0]["text"],
            "profile": own[0]["profile"],
            "results": own,
        }
        for (name, policy), own in sorted(
            found.items(), key=lambda item: (natural(item[0][0]), item[0][1])
        )
    ]


def undecided(document: Document) -> list[dict[str, Any]]:
    """Return undecided results grouped by what the person must do next: ``do, how, clauses, count, binding, causes``.

    *causes* are the few messages that stand for many results, with how often each was said. *binding* counts those that keep a claim from being established; they come first in their group.
    """
    groups: dict[int, list[Result]] = {}
    for result in document["results"]:
        if result["verdict"] in UNDECIDED:
            groups.setdefault(_next(result), []).append(result)
    return [
        {
            "do": NEXT[i][2],
            "how": NEXT[i][3],
            "clauses": sorted(
                _by_clause(own), key=lambda c: not any(binds(r) for r in c["results"])
            ),
            "count": len(own),
            "binding": sum(binds(r) for r in own),
            "causes": _causes(own),
        }
        for i, own in sorted(groups.items())
    ]


def _causes(results: Sequence[Result]) -> list[tuple[str, int]]:
    """Return the messages of *results* with how often each was said, where a few stand for many; else nothing."""
    found = Counter(str(r["message"]) for r in results)
    if len(results) < 4 * len(found):
        return []
    return found.most_common()


def _next(result: Result) -> int:
    message = result["message"].casefold()
    for i, (word, part, _, _) in enumerate(NEXT):
        if (not word or word == result["verdict"]) and part in message:
            return i
    return len(NEXT) - 1


def profiles(document: Document) -> list[dict[str, Any]]:
    """Return every profile with its clauses, grouped as PS3.15 section 6.2 does where groups are known.

    What a site policy asks for stands under the policy, behind everything of PS3.15.
    """
    clauses = {c["id"]: c for c in document["clauses"]}
    claimed = {c["profile"] for c in (*document["claims"], *document["policies"])}
    titles = {p["profile"]: p["title"] for p in document["policies"]}
    found: dict[str, list[Result]] = {}
    for result in document["results"]:
        found.setdefault(result["policy"] or result["profile"], []).append(result)
    rows = [
        {
            "id": name,
            "title": titles.get(name, clauses[own[0]["clause"]]["profileTitle"]),
            "claimed": name in claimed,
            "policy": bool(own[0]["policy"]),
            "counts": counts(own),
            "groups": _grouped(own, clauses),
        }
        for name, own in found.items()
    ]
    return sorted(rows, key=lambda r: (r["policy"], not r["claimed"], r["id"]))


def _grouped(
    results: list[Result], clauses: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    transport = any(r["group"] for r in results)
    groups = []
    for key, title in GROUPS.items():
        own = [r for r in results if (r["group"] if r["group"] in GROUPS else "") == key]
        if own:
            rows = [{**c, "clause": clauses[c["id"]]} for c in _by_clause(own)]
            groups.append({"title": title if transport else "", "clauses": rows})
    return groups


def buckets(document: Document) -> list[dict[str, Any]]:
    """Return claimed against observed: four times ``title, rows``, nothing at all if nothing was claimed or shown."""
    lists = [{"title": title, "rows": document["buckets"][key]} for key, title in TITLES.items()]
    return lists if any(one["rows"] for one in lists) else []


def blocking_text(group: Mapping[str, Any]) -> str:
    """Return in a sentence how many of an undecided *group* keep a claim from being established."""
    if not group["binding"]:
        return "None of these keeps a claim from being established."
    verb = "keeps" if group["binding"] == 1 else "keep"
    return f"{group['binding']} of {group['count']} {verb} a claim from being established."


def stories(document: Document) -> list[dict[str, Any]]:
    """Return the time line of an association per endpoint: ``endpoint, steps[{by, text}]``."""
    rows = [o for o in document["observations"] if o["key"] == "association.story"]
    return [{"endpoint": o["endpoint"], "steps": o["value"]} for o in rows]


def status_stories(document: Document) -> list[dict[str, Any]]:
    """Return the shortest violations of the status rules: ``endpoint, rule, steps[{text, broke}]``."""
    rows = [o for o in document["observations"] if o["key"] == "status.stories"]
    return [{"endpoint": o["endpoint"], **story} for o in rows for story in o["value"]]


def suites(document: Document) -> list[dict[str, Any]]:
    """Return a cipher-suite matrix per endpoint: ``endpoint, versions, rows[{suite, code, ranks, weak}]``.

    A rank is the place in which the server selected the suite in that version (1 first), ``yes``
    where the place is not known, and empty where it did not select it; *weak* suites encrypt nothing or authenticate nobody.
    """
    tables = []
    weak = set(content.table("tls-null-and-anonymous"))
    for row in document["observations"]:
        if row["key"] != "tls.suites":
            continue
        versions = sorted({s["version"] for s in row["value"]})
        cells: dict[tuple[str, str], dict[str, Any]] = {}
        for seen in row["value"]:
            cells.setdefault((seen["suite"], seen["code"]), {})[seen["version"]] = (
                seen.get("rank") or "yes"
            )
        rows = [
            {
                "suite": suite,
                "code": code,
                "ranks": [ranks.get(v, "") for v in versions],
                "weak": suite in weak,
            }
            for (suite, code), ranks in sorted(cells.items(), key=lambda item: item[0][1])
        ]
        tables.append({"endpoint": row["endpoint"], "versions": versions, "rows": rows})
    return tables
