"""Real peers we know how to start: for our tests, and as ready targets for users (``part15 init --peer``)."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from part15.errors import TargetError
from part15.pki import Pki, make_pki
from part15.registry import did_you_mean
from part15.toml_writing import relative_below, toml_text

Command = Callable[[Pki, int, Path], list[str]]

B9 = "tls-bcp195"
B10 = "tls-bcp195-nondowngrading"
B11 = "tls-bcp195-extended"
B12 = "tls-bcp195-rfc8996"
B13 = "tls-bcp195-rfc8996-modified"


@dataclass(frozen=True)
class KnownPeer:
    """A program, how it is started with a test PKI, and what its configuration amounts to claiming.

    *dicom* is false for a bare TLS server without a DICOM application behind it. *setting* names
    what switches its TLS on.
    """

    name: str
    program: str
    package: str
    text: str
    command: Command
    claims: Mapping[str, str]
    """Profile to edition."""
    dicom: bool = True
    ae_title: str = "ANY-SCP"
    setting: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    certificate: str = "server"
    patience: float = 15.0

    @property
    def installed(self) -> bool:
        """Tell whether the program is on PATH."""
        return shutil.which(self.program) is not None


def _storescp(option: str, certificate: str = "server") -> Command:
    def command(pki: Pki, port: int, folder: Path) -> list[str]:
        mine = pki[certificate]
        (folder / "received").mkdir(exist_ok=True)
        tls = ["+tls", str(mine.key), str(mine.certificate), "+cf", str(pki.ca), option]
        return ["storescp", "--fork", *tls, "+B", "-od", str(folder / "received"), str(port)]

    return command


def _orthanc(pki: Pki, port: int, folder: Path) -> list[str]:
    server = pki["server"]
    configuration = {
        "Name": "part15",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpServerEnabled": False,
        "DicomPort": port,
        "DicomAet": "ORTHANC",
        "DicomCheckCalledAet": False,
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(server.certificate),
        "DicomTlsPrivateKey": str(server.key),
        "DicomTlsTrustedCertificates": str(pki.ca),
        "DicomTlsRemoteCertificateRequired": True,
        "Plugins": [],
    }
    path = folder / "orthanc.json"
    path.write_text(json.dumps(configuration, indent=2), encoding="utf-8")
    return ["Orthanc", str(path)]


def _gnutls(priority: str, certificates: tuple[str, ...] = ("server", "server-ec")) -> Command:
    def command(pki: Pki, port: int, folder: Path) -> list[str]:
        del folder
        pairs = [
            part
            for name in certificates
            for part in (
                "--x509certfile",
                str(pki[name].certificate),
                "--x509keyfile",
                str(pki[name].key),
            )
        ]
        trust = ["--x509cafile", str(pki.ca), "--require-client-cert", "--verify-client-cert"]
        return [
            "gnutls-serv",
            "--echo",
            "-q",
            "-p",
            str(port),
            *trust,
            *pairs,
            "--priority",
            priority,
        ]

    return command


def _openssl(*options: str) -> Command:
    def command(pki: Pki, port: int, folder: Path) -> list[str]:
        del folder
        mine = pki["server"]
        pair = ["-cert", str(mine.certificate), "-key", str(mine.key), "-CAfile", str(pki.ca)]
        return [
            "openssl",
            "s_server",
            "-accept",
            str(port),
            *pair,
            "-quiet",
            "-Verify",
            "3",
            "-verify_return_error",
            *options,
        ]

    return command


_NODELAY = {"TCP_NODELAY": "1"}

PEERS = {
    peer.name: peer
    for peer in (
        KnownPeer(
            "dcmtk",
            "storescp",
            "dcmtk",
            "DCMTK storescp, Non-Downgrading BCP 195 (+py)",
            _storescp("+py"),
            {B10: "2022b"},
            environment=_NODELAY,
            setting="+tls KEY CERTIFICATE +py",
        ),
        KnownPeer(
            "dcmtk-bcp195",
            "storescp",
            "dcmtk",
            "DCMTK storescp, BCP 195 (+px)",
            _storescp("+px"),
            {B9: "2022b"},
            environment=_NODELAY,
            setting="+tls KEY CERTIFICATE +px",
        ),
        KnownPeer(
            "dcmtk-extended",
            "storescp",
            "dcmtk",
            "DCMTK storescp, Extended BCP 195 (+pz)",
            _storescp("+pz"),
            {B11: "2022b"},
            environment=_NODELAY,
            setting="+tls KEY CERTIFICATE +pz",
        ),
        KnownPeer(
            "dcmtk-aes",
            "storescp",
            "dcmtk",
            "DCMTK storescp, AES TLS (+pa)",
            _storescp("+pa"),
            {"tls-aes": "2017c"},
            environment=_NODELAY,
            setting="+tls KEY CERTIFICATE +pa",
        ),
        KnownPeer(
            "dcmtk-null",
            "storescp",
            "dcmtk",
            "DCMTK storescp, authentication without encryption (+pn)",
            _storescp("+pn"),
            {B12: "2023b"},
            environment=_NODELAY,
        ),
        KnownPeer(
            "dcmtk-rfc8996",
            "storescp",
            "dcmtk",
            "DCMTK storescp +py, held against B.12",
            _storescp("+py"),
            {B12: "2023b"},
            environment=_NODELAY,
        ),
        KnownPeer(
            "dcmtk-p256",
            "storescp",
            "dcmtk",
            "DCMTK storescp +py with a P-256 certificate",
            _storescp("+py", "server-ec"),
            {B10: "2022b"},
            environment=_NODELAY,
            certificate="server-ec",
        ),
        KnownPeer(
            "orthanc",
            "Orthanc",
            "orthanc",
            "Orthanc with DICOM TLS",
            _orthanc,
            {B12: "2023b"},
            ae_title="ORTHANC",
            setting="DicomTlsEnabled",
        ),
        KnownPeer(
            "gnutls",
            "gnutls-serv",
            "gnutls-bin",
            "gnutls-serv with its secure defaults",
            _gnutls("SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"),
            {B13: "2023b"},
            dicom=False,
        ),
        KnownPeer(
            "gnutls-legacy",
            "gnutls-serv",
            "gnutls-bin",
            "gnutls-serv with TLS 1.0 and 3DES only",
            _gnutls(
                "NONE:+VERS-TLS1.0:+3DES-CBC:+SHA1:+RSA:+COMP-NULL:+SIGN-ALL:+GROUP-ALL:+CTYPE-ALL",
                ("server",),
            ),
            {"tls-basic": "2017c"},
            dicom=False,
        ),
        KnownPeer(
            "openssl",
            "openssl",
            "openssl",
            "openssl s_server with its defaults",
            _openssl(),
            {B12: "2023b"},
            dicom=False,
        ),
        KnownPeer(
            "openssl-level0",
            "openssl",
            "openssl",
            "openssl s_server, everything it still can (SECLEVEL=0)",
            _openssl("-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"),
            {B12: "2023b"},
            dicom=False,
        ),
    )
}


def find(name: str) -> KnownPeer:
    """Return the known peer *name*. Raises TargetError with the nearest name."""
    if name not in PEERS:
        raise TargetError(
            f"'{name}' is no known peer{did_you_mean(name, PEERS)}; known are {', '.join(PEERS)}"
        )
    return PEERS[name]


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def document(peer: KnownPeer, pki: Pki, port: int) -> dict[str, Any]:
    """Return the target file of *peer* on *port* with certificates of *pki*."""
    from part15.peers.declared import IDENTITIES

    def identity(name: str) -> dict[str, str]:
        return {"certificate": str(pki[name].certificate), "key": str(pki[name].key)}

    endpoint: dict[str, Any] = {
        "address": f"127.0.0.1:{port}",
        "transport": "tls",
        "ae_title": peer.ae_title,
        "trust": str(pki.ca),
        "server_name": "localhost",
    }
    if peer.setting:
        endpoint["setting"] = peer.setting
    endpoint["identity"] = identity("client")
    endpoint["identities"] = {kind: identity(name) for kind, name in IDENTITIES.items()}
    return {
        "target": {"name": peer.text, "version": peer.package},
        "claims": {
            name: {"roles": ["tls-server"], "edition": edition}
            for name, edition in peer.claims.items()
        },
        "endpoints": {"dicom-tls": endpoint},
    }


@contextlib.contextmanager
def running(peer: KnownPeer, pki: Pki, folder: Path) -> Iterator[Path]:
    """Start *peer* on loopback and yield the path of its target file in *folder*; ended afterwards.

    Raises TargetError if it is not installed or does not listen in time.
    """
    if not peer.installed:
        raise TargetError(f"{peer.program} is not installed (Debian package {peer.package})")
    port = free_port()
    environment = {**os.environ, **peer.environment}
    with (folder / "peer.log").open("wb") as log:
        process = subprocess.Popen(
            peer.command(pki, port, folder),
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _await(process, port, peer, folder)
            path = folder / "target.toml"
            path.write_text(toml_text(document(peer, pki, port)), encoding="utf-8")
            yield path
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)


def _await(process: subprocess.Popen[bytes], port: int, peer: KnownPeer, folder: Path) -> None:
    until = time.monotonic() + peer.patience
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), timeout=1.0),
        ):
            return
        # A program cannot tell us when it listens.
        select.select([], [], [], 0.02)
    log = (folder / "peer.log").read_bytes()[-2000:].decode("utf-8", "replace")
    raise TargetError(
        f"{peer.name} did not listen within {peer.patience:g} s; it said: {log.strip() or 'nothing'}"
    )


def write_peer(name: str, folder: Path) -> list[Path]:
    """Write test certificates, a target file and ``start.sh`` for the known peer *name* into *folder*.

    Raises TargetError if *folder* already holds them.
    """
    peer, folder = find(name), folder.resolve()
    target, script = folder / "target.toml", folder / "start.sh"
    for path in (target, script):
        if path.exists():
            raise TargetError(f"{path} exists already; choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    pki = make_pki(folder / "pki")
    port = 2762
    command = relative_below(peer.command(pki, port, folder), folder)
    settings = "".join(f"export {k}={v}\n" for k, v in peer.environment.items())
    script.write_text(
        f"#!/bin/sh\n# {peer.text}; needs the program {peer.program} (Debian package {peer.package})\n"
        f'cd "$(dirname "$0")" || exit 1\n{settings}exec {shlex.join(command)}\n',
        encoding="utf-8",
    )
    script.chmod(0o755)
    content = relative_below(document(peer, pki, port), folder)
    target.write_text(toml_text(content), encoding="utf-8")
    return [script, target]
