"""The TLS drivers against servers made of scripts: every way not to answer is bounded and told apart."""

from __future__ import annotations

import dataclasses
import itertools
import socket
import struct
import threading
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from part15.bench import Bench, Ledger, Shelf
from part15.channel import tcp
from part15.drivers import tls
from part15.drivers.tls_certificates import with_leaf
from part15.errors import Trouble
from part15.judge import ask
from part15.model import Word
from part15.observations import Many, NotReached, from_json, to_json
from part15.observations.tls import HellosSeen, SuitesSeen
from part15.registry import checks
from part15.target import Endpoint
from part15.wire import tls_hello, tls_server
from part15.wire import tls_records as records
from part15.wire.tls_octets import Malformed

Answer = Callable[["Asked"], bytes | None]
REFUSAL = records.encode_alert(2, 40)
OLD = records.encode_alert(2, 70)


class Asked:
    """What a scripted server is asked; *hello* is None for anything that is not a ClientHello."""

    def __init__(self, connection: socket.socket, octets: bytes) -> None:
        self.connection, self.octets = connection, octets
        self.hello: tls_hello.ClientHello | None = None
        if octets[:1] == b"\x80":  # SSL 2.0
            return
        joined = b"".join(r.fragment for r in records.Deframer().feed(octets) if r.type == 22)
        if joined[:1] == b"\x01":
            self.hello = tls_hello.parse_body(joined[4:])

    def picks(self, *suites: int, version: int = 0x0303) -> bytes | None:
        """Return the flight that selects the first of *suites* that is offered, if the version is."""
        assert self.hello is not None
        if version not in tls_hello.offered_versions(self.hello):
            return None
        found = next((s for s in suites if s in self.hello.suites), None)
        return None if found is None else hello_of(found, version)


def hello_of(
    suite: int, version: int = 0x0303, extensions: tuple[tuple[int, bytes], ...] = ()
) -> bytes:
    more = (
        ((43, struct.pack(">H", version)), (51, b"\x00\x17")) if version == 0x0304 else extensions
    )
    made = tls_server.ServerHello(min(version, 0x0303), bytes(32), b"", suite, 0, more)
    done = records.encode_records(22, records.encode_message(14, b""))
    return tls_server.encode_server_hello(made) + (b"" if version == 0x0304 else done)


