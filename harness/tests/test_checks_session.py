"""The session checks on observations written by hand."""

from __future__ import annotations

import pytest

from part15.checks import session as checks
from part15.model import Word
from part15.observations import NotReached
from part15.observations.session import (
    AnswersSeen,
    AssociationSeen,
    AuthenticationSeen,
    Foreign,
    ForeignSeen,
    HandshakeSeen,
    PortsSeen,
    Silence,
    SilenceSeen,
    UseSeen,
)

SHAKE = HandshakeSeen("open", completed=True, version="TLSv1.3", suite="X", requested=True)
GOOD = AssociationSeen("accepted", SHAKE, echo=0)
EOF = AssociationSeen("closed", SHAKE)
ALERT = AssociationSeen("alert", HandshakeSeen("alert", alert=116))
DEAD = AssociationSeen("closed")


@pytest.mark.parametrize(
    ("seen", "word"),
    [
        (GOOD, Word.PASS),
        (AssociationSeen("accepted", SHAKE, echo=0x0110), Word.FAIL),
        (AssociationSeen("accepted", SHAKE), Word.FAIL),
        (AssociationSeen("aborted", SHAKE, abort=(2, 0)), Word.FAIL),
        (AssociationSeen("accepted", None, echo=0), Word.PASS),
    ],
)
def test_associates(seen: AssociationSeen, word: Word) -> None:
    assert checks.associates(seen).word is word


def shown(
    after: AssociationSeen = GOOD, **kinds: AssociationSeen | NotReached
) -> AuthenticationSeen:
    base: dict[str, AssociationSeen | NotReached] = {
        "none": ALERT,
        "unknown_ca": EOF,
        "expired": ALERT,
    }
    return AuthenticationSeen(GOOD, {**base, **kinds}, after)


MUTE = AssociationSeen("silent", SHAKE)
REJECTED = AssociationSeen("rejected", SHAKE, reject=(1, 1, 3))


@pytest.mark.parametrize(
    ("seen", "word"),
    [
        (shown(), Word.PASS),
        (shown(none=GOOD), Word.FAIL),
        (shown(expired=REJECTED), Word.FAIL),
        (shown(after=DEAD), Word.INCONCLUSIVE),
        (shown(expired=NotReached("identity", "give it")), Word.INCONCLUSIVE),
        (shown(rsa_1024=GOOD), Word.PASS),
        (shown(none=MUTE), Word.INCONCLUSIVE),
        (shown(expired=AssociationSeen("garbage")), Word.INCONCLUSIVE),
    ],
)
def test_authenticates(seen: AuthenticationSeen, word: Word) -> None:
    answer = checks.authenticates(seen)
    assert answer.word is word
    assert bool(answer.findings) == any(
        isinstance(s, AssociationSeen) and s.entered for s in seen.shown.values()
    )


def test_a_server_that_asks_for_nothing_does_not_authenticate() -> None:
    free = AssociationSeen("accepted", HandshakeSeen("open", completed=True), echo=0)
    seen = AuthenticationSeen(free, {"none": free}, free)
    assert checks.authenticates(seen).word is Word.FAIL
    assert checks.refuses_identities(seen, kinds=["revoked"]).word is Word.INCONCLUSIVE


@pytest.mark.parametrize(
    ("seen", "word"),
    [
        (shown(revoked=ALERT), Word.PASS),
        (shown(revoked=GOOD), Word.FAIL),
        (shown(revoked=MUTE), Word.INCONCLUSIVE),
        (shown(revoked=ALERT, after=DEAD), Word.INCONCLUSIVE),
        (shown(), Word.INCONCLUSIVE),
        (shown(revoked=NotReached("identity", "give it")), Word.INCONCLUSIVE),
    ],
)
def test_refuses_identities(seen: AuthenticationSeen, word: Word) -> None:
    assert checks.refuses_identities(seen, kinds=["revoked"]).word is word


def test_whether_authentication_can_be_off_is_information() -> None:
    assert checks.tells_whether_authentication_can_be_off(shown()).word is Word.INFO
    nothing = AuthenticationSeen(GOOD, {}, GOOD)
    assert checks.tells_whether_authentication_can_be_off(nothing).word is Word.INCONCLUSIVE


def foreign(
    kind: str, answer: str, *, inside: bool = False, after: AssociationSeen = GOOD
) -> ForeignSeen:
    return ForeignSeen({kind: Foreign(kind, "tls", inside, answer)}, GOOD, after)


