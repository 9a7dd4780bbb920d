"""The integrity check on observations written by hand."""

from __future__ import annotations

import dataclasses

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


def test_what_was_not_done_or_ends_like_an_idle_connection_is_no_pass() -> None:
    half = IntegritySeen("C-STORE", 0, {"deleted": DROPPED, "repeated": Damaged(why="x")}, GOOD)
    assert drops_connection(half).word is Word.INCONCLUSIVE
    slow = Damaged(closed=True, seconds=3.1)
    assert drops_connection(seen(slow, idle=3.0)).word is Word.INCONCLUSIVE
    assert drops_connection(seen(slow, idle=None)).word is Word.PASS
    assert drops_connection(seen(Damaged(closed=True, seconds=0.1), idle=3.0)).word is Word.PASS
    assert drops_connection(seen(dataclasses.replace(slow, alert=20), idle=3.0)).word is Word.PASS


def test_what_is_stored_all_the_same_fails() -> None:
    answer = drops_connection(seen(dataclasses.replace(DROPPED, stored=True)))
    assert answer.word is Word.FAIL
    assert "was stored" in answer.message
    assert drops_connection(seen(dataclasses.replace(DROPPED, stored=False))).word is Word.PASS


def seen(damaged: Damaged, idle: float | None = None) -> IntegritySeen:
    return IntegritySeen("C-STORE", 0, {"deleted": damaged}, GOOD, idle)
