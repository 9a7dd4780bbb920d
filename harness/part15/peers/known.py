"""Real peers we know how to start: for our tests, and as ready targets for users (``part15 init --peer``)."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from part15.errors import TargetError
from part15.pki import Pki
from part15.registry import did_you_mean


def search_path() -> str:
    """Return PATH with the programs of this Python last: pynetdicom brings a storescp and an echoscu of its own."""
    mine = str(Path(sys.executable).parent)
    others = [p for p in os.environ.get("PATH", "").split(os.pathsep) if p != mine]
    return os.pathsep.join([*others, mine])


@dataclass(frozen=True)
class Place:
    """Where a peer is to run: its PKI, port and folder, and the port of the plain server behind a front."""

    pki: Pki
    port: int
    folder: Path
    behind: int = 0


Command = Callable[[Place], list[str]]

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
    front: bool = False
    """True for a TLS front before a plain DICOM server (DCMTK storescp)."""
    patience: float = 15.0

    @property
    def installed(self) -> bool:
        """Tell whether the program is on PATH."""
        needed = (self.program, "storescp") if self.front else (self.program,)
        return all(shutil.which(program, path=search_path()) is not None for program in needed)


def _storescp(option: str, certificate: str = "server") -> Command:
    def command(at: Place) -> list[str]:
        mine = at.pki[certificate]
        (at.folder / "received").mkdir(exist_ok=True)
        tls = ["+tls", str(mine.key), str(mine.certificate), "+cf", str(at.pki.ca), option]
        return ["storescp", "--fork", *tls, "+B", "-od", str(at.folder / "received"), str(at.port)]

    return command


def _orthanc(at: Place) -> list[str]:
    server = at.pki["server"]
    configuration = {
        "Name": "part15",
        "StorageDirectory": str(at.folder / "storage"),
        "IndexDirectory": str(at.folder / "storage"),
        "HttpServerEnabled": False,
        "DicomPort": at.port,
        "DicomAet": "ORTHANC",
        "DicomCheckCalledAet": False,
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(server.certificate),
        "DicomTlsPrivateKey": str(server.key),
        "DicomTlsTrustedCertificates": str(at.pki.ca),
        "DicomTlsRemoteCertificateRequired": True,
        "Plugins": [],
    }
    path = at.folder / "orthanc.json"
    path.write_text(json.dumps(configuration, indent=2), encoding="utf-8")
    return ["Orthanc", str(path)]


def _gnutls(priority: str, certificates: tuple[str, ...] = ("server", "server-ec")) -> Command:
    def command(at: Place) -> list[str]:
        pairs = [
            part
            for name in certificates
            for part in (
                "--x509certfile",
                str(at.pki[name].certificate),
                "--x509keyfile",
                str(at.pki[name].key),
            )
        ]
        trust = ["--x509cafile", str(at.pki.ca), "--require-client-cert", "--verify-client-cert"]
        return [
            "gnutls-serv",
            "--echo",
            "-q",
            "-p",
            str(at.port),
            *trust,
            *pairs,
            "--priority",
            priority,
        ]

    return command


def _openssl(*options: str) -> Command:
    def command(at: Place) -> list[str]:
        mine = at.pki["server"]
        pair = ["-cert", str(mine.certificate), "-key", str(mine.key), "-CAfile", str(at.pki.ca)]
        return [
            "openssl",
            "s_server",
            "-accept",
            str(at.port),
            *pair,
            "-quiet",
            "-Verify",
            "3",
            "-verify_return_error",
            *options,
        ]

    return command


def plain_server(at: Place) -> list[str]:
    """Return the command of the plain DICOM server that stands behind a front."""
    (at.folder / "received").mkdir(exist_ok=True)
    return ["storescp", "--fork", "+B", "-od", str(at.folder / "received"), str(at.behind)]


def _stunnel(at: Place) -> list[str]:
    mine = at.pki["server"]
    path = at.folder / "stunnel.conf"
    path.write_text(
        "foreground = yes\npid =\nsyslog = no\n[dicom]\n"
        f"accept = 127.0.0.1:{at.port}\nconnect = 127.0.0.1:{at.behind}\n"
        f"cert = {mine.certificate}\nkey = {mine.key}\nCAfile = {at.pki.ca}\n"
        "verifyChain = yes\nrequireCert = yes\nsslVersionMin = TLSv1.2\n",
        encoding="utf-8",
    )
    return ["stunnel", str(path)]


def _haproxy(at: Place) -> list[str]:
    mine = at.pki["server"]
    pair = at.folder / "pair.pem"
    pair.write_bytes(Path(mine.certificate).read_bytes() + Path(mine.key).read_bytes())
    path = at.folder / "haproxy.cfg"
    path.write_text(
        "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n"
        f"listen dicom\n  bind 127.0.0.1:{at.port} ssl crt {pair} ca-file {at.pki.ca} verify required "
        f"ssl-min-ver TLSv1.2\n  server scp 127.0.0.1:{at.behind}\n",
        encoding="utf-8",
    )
    return ["haproxy", "-db", "-f", str(path)]


def _nginx(at: Place) -> list[str]:
    mine = at.pki["server"]
    path = at.folder / "nginx.conf"
    path.write_text(
        "include /etc/nginx/modules-enabled/*.conf;\ndaemon off;\nmaster_process off;\n"
        f"pid {at.folder}/nginx.pid;\nerror_log stderr;\nevents {{}}\nstream {{\n  server {{\n"
        f"    listen 127.0.0.1:{at.port} ssl;\n    proxy_pass 127.0.0.1:{at.behind};\n"
        f"    ssl_certificate {mine.certificate};\n    ssl_certificate_key {mine.key};\n"
        f"    ssl_protocols TLSv1.2 TLSv1.3;\n    ssl_verify_client on;\n"
        f"    ssl_client_certificate {at.pki.ca};\n  }}\n}}\n",
        encoding="utf-8",
    )
    return ["nginx", "-c", str(path), "-e", "stderr"]


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
            "gnutls-serv with the suites of B.13",
            _gnutls(
                "NONE:+VERS-TLS1.3:+VERS-TLS1.2:+ECDHE-RSA:+ECDHE-ECDSA:+AES-256-GCM:+AES-128-GCM"
                ":+CHACHA20-POLY1305:+AES-256-CCM:+AES-128-CCM:+AES-256-CCM-8:+AES-128-CCM-8"
                ":+CAMELLIA-256-GCM:+CAMELLIA-128-GCM:+AEAD:+COMP-NULL:+CTYPE-ALL:+GROUP-X25519"
                ":+GROUP-SECP256R1:+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-PSS-RSAE-SHA384"
                ":+SIGN-RSA-SHA256:+SIGN-RSA-SHA384:+SIGN-ECDSA-SECP256R1-SHA256"
                ":+SIGN-ECDSA-SECP384R1-SHA384:+SIGN-ECDSA-SHA256:+SIGN-ECDSA-SHA384"
            ),
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
        KnownPeer(
            "stunnel",
            "stunnel",
            "stunnel4",
            "stunnel before a plain DCMTK storescp",
            _stunnel,
            {B12: "2023b"},
            front=True,
            environment=_NODELAY,
        ),
        KnownPeer(
            "haproxy",
            "haproxy",
            "haproxy",
            "haproxy before a plain DCMTK storescp",
            _haproxy,
            {B12: "2023b"},
            front=True,
            environment=_NODELAY,
        ),
        KnownPeer(
            "nginx",
            "nginx",
            "nginx libnginx-mod-stream",
            "nginx stream before a plain DCMTK storescp",
            _nginx,
            {B12: "2023b"},
            front=True,
            environment=_NODELAY,
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
