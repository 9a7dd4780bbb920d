"""The drafted statement: every row, where it comes from, hand edits; and the check of existing statements."""

from __future__ import annotations

import copy
import dataclasses
import fnmatch
import json
import runpy
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from part15.cli_report import statement_command
from part15.content import folder
from part15.errors import InputError
from part15.load import load_profiles
from part15.model import Claim, Word
from part15.report import statement_check, statement_text
from part15.report.facts import EndpointFacts
from part15.report.statement import PROVENANCES, catalogue, covers, draft
from part15.report.statement_facts import text_of

made = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("report_sample.py"))))
SAMPLE = folder("reports") / "samples" / "report.json"
PROFILES = load_profiles()
REFERENCE = [
    "CS-GEN-1",
    "CS-GEN-2",
    "CS-GEN-3",
    "CS-GEN-4",
    "CS-GEN-5",
    "CS-ASSOC-1",
    "CS-APP-1",
    "CS-SIG-1",
    "CS-SIG-2",
    "CS-SIG-3",
    "CS-SIG-4",
    "CS-SIG-5",
    "CS-OES-1",
    "CS-AUD-1",
    "CS-AUD-2",
    "CS-AUD-3",
    "CS-AUD-4",
    "CS-AUD-5",
    "CS-AUD-6",
    "CS-AUD-7",
    "CS-AUD-8",
    "CS-TLS-1",
    "CS-TLS-2",
    "CS-TLS-3",
    "CS-TLS-4",
    "CS-ISCL-1",
    "CS-ISCL-2",
    "CS-ISCL-3",
    "CS-DEID-1",
    "CS-DEID-2",
    "CS-DEID-3",
    "CS-DEID-4",
    "CS-DEID-5",
    "CS-DEID-6",
    "CS-DEID-7",
    "CS-DEID-8",
    "CS-DEID-9",
    "CS-DEID-10",
    "CS-NET-1",
    "CS-NET-2",
    "CS-TIME-1",
    "CS-LDAP-1",
    "CS-DNSSD-1",
    "CS-MEDIA-1",
    "CS-USER-1",
]


def with_declared(**tables):
    target = dataclasses.replace(made.TARGET, declared=tables)
    return made.make(
        [(made.B12_CLAIM, r) for r in made.ROWS], target=target, observations=made.OBSERVED
    )


def entry(document, name, profile=None):
    found = [
        e
        for e in draft(document)["entries"]
        if e["csId"] == name and profile in (None, e["profile"])
    ]
    assert len(found) == 1, found
    return found[0]


def test_every_row_of_the_reference_is_there():
    assert sorted(row["id"] for row in catalogue()["rows"]) == sorted(REFERENCE)
    sections = {s["number"] for s in catalogue()["sections"]}
    assert {row["section"] for row in catalogue()["rows"]} == sections
    assert all(row["determine"] and row["says"] and row["source"] for row in catalogue()["rows"])


def test_rows_name_clauses_and_profiles_that_exist():
    clauses = {c.id for p in PROFILES.values() for c in p.clauses}
    for row in catalogue()["rows"]:
        for pattern in row["clauses"]:
            assert any(fnmatch.fnmatchcase(c, pattern) for c in clauses), (row["id"], pattern)
        for pattern in row["profiles"]:
            assert any(fnmatch.fnmatchcase(p, pattern) for p in PROFILES), (row["id"], pattern)


@pytest.mark.parametrize("edition", ["2011", "2017c", "2019c", "2021b", "2023b"])
def test_every_row_of_the_edition_is_printed(edition):
    document = made.make([], target=dataclasses.replace(made.TARGET, edition=edition, declared={}))
    ids = {e["csId"] for e in draft(document)["entries"]}
    assert ids == {r["id"] for r in catalogue()["rows"] if covers(r["editions"], edition)}
    text = statement_text.markdown(draft(document))
    assert all(f"**{name}**" in text for name in ids)


def test_a_claim_in_an_older_edition_brings_its_rows():
    claim = Claim("iscl", "iscl-server", "2017c")
    document = made.make(
        [(claim, made.ROWS[0])],
        target=dataclasses.replace(made.TARGET, declared={"iscl": {"ports": [2761]}}),
    )
    assert entry(document, "CS-ISCL-1")["value"] == "2761."
    assert entry(document, "CS-ISCL-2")["provenance"] == "not determined"


