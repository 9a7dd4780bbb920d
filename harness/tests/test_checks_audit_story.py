"""The story checks on observations written by hand: secrets in every guise, levels of detail, addresses, floods."""

import base64
import dataclasses
import datetime as dt
import re

import pytest

from part15.checks import (
    audit,
    audit_collector,
    audit_declared,
    audit_detail,
    audit_identities,
    audit_logins,
    audit_story,
)
from part15.drivers.audit import Tray
from part15.model import Word
from part15.observations.audit import (
    ANOTHER,
    AuditDeclared,
    AuditMessageSeen,
    AuditStorySeen,
    AuditTrailSeen,
    DeedSeen,
    FloodSeen,
)
from part15.wire import audit_corpus
from part15.wire.audit_corpus import Facts, corpus
from part15.wire.syslog import write_syslog
from part15.wire.syslog_frames import Frame

SECRET = "s3cret & <code>"
NOW = dt.datetime(2026, 11, 21, 10, tzinfo=dt.UTC)


def seen(deeds, *xmls, more=0, **declared):
    """Return a story of which every message arrived during the last of *deeds*."""
    messages = tuple(AuditMessageSeen(f"m{n}", x) for n, x in enumerate(xmls))
    last = dataclasses.replace(deeds[-1], heard=tuple(m.name for m in messages))
    trail = AuditTrailSeen(messages, declared=AuditDeclared(**declared), more=more)
    return AuditStorySeen((*deeds[:-1], last), trail)


def deed(kind="store", **more):
    began = NOW.timestamp()
    return DeedSeen(kind, began, began + 1, began + 1, **more)


def login(kind="login-fail", **more):
    return deed(kind, secret=SECRET, user="tester", **more)


def with_detail(value):
    made = base64.b64encode(value).decode()
    return corpus()["110113"].replace(
        b"<ParticipantObjectDetail", f'<ParticipantObjectDetail type="x" value="{made}"/><ParticipantObjectDetail'.encode(), 1
    )  # fmt: skip


@pytest.mark.parametrize(
    "xml",
    [
        corpus()["110114"].replace(b"Tester^Theo", b"s3cret &amp; &lt;code&gt;"),
        corpus()["110114"].replace(b"Tester^Theo", b"s3cret%20%26%20%3Ccode%3E"),
        corpus()["110114"].replace(b"Tester^Theo", SECRET.encode().hex().encode()),
        corpus()["110114"].replace(b"Tester^Theo", base64.b64encode(SECRET.encode())),
        with_detail(SECRET.encode()),
        with_detail(b"password=" + SECRET.encode()),
        with_detail(SECRET.encode("utf-16-le")),
    ],
)
def test_a_passcode_is_found_in_every_guise(xml):
    assert audit_logins.tells_no_secret(seen([login()], xml)).word is Word.FAIL
    assert SECRET not in audit_logins.tells_no_secret(seen([login()], xml)).message


def test_absence_of_a_passcode_proves_nothing_if_none_was_sent_or_nothing_heard():
    right = corpus()["110114"]
    assert audit_logins.tells_no_secret(seen([login()], right)).word is Word.PASS
    assert audit_logins.tells_no_secret(seen([deed()], right)).word is Word.INCONCLUSIVE
    assert audit_logins.tells_no_secret(seen([login()])).word is Word.INCONCLUSIVE
    assert audit_logins.tells_no_secret(seen([login()], right, more=5)).word is Word.INCONCLUSIVE


@pytest.mark.parametrize(
    ("kind", "outcome", "user", "word"),
    [
        ("login", "0", "tester@hospital.example", Word.PASS),
        ("login-fail", "4", "tester@hospital.example", Word.PASS),
        ("login-fail", "0", "tester@hospital.example", Word.FAIL),
        ("login", "8", "tester@hospital.example", Word.FAIL),
        ("login", "0", "another@hospital.example", Word.FAIL),
    ],
)
def test_logins_are_told_with_their_user_and_outcome(kind, outcome, user, word):
    xml = audit_corpus.authentication(Facts(when=NOW, user=user, outcome=outcome))
    assert audit_logins.tells_logins(seen([login(kind)], xml)).word is word


@pytest.mark.parametrize(
    ("told", "declared", "word"),
    [
        ("tester@REALM.EXAMPLE", None, Word.PASS),
        ("boss@REALM.EXAMPLE", None, Word.FAIL),
        ("boss@REALM.EXAMPLE", {"tester": "boss@REALM.EXAMPLE"}, Word.PASS),
        ("tester@REALM.EXAMPLE", {"tester": "boss@REALM.EXAMPLE"}, Word.FAIL),
        ("", None, Word.INCONCLUSIVE),
    ],
)
def test_the_enterprise_identity_is_the_declared_one(told, declared, word):
    xml = audit_corpus.authentication(Facts(when=NOW, enterprise=told))
    story = seen([login("login")], xml, enterprise=declared)
    assert audit_logins.tells_enterprise_identity(story).word is word


@pytest.mark.parametrize(
    ("used", "holder", "word"),
    [
        (None, "scanner-7", Word.INCONCLUSIVE),
        (False, "nobody", Word.NOT_APPLICABLE),
        (True, "Scanner-7", Word.PASS),
        (True, "nobody", Word.FAIL),
    ],
)
def test_the_certificate_is_compared_where_it_is_declared_to_be_used(used, holder, word):
    story = seen(
        [deed(names=("CN=scanner-7,O=x", "scanner-7"))],
        audit_corpus.transfer(Facts(when=NOW, remote_name=holder)),
        certificate_identity=used,
    )
    assert audit_logins.tells_certificate(story).word is word


