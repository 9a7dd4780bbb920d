"""The session drivers on the embedded peer: what each sees of a right one, and of faulty ones."""

from __future__ import annotations

import runpy
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from part15.bench import Bench
from part15.drivers import integrity
from part15.drivers import session as drivers
from part15.errors import Trouble
from part15.judge import ask
from part15.model import Judgement, Word
from part15.observations import NotReached, from_json, to_json
from part15.observations.session import AssociationSeen, AuthenticationSeen, UseSeen
from part15.peers.faults import faults
from part15.peers.reference import ReferencePeer
from part15.pki import Pki, make_pki
from part15.registry import checks as registered
from part15.selftest import compare
from part15.selftest_tls import ARENAS
from part15.target_identity import Identity

made = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("session_bench.py"))))


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("session-pki"))


@pytest.fixture(scope="module")
def right(pki: Pki) -> Iterator[ReferencePeer]:
    with ReferencePeer(pki, hosts=("127.0.0.1", "::1"), idle=0.5, artim=0.5) as peer:
        yield peer


@pytest.fixture
def bench(right: ReferencePeer, tmp_path: Path) -> Bench:
    return made.bench_on(right, tmp_path)  # type: ignore[no-any-return]


def judged(check: str, seen: Any, *, module: str = "session", **expect: Any) -> Judgement:
    assert from_json(to_json(seen)) == seen
    return ask(registered()[f"{module}.{check}"], seen, expect)


SERVER: tuple[tuple[str, str, dict[str, Any], str], ...] = (
    ("associate", "associates", {}, "fails_to_echo"),
    ("show_identities", "authenticates", {}, "ignores_client_certificate"),
    ("show_identities", "authenticates", {}, "needs_no_client_certificate"),
    ("show_identities", "authenticates", {}, "accepts_expired_client_certificate"),
    ("show_identities", "authenticates", {}, "accepts_unknown_ca"),
    ("show_identities", "authenticates", {}, "accepts_self_signed"),
    ("show_identities", "refuses_identities", {"kinds": ["revoked"]}, "ignores_revocation"),
    (
        "show_identities",
        "refuses_identities",
        {"kinds": ["rsa_1024", "sha1"]},
        "accepts_weak_client_certificate",
    ),
    ("cross_protocols", "keeps_to_its_protocol", {}, "serves_plain_on_tls_port"),
    ("cross_protocols", "keeps_to_its_protocol", {"of": "dicomweb"}, "answers_http_on_dimse_port"),
    ("observe_use", "enforces_protection", {}, "serves_plain_on_tls_port"),
    ("draw_refusals", "rejects_by_the_table", {}, "rejects_with_undefined_values"),
    ("draw_refusals", "rejects_by_the_table", {}, "rejects_with_undefined_reason"),
    ("draw_refusals", "aborts_by_the_table", {}, "aborts_with_undefined_source"),
    ("draw_refusals", "aborts_by_the_table", {}, "aborts_with_undefined_reason"),
)


@pytest.mark.parametrize(("drive", "check", "expect", "fault"), SERVER)
def test_the_right_peer_passes_and_the_fault_fails(
    pki: Pki, right: ReferencePeer, tmp_path: Path, drive: str, check: str, expect: Any, fault: str
) -> None:
    good = judged(check, getattr(drivers, drive)(made.bench_on(right, tmp_path)), **expect)
    assert good.word is Word.PASS, good
    with ReferencePeer(pki, [fault], idle=0.3, artim=0.3) as peer:
        bad = judged(check, getattr(drivers, drive)(made.bench_on(peer, tmp_path)), **expect)
    assert bad.word is Word.FAIL, bad


def test_damaged_records_end_the_connection(right: ReferencePeer, tmp_path: Path) -> None:
    seen = integrity.damage_records(made.bench_on(right, tmp_path), versions=["1.2", "1.3"])
    answer = judged("drops_connection", seen, module="integrity")
    assert answer.word is Word.PASS, answer
    assert not isinstance(seen, NotReached)
    assert seen.message == "C-STORE"
    assert len(seen.damages) == 18
    assert {d.version for d in seen.damages.values()} == {"TLSv1.2", "TLSv1.3"}
    assert seen.damages[f"{integrity.ANSWER} (TLS 1.3)"].closed
    assert len(right.store.objects) == 3, (
        "the undamaged one, and two of which only the answer was hurt"
    )
    assert {d.alert for k, d in seen.damages.items() if "flipped" in k} == {20}


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_held_connection_fails(pki: Pki, tmp_path: Path, version: str) -> None:
    with ReferencePeer(pki, ["holds_connection_after_damage"], idle=0.3) as peer:
        bench = made.patient(made.bench_on(peer, tmp_path), 0.4)
        damages = ["last octet of the tag flipped"]
        seen = integrity.damage_records(bench, versions=[version], damages=damages)
    assert judged("drops_connection", seen, module="integrity").word is Word.FAIL


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize(("fault", "word"), [("", Word.PASS), ("stores_after_damage", Word.FAIL)])
def test_what_was_stored_of_a_damaged_object_is_seen(
    pki: Pki, tmp_path: Path, fault: str, word: Word, version: str
) -> None:
    stored = tmp_path / "stored"
    stored.mkdir()
    with ReferencePeer(pki, [fault] if fault else [], idle=0.3, folder=stored) as peer:
        seen = integrity.damage_records(made.bench_on(peer, tmp_path), versions=[version])
    answer = judged("drops_connection", seen, module="integrity")
    assert answer.word is word, answer
    assert not isinstance(seen, NotReached)
    kept = {k for k, d in seen.damages.items() if d.stored}
    assert {d.stored for k, d in seen.damages.items() if integrity.ANSWER not in k} == (
        {False, True} if fault else {False}
    )
    late = {f"repeated (TLS {version})", f"cut short (TLS {version})"}
    assert kept == (late if fault else set())
    assert all(d.closed and not d.acknowledged for d in seen.damages.values())
    assert {f.subject for f in answer.findings if f.word is Word.FAIL} == kept
    if fault:
        assert "was stored" in answer.message


