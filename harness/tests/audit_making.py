"""Right audit messages made from the catalogue's data (vectors/audit/messages.json), and a RELAX NG of the same.

Nothing of the product is used here: what the product judges is not made by its own tables.
"""

import base64
import functools
import itertools
import json
from pathlib import Path

from lxml import etree

DATA = Path(__file__).parent / "vectors" / "audit" / "messages.json"
EDITIONS = ("2011", "2017c", "2019c", "2021b", "2023b")
RNG = "http://relaxng.org/ns/structure/1.0"
TIMES = (
    "2026-11-21T10:00:00Z", "2026-11-21T10:00:00.5+01:00", "2026-11-21T10:00:00.123456789-14:00",
    "2026-02-28T24:00:00Z", "2024-02-29T23:59:59.999Z", "2026-11-21T10:00:00+05:45",
)  # fmt: skip
POINTS = (
    ("1", "pacs-1.hospital.example"), ("2", "192.0.2.7"), ("2", "2001:db8::1"),
    ("2", "2001:0DB8:0000:0000:0000:0000:0000:0001"), ("2", "::ffff:192.0.2.7"), ("3", "+49 30 123456"),
    ("4", "admin@hospital.example"), ("5", "https://hospital.example/x"),
)  # fmt: skip
NAMES = ("Test^Patient", "Müller^Jörg", "山田^太郎=やまだ^たろう", 'A&B <C> "D"', "x" * 300)


@functools.cache
def data():
    return json.loads(DATA.read_text())


def rows(edition):
    return [m for m in data()["messages"] if m["editions"][0] <= edition]


def coded(parent, name, value):
    code, system, meaning = value
    return etree.SubElement(
        parent, name, {"csd-code": code, "codeSystemName": system, "originalText": meaning}
    )


def b64(text):
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def make(row, edition, draw):
    """Return the root of one right message; *draw* is a random.Random that decides every option."""
    root = etree.Element("AuditMessage")
    event(root, row, draw)
    participants(root, row, draw)
    source(root, edition, draw)
    for block in row["participant_objects"]:
        for n in range(count(block, draw)):
            an_object(root, block, edition, draw, n)
    return root


def count(block, draw):
    least, most = block["min"], block["max"]
    return draw.randint(least, least + 2 if most is None else most)


def event(root, row, draw):
    fields = row["event"]
    element = etree.SubElement(root, "EventIdentification")
    actions = fields["EventActionCode"]["values"]
    element.set("EventActionCode", draw.choice(actions))
    element.set("EventDateTime", draw.choice(TIMES))
    element.set("EventOutcomeIndicator", draw.choice(("0", "4", "8", "12")))
    coded(element, "EventID", fields["EventID"]["codes"][0])
    kinds = fields["EventTypeCode"]
    if "codes" in kinds:
        coded(element, "EventTypeCode", draw.choice(kinds["codes"]))
    elif "cid" in kinds:
        own = {f"11012{n}" for n in range(6)}
        coded(element, "EventTypeCode", draw.choice(
            [c for c in data()["code_sets"][kinds["cid"]]["codes"] if c[0] not in own]))  # fmt: skip
    elif draw.random() < 0.3:
        coded(element, "EventTypeCode", draw.choice(data()["code_sets"]["401"]["codes"]))
    if draw.random() < 0.3:
        etree.SubElement(element, "EventOutcomeDescription").text = draw.choice(NAMES)


def participants(root, row, draw):
    made = []
    media = ("destination-media", "source-media")
    for block in row["active_participants"]:
        if row["id"] == "user-authentication" and block["block"] == "authenticating-node":
            made += [(block, None)] * draw.randint(0, 1)
            continue
        made += [(block, n) for n in range(count(block, draw))]
    able = [i for i, (block, _) in enumerate(made)
            if block["fields"]["UserIsRequestor"].get("value") != "false" and block["block"] not in media]  # fmt: skip
    chosen = (
        draw.choice(able)
        if able and (row["id"] in ("export", "import") or draw.random() < 0.7)
        else None
    )
    if row["id"] == "security-alert":
        chosen = 0 if chosen is not None else None
    for i, (block, _) in enumerate(made):
        participant(root, row, block, draw, requestor=i == chosen)


