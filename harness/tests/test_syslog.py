"""Syslog headers, STRUCTURED-DATA, framing and datagrams (RFC 5424, 5425, 5426, 6587)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from part15.wire.syslog import BOM, read_syslog, write_syslog
from part15.wire.syslog_frames import KEPT, FrameReader, datagram_flaws, framed

GOOD = b"<85>1 2026-11-21T10:00:00.5Z host app 1 ID - " + BOM + b"<AuditMessage/>"


def rules(data):
    return {f.rule for f in read_syslog(data).flaws}


def test_good_message_is_read():
    seen = read_syslog(GOOD)
    assert (seen.pri, seen.facility, seen.severity) == (85, 10, 5)
    assert (seen.hostname, seen.app_name, seen.procid, seen.msgid) == ("host", "app", "1", "ID")
    assert seen.msg == BOM + b"<AuditMessage/>"
    assert rules(GOOD) == {"msgid-name"}


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (b"<85>", b"<085>", "SYSLOG-5424-02"),
        (b"<85>", b"<192>", "SYSLOG-5424-02"),
        (b"<85>", b"", "SYSLOG-5424-02"),
        (b"<85>", b"<13>", "facility"),
        (b">1 ", b">2 ", "SYSLOG-5424-03"),
        (b">1 2026-11-21T10:00:00.5Z", b">Nov 21 10:00:00", "SYSLOG-5424-01"),
        (b">1 2026", b">1  2026", "SYSLOG-5424-01"),
        (b" - \xef", b" -  \xef", "SYSLOG-5424-01"),
        (b"T10", b"t10", "SYSLOG-5424-04"),
        (b".5Z", b".1234567Z", "SYSLOG-5424-04"),
        (b".5Z", b".5", "SYSLOG-5424-04"),
        (b".5Z", b".5+25:00", "SYSLOG-5424-04"),
        (b"2026-11-21", b"2026-02-30", "SYSLOG-5424-04"),
        (b"10:00:00.5", b"23:59:60.5", "SYSLOG-5424-05"),
        (b"2026-11-21T10:00:00.5Z", b"-", "SYSLOG-5424-06"),
        (b"host", b"h" * 256, "SYSLOG-5424-07"),
        (b" app ", b" " + b"a" * 49 + b" ", "SYSLOG-5424-08"),
        (b" 1 ID", b" " + b"1" * 129 + b" ID", "SYSLOG-5424-09"),
        (b" ID ", b" " + b"i" * 33 + b" ", "SYSLOG-5424-10"),
        (b"host", b"h\xc3\xb6st", "SYSLOG-5424-07"),
        (b" ID ", b" - ", "msgid"),
        (b" ID - ", b" ID [a@1] [b@1] ", "SYSLOG-5424-11"),
        (b" ID - ", b' ID [a b="c"] ', "SYSLOG-5424-11"),
        (b" ID - ", b' ID [x@1 a="1"][x@1 a="2"] ', "SYSLOG-5424-11"),
        (b" ID - ", b' ID [x@1 a="]"] ', "SYSLOG-5424-11"),
        (b" ID - ", b' ID [x@1 a="1] ', "SYSLOG-5424-11"),
        (BOM, b"", "SYSLOG-5424-12"),
        (b"/>", b" a='\xff'/>", "utf-8"),
        (b"/>", b">\n</AuditMessage>", "SYSLOG-5424-13"),
        (BOM + b"<AuditMessage/>", b"", "msg"),
    ],
)
def test_each_departure_is_found(old, new, rule):
    assert old in GOOD
    assert rule in rules(GOOD.replace(old, new, 1))


def test_escapes_in_structured_data_are_read():
    data = GOOD.replace(b" - \xef", b' [a@1 b="\\"\\]\\\\"][origin ip="::1"] \xef')
    assert read_syslog(data).structured == ("a@1", "origin")
    assert "SYSLOG-5424-11" not in rules(data)


def test_old_header_still_yields_the_xml():
    seen = read_syslog(b"<85>Nov 21 10:00:00 host app: <AuditMessage/>")
    assert seen.msg == b"<AuditMessage/>"
    assert not seen.whole


def test_missing_bom_before_ascii_is_a_warning():
    (flaw,) = [f for f in read_syslog(GOOD.replace(BOM, b"")).flaws if f.rule == "SYSLOG-5424-12"]
    assert (flaw.word, flaw.readings) == ("warn", ("S-19",))
    (flaw,) = [
        f for f in read_syslog(GOOD.replace(BOM, "ö".encode())).flaws if f.rule == "SYSLOG-5424-12"
    ]
    assert flaw.word == "fail"


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=80).map(lambda b: b"<85>1 " + b), max_size=8), st.data())
def test_frames_survive_any_splitting(messages, data):
    stream = b"".join(map(framed, messages))
    reader = FrameReader()
    found = []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        found += reader.feed(stream[:cut])
        stream = stream[cut:]
    found += reader.end()
    assert [f.data for f in found] == messages
    assert reader.flaws == []


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_octets_are_borne(data):
    reader = FrameReader(limit=1000)
    reader.feed(data)
    reader.end()
    read_syslog(data)


@pytest.mark.parametrize(
    ("stream", "messages", "flawed"),
    [
        (b"<85>1 a\n<85>1 b\n", [b"<85>1 a", b"<85>1 b"], "LF framing"),
        (b"<85>1 last", [b"<85>1 last"], ""),
        (b"07 <85>1 a7 <85>1 b", [b"<85>1 a", b"<85>1 b"], "'07'"),
        (b"7 <85>1 a\n7 <85>1 b\n", [b"<85>1 a", b"<85>1 b"], "a trailer"),
        (b"5 <85>1 a7 <85>1 b", [b"<85>1", b"<85>1 b"], "' a7 <85>1 b'"),
        (b"-1 x7 <85>1 b", [b"<85>1 b"], "'-1 x7 <85>1 "),
        (b"9999999999999999 <85>1 a", [], ""),
        (b"20 <85>1 a", [], "the end of the stream"),
    ],
)
def test_wrong_framing_is_told(stream, messages, flawed):
    reader = FrameReader(limit=100_000)
    found = [*reader.feed(stream), *reader.end()]
    assert [f.data for f in found] == messages
    if flawed:
        assert any(flawed in f.observed for f in reader.flaws)


def test_large_messages_are_counted_not_kept():
    reader = FrameReader(limit=100_000)
    found = []
    for _ in range(11):
        found += reader.feed(
            (b"1000000 " if not found and reader.octets == 0 else b"") + b"x" * 100_000
        )
    (frame,) = found
    assert (frame.size, len(frame.data)) == (1_000_000, KEPT)


def test_datagrams_hold_one_message():
    message = write_syslog(b"<AuditMessage/>")
    assert datagram_flaws(message) == []
    assert datagram_flaws(framed(message))
    assert datagram_flaws(message + b"\n" + message)
    assert datagram_flaws(b"hello")
