"""The content of an audit message as plain tuples, so that rules need no XML."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, NamedTuple

from part15.wire.audit_xml import local_name

DCM_OID = "1.2.840.10008.2.16.4"
"""The code system DCM by its OID: the grammar of A.5.1 has codeSystemName be an OID or a name."""


class Code(NamedTuple):
    """A coded value: ``csd-code``, ``codeSystemName``, ``originalText``; missing ones are empty.

    The OID of DCM is read as its name.
    """

    code: str
    system: str
    meaning: str

    @property
    def text(self) -> str:
        """``(code, system)`` for a message."""
        return f"({self.code[:32]}, {self.system[:32]})"


class Participant(NamedTuple):
    """One ActiveParticipant; *media* is None without MediaIdentifier, else its MediaType codes."""

    path: str
    attributes: Mapping[str, str]
    roles: tuple[Code, ...]
    media: tuple[Code, ...] | None

    def get(self, name: str) -> str:
        """Return the attribute *name* without outer blanks, or nothing."""
        return self.attributes.get(name, "").strip()

    @property
    def is_requestor(self) -> bool:
        """UserIsRequestor is true (in any spelling, so that counting does not depend on validity)."""
        return self.get("UserIsRequestor").lower() in ("true", "1")

    def has_role(self, code: str) -> bool:
        """One of the RoleIDCode values has *code*, whatever its code system."""
        return any(role.code == code for role in self.roles)


class SopClass(NamedTuple):
    """One SOPClass: UID, NumberOfInstances as written (None if missing), Instance UIDs."""

    uid: str
    number: str | None
    instances: tuple[str, ...]


class AuditObject(NamedTuple):
    """One ParticipantObjectIdentification.

    *details* are (type, value) pairs as written; *names* and *queries* the texts of those elements;
    *marks* the names and texts of Encrypted and Anonymized elements.
    """

    path: str
    attributes: Mapping[str, str]
    id_type: Code | None
    names: tuple[str, ...]
    queries: tuple[str, ...]
    details: tuple[tuple[str, str], ...]
    accessions: int
    mpps: tuple[str, ...]
    sop_classes: tuple[SopClass, ...]
    marks: tuple[tuple[str, str], ...]
    studies: tuple[str, ...]

    def get(self, name: str) -> str:
        """Return the attribute *name* without outer blanks, or nothing."""
        return self.attributes.get(name, "").strip()

    def detail(self, kind: str) -> list[str]:
        """Return the decoded values of the details of type *kind* ('' for one that is not base64)."""
        return [decoded(value) for name, value in self.details if name.strip() == kind]

    @property
    def is_study(self) -> bool:
        """The ID type is (110180, DCM, Study Instance UID)."""
        return self.id_type is not None and self.id_type[:2] == ("110180", "DCM")


class Message(NamedTuple):
    """An audit message: event, participants, source and objects, tolerant of what the schema forbids."""

    event: Mapping[str, str]
    event_id: Code | None
    event_types: tuple[Code, ...]
    participants: tuple[Participant, ...]
    source: Mapping[str, str]
    source_types: tuple[Code, ...]
    objects: tuple[AuditObject, ...]

    @property
    def kind(self) -> str:
        """The csd-code of EventID, or nothing."""
        return self.event_id.code if self.event_id else ""

    def requestors(self) -> int:
        """Return how many participants are marked as requestor."""
        return sum(p.is_requestor for p in self.participants)


def decoded(value: str) -> str:
    """Return base64 *value* as text, or nothing if it is not base64."""
    return decoded_octets(value).decode("utf-8", "replace")


def decoded_octets(value: str) -> bytes:
    """Return the octets of base64 *value*, or nothing if it is not base64."""
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _code(element: Any) -> Code:
    get = element.attrib.get
    system = (get("codeSystemName") or "").strip()
    return Code(
        (get("csd-code") or get("code") or "").strip(),
        "DCM" if system == DCM_OID else system,
        (get("originalText") or "").strip(),
    )


def _participant(element: Any, number: int) -> Participant:
    roles, media = [], None
    for child in element:
        name = local_name(child.tag)
        if name == "RoleIDCode":
            roles.append(_code(child))
        elif name == "MediaIdentifier":
            media = tuple(_code(c) for c in child if local_name(c.tag) == "MediaType")
        elif name == "MediaType":
            media = (*(media or ()), _code(child))
    path = f"/AuditMessage/ActiveParticipant[{number}]"
    return Participant(path, dict(element.attrib), tuple(roles), media)


def _object(element: Any, number: int) -> AuditObject:
    id_type: Code | None = None
    names: list[str] = []
    queries: list[str] = []
    details: list[tuple[str, str]] = []
    mpps: list[str] = []
    classes: list[SopClass] = []
    marks: list[tuple[str, str]] = []
    studies: list[str] = []
    accessions = 0
    todo = list(element)
    for child in todo:
        name = local_name(child.tag)
        if name == "ParticipantObjectIDTypeCode":
            id_type = id_type or _code(child)
        elif name == "ParticipantObjectName":
            names.append(child.text or "")
        elif name == "ParticipantObjectQuery":
            queries.append(child.text or "")
        elif name == "ParticipantObjectDetail":
            details.append((child.attrib.get("type", ""), child.attrib.get("value", "")))
        elif name == "ParticipantObjectDescription":
            todo.extend(child)
        elif name == "Accession":
            accessions += 1
        elif name == "MPPS":
            mpps.append(child.attrib.get("UID", ""))
        elif name == "SOPClass":
            instances = tuple(
                c.attrib.get("UID", "") for c in child if local_name(c.tag) == "Instance"
            )
            classes.append(
                SopClass(
                    child.attrib.get("UID", ""), child.attrib.get("NumberOfInstances"), instances
                )
            )
        elif name == "ParticipantObjectContainsStudy":
            studies.extend(
                c.attrib.get("UID", "") for c in child if local_name(c.tag) == "StudyIDs"
            )
        elif name in ("Encrypted", "Anonymized"):
            marks.append((name, (child.text or "").strip()))
    path = f"/AuditMessage/ParticipantObjectIdentification[{number}]"
    return AuditObject(
        path,
        dict(element.attrib),
        id_type,
        tuple(names),
        tuple(queries),
        tuple(details),
        accessions,
        tuple(mpps),
        tuple(classes),
        tuple(marks),
        tuple(studies),
    )


def read_content(root: Any) -> Message:
    """Return the content of the lxml element *root*; elements the schema does not know are passed over."""
    event: Mapping[str, str] = {}
    event_id: Code | None = None
    event_types: list[Code] = []
    participants: list[Participant] = []
    source: Mapping[str, str] = {}
    source_types: list[Code] = []
    objects: list[AuditObject] = []
    for child in root:
        name = local_name(child.tag)
        if name == "EventIdentification":
            event = dict(child.attrib)
            for part in child:
                if local_name(part.tag) == "EventID":
                    event_id = event_id or _code(part)
                elif local_name(part.tag) == "EventTypeCode":
                    event_types.append(_code(part))
        elif name == "ActiveParticipant":
            participants.append(_participant(child, len(participants) + 1))
        elif name == "AuditSourceIdentification":
            source = source or dict(child.attrib)
            if "code" in child.attrib:
                source_types.append(_code(child))
            source_types += [_code(c) for c in child if "csd-code" in c.attrib]
        elif name == "ParticipantObjectIdentification":
            objects.append(_object(child, len(objects) + 1))
    return Message(
        event,
        event_id,
        tuple(event_types),
        tuple(participants),
        source,
        tuple(source_types),
        tuple(objects),
    )
