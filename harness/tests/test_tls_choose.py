"""Our own TLS 1.2 as a server: what it answers, what clients make of it, and what is judged of them."""

from __future__ import annotations

import dataclasses
import os
import shutil
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from part15.bench import Bench, Ledger, Shelf
from part15.drivers import serving, serving_aborts, tls_choose, tls_listen
from part15.errors import Trouble
from part15.judge import ask
from part15.model import Word
from part15.observations import NotReached, from_json, to_json
from part15.observations.session import NOT_OFFERED, AnswersSeen, Served, ServedSeen
from part15.observations.tls import CertificateSeen, ClientHelloSeen, PortSeen
from part15.observations.tls_choices import ChoicesSeen, Chosen
from part15.peers.client import Behaviour
from part15.peers.client_service import ClientService
from part15.peers.faults_clients import faults
from part15.pki import Pki, make_pki
from part15.registry import checks
from part15.target import Identity, Listener
from part15.wire import tls12, tls12_answers, tls_hello
from part15.wire import tls_names as names
from part15.wire.dh_primes import PRIMES
from part15.wire.tls12_answers import WAYS, Ours, Unfit
from part15.wire.tls_octets import Malformed

PASS, FAIL, OPEN = Word.PASS, Word.FAIL, Word.INCONCLUSIVE
REQUIRED = os.environ.get("PART15_REQUIRE_PEERS") == "1"
KINDS = {
    "wrong_name": "wrong-name",
    "expired": "expired",
    "future": "future",
    "revoked": "revoked",
    "rsa_1024": "rsa-1024",
    "p_192": "p-192",
    "p_224": "p-224",
    "sha1": "sha1",
    "md5": "md5",
    "sha224": "sha224",
    "weak_issuer": "weak-issuer",
    "weak_issuer_ec": "weak-issuer-ec",
    "wrong_usage": "client-only",
    "long_chain": "long-chain",
}


class Sink:
    def keep(self, name: str, data: bytes, *, phi: str = "none") -> None:
        """Take evidence and forget it."""


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("choose-pki"))


def bench(pki: Pki, trigger: Any, folder: Path, **listener: Any) -> Bench:
    def identity(name: str) -> Identity:
        return Identity(certificate=str(pki[name].certificate), key=str(pki[name].key))

    given: dict[str, Any] = {
        "identity": identity("server"),
        "identities": {kind: identity(name) for kind, name in KINDS.items()},
        "trust": str(pki.ca),
        "wait": 5.0,
        **listener,
    }
    return Bench(
        target=types.SimpleNamespace(folder=folder),
        endpoint=Listener(id="in", trigger=tuple(trigger), **given),
        evidence=Sink(),
        ledger=Ledger(),
        shelf=Shelf(),
        scratch=folder,
        deadline=2.0,
    )


def client(pki: Pki, folder: Path, fault: str = "") -> ClientService:
    changes = faults()[f"client_{fault}"].changes if fault else {}
    return ClientService(dataclasses.replace(Behaviour(), **changes), pki.folder, folder)


@pytest.fixture
def right(pki: Pki, tmp_path: Path) -> Iterator[Bench]:
    with client(pki, tmp_path) as service:
        yield bench(pki, service.trigger, tmp_path)


def chosen(b: Bench, *ways: str) -> ChoicesSeen:
    seen = tls_choose.answer(b, ways=ways) if ways else tls_choose.answer(b)
    assert isinstance(seen, ChoicesSeen), seen
    assert from_json(to_json(seen)) == seen
    return seen


def word(name: str, seen: Any, **expect: Any) -> Word:
    return ask(checks()[name], seen, expect).word


def test_a_right_client_takes_right_answers_and_refuses_the_others(right: Bench) -> None:
    seen = chosen(right)
    good = {w for w, c in seen.chosen.items() if isinstance(c, Chosen) and c.entered}
    assert good == {"dh_2048", "dh_2048_again"}
    assert seen.right.entered
    assert seen.after.entered
    assert seen.right.chain[0].bits == 2048
    for way, one in seen.chosen.items():
        assert isinstance(one, Chosen), (way, one)
        assert one.entered or one.refused, (way, one)
    assert word("tls_choose.survives", seen) is PASS