def test_provenances():
    document = made.sample()
    found = {(e["csId"], e["profile"]): e["provenance"] for e in draft(document)["entries"]}
    assert found["CS-GEN-1", ""] == "contradiction"
    assert found["CS-TLS-1", made.B12] == "both"
    assert found["CS-TLS-2", made.B12] == "not determined", (
        "a certificate seen is no key management"
    )
    assert found["CS-TLS-3", made.B12] == "observed"
    assert found["CS-TLS-4", made.B12] == "attested"
    assert found["CS-OES-1", made.OES] == "not determined"
    assert found["CS-SIG-1", ""] == "not claimed"
    assert set(found.values()) <= set(PROVENANCES)


def test_what_is_not_determined_says_what_to_do():
    for e in draft(made.sample())["entries"]:
        assert bool(e["todo"]) is (e["provenance"] in {"not determined", "contradiction"})
        assert e["value"]


def test_ports_that_contradict():
    found = entry(with_declared(**{made.B12: {"ports": [11112]}}), "CS-TLS-1")
    assert found["provenance"] == "contradiction"
    assert "TLS was met on port 2762, but only 11112 is declared" in found["value"]
    assert (
        entry(with_declared(**{made.B12: {"ports": [2762, 11112]}}), "CS-TLS-1")["provenance"]
        == "both"
    )


def test_suites_that_contradict():
    said = ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"]
    found = entry(with_declared(**{made.B12: {"cipher_suites": said}}), "CS-TLS-3")
    assert found["provenance"] == "contradiction"
    assert "TLS_RSA_WITH_NULL_SHA" in found["contradiction"]


def test_nothing_is_written_that_nobody_said_or_saw():
    document = made.make(
        [(made.B12_CLAIM, r) for r in made.ROWS[:1]],
        target=dataclasses.replace(made.TARGET, declared={}, attestations=()),
    )
    for e in draft(document)["entries"]:
        if e["provenance"] == "observed":
            assert e["observed"]
        elif e["csId"] not in {"CS-GEN-1", "CS-TLS-1"}:
            assert e["value"] in {"not determined", "Not claimed."}


def test_a_violated_clause_contradicts_a_declaration():
    claim = Claim("bit-preserving-digital-signatures-use", "storage-scp", made.EDITION)
    row = {
        **made.ROWS[0],
        "clause": "A.3-a-bit-for-bit",
        "word": Word.FAIL,
        "message": "12 elements differ",
    }
    declared = {"storage": {"signature_level": 3}}
    document = made.make([(claim, row)], target=dataclasses.replace(made.TARGET, declared=declared))
    found = entry(document, "CS-SIG-1")
    assert found["provenance"] == "contradiction"
    assert "A.3-a-bit-for-bit fail: 12 elements differ" in found["value"]
    right = {**row, "word": Word.PASS, "message": "every octet came back"}
    document = made.make(
        [(claim, right)], target=dataclasses.replace(made.TARGET, declared=declared)
    )
    assert entry(document, "CS-SIG-1")["provenance"] == "both"


def test_an_address_that_never_answered_shows_no_family():
    dead = EndpointFacts("dead", "[2001:db8::1]:2762", families=("IPv6",))
    rows = [(made.B12_CLAIM, {**made.ROWS[0], "word": Word.ERROR})]
    document = made.make(rows, endpoints=(dead,))
    assert entry(document, "CS-GEN-5")["provenance"] == "not determined"
    assert "dicom-tls: IPv4" in entry(made.sample(), "CS-GEN-5")["value"]


def test_tables():
    document = made.sample()
    tables = {t["id"]: t for s in draft(document)["sections"] for t in s["tables"]}
    assert sorted(tables, key=lambda t: int(t[1:])) == [f"T{n}" for n in range(1, 17)]
    assert tables["T1"]["rows"][0][4:6] == ["not conformant", "17/20"]
    assert ["TLS_RSA_WITH_NULL_SHA", "0x0002", "1.2", "dicom-tls", "4"] in tables["T3"]["rows"]
    assert ["unexpected PDU", "A-ABORT", "2", "2", "service provider, unexpected PDU"] in tables[
        "T4"
    ]["rows"]
    assert tables["T5"]["rows"] == [
        ["wrong called AE title", "yes", "1/1/7 called AE title not recognized", "dicom-tls"]
    ]
    assert tables["T7"]["rows"] == []
    assert tables["T7"]["none"].startswith("Not determined")
    assert all(len(row) == len(t["columns"]) for t in tables.values() for row in t["rows"])