def test_storing_after_damage_flips_what_it_names_and_nothing_else() -> None:
    arena = next(a for a in ARENAS if a.name == "B.11")
    fault = faults()["stores_after_damage"]
    run = compare(fault, arena.name, arena.right().words, arena.wrong(fault).words)
    assert run.sound, run
    assert run.flipped == ("B.11-integrity-failure", "TLS-COMMON-integrity-drop")


def test_a_peer_killed_by_a_bad_record_is_no_pass(pki: Pki, tmp_path: Path) -> None:
    with ReferencePeer(pki, ["dies_after_damage"], idle=0.3) as peer:
        seen = integrity.damage_records(made.bench_on(peer, tmp_path), damages=["deleted"])
    assert judged("drops_connection", seen, module="integrity").word is Word.INCONCLUSIVE


def test_silence_is_ended_by_artim_unless_it_is_ignored(pki: Pki, tmp_path: Path) -> None:
    with ReferencePeer(pki, idle=0.3, artim=0.4) as peer:
        seen = drivers.stay_silent(made.bench_on(peer, tmp_path))
        assert judged("closes_when_silent", seen).word is Word.PASS
    with ReferencePeer(pki, ["ignores_artim"], idle=0.3, artim=0.4) as peer:
        seen = drivers.stay_silent(made.bench_on(peer, tmp_path))
        assert judged("closes_when_silent", seen).word is Word.FAIL


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_both_address_families_work(right: ReferencePeer, tmp_path: Path, host: str) -> None:
    seen = drivers.associate(made.bench_on(right, tmp_path, address=right.address(host=host)))
    assert judged("associates", seen).word is Word.PASS


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_versions_can_be_limited(bench: Bench, version: str) -> None:
    seen = drivers.associate(bench, minimum=version, maximum=version)
    assert isinstance(seen, AssociationSeen)
    assert seen.handshake is not None
    assert seen.handshake.version == f"TLSv{version}"
    assert seen.handshake.requested
    assert seen.handshake.presented
    assert seen.handshake.certificate
    assert seen.handshake.code in (0x1302, 0xC02C, 0xC030)


def test_a_missing_identity_is_said_once_and_clearly(right: ReferencePeer, tmp_path: Path) -> None:
    seen = drivers.show_identities(made.bench_on(right, tmp_path, identity=None))
    assert isinstance(seen, NotReached)
    assert "asks for a client certificate; give endpoints.dicom-tls.identity" in seen.why


@pytest.mark.parametrize(
    ("certificate", "key", "words"),
    [
        ("expired", "expired", "expired on"),
        ("untrusted", "untrusted", "the product did not accept our certificate"),
    ],
)
def test_a_refused_identity_is_explained(
    right: ReferencePeer, pki: Pki, tmp_path: Path, certificate: str, key: str, words: str
) -> None:
    mine = Identity(certificate=str(pki[certificate].certificate), key=str(pki[key].key))
    seen = drivers.associate(made.bench_on(right, tmp_path, identity=mine))
    assert isinstance(seen, NotReached)
    assert words in seen.why


@pytest.mark.parametrize(
    ("certificate", "key", "words"),
    [
        ("client", "client-2", "does not belong to the certificate"),
        ("garbage", "client", "not a PEM certificate and key"),
    ],
)
def test_an_unusable_identity_is_trouble(
    right: ReferencePeer, pki: Pki, tmp_path: Path, certificate: str, key: str, words: str
) -> None:
    mine = Identity(certificate=str(pki[certificate].certificate), key=str(pki[key].key))
    with pytest.raises(Trouble, match=words):
        drivers.associate(made.bench_on(right, tmp_path, identity=mine))


def test_a_wrong_ae_title_is_named(right: ReferencePeer, tmp_path: Path) -> None:
    seen = drivers.associate(made.bench_on(right, tmp_path, ae_title="WRONG"))
    assert isinstance(seen, NotReached)
    assert "was rejected (1, 1, 7)" in seen.why


