"""Messages that nobody wrote by hand: every type, edition and optional part; each single departure breaks its clause alone.

The messages are made from the catalogue's data (:mod:`audit_making`), not from the product's tables.
"""

import copy
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from lxml import etree

from part15.wire.audit_judge import examine

sys.path.insert(0, str(Path(__file__).parent))
import audit_making as making

SEEDS = 4
CASES = making.every_row(SEEDS)
UNKNOWN_TO_JING = ("T24:", "-14:00")
"""Forms of xsd:dateTime that XML Schema allows and the datatype library of jing 20220510 does not."""
REQUIRED = os.environ.get("PART15_REQUIRE_PEERS") == "1"


def made(edition, row, seed):
    draw = random.Random(f"{edition}{row['id']}{seed}")
    return making.make(row, edition, draw), draw


def broken(root, edition):
    return {f.rule for f in examine.__wrapped__(etree.tostring(root), "xml", edition).flaws}


@pytest.mark.parametrize(
    ("edition", "row"),
    sorted({(e, r["id"]) for e, r, _ in CASES}),
)
def test_right_messages_break_nothing(edition, row):
    found = next(r for r in making.rows(edition) if r["id"] == row)
    for seed in range(SEEDS * 3):
        root, draw = made(edition, found, seed)
        xml = making.written(root, draw)
        seen = examine.__wrapped__(xml, "xml", edition)
        assert (seen.refused, seen.flaws) == ("", ()), xml.decode()
        number = row_number(found)
        assert f"AUD-MSG-{number}-EVENT" in seen.met


def row_number(row):
    return f"{making.data()['messages'].index(row) + 1:02}"


def jing():
    found = shutil.which("jing")
    if found is None:
        if REQUIRED:
            pytest.fail("jing is not installed, but PART15_REQUIRE_PEERS=1 demands it")
        pytest.skip("jing (Debian: jing) is not installed")
    return found


def refused_by_jing(folder, documents):
    """Return the names of *documents* (name to octets) that jing refuses by the catalogue's grammar."""
    schema = folder / "catalogue.rng"
    schema.write_bytes(making.relax_ng())
    for name, octets in documents.items():
        (folder / name).write_bytes(octets)
    files = [str(folder / name) for name in documents]
    done = subprocess.run(
        [jing(), str(schema), *files], capture_output=True, check=False, timeout=120
    )
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    assert done.returncode in (0, 1), done.stderr
    assert bool(lines) == bool(done.returncode), done.stderr
    return {line.partition(".xml:")[0].rpartition("/")[2] + ".xml" for line in lines}


@pytest.mark.peer("jing")
def test_jing_and_the_catalogue_agree_on_right_and_on_damaged_messages(tmp_path):
    """jing, with a grammar written from the catalogue, refuses what the message judge calls invalid, and nothing else."""
    documents, ours = {}, set()
    for n, (edition, row, seed) in enumerate(c for c in CASES if c[0] == "2023b"):
        root, draw = made(edition, row, seed)
        when = root.find("EventIdentification")
        if any(form in when.get("EventDateTime") for form in UNKNOWN_TO_JING):
            when.set("EventDateTime", "2026-11-21T10:00:00Z")
        documents[f"right-{n}.xml"] = etree.tostring(root)
        damage(root, draw)
        documents[f"damaged-{n}.xml"] = octets = etree.tostring(root)
        flaws = examine.__wrapped__(octets, "xml", edition).flaws
        if any(f.rule == "AUD-FMT-001" and f.word == "fail" for f in flaws):
            ours.add(f"damaged-{n}.xml")
    assert refused_by_jing(tmp_path, documents) == ours
    assert len(ours) > 20


def damage(root, draw):
    """Change one thing of *root*, by chance to something that is still right."""
    elements = list(root.iter("*"))
    element = draw.choice(elements)
    parent = element.getparent()
    act = draw.choice(("drop", "double", "rename", "unset", "set", "value", "text", "move"))
    if act == "drop" and parent is not None:
        parent.remove(element)
    elif act == "double" and parent is not None:
        parent.insert(parent.index(element), copy.deepcopy(element))
    elif act == "rename":
        element.tag = draw.choice(elements).tag
    elif act == "unset" and element.attrib:
        del element.attrib[draw.choice(sorted(element.attrib))]
    elif act == "set":
        element.set(draw.choice(("UID", "Number", "UserID", "csd-code", "x")), "1")
    elif act == "value" and element.attrib:
        element.set(draw.choice(sorted(element.attrib)), draw.choice(("", " ", "27", "true", " 1 ", "2026-01-01T00:00:00", "é")))  # fmt: skip
    elif act == "text":
        element.text = draw.choice(("x", " ", "true", "AAAA", "A"))
    elif act == "move" and parent is not None:
        parent.append(element)


def blocks(row, kind):
    return [b for b in row[kind] if b["min"]]


def of_role(root, code):
    return [p for p in root.findall("ActiveParticipant") if p.find(f"RoleIDCode[@csd-code='{code}']") is not None]  # fmt: skip


def of_block(root, block):
    kind = block["fields"]["ParticipantObjectIDTypeCode"]
    code = kind["codes"][0][0] if "codes" in kind else kind["value"]
    path = f"ParticipantObjectIdentification/ParticipantObjectIDTypeCode[@csd-code='{code}']"
    return [e.getparent() for e in root.findall(path)]


