"""Both directions with DCMTK's dcmsign: it verifies what we sign, we judge what it signs."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from part15.bench import Bench, Ledger, Shelf
from part15.checks import signature_verifiers
from part15.drivers import signature_verifier, signatures
from part15.model import Word
from part15.observations import Many
from part15.observations.signatures import VerifierSeen
from part15.peers.signing_samples import compressed, image, plain, report
from part15.wire.mac_stream import TOP, Stored, listed, of_signature_item, stream
from part15.wire.part10 import open_file
from part15.wire.signed_object import read_object
from part15.wire.signing import Order, Signer, sign
from part15.wire.tree import NATIVE_SYNTAXES, Node, file_of, moved, text_node

bench = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("signature_bench.py"))))
PKI = bench.FOLDER / "pki"
ALGORITHMS = {
    "RIPEMD160": "+mr",
    "SHA1": "+ms",
    "MD5": "+mm",
    "SHA256": "+m2",
    "SHA384": "+m3",
    "SHA512": "+m5",
}
KNOWN = "DCMTK 3.6.7 loses what nested sequences hold beyond a boundary of 16 KiB"

pytestmark = pytest.mark.peer(name="dcmsign")


@pytest.fixture(scope="module")
def dcmsign() -> str:
    found = shutil.which("dcmsign")
    if found is None:
        if os.environ.get("PART15_REQUIRE_PEERS") == "1":
            pytest.fail("dcmsign is missing; install dcmtk")
        pytest.skip("dcmsign is not installed (Debian package dcmtk)")
    return found


@pytest.fixture(scope="module")
def signer() -> Signer:
    key = load_pem_private_key((PKI / "signer.key").read_bytes(), None)
    return Signer(key, bench.certificate("pki/signer.crt").public_bytes(Encoding.DER))


def accepts(dcmsign: str, path: Path) -> bool:
    trusted = ["+cf", str(PKI / "root.crt"), "+uf", str(PKI / "intermediate.crt")]
    done = subprocess.run(
        [dcmsign, "-q", "--verify", str(path), *trusted],
        capture_output=True,
        timeout=30,
        check=False,
    )
    return done.returncode == 0


def signed_by(dcmsign: str, source: Path, target: Path, *options: str) -> None:
    key = [str(PKI / "signer.key"), str(PKI / "signer.crt")]
    subprocess.run(
        [dcmsign, "-q", "+s", *key, *options, str(source), str(target)],
        capture_output=True,
        timeout=30,
        check=True,
    )


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
@pytest.mark.parametrize("uid", NATIVE_SYNTAXES)
def test_dcmsign_verifies_what_we_sign(
    dcmsign: str, signer: Signer, tmp_path: Path, algorithm: str, uid: str
) -> None:
    nodes = [n for n in image() if n.vr != "UN" and n.tag >> 16 != 0x0029]
    path = tmp_path / "signed.dcm"
    path.write_bytes(sign(file_of(nodes, uid), Order(signer, algorithm=algorithm)))
    assert accepts(dcmsign, path)
    broken = bytearray(path.read_bytes())
    if uid != NATIVE_SYNTAXES[3]:
        broken[broken.rindex(bytes(range(16)) if uid != NATIVE_SYNTAXES[2] else b"\1\0\3\2")] ^= 1
        path.write_bytes(bytes(broken))
        assert not accepts(dcmsign, path)


@pytest.mark.parametrize("level", [(), ((0x00400275, 2),)])
def test_dcmsign_verifies_items_purposes_and_fragments(
    dcmsign: str, signer: Signer, tmp_path: Path, level: tuple[tuple[int, int], ...]
) -> None:
    path = tmp_path / "signed.dcm"
    for data in (plain(), compressed()):
        order = Order(signer, level=level, purpose=("1", "ASTM-sigpurpose", "Author's Signature"))
        path.write_bytes(sign(data, order))
        assert accepts(dcmsign, path)


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
@pytest.mark.parametrize("profile", ["+pb", "+pc", "+pa"])
def test_we_verify_what_dcmsign_signs(
    dcmsign: str, tmp_path: Path, algorithm: str, profile: str
) -> None:
    source, target = tmp_path / "a.dcm", tmp_path / "b.dcm"
    source.write_bytes(plain())
    signed_by(dcmsign, source, target, profile, ALGORITHMS[algorithm])
    seen = read_object(target.read_bytes(), "b.dcm", bench.trust())
    assert [(s.crypto.integrity, s.trust.status, s.algorithm) for s in seen.signatures] == [
        ("valid", "trusted", algorithm)
    ]
    claim = {"+pb": "base", "+pc": "creator", "+pa": "authorization"}[profile]
    assert bench.failed(bench.judged(seen, claim)) == set()


@pytest.mark.parametrize("uid", NATIVE_SYNTAXES)
def test_we_verify_what_dcmsign_signs_in_every_encoding(
    dcmsign: str, tmp_path: Path, uid: str
) -> None:
    source, target = tmp_path / "a.dcm", tmp_path / "b.dcm"
    nodes = [n for n in image() if n.vr != "UN" and n.tag >> 16 != 0x0029]
    source.write_bytes(moved(file_of(nodes), uid))
    signed_by(dcmsign, source, target, "+pc", "+m2")
    seen = read_object(target.read_bytes(), "b.dcm", bench.trust())
    assert [s.crypto.integrity for s in seen.signatures] == ["valid"]


def test_reports_in_both_directions(dcmsign: str, signer: Signer, tmp_path: Path) -> None:
    source, target = tmp_path / "a.dcm", tmp_path / "b.dcm"
    source.write_bytes(file_of(report()))
    signed_by(dcmsign, source, target, "+pv", "+m2")
    seen = read_object(target.read_bytes(), "b.dcm", bench.trust())
    assert bench.failed(bench.judged(seen, "sr")) == set()
    order = Order(signer, purpose=("5", "ASTM-sigpurpose", "Verification Signature"))
    target.write_bytes(sign(source.read_bytes(), order))
    assert accepts(dcmsign, target)


def deep() -> list[Node]:
    nodes: list[Node] = [text_node(0x0040A160, "UT", "x" * 900)]
    for _ in range(3):
        nodes = [text_node(0x0040A160, "UT", "y" * 900), Node(0x0040A730, "SQ", items=[nodes] * 4)]
    body = [n for n in report() if n.tag not in (0x0040A160, 0x0040A730)]
    return sorted([*body, *nodes[1:]], key=lambda n: n.tag)


def test_its_defect_is_recognised_octet_by_octet(dcmsign: str, tmp_path: Path) -> None:
    from part15.wire.mac_variants import dcmtk_stream

    source, target, dump = tmp_path / "a.dcm", tmp_path / "b.dcm", tmp_path / "dump"
    source.write_bytes(file_of(deep()))
    signed_by(dcmsign, source, target, "+m2", "+d", str(dump))
    file = open_file(target)
    stored = Stored(memoryview(file.data_set), file.walk(), file.syntax)
    seen = read_object(target.read_bytes(), "b.dcm", bench.trust())
    (signature,) = seen.signatures
    chosen = listed(stored, TOP, signature.signed)
    item = next(i for i in stored.top if stored.elements[i].tag == 0xFFFAFFFA)
    own = of_signature_item(stored, stored.level(item)[0])
    right = b"".join(stream(stored, [*chosen, *own]))
    if dump.read_bytes() == right:
        assert signature.crypto.integrity == "valid"
        return
    assert dump.read_bytes() == b"".join(dcmtk_stream(stored, [*chosen, *own])), KNOWN
    assert signature.crypto.alternative == "dcmtk-16k"
    answers = bench.judged(seen, "none")
    assert answers["M-stream-sequence"][0] is Word.FAIL
    assert answers["M-stream-leaf"][0] is Word.INCONCLUSIVE


class Nowhere:
    """Keeps no evidence."""

    def keep(self, name: str, data: bytes, *, phi: str = "none") -> None:
        """Drop *data*."""


def at(tmp_path: Path, **target: Any) -> Bench:
    return Bench(
        target=SimpleNamespace(**target),
        endpoint=None,
        evidence=Nowhere(),
        ledger=Ledger(),
        shelf=Shelf(),
        scratch=tmp_path,
    )


def test_dcmsign_as_verifier(dcmsign: str, tmp_path: Path) -> None:
    command = (sys.executable, "-m", "part15.peers.adapters.dcmsign")
    seen = signature_verifier.verify(at(tmp_path, adapter=command), objects="tampered")
    assert isinstance(seen, VerifierSeen)
    answers = {t.name: t.answer for t in seen.trials}
    assert {answers[t.name] for t in seen.trials if t.right} == {"done"}
    assert signature_verifiers.refuses_tampered(seen).word is Word.PASS, answers


def test_dcmsign_as_verifier_of_every_hash(dcmsign: str, tmp_path: Path) -> None:
    command = (sys.executable, "-m", "part15.peers.adapters.dcmsign")
    seen = signature_verifier.verify(at(tmp_path, adapter=command), objects="hashes")
    assert isinstance(seen, VerifierSeen)
    assert signature_verifiers.accepts_hashes(seen, terms=sorted(ALGORITHMS)).word is Word.PASS


@pytest.mark.parametrize("profile", ["base-rsa", "creator-rsa", "authorization-rsa", "sr-rsa"])
def test_dcmsign_as_signer(dcmsign: str, tmp_path: Path, profile: str) -> None:
    command = (sys.executable, "-m", "part15.peers.adapters.dcmsign")
    target = at(tmp_path, media=None, adapter=command)
    seen = signatures.read_files(target, profile=profile)
    assert isinstance(seen, Many)
    for member in seen.members:
        assert [s.crypto.integrity for s in member.seen.signatures] == ["valid"], member.subject
        claim = "sr" if profile == "sr-rsa" else profile
        assert bench.failed(bench.judged(member.seen, claim)) == set(), member.subject
