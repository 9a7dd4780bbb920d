"""``part15 run`` as users and their scripts see it: folders, codes, workers, resuming, other people's repositories."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from part15.peers.embedded import embedded_target
from part15.toml_writing import toml_text

FEW = "B.12-cs or B.12-port or GEN-6"


def part15(*args: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "part15", *map(str, args)],
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1", **environment},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with embedded_target(tmp_path_factory.mktemp("peer")) as path:
        yield path


@pytest.fixture(scope="module")
def finished(target: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "out"
    done = part15("run", target, "-o", folder, "-k", FEW, cwd=folder.parent)
    assert (folder / "report.json").is_file(), done.stderr
    return folder


def report(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return document


def comparable(document: dict[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in document.items() if k not in ("run", "tool", "sent", "evidence")}
    for row in kept["results"]:
        row.pop("durationMs")
    return kept


def test_the_run_folder_is_whole(finished: Path) -> None:
    names = {p.name for p in finished.iterdir()}
    assert {
        "report.json",
        "plan.json",
        "results.jsonl",
        "target.toml",
        "report.html",
        "SHA256SUMS",
    } <= names
    sums = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=finished, capture_output=True, check=False
    )
    assert sums.returncode == 0
    lines = (finished / "results.jsonl").read_text().splitlines()
    assert len(lines) == len(report(finished)["results"])


def test_a_selection_never_makes_a_claim_conformant(finished: Path) -> None:
    (claim,) = report(finished)["claims"]
    assert claim["conclusion"] == "not-established"
    assert claim["total"] > claim["decided"] > 0


def test_judging_again_gives_the_same_document(finished: Path) -> None:
    done = part15("judge", finished, "--json", cwd=finished.parent)
    assert json.loads(done.stdout) == report(finished)


def test_workers_give_the_same_report(finished: Path, target: Path, tmp_path: Path) -> None:
    part15("run", target, "-o", tmp_path / "two", "-k", FEW, "-n", 2, cwd=tmp_path)
    assert comparable(report(tmp_path / "two")) == comparable(report(finished))
    assert not list((tmp_path / "two").glob(".evidence*"))


def test_a_folder_with_a_run_is_not_overwritten(finished: Path, target: Path) -> None:
    before = (finished / "report.json").read_bytes()
    done = part15("run", target, "-o", finished, cwd=finished.parent)
    assert done.returncode == 4
    assert "is not empty" in done.stderr
    assert (finished / "report.json").read_bytes() == before


def test_a_killed_run_is_resumed(finished: Path, target: Path, tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    folder.mkdir()
    lines = (finished / "results.jsonl").read_text().splitlines()
    (folder / "results.jsonl").write_text("\n".join(lines[:3]) + "\n" + lines[3][:40])
    part15("run", target, "-o", folder, "--resume", "-k", FEW, cwd=tmp_path)
    assert comparable(report(folder)) == comparable(report(finished))


def test_nothing_executed_is_never_success(target: Path, tmp_path: Path) -> None:
    done = part15("run", target, "-o", tmp_path / "none", "-k", "no_such_case", cwd=tmp_path)
    assert done.returncode == 5
    assert report(tmp_path / "none")["claims"][0]["conclusion"] == "not-established"


def test_an_expression_that_does_not_parse_leaves_nothing_behind(
    target: Path, tmp_path: Path
) -> None:
    done = part15("run", target, "-o", tmp_path / "none", "-k", "((", cwd=tmp_path)
    assert done.returncode == 4, done.stdout
    assert "-k" in done.stderr
    assert not (tmp_path / "none").exists()


def test_json_on_stdout_and_nothing_else(target: Path, tmp_path: Path) -> None:
    done = part15("run", target, "-o", tmp_path / "j", "-k", "B.12-cs-port", "--json", cwd=tmp_path)
    assert json.loads(done.stdout) == report(tmp_path / "j")


def test_junit_is_pytests_own(target: Path, tmp_path: Path) -> None:
    part15(
        "run",
        target,
        "-o",
        tmp_path / "x",
        "-k",
        "B.12-cs-port",
        "--junitxml",
        tmp_path / "j.xml",
        cwd=tmp_path,
    )
    text = (tmp_path / "j.xml").read_text()
    assert 'name="test_clause[B.12-cs-port:tls-server]"' in text
    assert '<property name="verdict" value="pass"' in text


SITE = """
profile: site-ports
title: Ports of our hospital
section: site
family: secure_transport
editions: ['2001', null]
claimable: true
roles: [tls-server]
clauses:
  - id: SITE-port
    section: site
    editions: ['2001', null]
    level: shall
    roles: [tls-server]
    text: The TLS port is declared.
    stimulus: {statement.read: {keys: [tls-bcp195-rfc8996.ports]}}
    check: statement.declares
