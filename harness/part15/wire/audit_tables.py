"""The fifteen message tables of PS3.15 A.5.3, applied from ``tables/audit-messages.json``.

No code per message: every rule name is built from the row (``AUD-MSG-07-AP-SENDER``), so it is the
clause id of the catalogue.
"""

from __future__ import annotations

import functools
from typing import Any

from part15.content import table
from part15.model import Word
from part15.wire.audit_fields import Notes, address_of, codes_of, is_uid, person_of
from part15.wire.audit_flaw import classed, short
from part15.wire.audit_message import AuditObject, Code, Message, Participant, decoded_octets
from part15.wire.audit_query import EXPLICIT, IMPLICIT, data_set_problem

Row = dict[str, Any]
EVENT = "/AuditMessage/EventIdentification"
NETWORK_MEDIA = ("110031", "110037")
OWN_MESSAGE_TYPES = ("110120", "110121", "110122", "110123", "110124", "110125")


@functools.cache
def rows() -> dict[str, Row]:
    """Return the row of each message by its EventID code."""
    return {row["event_id"][0]: row for row in table("audit-messages")}


def row_of(m: Message, edition: str) -> Row | None:
    """Return the table that *m* has to obey in *edition*, or None if it reports nothing of A.5.3."""
    row = rows().get(m.kind)
    return row if row is not None and row["editions"][0] <= edition else None


def table_notes(m: Message, edition: str) -> Notes:
    """Return what the table of *m*'s own message type notes about it."""
    n = Notes()
    row = row_of(m, edition)
    if row is not None:
        _event(m, row, n)
        for block in row["participants"]:
            _participants(m, row, block, n)
        for block in row["objects"]:
            _objects(m, row, block, n)
        _one_patient(m, row, n)
    return n


def _event(m: Message, row: Row, n: Notes) -> None:
    number = row["number"]
    rule = f"AUD-MSG-{number}-EVENT"
    n.met.add(rule)
    code, system, meaning = row["event_id"]
    assert m.event_id is not None
    if m.event_id.system != system:
        n.flaw(rule, f"{EVENT}/EventID", f"({code}, {system})", m.event_id.text)
    elif m.event_id.meaning != meaning:
        shown = short(m.event_id.meaning)
        n.flaw(rule, f"{EVENT}/EventID/@originalText", f"'{meaning}'", shown, word=Word.WARN)
    for name in ("EventDateTime", "EventOutcomeIndicator"):
        if not m.event.get(name, "").strip():
            n.flaw(rule, EVENT, f"attribute {name}", "none")
    rule = f"AUD-MSG-{number}-ACTION"
    n.met.add(rule)
    action = m.event.get("EventActionCode")
    if action is None or action.strip() not in row["actions"]:
        wanted = " or ".join(row["actions"])
        shown = "none" if action is None else short(action)
        reading = ("S-08",) if number == "15" else ()
        n.flaw(rule, f"{EVENT}/@EventActionCode", wanted, shown, readings=reading)
    if row["types"] is not None:
        _types(m, row, n)
    if number == "01":
        n.met.add("AUD-MSG-01-NOPO")
        if m.objects:
            n.flaw("AUD-MSG-01-NOPO", "/AuditMessage", "no participant object", f"{len(m.objects)}")
    if number in ("04", "05"):
        rule = f"AUD-MSG-{number}-REQ"
        n.met.add(rule)
        if m.requestors() != 1:
            wanted = "exactly one participant with UserIsRequestor true"
            n.flaw(rule, "/AuditMessage", wanted, f"{m.requestors()}", readings=("S-14",))


def _types(m: Message, row: Row, n: Notes) -> None:
    rule = f"AUD-MSG-{row['number']}-TYPE"
    n.met.add(rule)
    rules = row["types"]
    listed = {code for code, _system, _meaning in rules["codes"]} | set(
        codes_of(str(rules["cid"])) if rules["cid"] else ()
    )
    shown = f"CID {rules['cid']}" if rules["cid"] else ", ".join(sorted(listed))
    if not m.event_types:
        n.flaw(rule, EVENT, f"at least one EventTypeCode ({shown})", "none")
        return
    for code in m.event_types:
        if code.code in listed and code.system == "DCM":
            if rules["cid"] and code.code in OWN_MESSAGE_TYPES:
                wanted = "a type without a message of its own"
                n.flaw(rule, f"{EVENT}/EventTypeCode", wanted, code.text, word=Word.WARN)
            continue
        extension = bool(code.system) and code.system != "DCM"
        if extension and (not rules["closed"] or rules["cid"]):
            if rules["cid"]:
                n.flaw(
                    rule, f"{EVENT}/EventTypeCode", shown, f"extension {code.text}", word=Word.WARN
                )
            continue
        n.flaw(rule, f"{EVENT}/EventTypeCode", f"one of {shown} (DCM)", code.text)


