"""``part15 inspect`` and ``part15 compare``: files without a network."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from part15.cli_progress import FileProgress

_PATH = click.Path(path_type=Path)
_TOLD = 20


@click.command()
@click.argument("paths", nargs=-1, required=True, type=_PATH)
@click.option(
    "-p", "--profile", "profiles", multiple=True, help="State the claim; a profile id or file."
)
@click.option("--option", "options", multiple=True, help="An option that the claim lists.")
@click.option("--edition", help="Judge by this edition, e.g. 2023b.")
@click.option("--before", type=_PATH, help="The original file or folder, to judge in pairs.")
@click.option("--trust", "trust", multiple=True, type=_PATH, help="A trust anchor (PEM or DER).")
@click.option(
    "--intermediate",
    "intermediates",
    multiple=True,
    type=_PATH,
    help="An intermediate certificate.",
)
@click.option("--crl", "crls", multiple=True, type=_PATH, help="A revocation list.")
@click.option("--key", type=_PATH, help="An RSA key that opens secure files.")
@click.option("--cert", "certificate", type=_PATH, help="The certificate of that key.")
@click.option("--password-file", type=_PATH, help="A file that holds the password of secure files.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, file_okay=False), help="Write the report folder."
)
@click.option(
    "-n",
    "workers",
    type=click.IntRange(0, 1024),
    help="Processes that judge; 0: none but this. Default: one per core for more than 200 files.",
)
@click.option("--resume", is_flag=True, help="Go on with the interrupted inspection in -o DIR.")
@click.option(
    "--gate",
    type=click.Choice(("fail", "decided", "should")),
    default="decided",
    show_default=True,
    help="What moves the exit code.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print report.json on stdout and nothing else there."
)
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@click.option("--no-color", is_flag=True, help="No colours (as NO_COLOR).")
def inspect_command(as_json: bool, quiet: bool, no_color: bool, **given: Any) -> int:
    """Judge FILES, folders or a DICOMDIR.

    Signatures, secure media, de-identification (with --before in pairs), SOP Instance Status and
    audit messages, by the checks that 'part15 run' uses. Without -p every profile whose marks are
    in the files is judged, and the report says which profiles they meet. Nothing is written beside
    the files.
    """
    from part15.inspect import Request, inspect
    from part15.target import check_edition

    check_edition(given["edition"])

    if no_color:
        os.environ["NO_COLOR"] = "1"
    request = Request(**{k: v for k, v in given.items() if v is not None})
    shown = None if quiet or as_json else FileProgress()
    try:
        document = inspect(request, shown, shown.total if shown is not None else None)
    finally:
        if shown is not None:
            shown.close()
    if as_json:
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    elif not quiet:
        click.echo(inspected(document))
        if request.out is not None:
            click.echo(f"\nReport: {request.out / 'report.html'}")
            if document["run"]["interrupted"]:
                click.echo(
                    "Interrupted; the same command with --resume goes on with the other files."
                )
    return int(document["run"]["exitStatus"])


def inspected(document: Mapping[str, Any]) -> str:
    """Return what a terminal shows of an inspection: what was met, what is wrong, what is open."""
    notes = document["run"]["notifications"]
    lines = list(notes[: _TOLD if len(notes) > 2 * _TOLD else 2 * _TOLD])
    if len(notes) > len(lines):
        lines.append(f"... {len(notes) - len(lines)} more notes; see them with --json or -o DIR")
    groups = {
        "fail": "Violated",
        "error": "Trouble",
        "warn": "To look at",
        "inconclusive": "Undecided",
        "review": "For a person",
    }
    for word, title in groups.items():
        found = [r for r in document["results"] if r["verdict"] == word]
        if found:
            lines += ["", f"{title}:"]
            lines += [f"  {r['clause']} ({r['level']}): {r['message']}" for r in found]
            if word == "fail":
                lines += [f"    -> {r['hint']}" for r in found if r["hint"]]
    words: dict[str, int] = {}
    for result in document["results"]:
        words[result["verdict"]] = words.get(result["verdict"], 0) + 1
    tally = ", ".join(f"{n} {w}" for w, n in sorted(words.items()))
    lines += ["", f"{len(document['results'])} clauses: {tally or 'nothing was judged'}"]
    return "\n".join(lines)


@click.command()
@click.argument("before", type=_PATH)
@click.argument("after", type=_PATH)
@click.option(
    "--json", "as_json", is_flag=True, help="Print report.json on stdout and nothing else there."
)
@click.option("-q", "--quiet", is_flag=True, help="Only the exit code.")
def compare_command(before: Path, after: Path, as_json: bool, quiet: bool) -> int:
    """Compare BEFORE and AFTER, objects or folders, value- and VR-exact (PS3.15 A.3).

    Files of folders pair by SOP Instance UID, else by relative name. Exit 0: preserved, 1: not.
    Values are never printed, only their VR, length and the start of a digest.
    """
    from part15 import inspect_pairs

    comparison = inspect_pairs.compare(before, after)
    if as_json:
        from part15.inspect_pairs_report import document_of

        document = document_of(comparison, (before.name, after.name))
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    elif not quiet:
        _told(comparison)
    if not comparison.pairs.members and not comparison.only_before:
        click.echo("nothing was compared: there is no DICOM object in BEFORE", err=True)
        return 5
    return 0 if comparison.preserved else 1


def _told(comparison: Any) -> None:
    from part15 import inspect_pairs

    shown = 0
    for member in comparison.pairs.members:
        if member.seen.preserved and not member.seen.total:
            continue
        shown += 1
        if shown > _TOLD:
            continue
        click.echo(f"{member.subject}")
        for line in inspect_pairs.explained(member.seen):
            click.echo(f"  {line}")
    if shown > _TOLD:
        click.echo(f"... and {shown - _TOLD} more objects; see them with --json")
    for note in inspect_pairs.notes_of(comparison):
        click.echo(note)
    click.echo("preserved" if comparison.preserved else "NOT preserved")
