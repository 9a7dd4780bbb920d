"""User identity end to end: the embedded archive and requestor, their faults, and what a run writes."""

from __future__ import annotations

import dataclasses
import functools
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from part15.bench import Bench, Ledger, Shelf
from part15.checks import identity as checks
from part15.drivers import identity, identity_requests
from part15.evidence import Drawer
from part15.model import Word
from part15.observations import NotReached
from part15.observations.identity import IdentitiesSeen, RequestSeen, WrongIdentitiesSeen
from part15.peers.archive import CLAIMS, USERS, Archive
from part15.peers.archive_faults_identity import IDENTITY
from part15.peers.faults import Fault
from part15.peers.requestor import FAULTS
from part15.pki import Pki, make_pki
from part15.selftest import Judged, compare
from part15.selftest_archive import ARENAS, RequestorArena
from part15.target_file import parse_target

ACCEPTOR, BY_TOKEN = ARENAS[0], next(a for a in ARENAS if a.name == "user identity by token")
MINE = [fault for fault in IDENTITY if fault.family == "identity"]
REQUESTORS = [a for a in ARENAS if a.name.endswith("as requestor")]


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("identity-pki"))


@pytest.fixture(scope="module")
def archive(pki: Pki) -> Iterator[Archive]:
    with Archive(pki, artim=0.5, idle=1.0) as found:
        yield found


def bench_on(archive: Archive, folder: Path, endpoint: str = "dicom-plain", **limits: int) -> Bench:
    document = archive.document(claims=CLAIMS)
    document["limits"] = {"impact": "credential", **limits}
    target = parse_target(document)
    where = target.endpoints[endpoint]
    return Bench(target, where, Drawer(folder / "evidence"), Ledger(), Shelf(), folder, 2.0, "t")


@pytest.fixture(scope="module")
def right() -> Judged:
    return ACCEPTOR.right()


def test_the_right_archive_fails_nothing(right: Judged) -> None:
    assert right.unclean == ()
    wrong = {
        c: w for c, w in right.words.items() if w in (Word.FAIL, Word.ERROR, Word.INCONCLUSIVE)
    }
    assert wrong == {}


@pytest.mark.parametrize("fault", MINE, ids=lambda f: f.name)
def test_each_fault_of_an_acceptor_flips_its_clauses(right: Judged, fault: Fault) -> None:
    if not any(c in right.words for c in fault.flips):
        assert fault in BY_TOKEN.faults()
        return
    run = compare(fault, ACCEPTOR.name, right.words, ACCEPTOR.wrong(fault).words)
    assert run.sound, run


@pytest.fixture(scope="module")
def right_by_token() -> Judged:
    return BY_TOKEN.right()


def test_the_right_archive_fails_nothing_by_token(right_by_token: Judged) -> None:
    own = {c: w for c, w in right_by_token.words.items() if c.startswith("site-jwt")}
    assert len(own) == 5
    assert set(own.values()) == {Word.PASS}


@pytest.mark.parametrize("fault", BY_TOKEN.faults(), ids=lambda f: f.name)
def test_each_fault_flips_the_clauses_of_tokens(right_by_token: Judged, fault: Fault) -> None:
    run = compare(fault, BY_TOKEN.name, right_by_token.words, BY_TOKEN.wrong(fault).words)
    assert run.sound, run


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.name)
def test_each_fault_of_a_requestor_flips_its_clauses(fault: Fault) -> None:
    arena = next(a for a in REQUESTORS[::-1] if fault in a.faults())
    if fault.name.startswith("sends_s") or len(fault.flips) < 3:
        arena = next(a for a in REQUESTORS if a.profiles[1:])
    run = compare(fault, arena.name, right_requestor(arena).words, arena.wrong(fault).words)
    assert run.flipped
    assert not run.strays


@functools.cache
def right_requestor(arena: RequestorArena) -> Judged:
    return arena.right()


def test_the_right_requestor_fails_nothing() -> None:
    arena = next(a for a in REQUESTORS if a.profiles[1:])
    words = right_requestor(arena).words
    wrong = {c for c, w in words.items() if w not in (Word.PASS, Word.INFO)}
    assert wrong <= {"UID-cleartext-passcode"}
    assert words["UID-ac-ticket-verified"] is Word.PASS