def participant(root, row, block, draw, *, requestor):
    fields, element = block["fields"], etree.SubElement(root, "ActiveParticipant")
    person = row["id"] == "user-authentication" and block["block"] == "authenticated-person"
    media = block["block"] in ("destination-media", "source-media")
    element.set(
        "UserID",
        "tester@hospital.example"
        if person
        else draw.choice(("4711", "node7", "op@hospital.example")),
    )
    if media:
        element.set("UserID", draw.choice(("CD in drive 1", "file:///mnt/cd", "urn:uuid:1")))
    role = fields.get("RoleIDCode", {})
    if fields["AlternativeUserID"]["opt"] == "MC" or draw.random() < 0.5:
        element.set("AlternativeUserID", draw.choice(
            ("VOLUME-1",) if media else ("AETITLES=PEER", "AETITLES=A;B C;D-15", "AETITLES= SCU1")))  # fmt: skip
        if person:
            element.set("AlternativeUserID", "tester@REALM.EXAMPLE")
    if draw.random() < 0.4:
        element.set("UserName", draw.choice(NAMES))
    element.set(
        "UserIsRequestor", draw.choice(("true", "1")) if requestor else draw.choice(("false", "0"))
    )
    if person or (not media and draw.random() < 0.5):
        kind, value = draw.choice(POINTS)
        element.set("NetworkAccessPointID", value)
        element.set("NetworkAccessPointTypeCode", kind)
    if "codes" in role:
        coded(element, "RoleIDCode", role["codes"][0])
        if draw.random() < 0.2 and not media and row["id"] not in ("export", "import"):
            coded(element, "RoleIDCode", ("99-7", "99LOCAL", "operator's console"))
    elif draw.random() < 0.3:
        coded(element, "RoleIDCode", ("110150", "DCM", "Application"))
    if media:
        holder = etree.SubElement(element, "MediaIdentifier")
        coded(holder, "MediaType", ("110032", "DCM", "CD"))


def source(root, edition, draw):
    element = etree.SubElement(root, "AuditSourceIdentification")
    if draw.random() < 0.5:
        element.set("AuditEnterpriseSiteID", "site 1")
    element.set("AuditSourceID", "source-1")
    if edition < "2017c":
        element.set("code", draw.choice("123456789"))
        for _ in range(draw.randint(0, 2)):
            etree.SubElement(element, "AuditSourceTypeCode").text = draw.choice("123456789")
        return
    for _ in range(draw.randint(0, 2)):
        kind = etree.SubElement(
            element, "AuditSourceTypeCode", {"csd-code": draw.choice("123456789")}
        )
        if draw.random() < 0.3:
            kind.set("csd-code", "GATEWAY")
            kind.set("codeSystemName", "99LOCAL")
            kind.set("originalText", "Gateway")


ID_TYPES = {"2": ("2", "RFC-3881", "Patient Number"), "12": ("12", "RFC-3881", "URI")}


def an_object(root, block, edition, draw, number):
    fields = block["fields"]
    element = etree.SubElement(root, "ParticipantObjectIdentification")
    element.set("ParticipantObjectTypeCode", fields["ParticipantObjectTypeCode"]["value"])
    role = fields["ParticipantObjectTypeCodeRole"]
    if "value" in role:
        element.set("ParticipantObjectTypeCodeRole", role["value"])
    elif draw.random() < 0.7:
        element.set("ParticipantObjectTypeCodeRole", draw.choice(role["values"]))
    if draw.random() < 0.4:
        element.set("ParticipantObjectDataLifeCycle", str(draw.randint(1, 15)))
    if draw.random() < 0.2:
        element.set("ParticipantObjectSensi" + ("stity" if edition < "2017c" else "tivity"), "VIP")
    kind = fields["ParticipantObjectIDTypeCode"]
    codes = [
        *kind.get("codes", []),
        *[ID_TYPES[v] for v in [kind.get("value"), *kind.get("values", [])] if v],
    ]
    chosen = draw.choice(codes)
    element.set("ParticipantObjectID", {
        "110180": f"1.2.840.1.{number}", "110181": "1.2.840.10008.5.1.4.1.2.2.1", "2": "P-1", "12": "file:///var/log/a",
        "110182": draw.choice(("node@hospital.example", "192.0.2.7", "2001:db8::7")),
    }[chosen[0]])  # fmt: skip
    coded(element, "ParticipantObjectIDTypeCode", chosen)
    if "ParticipantObjectQuery" in fields and fields["ParticipantObjectQuery"]["opt"] == "M":
        keys = b"\x10\x00\x20\x00LO\x04\x00P15 "
        etree.SubElement(element, "ParticipantObjectQuery").text = b64(keys)
    else:
        name = fields.get("ParticipantObjectName", {}).get("value") or draw.choice(NAMES)
        etree.SubElement(element, "ParticipantObjectName").text = name
    wanted = fields["ParticipantObjectDetail"].get("type_attribute")
    if wanted == "TransferSyntax":
        etree.SubElement(
            element, "ParticipantObjectDetail", type=wanted, value=b64("1.2.840.10008.1.2.1")
        )
    elif wanted == "Alert Description":
        etree.SubElement(
            element, "ParticipantObjectDetail", type=wanted, value=b64("a peer was refused")
        )
    elif draw.random() < 0.3:
        etree.SubElement(element, "ParticipantObjectDetail", type="note", value=b64("anything"))
    describe(element, chosen, edition, draw)


