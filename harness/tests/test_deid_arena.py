"""The embedded de-identifier is right in every edition and option, and its faults flip exactly their clauses."""

from __future__ import annotations

import pytest

from part15.model import Word
from part15.peers.deid_faults import ARENAS as LISTED
from part15.peers.deid_faults import faults
from part15.selftest import compare
from part15.selftest_deid import ARENAS, DeidArena

SOME = {
    "confidentiality": (
        "forgets_items",
        "keeps_meta_instance",
        "maps_uids_per_file",
        "hashes_patient_id",
        "encloses_without_encrypting",
        "tries_the_first_item_only",
    ),
    "confidentiality 2008": ("keeps_references_in_2008",),
    "confidentiality 2021b": ("codes_nothing",),
    "confidentiality, retaining": (
        "ignores_retain_uids",
        "copies_kept_sequences",
        "loses_private_creators",
    ),
    "confidentiality, cleaning": ("leaves_burned_in_text", "shifts_per_file"),
}
_RIGHT: dict[str, object] = {}


def right_of(arena: DeidArena) -> object:
    if arena.name not in _RIGHT:
        _RIGHT[arena.name] = arena.right()
    return _RIGHT[arena.name]


@pytest.mark.parametrize("arena", ARENAS, ids=[a.name for a in ARENAS])
def test_the_right_peer_is_clean(arena: DeidArena) -> None:
    words = right_of(arena).words
    assert {
        c: w for c, w in words.items() if w not in (Word.PASS, Word.INFO, Word.NOT_APPLICABLE)
    } == {}
    assert sum(w is Word.PASS for w in words.values()) >= 20


@pytest.mark.parametrize(
    ("arena", "name"),
    [(arena, name) for arena in ARENAS for name in SOME[arena.name]],
    ids=[name for arena in ARENAS for name in SOME[arena.name]],
)
def test_a_fault_flips_exactly_its_clauses(arena: DeidArena, name: str) -> None:
    fault = faults()[name]
    run = compare(fault, arena.name, right_of(arena).words, arena.wrong(fault).words)
    assert run.flipped == tuple(sorted(fault.flips))


def test_names_of_faults_are_unique_and_every_fault_says_what_it_does() -> None:
    listed = [fault for _, _, _, group in LISTED for fault in group]
    assert len({fault.name for fault in listed}) == len(listed)
    assert all(fault.text and fault.why for fault in listed)
