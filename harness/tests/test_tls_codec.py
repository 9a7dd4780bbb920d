"""The TLS codec: round trips, bounds, and hostile octets raise nothing but its own error."""

from __future__ import annotations

import dataclasses
import struct
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from part15.errors import ContentError
from part15.observations.tls import HelloSeen
from part15.wire import tls_damage as damage
from part15.wire import tls_hello as hello
from part15.wire import tls_names as names
from part15.wire import tls_records as records
from part15.wire import tls_server as server
from part15.wire import tls_sslv2 as sslv2
from part15.wire.tls_certificates import chain_seen
from part15.wire.tls_flight import Flight
from part15.wire.tls_octets import Cursor, Malformed

U16 = st.integers(0, 0xFFFF)
ENTROPY = bytes(range(96))

HELLOS = st.builds(
    hello.ClientHello,
    version=U16,
    random=st.binary(min_size=32, max_size=32),
    session_id=st.binary(max_size=32),
    suites=st.lists(U16, max_size=40).map(tuple),
    compression=st.lists(st.integers(0, 255), max_size=4).map(tuple),
    extensions=st.none() | st.lists(st.tuples(U16, st.binary(max_size=60)), max_size=8).map(tuple),
)


@given(HELLOS)
def test_client_hello_round_trip(given_hello: hello.ClientHello) -> None:
    assert hello.parse_body(hello.encode_body(given_hello)) == given_hello


@given(st.binary(max_size=400))
def test_parsers_raise_only_malformed(data: bytes) -> None:
    for parse in (
        hello.parse_body,
        hello.parse_extensions,
        server.parse_server_hello,
        server.parse_certificates,
        server.parse_session_ticket,
        lambda d: server.parse_certificate_request(d, 0x0303),
        lambda d: server.parse_key_exchange(d, "DHE", 0x0303),
        lambda d: server.parse_key_exchange(d, "ECDHE", 0x0303),
        lambda d: records.Deframer().feed(d),
        lambda d: records.Joiner().feed(d),
        records.parse_alert,
    ):
        try:
            parse(data)
        except Malformed:
            continue


@given(HELLOS)
def test_reading_an_offer_raises_only_malformed(given_hello: hello.ClientHello) -> None:
    for read in (
        hello.offered_versions,
        hello.offered_alpn,
        hello.offered_server_name,
        lambda h: hello.offered_numbers(h, "supported_groups"),
    ):
        try:
            read(given_hello)
        except Malformed:
            continue


@settings(max_examples=200)
@given(
    st.lists(st.binary(min_size=1, max_size=80), max_size=12),
    st.sampled_from(["close", "reset", "timeout"]),
)
@example([b"HTTP/1.1 400 Bad Request\r\n"], "close")
def test_a_flight_never_raises_and_never_invents_a_hello(chunks: list[bytes], ending: str) -> None:
    flight = Flight(offer())
    for chunk in chunks:
        if flight.feed(chunk):
            break
    seen = flight.seen(ending)
    if seen.outcome == "hello":
        assert b"\x16\x03" in b"".join(chunks)


def offer(*versions: str, **changes: object) -> hello.Offer:
    made = hello.Offer(versions or ("1.2",), names.suite_codes("table:tls-modern"))
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def test_offer_of_tls12_says_what_was_asked() -> None:
    made = hello.client_hello(
        offer(server_name="pacs.example", alpn=("dicom",), grease=True, fallback=True), ENTROPY
    )
    back = hello.parse_body(hello.encode_body(made))
    assert back.version == 0x0303
    assert hello.offered_versions(back) == (0x0303,)
    assert hello.offered_alpn(back) == ("dicom",)
    assert hello.offered_server_name(back) == "pacs.example"
    assert names.FALLBACK_SCSV in back.suites
    assert names.RENEGOTIATION_SCSV in back.suites
    assert names.is_grease(back.suites[0])
    assert 23 in (hello.offered_numbers(back, "supported_groups") or ())
    assert 0x0804 in (hello.offered_numbers(back, "signature_algorithms") or ())


def test_offer_of_tls13_lists_versions_in_order_and_sends_valid_shares() -> None:
    made = hello.client_hello(offer("1.2", "1.3"), ENTROPY)
    assert made.version == 0x0303
    assert hello.offered_versions(made) == (0x0303, 0x0304)
    assert len(made.session_id) == 32
    shares = Cursor(Cursor(made.extension(names.EXTENSIONS["key_share"]) or b"").vector(2))
    groups = {}
    while shares.left:
        group = shares.number(2)
        groups[group] = shares.vector(2)
    assert set(groups) == {hello.X25519, hello.SECP256R1}
    x, y = (int.from_bytes(groups[23][a : a + 32], "big") for a in (1, 33))
    p = 2**256 - 2**224 + 2**192 + 2**96 - 1
    b = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
    assert (y * y - x**3 + 3 * x - b) % p == 0


