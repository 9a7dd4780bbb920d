"""The right signer is clean, and every fault flips exactly the clauses it names (contract §8)."""

from __future__ import annotations

from typing import Any

import pytest

from part15 import load
from part15.model import Level, Status, Word
from part15.peers.archive_faults_correction import CORRECTION
from part15.peers.signing_register import faults
from part15.selftest import compare
from part15.selftest_signatures import ARENAS, SignatureArena, VerifierArena


@pytest.mark.parametrize("arena", ARENAS, ids=lambda a: a.name.replace(" ", "-"))
def test_each_fault_flips_its_clauses_and_no_other(arena: Any) -> None:
    right = arena.right()
    assert right.unclean == ()
    assert sum(word is Word.PASS for word in right.words.values()) >= len(right.words) * 0.6
    names = [fault.name for fault in arena.faults()]
    assert len(names) == len(set(names))
    for fault in arena.faults():
        run = compare(fault, arena.name, right.words, arena.wrong(fault).words)
        assert run.sound, (run.fault, run.missed, run.strays)
        assert run.flipped, run.fault


def test_every_checked_shall_is_named_by_a_fault() -> None:
    named = {clause for arena in ARENAS for fault in arena.faults() for clause in fault.flips}
    named |= {clause for fault in CORRECTION for clause in fault.flips}
    profiles = load.load_profiles()
    for name in (
        "digital-signatures-macro",
        "base-rsa",
        "creator-rsa",
        "authorization-rsa",
        "sr-rsa",
    ):
        for clause in profiles[name].clauses:
            driven = any(b.status is Status.CHECKED and b.check for b in clause.bindings)
            if driven and clause.level in (Level.SHALL, Level.SHALL_NOT):
                assert clause.id in named, clause.id


def test_the_register_has_every_fault() -> None:
    run = {fault.name for arena in ARENAS for fault in arena.faults()}
    assert run == set(faults())
    assert {type(arena) for arena in ARENAS} == {SignatureArena, VerifierArena}
