"""Kerberos against a real MIT KDC: its tickets, its library as service, our verification of its server tickets."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from part15.bench import Bench, Ledger, Shelf
from part15.drivers import identity, identity_requests
from part15.errors import TargetError
from part15.evidence import Drawer
from part15.judge import ask
from part15.model import Judgement, Word
from part15.observations import NotReached
from part15.observations.identity import (
    IdentitiesSeen,
    ReactionsSeen,
    RequestSeen,
    WrongIdentitiesSeen,
)
from part15.peers.media_samples import image
from part15.registry import checks
from part15.target_file import parse_target

HERE = Path(__file__).parent
made = SimpleNamespace(**runpy.run_path(str(HERE / "kdc.py")))
REALM, program = made.REALM, made.program
Kdc = Any
MISSING = [name for name in made.PROGRAMS if program(name) is None]
REQUIRED = os.environ.get("PART15_REQUIRE_PEERS") == "1"
SERVICE, OTHER = "dicom/archive", "dicom/elsewhere"

pytestmark = [
    pytest.mark.peer(name="krb5kdc"),
    pytest.mark.skipif(
        bool(MISSING) and not REQUIRED,
        reason=f"no MIT Kerberos: {', '.join(MISSING)} not installed",
    ),
]

Verify = Callable[[bytes], tuple[bool, bytes | None]]


@pytest.fixture(scope="module")
def kdc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kdc]:
    with made.running_kdc(tmp_path_factory.mktemp("kdc")) as found:
        yield found


@pytest.fixture(scope="module")
def keytab(kdc: Kdc) -> Path:
    kdc.service(OTHER)
    return kdc.service(SERVICE, types="aes256-sha2:normal")


@pytest.fixture
def mit(kdc: Kdc, keytab: Path) -> Iterator[Verify]:
    """MIT's library as the authentication system of a service."""
    command = [sys.executable, str(HERE / "mit_service.py"), str(keytab), f"{SERVICE}@{REALM}"]
    process = subprocess.Popen(
        command, env=kdc.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    assert process.stdout
    asking, answering = process.stdin, process.stdout

    def verify(octets: bytes) -> tuple[bool, bytes | None]:
        asking.write(octets.hex() + "\n")
        asking.flush()
        said = answering.readline().strip()
        return (False, None) if said.startswith("refused") else (True, bytes.fromhex(said))

    yield verify
    asking.close()
    process.wait(10)
    answering.close()


@pytest.fixture
def service(mit: Verify) -> Iterator[Callable[[Verify], int]]:
    """Start pynetdicom with the authentication that is given; its port."""
    running = []

    def start(verify: Verify) -> int:
        def user(event: Any) -> tuple[bool, bytes | None]:
            return verify(event.primary_field) if event.user_id_type == 3 else (False, None)

        entity = AE(ae_title="KERBERIZED")
        entity.add_supported_context(Verification)
        running.append(
            entity.start_server(
                ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_USER_ID, user)]
            )
        )
        return int(running[-1].server_address[1])

    yield start
    for server in running:
        server.shutdown()


def bench_on(folder: Path, port: int, user: dict[str, Any]) -> Bench:
    target = parse_target(
        {
            "target": {"name": "kerberized"},
            "claims": {"user-identity-kerberos": ["association-acceptor"]},
            "endpoints": {"plain": {"address": f"127.0.0.1:{port}", "transport": "plain"}},
            "users": {"carol": {"type": 3, **user}},
            "limits": {"impact": "credential", "wrong_credentials": 20},
        },
        folder=folder,
    )
    drawer = Drawer(folder / "evidence")
    return Bench(target, target.endpoints["plain"], drawer, Ledger(), Shelf(), folder, 5.0, "t")


def judged(check: str, seen: Any, **expect: Any) -> Judgement:
    return ask(checks()[check], seen, expect)


def by_cache(kdc: Kdc) -> dict[str, Any]:
    return {"cache": str(kdc.login("carol", SERVICE, OTHER)), "service": SERVICE}


def test_a_service_with_the_mit_library_is_let_through(
    kdc: Kdc, mit: Verify, service: Callable[[Verify], int], tmp_path: Path
) -> None:
    bench = bench_on(tmp_path, service(mit), by_cache(kdc))
    seen, wrong = identity.show_users(bench), identity.show_wrong(bench)
    assert isinstance(seen, IdentitiesSeen)
    assert isinstance(wrong, WrongIdentitiesSeen)
    assert judged("identity.accepts_identities", seen, types=[3]).word is Word.PASS
    answered = judged("identity.responds_when_asked", seen, types=[3], content="DER")
    assert answered.word is Word.PASS
    assert "verifies with our session key" in answered.message
    refused = judged("identity.refuses_wrong_identities", wrong, types=[3])
    assert refused.word is Word.PASS
    shown = {a.shown for a in wrong.answers}
    assert {
        "replayed ticket",
        "changed ticket",
        "ticket for another service",
        "authenticator of an hour ago",
        "authenticator under another key",
        "authenticator of another client",
    } <= shown
    assert not wrong.left
    assert "(2, 2, 1)" in judged("identity.rejects_as_defined", wrong).message


def test_a_server_ticket_that_answers_something_else_fails(
    kdc: Kdc, mit: Verify, service: Callable[[Verify], int], tmp_path: Path
) -> None:
    old: list[bytes | None] = []

    def stale(octets: bytes) -> tuple[bool, bytes | None]:
        welcome, reply = mit(octets)
        old.append(reply)
        return welcome, old[0]

    seen = identity.show_users(bench_on(tmp_path, service(stale), by_cache(kdc)))
    found = judged("identity.responds_when_asked", seen, types=[3], content="DER")
    assert found.word is Word.FAIL
    assert "another authenticator" in found.message


