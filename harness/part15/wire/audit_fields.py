"""The field rules of PS3.15 A.5.2 that the schema cannot say; one function per group of fields."""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from part15.content import table
from part15.model import Word
from part15.wire.audit_flaw import Flaw, classed, short
from part15.wire.audit_message import AuditObject, Code, Message, Participant
from part15.wire.audit_schema import is_base64

UID = re.compile(r"(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))+\Z", re.ASCII)
PERSON = re.compile(r"[^@\s]+@[^@\s]+\Z")
AE_TITLES = re.compile(r"AETITLES= ?[^;\\]{1,16}(;[^;\\]{1,16})*\Z")
_ZONE = re.compile(r"(?:Z|[+-]\d\d:\d\d)\Z", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,253})\Z", re.ASCII)
_PHONE = re.compile(r"[+0-9() ./-]{3,32}\Z")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S", re.ASCII)
NUMERIC_SYSTEMS = ("RFC-3881", "RFC3881")
DEPRECATED_ROLES = ("4", "7", "12", "14", "22")
DICOM_ROLES = ("110150", "110152", "110153")
MEDIA_ROLES = ("110154", "110155")


class Notes:
    """What the rules note about one message: the flaws, and the rules whose subject was there at all."""

    def __init__(self) -> None:
        self.flaws: list[Flaw] = []
        self.met: set[str] = set()

    def flaw(
        self,
        rule: str,
        path: str,
        expected: str,
        observed: str,
        *,
        word: Word = Word.FAIL,
        dialect: str = "",
        readings: tuple[str, ...] = (),
    ) -> None:
        """Note a departure from *rule*."""
        self.met.add(rule)
        if len(self.flaws) < 200:
            self.flaws.append(Flaw(rule, path, expected, observed, word, dialect, readings))


@functools.cache
def codes_of(cid: str) -> Mapping[str, str]:
    """Return code and meaning of every DCM code of context group *cid*."""
    return {code: meaning for code, _system, meaning in table("audit-codes")[cid]["codes"]}


@functools.cache
def values() -> dict[str, Any]:
    """Return the value lists of A.5.1.2."""
    found: dict[str, Any] = table("audit-values")
    return found


def is_uid(value: str) -> bool:
    """Tell whether *value* is a UID (PS3.5 9.1)."""
    return len(value) <= 64 and UID.match(value) is not None


def _event(m: Message, edition: str, n: Notes) -> None:
    del edition
    path = "/AuditMessage/EventIdentification"
    code = m.event_id
    n.met.add("AUD-FMT-020")
    if code is None or not code.code:
        n.flaw("AUD-FMT-020", path, "one EventID", "none")
    elif code.system == "DCM" and code.code not in codes_of("400"):
        n.flaw(
            "AUD-FMT-020", f"{path}/EventID", "a code of CID 400, if it is a DCM code", code.text
        )
    elif not code.system:
        n.flaw("AUD-FMT-020", f"{path}/EventID", "a codeSystemName", "none")
    action = m.event.get("EventActionCode")
    if action is not None:
        n.met.add("AUD-FMT-021")
        if action.strip() not in values()["EventActionCode"]:
            n.flaw("AUD-FMT-021", f"{path}/@EventActionCode", "C, R, U, D or E", short(action))
    outcome = m.event.get("EventOutcomeIndicator", "").strip()
    n.met.add("AUD-FMT-022")
    if outcome not in values()["EventOutcomeIndicator"]:
        n.flaw("AUD-FMT-022", f"{path}/@EventOutcomeIndicator", "0, 4, 8 or 12", short(outcome))
    when = m.event.get("EventDateTime", "").strip()
    n.met.add("AUD-FMT-024")
    if not _ZONE.search(when):
        wanted = "a time with its zone (Z or +hh:mm)"
        n.flaw("AUD-FMT-024", f"{path}/@EventDateTime", wanted, short(when), readings=("S-04",))


