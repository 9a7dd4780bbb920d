"""Right audit messages of all fifteen types, for the embedded source and for collectors under test."""

from __future__ import annotations

import base64
import datetime as dt
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

CT = "1.2.840.10008.5.1.4.1.1.2"
STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
EXPLICIT = "1.2.840.10008.1.2.1"


@dataclass(frozen=True)
class Facts:
    """What the messages tell; every default is made up. *instances* are UIDs of CT images."""

    when: dt.datetime = dt.datetime(2026, 11, 21, 10, 0, 0, 250000, tzinfo=dt.UTC)
    source: str = "part15-peer"
    process: str = "4711"
    local_title: str = "PEER"
    remote_title: str = "PART15"
    local_address: str = "127.0.0.1"
    remote_address: str = "127.0.0.1"
    user: str = "tester@hospital.example"
    user_name: str = "Tester^Theo"
    enterprise: str = ""
    remote_name: str = ""
    study: str = "1.2.826.0.1.3680043.10.1515.1"
    instances: tuple[str, ...] = (
        "1.2.826.0.1.3680043.10.1515.1.1",
        "1.2.826.0.1.3680043.10.1515.1.2",
    )
    sop_class: str = CT
    patient: str = "P15-0001"
    patient_name: str = "Test^Patient"
    outcome: str = "0"
    action: str = "C"
    details: Mapping[str, str] = field(default_factory=dict)

    @property
    def time(self) -> str:
        """The event time with its zone."""
        return self.when.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _tag(name: str, attributes: Mapping[str, str | None], *inner: str) -> str:
    text = "".join(f" {k}={quoteattr(v)}" for k, v in attributes.items() if v is not None)
    body = "".join(inner)
    return f"<{name}{text}>{body}</{name}>" if body else f"<{name}{text}/>"


def code(name: str, value: str, meaning: str, system: str = "DCM") -> str:
    """Return a coded value element."""
    return _tag(name, {"csd-code": value, "codeSystemName": system, "originalText": meaning})


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def event(
    facts: Facts, number: str, meaning: str, action: str, *types: tuple[str, str], outcome: str = ""
) -> str:
    """Return EventIdentification."""
    attributes = {
        "EventActionCode": action,
        "EventDateTime": facts.time,
        "EventOutcomeIndicator": outcome or facts.outcome,
    }
    inner = [code("EventTypeCode", *kind) for kind in types]
    return _tag("EventIdentification", attributes, code("EventID", number, meaning), *inner)


def participant(
    user: str,
    *roles: tuple[str, str],
    requestor: bool = False,
    other: str | None = None,
    name: str | None = None,
    address: str | None = None,
    media: tuple[str, str] | None = None,
) -> str:
    """Return ActiveParticipant."""
    attributes = {
        "UserID": user,
        "AlternativeUserID": other,
        "UserName": name,
        "UserIsRequestor": "true" if requestor else "false",
        "NetworkAccessPointID": address,
        "NetworkAccessPointTypeCode": "2" if address else None,
    }
    inner = [code("RoleIDCode", *role) for role in roles]
    if media is not None:
        inner.append(_tag("MediaIdentifier", {}, code("MediaType", *media)))
    return _tag("ActiveParticipant", attributes, *inner)


def source(facts: Facts) -> str:
    """Return AuditSourceIdentification."""
    attributes = {"AuditEnterpriseSiteID": "site", "AuditSourceID": facts.source}
    return _tag(
        "AuditSourceIdentification", attributes, _tag("AuditSourceTypeCode", {"csd-code": "4"})
    )


def item(
    identity: str,
    kind: str,
    role: str | None,
    id_type: str,
    *inner: str,
    name: str | None = None,
    query: bytes | None = None,
    cycle: str | None = None,
) -> str:
    """Return ParticipantObjectIdentification; *id_type* is a finished element."""
    attributes = {
        "ParticipantObjectID": identity,
        "ParticipantObjectTypeCode": kind,
        "ParticipantObjectTypeCodeRole": role,
        "ParticipantObjectDataLifeCycle": cycle,
    }
    label = (
        _tag("ParticipantObjectQuery", {}, _b64(query))
        if query is not None
        else f"<ParticipantObjectName>{escape(name or 'none')}</ParticipantObjectName>"
    )
    return _tag("ParticipantObjectIdentification", attributes, id_type, label, *inner)


def detail(kind: str, value: bytes) -> str:
    """Return ParticipantObjectDetail."""
    return _tag("ParticipantObjectDetail", {"type": kind, "value": _b64(value)})


