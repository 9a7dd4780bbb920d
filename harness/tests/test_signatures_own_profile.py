"""A vendor's own signature profile, as the page shows it, is judged like a built-in one."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from part15.cli import main
from part15.peers.signing_orders import right_order
from part15.peers.signing_party import signing_party
from part15.peers.signing_samples import plain
from part15.wire.signing import sign

PAGE = Path(__file__).parent.parent / "docs" / "signatures.md"
PARTY = signing_party()


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    text = PAGE.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    path = tmp_path / "acme.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def verdicts(
    tmp_path: Path, profile: Path, capsys: pytest.CaptureFixture[str], **changes: Any
) -> dict[str, str]:
    anchor, file = tmp_path / "root.pem", tmp_path / "object.dcm"
    anchor.write_bytes(PARTY.root.public_bytes(Encoding.PEM))
    file.write_bytes(sign(plain(), right_order(PARTY, **changes)))
    with contextlib.suppress(SystemExit):
        main(["inspect", str(file), "-p", str(profile), "--trust", str(anchor), "--json"])
    document = json.loads(capsys.readouterr().out)
    return {r["clause"]: r["verdict"] for r in document["results"]}


def test_a_right_object_passes(
    tmp_path: Path, profile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = verdicts(tmp_path, profile, capsys)
    own = {clause: word for clause, word in found.items() if clause.startswith("ACME")}
    assert own == dict.fromkeys(own, "pass")
    assert len(own) == 5
    assert found["M-signature-value"] == "pass"


@pytest.mark.parametrize(
    ("clause", "changes"),
    [
        ("ACME-attributes", {"tags": (0x00080016, 0x00080018, 0x00100010)}),
        ("ACME-algorithm", {"algorithm": "SHA1"}),
        ("ACME-device", {"signer": PARTY.signers["second"]}),
        ("ACME-timestamp", {"token": None}),
        ("ACME-purpose", {"purpose": ("5", "ASTM-sigpurpose", "Verification Signature")}),
    ],
)
def test_each_rule_can_fail(
    tmp_path: Path,
    profile: Path,
    capsys: pytest.CaptureFixture[str],
    clause: str,
    changes: dict[str, Any],
) -> None:
    found = verdicts(tmp_path, profile, capsys, **changes)
    assert {c for c, word in found.items() if word == "fail" and c.startswith("ACME")} == {clause}
