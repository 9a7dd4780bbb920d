"""Syslog on the wire: RFC 5424 messages, RFC 5425 octet counting, RFC 6587 LF framing, RFC 5426 datagrams.

No I/O. Every reader is bounded: a message that is larger than ``LIMIT`` octets is counted, not kept.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from part15.model import Word
from part15.wire.audit_flaw import Flaw, short
from part15.wire.syslog_data import Elements, read_structured_data

BOM = b"\xef\xbb\xbf"
LIMIT = 16 * 1024 * 1024
"""Octets of one message that are kept; longer ones are counted only."""

TIMESTAMP = re.compile(
    rb"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:Z|[+-](\d\d):(\d\d))\Z"
)
CONTROLS = frozenset(range(32))
_CONTROL = re.compile(rb"[\x00-\x1f]")
FIELDS = (
    ("TIMESTAMP", 48, "SYSLOG-5424-04"),
    ("HOSTNAME", 255, "SYSLOG-5424-07"),
    ("APP-NAME", 48, "SYSLOG-5424-08"),
    ("PROCID", 128, "SYSLOG-5424-09"),
    ("MSGID", 32, "SYSLOG-5424-10"),
)


@dataclass(frozen=True)
class Syslog:
    """One SYSLOG-MSG as read: header fields as text (empty if missing), MSG octets, and what is wrong.

    *msg* is None if there is no MSG part. *pri* is None if there is no usable PRIVAL;
    *whole* tells whether the header could be followed to its end.
    """

    pri: int | None
    version: str
    timestamp: str
    hostname: str
    app_name: str
    procid: str
    msgid: str
    structured: tuple[str, ...]
    msg: bytes | None
    flaws: tuple[Flaw, ...]
    whole: bool = True

    @property
    def facility(self) -> int | None:
        """PRIVAL div 8."""
        return None if self.pri is None else self.pri // 8

    @property
    def severity(self) -> int | None:
        """PRIVAL mod 8."""
        return None if self.pri is None else self.pri % 8


def _shown(octets: bytes) -> str:
    return short(octets.decode("ascii", "backslashreplace"))


def _pri(data: bytes, flaws: list[Flaw]) -> tuple[int | None, int]:
    """Read ``<PRIVAL>``; return the value and the offset behind it."""
    match = re.match(rb"<(\d{1,10})>", data)
    if match is None:
        flaws.append(Flaw("SYSLOG-5424-02", "PRI", "<PRIVAL>, PRIVAL 0..191", _shown(data[:8])))
        return None, 0
    digits = match[1]
    value = int(digits)
    if value > 191 or (len(digits) > 1 and digits.startswith(b"0")):
        wanted = "PRIVAL 0..191 without leading zeros"
        flaws.append(Flaw("SYSLOG-5424-02", "PRI", wanted, _shown(match[0])))
    return (value if value <= 191 else None), match.end()


def check_timestamp(value: bytes) -> list[Flaw]:
    """Return what is wrong with a TIMESTAMP (RFC 5424 6.2.3)."""
    if value == b"-":
        return [Flaw("SYSLOG-5424-06", "TIMESTAMP", "a time", "NILVALUE")]
    match = TIMESTAMP.match(value)
    wanted = "RFC 3339 with upper-case T and Z, 1-6 fraction digits and an offset"
    if match is None:
        return [Flaw("SYSLOG-5424-04", "TIMESTAMP", wanted, _shown(value))]
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    flaws = []
    if second == 60:
        flaws.append(Flaw("SYSLOG-5424-05", "TIMESTAMP", "seconds 00..59", _shown(value)))
        second = 59
    try:
        dt.datetime(max(year, 1), month, day, hour, minute, second, tzinfo=dt.UTC)
        within = match[8] is None or (int(match[8]) < 24 and int(match[9]) < 60)
    except ValueError:
        within = False
    if not within:
        flaws.append(Flaw("SYSLOG-5424-04", "TIMESTAMP", "a time of the calendar", _shown(value)))
    if match[7] is None:
        flaws.append(Flaw("SYSLOG-5424-06", "TIMESTAMP", "fractions of a second", "whole seconds"))
    return flaws


def _field_flaws(name: str, limit: int, rule: str, value: bytes) -> list[Flaw]:
    if name == "TIMESTAMP":
        return check_timestamp(value)
    if len(value) > limit:
        return [Flaw(rule, name, f"at most {limit} characters", f"{len(value)} characters")]
    if any(not 33 <= octet <= 126 for octet in value):
        return [Flaw(rule, name, "printable US-ASCII", _shown(value))]
    return []


def _msg_flaws(msg: bytes) -> list[Flaw]:
    """Return what is wrong with the encoding of MSG (RFC 5424 6.4, reading S-19)."""
    flaws = []
    text = msg.removeprefix(BOM)
    try:
        text.decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        flaws.append(
            Flaw("utf-8", f"MSG octet {error.start}", "UTF-8 in shortest form", error.reason)
        )
        flaws.append(
            Flaw(
                "SYSLOG-5424-12", f"MSG octet {error.start}", "UTF-8 in shortest form", error.reason
            )
        )
    if not msg.startswith(BOM):
        ascii_only = text.isascii()
        flaws.append(
            Flaw(
                "SYSLOG-5424-12",
                "MSG",
                "the byte order mark EF BB BF before UTF-8 text",
                "no byte order mark"
                + (", but ASCII only" if ascii_only else " before non-ASCII octets"),
                Word.WARN if ascii_only else Word.FAIL,
                readings=("S-19",),
            )
        )
    controls = sorted(set(text) & CONTROLS) if _CONTROL.search(text) else []
    if controls:
        seen = " ".join(f"0x{octet:02X}" for octet in controls)
        flaws.append(Flaw("SYSLOG-5424-13", "MSG", "no control characters", seen))
    return flaws


def _payload(rest: bytes) -> bytes | None:
    """Return the XML of a message whose header could not be read, if any is there."""
    starts = [at for mark in (BOM, b"<?xml", b"<AuditMessage") if (at := rest.find(mark)) >= 0]
    return rest[min(starts) :] if starts else None


def _unreadable(pri: int | None, rest: bytes, flaws: list[Flaw]) -> Syslog:
    return Syslog(pri, "", "", "", "", "", "", (), _payload(rest), tuple(flaws), whole=False)


def read_syslog(data: bytes) -> Syslog:
    """Read one SYSLOG-MSG (RFC 5424 6) and return it with every flaw; never raises.

    A header that cannot be followed still yields its payload, so that the XML can be judged.
    """
    flaws: list[Flaw] = []
    pri, at = _pri(data, flaws)
    match = re.compile(rb"([1-9]\d{0,2}) ").match(data, at)
    if match is None:
        wanted = "VERSION 1 and a space behind PRI"
        flaws.append(Flaw("SYSLOG-5424-03", "VERSION", wanted, _shown(data[at : at + 8])))
        flaws.append(
            Flaw("SYSLOG-5424-01", "header", "the RFC 5424 header", "another header (RFC 3164?)")
        )
        return _unreadable(pri, data[at:], flaws)
    version = match[1].decode()
    if version != "1":
        flaws.append(Flaw("SYSLOG-5424-03", "VERSION", "1", version))
    at = match.end()
    values: list[str] = []
    for name, limit, rule in FIELDS:
        end = data.find(b" ", at, at + 65536)
        value = data[at:end] if end >= 0 else b""
        if not value:
            wrong = "an empty field (two spaces)" if end == at else "the end of the header"
            flaws.append(Flaw("SYSLOG-5424-01", name, "a value or '-', then one space", wrong))
            return _unreadable(pri, data[at:], flaws)
        flaws += _field_flaws(name, limit, rule, value)
        values.append(value.decode("ascii", "backslashreplace")[:1024])
        at = end + 1
    elements = read_structured_data(data, at)
    flaws += elements.flaws
    msg = _msg_after(data, elements, flaws)
    timestamp, hostname, app_name, procid, msgid = values
    if msgid == "-":
        flaws.append(Flaw("msgid", "MSGID", "a message type", "NILVALUE"))
    elif msgid != "DICOM+RFC3881":
        flaws.append(_msgid_flaw(msgid))
    if pri is not None and pri // 8 != 10:
        flaws.append(
            Flaw("facility", "PRI", "facility 10 (security/authorization)", f"facility {pri // 8}")
        )
    if msg is None:
        flaws.append(Flaw("msg", "MSG", "an XML audit message", "no MSG part"))
    else:
        flaws += _msg_flaws(msg)
    return Syslog(
        pri, version, timestamp, hostname, app_name, procid, msgid, elements.ids, msg, tuple(flaws)
    )


def _msgid_flaw(msgid: str) -> Flaw:
    known = {
        "IHE+RFC-3881": "IHE ITI-20 MSGID",
        "IHE+RFC3881": "MSGID of a .NET library, for IHE+RFC-3881",
    }
    return Flaw(
        "msgid-name",
        "MSGID",
        "'DICOM+RFC3881' if the proposal of PS3.15 is followed",
        short(msgid),
        Word.WARN if msgid in known else Word.FAIL,
        known.get(msgid, ""),
        ("S-20",),
    )


def _msg_after(data: bytes, elements: Elements, flaws: list[Flaw]) -> bytes | None:
    """Return the MSG part behind STRUCTURED-DATA."""
    if not elements.whole:
        return _payload(data[elements.end :])
    rest = data[elements.end :]
    if not rest:
        return None
    if not rest.startswith(b" "):
        flaws.append(Flaw("SYSLOG-5424-01", "MSG", "one space before MSG", _shown(rest[:8])))
        return _payload(rest)
    msg = rest[1:]
    if msg.startswith(b" "):
        flaws.append(Flaw("SYSLOG-5424-01", "MSG", "one space before MSG", "several spaces"))
        msg = msg.lstrip(b" ")
    if elements.ids and re.match(rb"\[[!-~]{1,32}[ \]]", msg):
        wanted = "SD-ELEMENTs without spaces between them"
        flaws.append(
            Flaw("SYSLOG-5424-11", "STRUCTURED-DATA", wanted, "a space before an SD-ELEMENT")
        )
        return _payload(msg)
    return msg or None


def write_syslog(
    msg: bytes,
    *,
    pri: int | str = 85,
    version: str = "1",
    timestamp: str = "-",
    hostname: str = "-",
    app_name: str = "part15",
    procid: str = "-",
    msgid: str = "DICOM+RFC3881",
    structured: str = "-",
    bom: bool = True,
) -> bytes:
    """Return a SYSLOG-MSG; nothing is validated, so that wrong ones can be written as well."""
    head = f"<{pri}>{version} {timestamp} {hostname} {app_name} {procid} {msgid} {structured} "
    return head.encode("ascii", "backslashreplace") + (BOM if bom else b"") + msg
