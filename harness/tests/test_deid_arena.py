"""The embedded de-identifier is right in every edition and option, and its faults flip exactly their clauses."""

from __future__ import annotations

import itertools

import pytest

from part15.errors import TargetError
from part15.model import Word
from part15.peers import deid_router
from part15.peers.deid_faults import ARENAS as LISTED
from part15.peers.deid_faults import faults
from part15.peers.deid_party import DeidParty
from part15.peers.deid_restoring import Reidentifier
from part15.peers.deidentifier import Deidentifier
from part15.selftest import compare
from part15.selftest_deid import ARENAS, ROLES, DeidArena
from part15.wire.deid_rules import options, presets

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
FULL, MODIFIED = "retain-long-full-dates", "retain-long-modified-dates"
RUNS = "11011100010"
"""First run of the design of Plackett and Burman for 11 factors; the others are its rotations."""


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


def sets() -> list[tuple[str, ...]]:
    """Return sets of options in which any two are together, apart, and both left out; one date option each."""
    free = [option for option in options() if option != MODIFIED]
    chosen = []
    for at in range(len(RUNS)):
        run = RUNS[at:] + RUNS[:at]
        dates = () if run[free.index(FULL)] == "1" else (MODIFIED,)
        chosen.append((*(o for o, on in zip(free, run, strict=True) if on == "1"), *dates))
    return [*chosen, *presets().values()]


def test_any_two_options_meet_in_the_sets() -> None:
    both = (True, True)
    for pair in itertools.combinations(options(), 2):
        states = {tuple(option in each for option in pair) for each in sets()}
        due = {both, (True, False), (False, True), (False, False)}
        assert states == due - ({both} if set(pair) == {FULL, MODIFIED} else set())


@pytest.mark.parametrize("edition", ["2017c", "2023b", "2024e"])
def test_the_right_peer_is_clean_whatever_options_are_combined(edition: str) -> None:
    wrong = {}
    for chosen in sets():
        words = DeidArena("sets", edition, chosen, (), ARENAS[0].shelf).right(ROLES[:1]).words
        bad = {c for c, w in words.items() if w not in (Word.PASS, Word.INFO, Word.NOT_APPLICABLE)}
        if bad:
            wrong[chosen] = bad
    assert wrong == {}


def test_names_of_faults_are_unique_and_every_fault_says_what_it_does() -> None:
    listed = [fault for _, _, _, group in LISTED for fault in group]
    assert len({fault.name for fault in listed}) == len(listed)
    assert all(fault.text and fault.why for fault in listed)


@pytest.mark.parametrize("kind", [Deidentifier, Reidentifier, DeidParty])
def test_a_fault_that_nobody_has_is_an_error(kind: type) -> None:
    with pytest.raises(TargetError, match="no fault 'forgets_item'; did you mean 'forgets_items'"):
        kind(faults=("forgets_item",))
    kind(faults=tuple(faults()))


def test_names_and_switches_turn_the_same_fault_on() -> None:
    assert Deidentifier(faults=("keeps_instance_uid",)).wrong("keeps_row_(0008,0018)")
    assert Deidentifier(faults=("keeps_row_(0008,0018)",)).wrong("keeps_row_(0008,0018)")


def test_the_router_says_that_it_has_no_such_fault(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        deid_router.main(["--to", "127.0.0.1:1", "--fault", "nonesuch"])
    assert "no fault 'nonesuch'" in capsys.readouterr().err
