"""The message faults of the embedded audit source: one text of its messages is replaced by another."""

# ruff: noqa: ISC004 - the texts of one edit are long XML, joined inside its row
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from part15.content import table
from part15.peers.faults import Fault

UNLISTED = ("AUD-FMT-004", "AUD-TLS-016", "AUD-UDP-012")
"""A code of another system is an extension that nobody declared."""

_STUDY_TYPE = 'ParticipantObjectTypeCode="2" ParticipantObjectTypeCodeRole="3"'
_PATIENT_TYPE = 'ParticipantObjectTypeCode="1" ParticipantObjectTypeCodeRole="1"'
_WHEN = 'EventOutcomeIndicator="0"'
_NAME = "<ParticipantObjectName>Security Audit Log</ParticipantObjectName>"
_DCM_STUDY = 'csd-code="110180" codeSystemName="DCM"'


def _message(
    name: str, text: str, event: str, old: str, new: str, *flips: str, why: str = ""
) -> Fault:
    return _edits(name, text, ((event, old, new),), *flips, why=why)


def _edits(
    name: str, text: str, edits: tuple[tuple[str, str, str], ...], *flips: str, why: str = ""
) -> Fault:
    return Fault(
        name.replace("-", "_"), text, flips, why or text, "audit", {"edits": edits}, "audit-source"
    )


def _transport(name: str, text: str, changes: dict[str, Any], *flips: str, why: str = "") -> Fault:
    return Fault(name, text, flips, why or text, "audit", changes, "audit-source")


