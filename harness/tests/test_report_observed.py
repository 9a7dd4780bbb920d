"""Observations become named facts, each in the form that the schema gives it."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from part15.observations import Many, Member, NotReached
from part15.observations.audit import (
    AuditConnectionSeen,
    AuditMessageSeen,
    AuditStorySeen,
    AuditTrailSeen,
)
from part15.observations.comparison import ComparisonSeen
from part15.observations.deid import ConflictSeen, DeidSeen, DeidSet
from part15.observations.identity import IdentitiesSeen, IdentityAnswer, WrongIdentitiesSeen
from part15.observations.media import SecureFileSeen
from part15.observations.policy import PolicyAnswer, PolicySeen
from part15.observations.session import (
    AssociationSeen,
    Damaged,
    Foreign,
    ForeignSeen,
    HandshakeSeen,
    IntegritySeen,
    PortsSeen,
    Silence,
    SilenceSeen,
    UseSeen,
)
from part15.observations.signatures import SignedObjectSeen
from part15.observations.status import StatusCase, StatusSeen, StorySeen, StoryStep
from part15.observations.storage import RoundTripSeen
from part15.report.facts import Observed
from part15.report.observed import observations
from part15.report.schema import report_schema
from part15.report.valid import problems

made = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("report_sample.py"))))
ONE = report_schema()["properties"]["observations"]
ACCEPTED = AssociationSeen(
    "accepted", HandshakeSeen("open", completed=True, version="1.3", suite="X"), echo=0
)
ALONE = IdentityAnswer("no identity", 0, False, "accepted")
CLOSED = IdentityAnswer("wrong passcode", 2, True, "rejected", reject=(1, 1, 1))
COMPARED = ComparisonSeen("a", "b", identical=False, syntax_before="1.2.840.10008.1.2.1", total=3)
SEEN = {
    "ports": (
        PortsSeen({"e": 2762}, {"e": "tls"}, {"e": "h"}),
        [{"endpoint": "e", "port": 2762, "transport": "tls"}],
    ),
    "use": (UseSeen("enforced", "why", "t", "p"), {"state": "enforced", "tls": "t", "plain": "p"}),
    "port.foreign": (
        ForeignSeen({"x": Foreign("HTTP GET", "e", True, "alert")}, ACCEPTED, ACCEPTED),
        [{"sent": "HTTP GET inside TLS", "to": "e", "answer": "alert"}],
    ),
    "port.silence": (
        SilenceSeen({"connect": Silence(True, 3.14, "closed")}, 5.0, None, ACCEPTED, ACCEPTED),
        [{"stage": "connect", "closed": True, "seconds": 3.1}],
    ),
    "integrity.damages": (
        IntegritySeen(
            "C-STORE",
            0,
            {
                "flipped": Damaged(closed=True, alert=20),
                "cut": Damaged(closed=True, how="reset"),
                "lost": Damaged(acknowledged=True),
                "late": Damaged(),
                "x": Damaged(why="no record came"),
            },
            ACCEPTED,
        ),
        [
            {"damage": "flipped", "answer": "connection ended (alert 20)"},
            {"damage": "cut", "answer": "connection ended (reset)"},
            {"damage": "lost", "answer": "C-STORE was answered with success"},
            {"damage": "late", "answer": "connection stayed open"},
            {"damage": "x", "answer": "not done: no record came"},
        ],
    ),
    "identity.answers": (
        IdentitiesSeen(ALONE, (CLOSED,), "alone"),
        [
            {
                "shown": "wrong passcode",
                "type": 2,
                "asked": True,
                "answer": "rejected (1, 1, 1)",
                "responses": 0,
            }
        ],
    ),
    "identity.environments": (
        WrongIdentitiesSeen(CLOSED, (CLOSED,), CLOSED, "with tls"),
        [
            {
                "type": 2,
                "presumes": "a secure network",
                "combination": "identity with tls",
                "outcome": "tested",
            },
            {
                "type": 2,
                "presumes": "a secure network",
                "combination": "identity over VPN or IPsec",
                "outcome": "inconclusive: not observable here",
            },
        ],
    ),
    "association.policy": (
        PolicySeen(
            PolicyAnswer("", "what is right", "accepted"),
            (
                PolicyAnswer("calling AE title", "X", "accepted", echo=0),
                PolicyAnswer("called AE title", "Y", "rejected", reject=(1, 1, 7)),
                PolicyAnswer("certificate", "Z", "not tried", why="no TLS"),
            ),
            PolicyAnswer("", "what is right", "accepted"),
            ("called AE title",),
        ),
        [
            {
                "check": "calling AE title",
                "shown": "X",
                "enforced": "no",
                "answer": "accepted, C-ECHO 0000H inside",
                "declared": False,
            },
            {
                "check": "called AE title",
                "shown": "Y",
                "enforced": "yes",
                "answer": "rejected 1/1/7",
                "declared": True,
            },
            {
                "check": "certificate",
                "shown": "Z",
                "enforced": "not determined",
                "answer": "no TLS",
                "declared": False,
            },
        ],
    ),
    "audit.kinds": (AuditStorySeen((), AuditTrailSeen(kinds={"b": 1, "a": 2})), {"a": 2, "b": 1}),
    "audit.maximumSize": (
        AuditTrailSeen(
            messages=(AuditMessageSeen("m", b"xy", size=7), AuditMessageSeen("n", b"xyz"))
        ),
        7,
    ),
    "audit.connections": (
        AuditTrailSeen(
            connections=(AuditConnectionSeen(1, version="1.2", suite="X", messages=4),),
            transport="tls",
        ),
        [{"transport": "tls", "version": "1.2", "suite": "X", "messages": 4}],
    ),
    "preservation": (
        RoundTripSeen(COMPARED, 0, "C-GET"),
        [
            {
                "before": "a",
                "after": "b",
                "identical": False,
                "syntaxBefore": "1.2.840.10008.1.2.1",
                "syntaxAfter": "",
                "differences": 3,
            }
        ],
    ),
    "deid.removed": (DeidSeen("f", "2023b", removed=("b", "a")), ["a", "b"]),
    "deid.conflicts": (
        DeidSet(links=9, split=(ConflictSeen("uid", 2),)),
        [{"what": "uid", "kind": "split", "scope": "run", "count": 2}],
    ),
    "media.files": (
        SecureFileSeen(10, "enveloped", access="opened"),
        [
            {
                "content": "enveloped",
                "recipients": 0,
                "cipher": "none",
                "decrypts": "opened",
                "signers": 0,
            }
        ],
    ),
    "signatures": (SignedObjectSeen("f"), []),
    "status.cases": (
        StatusSeen(
            (
                StatusCase("OR", "partner", "plain", True, True, None),
                StatusCase(None, "plain", "plain", False, False),
            ),
            {},
            {},
        ),
        [
            {
                "sent": "OR",
                "came": "partner",
                "asked": "plain",
                "committed": True,
                "returned": "absent",
            },
            {
                "sent": None,
                "came": "plain",
                "asked": "plain",
                "committed": False,
                "returned": "not delivered",
            },
        ],
    ),
    "status.stories": (
        StorySeen(
            9,
            1,
            {"never two originals": (StoryStep("store OR"), StoryStep("copy", "two originals"))},
        ),
        [
            {
                "rule": "never two originals",
                "steps": [
                    {"text": "store OR", "broke": ""},
                    {"text": "copy", "broke": "two originals"},
                ],
            }
        ],
    ),
}


@pytest.mark.parametrize("key", SEEN)
def test_fact(key):
    seen, expected = SEEN[key]
    rows = observations([Observed("k-1", "kind", "e", seen)])
    assert problems(rows, ONE) == []
    row = next(r for r in rows if r["key"] == key)
    assert row["value"] == expected
    assert (row["id"], row["evidence"]) == (f"{key}@e", ["k-1/observation.json"])


def test_every_known_class_gives_facts_of_the_right_form():
    rows = observations(list(made.OBSERVED))
    assert problems(rows, ONE) == []
    keys = {r["key"] for r in rows}
    assert {
        "tls.suites",
        "tls.versions",
        "tls.certificates",
        "tls.clientIdentities",
        "association.answers",
    } <= keys


def test_facts_of_several_stimuli_are_joined():
    one = AuditTrailSeen(messages=(AuditMessageSeen("m", b"", size=7),), kinds={"a": 1})
    two = AuditTrailSeen(messages=(AuditMessageSeen("m", b"", size=9),), kinds={"b": 1})
    rows = {
        r["key"]: r
        for r in observations([Observed("k-1", "x", "e", one), Observed("k-2", "x", "e", two)])
    }
    assert rows["audit.maximumSize"]["value"] == 9
    assert rows["audit.kinds"]["value"] == {"a": 1, "b": 1}
    assert rows["audit.kinds"]["evidence"] == ["k-1/observation.json", "k-2/observation.json"]


def test_many_and_unknown():
    members = tuple(Member(str(i), DeidSeen(str(i), "2023b", removed=(f"a{i}",))) for i in range(3))
    rows = {r["key"]: r for r in observations([Observed("k-1", "x", "", Many(members))])}
    assert rows["deid.removed"]["value"] == ["a0", "a1", "a2"]
    assert rows["deid.removed"]["id"] == "deid.removed"
    assert observations([Observed("k-1", "x", "", NotReached("a", "b"))]) == []


def test_longest_story_wins():
    short = AssociationSeen("closed", HandshakeSeen("alert", alert=40))
    rows = observations([Observed("a-1", "x", "e", ACCEPTED), Observed("b-2", "x", "e", short)])
    story = next(r for r in rows if r["key"] == "association.story")["value"]
    assert [s["text"] for s in story][-1] == "C-ECHO-RSP, status 0x0000"