def test_identities_that_are_not_given_are_not_refused(
    right: ReferencePeer, tmp_path: Path
) -> None:
    seen = drivers.show_identities(made.bench_on(right, tmp_path, identities={}))
    assert isinstance(seen, AuthenticationSeen)
    answer = judged("authenticates", seen)
    assert answer.word is Word.INCONCLUSIVE
    assert "give endpoints.dicom-tls.identities.expired" in answer.message
    assert judged("authenticates", seen, needed=["none", "unknown_ca"]).word is Word.PASS
    assert judged("refuses_identities", seen, kinds=["revoked"]).word is Word.INCONCLUSIVE


def test_a_closed_port_is_trouble_and_never_a_pass(pki: Pki, tmp_path: Path) -> None:
    with ReferencePeer(pki, idle=0.3) as peer:
        gone = made.bench_on(peer, tmp_path)
    with pytest.raises(Trouble, match="nothing accepts connections"):
        drivers.associate(gone)


def test_a_peer_that_dies_leaves_no_pass_behind(pki: Pki, tmp_path: Path) -> None:
    with ReferencePeer(pki, ["dies_after_refused_offer"], idle=0.3) as peer:
        bench = made.bench_on(peer, tmp_path)
        seen = drivers.show_identities(bench, kinds=["expired", "none", "unknown_ca"])
    assert isinstance(seen, AuthenticationSeen)
    assert not seen.after.accepted
    assert judged("authenticates", seen).word is Word.INCONCLUSIVE


def test_a_plain_port_taken_for_tls_is_named(pki: Pki, tmp_path: Path) -> None:
    with ReferencePeer(pki, plain=True, idle=0.3) as peer:
        bench = made.bench_on(peer, tmp_path, address=peer.address("dicom-plain"))
        seen = drivers.associate(bench)
    assert isinstance(seen, NotReached)
    assert 'set transport = "plain"' in seen.why


@pytest.mark.parametrize(
    ("endpoint", "faults", "state"),
    [
        ("dicom-tls", [], "used, not enforced"),
        ("dicom-plain", [], "available, not used"),
    ],
)
def test_the_state_of_use(
    pki: Pki, tmp_path: Path, endpoint: str, faults: list[str], state: str
) -> None:
    with ReferencePeer(pki, faults, plain=True, idle=0.3) as peer:
        seen = drivers.observe_use(made.bench_on(peer, tmp_path, endpoint))
    assert isinstance(seen, UseSeen)
    assert seen.state == state
    answer = judged("enforces_protection", seen, reading="T-10")
    assert answer.word is (Word.PASS if endpoint == "dicom-tls" else Word.WARN)


def test_a_plain_endpoint_without_tls_is_absent(pki: Pki, tmp_path: Path) -> None:
    with ReferencePeer(pki, plain=True, idle=0.3) as peer:
        document = peer.document()
        del document["endpoints"]["dicom-tls"]
        peer_like = SimpleNamespace(document=lambda: {**document, "claims": {}})
        seen = drivers.observe_use(made.bench_on(peer_like, tmp_path, "dicom-plain"))
    assert isinstance(seen, UseSeen)
    assert seen.state == "absent"


def test_ports_are_read_from_the_target(bench: Bench) -> None:
    seen = drivers.list_ports(bench)
    assert list(seen.ports) == ["dicom-tls"]
    assert judged("keeps_ports_apart", seen).word is Word.PASS


def hostile(answer: bytes, *, drip: bool = False) -> Iterator[int]:
    """Serve *answer* to everybody, or octet by octet, until the test is over."""
    listening = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def one(sock: socket.socket) -> None:
        with sock:
            try:
                sock.settimeout(2)
                sock.recv(65536)
                for at in range(0, len(answer), 1 if drip else max(len(answer), 1)):
                    sock.sendall(answer[at : at + 1] if drip else answer)
                    if drip and over.wait(0.02):
                        return
                over.wait(1.0)
            except OSError:
                return

    def serve() -> None:
        while True:
            try:
                sock, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(sock,), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listening.getsockname()[1]
    over.set()
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join(2)


@pytest.mark.parametrize(
    ("answer", "drip"),
    [
        (b"", False),
        (b"SSH-2.0-OpenSSH\r\n" * 100, False),
        (b"\x16\x03\x03\xff\xff" + bytes(70000), False),
        (b"\x15\x03\x03\x00\x02\x01\x5a" * 5000, False),
        (b"\x16\x03\x03\x40\x00" + bytes(16384), True),
    ],
)
def test_hostile_servers_are_never_a_pass(
    right: ReferencePeer, tmp_path: Path, answer: bytes, drip: bool
) -> None:
    for port in hostile(answer, drip=drip):
        bench = made.patient(made.bench_on(right, tmp_path, address=f"127.0.0.1:{port}"), 0.4)
        for drive in (
            drivers.associate,
            drivers.show_identities,
            drivers.cross_protocols,
            drivers.observe_use,
        ):
            assert isinstance(drive(bench), NotReached)