def study(facts: Facts, *, instances: bool = True) -> str:
    """Return the object for the study, with its instances listed where asked for."""
    listed = [_tag("Instance", {"UID": uid}) for uid in facts.instances] if instances else []
    content = _tag(
        "SOPClass",
        {"UID": facts.sop_class, "NumberOfInstances": str(len(facts.instances))},
        *listed,
    )
    description = _tag(
        "ParticipantObjectDescription",
        {},
        _tag("MPPS", {"UID": f"{facts.study}.9"}),
        _tag("Accession", {"Number": "A15"}),
        content,
        "<Encrypted>false</Encrypted>",
        "<Anonymized>false</Anonymized>",
    )
    id_type = code("ParticipantObjectIDTypeCode", "110180", "Study Instance UID")
    return item(facts.study, "2", "3", id_type, description, name="study", cycle="1")


def patient(facts: Facts, *, contains: str = "") -> str:
    """Return the object for the patient, with a study that it contains where *contains* names one."""
    id_type = code("ParticipantObjectIDTypeCode", "2", "Patient Number", "RFC-3881")
    studies = _tag("ParticipantObjectContainsStudy", {}, _tag("StudyIDs", {"UID": contains}))
    inner = [_tag("ParticipantObjectDescription", {}, studies)] if contains else []
    return item(facts.patient, "1", "1", id_type, *inner, name=facts.patient_name)


def identifier(*elements: tuple[int, int, bytes, bytes]) -> bytes:
    """Return a data set in Explicit VR Little Endian; values are padded by the caller."""
    return b"".join(struct.pack("<HH2sH", g, e, vr, len(v)) + v for g, e, vr, v in elements)


def document(*parts: str) -> bytes:
    """Return the message made of *parts*."""
    return ('<?xml version="1.0" encoding="UTF-8"?>' + _tag("AuditMessage", {}, *parts)).encode()


SOURCE_ROLE = ("110153", "Source Role ID")
DESTINATION_ROLE = ("110152", "Destination Role ID")


def _sender(f: Facts) -> str:
    titles = f"AETITLES={f.remote_title}"
    return participant(
        f"{f.remote_title}-host",
        SOURCE_ROLE,
        requestor=True,
        other=titles,
        name=f.remote_name or None,
        address=f.remote_address,
    )


def _receiver(f: Facts) -> str:
    return participant(
        f.process, DESTINATION_ROLE, other=f"AETITLES={f.local_title}", address=f.local_address
    )


def _person(f: Facts, *, requestor: bool = True) -> str:
    return participant(f.user, requestor=requestor, name=f.user_name)


def _process(f: Facts) -> str:
    return participant(f.process, other=f"AETITLES={f.local_title}", address=f.local_address)


def application_activity(f: Facts, *, stop: bool = False) -> bytes:
    """Return Application Activity (A.5.3.1)."""
    kind = ("110121", "Application Stop") if stop else ("110120", "Application Start")
    return document(
        event(f, "110100", "Application Activity", "E", kind),
        participant(f.process, ("110150", "Application"), other=f"AETITLES={f.local_title}"),
        participant(f.user, ("110151", "Application Launcher"), requestor=True),
        source(f),
    )


def audit_log_used(f: Facts) -> bytes:
    """Return Audit Log Used (A.5.3.2)."""
    id_type = code("ParticipantObjectIDTypeCode", "12", "URI", "RFC-3881")
    log = item("file:///var/log/audit", "2", "13", id_type, name="Security Audit Log")
    return document(
        event(f, "110101", "Audit Log Used", "R"), _person(f), _process(f), source(f), log
    )


def transfer(f: Facts, *, begin: bool = False) -> bytes:
    """Return Begin Transferring DICOM Instances or DICOM Instances Transferred (A.5.3.3, A.5.3.7)."""
    head = (
        event(f, "110102", "Begin Transferring DICOM Instances", "E")
        if begin
        else event(f, "110104", "DICOM Instances Transferred", f.action)
    )
    return document(
        head,
        _sender(f),
        _receiver(f),
        participant("archive-service"),
        source(f),
        study(f),
        patient(f),
    )


def export(f: Facts) -> bytes:
    """Return Data Export to a network address (A.5.3.4)."""
    return document(
        event(f, "110106", "Export", "R"),
        participant("receiver", DESTINATION_ROLE, address=f.remote_address),
        participant(f.user, SOURCE_ROLE, requestor=True),
        participant(f.process, SOURCE_ROLE),
        participant(
            "mailto:reader@elsewhere.example", ("110154", "Destination Media"), other="VOLUME-1",
            address=f.remote_address, media=("110031", "Email"),
        ),
        source(f), study(f), patient(f),
    )  # fmt: skip


