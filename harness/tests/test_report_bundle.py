"""What leaves the house: the connectathon bundle and the in-toto statement."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import zipfile

import pytest
from click.testing import CliRunner

from part15.cli_report import report_command
from part15.content import folder
from part15.errors import InputError
from part15.report import render, seal
from part15.report.build import to_text
from part15.report.bundle import bundle
from part15.report.stored import read

SAMPLE = folder("reports") / "samples" / "report.json"


@pytest.fixture
def run(tmp_path):
    place = tmp_path / "run"
    place.mkdir()
    document = read(SAMPLE)
    for number, item in enumerate(document["evidence"]):
        path = place / item["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(item["id"])
        item["phi"] = "possible" if number == 0 else "none"
    (place / "report.json").write_text(to_text(document), encoding="utf-8")
    seal.seal(place)
    return place


def test_bundle_holds_the_proof_and_says_where_it_is(run, tmp_path):
    out = tmp_path / "b.zip"
    told = bundle(run, out)
    assert told["leftOut"] == 1
    with zipfile.ZipFile(out) as archive:
        names = archive.namelist()
        page = archive.read("README.txt").decode()
        archive.extractall(tmp_path / "out")
    assert {"README.txt", "gitb.xml", "run/report.json", "run/SHA256SUMS", "run/CHAIN"} <= set(
        names
    )
    private = read(run)["evidence"][0]["path"]
    assert f"run/{private}" not in names
    assert private in page
    for words in (
        "Example Archive 4.2",
        "Not conformant: tls-bcp195-rfc8996",
        seal.verify(run).seal,
        "signed            no",
    ):
        assert words in page
    assert seal.verify(tmp_path / "out" / "run").problems[0] == f"{private} is missing"


def test_bundle_with_everything_is_intact(run, tmp_path):
    bundle(run, tmp_path / "b.zip", phi=True)
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        archive.extractall(tmp_path / "out")
    assert seal.verify(tmp_path / "out" / "run").problems == ()
    if shutil.which("sha256sum"):
        done = subprocess.run(
            ["sha256sum", "-c", "--quiet", "SHA256SUMS"],
            cwd=tmp_path / "out" / "run",
            check=False,
            timeout=30,
        )
        assert done.returncode == 0


def test_bundle_is_the_same_for_the_same_run(run, tmp_path):
    for name in ("a.zip", "b.zip"):
        arguments = ["bundle", str(run), "-o", str(tmp_path / name)]
        assert (
            CliRunner().invoke(report_command, arguments, standalone_mode=False).return_value == 0
        )
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_no_bundle_of_a_changed_run(run, tmp_path):
    with pytest.raises(InputError, match="lies in the run itself"):
        bundle(run, run / "b.zip")
    (run / "extra").write_text("x")
    with pytest.raises(InputError, match="extra was added"):
        bundle(run, tmp_path / "b.zip")


def test_in_toto_statement():
    document = read(SAMPLE)
    made = json.loads(render(document, "in-toto"))
    assert made["subject"][0]["digest"]["sha256"] == hashlib.sha256(SAMPLE.read_bytes()).hexdigest()
    assert made["predicate"]["result"] == "FAILED"
    lists = [made["predicate"][k] for k in ("passedTests", "warnedTests", "failedTests")]
    cases = [r["case"] for r in document["results"] if r["verdict"] != "not-applicable"]
    assert sorted(c for one in lists for c in one) == sorted(cases)
