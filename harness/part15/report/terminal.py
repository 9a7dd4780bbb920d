"""The summary for a terminal: endpoint states, claims, what to fix first, what to do about the undecided."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from part15.report import view
from part15.report.buckets import TITLES

COLOURS = {
    "fail": "bold red",
    "error": "bold magenta",
    "waived": "yellow",
    "warn": "yellow",
    "inconclusive": "cyan",
    "review": "cyan",
    "pass": "green",
    "info": "dim",
    "not-applicable": "dim",
    "conformant": "bold green",
    "conformant-with-waivers": "bold yellow",
    "not-conformant": "bold red",
    "not-established": "bold cyan",
    "met": "bold green",
    "met-with-waivers": "bold yellow",
    "not-met": "bold red",
    "enforced": "bold green",
    "used, not enforced": "bold yellow",
    "available, not used": "bold red",
    "absent": "bold red",
    "not determined": "cyan",
}
MOST = 10
"""Fixes that are printed; the rest is in the HTML."""
FEW = 6
"""Undecided clauses of a group that are printed with their message; of larger groups only the ids."""
WIDTH = 100


def write(document: Mapping[str, Any], out: Path | TextIO) -> None:
    """Write the summary of *document*; colours only where *out* is a terminal and NO_COLOR is not set."""
    if isinstance(out, Path):
        out.write_text(render(document), encoding="utf-8")
        return
    console = Console(file=out, highlight=False)
    if console.is_terminal:
        put(document, console)
    else:
        out.write(render(document))


def render(document: Mapping[str, Any]) -> str:
    """Return the summary without colours."""
    buffer = io.StringIO()
    put(
        document,
        Console(file=buffer, width=WIDTH, no_color=True, highlight=False, force_terminal=False),
    )
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"


def show(document: Mapping[str, Any], folder: Path | None = None) -> None:
    """Print the summary of *document* on stdout, and where the report is if *folder* holds one."""
    write(document, sys.stdout)
    if folder is not None:
        page = folder / "report.html"
        sys.stdout.write(f"\nReport: {page if page.is_file() else folder}\n")


def put(document: Mapping[str, Any], console: Console) -> None:
    """Print the summary of *document* on *console*."""
    sut, run = document["sut"], document["run"]
    started = run["startedAt"][:16].replace("T", " ")
    title = f"{sut['product']} {sut['version']}".strip()
    head = Text.assemble(
        (title, "bold"),
        f"  judged by PS3.15 {document['standard']['edition']}, {started} UTC, part15 {document['tool']['version']}",
    )
    console.print(head)
    if run["interrupted"]:
        console.print(Text("The run was interrupted; this is what was done until then.", "yellow"))
    _endpoints(document, console)
    _claims(document, console)
    _buckets(document, console)
    _fixes(document, console)
    _undecided(document, console)
    _waivers(document, console)
    _assumptions(document, console)
    _ending(document, console)


def _heading(console: Console, text: str) -> None:
    console.print()
    console.print(Text(text, "bold underline"))


def _indented(console: Console, text: Text | str, by: int) -> None:
    line = text if isinstance(text, Text) else Text(text)
    console.print(Padding(line, (0, 0, 0, by), expand=False))


def _item(console: Console, marker: Text, text: Text, by: int) -> None:
    """Print *text* beside *marker*, with its further lines under its first."""
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(marker, text)
    console.print(Padding(table, (0, 0, 0, by), expand=False))


def _endpoints(document: Mapping[str, Any], console: Console) -> None:
    if not document["endpoints"]:
        return
    _heading(console, "State of use of security, per endpoint")
    table = Table.grid(padding=(0, 2))
    for point in document["endpoints"]:
        state = Text(point["state"], COLOURS.get(point["state"], ""))
        table.add_row(
            Text(f"  {point['id']}"), Text(f"{point['transport']} {point['address']}"), state
        )
    console.print(table)
    for point in document["endpoints"]:
        if point["why"]:
            _indented(console, f"{point['id']}: {point['why']}", 4)
        if point["setting"] and point["state"] != "enforced":
            _indented(console, f"{point['id']}: the setting to change is {point['setting']}", 4)


def _claims(document: Mapping[str, Any], console: Console) -> None:
    if document["policies"]:
        _columns(document, console)
        return
    _heading(console, "Claims")
    if not document["claims"]:
        _indented(console, "The target claims nothing.", 2)
    for claim in view.claims(document):
        word = view.CONCLUSIONS[claim["conclusion"]]
        line = Text.assemble((word, COLOURS[claim["conclusion"]]), f"  {view.claim_name(claim)}")
        _indented(console, line, 2)
        _indented(console, f"{view.decided_text(claim)}: {view.count_text(claim['counts'])}", 6)


def _columns(document: Mapping[str, Any], console: Console) -> None:
    """Print the claims with PS3.15 and site policy in columns of their own."""
    _heading(console, "Claims, by PS3.15 and by site policy")
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for title in ("Claim", "PS3.15", "Site policy"):
        table.add_column(title, header_style="bold", overflow="fold")
    for row in view.rows(document):
        claim = row["claim"]
        standard = Text("no claim", "dim") if claim is None else _cell(claim, view.CONCLUSIONS)
        beside = Text("\n").join(
            Text.assemble(f"{p['profile']}\n", _cell(p, view.POLICY_CONCLUSIONS))
            for p in row["policies"]
        )
        table.add_row(row["name"], standard, beside if row["policies"] else Text("none", "dim"))
    console.print(Padding(table, (0, 0, 0, 2), expand=False))
    _indented(console, "A site policy is no part of PS3.15: neither column decides the other.", 2)


def _cell(row: Mapping[str, Any], words: Mapping[str, str]) -> Text:
    conclusion = row["conclusion"]
    return Text.assemble(
        (words[conclusion], COLOURS[conclusion]),
        f"\n{view.decided_text(row)}: {view.count_text(row['counts'])}",
    )


def _buckets(document: Mapping[str, Any], console: Console) -> None:
    unclaimed = document["buckets"]["shownAndNotClaimed"]
    if not view.buckets(document):
        return
    counted = ", ".join(
        f"{len(document['buckets'][key])} {title.lower()}" for key, title in TITLES.items()
    )
    _heading(console, "Claimed against observed")
    _indented(console, counted, 2)
    for row in unclaimed[:MOST]:
        state = f" ({row['state']})" if row["state"] else ""
        _item(
            console, Text("not claimed", "yellow"), Text(f"{row['what']}{state}: {row['why']}"), 2
        )
    if len(unclaimed) > MOST:
        _indented(console, f"and {len(unclaimed) - MOST} more, in the HTML report", 2)


def _fixes(document: Mapping[str, Any], console: Console) -> None:
    _fixlist(console, "What to fix first", view.fixes(document))
    _fixlist(
        console,
        "What to fix for the site policy, which is no part of PS3.15",
        view.fixes(document, policy=True),
    )


def _fixlist(console: Console, title: str, entries: Sequence[Mapping[str, Any]]) -> None:
    if not entries:
        return
    _heading(console, title)
    for number, entry in enumerate(entries[:MOST], 1):
        _item(console, Text(f"{number}.", "bold"), Text(entry["do"], "bold"), 2)
        for clause in entry["clauses"]:
            _clause(console, clause, 5)
    if len(entries) > MOST:
        _indented(console, f"and {len(entries) - MOST} more, in the HTML report", 2)


def _clause(console: Console, clause: Mapping[str, Any], by: int) -> None:
    first = clause["results"][0]
    line = Text(f"{clause['id']} ({clause['bound']}): {first['message']}")
    _item(console, Text(first["verdict"], COLOURS[first["verdict"]]), line, by)
    told = view.values(first)
    if told:
        _indented(
            console, Text("; ".join(f"{name} {value}" for name, value in told), "dim"), by + 2
        )
    if first["reproduce"] and first["verdict"] == "fail":
        _indented(console, Text(f"reproduce: {first['reproduce']}", "dim"), by + 2)
    more = len(clause["results"]) - 1
    if more:
        _indented(console, Text(f"and {more} more of this clause", "dim"), by + 2)


def _undecided(document: Mapping[str, Any], console: Console) -> None:
    groups = view.undecided(document)
    if not groups:
        return
    _heading(console, "Not decided yet, by what to do next")
    for group in groups:
        _indented(
            console, Text.assemble((group["do"], "bold"), f" ({group['count']}): {group['how']}"), 2
        )
        _indented(console, Text(view.blocking_text(group), "dim"), 5)
        for message, count in group["causes"]:
            _item(console, Text(f"{count} x", "bold"), Text(message), 5)
        if group["causes"]:
            continue
        if len(group["clauses"]) > FEW:
            _indented(console, ", ".join(c["id"] for c in group["clauses"]), 5)
            continue
        for clause in group["clauses"]:
            _clause(console, clause, 5)


def _ending(document: Mapping[str, Any], console: Console) -> None:
    """Say at the end which of the two a violation is of, where a site policy was judged too."""
    if not document["policies"]:
        return
    fails = document["summary"]["counts"].get("fail", 0)
    said = f"{fails} violated" if fails else "nothing is violated"
    console.print()
    _indented(console, f"PS3.15: {said}.", 0)
    for policy in document["policies"]:
        _indented(console, f"Site policy {view.policy_line(policy)}.", 0)


def _waivers(document: Mapping[str, Any], console: Console) -> None:
    rows = [w for w in document["waivers"] if w["state"] != "not-in-this-run"]
    if not rows:
        return
    _heading(console, "Waivers")
    for waiver in rows:
        text = f"{waiver['case']}: {waiver['state']}; {waiver['reason']} ({waiver['owner']}, until {waiver['expires']})"
        _indented(console, text, 2)


def _assumptions(document: Mapping[str, Any], console: Console) -> None:
    rows = document["assumptions"]
    if rows:
        topics = ", ".join(sorted({row["topic"].replace("-", " ") for row in rows}))
        console.print()
        _indented(
            console,
            f"Read under {len(rows)} assumption{'s' * (len(rows) > 1)} of the site: {topics}",
            0,
        )
