"""Audit messages of a wanted size and with a mark by which each is found again in a collector's store."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any

from part15.wire.audit_corpus import Facts, transfer
from part15.wire.syslog import write_syslog

HEADERS = (
    b"<85>1 - - - - - - ",
    b"<999>1 - - - - - - no such priority",
    b"<085>1 - - - - - - leading zero",
    b"<>1 - - - - - - no priority",
    b"<85>2 - - - - - - version two",
    b"<85>Nov 21 10:00:00 host app: an RFC 3164 message",
    b"<85>1 2026-11-21t10:00:00z - - - - - small letters",
    b'<85>1 - - - - - [a b="]"] unescaped',
    b"<85>1 - " + b"h" * 4096 + b" - - - - long host name",
    b"\xff\xfe\x00\x01 octets",
    b"<85>1 - - - - - - \x00\x00\x00",
)
"""Odd and malformed messages, well framed."""

LENGTHS = (
    b"0 ",
    b"-1 x",
    b"007 <85>1 - ",
    b"9" * 20 + b" <85>1 ",
    b"abc <85>1 - ",
    b"99999999 <85>1 cut off",
)
"""Malformed frames, each for a connection of its own."""


@dataclass(frozen=True)
class Marked:
    """A SYSLOG-MSG with the text *inner* that a collector has to store unchanged."""

    name: str
    data: bytes
    inner: bytes


def _xml(mark: str, when: dt.datetime, instances: tuple[str, ...], pad: str = "") -> bytes:
    return transfer(
        Facts(
            when=when,
            source=mark,
            process=f"receiver{pad}",
            instances=instances,
            patient_name=f"end of {mark}",
        )
    )


def header_of(when: dt.datetime | None = None) -> dict[str, Any]:
    """Return header fields with the time now."""
    moment = (when or dt.datetime.now(dt.UTC)).strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"
    return {"timestamp": moment, "hostname": "part15.invalid", "procid": "15"}


def _audit(mark: str, size: int, pri: int, when: str) -> Marked:
    """Return an audit message of *size* octets, or of the least size that its instances allow."""
    now = dt.datetime.now(dt.UTC)
    head = header_of(now)

    def made(count: int, pad: int) -> tuple[bytes, bytes]:
        uids = tuple(f"1.2.826.0.1.3680043.10.1515.{100_000_000 + n}" for n in range(count))
        inner = _xml(mark, now, uids, "x" * pad)
        if when:
            inner = re.sub(rb'EventDateTime="[^"]*"', f'EventDateTime="{when}"'.encode(), inner)
        return inner, write_syslog(inner, pri=pri, **head)

    least, one = len(made(1, 0)[1]), len('<Instance UID="1.2.826.0.1.3680043.10.1515.100000000"/>')
    count = 1 + max(0, size - least - 8) // one
    inner, data = made(count, max(0, size - len(made(count, 0)[1])))
    return Marked(mark, data, inner)


def _small(mark: str, size: int, pri: int, when: str) -> Marked:
    """Return a Network Entry message with nothing that it could do without: it fits into 480 octets."""
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def made(pad: int) -> tuple[bytes, bytes]:
        inner = (
            f'<AuditMessage><EventIdentification EventActionCode="E" EventDateTime="{when or now}" '
            'EventOutcomeIndicator="0"><EventID csd-code="110108" codeSystemName="DCM" '
            'originalText="Network Entry"/><EventTypeCode csd-code="110124" codeSystemName="DCM" '
            f'originalText="Attach"/></EventIdentification><ActiveParticipant UserID="{mark}{"x" * pad}" '
            'UserIsRequestor="false"/><AuditSourceIdentification AuditSourceID="p"/></AuditMessage>'
        ).encode()
        return inner, write_syslog(inner, pri=pri, app_name="p")

    inner, data = made(max(0, size - len(made(0)[1])))
    return Marked(mark, data, inner)


def marked(mark: str, size: int = 480, *, pri: int = 85, when: str = "") -> Marked:
    """Return an audit message whose SYSLOG-MSG has *size* octets; *when* replaces EventDateTime.

    Above 2000 octets it reports a transfer with so many instances, else a network entry.
    """
    return (_audit if size > 2000 else _small)(mark, size, pri, when)


def whereabouts(store: bytes, message: Marked) -> tuple[str, int]:
    """Return ``whole``, ``cut`` or ``lost`` for *message* in the octets of a store, and where it begins."""
    at = store.find(message.inner)
    if at >= 0:
        return "whole", at
    mark = message.name.encode()
    at = store.find(mark)
    return ("cut", at) if at >= 0 else ("lost", -1)
