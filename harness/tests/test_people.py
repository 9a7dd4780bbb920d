"""A person at the product (``"ask"``): prompts in groups, what arrived, retry, skip, stop; with no terminal no hang."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from part15 import load
from part15.channel.people import Skipped
from part15.channel.trigger import act
from part15.model import Stimulus
from part15.pki import Pki, make_pki
from part15.plan import build_plan
from part15.registry import drivers
from part15.session_people import MOST, agenda_of
from part15.target_file import parse_target
from part15.toml_writing import toml_text

PROFILE = "tls-bcp195-rfc8996"
FEW = "B.12-tls12-mandatory or B.12-client-attempts-tls or B.12-strict-tls"


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki"))


def document(pki: Pki, port: int, **more: Any) -> dict[str, Any]:
    mine = {"certificate": str(pki["server"].certificate), "key": str(pki["server"].key)}
    return {
        "target": {"name": "partner", "version": "1", "edition": "2023b"},
        "claims": {PROFILE: ["tls-client"]},
        "listeners": {
            "in": {
                "port": port,
                "transport": "tls",
                "trigger": "ask",
                "wait": 8.0,
                "trust": str(pki.ca),
                "identity": mine,
            }
        },
        **more,
    }


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


@dataclass
class Played:
    code: int
    shown: str
    out: str


Answer = Callable[[str], str | None]


def play(
    command: list[str], cwd: Path, answer: Answer, *, seconds: float = 60, **environment: str
) -> Played:
    """Run *command* on a terminal of its own; *answer* is given each new line and may return what is typed.

    Its standard streams are no terminals, as under a capture.
    """
    main, side = pty.openpty()

    def own_terminal() -> None:
        os.setsid()
        fcntl.ioctl(side, termios.TIOCSCTTY, 0)

    output = cwd / "said.txt"
    with output.open("wb") as sink:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, "TERM": "xterm", **environment},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            preexec_fn=own_terminal,  # noqa: PLW1509 - a child without threads of its own
            pass_fds=(side,),
        )
    os.close(side)
    shown, fresh, until = "", "", time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        ready, _, _ = select.select([main], [], [], 0.1)
        if ready:
            with contextlib.suppress(OSError):
                octets = os.read(main, 4096).decode(errors="replace")
                shown, fresh = shown + octets, fresh + octets
        typed = answer(fresh)
        if typed is not None:
            fresh = ""
            os.write(main, typed.encode())
    if process.poll() is None:
        process.kill()
        process.wait(5)
        pytest.fail(f"it hangs; it had shown:\n{shown}")
    os.close(main)
    return Played(process.returncode, shown, output.read_text())


class Person:
    """Answers prompts by *words* (a pattern to what is typed), and makes the client connect when it is told to."""

    def __init__(
        self, pki: Pki, port: int, words: dict[str, str], *, connects: bool = True
    ) -> None:
        self._command = [
            sys.executable, "-m", "part15.peers.client", "127.0.0.1", str(port), "PART15", str(pki.folder),
        ]  # fmt: skip
        self.words, self._connects = dict(words), connects
        self._told = 0

    def _connect(self) -> None:
        subprocess.run(self._command, capture_output=True, timeout=30, check=False)

    def __call__(self, fresh: str) -> str | None:
        if self._connects and re.search(r"Now[^\n]*we wait[^\n]*\n", fresh):
            self._told += 1
            threading.Thread(target=self._connect, daemon=True).start()
            return ""
        for pattern, typed in self.words.items():
            if re.search(pattern, fresh):
                return typed
        return None


def run(target: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "part15", "run", str(target), "-o", "out", *more]


@pytest.fixture
def place(pki: Pki, tmp_path: Path) -> tuple[Path, int]:
    port = free_port()
    path = tmp_path / "target.toml"
    path.write_text(toml_text(document(pki, port)))
    return path, port


def report(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "out" / "report.json").read_text())
    return found


def test_prompts_are_grouped_and_tell_what_arrived(pki: Pki, place: tuple[Path, int]) -> None:
    path, port = place
    person = Person(pki, port, {r"Enter = ready[^\n]*: $": "\n"})
    done = play(run(path, "-k", FEW), path.parent, person)
    assert done.code == 6, done.shown
    assert "Your help is needed: make 'partner' connect up to 4 times, in 2 groups." in done.shown
    assert (
        f"Group 1 of 2: in (tls, 127.0.0.1:{port}, AE title PART15), 3 connections." in done.shown
    )
    assert "Now 2 of 3: make the product open a TLS connection" in done.shown
    assert (
        len(re.findall(r"arrived: a connection from 127\.0\.0\.1:\d+: ClientHello", done.shown))
        == 3
    )
    assert "Group 2" not in done.shown, "what was learnt before is not asked for again"
    assert "s left" in done.shown
    words = {r["clause"]: r["verdict"] for r in report(path.parent)["results"]}
    assert words["B.12-tls12-mandatory"] == words["B.12-strict-tls"] == "pass"


def test_skipping_is_recorded_and_the_run_goes_on(pki: Pki, place: tuple[Path, int]) -> None:
    path, port = place
    words = {r"Group 1[^$]*Enter = ready[^\n]*: $": "s\n", r"Enter = ready[^\n]*: $": "\n"}
    done = play(run(path, "-k", FEW), path.parent, Person(pki, port, words))
    assert done.code == 6, done.shown
    rows = {r["clause"]: r for r in report(path.parent)["results"]}
    assert rows["B.12-strict-tls"]["verdict"] == "inconclusive"
    assert "a person chose to skip" in rows["B.12-strict-tls"]["message"]
    assert rows["B.12-tls12-mandatory"]["verdict"] == "pass"


def test_stopping_writes_the_report_of_what_was_done(pki: Pki, place: tuple[Path, int]) -> None:
    path, port = place
    done = play(run(path, "-k", FEW), path.parent, Person(pki, port, {r"Enter = ready": "q\n"}))
    assert done.code == 2
    assert report(path.parent)["run"]["interrupted"] is True


def test_retrying_asks_again_and_a_vain_wait_says_so(pki: Pki, tmp_path: Path) -> None:
    port = free_port()
    given = document(pki, port)
    given["listeners"]["in"]["wait"] = 2.0
    path = tmp_path / "target.toml"
    path.write_text(toml_text(given))
    later: list[Person] = []

    def answer(fresh: str) -> str | None:
        if later:
            return later[0](fresh)
        if "r = retry this group" in fresh:
            later.append(Person(pki, port, {r"Enter = ready[^\n]*: $": "\n"}))
            return "r\n"
        return "\n" if re.search(r"Enter = ready[^\n]*: $", fresh) else None

    done = play(run(path, "-k", FEW), tmp_path, answer)
    assert "the wait of 2 s is over" in done.shown
    assert "Once more: in (tls" in done.shown
    words = {r["clause"]: r["verdict"] for r in report(tmp_path)["results"]}
    assert words["B.12-strict-tls"] == "pass"


def test_on_a_plain_terminal_nothing_is_written_over(pki: Pki, place: tuple[Path, int]) -> None:
    path, port = place
    person = Person(pki, port, {r"Enter = ready[^\n]*: $": "\n"})
    done = play(run(path, "-k", "B.12-tls12-mandatory"), path.parent, person, NO_COLOR="1")
    assert done.code == 6
    assert "\x1b" not in done.shown
    assert "s left" not in done.shown


@pytest.mark.parametrize("workers", ["0", "2"])
def test_under_the_capture_of_pytest_and_with_workers(
    pki: Pki, tmp_path: Path, workers: str
) -> None:
    port = 0 if workers != "0" else free_port()
    path = tmp_path / "target.toml"
    path.write_text(toml_text(document(pki, port)))
    (tmp_path / "test_it.py").write_text("from part15.pytest_plugin import test_clause\n")

    def answer(fresh: str) -> str | None:
        told = re.search(r"Now[^\n]*port (\d+)[^\n]*we wait[^\n]*\n", fresh)
        if told:
            return Person(pki, int(told[1]), {})(fresh)
        return "\n" if re.search(r"Enter = ready[^\n]*: $", fresh) else None

    command = [sys.executable, "-m", "pytest", "-q", "test_it.py", "--part15-target", str(path),
               "--part15-out", "out", "-k", FEW, "-n", workers, "-p", "no:cacheprovider"]  # fmt: skip
    done = play(command, tmp_path, answer)
    words = {r["clause"]: r["verdict"] for r in report(tmp_path)["results"]}
    assert words["B.12-tls12-mandatory"] == "pass", done.shown + done.out


def test_without_a_terminal_it_refuses_and_does_not_hang(place: tuple[Path, int]) -> None:
    path, _ = place

    def started(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            run(path, *more), cwd=path.parent, capture_output=True, text=True, timeout=60, check=False,
            start_new_session=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    done = started()
    assert done.returncode == 4
    assert 'listeners.in.trigger is "ask", but there is no terminal' in done.stderr
    assert not (path.parent / "out").exists()
    assert started("-k", "B.12-cs").returncode == 6, (
        "what needs nobody can be judged without anybody"
    )


def test_an_action_is_asked_for_and_waited_for(pki: Pki, tmp_path: Path) -> None:
    script = tmp_path / "go.py"
    script.write_text(
        "import pathlib\nfrom part15.channel import people, trigger\n"
        "with people.attended():\n"
        "    done = trigger.act('ask', folder=pathlib.Path(), slots={'aet': 'X'}, what='delete it', deadline=1)\n"
        "print(done.code)\n"
    )
    typed = {r"Please make the product delete it \(AE title X\)[^$]*Enter = done[^\n]*: $": "\n"}
    person = Person(pki, 1, typed, connects=False)
    assert play([sys.executable, str(script)], tmp_path, person).out.strip() == "0"
    typed = {r"Enter = done": "s\n"}
    refused = play([sys.executable, str(script)], tmp_path, Person(pki, 1, typed, connects=False))
    assert "Skipped" in refused.out


def test_nobody_to_ask_is_no_word_about_the_product(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import pathlib\nfrom part15.channel import trigger, people\n"  # noqa: ISC004
         "try:\n    trigger.act('ask', folder=pathlib.Path(), slots={}, what='x', deadline=1)\n"
         "except people.Skipped as skipped:\n    print(skipped)"],
        capture_output=True, text=True, timeout=30, check=False, start_new_session=True,
    )  # fmt: skip
    assert "there is no terminal at which a person could be asked" in done.stdout
    assert issubclass(Skipped, Exception)
    assert act(["true"], folder=tmp_path, slots={}, what="x", deadline=5).code == 0


def test_the_agenda_counts_what_each_stimulus_needs(pki: Pki) -> None:
    target = parse_target(document(pki, 1))
    plan = build_plan(target, load.load_profiles(), load.load_roles())
    stimuli = [c.stimulus for c in plan.cases if c.stimulus and c.settled is None]
    groups = {g.key: g.count for g in agenda_of(target, stimuli).groups}
    asked = {s.key: drivers()[s.kind].acts(s.args) for s in stimuli if s.endpoint == "in"}
    assert groups == {key: count for key, count in asked.items() if count <= MOST}
    assert len(groups) > 3
    assert drivers()["serving.present"].acts({"kinds": ["expired", "future"]}) == 4
    assert drivers()["tls_listen.turn_away"].acts({"ways": ["reset", "close"]}) == 2
    assert agenda_of(target, [Stimulus("tls.enumerate", {}, "in")]).groups == ()
