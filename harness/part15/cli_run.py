"""``part15 run``, ``judge``, ``peer`` and ``selftest``."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from part15.errors import TargetError

GATES = ("fail", "decided", "should")
PYTEST_USAGE = 4
"""pytest's exit code for an option it cannot use, such as a ``-k`` expression that does not parse."""
_RUN_FOLDER = click.Path(path_type=Path, exists=True)


def _plain(no_color: bool) -> None:
    if no_color:
        os.environ["NO_COLOR"] = "1"


@click.command()
@click.argument("target", required=False, type=click.Path(path_type=Path))
@click.option(
    "-p",
    "--profile",
    "profiles",
    multiple=True,
    help="Only this claimed profile, or a profile file of yours.",
)
@click.option("--edition", help="Judge every claim by this edition, e.g. 2023b.")
@click.option("-o", "--out", type=click.Path(path_type=Path, file_okay=False), help="Run folder.")
@click.option(
    "-k", "keyword", metavar="EXPR", help="Only cases whose id matches, e.g. 'B.12 and null'."
)
@click.option(
    "-m",
    "marks",
    metavar="EXPR",
    help="Only cases with marks, e.g. \"shall and role(name='tls-server')\".",
)
@click.option("-n", "workers", metavar="N", default="0", help="Workers (needs pytest-xdist).")
@click.option("-x", "first", is_flag=True, help="Stop at the first violation.")
@click.option("--lf", "last_failed", is_flag=True, help="Only what failed last time.")
@click.option(
    "--junitxml", type=click.Path(path_type=Path, dir_okay=False), help="Write JUnit XML too."
)
@click.option("--safe", is_flag=True, help="Send nothing stronger than 'observe': hellos only.")
@click.option("--resume", is_flag=True, help="Go on with the run folder given by -o.")
@click.option(
    "--stimulus",
    "stimuli",
    multiple=True,
    metavar="KEY",
    help="Only the cases of this stimulus: what 'reproduce' in a report says.",
)
@click.option(
    "--undecided", type=_RUN_FOLDER, metavar="RUN", help="Only what the older RUN left undecided."
)
@click.option(
    "--baseline",
    type=_RUN_FOLDER,
    metavar="RUN",
    help="Only what the older RUN did not have moves the exit code.",
)
@click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Drive nothing more after so long; the rest is inconclusive.",
)
@click.option(
    "--gate",
    type=click.Choice(GATES),
    default="decided",
    show_default=True,
    help="What moves the exit code.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print report.json on stdout and nothing else there."
)
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@click.option("-v", "--verbose", is_flag=True, help="One line per case.")
@click.option("--no-color", is_flag=True, help="No colours (as NO_COLOR).")
@click.argument("pytest_args", nargs=-1, type=click.UNPROCESSED)
def run_command(
    target: Path | None,
    profiles: tuple[str, ...],
    edition: str | None,
    out: Path | None,
    keyword: str | None,
    marks: str | None,
    workers: str,
    first: bool,
    last_failed: bool,
    junitxml: Path | None,
    safe: bool,
    resume: bool,
    stimuli: tuple[str, ...],
    undecided: Path | None,
    baseline: Path | None,
    budget: float | None,
    gate: str,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    no_color: bool,
    pytest_args: tuple[str, ...],
) -> int:
    """Plan, drive, judge and report.

    TARGET is a target file ('part15 init' writes one). Without it the embedded reference peer is
    tested on loopback. Other pytest options come after '--'.
    """
    _plain(no_color)
    if target is not None and str(target).startswith("-"):
        pytest_args, target = (str(target), *pytest_args), None
    options: list[str] = []
    if workers != "0":
        _need_xdist()
        options += ["-n", workers, "--dist", "loadfile"]
    for name in profiles:
        options += ["--part15-profile", name]
    for key in stimuli:
        options += ["--part15-stimulus", key]
    pairs = {
        "--part15-edition": edition,
        "--part15-out": out,
        "-k": keyword,
        "-m": marks,
        "--junitxml": junitxml,
        "--part15-undecided": undecided,
        "--part15-baseline": baseline,
        "--part15-budget": budget,
    }
    for option, value in pairs.items():
        if value is not None:
            options += [option, str(value)]
    flags = {"-x": first, "--lf": last_failed, "--part15-safe": safe, "--part15-resume": resume}
    options += [option for option, given in flags.items() if given]
    options += ["--part15-gate", gate]
    if resume and out is None:
        raise TargetError("--resume needs the run folder: add -o DIR")
    with _target_file(target) as path:
        from part15.cli_live import Picture

        picture = Picture(
            quiet=quiet or as_json, verbose=verbose, gate=gate, command=tuple(sys.argv[1:])
        )
        code, said = _pytest(
            [*options, "--part15-target", str(path), *pytest_args], picture, shown=bool(pytest_args)
        )
    if picture.run is None or picture.run.document is None or code == PYTEST_USAGE:
        if picture.run is not None and not resume:
            picture.run.discard()
        lines = [line.removeprefix("ERROR: ") for line in said.splitlines() if line.strip()]
        raise click.ClickException(
            "\n".join(lines) or f"pytest ended with {code} before anything was judged"
        )
    if as_json:
        click.echo(json.dumps(picture.run.document, indent=2, ensure_ascii=False))
    elif not quiet:
        show(picture.run.document, picture.run.folder)
    status = picture.run.exit_status
    return 3 if status is None else status