def test_a_service_without_authentication_fails(
    kdc: Kdc, service: Callable[[Verify], int], tmp_path: Path
) -> None:
    bench = bench_on(tmp_path, service(lambda _: (True, b"\x6f\x03\x02\x01\x05")), by_cache(kdc))
    seen, wrong = identity.show_users(bench), identity.show_wrong(bench)
    found = judged("identity.responds_when_asked", seen, types=[3], content="DER")
    assert "does not verify" in found.message
    assert judged("identity.refuses_wrong_identities", wrong, types=[3]).word is Word.FAIL


def test_an_expired_ticket_is_refused_and_named(
    kdc: Kdc, mit: Verify, service: Callable[[Verify], int], tmp_path: Path
) -> None:
    cache = kdc.login("carol", SERVICE, life="2s")
    late = {"cache": str(cache), "service": SERVICE}
    until = time.monotonic() + 10
    while time.monotonic() < until:
        time.sleep(0.5)
        try:
            identity.show_users(bench_on(tmp_path, service(mit), late))
        except TargetError as error:
            assert "has expired; log in anew" in str(error)
            return
    pytest.fail("a ticket of two seconds does not expire")


def test_a_fixed_ticket_is_shown_once(
    kdc: Kdc, keytab: Path, mit: Verify, service: Callable[[Verify], int], tmp_path: Path
) -> None:
    ticket = tmp_path / "ap-req.bin"
    ticket.write_bytes(apreq(kdc))
    bench = bench_on(tmp_path, service(mit), {"ticket": f"file:{ticket}"})
    seen = identity.show_users(bench)
    assert judged("identity.accepts_identities", seen, types=[3]).word is Word.PASS
    found = judged("identity.responds_when_asked", seen, types=[3], content="DER")
    assert found.word is Word.INCONCLUSIVE
    assert "could not be verified without the session key" in found.message
    wrong = identity.show_wrong(bench)
    assert isinstance(wrong, NotReached)
    assert "give cache and service" in wrong.why


def apreq(kdc: Kdc) -> bytes:
    """Return an AP-REQ that MIT's library made."""
    cache = kdc.login("carol", SERVICE)
    command = [sys.executable, str(HERE / "mit_service.py"), "request"]
    said = subprocess.run(
        [*command, str(cache), f"{SERVICE}@{REALM}"],
        env=kdc.env,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return bytes.fromhex(said.stdout.strip())


def test_a_command_that_prints_tickets_serves_as_well(
    kdc: Kdc, keytab: Path, mit: Verify, service: Callable[[Verify], int], tmp_path: Path
) -> None:
    cache = kdc.login("carol", SERVICE)
    script = tmp_path / "fresh.py"
    script.write_text(
        "import os, subprocess, sys\n"
        f"env = {{**os.environ, 'KRB5_CONFIG': {kdc.env['KRB5_CONFIG']!r}}}\n"
        f"said = subprocess.run([sys.executable, {str(HERE / 'mit_service.py')!r}, 'request', "
        f"{str(cache)!r}, {f'{SERVICE}@{REALM}'!r}], env=env, capture_output=True, text=True, check=True)\n"
        "sys.stdout.buffer.write(bytes.fromhex(said.stdout.strip()))\n"
    )
    bench = bench_on(tmp_path, service(mit), {"command": [sys.executable, str(script)]})
    seen, wrong = identity.show_users(bench), identity.show_wrong(bench)
    assert judged("identity.accepts_identities", seen, types=[3]).word is Word.PASS
    assert judged("identity.refuses_wrong_identities", wrong, types=[3]).word is Word.PASS


@pytest.mark.peer(name="storescu")
def test_storescu_shows_a_ticket_of_the_kdc(kdc: Kdc, keytab: Path, tmp_path: Path) -> None:
    """DCMTK carries an AP-REQ unchanged; for a ticket it does not miss the 59H that it asked for."""
    if program("storescu") is None:
        assert not REQUIRED, "storescu is not installed"
        pytest.skip("storescu is not installed")
    (tmp_path / "object.dcm").write_bytes(image())
    (tmp_path / "ap-req.bin").write_bytes(apreq(kdc))
    trigger = [
        "storescu",
        "-aec",
        "{aet}",
        "-kt",
        "ap-req.bin",
        "-rsp",
        "{host}",
        "{port}",
        "object.dcm",
    ]
    target = parse_target(
        {
            "target": {"name": "storescu"},
            "listeners": {"own": {"transport": "plain", "trigger": trigger}},
        },
        folder=tmp_path,
    )
    then = {}
    for answer in ("59H", "no 59H"):
        bench = Bench(
            target,
            target.listeners["own"],
            Drawer(tmp_path / answer),
            Ledger(),
            Shelf(),
            tmp_path,
            5.0,
            "t",
        )
        seen = identity_requests.receive(bench, answer=answer)
        assert isinstance(seen, RequestSeen)
        assert judged("identity_request.sends_types", seen, types=[3]).word is Word.PASS
        assert judged("identity_request.fills_primary_field", seen).word is Word.PASS
        then[answer] = seen.then
    assert set(then.values()) == {"went on"}
    own = target.listeners["own"].model_copy(update={"keytab": str(keytab)})
    bench = Bench(target, own, Drawer(tmp_path / "react"), Ledger(), Shelf(), tmp_path, 5.0, "t")
    reactions = identity_requests.react(bench)
    assert isinstance(reactions, ReactionsSeen)
    assert [i.proof for i in reactions.seen[0].items] == ["verified"]
    trusting = judged("identity_request.verifies_server_ticket", reactions)
    assert trusting.word is Word.FAIL
    assert "went on; verify what the server returns" in trusting.message
    told = judged("identity_request.tells_how_it_reacts", reactions)
    assert "rejected: closed" in told.message