@pytest.mark.parametrize(
    ("fault", "way", "check", "expect"),
    [
        ("takes_short_dh_primes", "dh_1024", "tls_choose.keeps_dh_bits", {"minimum": 2048}),
        ("offers_old_versions", "tls_1.0", "tls_choose.keeps_off_versions", {"versions": ["1.0"]}),
        (
            "takes_unsafe_renegotiation",
            "no_renegotiation_info",
            "tls_choose.alerts",
            {"way": "no_renegotiation_info", "alerts": [40]},
        ),
        ("verifies_nothing", "foreign_alpn", "tls_choose.refuses", {"way": "foreign_alpn"}),
        ("verifies_nothing", "compressed", "tls_choose.omits_compression", {}),
        ("reuses_its_dh_key", "dh_2048_again", "tls_choose.renews_keys", {}),
        ("falls_over_after_odd_answers", "tls_1.0", "tls_choose.survives", {}),
    ],
)
def test_faulty_clients_are_found_out(
    pki: Pki, tmp_path: Path, right: Bench, fault: str, way: str, check: str, expect: dict[str, Any]
) -> None:
    assert word(check, chosen(right, way), **expect) is PASS
    (tmp_path / "wrong").mkdir()
    with client(pki, tmp_path / "wrong", fault) as service:
        seen = chosen(bench(pki, service.trigger, tmp_path / "wrong"), way)
    assert word(check, seen, **expect) is FAIL, seen


def test_certificates_that_no_library_shows_are_shown(right: Bench) -> None:
    kinds = ("key_mismatch", "garbage", "huge", "p_192", "p_224", "weak_issuer_ec", "sha1", "md5")
    seen = serving.present(right, kinds=kinds)
    assert isinstance(seen, ServedSeen)
    ends = {k: s.ended if isinstance(s, Served) else s.step for k, s in seen.shown.items()}
    assert set(ends.values()) <= {"alert", "closed"}, ends
    expect = {"key": "EC", "minimum": 256, "kinds": ["p_192", "p_224"]}
    assert word("serving_certificates.has_key_bits", seen, **expect) is PASS


def test_a_client_that_verifies_nothing_takes_them_all(pki: Pki, tmp_path: Path) -> None:
    kinds = ("key_mismatch", "garbage", "p_192", "unknown_ca")
    with client(pki, tmp_path, "verifies_nothing") as service:
        seen = serving.present(bench(pki, service.trigger, tmp_path), kinds=kinds)
    assert isinstance(seen, ServedSeen)
    assert {k for k, s in seen.shown.items() if isinstance(s, Served) and s.entered} == set(kinds)
    assert word("serving.refuses_servers", seen, kinds=kinds) is FAIL


def test_a_client_certificate_that_our_library_refuses_is_seen_by_our_own_tls(
    pki: Pki, tmp_path: Path
) -> None:
    with client(pki, tmp_path, "shows_weak_curve_certificate") as service:
        seen = serving.present(bench(pki, service.trigger, tmp_path), kinds=())
    assert isinstance(seen, ServedSeen), seen
    assert seen.right.chain[0].curve == "secp224r1"
    assert word("serving_certificates.has_leaf_curve", seen, curves=["secp256r1"]) is FAIL


def test_aborts_are_drawn_out(pki: Pki, tmp_path: Path, right: Bench) -> None:
    seen = serving_aborts.draw(right)
    assert isinstance(seen, AnswersSeen), seen
    assert set(seen.aborts.values()) == {(2, 1), (2, 2)}
    assert word("session.aborts_by_the_table", seen) is PASS
    with client(pki, tmp_path, "aborts_with_odd_values") as service:
        wrong = serving_aborts.draw(bench(pki, service.trigger, tmp_path))
    assert word("session.aborts_by_the_table", wrong) is FAIL


