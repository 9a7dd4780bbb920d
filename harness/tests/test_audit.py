"""Reading audit messages: hostile XML, schema against its RELAX NG twin, dialects, editions, files."""

import base64
import os
import shutil
import subprocess
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from part15.drivers.audit import KEPT, Tray
from part15.drivers.audit_files import read_capture, read_message
from part15.model import Word
from part15.observations import from_json, to_json
from part15.wire import audit_schema
from part15.wire.audit_corpus import Facts, corpus, query, transfer
from part15.wire.audit_judge import examine
from part15.wire.audit_query import data_set_problem
from part15.wire.audit_xml import SIZE, read_xml
from part15.wire.syslog import write_syslog
from part15.wire.syslog_frames import Frame, framed

RIGHT = corpus()
ENTRY = RIGHT["110108"]


def rules(xml, edition="2023b"):
    return {f.rule for f in examine(xml, "xml", edition).flaws}


def flaws(xml, rule, edition="2023b"):
    return [f for f in examine(xml, "xml", edition).flaws if f.rule == rule]


@pytest.mark.parametrize("kind", list(RIGHT))
def test_right_messages_have_no_flaw(kind):
    assert [f.sentence for f in examine(RIGHT[kind]).flaws] == []


LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">'
    + "".join(f'<!ENTITY lol{n} "{f"&lol{n - 1 or str()};" * 10}">' for n in range(1, 10))
    + "]><AuditMessage>&lol9;</AuditMessage>"
).encode()

HOSTILE = {
    "billion laughs": LAUGHS,
    "external entity": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><AuditMessage>&x;</AuditMessage>',
    "external subset": b'<!DOCTYPE AuditMessage SYSTEM "http://127.0.0.1:1/x.dtd"><AuditMessage/>',
    "entity behind a comment": b'<!-- a --> \n<?pi x?><!DOCTYPE a [<!ENTITY x "y">]><AuditMessage/>',
    "parameter entity": b'<!DOCTYPE a [<!ENTITY % x SYSTEM "file:///etc/passwd"> %x;]><AuditMessage/>',
    "utf-16 entity": '<!DOCTYPE a [<!ENTITY x "y">]><AuditMessage>&x;</AuditMessage>'.encode(
        "utf-16"
    ),
    "depth": b"<a>" * 100_000,
    "closed depth": b"<a>" * 5000 + b"</a>" * 5000,
    "many tags": b"<AuditMessage>" + b"<a/>" * 500_000 + b"</AuditMessage>",
    "many attributes": b"<AuditMessage "
    + b" ".join(b'a%d=""' % n for n in range(1_100_000))
    + b"/>",
    "100 MB": b"<AuditMessage>" + b"x" * 100_000_000 + b"</AuditMessage>",
    "undefined entity": b"<AuditMessage>&nbsp;</AuditMessage>",
    "no XML": b"\x00\x01\x02",
    "nothing": b"",
    "foreign encoding": b'<?xml version="1.0" encoding="utf-7"?><AuditMessage/>',
    "cut": ENTRY[:200],
}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_hostile_messages_are_refused_with_a_reason(name):
    began = time.monotonic()
    found = examine.__wrapped__(HOSTILE[name], "xml")
    assert time.monotonic() - began < 5
    assert found.message is None
    assert found.refused
    assert {f.rule for f in found.flaws} == {"AUD-FMT-001", "form"}
    assert "passwd" not in found.refused


def test_comment_that_mentions_a_doctype_is_no_doctype():
    assert (
        rules(ENTRY.replace(b"<AuditMessage>", b"<AuditMessage><!-- <!DOCTYPE x> -->", 1)) == set()
    )


def test_size_bound_is_above_what_a_large_study_needs():
    many = tuple(f"1.2.826.0.1.3680043.10.1515.{n}" for n in range(1, 10_001))
    xml = transfer(Facts(instances=many))
    assert len(xml) < SIZE
    assert rules(xml) == set()


MUTANTS = {
    "no EventID": (
        '<EventID csd-code="110108" codeSystemName="DCM" originalText="Network Entry"/>',
        "",
    ),
    "namespace": ("<AuditMessage>", '<AuditMessage xmlns="urn:x">'),
    "capital boolean": ('UserIsRequestor="false"', 'UserIsRequestor="FALSE"'),
    "no participant": ("ActiveParticipant", "Participant"),
    "unknown attribute": ("UserID=", 'Colour="red" UserID='),
    "two sources": (
        "</AuditMessage>",
        '<AuditSourceIdentification AuditSourceID="b"/></AuditMessage>',
    ),
    "text": ("</AuditMessage>", "text</AuditMessage>"),
    "no date": ("EventDateTime=", "EventDate="),
    "bad date": ("2026-11-21T", "2026-02-30T"),
    "half a code system": ('csd-code="4"', 'csd-code="4" codeSystemName="X"'),
    "outcome 1": ('EventOutcomeIndicator="0"', 'EventOutcomeIndicator="1"'),
}


