"""Handshakes completed by another library than ours: every version and suite, both roles, an association inside."""

from __future__ import annotations

import dataclasses
import runpy
import socket
import threading
import time
import types
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from part15.bench import Bench, Ledger, Shelf
from part15.channel import completing, foreign
from part15.channel.acceptor import Acceptor
from part15.channel.association import Line, associate
from part15.channel.foreign import Wanted
from part15.channel.gnutls_library import available
from part15.channel.tls import Plain, dial
from part15.drivers import serving, session, tls_complete
from part15.judge import ask
from part15.model import Word
from part15.observations import NotReached, from_json, to_json
from part15.observations.session import AssociationSeen, AuthenticationSeen, Served
from part15.observations.tls_completed import Completed, CompletedSeen
from part15.peers import gnutls_child
from part15.peers.client import BASES
from part15.peers.client_service import ClientService
from part15.peers.faults_clients import faults
from part15.peers.policy import Policy
from part15.peers.reference import ReferencePeer
from part15.pki import Pki, make_pki
from part15.registry import checks
from part15.target import Identity, Listener
from part15.wire import foreign_suites, pdu
from part15.wire import tls_names as names

made = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("session_bench.py"))))
PASS, FAIL, OPEN = Word.PASS, Word.FAIL, Word.INCONCLUSIVE
OLD = [(v, c) for v in ("1.0", "1.1", "1.2") for c in (0x000A, 0x0005, 0x002F, 0x0002)]
TLS_12 = [
    *(0x003B, 0xC02F, 0xC030, 0xC02B, 0xC02C, 0x009E, 0x009F, 0xC09E, 0xC0A2, 0xC0AC, 0xC0AE),
    *(0xC08A, 0xC08B, 0xC086, 0xC087, 0xC07C, 0xCCA8, 0xCCA9, 0xC013, 0x0041),
]
TLS_13 = (0x1301, 0x1302, 0x1303, 0x1304, 0x1305)
PAIRS = [*OLD, *(("1.2", c) for c in TLS_12), *(("1.3", c) for c in TLS_13)]
needs_gnutls = pytest.mark.skipif(not available(), reason="GnuTLS is not installed")


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("complete-pki"))


def wanted(pki: Pki, role: str, version: str, suite: int) -> Wanted:
    ec = names.suites()[suite].auth == "ECDSA"
    mine = pki["client" if role == "client" else "server-ec" if ec else "server"]
    return Wanted(
        role,
        version,
        suite,
        str(mine.certificate),
        str(mine.key),
        name="localhost" if role == "client" else "",
    )


def soon(seconds: float) -> float:
    return time.monotonic() + seconds


def engine(one: Wanted, name: str) -> dict[str, Any]:
    found = [e for e in completing.engines(one) if e["engine"] == name]
    if not found:
        pytest.skip(f"{name} is not here or has no name for {one.text}")
    return found[0]


def met(
    pki: Pki, version: str, suite: int, ours: str, theirs: str
) -> tuple[AssociationSeen, Served]:
    """Associate with ourselves: *ours* is the library of the client, *theirs* that of the server."""
    server, client = (wanted(pki, role, version, suite) for role in ("server", "client"))
    serves, asks = engine(server, theirs), engine(client, ours)
    served: list[Served] = []
    done = threading.Event()

    def serve(line: Line) -> None:
        served.append(serving.serve_once(line, 5.0))
        done.set()

    def protect(plain: Plain, until: float) -> Line:
        return foreign.speak(lambda: plain, server, serves, until)

    with Acceptor("127.0.0.1", 0, lambda: None, serve, protect=protect) as own:
        until = soon(10)
        line = foreign.speak(lambda: Plain(dial(own.address, until)), client, asks, until)
        seen = associate(line, pdu.verification("A", "B"), until)
        assert done.wait(10)
    return seen, served[0]


@needs_gnutls
@pytest.mark.parametrize(("version", "suite"), PAIRS, ids=[f"{v}-{c:04x}" for v, c in PAIRS])
def test_gnutls_completes_every_pair_in_both_roles(pki: Pki, version: str, suite: int) -> None:
    seen, served = met(pki, version, suite, "gnutls", "gnutls")
    assert (seen.outcome, seen.echo, seen.why) == ("accepted", 0, "")
    assert (served.entered, served.answered, served.ended) == (True, True, "open"), served
    shake = seen.handshake
    assert shake is not None
    assert (shake.version, shake.code) == (names_of(version), suite)
    assert shake.requested
    assert shake.certificate


