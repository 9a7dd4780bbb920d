"""A summary in Markdown, short enough for a CI job page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from part15.report import view, writer

MOST = 20
"""Fixes that are listed."""
MAX_CASES = 2000
"""Rows of the table of all results; more are left to the other formats."""
_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~])")


def plain(text: str) -> str:
    """Return *text* so that Markdown shows it as it is, on one line."""
    escaped = _SPECIAL.sub(r"\\\1", " ".join(text.split())).replace("&", "&amp;")
    # a bare address would become a link, and @name a mention
    return escaped.replace("://", ":\\//").replace("@", "&#64;")


def code(text: str) -> str:
    """Return *text* as code, also inside a table."""
    return f"`{' '.join(text.split()).replace('`', chr(39)).replace('|', chr(0xA6))}`"


def _head(document: Mapping[str, Any]) -> list[str]:
    sut = document["sut"]
    return [
        f"# {plain(sut['product'])} {plain(sut['version'])}: PS3.15 {document['standard']['edition']}",
        "",
        f"part15 {document['tool']['version']}, {document['run']['startedAt']}, {document['sent']['total']} connections"
        + (", **interrupted**" if document["run"]["interrupted"] else ""),
        "",
    ]


def _endpoints(document: Mapping[str, Any]) -> list[str]:
    if not document["endpoints"]:
        return []
    rows = [
        f"| {code(e['id'])} | {code(e['address'])} | **{e['state']}** | {plain(e['why'])}"
        f"{'. Setting: ' + plain(e['setting']) if e['setting'] else ''} |"
        for e in document["endpoints"]
    ]
    return [
        "## Is security in use?",
        "",
        "| Endpoint | Address | State | Why |",
        "|---|---|---|---|",
        *rows,
        "",
    ]


def _columns(document: Mapping[str, Any]) -> list[str]:
    def said(row: Mapping[str, Any], words: Mapping[str, str]) -> str:
        counted = f"{row['decided']} of {row['total']}: {view.count_text(row['counts'])}"
        return f"**{words[row['conclusion']]}** ({counted})"

    lines = []
    for row in view.rows(document):
        standard = said(row["claim"], view.CONCLUSIONS) if row["claim"] else "no claim"
        beside = "<br>".join(
            f"{code(p['profile'])} {said(p, view.POLICY_CONCLUSIONS)}" for p in row["policies"]
        )
        lines.append(f"| {plain(row['name'])} | {standard} | {beside or 'none'} |")
    return [
        "## Conclusions",
        "",
        "A site policy is no part of PS3.15: neither column decides the other.",
        "",
        "| Claim | PS3.15 | Site policy |",
        "|---|---|---|",
        *lines,
        "",
    ]


def _claims(document: Mapping[str, Any]) -> list[str]:
    if document["policies"]:
        return _columns(document)
    rows = [
        f"| {plain(view.claim_name(c))} | **{view.CONCLUSIONS[c['conclusion']]}** | {c['decided']} of {c['total']} "
        f"| {view.count_text(c['counts'])} |"
        for c in view.claims(document)
    ]
    header = ["| Claim | Conclusion | Decided | Verdicts |", "|---|---|---|---|"]
    return ["## Conclusions", "", *(header + rows if rows else ["The target claims nothing."]), ""]


def _fixes(document: Mapping[str, Any]) -> list[str]:
    return _fixlist("What to fix first", view.fixes(document)) + _fixlist(
        "What to fix for the site policy, which is no part of PS3.15",
        view.fixes(document, policy=True),
    )


def _fixlist(title: str, entries: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [f"## {title}", ""] if entries else []
    for number, entry in enumerate(entries[:MOST], 1):
        lines.append(f"{number}. **{plain(entry['do'])}**")
        for clause in entry["clauses"]:
            first = clause["results"][0]
            more = f" (and {len(clause['results']) - 1} more)" if len(clause["results"]) > 1 else ""
            lines.append(
                f"   - {code(clause['id'])} ({clause['bound']}): {plain(first['message'])}{more}"
            )
            if first["reproduce"]:
                lines.append(f"     {code(first['reproduce'])}")
    if len(entries) > MOST:
        lines.append(f"\nand {len(entries) - MOST} more in report.html")
    return [*lines, ""] if lines else []


def _undecided(document: Mapping[str, Any]) -> list[str]:
    groups = view.undecided(document)
    lines = ["## Not decided yet", ""] if groups else []
    for group in groups:
        told = "; ".join(f"{plain(message)} ({count} cases)" for message, count in group["causes"])
        names = ", ".join(code(c["id"]) for c in group["clauses"][:MOST])
        more = len(group["clauses"]) - MOST
        lines.append(
            f"- **{plain(group['do'])}** ({group['count']}): "
            + (told or f"{names}{f', and {more} more' if more > 0 else ''}")
        )
    return [*lines, ""] if lines else []


def _waivers(document: Mapping[str, Any]) -> list[str]:
    rows = [
        f"- {code(w['case'])}: {w['state'].replace('-', ' ')}; {plain(w['reason'])} "
        f"({plain(w['owner'])}, until {plain(w['expires'])})"
        for w in document["waivers"]
    ]
    rows += [
        f"- {code(a['case'])}: attested **{plain(a['verdict'])}** by {plain(a['by'])} on {plain(a['date'])}"
        for a in document["attestations"]
    ]
    return ["## Waivers and attestations", "", *rows, ""] if rows else []


def _assumptions(document: Mapping[str, Any]) -> list[str]:
    rows = [
        f"- {plain(a['topic'].replace('-', ' '))}: {plain(a['text'])} "
        f"({plain(a['by'])}, {plain(a['date'])}; {plain(a['how'])})"
        for a in document["assumptions"]
    ]
    head = ["## Assumptions", "", "What a person says of the site; it decides nothing.", ""]
    return [*head, *rows, ""] if rows else []


def _results(document: Mapping[str, Any]) -> list[str]:
    results = document["results"]
    site = bool(document["policies"])

    def verdict(result: Mapping[str, Any]) -> str:
        word = str(result["verdict"])
        if not site:
            return word
        return f" | {word}" if result["policy"] else f"{word} | "

    rows = [
        f"| {code(r['clause'])} | {code(r['case'])} | {verdict(r)} | {plain(r['message'])} |"
        for r in results[:MAX_CASES]
    ]
    if len(results) > MAX_CASES:
        rows.append(f"| | | {'| ' * site}| {len(results) - MAX_CASES} more in results.csv |")
    return [
        "<details><summary>All results</summary>",
        "",
        f"| Clause | Case | {'PS3.15 | Site policy' if site else 'Verdict'} | Message |",
        f"|---|---|---|---|{'---|' * site}",
        *rows,
        "",
        "</details>",
        "",
    ]


def render(document: Mapping[str, Any]) -> str:
    """Return the summary; the table of all results is folded."""
    parts = (_head, _endpoints, _claims, _fixes, _undecided, _waivers, _assumptions, _results)
    return "\n".join(line for part in parts for line in part(document))


write = writer(render)