def test_old_versions_carry_what_they_knew() -> None:
    three = hello.client_hello(offer("ssl3"), ENTROPY)
    assert (three.version, three.extensions) == (0x0300, None)
    old = hello.client_hello(offer("1.0"), ENTROPY)
    assert old.version == 0x0301
    assert old.extension(names.EXTENSIONS["signature_algorithms"]) is None
    assert hello.encode_offer(offer("ssl3"), ENTROPY)[1:3] == b"\x03\x00"
    assert hello.encode_offer(offer(record_version=0x03FF), ENTROPY)[1:3] == b"\x03\xff"


def flight_of(*messages: tuple[int, bytes], version: int = 0x0303) -> bytes:
    data = b"".join(records.encode_message(kind, body) for kind, body in messages)
    return records.encode_records(records.HANDSHAKE, data, version)


def hello_body(suite: int, version: int = 0x0303, random: bytes = bytes(32)) -> bytes:
    return struct.pack(">H", version) + random + b"\x00" + struct.pack(">HB", suite, 0)


DHE = b"\x00\x80" + b"\xff" * 128 + b"\x00\x01\x02" + b"\x00\x80" + b"\x05" * 128 + b"\x08\x04"
ECDHE = b"\x03\x00\x17" + b"\x41" + b"\x04" * 65 + b"\x02\x01"
REQUEST = b"\x01\x01" + b"\x00\x02\x04\x01" + b"\x00\x00"


def read(data: bytes, ending: str = "timeout", step: int = 0) -> HelloSeen:
    flight = Flight(offer())
    for at in range(0, len(data), step or len(data) or 1):
        if flight.feed(data[at : at + (step or len(data))]):
            break
    return flight.seen(ending)


@pytest.mark.parametrize("step", [0, 1, 7])
def test_a_whole_flight_is_read_however_it_is_cut(step: int) -> None:
    data = flight_of(
        (2, hello_body(0x009E)),
        (11, b"\x00\x00\x00"),
        (12, DHE),
        (13, REQUEST),
        (14, b""),
    )
    seen = read(data, step=step)
    assert (seen.outcome, seen.version, seen.suite) == ("hello", "1.2", 0x009E)
    assert (seen.dh_bits, seen.scheme, seen.certificate_request) == (1024, 0x0804, True)
    assert seen.request_types == (1,)


def test_curve_and_scheme_are_read() -> None:
    seen = read(flight_of((2, hello_body(0xC02F)), (12, ECDHE), (14, b"")))
    assert (seen.group, seen.scheme, seen.certificate_request) == (23, 0x0201, False)
    assert seen.public


def test_retry_request_is_a_choice_and_sentinel_is_seen() -> None:
    versions = (0x002B, b"\x03\x04")
    asked = server.ServerHello(
        0x0303, server.RETRY_RANDOM, b"", 0x1301, 0, (versions, (51, b"\x00\x18"))
    )
    seen = read(server.encode_server_hello(asked))
    assert (seen.outcome, seen.version, seen.retry, seen.group) == ("hello", "1.3", True, 24)
    marked = read(flight_of((2, hello_body(0xC02F, random=bytes(24) + b"DOWNGRD\x01")), (14, b"")))
    assert marked.sentinel == "1.2"


@pytest.mark.parametrize(
    ("data", "ending", "outcome"),
    [
        (b"", "close", "close"),
        (b"", "reset", "reset"),
        (b"", "timeout", "silent"),
        (b"\x16\x03\x03\x00", "timeout", "drip"),
        (records.encode_alert(2, 40), "close", "alert"),
        (records.encode_alert(1, 0), "close", "alert"),
        (records.encode_alert(1, 112), "close", "close"),
        (records.encode_alert(1, 112) * 40, "timeout", "oversize"),
        (b"SSH-2.0-OpenSSH\r\n", "timeout", "garbage"),
        (b"\x04\x00\x00", "timeout", "garbage"),
        (b"\x16\x03\x03\xff\xff", "timeout", "oversize"),
        (b"\x16\x03\x03\x00\x04\x02\xff\xff\xff", "timeout", "oversize"),
        (flight_of((11, b"\x00\x00\x00")), "timeout", "malformed"),
        (flight_of((2, b"\x03\x03")), "timeout", "malformed"),
        (b"\x17\x03\x03\x00\x01x", "timeout", "malformed"),
        (b"\x16\x03\x03\x00\x00" * 600, "timeout", "oversize"),
    ],
)
def test_what_is_no_answer_is_told_apart(data: bytes, ending: str, outcome: str) -> None:
    assert read(data, ending).outcome == outcome


