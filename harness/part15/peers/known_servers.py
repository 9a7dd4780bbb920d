"""Real servers as they are commonly configured, with what that amounts to claiming."""

from __future__ import annotations

import json
from pathlib import Path

from part15.peers.known import B9, B10, B11, B12, B13, NODELAY, Command, KnownPeer, Place


def storescp(option: str, certificate: str = "server", *more: str) -> Command:
    """Return how DCMTK storescp is started with the TLS profile *option*."""

    def command(at: Place) -> list[str]:
        mine = at.pki[certificate]
        (at.folder / "received").mkdir(exist_ok=True)
        tls = ["+tls", str(mine.key), str(mine.certificate), "+cf", str(at.pki.ca), option, *more]
        return ["storescp", "--fork", *tls, "+B", "-od", str(at.folder / "received"), str(at.port)]

    return command


def orthanc(*, required: bool = True) -> Command:
    """Return how Orthanc is started with DICOM TLS; with *required* it demands client certificates."""

    def command(at: Place) -> list[str]:
        path = at.folder / "orthanc.json"
        configuration = _orthanc(at) | {"DicomTlsRemoteCertificateRequired": required}
        path.write_text(json.dumps(configuration, indent=2), encoding="utf-8")
        return ["Orthanc", str(path)]

    return command


def _orthanc(at: Place) -> dict[str, object]:
    server = at.pki["server"]
    return {
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
        "Plugins": [],
    }


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


def openssl(*options: str) -> Command:
    """Return how openssl s_server is started with *options*."""

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


SERVERS = (
    KnownPeer(
        "dcmtk",
        "storescp",
        "dcmtk",
        "DCMTK storescp, Non-Downgrading BCP 195 (+py)",
        storescp("+py"),
        {B10: "2022b"},
        environment=NODELAY,
        setting="+tls KEY CERTIFICATE +py",
    ),
    KnownPeer(
        "dcmtk-bcp195",
        "storescp",
        "dcmtk",
        "DCMTK storescp, BCP 195 (+px)",
        storescp("+px"),
        {B9: "2022b"},
        environment=NODELAY,
        setting="+tls KEY CERTIFICATE +px",
    ),
    KnownPeer(
        "dcmtk-extended",
        "storescp",
        "dcmtk",
        "DCMTK storescp, Extended BCP 195 (+pz)",
        storescp("+pz"),
        {B11: "2022b"},
        environment=NODELAY,
        setting="+tls KEY CERTIFICATE +pz",
    ),
    KnownPeer(
        "dcmtk-aes",
        "storescp",
        "dcmtk",
        "DCMTK storescp, AES TLS (+pa)",
        storescp("+pa"),
        {"tls-aes": "2017c"},
        environment=NODELAY,
        setting="+tls KEY CERTIFICATE +pa",
    ),
    KnownPeer(
        "dcmtk-null",
        "storescp",
        "dcmtk",
        "DCMTK storescp, authentication without encryption (+pn)",
        storescp("+pn"),
        {B12: "2023b"},
        environment=NODELAY,
    ),
    KnownPeer(
        "dcmtk-rfc8996",
        "storescp",
        "dcmtk",
        "DCMTK storescp +py, held against B.12",
        storescp("+py"),
        {B12: "2023b"},
        environment=NODELAY,
    ),
    KnownPeer(
        "dcmtk-p256",
        "storescp",
        "dcmtk",
        "DCMTK storescp +py with a P-256 certificate",
        storescp("+py", "server-ec"),
        {B10: "2022b"},
        environment=NODELAY,
        certificate="server-ec",
    ),
    KnownPeer(
        "orthanc",
        "Orthanc",
        "orthanc",
        "Orthanc with DICOM TLS",
        orthanc(),
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
        openssl(),
        {B12: "2023b"},
        dicom=False,
    ),
    KnownPeer(
        "openssl-level0",
        "openssl",
        "openssl",
        "openssl s_server, everything it still can (SECLEVEL=0)",
        openssl("-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"),
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
        environment=NODELAY,
    ),
    KnownPeer(
        "haproxy",
        "haproxy",
        "haproxy",
        "haproxy before a plain DCMTK storescp",
        _haproxy,
        {B12: "2023b"},
        front=True,
        environment=NODELAY,
    ),
    KnownPeer(
        "nginx",
        "nginx",
        "nginx libnginx-mod-stream",
        "nginx stream before a plain DCMTK storescp",
        _nginx,
        {B12: "2023b"},
        front=True,
        environment=NODELAY,
    ),
)
