"""Real TLS servers: what DCMTK, GnuTLS and OpenSSL are known to negotiate must come out, to the suite."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from part15 import pki as factory
from part15.bench import Bench, Ledger, Shelf
from part15.drivers import tls
from part15.judge import ask
from part15.model import Judgement, Word
from part15.observations import Many
from part15.observations.tls import HellosSeen, SuitesSeen
from part15.registry import checks
from part15.target import Endpoint
from part15.wire import tls_names as names

REQUIRED = os.environ.get("PART15_REQUIRE_PEERS") == "1"
Start = Callable[..., int]

FOUR = (
    "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
)
CBC = ("TLS_RSA_WITH_AES_128_CBC_SHA",)
THREE = ("TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256")


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


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


@pytest.fixture(scope="session")
def identities(tmp_path_factory: pytest.TempPathFactory) -> factory.Pki:
    return factory.make_pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a program whose arguments may hold ``{port}``; return the port once it listens."""
    running: list[subprocess.Popen[bytes]] = []

    def begin(*arguments: object, port: int = 0) -> int:
        port = port or free_port()
        words = [str(a).replace("{port}", str(port)) for a in arguments]
        process = subprocess.Popen(
            [program(words[0]), *words[1:]],
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        running.append(process)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            assert process.poll() is None, f"{words[0]} ended with {process.returncode}"
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return port
        raise AssertionError(f"{words[0]} does not listen")

    yield begin
    for process in running:
        process.terminate()
        if process.stdin:
            process.stdin.close()
        process.wait(5)


def bench(*ports: int) -> Bench:
    points = {f"e{n}": Endpoint(id=f"e{n}", address=f"127.0.0.1:{p}") for n, p in enumerate(ports)}
    return Bench(
        target=types.SimpleNamespace(endpoints=points),
        endpoint=points["e0"],
        evidence=Sink(),
        ledger=Ledger(),
        shelf=Shelf(),
        scratch=Path(),
        deadline=3,
    )


def enumerated(b: Bench, **arguments: Any) -> SuitesSeen:
    seen = tls.enumerate(b, **arguments)
    assert isinstance(seen, SuitesSeen), seen
    assert all(version.complete for version in seen.versions)
    assert seen.after.ok
    return seen


def named(seen: SuitesSeen) -> dict[str, set[str]]:
    return {v: {names.suite_name(code) for code in seen.accepted(v)} for v in seen.negotiated}


def judged(name: str, seen: Any, **expect: Any) -> Judgement:
    return ask(checks()[name], seen, expect)


def storescp(
    start: Start, identities: factory.Pki, option: str, *, ec: bool = False, **_: Any
) -> int:
    mine = identities["server-ec" if ec else "server"]
    return start(
        "storescp", "+tls", mine.key, mine.certificate, "+cf", identities.ca, option, "{port}"
    )


DCMTK_RSA: dict[str, dict[str, set[str]]] = {
    "+py": {"1.3": set(THREE), "1.2": set(FOUR)},
    "+px": {"1.3": set(THREE), "1.2": {*FOUR, *CBC}, "1.1": set(CBC), "1.0": set(CBC)},
    "+pz": {"1.2": set(FOUR)},
    "+pa": {v: set(CBC) for v in ("1.2", "1.1", "1.0")},
    "+pn": {v: {"TLS_RSA_WITH_NULL_SHA"} for v in ("1.2", "1.1", "1.0")},
}


@pytest.mark.peer(name="dcmtk")
@pytest.mark.parametrize("option", DCMTK_RSA)
def test_dcmtk_with_an_rsa_certificate(start: Start, identities: factory.Pki, option: str) -> None:
    seen = enumerated(bench(storescp(start, identities, option)))
    assert named(seen) == DCMTK_RSA[option]
    assert seen.types == ("RSA",)
    assert seen.connections <= len(seen.hellos) + 5 + 1
    assert {h.certificate_request for h in seen.hellos if h.version != "1.3"} == {True}
    assert {h.dh_bits for h in seen.hellos if h.dh_bits} <= {2048}
    leaf = next(h.chain[0] for h in seen.hellos if h.chain)
    assert (leaf.key, leaf.bits, leaf.hash) == ("RSA", 2048, "SHA-256")


@pytest.mark.peer(name="dcmtk")
@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("+py", {"1.3": set(THREE)}),
        ("+px", {"1.3": set(THREE)}),
        (
            "+pz",
            {
                "1.2": {
                    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
                    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
                }
            },
        ),
    ],
)
def test_dcmtk_with_an_ecdsa_certificate(
    start: Start, identities: factory.Pki, option: str, expected: dict[str, set[str]]
) -> None:
    seen = enumerated(bench(storescp(start, identities, option, ec=True)), certificates=True)
    assert named(seen) == expected
    assert seen.types == ("ECDSA",)
    mandatory = judged("tls.negotiates", seen, suites="table:tls-b10-mandatory", versions=["1.2"])
    assert mandatory.word is Word.INCONCLUSIVE
    assert "needs a server certificate with an RSA key" in mandatory.message


