"""Real TLS servers, every case compared with what is expected of it and why (``expected/*.json``).

``PART15_WRITE_EXPECTED=1`` writes the verdicts anew; reasons are kept, and a clause without one fails.
"""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

from part15.model import Verdict, Word
from part15.peers.known import PEERS, KnownPeer
from part15.peers.starting import running
from part15.pki import Pki, make_pki
from part15.selftest_tls import drive

EXPECTED = Path(__file__).parent / "expected"
GOOD = (Word.PASS, Word.INFO, Word.NOT_APPLICABLE)
GENERAL = {
    "declared": "the target of this test declares nothing",
    "person": "only a person can know, and nobody attested it for this test",
    "bare": "a bare TLS server: no DICOM service stands behind the port",
}


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki"))


def require(peer: KnownPeer) -> None:
    if peer.installed:
        return
    if os.environ.get("PART15_REQUIRE_PEERS") == "1":
        pytest.fail(f"{peer.name}: {peer.package} must be installed here")
    pytest.skip(f"{peer.name}: {peer.package} is not installed")


def general(verdict: Verdict, peer: KnownPeer) -> str:
    """Return the general reason for a verdict that is no pass, or nothing."""
    if verdict.word is Word.REVIEW:
        return "person"
    if verdict.case.check.startswith("statement.") or "not declared" in verdict.message:
        return "declared"
    if not peer.dicom and verdict.word is Word.INCONCLUSIVE and "association" in verdict.message:
        return "bare"
    return ""


def observed(verdicts: list[Verdict]) -> dict[str, str]:
    return {v.case.id: str(v.word) for v in verdicts}


def reasons(verdicts: list[Verdict], peer: KnownPeer, known: dict[str, str]) -> dict[str, str]:
    found = {}
    for verdict in verdicts:
        if verdict.word in GOOD:
            continue
        clause = verdict.case.clause
        found[clause] = known.get(clause) or general(verdict, peer) or f"? {verdict.message}"
    return found


@pytest.mark.peer(name="tls servers")
@pytest.mark.parametrize("name", sorted(PEERS))
def test_verdicts_of_a_real_server(name: str, pki: Pki, tmp_path: Path) -> None:
    peer = PEERS[name]
    require(peer)
    with running(peer, pki, tmp_path) as path:
        _, verdicts = drive(tomllib.loads(path.read_text()), tmp_path, deadline=2.0)
    file = EXPECTED / f"{name}.json"
    expected: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"reasons": {}}
    seen = observed(verdicts)
    if os.environ.get("PART15_WRITE_EXPECTED") == "1":
        document = {
            "peer": peer.text,
            "claims": dict(peer.claims),
            "floor": sum(
                v.word in (*GOOD, Word.FAIL, Word.WARN) and v.case.settled is None for v in verdicts
            ),
            "reasons": reasons(verdicts, peer, expected["reasons"]),
            "verdicts": seen,
        }
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
        return
    differences = {
        case: (expected["verdicts"].get(case), word)
        for case, word in seen.items()
        if expected["verdicts"].get(case) != word
    }
    assert differences == {}
    assert set(seen) == set(expected["verdicts"])
    unexplained = [
        v.case.clause
        for v in verdicts
        if v.word not in GOOD and v.case.clause not in expected["reasons"]
    ]
    assert unexplained == []


@pytest.mark.parametrize("file", sorted(EXPECTED.glob("*.json")), ids=lambda p: p.stem)
def test_every_deviation_has_a_reason_and_the_floor_holds(file: Path) -> None:
    document = json.loads(file.read_text())
    for clause, reason in document["reasons"].items():
        assert reason in GENERAL or len(reason) > 20, (clause, reason)
        assert not reason.startswith("?"), (clause, reason)
    decided = sum(w in ("pass", "fail", "warn") for w in document["verdicts"].values())
    assert decided >= 0.4 * document["floor"] > 0


def test_the_same_server_under_two_profiles_gets_different_verdicts() -> None:
    older = json.loads((EXPECTED / "dcmtk.json").read_text())
    newer = json.loads((EXPECTED / "dcmtk-rfc8996.json").read_text())
    assert older["claims"] != newer["claims"]
    assert older["verdicts"] != newer["verdicts"]