@pytest.mark.parametrize("fault", ["", "connects_to_one_port_only", "falls_back_to_plain"])
def test_the_port_is_told_twice(pki: Pki, tmp_path: Path, fault: str) -> None:
    with client(pki, tmp_path, fault) as service:
        seen = tls_listen.change_port(bench(pki, service.trigger, tmp_path))
    assert isinstance(seen, PortSeen), seen
    assert from_json(to_json(seen)) == seen
    expected = FAIL if fault == "connects_to_one_port_only" else PASS
    assert word("tls_client.connects_where_told", seen) is expected


def test_a_fixed_port_cannot_be_changed(pki: Pki, tmp_path: Path) -> None:
    seen = tls_listen.change_port(bench(pki, ["true"], tmp_path, port=2762))
    assert isinstance(seen, NotReached)
    assert "set it to 0" in seen.why


def test_unknown_ways_are_trouble(right: Bench) -> None:
    with pytest.raises(Trouble, match="is no way to answer"):
        tls_choose.answer(right, ways=["politely"])


@pytest.mark.peer(name="dcmtk")
def test_echoscu_takes_short_primes_and_old_certificates(pki: Pki, tmp_path: Path) -> None:
    program = shutil.which("echoscu")
    if program is None and REQUIRED:
        pytest.fail("the peer echoscu is not installed, but PART15_REQUIRE_PEERS=1 demands it")
    if program is None:
        pytest.skip("the peer echoscu is not installed")
    mine = pki["client"]
    files = (str(mine.key), str(mine.certificate), "+cf", str(pki.ca))
    b = bench(pki, (program, "+tls", *files, "+py", "{host}", "{port}"), tmp_path)
    seen = chosen(b)
    assert word("tls_choose.keeps_dh_bits", seen, minimum=2048) is FAIL
    for version in ("1.1", "1.0", "ssl3"):
        assert word("tls_choose.keeps_off_versions", seen, versions=[version]) is PASS
    assert word("tls_choose.alerts", seen, way="no_renegotiation_info", alerts=[40]) is PASS
    assert word("tls_choose.refuses", seen, way="foreign_alpn") is OPEN
    shown = serving.present(b, kinds=("rsa_1024", "sha1", "p_192", "expired", "unknown_ca"))
    assert isinstance(shown, ServedSeen)
    taken = {k for k, s in shown.shown.items() if isinstance(s, Served) and s.entered}
    assert taken == {"rsa_1024", "sha1"}
    p_192 = shown.shown["p_192"]
    assert isinstance(p_192, NotReached)
    assert p_192.step == NOT_OFFERED


HELLO = ClientHelloSeen(
    "hello", listed=True, versions=("1.3", "1.2"), suites=(0xC02F,), compression=(0,), groups=(29,)
)
GOOD = Chosen("open", hello=HELLO, went_on=True, completed=True, entered=True, public="a")
AFTER = dataclasses.replace(GOOD, public="b")
SAID_70 = Chosen("alert", "TLS 1.0", HELLO, alert=70, level=2, closes=True)
SAID_47 = dataclasses.replace(SAID_70, alert=47)
WENT_ON = Chosen("ours", "TLS 1.0", HELLO, went_on=True, group=19, dh_bits=1024)
CLOSED = Chosen("closed", "TLS 1.0", HELLO, closes=True)
RESET = Chosen("reset", "TLS 1.0", HELLO)
SILENT = Chosen("silent", "TLS 1.0", HELLO)
ABSENT = NotReached(NOT_OFFERED, "the client offers no DHE suite")
UNSEEN = NotReached("trigger", "it did not connect")


def choices(way: str, one: Any, **changes: Any) -> ChoicesSeen:
    return dataclasses.replace(ChoicesSeen(GOOD, {way: one}, AFTER), **changes)


def hello(**changes: Any) -> dict[str, Any]:
    return {"right": dataclasses.replace(GOOD, hello=dataclasses.replace(HELLO, **changes))}