def names_of(version: str) -> str:
    return {"1.0": "TLSv1", "ssl3": "SSLv3"}.get(version, f"TLSv{version}")


@needs_gnutls
@pytest.mark.parametrize(
    ("version", "suite"), [("1.0", 0x000A), ("1.2", 0x002F), ("1.2", 0xC0AE), ("1.3", 0x1301)]
)
@pytest.mark.parametrize("roles", [("gnutls", "tlslite"), ("tlslite", "gnutls")])
def test_tlslite_completes_them_with_gnutls(
    pki: Pki, version: str, suite: int, roles: tuple[str, str]
) -> None:
    seen, served = met(pki, version, suite, *roles)
    assert (seen.outcome, seen.echo) == ("accepted", 0), seen
    assert served.answered


def test_tlslite_completes_ssl_3_with_itself(pki: Pki) -> None:
    seen, _ = met(pki, "ssl3", 0x000A, "tlslite", "tlslite")
    assert (seen.outcome, seen.echo) == ("accepted", 0), seen


def on(peer: ReferencePeer, scratch: Path) -> Bench:
    bench: Bench = made.bench_on(peer, scratch)
    return bench


@needs_gnutls
def test_a_server_of_b1_is_completed_in_tls_10_with_triple_des(pki: Pki, tmp_path: Path) -> None:
    with ReferencePeer(pki, policy=gnutls_child.BASIC, idle=0.5) as peer:
        seen = tls_complete.with_server(on(peer, tmp_path))
    assert isinstance(seen, CompletedSeen)
    assert from_json(to_json(seen)) == seen
    pairs = {(p.version, p.suite): p for p in seen.tried if isinstance(p, Completed)}
    assert pairs["1.0", 0x000A].library == "gnutls"
    assert pairs["1.0", 0x002F].library == "openssl"
    assert {p.ended for p in pairs.values()} == {"accepted"}
    assert word("associates_in", seen, version="1.0") is PASS
    assert word("associates", seen) is PASS


@needs_gnutls
def test_a_server_of_b13_is_completed_with_camellia_and_ccm_8(pki: Pki, tmp_path: Path) -> None:
    with ReferencePeer(pki, policy=gnutls_child.MODIFIED, idle=0.5) as peer:
        seen = tls_complete.with_server(on(peer, tmp_path))
    assert isinstance(seen, CompletedSeen)
    done = {
        (p.version, p.suite)
        for p in seen.tried
        if isinstance(p, Completed) and p.ended == "accepted"
    }
    assert {("1.2", 0xC08A), ("1.2", 0xC086), ("1.3", 0x1304), ("1.3", 0x1305)} <= done
    assert word("associates", seen) is PASS, seen


@needs_gnutls
def test_a_curve_that_our_own_library_lacks_is_not_held_against_the_server(
    pki: Pki, tmp_path: Path
) -> None:
    policy = Policy(certificates=("server", "p-224"))
    with ReferencePeer(pki, policy=policy, idle=0.5) as peer:
        seen = tls_complete.with_server(on(peer, tmp_path))
    assert isinstance(seen, CompletedSeen)
    done = {p.suite: p for p in seen.tried if isinstance(p, Completed)}
    assert done[0xC02C].library == "gnutls"
    assert word("associates", seen) is PASS, seen


def test_without_another_library_ours_completes_what_is_selected_of_tls_13(
    pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign, "engines", lambda _: [])
    with ReferencePeer(pki, idle=0.5) as peer:
        seen = tls_complete.with_server(on(peer, tmp_path), versions=["1.3"])
    assert isinstance(seen, CompletedSeen)
    found = {p.suite: p.ended for p in seen.tried if isinstance(p, Completed)}
    assert set(found.values()) == {"accepted"}
    assert len(found) == 1, "it offers all, and one is selected; of the others nothing is known"


