"""The known facts about real peers, each with the case or the test in which it comes out as a verdict.

F01 to F24 are known non-conformities, 4.1 the suites that servers really accept, 4.3 known good behaviour.
A case is one of ``expected/FILE.json``, which the tests of servers and clients compare with the living peer.
"""

from __future__ import annotations

import ast
import json
import runpy
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

from part15.evidence import Store
from part15.model import Stimulus
from part15.observations.session import AnswersSeen
from part15.peers.starting import PEERS, running
from part15.pki import Pki, make_pki
from part15.session import Session
from part15.target_file import parse_target

HERE = Path(__file__).parent
bench = SimpleNamespace(**runpy.run_path(str(HERE / "expected_bench.py")))

B12, SERVER, CLIENT = "tls-bcp195-rfc8996", "tls-server", "tls-client"
B10_19 = "%tls-bcp195-nondowngrading-2019c"
FOUR = (
    "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
)
CAMELLIA = [
    f"TLS_ECDHE_{kind}_WITH_CAMELLIA_{size}"
    for kind in ("RSA", "ECDSA")
    for size in ("128_GCM_SHA256", "256_GCM_SHA384")
]

Case = tuple[str, str, str]
"""File, case, verdict."""

FACTS: dict[str, list[Case]] = {
    "F06": [
        (name, f"B.3-offer-both-suites:{role}:TLS_RSA_WITH_3DES_EDE_CBC_SHA", "fail")
        for name, role in (
            ("dcmtk-aes", SERVER),
            ("echoscu-aes", CLIENT),
            ("storescu-aes", CLIENT),
        )
    ],
    "F07": [
        (name, f"B.13-cert-{what}:{role}", "fail")
        for name, role in (
            ("dcmtk-modified", SERVER),
            ("orthanc-strict", SERVER),
            ("echoscu-held-modified", CLIENT),
        )
        for what in ("rsa-2048", "sig-rsa-2048")
    ],
    "F08": [
        ("openssl-modified", f"B.13-cipher-tls12-mandatory:{SERVER}:{suite}", word)
        for suite, word in (
            *((s, "fail" if "_RSA_" in s else "inconclusive") for s in CAMELLIA),
            ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "inconclusive"),
        )
    ],
    "F09": [
        ("orthanc-strict", f"B.10-no-tls10-tls11:{SERVER}", "fail"),
        ("orthanc", f"RFC8996-no-tls10:{SERVER}", "fail"),
        ("orthanc", f"RFC8996-no-tls11:{SERVER}", "fail"),
        ("orthanc", f"RFC7525-no-static-rsa:{SERVER}", "warn"),
        ("orthanc-strict", f"B.13-no-other-tls12-ciphers:{SERVER}", "fail"),
        ("orthanc-strict", f"B.13-prohibited-algorithms:{SERVER}", "fail"),
    ],
    "F10": [
        ("dcmtk-bcp195", f"B.9-downgrade-care:{SERVER}", "warn"),
        ("dcmtk-bcp195", f"RFC8996-no-tls10:{SERVER}", "warn"),
        ("dcmtk-downgrading", f"B.10-no-tls10-tls11:{SERVER}", "fail"),
        ("dcmtk-downgrading", f"RFC8996-no-tls10:{SERVER}%{B12}-2023b", "fail"),
        ("echoscu-held-downgrading", f"B.10-no-tls10-tls11:{CLIENT}", "fail"),
    ],
    "F12": [
        (name, f"B.12-server-mutual-auth:{SERVER}", "fail")
        for name in ("dcmtk-optional", "dcmtk-ignoring", "orthanc-optional")
    ],
    "F22": [
        ("orthanc-scu", f"B.10-no-tls10-tls11:{CLIENT}", "fail"),
        ("orthanc-scu", f"RFC8996-no-tls10:{CLIENT}%{B12}-2023b", "fail"),
        ("orthanc-scu", f"RFC8996-no-tls11:{CLIENT}%{B12}-2023b", "fail"),
        ("orthanc-scu", f"RFC7525-no-static-rsa:{CLIENT}%{B12}-2023b", "warn"),
    ],
    "F23": [("nginx", f"B.12-server-mutual-auth:{SERVER}", "pass")],
    "F24": [
        ("pynetdicom", f"B.13-no-other-tls12-ciphers:{SERVER}", "fail"),
        ("pynetdicom", f"B.13-permitted-algorithms:{SERVER}", "fail"),
        *(
            ("pynetdicom", f"B.13-cipher-tls13-mandatory-server:{SERVER}:TLS_AES_128_{s}", "fail")
            for s in ("CCM_SHA256", "CCM_8_SHA256")
        ),
    ],
    "4.1 +py": [
        *(("dcmtk", f"B.10-cipher-mandatory:{SERVER}:{suite}", "pass") for suite in FOUR),
        ("dcmtk", f"B.10-no-tls10-tls11:{SERVER}", "pass"),
        ("dcmtk-rfc8996", f"RFC8996-no-tls10:{SERVER}", "pass"),
    ],
    "4.1 +pn": [
        ("dcmtk-null", f"B.12-encrypt-and-integrity:{SERVER}", "fail"),
        ("echoscu-null", f"B.12-encrypt-and-integrity:{CLIENT}", "fail"),
    ],
    "4.3 a required client certificate is verified": [
        (name, f"B.12-server-mutual-auth:{SERVER}", "pass")
        for name in ("dcmtk-rfc8996", "orthanc", "stunnel", "haproxy", "nginx")
    ],
    "4.3 +crl refuses the revoked one": [
        ("dcmtk-revoking", f"RFC9325-revocation-strategy:{SERVER}", "pass"),
        ("dcmtk", f"RFC9325-revocation-strategy:{SERVER}", "warn"),
    ],
    "4.3 a flipped bit is detected": [
        (name, f"TLS-COMMON-integrity-drop:{role}", "pass")
        for name, role in (
            ("dcmtk", SERVER),
            ("orthanc", SERVER),
            ("stunnel", SERVER),
            ("haproxy", SERVER),
            ("nginx", SERVER),
            ("pynetdicom", SERVER),
            ("echoscu", CLIENT),
            ("storescu", CLIENT),
            ("pynetdicom-scu", CLIENT),
        )
    ],
}
TESTS = {
    "F01 F02 F03": "test_peers_storage.py::test_storescp_rewrites_by_default",
    "F11 storescp": "test_peers_storage.py::test_storescp_has_no_positive_response",
    "F11 pynetdicom": "test_peers_storage.py::test_pynetdicom_rejects_transiently_and_answers_without_59h",
    "F14": "test_peers_storage.py::test_dcmqrscp_keeps_a_status_that_came_over_plain_tcp",
    "F18": "test_peers_storage.py::test_dcmqrscp_rewrites_by_both_routes",
    "F20": "test_peers_facts.py::test_any_called_ae_title_is_accepted",
    "F21": "test_peers_rsyslog.py::test_the_gnutls_driver_takes_old_versions_with_cbc",
    "4.1 DCMTK, to the suite": "test_peers_tls.py::test_dcmtk_with_an_rsa_certificate",
    "4.1 DCMTK with ECDSA": "test_peers_tls.py::test_dcmtk_with_an_ecdsa_certificate",
    "4.1 Orthanc": "test_peers_tls.py::test_orthanc_keeps_old_versions",
    "4.3 storescp +B": "test_peers_storage.py::test_storescp_preserves_every_bit_if_it_is_told_to",
    "4.3 Orthanc commits": "test_peers_storage.py::test_orthanc_rewrites_and_commits",
    "4.3 dcmsign both ways": "test_peers_dcmsign.py::test_dcmsign_verifies_what_we_sign",
}