UIDS = ("1.2.3.1", "1.2.3.2")


def transfers(level, *xmls):
    done = deed(studies=("1.2.3",), instances=UIDS)
    return audit_detail.rebuilds(seen([done], *xmls, detail={"110104": level} if level else None))


def transfer(*uids, study="1.2.3", outcome="0"):
    facts = Facts(when=NOW, study=study, instances=uids, outcome=outcome)
    return audit_corpus.transfer(facts)


def test_transfers_are_rebuilt_at_the_declared_level():
    assert transfers("instance", transfer(*UIDS)).word is Word.PASS
    assert transfers("instance", transfer(UIDS[0]), transfer(UIDS[1])).word is Word.PASS
    assert transfers("instance", transfer(UIDS[0])).word is Word.FAIL
    assert transfers("instance", transfer(*UIDS, "1.2.3.9")).word is Word.FAIL
    assert transfers("instance", transfer(*UIDS), transfer(*UIDS)).word is Word.FAIL
    assert transfers("instance", transfer(*UIDS, study="1.9")).word is Word.FAIL
    assert transfers("instance", transfer(*UIDS, outcome="8")).word is Word.FAIL
    assert transfers("instance").word is Word.INCONCLUSIVE


def test_at_the_study_level_no_list_is_expected():
    bare = re.sub(rb'<Instance UID="[^"]*"/>', b"", transfer(*UIDS))
    assert b"<Instance" not in bare
    assert transfers("study", bare).word is Word.PASS
    assert transfers("instance", bare).word is Word.FAIL
    open_ = transfers(None, bare)
    assert (open_.word, open_.observed) == (Word.INCONCLUSIVE, "study")


@pytest.mark.parametrize(
    ("told", "word"),
    [
        ("2001:0DB8:0:0::7", Word.PASS),
        ("[2001:db8::7]", Word.PASS),
        ("2001:db8::7%eth0", Word.PASS),
        ("2001:db8::8", Word.FAIL),
        ("192.0.2.1", Word.FAIL),
    ],
)
def test_text_forms_of_ipv6_are_compared_as_addresses(told, word):
    done = deed(ours="2001:db8::7", studies=("1.2.3",))
    xml = audit_corpus.transfer(Facts(when=NOW, study="1.2.3", remote_address=told))
    assert audit_identities.tells_addresses(seen([done], xml)).word is word


def test_ipv4_inside_ipv6_is_the_ipv4_address():
    done = deed(ours="192.0.2.7", studies=("1.2.3",))
    xml = audit_corpus.transfer(Facts(when=NOW, study="1.2.3", remote_address="::ffff:192.0.2.7"))
    assert audit_identities.tells_addresses(seen([done], xml)).word is Word.PASS


def test_a_deleted_study_is_told_as_deleted():
    gone = deed("delete", studies=("1.2.3",))
    facts = Facts(when=NOW, study="1.2.3")
    wrong = audit_corpus.accessed(facts).replace(b'ActionCode="R"', b'ActionCode="D"')
    right = audit_corpus.study_deleted(facts)
    assert audit_story.tells_deletion(seen([gone], right)).word is Word.PASS
    assert audit_story.tells_deletion(seen([gone], wrong)).word is Word.FAIL
    assert audit_story.tells_deletion(seen([gone])).word is Word.INCONCLUSIVE
    assert audit_story.tells_deletion(seen([deed()], right)).word is Word.INCONCLUSIVE


def test_a_flood_that_hides_deeds_fails_nothing_and_passes_nothing():
    story = seen([deed()], corpus()["110108"], more=100_000, events=("110104",))
    assert audit_story.tells_every_deed(story).word is Word.INCONCLUSIVE
    trail = dataclasses.replace(
        story.trail, declared=AuditDeclared(extensions=(), structured_data=())
    )
    assert audit_declared.lists_extensions(trail).word is Word.INCONCLUSIVE
    found = audit_declared.lists_structured_data(trail, key="x")
    assert found.word is Word.INCONCLUSIVE


def test_what_comes_after_the_kept_messages_counts(monkeypatch):
    monkeypatch.setattr("part15.drivers.audit.KEPT", 3)
    tray = Tray()
    first = write_syslog(corpus()["110108"])
    other = write_syslog(corpus(Facts(source="another"))["110108"] + b" " * 5000)
    for data in (first, first, first, first, other):
        tray(Frame(data, len(data), "octet-counting"), 1, 0.0)
    trail = AuditTrailSeen(
        tuple(tray.messages), more=tray.more, broken=tray.broken, largest=tray.largest,
        declared=AuditDeclared(max_size=4000),
    )  # fmt: skip
    assert (tray.more, tray.broken[ANOTHER]) == (2, 1)
    assert audit.names_one_source(trail).word is Word.FAIL
    assert audit_declared.states_size(trail, key="x").word is Word.FAIL


FLOOD = FloodSeen(100, 48_000, 0.1, True, 100, 0, True, True)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, Word.PASS),
        ({"taken": False}, Word.FAIL),
        ({"alive": False}, Word.FAIL),
        ({"stored": 99}, Word.FAIL),
        ({"again": 1}, Word.FAIL),
        ({"in_order": False}, Word.FAIL),
        ({"stored": None}, Word.INCONCLUSIVE),
    ],
)
def test_floods_are_counted_in_the_store(changes, word):
    assert audit_collector.bears_flood(dataclasses.replace(FLOOD, **changes)).word is word
