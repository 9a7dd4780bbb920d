"""The real storage nodes that the tests start: command, and what a target file says of each.

A TLS front (stunnel) stands before each of them, so that Online Electronic Storage can be judged: its
partner and its stranger are two clients of that front, and the node itself is the plain endpoint.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
MODULES = HERE.parent.parent / ".node-peers" / "node_modules"
CLAIMS = (
    "online-electronic-storage",
    "bit-preserving-digital-signatures-use",
    "basic-digital-signatures-use",
)


def installed(program: str) -> pytest.MarkDecorator:
    missing = shutil.which(program) is None and not os.environ.get("PART15_REQUIRE_PEERS")
    return pytest.mark.skipif(missing, reason=f"{program} is not installed")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@dataclass
class Place:
    """Ports and folders of one node."""

    folder: Path
    port: int = field(default_factory=free_port)
    secure: int = field(default_factory=free_port)
    own: int = field(default_factory=free_port)

    @property
    def store(self) -> Path:
        found = self.folder / "store"
        found.mkdir(exist_ok=True)
        return found


@dataclass(frozen=True)
class Node:
    """One node: *files* says that what it stores stands as DICOM files in its folder."""

    text: str
    command: Callable[[Place], list[str]]
    program: str
    package: str
    title: str = "ANY-SCP"
    files: bool = False
    debian: bool = True

    @property
    def missing(self) -> str:
        if self.package == "dcmjs-dimse" and not MODULES.exists():
            return "npm install --prefix .node-peers dcmjs-dimse"
        programs = (self.program, "stunnel")
        return ", ".join(p for p in programs if shutil.which(p) is None)


def _storescp(*options: str) -> Callable[[Place], list[str]]:
    return lambda at: ["storescp", *options, "-od", str(at.store), str(at.port)]


def _dcmqrscp(at: Place) -> list[str]:
    lines = [
        f"NetworkTCPPort = {at.port}",
        "MaxPDUSize = 16384",
        "MaxAssociations = 16",
        "HostTable BEGIN",
        f"own = (PART15, 127.0.0.1, {at.own})",
        "HostTable END",
        "VendorTable BEGIN",
        "VendorTable END",
        "AETable BEGIN",
        f"QRSTORE {at.store} RW (200, 1024mb) ANY",
        "AETable END",
    ]
    (at.folder / "qr.cfg").write_text("\n".join(lines) + "\n")
    return ["dcmqrscp", "-c", str(at.folder / "qr.cfg")]


PRIVATE = {
    f"{group},{element}": [vr, f"Part15{group}{element}", 1, 1, creator]
    for group, element, vr, creator in (
        ("0009", "1001", "LO", "PART15 TEST"),
        ("0009", "1002", "SQ", "PART15 TEST"),
        ("0013", "1002", "LO", "PART15 TEST"),
        ("0015", "1001", "DS", "PART15 TWICE"),
        ("0017", "1001", "OB", "PART15 LARGE"),
    )
}
"""A private dictionary with VRs other than the trap objects have."""


def _orthanc(**more: Any) -> Callable[[Place], list[str]]:
    def command(at: Place) -> list[str]:
        configuration = {
            "StorageDirectory": str(at.store),
            "IndexDirectory": str(at.store),
            "HttpServerEnabled": False,
            "DicomPort": at.port,
            "DicomAet": "ORTHANC",
            "DicomCheckCalledAet": False,
            "DicomAlwaysAllowGet": True,
            "DicomAlwaysAllowMove": True,
            "DicomModalities": {
                "own": {
                    "AET": "PART15",
                    "Host": "127.0.0.1",
                    "Port": at.own,
                    "AllowStorageCommitment": True,
                }
            },
            "Plugins": [],
            **more,
        }
        (at.folder / "orthanc.json").write_text(json.dumps(configuration))
        return ["Orthanc", str(at.folder / "orthanc.json")]

    return command


def _qrscp(at: Place) -> list[str]:
    (at.folder / "qr.ini").write_text(
        f"[DEFAULT]\nae_title: QRSCP\nport: {at.port}\nmax_pdu: 16382\nacse_timeout: 10\n"
        "dimse_timeout: 10\nnetwork_timeout: 10\nbind_address: 127.0.0.1\n"
        f"instance_location: {at.store}\ndatabase_location: {at.folder / 'qr.sqlite'}\n"
        f"log_identifier: False\n[PART15]\naddress: 127.0.0.1\nport: {at.own}\n"
    )
    return [sys.executable, "-m", "pynetdicom", "qrscp", "-q", "-c", str(at.folder / "qr.ini")]


def _dcmjs(at: Place) -> list[str]:
    return ["node", str(HERE / "scp.js"), str(at.port), str(at.store)]


NODES = {
    "archive-storescp": Node(
        "DCMTK storescp as it comes", _storescp(), "storescp", "dcmtk", files=True
    ),
    "archive-storescp-bits": Node(
        "DCMTK storescp, bit preserving", _storescp("+B"), "storescp", "dcmtk", files=True
    ),
    "archive-dcmqrscp": Node("DCMTK dcmqrscp", _dcmqrscp, "dcmqrscp", "dcmtk", "QRSTORE"),
    "archive-orthanc": Node("Orthanc", _orthanc(), "Orthanc", "orthanc", "ORTHANC"),
    "archive-orthanc-packed": Node(
        "Orthanc with storage compression and a private dictionary",
        _orthanc(StorageCompression=True, Dictionary=PRIVATE),
        "Orthanc",
        "orthanc",
        "ORTHANC",
    ),
    "archive-qrscp": Node("pynetdicom qrscp", _qrscp, sys.executable, "pynetdicom", "QRSCP"),
    "archive-dcmjs": Node(
        "a node of dcmjs-dimse", _dcmjs, "node", "dcmjs-dimse", files=True, debian=False
    ),
}


def _stunnel(at: Place, pki: Any) -> list[str]:
    mine, path = pki["server"], at.folder / "stunnel.conf"
    path.write_text(
        "foreground = yes\npid =\nsyslog = no\nsocket = l:TCP_NODELAY=1\nsocket = r:TCP_NODELAY=1\n"
        f"[dicom]\naccept = 127.0.0.1:{at.secure}\nconnect = 127.0.0.1:{at.port}\n"
        f"cert = {mine.certificate}\nkey = {mine.key}\nCAfile = {pki.ca}\n"
        "verifyChain = yes\nrequireCert = yes\nsslVersionMin = TLSv1.2\n"
    )
    return ["stunnel", str(path)]


@contextlib.contextmanager
def process(command: list[str], port: int, log: Path = Path(os.devnull)) -> Iterator[None]:
    """Run *command* until the block ends; it listens on *port* when the block begins."""
    environment = {**os.environ, "TCP_NODELAY": "1", "NODE_PATH": str(MODULES)}
    with log.open("ab") as out:
        started = subprocess.Popen(command, stdout=out, stderr=out, env=environment)
    try:
        until = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert started.poll() is None, (command, log.read_bytes()[-600:])
                assert time.monotonic() < until, (command, log.read_bytes()[-600:])
                threading.Event().wait(0.05)
        yield
    finally:
        started.terminate()
        try:
            started.wait(8)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


@contextlib.contextmanager
def running(node: Node, pki: Any, folder: Path) -> Iterator[dict[str, Any]]:
    """Start *node* and its front; give the document of its target."""
    at = Place(folder)

    def identity(name: str) -> dict[str, str]:
        return {"certificate": str(pki[name].certificate), "key": str(pki[name].key)}

    document: dict[str, Any] = {
        "target": {"name": node.text},
        "claims": {name: ["storage-scp"] for name in CLAIMS},
        "endpoints": {
            "dicom-tls": {
                "address": f"127.0.0.1:{at.secure}",
                "transport": "tls",
                "ae_title": node.title,
                "trust": str(pki.ca),
                "server_name": "localhost",
                "identity": identity("client"),
                "identities": {"other": identity("client-2"), "expired": identity("expired")},
            },
            "dicom-plain": {
                "address": f"127.0.0.1:{at.port}",
                "transport": "plain",
                "ae_title": node.title,
            },
        },
        "listeners": {"own": {"transport": "plain", "port": at.own, "ae_title": "PART15"}},
    }
    if node.files:
        document["media"] = {"folder": str(at.store)}
    log = folder / "peer.log"
    with (
        process(node.command(at), at.port, log),
        process(_stunnel(at, pki), at.secure, log),
    ):
        yield document