@pytest.mark.peer(name="dcmtk")
def test_dcmtk_twins_serve_each_suite_with_its_certificate(
    start: Start, identities: factory.Pki
) -> None:
    ports = (
        storescp(start, identities, "+pz"),
        storescp(start, identities, "+pz", ec=True),
    )
    seen = enumerated(bench(*ports), certificates=True)
    b11 = judged("tls.negotiates", seen, suites="table:tls-b10-mandatory", versions=["1.2"])
    assert b11.word is Word.PASS
    more = judged("tls.negotiates_any", seen, suites="table:tls-b11-recommended")
    assert more.word is Word.PASS
    assert judged("tls.only", seen, suites="table:tls-b11-allowed").word is Word.PASS


@pytest.mark.peer(name="dcmtk")
def test_one_server_gets_different_verdicts_under_different_profiles(
    start: Start, identities: factory.Pki
) -> None:
    b = bench(storescp(start, identities, "+px"))
    seen = enumerated(b)
    old = {"versions": ["1.0", "1.1"]}
    assert judged("tls.refuses", seen, **old).word is Word.FAIL
    answered = tls.offer(b, versions=["1.2"], suites=["table:tls-cbc"])
    assert judged("tls_offer.avoids_versions", answered, **old).word is Word.PASS
    assert judged("tls.negotiates", seen, versions=["1.0"]).word is Word.PASS


@pytest.mark.peer(name="dcmtk")
def test_aes_profile_of_dcmtk_lacks_3des(start: Start, identities: factory.Pki) -> None:
    seen = enumerated(bench(storescp(start, identities, "+pa")))
    both = judged("tls.negotiates", seen, suites="table:tls-b3")
    assert both.word is Word.FAIL
    assert "TLS_RSA_WITH_3DES_EDE_CBC_SHA (0x000A)" in both.message
    assert "built without 3DES" in both.message


@pytest.mark.peer(name="dcmtk")
def test_measured_answers_of_dcmtk(start: Start, identities: factory.Pki) -> None:
    b = bench(storescp(start, identities, "+py"))

    def hellos(**arguments: Any) -> HellosSeen:
        seen = tls.offer(b, **arguments)
        assert isinstance(seen, HellosSeen)
        assert seen.after.ok
        return seen

    for version, code in (("1.0", 70), ("1.1", 70), ("ssl3", 40)):
        (answer,) = hellos(versions=[version], await_close=True).hellos
        assert (answer.outcome, answer.alert, answer.closed) == ("alert", code, True)
    (h2,) = hellos(versions=["1.2"], options={"alpn": ["h2"]}).hellos
    assert (h2.outcome, h2.alpn) == ("hello", None)
    (packed,) = hellos(versions=["1.2"], options={"compression": [1, 64, 0]}).hellos
    assert (packed.outcome, packed.compression) == ("hello", 0)
    order = ["0x002F", "0xC013", "0xC009", "0x009E", "0xC02F", "0xC02B"]
    (picked,) = hellos(versions=["1.2"], suites=order).hellos
    assert picked.suite == 0x009E, "the client's order decides among equals"
    old = tls.offer_sslv2(b)
    assert isinstance(old, HellosSeen)
    assert judged("tls_offer.refuses", old).word is Word.PASS
    (scsv,) = hellos(versions=["1.2"], options={"fallback": True}).hellos
    assert scsv.alert == 86


@pytest.mark.peer(name="dcmtk")
def test_dcmtk_survives_damaged_hellos(start: Start, identities: factory.Pki) -> None:
    seen = tls.offer_damaged(bench(storescp(start, identities, "+py")))
    assert isinstance(seen, Many)
    assert len(seen.members) > 15
    assert judged("tls_offer.survives", seen).word is Word.PASS


@pytest.mark.peer(name="orthanc")
def test_orthanc_keeps_old_versions(start: Start, identities: factory.Pki, tmp_path: Path) -> None:
    mine, http = identities["server"], free_port()
    port = free_port()
    config = tmp_path / "orthanc.json"
    config.write_text(
        json.dumps(
            {
                "StorageDirectory": str(tmp_path / "db"),
                "IndexDirectory": str(tmp_path / "db"),
                "HttpPort": http,
                "DicomPort": port,
                "DicomTlsEnabled": True,
                "DicomTlsCertificate": str(mine.certificate),
                "DicomTlsPrivateKey": str(mine.key),
                "DicomTlsTrustedCertificates": str(identities.ca),
                "Plugins": [],
            }
        )
    )
    start("Orthanc", config, port=port)
    seen = enumerated(bench(port))
    assert named(seen) == DCMTK_RSA["+px"]
    found = judged("tls.refuses", seen, versions=["1.0", "1.1"])
    assert found.word is Word.FAIL
    assert "TLS_RSA_WITH_AES_128_CBC_SHA (0x002F) in TLS 1.1" in found.message


