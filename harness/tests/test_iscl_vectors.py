"""ISCL primitives and the harness's own draft exchange against vectors that independent programs agree on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from part15.wire import iscl_des as des
from part15.wire.iscl import Engine
from part15.wire.iscl_binding import load_binding
from part15.wire.iscl_frames import encode
from part15.wire.iscl_seal import Method, Way
from part15.wire.iscl_types import RIGHT, Closed, Failed, Keys, Received, Settings

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "vectors" / "iscl" / "vectors.json").read_text(encoding="utf-8")
)
PADDINGS = {"none": "none", "pkcs5": "pkcs5", "ansi_x9.23": "x923", "zero_fill": "zero"}
BIG = load_binding("medis-1.00-candidate-be")
LITTLE = load_binding("medis-1.00-candidate-le")


def x(text: str) -> bytes:
    return bytes.fromhex(text)


def message_of(row: dict[str, Any], key: str) -> bytes:
    text = row[key]
    if text.startswith("byte i"):
        length = int(text.rsplit(" ", 1)[1])
        return bytes(i % 256 for i in range(length))
    return x(text)


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [str(r.get("id") or r.get("message") or r.get("name")) for r in rows]


@pytest.mark.parametrize("row", VECTORS["des_ecb"], ids=ids(VECTORS["des_ecb"]))
def test_ecb(row: dict[str, Any]) -> None:
    key = x(row["key"])
    assert des.ecb_encrypt(key, x(row["plaintext"])) == x(row["ciphertext"])
    assert des.ecb_decrypt(key, x(row["ciphertext"])) == x(row["plaintext"])


def test_parity_bits_make_no_other_key() -> None:
    row = VECTORS["des_key_parity"]
    for name in ("key_a", "key_b"):
        assert des.ecb_encrypt(x(row[name]), x(row["plaintext"])) == x(row["ciphertext_both"])
    assert des.same_key(x(row["key_a"]), x(row["key_b"]))
    assert not des.same_key(x(row["key_a"]), x("FEDCBA9876543210"))


@pytest.mark.parametrize("row", VECTORS["des_cbc"], ids=ids(VECTORS["des_cbc"]))
def test_cbc(row: dict[str, Any]) -> None:
    plain, kind = message_of(row, "plaintext"), PADDINGS[row["padding"]]
    padded = des.pad(plain, kind)
    assert len(padded) == row["padded_length"]
    sealed = des.cbc_encrypt(x(row["key"]), x(row["iv"]), padded)
    if "ciphertext" in row:
        assert padded == x(row["padded"])
        assert sealed == x(row["ciphertext"])
    else:
        assert hashlib.md5(sealed, usedforsecurity=False).digest() == x(row["ciphertext_md5"])
        assert sealed[:16] == x(row["ciphertext_first16"])
        assert sealed[-16:] == x(row["ciphertext_last16"])
    assert sealed[-8:] == x(row["next_iv_if_chained"])
    opened = des.cbc_decrypt(x(row["key"]), x(row["iv"]), sealed)
    assert des.unpad(opened, kind, len(plain)) == plain


@pytest.mark.parametrize(
    ("chain", "mac", "second"),
    [
        (["data", "mac"], "mac1_encrypted_chained", "data2_ciphertext_chained"),
        (["data"], "mac1_encrypted_reset", "data2_ciphertext_chained_over_messages_but_not_mac"),
        ([], "mac1_encrypted_reset", "data2_ciphertext_reset"),
    ],
)
def test_iv_chaining(chain: list[str], mac: str, second: str) -> None:
    row = VECTORS["cbc_iv_chaining"]
    key = x(row["key"])
    way = Way(BIG.with_values("variant", {"privacy.chain": chain}))
    method = Method(True, "des_mac", key, key)
    first = x(row["message1"])
    pieces = way.pieces(method, first, 8160)
    assert pieces == [x(row["data1_ciphertext"])]
    assert des.des_mac(key, first) == x(row["mac1_plain"])
    assert way.code(method, first, pieces) == x(row[mac])
    assert way.pieces(method, x(row["message2"]), 8160) == [x(row[second])]


@pytest.mark.parametrize(
    ("split", "chain", "room", "name"),
    [
        ("after", [], 24, "A_blocks"),
        ("before", [], 28, "B_blocks"),
        ("before", ["data"], 28, "C_blocks"),
    ],
)
def test_split(split: str, chain: list[str], room: int, name: str) -> None:
    row = VECTORS["split_before_or_after_encryption"]
    key = x(row["key"])
    binding = BIG.with_values("variant", {"privacy.split": split, "privacy.chain": chain})
    method, message = Method(True, "des_mac", key, key), bytes(range(40))
    wanted = [x(b) for b in row[name]]
    if split == "after":
        assert Way(binding).pieces(method, message, room) == wanted
    else:
        way = Way(binding)
        cut = [way._encrypt("data", key, part) for part in (message[:20], message[20:])]
        assert cut == wanted
    assert Way(binding).opened(method, wanted, 40) == message


@pytest.mark.parametrize("row", VECTORS["des_mac"], ids=ids(VECTORS["des_mac"]))
def test_des_mac(row: dict[str, Any]) -> None:
    message = message_of(row, "message")
    assert len(message) == row["message_length"]
    assert des.des_mac(x(row["key"]), message) == x(row["mac64"])
    assert des.des_mac(x(row["key"]), message, 4) == x(row["mac32"])


@pytest.mark.parametrize("row", VECTORS["md5_des"], ids=ids(VECTORS["md5_des"]))
def test_digest_then_des(row: dict[str, Any]) -> None:
    digest = des.md5(message_of(row, "message"))
    key = x(row["key"])
    assert digest == x(row["md5"])
    assert des.encrypt_digest(key, digest, "cbc", "none") == x(
        row["md5_then_des_cbc_iv0_nopad_16B"]
    )
    assert des.encrypt_digest(key, digest, "cbc", "pkcs5") == x(
        row["md5_then_des_cbc_iv0_pkcs5_24B"]
    )
    assert des.encrypt_digest(key, digest, "ecb", "none") == x(row["md5_then_des_ecb_16B"])


def test_encrypted_random_then_digest() -> None:
    row = VECTORS["md5_with_encrypted_random"]
    key, random, message = x(row["key"]), x(row["random"]), x(row["message"])
    assert des.ecb_encrypt(key, random) == x(row["encrypted_random"])
    for name, wanted in (
        ("random_message", "md5(E(R)||M)"),
        ("message_random", "md5(M||E(R))"),
        ("random_message_random", "md5(E(R)||M||E(R))"),
    ):
        assert des.md5_after_random(key, random, message, name) == x(row[wanted])
    clear = x(row["md5(R||M) (must NOT verify: R is sent in clear)"])
    assert des.md5(random + message) == clear
    method = Method(False, "md5", key, key, random)
    with pytest.raises(des.SealError):
        Way(BIG).order_of(method, message, [message], clear)


def test_four_way_in_both_byte_orders() -> None:
    row = VECTORS["four_way_single_block"]
    key = x(row["auth_key"])
    encrypts = Engine(BIG, "server", Keys({1: key}, {}))
    decrypts = Engine(
        BIG.with_values("variant", {"auth.direction": "decrypt"}), "server", Keys({1: key}, {})
    )
    for side, name in (("c", "challenge_s"), ("s", "challenge_c")):
        challenge = x(row[name])
        assert encrypts.respond(challenge) == x(row[f"response_{side} = E({name})"])
        assert decrypts.respond(challenge) == x(row[f"alternative_response_{side} = D({name})"])
    serial = row["u64_serialisation"]
    number = int(serial["integer_key"], 16)
    for order, name in (("big", "big_endian"), ("little", "little_endian")):
        made = serial[name]
        assert des.key_of(number, order) == x(made["key_bytes"])
        assert des.ecb_encrypt(x(made["key_bytes"]), x(made["challenge_bytes"])) == x(
            made["response_bytes"]
        )


@pytest.mark.parametrize(
    "row",
    VECTORS["session_key_candidates"]["candidates"],
    ids=ids(VECTORS["session_key_candidates"]["candidates"]),
)
def test_session_keys(row: dict[str, Any]) -> None:
    whole = VECTORS["session_key_candidates"]
    kinds = {"identity": "identity", "K = E_base(R)": "encrypt", "K = D_base(R)": "decrypt"}
    kind = kinds.get(row["name"], "identity")
    key = des.session_key(x(whole["base_key"]), x(whole["random"]), kind)
    assert key == x(row["session_key"])
    padded = des.pad(x(whole["probe"]), "pkcs5")
    assert des.cbc_encrypt(key, des.ZERO, padded) == x(row["probe_ciphertext"])


def test_tokens_of_iso_9798_2() -> None:
    row = VECTORS["iso_iec_9798_2_three_pass"]
    key, ra, rb = x(row["key"]), x(row["RA"]), x(row["RB"])
    changes = {
        "auth.kind": "iso9798_2_tokens",
        "auth.mode": "cbc",
        "messages.pass2.body": ["token:rest"],
        "messages.pass3.body": ["token:rest"],
    }
    for identifier, name in (
        ("", "TokenAB_cbc(RA||RB)"),
        (row["B_identifier"], "TokenAB_cbc(RA||RB||B)"),
    ):
        binding = BIG.with_values("tokens", {**changes, "auth.identifier": identifier})
        server, client = ends(binding, key, key, challenge_s=rb, challenge_c=ra)
        server.start()
        wire = exchange(server, client)
        assert server.state == client.state == "ready"
        assert any(x(row[name]) in o for o in wire)
        assert any(x(row["TokenBA_cbc(RB||RA)"]) in o for o in wire)
        assert not any(x(row["TokenAB_ecb(RA||RB||B)"]) in o for o in wire)


def test_a_reflected_ecb_token_is_what_the_vector_says() -> None:
    row = VECTORS["iso_iec_9798_2_three_pass"]
    token = des.ecb_encrypt(x(row["key"]), x(row["RA"]) + x(row["RB"]))
    assert token[8:] + token[:8] == x(row["TokenBA_ecb(RB||RA)"])


def test_same_key_zero_iv_forgery() -> None:
    """A finding, not a defect of ours: the first message of a connection can be changed unseen."""
    row = VECTORS["same_key_zero_iv_forgery"]
    key = x(row["key"])
    assert des.des_mac(key, x(row["plaintext"])) == x(row["mac64"])
    assert des.cbc_encrypt(key, des.ZERO, x(row["plaintext"])) == x(row["ciphertext"])
    opened = des.cbc_decrypt(key, des.ZERO, x(row["tampered_ciphertext"]))
    assert opened == x(row["tampered_plaintext"])
    assert des.des_mac(key, opened) == x(row["mac64_of_tampered_plaintext"]) == x(row["mac64"])


NAMES = {
    "LINE_CONNECTION_CHECK_RQ": "check_rq",
    "LINE_CONNECTION_CHECK_RP": "check_rp",
    "MUTUAL_AUTH_RQ": "auth_rq",
    "MUTUAL_AUTH_RP": "auth_rp",
    "MUTUAL_AUTH_PASS1_NOTIF": "pass1",
    "MUTUAL_AUTH_PASS2_NOTIF": "pass2",
    "MUTUAL_AUTH_PASS3_NOTIF": "pass3",
    "MUTUAL_AUTH_COMPLETION_NOTIF": "completion",
    "MESSAGE_TRANSMISSION_RQ": "transmission_rq",
    "MESSAGE_TRANSMISSION_RP": "transmission_rp",
    "RANDOM_FOR_SESSION_KEY_RQ": "random_rq",
    "RANDOM_FOR_SESSION_KEY_RP": "random_rp",
    "MESSAGE_TRANSMISSION_NOTIF": "data",
    "MAC_TRANSMISSION_NOTIF": "mac",
    "THROUGH_MODE_TRANSMISSION_NOTIF": "through",
    "LINE_DISCONNECTION_RQ": "disconnect_rq",
    "LINE_DISCONNECTION_RP": "disconnect_rp",
}


@pytest.mark.parametrize(
    "row", VECTORS["frame_headers"]["headers"], ids=ids(VECTORS["frame_headers"]["headers"])
)
def test_headers(row: dict[str, Any]) -> None:
    name = NAMES[row["message"]]
    for binding, order in ((BIG, "big_endian"), (LITTLE, "little_endian")):
        empty = binding.with_values("headers", {f"messages.{name}.body": []})
        assert encode(empty, name, {}, binding["codes.ack"]) == x(row[order])
    nak = VECTORS["frame_headers"]["line_disconnection_rp_nak"]
    assert encode(BIG, "disconnect_rp", {}, BIG["codes.nak"]) == x(nak["big_endian"])
    assert encode(LITTLE, "disconnect_rp", {}, LITTLE["codes.nak"]) == x(nak["little_endian"])


def ends(
    binding: Any,
    authentication: bytes,
    encryption: bytes,
    *,
    challenge_s: bytes,
    challenge_c: bytes,
    client: Settings = RIGHT,
    server: Settings = RIGHT,
) -> tuple[Engine, Engine]:
    keys = Keys({1: authentication}, {1: encryption})
    return (
        Engine(binding, "server", keys, server, random=lambda _: challenge_s),
        Engine(binding, "client", keys, client, random=lambda _: challenge_c),
    )


def exchange(server: Engine, client: Engine) -> list[bytes]:
    """Carry octets until both are quiet; return each flight."""
    wire: list[bytes] = []
    for _ in range(100):
        to_client, to_server = server.outgoing(), client.outgoing()
        if not to_client and not to_server:
            return wire
        wire += [o for o in (to_client, to_server) if o]
        client.feed(to_client)
        server.feed(to_server)
    raise AssertionError("the two ends never become quiet")


@pytest.mark.parametrize("mac", ["des_mac", "md5"])
def test_the_draft_exchange_octet_by_octet(mac: str) -> None:
    row = VECTORS["draft_binding_transcript"]
    sent = {"S>C": b"", "C>S": b""}
    server, client = ends(
        BIG,
        x(row["auth_key"]),
        x(row["encryption_key"]),
        challenge_s=x("A1A2A3A4A5A6A7A8"),
        challenge_c=x("0102030405060708"),
        client=Settings(privacy=True, block=4096, mac=mac),
    )
    server.start(), client.start()
    got: list[Any] = []
    client.send(x(row["payload_pdu"]))
    client.disconnect()
    for _ in range(30):
        to_client, to_server = server.outgoing(), client.outgoing()
        sent["S>C"] += to_client
        sent["C>S"] += to_server
        client.feed(to_client)
        got += server.feed(to_server)
    wanted = {way: b"".join(x(s["bytes"]) for s in row["steps"] if s["dir"] == way) for way in sent}
    if mac == "des_mac":
        assert sent == wanted
    else:
        assert sent["S>C"] == wanted["S>C"]
        assert x(row["md5_variant_encrypted_24B"]) in sent["C>S"]
        assert des.md5(x(row["payload_pdu"])) == x(row["md5_variant_digest"])
    assert [e.octets for e in got if isinstance(e, Received)] == [x(row["payload_pdu"])]
    assert isinstance(got[-1], Closed)
    assert not any(isinstance(e, Failed) for e in got)
    assert server.state == client.state == "closed"
    assert server.block == client.block == 4096