def _matches(p: Participant, role: list[str]) -> bool:
    return any(r.code == role[0] and r.system == role[1] for r in p.roles)


def _selected(m: Message, row: Row, block: Row) -> list[Participant]:
    if block["select"] == "role":
        return [p for p in m.participants if _matches(p, block["role"])]
    if block["select"] == "others":
        roles = [b["role"] for b in row["participants"] if b["select"] == "role"]
        return [p for p in m.participants if not any(_matches(p, role) for role in roles)]
    return list(m.participants)


def _bounds(block: Row) -> str:
    low, high = block["min"], block["max"]
    if high is None:
        return f"at least {low}" if low else "any number"
    return f"exactly {low}" if low == high else f"{low} to {high}"


def _participants(m: Message, row: Row, block: Row, n: Notes) -> None:
    rule = f"AUD-MSG-{row['number']}-AP-{block['block'].upper()}"
    chosen = _selected(m, row, block)
    if block["select"] == "undistinguished":
        _undistinguished(m, row, block, rule, n)
        return
    if chosen or block["min"]:
        n.met.add(rule)
    high = block["max"]
    if len(chosen) < block["min"] or (high is not None and len(chosen) > high):
        by = f" with RoleIDCode ({block['role'][0]}, DCM)" if block["role"] else ""
        wanted = f"{_bounds(block)} ActiveParticipant as {block['block']}{by}"
        n.flaw(rule, "/AuditMessage", wanted, f"{len(chosen)}")
    if block["role"]:
        code, system, _meaning = block["role"]
        for p in m.participants:
            for role in p.roles:
                if role.code == code and role.system != system:
                    n.flaw(rule, f"{p.path}/RoleIDCode", f"({code}, {system})", role.text)
    for p in chosen:
        if not p.get("UserID"):
            n.flaw(rule, f"{p.path}/@UserID", "an identity", "nothing")
        _participant_fields(p, block, rule, n)


def _participant_fields(p: Participant, block: Row, rule: str, n: Notes) -> None:
    fields = block["fields"]
    if fields.get("UserIsRequestor", {}).get("value") == "false":
        own = f"{rule}-USERISREQUESTOR"
        n.met.add(own)
        if p.is_requestor:
            n.flaw(own, f"{p.path}/@UserIsRequestor", "false", "true")
    if "AlternativeUserID" in fields:
        own = f"{rule}-ALTERNATIVEUSERID"
        n.met.add(own)
        if not p.get("AlternativeUserID"):
            wanted = "the AE titles of the process, if it supports DICOM"
            n.flaw(own, f"{p.path}/@AlternativeUserID", wanted, "none")
    if "NetworkAccessPointTypeCode" in fields and _goes_over_network(p):
        own = f"{rule}-NETWORKACCESSPOINTTYPECODE"
        n.met.add(own)
        if not p.get("NetworkAccessPointTypeCode"):
            wanted = (
                "attribute NetworkAccessPointTypeCode, since the export is not to physical media"
            )
            n.flaw(own, p.path, wanted, "none")
    if "NetworkAccessPointID" in fields and p.get("NetworkAccessPointTypeCode"):
        own = f"{rule}-NETWORKACCESSPOINTID"
        n.met.add(own)
        if not p.get("NetworkAccessPointID"):
            n.flaw(own, p.path, "NetworkAccessPointID beside NetworkAccessPointTypeCode", "none")
    if "MediaIdentifier" in fields:
        _media(p, block, rule, n)


