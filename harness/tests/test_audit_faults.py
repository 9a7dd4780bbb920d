"""Every fault of the embedded audit source flips the clauses it names and no other; the right source flips none."""

import dataclasses
import functools

import pytest

from part15.channel.syslog_listener import Shown, SyslogListener
from part15.drivers.audit import Tray
from part15.load import load_profiles
from part15.model import Level, Word
from part15.observations.audit import AuditDeclared, AuditTrailSeen
from part15.peers.audit_faults import FAULTS, GATHERING
from part15.peers.auditor import (
    AuditPolicy,
    AuditSource,
    Credentials,
    stream,
    syslog_messages,
)
from part15.pki import make_pki
from part15.registry import checks
from part15.wire.audit_tables import rows
from part15.wire.syslog_frames import FrameReader

EDITION = "2023b"
PROFILES = ("dicom-audit-message-format", "dicom-audit-syslog-tls")
DECLARED = AuditDeclared(
    events=tuple(rows()), extensions=(), structured_data=(), max_size=200_000, default_port=6514
)
TOLD = {"AUD-MSG-12-BOTH": Word.INFO, "AUD-STORY-DETAIL": Word.INFO}
BELOW = (Word.FAIL, Word.WARN)


@functools.cache
def cases(profile: str) -> list:
    found = []
    for clause in load_profiles()[profile].clauses:
        for binding in clause.bindings:
            if (
                binding.stimulus
                and binding.stimulus.kind == "audit.collect"
                and "audit-source" in binding.roles
            ):
                expect = {k: EDITION if v == "${edition}" else v for k, v in binding.expect.items()}
                found.append((clause, binding.check, expect))
    return found


def verdicts(trail: AuditTrailSeen) -> dict[str, Word]:
    answers = {}
    for profile in PROFILES:
        for clause, check, expect in cases(profile):
            answers[clause.id] = checks()[check].function(trail, **expect).word
    return answers


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return make_pki(tmp_path_factory.mktemp("pki"))


def told(policy: AuditPolicy, right: AuditTrailSeen) -> AuditTrailSeen:
    """What a source whose messages alone are wrong sends, over the connection of the right one."""
    tray, reader = Tray(EDITION), FrameReader()
    for frame in reader.feed(stream(policy, syslog_messages(policy))):
        tray(frame, 1, 0.0)
    return dataclasses.replace(right, messages=tuple(tray.messages))


def heard(pki, policy: AuditPolicy) -> AuditTrailSeen:
    tray = Tray(EDITION)
    server, client = pki["server"], pki["client"]
    shown = Shown(str(server.certificate), str(server.key), str(pki.ca))
    credentials = Credentials(str(pki.ca), str(client.certificate), str(client.key))
    with SyslogListener(tray, shown=shown) as listener:
        AuditSource(credentials, policy).send("127.0.0.1", listener.port)
        listener.wait(
            lambda: bool(listener.connections) and listener.connections[-1].ended != "open", 5.0
        )
        return AuditTrailSeen(
            tuple(tray.messages), listener.connections, DECLARED, "syslog-tls", listener.port
        )


@pytest.fixture(scope="module")
def right_trail(pki):
    return heard(pki, AuditPolicy())


@pytest.fixture(scope="module")
def right(right_trail):
    return verdicts(right_trail)


def test_right_source_is_clean(right):
    assert {k: v for k, v in right.items() if v is not Word.PASS} == TOLD


def known():
    return {clause.id for p in PROFILES for clause, *_ in cases(p)}


SOURCE_FAULTS = [f for f in FAULTS if f.role == "audit-source" and set(f.flips) & known()]


@pytest.mark.parametrize("fault", SOURCE_FAULTS, ids=lambda f: f.name)
def test_fault_flips_what_it_names(fault, pki, right_trail, right):
    named = set(fault.flips) & known()
    policy = AuditPolicy(**fault.changes)
    of_message = set(fault.changes) <= {"edits", "alternate"}
    found = verdicts(told(policy, right_trail) if of_message else heard(pki, policy))
    flipped = {k for k, v in found.items() if v in BELOW and right[k] not in BELOW}
    assert flipped == named


def test_every_checked_clause_of_the_source_has_a_killer():
    killed = {clause for fault in FAULTS for clause in fault.flips} | set(GATHERING)
    needed = {
        clause.id
        for p in ("dicom-audit-message-format", "dicom-audit-syslog-tls", "dicom-audit-syslog-udp")
        for clause in load_profiles()[p].clauses
        if clause.level in (Level.SHALL, Level.SHALL_NOT)
        for b in clause.bindings
        if b.stimulus and b.stimulus.kind.startswith("audit")
    }
    assert sorted(needed - killed) == []