@pytest.mark.parametrize("endpoint", ["dicom-plain", "dicom-tls"])
def test_users_are_shown_with_and_without_a_response(
    archive: Archive, tmp_path: Path, endpoint: str
) -> None:
    seen = identity.show_users(bench_on(archive, tmp_path, endpoint))
    assert isinstance(seen, IdentitiesSeen)
    assert [(a.kind, a.positive, len(a.responses)) for a in seen.answers] == [
        (kind, positive, int(positive)) for kind in (1, 2, 3, 4) for positive in (False, True)
    ]
    assert seen.environment == ("alone" if endpoint == "dicom-plain" else "with tls")


def test_wrong_credentials_stay_within_the_limit(archive: Archive, tmp_path: Path) -> None:
    plain = bench_on(archive, tmp_path, wrong_credentials=3)
    secure = dataclasses.replace(plain, endpoint=plain.target.endpoints["dicom-tls"])
    first, second = identity.show_wrong(plain), identity.show_wrong(secure)
    assert isinstance(first, WrongIdentitiesSeen)
    assert isinstance(second, WrongIdentitiesSeen)
    assert [len(seen.answers) for seen in (first, second)] == [2, 1]
    assert first.left
    again = identity.show_wrong(plain)
    assert isinstance(again, NotReached)
    assert again.step == "limits.wrong_credentials"


def test_no_credential_is_in_any_file_that_is_written(archive: Archive, tmp_path: Path) -> None:
    bench = bench_on(archive, tmp_path, wrong_credentials=30)
    for drive in (identity.show_users, identity.show_wrong, identity.show_variants):
        drive(bench)
    written = [p for p in (tmp_path / "evidence").rglob("*") if p.is_file()]
    assert len(written) > 20
    secrets = [USERS["alice"], b"thorns", bytes(reversed(USERS["alice"]))]
    for path in written:
        octets = path.read_bytes()
        assert not [s for s in secrets if s in octets], path.name


def test_a_dead_acceptor_passes_nothing(archive: Archive, tmp_path: Path) -> None:
    seen = identity.show_wrong(bench_on(archive, tmp_path, wrong_credentials=1))
    assert isinstance(seen, WrongIdentitiesSeen)
    dead = dataclasses.replace(seen, after=dataclasses.replace(seen.after, outcome="closed"))
    assert checks.refuses_wrong_identities(seen, types=[2]).word is Word.PASS
    assert checks.refuses_wrong_identities(dead, types=[2]).word is Word.INCONCLUSIVE
    assert checks.rejects_as_defined(dead).word is Word.INCONCLUSIVE


def test_a_silent_port_is_inconclusive(archive: Archive, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        bench = bench_on(archive, tmp_path)
        where = bench.endpoint.model_copy(
            update={"address": f"127.0.0.1:{silent.getsockname()[1]}"}
        )
        seen = identity.show_users(dataclasses.replace(bench, endpoint=where, deadline=0.1))
    assert isinstance(seen, IdentitiesSeen)
    for judged in (
        checks.accepts_identities(seen, types=[1, 2]),
        checks.responds_when_asked(seen, types=[1, 2]),
        checks.stays_silent_unasked(seen),
        checks.stays_silent_without_identity(seen),
        checks.lays_out_responses(seen),
        checks.sends_one_response(seen),
        checks.leaves_responses_empty(seen),
    ):
        assert judged.word is Word.INCONCLUSIVE


def listening(tmp_path: Path, **listener: object) -> Bench:
    document = {
        "target": {"name": "x"},
        "listeners": {"own": {"transport": "plain", "wait": 0.3, **listener}},
    }
    target = parse_target(document, folder=tmp_path)
    return Bench(
        target,
        target.listeners["own"],
        Drawer(tmp_path / "evidence"),
        Ledger(),
        Shelf(),
        tmp_path,
        0.3,
        "t",
    )


def test_a_product_that_does_not_connect_is_not_judged(tmp_path: Path) -> None:
    seen = identity_requests.receive(listening(tmp_path, trigger=["true"]))
    assert isinstance(seen, NotReached)
    assert seen.step == "trigger"


def test_garbage_to_our_acceptor_ends_in_time(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    bench = listening(tmp_path, trigger=["true"], port=port, wait=1.0)
    found: list[RequestSeen | NotReached] = []
    runner = threading.Thread(target=lambda: found.append(identity_requests.receive(bench)))
    runner.start()
    for octets in (
        b"",
        b"\x01\0\0\0\xff\xff",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x01\0\xff\xff\xff\xff",
    ):
        for _ in range(50):
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1) as sock:
                    sock.sendall(octets)
                break
            except OSError:
                continue
    runner.join(10)
    assert isinstance(found[0], NotReached)