def _participants(m: Message, edition: str, n: Notes) -> None:
    del edition
    n.met |= {"AUD-FMT-036", "AUD-FMT-037"}
    for p in m.participants:
        value = p.attributes.get("UserIsRequestor")
        if value is None:
            n.flaw("AUD-FMT-036", p.path, "attribute UserIsRequestor", "none", readings=("S-07",))
        elif value.strip() not in ("true", "false", "1", "0"):
            wanted = "true or false (xsd:boolean)"
            n.flaw(
                "AUD-FMT-036",
                f"{p.path}/@UserIsRequestor",
                wanted,
                short(value),
                readings=("S-06",),
            )
        _access_point(p, n)
        _identities(p, n)
    if not m.participants:
        n.flaw("AUD-FMT-036", "/AuditMessage", "at least one ActiveParticipant", "none")
    if m.requestors() > 1:
        wanted = "at most one participant with UserIsRequestor true"
        n.flaw("AUD-FMT-037", "/AuditMessage", wanted, f"{m.requestors()}", readings=("S-14",))
    if m.kind == "110114" and m.participants:
        person = person_of(m)
        n.met.add("AUD-FMT-028")
        if not PERSON.match(person.get("UserID")):
            wanted = "loginName@domain-name for a person"
            n.flaw("AUD-FMT-028", f"{person.path}/@UserID", wanted, classed(person.get("UserID")))


def person_of(m: Message) -> Participant:
    """Return the authenticated person of a User Authentication message.

    The two blocks carry no role code (reading S-12): it is the participant with a network access
    point, or the first.
    """
    named = [p for p in m.participants if p.get("NetworkAccessPointID")]
    by_form = [p for p in named if "@" in p.get("UserID")]
    return (by_form or named or list(m.participants))[0]


def _identities(p: Participant, n: Notes) -> None:
    """Judge UserID of media, AlternativeUserID of DICOM applications, and further roles."""
    if any(p.has_role(code) for code in MEDIA_ROLES):
        n.met.add("AUD-FMT-031")
        if not p.get("UserID"):
            n.flaw(
                "AUD-FMT-031",
                f"{p.path}/@UserID",
                "a URI, mailto:, or text naming the media",
                "nothing",
            )
        if "AlternativeUserID" in p.attributes:
            n.met.add("AUD-FMT-034")
            if not p.get("AlternativeUserID"):
                wanted = "a machine readable identification"
                n.flaw("AUD-FMT-034", f"{p.path}/@AlternativeUserID", wanted, "an empty value")
        return
    if p.roles:
        n.met.add("AUD-FMT-038")
        for role in p.roles:
            if role.system == "DCM" and role.code not in codes_of("402"):
                n.flaw(
                    "AUD-FMT-038",
                    f"{p.path}/RoleIDCode",
                    "a code of CID 402, if a DCM code",
                    role.text,
                )
    other = p.get("AlternativeUserID")
    if other.upper().startswith("AETITLE"):
        n.met.add("AUD-FMT-033")
        if not AE_TITLES.match(other):
            wanted = "AETITLES=a;b, each title 1 to 16 characters"
            n.flaw(
                "AUD-FMT-033",
                f"{p.path}/@AlternativeUserID",
                wanted,
                classed(other),
                readings=("S-15",),
            )
    elif other and "@" not in other and any(p.has_role(code) for code in DICOM_ROLES):
        n.met.add("AUD-FMT-033")
        several = ";" in other or "\\" in other
        n.flaw(
            "AUD-FMT-033",
            f"{p.path}/@AlternativeUserID",
            "AE titles in the form AETITLES=a;b",
            f"{classed(other)} without the prefix",
            word=Word.FAIL if several or len(other) > 16 else Word.WARN,
        )


