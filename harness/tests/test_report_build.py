"""The document: conclusions, exit codes, schema, order, and what must not be in it."""

from __future__ import annotations

import dataclasses
import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import pytest

from part15.content import folder as folder_of
from part15.model import Finding, Level, Plan, Word
from part15.report import render
from part15.report.about import sent_rows
from part15.report.build import build, exit_code, fingerprint, natural, to_text
from part15.report.facts import RunFacts, TargetFacts, claim_lines
from part15.report.schema import report_schema

made = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("report_sample.py"))))
PASSING = {
    "clause": "B.12-framework",
    "word": Word.PASS,
    "stimulus": "tls.associate",
    "text": "t",
    "message": "m",
}


def one(**changes):
    return {**PASSING, **changes}


def conclusion(*rows, **changes):
    document = made.make([(made.B12_CLAIM, r) for r in rows], target=bare(), **changes)
    return document["claims"][0]["conclusion"], document["run"]["exitStatus"]


def bare(**changes):
    return dataclasses.replace(made.TARGET, waivers=(), attestations=(), **changes)


def valid(document):
    jsonschema.validate(document, report_schema())
    return document


def test_sample_is_valid_and_committed():
    document = valid(made.sample())
    committed = (folder_of("reports") / "samples" / "report.json").read_text(encoding="utf-8")
    assert to_text(document) == committed, "run 'python harness/tests/make_samples.py'"


def test_every_sample_is_committed():
    samples = folder_of("reports") / "samples"
    maker = runpy.run_path(str(Path(__file__).with_name("make_samples.py")))
    document = made.sample()
    expected = {name: render(document, kind) for name, kind in maker["SAMPLES"].items()}
    expected |= maker["statements"](document)
    found = {
        p.name: p.read_bytes().decode()
        for p in samples.iterdir()
        if p.name not in {"report.json", "README.md"}
    }
    assert found.keys() == expected.keys()
    stale = [name for name in expected if found[name] != expected[name]]
    assert stale == [], "run 'python harness/tests/make_samples.py'"


def test_schema_is_committed():
    committed = json.loads(
        (folder_of("reports") / "report.schema.json").read_text(encoding="utf-8")
    )
    assert committed == report_schema(), "run 'python harness/tests/make_samples.py'"
    jsonschema.Draft202012Validator.check_schema(committed)


def test_schema_refuses():
    document = made.sample()
    document["results"][0]["verdict"] = "green"
    with pytest.raises(jsonschema.ValidationError):
        valid(document)
    document = made.sample()
    document["evidence"][0]["path"] = "/etc/passwd"
    with pytest.raises(jsonschema.ValidationError):
        valid(document)


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (one(clause="B.12-x"), ("conformant", 0)),
        (one(clause="B.12-x", word=Word.FAIL), ("not-conformant", 1)),
        (one(clause="B.12-x", word=Word.WAIVED), ("conformant-with-waivers", 0)),
        (one(clause="B.12-x", word=Word.WARN), ("conformant", 0)),
        (one(clause="B.12-x", word=Word.INCONCLUSIVE), ("not-established", 6)),
        (one(clause="B.12-x", word=Word.REVIEW), ("not-established", 6)),
        (one(clause="B.12-x", word=Word.ERROR), ("not-established", 3)),
        (one(clause="B.12-x", word=Word.NOT_APPLICABLE), ("conformant", 0)),
        (one(clause="B.12-x", word=Word.INCONCLUSIVE, level=Level.SHOULD), ("conformant", 0)),
        (
            one(clause="B.12-x", word=Word.INCONCLUSIVE, level=Level.SHALL_NOT),
            ("not-established", 6),
        ),
        (one(clause="B.12-x", word=Word.INCONCLUSIVE, advisory=True), ("conformant", 0)),
    ],
)
def test_conclusion_of_two_clauses(second, expected):
    assert conclusion(one(), second) == expected


def test_nothing_executed_is_never_conformant():
    settled = one(word=Word.INCONCLUSIVE, settled="not tested by this version")
    assert conclusion(settled) == ("not-established", 5)
    assert conclusion(one(word=Word.NOT_APPLICABLE, settled="x")) == ("not-established", 5)
    empty = build(made.facts_of([]), Plan((made.B12_CLAIM,), ()), [], {}, bare())
    assert (empty["claims"][0]["conclusion"], empty["run"]["exitStatus"]) == ("not-established", 5)
    assert valid(empty)["summary"]["conclusion"] == "not-established"


def test_attestation_alone_is_not_enough():
    assert conclusion(one(attested=True, settled="x"))[0] == "not-established"
    assert conclusion(one(), one(clause="B.12-y", attested=True, settled="x"))[0] == "conformant"


def test_interrupted_and_deselected_cases_count():
    rows = [(made.B12_CLAIM, one()), (made.B12_CLAIM, one(clause="B.12-later"))]
    cases = [made.case_of(r, c) for c, r in rows]
    verdicts = [made.verdict_of(rows[0][1], cases[0])]
    plan = Plan((made.B12_CLAIM,), tuple(cases))
    document = build(made.facts_of(verdicts, interrupted=True), plan, verdicts, {}, bare())
    claim = document["claims"][0]
    assert (claim["conclusion"], claim["decided"], claim["total"], claim["notRun"]) == (
        "not-established",
        1,
        2,
        1,
    )
    assert document["run"]["exitStatus"] == 2