class Scripted:
    """A TCP server that answers each ClientHello by a script."""

    def __init__(self, script: Answer) -> None:
        self.script, self.asked = script, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                self._one(connection)

    def _one(self, connection: socket.socket) -> None:
        connection.settimeout(2)
        try:
            octets = connection.recv(65536)
            self.asked += 1
            if octets:
                connection.sendall(self.script(Asked(connection, octets)) or REFUSAL)
        except (OSError, Malformed):
            return

    def stop(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(3)


class Sink:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def keep(self, name: str, data: bytes, *, phi: str = "none") -> None:
        assert phi == "none"
        self.kept[name] = data


Serve = Callable[[Answer], Scripted]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[Scripted] = []

    def start(script: Answer) -> Scripted:
        servers.append(Scripted(script))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def bench(
    port: int, folder: Path, *, others: tuple[int, ...] = (), deadline: float = 0.5, **more: Any
) -> Bench:
    points = {
        name: Endpoint(id=name, address=f"127.0.0.1:{p}", **more)
        for name, p in zip(("one", "two"), (port, *others), strict=False)
    }
    return Bench(
        target=types.SimpleNamespace(endpoints=points),
        endpoint=points["one"],
        evidence=Sink(),
        ledger=Ledger(),
        shelf=Shelf(),
        scratch=folder,
        deadline=deadline,
    )


def usual(asked: Asked) -> bytes | None:
    """A server of TLS 1.2 and 1.3 with four suites."""
    if asked.hello is None:
        return REFUSAL
    newest = max(v for v in tls_hello.offered_versions(asked.hello) if v <= 0x0304)
    if newest < 0x0303:
        return OLD
    return asked.picks(0x1301, 0x1302, version=0x0304) or asked.picks(0xC030, 0xC02F)


def enumerated(b: Bench, **arguments: Any) -> SuitesSeen:
    seen = tls.enumerate(b, **arguments)
    assert isinstance(seen, SuitesSeen), seen
    assert from_json(to_json(seen)) == seen
    return seen


def test_elimination_finds_all_suites_with_few_connections(serve: Serve, tmp_path: Path) -> None:
    server = serve(usual)
    b = bench(server.port, tmp_path)
    seen = enumerated(b)
    assert seen.accepted("1.3") == (0x1301, 0x1302)
    assert seen.accepted("1.2") == (0xC030, 0xC02F)
    assert seen.negotiated == ("1.3", "1.2")
    assert all(version.complete for version in seen.versions)
    assert seen.before.ok
    assert seen.after.ok
    assert seen.types == ("RSA",)
    assert seen.chooses_itself, "the script prefers the suite that is offered last"
    assert seen.connections == server.asked <= 4 + 5 + 1
    assert b.ledger.connections == {b.endpoint.address: seen.connections}
    assert b"TLS 1.3" in b.evidence.kept["transcript.txt"]  # type: ignore[attr-defined]
    enumerated(b)
    assert server.asked == seen.connections, "a survey is made once per run"


def test_a_server_that_dislikes_large_hellos_is_enumerated_in_batches(
    serve: Serve, tmp_path: Path
) -> None:
    def script(asked: Asked) -> bytes | None:
        if asked.hello is None or len(asked.hello.suites) > 100:
            return None
        return asked.picks(0xC030, 0x002F)

    seen = enumerated(bench(serve(script).port, tmp_path))
    assert set(seen.accepted("1.2")) == {0xC030, 0x002F}
    assert seen.versions[1].complete


def test_a_narrowed_enumeration_offers_its_own_set_only(serve: Serve, tmp_path: Path) -> None:
    server = serve(usual)
    b = bench(server.port, tmp_path)
    whole = enumerated(b)
    part = enumerated(b, suites="table:tls-rfc9325-recommended", versions=["1.2", "1.1"])
    assert [found.version for found in part.versions] == ["1.2", "1.1"]
    assert part.accepted("1.2") == (0xC030, 0xC02F)
    assert set(part.hellos[0].suites) == {0xC02F, 0xC030, 0xC02B, 0xC02C}
    assert enumerated(b, versions=["1.2"]).versions == (whole.versions[1],)


def test_one_reset_is_not_taken_for_a_refusal_and_a_habit_is_learnt(
    serve: Serve, tmp_path: Path
) -> None:
    state = {"count": 0}

    def shaky(asked: Asked) -> bytes | None:
        state["count"] += 1
        return drop(asked) if state["count"] in (2, 5) else usual(asked)

    assert enumerated(bench(serve(shaky).port, tmp_path)).accepted("1.2") == (0xC030, 0xC02F)

    def curt(asked: Asked) -> bytes | None:
        answer = usual(asked)
        return answer if answer not in (None, OLD) else drop(asked)

    server = serve(curt)
    seen = enumerated(bench(server.port, tmp_path))
    assert all(version.complete for version in seen.versions)
    assert seen.connections <= 4 + 5 + 2


def test_a_lower_version_in_answer_is_no_acceptance(serve: Serve, tmp_path: Path) -> None:
    def script(asked: Asked) -> bytes | None:
        assert asked.hello is not None
        return (
            hello_of(0x002F, 0x0301)
            if asked.hello.version >= 0x0301 and 0x002F in asked.hello.suites
            else None
        )

    seen = enumerated(bench(serve(script).port, tmp_path))
    assert seen.negotiated == ("1.0",)
    assert seen.accepted("1.0") == (0x002F,)


def test_a_server_hello_alone_is_no_service(serve: Serve, tmp_path: Path) -> None:
    def script(asked: Asked) -> bytes | None:
        return hello_of(0xC02F)[:-9]

    seen = tls.enumerate(bench(serve(script).port, tmp_path, deadline=0.2))
    assert isinstance(seen, NotReached)
    assert "did not end" in seen.why


def test_a_higher_version_than_was_offered_refuses_nothing(serve: Serve, tmp_path: Path) -> None:
    def script(asked: Asked) -> bytes | None:
        if asked.hello is None or 0x1301 in asked.hello.suites:
            return OLD
        return hello_of(0xC02F if 0xC02F in asked.hello.suites else 0x002F)

    seen = enumerated(bench(serve(script).port, tmp_path))
    word = ask(checks()["tls.refuses"], seen, {"versions": ["1.1", "1.0"]}).word
    assert word is Word.INCONCLUSIVE


def test_a_reset_is_asked_for_again_before_it_counts(serve: Serve, tmp_path: Path) -> None:
    count = itertools.count()

    def script(asked: Asked) -> bytes | None:
        return drop(asked) if next(count) % 2 else usual(asked)

    b = bench(serve(script).port, tmp_path)
    seen = tls.offer(b, versions=["1.2"], variants=[{}, {"alpn": ["dicom"]}, {"fallback": True}])
    assert isinstance(seen, HellosSeen)
    assert [hello.outcome for hello in seen.hellos] == ["hello"] * 3


def test_a_suite_that_was_not_offered_ends_the_enumeration(serve: Serve, tmp_path: Path) -> None:
    seen = enumerated(bench(serve(lambda _: hello_of(0xC02F)).port, tmp_path))
    assert seen.accepted("1.2") == (0xC02F,)
    assert not seen.versions[1].complete


def trickle(data: bytes, pause: float = 0.02) -> Answer:
    def script(asked: Asked) -> bytes | None:
        for octet in data:
            asked.connection.sendall(bytes([octet]))
            time.sleep(pause)
        return b"\x15"

    return script


def flood(asked: Asked) -> bytes:
    block = records.encode_records(22, bytes(16000))
    for _ in range(1000):
        asked.connection.sendall(block)
    return b""


def hang(asked: Asked) -> bytes | None:
    asked.connection.recv(1)
    return b""


def drop(asked: Asked) -> bytes:
    asked.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    asked.connection.close()
    return b""


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n", "port without TLS"),
        (lambda _: b"\x03\x00\x00\x00\x00\x04\x00\x01\x01\x01", "port without TLS"),
        (hang, "no answer within the deadline"),
        (trickle(b"\x16\x03\x03\x00\x40", 0.1), "unfinished answer"),
        (flood, "malformed"),
        (drop, "reset"),
        (lambda _: records.encode_alert(1, 90) * 200, "oversize"),
    ],
    ids=["http", "dicom", "hang", "drip", "flood", "reset", "warnings"],
)
def test_servers_that_do_not_speak_tls_decide_nothing(
    serve: Serve, tmp_path: Path, script: Answer, told: str
) -> None:
    started = time.monotonic()
    seen = tls.enumerate(bench(serve(script).port, tmp_path, deadline=0.25))
    assert isinstance(seen, NotReached)
    assert seen.step == "control"
    assert told in seen.why
    assert time.monotonic() - started < 8