V10 = {"versions": ["1.0"]}
ALERT_70 = {"way": "tls_1.0", "alerts": [70]}
SHORT = dataclasses.replace(SAID_70, dh_bits=1024)
BITS = {"minimum": 2048}
T = "tls_choose."
DEAD: dict[str, Any] = {"after": Chosen("closed"), "lives": (True, False)}
ROWS: list[tuple[str, dict[str, Any], Any, Word]] = [
    (T + "refuses", {"way": "x"}, choices("x", SAID_47), PASS),
    (T + "refuses", {"way": "x"}, choices("x", WENT_ON), FAIL),
    (T + "refuses", {"way": "x"}, choices("x", SILENT), OPEN),
    (T + "refuses", {"way": "x"}, choices("x", CLOSED), PASS),
    (T + "refuses", {"way": "x"}, choices("x", CLOSED, **DEAD), OPEN),
    (T + "refuses", {"way": "x"}, choices("x", SAID_47, **DEAD), PASS),
    (T + "refuses", {"way": "x"}, choices("x", ABSENT), OPEN),
    (T + "alerts", ALERT_70, choices("tls_1.0", SAID_70), PASS),
    (T + "alerts", ALERT_70, choices("tls_1.0", SAID_47), FAIL),
    (T + "alerts", ALERT_70, choices("tls_1.0", CLOSED), FAIL),
    (T + "alerts", ALERT_70, choices("tls_1.0", CLOSED, **DEAD), OPEN),
    (T + "alerts", ALERT_70, choices("tls_1.0", RESET), OPEN),
    (T + "alerts", ALERT_70, choices("tls_1.0", SILENT), OPEN),
    (T + "alerts", ALERT_70, choices("tls_1.0", WENT_ON), FAIL),
    (T + "alerts", ALERT_70, choices("tls_1.0", dataclasses.replace(SAID_70, closes=False)), FAIL),
    (T + "alerts", ALERT_70, choices("tls_1.0", ABSENT, **hello(versions=("1.3",))), PASS),
    (T + "keeps_off_versions", V10, choices("tls_1.0", SAID_47), PASS),
    (T + "keeps_off_versions", V10, choices("tls_1.0", WENT_ON), FAIL),
    (T + "keeps_off_versions", V10, choices("tls_1.0", SAID_70, **hello(versions=("1.0",))), FAIL),
    (T + "keeps_off_versions", V10, choices("tls_1.0", UNSEEN), OPEN),
    (
        T + "keeps_off_versions",
        V10,
        choices("tls_1.0", dataclasses.replace(SAID_70, alert=10)),
        OPEN,
    ),
    (T + "keeps_off_versions", V10, choices("x", SAID_70, right=Chosen("silent")), OPEN),
    (T + "keeps_dh_bits", BITS, choices("dh_1024", SHORT), PASS),
    (T + "keeps_dh_bits", BITS, choices("dh_1024", WENT_ON), FAIL),
    (T + "keeps_dh_bits", BITS, choices("dh_1024", ABSENT), PASS),
    (T + "keeps_dh_bits", BITS, choices("dh_1024", UNSEEN), OPEN),
    (
        T + "keeps_dh_bits",
        BITS,
        choices("dh_1024", dataclasses.replace(SILENT, dh_bits=1024)),
        OPEN,
    ),
    (T + "keeps_curve_bits", {"minimum": 224}, choices("small_curve", SAID_47), PASS),
    (T + "keeps_curve_bits", {"minimum": 224}, choices("small_curve", WENT_ON), FAIL),
    (
        T + "keeps_curve_bits",
        {"minimum": 224},
        choices("small_curve", SAID_47, **hello(groups=(19,))),
        FAIL,
    ),
    (T + "keeps_curve_bits", {"minimum": 224}, choices("small_curve", ABSENT), PASS),
    (T + "omits_compression", {}, choices("compressed", SAID_47), PASS),
    (T + "omits_compression", {}, choices("compressed", WENT_ON), FAIL),
    (
        T + "omits_compression",
        {},
        choices("compressed", SAID_47, **hello(compression=(1, 0))),
        FAIL,
    ),
    (T + "renews_keys", {}, choices("x", SAID_47), PASS),
    (T + "renews_keys", {}, choices("x", dataclasses.replace(GOOD, public="b")), FAIL),
    (T + "renews_keys", {}, choices("x", SAID_47, **DEAD), OPEN),
    (
        T + "renews_keys",
        {},
        ChoicesSeen(
            Chosen("ours", hello=dataclasses.replace(HELLO, suites=(0x0002,))), {}, Chosen("ours")
        ),
        PASS,
    ),
    (T + "renews_keys", {"curves_too": False}, choices("dh_2048", ABSENT), PASS),
    (T + "survives", {}, choices("x", SAID_47), PASS),
    (T + "survives", {}, choices("x", SAID_47, **DEAD), FAIL),
    (T + "survives", {}, choices("x", SAID_47, lives=(False, False)), OPEN),
]
LEAF = CertificateSeen(
    "me", "RSA", 2048, signer="RSA", signer_bits=2048, hash="SHA-256", fingerprint="1"
)
RIGHT = Served(
    "open", entered=True, first=1, answered=True, certificate=True, chain=(LEAF,), scheme=0x0804
)
S = "serving_certificates."