def gnutls(start: Start, identities: factory.Pki, priority: str, *more: object) -> int:
    mine = identities["server"]
    return start(
        "gnutls-serv", "--echo", "-q", "-p", "{port}",
        "--x509certfile", mine.certificate, "--x509keyfile", mine.key,
        *more, "--priority", priority,
    )  # fmt: skip


PLAIN = ":+COMP-NULL:+SIGN-ALL:+GROUP-ALL:+CTYPE-ALL"


@pytest.mark.peer(name="gnutls")
@pytest.mark.parametrize(
    ("priority", "expected"),
    [
        ("NONE:+VERS-TLS1.0:+3DES-CBC:+SHA1:+RSA", {"1.0": {"TLS_RSA_WITH_3DES_EDE_CBC_SHA"}}),
        ("NONE:+VERS-TLS1.1:+ARCFOUR-128:+SHA1:+RSA", {"1.1": {"TLS_RSA_WITH_RC4_128_SHA"}}),
        (
            "NONE:+VERS-TLS1.2:+CAMELLIA-128-GCM:+CAMELLIA-256-GCM:+AEAD:+ECDHE-RSA",
            {
                "1.2": {
                    "TLS_ECDHE_RSA_WITH_CAMELLIA_128_GCM_SHA256",
                    "TLS_ECDHE_RSA_WITH_CAMELLIA_256_GCM_SHA384",
                }
            },
        ),
        (
            "NONE:+VERS-TLS1.3:+AES-128-CCM:+AES-128-CCM-8:+AEAD:+ECDHE-RSA:+GROUP-ALL",
            {"1.3": {"TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"}},
        ),
        (
            "NONE:+VERS-TLS1.2:+NULL:+SHA1:+SHA256:+RSA",
            {"1.2": {"TLS_RSA_WITH_NULL_SHA", "TLS_RSA_WITH_NULL_SHA256"}},
        ),
    ],
    ids=["3des", "rc4", "camellia", "ccm13", "null"],
)
def test_gnutls_shows_what_openssl_cannot(
    start: Start, identities: factory.Pki, priority: str, expected: dict[str, set[str]]
) -> None:
    seen = enumerated(bench(gnutls(start, identities, priority + PLAIN)))
    assert named(seen) == expected


@pytest.mark.peer(name="gnutls")
def test_a_required_client_certificate_does_not_hide_the_suites(
    start: Start, identities: factory.Pki
) -> None:
    more = ("--x509cafile", identities.ca, "--require-client-cert", "--verify-client-cert")
    port = gnutls(start, identities, "NORMAL:-VERS-ALL:+VERS-TLS1.2", *more)
    seen = enumerated(bench(port))
    assert "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" in named(seen)["1.2"]
    assert {h.certificate_request for h in seen.hellos} == {True}


def openssl(start: Start, mine: factory.Identity, *more: object) -> int:
    return start(
        "openssl", "s_server", "-quiet", "-accept", "127.0.0.1:{port}",
        "-cert", mine.certificate, "-key", mine.key, *more,
    )  # fmt: skip


@pytest.mark.peer(name="openssl")
def test_openssl_at_security_level_0(start: Start, identities: factory.Pki) -> None:
    port = openssl(
        start, identities["server"], "-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0", "-min_protocol",
        "TLSv1", "-ciphersuites", "TLS_AES_128_CCM_8_SHA256:TLS_AES_128_CCM_SHA256:TLS_AES_256_GCM_SHA384",
    )  # fmt: skip
    seen = enumerated(bench(port))
    found = named(seen)
    assert found["1.3"] == {
        "TLS_AES_128_CCM_8_SHA256",
        "TLS_AES_128_CCM_SHA256",
        "TLS_AES_256_GCM_SHA384",
    }
    assert {"TLS_RSA_WITH_NULL_SHA", "TLS_DH_anon_WITH_AES_128_CBC_SHA"} <= found["1.0"]
    assert len(found["1.2"]) > 60
    anonymous = judged("tls.refuses", seen, suites="table:tls-null-and-anonymous")
    assert anonymous.word is Word.FAIL
    assert len(anonymous.findings) > 10