def show(document: dict[str, Any], folder: Path | None) -> None:
    """Print the terminal summary of *document*, and where the rest is if *folder* holds it."""
    from part15.report import writer_of

    writer_of("terminal")(document, sys.stdout)
    page = folder / "report.html" if folder else None
    if page is not None and page.is_file():
        click.echo(f"Report: {page}")


def _need_xdist() -> None:
    try:
        import xdist
    except ImportError:
        raise TargetError("-n needs pytest-xdist: pip install pytest-xdist") from None
    del xdist


@contextlib.contextmanager
def _target_file(target: Path | None) -> Iterator[Path]:
    """Yield *target*, or the target file of an embedded peer that runs meanwhile."""
    if target is not None:
        yield target
        return
    from part15.peers.embedded import embedded_target

    with (
        tempfile.TemporaryDirectory(prefix="part15-peer-") as folder,
        embedded_target(Path(folder)) as path,
    ):
        yield path


def _pytest(options: list[str], picture: Any, *, shown: bool) -> tuple[int, str]:
    """Run pytest on the suites; returns its exit code and what it said on stderr."""
    import pytest

    from part15 import content

    suites = content.folder("suites")
    said = io.StringIO()
    with tempfile.TemporaryDirectory(prefix="part15-pytest-") as scratch:
        ini = Path(scratch) / "pytest.ini"
        ini.write_text("[pytest]\naddopts = --import-mode=importlib\n", encoding="utf-8")
        cache = Path.cwd() / "conformance" / ".cache"
        fixed = [str(suites), "-c", str(ini), "--rootdir", str(suites.parent), "-s", "-W", "ignore"]
        fixed += ["-o", f"cache_dir={cache}"]
        outlet: Any = sys.stderr if shown else io.StringIO()
        with contextlib.redirect_stdout(outlet), _stderr(said, shown=shown):
            code = pytest.main([*fixed, *options], plugins=[picture])
    return int(code), said.getvalue()


@contextlib.contextmanager
def _stderr(said: io.StringIO, *, shown: bool) -> Iterator[None]:
    if shown:
        yield
        return
    with contextlib.redirect_stderr(said):
        yield


@click.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--edition", help="Judge by another edition.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the new report here.",
)
@click.option("--gate", type=click.Choice(GATES), default="decided", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the new report.json on stdout.")
def judge_command(
    run: Path, edition: str | None, out: Path | None, gate: str, as_json: bool
) -> int:
    """Repeat judge and report from the stored RUN, without its target.

    The stored run is not changed; -o writes the new report into another folder.
    """
    from part15.report.build import to_text
    from part15.report.conclude import exit_code
    from part15.run_again import rejudge
    from part15.run_files import write_report

    document = rejudge(run, edition=edition)
    if out is not None:
        if out.exists() and any(out.iterdir()):
            raise TargetError(f"the folder {out} is not empty")
        out.mkdir(parents=True, exist_ok=True)
        write_report(out, document)
    if as_json:
        click.echo(to_text(document), nl=False)
    else:
        show(document, out)
        if out is None:
            click.echo("Nothing was written; -o DIR writes the new report.")
    return exit_code(document, gate)


@click.command()
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME",
    help="Deviate in this way (repeatable; 'part15 list faults').",
)
@click.option(
    "--port-base", type=click.IntRange(1, 65000), help="First port; default: any free ones."
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the target file and certificates go.",
)
def peer_command(faults: tuple[str, ...], port_base: int | None, out: Path | None) -> int:
    """Run the embedded reference peer until interrupted (Ctrl-C).

    It prints the path of a target file that describes it, for 'part15 run TARGET'.
    """
    from part15.peers.embedded import embedded_target, wait_for_interrupt

    folder = out or Path(tempfile.mkdtemp(prefix="part15-peer-"))
    with embedded_target(folder, faults=faults, port_base=port_base) as path:
        click.echo(
            f"The reference peer runs{' with ' + ', '.join(faults) if faults else ''}.", err=True
        )
        click.echo(f"Test it from another terminal with: part15 run {path}", err=True)
        click.echo(str(path))
        wait_for_interrupt()
    return 0


@click.command()
@click.option("-p", "--profile", "profiles", multiple=True, help="Only this profile.")
@click.option("--full", is_flag=True, help="Every fault against every family.")
@click.option("--json", "as_json", is_flag=True, help="Print the matrix as JSON.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the matrix (JSON) here too.",
)
def selftest_command(profiles: tuple[str, ...], full: bool, as_json: bool, out: Path | None) -> int:
    """Prove that a green run could have been red: every fault of the peer against every check."""
    from part15 import selftest

    matrix = selftest.run(
        profiles, full=full, progress=None if as_json else lambda line: click.echo(line, err=True)
    )
    document = selftest.to_document(matrix)
    if out is not None:
        out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if as_json:
        click.echo(json.dumps(document, indent=2))
    else:
        click.echo(selftest.to_text(matrix))
    return 0 if matrix.sound else 1
