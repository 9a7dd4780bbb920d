"""Working with many runs: a baseline, the undecided alone, and a budget of time."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from part15.errors import InputError, TargetError
from part15.peers.embedded import embedded_target
from part15.report.conclude import exit_code
from part15.run_selection import Baseline, Selection, undecided_in

FEW = "B.12-cs or no-tls10"


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


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with embedded_target(tmp_path_factory.mktemp("peer"), faults=("keeps_tls10",)) as path:
        yield path


@pytest.fixture(scope="module")
def old(target: Path) -> Path:
    done = part15("run", target, "-o", "old", "-q", "-k", FEW, cwd=target.parent)
    assert done.returncode == 1, done.stderr
    return target.parent / "old"


def test_what_failed_before_does_not_gate_and_nothing_else_changes(target: Path, old: Path) -> None:
    done = part15("run", target, "-o", "new", "-k", FEW, "--baseline", old, cwd=target.parent)
    assert done.returncode == 0, done.stderr
    new = report(target.parent / "new")
    assert {r["case"]: r["verdict"] for r in new["results"]} == {
        r["case"]: r["verdict"] for r in report(old)["results"]
    }
    assert "fail" in {r["verdict"] for r in new["results"]}


def changed(document: dict[str, Any], before: str, after: str) -> dict[str, Any]:
    made = copy.deepcopy(document)
    row = next(r for r in made["results"] if r["verdict"] == before)
    row["verdict"] = after
    return made


@pytest.mark.parametrize(
    ("before", "after", "gate", "code"),
    [
        ("fail", "pass", "decided", 0),
        ("pass", "fail", "decided", 1),
        ("pass", "fail", "fail", 1),
        ("pass", "warn", "decided", 0),
        ("pass", "warn", "should", 1),
        ("pass", "inconclusive", "decided", 6),
        ("pass", "inconclusive", "fail", 0),
        ("pass", "error", "fail", 3),
        ("fail", "error", "decided", 3),
    ],
)
def test_only_what_is_new_moves_the_code(
    old: Path, before: str, after: str, gate: str, code: int
) -> None:
    document = report(old)
    assert Baseline(document).exit_code(changed(document, before, after), gate) == code


def test_what_says_nothing_of_the_product_is_no_success(old: Path) -> None:
    stopped, empty = copy.deepcopy(report(old)), copy.deepcopy(report(old))
    stopped["run"]["interrupted"] = True
    empty["results"], empty["summary"]["executed"] = [], 0
    assert Baseline(report(old)).exit_code(stopped, "decided") == exit_code(stopped) == 2
    assert Baseline(report(old)).exit_code(empty, "decided") == exit_code(empty) == 5


@pytest.mark.parametrize("option", ["--baseline", "--undecided"])
def test_an_older_run_must_be_one(target: Path, tmp_path: Path, option: str) -> None:
    (tmp_path / "report.json").write_text("{}")
    done = part15("run", target, option, tmp_path, "-o", tmp_path / "out", cwd=tmp_path)
    assert done.returncode == 4
    assert "report.json" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def short(target: Path) -> Path:
    few = ("-k", FEW, "--budget", 0.000001)
    done = part15("run", target, "-o", "short", *few, cwd=target.parent)
    assert "Give the run more time" in done.stdout
    return target.parent / "short"


def test_a_budget_leaves_the_rest_undecided(short: Path) -> None:
    late = [r for r in report(short)["results"] if r["stimulus"]]
    assert late
    assert {r["verdict"] for r in late} == {"inconclusive"}
    assert all("time budget" in r["message"] for r in late)


def test_the_undecided_are_run_alone_also_by_workers(target: Path, short: Path) -> None:
    for name, workers in (("one", 0), ("two", 2)):
        rest = ("-n", workers, "--undecided", short)
        done = part15("run", target, "-o", name, *rest, cwd=target.parent)
        assert done.returncode == 1, done.stderr
        again = report(target.parent / name)
        assert {r["case"] for r in again["results"]} == set(undecided_in(report(short)))
        assert not any("time budget" in r["message"] for r in again["results"])
        assert again["run"]["selection"] == "undecided in short"


def test_a_selection_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="no case of this plan"):
        Selection.of(["tls.offer-00000000"], None, ())
    with pytest.raises(InputError):
        Baseline.of(tmp_path / "nothing")
    assert Selection.of((), None, ()).whole