def mutants(row, root):
    """Yield (name, mutated root, clauses broken, clauses that may break with them)."""
    rule = f"AUD-MSG-{row_number(row)}"

    def mutant():
        other = copy.deepcopy(root)
        return other, other.find("EventIdentification")

    other, event = mutant()
    event.find("EventID").set("codeSystemName", "99OTHER")
    yield "foreign event", other, {f"{rule}-EVENT"}, set()

    other, event = mutant()
    wrong = [a for a in "ECRUD" if a not in row["event"]["EventActionCode"]["values"]]
    event.set("EventActionCode", wrong[0])
    yield "wrong action", other, {f"{rule}-ACTION"}, set()

    other, event = mutant()
    del event.attrib["EventActionCode"]
    yield "no action", other, {f"{rule}-ACTION"}, set()

    other, event = mutant()
    event.set("EventActionCode", "r")
    yield "small action", other, {"AUD-FMT-001", "AUD-FMT-021", f"{rule}-ACTION"}, set()

    other, event = mutant()
    event.set("EventOutcomeIndicator", "1")
    yield "outcome 1", other, {"AUD-FMT-001", "AUD-FMT-022"}, set()

    other, event = mutant()
    event.set("EventDateTime", "2026-11-21T10:00:00")
    yield "no zone", other, {"AUD-FMT-024"}, set()

    other, event = mutant()
    event.set("EventDateTime", "2026-11-31T10:00:00Z")
    yield "no such day", other, {"AUD-FMT-001"}, set()

    other, event = mutant()
    event.insert(0, etree.SubElement(event, "EventTypeCode", dict(event.find("EventID").attrib)))
    yield "type before event", other, {"AUD-FMT-001"}, {f"{rule}-TYPE"}

    if "codes" in row["event"]["EventTypeCode"] or "cid" in row["event"]["EventTypeCode"]:
        other, event = mutant()
        event.remove(event.find("EventTypeCode"))
        yield "no event type", other, {f"{rule}-TYPE"}, set()

    other, _ = mutant()
    del other.find("ActiveParticipant").attrib["UserIsRequestor"]
    yield "no requestor attribute", other, {"AUD-FMT-001", "AUD-FMT-036"}, {f"{rule}-REQ"}

    other, _ = mutant()
    other.find("AuditSourceIdentification").set("AuditSourceID", " ")
    yield "no source", other, {"AUD-FMT-041"}, set()

    other, _ = mutant()
    for p in other.findall("ActiveParticipant"):
        p.set("UserIsRequestor", "true")
    if len(other.findall("ActiveParticipant")) > 1:
        own = {
            f"{rule}-AP-{b['block'].upper()}-USERISREQUESTOR" for b in row["active_participants"]
        }
        yield "all request", other, {"AUD-FMT-037"}, {*own, f"{rule}-REQ"}

    for block in blocks(row, "active_participants"):
        role = block["fields"].get("RoleIDCode", {}).get("codes")
        if role is None:
            continue
        clause = f"{rule}-AP-{block['block'].upper()}"
        other, _ = mutant()
        for p in of_role(other, role[0][0]):
            other.remove(p)
        yield f"no {block['block']}", other, {clause}, {f"{rule}-REQ", "AUD-FMT-001", "AUD-FMT-036"}
        other, _ = mutant()
        for p in of_role(other, role[0][0]):
            p.find(f"RoleIDCode[@csd-code='{role[0][0]}']").set("codeSystemName", "99OTHER")
        yield f"{block['block']} of another system", other, {clause}, set()
        other, _ = mutant()
        of_role(other, role[0][0])[0].set("UserID", "")
        yield f"{block['block']} without identity", other, {clause}, {"AUD-FMT-031"}
    for block in blocks(row, "participant_objects"):
        clause = f"{rule}-PO-{block['block'].upper()}"
        other, _ = mutant()
        for o in of_block(other, block):
            other.remove(o)
        yield f"no {block['block']} object", other, {clause}, set()
        other, _ = mutant()
        of_block(other, block)[0].set("ParticipantObjectID", "")
        yield f"{block['block']} object without ID", other, {clause}, {f"{rule}-ONEPATIENT"}
        other, _ = mutant()
        for o in of_block(other, block):
            o.set("ParticipantObjectTypeCode", "4")
        yield f"{block['block']} object of another type", other, {clause}, {"AUD-FMT-014"}
        other, _ = mutant()
        named = of_block(other, block)[0]
        for child in [
            *named.findall("ParticipantObjectName"),
            *named.findall("ParticipantObjectQuery"),
        ]:
            named.remove(child)
        yield (f"{block['block']} object without name", other, {"AUD-FMT-001", "AUD-FMT-047"},
               {f"{clause}-QUERY"})  # fmt: skip
        other, _ = mutant()
        code = of_block(other, block)[0].find("ParticipantObjectIDTypeCode")
        del code.attrib["originalText"]
        yield f"{block['block']} ID type without text", other, {"AUD-FMT-001", "AUD-FMT-013"}, set()
    if any(b["block"] == "patient" for b in row["participant_objects"]):
        other, _ = mutant()
        block = next(b for b in row["participant_objects"] if b["block"] == "patient")
        second = copy.deepcopy(of_block(other, block)[0])
        second.set("ParticipantObjectID", "P-2")
        other.append(second)
        yield "two patients", other, {f"{rule}-PO-PATIENT"}, {f"{rule}-ONEPATIENT"}


@pytest.mark.parametrize("row", [r["id"] for r in making.rows("2023b")])
def test_each_departure_breaks_its_clause_and_no_other(row):
    tried = 0
    for edition in making.EDITIONS:
        for found in (r for r in making.rows(edition) if r["id"] == row):
            for seed in range(SEEDS):
                root, _ = made(edition, found, seed)
                for name, mutated, must, may in mutants(found, root):
                    seen = broken(mutated, edition)
                    assert must <= seen <= must | may, (name, edition, seed, seen)
                    tried += 1
    assert tried > 50
