"""Our own TLS 1.2 client against OpenSSL, the renegotiation driver, and its checks."""

from __future__ import annotations

import dataclasses
import socket
import ssl
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from part15 import pki as factory
from part15.bench import Bench, Ledger, Shelf
from part15.channel.tcp import Stream
from part15.channel.tls12 import Client, Ended, Shows
from part15.drivers import tls_renegotiation
from part15.judge import ask
from part15.model import Word
from part15.observations import NotReached, from_json, to_json
from part15.observations.tls import ControlSeen, RenegotiationSeen
from part15.registry import checks
from part15.target import Endpoint
from part15.target_identity import Identity
from part15.wire import tls12
from part15.wire.tls_hello import Offer
from part15.wire.tls_octets import Malformed

ALLOW_CLIENT, ALLOW_UNSAFE = 0x100, 0x40000
PASS, FAIL, OPEN = Word.PASS, Word.FAIL, Word.INCONCLUSIVE


class Sink:
    def keep(self, name: str, data: bytes, *, phi: str = "none") -> None:
        """Take evidence and forget it."""


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> factory.Pki:
    return factory.make_pki(tmp_path_factory.mktemp("pki"))


Serve = Callable[..., int]


@pytest.fixture
def serve(pki: factory.Pki) -> Iterator[Serve]:
    """Run OpenSSL servers; return the port of each."""
    listeners: list[socket.socket] = []

    def loop(listener: socket.socket, context: ssl.SSLContext, ends: bool) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection, context, ends), daemon=True).start()

    def talk(connection: socket.socket, context: ssl.SSLContext, ends: bool) -> None:
        connection.settimeout(2)
        with connection:
            try:
                with context.wrap_socket(connection, server_side=True) as inside:
                    while not ends and inside.recv(100):
                        pass
            except OSError:
                return

    def start(
        options: int = 0,
        *,
        who: str = "server",
        mutual: bool = False,
        newest: bool = False,
        ends: bool = False,
    ) -> int:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pki[who].certificate, pki[who].key)
        context.options |= options
        if newest:
            context.minimum_version = ssl.TLSVersion.TLSv1_3
        if mutual:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(pki.ca)
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threading.Thread(target=loop, args=(listener, context, ends), daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def bench(
    port: int, pki: factory.Pki, tmp_path: Path, *, who: str = "client", other: str = "client-2"
) -> Bench:
    def identity(name: str) -> Identity:
        return Identity(certificate=str(pki[name].certificate), key=str(pki[name].key))

    point = Endpoint(
        id="e",
        address=f"127.0.0.1:{port}",
        identity=identity(who) if who else None,
        identities={"other": identity(other)} if other else {},
    )
    return Bench(
        target=types.SimpleNamespace(endpoints={"e": point}),
        endpoint=point,
        evidence=Sink(),
        ledger=Ledger(),
        shelf=Shelf(),
        scratch=tmp_path,
        deadline=1.5,
    )


def asked(b: Bench) -> RenegotiationSeen:
    seen = tls_renegotiation.ask(b)
    assert isinstance(seen, RenegotiationSeen), seen
    assert from_json(to_json(seen)) == seen
    return seen


def words(seen: RenegotiationSeen) -> tuple[Word, Word]:
    names = ("tls_renegotiation.is_indicated", "tls_renegotiation.keeps_certificate")
    first, second = (ask(checks()[name], seen, {}).word for name in names)
    return first, second


@pytest.mark.parametrize(
    ("options", "mutual", "expected"),
    [
        (0, False, (PASS, PASS)),
        (0, True, (PASS, PASS)),
        (ALLOW_CLIENT, False, (PASS, PASS)),
        (ALLOW_CLIENT, True, (PASS, FAIL)),
        (ALLOW_CLIENT | ALLOW_UNSAFE, False, (FAIL, PASS)),
        (ALLOW_CLIENT | ALLOW_UNSAFE, True, (FAIL, FAIL)),
    ],
)
def test_openssl_servers_are_judged_rightly(
    serve: Serve,
    pki: factory.Pki,
    tmp_path: Path,
    options: int,
    mutual: bool,
    expected: tuple[Word, Word],
) -> None:
    seen = asked(bench(serve(options, mutual=mutual), pki, tmp_path))
    assert seen.indicated
    assert seen.authenticates is mutual
    assert words(seen) == expected, seen


@pytest.mark.parametrize("who", ["server", "server-ec"])
@pytest.mark.parametrize("client", ["client", "client-ec", "intermediate"])
def test_our_client_completes_handshakes(
    serve: Serve, pki: factory.Pki, tmp_path: Path, who: str, client: str
) -> None:
    seen = asked(bench(serve(who=who, mutual=True), pki, tmp_path, who=client))
    assert set(seen.answers.values()) == {"alert no_renegotiation(100)"}


def test_a_missing_other_certificate_decides_nothing(
    serve: Serve, pki: factory.Pki, tmp_path: Path
) -> None:
    seen = asked(bench(serve(ALLOW_CLIENT, mutual=True), pki, tmp_path, other=""))
    answer = ask(checks()["tls_renegotiation.keeps_certificate"], seen, {})
    assert answer.word is OPEN
    assert "identities.other" in answer.message


def test_a_refused_identity_is_a_missing_precondition(
    serve: Serve, pki: factory.Pki, tmp_path: Path
) -> None:
    seen = tls_renegotiation.ask(bench(serve(mutual=True), pki, tmp_path, who="expired"))
    assert isinstance(seen, NotReached)
    assert "could be completed" in seen.why, "the alert may be lost to a reset"


def test_an_end_after_every_handshake_refuses_nothing(
    serve: Serve, pki: factory.Pki, tmp_path: Path
) -> None:
    seen = tls_renegotiation.ask(bench(serve(ends=True), pki, tmp_path))
    assert isinstance(seen, NotReached)
    assert "although nothing is asked of it" in seen.why


def test_tls13_has_no_renegotiation(serve: Serve, pki: factory.Pki, tmp_path: Path) -> None:
    assert words(asked(bench(serve(newest=True), pki, tmp_path))) == (PASS, PASS)


GOOD = RenegotiationSeen(
    dict.fromkeys(("right", "missing", "wrong", "never"), "alert no_renegotiation(100)"),
    indicated=True,
    authenticates=True,
    before=ControlSeen("good", ok=True, answer=""),
    after=ControlSeen("good", ok=True, answer=""),
    known_versions=("1.2",),
)
LOST = ControlSeen("good", ok=False, answer="connection reset")


def but(**answers: str) -> RenegotiationSeen:
    return dataclasses.replace(GOOD, answers={**GOOD.answers, **answers})


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (GOOD, (PASS, PASS)),
        (but(missing="hello"), (FAIL, PASS)),
        (but(wrong="hello"), (FAIL, PASS)),
        (but(never="hello"), (FAIL, PASS)),
        (but(right="hello"), (PASS, OPEN)),
        (but(right="hello", certificate="completed"), (PASS, FAIL)),
        (but(right="hello", certificate="alert bad_certificate(42)"), (PASS, PASS)),
        (but(wrong="timeout"), (OPEN, OPEN)),
        (dataclasses.replace(GOOD, after=LOST), (OPEN, OPEN)),
        (dataclasses.replace(GOOD, known_versions=("1.3",)), (PASS, PASS)),
    ],
)
def test_checks(seen: RenegotiationSeen, expected: tuple[Word, Word]) -> None:
    assert words(seen) == expected