def describe(element, kind, edition, draw):
    """Add what DICOM knows of an object; on a study everything may stand there, with a SOPClass beside it."""
    old = edition < "2017c"
    study = kind[0] == "110180"
    if not old and draw.random() < 0.5:
        return
    if old:
        for _ in range(draw.randint(0, 1)):
            etree.SubElement(element, "ParticipantObjectDescription").text = "described"
        parent = element
    else:
        parent = etree.SubElement(element, "ParticipantObjectDescription")
    many = draw.randint(0, 2) if study else 0
    for n in range(many):
        etree.SubElement(parent, "MPPS", UID=f"1.2.3.{n}")
    for n in range(many):
        etree.SubElement(parent, "Accession", Number=f"A{n}")
    for n in range(1 if old else draw.randint(1, 2) if study else 0):
        listed = draw.randint(0, 3)
        sop = etree.SubElement(
            parent, "SOPClass", NumberOfInstances=str(listed or draw.randint(0, 9))
        )
        if draw.random() < 0.8:
            sop.set("UID", "1.2.840.10008.5.1.4.1.1.2")
        for i in range(listed):
            etree.SubElement(sop, "Instance", UID=f"1.2.3.4.{n}.{i}")
    if old or (not study and draw.random() < 0.3):
        holder = etree.SubElement(parent, "ParticipantObjectContainsStudy")
        etree.SubElement(holder, "StudyIDs", UID="1.2.840.99")
    if study:
        for name in ("Encrypted", "Anonymized"):
            if draw.random() < 0.5:
                etree.SubElement(parent, name).text = draw.choice(("true", "false", "1", "0"))


def written(root, draw):
    """Return *root* as octets in one of the forms that XML allows."""
    for element in root.iter("*"):
        if draw.random() < 0.2:
            items = list(element.attrib.items())
            draw.shuffle(items)
            element.attrib.clear()
            element.attrib.update(items)
    form = draw.choice(("plain", "declared", "pretty", "comments", "mark"))
    if form == "comments":
        for element in list(root):
            element.addprevious(etree.Comment(" a comment "))
    if form == "pretty":
        etree.indent(root)
    text = etree.tostring(root, encoding="UTF-8", xml_declaration=form != "plain")
    return (b"\xef\xbb\xbf" if form == "mark" else b"") + text


def relax_ng():
    """Return a RELAX NG (2017c and later) written from the catalogue's schema data."""
    schema = data()["schema"]
    root = etree.Element(f"{{{RNG}}}grammar", datatypeLibrary="http://www.w3.org/2001/XMLSchema-datatypes", nsmap={None: RNG})  # fmt: skip

    def sub(parent, tag, **attributes):
        return etree.SubElement(parent, f"{{{RNG}}}{tag}", attributes)

    sub(sub(root, "start"), "ref", name=schema["root"])
    todo, done = [(schema["root"], schema["elements"][schema["root"]])], set()

    def typed(parent, kind):
        if "values" in kind:
            place = sub(parent, "choice")
            for value in kind["values"]:
                sub(place, "value").text = value
        elif str(kind.get("type", "")).startswith("xsd:"):
            sub(parent, "data", type=kind["type"].removeprefix("xsd:"))
        else:
            sub(parent, "text")

    while todo:
        name, rule = todo.pop()
        if name in done:
            continue
        done.add(name)
        body = sub(sub(root, "define", name=name), "element", name=name)
        attributes = rule.get("attributes") or {}
        if isinstance(attributes, str):
            attributes = {attributes.split()[0]: {"use": "required"}}
        grouped = [a for a, kind in attributes.items() if "group" in kind]
        for attribute, kind in attributes.items():
            if attribute not in grouped:
                place = body if kind["use"] == "required" else sub(body, "optional")
                typed(sub(place, "attribute", name=attribute), kind)
        if grouped:
            place = sub(sub(body, "optional"), "group")
            for attribute in grouped:
                sub(place, "attribute", name=attribute)
        if not rule.get("children"):
            if str(rule.get("type", "")).startswith("xsd:"):
                sub(body, "data", type=rule["type"].removeprefix("xsd:"))
            elif rule.get("type") in ("text", "token"):
                sub(body, "text")
            elif not attributes:
                sub(body, "empty")
        for child in rule.get("children") or []:
            if "choice" in child:
                place = sub(body, "choice")
                for text in child["choice"]:
                    word, _, kind = text.partition(" ")
                    sub(place, "ref", name=word)
                    todo.append((word, {"type": kind.strip("()")}))
                continue
            wrapper = {"1": "", "0..1": "optional", "0..N": "zeroOrMore", "1..N": "oneOrMore"}[
                child["card"]
            ]
            sub(sub(body, wrapper) if wrapper else body, "ref", name=child["name"])
            known = schema["elements"].get(child["name"])
            if child.get("type") == "CodedValue":
                known = schema["types"]["CodedValue"]
            todo.append((child["name"], known or {k: v for k, v in child.items() if k != "card"}))
    return etree.tostring(root, pretty_print=True)


def every_row(seeds):
    """Yield (edition, row, seed) for each message type, edition and seed."""
    return [
        (edition, row, seed)
        for edition, seed in itertools.product(EDITIONS, range(seeds))
        for row in rows(edition)
    ]