def test_a_slow_server_is_still_a_server(serve: Serve, tmp_path: Path) -> None:
    def script(asked: Asked) -> bytes | None:
        answer = asked.picks(0xC02F) if asked.hello else None
        for octet in (answer or REFUSAL)[:-1]:
            asked.connection.sendall(bytes([octet]))
        return (answer or REFUSAL)[-1:]

    assert enumerated(bench(serve(script).port, tmp_path)).accepted("1.2") == (0xC02F,)


def test_nothing_listens_is_trouble(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    with pytest.raises(Trouble, match=r"nothing accepts connections on 127\.0\.0\.1") as caught:
        tls.enumerate(bench(port, tmp_path))
    assert caught.value.step == "connect"


def offered(b: Bench, **arguments: Any) -> HellosSeen:
    seen = tls.offer(b, **arguments)
    assert isinstance(seen, HellosSeen), seen
    assert from_json(to_json(seen)) == seen
    return seen


def test_offers_are_bracketed_by_controls(serve: Serve, tmp_path: Path) -> None:
    server = serve(usual)
    b = bench(server.port, tmp_path)
    seen = offered(b, versions=["1.1"], suites=["0x002F"], await_close=True)
    (hello,) = seen.hellos
    assert (hello.outcome, hello.alert, hello.closed) == ("alert", 70, True)
    assert (seen.before.ok, seen.after.ok) == (True, True)
    assert seen.known_versions == ("1.3", "1.2")
    before = server.asked
    offered(b, versions=["1.0"], suites=["0x002F"])
    assert server.asked == before + 2, "the control after one stimulus is the one before the next"


def test_a_server_that_dies_after_a_refusal_is_seen_to_have_died(
    serve: Serve, tmp_path: Path
) -> None:
    state = {"dead": False}

    def script(asked: Asked) -> bytes | None:
        if state["dead"]:
            return drop(asked)
        state["dead"] = asked.hello is not None and asked.hello.suites[:1] == (0x0002,)
        return usual(asked)

    b = bench(serve(script).port, tmp_path)
    seen = offered(b, versions=["1.2"], suites=["TLS_RSA_WITH_NULL_SHA"])
    assert seen.hellos[0].outcome == "alert"
    assert not seen.after.ok
    again = tls.offer(b, versions=["1.2"], suites=["TLS_RSA_WITH_NULL_SHA"])
    assert isinstance(again, NotReached)
    assert again.step == "control"


def test_options_and_variants_reach_the_wire(serve: Serve, tmp_path: Path) -> None:
    heard: list[tls_hello.ClientHello] = []

    def script(asked: Asked) -> bytes | None:
        if asked.hello is not None:
            heard.append(asked.hello)
        return usual(asked)

    b = bench(serve(script).port, tmp_path, server_name="pacs.example")
    offered(
        b,
        versions=["1.2"],
        options={"compression": [1, 0], "alpn": ["dicom"]},
        variants=[{"groups": ["secp192r1"]}, {"server_name": "endpoint"}, {"server_name": ""}],
    )
    first, second, third = heard[-3:]
    assert first.compression == (1, 0)
    assert tls_hello.offered_alpn(first) == ("dicom",)
    assert tls_hello.offered_numbers(first, "supported_groups") == (19,)
    assert tls_hello.offered_server_name(second) == "pacs.example"
    assert tls_hello.offered_server_name(third) == ""


def test_a_name_that_nobody_knows_is_a_missing_precondition(serve: Serve, tmp_path: Path) -> None:
    seen = tls.offer(
        bench(serve(usual).port, tmp_path), versions=["1.2"], options={"server_name": "endpoint"}
    )
    assert isinstance(seen, NotReached)
    assert seen.step == "server name"


def test_twins_show_the_other_certificate(serve: Serve, tmp_path: Path) -> None:
    def ecdsa(asked: Asked) -> bytes | None:
        return asked.picks(0xC02B) if asked.hello else None

    b = bench(serve(usual).port, tmp_path, others=(serve(ecdsa).port,))
    seen = enumerated(b, certificates=True)
    assert [twin.types for twin in seen.twins] == [("ECDSA",)]
    alone = bench(serve(usual).port, tmp_path)
    assert enumerated(alone, certificates=True).types == ("RSA", "ECDSA"), (
        "the script accepts any scheme"
    )


def test_sslv2_answers_are_told_apart(serve: Serve, tmp_path: Path) -> None:
    def old(asked: Asked) -> bytes | None:
        if asked.octets[:1] == b"\x80":
            return bytes([0x80, 11, 4, 0, 1, 0, 2]) + bytes(6)
        return usual(asked)

    def spoken(script: Answer) -> str:
        seen = tls.offer_sslv2(bench(serve(script).port, tmp_path))
        assert isinstance(seen, HellosSeen)
        return seen.hellos[0].outcome

    assert spoken(old) == "hello"
    assert spoken(usual) == "alert"


def test_damaged_hellos_are_followed_by_good_ones(serve: Serve, tmp_path: Path) -> None:
    seen = tls.offer_damaged(
        bench(serve(usual).port, tmp_path), damages=["no-suites", "odd-suite-list"]
    )
    assert isinstance(seen, Many)
    assert [member.subject for member in seen.members] == ["no-suites", "odd-suite-list"]
    assert all(member.seen.after.ok for member in seen.members)


def test_zone_ids_and_ipv6_are_connected_to(tmp_path: Path) -> None:
    if not socket.has_ipv6:
        pytest.skip("this system has no IPv6")
    try:
        held = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this system has no IPv6 loopback")
    with held:
        port = held.getsockname()[1]
        b = bench(1, tmp_path)
        point = Endpoint(id="six", address=f"[::1]:{port}")
        with tcp.stream(dataclasses.replace(b, endpoint=point)) as stream:
            assert stream.ended == ""
        assert b.ledger.connections == {f"[::1]:{port}": 1}


def test_the_leaf_of_a_completed_handshake_stands_in_for_an_encrypted_chain(
    serve: Serve, tmp_path: Path
) -> None:
    def newest(asked: Asked) -> bytes | None:
        return asked.picks(0x1301, version=0x0304) if asked.hello else None

    own = enumerated(bench(serve(newest).port, tmp_path))
    assert not any(hello.chain for hello in own.hellos)
    told = with_leaf(own, b"\x30\x00")
    assert [hello.chain[0].problem != "" for hello in told.hellos] == [True]
    assert with_leaf(told, b"\x31\x00") == told


PIECES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [
            REFUSAL,
            OLD,
            records.encode_alert(1, 112),
            hello_of(0xC02F),
            hello_of(0x002F, 0x0301),
            hello_of(0x1301, 0x0304),
            hello_of(0xC02F)[:30],
            b"\x16\x03\x03\xff\xff",
            b"\x16\x03\x03\x00\x04\x0b\xff\xff\xff",
        ]
    ),
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(answers=st.lists(st.lists(PIECES, max_size=3), min_size=1, max_size=6))
def test_hostile_servers_are_bounded_and_never_pass(
    serve: Serve, tmp_path: Path, answers: list[list[bytes]]
) -> None:
    count = itertools.count()

    def script(asked: Asked) -> bytes | None:
        for piece in answers[next(count) % len(answers)]:
            asked.connection.sendall(piece)
        return b"\x15\x03\x03\x00\x02"  # an alert that never ends

    started = time.monotonic()
    seen = tls.enumerate(bench(serve(script).port, tmp_path, deadline=0.1))
    assert time.monotonic() - started < 20
    if isinstance(seen, NotReached):
        return
    assert seen.connections < 100
    for name, expect in (
        ("tls.refuses", {"suites": "table:tls-null"}),
        ("tls.only", {"suites": "table:tls-b13-tls12"}),
    ):
        word = ask(checks()[name], seen, expect).word
        if not seen.after.ok or not all(version.complete for version in seen.versions):
            assert word is not Word.PASS
