"""Two hundred hostile servers and two hundred hostile clients: bounded, never a crash, never a requirement that passes."""

from __future__ import annotations

import concurrent.futures
import os
import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from part15.model import Case, Word
from part15.peers.reference import ReferencePeer
from part15.pki import Pki, make_pki
from part15.strategies import drawn

made = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("hostile_bench.py"))))
FULL = os.environ.get("PART15_SCALE") == "full"
COUNT = 200
FLOOD = (16 << 20) if FULL else (1 << 18)
"""Octets of warnings that one flood sends."""
EACH = 60.0
"""Seconds for one stimulus on one hostile end; every wait in it ends by the deadline."""
MEMORY = 200 << 20
"""Octets by which the whole test may make this process grow."""
HELLO_ONLY = ("tls.", "tls_listen.", "tls_choose.", "tls_renegotiation.")
"""Stimuli that a completed handshake may rightly satisfy: ends that speak TLS are no test for them."""
DECLARED = ("session.list_ports", "tls_listen.change_port")
"""Stimuli that read the target, or the port of a TCP connection: no octet of a peer decides them."""
AT_ONCE = 16


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("hostile-pki"))


def server_target(pki: Pki, port: int) -> dict[str, Any]:
    identity = {k: str(getattr(pki["client"], k)) for k in ("certificate", "key")}
    return {
        "target": {"name": "hostile", "edition": "2024e"},
        "claims": {"tls-bcp195-rfc8996": {"roles": ["tls-server"]}},
        "endpoints": {"dicom-tls": {"address": f"127.0.0.1:{port}", "identity": identity}},
    }


def client_target(pki: Pki, trigger: list[str]) -> dict[str, Any]:
    identity = {k: str(getattr(pki["server"], k)) for k in ("certificate", "key")}
    listener = {
        "host": "127.0.0.1",
        "transport": "tls",
        "trigger": trigger,
        "trust": str(pki.ca),
        "identity": identity,
        "wait": 1.0,
    }
    return {
        "target": {"name": "hostile", "edition": "2024e"},
        "claims": {"tls-bcp195-rfc8996": {"roles": ["tls-client"]}},
        "listeners": {"from-client": listener},
    }


def _scripts(number: int) -> list[list[tuple[str, bytes]]]:
    return [*drawn(made.RAW, number - number // 4, 15), *drawn(made.PROTECTED, number // 4, 15)]


def _chosen(groups: list[tuple[str, list[Case]]], number: int, *, speaks: bool) -> list[list[Case]]:
    """Return the cases of the stimulus that hostile end *number* meets, or of all in full."""
    usable = [
        cases
        for kind, cases in groups
        if kind not in DECLARED and not (speaks and kind.startswith(HELLO_ONLY))
    ]
    return usable if FULL else [usable[number % len(usable)]]


def _judged(target: Any, cases: list[Case], folder: Path) -> None:
    started = made.now()
    verdicts = made.driven(target, cases, folder)
    assert made.now() - started < EACH, cases[0].stimulus
    assert made.vacuous(verdicts) == []
    wrong = [v for v in verdicts if v.word is Word.ERROR and "bug" in v.message.lower()]
    assert wrong == [], [v.message for v in wrong]


def _on_all(play: Callable[[int, list[tuple[str, bytes]]], None]) -> None:
    before = made.memory()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        done = list(pool.map(play, range(COUNT), _scripts(COUNT)))
    assert len(done) == COUNT
    assert made.memory() - before < MEMORY


def test_two_hundred_hostile_servers(pki: Pki, tmp_path: Path) -> None:
    files = (str(pki["server"].certificate), str(pki["server"].key))

    def play(number: int, script: list[tuple[str, bytes]]) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        with made.Hostile(script, files, FLOOD) as server:
            target, cases = made.plan_for(server_target(pki, server.port), folder)
            speaks = script[0][0] == "handshake"
            for chosen in _chosen(made.grouped(cases), number, speaks=speaks):
                _judged(target, chosen, folder)

    _on_all(play)


def test_two_hundred_hostile_clients(pki: Pki, tmp_path: Path) -> None:
    def play(number: int, script: list[tuple[str, bytes]]) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        trigger = made.client_trigger(script, folder, FLOOD)
        target, cases = made.plan_for(client_target(pki, trigger), folder)
        speaks = script[0][0] == "handshake"
        for chosen in _chosen(made.grouped(cases), number, speaks=speaks):
            _judged(target, chosen, folder)

    _on_all(play)


def test_the_same_judging_decides_a_right_server(pki: Pki, tmp_path: Path) -> None:
    with ReferencePeer(pki, idle=0.5) as peer:
        document = server_target(pki, peer.ports["dicom-tls"])
        target, cases = made.plan_for(document, tmp_path)
        verdicts = made.driven(target, cases, tmp_path, deadline=0.6)
    assert len(made.vacuous(verdicts)) > 50