def data_import(f: Facts) -> bytes:
    """Return Data Import (A.5.3.5)."""
    return document(
        event(f, "110107", "Import", "C"),
        participant(f.user, DESTINATION_ROLE, requestor=True),
        participant(
            "CD in drive 1", ("110155", "Source Media"), other="VOLUME-1", address=f.local_address,
            media=("110032", "CD"),
        ),
        participant("sender", SOURCE_ROLE, address=f.remote_address),
        source(f), study(f), patient(f),
    )  # fmt: skip


def accessed(f: Facts) -> bytes:
    """Return DICOM Instances Accessed (A.5.3.6)."""
    head = event(f, "110103", "DICOM Instances Accessed", "R")
    return document(head, _person(f), _process(f), source(f), study(f, instances=False), patient(f))


def study_deleted(f: Facts) -> bytes:
    """Return DICOM Study Deleted (A.5.3.8)."""
    head = event(f, "110105", "DICOM Study Deleted", "D")
    return document(head, _person(f), _process(f), source(f), study(f, instances=False), patient(f))


def network_entry(f: Facts, *, detach: bool = False) -> bytes:
    """Return Network Entry (A.5.3.9)."""
    kind = ("110125", "Detach") if detach else ("110124", "Attach")
    head = event(f, "110108", "Network Entry", "E", kind)
    return document(head, participant("node-1", address=f.local_address), source(f))


def query(f: Facts, *, keys: bytes = b"") -> bytes:
    """Return Query (A.5.3.10)."""
    keys = keys or identifier((0x0008, 0x0052, b"CS", b"STUDY "), (0x0010, 0x0020, b"LO", b""))
    id_type = code("ParticipantObjectIDTypeCode", "110181", "SOP Class UID")
    syntax = detail("TransferSyntax", EXPLICIT.encode())
    found = item(STUDY_ROOT_FIND, "2", "3", id_type, syntax, query=keys)
    head = event(f, "110112", "Query", "E")
    return document(head, _sender(f), _receiver(f), participant("broker"), source(f), found)


def security_alert(f: Facts, *, outcome: str = "4") -> bytes:
    """Return Security Alert of a failed node authentication (A.5.3.11)."""
    id_type = code("ParticipantObjectIDTypeCode", "110182", "Node ID")
    words = detail("Alert Description", b"a peer was refused")
    subject = item(f.remote_address, "2", "13", id_type, words, name="node")
    head = event(
        f, "110113", "Security Alert", "E", ("110126", "Node Authentication"), outcome=outcome
    )
    return document(head, participant(f.process), participant(f.remote_title), source(f), subject)


def authentication(f: Facts, *, logout: bool = False) -> bytes:
    """Return User Authentication (A.5.3.12)."""
    kind = ("110123", "Logout") if logout else ("110122", "Login")
    return document(
        event(f, "110114", "User Authentication", "E", kind),
        participant(
            f.user,
            requestor=True,
            other=f.enterprise or None,
            name=f.remote_name or f.user_name,
            address=f.remote_address,
        ),
        participant(f.process),
        source(f),
    )


def record(f: Facts, number: str, meaning: str) -> bytes:
    """Return Order, Patient or Procedure Record (A.5.3.13 to A.5.3.15)."""
    parts = [study(f, instances=False)] if number == "110111" else []
    contains = f.study if number == "110110" else ""
    return document(
        event(f, number, meaning, "U"),
        _person(f),
        _process(f),
        source(f),
        *parts,
        patient(f, contains=contains),
    )


def corpus(facts: Facts | None = None) -> dict[str, bytes]:
    """Return one right message per type, by EventID code."""
    f = facts or Facts()
    return {
        "110100": application_activity(f),
        "110114": authentication(f),
        "110101": audit_log_used(f),
        "110102": transfer(f, begin=True),
        "110104": transfer(f),
        "110103": accessed(f),
        "110105": study_deleted(f),
        "110106": export(f),
        "110107": data_import(f),
        "110108": network_entry(f),
        "110112": query(f),
        "110113": security_alert(f),
        "110109": record(f, "110109", "Order Record"),
        "110110": record(f, "110110", "Patient Record"),
        "110111": record(f, "110111", "Procedure Record"),
    }
