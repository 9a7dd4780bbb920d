"""Real TLS clients that we know how to make connect, with what their options amount to claiming."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from part15.peers.known import B9, B10, B11, B12, B13, NODELAY, Place, search_path
from part15.wire.trap_objects import SECONDARY_CAPTURE, Trap, base, file_of, joined, new_uid

Trigger = Callable[[Place], list[str]]


@dataclass(frozen=True)
class KnownClient:
    """A program that connects when its *trigger* is run, and what its options amount to claiming.

    *server* is a program that must run meanwhile (an archive that is asked to connect), on the port
    of its place. *dicom* is false for a bare TLS client that makes no association.
    """

    name: str
    program: str
    package: str
    text: str
    trigger: Trigger
    claims: Mapping[str, str]
    dicom: bool = True
    server: Trigger | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    wait: float = 10.0
    patience: float = 20.0

    @property
    def installed(self) -> bool:
        """Tell whether the program is on PATH."""
        return shutil.which(self.program, path=search_path()) is not None


def _found(program: str) -> str:
    """Return where *program* is: the trigger is run with another PATH than ours."""
    return shutil.which(program, path=search_path()) or program


def _dcmtk(program: str, option: str) -> Trigger:
    def trigger(at: Place) -> list[str]:
        mine = at.pki["client"]
        tls = ["+tls", str(mine.key), str(mine.certificate), "+cf", str(at.pki.ca), option]
        files = [str(_object(at.folder))] if program == "storescu" else []
        return [_found(program), *tls, "-to", "5", "{host}", "{port}", *files]

    return trigger


def _object(folder: Path) -> Path:
    path = folder / "object.dcm"
    if not path.exists():
        uid = new_uid()
        data = joined(base(uid, new_uid(), new_uid()))
        path.write_bytes(file_of(Trap("plain", uid, data, sop_class=SECONDARY_CAPTURE)))
    return path


def _orthanc_server(at: Place) -> list[str]:
    mine = at.pki["client"]
    configuration = {
        "Name": "part15",
        "StorageDirectory": str(at.folder / "storage"),
        "IndexDirectory": str(at.folder / "storage"),
        "HttpPort": at.port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomServerEnabled": False,
        "DicomAet": "ORTHANC",
        "DicomScuTimeout": 5,
        "DicomTlsCertificate": str(mine.certificate),
        "DicomTlsPrivateKey": str(mine.key),
        "DicomTlsTrustedCertificates": str(at.pki.ca),
        "Plugins": [],
    }
    path = at.folder / "orthanc.json"
    path.write_text(json.dumps(configuration, indent=2), encoding="utf-8")
    return ["Orthanc", str(path)]


def _orthanc(at: Place) -> list[str]:
    rest = f"http://127.0.0.1:{at.port}"
    return [sys.executable, "-m", "part15.peers.orthanc_echo", rest, "{host}", "{port}", "{aet}"]


def _gnutls(at: Place) -> list[str]:
    mine = at.pki["client"]
    pair = ["--x509certfile", str(mine.certificate), "--x509keyfile", str(mine.key)]
    trust = ["--x509cafile", str(at.pki.ca), "--verify-hostname", "localhost"]
    return [_found("gnutls-cli"), *pair, *trust, "-p", "{port}", "{host}"]


def _openssl(at: Place) -> list[str]:
    mine = at.pki["client"]
    pair = ["-cert", str(mine.certificate), "-key", str(mine.key)]
    trust = ["-CAfile", str(at.pki.ca), "-verify_return_error", "-verify_hostname", "localhost"]
    return [_found("openssl"), "s_client", "-connect", "{host}:{port}", *pair, *trust]


def _pynetdicom(at: Place) -> list[str]:
    mine = at.pki["client"]
    words = ("{host}", "{port}", mine.key, mine.certificate, at.pki.ca)
    return [sys.executable, "-m", "part15.peers.default_context", "echo", *map(str, words)]


_OPTIONS = {
    "+py": ("", B10, "2022b"),
    "+px": ("-bcp195", B9, "2022b"),
    "+pz": ("-extended", B11, "2022b"),
    "+pa": ("-aes", "tls-aes", "2017c"),
    "+pn": ("-null", B12, "2023b"),
}
"""The TLS profiles of DCMTK 3.6.7, with the part of the peer's name and what each is made for."""


def _client(program: str, option: str, suffix: str, claims: Mapping[str, str]) -> KnownClient:
    held = f", held against {' and '.join(claims)}" if suffix.startswith("-held") else ""
    return KnownClient(
        f"{program}{suffix}",
        program,
        "dcmtk",
        f"DCMTK {program} {option}{held}",
        _dcmtk(program, option),
        claims,
        environment=NODELAY,
    )


CLIENTS = {
    client.name: client
    for client in (
        *(
            _client(program, option, suffix, {profile: edition})
            for program in ("echoscu", "storescu")
            for option, (suffix, profile, edition) in _OPTIONS.items()
        ),
        _client("echoscu", "+px", "-held-downgrading", {B10: "2019c", B12: "2023b"}),
        _client("echoscu", "+py", "-held-modified", {B13: "2023b"}),
        KnownClient(
            "orthanc-scu",
            "Orthanc",
            "orthanc",
            "Orthanc as SCU (REST echo)",
            _orthanc,
            {B10: "2019c", B12: "2023b"},
            server=_orthanc_server,
        ),
        KnownClient(
            "gnutls-cli",
            "gnutls-cli",
            "gnutls-bin",
            "gnutls-cli with its defaults",
            _gnutls,
            {B12: "2023b"},
            dicom=False,
        ),
        KnownClient(
            "openssl-client",
            "openssl",
            "openssl",
            "openssl s_client with its defaults",
            _openssl,
            {B12: "2023b"},
            dicom=False,
        ),
        KnownClient(
            "pynetdicom-scu",
            sys.executable,
            "pynetdicom",
            "pynetdicom as SCU with Python's default context",
            _pynetdicom,
            {B12: "2023b"},
        ),
    )
}
