"""Every format says the verdict, clause and message of every result, and cannot be broken by what it says."""

from __future__ import annotations

import copy
import csv
import html as unescaping
import io
import json
import re
import runpy
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from junitparser import JUnitXml
from lxml import etree
from rich.console import Console

from part15.errors import InputError
from part15.model import Word
from part15.report import FORMATS, render, terminal, view, writer_of
from part15.report.gitb import NAMESPACE

made = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("report_sample.py"))))
VOID = {"meta", "br", "link", "input", "rect"}
HOSTILE = (
    "<script>alert(1)</script>",
    "{{ 7 * 7 }} {% raw %}",
    "a|b\n# c",
    "]]>&amp;<!--",
    '"><img src=x onerror=alert(1)>',
    "  ...\nnot ok 1 - x",
    '=HYPERLINK("http://x")',
    "::error::x%0A",
    "[link](http://x) `code` @user",
)
TEXTS = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=40),
)


class Page(HTMLParser):
    """Collects texts, ids, links and whatever loads something; fails on tags that do not nest."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.links, self.loads, self.words, self.tags = [], [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.tags.append(tag)
        if "id" in named:
            self.ids.append(named["id"])
        if tag == "a":
            self.links.append(named["href"])
        self.loads += [
            v for k, v in attrs if k in {"src", "srcset", "data", "action", "background", "poster"}
        ]
        self.loads += [k for k, _ in attrs if k.startswith("on") or k == "style"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def parsed(text):
    page = Page()
    page.feed(text)
    page.close()
    assert page.open == []
    return page


def squeezed(text):
    return " ".join(text.split())


def from_html(document):
    text = squeezed("".join(parsed(render(document, "html")).words))
    return {
        (r["verdict"], r["clause"], r["message"])
        for r in document["results"]
        if squeezed(r["message"]) in text and r["clause"] in text
    }


def from_csv(document):
    rows = csv.DictReader(io.StringIO(render(document, "csv")))
    return {(r["verdict"], r["clause"], unquoted(r["message"])) for r in rows}


def from_traceability(document):
    rows = csv.DictReader(io.StringIO(render(document, "csv-traceability")))
    return {(r["verdict"], r["clause"], unquoted(r["message"])) for r in rows}


def unquoted(cell):
    bare = cell.lstrip("'")
    return cell[1:] if cell[:1] == "'" and bare.startswith(tuple("=+-@\t\r")) else cell


def from_sarif(document):
    run = json.loads(render(document, "sarif"))["runs"][0]
    rows = {(r["properties"]["verdict"], r["ruleId"], r["message"]["text"]) for r in run["results"]}
    notes = run["invocations"][0]["toolExecutionNotifications"]
    return rows | {("error", n["associatedRule"]["id"], n["message"]["text"]) for n in notes}


def from_gitb(document):
    tree = ET.fromstring(render(document, "gitb"))
    rows = set()
    for name in ("error", "warning", "info"):
        for node in tree.iter(f"{{{NAMESPACE}}}{name}"):
            values = {child.tag.partition("}")[2]: child.text or "" for child in node}
            rows.add((values["type"], values["assertionID"], values["description"]))
    return rows


def from_junit(document):
    rows = set()
    for case in ET.fromstring(render(document, "junit")).iter("testcase"):
        values = {p.get("name"): p.get("value") for p in case.iter("property")}
        rows.add((values["verdict"], values["rule"], values["message"]))
    return rows


def from_tap(document):
    rows = set()
    for block in render(document, "tap").split("  ---\n")[1:]:
        pairs = (line.strip().partition(": ") for line in block.split("  ...\n")[0].splitlines())
        values = {k: json.loads(v) for k, _, v in pairs}
        rows.add((values["verdict"], values["clause"], values["message"]))
    return rows


def from_markdown(document):
    text = render(document, "markdown")
    rows = set()
    for line in text[text.index("| Clause | Case") :].splitlines()[2:]:
        cells = re.split(r"(?<!\\) \| ", line.removeprefix("| ").removesuffix(" |"))
        if len(cells) == 4:
            message = unescaping.unescape(re.sub(r"\\(.)", r"\1", cells[3]))
            rows.add((cells[2], cells[0].strip("`"), message))
    return rows


READERS = {
    "html": from_html,
    "csv": from_csv,
    "csv-traceability": from_traceability,
    "sarif": from_sarif,
    "gitb": from_gitb,
    "junit": from_junit,
    "tap": from_tap,
    "markdown": from_markdown,
}
ONE_LINE = {"html", "markdown", "gitb", "junit"}
"""Formats that may fold white space in a message."""


def expected(document, form):
    rows = {(r["verdict"], r["clause"], r["message"]) for r in document["results"]}
    if form == "gitb":
        rows = {r for r in rows if r[0] != "not-applicable"}
    return {(v, c, squeezed(m)) for v, c, m in rows} if form in ONE_LINE else rows


def read_back(document, form):
    rows = READERS[form](document)
    return {(v, c, squeezed(m)) for v, c, m in rows} if form in ONE_LINE else rows


@pytest.mark.parametrize("form", READERS)
def test_sample_survives(form):
    document = made.sample()
    assert read_back(document, form) == expected(document, form)


@pytest.mark.parametrize("form", READERS)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(st.tuples(st.sampled_from(list(Word)), TEXTS, TEXTS), min_size=1, max_size=6))
def test_verdict_clause_and_message_survive(form, rows):
    cases = [
        {
            **made.ROWS[0],
            "clause": f"B.12-x{i}",
            "word": word,
            "message": message,
            "observed": other,
            "hint": other,
        }
        for i, (word, message, other) in enumerate(rows)
    ]
    document = made.make([(made.B12_CLAIM, r) for r in cases])
    assert read_back(document, form) == expected(document, form)


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_renders_an_empty_run(form, tmp_path):
    document = made.make([])
    writer_of(form)(document, tmp_path / "out")
    assert (tmp_path / "out").read_bytes().decode() == render(document, form)


def test_unknown_format():
    with pytest.raises(InputError, match="there is no format 'pdf'; the formats are csv"):
        writer_of("pdf")


def test_html_loads_nothing_and_links_lead_somewhere():
    text = render(made.sample(), "html")
    page = parsed(text)
    assert page.loads == []
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert not re.search(r"@import|url\(|https?://(?!dicom\.nema\.org/)", text)
    assert all(not link.startswith("/") for link in page.links)


def test_html_order():
    text = render(made.sample(), "html")
    parts = [
        "tested",
        "endpoints",
        "claims",
        "fix",
        "undecided",
        "clauses",
        "suites",
        "waivers",
        "evidence",
        "method",
        "glossary",
    ]
    places = [text.index(f'id="{part}"') for part in parts]
    assert places == sorted(places)


def test_html_policy_allows_its_own_style_and_script_only():
    import base64
    import hashlib

    text = render(made.sample(), "html")
    policy = unescaping.unescape(
        re.search(r'Content-Security-Policy" content="([^"]*)"', text).group(1)
    )
    assert policy.startswith("default-src 'none'; ")
    for tag in ("style", "script"):
        inside = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL).group(1)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


@pytest.mark.parametrize("text", HOSTILE)
def test_html_shows_hostile_text_as_text(text):
    row = {
        **made.ROWS[4],
        "message": text,
        "hint": text,
        "observed": text,
        "parameter": text,
        "text": text,
    }
    document = made.make([(made.B12_CLAIM, row)], target=made.TARGET)
    page = parsed(render(document, "html"))
    assert page.loads == []
    assert page.tags.count("script") == 1
    assert "img" not in page.tags
    assert squeezed(text) in squeezed("".join(page.words))


def test_html_has_a_word_beside_every_colour():
    text = render(made.sample(), "html")
    assert '<html lang="en">' in text
    assert re.search(r'<svg [^>]*role="img" aria-label="4 fail, 2 warn', text)
    assert not re.search(r"<th(?![^>]*scope=)(?!ead)[ >]", text)


def test_a_large_report_is_small_enough_to_open():
    document = made.large(5000)
    text = render(document, "html")
    assert len(text) < 12_000_000
    assert "<details><summary><h3" in text, "profiles are folded"


def test_suite_matrix():
    table = view.suites(made.sample())[0]
    assert table["versions"] == ["1.0", "1.2", "1.3"]
    assert {r["suite"]: r["ranks"] for r in table["rows"]}["TLS_RSA_WITH_AES_128_CBC_SHA"] == [
        1,
        3,
        "",
    ]


def test_what_to_fix_first():
    entries = view.fixes(made.sample())
    assert [e["hint"].split()[0] for e in entries] == ["Remove", "Verify", "Set"]
    assert [c["id"] for c in entries[2]["clauses"]] == ["8996-no-tls10", "8996-no-tls11"]


def test_fixes_with_one_cause_are_one():
    null = next(r for r in made.ROWS if r["clause"] == "B.12-no-null")
    other = {**null, "clause": "RFC7525-no-null", "hint": "Remove eNULL from the cipher string."}
    unlike = {**null, "clause": "B.12-x", "hint": "Buy another product."}
    elsewhere = {
        **other,
        "clause": "B.12-y",
        "observed": "TLS_RSA_WITH_RC4_128_SHA",
        "hint": "Remove RC4 from the cipher string.",
    }
    rows = (null, other, unlike, elsewhere)
    entries = view.fixes(made.make([(made.B12_CLAIM, r) for r in rows]))
    names = [[c["id"] for c in e["clauses"]] for e in entries]
    assert names == [["B.12-no-null", "RFC7525-no-null"], ["B.12-x"], ["B.12-y"]]


def test_a_clause_without_a_hint_is_an_order():
    rows = [{**made.ROWS[4], "hint": ""}, {**made.ROWS[6], "hint": ""}]
    entries = view.fixes(made.make([(made.B12_CLAIM, r) for r in rows]))
    assert [e["do"] for e in entries] == [
        "Make this hold: Servers support bi-directional mutual authentication.",
        "Put an end to this: TLS 1.0 is negotiated.",
    ]


def test_values_do_not_repeat_the_message():
    result = {"expected": "a refusal", "observed": "TLS 1.0", "message": "server selected TLS 1.0"}
    assert view.values(result) == [("expected", "a refusal")]


def test_undecided_by_what_to_do():
    groups = {g["do"]: [c["id"] for c in g["clauses"]] for g in view.undecided(made.sample())}
    assert groups == {
        "Make the connection work, then run again": ["A.1-commit"],
        "Declare it in the target file": ["B.12-cs-key-management"],
        "Let a person look, then attest": ["A.1-remote-access"],
        "Test by hand": ["B.12-integrity-failure"],
        "Remove what prevented a decision": ["B.12-client-resumption"],
    }


def test_terminal_is_plain_when_it_is_no_terminal():
    text = render(made.sample(), "terminal")
    assert "\x1b" not in text
    order = [
        text.index(part)
        for part in ("State of use", "Claims", "What to fix first", "Not decided yet", "Waivers")
    ]
    assert order == sorted(order)
    assert "17 of 20 decided" in text
    assert all(line == line.rstrip() for line in text.splitlines())


@pytest.mark.parametrize(("no_color", "coloured"), [(None, True), ("1", False)])
def test_terminal_honours_no_color(monkeypatch, no_color, coloured):
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", no_color)
    buffer = io.StringIO()
    terminal.put(
        made.sample(), Console(file=buffer, force_terminal=True, color_system="standard", width=100)
    )
    assert ("\x1b[1;31m" in buffer.getvalue()) is coloured


def test_terminal_prints_markup_as_it_is():
    document = made.make(
        [(made.B12_CLAIM, {**made.ROWS[4], "message": "saw [bold]x[/bold] [link=y]"})]
    )
    assert "saw [bold]x[/bold] [link=y]" in render(document, "terminal")


def test_junit_by_a_reader():
    suite = next(iter(JUnitXml.fromstring(render(made.sample(), "junit").encode())))
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (25, 4, 1, 6)
    assert len({(c.classname, c.name) for c in suite}) == 25
    failed = next(c for c in suite if c.name.startswith("B.12-no-null") and c.result)
    assert failed.result[0].message.startswith(
        "[B.12 shall not] server selected TLS_RSA_WITH_NULL_SHA"
    )


GITB = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="http://www.gitb.com/tr/v1/"
 xmlns="http://www.gitb.com/tr/v1/" elementFormDefault="qualified">
<xs:element name="TestStepReport" type="Step"/>
<xs:complexType name="Step" abstract="true"><xs:sequence><xs:element name="date" type="xs:dateTime"/>
 <xs:element name="result"><xs:simpleType><xs:restriction base="xs:string"><xs:enumeration value="SUCCESS"/>
 <xs:enumeration value="FAILURE"/><xs:enumeration value="WARNING"/><xs:enumeration value="UNDEFINED"/>
 </xs:restriction></xs:simpleType></xs:element></xs:sequence><xs:attribute name="id" type="xs:string"/></xs:complexType>
<xs:complexType name="TAR"><xs:complexContent><xs:extension base="Step"><xs:sequence>
 <xs:element name="overview" minOccurs="0"><xs:complexType><xs:sequence>
 <xs:element name="profileID"/><xs:element name="customizationID"/><xs:element name="transactionID"/>
 <xs:element name="validationServiceName"/><xs:element name="validationServiceVersion"/><xs:element name="note"/>
 </xs:sequence></xs:complexType></xs:element>
 <xs:element name="counters" minOccurs="0"><xs:complexType><xs:sequence>
 <xs:element name="nrOfAssertions" type="xs:integer"/><xs:element name="nrOfErrors" type="xs:integer"/>
 <xs:element name="nrOfWarnings" type="xs:integer"/></xs:sequence></xs:complexType></xs:element>
 <xs:element name="reports" type="Groups" minOccurs="0"/></xs:sequence><xs:attribute name="name" type="xs:string"/>
 </xs:extension></xs:complexContent></xs:complexType>
<xs:complexType name="Groups"><xs:choice><xs:element name="reports" type="TAR" maxOccurs="unbounded"/>
 <xs:choice maxOccurs="unbounded"><xs:element name="info" type="Any"/><xs:element name="warning" type="Any"/>
 <xs:element name="error" type="Any"/></xs:choice></xs:choice></xs:complexType>
<xs:complexType name="Any" abstract="true"/>
<xs:complexType name="BAR"><xs:complexContent><xs:extension base="Any"><xs:all>
 <xs:element name="assertionID" minOccurs="0"/><xs:element name="description"/><xs:element name="location" minOccurs="0"/>
 <xs:element name="test" minOccurs="0"/><xs:element name="type" minOccurs="0"/><xs:element name="value" minOccurs="0"/>
 </xs:all></xs:extension></xs:complexContent></xs:complexType></xs:schema>"""
