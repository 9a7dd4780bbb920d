"""The embedded TLS client, the driver that serves it, and what is judged of clients."""

from __future__ import annotations

import dataclasses
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from part15.bench import Bench
from part15.channel.records import DAMAGES
from part15.checks import serving as checks
from part15.checks.integrity import drops_connection
from part15.drivers import serving as drivers
from part15.model import Word
from part15.observations import NotReached, from_json, to_json
from part15.observations.session import IntegritySeen, Served, ServedSeen
from part15.peers.client import BASES, Behaviour, connect
from part15.peers.faults_clients import faults
from part15.peers.reference import ReferencePeer
from part15.pki import Pki, make_pki
from part15.target import Listener
from part15.target_identity import Identity

made = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("session_bench.py"))))


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("serving-pki"))


@pytest.fixture(scope="module")
def peer(pki: Pki) -> Iterator[ReferencePeer]:
    with ReferencePeer(pki, idle=0.5, hosts=("127.0.0.1", "::1")) as running:
        yield running


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_right_client_associates_with_the_right_server(peer: ReferencePeer, host: str) -> None:
    port = peer.ports["dicom-tls"]
    seen = connect(host, port, "PART15REF", peer.pki.folder, Behaviour())
    assert seen.accepted
    assert seen.echo == 0
    assert seen.handshake is not None
    assert seen.handshake.alpn == "dicom"


@pytest.mark.parametrize("name", list(faults()))
def test_faults_of_the_client_change_its_behaviour(name: str) -> None:
    right = BASES["uncompressed" if "compressed" in name else "b12"]
    assert dataclasses.replace(right, **faults()[name].changes) != right


def listening(pki: Pki, peer: ReferencePeer, scratch: Path, fault: str = "") -> Bench:
    def identity(name: str) -> Identity:
        return Identity(certificate=str(pki[name].certificate), key=str(pki[name].key))

    trigger = (
        sys.executable,
        "-m",
        "part15.peers.client",
        "{host}",
        "{port}",
        "{aet}",
        str(pki.folder),
    )
    listener = Listener(
        id="from-sut",
        trigger=(*trigger, *([fault] if fault else [])),
        trust=str(pki.ca),
        identity=identity("server"),
        identities={"wrong_name": identity("wrong-name"), "revoked": identity("revoked")},
    )
    bench: Bench = made.bench_on(peer, scratch)
    return dataclasses.replace(bench, endpoint=listener)


@pytest.mark.parametrize(
    ("fault", "check", "kinds"),
    [
        ("", "", ["wrong_name", "revoked", "unknown_ca", "expired"]),
        ("client_ignores_the_name", "refuses_servers", ["wrong_name"]),
        ("client_ignores_revocation", "refuses_servers", ["revoked"]),
        ("client_trusts_anybody", "refuses_servers", ["unknown_ca"]),
        ("client_shows_no_certificate", "shows_certificate", []),
    ],
)
def test_clients_are_served(
    pki: Pki, peer: ReferencePeer, tmp_path: Path, fault: str, check: str, kinds: list[str]
) -> None:
    seen = drivers.present(listening(pki, peer, tmp_path, fault), kinds=kinds)
    assert isinstance(seen, ServedSeen), seen
    assert from_json(to_json(seen)) == seen
    words = {
        "begins_with_a_request": checks.begins_with_a_request(seen).word,
        "shows_certificate": checks.shows_certificate(seen).word,
    }
    if kinds:
        words["refuses_servers"] = checks.refuses_servers(seen, kinds=kinds).word
    assert {c for c, w in words.items() if w is Word.FAIL} == ({check} if check else set())
    if not fault:
        assert isinstance(seen.shown["expired"], NotReached)
        assert seen.right.answered


@pytest.mark.parametrize("fault", ["", "client_holds_connection_after_damage"])
def test_damaged_answers_end_the_connection(
    pki: Pki, peer: ReferencePeer, tmp_path: Path, fault: str
) -> None:
    bench = made.patient(listening(pki, peer, tmp_path, fault), 0.8)
    damages = ["last octet of the tag flipped"] if fault else list(DAMAGES)
    seen = drivers.damage_answers(bench, damages=damages)
    assert isinstance(seen, IntegritySeen)
    assert from_json(to_json(seen)) == seen
    assert drops_connection(seen).word is (Word.FAIL if fault else Word.PASS), seen


def test_a_client_that_does_not_trust_us_is_not_reached(
    pki: Pki, peer: ReferencePeer, tmp_path: Path
) -> None:
    bench = listening(pki, peer, tmp_path)
    wrong = Identity(certificate=str(pki["untrusted"].certificate), key=str(pki["untrusted"].key))
    listener = bench.endpoint.model_copy(update={"identity": wrong})
    seen = drivers.present(dataclasses.replace(bench, endpoint=listener), kinds=[])
    assert isinstance(seen, NotReached)
    assert "let the product trust the CA" in seen.why


def test_a_trigger_that_does_nothing_is_not_reached(
    pki: Pki, peer: ReferencePeer, tmp_path: Path
) -> None:
    bench = listening(pki, peer, tmp_path)
    listener = bench.endpoint.model_copy(
        update={"trigger": (sys.executable, "-c", ""), "wait": 3.0}
    )
    seen = drivers.present(dataclasses.replace(bench, endpoint=listener), kinds=[])
    assert isinstance(seen, NotReached)
    assert "did not connect" in seen.why


RIGHT = Served("open", entered=True, first=1, answered=True, certificate=True, version="TLSv1.3")
REFUSED = Served("alert", alert=46)


@pytest.mark.parametrize(
    ("shown", "after", "word"),
    [
        (REFUSED, RIGHT, Word.PASS),
        (Served("closed"), RIGHT, Word.PASS),
        (RIGHT, RIGHT, Word.FAIL),
        (REFUSED, REFUSED, Word.INCONCLUSIVE),
        (NotReached("identity", "give it"), RIGHT, Word.INCONCLUSIVE),
    ],
)
def test_refuses_servers(shown: Any, after: Served, word: Word) -> None:
    seen = ServedSeen(RIGHT, {"expired": shown}, after)
    assert checks.refuses_servers(seen, kinds=["expired"]).word is word


def test_what_the_right_connection_shows() -> None:
    right = ServedSeen(RIGHT, {}, RIGHT)
    assert checks.begins_with_a_request(right).word is Word.PASS
    assert checks.shows_certificate(right).word is Word.PASS
    other = ServedSeen(dataclasses.replace(RIGHT, first=7, certificate=False), {}, RIGHT)
    assert checks.begins_with_a_request(other).word is Word.FAIL
    assert checks.shows_certificate(other).word is Word.FAIL
