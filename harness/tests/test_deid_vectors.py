"""Files that four independent tools de-identified come out as their violations files say, and nothing is invented."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from part15.checks import deid_encrypted, deid_marks, deid_options, deid_table
from part15.inspect import Request, inspect
from part15.model import Word
from part15.observations import from_json, to_json
from part15.observations.deid import DeidSeen
from part15.wire.cms_opening import RsaOpener
from part15.wire.deid import Claimed, read_object, read_pair
from part15.wire.deid_hunt import Canary, Hunter

VECTORS = Path(__file__).parent / "vectors" / "deid"
MANIFEST = json.loads((VECTORS / "manifest.json").read_text(encoding="utf-8"))
TOOLS = [v for v in MANIFEST if v["category"] == "deid"]
ENVELOPES = [v for v in MANIFEST if v["category"] == "deid-encrypted-attributes"]
LISTED = {"(0002,0012)", "(0002,0013)", "(0002,0016)"}


def ours(path: str) -> str:
    """Return a path of a violations file as we write it: items count from 1."""
    return re.sub(r"\[(\d+)\]", lambda m: f"[{int(m[1]) + 1}]", path).replace("].(", "]/(")


def pair(vector: dict, **claim: object) -> DeidSeen:
    before, after = VECTORS / vector["original"], VECTORS / vector["file"]
    return read_pair(before.read_bytes(), after.read_bytes(), vector["id"], Claimed(**claim))


def violations(seen: DeidSeen) -> set[tuple[str, str]]:
    """Return (path, kind) in the words of the vectors."""
    found = {
        (d.path, d.kind) for d in seen.deviations if d.weight == "fail" and d.kind != "missing"
    }
    found |= {
        (d.path, d.kind)
        for d in seen.deviations
        if d.kind == "missing" and d.action in ("D", "Z", "U") and "/" not in d.path
    }
    if seen.marks.identity_removed != "YES":
        found.add(("(0012,0062)", "meta"))
    if not seen.marks.method_text and not seen.marks.codes:
        found.add(("(0012,0063)/(0012,0064)", "meta"))
    found |= {(place, "meta") for place in seen.meta.kept if place in LISTED}
    if seen.meta.preamble == "kept":
        found.add(("preamble", "meta"))
    if seen.meta.instance_kept:
        found.add(("(0002,0003)", "meta"))
    return found


@pytest.mark.parametrize("vector", TOOLS, ids=[v["id"] for v in TOOLS])
def test_every_listed_violation_is_found_and_none_invented(vector: dict) -> None:
    listed = json.loads((VECTORS / vector["violations"]).read_text(encoding="utf-8"))
    wanted = {(v["path"] if v["kind"] == "meta" else ours(v["path"]), v["kind"]) for v in listed}
    assert violations(pair(vector)) == wanted


@pytest.mark.parametrize("vector", TOOLS, ids=[v["id"] for v in TOOLS])
def test_the_verdict_of_the_table_is_that_of_the_manifest(vector: dict) -> None:
    seen = pair(vector)
    answers = [
        deid_table.follows_table(seen),
        deid_marks.says_identity_removed(seen),
        deid_marks.codes_or_names_method(seen),
        deid_marks.replaces_meta(seen),
    ]
    failed = any(a.word is Word.FAIL for a in answers)
    assert failed is (vector["verdict"] == "reject"), [a.message for a in answers]


@pytest.mark.parametrize("vector", TOOLS, ids=[v["id"] for v in TOOLS])
def test_tokens_that_survive_anywhere_are_found(vector: dict) -> None:
    before = (VECTORS / vector["original"]).read_bytes()
    tokens = sorted(set(re.findall(rb"PHI[A-Z]{2}\d{3}", before)))
    hunter = Hunter.of((Canary(t.decode(), t.decode()) for t in tokens), parts=False)
    seen = pair(vector, hunter=hunter)
    found = {s.canary for s in seen.survivors if s.transform == "as it is"}
    assert found == set(vector["tokens"])
    assert (deid_options.frees_of_planted(seen).word is Word.FAIL) is bool(found)


@pytest.mark.parametrize("vector", TOOLS, ids=[v["id"] for v in TOOLS])
def test_no_value_of_the_original_is_in_what_is_reported(vector: dict) -> None:
    seen = pair(vector, salt=b"salt of this run")
    text = json.dumps(to_json(seen)) + "".join(
        f.message + f.observed
        for check in (deid_table.follows_table, deid_table.leaves_nothing, deid_marks.replaces_meta)
        for f in check(seen).findings
    )
    assert not re.search(r"PHI[A-Z]{2}\d{3}", text)
    assert from_json(json.loads(json.dumps(to_json(seen)))) == seen


@pytest.mark.parametrize("vector", TOOLS, ids=[v["id"] for v in TOOLS])
def test_alone_nothing_is_held_against_what_cannot_be_seen(vector: dict) -> None:
    seen = read_object((VECTORS / vector["file"]).read_bytes(), vector["id"])
    wrong = {d.path for d in seen.deviations if d.weight == "fail"}
    paired = {d.path for d in pair(vector).deviations if d.weight == "fail"}
    assert wrong <= paired
    assert not seen.paired
    word = deid_table.follows_table(seen).word
    assert word is (Word.FAIL if wrong else Word.INCONCLUSIVE)


def test_the_violations_of_the_least_careful_tool_show_without_the_original() -> None:
    vector = next(v for v in TOOLS if v["id"] == "phi-mr-gdcmanon")
    seen = read_object((VECTORS / vector["file"]).read_bytes(), vector["id"])
    assert sum(1 for d in seen.deviations if d.action == "X" and d.weight == "fail") > 50
    assert deid_table.performs(seen, action="X").word is Word.FAIL
    assert deid_table.performs(seen, action="U").word is Word.FAIL
    assert deid_table.performs(seen, action="Z").word is Word.INCONCLUSIVE


def opener(name: str) -> RsaOpener:
    certificate = x509.load_pem_x509_certificate((VECTORS / f"{name}.crt").read_bytes())
    key = load_pem_private_key((VECTORS / f"{name}.key").read_bytes(), None)
    return RsaOpener.of(key, certificate.public_bytes(Encoding.DER))


@pytest.mark.parametrize("vector", ENVELOPES, ids=[v["id"] for v in ENVELOPES])
def test_encrypted_attributes_of_another_tool(vector: dict) -> None:
    key = "recipient-other" if vector["id"] == "enc-wrong-key" else "recipient1"
    claim = Claimed(openers={key: opener(key)})
    original = (VECTORS / "phi-mr.original.dcm").read_bytes()
    seen = read_pair(original, (VECTORS / vector["file"]).read_bytes(), vector["id"], claim)
    checks = (
        deid_encrypted.has_items,
        deid_encrypted.has_content,
        deid_encrypted.is_enveloped,
        deid_encrypted.encloses_modified,
        deid_encrypted.transports_by_rsa,
        deid_encrypted.encrypts_by,
        deid_encrypted.pads_by_one,
    )
    words = {check.__name__: check(seen).word for check in checks}
    item = seen.encrypted.items[0]
    if vector["verdict"] == "accept":
        assert set(words.values()) == {Word.PASS}
        assert item.opened_by == ("recipient1",)
        assert [path for path, _ in item.attributes] == vector["attributes"]
    elif vector["verdict"] == "reject":
        assert Word.FAIL in words.values()
    elif vector["id"] == "enc-wrong-key":
        assert item.state == "no-recipient"
        assert words["encloses_modified"] is Word.INCONCLUSIVE
        assert Word.FAIL not in words.values()
    else:
        assert item.state == "opened"


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("enc-truncated", deid_encrypted.is_enveloped),
        ("enc-not-encrypted", deid_encrypted.is_enveloped),
        ("enc-no-transfer-syntax", deid_encrypted.has_content),
    ],
)
def test_damaged_envelopes_fail_for_their_reason(name: str, check: object) -> None:
    claim = Claimed(openers={"recipient1": opener("recipient1")})
    seen = read_object((VECTORS / f"{name}.dcm").read_bytes(), name, claim)
    assert check(seen).word is Word.FAIL


@pytest.mark.parametrize("name", ["phi-mr-repaired", "phi-sr-repaired"])
def test_a_repaired_file_fails_one_clause_and_the_report_tells_which(
    name: str, tmp_path: Path
) -> None:
    """The controls follow the table and lack (0028,0303), which E.2 asks for in a sentence of its own."""
    vector = next(v for v in TOOLS if v["id"] == name)
    request = Request(
        (VECTORS / vector["file"],),
        profiles=("basic-confidentiality",),
        before=VECTORS / vector["original"],
        out=tmp_path / "out",
    )
    report = inspect(request)
    verdicts = {r["clause"]: r["verdict"] for r in report["results"]}
    assert [clause for clause, word in verdicts.items() if word == "fail"] == [
        "E.2-temporal-removed"
    ]
    rows = ("claim", "remove-or-replace", "action-X", "action-Z", "action-U", "file-meta")
    assert {verdicts[f"E.1.1-{row}"] for row in rows} == {"pass"}
    [failed] = [r for r in report["results"] if r["verdict"] == "fail"]
    assert "whatever the table's rows say" in failed["message"]
    notes = " ".join(map(str, report["run"]["notifications"]))
    assert "0 of 1 meet basic-confidentiality" in notes