def served(shown: Any = None, **changes: Any) -> ServedSeen:
    one = dataclasses.replace(RIGHT, chain=(dataclasses.replace(LEAF, **changes),))
    return ServedSeen(one, {"k": shown or Served("alert", alert=42)}, RIGHT)


NONE = ServedSeen(
    dataclasses.replace(RIGHT, certificate=False, chain=()), {"k": Served("alert")}, RIGHT
)
KEY = {"key": "RSA", "minimum": 2048, "kinds": ["k"]}
SIGNED = {"signer": "RSA", "minimum": 2048, "kinds": ["k"]}
HASH = {"hashes": ["SHA-256"], "kinds": ["k"]}
SHA1 = {"hashes": ["SHA-1", "MD5"], "kinds": ["k"]}
P_256 = {"curves": ["secp256r1"]}
ROWS += [
    (S + "has_key_bits", KEY, served(), PASS),
    (S + "has_key_bits", KEY, served(bits=1024), FAIL),
    (S + "has_key_bits", KEY, served(RIGHT), FAIL),
    (S + "has_key_bits", KEY, served(UNSEEN), OPEN),
    (S + "has_key_bits", KEY, served(ABSENT), PASS),
    (S + "has_key_bits", KEY, served(Served("silent")), OPEN),
    (S + "has_key_bits", KEY, NONE, PASS),
    (S + "is_signed_with_bits", SIGNED, served(), PASS),
    (S + "is_signed_with_bits", SIGNED, served(signer_bits=1024), FAIL),
    (S + "is_signed_with_bits", SIGNED, served(signer_bits=None), OPEN),
    (S + "is_signed_with_hash", HASH, served(), PASS),
    (S + "is_signed_with_hash", HASH, served(hash="SHA-1"), FAIL),
    (S + "is_signed_with_hash", {"hashes": ["SHA-256"]}, NONE, PASS),
    (S + "signs_without", SHA1, served(), PASS),
    (S + "signs_without", SHA1, served(hash="MD5"), FAIL),
    (S + "signs_without", SHA1, served(RIGHT), FAIL),
    (
        S + "signs_without",
        SHA1,
        dataclasses.replace(served(), right=dataclasses.replace(RIGHT, scheme=0x0201)),
        FAIL,
    ),
    (S + "has_leaf_key", {"keys": ["RSA"]}, served(), PASS),
    (S + "has_leaf_key", {"keys": ["RSA"]}, served(key="EC"), FAIL),
    (S + "has_leaf_key", {"keys": ["RSA"]}, NONE, OPEN),
    (S + "has_leaf_curve", P_256, served(key="EC", curve="secp256r1"), PASS),
    (S + "has_leaf_curve", P_256, served(key="EC", curve="secp224r1"), FAIL),
    (S + "has_leaf_curve", P_256, NONE, PASS),
]


