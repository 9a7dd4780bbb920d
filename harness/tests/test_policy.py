"""Site policies: rules in a column of their own, which neither look like non-conformance nor hide it."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from part15 import load
from part15.model import Claim, Judgement, Verdict, Word
from part15.peers.embedded import embedded_target
from part15.plan import build_plan
from part15.plan_policies import with_layers
from part15.report import conclude
from part15.target_file import parse_target

POLICY = "site-connectathon-tls"
BASE = "tls-bcp195-rfc8996"
OWN = """\
profile: site-own
title: 'Site policy, not PS3.15: ours'
section: Ours
editions: ['2023a', null]
policy: true
roles: [tls-server]
include:
  - {profile: rfc9325, editions: ['2023a', null], only: [RFC9325-no-rc4]}
clauses:
  - id: site-own-13
    section: Ours 1
    level: shall
    roles: [tls-server]
    text: TLS 1.3 is supported.
    stimulus: {tls.enumerate: {}}
    check: tls.negotiates
    expect: {versions: ['1.3']}
"""


def part15(*args: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "part15", *map(str, args)],
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", "HOME": str(cwd), "NO_COLOR": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )


def ran(folder: Path, fault: str) -> tuple[int, str, dict[str, Any]]:
    with embedded_target(folder / "peer", faults=(fault,)) as path:
        done = part15("run", path, "-p", POLICY, "-o", folder / "run", "-q", cwd=folder)
        assert (folder / "run" / "report.json").is_file(), done.stderr
    shown = part15("report", folder / "run", "--format", "terminal", cwd=folder)
    document = json.loads((folder / "run" / "report.json").read_text())
    return done.returncode, shown.stdout, document


@pytest.fixture(scope="module")
def not_met(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, str, dict[str, Any]]:
    """The peer lacks two suites that the floor wants and B.12 does not."""
    folder = tmp_path_factory.mktemp("floor")
    return folder, *ran(folder, "lacks_dhe_suites")


@pytest.fixture(scope="module")
def hidden(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, str, dict[str, Any]]:
    """The peer violates PS3.15 where the floor asks for nothing."""
    folder = tmp_path_factory.mktemp("standard")
    return folder, *ran(folder, "accepts_null_suite")


def test_a_site_rule_does_not_look_like_non_conformance(
    not_met: tuple[Path, int, str, dict[str, Any]],
) -> None:
    _, code, shown, document = not_met
    assert [(c["profile"], c["conclusion"]) for c in document["claims"]] == [(BASE, "conformant")]
    assert [(p["profile"], p["conclusion"], p["on"]) for p in document["policies"]] == [
        (POLICY, "not-met", [BASE])
    ]
    assert "fail" not in document["summary"]["counts"]
    assert document["summary"]["conclusion"] == "conformant"
    assert document["summary"]["policy"]["counts"]["fail"] == 2
    assert code == 1, "whoever lays a policy on a run wants to know"
    assert "Conformant" in shown
    assert "Not met" in shown
    assert "What to fix first" not in shown
    assert "What to fix for the site policy, which is no part of PS3.15" in shown
    assert "site-connectathon-suites (site policy, shall)" in shown


def test_a_met_policy_hides_no_non_conformance(
    hidden: tuple[Path, int, str, dict[str, Any]],
) -> None:
    _, code, shown, document = hidden
    assert [c["conclusion"] for c in document["claims"]] == ["not-conformant"]
    assert [p["conclusion"] for p in document["policies"]] == ["met"]
    assert document["summary"]["conclusion"] == "not-conformant"
    assert code == 1
    assert "What to fix first" in shown
    assert "What to fix for the site policy" not in shown


def test_every_format_has_the_column(not_met: tuple[Path, int, str, dict[str, Any]]) -> None:
    folder = not_met[0]

    def made(name: str) -> str:
        done = part15("report", folder / "run", "--format", name, cwd=folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    rows = list(csv.DictReader(io.StringIO(made("csv"))))
    assert {r["verdict"] for r in rows if r["policy"]} == {""}
    assert {r["policyVerdict"] for r in rows if not r["policy"]} == {""}
    assert [r["policyVerdict"] for r in rows if r["policy"]].count("fail") == 2
    assert "fail" not in {r["verdict"] for r in rows}
    markdown = made("markdown")
    assert "| Claim | PS3.15 | Site policy |" in markdown
    assert "| Clause | Case | PS3.15 | Site policy | Message |" in markdown
    table = [line for line in markdown.splitlines() if "`site-connectathon-suites`" in line]
    assert all(line.split("|")[3].strip() == "" for line in table if line.startswith("| `"))
    page = made("html")
    assert '<th scope="col">PS3.15</th><th scope="col">Site policy</th>' in page
    assert '<span class="soft">site policy</span> <span class="word fail">fail</span>' in page
    failures = ET.fromstring(made("junit")).findall(".//failure")
    assert len(failures) == 2
    assert all("site policy, shall]" in (f.get("message") or "") for f in failures)
    sarif = json.loads(made("sarif-alerts"))["runs"][0]["results"]
    told = [r["message"]["text"] for r in sarif if r["kind"] == "fail" and r["level"] == "error"]
    assert len(told) == 2
    assert all(text.startswith("Site policy: ") for text in told)
    assert json.loads(made("in-toto"))["predicate"]["result"] == "WARNED"
    assert ET.fromstring(made("gitb")).findtext("{*}result") == "SUCCESS"
    assert "(site policy%2C shall)::" in made("github")
    assert POLICY in made("tap")


def test_judged_again_it_says_the_same(not_met: tuple[Path, int, str, dict[str, Any]]) -> None:
    folder, code, _, document = not_met
    again = part15("judge", folder / "run", "--json", cwd=folder)
    assert again.returncode == code
    told = part15("judge", folder / "run", cwd=folder).stdout
    assert "report.html" not in told, "the page in the folder is the one from then"
    assert told.endswith("Nothing was written; -o DIR writes the new report.\n")
    other = json.loads(again.stdout)
    assert (other["claims"], other["policies"]) == (document["claims"], document["policies"])


def test_the_layer_is_the_targets_own_claim_where_it_has_one() -> None:
    profiles = load.load_profiles()
    mine = Claim(BASE, "tls-server", "2024e", features=("x",))
    policy = Claim(POLICY, "tls-server", "2023b")
    alone = with_layers((policy,), (), profiles)
    assert [(c.profile, c.source, c.policy) for c in alone] == [
        (POLICY, "file", True),
        (BASE, "policy", False),
    ]
    assert mine in with_layers((mine, policy), (POLICY,), profiles)
    assert [c.on for c in alone] == [(BASE,), ()]


def test_single_clauses_are_taken_over_as_rules_of_the_site(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(OWN)
    profiles = load.load_profiles([path])
    document = {"target": {"name": "x", "edition": "2023b"}, "claims": {"site-own": ["tls-server"]}}
    plan = build_plan(
        parse_target(document, folder=tmp_path), profiles, load.load_roles(), only=["site-own"]
    )
    assert [c.policy for c in plan.claims] == [True]
    assert {(c.clause, c.policy) for c in plan.cases} == {
        ("site-own-13", True),
        ("RFC9325-no-rc4", True),
    }


@pytest.mark.parametrize("said", ["", "policy: false\n"])
def test_a_file_outside_that_is_no_policy_is_a_claim(tmp_path: Path, said: str) -> None:
    path = tmp_path / "draft.yaml"
    path.write_text(OWN.replace("policy: true\n", said))
    assert not load.lint(path)
    profiles = load.load_profiles([path])
    document = {"target": {"name": "x", "edition": "2023b"}, "claims": {"site-own": ["tls-server"]}}
    plan = build_plan(parse_target(document, folder=tmp_path), profiles, load.load_roles())
    assert not profiles["site-own"].policy
    assert {(c.clause, c.policy) for c in plan.cases} >= {("site-own-13", False)}


@pytest.mark.parametrize(
    ("claims", "policies", "code"),
    [
        (["conformant"], ["met"], 0),
        (["conformant"], ["not-established"], 6),
        (["not-established"], ["met"], 6),
        ([], ["met"], 0),
    ],
)
def test_the_exit_code_knows_both(claims: list[str], policies: list[str], code: int) -> None:
    document = {
        "claims": [{"conclusion": c} for c in claims],
        "policies": [{"conclusion": p} for p in policies],
        "results": [],
        "waivers": [],
        "run": {"interrupted": False},
        "summary": {"executed": 1},
    }
    assert conclude.exit_code(document) == code


def test_the_reason_says_that_it_is_the_site_who_asks() -> None:
    from part15.judge import judge
    from part15.pytest_plugin import one_line

    profiles = load.load_profiles()
    document = {
        "target": {"name": "x", "edition": "2023b"},
        "claims": {POLICY: ["tls-server"]},
        "endpoints": {"e": {"address": "127.0.0.1:1", "transport": "tls"}},
    }
    plan = build_plan(parse_target(document), profiles, load.load_roles())
    import dataclasses
    import datetime as dt

    case = next(c for c in plan.cases if c.clause == "site-connectathon-tls12")
    wrong = dataclasses.replace(case, settled=Judgement(Word.FAIL, "no"))
    verdict: Verdict = judge(wrong, None, today=dt.date(2026, 1, 1))
    assert verdict.because.startswith("Connectathon TLS 1 site policy, shall: ")
    assert one_line(verdict).startswith("[Connectathon TLS 1 site policy, shall] no")


def test_every_rule_of_the_floor_has_a_killer_in_each_role() -> None:
    from part15 import selftest

    matrix = selftest.run([POLICY])
    assert matrix.sound, selftest.to_text(matrix)
    assert {r.arena for r in matrix.runs} == {"connectathon", "connectathon client"}
