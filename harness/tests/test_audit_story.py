"""The audited node tells the truth, and each lie of it flips the clauses that it names."""

import functools
import socket

import pytest

from part15.bench import Bench, Ledger, Shelf
from part15.drivers import audit_story
from part15.judge import ask
from part15.load import load_profiles
from part15.model import Level, Word
from part15.observations import NotReached, from_json, to_json
from part15.peers.audit_story_faults import STORY_FAULTS
from part15.peers.audited_node import TITLE, AuditedNode, StoryPolicy
from part15.peers.auditor import AuditSource, Credentials
from part15.pki import make_pki
from part15.registry import checks
from part15.target_file import parse_target
from part15.wire.audit_tables import rows

TOLERANCE = {"AUD-MSG-07-TIME": 0.15, "AUD-FMT-025": 5.0}


class Sink:
    def keep(self, name, data, *, phi="none"):
        pass


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return make_pki(tmp_path_factory.mktemp("pki"))


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def bench_of(pki, folder, listener, node, deadline):
    server = pki["server"]
    document = {
        "target": {"name": "node"},
        "claims": {"dicom-audit-message-format": ["audit-source"]},
        "declared": {"audit": {"events": list(rows())}},
        "endpoints": {
            "dicom": {"address": f"127.0.0.1:{node}", "transport": "plain", "ae_title": TITLE}
        },
        "listeners": {
            "syslog": {
                "transport": "syslog-tls",
                "port": listener,
                "trust": str(pki.ca),
                "identity": {"certificate": str(server.certificate), "key": str(server.key)},
            }
        },
    }
    target = parse_target(document, folder=folder)
    return Bench(
        target, target.listeners["syslog"], Sink(), Ledger(), Shelf(), folder, deadline, "s"
    )


def story(pki, folder, policy=None, *, deadline=2.0):
    port = free_port()
    client = pki["client"]
    source = AuditSource(Credentials(str(pki.ca), str(client.certificate), str(client.key)))
    with AuditedNode(source, ("127.0.0.1", port), policy) as node:
        return audit_story.tell(
            bench_of(pki, folder, port, node.port, deadline), pause=0.6, quiet=0.08
        )


@functools.cache
def bound():
    return [
        (clause, b)
        for clause in load_profiles()["dicom-audit-message-format"].clauses
        for b in clause.bindings
        if b.stimulus and b.stimulus.kind == "audit_story.tell"
    ]


def verdicts(seen):
    found = {}
    for clause, b in bound():
        expect = {k: "2023b" if v == "${edition}" else v for k, v in b.expect.items()}
        if "tolerance" in expect:
            expect["tolerance"] = TOLERANCE[clause.id]
        found[clause.id] = ask(checks()[b.check], seen, expect)
    return found


@pytest.fixture(scope="module")
def truth(pki, tmp_path_factory):
    return story(pki, tmp_path_factory.mktemp("truth"))


def test_truth_is_clean(truth):
    found = verdicts(truth)
    assert {k: v.message for k, v in found.items() if v.word is not Word.PASS} == {}


def test_story_survives_storage(truth):
    assert from_json(to_json(truth)) == truth


GROUPS = (
    (
        "tells_an_hour_late", "never_new", "counts_one_more", "answers_in_query", "names_a_stranger",
        "names_another_address", "wanders", "compromised_by_the_refused",
    ),
    (
        "tells_an_hour_early", "always_new", "names_another_patient", "success_of_the_refused",
        "one_outcome_for_both",
    ),
    ("tells_the_start", "names_another_study", "failure_of_the_successful"),
    ("hides_transfers",),
)  # fmt: skip
"""Lies that do not cover each other share a story: a story takes seconds."""


@pytest.mark.parametrize("names", GROUPS, ids=lambda names: names[0])
def test_lies_flip_what_they_name(names, pki, tmp_path):
    told = [fault for fault in STORY_FAULTS if fault.name in names]
    changes = {k: v for fault in told for k, v in fault.changes.items()}
    found = verdicts(story(pki, tmp_path, StoryPolicy(**changes)))
    expected = {clause for fault in told for clause in fault.flips}
    assert {k for k, v in found.items() if v.word is Word.FAIL} == expected


def test_every_lie_is_in_a_group():
    assert sorted(n for names in GROUPS for n in names) == sorted(f.name for f in STORY_FAULTS)


def test_every_checked_clause_has_a_killer():
    killed = {clause for fault in STORY_FAULTS for clause in fault.flips}
    assert {c.id for c, _ in bound() if c.level is not Level.MAY} - killed == set()


def test_silent_product_is_undecided(pki, tmp_path):
    seen = story(pki, tmp_path, StoryPolicy(silent=tuple(rows())), deadline=0.5)
    assert isinstance(seen, NotReached)
    assert {v.word for v in verdicts(seen).values()} == {Word.INCONCLUSIVE}
