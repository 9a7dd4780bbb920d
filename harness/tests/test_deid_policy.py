"""Presets, and the policy of the eighteen identifiers: ours, beside the standard."""

from __future__ import annotations

from dataclasses import replace

import pytest

from part15 import load
from part15.checks.deid_policy import withholds
from part15.model import Status, Word
from part15.observations.deid import AttributeSeen, DeidSeen
from part15.wire.deid_rules import expanded, options, presets, rules

SEEN = DeidSeen("a", "2023b", paired=True, rows={"(0010,0010)": "changed", "(0008,0020)": "kept"})


def test_presets_name_known_options_that_do_not_exclude_each_other() -> None:
    assert set(presets()) == {"teaching-file", "clinical-trial", "access-limited-copy"}
    for chosen in presets().values():
        assert set(chosen) <= set(options())
        assert not {"retain-long-full-dates", "retain-long-modified-dates"} <= set(chosen)


def test_a_preset_is_expanded_beside_options() -> None:
    assert expanded(["teaching-file", "retain-uids"]) == (
        *(o for o in options() if o in presets()["teaching-file"] or o == "retain-uids"),
    )
    assert expanded(["invented"]) == ()


@pytest.mark.parametrize(
    ("seen", "rows", "word"),
    [
        (SEEN, ["(0010,0010)"], Word.PASS),
        (SEEN, ["(0010,0010)", "(0008,0020)"], Word.FAIL),
        (SEEN, ["(0010,0020)"], Word.INFO),
        (replace(SEEN, rows={"(0010,0010)": "present"}), ["(0010,0010)"], Word.INCONCLUSIVE),
    ],
)
def test_what_a_policy_withholds(seen: DeidSeen, rows: list[str], word: Word) -> None:
    assert withholds(seen, rows=rows).word is word


def test_private_attributes_are_identifiers_too() -> None:
    private = AttributeSeen("(0009,0010)", "(gggg,eeee)", "X", "b", "", "kept", "private", "fail")
    answer = withholds(replace(SEEN, deviations=(private,)), rows=["(gggg,eeee)"])
    assert answer.word is Word.FAIL


def test_the_policy_has_eighteen_classes_and_says_that_it_is_not_the_standard() -> None:
    profile = load.load_profiles()["site-hipaa-safe-harbor"]
    assert len(profile.clauses) == 18
    assert "not PS3.15" in profile.title
    table = rules("2024e")
    for clause in profile.clauses:
        for binding in clause.bindings:
            if binding.status is Status.CHECKED:
                assert all(table.row(row) for row in binding.expect["rows"]), clause.id
