"""Query filtering by real peers: dcmqrscp keeps storage areas apart by AE title, Orthanc shows everybody everything."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from part15.model import Word
from part15.selftest_filtering import POLICY
from part15.selftest_tls import drive


def installed(program: str) -> pytest.MarkDecorator:
    missing = shutil.which(program) is None and not os.environ.get("PART15_REQUIRE_PEERS")
    return pytest.mark.skipif(missing, reason=f"{program} is not installed")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(command: list[str], port: int) -> Iterator[None]:
    """Run *command* until the block ends; it listens on *port* when the block begins."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TCP_NODELAY": "1"},
    )
    try:
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, command
                assert time.monotonic() < until, command
                threading.Event().wait(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(8)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def target(port: int, destination: int, **more: Any) -> dict[str, Any]:
    return {
        "target": {"name": "peer"},
        "claims": {POLICY: ["association-acceptor"]},
        "endpoints": {"plain": {"address": f"127.0.0.1:{port}", "transport": "plain"}},
        "listeners": {"own": {"transport": "plain", "port": destination, "ae_title": "PART15DST"}},
        "limits": {"impact": "credential", "wrong_credentials": 6},
        **more,
    }


def judged(document: dict[str, Any], folder: Path) -> dict[str, tuple[Word, str]]:
    _, verdicts = drive(document, folder, deadline=3.0, only=POLICY)
    return {v.case.clause.removeprefix(f"{POLICY}-"): (v.word, v.message) for v in verdicts}


def areas(folder: Path, port: int, destination: int, *, ward_b: str) -> list[str]:
    """Return the command of a dcmqrscp with three areas; *ward_b* are the peers of the third."""
    for name in ("a", "b", "c"):
        (folder / name).mkdir()
    lines = [
        f"NetworkTCPPort = {port}",
        "MaxPDUSize = 16384",
        "MaxAssociations = 16",
        "HostTable BEGIN",
        f"own = (PART15DST, 127.0.0.1, {destination})",
        "alice = (ALICE, localhost, 9)",
        "bob = (BOB, localhost, 9)",
        "HostTable END",
        "VendorTable BEGIN",
        "VendorTable END",
        "AETable BEGIN",
        f"WARDA {folder / 'a'} RW (100, 1024mb) alice",
        f"WARDB {folder / 'b'} RW (100, 1024mb) {ward_b}",
        f"COMMON {folder / 'c'} RW (100, 1024mb) alice, bob",
        "AETable END",
    ]
    (folder / "qr.cfg").write_text("\n".join(lines) + "\n")
    return ["dcmqrscp", "-c", str(folder / "qr.cfg")]


AREAS = {
    "users": {
        "alice": {"calling_ae_title": "ALICE", "sees": ["ward-a", "common"]},
        "bob": {"calling_ae_title": "BOB", "sees": ["ward-b", "common"]},
    },
    "studies": {
        "ward-a": {"ae_title": "WARDA", "stored_by": "alice"},
        "ward-b": {"ae_title": "WARDB", "stored_by": "bob"},
        "common": {"ae_title": "COMMON", "stored_by": "alice"},
    },
}


@installed("dcmqrscp")
def test_dcmqrscp_keeps_areas_apart(tmp_path: Path) -> None:
    port, destination = free_port(), free_port()
    with running(areas(tmp_path, port, destination, ward_b="bob"), port):
        found = judged(target(port, destination, **AREAS), tmp_path)
    assert {rule: word for rule, (word, _) in found.items()} == {
        "find": Word.PASS,
        "get": Word.PASS,
        "move": Word.PASS,
        "counts": Word.PASS,
        "nobody": Word.PASS,
        "wrong-credential": Word.PASS,
        "existence": Word.PASS,
    }, found


@installed("dcmqrscp")
def test_dcmqrscp_with_an_area_for_any_peer_shows_too_much(tmp_path: Path) -> None:
    port, destination = free_port(), free_port()
    with running(areas(tmp_path, port, destination, ward_b="ANY"), port):
        found = judged(target(port, destination, **AREAS), tmp_path)
    failing = {rule for rule, (word, _) in found.items() if word is Word.FAIL}
    assert failing == {"find", "get", "move", "nobody", "wrong-credential"}, found
    assert "alice is shown study ward-b" in found["find"][1]


@installed("Orthanc")
def test_orthanc_shows_everybody_everything(tmp_path: Path) -> None:
    """It knows no users: name and passcode are accepted, right or wrong (F11), and nothing is filtered."""
    port, destination = free_port(), free_port()
    configuration = {
        "StorageDirectory": str(tmp_path / "storage"),
        "IndexDirectory": str(tmp_path / "storage"),
        "HttpServerEnabled": False,
        "DicomPort": port,
        "DicomAet": "ORTHANC",
        "DicomCheckCalledAet": False,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowMove": True,
        "DicomModalities": {"own": ["PART15DST", "127.0.0.1", destination]},
        "Plugins": [],
    }
    path = tmp_path / "orthanc.json"
    path.write_text(json.dumps(configuration))
    (tmp_path / "passcode").write_text("rose and 42 thorns")
    users = {
        name: {"type": 2, "name": name, "passcode": f"file:{tmp_path}/passcode", "sees": [study]}
        for name, study in (("alice", "ward-a"), ("bob", "ward-b"))
    }
    studies = {"ward-a": {"patient": "one"}, "ward-b": {"patient": "one"}}
    with running(["Orthanc", str(path)], port):
        found = judged(target(port, destination, users=users, studies=studies), tmp_path)
    failing = {rule for rule, (word, _) in found.items() if word is Word.FAIL}
    assert failing == {"find", "get", "move", "counts", "nobody", "wrong-credential"}, found
    assert found["existence"][0] is Word.PASS, "a study that is shown tells nothing by its status"
