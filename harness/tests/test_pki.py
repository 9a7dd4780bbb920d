"""The throw-away PKI: right identities are right, wrong ones wrong in one thing."""

from __future__ import annotations

import datetime as dt
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from part15 import forge
from part15 import pki as factory


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> factory.Pki:
    return factory.make_pki(tmp_path_factory.mktemp("pki"))


def leaf(pki: factory.Pki, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificates(pki[name].certificate.read_bytes())[0]


def test_every_named_identity_is_written(pki: factory.Pki) -> None:
    assert set(pki.identities) == {*factory.RIGHT, *factory.WRONG}
    for identity in pki.identities.values():
        assert identity.certificate.read_bytes().startswith(b"-----BEGIN CERTIFICATE")
        assert identity.key.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("server", "client"), [("server", "client"), ("server-ec", "client-ec"), ("intermediate",) * 2]
)
def test_right_identities_authenticate_each_other(
    pki: factory.Pki, server: str, client: str
) -> None:
    assert shake(pki, server, client) is None


@pytest.mark.parametrize(
    "name",
    [
        "expired",
        "future",
        "untrusted",
        "impostor",
        "self-signed",
        "server-only",
        "code-signing",
        "not-a-ca",
        "revoked",
    ],
)
def test_wrong_client_identities_are_refused_by_openssl(pki: factory.Pki, name: str) -> None:
    assert isinstance(shake(pki, "server", name, crl=True), ssl.SSLCertVerificationError)


@pytest.mark.parametrize("name", ["server-only", "wrong-name", "long-chain", "rsa-1024"])
def test_these_are_right_servers_but_for_their_one_thing(pki: factory.Pki, name: str) -> None:
    assert shake(pki, name, "client") is None


def shake(pki: factory.Pki, server: str, client: str, *, crl: bool = False) -> ssl.SSLError | None:
    """Handshake in memory; return the server's reason to refuse."""
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for context, name in ((ours, server), (theirs, client)):
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.load_cert_chain(pki[name].certificate, pki[name].key)
        context.load_verify_locations(pki.ca)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    theirs.check_hostname = False
    ours.verify_mode = ssl.CERT_REQUIRED
    if crl:
        ours.load_verify_locations(pki.bundle)
        ours.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = theirs.wrap_bio(down, up)
    far = ours.wrap_bio(up, down, server_side=True)
    for _ in range(10):
        for end in (near, far):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError as refusal:
                if end is far:
                    return refusal
                raise
    return None


def test_keys_and_signatures_are_what_their_names_say(pki: factory.Pki) -> None:
    weak = leaf(pki, "rsa-1024").public_key()
    assert isinstance(weak, rsa.RSAPublicKey)
    assert weak.key_size == 1024
    small = leaf(pki, "p-192").public_key()
    assert isinstance(small, ec.EllipticCurvePublicKey)
    assert small.key_size == 192
    for name in ("sha1", "md5", "sha224"):
        algorithm = leaf(pki, name).signature_hash_algorithm
        assert algorithm is not None
        assert algorithm.name == name


@pytest.mark.parametrize("name", ["sha1", "md5"])
def test_assembled_signatures_verify(pki: factory.Pki, name: str) -> None:
    certificate = leaf(pki, name)
    public = pki.root.key.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    algorithm = certificate.signature_hash_algorithm
    recovered = public.recover_data_from_signature(
        certificate.signature, padding.PKCS1v15(), algorithm
    )
    import hashlib

    body = hashlib.new(name, certificate.tbs_certificate_bytes, usedforsecurity=False)
    assert recovered == body.digest()


def test_dates_are_relative_to_now(pki: factory.Pki) -> None:
    now = dt.datetime.now(dt.UTC)
    assert leaf(pki, "expired").not_valid_after_utc < now < leaf(pki, "future").not_valid_before_utc
    assert leaf(pki, "server").not_valid_before_utc < now < leaf(pki, "server").not_valid_after_utc


def test_the_list_revokes_exactly_one(pki: factory.Pki) -> None:
    crl = x509.load_pem_x509_crl(pki.crl.read_bytes())
    assert [entry.serial_number for entry in crl] == [leaf(pki, "revoked").serial_number]


def test_the_mismatched_key_is_another(pki: factory.Pki) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with pytest.raises(ssl.SSLError, match="KEY_VALUES_MISMATCH"):
        context.load_cert_chain(pki["key-mismatch"].certificate, pki["key-mismatch"].key)


def test_a_huge_certificate_is_made_on_demand(pki: factory.Pki) -> None:
    identity = pki.huge(100_000)
    assert identity.certificate.stat().st_size > 100_000
    assert not (Path(pki.folder) / "huge-2.pem").exists()


def test_an_unknown_name_lists_the_known_ones(pki: factory.Pki) -> None:
    with pytest.raises(KeyError, match="there are server, client"):
        pki["nobody"]


def test_old_algorithms_need_an_rsa_signer(pki: factory.Pki) -> None:
    with pytest.raises(TypeError, match="RSA"):
        forge.resign(leaf(pki, "client"), pki.keys.ec("server"), "sha1")
