"""Session tickets: the codec, the driver on the embedded peer, and the checks."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from part15.checks import resumption as checks
from part15.drivers import resumption as drivers
from part15.judge import ask
from part15.model import Word
from part15.observations import NotReached, from_json, to_json
from part15.observations.session import AssociationSeen, HandshakeSeen, Resumed, ResumptionSeen
from part15.peers.reference import ReferencePeer
from part15.pki import Pki, make_pki
from part15.registry import checks as registered
from part15.wire import tls_tickets as tickets

made = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("session_bench.py"))))
GOOD, DEAD = AssociationSeen("accepted", echo=0), AssociationSeen("closed")


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("resumption-pki"))


CHECKS = (
    "protects_tickets",
    "limits_ticket_lifetime",
    "resumes_with_key_exchange",
    "allows_no_early_data",
)


def words(seen: Any) -> dict[str, Word]:
    assert from_json(to_json(seen)) == seen
    return {c: ask(registered()[f"resumption.{c}"], seen, {}).word for c in CHECKS}


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("", ""),
        ("accepts_changed_tickets", "protects_tickets"),
        ("resumes_without_key_exchange", "resumes_with_key_exchange"),
        ("allows_early_data", "allows_no_early_data"),
    ],
)
def test_each_fault_fails_its_check(pki: Pki, tmp_path: Path, fault: str, check: str) -> None:
    with ReferencePeer(pki, [fault] if fault else [], idle=0.5) as peer:
        try:
            seen = drivers.resume(made.bench_on(peer, tmp_path))
        except FileNotFoundError:
            pytest.skip("openssl is not installed")
    assert isinstance(seen, ResumptionSeen)
    found = words(seen)
    if not fault:
        assert set(found.values()) == {Word.PASS}
        assert {r.untouched for r in seen.versions.values()} == {"resumed"}
        old = seen.versions["1.2"]
        assert (old.by_id, old.other_id) == ("resumed", "full")
        assert old.without_ems.startswith("alert")
        assert {r.again for r in seen.versions.values()} <= {"resumed", "full"}
    else:
        assert found[check] is Word.FAIL
        assert list(found.values()).count(Word.FAIL) == 1


def seen(after: AssociationSeen = GOOD, **fields: Any) -> ResumptionSeen:
    base: dict[str, Any] = {
        "tickets": 1,
        "lifetimes": (7200,),
        "untouched": "resumed",
        "tampered": {"middle": "full", "last octet": "alert 51"},
        "modes": "with key share",
    }
    return ResumptionSeen({"1.3": Resumed(**{**base, **fields})}, GOOD, after)


@pytest.mark.parametrize(
    ("observed", "check", "word"),
    [
        (seen(), "protects_tickets", Word.PASS),
        (seen(tampered={"middle": "resumed"}), "protects_tickets", Word.FAIL),
        (seen(leaks=True), "protects_tickets", Word.FAIL),
        (seen(tampered={}, untouched="full"), "protects_tickets", Word.INCONCLUSIVE),
        (seen(after=DEAD), "protects_tickets", Word.INCONCLUSIVE),
        (seen(lifetimes=(604800,)), "limits_ticket_lifetime", Word.PASS),
        (seen(lifetimes=(604801,)), "limits_ticket_lifetime", Word.FAIL),
        (seen(modes="without key share"), "resumes_with_key_exchange", Word.FAIL),
        (seen(modes="full"), "resumes_with_key_exchange", Word.PASS),
        (seen(modes="", untouched="alert 40"), "resumes_with_key_exchange", Word.INCONCLUSIVE),
        (seen(early=1), "allows_no_early_data", Word.FAIL),
        (seen(), "allows_no_early_data", Word.PASS),
    ],
)
def test_checks(observed: ResumptionSeen, check: str, word: Word) -> None:
    assert ask(registered()[f"resumption.{check}"], observed, {}).word is word


def test_a_hint_of_zero_is_looked_at() -> None:
    hint = ResumptionSeen({"1.2": Resumed(tickets=1, lifetimes=(0,))}, GOOD, GOOD)
    assert checks.limits_ticket_lifetime(hint).word is Word.REVIEW


def test_no_tickets_pass_and_no_association_decides_nothing() -> None:
    none = ResumptionSeen(
        {"1.3": Resumed(why="no session ticket was given in TLS 1.3")}, GOOD, GOOD
    )
    assert set(words(none).values()) == {Word.PASS}
    nothing = ResumptionSeen({"1.3": Resumed(why="no association in TLS 1.3: closed")}, GOOD, GOOD)
    assert set(words(nothing).values()) == {Word.INCONCLUSIVE}


def test_what_was_not_refused_is_no_refusal() -> None:
    for answer in ("silent", "not offered"):
        open_one = seen(tampered={"middle": answer, "last octet": "full"})
        assert words(open_one)["protects_tickets"] is Word.INCONCLUSIVE
    half = ResumptionSeen(
        {
            "1.2": Resumed(why="no session ticket was given in TLS 1.2"),
            "1.3": Resumed(why="no association in TLS 1.3: silent", untouched="silent"),
        },
        GOOD,
        GOOD,
    )
    assert set(words(half).values()) == {Word.INCONCLUSIVE}
    old = AssociationSeen("accepted", HandshakeSeen("open", True, version="TLSv1.2"), echo=0)
    refused = Resumed(why="no association in TLS 1.3: alert", untouched="alert")
    only12 = ResumptionSeen({"1.2": Resumed(tickets=1, lifetimes=(60,)), "1.3": refused}, old, GOOD)
    assert words(only12)["allows_no_early_data"] is Word.PASS


def test_a_refusing_endpoint_is_not_reached(pki: Pki, tmp_path: Path) -> None:
    with ReferencePeer(pki, idle=0.3) as peer:
        assert isinstance(drivers.resume(made.bench_on(peer, tmp_path, identity=None)), NotReached)


def test_tickets_are_read_in_both_forms() -> None:
    old = b"\x04\x00\x00\x09" + (300).to_bytes(4, "big") + b"\x00\x03abc"
    assert tickets.read_ticket(old, "1.2") == tickets.Ticket(b"abc", 300)
    early = b"\x00\x08\x00\x2a\x00\x04\x00\x00\x40\x00"
    new = b"\x04\x00\x00\x1b" + (7200).to_bytes(4, "big") + bytes(4) + b"\x02nn\x00\x03abc" + early
    assert tickets.read_ticket(new, "1.3") == tickets.Ticket(b"abc", 7200, 16384)
    assert tickets.read_ticket(old[:-1], "1.2") is None


def test_a_certificate_in_a_ticket_shows() -> None:
    secret = bytes(range(200))
    assert tickets.shows(b"xx" + secret[32:64] + b"yy", secret)
    assert not tickets.shows(b"xx" + secret[40:64] + b"yy", secret)


@given(st.binary(max_size=120), st.sampled_from(["1.2", "1.3"]))
def test_any_bytes_are_read_or_not(octets: bytes, version: str) -> None:
    tickets.read_ticket(octets, version)
    tickets.mode_of(octets)
    assert tickets.answered(octets, version) in ("", "full", "resumed") or octets[0] in (0x15, 0x16)


def test_a_changed_session_id_must_resume_nothing() -> None:
    assert words(seen(by_id="resumed", other_id="resumed"))["protects_tickets"] is Word.FAIL
    assert words(seen(by_id="resumed", other_id="full"))["protects_tickets"] is Word.PASS


def test_a_ticket_that_is_taken_too_easily_is_a_finding() -> None:
    answer = checks.protects_tickets(seen(without_ems="resumed", again="resumed"))
    assert answer.word is Word.PASS
    assert [f.word for f in answer.findings] == [Word.WARN, Word.INFO]


@given(st.binary(max_size=80))
def test_leaving_out_an_extension_never_raises(flight: bytes) -> None:
    assert tickets.without_extension(flight, 23) == flight or flight[:1] == b"\x16"
