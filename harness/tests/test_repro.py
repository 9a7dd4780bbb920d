"""The command that a report gives for a result drives that one stimulus again."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from part15.peers.embedded import embedded_target
from part15.report import markdown, terminal, writer_of
from part15.report.repro import reproduce

KEY = "tls.offer-0290806c"


def part15(*args: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "part15", *map(str, args)],
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def report(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return document


@pytest.mark.parametrize(
    ("command", "again"),
    [
        ("part15 run pacs.toml", "part15 run pacs.toml"),
        ("part15 run", "part15 run"),
        ("part15 run -o out -k 'B.12 and null' -n 2 pacs.toml -q", "part15 run pacs.toml"),
        (
            "part15 run pacs.toml -p tls-x --edition=2023b --safe --gate fail -- --maxfail=1",
            "part15 run pacs.toml -p tls-x --edition 2023b --safe",
        ),
        (
            "part15 run pacs.toml --stimulus a.b-1 --profile site.yaml",
            "part15 run pacs.toml -p site.yaml",
        ),
        ("part15 run 'my pacs.toml'", "part15 run 'my pacs.toml'"),
        ("pytest --part15-target=x.toml", "part15 run target.toml"),
    ],
)
def test_what_made_the_plan_is_kept_and_the_rest_is_not(command: str, again: str) -> None:
    assert reproduce(shlex.split(command), "target.toml", KEY) == f"{again} --stimulus {KEY}"


def test_what_was_not_driven_has_no_command() -> None:
    assert reproduce(["part15", "run", "x.toml"], "x.toml", "") == ""
    assert reproduce(["part15", "inspect", "a.dcm"], "x.toml", KEY) == ""


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with embedded_target(tmp_path_factory.mktemp("peer"), faults=("keeps_tls10",)) as path:
        yield path


@pytest.fixture(scope="module")
def finished(target: Path) -> Path:
    done = part15("run", target.name, "-o", "out", "-k", "B.12-cs or no-tls10", cwd=target.parent)
    assert done.returncode == 1, done.stderr
    assert "reproduce: part15 run target.toml --stimulus " in done.stdout
    return target.parent / "out"


def test_the_command_repeats_the_verdict_and_nothing_else(target: Path, finished: Path) -> None:
    failed = next(r for r in report(finished)["results"] if r["verdict"] == "fail")
    words = shlex.split(failed["reproduce"])
    assert words[:3] == ["part15", "run", target.name]
    done = part15(*words[1:], "-o", "again", cwd=target.parent)
    assert done.returncode == 1, done.stderr
    again = report(target.parent / "again")
    assert {r["stimulus"] for r in again["results"]} == {failed["stimulus"]}
    assert {p.name for p in (target.parent / "again" / "evidence").iterdir()} == {
        failed["stimulus"]
    }
    (same,) = [r for r in again["results"] if r["case"] == failed["case"]]
    assert (same["verdict"], same["message"]) == ("fail", failed["message"])
    assert same["reproduce"] == failed["reproduce"]
    assert again["run"]["selection"] == f"stimulus {failed['stimulus']}"


def test_every_driven_result_has_its_command_and_writers_show_it(finished: Path) -> None:
    document = report(finished)
    for result in document["results"]:
        assert bool(result["reproduce"]) == bool(result["stimulus"]), result["case"]
    failed = next(r for r in document["results"] if r["verdict"] == "fail")
    assert failed["reproduce"] in terminal.render(document)
    assert failed["reproduce"] in markdown.render(document)
    page, junit = finished.parent / "page.html", finished.parent / "junit.xml"
    writer_of("html")(document, page)
    writer_of("junit")(document, junit)
    assert failed["reproduce"] in page.read_text()
    assert failed["reproduce"] in junit.read_text()


def test_judging_again_gives_the_same_commands(finished: Path) -> None:
    done = part15("judge", finished, "--json", cwd=finished.parent)
    assert json.loads(done.stdout) == report(finished)


def test_an_unknown_stimulus_is_refused_with_the_nearest(target: Path, finished: Path) -> None:
    key = next(r["stimulus"] for r in report(finished)["results"] if r["stimulus"])
    done = part15("run", target, "--stimulus", key[:-1], "-o", "none", cwd=target.parent)
    assert done.returncode == 4
    assert f"did you mean '{key}'" in done.stderr
    assert not (target.parent / "none").exists()
