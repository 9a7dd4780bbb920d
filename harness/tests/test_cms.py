"""CMS reading and writing: forms, bounds on hostile octets, round trips, and OpenSSL as a second opinion."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from part15.peers import media_samples
from part15.peers.media_party import base_recipe, opener_of, parties, resolved, write_pem
from part15.wire import cms_ber as ber
from part15.wire.cms_ber import BerError, Budget
from part15.wire.cms_opening import PasswordOpener, RsaOpener, unwrap
from part15.wire.cms_secure_file import look
from part15.wire.cms_writing import CIPHER_OIDS, Identity, wrap, write

IMAGE = media_samples.image(1)
EVERYBODY = parties()
OPENERS = EVERYBODY.openers("first")


def made(**changes: Any) -> bytes:
    return write(IMAGE, dataclasses.replace(base_recipe("2023b"), **resolved(changes)))


def seen_of(octets: bytes, *openers: Any) -> Any:
    return look(octets, openers or OPENERS, EVERYBODY.trust).seen


@pytest.mark.parametrize("cipher", ["des-ede3-cbc", "aes128-CBC", "aes192-CBC", "aes256-CBC"])
@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("signed", [True, False])
def test_what_is_written_is_read(cipher: str, digest: str, signed: bool) -> None:
    signers = ("signer", "second") if signed else ()
    looked = look(made(cipher=cipher, digest=digest, signers=signers), OPENERS, EVERYBODY.trust)
    inner = looked.seen.inner
    assert bytes(looked.content or b"") == IMAGE
    assert inner is not None
    assert inner.kind == ("signed" if signed else "digested")
    assert [s.signature for s in inner.signers] == ["valid"] * len(signers)
    assert [s.trust for s in inner.signers] == ["trusted"] * len(signers)
    assert inner.digest == ("" if signed else "matches")


@pytest.mark.parametrize("form", ["bare", "wrapped", "as-data", "contents"])
def test_every_form_is_told(form: str) -> None:
    seen = seen_of(made(form=form))
    assert seen.inner.form == form
    assert seen.inner.signers[0].signature == "valid"
    assert seen.content.form == "part10"


def test_content_in_pieces_is_joined_in_place() -> None:
    big = media_samples.image(3, rows=128)
    recipe = dataclasses.replace(base_recipe("2023b"), form="indefinite")
    looked = look(write(big, recipe), OPENERS, EVERYBODY.trust)
    assert bytes(looked.content or b"") == big
    assert looked.seen.inner is not None
    assert looked.seen.inner.signers[0].signature == "valid"


def test_a_key_without_certificate_tries_every_recipient() -> None:
    key = EVERYBODY.recipients["second"].key
    assert seen_of(made(), RsaOpener(key)).access == "opened"
    stranger = RsaOpener(EVERYBODY.stranger.key)
    assert seen_of(made(), stranger).access == "stranger"


def test_passwords_are_octets() -> None:
    octets = made(passwords=(b"123\\$",), recipients=())
    right = seen_of(octets, PasswordOpener(b"123\x5c\x24"))
    assert (right.access, right.passwords, right.version) == ("opened", "right", 3)
    assert seen_of(octets, PasswordOpener("123\u00a5$".encode())).access == "stranger"
    foreign = made(passwords=("\u00e9".encode(),), recipients=())
    assert seen_of(foreign, PasswordOpener("\u00e9".encode())).passwords == "wrong"


def test_too_many_rounds_are_refused_in_time() -> None:
    begun = time.monotonic()
    octets = made(passwords=(b"secret",), recipients=())
    patched = octets.replace(b"\x02\x02\x08\x00", b"\x02\x02\x7f\xff")
    assert patched != octets
    assert seen_of(patched, PasswordOpener(b"secret")).access == "stranger"
    assert time.monotonic() - begun < 10


@given(st.binary(min_size=16, max_size=40))
def test_wrapped_keys_come_back(key: bytes) -> None:
    for name in ("aes256-CBC", "des-ede3-cbc"):
        oid = CIPHER_OIDS[name]
        kek = bytes(range(32)) if name == "aes256-CBC" else bytes(range(24))
        iv, wrapped = wrap(kek, oid, key)
        assert unwrap(kek, oid, iv, wrapped) == key
        assert unwrap(kek[::-1], oid, iv, wrapped) != key


def test_one_changed_bit_of_the_content_is_noticed() -> None:
    octets = write(media_samples.image(3, rows=64), base_recipe("2023b"))
    place = len(octets) // 2
    for bit in (1, 128):
        spoilt = octets[:place] + bytes([octets[place] ^ bit]) + octets[place + 1 :]
        assert seen_of(spoilt).inner.signers[0].message_digest == "differs"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_hostile_octets_never_raise(data: st.DataObject) -> None:
    octets = bytearray(made())
    for _ in range(data.draw(st.integers(1, 8))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(octets)))
    seen_of(bytes(octets[:cut]))
    seen_of(bytes(octets))


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=400))
def test_hostile_plaintext_never_raises(plain: bytes) -> None:
    for label in ("", "1.2.840.113549.1.7.1"):
        octets = write(
            IMAGE, dataclasses.replace(base_recipe("2023b"), alter=lambda _: plain, label=label)
        )
        seen = seen_of(octets)
        assert seen.access == "opened"


def test_lengths_that_lie_are_told() -> None:
    octets = made()
    lying = octets[:2] + b"\xff\xff" + octets[4:]
    assert "only" in seen_of(lying).problem
    gigabytes = b"\x30\x84\x7f\xff\xff\xff" + octets[4:]
    assert "only" in seen_of(gigabytes).problem
    endless = b"\x30\x80" + octets[4:]
    assert seen_of(endless).problem


def test_deep_and_wide_structures_end() -> None:
    begun = time.monotonic()
    start = b"\x30\x80" + ber.oid_octets("1.2.840.113549.1.7.3") + b"\xa0\x80"
    assert seen_of(start + b"\x30\x80" * 10_000).problem
    deep = b"\x24\x80" * 10_000 + b"\0\0" * 10_000
    with pytest.raises(BerError):
        ber.read(deep, 0, len(deep), Budget(len(deep)))
    wide = b"\x05\0" * 200_000
    recipients = ber.element(0x31, wide)
    enveloped = ber.element(0x30, b"\x02\x01\0" + recipients + ber.element(0x30, b""))
    octets = start[:2] + start[2:13] + ber.element(0xA0, enveloped) + b"\0\0"
    assert seen_of(octets).problem
    assert time.monotonic() - begun < 10


def test_certificates_of_ten_megabytes_are_not_parsed() -> None:
    def swell(inner: bytes) -> bytes:
        budget = Budget(len(inner))
        whole = ber.read(inner, 0, len(inner), budget)
        parts = [ber.raw(inner, p) for p in ber.children(inner, whole, budget)]
        parts[3] = ber.element(0xA0, ber.element(0x30, bytes(10 << 20)))
        return ber.element(0x30, b"".join(parts))

    begun = time.monotonic()
    signer = seen_of(made(alter=swell)).inner.signers[0]
    assert signer.trust == "unreadable"
    assert "larger than 64 KiB" in signer.why
    assert time.monotonic() - begun < 5


@given(st.integers(0, 1 << 70))
def test_lengths_round_trip(length: int) -> None:
    octets = b"\x04" + ber.length_octets(length % (1 << 62))
    identifier, body, found = ber.header(octets, 0, len(octets))
    assert (identifier, body, found) == (4, len(octets), length % (1 << 62))


def test_identifiers_round_trip() -> None:
    for oid in ("1.2.840.113549.1.7.3", "2.16.840.1.101.3.4.2.1", "1.3.14.3.2.26", "2.999.3"):
        octets = ber.oid_octets(oid)
        assert ber.oid_text(octets, ber.read(octets, 0, len(octets), Budget(9))) == oid


needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")


def run(*command: object) -> None:
    subprocess.run([str(c) for c in command], check=True, capture_output=True, timeout=30)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    write_pem(tmp_path, "signer", EVERYBODY.signers["signer"])
    write_pem(tmp_path, "first", EVERYBODY.recipients["first"])
    write_pem(tmp_path, "root", Identity(EVERYBODY.root.certificate, EVERYBODY.root.key))
    (tmp_path / "image.dcm").write_bytes(IMAGE)
    return tmp_path


@pytest.mark.peer(name="openssl")
@needs_openssl
@pytest.mark.parametrize("cipher", ["-des3", "-aes128", "-aes192", "-aes256"])
@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha512"])
def test_we_read_what_openssl_writes(keys: Path, cipher: str, digest: str) -> None:
    signer = ("-signer", keys / "signer.crt", "-inkey", keys / "signer.key", "-md", digest)
    out = ("-binary", "-outform", "DER", "-out")
    run(
        "openssl", "cms", "-sign", "-nodetach", "-in", keys / "image.dcm", *signer, *out, keys / "s"
    )
    run(
        "openssl",
        "cms",
        "-encrypt",
        cipher,
        "-in",
        keys / "s",
        *out,
        keys / "e",
        keys / "first.crt",
    )
    looked = look((keys / "e").read_bytes(), OPENERS, EVERYBODY.trust)
    assert looked.seen.inner is not None
    assert looked.seen.inner.form == "as-data"
    assert looked.seen.inner.signers[0].signature == "valid"
    assert bytes(looked.content or b"") == IMAGE


@pytest.mark.peer(name="openssl")
@needs_openssl
@pytest.mark.parametrize("cipher", ["des-ede3-cbc", "aes128-CBC", "aes192-CBC", "aes256-CBC"])
@pytest.mark.parametrize("signed", [True, False])
def test_openssl_reads_what_we_write(keys: Path, cipher: str, signed: bool) -> None:
    signers = ("signer",) if signed else ()
    (keys / "e").write_bytes(made(form="as-data", cipher=cipher, signers=signers))
    der = ("-inform", "DER", "-binary")
    key = ("-recip", keys / "first.crt", "-inkey", keys / "first.key")
    run("openssl", "cms", "-decrypt", *der, "-in", keys / "e", *key, "-out", keys / "s")
    verb = ("-verify", "-CAfile", keys / "root.crt", "-purpose", "any")
    how = verb if signed else ("-digest_verify",)
    run("openssl", "cms", *how, *der, "-in", keys / "s", "-out", keys / "p")
    assert (keys / "p").read_bytes() == IMAGE


@pytest.mark.peer(name="openssl")
@needs_openssl
def test_openssl_opens_our_passwords(keys: Path) -> None:
    (keys / "e").write_bytes(made(form="as-data", passwords=(b"pass phrase",), recipients=()))
    der = ("-inform", "DER", "-binary")
    password = ("-pwri_password", "pass phrase")
    run("openssl", "cms", "-decrypt", *der, "-in", keys / "e", *password, "-out", keys / "s")
    assert (keys / "s").read_bytes()[:1] == b"0"


def test_openers_are_named_by_certificate() -> None:
    opener = opener_of(EVERYBODY.recipients["first"])
    assert opener.key_identifier
    assert "media recipient 1" in opener.subject