def test_annex_n_leaves_unknown_numbers_empty():
    numbers = {s["title"]: s["number"] for s in draft(made.sample(), "N")["sections"]}
    assert numbers["Attribute Confidentiality Profiles"] == "A.C.2.6"
    assert numbers["Audit Trail Profiles"] == "A.C.2.2"
    assert numbers["Secure Transport Connection Profiles"] == ""
    with pytest.raises(ValueError, match="template 'X' is not one of"):
        draft(made.sample(), "X")


def test_texts_of_values():
    assert text_of(["a", 1, True, {"b": [2]}]) == "a, 1, yes, b: 2"
    assert text_of([]) == "none"
    assert text_of(list(range(20))).endswith("11 and 8 more")


# hand edits


def test_a_new_draft_of_the_same_run_changes_nothing():
    made_now = draft(made.sample())
    text = statement_text.markdown(made_now)
    assert statement_text.merge(text, made_now) == (text, [])


def test_hand_edits_survive():
    old = draft(made.sample())
    text = statement_text.markdown(old)
    text = text.replace("**not determined** TODO(vendor)", "By a key ceremony.", 1)
    text = text.replace("### 7.1.2", "A paragraph of the vendor.\n\n### 7.1.2")
    changed = copy.deepcopy(made.sample())
    changed["observations"] = [o for o in changed["observations"] if o["key"] != "tls.suites"]
    merged, kept = statement_text.merge(text, draft(changed))
    assert "By a key ceremony." in merged
    assert "A paragraph of the vendor." in merged
    assert "TLS\\_RSA\\_WITH\\_NULL\\_SHA" not in merged.split("part15:begin buckets")[0]
    assert kept == []
    again, _ = statement_text.merge(merged, draft(made.sample()))
    assert "By a key ceremony." in again
    assert "TLS\\_RSA\\_WITH\\_NULL\\_SHA" in again


def test_an_edit_over_a_changed_draft_is_told():
    text = statement_text.markdown(draft(made.sample()))
    before = "**CS-TLS-3** Key exchange"
    text = text.replace(before, f"{before} (ours)")
    changed = made.sample()
    changed["observations"] = []
    merged, kept = statement_text.merge(text, draft(changed))
    assert kept == [f"CS-TLS-3-{made.B12}"]
    assert "(ours)" in merged
    assert statement_text.merge(merged, draft(changed))[1] == []


def test_new_rows_come_in_and_old_ones_go():
    small = made.make([(made.B12_CLAIM, made.ROWS[0])])
    text = statement_text.markdown(draft(small))
    merged, _ = statement_text.merge(text, draft(made.sample()))
    assert f"part15:begin CS-OES-1-{made.OES} " in merged
    assert "part15:begin CS-OES-1 " not in merged
    assert (
        merged.index("part15:end CS-SIG-5")
        < merged.index("part15:begin CS-OES-1")
        < merged.index("part15:begin T7")
    )


@settings(max_examples=30, deadline=None)
@given(st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=60))
def test_declared_text_cannot_break_the_blocks(said):
    document = with_declared(
        **{made.B12: {"key_management": f"{said} <!-- part15:end CS-TLS-2 -->"}}
    )
    made_now = draft(document)
    text = statement_text.markdown(made_now)
    assert statement_text.merge(text, made_now) == (text, [])


# HTML


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.words = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.words.append(data)


def test_html_escapes_and_loads_nothing():
    document = with_declared(**{made.B12: {"key_management": "<script>x</script>"}})
    page = Tags()
    page.feed(statement_text.html(draft(document)))
    assert "script" not in page.tags
    assert "link" not in page.tags
    assert "<script>x</script>" in "".join(page.words)


# checking statements

GOOD = """
# 7 Security
## 7.1 Security Profiles
The BCP 195 RFC 8996 TLS Secure Transport Connection Profile is supported, PS3.15 2023b. The profile used is selected
per port by configuration. TLS connections are accepted on ports 2762, 104. Keys and certificates are imported by the
administrator. Extensions: none. User identity is not used. IPv4 only.
Cipher suites: TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
TLS_RSA_WITH_AES_128_CBC_SHA, TLS_RSA_WITH_NULL_SHA, TLS_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256.
A-P-ABORT is issued with provider reason 0. The called AE title is checked. No application level security.
"""


