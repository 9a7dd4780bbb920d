"""The embedded source over UDP: the right one is clean, each fault flips the clauses it names."""

import pytest

from part15.channel.syslog_listener import SyslogListener
from part15.channel.udp_checksums import may_watch
from part15.drivers.audit import Tray
from part15.load import load_profiles
from part15.model import Level, Word
from part15.observations.audit import AuditDeclared, AuditTrailSeen
from part15.peers.audit_faults import FAULTS, GATHERING
from part15.peers.auditor import AuditPolicy, AuditSource
from part15.registry import checks
from part15.wire.audit_tables import rows

SMALL = 1
LARGE = {"SYSLOG-5426-03"}
"""A should that whole audit messages rarely keep: half of them are larger than 1472 octets."""
TYPES = tuple(rows())


def bound():
    for clause in load_profiles()["dicom-audit-syslog-udp"].clauses:
        for b in clause.bindings:
            if b.stimulus and b.stimulus.kind == "audit.collect":
                yield clause, b


def heard(**changes):
    policy = AuditPolicy(**{"big": SMALL, **changes})
    if policy.big > 1000:
        policy = AuditPolicy(**{**changes, "big": 300})
    tray = Tray()
    with SyslogListener(tray, udp=True) as listener:
        AuditSource(None, policy).send("127.0.0.1", listener.port, udp=True)
        assert listener.wait(lambda: len(tray.messages) >= 18, 5.0)
        watched = listener.checksums
        declared = AuditDeclared(TYPES, (), (), 8192, policy.declared_port)
        return AuditTrailSeen(
            tuple(tray.messages),
            (),
            declared,
            "syslog-udp",
            listener.port,
            checksums=(watched.zero, watched.other) if watched else None,
        )


def verdicts(trail):
    return {
        clause.id: checks()[b.check].function(
            trail, **{k: "2023b" if v == "${edition}" else v for k, v in b.expect.items()}
        )
        for clause, b in bound()
    }


def test_right_source_is_clean():
    found = verdicts(heard())
    unseen = set() if may_watch() else {"SYSLOG-5426-05"}
    assert {k for k, v in found.items() if v.word not in (Word.PASS, Word.INFO)} == LARGE | unseen
    assert found["AUD-UDP-009"].word is Word.INFO


@pytest.mark.parametrize(
    "fault",
    [f for f in FAULTS if set(f.flips) & {c.id for c, _ in bound()} and "edits" not in f.changes],
    ids=lambda f: f.name,
)
def test_fault_flips_what_it_names(fault):
    if "SYSLOG-5426-05" in fault.flips and not may_watch():
        pytest.skip("UDP checksums are seen by root only")
    found = verdicts(heard(**fault.changes))
    flipped = {k for k, v in found.items() if v.word in (Word.FAIL, Word.WARN)}
    assert flipped - set(GATHERING) - LARGE == set(fault.flips) & {c.id for c, _ in bound()} - set(
        GATHERING
    )


def test_header_faults_flip_the_gathering_clause():
    found = verdicts(heard(head={"version": "2"}))
    assert found["AUD-UDP-008"].word is Word.FAIL


def test_schema_faults_flip_the_gathering_clause():
    found = verdicts(heard(edits=(("110108", "EventDateTime", "EventTime"),)))
    assert found["AUD-UDP-007"].word is Word.FAIL


def test_every_checked_shall_has_a_killer():
    killed = {clause for fault in FAULTS for clause in fault.flips} | set(GATHERING)
    needed = {c.id for c, _ in bound() if c.level in (Level.SHALL, Level.SHALL_NOT)}
    assert sorted(needed - killed) == []


def test_a_message_that_never_came_is_not_exercised():
    trail = AuditTrailSeen(heard().messages[:1])
    answer = checks()["audit.obeys"].function(
        trail, rules=["AUD-MSG-04-EVENT"], what="x", event="110106", edition="2023b"
    )
    assert answer.word is Word.INCONCLUSIVE
    assert "not exercised" in answer.message


def test_small_datagrams_fit():
    small = heard().messages
    trail = AuditTrailSeen(tuple(m for m in small if m.size <= 1472))
    answer = checks()["audit_transport.fits_datagrams"].function(trail, octets=1472)
    assert answer.word is Word.PASS
