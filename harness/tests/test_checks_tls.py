"""Each TLS check on observations written by hand: a right one passes, a wrong one fails, an unclear one decides nothing."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from part15.judge import ask
from part15.model import Judgement, Word
from part15.observations import NotReached
from part15.observations.session import AssociationSeen, AuthenticationSeen, HandshakeSeen
from part15.observations.tls import (
    CertificateSeen,
    ControlSeen,
    HelloSeen,
    HellosSeen,
    SuitesSeen,
    VersionSeen,
)
from part15.observations.tls_certificates import CertificatesSeen
from part15.registry import checks
from part15.wire import tls_names as names

OK = ControlSeen("good", ok=True, answer="TLS 1.2")
DEAD = ControlSeen("good", ok=False, answer="connection reset")
PASS, FAIL, OPEN = Word.PASS, Word.FAIL, Word.INCONCLUSIVE

GCM, STATIC, DHE, NULL = 0xC02F, 0x002F, 0x009E, 0x0002
ECDSA, CAMELLIA, CCM13 = 0xC02B, 0xC08A, 0x1304


def accepted(suite: int, version: str = "1.2", **more: Any) -> HelloSeen:
    return HelloSeen(
        "an offer", (version,), (suite,), "hello", version=version, suite=suite, **more
    )


def alert(code: int = 40, **more: Any) -> HelloSeen:
    return HelloSeen("an offer", ("1.2",), (), "alert", alert=code, alert_level=2, **more)


def outcome(word: str) -> HelloSeen:
    return HelloSeen("an offer", ("1.2",), (), word)


def suites(
    found: dict[str, list[int] | list[HelloSeen]] | None = None,
    *,
    after: ControlSeen = OK,
    types: tuple[str, ...] = ("RSA",),
    refusal: HelloSeen | None = None,
    complete: bool = True,
    **more: Any,
) -> SuitesSeen:
    """An endpoint that accepts *found* and refuses the rest."""
    given = {"1.3": [0x1301], "1.2": [GCM, 0xC030], **(found or {})}
    versions = tuple(
        VersionSeen(
            version,
            tuple(
                s if isinstance(s, HelloSeen) else accepted(s, version)
                for s in given.get(version, [])
            ),
            refusal or alert(40 if version in ("1.3", "1.2") else 70),
            complete,
        )
        for version in ("1.3", "1.2", "1.1", "1.0", "ssl3")
    )
    return SuitesSeen("e", versions, OK, after, types, **more)


def hellos(
    *answers: HelloSeen, after: ControlSeen = OK, known: tuple[str, ...] = ("1.3", "1.2")
) -> HellosSeen:
    return HellosSeen(answers, OK, after, known, ("RSA",))


def judged(name: str, seen: Any, **expect: Any) -> Judgement:
    answer = ask(checks()[name], seen, expect)
    assert answer.message
    return answer


TWIN = suites({"1.2": [ECDSA]}, types=("ECDSA",))

SUITE_ROWS: list[tuple[str, dict[str, Any], SuitesSeen, Word]] = [
    ("tls.negotiates", {"versions": ["1.2", "1.3"]}, suites(), PASS),
    ("tls.negotiates", {"versions": ["1.3"]}, suites({"1.3": []}, refusal=alert(70)), FAIL),
    ("tls.negotiates", {"versions": ["1.0"]}, suites(), FAIL),
    ("tls.negotiates", {"versions": ["1.2"]}, suites({"1.2": []}, types=("ECDSA",)), OPEN),
    ("tls.negotiates", {"versions": ["1.2"]}, suites({"1.2": []}, types=("RSA",)), FAIL),
    ("tls.negotiates", {"versions": ["1.2"]}, suites({"1.2": []}, types=(), twins=(TWIN,)), PASS),
    (
        "tls.negotiates",
        {"versions": ["1.1"]},
        suites(complete=False, refusal=outcome("silent")),
        OPEN,
    ),
    ("tls.negotiates", {"suites": [names.suite_name(GCM)]}, suites(), PASS),
    ("tls.negotiates", {"suites": ["0x002F"]}, suites(), FAIL),
    ("tls.negotiates", {"suites": ["0xC02B"]}, suites(), OPEN),
    ("tls.negotiates", {"suites": ["0xC02B"]}, suites(twins=(TWIN,)), PASS),
    ("tls.negotiates", {"suites": ["0xC02C"]}, suites(twins=(TWIN,)), FAIL),
    ("tls.negotiates", {"suites": ["0x1304"], "versions": ["1.3"]}, suites(), FAIL),
    ("tls.negotiates", {"suites": ["0x1304"], "versions": ["1.3"]}, suites({"1.3": [CCM13]}), PASS),
    ("tls.negotiates", {"suites": ["0xC02F"], "versions": ["1.1"]}, suites(), FAIL),
    ("tls.negotiates", {"suites": ["0xC02F", "0xC02B"], "fitting_only": True}, suites(), PASS),
    ("tls.negotiates", {"suites": ["0xC02F", "0xC02B"]}, suites(), OPEN),
    ("tls.negotiates", {"suites": ["0xC02F", "0x009E"]}, suites(complete=False), OPEN),
    ("tls.negotiates_any", {"suites": ["0xC02F", "0x009E"]}, suites(), PASS),
    ("tls.negotiates_any", {"suites": ["0x002F", "0x009E"]}, suites(), FAIL),
    ("tls.negotiates_any", {"suites": ["0xC02B", "0x009E"]}, suites(), OPEN),
    ("tls.refuses", {"versions": ["1.0", "1.1", "ssl3"]}, suites(), PASS),
    ("tls.refuses", {"versions": ["1.0"]}, suites({"1.0": [STATIC]}), FAIL),
    ("tls.refuses", {"versions": ["1.0"]}, suites(after=DEAD), OPEN),
    ("tls.refuses", {"versions": ["1.0"]}, suites(complete=False, refusal=outcome("drip")), OPEN),
    ("tls.refuses", {"suites": "table:tls-null-and-anonymous"}, suites(), PASS),
    ("tls.refuses", {"suites": "table:tls-null-and-anonymous"}, suites({"1.0": [NULL]}), FAIL),
    ("tls.refuses", {"suites": ["0x0002"]}, suites(after=DEAD), OPEN),
    ("tls.refuses", {"suites": ["0x0002"], "versions": ["1.2"]}, suites({"1.0": [NULL]}), PASS),
    ("tls.only", {"suites": "table:tls-b13-tls12", "versions": ["1.2"]}, suites(), PASS),
    (
        "tls.only",
        {"suites": "table:tls-b13-tls12", "versions": ["1.2"]},
        suites({"1.2": [STATIC]}),
        FAIL,
    ),
    ("tls.only", {"suites": "table:tls-b11-allowed"}, suites(), FAIL),
    ("tls.only", {"suites": "table:tls-b11-allowed"}, suites({"1.3": []}), PASS),
    ("tls.only", {"suites": "table:tls-b11-allowed"}, suites({"1.3": []}, after=DEAD), OPEN),
    ("tls.negotiates_beyond", {"suites": ["0x000A"]}, suites(), PASS),
    ("tls.negotiates_beyond", {"suites": ["0xC02F", "0xC030", "0x1301"]}, suites(), FAIL),
    ("tls.adds_only_strong", {"suites": "table:tls-b10-mandatory"}, suites(), PASS),
    (
        "tls.adds_only_strong",
        {"suites": "table:tls-b10-mandatory"},
        suites({"1.2": [GCM, STATIC]}),
        FAIL,
    ),
    (
        "tls.adds_only_strong",
        {"suites": "table:tls-b10-mandatory"},
        suites({"1.2": [GCM, 0xC013]}),
        FAIL,
    ),
    ("tls.adds_only_strong", {"suites": "table:tls-b10-mandatory"}, suites(after=DEAD), OPEN),
    (
        "tls_group.has_dh_bits",
        {"minimum": 2048},
        suites({"1.2": [accepted(DHE, dh_bits=2048)]}),
        PASS,
    ),
    (
        "tls_group.has_dh_bits",
        {"minimum": 2048},
        suites({"1.2": [accepted(DHE, dh_bits=1024)]}),
        FAIL,
    ),
    (
        "tls_group.has_dh_bits",
        {"minimum": 2048},
        suites({"1.2": [accepted(DHE, dh_bits=2047)]}),
        FAIL,
    ),
    ("tls_group.has_dh_bits", {"minimum": 2048}, suites(), PASS),
    ("tls_group.has_dh_bits", {"minimum": 2048}, suites(after=DEAD), OPEN),
]

LEAF = CertificateSeen("leaf", "RSA", 2048, "", "RSA", 2048, "SHA-256", fingerprint="1")
ROOT = CertificateSeen(
    "root", "RSA", 4096, "", "RSA", 4096, "SHA-1", self_signed=True, fingerprint="2"
)
EC = CertificateSeen("ec", "EC", 256, "secp256r1", "ECDSA", 256, "SHA-256", fingerprint="3")


def chain(*certificates: CertificateSeen) -> SuitesSeen:
    return suites({"1.2": [accepted(GCM, chain=certificates, scheme=0x0804)]})


def but(certificate: CertificateSeen, **changes: Any) -> CertificateSeen:
    return dataclasses.replace(certificate, fingerprint="x", **changes)


B13_FORBIDDEN = {
    "kx": ["DH", "ECDH", "RSA"],
    "enc": ["3DES", "ARIA", "RC4"],
    "mode": ["CBC"],
    "mac": ["MD5", "SHA-1"],
    "hash": ["MD5", "SHA-1"],
}
B13_PERMITTED = {
    "kx": ["ECDHE", "DHE"],
    "auth": ["ECDSA", "RSA"],
    "enc": ["AES", "Camellia", "ChaCha20"],
    "mode": ["GCM", "CCM", "CCM_8", "Poly1305"],
    "hash": ["SHA-256", "SHA-384"],
}
PARTS = "tls_algorithms.refuses_parts"
ONLY = "tls_algorithms.uses_only_parts"
SIGNS = "tls_algorithms.signs_without"
HASH = "tls_algorithms.is_signed_with_hash"
SHA2 = {"hashes": ["SHA-256", "SHA-384", "SHA-512"]}
WEAK = {"hashes": ["SHA-1", "MD5"]}

ALGORITHM_ROWS: list[tuple[str, dict[str, Any], SuitesSeen, Word]] = [
    (PARTS, {"parts": B13_FORBIDDEN}, suites(), PASS),
    (PARTS, {"parts": B13_FORBIDDEN}, suites({"1.2": [0x009C]}), FAIL),
    (PARTS, {"parts": B13_FORBIDDEN}, suites({"1.2": [0xC027]}), FAIL),
    (PARTS, {"parts": B13_FORBIDDEN}, suites({"1.2": [0xC060]}), FAIL),
    (PARTS, {"parts": B13_FORBIDDEN}, suites({"1.2": [accepted(GCM, scheme=0x0201)]}), FAIL),
    (PARTS, {"parts": B13_FORBIDDEN}, suites(probes=(accepted(GCM, scheme=0x0201),)), FAIL),
    (PARTS, {"parts": B13_FORBIDDEN}, suites(probes=(alert(),)), PASS),
    (PARTS, {"parts": B13_FORBIDDEN}, suites(after=DEAD), OPEN),
    (ONLY, {"parts": B13_PERMITTED}, suites({"1.2": [GCM, CAMELLIA, 0xCCA8, 0xC0AE]}), PASS),
    (ONLY, {"parts": B13_PERMITTED}, suites({"1.2": [0x00A8]}), FAIL),
    (ONLY, {"parts": B13_PERMITTED}, suites({"1.3": [0x00C6]}), FAIL),
    (ONLY, {"parts": B13_PERMITTED}, suites({"1.2": [accepted(GCM, scheme=0x0301)]}), FAIL),
    (ONLY, {"parts": B13_PERMITTED}, suites({"1.2": [accepted(GCM, scheme=0x0806)]}), PASS),
    (ONLY, {"parts": B13_PERMITTED}, suites(types=("EdDSA",)), FAIL),
    (ONLY, {"parts": B13_PERMITTED}, suites(complete=False), OPEN),
    (SIGNS, WEAK, chain(LEAF, ROOT), PASS),
    (SIGNS, WEAK, chain(but(LEAF, hash="SHA-1"), ROOT), FAIL),
    (SIGNS, WEAK, suites({"1.2": [accepted(GCM, scheme=0x0203)]}), FAIL),
    (SIGNS, WEAK, suites({"1.0": [accepted(0xC013, "1.0", public="aa")]}), FAIL),
    (SIGNS, WEAK, suites(probes=(accepted(GCM, scheme=0x0101),)), FAIL),
    (SIGNS, WEAK, suites(after=DEAD), OPEN),
    ("tls_algorithms.has_key_bits", {"key": "RSA", "minimum": 2048}, chain(LEAF, ROOT), PASS),
    (
        "tls_algorithms.has_key_bits",
        {"key": "RSA", "minimum": 2048},
        chain(but(LEAF, bits=2047)),
        FAIL,
    ),
    ("tls_algorithms.has_key_bits", {"key": "EC", "minimum": 256}, chain(LEAF), PASS),
    ("tls_algorithms.has_key_bits", {"key": "EC", "minimum": 256}, chain(but(EC, bits=224)), FAIL),
    ("tls_algorithms.has_key_bits", {"key": "RSA", "minimum": 2048}, suites(), OPEN),
    (
        "tls_algorithms.has_key_bits",
        {"key": "RSA", "minimum": 2048},
        chain(CertificateSeen(problem="it cannot be read", fingerprint="9")),
        OPEN,
    ),
    (HASH, SHA2, chain(LEAF, ROOT), PASS),
    (HASH, SHA2, chain(but(LEAF, hash="SHA-224"), ROOT), FAIL),
    (HASH, SHA2, chain(but(LEAF, hash="SHA-1"), ROOT), FAIL),
    (HASH, SHA2, suites(), OPEN),
    ("tls_algorithms.has_leaf_key", {"keys": ["RSA"]}, chain(LEAF), PASS),
    ("tls_algorithms.has_leaf_key", {"keys": ["RSA"]}, chain(EC, ROOT), FAIL),
    ("tls_algorithms.has_leaf_key", {"keys": ["RSA"]}, suites(), OPEN),
    ("tls_algorithms.has_leaf_curve", {"curves": ["secp256r1"]}, chain(EC), PASS),
    (
        "tls_algorithms.has_leaf_curve",
        {"curves": ["secp256r1"]},
        chain(but(EC, curve="secp384r1")),
        FAIL,
    ),
    ("tls_algorithms.has_leaf_curve", {"curves": ["secp256r1"]}, suites(), OPEN),
]

RENEGOTIATION, EMS, TRUNCATED = 0xFF01, 23, 4
ACK = "tls_extension.acknowledges"
SELECTS = {"suites": ["0xC02F", "0xC02B"]}

HELLO_ROWS: list[tuple[str, dict[str, Any], HellosSeen, Word]] = [
    ("tls_offer.selects", SELECTS, hellos(accepted(GCM), alert()), PASS),
    ("tls_offer.selects", SELECTS, hellos(accepted(STATIC), alert()), FAIL),
    ("tls_offer.selects", SELECTS, hellos(alert(), alert()), OPEN),
    ("tls_offer.selects", SELECTS, hellos(alert(), known=("1.3",)), PASS),
    ("tls_offer.selects_version", {"version": "1.3"}, hellos(accepted(0x1301, "1.3")), PASS),
    ("tls_offer.selects_version", {"version": "1.3"}, hellos(accepted(GCM)), FAIL),
    ("tls_offer.selects_version", {"version": "1.3"}, hellos(accepted(GCM), known=("1.2",)), PASS),
    ("tls_offer.selects_version", {"version": "1.3"}, hellos(alert()), OPEN),
    ("tls_offer.avoids_versions", {"versions": ["1.0"]}, hellos(alert()), PASS),
    ("tls_offer.avoids_versions", {"versions": ["1.0"]}, hellos(accepted(STATIC)), PASS),
    ("tls_offer.avoids_versions", {"versions": ["1.0"]}, hellos(accepted(STATIC, "1.0")), FAIL),
    ("tls_offer.avoids_versions", {"versions": ["1.0"]}, hellos(alert(), after=DEAD), OPEN),
    ("tls_offer.accepts", {}, hellos(accepted(GCM), accepted(GCM)), PASS),
    ("tls_offer.accepts", {}, hellos(accepted(GCM), alert(112)), FAIL),
    ("tls_offer.accepts", {}, hellos(accepted(GCM), outcome("silent")), OPEN),
    ("tls_offer.refuses", {}, hellos(alert()), PASS),
    ("tls_offer.refuses", {}, hellos(outcome("close")), PASS),
    ("tls_offer.refuses", {}, hellos(accepted(GCM)), FAIL),
    (
        "tls_offer.refuses",
        {},
        hellos(HelloSeen("old", ("ssl2",), (), "hello", version="ssl2")),
        FAIL,
    ),
    ("tls_offer.refuses", {}, hellos(alert(), after=DEAD), OPEN),
    ("tls_offer.refuses", {}, hellos(outcome("silent")), OPEN),
    ("tls_offer.refuses", {}, hellos(outcome("unreachable")), OPEN),
    ("tls_offer.alerts", {"alerts": [70], "closes": True}, hellos(alert(70, closed=True)), PASS),
    ("tls_offer.alerts", {"alerts": [70], "closes": True}, hellos(alert(70, closed=False)), FAIL),
    ("tls_offer.alerts", {"alerts": [70]}, hellos(alert(40)), FAIL),
    ("tls_offer.alerts", {"alerts": [70]}, hellos(outcome("close")), FAIL),
    ("tls_offer.alerts", {"alerts": [70]}, hellos(accepted(STATIC, "1.0")), FAIL),
    ("tls_offer.alerts", {"alerts": [70]}, hellos(alert(70), after=DEAD), OPEN),
    ("tls_offer.alerts", {"alerts": [112], "or_refuses": True}, hellos(alert(40)), PASS),
    ("tls_offer.alerts", {"alerts": [112], "or_refuses": True}, hellos(accepted(GCM)), FAIL),
    ("tls_offer.survives", {}, hellos(alert(50)), PASS),
    ("tls_offer.survives", {}, hellos(alert(50), after=DEAD), FAIL),
    (ACK, {"extension": "extended_master_secret"}, hellos(accepted(GCM, extensions=(EMS,))), PASS),
    (ACK, {"extension": "extended_master_secret"}, hellos(accepted(GCM)), FAIL),
    (ACK, {"extension": "extended_master_secret"}, hellos(alert()), OPEN),
    (ACK, {"extension": "extended_master_secret"}, hellos(alert(), known=("1.3",)), PASS),
    (
        ACK,
        {"extension": "renegotiation_info"},
        hellos(accepted(GCM, extensions=(RENEGOTIATION,)), accepted(GCM)),
        FAIL,
    ),
    ("tls_extension.omits", {"extension": "truncated_hmac"}, hellos(accepted(STATIC)), PASS),
    (
        "tls_extension.omits",
        {"extension": "truncated_hmac"},
        hellos(accepted(STATIC, extensions=(TRUNCATED,))),
        FAIL,
    ),
    ("tls_extension.omits", {"extension": "truncated_hmac"}, hellos(alert()), PASS),
    ("tls_extension.omits", {"extension": "truncated_hmac"}, hellos(alert(), after=DEAD), OPEN),
    ("tls_extension.omits_compression", {}, hellos(accepted(GCM)), PASS),
    ("tls_extension.omits_compression", {}, hellos(accepted(GCM, compression=1)), FAIL),
    ("tls_extension.omits_compression", {}, hellos(alert()), OPEN),
    (
        "tls_extension.selects_protocol",
        {"protocol": "dicom"},
        hellos(accepted(GCM, alpn="dicom")),
        PASS,
    ),
    ("tls_extension.selects_protocol", {"protocol": "dicom"}, hellos(accepted(GCM)), FAIL),
    (
        "tls_extension.selects_protocol",
        {"protocol": "dicom"},
        hellos(accepted(GCM, alpn="h2")),
        FAIL,
    ),
    ("tls_extension.selects_protocol", {"protocol": "dicom"}, hellos(alert()), OPEN),
    (
        "tls_extension.pairs_cbc_with_etm",
        {},
        hellos(alert(), accepted(0xC013, extensions=(22,))),
        PASS,
    ),
    ("tls_extension.pairs_cbc_with_etm", {}, hellos(accepted(0xC013), alert()), FAIL),
    ("tls_extension.pairs_cbc_with_etm", {}, hellos(outcome("silent")), OPEN),
    ("tls_extension.ignores_record_version", {}, hellos(accepted(GCM), accepted(GCM)), PASS),
    ("tls_extension.ignores_record_version", {}, hellos(accepted(GCM), alert(70)), FAIL),
    (
        "tls_extension.ignores_record_version",
        {},
        hellos(accepted(0x1301, "1.3"), accepted(GCM)),
        FAIL,
    ),
    ("tls_extension.ignores_record_version", {}, hellos(accepted(GCM), outcome("silent")), OPEN),
    ("tls_extension.marks_downgrade", {}, hellos(accepted(GCM, sentinel="1.2")), PASS),
    ("tls_extension.marks_downgrade", {}, hellos(accepted(GCM)), FAIL),
    ("tls_extension.marks_downgrade", {}, hellos(alert()), OPEN),
    (
        "tls_group.keeps_group_bits",
        {"minimum": 256},
        hellos(accepted(GCM, group=29), alert()),
        PASS,
    ),
    (
        "tls_group.keeps_group_bits",
        {"minimum": 256},
        hellos(accepted(GCM, group=23), accepted(GCM, group=21)),
        FAIL,
    ),
    ("tls_group.keeps_group_bits", {"minimum": 224}, hellos(accepted(GCM, group=21)), PASS),
    ("tls_group.keeps_group_bits", {"minimum": 256}, hellos(alert(), after=DEAD), OPEN),
    ("tls_group.serves_groups", {"groups": ["secp256r1"]}, hellos(accepted(GCM, group=23)), PASS),
    (
        "tls_group.serves_groups",
        {"groups": ["secp256r1", "x25519"]},
        hellos(accepted(GCM, group=23), alert()),
        FAIL,
    ),
    ("tls_group.serves_groups", {"groups": ["x25519"]}, hellos(accepted(GCM, group=23)), FAIL),
    ("tls_group.serves_groups", {"groups": ["x25519"]}, hellos(outcome("drip")), OPEN),
    (
        "tls_group.renews_keys",
        {},
        hellos(accepted(GCM, public="a"), accepted(GCM, public="b")),
        PASS,
    ),
    (
        "tls_group.renews_keys",
        {},
        hellos(accepted(GCM, public="a"), accepted(GCM, public="a")),
        FAIL,
    ),
    ("tls_group.renews_keys", {}, hellos(accepted(GCM, public="a")), OPEN),
    ("tls_group.renews_keys", {"curves_too": False}, hellos(alert(), alert()), PASS),
    (
        "tls_group.renews_keys",
        {"curves_too": False},
        hellos(accepted(DHE, public="a", dh_bits=2048), accepted(DHE, public="a", dh_bits=2048)),
        FAIL,
    ),
]

ROWS = [*SUITE_ROWS, *ALGORITHM_ROWS, *HELLO_ROWS]


@pytest.mark.parametrize(
    ("name", "expect", "seen", "word"),
    ROWS,
    ids=[f"{n}-{row[0]}-{row[3]}" for n, row in enumerate(ROWS)],
)
def test_check(name: str, expect: dict[str, Any], seen: Any, word: Word) -> None:
    assert judged(name, seen, **expect).word is word


def test_every_tls_check_is_seen_to_pass_and_to_fail() -> None:
    mine = {
        name
        for name in checks()
        if name.split(".")[0]
        in ("tls", "tls_offer", "tls_extension", "tls_group", "tls_algorithms")
    }
    for word in (PASS, FAIL):
        assert mine - {row[0] for row in ROWS if row[3] is word} == set()


def test_messages_name_suite_cause_and_remedy() -> None:
    camellia = judged("tls.negotiates", suites(), suites=["0xC08A"])
    assert "TLS_ECDHE_RSA_WITH_CAMELLIA_128_GCM_SHA256 (0xC08A)" in camellia.message
    assert "no OpenSSL release has Camellia-GCM" in camellia.message
    assert camellia.rests_on == ("T-20",)
    needs = judged("tls.negotiates", suites(), suites=["0xC02B"])
    assert "needs a server certificate with an ECDSA key" in needs.message
    null = judged("tls.refuses", suites({"1.0": [NULL]}), suites=["0x0002"])
    assert "TLS_RSA_WITH_NULL_SHA (0x0002) in TLS 1.0" in null.message
    literal = judged("tls.only", suites(), suites="table:tls-b11-allowed")
    assert literal.rests_on == ("T-16",)
    assert [finding.word for finding in literal.findings] == [FAIL]
    x25519 = judged("tls_group.keeps_group_bits", hellos(accepted(GCM, group=29)), minimum=256)
    assert x25519.rests_on == ("T-17",)
    sha512 = judged(ONLY, suites({"1.2": [accepted(GCM, scheme=0x0806)]}), parts=B13_PERMITTED)
    assert [finding.word for finding in sha512.findings] == [Word.WARN]
    dead = judged("tls_offer.refuses", hellos(alert(), after=DEAD))
    assert [finding.subject for finding in dead.findings] == ["availability"]


ASSOCIATED = AssociationSeen("accepted", HandshakeSeen("open", completed=True, requested=True))
TURNED_AWAY = AssociationSeen("alert", HandshakeSeen("alert", requested=True))
OPEN_DOOR = AssociationSeen("accepted", HandshakeSeen("open", completed=True, requested=False))
NOT_GIVEN = NotReached("identity", "give endpoints.e.identities.rsa_1024")
RSA_RULE = {"key": "RSA", "minimum": 2048, "kinds": ["rsa_1024"]}
SIGNER_RULE = {"signer": "RSA", "minimum": 2048, "kinds": ["weak_issuer"]}
HASH_RULE = {**SHA2, "kinds": ["sha1", "md5"]}


def both(own: SuitesSeen, control: AssociationSeen = ASSOCIATED, **shown: Any) -> CertificatesSeen:
    return CertificatesSeen(own, AuthenticationSeen(control, shown, ASSOCIATED))


@pytest.mark.parametrize(
    ("name", "expect", "seen", "word"),
    [
        ("has_key_bits", RSA_RULE, both(chain(LEAF), rsa_1024=TURNED_AWAY), PASS),
        ("has_key_bits", RSA_RULE, both(chain(LEAF), rsa_1024=ASSOCIATED), FAIL),
        ("has_key_bits", RSA_RULE, both(chain(but(LEAF, bits=1024)), rsa_1024=TURNED_AWAY), FAIL),
        ("has_key_bits", RSA_RULE, both(chain(LEAF), rsa_1024=NOT_GIVEN), OPEN),
        ("has_key_bits", RSA_RULE, both(suites(), rsa_1024=TURNED_AWAY), OPEN),
        ("has_key_bits", RSA_RULE, both(suites(), rsa_1024=ASSOCIATED), FAIL),
        ("has_key_bits", RSA_RULE, both(chain(LEAF), OPEN_DOOR, rsa_1024=ASSOCIATED), PASS),
        ("has_key_bits", RSA_RULE, CertificatesSeen(chain(LEAF), NOT_GIVEN), OPEN),
        ("is_signed_with_bits", SIGNER_RULE, both(chain(LEAF), weak_issuer=TURNED_AWAY), PASS),
        ("is_signed_with_bits", SIGNER_RULE, both(chain(LEAF), weak_issuer=ASSOCIATED), FAIL),
        ("is_signed_with_bits", SIGNER_RULE, both(chain(but(LEAF, signer_bits=1024))), FAIL),
        ("is_signed_with_bits", SIGNER_RULE, both(chain(but(LEAF, signer_bits=None))), OPEN),
        (
            "is_signed_with_bits",
            SIGNER_RULE,
            both(chain(LEAF, but(ROOT, signer_bits=1024)), weak_issuer=TURNED_AWAY),
            PASS,
        ),
        (
            "is_signed_with_hash",
            HASH_RULE,
            both(chain(LEAF), sha1=TURNED_AWAY, md5=TURNED_AWAY),
            PASS,
        ),
        (
            "is_signed_with_hash",
            HASH_RULE,
            both(chain(LEAF), sha1=ASSOCIATED, md5=TURNED_AWAY),
            FAIL,
        ),
        (
            "is_signed_with_hash",
            HASH_RULE,
            both(chain(LEAF), sha1=TURNED_AWAY, md5=NOT_GIVEN),
            OPEN,
        ),
    ],
)
def test_certificates_both_ways(
    name: str, expect: dict[str, Any], seen: CertificatesSeen, word: Word
) -> None:
    answer = judged(f"tls_certificates.{name}", seen, **expect)
    assert answer.word is word, answer.message
