"""Real storage nodes, every case compared with what is expected of it and why (``expected/archive-*.json``).

``PART15_WRITE_EXPECTED=1`` writes the verdicts anew; reasons are kept, and a clause without one fails.
The facts about them that were measured beside us (F01 to F18) must come out as verdicts.
"""

from __future__ import annotations

import functools
import json
import os
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from part15.model import Finding, Verdict, Word
from part15.pki import Pki, make_pki
from part15.selftest_tls import drive

made = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("archive_peers.py"))))
EXPECTED = Path(__file__).parent / "expected"
GOOD = (Word.PASS, Word.INFO, Word.NOT_APPLICABLE)
DEADLINE = 2.0


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("archives-pki"))


@pytest.fixture(scope="module")
def judged(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Any:
    @functools.cache
    def verdicts(name: str) -> list[Verdict]:
        node = made.NODES[name]
        if node.missing:
            if node.debian and os.environ.get("PART15_REQUIRE_PEERS") == "1":
                pytest.fail(f"{node.text}: {node.missing} must be installed here")
            pytest.skip(f"{node.text}: not installed: {node.missing}")
        folder = tmp_path_factory.mktemp(name)
        with made.running(node, pki, folder) as document:
            _, found = drive(document, folder, deadline=DEADLINE)
        return found

    return verdicts


def general(verdict: Verdict) -> str:
    """Return the general reason for a verdict that is no pass, or nothing."""
    if verdict.word is Word.REVIEW:
        return "person"
    if verdict.case.check.startswith("statement.") or "not declared" in verdict.message:
        return "declared"
    return ""


@pytest.mark.timeout(300)
@pytest.mark.peer(name="archives")
@pytest.mark.parametrize("name", sorted(made.NODES))
def test_verdicts_of_a_real_node(name: str, judged: Any) -> None:
    verdicts = judged(name)
    file = EXPECTED / f"{name}.json"
    expected: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"reasons": {}}
    seen = {v.case.id: str(v.word) for v in verdicts}
    if os.environ.get("PART15_WRITE_EXPECTED") == "1":
        reasons = {
            v.case.clause: expected["reasons"].get(v.case.clause)
            or general(v)
            or f"? {v.word}: {v.message}"
            for v in verdicts
            if v.word not in GOOD
        }
        document = {
            "peer": made.NODES[name].text,
            "claims": dict.fromkeys(made.CLAIMS, "2023b"),
            "floor": sum(w in ("pass", "fail", "warn") for w in seen.values()),
            "reasons": reasons,
            "verdicts": seen,
        }
        file.write_text(json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
        return
    differences = {
        case: (expected["verdicts"].get(case), word)
        for case, word in seen.items()
        if expected["verdicts"].get(case) != word
    }
    assert differences == {}
    assert set(seen) == set(expected["verdicts"])
    unexplained = {v.case.clause for v in verdicts if v.word not in GOOD}
    assert unexplained <= set(expected["reasons"])


def verdict(verdicts: list[Verdict], clause: str, endpoint: str = "@dicom-tls") -> Verdict:
    mine = [v for v in verdicts if v.case.clause == clause and endpoint in v.case.id]
    assert mine, clause
    return max(mine, key=lambda v: v.word is Word.FAIL)


def failing(found: Verdict) -> set[str]:
    """Return the trap objects that fail in *found*."""
    return {_object(f) for f in found.findings if f.word is Word.FAIL}


def _object(finding: Finding) -> str:
    return finding.subject.partition(" by ")[0]


REWRITERS = (
    "archive-storescp",
    "archive-dcmqrscp",
    "archive-orthanc",
    "archive-orthanc-packed",
)


@pytest.mark.peer(name="archives")
@pytest.mark.parametrize("name", REWRITERS)
def test_f01_f02_f03_f04_dcmtk_rewrites(name: str, judged: Any) -> None:
    """F01: padding is cut; F02: trailing padding is dropped; F03: UN becomes SQ; F04: lengths change."""
    found = judged(name)
    values = verdict(found, "A.3-a-bit-for-bit")
    assert values.word is Word.FAIL
    assert {"trailing blanks", "text of 70000 octets", "UIDs padded with blanks"} <= failing(values)
    kept = failing(verdict(found, "A.3-c-no-removal-or-change"))
    assert "group length and trailing padding" in kept
    assert failing(verdict(found, "A.3-e-vr-unchanged")) == {"UN of undefined length"}
    assert verdict(found, "A.3-b-item-order").word is Word.PASS
    lengths = verdict(found, "A.3-c-add-allowed")
    assert lengths.word is Word.INFO
    assert "defined against undefined lengths" in lengths.message
    assert verdict(found, "A.1.1-h-no-other-change").word is Word.FAIL


@pytest.mark.peer(name="archives")
def test_f03_f05_of_pynetdicom(judged: Any) -> None:
    """F03 also of pynetdicom qrscp; F05: what becomes of group lengths is no violation."""
    found = judged("archive-qrscp")
    assert "UN of undefined length" in failing(verdict(found, "A.3-e-vr-unchanged"))
    assert "group length and trailing padding" not in failing(verdict(found, "A.3-a-bit-for-bit"))
    told = verdict(found, "A.3-c-add-allowed")
    assert told.word is Word.INFO
    assert "group lengths" in told.message


@pytest.mark.peer(name="archives")
def test_f13_dcmqrscp_replaces_what_it_holds(judged: Any) -> None:
    """F13: the same UID with other values and status gets 0000H and replaces the first."""
    found = [
        v
        for v in judged("archive-dcmqrscp")
        if v.case.id == "A.1.1-h-no-other-change:storage-scp@dicom-tls:sent-again"
    ]
    assert [v.word for v in found] == [Word.FAIL]
    assert "replaced by another one with its UID (0000H)" in found[0].message


@pytest.mark.peer(name="archives")
@pytest.mark.parametrize("name", ["archive-dcmqrscp", "archive-orthanc", "archive-qrscp"])
def test_f14_status_that_came_over_plain_tcp_is_kept(name: str, judged: Any) -> None:
    found = verdict(judged(name), "A.1.1-f2-receiver-ns")
    assert found.word is Word.FAIL
    assert "over a plain connection" in found.message
    assert any("stored with status 'AO' over a plain" in f.message for f in found.findings)


@pytest.mark.peer(name="archives")
def test_f15_f16_f17_of_dcmjs(judged: Any) -> None:
    """F15: private elements and the character set are lost; F16: signatures break; F17: no commitment."""
    found = judged("archive-dcmjs")
    lost = verdict(found, "A.1.1-g-level-2")
    assert lost.word is Word.FAIL
    assert "private block" in failing(lost)
    assert {"ISO_IR 100 character set", "no character set"} & failing(
        verdict(found, "A.3-c-no-removal-or-change")
    )
    broken = verdict(found, "A.2-c1-remove-invalidated")
    assert broken.word is Word.FAIL
    assert "does not hold any more" in broken.message
    assert "0110H" in verdict(found, "PS3.4-J-push-model").message


@pytest.mark.peer(name="archives")
@pytest.mark.parametrize(
    "name", ["archive-dcmqrscp", "archive-storescp", "archive-storescp-bits", "archive-qrscp"]
)
def test_f18_storage_commitment_is_not_offered(name: str, judged: Any) -> None:
    for clause in ("PS3.4-J-push-model", "A.1.1-d4-storage-commitment-push"):
        found = verdict(judged(name), clause)
        assert found.word is Word.FAIL
        assert "not accepted" in found.message


@pytest.mark.peer(name="archives")
def test_storescp_preserves_every_bit_if_it_is_told_to(judged: Any) -> None:
    found = judged("archive-storescp-bits")
    for clause in (
        "A.3-a-bit-for-bit",
        "A.3-b-item-order",
        "A.3-c-no-removal-or-change",
        "A.3-e-vr-unchanged",
        "A.1.1-g-no-coercion",
        "A.2-c1-remove-invalidated",
    ):
        assert verdict(found, clause).word is Word.PASS, clause


@pytest.mark.peer(name="archives")
@pytest.mark.parametrize("name", ["archive-orthanc", "archive-orthanc-packed"])
def test_orthanc_commits_on_a_new_association(name: str, judged: Any) -> None:
    found = verdict(judged(name), "PS3.4-J-push-model")
    assert found.word is Word.PASS
    assert "on the new association" in found.message
    assert {f.subject: f.message[-5:] for f in found.findings} == {
        "unknown instance": "0112H",
        "another SOP class": "0119H",
    }