@pytest.mark.parametrize(
    ("seen", "of", "word"),
    [
        (foreign("plain A-ASSOCIATE-RQ", "reset"), "transport", Word.PASS),
        (foreign("plain A-ASSOCIATE-RQ", "alert"), "transport", Word.PASS),
        (foreign("plain A-ASSOCIATE-RQ", "dicom"), "transport", Word.FAIL),
        (foreign("plain HTTP", "http"), "transport", Word.FAIL),
        (foreign("ClientHello on plain", "tls"), "transport", Word.FAIL),
        (foreign("ClientHello on plain", "abort"), "transport", Word.PASS),
        (foreign("plain A-ASSOCIATE-RQ", "closed", after=DEAD), "transport", Word.INCONCLUSIVE),
        (foreign("plain A-ASSOCIATE-RQ", "ours"), "transport", Word.INCONCLUSIVE),
        (foreign("HTTP GET inside TLS", "http", inside=True), "dicomweb", Word.FAIL),
        (foreign("HTTP GET inside TLS", "abort", inside=True), "dicomweb", Word.PASS),
        (foreign("A-ASSOCIATE-RQ inside TLS on web", "dicom", inside=True), "dicomweb", Word.FAIL),
        (foreign("HTTP GET inside TLS", "http", inside=True), "transport", Word.INCONCLUSIVE),
    ],
)
def test_keeps_to_its_protocol(seen: ForeignSeen, of: str, word: Word) -> None:
    assert checks.keeps_to_its_protocol(seen, of=of).word is word


@pytest.mark.parametrize(
    ("seen", "reading", "word"),
    [
        (UseSeen("enforced", "plain is refused", "TLSv1.3", "refused"), "", Word.PASS),
        (UseSeen("used, not enforced", "x", "y", "z", shared=True), "", Word.FAIL),
        (UseSeen("used, not enforced", "x", "y", "z", shared=True), "T-10", Word.WARN),
        (UseSeen("used, not enforced", "x", "y", "z"), "", Word.PASS),
        (UseSeen("absent", "x", "y", "z"), "", Word.FAIL),
        (UseSeen("", "x", "y", "z"), "", Word.INCONCLUSIVE),
    ],
)
def test_enforces_protection(seen: UseSeen, reading: str, word: Word) -> None:
    answer = checks.enforces_protection(seen, reading=reading)
    assert answer.word is word
    assert answer.rests_on == ((reading,) if word is Word.WARN else ())


def silence(closed: bool, claimed: float | None = 2.0) -> SilenceSeen:
    stages = {"handshake": Silence(closed, 2.1, "x"), "connect": Silence(False, 2.4, "silent")}
    return SilenceSeen(stages, 2.4, claimed, GOOD, GOOD)


def test_closes_when_silent() -> None:
    right = checks.closes_when_silent(silence(True))
    assert right.word is Word.PASS
    assert [f.subject for f in right.findings] == ["connect"]
    assert checks.closes_when_silent(silence(False)).word is Word.FAIL
    assert checks.closes_when_silent(silence(False, None)).word is Word.INCONCLUSIVE
    nothing = SilenceSeen({"handshake": Silence(False, 0.0, "no")}, 2.0, 2.0, GOOD, GOOD)
    assert checks.closes_when_silent(nothing).word is Word.INCONCLUSIVE


def answers(
    rejects: dict[str, tuple[int, ...]] | None = None,
    aborts: dict[str, tuple[int, ...]] | None = None,
) -> AnswersSeen:
    return AnswersSeen(rejects or {}, aborts or {}, {"x": "closed"}, GOOD, GOOD)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ((1, 1, 7), Word.PASS),
        ((2, 3, 2), Word.PASS),
        ((1, 2, 2), Word.PASS),
        ((0, 1, 1), Word.FAIL),
        ((1, 1, 4), Word.FAIL),
        ((1, 2, 3), Word.FAIL),
        ((1, 0, 1), Word.FAIL),
    ],
)
def test_rejects_by_the_table(values: tuple[int, ...], word: Word) -> None:
    assert checks.rejects_by_the_table(answers({"a": values})).word is word


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ((0, 0), Word.PASS),
        ((2, 6), Word.PASS),
        ((2, 3), Word.FAIL),
        ((1, 0), Word.FAIL),
        ((0, 2), Word.FAIL),
    ],
)
def test_aborts_by_the_table(values: tuple[int, ...], word: Word) -> None:
    assert checks.aborts_by_the_table(answers(aborts={"a": values})).word is word


def test_no_refusal_decides_nothing() -> None:
    assert checks.rejects_by_the_table(answers()).word is Word.INCONCLUSIVE
    assert checks.aborts_by_the_table(answers()).word is Word.INCONCLUSIVE


def ports(second: int, transport: str = "plain") -> PortsSeen:
    return PortsSeen({"a": 2762, "b": second}, {"a": "tls", "b": transport}, {"a": "h", "b": "h"})


def test_keeps_ports_apart() -> None:
    assert checks.keeps_ports_apart(ports(104)).word is Word.PASS
    assert checks.keeps_ports_apart(ports(2762)).word is Word.FAIL
    assert checks.keeps_ports_apart(ports(2762, "tls")).word is Word.PASS
    assert checks.keeps_ports_apart(PortsSeen({}, {}, {})).word is Word.INCONCLUSIVE
