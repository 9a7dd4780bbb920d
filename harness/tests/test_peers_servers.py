"""Real TLS servers, every case compared with what is expected of it and why."""

from __future__ import annotations

import json
import runpy
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

from part15.peers.starting import PEERS, running
from part15.pki import Pki, make_pki
from part15.selftest_tls import drive

started: set[str] = set()
bench = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("expected_bench.py"))))


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki"))


@pytest.mark.peer(name="tls servers")
@pytest.mark.parametrize("name", sorted(PEERS))
def test_verdicts_of_a_real_server(name: str, pki: Pki, tmp_path: Path) -> None:
    peer = PEERS[name]
    bench.require(peer)
    with running(peer, pki, tmp_path) as path:
        _, verdicts = drive(tomllib.loads(path.read_text()), tmp_path, deadline=2.0)
    started.add(name)
    bench.compare(name, peer, verdicts)


def test_ci_started_every_one_of_them(request: pytest.FixtureRequest) -> None:
    here = [
        i.name
        for i in request.session.items
        if i.path == request.path and "_real_server[" in i.name
    ]
    if not bench.required() or len(here) != len(PEERS):
        pytest.skip("only where CI demands the peers, and all of them are selected")
    assert started == set(PEERS)
    assert len(started) >= 24


@pytest.mark.parametrize("file", sorted(bench.EXPECTED.glob("*.json")), ids=lambda p: p.stem)
def test_every_deviation_has_a_reason_and_the_floor_holds(file: Path) -> None:
    document = json.loads(file.read_text())
    for clause, reason in document["reasons"].items():
        assert reason in bench.GENERAL or len(reason) > 20, (clause, reason)
        assert not reason.startswith("?"), (clause, reason)
    decided = sum(w in ("pass", "fail", "warn") for w in document["verdicts"].values())
    assert decided >= 0.4 * document["floor"] > 0


def test_the_same_server_under_two_profiles_gets_different_verdicts() -> None:
    older = json.loads((bench.EXPECTED / "dcmtk.json").read_text())
    newer = json.loads((bench.EXPECTED / "dcmtk-rfc8996.json").read_text())
    assert older["claims"] != newer["claims"]
    assert older["verdicts"] != newer["verdicts"]
