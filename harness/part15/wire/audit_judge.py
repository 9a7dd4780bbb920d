"""One audit message examined: syslog header, XML, schema, fields, tables; done once and remembered."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from part15.wire.audit_fields import field_notes
from part15.wire.audit_flaw import Flaw
from part15.wire.audit_message import Message, read_content
from part15.wire.audit_schema import RULE, accepts, is_base64, set_aside, violations
from part15.wire.audit_tables import table_notes
from part15.wire.audit_xml import Document, read_xml
from part15.wire.syslog import BOM, Syslog, read_syslog
from part15.wire.syslog_frames import datagram_flaws

NEWEST = "2023b"
_COUNT = re.compile(rb"\A\d{1,10} (?=<)")
CARRIERS = ("xml", "octet-counting", "lf", "datagram")


@dataclass(frozen=True)
class Examined:
    """What one message is and breaks.

    *message* is None if there is no readable XML (*refused* says why); *met* names the rules whose
    subject was there, so that a rule without a flaw and without a subject is not called kept.
    """

    syslog: Syslog | None
    message: Message | None
    refused: str
    encoding: str
    flaws: tuple[Flaw, ...]
    met: frozenset[str]

    @property
    def kind(self) -> str:
        """The csd-code of EventID, or nothing."""
        return self.message.kind if self.message else ""

    def of(self, rules: tuple[str, ...]) -> tuple[Flaw, ...]:
        """Return the flaws of *rules*."""
        return tuple(flaw for flaw in self.flaws if flaw.rule in rules)


SYSLOG_RULES = frozenset(
    {"facility", "severity", "msgid", "msgid-name", "msg", "utf-8", "form"}
    | {f"SYSLOG-5424-{number:02}" for number in range(1, 14)}
)


def _header_rules(syslog: Syslog) -> set[str]:
    """Return the rules whose subject is there: of a header that cannot be followed, only its beginning."""
    if syslog.whole:
        return set(SYSLOG_RULES)
    found = {"SYSLOG-5424-01", "SYSLOG-5424-02", "SYSLOG-5424-03", "form"}
    return (
        found
        | {f.rule for f in syslog.flaws}
        | ({"facility", "severity"} if syslog.pri is not None else set())
    )


def _severity(syslog: Syslog, message: Message | None) -> list[Flaw]:
    if syslog.severity is None or message is None:
        return []
    if message.event.get("EventOutcomeIndicator", "0").strip() == "0" and syslog.severity != 5:
        return [
            Flaw(
                "severity",
                "PRI",
                "severity 5 (notice) for a success",
                f"severity {syslog.severity}",
            )
        ]
    return []


@functools.lru_cache(maxsize=4096)
def examine(data: bytes, carrier: str = "xml", edition: str = NEWEST, size: int = 0) -> Examined:
    """Examine *data*: a bare XML message (carrier ``xml``) or a SYSLOG-MSG (any other); never raises.

    *size* is the true number of octets, if *data* is only the beginning of a message too large to keep.
    """
    flaws: list[Flaw] = []
    met: set[str] = set()
    syslog = None
    xml: bytes | None = data
    if carrier != "xml":
        syslog = read_syslog(_COUNT.sub(b"", data, count=1) if carrier == "datagram" else data)
        met |= _header_rules(syslog)
        flaws += syslog.flaws
        xml = syslog.msg
        if carrier == "datagram":
            met.add("SYSLOG-5426-01")
            flaws += datagram_flaws(data)
    refused, encoding, message = "there is no MSG part", "", None
    if size > len(data):
        refused = f"it has {size} octets, more than are read"
    elif xml is not None:
        document = read_xml(xml)
        refused, encoding = document.refused, document.encoding
        if document.root is not None:
            wrong, message, noted = _judge_root(document.root, xml, edition)
            flaws += wrong
            met |= noted
            flaws += _encoding_flaws(document, xml, in_syslog=syslog is not None)
    if message is None:
        met |= {RULE, "form"}
        flaws.append(Flaw(RULE, "/", "a well-formed XML audit message", refused))
        flaws.append(Flaw("form", "MSG", "XML with root AuditMessage", refused))
    if syslog is not None:
        flaws += _severity(syslog, message)
    return Examined(syslog, message, refused, encoding, tuple(flaws), frozenset(met))


def _loose(message: Message) -> bool:
    """Tell whether a value is no base64: libxml2 passes over signs that are none."""
    return any(
        not is_base64(value)
        for o in message.objects
        for value in (*o.queries, *(v for _, v in o.details))
    )


def _encoding_flaws(document: Document, xml: bytes, *, in_syslog: bool) -> list[Flaw]:
    """Return what is wrong between declared encoding and octets; in syslog the first mark belongs to MSG."""
    found = document.contradiction
    if not found:
        return []
    if in_syslog and "mark" in found:
        if "declared" not in found or xml.removeprefix(BOM).isascii():
            return []
        return [Flaw("utf-8", "MSG", "an XML declaration that agrees with the octets", found)]
    return [Flaw(RULE, "/", "XML in the encoding that it declares (XML 1.0 4.3.3)", found)]


def _unexplained(message: Message, edition: str) -> list[Flaw]:
    """Return a flaw if the grammar refuses *message* for another reason than a leap second (reading S-03)."""
    if ":60" in message.event.get("EventDateTime", "") or _loose(message):
        return []
    return [
        Flaw(RULE, "/", f"a message that the grammar of {edition} accepts", "one that it refuses")
    ]


def _judge_root(root: object, xml: bytes, edition: str) -> tuple[list[Flaw], Message, set[str]]:
    flaws = set_aside(root, xml)
    tag = str(getattr(root, "tag", ""))
    if tag.rpartition("}")[2] != "AuditMessage":
        flaws.append(Flaw("form", "/", "root element AuditMessage", "another element"))
    message = read_content(root)
    if _loose(message) or not accepts(root, edition):
        found = violations(root, edition)
        flaws += found or _unexplained(message, edition)
    met = {RULE, "form"}
    for notes in (field_notes(message, edition), table_notes(message, edition)):
        flaws += notes.flaws
        met |= notes.met
    return flaws, message, met


__all__ = ["CARRIERS", "NEWEST", "Examined", "examine"]