@pytest.mark.parametrize("name", list(MUTANTS))
def test_schema_mutants_are_found_with_their_place(name):
    old, new = MUTANTS[name]
    found = flaws(ENTRY.replace(old.encode(), new.encode()), "AUD-FMT-001")
    assert found
    assert all(f.path.startswith("/") and f.expected and f.observed for f in found)


NAMES = sorted(
    {n for g in (audit_schema.grammar("2023b"),) for n in g["elements"]}
    | {
        "UserTypeCode",
        "x",
        "EventActionCode",
        "UserID",
        "NumberOfInstances",
        "csd-code",
        "originalText",
    }
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_walker_and_relax_ng_agree(data):
    kind = data.draw(st.sampled_from(sorted(RIGHT)))
    root = read_xml(RIGHT[kind]).root
    elements = list(root.iter("*"))
    for _ in range(data.draw(st.integers(1, 3))):
        element = data.draw(st.sampled_from(elements))
        act = data.draw(
            st.sampled_from(["drop", "double", "rename", "attribute", "unset", "move", "text"])
        )
        parent = element.getparent()
        if act == "drop" and parent is not None:
            parent.remove(element)
        elif act == "double" and parent is not None:
            import copy

            parent.insert(parent.index(element), copy.deepcopy(element))
        elif act == "rename":
            element.tag = data.draw(st.sampled_from(NAMES))
        elif act == "attribute":
            value = data.draw(
                st.sampled_from(["", "1", "true", "x", "27", "2026-01-01T00:00:00Z", " 0 "])
            )
            element.set(data.draw(st.sampled_from(NAMES)), value)
        elif act == "unset" and element.attrib:
            del element.attrib[data.draw(st.sampled_from(sorted(element.attrib)))]
        elif act == "move" and parent is not None and len(parent) > 1:
            parent.append(element)
        elif act == "text":
            element.text = data.draw(st.sampled_from(["", " ", "x", "true", "AAAA"]))
    for edition in ("2011", "2023b"):
        fails = audit_schema.violations(root, edition)
        assert audit_schema.accepts(root, edition) == (not fails)


@pytest.mark.peer("jing")
def test_jing_takes_our_relax_ng_and_agrees(tmp_path):
    jing = shutil.which("jing")
    if jing is None:
        if os.environ.get("PART15_REQUIRE_PEERS") == "1":
            pytest.fail("jing is not installed, but PART15_REQUIRE_PEERS=1 demands it")
        pytest.skip("jing is not installed")
    schema = tmp_path / "audit.rng"
    schema.write_bytes(audit_schema.relax_ng("2017c"))
    good, bad = [], []
    for kind, xml in RIGHT.items():
        good.append(tmp_path / f"good-{kind}.xml")
        good[-1].write_bytes(xml)
        bad.append(tmp_path / f"bad-{kind}.xml")
        bad[-1].write_bytes(xml.replace(b"EventOutcomeIndicator=", b"EventOutcome="))
    right = subprocess.run(
        [jing, str(schema), *map(str, good)], capture_output=True, check=False, timeout=60
    )
    wrong = subprocess.run(
        [jing, str(schema), *map(str, bad)], capture_output=True, check=False, timeout=60
    )
    assert (right.returncode, right.stdout) == (0, b"")
    assert {
        line.split(b":")[0].rpartition(b"/")[2].decode() for line in wrong.stdout.splitlines()
    } == {b.name for b in bad}


def test_leap_second_is_no_schema_flaw_but_a_missing_zone_is_a_rule():
    leap = ENTRY.replace(b"2026-11-21T10:00:00.250Z", b"2016-12-31T23:59:60Z")
    assert rules(leap) == set()
    bare = ENTRY.replace(b"10:00:00.250Z", b"10:00:00.250")
    assert rules(bare) == {"AUD-FMT-024"}
    assert rules(ENTRY.replace(b"10:00:00.250Z", b"10:00:00.250-05:30")) == set()


def test_2011_grammar_wants_its_own_source_and_roles():
    old = ENTRY.replace(
        b'<AuditSourceIdentification AuditEnterpriseSiteID="site" AuditSourceID="part15-peer">'
        b'<AuditSourceTypeCode csd-code="4"/></AuditSourceIdentification>',
        b'<AuditSourceIdentification code="4" AuditSourceID="part15-peer"/>',
    )
    assert old != ENTRY
    assert rules(old, "2011") == set()
    assert rules(old) == {"AUD-FMT-001"}
    assert rules(ENTRY, "2011") == {"AUD-FMT-001"}
    patient = RIGHT["110110"].replace(b'TypeCodeRole="1"', b'TypeCodeRole="26"')
    assert "AUD-FMT-010" in rules(patient, "2011")
    assert "AUD-FMT-010" not in rules(patient)


def test_record_messages_are_unknown_to_2011():
    wrong = RIGHT["110109"].replace(b'EventActionCode="U"', b'EventActionCode="E"')
    assert "AUD-MSG-13-ACTION" in rules(wrong)
    assert not any(r.startswith("AUD-MSG-13") for r in rules(wrong, "2011"))


def test_dcm4che_attributes_are_named_and_only_warned_of():
    text = ENTRY.replace(
        b"<AuditMessage>",
        b'<AuditMessage xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        b'xsi:noNamespaceSchemaLocation="http://www.dcm4che.org/DICOM/audit-message.rnc">',
    ).replace(b"UserID=", b'UserTypeCode="2" UserIDTypeCode="110182" UserID=')
    found = flaws(text, "AUD-FMT-001")
    assert {f.word for f in found} == {Word.WARN}
    assert {f.dialect for f in found} == {"dcm4che", "schema location hint, as dcm4che writes it"}
    assert rules(text) == {"AUD-FMT-001"}


def test_flaws_show_no_person():
    text = RIGHT["110114"].replace(b"tester@hospital.example", b"secretname")
    said = " ".join(f.sentence for f in examine(text).flaws)
    assert "AUD-FMT-028" in rules(text)
    assert "secretname" not in said


def test_queries_are_walked_in_their_transfer_syntax():
    implicit = b"\x10\x00\x20\x00\x04\x00\x00\x00P15 "
    assert data_set_problem(implicit, "1.2.840.10008.1.2") is None
    assert data_set_problem(implicit, "1.2.840.10008.1.2.1") is not None
    assert data_set_problem(b"", "1.2.840.10008.1.2") is not None
    assert data_set_problem(implicit[:-1], "1.2.840.10008.1.2") is not None
    assert data_set_problem(implicit + implicit, "1.2.840.10008.1.2") is not None
    assert rules(query(Facts(), keys=implicit)) == {"AUD-MSG-10-PO-QUERY-QUERY"}


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_nothing_raises(data):
    examine.__wrapped__(data, "octet-counting")
    examine.__wrapped__(data, "datagram")
    examine.__wrapped__(b"<AuditMessage>" + data + b"</AuditMessage>", "xml")
    data_set_problem(data, "1.2.840.10008.1.2.1.99")
    read_capture(data, "x")


def test_files_are_read_as_what_they_are():
    bare = read_message(ENTRY, "a.xml")
    assert (bare.carrier, bare.size) == ("xml", len(ENTRY))
    one = read_message(write_syslog(ENTRY) + b"\n", "a.log")
    assert examine(one.data, one.carrier).kind == "110108"
    messages = [write_syslog(x) for x in RIGHT.values()]
    counted = read_capture(b"".join(map(framed, messages)), "a.syslog")
    lines = read_capture(b"\n".join(messages), "a.log")
    assert [m.seen.data for m in counted.members] == messages
    assert [m.seen.data for m in lines.members] == messages
    assert {m.seen.carrier for m in lines.members} == {"lf"}
    assert from_json(to_json(counted)) == counted


def test_flood_is_counted_in_bounded_memory():
    tray = Tray()
    good, bad = write_syslog(ENTRY), write_syslog(ENTRY, pri=13)
    for n in range(KEPT + 500):
        data = bad if n % 5 == 0 else good
        tray(Frame(data, len(data), "octet-counting"), 1, 0.0)
    assert len(tray.messages) == KEPT
    assert (tray.more, tray.broken["facility"], tray.kinds["110108"]) == (500, 100, 500)


def test_plain_base64_detail_is_a_schema_flaw_too():
    alert = RIGHT["110113"].replace(base64.b64encode(b"a peer was refused"), b"a peer was refused!")
    assert {"AUD-FMT-001", "AUD-FMT-046"} <= rules(alert)


def test_message_of_100_mb_is_kept_cut_and_refused_for_its_size():
    large = b"<AuditMessage>" + b"x" * 100_000_000
    seen = read_message(large, "large.xml")
    assert len(seen.data) < 100_000
    found = examine(seen.data, seen.carrier, "2023b", seen.size)
    assert "100000014 octets" in found.refused


def test_inspection_judges_files_together(tmp_path):
    from part15.inspect import Request, inspect

    for kind, xml in RIGHT.items():
        (tmp_path / f"{kind}.xml").write_bytes(xml)
    wrong = ENTRY.replace(b"10:00:00.250Z", b"10:00:00.250")
    (tmp_path / "capture.syslog").write_bytes(framed(write_syslog(wrong)))
    (tmp_path / "other.xml").write_bytes(b"<?xml version='1.0'?><other/>")
    document = inspect(Request((tmp_path,)))
    found = {r["clause"]: r for r in document["results"]}
    assert found["AUD-FMT-024"]["verdict"] == "fail"
    subjects = [f["subject"] for f in found["AUD-FMT-024"]["findings"]]
    assert any(subject.endswith("capture.syslog: message 1") for subject in subjects)
    assert found["AUD-FMT-001"]["verdict"] == "pass"
    assert found["AUD-MSG-09-EVENT"]["verdict"] == "pass"


@pytest.mark.parametrize(
    ("text", "epoch"),
    [
        ("1970-01-01T00:00:10.25Z", 10.25),
        ("1970-01-01T01:00:00+01:00", 0.0),
        ("1969-12-31T19:00:00.5-05:00", 0.5),
        ("1970-01-01T24:00:00Z", 86400.0),
        ("1970-01-01T23:59:60Z", 86399.0),
        ("1970-01-02T05:29:60+05:30", 86399.0),
        ("1970-01-01T00:00:60Z", None),
        ("1970-01-01T24:00:00.5Z", None),
        ("1970-01-01T00:00:00+14:01", None),
        ("1970-01-01T14:00:00+14:00", 0.0),
        ("1970-01-01T00:00:61Z", None),
        ("1970-02-30T00:00:00Z", None),
        ("1970-01-01 00:00:00Z", None),
        ("1970-01-01T00:00:00+15:00", None),
    ],
)
def test_times_are_read_as_instants(text, epoch):
    read = audit_schema.date_time(text)
    assert (read[0].timestamp() if read else None) == epoch


DCM_OID = b'codeSystemName="1.2.840.10008.2.16.4"'
FORMS = {
    "comment inside a value": (ENTRY, b"<ActiveParticipant", b"<!-- x --><ActiveParticipant", ()),
    "cdata": (RIGHT["110103"], b"<Encrypted>false", b"<Encrypted><![CDATA[false]]>", ()),
    "character reference": (ENTRY, b'EventActionCode="E"', b'EventActionCode="&#69;"', ()),
    "unused namespace": (ENTRY, b"<AuditMessage>", b'<AuditMessage xmlns:a="urn:x">', ()),
    "DCM by its OID": (ENTRY, b'codeSystemName="DCM"', DCM_OID, ()),
    "prefixed root": (ENTRY, b"AuditMessage>", b"a:AuditMessage>", ("AUD-FMT-001", "form")),
    "foreign attribute": (ENTRY, b"<AuditMessage>", b'<AuditMessage xml:lang="en">', ("AUD-FMT-001",)),
    "foreign element": (ENTRY, b"</AuditMessage>", b'<b xmlns="urn:x"/></AuditMessage>', ("AUD-FMT-001",)),
    "no-break space": (ENTRY, b'ActionCode="E"', 'ActionCode="E\u00a0"'.encode(), ("AUD-FMT-001",)),
    "text between elements": (ENTRY, b"</AuditMessage>", b"x</AuditMessage>", ("AUD-FMT-001",)),
    "undefined entity": (ENTRY, b'UserID="', b'UserID="&x;', ("AUD-FMT-001", "form")),
    "displayName for originalText": (
        ENTRY, b' originalText="Attach"', b' displayName="Attach"', ("AUD-FMT-001",)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_forms_of_xml_are_told_apart_from_faults(name):
    message, old, new, broken = FORMS[name]
    assert old in message
    assert rules(message.replace(old, new)) == set(broken)


@pytest.mark.parametrize(
    ("octets", "broken"),
    [
        (ENTRY.decode().replace("UTF-8", "UTF-16").encode("utf-16"), False),
        (ENTRY.decode().encode("utf-16"), True),
        (ENTRY.decode().encode("utf-32"), True),
        (b"\xef\xbb\xbf" + ENTRY, False),
        (b"\xef\xbb\xbf" * 2 + ENTRY, True),
        (b"\xef\xbb\xbf" + ENTRY.replace(b"UTF-8", b"ISO-8859-1"), True),
        (ENTRY.replace(b"UTF-8", b"ISO-8859-1"), False),
        (ENTRY.replace(b"UTF-8", b"UTF-16"), True),
        (ENTRY.replace(b"UTF-8", b"UTF-7"), True),
    ],
)
def test_encodings_are_those_that_are_declared(octets, broken):
    assert ("AUD-FMT-001" in rules(octets)) == broken
