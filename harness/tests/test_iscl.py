"""The ISCL engine: every message in every state, round trips under any segmentation, hostile octets."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from part15.wire import iscl_des as des
from part15.wire.iscl import Engine
from part15.wire.iscl_binding import MESSAGES, Binding, load_binding
from part15.wire.iscl_frames import Cutter, IsclError, encode, frame
from part15.wire.iscl_plan import DEVIATIONS, refusing, repeating
from part15.wire.iscl_types import Closed, Failed, Keys, Opened, Received, Settings

BIG = load_binding("medis-1.00-candidate-be")
LITTLE = load_binding("medis-1.00-candidate-le")
TOKENS = BIG.with_values(
    "tokens",
    {
        "auth.kind": "iso9798_2_tokens",
        "auth.mode": "cbc",
        "messages.pass2.body": ["token:rest"],
        "messages.pass3.body": ["token:rest"],
    },
)
KEYS = Keys({1: bytes.fromhex("0E329232EA6D0D73")}, {1: bytes.fromhex("FEDCBA9876543210")})
OTHER = Keys({1: bytes.fromhex("1122334455667788")}, {1: bytes.fromhex("FEDCBA9876543210")})
SECRET = Settings(privacy=True)


def engine(role: Any, how: Settings = SECRET, binding: Binding = BIG, **more: Any) -> Engine:
    return Engine(binding, role, more.pop("keys", KEYS), how, **more)


def whole(octets: bytes) -> Iterable[bytes]:
    return [octets] if octets else []


def carry(
    server: Engine, client: Engine, cut: Callable[[bytes], Iterable[bytes]] = whole
) -> tuple[list[Any], list[Any]]:
    """Carry octets until both are quiet; return the events of server and client."""
    events: tuple[list[Any], list[Any]] = (list(server.start()), list(client.start()))
    for _ in range(10_000):
        to_client, to_server = server.outgoing(), client.outgoing()
        if not to_client and not to_server:
            return events
        for part in cut(to_client):
            events[1].extend(client.feed(part))
        for part in cut(to_server):
            events[0].extend(server.feed(part))
    raise AssertionError("the two ends never become quiet")


def received(events: list[Any]) -> bytes:
    return b"".join(e.octets for e in events if isinstance(e, Received))


WAYS = [
    Settings(),
    Settings(privacy=True),
    Settings(mac="md5"),
    Settings(mac="md5", order="encrypted_random_then_digest"),
    Settings(mac="md5", privacy=True),
    Settings(privacy=True, session_keys=True),
    Settings(mac="md5", privacy=True, session_keys=True, order="encrypted_random_then_digest"),
    Settings(block=96, privacy=True),
    Settings(block=64, message=24),
]


@pytest.mark.parametrize("binding", [BIG, LITTLE, TOKENS], ids=lambda b: b.name)
@pytest.mark.parametrize(
    "how", WAYS, ids=lambda w: f"{w.mac}-{w.privacy}-{w.session_keys}-{w.block}"
)
def test_both_ways_in_every_way(binding: Binding, how: Settings) -> None:
    server, client = engine("server", how, binding), engine("client", how, binding)
    sent = bytes(range(256)) * 3
    client.send(sent)
    server.send(sent[::-1])
    client.disconnect()
    at_server, at_client = carry(server, client)
    assert isinstance(at_server[0], Opened)
    assert isinstance(at_client[0], Opened)
    assert received(at_server) == sent
    assert received(at_client) == sent[::-1]
    assert isinstance(at_server[-1], Closed)
    assert server.state == client.state == "closed"
    assert server.failure is client.failure is None


variants = st.fixed_dictionaries(
    {
        "header.byte_order": st.sampled_from(["big", "little"]),
        "header.length_covers": st.sampled_from(["body", "message"]),
        "auth.direction": st.sampled_from(["encrypt", "decrypt"]),
        "privacy.chain": st.sampled_from([["data", "mac"], ["data"], ["mac"], []]),
        "privacy.padding": st.sampled_from(["pkcs5", "x923", "zero", "none"]),
        "privacy.split": st.sampled_from(["before", "after"]),
        "integrity.mac_over": st.sampled_from(["plaintext", "ciphertext"]),
        "integrity.des_mac_length": st.sampled_from([4, 8]),
        "integrity.mac_key": st.sampled_from(["encryption", "authentication"]),
        "integrity.encrypted": st.booleans(),
        "integrity.md5_order": st.sampled_from(
            ["digest_then_encrypt", "encrypted_random_then_digest"]
        ),
        "integrity.md5_concat": st.sampled_from(
            ["random_message", "message_random", "random_message_random"]
        ),
        "integrity.md5_mode": st.sampled_from(["cbc", "ecb"]),
        "session_key.derivation": st.sampled_from(["identity", "encrypt", "decrypt"]),
        "limits.block": st.integers(96, 9000),
    }
)


@settings(deadline=None, max_examples=60)
@given(
    variants,
    st.binary(min_size=1, max_size=3000),
    st.binary(max_size=500),
    st.lists(st.integers(1, 200), min_size=1, max_size=20),
    st.sampled_from(WAYS[:7]),
)
def test_any_stream_under_any_binding_and_segmentation(
    changes: dict[str, Any], up: bytes, down: bytes, sizes: list[int], how: Settings
) -> None:
    binding = BIG.with_values("variant", changes)
    server, client = engine("server", how, binding), engine("client", how, binding)
    step = itertools.cycle(sizes)

    def cut(octets: bytes) -> Iterable[bytes]:
        at = 0
        while at < len(octets):
            size = next(step)
            yield octets[at : at + size]
            at += size

    client.send(up)
    server.send(down)
    at_server, at_client = carry(server, client, cut)
    assert received(at_server) == up
    assert received(at_client) == down
    assert server.failure is client.failure is None


def state_of(role: str, after: int) -> Engine:
    """Return an engine of *role* that took *after* messages of a right exchange."""
    server, client = engine("server"), engine("client")
    mine, other = (server, client) if role == "server" else (client, server)
    mine.start(), other.start()
    for _ in range(200):
        if sum(way == "received" for way, _ in mine.trace) >= after:
            break
        octets = other.outgoing()
        cutter = Cutter(BIG, 1 << 20)
        frames = list(cutter.feed(octets))
        at = 0
        for got in frames:
            mine.feed(octets[at : at + got.size])
            at += got.size
            if sum(way == "received" for way, _ in mine.trace) >= after:
                return mine
        other.feed(mine.outgoing())
        if mine.authenticated and other.authenticated and not other.backlog:
            other.send(b"payload of a message")
    return mine


EXPECTED = {
    "server": ["check_rp", "auth_rp", "pass2", "completion", "transmission_rq", "data", "mac"],
    "client": ["check_rq", "auth_rq", "pass1", "pass3", "transmission_rq", "data", "mac"],
}
ALSO = {4: {"transmission_rq", "disconnect_rq"}, 7: {"transmission_rq", "disconnect_rq"}}


@pytest.mark.parametrize("role", ["server", "client"])
@pytest.mark.parametrize("name", MESSAGES)
def test_every_message_in_every_state(role: str, name: str) -> None:
    """A message is taken in the states the binding has it in; in every other it ends the connection."""
    for after in range(8):
        made = state_of(role, after)
        assert made.failure is None
        right = {EXPECTED[role][after]} if after < 7 else set()
        right |= ALSO.get(after, set())
        challenge = {"challenge": b"CHALLENG", "block": 8192, "version": 0x10000, "key_number": 1}
        fields = {**challenge, "mac": 0x4001, "length": 8, "piece": b"12345678", "encryption": 0}
        events = made.feed(encode(BIG, name, fields, 0))
        failed = [e for e in events if isinstance(e, Failed)]
        if name not in right:
            assert failed, f"{role} after {after} messages takes {name}"
            assert made.state == "closed"
            assert made.feed(b"more") == []
        elif name in ("pass2", "pass3", "mac", "data"):
            assert not failed or failed[0].reason in ("response", "mac", "padding")
        else:
            assert not failed, f"{role} after {after} messages does not take {name}: {failed}"


HARMLESS = {"length-extension", "nak", "refused-end", "wrong-server-response", "unknown-method"}
HARMLESS |= {"unknown-server-version"}


@pytest.mark.parametrize("name", sorted(set(DEVIATIONS) - HARMLESS))
def test_a_strict_server_serves_no_deviation(name: str) -> None:
    server, client = engine("server"), engine("client", plan=DEVIATIONS[name])
    client.send(b"x" * 50)
    at_server, _ = carry(server, client)
    assert received(at_server) == b""
    if name not in ("missing-mac", "truncated-header"):
        assert server.failure is not None, name


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        ("wrong-server-response", "response"),
        ("unknown-method", "method"),
        ("unknown-server-version", "version"),
        ("nak", "nak"),
        ("refused-end", "refused end"),
    ],
)
def test_a_strict_client_takes_no_deviation(plan: str, reason: str) -> None:
    server, client = engine("server", plan=DEVIATIONS[plan]), engine("client")
    client.send(b"x")
    client.disconnect()
    carry(server, client)
    assert client.failure is not None
    assert client.failure.reason == reason


def test_zero_fill_hides_a_zero_octet_only_without_privacy() -> None:
    plain = Settings()
    server, client = (
        engine("server", plain),
        engine("client", plain, plan=DEVIATIONS["length-extension"]),
    )
    client.send(b"thirteen octs")
    at_server, _ = carry(server, client)
    assert received(at_server) in (b"", b"thirteen octs\0")


def test_wrong_keys_repeats_and_refusals_end_it() -> None:
    server, client = engine("server"), engine("client", keys=OTHER)
    client.send(b"secret")
    at_server, at_client = carry(server, client)
    assert server.failure is not None
    assert received(at_server) == b""
    assert not any(isinstance(e, Opened) for e in at_server + at_client)
    for plan in (repeating("pass2"), repeating("mac"), refusing("auth_rp")):
        server, client = engine("server"), engine("client", plan=plan)
        client.send(b"x")
        carry(server, client)
        assert server.failure is not None


def test_encryption_alone_and_a_bare_digest_are_refused() -> None:
    for how in (
        Settings(mac="none", privacy=True),
        Settings(mac="none"),
        Settings(mac="md5", bare=True),
    ):
        server, client = engine("server", Settings()), engine("client", how)
        client.send(b"x" * 20)
        at_server, _ = carry(server, client)
        assert received(at_server) == b""
        assert server.failure is not None


def test_parity_bits_are_no_other_key() -> None:
    odd = Keys({1: bytes(b ^ 1 for b in KEYS.authentication[1])}, KEYS.encryption)
    server, client = engine("server"), engine("client", keys=odd)
    client.send(b"same key")
    assert received(carry(server, client)[0]) == b"same key"


@pytest.mark.parametrize("separate", [True, False])
def test_every_altered_octet_of_a_message_is_seen(separate: bool) -> None:
    """With a MAC key of its own no altered message comes out; without, the first one's early blocks may.

    The latter is a weakness of the construction (same key, zero IV), gone once the IV is chained.
    """
    key = "authentication" if separate else "encryption"
    binding = BIG.with_values("variant", {"integrity.mac_key": key})
    sent = b"A protected message of some blocks, to be altered."
    forged = 0
    for place in range(0, 250, 3):
        server, client = engine("server", binding=binding), engine("client", binding=binding)
        carry(server, client)
        if not separate and place % 2:
            client.send(b"an earlier message chains the IV")
            carry_on(server, client)
        client.send(sent)
        server.feed(client.outgoing())
        client.feed(server.outgoing())
        octets = bytearray(client.outgoing())
        if place >= len(octets):
            break
        octets[place] ^= 0x20
        got = received(server.feed(bytes(octets)))
        forged += got not in (b"", sent)
        if got not in (b"", sent):
            assert not separate
            assert not place % 2
            assert len(got) == len(sent)
    assert bool(forged) is not separate


def carry_on(server: Engine, client: Engine) -> None:
    for _ in range(10):
        server.feed(client.outgoing())
        client.feed(server.outgoing())


def test_four_gigabytes_are_refused_by_the_header_alone() -> None:
    for number in (BIG.messages["check_rp"].id, BIG.messages["data"].id):
        server = engine("server")
        server.start()
        (failed,) = server.feed(frame(BIG, number, 0, b"", length=0xFFFFFFFF))
        assert isinstance(failed, Failed)
        assert failed.reason == "block"
    cutter = Cutter(BIG, 8160)
    with pytest.raises(IsclError, match="4294967295"):
        list(cutter.feed(frame(BIG, BIG.messages["data"].id, 0, b"", length=0xFFFFFFFF)))
    assert cutter.left == 32


def test_a_drip_is_held_no_longer_than_a_block() -> None:
    server = engine("server")
    server.start()
    for octet in encode(BIG, "check_rp", {"version": 0x10000, "block": 8192}, 0):
        assert server.feed(bytes([octet])) == []
    assert server.trace[-1] == ("sent", "auth_rq")


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=300), st.booleans())
def test_no_octets_break_it(octets: bytes, ready: bool) -> None:
    server, client = engine("server"), engine("client")
    if ready:
        carry(server, client)
    else:
        server.start()
    events = server.feed(octets)
    assert all(isinstance(e, (Failed, Closed)) for e in events)
    assert len(server.outgoing()) < 1000


def test_keys_are_not_shown() -> None:
    assert "0E329232" not in repr(KEYS).upper()
    assert repr(KEYS.authentication[1])[2:10] not in repr(KEYS)


def test_sealing_refuses_what_cannot_be() -> None:
    with pytest.raises(des.SealError):
        des.cbc_decrypt(KEYS.encryption[1], des.ZERO, b"odd")
    with pytest.raises(des.SealError):
        des.ecb_encrypt(b"short", bytes(8))
    for data, kind in ((b"\x09" * 16, "pkcs5"), (b"", "pkcs5"), (b"\1\2\3\4\5\6\7\0", "x923")):
        with pytest.raises(des.SealError):
            des.unpad(data, kind)
    with pytest.raises(des.SealError):
        des.unpad(b"12345678", "zero", 4)
