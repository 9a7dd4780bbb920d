"""Real TLS clients: what DCMTK, Orthanc, GnuTLS and OpenSSL are known to offer must come out."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from part15 import pki as factory
from part15.bench import Bench, Ledger, Shelf
from part15.drivers import tls_listen
from part15.judge import ask
from part15.model import Word
from part15.observations.tls import ClientSeen
from part15.registry import checks
from part15.target import Listener
from part15.wire import tls_names as names

REQUIRED = os.environ.get("PART15_REQUIRE_PEERS") == "1"
FOUR = {
    "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
}
CBC = {"TLS_RSA_WITH_AES_128_CBC_SHA"}
THREE = {"TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"}
OLD = {"versions": ["ssl3", "1.0", "1.1"]}


class Sink:
    def keep(self, name: str, data: bytes, *, phi: str = "none") -> None:
        """Take evidence and forget it."""


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None and REQUIRED:
        pytest.fail(f"the peer {name} is not installed, but PART15_REQUIRE_PEERS=1 demands it")
    if found is None:
        pytest.skip(f"the peer {name} is not installed")
    return found


@pytest.fixture(scope="session")
def identities(tmp_path_factory: pytest.TempPathFactory) -> factory.Pki:
    return factory.make_pki(tmp_path_factory.mktemp("pki"))


def recorded(
    tmp_path: Path, *trigger: object, ways: tuple[str, ...] = ("handshake_failure",)
) -> ClientSeen:
    command = (program(str(trigger[0])), *map(str, trigger[1:]))
    b = Bench(
        target=types.SimpleNamespace(folder=tmp_path),
        endpoint=Listener(id="in", trigger=command, wait=10.0),
        evidence=Sink(),
        ledger=Ledger(),
        shelf=Shelf(),
        scratch=tmp_path,
        deadline=2.0,
    )
    seen = tls_listen.turn_away(b, ways=ways)
    assert isinstance(seen, ClientSeen), seen
    assert seen.first.outcome == "hello"
    return seen


def offered(seen: ClientSeen) -> set[str]:
    return {
        names.suite_name(code) for code in seen.first.suites if code != names.RENEGOTIATION_SCSV
    }


def word(name: str, seen: ClientSeen, **expect: Any) -> Word:
    return ask(checks()[f"tls_client.{name}"], seen, expect).word


@pytest.mark.peer(name="dcmtk")
@pytest.mark.parametrize(
    ("option", "versions", "suites"),
    [
        ("+py", ("1.3", "1.2"), THREE | FOUR),
        ("+px", ("1.3", "1.2", "1.1", "1.0"), THREE | FOUR | CBC),
        ("+pa", ("1.2",), CBC),
        ("+pn", ("1.2",), {"TLS_RSA_WITH_NULL_SHA"}),
    ],
)
def test_echoscu_offers_what_its_profile_says(
    tmp_path: Path,
    identities: factory.Pki,
    option: str,
    versions: tuple[str, ...],
    suites: set[str],
) -> None:
    mine = identities["client"]
    seen = recorded(
        tmp_path,
        "echoscu",
        "+tls",
        mine.key,
        mine.certificate,
        "+cf",
        identities.ca,
        option,
        "{host}",
        "{port}",
    )
    assert seen.first.versions == versions
    assert offered(seen) == suites
    assert word("begins_with_tls", seen) is Word.PASS
    assert word("omits_suites", seen, suites="table:tls-null") is (
        Word.FAIL if option == "+pn" else Word.PASS
    )
    expected = {"+py": Word.PASS, "+px": Word.FAIL}.get(option, Word.INCONCLUSIVE)
    assert word("omits_versions", seen, **OLD) is expected


@pytest.mark.peer(name="dcmtk")
def test_echoscu_does_not_fall_back(tmp_path: Path, identities: factory.Pki) -> None:
    mine = identities["client"]
    seen = recorded(
        tmp_path, "echoscu", "+tls", mine.key, mine.certificate, "+cf", identities.ca, "+py", "{host}", "{port}",
        ways=("handshake_failure", "protocol_version", "reset"),
    )  # fmt: skip
    assert [attempt.way for attempt in seen.attempts] == [
        "handshake_failure",
        "protocol_version",
        "reset",
    ]
    assert word("stays_on_tls", seen) is Word.PASS
    assert word("keeps_version", seen, lowest="1.2") is Word.PASS


@pytest.mark.peer(name="dcmtk")
def test_plain_echoscu_is_found_out(tmp_path: Path) -> None:
    command = (program("echoscu"), "{host}", "{port}")
    b = Bench(
        target=types.SimpleNamespace(folder=tmp_path),
        endpoint=Listener(id="in", trigger=command, wait=10.0),
        evidence=Sink(),
        ledger=Ledger(),
        shelf=Shelf(),
        scratch=tmp_path,
        deadline=2.0,
    )
    seen = tls_listen.turn_away(b)
    assert isinstance(seen, ClientSeen)
    assert seen.first.outcome == "plain"
    assert word("begins_with_tls", seen) is Word.FAIL


@pytest.mark.peer(name="openssl")
def test_openssl_client_is_strict_about_sha1_and_compression(tmp_path: Path) -> None:
    seen = recorded(
        tmp_path, "openssl", "s_client", "-tls1_2", "-alpn", "dicom", "-connect", "{host}:{port}"
    )
    assert (seen.first.versions, seen.first.compression, seen.first.alpn) == (
        ("1.2",),
        (0,),
        ("dicom",),
    )
    assert word("offers_versions", seen, any_of=["1.2"]) is Word.PASS
    assert word("tries_version", seen, version="1.3") is Word.INCONCLUSIVE


@pytest.mark.peer(name="gnutls")
def test_gnutls_client_offers_old_versions(tmp_path: Path) -> None:
    seen = recorded(tmp_path, "gnutls-cli", "--insecure", "-p", "{port}", "{host}")
    assert seen.first.versions == ("1.3", "1.2", "1.1", "1.0")
    assert word("omits_versions", seen, **OLD) is Word.FAIL
    assert word("omits_suites", seen, suites="table:tls-static-rsa") is Word.FAIL


ECHO = """
import sys, urllib.request
request = urllib.request.Request(sys.argv[1] + "/modalities/lab/echo", data=b"{}", method="POST")
try:
    urllib.request.urlopen(request, timeout=8).read()