@pytest.mark.parametrize(
    ("name", "expect", "seen", "expected"),
    ROWS,
    ids=[f"{n}-{r[0]}-{r[3]}" for n, r in enumerate(ROWS)],
)
def test_check(name: str, expect: dict[str, Any], seen: Any, expected: Word) -> None:
    answer = ask(checks()[name], seen, expect)
    assert answer.message
    assert answer.word is expected, answer.message


def test_every_check_is_seen_to_pass_and_to_fail() -> None:
    mine = {n for n in checks() if n.split(".")[0] in ("tls_choose", "serving_certificates")}
    for expected in (PASS, FAIL):
        assert mine - {row[0] for row in ROWS if row[3] is expected} == set()


def offered(**changes: Any) -> tls_hello.ClientHello:
    offer = tls_hello.Offer(
        **{"versions": ("1.2",), "suites": names.suite_codes("table:tls-modern"), **changes}
    )
    return tls_hello.client_hello(offer, bytes(range(96)))


@pytest.mark.parametrize("way", list(WAYS))
def test_each_way_is_wrong_in_one_thing(pki: Pki, way: str) -> None:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    ours = Ours((b"x",), load_pem_private_key(pki["server"].key.read_bytes(), None))
    hello = offered(versions=("1.3", "1.2"), alpn=("dicom",), suites=(0xC02F, 0x009E, 0x1301))
    made = tls12_answers.answer(WAYS[way], hello, ours)
    said = made.hello
    wrong = {
        "version": said.version != 0x0303,
        "suite": said.suite not in hello.suites,
        "compression": said.compression != 0,
        "indication": said.version != 0x0300 and said.extension("renegotiation_info") is None,
        "alpn": said.alpn not in (None, "dicom"),
        "bits": made.exchange.dh_bits not in (0, 2048),
        "group": made.exchange.group not in (0, 29),
        "sentinel": bool(said.sentinel),
        "broken": len(made.messages[0]) < 38,
    }
    assert sum(wrong.values()) == (0 if way in ("right", "dh_2048", "dh_2048_again") else 1), wrong


def test_an_old_version_comes_with_a_suite_that_it_has(pki: Pki) -> None:
    """A client that accepts it must find nothing else to object to: RSA key transport has no key exchange message."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    ours = Ours((b"x",), load_pem_private_key(pki["server"].key.read_bytes(), None))
    for suites, chosen, messages in (
        ((0x0002,), 0x0002, 4),
        ((0x002F, 0xC009), 0x002F, 4),
        ((0xC009, 0xC013), 0xC013, 5),
        ((0x1302, 0xC030), 0xC030, 5),
    ):
        made = tls12_answers.answer(WAYS["tls_1.0"], offered(suites=suites), ours)
        assert (made.hello.suite, len(made.messages)) == (chosen, messages)


def test_ways_that_mean_nothing_to_a_client_are_not_tried(pki: Pki) -> None:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    ours = Ours((b"x",), load_pem_private_key(pki["server"].key.read_bytes(), None))
    for way, hello in {
        "dh_1024": offered(suites=(0xC02F,)),
        "foreign_alpn": offered(),
        "downgraded": offered(),
        "right": offered(versions=("1.3",), suites=(0x1301,)),
    }.items():
        with pytest.raises(Unfit):
            tls12_answers.answer(WAYS[way], hello, ours)


def test_primes_have_their_size() -> None:
    for bits, prime in PRIMES.items():
        assert prime.bit_length() == bits
        assert pow(2, prime - 1, prime) == 1


@given(st.binary(max_size=300))
def test_no_key_share_raises_anything_but_malformed(theirs: bytes) -> None:
    for group in (29, 23):
        try:
            tls12.shared_secret(group, tls12.own_share(group).private, theirs)
        except Malformed:
            continue
