"""Real programs behind the adapter protocol: OpenSSL as media creator and reader, dcmsign as signer and verifier."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from part15.bench import Bench, Ledger, Shelf
from part15.channel.adapter import Adapter
from part15.drivers import media_sut
from part15.judge import ask
from part15.model import Word
from part15.observations import Many
from part15.observations.media import ReaderSeen
from part15.peers import media_samples
from part15.peers.media_party import parties, write_pem
from part15.registry import checks
from part15.wire.cms_writing import Identity

MODULE = "part15.peers.adapters."
needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
needs_dcmsign = pytest.mark.skipif(not shutil.which("dcmsign"), reason="dcmsign is not installed")


class Nowhere:
    def keep(self, name: str, data: bytes, *, phi: str = "none") -> None:
        pass


def bench_of(scratch: Path, adapter: str, *options: str, edition: str = "2023b") -> Bench:
    command = (sys.executable, "-m", MODULE + adapter, *options)
    target = SimpleNamespace(adapter=command, media=None, target=SimpleNamespace(edition=edition))
    return Bench(target, None, Nowhere(), Ledger(), Shelf(), scratch)


def word(check: str, seen: Any, **expect: Any) -> Word:
    return ask(checks()[check], seen, expect).word


CLAUSES: list[tuple[str, dict[str, Any]]] = [
    ("media.is_enveloped", {}),
    ("media.numbers_version", {}),
    ("media.transports_keys", {}),
    ("media.encrypts_with", {"ciphers": ["aes256-CBC"]}),
    ("media.encodes_as_cms_asks", {}),
    ("media_content.protects", {}),
    ("media_content.holds_one_file", {}),
    ("media_content.digests_with", {"algorithms": ["SHA-256"]}),
    ("media_content.signs_with_rsa", {}),
]


@pytest.mark.peer(name="openssl")
@needs_openssl
@pytest.mark.parametrize("bare", [True, False])
def test_openssl_as_creator(tmp_path: Path, bare: bool) -> None:
    seen = media_sut.collect(bench_of(tmp_path, "openssl_cms", *(["--bare"] if bare else [])))
    assert isinstance(seen, Many)
    assert len(seen.members) == 3
    for check, expect in CLAUSES:
        assert word(check, seen, **expect) is Word.PASS, check
    label = word("media_content.encrypts_signed_or_digested", seen)
    assert label is (Word.PASS if bare else Word.FAIL)


@pytest.mark.peer(name="openssl")
@needs_openssl
def test_openssl_as_creator_in_2001(tmp_path: Path) -> None:
    seen = media_sut.collect(bench_of(tmp_path, "openssl_cms", "--bare", edition="2001"))
    assert word("media.encrypts_with", seen, ciphers=["des-ede3-cbc"]) is Word.PASS
    assert word("media_content.digests_with", seen, algorithms=["SHA-1"]) is Word.PASS


@pytest.mark.peer(name="openssl")
@needs_openssl
def test_openssl_and_passwords(tmp_path: Path) -> None:
    seen = media_sut.offer_passwords(bench_of(tmp_path, "openssl_cms", "--bare"))
    assert word("media.keeps_to_repertoire", seen) is Word.PASS


@pytest.mark.peer(name="openssl")
@needs_openssl
@pytest.mark.parametrize("files", ["ciphers", "keys", "digests", "integrity", "origin", "mixed"])
def test_openssl_as_reader(tmp_path: Path, files: str) -> None:
    seen = media_sut.read_with_sut(bench_of(tmp_path, "openssl_cms"), files=files)
    assert isinstance(seen, ReaderSeen)
    right = {t.name: t.answer for t in seen.trials if t.right}
    assert set(right.values()) == {"accepted"}
    assert {t.content for t in seen.trials if t.right and files != "mixed"} <= {"same"}
    lax = {t.name for t in seen.trials if not t.right and t.answer == "accepted"}
    # OpenSSL ignores what follows the content, and takes any cipher that it knows.
    assert lax <= {"trailing", "cipher-rc2"}


@pytest.mark.parametrize(
    ("options", "expected"), [((), Word.PASS), (("--fault", "digests_with_md5"), Word.FAIL)]
)
def test_the_reference_as_a_program(
    tmp_path: Path, options: tuple[str, ...], expected: Word
) -> None:
    seen = media_sut.collect(bench_of(tmp_path, "reference", *options))
    allowed = ["SHA-1", "SHA-256", "SHA-384", "SHA-512"]
    assert word("media_content.digests_with", seen, algorithms=allowed) is expected


@pytest.mark.peer(name="dcmsign")
@needs_dcmsign
def test_dcmsign_signs_and_verifies(tmp_path: Path) -> None:
    everybody = parties()
    adapter = Adapter((sys.executable, "-m", MODULE + "dcmsign"))
    keys = write_pem(tmp_path, "signer", everybody.signers["signer"])
    root = write_pem(tmp_path, "root", Identity(everybody.root.certificate, everybody.root.key))
    source, out = tmp_path / "image.dcm", tmp_path / "out"
    source.write_bytes(media_samples.image(1))
    out.mkdir()
    request = {"files": [str(source)], "out": str(out), "profile": "base-rsa", **keys}
    signed = adapter.ask("sign", request, deadline=30)
    assert signed.outcome == "done", signed
    trust = {"trust": [root["certificate"]]}
    assert adapter.ask("verify", {"files": signed.files, **trust}, deadline=30).outcome == "done"
    path = Path(signed.files[0])
    octets = path.read_bytes()
    path.write_bytes(octets.replace(b"Synthetic^Media", b"Synthetic^Medium"[:15]))
    refused = adapter.ask("verify", {"files": signed.files, **trust}, deadline=30)
    assert refused.outcome == "refused"
    assert refused.why
    assert (
        adapter.ask("verify", {"files": [str(source)], **trust}, deadline=30).outcome == "refused"
    )
    assert adapter.ask("read-media", {"files": []}, deadline=30).outcome == "cannot"