def test_decided_and_total():
    claim = next(c for c in made.sample()["claims"] if c["profile"] == made.OES)
    assert (claim["decided"], claim["total"]) == (2, 4)
    assert claim["counts"] == {"error": 1, "not-applicable": 1, "pass": 1, "review": 1, "waived": 1}


def test_precedence_of_exit_codes():
    document = made.sample()
    assert exit_code(document) == 1
    document["run"]["interrupted"] = True
    assert exit_code(document) == 2
    with pytest.raises(ValueError, match="gate 'soft' is not one of"):
        exit_code(document, "soft")


def test_gates():
    open_one = made.make(
        [(made.B12_CLAIM, one()), (made.B12_CLAIM, one(clause="x", word=Word.REVIEW))],
        target=bare(),
    )
    assert [exit_code(open_one, g) for g in ("fail", "decided", "should")] == [0, 6, 6]
    warned = made.make(
        [(made.B12_CLAIM, one()), (made.B12_CLAIM, one(clause="x", word=Word.WARN))], target=bare()
    )
    assert [exit_code(warned, g) for g in ("fail", "decided", "should")] == [0, 0, 1]


def test_waiver_states():
    rows = [(made.OES_CLAIM, r) for r in made.OES_ROWS if r["clause"] == "A.1-status-authorize"]

    def state(word, expires="2027-03-31"):
        waiver = {**made.WAIVER, "expires": expires}
        changed = [(c, {**r, "word": word}) for c, r in rows]
        document = made.make(changed, target=dataclasses.replace(bare(), waivers=(waiver,)))
        return document["waivers"][0]["state"], document["run"]["exitStatus"]

    assert state(Word.WAIVED) == ("applied", 0)
    assert state(Word.FAIL, "2026-01-01") == ("expired", 1)
    assert state(Word.PASS) == ("no-longer-applies", 1)
    assert state(Word.INCONCLUSIVE) == ("not-decided", 6)
    assert made.sample()["waivers"][1]["state"] == "not-in-this-run"


def test_sorted_whatever_the_order_of_arrival():
    rows = [
        *((made.B12_CLAIM, r) for r in made.ROWS),
        *((made.OES_CLAIM, r) for r in made.OES_ROWS),
    ]
    assert made.make(rows)["results"] == made.make(rows[::-1])["results"]
    assert natural("A.2") < natural("A.10")


def test_findings_come_worst_first_and_are_bounded():
    many = tuple(Finding(str(i), Word.PASS, "m") for i in range(300))
    row = one(word=Word.FAIL, findings=(*many, Finding("bad", Word.FAIL, "m")))
    result = made.make([(made.B12_CLAIM, row)])["results"][0]
    assert result["findings"][0]["subject"] == "bad"
    assert [f["subject"] for f in result["findings"][1:3]] == ["0", "1"]
    assert (len(result["findings"]), result["findingsTotal"]) == (200, 301)


def test_no_absolute_path_no_key_no_control_character():
    key = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"
    row = one(message=f"saw {key} and \x1b[31m and \x00", word=Word.FAIL)
    text = to_text(made.make([(made.B12_CLAIM, row)]))
    assert "MIIE" not in text
    assert "/home/someone" not in text
    assert "\\u001b" not in text
    assert '"target.toml"' in text


def test_fingerprint_survives_ports_and_editions():
    case = made.case_of(one(parameter="SUITE"), made.B12_CLAIM)
    moved = dataclasses.replace(
        case,
        id="B.12-framework:tls-server@dicom-tls:SUITE%tls-bcp195-rfc8996-2024e",
        edition="2024e",
    )
    assert fingerprint(case) == fingerprint(moved)
    assert fingerprint(case) != fingerprint(
        dataclasses.replace(case, id="B.12-framework:tls-server:OTHER")
    )
    without = dataclasses.replace(
        case, stimulus=None, id="B.12-framework:tls-server", subject="10.0.0.1:2762"
    )
    assert fingerprint(without) == fingerprint(
        dataclasses.replace(without, subject="10.0.0.1:4711")
    )


def test_fingerprints_are_unique_in_a_report():
    other = dataclasses.replace(made.B12_CLAIM, edition="2024e")
    results = made.make([(made.B12_CLAIM, one()), (other, one())])["results"]
    assert len({r["fingerprint"] for r in results}) == 2


def test_no_claims_exit_code_looks_at_the_results():
    document = made.make([(made.B12_CLAIM, one())], target=bare())
    document["claims"] = []
    assert exit_code(document) == 0
    document["results"][0]["verdict"] = "inconclusive"
    assert exit_code(document) == 6


def test_equal_after_dropping_times():
    def kept(document):
        return {k: v for k, v in document.items() if k != "run"}

    assert kept(made.sample()) == kept(made.sample())


def test_lines_of_claims():
    text = '[target]\nname = "x"\n[claims]\ntls-basic = ["tls-server"]\n[claims.iscl]\nroles = ["iscl-server"]\n'
    assert claim_lines(text) == {"tls-basic": 4, "iscl": 5}


def test_what_was_sent_is_counted_once():
    rows = [{"endpoint": "e", "stimulus": "s", "what": "ClientHello"}] * 3
    once = sent_rows(rows)
    assert once == [{"endpoint": "e", "stimulus": "s", "what": "ClientHello", "times": 3}]
    assert sent_rows(once) == once


def test_minimal_facts_are_enough():
    document = build(
        RunFacts("1", made.STARTED, made.STARTED), Plan((), ()), [], {}, TargetFacts("x", "2023b")
    )
    assert valid(document)["run"]["exitStatus"] == 5