def right():
    document = made.conforming(observations=made.OBSERVED)
    assert document["claims"][0]["conclusion"] == "conformant"
    return document


def remarks(text, document=None):
    document = document or right()
    found = statement_check.check(text, draft(document), document, PROFILES)
    return [(r.kind, r.id) for r in found]


def test_a_good_statement():
    assert remarks(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "The BCP 195 RFC 8996 TLS Secure Transport Connection Profile is",
            "TLS is",
            ("missing", made.B12),
        ),
        ("A-P-ABORT is issued with provider reason 0.", "", ("missing", "CS-TLS-4")),
        ("Keys and certificates are imported by the\nadministrator.", "", ("missing", "CS-TLS-2")),
        ("on ports 2762, 104", "on ports 11112, 104", ("contradicted", "CS-TLS-1")),
        ("TLS_RSA_WITH_NULL_SHA, ", "", ("contradicted", "CS-TLS-3")),
        (
            "TLS_AES_128_GCM_SHA256.",
            "TLS_AES_128_GCM_SHA256, TLS_CHACHA20_POLY1305_SHA256.",
            ("notShown", "CS-TLS-3"),
        ),
        ("PS3.15 2023b", "PS3.15-2011", ("outdated", "edition")),
        ("IPv4 only.", "IPv4 only. TLS 1.0 is offered.", ("outdated", "TLS 1.0")),
        (
            "IPv4 only.",
            "IPv4 only.\nThe AES TLS Secure Transport Connection Profile is supported.",
            ("outdated", "tls-aes"),
        ),
        ("IPv4 only.", "IPv4 only.\nSupports the PS3.15 B.2 profile.", ("outdated", "iscl")),
        (
            "IPv4 only.",
            "IPv4 only.\nThe Basic DICOM Media Security Profile is supported.",
            ("notShown", "basic-media-security"),
        ),
        (
            "## 7.1 Security Profiles",
            "N.7.1 Security Profiles\nNone supported.",
            ("outdated", "template"),
        ),
    ],
)
def test_one_thing_wrong(old, new, expected):
    assert old in GOOD
    assert expected in remarks(GOOD.replace(old, new))


@pytest.mark.parametrize(
    "line",
    [
        "The AES TLS Secure Transport Connection Profile is not supported.",
        "TLS 1.0 is not supported.",
        "B.2 ISCL profile: none",
    ],
)
def test_what_is_denied_is_not_claimed(line):
    assert remarks(GOOD + line) == []


def test_longest_title_wins():
    text = "Supports the Modified BCP 195 RFC 8996 TLS Secure Transport Connection Profile."
    assert statement_check.claims_in(text, PROFILES) == {"tls-bcp195-rfc8996-modified": 1}
    text = "x\nNon-Downgrading BCP 195 TLS Secure\nTransport Connection Profile"
    assert list(statement_check.claims_in(text, PROFILES)) == ["tls-bcp195-nondowngrading"]
    assert statement_check.claims_in("see clause B.12.3 of this profile and 4.B.12", PROFILES) == {}


def test_refuted_and_not_established_claims():
    found = remarks(GOOD + "Online Electronic Storage Secure Use Profile.", made.sample())
    assert ("contradicted", made.B12) in found
    assert ("notShown", made.OES) in found
    lists = statement_check.buckets(GOOD, made.sample(), PROFILES)
    assert lists["claimedAndRefuted"] == [made.B12]
    assert "TLS_RSA_WITH_NULL_SHA at dicom-tls" in lists["shownAndNotClaimed"]
    assert statement_check.buckets(GOOD, right(), PROFILES)["claimedAndShown"] == [made.B12]
    assert made.B12 in statement_check.buckets("nothing", right(), PROFILES)["shownAndNotClaimed"]


def test_our_own_draft_lacks_only_what_it_says():
    document = right()
    text = statement_text.markdown(draft(document))
    found = statement_check.check(text, draft(document), document, PROFILES)
    open_ones = {
        e["csId"] for e in draft(document)["entries"] if e["provenance"] == "not determined"
    }
    assert {(r.kind, r.id) for r in found} == {("missing", name) for name in open_ones}
    assert all(r.line for r in found)


