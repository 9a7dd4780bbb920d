"""The integrity check on observations written by hand."""

from __future__ import annotations

import pytest

from part15.checks.integrity import drops_connection
from part15.model import Word
from part15.observations.session import AssociationSeen, Damaged, IntegritySeen

GOOD, DEAD = AssociationSeen("accepted", echo=0), AssociationSeen("closed")
DROPPED = Damaged(closed=True, alert=20)


@pytest.mark.parametrize(
    ("clean", "damaged", "after", "word"),
    [
        (0, DROPPED, GOOD, Word.PASS),
        (0, Damaged(closed=True), GOOD, Word.PASS),
        (0, Damaged(closed=False, seconds=2.0), GOOD, Word.FAIL),
        (0, Damaged(closed=True, acknowledged=True), GOOD, Word.FAIL),
        (0, DROPPED, DEAD, Word.INCONCLUSIVE),
        (0, Damaged(why="no association"), GOOD, Word.INCONCLUSIVE),
        (None, DROPPED, GOOD, Word.INCONCLUSIVE),
        (0xA700, DROPPED, GOOD, Word.INCONCLUSIVE),
    ],
)
def test_drops_connection(
    clean: int | None, damaged: Damaged, after: AssociationSeen, word: Word
) -> None:
    seen = IntegritySeen("C-STORE", clean, {"middle octet flipped": damaged}, after)
    answer = drops_connection(seen)
    assert answer.word is word
    if word is Word.PASS:
        assert bool(answer.findings) == (damaged.alert is None)
