"""The drivers of the signatures family: folders, the adapter as signer and verifier, what inspect is given."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from part15.bench import Bench, Ledger, Shelf
from part15.channel.files import InspectedFile
from part15.channel.reading import Desk, Reading
from part15.checks import signature_verifiers
from part15.drivers import signature_verifier, signatures
from part15.errors import Trouble
from part15.judge import ask
from part15.model import Word
from part15.observations import Many, NotReached
from part15.observations.signatures import VerificationTrial, VerifierSeen
from part15.peers.signature_signer import SignatureSigner
from part15.peers.signature_verifier import SignatureVerifier
from part15.peers.signing_orders import right_files, right_order
from part15.peers.signing_party import signing_party
from part15.peers.signing_samples import plain
from part15.registry import checks
from part15.wire.signing import sign

PARTY = signing_party()


class Kept:
    """Keeps evidence in memory."""

    def __init__(self) -> None:
        self.items: dict[str, bytes] = {}

    def keep(self, name: str, data: bytes, *, phi: str = "none") -> None:
        """Keep *data*."""
        self.items[name] = data


def bench_at(tmp_path: Path, **target: Any) -> Bench:
    return Bench(
        target=SimpleNamespace(**target),
        endpoint=None,
        evidence=Kept(),
        ledger=Ledger(),
        shelf=Shelf(),
        scratch=tmp_path,
    )


def folder_bench(tmp_path: Path, files: dict[str, bytes]) -> Bench:
    folder = tmp_path / "media"
    folder.mkdir()
    for name, octets in files.items():
        (folder / name).write_bytes(octets)
    anchor = tmp_path / "root.pem"
    anchor.write_bytes(PARTY.root.public_bytes(Encoding.PEM))
    media = SimpleNamespace(folder=str(folder), trust=(str(anchor),), intermediates=(), crls=())
    return bench_at(tmp_path, media=media)


def test_a_folder_is_read_and_references_are_followed(tmp_path: Path) -> None:
    bench = folder_bench(
        tmp_path, {**right_files(PARTY), "unsigned.dcm": plain(), "note.txt": b"text"}
    )
    seen = signatures.read_files(bench)
    assert isinstance(seen, Many)
    assert {m.subject for m in seen.members} == set(right_files(PARTY))
    (document,) = [m.seen for m in seen.members if m.subject == "report.dcm"]
    assert {m.outcome for r in document.references for m in r.macs} == {"matches"}
    kept = bench.evidence
    assert isinstance(kept, Kept)
    assert b"proves that the signed octets are unchanged" in kept.items["signatures.json"]
    both = dataclasses.replace(
        bench, target=SimpleNamespace(media=bench.target.media, claims={"sr-rsa": ["signer"]})
    )
    for profile, there in (("creator-rsa", False), ("base-rsa", True)):
        seen = signatures.read_files(both, profile=profile)
        assert isinstance(seen, Many)
        assert ("report.dcm" in {m.subject for m in seen.members}) is there
    documents = signatures.read_files(bench, documents=True)
    assert isinstance(documents, Many)
    assert [m.subject for m in documents.members] == ["report.dcm"]


def test_one_broken_file_leaves_the_others_judged(tmp_path: Path) -> None:
    signed = sign(plain(), right_order(PARTY))
    bench = folder_bench(tmp_path, {"good.dcm": signed, "broken.dcm": signed[:600]})
    seen = signatures.read_files(bench)
    answer = ask(checks()["signature_values.verifies"], seen, {})
    assert answer.word is Word.INCONCLUSIVE
    assert [f.subject for f in answer.findings] == ["broken.dcm"]


@pytest.mark.parametrize(
    ("files", "word"),
    [({"a.dcm": plain()}, "none of the 1 DICOM files"), ({}, "none of the 0 DICOM files")],
)
def test_nothing_signed_decides_nothing(tmp_path: Path, files: dict[str, bytes], word: str) -> None:
    seen = signatures.read_files(folder_bench(tmp_path, files))
    assert isinstance(seen, NotReached)
    assert word in seen.why


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    seen = signatures.read_files(bench_at(tmp_path, media=None))
    assert isinstance(seen, NotReached)
    assert "adapter" in seen.why
    missing = SimpleNamespace(folder=str(tmp_path / "no"), trust=(), intermediates=(), crls=())
    assert isinstance(signatures.read_files(bench_at(tmp_path, media=missing)), NotReached)
    wrong = SimpleNamespace(folder=str(tmp_path), trust=("/none.pem",), intermediates=(), crls=())
    with pytest.raises(Trouble):
        signatures.read_files(bench_at(tmp_path, media=wrong))
    assert isinstance(signature_verifier.verify(bench_at(tmp_path)), NotReached)


@pytest.mark.parametrize("profile", ["base-rsa", "creator-rsa", "authorization-rsa", "sr-rsa"])
def test_the_adapter_signs(tmp_path: Path, profile: str) -> None:
    bench = bench_at(tmp_path, media=None, inside=SignatureSigner())
    seen = signatures.read_files(bench, profile=profile)
    assert isinstance(seen, Many)
    for name in (
        "signature_values.verifies",
        "signature_values.is_trusted",
        "signatures.orders_list",
    ):
        assert ask(checks()[name], seen, {}).word is Word.PASS


def test_an_adapter_that_cannot_sign_decides_nothing(tmp_path: Path) -> None:
    seen = signatures.read_files(bench_at(tmp_path, media=None, inside=SignatureVerifier()))
    assert isinstance(seen, NotReached)
    assert "signed nothing" in seen.why
    seen_too = signature_verifier.verify(bench_at(tmp_path, inside=SignatureSigner()))
    assert isinstance(seen_too, NotReached)


def trials(*answers: tuple[str, bool, str]) -> VerifierSeen:
    return VerifierSeen(
        tuple(
            VerificationTrial(name, right, "" if right else "altered", answer)
            for name, right, answer in answers
        )
    )


@pytest.mark.parametrize(
    ("seen", "word"),
    [
        (trials(("good", True, "done"), ("bad", False, "refused")), Word.PASS),
        (trials(("good", True, "done"), ("bad", False, "done")), Word.FAIL),
        (trials(("good", True, "done"), ("bad", False, "crashed")), Word.INCONCLUSIVE),
        (trials(("good", True, "refused"), ("bad", False, "refused")), Word.INCONCLUSIVE),
        (trials(("bad", False, "refused")), Word.INCONCLUSIVE),
    ],
)
def test_a_refusal_proves_nothing_without_a_control(seen: VerifierSeen, word: Word) -> None:
    assert signature_verifiers.refuses_tampered(seen).word is word


def test_hashes_of_a_verifier() -> None:
    seen = trials(("good", True, "done"), ("MD5", True, "refused"), ("SHA1", True, "done"))
    assert signature_verifiers.accepts_hashes(seen, terms=["SHA1"]).word is Word.PASS
    assert signature_verifiers.accepts_hashes(seen, terms=["SHA1", "MD5"]).word is Word.FAIL
    assert signature_verifiers.accepts_hashes(seen, terms=["SHA512"]).word is Word.INCONCLUSIVE


def inspected(files: dict[str, bytes], *claimed: str, folder: Path) -> tuple[list[Reading], Desk]:
    desk = Desk(claimed=frozenset(claimed), trust=PARTY.trust)
    found: list[Reading] = []
    for name, octets in files.items():
        (folder / name).write_bytes(octets)
        given = InspectedFile(name, "dicom", octets, folder / name)
        found += [r for r in signatures.read_signatures(given, desk) if isinstance(r, Reading)]
    found += signatures.read_references(desk)
    return found, desk


def test_inspect_reads_every_signed_file_once(tmp_path: Path) -> None:
    files = {**right_files(PARTY), "unsigned.dcm": plain()}
    found, desk = inspected(files, folder=tmp_path)
    assert sorted(r.subject for r in found) == sorted(right_files(PARTY))
    assert all(r.marks == ("base-rsa",) for r in found)
    assert sum("proves" in note for note in desk.notes) == 1
    (document,) = [r.seen for r in found if r.subject == "report.dcm"]
    assert {m.outcome for r in document.references for m in r.macs} == {"matches"}


def test_inspect_says_what_is_unsigned_only_under_a_claim(tmp_path: Path) -> None:
    found, desk = inspected({"unsigned.dcm": plain()}, folder=tmp_path)
    assert (found, desk.notes) == ([], [])
    found, desk = inspected({"unsigned.dcm": plain()}, "creator-rsa", folder=tmp_path)
    assert found == []
    assert "carries no digital signature" in desk.notes[0]
    found, desk = inspected({"cut.dcm": plain()[:400]}, "creator-rsa", folder=tmp_path)
    assert found[0].seen.trouble