def test_megabytes_are_given_up() -> None:
    flight, sent = Flight(offer()), 0
    chunk = records.encode_record(records.HANDSHAKE, b"\x0b\x00\x00\x00" + bytes(16000))
    first = flight_of((2, hello_body(0xC02F)))
    flight.feed(first)
    while not flight.feed(chunk):
        sent += len(chunk)
        assert sent < 2 * 1024 * 1024
    assert flight.seen("timeout").outcome == "hello"
    assert flight.seen("timeout").detail


def test_every_damage_differs_from_the_hello_and_cannot_be_a_whole_one() -> None:
    good = hello.encode_offer(offer(), ENTROPY)
    assert len(damage.DAMAGES) > 15
    for name in damage.DAMAGES:
        assert damage.damaged(name, offer(), ENTROPY) != good, name


def test_sslv2_hello_and_answer() -> None:
    sent = sslv2.encode_client_hello(bytes(16))
    assert sent[0] & 0x80
    assert int.from_bytes(sent[:2], "big") & 0x7FFF == len(sent) - 2
    assert sent[2:5] == b"\x01\x00\x02"
    answer = bytes([0x80, 11, 4, 0, 1, 0, 2]) + bytes(6)
    assert sslv2.is_server_hello(answer)
    assert not sslv2.is_server_hello(b"\x15\x03\x01\x00\x02\x02\x46")
    assert not sslv2.is_server_hello(b"\x80")


def test_tables_hold_every_registered_suite_once() -> None:
    suites = names.suites()
    assert len(suites) >= 350
    assert len({suite.name for suite in suites.values()}) == len(suites)
    for code, parts in {
        0xC02F: ("ECDHE", "RSA", "AES", "GCM", 128, True),
        0x000A: ("RSA", "RSA", "3DES", "CBC", 112, False),
        0xC08A: ("ECDHE", "RSA", "Camellia", "GCM", 128, True),
        0x0003: ("RSA", "RSA", "RC4", "", 40, False),
        0x1305: ("any", "any", "AES", "CCM_8", 128, True),
        0xCCA9: ("ECDHE", "ECDSA", "ChaCha20", "Poly1305", 256, True),
    }.items():
        s = suites[code]
        assert (s.kx, s.auth, s.enc, s.mode, s.bits, s.forward_secret) == parts
    assert set(names.suite_codes("table:tls-b13-mandatory")) <= set(suites)
    assert len(names.suite_codes("table:tls-b13-mandatory")) == 14
    assert len(names.suite_codes("table:tls-b13-tls12")) == 23


def test_unknown_names_say_what_was_meant() -> None:
    with pytest.raises(ContentError, match="did you mean 'TLS_RSA_WITH_NULL_SHA'"):
        names.suite_codes(["TLS_RSA_WITH_NULL_SHAA"])
    with pytest.raises(ContentError, match="secp256r1"):
        names.group_codes(["secp256r"])
    with pytest.raises(ContentError, match="TLS version"):
        names.version_code("1.4")
    assert names.suite_codes(["0xC02F", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]) == (0xC02F,)


@given(st.binary(max_size=300))
def test_unreadable_certificates_are_said_to_be_so(data: bytes) -> None:
    (seen,) = chain_seen((data,))
    assert seen.problem or seen.key


def test_certificates_of_the_factory_are_read(tmp_path_factory: pytest.TempPathFactory) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from part15 import pki as factory

    made = factory.make_pki(tmp_path_factory.mktemp("pki"))

    def facts(name: str) -> tuple[object, ...]:
        pem = made[name].certificate.read_bytes()
        ders = tuple(c.public_bytes(Encoding.DER) for c in x509.load_pem_x509_certificates(pem))
        leaf = chain_seen(ders)[0]
        assert not leaf.problem, name
        return leaf.key, leaf.bits, leaf.hash, leaf.signer_bits, leaf.self_signed

    assert facts("server") == ("RSA", 2048, "SHA-256", 2048, False)
    assert facts("server-ec")[:3] == ("EC", 256, "SHA-256")
    assert facts("rsa-1024")[:2] == ("RSA", 1024)
    assert facts("p-192")[:2] == ("EC", 192)
    assert facts("p-224")[:2] == ("EC", 224)
    assert facts("sha224")[2] == "SHA-224"
    assert facts("self-signed")[4] is True
    assert facts("weak-issuer")[3] == 1024
    assert facts("weak-issuer-ec")[3] == 224


@pytest.mark.parametrize(("name", "expected"), [("sha1", "SHA-1"), ("md5", "MD5")])
def test_weak_hashes_are_named(name: str, expected: str, tmp_path: Path) -> None:
    import ssl

    from part15 import pki as factory

    made = factory.make_pki(tmp_path)
    pem = made[name].certificate.read_text().split("-----END CERTIFICATE-----")[0]
    der = ssl.PEM_cert_to_DER_cert(pem + "-----END CERTIFICATE-----\n")
    assert chain_seen((der,))[0].hash == expected
