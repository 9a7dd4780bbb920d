"""Real TLS clients through the whole client-role profile, every case compared with what is expected and why."""

from __future__ import annotations

import runpy
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

from part15.peers.known_clients import CLIENTS
from part15.peers.starting_clients import triggered
from part15.pki import Pki, make_pki
from part15.selftest_tls import drive

started: set[str] = set()
bench = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("expected_bench.py"))))


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki"))


@pytest.mark.peer(name="tls clients")
@pytest.mark.parametrize("name", sorted(CLIENTS))
def test_verdicts_of_a_real_client(name: str, pki: Pki, tmp_path: Path) -> None:
    client = CLIENTS[name]
    bench.require(client)
    with triggered(client, pki, tmp_path) as path:
        _, verdicts = drive(tomllib.loads(path.read_text()), tmp_path, deadline=2.0)
    started.add(name)
    bench.compare(name, client, verdicts)


def test_ci_started_every_one_of_them(request: pytest.FixtureRequest) -> None:
    here = [
        i.name
        for i in request.session.items
        if i.path == request.path and "_real_client[" in i.name
    ]
    if not bench.required() or len(here) != len(CLIENTS):
        pytest.skip("only where CI demands the peers, and all of them are selected")
    assert started == set(CLIENTS)
    assert len(started) >= 16
