"""A session: names become endpoints, stimuli are driven once, a dead target is asked once, never blamed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from part15 import session as sessions
from part15.bench import Bench
from part15.errors import Trouble
from part15.evidence import Store
from part15.model import Impact, Stimulus
from part15.observations import NotReached
from part15.observations.iscl import Carried
from part15.registry import Driver
from part15.session import Session, expand_endpoints
from part15.target import Target
from part15.target_file import parse_target


def target(address: str, **limits: object) -> Target:
    return parse_target(
        {
            "target": {"name": "t"},
            "endpoints": {"tls": {"address": address}, "other": {"address": "127.0.0.1:2"}},
            "limits": limits,
        }
    )


@pytest.fixture
def both() -> Iterator[int]:
    """Listen on the same port of 127.0.0.1 and ::1."""
    with socket.socket() as four, socket.socket(socket.AF_INET6) as six:
        four.bind(("127.0.0.1", 0))
        port = four.getsockname()[1]
        six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        six.bind(("::1", port))
        four.listen()
        six.listen()
        yield port


def test_a_name_with_both_families_is_two_endpoints(
    both: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "resolve", lambda _host: ("127.0.0.1", "::1"))
    expanded, notes = expand_endpoints(target(f"archive.test:{both}"))
    assert {n: e.address for n, e in expanded.endpoints.items()} == {
        "tls.ipv4": f"127.0.0.1:{both}",
        "tls.ipv6": f"[::1]:{both}",
        "other": "127.0.0.1:2",
    }
    assert {e.server_name for n, e in expanded.endpoints.items() if n != "other"} == {
        "archive.test"
    }
    assert notes == ()


def test_a_family_on_which_nothing_listens_is_left_out_and_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sessions, "resolve", lambda _host: ("127.0.0.1", "::1"))
    with socket.socket() as four:
        four.bind(("127.0.0.1", 0))
        four.listen()
        port = four.getsockname()[1]
        expanded, notes = expand_endpoints(target(f"archive.test:{port}"))
    assert expanded.endpoints["tls"].address == f"127.0.0.1:{port}"
    assert notes == (
        f"tls: nothing listens on [::1]:{port}, though the name archive.test has that address",
    )


def test_a_name_that_is_not_known_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_host: str) -> tuple[str, ...]:
        raise OSError("no such host")

    monkeypatch.setattr(sessions, "resolve", unknown)
    expanded, notes = expand_endpoints(target("archive.test:2762"))
    assert expanded.endpoints["tls"].address == "archive.test:2762"
    assert "cannot be resolved" in notes[0]


class Scripted:
    """A driver whose answers are scripted; counts its calls."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.calls = 0

    def __call__(self, bench: Bench, **_args: object) -> object:
        del bench
        self.calls += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def session_with(
    script: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **limits: object
) -> Session:
    known = {"door.look": Driver("door.look", script, Impact.OBSERVE, "endpoint")}
    monkeypatch.setattr(sessions, "drivers", lambda: known)
    return Session(target("127.0.0.1:1", **limits), Store(tmp_path))


def stimulus(number: int, endpoint: str = "tls") -> Stimulus:
    return Stimulus("door.look", {"number": number}, endpoint)


SEEN = NotReached("look", "nothing there")
DEAD = Trouble("connect", "connection refused")


def test_a_stimulus_is_driven_once_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Scripted(SEEN)
    session = session_with(script, tmp_path, monkeypatch)
    assert session.observe(stimulus(1)) == session.observe(stimulus(1)) == SEEN
    assert script.calls == 1
    assert Store(tmp_path).get(stimulus(1)) == SEEN


def test_a_target_that_was_never_reached_is_not_asked_for_every_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Scripted(DEAD, SEEN)
    session = session_with(script, tmp_path, monkeypatch)
    assert [session.observe(stimulus(n)) for n in range(400)] == [DEAD] * 400
    assert script.calls == 1
    assert session.observe(stimulus(1, "other")) == SEEN


def test_a_target_that_was_reached_before_is_inconclusive_not_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_with(Scripted(Carried(), DEAD, SEEN), tmp_path, monkeypatch)
    session.observe(stimulus(1))
    gone = session.observe(stimulus(2))
    assert isinstance(gone, NotReached)
    assert "answered on tls earlier" in gone.why
    assert session.observe(stimulus(3)) == SEEN


def test_what_was_missed_before_any_connection_reached_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_with(Scripted(SEEN, DEAD), tmp_path, monkeypatch)
    session.observe(stimulus(1))
    assert session.observe(stimulus(2)) is DEAD


def test_trouble_of_ours_stays_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Trouble("encode", "cannot")
    session = session_with(Scripted(broken, SEEN), tmp_path, monkeypatch)
    assert session.observe(stimulus(1)) is broken
    assert session.observe(stimulus(2)) == SEEN
    assert str(Store(tmp_path).get(stimulus(1))) == "encode: cannot"


def test_a_budget_leaves_the_rest_undecided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Scripted(SEEN)
    session = session_with(script, tmp_path, monkeypatch, budget=1e-9)
    left = session.observe(stimulus(1))
    assert isinstance(left, NotReached)
    assert left.step == "budget"
    assert script.calls == 0


def test_a_rate_limit_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("part15.bench.time.sleep", waits.append)
    session = session_with(Scripted(), tmp_path, monkeypatch, rate=2.0)
    for _ in range(3):
        session.ledger.connected("127.0.0.1:1")
    assert session.ledger.connections == {"127.0.0.1:1": 3}
    assert [round(w, 1) for w in waits] == [0.0, 0.5, 0.5]
