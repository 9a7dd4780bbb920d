"""Real acceptors and requestors of user identities, every case compared (``expected/identity-*.json``).

``PART15_WRITE_EXPECTED=1`` writes the verdicts anew; reasons are kept, and a clause without one fails.
What is known of them (F11; pynetdicom's transient rejection and missing 59H) must come out as verdicts.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import os
import runpy
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from part15.model import Verdict, Word
from part15.peers.media_samples import image
from part15.peers.realm import realm
from part15.pki import Pki, make_pki
from part15.selftest_tls import drive

HERE = Path(__file__).parent
made = SimpleNamespace(**runpy.run_path(str(HERE / "archive_peers.py")))
EXPECTED = HERE / "expected"
GOOD = (Word.PASS, Word.INFO, Word.NOT_APPLICABLE)
PASSCODE = "rose and 42 thorns"
ANNEX = ("user-identity-basic", "user-identity-passcode")
ALL = (*ANNEX, "user-identity-kerberos", "user-identity-saml", "site-json-web-token")


def _script(name: str, *program: str) -> Any:
    return lambda at: [*program, str(HERE / name), str(at.port), PASSCODE]


ACCEPTORS = {
    "identity-storescp": made.NODES["archive-storescp"],
    "identity-dcmqrscp": made.NODES["archive-dcmqrscp"],
    "identity-orthanc": made.NODES["archive-orthanc"],
    "identity-pynetdicom": made.Node(
        "pynetdicom that knows alice",
        _script("identity_service.py", sys.executable),
        sys.executable,
        "pynetdicom",
        "PYNETDICOM",
    ),
    "identity-dcmjs": made.Node(
        "dcmjs-dimse that knows alice",
        _script("identity_scp.js", "node"),
        "node",
        "dcmjs-dimse",
        debian=False,
    ),
}
CLAIMED = {"identity-dcmjs": ANNEX}
"""What each is judged by: those that know nobody by everything, since F11 says that they take all of it."""

STORESCU = ["storescu", "-aec", "{aet}"]
REACHED = ["{host}", "{port}", "object.dcm"]
REQUESTORS: dict[str, tuple[str, str, list[str]]] = {
    # name: profile, program, trigger
    "requestor-storescu-passcode": (
        "user-identity-passcode",
        "storescu",
        [*STORESCU, "-usr", "alice", "-pwd", PASSCODE, "-rsp", *REACHED],
    ),
    "requestor-storescu-name": (
        "user-identity-basic",
        "storescu",
        [*STORESCU, "-usr", "alice", "-rsp", *REACHED],
    ),
    "requestor-storescu-ticket": (
        "user-identity-kerberos",
        "storescu",
        [*STORESCU, "-kt", "ticket.bin", "-rsp", *REACHED],
    ),
    "requestor-storescu-assertion": (
        "user-identity-saml",
        "storescu",
        [*STORESCU, "--saml", "assertion.xml", "-rsp", *REACHED],
    ),
    "requestor-storescu-token": (
        "site-json-web-token",
        "storescu",
        [*STORESCU, "--jwt", "token.txt", "-rsp", *REACHED],
    ),
    "requestor-pynetdicom": (
        "user-identity-passcode",
        sys.executable,
        [
            sys.executable,
            str(HERE / "identity_requestor.py"),
            "{host}",
            "{port}",
            "{aet}",
            PASSCODE,
        ],
    ),
    "requestor-dcmjs": (
        "user-identity-passcode",
        "node",
        [
            "node",
            str(HERE / "identity_scu.js"),
            "{host}",
            "{port}",
            "{aet}",
            "2",
            "alice",
            PASSCODE,
        ],
    ),
}


def needed(missing: str, *, required: bool = True) -> None:
    """Skip, or fail where CI must have it, if something is *missing*."""
    if missing and required and os.environ.get("PART15_REQUIRE_PEERS") == "1":
        pytest.fail(f"{missing} must be installed here")
    if missing:
        pytest.skip(f"not installed: {missing}")


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("identity-peers-pki"))


@pytest.fixture(scope="module")
def acceptor(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Any:
    @functools.cache
    def verdicts(name: str) -> list[Verdict]:
        node = ACCEPTORS[name]
        needed(node.missing, required=node.debian)
        folder = tmp_path_factory.mktemp(name)
        (folder / "passcode").write_text(PASSCODE)
        claims = (*CLAIMED.get(name, ALL), "site-association-policy")
        with made.running(node, pki, folder) as document:
            document["claims"] = {name: ["association-acceptor"] for name in claims}
            document["users"] = {
                "alice-name": {"type": 1, "name": "alice"},
                "alice": {"type": 2, "name": "alice", "passcode": f"file:{folder}/passcode"},
                **realm().written(folder),
            }
            document["limits"] = {"impact": "credential", "wrong_credentials": 180}
            for key in ("listeners", "media"):
                document.pop(key, None)
            _, found = drive(document, folder, deadline=1.0)
        return found

    return verdicts


@pytest.fixture(scope="module")
def requestor(tmp_path_factory: pytest.TempPathFactory) -> Any:
    @functools.cache
    def verdicts(name: str) -> list[Verdict]:
        profile, program, trigger = REQUESTORS[name]
        if program == "node":
            lost = "" if made.MODULES.exists() and shutil.which("node") else "dcmjs-dimse"
            needed(lost, required=False)
        needed("" if shutil.which(program) else program)
        folder = tmp_path_factory.mktemp(name)
        (folder / "object.dcm").write_bytes(image())
        credentials(folder)
        document: dict[str, Any] = {
            "target": {"name": name},
            "claims": {profile: ["association-requestor"]},
            "declared": {"user_identity": {"requires_confirmation": True}},
            "listeners": {
                "own": {"transport": "plain", "trigger": trigger, "keytab": "dicom.keytab"}
            },
        }
        with pytest.MonkeyPatch.context() as patch, contextlib.chdir(folder):
            patch.setenv("NODE_PATH", str(made.MODULES))
            patch.setenv("TCP_NODELAY", "1")
            _, found = drive(document, folder, deadline=2.0)
        return found

    return verdicts


def credentials(folder: Path) -> None:
    """Write a ticket, an assertion and a token into *folder*."""
    from part15.drivers.identity_assertions import purse as vouched
    from part15.drivers.identity_tickets import purse as ticketed
    from part15.target_users import User

    users = realm().written(folder)
    for name, user, make in (
        ("ticket.bin", "with-ticket", ticketed),
        ("assertion.xml", "with-assertion", vouched),
        ("token.txt", "with-token", vouched),
    ):
        shown = make(user, User(**users[user]), []).right().identity.primary
        (folder / name).write_bytes(shown)


def general(verdict: Verdict) -> str:
    """Return the general reason for a verdict that is no pass, or nothing."""
    if verdict.word is Word.REVIEW:
        return "person"
    return "declared" if verdict.case.check.startswith("statement.") else ""


def compared(name: str, verdicts: list[Verdict]) -> None:
    """Compare *verdicts* with what is expected of the peer *name*."""
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
            "peer": name,
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
    assert {v.case.clause for v in verdicts if v.word not in GOOD} <= set(expected["reasons"])
    assert not [r for r in expected["reasons"].values() if r.startswith("?")]
    assert sum(w in ("pass", "fail", "warn") for w in seen.values()) >= expected["floor"]


@pytest.mark.timeout(300)
@pytest.mark.peer(name="identity")
@pytest.mark.parametrize("name", sorted(ACCEPTORS))
def test_verdicts_of_a_real_acceptor(name: str, acceptor: Any) -> None:
    compared(name, acceptor(name))


@pytest.mark.timeout(300)
@pytest.mark.peer(name="identity")
@pytest.mark.parametrize("name", sorted(REQUESTORS))
def test_verdicts_of_a_real_requestor(name: str, requestor: Any) -> None:
    compared(name, requestor(name))


def words(verdicts: list[Verdict], clause: str) -> set[str]:
    found = {str(v.word) for v in verdicts if v.case.clause == clause}
    assert found, clause
    return found


@pytest.mark.peer(name="identity")
@pytest.mark.parametrize("name", ["identity-storescp", "identity-dcmqrscp", "identity-orthanc"])
def test_f11_everything_is_accepted_and_nothing_answered(name: str, acceptor: Any) -> None:
    found = acceptor(name)
    for clause in ("B.4-accept-type-1-2", "B.5-accept", "B.6-accept", "B.7-accept"):
        assert words(found, clause) == {"pass"}
    for clause in (
        "B.4-positive-response",
        "B.5-positive-response",
        "B.6-positive-response",
        "B.7-positive-response",
        "B.5-authenticate",
        "B.6-authenticate",
        "B.7-authenticate",
        "site-jwt-authenticate",
    ):
        assert words(found, clause) == {"fail"}, clause


@pytest.mark.peer(name="identity")
def test_pynetdicom_rejects_transiently_and_misses_59h_for_passcodes(acceptor: Any) -> None:
    found = acceptor("identity-pynetdicom")
    assert words(found, "UID-reject-codes") == {"fail"}
    assert (
        words(found, "B.4-positive-response") == words(found, "B.5-positive-response") == {"fail"}
    )
    assert words(found, "B.5-authenticate") == {"pass"}
    assert any("(2, 2, 1)" in v.message for v in found if v.case.clause == "UID-reject-codes")


@pytest.mark.peer(name="identity")
def test_storescu_gives_up_without_59h_for_names_and_passcodes(requestor: Any) -> None:
    def told(name: str) -> str:
        (found,) = (v for v in requestor(name) if v.case.clause == "UID-requestor-may-decide")
        return found.message

    for name in ("requestor-storescu-passcode", "requestor-storescu-name"):
        assert told(name) == "after an answer with no 59H it closed"
    assert told("requestor-storescu-ticket") == "after an answer with no 59H it went on"


def test_no_expected_file_is_left_over() -> None:
    names = {
        p.stem
        for pattern in ("identity-*", "requestor-*")
        for p in EXPECTED.glob(f"{pattern}.json")
    }
    assert names == {*ACCEPTORS, *REQUESTORS}
    assert all(dataclasses.is_dataclass(node) for node in ACCEPTORS.values())
