"""``part15 report`` and ``part15 statement``: render, verify, sign and compare runs; draft and check statements."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import click

from part15.errors import InputError
from part15.report import FORMATS, seal, writer_of
from part15.report.buckets import TITLES
from part15.report.build import to_text
from part15.report.stored import read

_RUN = click.Path(path_type=Path, exists=True)
_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_OUT = click.Path(path_type=Path, dir_okay=False)

NOT_INTACT = 3
"""Exit code when a run folder is not what was written: nothing in it can be relied on."""


class RunOrCommand(click.Group):
    """A group whose first word may also be a run, which is then given to its hidden command ``run``."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that *args* begin with, else ``run`` with all of *args*."""
        if args and args[0] in self.commands and args[0] != "run":
            return super().resolve_command(ctx, args)
        return "run", self.commands["run"], args


_LOOSE = {"ignore_unknown_options": True, "allow_interspersed_args": False}


@click.group(
    cls=RunOrCommand,
    context_settings=_LOOSE,
    subcommand_metavar="RUN [OPTIONS] | COMMAND [ARGS]...",
)
def report_command() -> None:
    """Render the report of RUN, or verify, sign, bundle and compare runs.

    \b
    part15 report RUN --format html -o FILE   another format of the same report
    part15 report RUN --sign KEY --cert CERT  sign the run
    part15 report verify RUN                  is every file as it was written?
    part15 report diff OLD NEW                what is new, fixed, still failing
    part15 report bundle RUN -o FILE.zip      all a connectathon monitor needs
    """  # noqa: D301 - click reads the backspace


@report_command.command("run", hidden=True)
@click.argument("run", type=_RUN)
@click.option(
    "--format",
    "kind",
    type=click.Choice(sorted(FORMATS)),
    help="The format; default: the terminal summary.",
)
@click.option("-o", "--out", type=_OUT, help="Write here instead of to stdout.")
@click.option(
    "--sign",
    "key",
    type=_FILE,
    metavar="KEY",
    help="Sign the run with this private key (PEM, RSA or EC).",
)
@click.option("--cert", type=_FILE, metavar="CERT", help="The certificate of KEY (PEM).")
@click.option("--password-file", type=_FILE, help="The file with the password of KEY.")
def _render(
    run: Path,
    kind: str | None,
    out: Path | None,
    key: Path | None,
    cert: Path | None,
    password_file: Path | None,
) -> int:
    """Render RUN, a run folder or its report.json, in a format."""
    if key is not None or cert is not None:
        if key is None or cert is None:
            raise click.UsageError("--sign KEY and --cert CERT go together")
        _sign(run, key, cert, password_file)
        if kind is None and out is None:
            return 0
    document = read(run)
    if out is None:
        writer_of(kind or "terminal")(document, sys.stdout)
        return 0
    inside = run.is_dir() and out.resolve().is_relative_to(run.resolve())
    if inside:
        _must_be_open(run, out)
    writer_of(kind or "terminal")(document, out)
    if inside:
        seal.seal(run)
    return 0


def _must_be_open(run: Path, out: Path) -> None:
    """Refuse to change a run that is signed, or is not intact, and any file that it is made of."""
    if (
        out.name in {"report.json", "plan.json", "results.jsonl", "target.toml", *seal.SEALS}
        or "evidence" in out.parts
    ):
        raise InputError(f"{out} is part of the run itself; write to another name")
    found = seal.verify(run)
    if found.signer:
        raise InputError(f"{run} is signed, so nothing is added to it; write outside of it")
    if found.problems:
        raise InputError(
            f"{run} is not as it was written ({found.problems[0]}); write outside of it"
        )


