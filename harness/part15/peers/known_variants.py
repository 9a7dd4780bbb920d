"""The same real servers under other options or other claims: what is known to be wrong with them must come out."""

from __future__ import annotations

import sys

from part15.peers.known import B10, B12, B13, NODELAY, Command, KnownPeer, Place
from part15.peers.known_servers import openssl, orthanc, storescp

PM = (
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256"
    ":ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
    ":ECDHE-ECDSA-AES256-CCM:ECDHE-ECDSA-AES128-CCM:ECDHE-ECDSA-AES256-CCM8:ECDHE-ECDSA-AES128-CCM8"
)
PM_13 = (
    "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"
    ":TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256"
)
"""The suites of DCMTK 3.7 with ``+pm``: all of B.13 that OpenSSL has."""


def _revoking(at: Place) -> list[str]:
    return storescp("+py", "server", "+crl", str(at.pki.crl))(at)


def _pynetdicom(at: Place) -> list[str]:
    mine = at.pki["server"]
    words = ("serve", at.port, mine.key, mine.certificate, at.pki.ca)
    return [sys.executable, "-m", "part15.peers.default_context", *map(str, words)]


def _dcmtk(name: str, text: str, command: Command, **claims: str) -> KnownPeer:
    known = {"b10": B10, "b12": B12, "b13": B13}
    held = {known[short]: edition for short, edition in claims.items()}
    return KnownPeer(
        name, "storescp", "dcmtk", f"DCMTK storescp {text}", command, held, environment=NODELAY
    )


def _orthanc(name: str, text: str, *, required: bool = True, **claims: str) -> KnownPeer:
    known = {"b10": B10, "b12": B12, "b13": B13}
    return KnownPeer(
        name,
        "Orthanc",
        "orthanc",
        f"Orthanc with DICOM TLS {text}",
        orthanc(required=required),
        {known[short]: edition for short, edition in claims.items()},
        ae_title="ORTHANC",
    )


VARIANTS = (
    _dcmtk("dcmtk-modified", "+py, held against B.13", storescp("+py"), b13="2023b"),
    _dcmtk(
        "dcmtk-downgrading",
        "+px, held against B.10 and B.12",
        storescp("+px"),
        b10="2019c",
        b12="2023b",
    ),
    _dcmtk(
        "dcmtk-optional",
        "+py that verifies a client certificate if there is one (-vc)",
        storescp("+py", "server", "-vc"),
        b12="2023b",
    ),
    _dcmtk(
        "dcmtk-ignoring",
        "+py that ignores client certificates (-ic)",
        storescp("+py", "server", "-ic"),
        b12="2023b",
    ),
    _dcmtk("dcmtk-revoking", "+py with a revocation list (+crl)", _revoking, b10="2022b"),
    _orthanc("orthanc-strict", "held against B.10 and B.13", b10="2019c", b13="2023b"),
    _orthanc(
        "orthanc-optional",
        "that demands no client certificate (DicomTlsRemoteCertificateRequired)",
        required=False,
        b12="2023b",
    ),
    KnownPeer(
        "openssl-modified",
        "openssl",
        "openssl",
        "openssl s_server with all the suites of B.13 that OpenSSL has",
        openssl("-cipher", PM, "-ciphersuites", PM_13),
        {B13: "2023b"},
        dicom=False,
    ),
    KnownPeer(
        "pynetdicom",
        sys.executable,
        "pynetdicom",
        "pynetdicom with Python's default context, held against B.13",
        _pynetdicom,
        {B13: "2023b"},
        ae_title="PYNETDICOM",
    ),
)
