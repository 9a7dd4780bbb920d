"""``part15 inspect`` on many files: a pool of processes, interrupts, resuming, progress; memory with many files."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from part15 import cli_files, cli_progress, inspect_pool
from part15.channel import reading
from part15.channel.files import InspectedFile
from part15.channel.reading import Desk, Reading
from part15.errors import TargetError
from part15.inspect import Request, inspect
from part15.inspect_resume import MARKS, ROWS
from part15.peers import media_samples

VECTORS = Path(__file__).parent / "vectors"
FULL = os.environ.get("PART15_SCALE") == "full"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of every family, a link, a broken one, text, with sub-folders; some are there twice."""
    root = tmp_path / "in"
    every = [p for p in sorted(VECTORS.rglob("*")) if p.is_file() and p.stat().st_size < 1 << 18]
    for number, path in enumerate(every[:: max(1, len(every) // 110)]):
        place = root / f"{number % 7}"
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place / f"{number:03}-{path.name}")
    for name in ("phi-mr", "phi-sr"):
        shutil.copy(VECTORS / "deid" / f"{name}.repaired.dcm", root / f"{name}.dcm")
    (root / "cut").write_bytes(media_samples.image(1)[:-10])
    (root / "link").symlink_to(root / "cut")
    return root


def same(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out what differs between any two runs."""
    kept = {k: v for k, v in document.items() if k not in ("run", "seal")}
    return {**kept, "notes": document["run"]["notifications"]}


def rows(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / ROWS).read_text("utf-8").splitlines()]


def without_hashes(found: list[dict[str, Any]]) -> list[str]:
    """Return the rows without the salted hashes, which are of one run."""
    return [json.dumps({k: v for k, v in row.items() if k != "findings"}) for row in found]


@contextlib.contextmanager
def same_salt(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(reading.os, "urandom", lambda n: b"s" * n)
        yield


def test_a_pool_comes_to_the_same_report(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with same_salt(monkeypatch):
        alone = inspect(Request((folder,), out=tmp_path / "a", workers=0))
        pooled = inspect(Request((folder,), out=tmp_path / "b", workers=2))
    assert same(alone) == same(pooled)
    assert rows(tmp_path / "a") == rows(tmp_path / "b")
    families = {r["clause"].split("-")[0] for r in alone["results"]}
    assert len(families) > 4
    assert not (tmp_path / "a" / MARKS).exists()


@pytest.mark.parametrize("workers", [0, 2])
def test_an_interrupted_inspection_goes_on_without_judging_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    out = tmp_path / "out"
    judged: list[str] = []
    stops = [40]

    def watch(done: int, name: str) -> None:
        judged.append(name)
        if stops and done >= stops[0]:
            stops.pop()
            os.kill(os.getpid(), signal.SIGINT)

    with same_salt(monkeypatch):
        whole = inspect(Request((folder,), out=tmp_path / "whole", workers=0))
        first = inspect(Request((folder,), out=out, workers=workers), watch)
        assert first["run"]["exitStatus"] == 2
        done = len(rows(out))
        assert 0 < done < len(rows(tmp_path / "whole"))
        assert (out / MARKS).stat().st_mode & 0o077 == 0
        before, judged[:] = set(judged), []
        second = inspect(Request((folder,), out=out, workers=workers, resume=True), watch)
    assert len(before & set(judged)) <= 1
    assert second["run"]["exitStatus"] == whole["run"]["exitStatus"]
    assert same(second) == same(whole)
    assert rows(out) == rows(tmp_path / "whole")
    assert not (out / MARKS).exists()
    with pytest.raises(TargetError, match="is finished"):
        inspect(Request((folder,), out=out, resume=True))


def interrupted(folder: Path, out: Path, after: int) -> None:
    def stop(done: int, _name: str) -> None:
        if done == after:
            raise KeyboardInterrupt

    inspect(Request((folder,), out=out, workers=0), stop)


def test_a_file_that_changed_since_is_judged_again(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    interrupted(folder, out, 60)
    name = rows(out)[20]["subject"].partition("!")[0]
    (folder / name).write_bytes(media_samples.image(1))
    second = inspect(Request((folder,), out=out, workers=0, resume=True))
    whole = inspect(Request((folder,), out=tmp_path / "whole", workers=0))
    assert without_hashes(rows(out)) == without_hashes(rows(tmp_path / "whole"))
    assert [(r["case"], r["verdict"]) for r in second["results"]] == [
        (r["case"], r["verdict"]) for r in whole["results"]
    ]


def test_a_sudden_end_loses_at_most_the_last_line(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    interrupted(folder, out, 60)
    marks = (out / MARKS).read_bytes()
    (out / MARKS).write_bytes(marks[:-30])
    with (out / ROWS).open("ab") as stream:
        stream.write(b'{"subject": "torn')
    inspect(Request((folder,), out=out, workers=0, resume=True))
    inspect(Request((folder,), out=tmp_path / "whole", workers=0))
    assert without_hashes(rows(out)) == without_hashes(rows(tmp_path / "whole"))


def test_a_resume_asks_for_the_same(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(TargetError, match="-o DIR"):
        inspect(Request((folder,), resume=True))
    with pytest.raises(TargetError, match="never begun"):
        inspect(Request((folder,), out=out, resume=True))
    interrupted(folder, out, 20)
    with pytest.raises(TargetError, match="--resume goes on"):
        inspect(Request((folder,), out=out))
    with pytest.raises(TargetError, match="begun with other options"):
        inspect(Request((folder,), options=("retain-uids",), out=out, resume=True))
    (out / MARKS).write_bytes(b"{}\n")
    with pytest.raises(TargetError, match="cannot be read"):
        inspect(Request((folder,), out=out, resume=True))


def test_a_file_that_kills_its_process_is_one_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = os.getpid()

    def deadly(file: InspectedFile, _desk: Desk) -> Iterator[Reading]:
        if file.name == "cut" and os.getpid() != here:
            os._exit(9)
        yield from ()

    one = reading.Reader("deadly", (), deadly)
    reading.readers()
    monkeypatch.setattr(reading, "_readers", {**reading._readers, "deadly": one})
    monkeypatch.setattr(inspect_pool, "CHUNK", 4)
    alone = inspect(Request((folder,), workers=0))
    pooled = inspect(Request((folder,), workers=2))
    assert "cut: the process that judged it died" in " ".join(pooled["run"]["notifications"])
    assert [r["case"] for r in pooled["results"]] == [r["case"] for r in alone["results"]]


def test_control_c_of_the_command_writes_the_report(folder: Path, tmp_path: Path) -> None:
    for copy in range(4):
        shutil.copytree(folder, tmp_path / "many" / str(copy), symlinks=True)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "part15", "inspect", str(tmp_path / "many"), "-o", str(out)]
    with subprocess.Popen(
        [*command, "-n", "2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as running:
        while running.poll() is None:
            with contextlib.suppress(OSError):
                if (out / ROWS).stat().st_size:
                    os.killpg(running.pid, signal.SIGINT)
                    break
    assert running.wait() == 2
    assert json.loads((out / "report.json").read_text("utf-8"))["run"]["interrupted"]
    judged = len(rows(out))
    resumed = subprocess.run([*command, "--resume", "-q"], check=False, capture_output=True)
    assert resumed.returncode in (1, 3, 6)
    assert len(rows(out)) > judged


def test_a_broken_file_is_told_once_under_a_claim(tmp_path: Path) -> None:
    (tmp_path / "cut").write_bytes(media_samples.image(1)[:-10])
    document = inspect(Request((tmp_path,), profiles=("basic-confidentiality",)))
    told = [n for n in document["run"]["notifications"] if n.startswith("cut")]
    assert len(told) == 1
    assert "PixelData" in told[0]


def test_progress_is_plain_lines_elsewhere(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = cli_progress.FileProgress()
    shown.total(1000)
    monkeypatch.setattr(cli_progress, "PLAIN_EVERY", 0.0)
    shown(1, "a")
    shown(401, "b")
    shown.close()
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("401 of 1000 files, ")
    assert last.endswith("left")
    assert cli_progress._span(3725) == "1 h 2 min"
    assert cli_progress._span(65) == "1 min 5 s"


def test_progress_on_a_terminal_is_a_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_progress.sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(cli_progress, "EVERY", 0.0)
    monkeypatch.setenv("FORCE_COLOR", "1")
    shown = cli_progress.FileProgress()
    shown.total(1000)
    shown(1, "a")
    shown(500, "b")
    shown.close()
    told = capsys.readouterr().err
    assert "500/1000" in told.replace(" ", "")
    assert "left" in told


def test_the_command_takes_the_number_of_processes(folder: Path, tmp_path: Path) -> None:
    given = [str(folder), "-n", "2", "-o", str(tmp_path / "out")]
    told = CliRunner().invoke(cli_files.inspect_command, given, standalone_mode=False)
    assert told.exception is None
    assert "files were looked at" in told.stdout


COUNT = 100_000 if FULL else 1_000


@pytest.mark.scale
@pytest.mark.timeout(7200)
def test_a_release_is_judged_in_constant_memory(tmp_path: Path) -> None:
    octets = (VECTORS / "deid" / "phi-mr.repaired.dcm").read_bytes()
    for number in range(COUNT):
        place = tmp_path / "in" / f"{number // 1000:03}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:06}").write_bytes(octets)
    inspect(Request((VECTORS / "deid",), out=tmp_path / "warm", workers=2))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    document = inspect(Request((tmp_path / "in",), out=tmp_path / "out", workers=2))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10
    assert f"{COUNT} files were looked at" in document["run"]["notifications"][0]
    with (tmp_path / "out" / ROWS).open(encoding="utf-8") as lines:
        assert sum(1 for _ in lines) == COUNT + 1