@pytest.mark.peer(name="openssl")
def test_short_keys_and_primes_are_measured(
    start: Start, identities: factory.Pki, tmp_path: Path
) -> None:
    parameters = tmp_path / "dh1024.pem"
    made = subprocess.run(
        [program("openssl"), "dhparam", "-dsaparam", "-out", str(parameters), "1024"],
        check=True,
        capture_output=True,
    )
    assert made.returncode == 0
    port = openssl(
        start, identities["rsa-1024"], "-cipher", "DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0",
        "-dhparam", parameters, "-tls1_2",
    )  # fmt: skip
    seen = enumerated(bench(port))
    assert judged("tls_group.has_dh_bits", seen, minimum=2048).word is Word.FAIL
    assert judged("tls_algorithms.has_key_bits", seen, key="RSA", minimum=2048).word is Word.FAIL


@pytest.mark.peer(name="openssl")
def test_preference_of_client_and_server_are_told_apart(
    start: Start, identities: factory.Pki
) -> None:
    strings = ("-cipher", "ECDHE+AESGCM:kRSA+AES:@SECLEVEL=0", "-tls1_2")
    offers: dict[str, Any] = {"versions": ["1.2"], "suites": ["0x002F", "0x009C", "0xC02F"]}
    theirs = tls.offer(bench(openssl(start, identities["server"], *strings)), **offers)
    assert judged("tls_offer.selects", theirs, suites=["0xC02F"]).word is Word.FAIL
    ours = tls.offer(bench(openssl(start, identities["server"], *strings, "-serverpref")), **offers)
    assert judged("tls_offer.selects", ours, suites=["0xC02F"]).word is Word.PASS


@pytest.mark.peer(name="openssl")
def test_alpn_is_read_in_the_hello(start: Start, identities: factory.Pki) -> None:
    b = bench(openssl(start, identities["server"], "-alpn", "dicom"))
    seen = tls.offer(b, versions=["1.2"], options={"alpn": ["dicom"]})
    assert judged("tls_extension.selects_protocol", seen, protocol="dicom").word is Word.PASS
    other = tls.offer(
        b, versions=["1.3", "1.2"], suites=["all-1.3", "all"], options={"alpn": ["h2"]}
    )
    assert judged("tls_offer.alerts", other, alerts=[120]).word is Word.PASS


@pytest.mark.peer(name="nmap")
def test_nmap_finds_the_same_suites(start: Start, identities: factory.Pki) -> None:
    scanner = program("nmap")
    port = openssl(
        start, identities["server-ec"], "-cipher", "ALL:@SECLEVEL=0", "-min_protocol", "TLSv1"
    )
    script = ("-Pn", "-n", "-p", str(port), "--script", "ssl-enum-ciphers", "127.0.0.1")
    told = subprocess.run([scanner, *script], capture_output=True, text=True, check=True).stdout
    theirs: dict[str, set[str]] = {}
    for line in told.splitlines():
        version = re.match(r"\|   TLSv(1\.\d):", line)
        suite = re.match(r"\|       (TLS_\S+)", line)
        if version:
            theirs[version[1]] = set()
        elif suite:
            theirs[list(theirs)[-1]].add(suite[1].replace("TLS_AKE_WITH_", "TLS_"))
    assert len(theirs["1.2"]) > 20
    assert named(enumerated(bench(port))) == theirs


@pytest.mark.peer(name="tlslite")
def test_ssl3_is_found_where_it_is_spoken(identities: factory.Pki) -> None:
    api = pytest.importorskip("tlslite.api", reason="the peer tlslite-ng is not installed")
    mine = identities["server"]
    chain = api.X509CertChain()
    chain.parsePemList(mine.certificate.read_text())
    key = api.parsePEMKey(mine.key.read_text(), private=True)
    settings = api.HandshakeSettings()
    settings.minVersion, settings.maxVersion = (3, 0), (3, 1)
    settings.cipherNames, settings.macNames = ["3des", "rc4"], ["sha", "md5"]
    settings.keyExchangeNames = ["rsa"]
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(Exception):
                api.TLSConnection(connection).handshakeServer(
                    certChain=chain, privateKey=key, settings=settings
                )

    threading.Thread(target=serve, daemon=True).start()
    try:
        seen = enumerated(bench(listener.getsockname()[1]))
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    old = {"TLS_RSA_WITH_3DES_EDE_CBC_SHA", "TLS_RSA_WITH_RC4_128_SHA", "TLS_RSA_WITH_RC4_128_MD5"}
    assert named(seen) == {"1.0": old, "ssl3": old}
    assert judged("tls.refuses", seen, versions=["ssl3"]).word is Word.FAIL
    assert judged("tls.negotiates", seen, versions=["1.0"]).word is Word.PASS
    assert judged("tls.negotiates", seen, versions=["1.2"]).word is Word.FAIL