def _sign(run: Path, key: Path, cert: Path, password_file: Path | None) -> None:
    from part15.report.signature import fingerprint, sign

    if not run.is_dir():
        raise InputError(f"{run} is no run folder; only a whole run can be signed")
    found = seal.verify(run)
    if found.problems:
        raise InputError(
            f"{run} is not signed, since it is not as it was written: {found.problems[0]}"
        )
    password = password_file.read_bytes().rstrip(b"\r\n") if password_file else None
    sign(b"", key, cert, password)
    document = read(run)
    document["integrity"]["signature"] = seal.SIGNATURE
    document["integrity"]["signerFingerprint"] = fingerprint(cert)
    (run / "report.json").write_text(to_text(document), encoding="utf-8")
    if (run / "report.html").is_file():
        writer_of("html")(document, run / "report.html")
    last = seal.seal(run)
    (run / seal.SIGNATURE).write_bytes(sign((run / seal.SUMS).read_bytes(), key, cert, password))
    click.echo(f"signed; the seal of the run is {last}", err=True)


@report_command.command("verify")
@click.argument("run", type=_FOLDER)
@click.option(
    "--cert",
    type=_FILE,
    metavar="CERT",
    help="The certificate that must have signed the run (PEM).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def _verify(run: Path, cert: Path | None, as_json: bool) -> int:
    """Check that RUN is as it was written; exit 3 if not."""
    found = seal.verify(run, cert)
    if as_json:
        outcome = {
            "intact": not found.problems,
            "problems": list(found.problems),
            "files": found.files,
            "seal": found.seal,
            "signer": found.signer or None,
            "trusted": found.trusted,
        }
        click.echo(json.dumps(outcome, indent=2))
        return NOT_INTACT if found.problems else 0
    for problem in found.problems:
        click.echo(problem)
    if found.problems:
        return NOT_INTACT
    click.echo(f"{found.files} files are as they were written; seal {found.seal}")
    if found.signer:
        told = (
            "which you trust" if found.trusted else "give --cert to say which certificate you trust"
        )
        click.echo(f"signed with the certificate {found.signer} ({told})")
    return 0


@report_command.command("diff")
@click.argument("old", type=_RUN)
@click.argument("new", type=_RUN)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def _diff(old: Path, new: Path, as_json: bool) -> int:
    """Compare two runs by case.

    Exit 1 if something newly fails, 6 if something is no longer decided, else 0.
    """
    from part15.report import diff

    comparison = diff.compare(read(old), read(new))
    click.echo(
        json.dumps(comparison, indent=2, ensure_ascii=False)
        if as_json
        else diff.render(comparison).rstrip()
    )
    return diff.exit_code(comparison)


@report_command.command("bundle")
@click.argument("run", type=_FOLDER)
@click.option("-o", "--out", type=_OUT, required=True, metavar="FILE.zip", help="The zip to write.")
@click.option("--phi", is_flag=True, help="Take along evidence that may hold patient data.")
def _bundle(run: Path, out: Path, phi: bool) -> int:
    """Pack RUN into a zip for a monitor.

    It holds the report, the evidence, the seals, the GITB form, and a page that says where what is.
    """
    from part15.report.bundle import bundle

    told = bundle(run, out, phi=phi)
    left = f", {told['leftOut']} with possible patient data left out" if told["leftOut"] else ""
    click.echo(f"{out}: {told['files']} files of the run{left}", err=True)
    return 0


@click.group(
    cls=RunOrCommand, context_settings=_LOOSE, subcommand_metavar="RUN [OPTIONS] | check FILE RUN"
)
def statement_command() -> None:
    """Draft the Security section of a Conformance Statement from RUN, or check an existing one.

    \b
    part15 statement RUN -o security.md    draft it; hand edits in the file stay
    part15 statement target.toml           draft it from declarations alone
    part15 statement check STATEMENT RUN   what it lacks, what is wrong or old
    """  # noqa: D301 - click reads the backspace


@statement_command.command("run", hidden=True)
@click.argument("run", type=_RUN)
@click.option(
    "-o",
    "--out",
    type=_OUT,
    help="Write here; the ending .md, .html, .docx or .json says the form.",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(("markdown", "html", "json")),
    help="Default: by the ending of -o, else markdown.",
)
@click.option(
    "--template",
    type=click.Choice(("A.7", "N")),
    default="A.7",
    show_default=True,
    help="The skeleton of PS3.2.",
)
def _draft(run: Path, out: Path | None, kind: str | None, template: str) -> int:
    """Draft the Security section from RUN, a run folder, its report.json or a target file."""
    from part15.report import statement_text
    from part15.report.statement import draft

    made = draft(_document(run), template)
    if out is not None and out.suffix.lower() == ".docx" and kind is None:
        from part15.report.statement_docx import docx

        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(docx(made))
        return 0
    forms = {".html": "html", ".htm": "html", ".json": "json"}
    kind = kind or forms.get(out.suffix.lower() if out else "", "markdown")
    renders = {
        "html": statement_text.html,
        "json": statement_text.to_json,
        "markdown": statement_text.markdown,
    }
    if out is None:
        click.echo(renders[kind](made), nl=False)
        return 0
    if kind == "markdown" and out.is_file():
        text, kept = statement_text.merge(out.read_text(encoding="utf-8"), made)
        for name in kept:
            click.echo(
                f"{name} was edited by hand and kept; what the run says of it has changed", err=True
            )
    else:
        text = renders[kind](made)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    open_ones = sum(e["provenance"] == "not determined" for e in made["entries"])
    wrong = sum(e["provenance"] == "contradiction" for e in made["entries"])
    click.echo(
        f"{out}: {len(made['entries'])} rows, {open_ones} not determined, {wrong} contradictions",
        err=True,
    )
    return 0


def _document(run: Path) -> dict[str, Any]:
    """Return the report of *run*; of a target file, one in which nothing was judged."""
    if run.suffix != ".toml":
        return read(run)
    from part15.load import load_profiles
    from part15.model import Plan
    from part15.report.build import build
    from part15.report.facts import EndpointFacts, RunFacts, TargetFacts
    from part15.target import Endpoint, Listener
    from part15.target_file import load_target

    target = load_target(run)
    points: list[Endpoint | Listener] = [*target.endpoints.values(), *target.listeners.values()]
    facts = RunFacts(
        id="",
        started="",
        ended="",
        endpoints=tuple(EndpointFacts.of(p, state="not determined") for p in points),
    )
    return build(facts, Plan(target.claimed(), ()), [], load_profiles(), TargetFacts.of(target))


@statement_command.command("check")
@click.argument("file", type=_FILE)
@click.argument("run", type=_RUN)
@click.option("--json", "as_json", is_flag=True, help="Print the remarks as JSON.")
def _check(file: Path, run: Path, as_json: bool) -> int:
    """Check the statement FILE against RUN.

    FILE is Markdown, text or DOCX; told is what it lacks, what RUN contradicts, what is outdated.

    Exit 1 if there is any of these, 6 if it only claims what was not shown, else 0.
    """
    from part15.load import load_profiles
    from part15.report import statement_check
    from part15.report.statement import draft

    document, profiles = read(run), load_profiles()
    text = statement_check.read_text(file)
    remarks = statement_check.check(text, draft(document), document, profiles)
    lists = statement_check.buckets(text, document, profiles)
    if as_json:
        told = {"remarks": [dataclasses.asdict(r) for r in remarks], "buckets": lists}
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return statement_check.exit_code(remarks)
    for kind, title in statement_check.TITLES.items():
        own = [r for r in remarks if r.kind == kind]
        if own:
            click.echo(f"{title} ({len(own)})")
        for remark in own:
            line = f"line {remark.line}, " if remark.line else ""
            click.echo(f"  {line}{remark.id}: {remark.message}")
    for key, title in TITLES.items():
        click.echo(f"{title}: {', '.join(lists[key]) or 'nothing'}")
    return statement_check.exit_code(remarks)