def _goes_over_network(p: Participant) -> bool:
    """The destination is no physical media: by MediaType, else by the form of UserID."""
    if p.media:
        return any(code.code in NETWORK_MEDIA and code.system == "DCM" for code in p.media)
    scheme = p.get("UserID").lower().partition(":")[0]
    return scheme in ("http", "https", "ftp", "sftp", "mailto", "dicom", "ldap")


def _media(p: Participant, block: Row, rule: str, n: Notes) -> None:
    own = f"{rule}-MEDIAIDENTIFIER"
    optional = block["fields"]["MediaIdentifier"]["opt"] == "MC"
    user = p.get("UserID").lower()
    not_digital = any(word in user for word in ("film", "paper", "print"))
    excused = optional and (
        not_digital or p.get("NetworkAccessPointTypeCode") or _goes_over_network(p)
    )
    if p.media is None:
        if not excused:
            wanted = "element MediaIdentifier" + (" for digital media" if optional else "")
            n.flaw(own, p.path, wanted, "none", readings=("S-09",))
        return
    n.met |= {own, f"{rule}-MEDIATYPE"}
    own = f"{rule}-MEDIATYPE"
    if len(p.media) != 1:
        n.flaw(own, f"{p.path}/MediaIdentifier", "one MediaType", f"{len(p.media)}")
    for code in p.media:
        if code.system != "DCM" or code.code not in codes_of("405"):
            n.flaw(own, f"{p.path}/MediaIdentifier/MediaType", "a code of CID 405", code.text)


def _undistinguished(m: Message, row: Row, block: Row, rule: str, n: Notes) -> None:
    """Blocks without a role code are counted together (reading S-12)."""
    number, total = row["number"], len(m.participants)
    n.met.add(rule)
    readings = ("S-12",)
    if block["block"] in ("reporter", "authenticated-person"):
        if not total:
            n.flaw(
                rule, "/AuditMessage", "at least one ActiveParticipant", "none", readings=readings
            )
        if number == "12" and m.participants:
            p = person_of(m)
            for name in ("NetworkAccessPointTypeCode", "NetworkAccessPointID"):
                own = f"{rule}-{name.upper()}"
                n.met.add(own)
                if not p.get(name):
                    n.flaw(
                        own, p.path, f"attribute {name} on the person", "none", readings=readings
                    )
    elif block["block"] == "authenticating-node" and total > 2:
        wanted = "one person and at most one node"
        n.flaw(rule, "/AuditMessage", wanted, f"{total} participants", readings=readings)
    for p in m.participants:
        if not p.get("UserID"):
            n.flaw(rule, f"{p.path}/@UserID", "an identity", "nothing", readings=readings)


def _id_matches(code: Code | None, block: Row) -> bool:
    if code is None:
        return False
    if block["id_code"] and (code.code, code.system) == tuple(block["id_code"][:2]):
        return True
    return bool(block["id_number"]) and code.code == block["id_number"]


def _fits(o: AuditObject, block: Row) -> bool:
    role = o.get("ParticipantObjectTypeCodeRole")
    known = _id_matches(o.id_type, block)
    local = o.id_type is not None and o.id_type.system not in ("DCM", "") and bool(o.id_type.code)
    return (
        o.get("ParticipantObjectTypeCode") == block["type"]
        and (role in block["roles"] or (not role and not block["role_needed"]))
        and (known or (block["id_extensible"] and local))
    )


def _meant(o: AuditObject, block: Row) -> bool:
    """The object is meant for *block*, though type, role or ID type may be wrong."""
    if block["block"] == "alert-subject":
        return True
    if block["block"] == "query":
        return bool(o.queries) or _id_matches(o.id_type, block)
    return _id_matches(o.id_type, block)


def _objects(m: Message, row: Row, block: Row, n: Notes) -> None:
    rule = f"AUD-MSG-{row['number']}-PO-{block['block'].upper()}"
    chosen = [o for o in m.objects if _fits(o, block)]
    meant = [o for o in m.objects if _meant(o, block)]
    if chosen or meant or block["min"]:
        n.met.add(rule)
    high = block["max"]
    if len(chosen) < block["min"] or (high is not None and len(chosen) > high):
        n.flaw(rule, "/AuditMessage", f"{_bounds(block)} {_described(block)}", f"{len(chosen)}")
    for o in meant:
        if not _fits(o, block):
            code = o.id_type.text if o.id_type else "no ID type"
            found = (
                f"type {short(o.get('ParticipantObjectTypeCode'))}, "
                f"role {short(o.get('ParticipantObjectTypeCodeRole'))}, ID type {code}"
            )
            n.flaw(rule, o.path, _described(block), found)
    for o in chosen:
        _object_id(o, block, rule, n)
        _object_fields(o, block, rule, n)