except OSError:
    pass
"""


@pytest.fixture
def orthanc(tmp_path: Path, identities: factory.Pki) -> Iterator[tuple[int, int]]:
    """Run Orthanc with one TLS modality; give its HTTP port and the port of that modality."""
    with socket.create_server(("127.0.0.1", 0)) as a, socket.create_server(("127.0.0.1", 0)) as b:
        http, lab = a.getsockname()[1], b.getsockname()[1]
    mine = identities["client"]
    config = tmp_path / "orthanc.json"
    modality = {"AET": "LAB", "Host": "127.0.0.1", "Port": lab, "UseDicomTls": True}
    config.write_text(
        json.dumps(
            {
                "StorageDirectory": str(tmp_path / "db"),
                "IndexDirectory": str(tmp_path / "db"),
                "HttpPort": http,
                "DicomServerEnabled": False,
                "DicomTlsCertificate": str(mine.certificate),
                "DicomTlsPrivateKey": str(mine.key),
                "DicomTlsTrustedCertificates": str(identities.ca),
                "DicomModalities": {"lab": modality},
                "Plugins": [],
            }
        )
    )
    process = subprocess.Popen(
        [program("Orthanc"), str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 20
    while time.monotonic() < until:
        assert process.poll() is None
        try:
            socket.create_connection(("127.0.0.1", http), timeout=1).close()
            break
        except OSError:
            time.sleep(0.05)
    yield http, lab
    process.terminate()
    process.wait(15)


@pytest.mark.peer(name="orthanc")
def test_orthanc_offers_old_versions_and_static_rsa(
    tmp_path: Path, orthanc: tuple[int, int]
) -> None:
    http, lab = orthanc
    b = Bench(
        target=types.SimpleNamespace(folder=tmp_path),
        endpoint=Listener(
            id="in",
            port=lab,
            trigger=(sys.executable, "-I", "-c", ECHO, f"http://127.0.0.1:{http}"),
            wait=10.0,
        ),
        evidence=Sink(),
        ledger=Ledger(),
        shelf=Shelf(),
        scratch=tmp_path,
        deadline=2.0,
    )
    seen = tls_listen.turn_away(b)
    assert isinstance(seen, ClientSeen), seen
    assert seen.first.versions == ("1.3", "1.2", "1.1", "1.0")
    assert offered(seen) >= CBC
    assert word("omits_versions", seen, **OLD) is Word.FAIL
    assert word("omits_suites", seen, suites="table:tls-static-rsa") is Word.FAIL
