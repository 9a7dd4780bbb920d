"""References of signed reports (A.4): each carries a signature or a MAC."""

from __future__ import annotations

import dataclasses

import pytest

from part15.checks.storage_documents import protects_every_reference
from part15.model import Word
from part15.observations.signatures import SignedObjectSeen
from part15.peers.signing_party import signing_party
from part15.peers.signing_samples import image, reference, report, signed
from part15.wire.signed_object import read_object


@pytest.fixture(scope="module")
def seen() -> SignedObjectSeen:
    party = signing_party()
    shown = signed(image(), party.right)
    return read_object(signed(report([reference(shown)]), party.right), "report", party.trust)


def test_a_bare_reference_fails(seen: SignedObjectSeen) -> None:
    judged = protects_every_reference(seen)
    assert judged.word is Word.FAIL
    assert "(0040,A385)" in judged.message


def test_protected_references_pass(seen: SignedObjectSeen) -> None:
    protected = tuple(r for r in seen.references if r.macs or r.signatures)
    assert protected
    assert protects_every_reference(dataclasses.replace(seen, references=protected)).word is (
        Word.PASS
    )


def test_nothing_to_protect_decides_nothing(seen: SignedObjectSeen) -> None:
    for other in (
        dataclasses.replace(seen, references=()),
        dataclasses.replace(seen, document=None),
        SignedObjectSeen("x", trouble="it is no DICOM file"),
    ):
        assert protects_every_reference(other).word is Word.INCONCLUSIVE