def docx(path, text, **more):
    with zipfile.ZipFile(path, "w") as archive:
        paragraphs = "".join(
            f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in text.splitlines()
        )
        space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
        archive.writestr(
            "word/document.xml",
            more.get("head", "")
            + f'<w:document xmlns:w="{space}"><w:body>{paragraphs}</w:body></w:document>',
        )
    return path


def test_docx_is_read(tmp_path):
    assert statement_check.read_text(docx(tmp_path / "s.docx", GOOD)) == GOOD.rstrip("\n")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"%PDF-1.7", "pdftotext"),
        (b"PK\x03\x04garbage", "no DOCX"),
        (b"\x00\x01\x02", "is no text"),
    ],
)
def test_what_is_no_statement(tmp_path, data, said):
    path = tmp_path / "s.bin"
    path.write_bytes(data)
    with pytest.raises(InputError, match=said):
        statement_check.read_text(path)


def test_a_docx_with_entities_is_refused(tmp_path):
    path = docx(tmp_path / "s.docx", "x", head='<!DOCTYPE x [<!ENTITY a "aaaa">]>')
    with pytest.raises(InputError, match="declares XML entities"):
        statement_check.read_text(path)


# the commands


def call(*args):
    result = CliRunner().invoke(statement_command, [str(a) for a in args], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.return_value, result.output


def test_commands(tmp_path):
    assert call(SAMPLE)[1].startswith("<!-- Drafted by part15.")
    out = tmp_path / "security.md"
    assert call(SAMPLE, "-o", out)[0] == 0
    out.write_text(out.read_text() + "\nOurs.\n")
    call(SAMPLE, "-o", out)
    assert out.read_text().endswith("\nOurs.\n")
    call(SAMPLE, "-o", tmp_path / "s.html")
    assert (tmp_path / "s.html").read_text().startswith("<!DOCTYPE html>")
    call(SAMPLE, "-o", tmp_path / "s.json")
    assert len(json.loads((tmp_path / "s.json").read_text())["entries"]) > 30
    code, said = call("check", out, SAMPLE)
    assert code == 1
    assert "CS-TLS-2: left open in the statement" in said
    code, said = call("check", out, SAMPLE, "--json")
    assert code == 1
    assert json.loads(said)["buckets"]["claimedAndRefuted"] == [made.B12]


def test_docx_draft_is_read_back_and_always_the_same(tmp_path):
    for name in ("a.docx", "b.docx"):
        assert call(SAMPLE, "-o", tmp_path / name)[0] == 0
    data = (tmp_path / "a.docx").read_bytes()
    assert data == (tmp_path / "b.docx").read_bytes()
    text = statement_check.read_text(tmp_path / "a.docx")
    ids = {e["csId"] for e in draft(made.sample())["entries"]}
    assert all(name in text for name in ids)
    assert "TLS_RSA_WITH_NULL_SHA" in text
    with zipfile.ZipFile(tmp_path / "a.docx") as archive:
        for name in archive.namelist():
            ET.fromstring(archive.read(name))
        parts = set(archive.namelist())
    assert {"[Content_Types].xml", "_rels/.rels", "word/document.xml", "word/styles.xml"} <= parts


def test_a_draft_from_declarations_alone(tmp_path):
    target = tmp_path / "target.toml"
    target.write_text(
        '[target]\nname = "Archive"\nversion = "1"\n[claims]\ntls-bcp195-rfc8996 = ["tls-server"]\n'
        '[endpoints.tls]\naddress = "127.0.0.1:2762"\n[declared.tls-bcp195-rfc8996]\nports = [2762]\nkey_management = "By hand."\n'
    )
    text = call(target)[1]
    assert "Drafted from declarations alone" in text
    assert "By hand." in text
    assert "*Provenance: declared.*" in text
    assert "*Provenance: observed.*" not in text
    assert "Contradiction" not in text


def test_exit_codes():
    remark = statement_check.Remark
    assert statement_check.exit_code([]) == 0
    assert statement_check.exit_code([remark("notShown", "x", "m")]) == 6
    assert (
        statement_check.exit_code([remark("missing", "x", "m"), remark("notShown", "x", "m")]) == 1
    )
