"""Comparing runs: what is new, fixed, still failing, newly undecided, and why."""

from __future__ import annotations

import copy
import json

import pytest
from click.testing import CliRunner

from part15.cli_report import report_command
from part15.content import folder
from part15.errors import InputError
from part15.report import diff
from part15.report.build import to_text
from part15.report.stored import read

SAMPLE = folder("reports") / "samples" / "report.json"
NULL = "B.12-no-null:tls-server:TLS_RSA_WITH_NULL_SHA"


@pytest.fixture
def old():
    return read(SAMPLE)


@pytest.fixture
def new(old):
    return copy.deepcopy(old)


def row(document, case):
    return next(r for r in document["results"] if r["case"] == case)


def cases(comparison, kind):
    return [r["case"] for r in comparison[kind]]


def test_the_same_run(old, new):
    comparison = diff.compare(old, new)
    assert {k for k, n in comparison["counts"].items() if n} == {"stillFailing"}
    assert diff.exit_code(comparison) == 0


def test_each_kind(old, new):
    row(new, NULL)["verdict"] = "pass"
    row(new, "B.12-framework:tls-server")["verdict"] = "fail"
    row(new, "B.12-cs-port:tls-server")["verdict"] = "inconclusive"
    row(new, "B.12-cs-key-management:tls-server")["verdict"] = "pass"
    row(new, "B.12-strict-tls:tls-server")["verdict"] = "warn"
    new["results"].remove(row(new, "B.12-tls12-mandatory:tls-server"))
    old["results"].remove(row(old, "B.12-port-recommended:tls-server"))
    comparison = diff.compare(old, new)
    assert cases(comparison, "fixed") == [NULL]
    assert cases(comparison, "new") == ["B.12-framework:tls-server"]
    assert cases(comparison, "newlyUndecided") == ["B.12-cs-port:tls-server"]
    assert cases(comparison, "decided") == ["B.12-cs-key-management:tls-server"]
    assert cases(comparison, "changed") == ["B.12-strict-tls:tls-server"]
    assert cases(comparison, "gone") == ["B.12-tls12-mandatory:tls-server"]
    assert cases(comparison, "added") == ["B.12-port-recommended:tls-server"]
    assert diff.exit_code(comparison) == 1
    text = diff.render(comparison)
    assert "Newly violated (1)\n  B.12-framework:tls-server  pass -> fail" in text
    assert f"Fixed (1)\n  {NULL}  fail -> pass" in text


def test_a_clause_that_is_driven_now_is_the_same_case(old, new):
    planned = row(old, "B.12-integrity-failure:tls-server")
    driven = row(new, "B.12-integrity-failure:tls-server")
    planned["fingerprint"], driven["fingerprint"], driven["verdict"] = "0" * 16, "1" * 16, "pass"
    comparison = diff.compare(old, new)
    assert cases(comparison, "decided") == ["B.12-integrity-failure:tls-server"]
    assert cases(comparison, "gone") == cases(comparison, "added") == []


def test_a_failing_case_that_is_new_gates(old, new):
    old["results"].remove(row(old, NULL))
    assert diff.exit_code(diff.compare(old, new)) == 1


def test_undecided_gates_with_six(old, new):
    row(new, "B.12-cs-port:tls-server")["verdict"] = "review"
    assert diff.exit_code(diff.compare(old, new)) == 6


def why(old, new):
    return diff.compare(old, new)["new"][0]["why"]


def test_why_it_flipped(old, new):
    flipped = row(new, "B.12-framework:tls-server")
    flipped["verdict"] = "fail"
    assert why(old, new) == "the system behaved differently"
    for document in (old, new):
        name = "tls.associate-12139017/observation.json"
        document["evidence"].append({**document["evidence"][0], "id": name})
        row(document, "B.12-framework:tls-server")["evidence"] = [name]
    new["tool"]["version"] = "0.2.0"
    assert why(old, new) == "judged differently on the same observation (part15 0.1.0, 0.2.0)"
    next(c for c in new["clauses"] if c["id"] == "B.12-framework")["text"] = "another text"
    assert why(old, new) == "the profile's text changed"
    flipped["edition"] = "2024e"
    assert why(old, new) == "edition 2023b before, 2024e now"


def test_why_a_waiver(old, new):
    before = row(old, NULL)
    before["verdict"], before["waiver"] = "waived", {"case": NULL}
    assert why(old, new) == "a waiver or an attestation changed"


def test_claims_that_changed(old, new):
    new["claims"][0]["conclusion"] = "conformant"
    assert diff.compare(old, new)["claims"] == [
        {
            "profile": "online-electronic-storage",
            "role": "storage-scp",
            "before": "not-established",
            "after": "conformant",
        }
    ]


def test_command(tmp_path, old, new):
    row(new, NULL)["verdict"] = "pass"
    (tmp_path / "new.json").write_text(to_text(new))
    arguments = ["diff", str(SAMPLE), str(tmp_path / "new.json")]
    result = CliRunner().invoke(report_command, [*arguments, "--json"], standalone_mode=False)
    assert result.return_value == 0
    assert json.loads(result.output)["counts"]["fixed"] == 1
    assert (
        "Fixed (1)" in CliRunner().invoke(report_command, arguments, standalone_mode=False).output
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no JSON"),
        ("[1]", "is of the form None"),
        ('{"schema": "other"}', "is of the form 'other'"),
        ("[" * 100_000, "is no JSON"),
    ],
)
def test_what_is_no_report(tmp_path, text, said):
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(InputError, match=said):
        read(tmp_path)


def test_a_damaged_report_is_told_by_its_place(tmp_path, old):
    del old["results"][3]["clause"]
    old["claims"][0]["conclusion"] = "green"
    (tmp_path / "report.json").write_text(to_text(old))
    with pytest.raises(InputError, match=r"results\[3\]\.clause is missing") as error:
        read(tmp_path)
    assert "claims[0].conclusion is 'green', not one of not-conformant" in str(error.value)


def test_no_report_there(tmp_path):
    with pytest.raises(InputError, match="give the folder that 'part15 run' wrote"):
        read(tmp_path)
