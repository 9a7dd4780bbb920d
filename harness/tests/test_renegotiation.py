"""Renegotiation: our own TLS 1.2 client against OpenSSL, the driver on the embedded peer, the checks."""

from __future__ import annotations

import runpy
import socket
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from part15.channel.tls import Ended, Plain, dial
from part15.channel.tls12 import Client12, Shows, connected, indication
from part15.checks import renegotiation as checks
from part15.drivers import renegotiation as drivers
from part15.model import Word
from part15.observations import from_json, to_json
from part15.observations.session import AssociationSeen, RenegotiationSeen
from part15.peers.reference import ReferencePeer
from part15.pki import Pki, make_pki
from part15.wire import pdu, tls12

made = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("session_bench.py"))))
GOOD, DEAD = AssociationSeen("accepted", echo=0), AssociationSeen("closed")


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("renegotiation-pki"))


def shows(pki: Pki, name: str) -> Shows:
    return Shows.of(str(pki[name].certificate), str(pki[name].key))


@pytest.mark.parametrize("identity", ["client", "client-ec", "intermediate"])
def test_our_client_speaks_with_openssl(pki: Pki, identity: str) -> None:
    with ReferencePeer(pki, idle=0.5) as peer:
        until = time.monotonic() + 3
        client = connected(
            Plain(dial(peer.address(), until)), shows(pki, identity), until, name="localhost"
        )
        client.send(pdu.encode_request(pdu.verification("PART15REF", "X")), until)
        assert client.receive(until)[:1] == b"\x02"
        assert client.acknowledged
        with pytest.raises(Ended, match="warning 100"):
            client.greet(until, indication=indication(client, "right"))
        client.close()


def test_a_refused_certificate_is_an_alert(pki: Pki) -> None:
    with ReferencePeer(pki, idle=0.5) as peer:
        until = time.monotonic() + 3
        plain = Plain(dial(peer.address(), until))
        with pytest.raises(Ended, match="alert 45"):
            connected(plain, shows(pki, "expired"), until)
        plain.close()


@pytest.mark.parametrize(
    ("fault", "indicated", "certificate"),
    [
        ("", Word.PASS, Word.PASS),
        ("renegotiates_insecurely", Word.FAIL, Word.FAIL),
        ("renegotiates_with_another_certificate", Word.PASS, Word.FAIL),
    ],
)
def test_the_faults_fail(
    pki: Pki, tmp_path: Path, fault: str, indicated: Word, certificate: Word
) -> None:
    with ReferencePeer(pki, [fault] if fault else [], idle=0.5) as peer:
        seen = drivers.renegotiate(made.bench_on(peer, tmp_path))
    assert isinstance(seen, RenegotiationSeen)
    assert from_json(to_json(seen)) == seen
    assert checks.is_indicated(seen).word is indicated, seen
    assert checks.keeps_certificate(seen).word is certificate, seen


def test_without_another_certificate_nothing_is_decided(pki: Pki, tmp_path: Path) -> None:
    with ReferencePeer(pki, ["renegotiates_with_another_certificate"], idle=0.5) as peer:
        seen = drivers.renegotiate(made.bench_on(peer, tmp_path, identities={}))
    assert isinstance(seen, RenegotiationSeen)
    answer = checks.keeps_certificate(seen)
    assert answer.word is Word.INCONCLUSIVE
    assert "identities.other" in answer.message


def seen(
    acknowledged: bool = True, after: AssociationSeen = GOOD, **ways: str
) -> RenegotiationSeen:
    base = {"indicated": "refused: warning 100", "indicated wrongly": "refused: alert 40"}
    answers = {
        **base,
        "not indicated": "refused: alert 40",
        **{k.replace("_", " "): v for k, v in ways.items()},
    }
    return RenegotiationSeen(answers, acknowledged, GOOD, after)


@pytest.mark.parametrize(
    ("observed", "indicated", "certificate"),
    [
        (seen(), Word.PASS, Word.PASS),
        (seen(indicated_wrongly="renegotiated"), Word.FAIL, Word.PASS),
        (seen(not_indicated="renegotiated"), Word.FAIL, Word.PASS),
        (
            seen(
                indicated="renegotiated", acknowledged=False, with_another_certificate="refused: x"
            ),
            Word.FAIL,
            Word.PASS,
        ),
        (
            seen(indicated="renegotiated", with_another_certificate="renegotiated"),
            Word.PASS,
            Word.FAIL,
        ),
        (
            seen(indicated="renegotiated", with_another_certificate="not tried: x"),
            Word.PASS,
            Word.INCONCLUSIVE,
        ),
        (seen(indicated="not tried: no TLS 1.2"), Word.INCONCLUSIVE, Word.INCONCLUSIVE),
        (seen(after=DEAD), Word.INCONCLUSIVE, Word.INCONCLUSIVE),
    ],
)
def test_checks(observed: RenegotiationSeen, indicated: Word, certificate: Word) -> None:
    assert checks.is_indicated(observed).word is indicated
    assert checks.keeps_certificate(observed).word is certificate


def test_the_pseudo_random_function_is_that_of_tls() -> None:
    # The TLS 1.2 SHA-256 vector that was posted to the working group's list.
    secret = bytes.fromhex("9bbe436ba940f017b17652849a71db35")
    seed = bytes.fromhex("a0ba9f936cda311827a6f796ffd5198c")
    made_ = tls12.prf(secret, "test label", seed, 100, "sha256")
    assert made_.hex().startswith(
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a"
    )


def test_damage_is_noticed() -> None:
    key, salt = bytes(16), bytes(4)
    sealed = tls12.Protection(key, salt).seal(23, b"data")
    assert tls12.Protection(key, salt).open(23, sealed) == b"data"
    with pytest.raises(ValueError, match="does not verify"):
        tls12.Protection(key, salt).open(23, sealed[:-1] + bytes([sealed[-1] ^ 1]))
    with pytest.raises(ValueError, match="too short"):
        tls12.Protection(key, salt).open(23, b"")


@given(st.binary(max_size=400))
def test_any_server_is_survived(octets: bytes) -> None:
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with theirs:
            theirs.sendall(octets)

    thread = threading.Thread(target=serve)
    thread.start()
    client = Client12(Plain(ours))
    try:
        with pytest.raises(Ended):
            until = time.monotonic() + 1
            client.complete(client.greet(until, indication=None), Shows(), until)
    finally:
        client.close()
        thread.join()


@given(st.binary(max_size=100))
def test_any_octets_are_a_server_hello_or_an_error(octets: bytes) -> None:
    for read in (tls12.read_server_hello, tls12.share):
        try:
            read(octets)
        except ValueError:
            continue