"""What GITB says of a TAR, written down from its documentation: order, types, abstract bases."""


@pytest.mark.parametrize(
    "document", [made.sample(), made.conforming(), made.make([])], ids=["sample", "right", "empty"]
)
def test_gitb_has_the_form_of_a_tar(document):
    schema = etree.XMLSchema(etree.fromstring(GITB))
    schema.assertValid(etree.fromstring(render(document, "gitb").encode()))


def test_gitb_result_is_the_conclusion():
    def result(document):
        return ET.fromstring(render(document, "gitb")).findtext(f"{{{NAMESPACE}}}result")

    assert result(made.sample()) == "FAILURE"
    assert result(made.conforming()) == "SUCCESS"
    assert result(made.make([])) == "UNDEFINED"


def test_sarif_full_and_alerts():
    document = made.sample()
    full = json.loads(render(document, "sarif"))["runs"][0]
    alerts = json.loads(render(document, "sarif-alerts"))["runs"][0]
    assert len(full["results"]) == 24
    assert {r["properties"]["verdict"] for r in alerts["results"]} == {"fail", "warn", "waived"}
    for result in full["results"]:
        assert full["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] == "none" or result["kind"] == "fail"
        assert (
            result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "target.toml"
        )
        assert bool(result.get("suppressions")) is (result["properties"]["verdict"] == "waived")
    assert full["invocations"][0]["executionSuccessful"] is False
    assert full["automationDetails"]["id"] == "dicom-ps315/Example-Archive/2023b/"
    lines = {
        r["properties"]["profile"]: r["locations"][0]["physicalLocation"]["region"]["startLine"]
        for r in full["results"]
    }
    assert lines["online-electronic-storage"] == 5


def test_tap_words():
    lines = render(made.sample(), "tap").splitlines()
    assert lines[:2] == ["TAP version 13", "1..25"]
    tests = [line for line in lines if line.startswith(("ok", "not ok"))]
    assert len(tests) == 25
    assert sum("# SKIP" in t for t in tests) == 5
    assert sum("# TODO" in t for t in tests) == 1
    assert sum(t.startswith("not ok") for t in tests) == 6


def test_csv_is_safe_in_a_spreadsheet():
    document = made.make([(made.B12_CLAIM, {**made.ROWS[4], "message": "=1+1", "observed": "@x"})])
    text = render(document, "csv")
    assert text.count("\r\n") == 2
    assert "'=1+1" in text
    assert "'@x" in text
    for message in ("'", "'=1", "''", "=1"):
        kept = made.make([(made.B12_CLAIM, {**made.ROWS[4], "message": message})])
        assert {row[2] for row in from_csv(kept)} == {message}


def test_mds2_groups():
    rows = {r["group"]: r for r in csv.DictReader(io.StringIO(render(made.sample(), "mds2")))}
    assert list(rows) == ["NAUT", "TXCF", "TXIG", "AUDT", "DIDT", "PAUT", "IGAU", "STCF", "CNFS"]
    assert "B.12-no-null" in rows["TXCF"]["violated clauses"]
    assert rows["AUDT"]["verdicts"] == "not tested"


def test_annotations_are_few_and_escaped():
    document = made.make([(made.B12_CLAIM, {**made.ROWS[4], "message": "a\nb%", "hint": ""})])
    assert render(document, "github") == (
        "::error file=target.toml,line=4,title=8996-no-tls10 (shall not)::a%0Ab%25\n"
    )
    many = [
        (made.B12_CLAIM, {**made.ROWS[4], "clause": f"B.12-{i}", "hint": ""}) for i in range(30)
    ]
    assert render(made.make(many), "github").count("::error") == 10


@pytest.mark.parametrize("form", [*READERS, "terminal"])
def test_waivers_and_attestations_show(form):
    text = unescaping.unescape(render(made.sample(), form))
    if form not in {"terminal", "csv-traceability"}:
        assert "J. Doe" in text
    if form != "csv-traceability":
        assert "j.doe" in text or "the date is written from 4.3 on" in text
    assert "waived" in text or "applied" in text


def test_rendering_does_not_change_the_document():
    document = made.sample()
    before = copy.deepcopy(document)
    for form in FORMATS:
        render(document, form)
    assert document == before