@pytest.mark.parametrize("fact", FACTS)
def test_the_fact_comes_out_as_verdicts(fact: str) -> None:
    for file, case, word in FACTS[fact]:
        document = json.loads((bench.EXPECTED / f"{file}.json").read_text())
        assert document["verdicts"].get(case) == word, (fact, file, case)
        clause = case.partition(":")[0]
        if word not in ("pass", "info"):
            assert document["reasons"][clause] not in bench.GENERAL, (file, clause)


@pytest.mark.parametrize("fact", TESTS)
def test_the_fact_has_a_test_of_its_own(fact: str) -> None:
    name, _, function = TESTS[fact].partition("::")
    tree = ast.parse((HERE / name).read_text())
    assert function in {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}


@pytest.mark.peer(name="dcmtk")
@pytest.mark.parametrize("name", ["dcmtk", "pynetdicom", "orthanc"])
def test_any_called_ae_title_is_accepted(name: str, tmp_path: Path) -> None:
    """F20: an observation; no clause asks for another answer."""
    peer = PEERS[name]
    bench.require(peer)
    pki: Pki = make_pki(tmp_path / "pki")
    with running(peer, pki, tmp_path) as path:
        target = parse_target(tomllib.loads(path.read_text()), folder=tmp_path)
        seen = Session(target, Store(tmp_path / "evidence")).observe(
            Stimulus("session.draw_refusals", {}, "dicom-tls")
        )
    assert isinstance(seen, AnswersSeen)
    assert seen.others["an unknown called AE title"] == "A-ASSOCIATE-AC"