def test_the_pseudo_random_function_is_that_of_tls() -> None:
    # The TLS 1.2 SHA-256 vector that was posted to the working group's list.
    secret = bytes.fromhex("9bbe436ba940f017b17652849a71db35")
    seed = bytes.fromhex("a0ba9f936cda311827a6f796ffd5198c")
    made = tls12.prf("sha256", secret, b"test label", seed, 100)
    assert made.hex().startswith("e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a")


def test_damage_is_noticed() -> None:
    sealed = tls12.Direction(bytes(16), bytes(4)).seal(23, b"data")
    assert tls12.Direction(bytes(16), bytes(4)).open(23, sealed[5:]) == b"data"
    for bad in (sealed[5:-1] + bytes([sealed[-1] ^ 1]), b"", sealed[5:20]):
        with pytest.raises(Malformed):
            tls12.Direction(bytes(16), bytes(4)).open(23, bad)


@given(st.integers(0, 40), st.binary(max_size=140))
def test_any_key_share_is_used_or_refused(group: int, point: bytes) -> None:
    try:
        assert tls12.agree(group, point).secret
    except Malformed:
        return


@given(st.binary(max_size=300))
def test_any_server_is_survived(octets: bytes) -> None:
    import time

    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(octets)
        theirs.shutdown(socket.SHUT_WR)
        client: Any = Client(Stream(ours, time.monotonic() + 1), Shows())
        with pytest.raises((Ended, Malformed)):
            client.handshake(Offer(("1.2",), tls12.SUITES, groups=tls12.GROUPS))
