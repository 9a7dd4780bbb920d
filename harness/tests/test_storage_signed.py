"""Use of digital signatures by an archive (A.2): right and with each fault; what decides nothing."""

from __future__ import annotations

import pytest

from part15.checks import storage_signed as checks
from part15.model import Word
from part15.observations.storage import SignatureBack, SignedTrip, SignedTripsSeen
from part15.peers.archive_faults_signing import SIGNING
from part15.peers.faults import Fault
from part15.selftest import Judged, compare
from part15.selftest_archive import ARENAS

ARENA = next(a for a in ARENAS if a.name == "signature use")


@pytest.fixture(scope="module")
def right() -> Judged:
    return ARENA.right()


def test_the_right_archive_passes(right: Judged) -> None:
    assert set(right.words.values()) <= {Word.PASS, Word.INFO}
    assert right.unclean == ()


@pytest.mark.parametrize("fault", SIGNING, ids=lambda f: f.name)
def test_each_fault_flips_its_clauses(right: Judged, fault: Fault) -> None:
    run = compare(fault, ARENA.name, right.words, ARENA.wrong(fault).words)
    assert run.sound, run


GOOD = SignatureBack(ours=False, integrity="valid", covers=True)
OURS = SignatureBack(ours=True, integrity="valid", covers=True)
LOST = SignedTrip("0000H", stored=True, delivered=False)
DROPPED = SignedTrip("closed: the connection was closed", stored=False, delivered=False)
UNCLEAR = SignatureBack(ours=True, integrity="undecidable", covers=True)
REFUSED = SignedTrip("A900H", stored=False, delivered=False)


def back(*signatures: SignatureBack) -> SignedTrip:
    return SignedTrip("0000H", stored=True, delivered=True, signatures=signatures)


@pytest.mark.parametrize(
    ("right_one", "altered", "words"),
    [
        (back(GOOD), REFUSED, ("pass", "pass", "pass")),
        (back(OURS), back(OURS), ("pass", "inconclusive", "fail")),
        (back(), back(), ("pass", "inconclusive", "fail")),
        (back(GOOD), back(GOOD), ("pass", "fail", "pass")),
        (LOST, LOST, ("inconclusive", "inconclusive", "inconclusive")),
        (back(GOOD), DROPPED, ("pass", "inconclusive", "pass")),
        (back(UNCLEAR), REFUSED, ("inconclusive", "pass", "fail")),
    ],
)
def test_what_the_checks_say(
    right_one: SignedTrip, altered: SignedTrip, words: tuple[str, str, str]
) -> None:
    seen = SignedTripsSeen(right_one, altered)
    found = (
        checks.removes_broken_signatures(seen).word,
        checks.validates_on_receipt(seen).word,
        checks.signs_again(seen).word,
    )
    assert found == words