def _described(block: Row) -> str:
    role = " or ".join(block["roles"]) + ("" if block["role_needed"] else " or none")
    names = [f"({block['id_code'][0]}, DCM)"] if block["id_code"] else []
    names += [block["id_number"]] if block["id_number"] else []
    return f"object for {block['block']} with type {block['type']}, role {role}, ID type {' or '.join(names)}"


def _object_id(o: AuditObject, block: Row, rule: str, n: Notes) -> None:
    """Judge ParticipantObjectID by the ID type."""
    value = o.get("ParticipantObjectID")
    path = f"{o.path}/@ParticipantObjectID"
    code = o.id_type.code if o.id_type and _id_matches(o.id_type, block) else ""
    if not value:
        n.flaw(rule, path, "an identifier", "nothing")
    elif code in ("110180", "110181") and not is_uid(value):
        n.flaw(rule, path, "a UID", classed(value))
    elif code == "12" and ":" not in value:
        n.flaw(rule, path, "a URI", classed(value))
    elif code == "110182" and "@" not in value and address_of(value) is None:
        n.flaw(rule, path, "node_name@domain_name or an IP address", classed(value))


def _object_fields(o: AuditObject, block: Row, rule: str, n: Notes) -> None:
    fields = block["fields"]
    if "ParticipantObjectName" in fields and o.names:
        own, wanted = f"{rule}-NAME", fields["ParticipantObjectName"]["value"]
        n.met.add(own)
        if " ".join(o.names[0].split()) != wanted:
            n.flaw(own, f"{o.path}/ParticipantObjectName", f"'{wanted}'", classed(o.names[0]))
    if "ParticipantObjectDetail" in fields:
        kind = fields["ParticipantObjectDetail"]["type"]
        known = _id_matches(o.id_type, block)
        if fields["ParticipantObjectDetail"]["opt"] == "M" or known:
            own = f"{rule}-DETAIL"
            n.met.add(own)
            details = o.detail(kind)
            good = [d for d in details if (is_uid(d) if kind == "TransferSyntax" else d.strip())]
            if not good:
                wanted = f"a detail of type '{kind}' with its value in base64"
                found = f"{len(details)} without a usable value" if details else "none"
                n.flaw(own, f"{o.path}/ParticipantObjectDetail", wanted, found, readings=("S-11",))
    if "ParticipantObjectQuery" in fields:
        _query(o, block, f"{rule}-QUERY", n)


def _query(o: AuditObject, block: Row, rule: str, n: Notes) -> None:
    n.met.add(rule)
    path = f"{o.path}/ParticipantObjectQuery"
    if not o.queries:
        n.flaw(rule, path, "the query in base64", "none")
        return
    data = decoded_octets(o.queries[0])
    if not data:
        n.flaw(rule, path, "the query in base64", classed(o.queries[0]))
    elif _id_matches(o.id_type, block):
        stated = [d for d in o.detail("TransferSyntax") if is_uid(d)]
        tried = [data_set_problem(data, syntax) for syntax in stated[:1] or (EXPLICIT, IMPLICIT)]
        problem = None if None in tried else tried[0]
        if problem is not None:
            n.flaw(rule, path, "a data set in the stated transfer syntax", problem)


def _one_patient(m: Message, row: Row, n: Notes) -> None:
    if row["number"] not in ("03", "06", "07", "08", "13", "15"):
        return
    rule = f"AUD-MSG-{row['number']}-ONEPATIENT"
    patients = [
        o
        for o in m.objects
        if o.get("ParticipantObjectTypeCode") == "1"
        and o.get("ParticipantObjectTypeCodeRole") == "1"
    ]
    if patients:
        n.met.add(rule)
    if len({o.get("ParticipantObjectID") for o in patients}) > 1:
        n.flaw(rule, "/AuditMessage", "objects of one patient", f"{len(patients)} patients")
