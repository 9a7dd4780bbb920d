"""The codecs of credentials against published vectors and foreign tools: nfold, CTS, signxml, xmlsec1, PyJWT."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import time
from pathlib import Path

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree
from signxml import SignatureConfiguration, XMLVerifier
from signxml.exceptions import SignXMLException

from part15.forge import issue
from part15.wire import der, json_token, kerberos, saml
from part15.wire import kerberos_crypto as crypto
from part15.wire.kerberos import Principal
from part15.wire.kerberos_files import FormError, read_cache, read_keytab, write_cache

NOW = dt.datetime(2026, 5, 4, 3, 2, 1, 234567, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
CAROL, DICOM = Principal("R", ("carol",)), Principal("R", ("dicom", "host"))
NOBODY = Principal("R", ("nobody",))


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("012345", "be072631276b1955"),
        ("password", "78a07b6caf85fa"),
        ("Rough Consensus, and Running Code", "bb6ed30870b7f0e0"),
        ("kerberos", "6b65726265726f73"),
        ("kerberos", "6b65726265726f737b9b5b2b93132b93"),
    ],
)
def test_folding_is_that_of_rfc_3961(text: str, folded: str) -> None:
    assert crypto.nfold(text.encode(), len(folded) // 2).hex() == folded


CTS_KEY = b"chicken teriyaki"
CTS = (
    ("4920776f756c64206c696b652074686520", "c6353568f2bf8cb4d8a580362da7ff7f97"),
    (
        "4920776f756c64206c696b65207468652047656e6572616c20476175277320",
        "fc00783e0efdb2c1d445d4c8eff7ed2297687268d6ecccc0c07b25e25ecfe5",
    ),
    (
        "4920776f756c64206c696b65207468652047656e6572616c2047617527732043",
        "39312523a78662d5be7fcbcc98ebf5a897687268d6ecccc0c07b25e25ecfe584",
    ),
)


@pytest.mark.parametrize(("plain", "sealed"), CTS)
def test_ciphertext_stealing_is_that_of_rfc_3962(plain: str, sealed: str) -> None:
    assert crypto.cts_seal(CTS_KEY, bytes.fromhex(plain)).hex() == sealed
    assert crypto.cts_open(CTS_KEY, bytes.fromhex(sealed)).hex() == plain


@pytest.mark.parametrize("etype", crypto.TYPES)
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 31, 32, 33, 500])
def test_what_is_sealed_opens_and_nothing_else_does(etype: int, size: int) -> None:
    key, plain = crypto.new_key(etype), os.urandom(size)
    sealed = crypto.seal(key, 11, plain)
    assert crypto.unseal(key, 11, sealed) == plain
    for other, usage, octets in (
        (crypto.new_key(etype), 11, sealed),
        (key, 12, sealed),
        (key, 11, sealed[:-1] + bytes((sealed[-1] ^ 1,))),
        (key, 11, sealed[:5]),
    ):
        with pytest.raises(crypto.SealError):
            crypto.unseal(other, usage, octets)


@pytest.mark.parametrize(
    "octets", ["", "30", "3080", "3005", "308001", "1f0100", "30820001", "308400"]
)
def test_damaged_der_is_refused(octets: str) -> None:
    with pytest.raises(der.DerError):
        der.read(bytes.fromhex(octets))


def shown(**changes: object) -> tuple[bytes, kerberos.Proof, crypto.Key]:
    key = crypto.new_key(18)
    ticket = kerberos.issue(CAROL, DICOM, key, crypto.new_key(17), begins=NOW, ends=NOW + HOUR)
    octets, proof = kerberos.request(ticket, NOW, **changes)
    return octets, proof, key


def test_a_ticket_is_welcome_and_its_answer_proves_the_service() -> None:
    octets, proof, key = shown()
    found = kerberos.welcome(octets, (key,), DICOM, NOW)
    assert str(found.client) == "carol@R"
    assert kerberos.disproof(found.reply, proof) == ""
    late = kerberos.Proof(proof.session, proof.stamp, proof.micro + 1)
    assert "another authenticator" in kerberos.disproof(found.reply, late)
    forged = kerberos.welcome(octets, (key,), DICOM, NOW, foreign_reply=True)
    assert "not encrypted with the session key" in kerberos.disproof(forged.reply, proof)
    assert "DER" in kerberos.disproof(b"\x6f\x03\x02\x01\x05", proof)
    assert kerberos.disproof(b"", proof)
    for size in range(len(found.reply)):
        assert kerberos.disproof(found.reply[:size], proof)


@pytest.mark.parametrize(
    ("changes", "when", "service"),
    [
        ({"claims": NOBODY}, NOW, DICOM),
        ({}, NOW + dt.timedelta(minutes=6), DICOM),
        ({}, NOW - dt.timedelta(minutes=6), DICOM),
        ({}, NOW, NOBODY),
    ],
)
def test_a_ticket_is_not_welcome(
    changes: dict[str, object], when: dt.datetime, service: Principal
) -> None:
    octets, _, key = shown(**changes)
    with pytest.raises(kerberos.WelcomeError):
        kerberos.welcome(octets, (key,), service, when)


def test_every_cut_and_every_changed_octet_of_a_request_is_refused() -> None:
    octets, _, key = shown()
    for at in range(0, len(octets), 3):
        damaged = bytearray(octets)
        damaged[at] ^= 0x10
        for wrong in (octets[:at], bytes(damaged)):
            try:
                found = kerberos.welcome(wrong, (key,), DICOM, NOW)
            except kerberos.WelcomeError:
                continue
            assert wrong is not octets[:at], "a cut request was welcome"
            assert str(found.client) == "carol@R"


def test_caches_and_keytabs_are_read_within_bounds() -> None:
    ticket = kerberos.issue(
        CAROL, DICOM, crypto.new_key(18), crypto.new_key(18), begins=NOW, ends=NOW + HOUR
    )
    octets = write_cache([ticket])
    assert read_cache(octets) == (ticket,)
    whole = 0
    for size in range(len(octets)):
        try:
            whole += len(read_cache(octets[:size]))
        except FormError:
            continue
    assert whole == 0
    for damaged in (b"", b"\x05\x04\xff\xff", b"\x05\x02\x7f\xff\xff\xff", b"BEGIN"):
        with pytest.raises(FormError):
            (read_keytab if damaged[:2] == b"\x05\x02" else read_cache)(damaged)


KEYS = [ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)]


def said(**changes: object) -> saml.Statement:
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    fields = {
        "subject": "dave & co <x>",
        "issuer": "urn:idp",
        "audience": "urn:us",
        "begins": now,
        "ends": now + HOUR,
    }
    return saml.Statement(**{**fields, **changes})


@pytest.mark.parametrize("key", KEYS, ids=["ec", "rsa"])
def test_signxml_and_we_agree_on_assertions(key: saml.PrivateKey) -> None:
    leaf = issue("idp", key, None)
    octets = saml.written(saml.sign(saml.assertion(said()), key))
    trust = saml.Trust(key.public_key(), "urn:idp", "urn:us")
    assert saml.subject_of(octets, trust, dt.datetime.now(dt.UTC)) == "dave & co <x>"
    config = SignatureConfiguration(location="./")
    checked = XMLVerifier().verify(
        octets, x509_cert=leaf.public_bytes(Encoding.PEM).decode(), expect_config=config
    )
    assert not isinstance(checked, list)
    assert etree.QName(checked.signed_xml).localname == "Assertion"
    with pytest.raises(SignXMLException):
        XMLVerifier().verify(
            octets.replace(b"dave", b"evil"),
            x509_cert=leaf.public_bytes(Encoding.PEM).decode(),
            expect_config=config,
        )


@pytest.mark.peer(name="xmlsec1")
@pytest.mark.parametrize("key", KEYS, ids=["ec", "rsa"])
def test_xmlsec1_verifies_our_assertions(key: saml.PrivateKey, tmp_path: Path) -> None:
    if shutil.which("xmlsec1") is None:
        assert not os.environ.get("PART15_REQUIRE_PEERS"), "xmlsec1 is not installed"
        pytest.skip("xmlsec1 is not installed")
    (tmp_path / "key.pem").write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    octets = saml.written(saml.sign(saml.assertion(said()), key))
    codes = []
    for name, content in {"right": octets, "wrong": octets.replace(b"dave", b"evil")}.items():
        (tmp_path / name).write_bytes(content)
        command = ["xmlsec1", "--verify", "--pubkey-pem", str(tmp_path / "key.pem")]
        command += ["--id-attr:ID", f"{saml.ASSERTION}:Assertion", str(tmp_path / name)]
        codes.append(
            subprocess.run(command, capture_output=True, timeout=20, check=False).returncode
        )
    assert codes[0] == 0
    assert codes[1] != 0


def test_what_is_wrong_with_an_assertion_is_found() -> None:
    key, now = KEYS[0], dt.datetime.now(dt.UTC)
    trust = saml.Trust(key.public_key(), "urn:idp", "urn:us")
    good = saml.sign(saml.assertion(said()), key)
    wrong = {
        "not signed": saml.written(saml.assertion(said())),
        "does not verify": saml.written(
            saml.sign(saml.assertion(said()), ec.generate_private_key(ec.SECP256R1()))
        ),
        "expired": saml.written(
            saml.sign(saml.assertion(said(begins=now - 3 * HOUR, ends=now - HOUR)), key)
        ),
        "audience": saml.written(saml.sign(saml.assertion(said(audience="urn:x")), key)),
        "issuer": saml.written(saml.sign(saml.assertion(said(issuer="urn:x")), key)),
        "changed": saml.written(good).replace(b"dave", b"evil"),
        "something else": saml.written(saml.wrapped(good, said(subject="evil"))),
        "document type": saml.with_entity(good),
        "no XML": b"<Assertion",
    }
    for reason, octets in wrong.items():
        with pytest.raises(saml.AssertionRefusedError, match=reason):
            saml.subject_of(octets, trust, now)
    loose = saml.Trust(key.public_key(), "urn:idp", "urn:us", trust.demands - {"reference"})
    assert saml.subject_of(wrong["something else"], loose, now) == "evil"


def claims(**changes: object) -> dict[str, object]:
    now = int(time.time())
    return {"iss": "i", "aud": "a", "sub": "s", "exp": now + 300, "nbf": now} | changes


@pytest.mark.parametrize("key", KEYS, ids=["ES256", "RS256"])
def test_pyjwt_and_we_agree_on_tokens(key: json_token.PrivateKey) -> None:
    trust = json_token.Trust(key.public_key(), "i", "a")
    algorithm = "RS256" if key is KEYS[1] else "ES256"
    options = {"algorithms": [algorithm], "audience": "a", "issuer": "i"}
    token = json_token.signed(claims(), key)
    assert pyjwt.decode(token, key.public_key(), **options)["sub"] == "s"
    theirs = pyjwt.encode(claims(), key, algorithm=algorithm)
    assert json_token.claims_of(theirs.encode(), trust, time.time())["sub"] == "s"
    wrong = {
        "signature": json_token.signed(claims(), ec.generate_private_key(ec.SECP256R1())),
        "none": json_token.unsigned(claims()),
        "HS256": json_token.confused(claims(), key.public_key()),
        "expired": json_token.signed(claims(exp=time.time() - 900), key),
        "not valid yet": json_token.signed(claims(nbf=time.time() + 900), key),
        "audience": json_token.signed(claims(aud="b"), key),
        "issuer": json_token.signed(claims(iss="b"), key),
        "no token": "a.b",
    }
    for reason, text in wrong.items():
        with pytest.raises(json_token.TokenError, match=reason):
            json_token.claims_of(text.encode(), trust, time.time())
        with pytest.raises(pyjwt.PyJWTError):
            pyjwt.decode(text, key.public_key(), **options)