def test_without_another_library_it_is_inconclusive_and_says_so(
    pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign, "engines", lambda _: [])
    with ReferencePeer(pki, idle=0.5) as peer:
        bench = on(peer, tmp_path)
        seen = tls_complete._with_server(bench, wanted(pki, "client", "1.0", 0x000A))
    assert isinstance(seen, NotReached)
    assert "neither GnuTLS (libgnutls) nor tlslite-ng" in seen.why
    judged = ask(checks()["tls_completed.associates"], CompletedSeen(("1.0",), True, (seen,)), {})
    assert judged.word is OPEN


def test_a_server_that_is_mute_inside_is_not_waited_for_in_every_suite(
    pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(_: Bench, one: Wanted) -> Completed:
        return Completed(one.version, one.suite, "openssl", "silent")

    monkeypatch.setattr(tls_complete, "_with_server", silent)
    monkeypatch.setattr(tls_complete.lines, "before", lambda _: NotReached("control", "silence"))
    with ReferencePeer(pki, idle=0.5) as peer:
        seen = tls_complete.with_server(on(peer, tmp_path))
    assert isinstance(seen, CompletedSeen)
    assert len(seen.tried) == tls_complete.MUTE
    assert seen.left > 0
    assert word("associates", seen) is OPEN


class Sink:
    def keep(self, name: str, data: bytes, *, phi: str = "none") -> None:
        """Take evidence and forget it."""


def listening(pki: Pki, trigger: Any, folder: Path) -> Bench:
    identity = Identity(certificate=str(pki["server"].certificate), key=str(pki["server"].key))
    return Bench(
        target=types.SimpleNamespace(folder=folder),
        endpoint=Listener(
            id="in", trigger=tuple(trigger), identity=identity, wait=5.0, trust=str(pki.ca)
        ),
        evidence=Sink(),
        ledger=Ledger(),
        shelf=Shelf(),
        scratch=folder,
        deadline=2.0,
    )


@pytest.fixture
def client(pki: Pki, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    base, fault = request.param
    changes = faults()[f"client_{fault}"].changes if fault else {}
    does = dataclasses.replace(BASES[base], **changes)
    with ClientService(does, pki.folder, tmp_path) as service:
        yield listening(pki, service.trigger, tmp_path)


@needs_gnutls
@pytest.mark.parametrize(
    ("client", "expected"),
    [(("b1", ""), PASS), (("b1", "has_no_tls10"), FAIL), (("b12", ""), FAIL)],
    indirect=["client"],
)
def test_clients_are_completed_in_tls_10(client: Bench, expected: Word) -> None:
    seen = tls_complete.with_client(client, versions=["1.0"])
    assert isinstance(seen, CompletedSeen)
    assert word("associates_in", seen, version="1.0") is expected, seen


@pytest.mark.parametrize(
    ("client", "expected"),
    [(("b12", ""), PASS), (("b12", "drops_a_suite"), FAIL)],
    indirect=["client"],
)
def test_each_suite_that_a_client_offers_is_selected(client: Bench, expected: Word) -> None:
    seen = tls_complete.with_client(client)
    assert isinstance(seen, CompletedSeen)
    assert from_json(to_json(seen)) == seen
    assert len(seen.tried) >= 7
    assert word("associates", seen) is expected, seen


@needs_gnutls
@pytest.mark.parametrize(
    ("answer", "ends"),
    [
        (b"", {"closed"}),
        (b"\x15\x03\x01\x00\x02\x02\x46", {"alert"}),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", {"closed", "garbage", "ours"}),
        (b"\x16\x03\x01\xff\xff" + bytes(70000), {"closed", "garbage", "ours"}),
        (b"\x16\x03\x01\x00\x04\x02\x00\x00\x00", {"closed", "garbage", "ours"}),
    ],
)
def test_what_is_no_handshake_ends_in_time(pki: Pki, answer: bytes, ends: set[str]) -> None:
    one = wanted(pki, "client", "1.2", 0xC02F)
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(answer)
        theirs.shutdown(socket.SHUT_WR)
        line = foreign.speak(lambda: Plain(ours), one, engine(one, "gnutls"), soon(5))
        seen = associate(line, pdu.verification("A", "B"), soon(5))
    assert line.failed is not None
    assert line.failed.how in ends, line.failed
    assert seen.outcome in ends


@needs_gnutls
def test_a_silent_server_is_silent(pki: Pki) -> None:
    one = wanted(pki, "client", "1.2", 0xC02F)
    ours, theirs = socket.socketpair()
    with theirs:
        line = foreign.speak(lambda: Plain(ours), one, engine(one, "gnutls"), soon(1))
        line.close()
    assert line.failed is not None
    assert line.failed.how == "silent"


def test_names_of_suites_in_other_libraries() -> None:
    assert foreign_suites.gnutls_priority("1.0", 0x000A).startswith(
        "NONE:+VERS-TLS1.0:+3DES-CBC:+SHA1:+RSA"
    )
    assert "+CAMELLIA-128-GCM:+AEAD:+ECDHE-ECDSA" in foreign_suites.gnutls_priority("1.2", 0xC086)
    assert foreign_suites.gnutls_priority("1.2", 0x0034) == "", (
        "anonymous suites have no certificate"
    )
    assert foreign_suites.tlslite_suite("1.2", 0xC086) is None
    found = foreign_suites.tlslite_suite("1.3", 0x1305)
    assert found is not None
    assert (found.cipher, found.mac, found.version) == ("aes128ccm_8", "aead", (3, 4))


def word(name: str, seen: Any, **expect: Any) -> Word:
    return ask(checks()[f"tls_completed.{name}"], seen, expect).word


GOOD = Completed("1.0", 0x000A, "gnutls", "accepted")
BAD = Completed("1.0", 0x002F, "openssl", "alert", "alert 40")
LATE = dataclasses.replace(BAD, ended="silent")
LOST = NotReached("library", "nothing here can do it")
NEITHER = (False, False)


@pytest.mark.parametrize(
    ("name", "expect", "seen", "expected"),
    [
        ("associates", {}, CompletedSeen(("1.0",), True, (GOOD,)), PASS),
        ("associates", {}, CompletedSeen(("1.0",), True, (GOOD, BAD)), FAIL),
        ("associates", {}, CompletedSeen(("1.0",), True, (BAD,)), FAIL),
        ("associates", {}, CompletedSeen(("1.0",), True, (BAD,), 0, NEITHER), OPEN),
        ("associates", {}, CompletedSeen(("1.0",), True, (GOOD, LOST)), OPEN),
        ("associates", {}, CompletedSeen(("1.0",), True, (GOOD, LATE)), OPEN),
        ("associates_in", {"version": "1.0"}, CompletedSeen(("1.0",), True, (LATE,)), OPEN),
        ("associates", {}, CompletedSeen(("1.0",), True, ()), OPEN),
        ("associates", {}, CompletedSeen(("1.0",), True, (GOOD,), 3), OPEN),
        ("associates", {}, CompletedSeen(("1.0",), True, (GOOD,), 0, (True, False)), OPEN),
        ("associates_in", {"version": "1.0"}, CompletedSeen(("1.0",), True, (BAD, GOOD)), PASS),
        ("associates_in", {"version": "1.0"}, CompletedSeen(("1.0",), True, (BAD,)), FAIL),
        (
            "associates_in",
            {"version": "1.0"},
            CompletedSeen(("1.0",), True, (BAD,), 0, NEITHER),
            OPEN,
        ),
        ("associates_in", {"version": "1.0"}, CompletedSeen(("1.2",), True, ()), FAIL),
        ("associates_in", {"version": "1.0"}, CompletedSeen(("1.0",), True, (LOST,)), OPEN),
        ("associates_in", {"version": "1.0"}, CompletedSeen(("1.0",), True, ()), OPEN),
    ],
)
def test_check(name: str, expect: dict[str, Any], seen: CompletedSeen, expected: Word) -> None:
    assert word(name, seen, **expect) is expected


@pytest.mark.parametrize("mode", ["required", "ignored"])
def test_identities_that_no_library_shows_are_shown_to_servers(
    pki: Pki, tmp_path: Path, mode: str
) -> None:
    kinds = ("key_mismatch", "garbage", "huge")
    with ReferencePeer(pki, policy=Policy(client=mode), idle=0.5) as peer:
        seen = session.show_identities(on(peer, tmp_path), kinds=kinds)
    assert isinstance(seen, AuthenticationSeen), seen
    found = {
        k: s.entered if isinstance(s, AssociationSeen) else s.why for k, s in seen.shown.items()
    }
    assert found == dict.fromkeys(kinds, mode == "ignored")
    if mode == "required":
        judged = ask(checks()["session.refuses_identities"], seen, {"kinds": kinds})
        assert judged.word is PASS, judged
