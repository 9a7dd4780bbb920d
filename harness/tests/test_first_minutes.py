"""The first five minutes with TLS: each typical mistake is told in one clear sentence that says what to do."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from part15.peers.embedded import embedded_target
from part15.pki import make_pki
from part15.toml_writing import toml_text

PROFILE = "tls-bcp195-rfc8996"
Document = dict[str, Any]


def part15(*args: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "part15", *map(str, args)],
        cwd=cwd, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Document, Path]]:
    folder = tmp_path_factory.mktemp("peer")
    with embedded_target(folder) as path:
        document = tomllib.loads(path.read_text())
        document["endpoints"] = {"dicom-tls": document["endpoints"]["dicom-tls"]}
        document.pop("attestations")
        yield document, folder


def changed(right: tuple[Document, Path], change: Callable[[Document], None]) -> Path:
    document, folder = right
    mine = tomllib.loads(toml_text(document))
    change(mine)
    path = folder / "mine.toml"
    path.write_text(toml_text(mine))
    return path


def point(document: Document) -> Document:
    found: Document = document["endpoints"]["dicom-tls"]
    return found


def shows(name: str) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        point(document)["identity"] = {
            "certificate": f"pki/{name}.pem",
            "key": f"pki/{name}.key",
        }

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: point(d).update(address="127.0.0.1:9"), "start the product or correct the port"),
        (lambda d: point(d).update(trust="pki/other-ca.pem"), "which is not in"),
        (lambda d: point(d).update(ae_title="NOBODY"), "ae_title and calling_ae_title as the product knows them"),
        (shows("expired"), "replace it"),
        (shows("key-mismatch"), "give the pair that does"),
        (shows("untrusted"), "issue it by a CA that the product trusts"),
        (lambda d: point(d).pop("identity"), "the product asks for a client certificate"),
    ],
    ids=["port", "trust", "title", "expired", "mismatch", "untrusted", "no certificate"],
)  # fmt: skip
def test_doctor_says_it_once(
    right: tuple[Document, Path], change: Callable[[Document], None], said: str
) -> None:
    path = changed(right, change)
    done = part15("doctor", path, cwd=path.parent)
    wrong = [line for line in done.stdout.splitlines() if line.startswith("FIX")]
    assert done.returncode == 3, done.stdout
    assert len(wrong) == 1, done.stdout
    assert said in wrong[0]


def test_doctor_is_content_with_what_is_right(right: tuple[Document, Path]) -> None:
    path = changed(right, lambda d: None)
    done = part15("doctor", path, cwd=path.parent)
    assert (done.returncode, "FIX" in done.stdout) == (0, False)
    assert "holds CN=test CA" in done.stdout


def test_a_plain_server_that_is_claimed_as_tls(tmp_path: Path) -> None:
    from pynetdicom import AE

    pki = make_pki(tmp_path / "pki")
    node = AE()
    node.add_supported_context("1.2.840.10008.1.1")
    server = node.start_server(("127.0.0.1", 0), block=False)
    assert server is not None
    mine = {"certificate": str(pki["client"].certificate), "key": str(pki["client"].key)}
    address = f"127.0.0.1:{server.server_address[1]}"
    document = {
        "target": {"name": "plain", "edition": "2023b"},
        "claims": {PROFILE: ["tls-server"]},
        "endpoints": {"e": {"address": address, "transport": "tls", "identity": mine}},
    }
    path = tmp_path / "target.toml"
    path.write_text(toml_text(document))
    done = part15("doctor", path, cwd=tmp_path)
    server.shutdown()
    wrong = [line for line in done.stdout.splitlines() if line.startswith("FIX")]
    assert len(wrong) == 1, done.stdout
    assert 'set transport = "plain"' in wrong[0] or "switch TLS on" in wrong[0]


def test_lint_sees_misspelt_keys_and_missing_files(right: tuple[Document, Path]) -> None:
    def change(document: Document) -> None:
        document["declared"] = {
            PROFILE: {"portss": "2762"},
            "tls-bcp195-rfc899": {"ports": "1"},
            "own": {"x": 1},
        }

    path = changed(right, change)
    done = part15("lint", path, cwd=path.parent)
    said = done.stdout + done.stderr
    assert done.returncode == 4
    assert re.search(
        r"mine\.toml:\d+: declared\.tls-bcp195-rfc8996\.portss: nothing reads this; did you mean 'ports'",
        said,
    )
    assert "did you mean 'tls-bcp195-rfc8996'" in said
    assert "own" not in said, "what is nothing's near name is left to the vendor"
    path = changed(right, lambda d: point(d).update(trust="pki/nowhere.pem"))
    done = part15("lint", path, cwd=path.parent)
    assert done.returncode == 4
    assert "there is no file" in done.stdout + done.stderr


def test_a_dead_target_is_said_once_not_once_per_case(right: tuple[Document, Path]) -> None:
    path = changed(right, lambda d: point(d).update(address="127.0.0.1:9"))
    done = part15("run", path, "-o", path.parent / "dead", cwd=path.parent)
    assert done.returncode == 3
    assert done.stderr.count("nothing accepts connections") == 1
    told = " ".join(done.stdout.split())
    assert told.count("nothing accepts connections on 127.0.0.1:9") == 1
    assert re.search(r"\d{3} x connect: nothing accepts connections", told)


def test_the_shipped_starter_is_right(tmp_path: Path) -> None:
    assert part15("init", "mine", cwd=tmp_path).returncode == 0
    assert part15("lint", "mine/target.toml", cwd=tmp_path).returncode == 0