"""


def test_a_site_profile_by_path(target: Path, tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE)
    done = part15("run", target, "-o", tmp_path / "s", "-p", "site.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    claims = report(tmp_path / "s")["claims"]
    assert [(c["profile"], c["conclusion"]) for c in claims] == [("site-ports", "conformant")]
    assert report(tmp_path / "s")["policies"] == []
    again = part15("judge", tmp_path / "s", "--json", cwd=tmp_path)
    assert json.loads(again.stdout)["results"] == report(tmp_path / "s")["results"]


def test_a_site_profile_that_does_not_bind_is_refused(target: Path, tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE.replace("declares", "declare"))
    done = part15("run", target, "-o", tmp_path / "s", "-p", "site.yaml", cwd=tmp_path)
    assert done.returncode == 4
    assert "site.yaml:17:12" in done.stderr
    assert "did you mean 'statement.declares'" in done.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["run", "nope.toml"], "nope.toml: cannot be read"),
        (["run", "broken.toml"], "broken.toml:1:8: is not valid TOML"),
        (["run", "-p", "nope.yaml"], "there is no profile file nope.yaml"),
        (["run", "--bogus"], "No such option"),
        (["bogus"], "No such command"),
        (["explain", "B.12-no-nul"], "did you mean 'B.12-no-null'"),
        (["judge", "."], "is not a finished run"),
        (["peer", "--fault", "keeps_tls1"], "there is no fault 'keeps_tls1'"),
        (["run", "--resume"], "--resume needs the run folder"),
        (["lint", "broken.toml"], "broken.toml"),
        (["init", "--peer", "dcmtkk"], "did you mean 'dcmtk'"),
    ],
)
def test_wrong_use_is_one_message_and_code_4(args: list[str], said: str, tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text("[target\n")
    done = part15(*args, cwd=tmp_path)
    assert done.returncode == 4, done.stderr
    assert said in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["broken.toml"]


def test_a_dead_target_is_code_3_and_no_pass(tmp_path: Path) -> None:
    document = {
        "target": {"name": "dead", "edition": "2023b"},
        "claims": {"tls-bcp195-rfc8996": ["tls-server"]},
        "endpoints": {"tls": {"address": "127.0.0.1:1"}},
    }
    (tmp_path / "dead.toml").write_text(toml_text(document))
    done = part15("run", "dead.toml", "-o", "out", "-k", "tls12 or no-null", cwd=tmp_path)
    assert done.returncode == 3, done.stdout
    words = {r["verdict"] for r in report(tmp_path / "out")["results"]}
    assert "pass" not in words
    assert "fail" not in words
    assert "error" in words


CONFTEST = """
import pytest

@pytest.fixture(scope="session")
def part15_target(part15_target):
    return part15_target
"""


def test_a_vendors_own_repository(target: Path, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_conformance.py").write_text("from part15.pytest_plugin import test_clause\n")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"--part15-target={target}",
            f"--part15-out={tmp_path / 'out'}",
            "-k",
            "B.12-cs-port or B.12-cs-key",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr
    assert len(report(tmp_path / "out")["results"]) == 2


def test_the_plugin_is_inert_without_a_target(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text("def test_mine():\n    assert True\n")
    code = (
        "import sys, pytest; code = pytest.main(['-q', '-p', 'no:cacheprovider']);"
        "heavy = {'pydicom', 'pynetdicom', 'cryptography', 'pydantic', 'lxml'} & set(sys.modules);"
        "assert not heavy, heavy; sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_interrupt_writes_the_report(target: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "part15", "run", str(target), "-o", "out", "-v"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with process.stderr:
        for line in process.stderr:
            if line.startswith(("pass", "info", "warn", "inconclusive")):
                break
        process.send_signal(signal.SIGINT)
        process.stderr.read()
    assert process.wait(60) == 2
    document = report(tmp_path / "out")
    assert document["run"]["interrupted"] is True
    assert document["results"]
    assert document["claims"][0]["conclusion"] == "not-established"