def _access_point(p: Participant, n: Notes) -> None:
    kind, value = p.get("NetworkAccessPointTypeCode"), p.get("NetworkAccessPointID")
    if not kind or not value:
        return
    n.met.add("AUD-FMT-040")
    fits = {
        "1": lambda: _NAME.match(value) is not None,
        "2": lambda: address_of(value) is not None,
        "3": lambda: _PHONE.match(value) is not None,
        "4": lambda: "@" in value,
        "5": lambda: _URI.match(value) is not None,
    }
    if kind not in fits or not fits[kind]():
        wanted = f"a {values()['NetworkAccessPointTypeCode'].get(kind, 'value that fits a type of 1..5')}"
        n.flaw("AUD-FMT-040", f"{p.path}/@NetworkAccessPointID", wanted, classed(value))


def address_of(value: str) -> str | None:
    """Return the canonical text of the IP address *value* (brackets and zone allowed), or None."""
    try:
        address = ipaddress.ip_address(value.strip().strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _source(m: Message, edition: str, n: Notes) -> None:
    del edition
    path = "/AuditMessage/AuditSourceIdentification"
    n.met.add("AUD-FMT-041")
    if not m.source.get("AuditSourceID", "").strip():
        n.flaw(
            "AUD-FMT-041",
            f"{path}/@AuditSourceID",
            "the identity of the detecting system",
            "nothing",
        )
    for code in m.source_types:
        n.met.add("AUD-FMT-009")
        if code.code not in values()["AuditSourceTypeCode"] and not code.system:
            wanted = "1..9, or a token with codeSystemName and originalText"
            n.flaw(
                "AUD-FMT-009", f"{path}/AuditSourceTypeCode", wanted, f"{short(code.code)} alone"
            )


def _object(o: AuditObject, edition: str, n: Notes) -> None:
    role, kind = o.get("ParticipantObjectTypeCodeRole"), o.get("ParticipantObjectTypeCode")
    if "ParticipantObjectTypeCodeRole" in o.attributes:
        last = 24 if edition < "2017c" else 26
        n.met |= {"AUD-FMT-010", "AUD-FMT-011"}
        if not (role.isdecimal() and 1 <= int(role[:4]) <= last and role == str(int(role[:4]))):
            where = f"{o.path}/@ParticipantObjectTypeCodeRole"
            n.flaw("AUD-FMT-010", where, f"1..{last}; the list is not extensible", short(role))
        elif role in DEPRECATED_ROLES:
            where = f"{o.path}/@ParticipantObjectTypeCodeRole"
            n.flaw(
                "AUD-FMT-011", where, "a role that is not deprecated (4, 7, 12, 14, 22 are)", role
            )
        likely = values()["ParticipantObjectTypeCodeRole_likely_type"].get(role)
        if likely and kind:
            n.met.add("AUD-FMT-014")
            if kind not in likely:
                wanted = f"object type {' or '.join(likely)} for role {role}"
                n.flaw("AUD-FMT-014", f"{o.path}/@ParticipantObjectTypeCode", wanted, short(kind))
    cycle = o.attributes.get("ParticipantObjectDataLifeCycle")
    if cycle is not None:
        n.met.add("AUD-FMT-012")
        if cycle.strip() not in values()["ParticipantObjectDataLifeCycle"]:
            where = f"{o.path}/@ParticipantObjectDataLifeCycle"
            n.flaw("AUD-FMT-012", where, "1..15; the list is not extensible", short(cycle))
    _id_type(o.id_type, o.path, n)
    _object_content(o, edition, n)


def _id_type(code: Code | None, path: str, n: Notes) -> None:
    rule = "AUD-FMT-013"
    n.met.add(rule)
    path = f"{path}/ParticipantObjectIDTypeCode"
    if code is None:
        n.flaw(rule, path, "one ParticipantObjectIDTypeCode", "none")
    elif not (code.code and code.system and code.meaning):
        lacking = [
            k
            for k, v in zip(("csd-code", "codeSystemName", "originalText"), code, strict=True)
            if not v
        ]
        n.flaw(
            rule,
            path,
            "csd-code, codeSystemName and originalText",
            f"no {' and no '.join(lacking)}",
        )
    elif code.code in values()["ParticipantObjectIDTypeCode"]:
        if code.system not in NUMERIC_SYSTEMS:
            wanted = "codeSystemName RFC-3881 for the numbers 1..12"
            n.flaw(rule, path, wanted, code.text, word=Word.WARN, readings=("S-05",))
    elif code.system == "DCM" and code.code not in codes_of("404"):
        n.flaw(rule, path, "a code of CID 404, if it is a DCM code", code.text)


def _object_content(o: AuditObject, edition: str, n: Notes) -> None:
    n.met.add("AUD-FMT-047")
    if len(o.names) + len(o.queries) != 1:
        n.flaw(
            "AUD-FMT-047",
            o.path,
            "exactly one of ParticipantObjectName and ParticipantObjectQuery (schema; the tables differ)",
            f"{len(o.names)} and {len(o.queries)}",
            readings=("S-01",),
        )
    if o.is_study:
        n.met.add("AUD-FMT-042")
        needing = o.accessions or o.mpps or o.marks
        if needing and not o.sop_classes:
            wanted = "SOPClass beside Accession, MPPS, Encrypted or Anonymized"
            n.flaw("AUD-FMT-042", f"{o.path}/ParticipantObjectDescription", wanted, "none")
    for name, value in o.marks:
        rule = "AUD-FMT-043" if name == "Encrypted" else "AUD-FMT-044"
        n.met.add(rule)
        if value not in ("true", "false", "1", "0"):
            n.flaw(
                rule, f"{o.path}/ParticipantObjectDescription/{name}", "true or false", short(value)
            )
        same = [v for k, v in o.marks if k == name]
        if len(same) > 1 and value is same[0]:
            n.flaw(rule, f"{o.path}/ParticipantObjectDescription", f"one {name}", f"{len(same)}")
    if o.studies:
        n.met.add("AUD-FMT-045")
        where = f"{o.path}/ParticipantObjectDescription/ParticipantObjectContainsStudy"
        # Read literally the 2011 grammar demands it on every object, studies included.
        if o.is_study and edition >= "2017c":
            n.flaw("AUD-FMT-045", where, "an ID type other than 110180", "(110180, DCM)")
        for uid in o.studies:
            if not is_uid(uid):
                n.flaw("AUD-FMT-045", f"{where}/StudyIDs", "a UID", classed(uid))
    for _kind, value in o.details:
        n.met.add("AUD-FMT-046")
        if not is_base64(value):
            n.flaw(
                "AUD-FMT-046", f"{o.path}/ParticipantObjectDetail/@value", "base64", classed(value)
            )
    _uids(o, n)


def _uids(o: AuditObject, n: Notes) -> None:
    uids = [*o.mpps, *o.studies]
    for c in o.sop_classes:
        uids += [*([c.uid] if c.uid else []), *c.instances]
        n.met.add("AUD-FMT-049")
        where = f"{o.path}/ParticipantObjectDescription/SOPClass/@NumberOfInstances"
        number = (c.number or "").strip()
        if c.number is None or not (number.isascii() and number.isdecimal()):
            shown = short(number) if number else "none"
            n.flaw("AUD-FMT-049", where, "a number of instances", shown, readings=("S-10",))
        elif c.instances and int(number[:20]) != len(c.instances):
            wanted = f"{len(c.instances)}, as many as Instance elements"
            n.flaw("AUD-FMT-049", where, wanted, number[:20], readings=("S-10",))
    if uids:
        n.met.add("AUD-FMT-048")
        wrong = [uid for uid in uids if not is_uid(uid)]
        if wrong:
            where = f"{o.path}/ParticipantObjectDescription//@UID"
            n.flaw(
                "AUD-FMT-048",
                where,
                "UIDs of at most 64 characters",
                f"{len(wrong)} others, {classed(wrong[0])}",
            )


def field_notes(m: Message, edition: str) -> Notes:
    """Return what the field rules AUD-FMT-009 to AUD-FMT-049 note about *m*."""
    n = Notes()
    _event(m, edition, n)
    _participants(m, edition, n)
    _source(m, edition, n)
    for o in m.objects:
        _object(o, edition, n)
    return n
