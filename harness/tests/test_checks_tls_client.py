"""Each check of a TLS client's hello: right, wrong and unclear ones."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from part15.judge import ask
from part15.model import Word
from part15.observations.tls import AttemptSeen, ClientHelloSeen, ClientSeen, PortSeen
from part15.registry import checks

PASS, FAIL, OPEN = Word.PASS, Word.FAIL, Word.INCONCLUSIVE
GOOD = ClientHelloSeen(
    "hello",
    client_version=0x0303,
    record_version=0x0301,
    listed=True,
    versions=("1.3", "1.2"),
    suites=(0x1301, 0x1302, 0xC02F, 0xC030, 0xC02B, 0x00FF),
    compression=(0,),
    extensions=(0, 10, 11, 13, 16, 23, 43, 51),
    groups=(29, 23),
    schemes=(0x0403, 0x0804, 0x0401),
    point_formats=(0,),
    alpn=("dicom",),
    server_name="pacs.example",
)
PLAIN = ClientHelloSeen("plain", "an A-ASSOCIATE-RQ without TLS")
SSL2 = ClientHelloSeen("sslv2", "an SSL 2.0 CLIENT-HELLO")
SILENT = ClientHelloSeen("silent")


def client(*hellos: ClientHelloSeen, named: bool = True, **changes: Any) -> ClientSeen:
    first = dataclasses.replace(GOOD, **changes)
    return ClientSeen(4711, named, (AttemptSeen("reset", hellos or (first,)),))


def but(**changes: Any) -> ClientHelloSeen:
    return dataclasses.replace(GOOD, **changes)


C, E = "tls_client.", "tls_client_extension."
OLD = {"versions": ["ssl3", "1.0", "1.1"]}
B11 = {"suites": "table:tls-b11-allowed"}
PERMITTED = {
    "parts": {
        "kx": ["ECDHE", "DHE"],
        "auth": ["RSA", "ECDSA"],
        "mode": ["GCM"],
        "hash": ["SHA-256", "SHA-384"],
    }
}
PARTS = {"parts": {"kx": ["RSA"], "mode": ["CBC"], "hash": ["SHA-1"]}}
AES_FIRST = {"better": ["TLS_RSA_WITH_AES_128_CBC_SHA"], "worse": ["TLS_RSA_WITH_3DES_EDE_CBC_SHA"]}
FIRST = {"suite": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"}
SHA256 = {"schemes": ["rsa_pkcs1_sha256", "ecdsa_secp256r1_sha256"]}

ROWS: list[tuple[str, dict[str, Any], ClientSeen | PortSeen, Word]] = [
    (C + "begins_with_tls", {}, client(), PASS),
    (C + "begins_with_tls", {}, client(PLAIN), FAIL),
    (C + "begins_with_tls", {}, client(SILENT), OPEN),
    (C + "stays_on_tls", {}, client(GOOD, GOOD), PASS),
    (C + "stays_on_tls", {}, client(GOOD, PLAIN), FAIL),
    (C + "stays_on_tls", {}, client(SILENT), OPEN),
    (C + "keeps_version", {"lowest": "1.2"}, client(GOOD, but(versions=("1.2",))), PASS),
    (C + "keeps_version", {"lowest": "1.2"}, client(GOOD, but(versions=("1.1",))), FAIL),
    (C + "keeps_version", {"lowest": "1.0"}, client(GOOD, SSL2), FAIL),
    (C + "keeps_version", {"lowest": "1.0"}, client(SILENT), OPEN),
    (C + "offers_versions", {"any_of": ["1.2"]}, client(), PASS),
    (C + "offers_versions", {"any_of": ["1.2"]}, client(versions=("1.3",)), FAIL),
    (C + "offers_versions", {"any_of": ["1.2"], "first": True}, client(), FAIL),
    (C + "offers_versions", {"any_of": ["1.2"]}, client(PLAIN), OPEN),
    (C + "tries_version", {"version": "1.3"}, client(), PASS),
    (C + "tries_version", {"version": "1.3"}, client(but(versions=("1.2",)), GOOD), FAIL),
    (C + "tries_version", {"version": "1.3"}, client(versions=("1.2",)), OPEN),
    (C + "omits_versions", OLD, client(), PASS),
    (C + "omits_versions", OLD, client(versions=("1.3", "1.2", "1.0")), FAIL),
    (C + "omits_versions", OLD, client(versions=("1.0",), listed=False), FAIL),
    (C + "omits_versions", OLD, client(versions=("1.2",), listed=False), OPEN),
    (
        C + "adds_only_strong",
        {"suites": "table:tls-b10-mandatory"},
        client(suites=(0xC02F, 0x1301)),
        PASS,
    ),
    (
        C + "adds_only_strong",
        {"suites": "table:tls-b10-mandatory"},
        client(suites=(0xC02F, 0x002F)),
        FAIL,
    ),
    (C + "offers_only_parts", PERMITTED, client(suites=(0xC02F, 0x1301), schemes=(0x0401,)), PASS),
    (C + "offers_only_parts", PERMITTED, client(suites=(0xC02F, 0xC013)), FAIL),
    (C + "connects_where_told", {}, PortSeen(1, 2, 2), PASS),
    (C + "connects_where_told", {}, PortSeen(1, 2, 1), FAIL),
    (C + "avoids_client_version", {"version": "1.0"}, client(), PASS),
    (
        C + "avoids_client_version",
        {"version": "1.0"},
        client(GOOD, but(client_version=0x0301)),
        FAIL,
    ),
    (C + "avoids_client_version", {"version": "1.0"}, client(PLAIN), OPEN),
    (C + "offers_suites", {"suites": ["0xC02F", "0xC030"]}, client(), PASS),
    (C + "offers_suites", {"suites": ["0xC02F", "0x002F"]}, client(), FAIL),
    (C + "offers_suites", {"suites": ["0xC02F", "0x002F"], "at_least": 1}, client(), PASS),
    (C + "offers_suites", {"suites": ["0x000A", "0x002F"], "at_least": 1}, client(), FAIL),
    (C + "omits_suites", {"suites": "table:tls-null"}, client(), PASS),
    (C + "omits_suites", {"suites": "table:tls-null"}, client(suites=(0xC02F, 0x0002)), FAIL),
    (C + "offers_only", B11, client(suites=(0xC02F, 0x009E, 0x00FF, 0x5600)), PASS),
    (C + "offers_only", B11, client(), FAIL),
    (C + "omits_parts", PARTS, client(), PASS),
    (C + "omits_parts", PARTS, client(suites=(0xC027,)), FAIL),
    (C + "omits_parts", PARTS, client(schemes=(0x0401, 0x0201)), PASS),
    (E + "sends", {"extension": "extended_master_secret"}, client(), PASS),
    (E + "sends", {"extension": "extended_master_secret"}, client(extensions=()), FAIL),
    (E + "sends", {"extension": "renegotiation_info", "or_scsv": True}, client(), PASS),
    (E + "sends", {"extension": "renegotiation_info"}, client(), FAIL),
    (E + "sends", {"extension": "renegotiation_info"}, client(versions=("1.3",)), PASS),
    (E + "sends_not", {"extension": "truncated_hmac"}, client(), PASS),
    (E + "sends_not", {"extension": "truncated_hmac"}, client(extensions=(4,)), FAIL),
    (E + "sends_server_name", {}, client(), PASS),
    (E + "sends_server_name", {}, client(server_name=""), FAIL),
    (E + "sends_server_name", {}, client(but(server_name=""), named=False), OPEN),
    (E + "offers_protocol", {"protocol": "dicom"}, client(), PASS),
    (E + "offers_protocol", {"protocol": "dicom"}, client(alpn=()), FAIL),
    (E + "offers_groups", {"groups": ["secp256r1", "x25519"]}, client(), PASS),
    (E + "offers_groups", {"groups": ["secp256r1", "x25519"]}, client(groups=(23,)), FAIL),
    (E + "never_sends", {"extension": "early_data"}, client(), PASS),
    (E + "never_sends", {"extension": "early_data"}, client(extensions=(42,)), FAIL),
    (E + "offers_hash", SHA256, client(), PASS),
    (E + "offers_hash", SHA256, client(schemes=(0x0201,)), FAIL),
    (E + "sends_uncompressed_points", {}, client(), PASS),
    (E + "sends_uncompressed_points", {}, client(point_formats=(0, 1, 2)), FAIL),
    (E + "prefers", AES_FIRST, client(suites=(0x002F, 0x000A)), PASS),
    (E + "prefers", AES_FIRST, client(suites=(0x000A, 0x002F)), FAIL),
    (E + "prefers", AES_FIRST, client(suites=(0x000A,)), FAIL),
    (E + "lists_first", FIRST, client(), PASS),
    (E + "lists_first", FIRST, client(suites=(0xC030, 0xC02F)), PASS),
    (E + "lists_first", FIRST, client(suites=(0x1301, 0xC013, 0xC02F)), FAIL),
    (E + "lists_first", FIRST, client(suites=(0x1301,)), PASS),
    (E + "pairs_cbc_with_etm", {}, client(), PASS),
    (E + "pairs_cbc_with_etm", {}, client(suites=(0xC013,)), FAIL),
    (E + "pairs_cbc_with_etm", {}, client(suites=(0xC013,), extensions=(22,)), PASS),
]


@pytest.mark.parametrize(
    ("name", "expect", "seen", "word"), ROWS, ids=[f"{n}-{r[0]}-{r[3]}" for n, r in enumerate(ROWS)]
)
def test_check(name: str, expect: dict[str, Any], seen: ClientSeen | PortSeen, word: Word) -> None:
    answer = ask(checks()[name], seen, expect)
    assert answer.message
    assert answer.word is word, answer.message


def test_every_client_check_is_seen_to_pass_and_to_fail_and_to_need_a_hello() -> None:
    mine = {n for n in checks() if n.split(".")[0] in ("tls_client", "tls_client_extension")}
    for word in (PASS, FAIL):
        assert mine - {row[0] for row in ROWS if row[3] is word} == set()
    for name in mine - {C + "begins_with_tls", C + "connects_where_told"}:
        expect = next(row[1] for row in ROWS if row[0] == name)
        assert ask(checks()[name], client(SILENT), expect).word is OPEN, name


def test_listed_sha1_is_a_warning_that_names_its_reading() -> None:
    answer = ask(checks()[C + "omits_parts"], client(schemes=(0x0401, 0x0201)), PARTS)
    assert answer.rests_on == ("T-18",)
    assert [finding.word for finding in answer.findings] == [Word.WARN]
