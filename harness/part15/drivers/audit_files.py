"""Audit messages in files: bare XML, one syslog message per line, octet-counted streams, or packet captures."""

from __future__ import annotations

from collections.abc import Iterator

from part15.channel.files import InspectedFile
from part15.channel.reading import Desk, Reading, at_end, folds, reader
from part15.drivers.audit import KEPT, KEPT_OCTETS
from part15.observations import Many, Member
from part15.observations.audit import AuditMessageSeen
from part15.wire.audit_xml import SIZE
from part15.wire.capture import is_capture, read_capture_file
from part15.wire.syslog import BOM
from part15.wire.syslog_frames import KEPT as HEAD
from part15.wire.syslog_frames import FrameReader

FORMAT = "dicom-audit-message-format"
PROFILES = (FORMAT, "dicom-audit-syslog-tls", "dicom-audit-syslog-udp")
_TRAY = "audit.messages"
_OCTETS = "audit.octets"
_FULL = "audit.full"
_LOOK = 65536
CAPTURE = 256 << 20
"""Octets of a packet capture that are read."""


def _cut(data: bytes | memoryview) -> bytes:
    """Return *data*, or only its beginning if it is larger than what is read."""
    return bytes(data[:HEAD]) if len(data) > SIZE else bytes(data)


def _is_syslog(head: bytes) -> bool:
    """Tell whether *head* begins with ``<PRI``, or with a count before it."""
    number, blank, rest = head.partition(b" ")
    if blank and number.isdigit():
        head = rest
    return head[:1] == b"<" and head[1:2].isdigit()


def read_message(data: bytes | memoryview, name: str) -> AuditMessageSeen:
    """Return the audit message in the file *name*: bare XML, or one syslog message with its header."""
    head = bytes(data[:_LOOK]).removeprefix(BOM).lstrip()
    if _is_syslog(head):
        body = _cut(data).lstrip().rstrip(b"\r\n")
        return AuditMessageSeen(
            name, body, "datagram", len(data) if len(data) > SIZE else len(body)
        )
    return AuditMessageSeen(name, _cut(data), "xml", len(data))


def read_capture(data: bytes | memoryview, name: str) -> Many[AuditMessageSeen]:
    """Return the messages of the capture *name*: octet-counted frames, one syslog message per line, or one XML.

    At most ``KEPT`` messages are kept. Bounded by the size of *data*.
    """
    head = bytes(data[:_LOOK])
    start = len(head) - len(head.removeprefix(BOM).lstrip())
    if not _is_syslog(head[start:]):
        return Many((Member(name, read_message(data, name)),), "message")
    frames = FrameReader()
    found = []
    for at in range(start, len(data), 1 << 20):
        found += frames.feed(bytes(data[at : at + (1 << 20)]))
        if len(found) >= KEPT:
            break
    else:
        found += frames.end()
    members = (
        AuditMessageSeen(f"{name}: message {n}", frame.data, frame.framing, frame.size)
        for n, frame in enumerate(found[:KEPT], 1)
    )
    return Many(tuple(Member(m.name, m) for m in members), "message")


def _datagrams(file: InspectedFile, desk: Desk) -> None:
    """Gather the syslog datagrams of a packet capture; other datagrams are passed over."""
    read = read_capture_file(bytes(file.octets[:CAPTURE]))
    if len(file.octets) > CAPTURE:
        desk.note(f"{file.name}: only the first {CAPTURE >> 20} MiB of the packet capture are read")
    syslog = [d for d in read.found if _is_syslog(d)]
    for n, data in enumerate(syslog[:KEPT], 1):
        seen = AuditMessageSeen(f"{file.name}: datagram {n}", data, "datagram", len(data))
        desk.gather(_TRAY, (file.name, seen))
    left = (
        f", {read.left} UDP datagrams that are fragments or were cut are not judged"
        if read.left
        else ""
    )
    if read.left or not syslog:
        desk.note(
            f"{file.name}: a packet capture with {len(syslog)} syslog datagrams{left}; what goes by TLS cannot be "
            "read from a capture"
        )


@reader("xml", "syslog", "other", "empty")
def read_audit_messages(file: InspectedFile, desk: Desk) -> Iterator[Reading]:
    """Gather the audit messages of every file; they are judged together at the end."""
    head = bytes(file.octets[:_LOOK])
    if is_capture(head):
        _datagrams(file, desk)
        return
    narrow = head.replace(b"\0", b"")
    if b"AuditMessage" not in narrow and not (file.kind == "syslog" or desk.wants(*PROFILES)):
        return
    begins = narrow.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<")
    if file.kind in ("other", "empty") and not begins and not desk.wants(*PROFILES):
        return
    for member in read_capture(file.octets, file.name).members:
        desk.gather(_TRAY, (file.name, member.seen))
    yield from ()


@folds(_TRAY, stored=False)
def fold_message(value: tuple[str, AuditMessageSeen], desk: Desk) -> None:
    """Gather one message; beyond the bounds each file that has more is told once."""
    name, seen = value
    tray: list[AuditMessageSeen] = desk.drawer.setdefault(_TRAY, [])
    octets = desk.drawer.get(_OCTETS, 0) + len(seen.data)
    if len(tray) < KEPT and octets <= KEPT_OCTETS and desk.drawer.get(_FULL) != name:
        desk.drawer[_OCTETS] = octets
        tray.append(seen)
    elif desk.drawer.get(_FULL) != name:
        desk.drawer[_FULL] = name
        desk.note(
            f"{name}: messages beyond the first {len(tray)} of this inspection are not judged"
        )


@at_end
def close_audit_messages(desk: Desk) -> Iterator[Reading]:
    """Yield all messages as one set, so that each clause is judged once, with one finding per message."""
    tray: list[AuditMessageSeen] = desk.drawer.pop(_TRAY, [])
    if tray:
        seen = Many(tuple(Member(m.name, m) for m in tray), "message")
        yield Reading("audit messages", seen, marks=(FORMAT,))