def _objects_of(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(block["block"] for block in row["objects"])


def _per_message() -> Iterator[Fault]:
    """Yield the faults that every message type can have, from the rows of the tables."""
    for row in table("audit-messages"):
        number, kind, title = row["number"], row["event_id"][0], row["id"]
        rule = f"AUD-MSG-{number}"
        yield _message(
            f"{title}-foreign-code-system",
            f"{row['title']}: EventID says codeSystemName SNM instead of DCM",
            kind,
            f'csd-code="{kind}" codeSystemName="DCM"',
            f'csd-code="{kind}" codeSystemName="SNM"',
            f"{rule}-EVENT",
            *UNLISTED,
        )
        wrong = "X" if number != "07" else "E"
        flips = [f"{rule}-ACTION"]
        if wrong == "X":
            flips += ["AUD-FMT-001", "AUD-FMT-021"]
        yield _edits(
            f"{title}-wrong-action",
            f"{row['title']}: EventActionCode {wrong} is not one that the table allows",
            tuple(
                (kind, f'EventActionCode="{letter}"', f'EventActionCode="{wrong}"')
                for letter in "CRUDE"
            ),
            *flips,
        )
        if "patient" in _objects_of(row) or "patients" in _objects_of(row):
            yield from _patient_faults(row)
        if "studies" in _objects_of(row):
            yield _message(
                f"{title}-study-as-report",
                f"{row['title']}: the study object has type 1 instead of 2",
                kind,
                _STUDY_TYPE,
                'ParticipantObjectTypeCode="1" ParticipantObjectTypeCodeRole="3"',
                f"{rule}-PO-STUDIES",
                "AUD-FMT-014",
            )
        for block in row["participants"]:
            if block["select"] == "role":
                yield from _role_faults(row, block)


def _patient_faults(row: dict[str, Any]) -> Iterator[Fault]:
    kind, rule = row["event_id"][0], f"AUD-MSG-{row['number']}"
    name = "PATIENTS" if "patients" in _objects_of(row) else "PATIENT"
    yield _message(
        f"{row['id']}-patient-by-record-number",
        f"{row['title']}: the patient has ID type 1 (medical record number) instead of 2",
        kind,
        'csd-code="2" codeSystemName="RFC-3881"',
        'csd-code="1" codeSystemName="RFC-3881"',
        f"{rule}-PO-{name}",
    )
    if row["number"] in ("03", "06", "07", "08", "13", "15"):
        patient = (
            '<ParticipantObjectIdentification ParticipantObjectID="OTHER-1" '
            f"{_PATIENT_TYPE}>"
            '<ParticipantObjectIDTypeCode csd-code="2" codeSystemName="RFC-3881" originalText="Patient Number"/>'
            "<ParticipantObjectName>Second^Patient</ParticipantObjectName></ParticipantObjectIdentification>"
        )
        yield _message(
            f"{row['id']}-two-patients",
            f"{row['title']}: objects of two patients stand in one message",
            kind,
            "</AuditMessage>",
            f"{patient}</AuditMessage>",
            f"{rule}-ONEPATIENT",
            f"{rule}-PO-PATIENT",
        )


def _role_faults(row: dict[str, Any], block: dict[str, Any]) -> Iterator[Fault]:
    kind, role = row["event_id"][0], block["role"][0]
    rule = f"AUD-MSG-{row['number']}-AP-{block['block'].upper()}"
    yield _message(
        f"{row['id']}-{block['block']}-role-of-another-system",
        f"{row['title']}: the {block['block']} has role {role} of a code system other than DCM",
        kind,
        f'<RoleIDCode csd-code="{role}" codeSystemName="DCM"',
        f'<RoleIDCode csd-code="{role}" codeSystemName="99LOCAL"',
        rule,
        *UNLISTED,
    )


FIELD_FAULTS = (
    _message(
        "no-time-zone", "EventDateTime has no zone", "*", 'Z" EventOutcome', '" EventOutcome', "AUD-FMT-024"
    ),
    _message(
        "no-event-id", "EventID is missing from Network Entry", "110108",
        '<EventID csd-code="110108" codeSystemName="DCM" originalText="Network Entry"/>', "",
        "AUD-FMT-001", "AUD-FMT-020",
    ),
    _message(
        "unknown-dicom-event", "EventID is a DCM code that CID 400 does not have", "110108",
        'csd-code="110108"', 'csd-code="110199"', "AUD-FMT-005", "AUD-FMT-020",
    ),
    _edits(
        "event-type-before-event-id", "EventTypeCode stands before EventID",
        (
            ("110108", '<EventID csd-code="110108" codeSystemName="DCM" originalText="Network Entry"/>', ""),
            ("110108", "</EventIdentification>",
             '<EventID csd-code="110108" codeSystemName="DCM" originalText="Network Entry"/></EventIdentification>'),
        ),
        "AUD-FMT-001",
    ),
    _message(
        "default-namespace", "AuditMessage is in a namespace", "110108", "<AuditMessage>",
        '<AuditMessage xmlns="http://www.dcm4che.org/DICOM/audit-message">', "AUD-FMT-001",
    ),
    _message(
        "capital-booleans", "UserIsRequestor says FALSE", "110108", 'UserIsRequestor="false"',
        'UserIsRequestor="FALSE"', "AUD-FMT-001", "AUD-FMT-036",
    ),
    _message(
        "no-requestor-attribute", "UserIsRequestor is missing", "110108", ' UserIsRequestor="false"', "",
        "AUD-FMT-001", "AUD-FMT-036",
    ),
    _message(
        "two-requestors", "two participants are marked as requestor", "110112", 'UserIsRequestor="false"',
        'UserIsRequestor="true"', "AUD-FMT-037",
    ),
    _message(
        "invented-outcome", "EventOutcomeIndicator is 1", "110108", _WHEN, 'EventOutcomeIndicator="1"',
        "AUD-FMT-001", "AUD-FMT-022",
    ),
    _message(
        "bare-source-type", "AuditSourceTypeCode is X without a code system", "110108", 'csd-code="4"',
        'csd-code="X"', "AUD-FMT-009",
    ),
    _message(
        "role-27", "ParticipantObjectTypeCodeRole is 27", "110110", 'TypeCodeRole="1"', 'TypeCodeRole="27"',
        "AUD-FMT-001", "AUD-FMT-010", "AUD-MSG-14-PO-PATIENT",
    ),
    _message(
        "deprecated-role", "ParticipantObjectTypeCodeRole is the deprecated 4", "110111",
        'ParticipantObjectTypeCodeRole="3"', 'ParticipantObjectTypeCodeRole="4"',
        "AUD-FMT-011", "AUD-FMT-014", "AUD-MSG-15-PO-STUDIES",
    ),
    _message(
        "life-cycle-16", "ParticipantObjectDataLifeCycle is 16", "110103", 'DataLifeCycle="1"',
        'DataLifeCycle="16"', "AUD-FMT-001", "AUD-FMT-012",
    ),
    _message(
        "bare-id-type", "ParticipantObjectIDTypeCode has only csd-code", "110110",
        'csd-code="2" codeSystemName="RFC-3881" originalText="Patient Number"', 'csd-code="2"',
        "AUD-FMT-001", "AUD-FMT-013",
    ),
    _message(
        "login-without-domain", "the person's UserID has no domain", "110114", "tester@hospital.example",
        "tester", "AUD-FMT-028",
    ),
    _message(
        "titles-without-prefix", "two AE titles stand without AETITLES=", "110104", "AETITLES=PART15",
        "STORESCP;ARCHIVE", "AUD-FMT-033",
    ),
    _message(
        "long-title", "an AE title has 17 characters", "110104", "AETITLES=PART15",
        "AETITLES=ABCDEFGHIJKLMNOPQ", "AUD-FMT-033",
    ),
    _message(
        "nameless-media", "the media participant has an empty UserID", "110107", 'UserID="CD in drive 1"',
        'UserID=""', "AUD-FMT-031", "AUD-MSG-05-AP-SOURCE-MEDIA",
    ),
    _message(
        "empty-media-label", "AlternativeUserID of the media is empty", "110107", 'UserID="VOLUME-1"',
        'UserID=""', "AUD-FMT-034",
    ),
    _message(
        "unknown-dicom-role", "a RoleIDCode is a DCM code that CID 402 does not have", "110100",
        'csd-code="110151"', 'csd-code="110159"', "AUD-FMT-038",
    ),
    _message(
        "address-that-is-none", "NetworkAccessPointID of type 2 is a name", "110108",
        'NetworkAccessPointID="127.0.0.1"', 'NetworkAccessPointID="pacs 1"', "AUD-FMT-040",
    ),
    _message(
        "no-source-id", "AuditSourceID is empty", "110108", 'AuditSourceID="part15-peer"', 'AuditSourceID=""',
        "AUD-FMT-041",
    ),
    _transport("changing-source-id", "AuditSourceID changes from message to message", {"alternate": True},
               "AUD-FMT-041"),
    _edits(
        "accession-without-class", "a study has an accession number but no SOPClass",
        (("110103", '<SOPClass UID="1.2.840.10008.5.1.4.1.1.2" NumberOfInstances="2"/>', ""),), "AUD-FMT-042",
    ),
    _message("encrypted-perhaps", "Encrypted is no boolean", "110103", "<Encrypted>false", "<Encrypted>perhaps",
             "AUD-FMT-001", "AUD-FMT-043"),
    _message("anonymized-capital", "Anonymized is FALSE", "110103", "<Anonymized>false", "<Anonymized>FALSE",
             "AUD-FMT-001", "AUD-FMT-044"),
    _message(
        "contains-study-of-a-study", "a study object contains studies", "110103", "<Encrypted>",
        '<ParticipantObjectContainsStudy><StudyIDs UID="1.2.3"/></ParticipantObjectContainsStudy><Encrypted>',
        "AUD-FMT-045",
    ),
    _message("plain-detail", "a detail value is plain text", "110113", 'value="', 'value="#', "AUD-FMT-001",
             "AUD-FMT-046", "AUD-MSG-11-PO-ALERT-SUBJECT-DETAIL"),
    _message("object-without-name", "a patient has neither name nor query", "110110",
             "<ParticipantObjectName>Test^Patient</ParticipantObjectName>", "", "AUD-FMT-001", "AUD-FMT-047"),
    _message("uid-with-leading-zero", "a UID has a component with a leading zero", "110103",
             'MPPS UID="1.2.', 'MPPS UID="1.02.', "AUD-FMT-048"),
    _message("wrong-count", "NumberOfInstances is not the number of instances listed", "110106",
             'NumberOfInstances="2"', 'NumberOfInstances="7"', "AUD-FMT-049"),
    _message("no-count", "NumberOfInstances is missing", "110106", ' NumberOfInstances="2"', "", "AUD-FMT-001",
             "AUD-FMT-049"),
    _message("old-source-attribute", "AuditSourceTypeCode is written with code, as RFC 3881 does", "110108",
             '<AuditSourceTypeCode csd-code="4"', '<AuditSourceTypeCode code="4"', "AUD-FMT-001"),
    _message("local-event-type", "an undeclared local EventTypeCode is used", "110100",
             'csd-code="110120" codeSystemName="DCM"', 'csd-code="BOOT" codeSystemName="99ACME"', *UNLISTED),
    _message("dtd-in-message", "the message declares entities", "110108", "<AuditMessage>",
             '<!DOCTYPE AuditMessage [<!ENTITY a "b">]><AuditMessage>', "AUD-FMT-001", "AUD-TLS-006"),
)  # fmt: skip

TABLE_FAULTS = (
    _message("no-start-type", "Application Activity has no EventTypeCode", "110100",
             '<EventTypeCode csd-code="110120" codeSystemName="DCM" originalText="Application Start"/>', "",
             "AUD-MSG-01-TYPE"),
    _message("no-attach-type", "Network Entry has no EventTypeCode", "110108",
             '<EventTypeCode csd-code="110124" codeSystemName="DCM" originalText="Attach"/>', "", "AUD-MSG-09-TYPE"),
    _message("no-alert-type", "Security Alert has no EventTypeCode", "110113",
             '<EventTypeCode csd-code="110126" codeSystemName="DCM" originalText="Node Authentication"/>', "",
             "AUD-MSG-11-TYPE"),
    _message("login-by-attach-code", "User Authentication has the type Attach", "110114",
             'csd-code="110122"', 'csd-code="110124"', "AUD-MSG-12-TYPE"),
    _message("no-titles-at-start", "the application gives no AE titles", "110100",
             ' AlternativeUserID="AETITLES=PEER"', "", "AUD-MSG-01-AP-APPLICATION-ALTERNATIVEUSERID"),
    _message("nameless-launcher", "the launcher has an empty UserID", "110100",
             'UserID="tester@hospital.example"', 'UserID=""', "AUD-MSG-01-AP-LAUNCHER"),
    _message("three-readers", "three participants read the audit log", "110101", "<AuditSourceIdentification",
             '<ActiveParticipant UserID="third" UserIsRequestor="false"/><AuditSourceIdentification',
             "AUD-MSG-02-AP-READER"),
    _message("audit-log-as-list", "the audit log has role 7", "110101", 'TypeCodeRole="13"', 'TypeCodeRole="7"',
             "AUD-FMT-011", "AUD-MSG-02-PO-AUDIT-LOG"),
    _message("audit-log-renamed", "the audit log has a name of its own", "110101", _NAME,
             _NAME.replace("Security Audit Log", "journal"), "AUD-MSG-02-PO-AUDIT-LOG-NAME"),
    _message("process-forgotten-in-log-use", "Audit Log Used names the person only", "110101",
             '<ActiveParticipant UserID="4711" AlternativeUserID="AETITLES=PEER" UserIsRequestor="false" '
             'NetworkAccessPointID="127.0.0.1" NetworkAccessPointTypeCode="2"/>', "", "AUD-MSG-02-BOTH-KNOWN"),
    _message("process-forgotten-in-export", "Data Export names the person only", "110106",
             '<ActiveParticipant UserID="4711" UserIsRequestor="false">'
             '<RoleIDCode csd-code="110153" codeSystemName="DCM" originalText="Source Role ID"/></ActiveParticipant>',
             "", "AUD-MSG-04-BOTH-KNOWN"),
    *(
        _message(f"process-forgotten-in-{name}", f"{title} names the person only", kind,
                 '<ActiveParticipant UserID="4711" AlternativeUserID="AETITLES=PEER" UserIsRequestor="false" '
                 'NetworkAccessPointID="127.0.0.1" NetworkAccessPointTypeCode="2"/>', "",
                 f"AUD-MSG-{number}-BOTH-KNOWN")
        for name, title, kind, number in (
            ("order", "Order Record", "110109", "13"),
            ("patient-record", "Patient Record", "110110", "14"),
            ("procedure", "Procedure Record", "110111", "15"),
        )
    ),
    *(
        _message(f"three-{name}s", f"{title} has three participants", kind, "<AuditSourceIdentification",
                 '<ActiveParticipant UserID="third" UserIsRequestor="false"/><AuditSourceIdentification', *flips)
        for name, title, kind, flips in (
            ("actor", "DICOM Instances Accessed", "110103", ("AUD-MSG-06-AP-ACTOR",)),
            ("deleter", "DICOM Study Deleted", "110105", ("AUD-MSG-08-AP-DELETER",)),
            ("order-user", "Order Record", "110109", ("AUD-MSG-13-AP-USER",)),
            ("patient-record-user", "Patient Record", "110110", ("AUD-MSG-14-AP-USER",)),
            ("procedure-user", "Procedure Record", "110111", ("AUD-MSG-15-AP-USER",)),
            ("authenticated-node", "User Authentication", "110114", ("AUD-MSG-12-AP-AUTHENTICATING-NODE",)),
        )
    ),
    _message("two-nodes", "Network Entry has two participants", "110108", "<AuditSourceIdentification",
             '<ActiveParticipant UserID="second" UserIsRequestor="false"/><AuditSourceIdentification',
             "AUD-MSG-09-AP-NODE"),
    _message("node-as-requestor", "the node is the requestor of its network entry", "110108",
             'UserIsRequestor="false"', 'UserIsRequestor="true"', "AUD-MSG-09-AP-NODE-USERISREQUESTOR"),
    *(
        _message(f"nameless-other-in-{name}", f"a further participant of {title} has no UserID", kind,
                 f'UserID="{user}"', 'UserID=""', f"AUD-MSG-{number}-AP-OTHER")
        for name, title, kind, user, number in (
            ("begin", "Begin Transferring", "110102", "archive-service", "03"),
            ("transfer", "Instances Transferred", "110104", "archive-service", "07"),
            ("query", "Query", "110112", "broker", "10"),
        )
    ),
    _edits("export-media-as-requestor", "the destination media is the requestor of an export",
           (("110106", 'UserID="tester@hospital.example" UserIsRequestor="true"',
             'UserID="tester@hospital.example" UserIsRequestor="false"'),
            ("110106", 'AlternativeUserID="VOLUME-1" UserIsRequestor="false"',
             'AlternativeUserID="VOLUME-1" UserIsRequestor="true"')),
           "AUD-MSG-04-AP-DESTINATION-MEDIA-USERISREQUESTOR"),
    _edits("import-media-as-requestor", "the source media is the requestor of an import",
           (("110107", 'UserID="tester@hospital.example" UserIsRequestor="true"',
             'UserID="tester@hospital.example" UserIsRequestor="false"'),
            ("110107", 'AlternativeUserID="VOLUME-1" UserIsRequestor="false"',
             'AlternativeUserID="VOLUME-1" UserIsRequestor="true"')),
           "AUD-MSG-05-AP-SOURCE-MEDIA-USERISREQUESTOR"),
    _message("export-without-requestor", "nobody requested an export", "110106", 'UserIsRequestor="true"',
             'UserIsRequestor="false"', "AUD-MSG-04-REQ"),
    _message("import-without-requestor", "nobody requested an import", "110107", 'UserIsRequestor="true"',
             'UserIsRequestor="false"', "AUD-MSG-05-REQ"),
    _message("mailed-without-address", "an export by e-mail has no network access point", "110106",
             'AlternativeUserID="VOLUME-1" UserIsRequestor="false" NetworkAccessPointID="127.0.0.1" '
             'NetworkAccessPointTypeCode="2"',
             'AlternativeUserID="VOLUME-1" UserIsRequestor="false"',
             "AUD-MSG-04-AP-DESTINATION-MEDIA-NETWORKACCESSPOINTTYPECODE"),
    *(
        _message(f"{name}-access-point-without-id", f"{text} has a network access point type without an ID", kind,
                 f'{lead} NetworkAccessPointID="127.0.0.1"', lead, f"{rule}-NETWORKACCESSPOINTID")
        for name, text, kind, lead, rule in (
            ("export", "the destination media", "110106", 'AlternativeUserID="VOLUME-1" UserIsRequestor="false"',
             "AUD-MSG-04-AP-DESTINATION-MEDIA"),
            ("import-media", "the source media", "110107", 'AlternativeUserID="VOLUME-1" UserIsRequestor="false"',
             "AUD-MSG-05-AP-SOURCE-MEDIA"),
            ("import-source", "the source of an import", "110107", 'UserID="sender" UserIsRequestor="false"',
             "AUD-MSG-05-AP-SOURCE"),
        )
    ),
    _edits("export-without-media", "digital media of an export are not identified",
           (("110106", '<MediaIdentifier><MediaType csd-code="110031" codeSystemName="DCM" originalText="Email"/>'
             "</MediaIdentifier>", ""),
            ("110106", 'UserID="mailto:reader@elsewhere.example" AlternativeUserID="VOLUME-1" '
             'UserIsRequestor="false" NetworkAccessPointID="127.0.0.1" NetworkAccessPointTypeCode="2"',
             'UserID="DVD 7" AlternativeUserID="VOLUME-1" UserIsRequestor="false"')),
           "AUD-MSG-04-AP-DESTINATION-MEDIA-MEDIAIDENTIFIER"),
    _message("import-without-media", "the media of an import are not identified", "110107",
             '<MediaIdentifier><MediaType csd-code="110032" codeSystemName="DCM" originalText="CD"/>'
             "</MediaIdentifier>", "", "AUD-MSG-05-AP-SOURCE-MEDIA-MEDIAIDENTIFIER"),
    _message("unknown-export-media", "the MediaType of an export is no code of CID 405", "110106",
             'csd-code="110031"', 'csd-code="110099"', "AUD-MSG-04-AP-DESTINATION-MEDIA-MEDIATYPE"),
    _message("unknown-import-media", "the MediaType of an import is no code of CID 405", "110107",
             'csd-code="110032"', 'csd-code="110099"', "AUD-MSG-05-AP-SOURCE-MEDIA-MEDIATYPE"),
    _message("query-by-name", "the query object has a name instead of a query", "110112",
             "ParticipantObjectQuery>", "ParticipantObjectName>", "AUD-MSG-10-PO-QUERY-QUERY"),
    _message("garbled-query", "the query is no data set", "110112", "<ParticipantObjectQuery>CABS",
             "<ParticipantObjectQuery>////", "AUD-MSG-10-PO-QUERY-QUERY"),
    _message("query-of-nothing", "ParticipantObjectID of a query is no UID", "110112",
             'ParticipantObjectID="1.2.840.10008.5.1.4.1.2.2.1"', 'ParticipantObjectID="STUDY"',
             "AUD-MSG-10-PO-QUERY"),
    _message("query-without-syntax", "the transfer syntax of a query is missing", "110112",
             'type="TransferSyntax"', 'type="Syntax"', "AUD-MSG-10-PO-QUERY-DETAIL"),
    _message("nameless-reporter", "a participant of a Security Alert has no UserID", "110113",
             'UserID="4711"', 'UserID=""', "AUD-MSG-11-AP-REPORTER", "AUD-MSG-11-AP-PERFORMER"),
    _message("alert-about-a-person", "the subject of an alert has type 1", "110113",
             'ParticipantObjectTypeCode="2"', 'ParticipantObjectTypeCode="1"', "AUD-FMT-014", "AUD-MSG-11-PO-ALERT-SUBJECT"),
    _message("alert-without-description", "an alert has no description", "110113", 'type="Alert Description"',
             'type="Remark"', "AUD-MSG-11-PO-ALERT-SUBJECT-DETAIL"),
    _message("login-from-nowhere", "the authenticated person has no network access point", "110114",
             ' NetworkAccessPointID="127.0.0.1" NetworkAccessPointTypeCode="2"', "",
             "AUD-MSG-12-AP-AUTHENTICATED-PERSON-NETWORKACCESSPOINTTYPECODE",
             "AUD-MSG-12-AP-AUTHENTICATED-PERSON-NETWORKACCESSPOINTID"),
    _message("nameless-login", "the authenticated person has no UserID", "110114",
             'UserID="tester@hospital.example"', 'UserID=""', "AUD-FMT-028", "AUD-MSG-12-AP-AUTHENTICATED-PERSON",
             "AUD-MSG-12-AP-AUTHENTICATING-NODE"),
    _message("objects-at-start", "Application Activity has a participant object", "110100", "</AuditMessage>",
             '<ParticipantObjectIdentification ParticipantObjectID="x"><ParticipantObjectIDTypeCode csd-code="9" '
             'codeSystemName="RFC-3881" originalText="Report Number"/><ParticipantObjectName>x</ParticipantObjectName>'
             "</ParticipantObjectIdentification></AuditMessage>", "AUD-MSG-01-NOPO"),
)  # fmt: skip

MESSAGE_FAULTS: tuple[Fault, ...] = (*_per_message(), *FIELD_FAULTS, *TABLE_FAULTS)
"""Every fault of a message."""
