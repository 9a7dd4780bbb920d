"""The sheet for a partner: what it needs of us is on it, and nothing secret."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from part15.pki import Pki, make_pki
from part15.report import partner
from part15.sheet import Sheet, sheet_of
from part15.target_file import parse_target
from part15.toml_writing import toml_text

DAY = dt.date(2026, 11, 29)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki"))


def document(pki: Pki, certificate: Path | None = None, **listener: Any) -> dict[str, Any]:
    def identity(name: str) -> dict[str, str]:
        return {"certificate": str(pki[name].certificate), "key": str(pki[name].key)}

    mine = identity("server") | ({"certificate": str(certificate)} if certificate else {})
    return {
        "target": {"name": "PACS <b>", "version": "4.2", "edition": "2023b"},
        "claims": {"tls-bcp195-rfc8996": ["tls-client", "tls-server"]},
        "listeners": {
            "in": {
                "host": "192.0.2.7",
                "port": 22762,
                "transport": "tls",
                "ae_title": "OURS",
                "trigger": ["./send", "{port}"],
                "identity": mine,
                "identities": {"expired": identity("expired")},
                **listener,
            }
        },
        "endpoints": {
            "out": {
                "address": "192.0.2.9:2762",
                "transport": "tls",
                "ae_title": "THEIRS",
                "calling_ae_title": "CALLER",
                "identity": identity("client"),
            }
        },
    }


def made(given: dict[str, Any], folder: Path) -> tuple[Sheet, str, str]:
    sheet = sheet_of(parse_target(given, folder=folder), DAY)
    return sheet, partner.html(sheet), partner.markdown(sheet)


def test_ports_titles_certificates_and_the_authority_are_on_it(pki: Pki, tmp_path: Path) -> None:
    sheet, page, text = made(document(pki), tmp_path)
    for told in (
        "192.0.2.7, port 22762",
        "OURS",
        "192.0.2.9:2762",
        "THEIRS",
        "CALLER",
        "2026-11-29",
    ):
        assert told in page, told
        assert told in text, told
    assert [a.subject for a in sheet.authorities] == ["CN=test CA,O=part15 throw-away"]
    assert sheet.authorities[0].pem in page
    assert sheet.authorities[0].pem in text
    assert sheet.connect[0].certificate is not None
    assert sheet.connect[0].certificate.fingerprint in page
    assert "localhost" in sheet.connect[0].certificate.names
    assert [p.claims for p in (*sheet.connect, *sheet.serve)] == [
        ("tls-bcp195-rfc8996 as tls-client, 2023b",),
        ("tls-bcp195-rfc8996 as tls-server, 2023b",),
    ]
    assert sheet.groups, "a command is counted as if a person connected"
    assert "wrong on purpose (expired)" in text
    assert "<b>" not in page.replace("PACS &lt;b&gt;", "")


def test_no_private_key_is_on_it_even_if_it_lies_beside_the_certificate(
    pki: Pki, tmp_path: Path
) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(pki["server"].key.read_bytes() + pki["server"].certificate.read_bytes())
    (tmp_path / "ca.pem").write_bytes(pki.ca.read_bytes())
    sheet, page, text = made(document(pki, both), tmp_path)
    secret = "".join(pki["server"].key.read_text().splitlines()[1:-1])
    for shown in (page, text):
        assert "PRIVATE KEY" not in shown
        assert secret[:60] not in shown.replace("\n", "")
    assert sheet.connect[0].certificate is not None


def test_what_is_not_settled_yet_is_said(pki: Pki, tmp_path: Path) -> None:
    alone = tmp_path / "alone.pem"
    alone.write_bytes(pki["server"].certificate.read_bytes())
    given = document(pki, alone, host="127.0.0.1", port=0)
    given["endpoints"]["out"].pop("identity")
    sheet, _, text = made(given, tmp_path)
    assert sheet.authorities == []
    assert "Ask us for the certificate of CN=test CA" in text
    assert "The port is told at each connection" in text
    assert "reached from this machine only" in text
    assert "We have no client certificate yet" in text


def test_the_command(pki: Pki, tmp_path: Path) -> None:
    def init(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "part15", "init", str(tmp_path / "mine"), *more],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    missing = init("--sheet")
    assert missing.returncode == 4
    assert "write one first: part15 init" in missing.stderr
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "target.toml").write_text(toml_text(document(pki)))
    done = init("--sheet")
    assert done.returncode == 0, done.stderr
    assert [Path(line).name for line in done.stdout.splitlines()] == ["sheet.html", "sheet.md"]
    assert init("--sheet").returncode == 0, "it is made anew"
