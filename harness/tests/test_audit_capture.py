"""Packet captures of syslog over UDP: read, judged like other audit files, and never trusted."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from part15.inspect import Request, inspect
from part15.wire.audit_corpus import corpus
from part15.wire.capture import is_capture, read_capture_file
from part15.wire.syslog import write_syslog

MESSAGES = [
    write_syslog(x, timestamp="2026-11-21T10:00:00.5Z", hostname="h") for x in corpus().values()
]


def udp(data, *, fragment=0, length=None):
    head = struct.pack(">HHHH", 40000, 514, 8 + (len(data) if length is None else length), 1)
    whole = head + data
    return struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 20 + len(whole), 0, fragment, 64, 17, 0, b"\x7f\0\0\1", b"\x7f\0\0\1"
    ) + whole  # fmt: skip


def udp6(data):
    whole = struct.pack(">HHHH", 40000, 514, 8 + len(data), 1) + data
    return struct.pack(">IHBB16s16s", 6 << 28, len(whole), 17, 64, b"\0" * 15 + b"\1", b"\0" * 15 + b"\1") + whole  # fmt: skip


FRAMES = {
    0: lambda p: b"\2\0\0\0" + p,
    1: lambda p: b"\0" * 12 + (b"\x08\0" if p[0] >> 4 == 4 else b"\x86\xdd") + p,
    101: lambda p: p,
    113: lambda p: b"\0" * 16 + p,
    276: lambda p: b"\0" * 20 + p,
}


def pcap(packets, *, order="<", link=101, magic=0xA1B2C3D4):
    made = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65535, link)
    for packet in packets:
        frame = FRAMES[link](packet)
        made += struct.pack(f"{order}IIII", 0, 0, len(frame), len(frame)) + frame
    return made


def block(kind, body, order="<"):
    body += b"\0" * (-len(body) % 4)
    size = struct.pack(f"{order}I", 12 + len(body))
    return struct.pack(f"{order}I", kind) + size + body + size


def pcapng(packets, *, order="<", link=1):
    made = block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)
    made += block(1, struct.pack(f"{order}HHI", link, 0, 0), order)
    for packet in packets:
        frame = FRAMES[link](packet)
        made += block(
            6, struct.pack(f"{order}IIIII", 0, 0, 0, len(frame), len(frame)) + frame, order
        )
    return made


@pytest.mark.parametrize("link", list(FRAMES))
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("made", [pcap, pcapng])
def test_datagrams_come_out_as_they_went_in(made, order, link):
    data = made([udp(MESSAGES[0]), udp6(MESSAGES[1]), udp(b"x" * 9)], order=order, link=link)
    assert is_capture(data[:16])
    read = read_capture_file(data)
    assert (read.found, read.left) == ((MESSAGES[0], MESSAGES[1], b"x" * 9), 0)


def test_fragments_and_cut_packets_are_counted_not_judged():
    first, later = udp(b"<85>1", fragment=0x2000), udp(b"...", fragment=2)
    short = udp(b"<85>1 short", length=900)
    read = read_capture_file(pcap([first, later, short, udp(b"whole")]))
    assert (read.found, read.left) == ((b"whole",), 2)


@given(st.binary(max_size=200), st.sampled_from([pcap([]), pcap([], order=">"), pcapng([])]))
def test_nothing_raises(data, head):
    read_capture_file(head + data)
    is_capture(data)


def judged(folder):
    document = inspect(Request((folder,)))
    return {r["clause"]: r["verdict"] for r in document["results"]}


def test_a_capture_is_judged_like_other_audit_files(tmp_path):
    (tmp_path / "right.pcap").write_bytes(pcap(list(map(udp, MESSAGES)), link=1))
    found = judged(tmp_path)
    assert (found["AUD-FMT-001"], found["AUD-MSG-07-AP-SENDER"]) == ("pass", "pass")
    wrong = [m.replace(b".250Z", b".250") for m in MESSAGES]
    (tmp_path / "wrong.pcapng").write_bytes(pcapng(list(map(udp, wrong))))
    found = judged(tmp_path)
    assert (found["AUD-FMT-001"], found["AUD-FMT-024"]) == ("pass", "fail")


def test_a_declared_entity_and_utf_16_are_seen_without_being_asked_for(tmp_path):
    entry = corpus()["110108"].decode()
    (tmp_path / "wide.xml").write_bytes(entry.replace("UTF-8", "UTF-16").encode("utf-16"))
    assert judged(tmp_path)["AUD-FMT-001"] == "pass"
    (tmp_path / "laughs.xml").write_text(
        '<!DOCTYPE x [<!ENTITY a "b">]><AuditMessage>&a;</AuditMessage>'
    )
    assert judged(tmp_path)["AUD-FMT-001"] == "fail"
