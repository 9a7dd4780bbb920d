"""Each check of Annex E on observations written by hand: what is right passes, what is wrong fails."""

from __future__ import annotations

from dataclasses import replace

import pytest

from part15.checks import (
    deid_encrypted,
    deid_marks,
    deid_options,
    deid_restored,
    deid_set,
    deid_table,
)
from part15.model import Judgement, Word
from part15.observations import Many, Member
from part15.observations.deid import (
    AttributeSeen,
    ConflictSeen,
    DeidSeen,
    DeidSet,
    EncryptedSeen,
    EnvelopeSeen,
    MarksSeen,
    MetaSeen,
    MethodCode,
    PixelsSeen,
    ReidentifiedSeen,
    ReidentifiedSet,
    SurvivorSeen,
)

BASIC = "basic-confidentiality"
MARKS = MarksSeen(
    identity_removed="YES",
    codes=(MethodCode("113100", "DCM"),),
    temporal="REMOVED",
    burned_in="NO",
    visual_features="NO",
)
RIGHT = DeidSeen(
    "a.dcm",
    "2023b",
    paired=True,
    iod="ct-image",
    sop_class="1.2.840.10008.5.1.4.1.1.2",
    elements=40,
    nested=3,
    tally={"X absent": 3, "Z empty": 2, "U changed": 4, "K items": 1, "K kept": 2},
    columns={f"{BASIC} absent": 3, "retain-uids kept": 2},
    marks=MARKS,
    meta=MetaSeen(True, "zero"),
    hunted=10,
)


def deviation(
    action: str = "X",
    kind: str = "left",
    *,
    path: str = "(0010,0010)",
    row: str = "",
    column: str = BASIC,
    weight: str = "fail",
    outcome: str = "kept",
    within: str = "",
) -> AttributeSeen:
    return AttributeSeen(
        path, row or path, action, column, "", outcome, kind, weight, "PN of 8 octets", "", within
    )


def wrong(*deviations: AttributeSeen, **changes: object) -> DeidSeen:
    return replace(RIGHT, deviations=deviations, **changes)


def marked(**changes: object) -> DeidSeen:
    return replace(RIGHT, marks=replace(MARKS, **changes))


NAME = deviation()
NESTED = deviation(path="(0040,0275)[1]/(0010,0010)", row="(0010,0010)")
OPEN = deviation("Z", "unsure", weight="open", outcome="present")
LOST = deviation("K", "not-kept", column="retain-uids", outcome="changed")
PRIVATE = deviation(kind="private", path="(0009,0010)", row="(gggg,eeee)")
UNSAFE = replace(PRIVATE, column="retain-safe-private", action="C")
CONCEPT = deviation(row="E.3.4-1 121008 DCM", path="(0040,A730)[1]/(0040,A123)")
RETIRED = deviation(row="E.3.4-1 R-42B89 SRT", path="(0040,A730)[1]/(0040,A160)")
RETAINING = {"options": ("retain-uids",)}
SAFE = {"options": ("retain-safe-private",)}

TABLE = [
    (deid_table.follows_table, {}, RIGHT, wrong(NAME)),
    (deid_table.follows_table_in_items, {}, wrong(NAME), wrong(NESTED)),
    (deid_table.performs, {"action": "X"}, RIGHT, wrong(NAME)),
    (
        deid_table.performs,
        {"action": "X/Z/U*"},
        replace(RIGHT, tally={"X/Z/U* items": 1}),
        wrong(deviation("U", within="X/Z/U*")),
    ),
    (deid_table.leaves_nothing, {}, wrong(deviation(kind="empty")), wrong(NAME)),
    (
        deid_table.treats_rows,
        {"rows": ["(60xx,3000)"]},
        wrong(NAME),
        wrong(deviation(path="(6000,3000)", row="(60xx,3000)")),
    ),
    (
        deid_table.protects_instance_uids,
        {},
        RIGHT,
        wrong(deviation("U", path="(0008,0018)")),
    ),
    (
        deid_table.protects_instance_uids,
        {},
        RIGHT,
        replace(RIGHT, meta=replace(RIGHT.meta, instance_matches=False)),
    ),
    (deid_table.is_new_instance, {}, RIGHT, replace(RIGHT, same_instance=True)),
    (
        deid_table.keeps_integrity,
        {},
        RIGHT,
        replace(RIGHT, integrity=("(0010,0020) of Type 2 is missing",)),
    ),
    (deid_table.removes_private, {}, RIGHT, wrong(PRIVATE)),
    (deid_table.treats_sequences, {"action": "K"}, RIGHT, wrong(deviation("Z", within="K"))),
    (deid_marks.says_identity_removed, {}, RIGHT, marked(identity_removed="")),
    (deid_marks.says_identity_removed, {}, RIGHT, marked(identity_removed="yes")),
    (deid_marks.names_method, {}, RIGHT, marked(codes=())),
    (deid_marks.codes_method, {}, RIGHT, marked(codes=(), method_text=True)),
    (deid_marks.codes_method, {}, RIGHT, replace(RIGHT, **RETAINING)),
    (
        deid_marks.codes_or_names_method,
        {},
        marked(codes=(), method_text=True),
        marked(codes=(MethodCode("113100", "DCM"), MethodCode("113110", "DCM"))),
    ),
    (
        deid_marks.appends_method,
        {},
        RIGHT,
        marked(codes_before=(MethodCode("X", "99A"),)),
    ),
    (deid_marks.appends_method, {}, RIGHT, marked(text_before_kept=False)),
    (
        deid_marks.replaces_meta,
        {},
        RIGHT,
        replace(RIGHT, meta=MetaSeen(True, "zero", ("(0002,0016)",))),
    ),
    (deid_marks.replaces_meta, {}, RIGHT, replace(RIGHT, meta=MetaSeen(True, "kept"))),
    (deid_marks.dates_marked, {}, RIGHT, marked(temporal="MODIFIED")),
    (deid_marks.states_temporal, {"value": "REMOVED"}, RIGHT, marked(temporal="UNMODIFIED")),
    (
        deid_marks.excludes_both_dates,
        {},
        RIGHT,
        marked(codes=(MethodCode("113106", "DCM"), MethodCode("113107", "DCM"))),
    ),
    (deid_marks.states_offset, {}, RIGHT, marked(offset_flaw="(0012,0052) is LO of 4 octets")),
    (deid_marks.states_no_burn_in, {}, RIGHT, marked(burned_in="YES")),
    (deid_marks.states_no_features, {}, RIGHT, marked(visual_features="")),
    (deid_options.honours_option, {"option": "retain-uids"}, RIGHT, wrong(LOST)),
    (deid_options.retains, {}, replace(RIGHT, **RETAINING), wrong(LOST, **RETAINING)),
    (
        deid_options.lets_options_override,
        {},
        replace(RIGHT, **RETAINING),
        wrong(LOST, **RETAINING),
    ),
    (
        deid_options.frees_of_planted,
        {},
        replace(RIGHT, survivors=(SurvivorSeen("b", "(0018,1160)", "as it is", listed=False),)),
        replace(RIGHT, survivors=(SurvivorSeen("a", "(0018,1160)", "base64"),)),
    ),
    (
        deid_options.derives_nothing,
        {},
        replace(RIGHT, survivors=(SurvivorSeen("a", "x", "as it is"),)),
        replace(RIGHT, survivors=(SurvivorSeen("a", "x", "md5 hash"),)),
    ),
    (
        deid_options.cleans_burned_in,
        {},
        replace(RIGHT, pixels=PixelsSeen("changed", cleaned=("a",))),
        replace(RIGHT, pixels=PixelsSeen("changed", ("a",))),
    ),
    (deid_options.cleans_icon, {}, RIGHT, replace(RIGHT, pixels=PixelsSeen(icon="kept"))),
    (
        deid_options.cleans_content,
        {},
        RIGHT,
        replace(RIGHT, survivors=(SurvivorSeen("a", "(0040,A730)[1]/(0040,A160)", "part"),)),
    ),
    (deid_options.follows_content_table, {}, wrong(RETIRED), wrong(CONCEPT)),
    (deid_options.follows_content_table, {"retired": True}, wrong(CONCEPT), wrong(RETIRED)),
    (
        deid_options.keeps_structural_uids,
        {},
        RIGHT,
        replace(RIGHT, registered_changed=("(0008,0016)",)),
    ),
    (
        deid_options.retains_safe_private,
        {},
        replace(RIGHT, columns={"retain-safe-private kept": 2}, **SAFE),
        wrong(UNSAFE, **SAFE),
    ),
]


def named(row: tuple) -> str:
    return row[0].__name__


@pytest.mark.parametrize("row", TABLE, ids=named)
def test_the_right_object_passes(row: tuple) -> None:
    check, expect, right, _ = row
    answer = check(right, **expect)
    assert answer.word is Word.PASS, answer.message


@pytest.mark.parametrize("row", TABLE, ids=named)
def test_the_wrong_object_fails_with_a_sentence(row: tuple) -> None:
    check, expect, _, bad = row
    answer: Judgement = check(bad, **expect)
    assert answer.word is Word.FAIL
    assert len(answer.message) > 20
    assert answer.expected


@pytest.mark.parametrize(
    ("check", "seen", "word"),
    [
        (deid_table.follows_table, wrong(OPEN, paired=False), Word.INCONCLUSIVE),
        (deid_table.follows_table, wrong(OPEN), Word.REVIEW),
        (deid_table.follows_table, replace(RIGHT, tally={}), Word.INFO),
        (deid_table.is_new_instance, replace(RIGHT, paired=False), Word.INCONCLUSIVE),
        (deid_table.is_new_instance, replace(RIGHT, **RETAINING), Word.NOT_APPLICABLE),
        (deid_table.keeps_integrity, replace(RIGHT, iod=""), Word.INCONCLUSIVE),
        (deid_table.protects_instance_uids, replace(RIGHT, **RETAINING), Word.NOT_APPLICABLE),
        (deid_table.removes_private, wrong(UNSAFE, **SAFE), Word.NOT_APPLICABLE),
        (
            deid_marks.dates_marked,
            replace(RIGHT, options=("retain-long-full-dates",)),
            Word.NOT_APPLICABLE,
        ),
        (
            deid_marks.replaces_meta,
            replace(RIGHT, paired=False, meta=MetaSeen(True, "set")),
            Word.INCONCLUSIVE,
        ),
        (deid_options.frees_of_planted, replace(RIGHT, hunted=0), Word.INCONCLUSIVE),
        (deid_options.derives_nothing, replace(RIGHT, hunted=0), Word.INCONCLUSIVE),
        (deid_options.cleans_burned_in, replace(RIGHT, hunted=0), Word.INCONCLUSIVE),
        (deid_options.cleans_content, replace(RIGHT, hunted=0), Word.INCONCLUSIVE),
        (deid_options.retains, RIGHT, Word.NOT_APPLICABLE),
        (deid_encrypted.has_items, RIGHT, Word.INFO),
        (deid_set.maps_alike, RIGHT, Word.INFO),
        (deid_set.maps_alike, DeidSet(1), Word.INCONCLUSIVE),
        (deid_restored.restores, ReidentifiedSet(), Word.INCONCLUSIVE),
    ],
)
def test_what_was_not_seen_is_not_decided(check: object, seen: object, word: Word) -> None:
    assert check(seen).word is word


def test_a_clash_of_options_passes_and_says_so() -> None:
    answer = deid_options.lets_options_override(
        replace(RIGHT, conflicts=("(0014,407C)",), **RETAINING)
    )
    assert answer.word is Word.PASS
    assert answer.rests_on == ("O-16",)
    assert "either outcome" in answer.findings[0].message


def test_codes_of_an_earlier_run_do_not_count_as_own() -> None:
    seen = marked(codes=(MethodCode("113100", "DCM"), MethodCode("113110", "DCM", inherited=True)))
    assert deid_marks.codes_method(seen).word is Word.PASS


ENVELOPE = EnvelopeSeen(
    "1.2.840.10008.1.2.1",
    256,
    "opened",
    transports=("rsaEncryption",),
    key_bits=(2048,),
    cipher="2.16.840.1.101.3.4.1.42",
    content_type="1.2.840.113549.1.7.1",
    modified_items=1,
    modified_sequences=1,
    attributes=(("(0010,0020)", "aa"),),
    holds_uids=True,
)


def enclosing(*items: EnvelopeSeen, **changes: object) -> DeidSeen:
    return replace(RIGHT, encrypted=EncryptedSeen(True, items=items, keys=1, **changes))


SEALED = [
    (deid_encrypted.has_items, enclosing()),
    (deid_encrypted.has_items, replace(RIGHT, encrypted=EncryptedSeen(nested=("x",)))),
    (deid_encrypted.has_content, enclosing(replace(ENVELOPE, transfer_syntax=""))),
    (deid_encrypted.has_content, enclosing(replace(ENVELOPE, content=0))),
    (
        deid_encrypted.names_explicit_syntax,
        enclosing(replace(ENVELOPE, transfer_syntax="1.2.840.10008.1.2")),
    ),
    (deid_encrypted.encloses_modified, enclosing(replace(ENVELOPE, modified_items=2))),
    (
        deid_encrypted.encloses_modified,
        enclosing(replace(ENVELOPE, other_top_level=("(0010,0010)",))),
    ),
    (deid_encrypted.encloses_modified, enclosing(replace(ENVELOPE, plaintext_flaw="no data set"))),
    (deid_encrypted.is_enveloped, enclosing(replace(ENVELOPE, state="not-enveloped", why="cut"))),
    (deid_encrypted.is_enveloped, enclosing(replace(ENVELOPE, content_type="1.2.3"))),
    (deid_encrypted.agrees, enclosing(ENVELOPE, differing=("(0010,0020)",))),
    (deid_encrypted.pads_by_one, enclosing(replace(ENVELOPE, trailing=3))),
    (deid_encrypted.holds_only_modified, enclosing(replace(ENVELOPE, unchanged=("(0008,0060)",)))),
    (deid_encrypted.transports_by_rsa, enclosing(replace(ENVELOPE, transports=("pwri",)))),
    (deid_encrypted.encrypts_by, enclosing(replace(ENVELOPE, cipher="1.2.840.113549.3.2"))),
    (
        deid_encrypted.encloses_whole_sequences,
        enclosing(replace(ENVELOPE, partial_sequences=("(0008,1140)",))),
    ),
]


@pytest.mark.parametrize(("check", "bad"), SEALED)
def test_encrypted_attributes(check: object, bad: DeidSeen) -> None:
    assert check(enclosing(ENVELOPE)).word is Word.PASS
    assert check(bad).word is Word.FAIL


def test_sets_that_hold_together_and_sets_that_do_not() -> None:
    right = DeidSet(4, 4, 12)
    one = ConflictSeen("uid", 2, "run", ("a", "b"))
    assert deid_set.maps_alike(right).word is Word.PASS
    assert deid_set.maps_alike(replace(right, split=(one,))).word is Word.FAIL
    assert deid_set.keeps_apart(right).word is Word.PASS
    assert deid_set.keeps_apart(replace(right, merged=(one,))).word is Word.FAIL
    dates = replace(right, options=("retain-long-modified-dates",), shifted_dates=4)
    assert deid_set.modifies_dates(dates).word is Word.PASS
    assert deid_set.modifies_dates(replace(dates, shifts=(one,))).word is Word.FAIL


def test_facts_of_a_set_are_gathered_from_its_objects() -> None:
    objects = [
        replace(RIGHT, name=name, links=(("uid", "aa", new),))
        for name, new in (("a", "b"), ("c", "d"))
    ]
    seen = Many(tuple(Member(o.name, o) for o in objects), "object")
    assert deid_set.maps_alike(seen).word is Word.FAIL
    assert deid_set.keeps_apart(seen).word is Word.PASS
    moved = Many(
        tuple(Member(o.name, replace(o, shifts=(("s", n),))) for n, o in enumerate(objects))
    )
    assert deid_set.modifies_dates(moved).word is Word.FAIL


CASE = ReidentifiedSeen(
    "aes, recipient 2",
    "aes256-CBC",
    "second",
    "done",
    1,
    (2,),
    ("(0010,0020)",),
    identity_removed="NO",
)
FIRST = replace(CASE, name="aes, recipient 1", chosen=(1,))
STRANGER = ReidentifiedSeen("stranger", "", "stranger", "refused", unchanged=True)
RESTORED = [
    (deid_restored.restores, replace(CASE, state="refused")),
    (deid_restored.restores, replace(CASE, wrong=("(0010,0020)",))),
    (deid_restored.restores, replace(STRANGER, state="crashed")),
    (deid_restored.restores, replace(STRANGER, state="done", unchanged=False)),
    (deid_restored.restores, replace(STRANGER, leaked=("(0010,0020)",))),
    (deid_restored.opens_ciphers, replace(CASE, chosen=(1,), state="cannot")),
    (deid_restored.opens_any_item, replace(CASE, state="refused")),
    (deid_restored.moves_all, replace(CASE, absent=("(0010,0020)",))),
    (deid_restored.moves_all, replace(CASE, doubled=("(0010,0020)",))),
    (deid_restored.moves_all, replace(CASE, leaked=("(0010,0020)",))),
    (deid_restored.resets_marks, replace(CASE, identity_removed="YES")),
    (deid_restored.resets_marks, replace(CASE, method_left=("(0012,0063)",))),
]


@pytest.mark.parametrize(("check", "bad"), RESTORED)
def test_re_identification(check: object, bad: ReidentifiedSeen) -> None:
    assert check(ReidentifiedSet((CASE, FIRST, STRANGER))).word is Word.PASS
    assert check(ReidentifiedSet((CASE, bad))).word is Word.FAIL


def test_marks_of_instances_are_not_due_in_a_dicomdir() -> None:
    bare = replace(
        RIGHT, sop_class="1.2.840.10008.1.3.10", marks=MarksSeen(), pixels=PixelsSeen("unread")
    )
    for check in (
        deid_marks.says_identity_removed,
        deid_marks.names_method,
        deid_marks.codes_method,
        deid_marks.codes_or_names_method,
        deid_marks.dates_marked,
        deid_marks.states_no_burn_in,
        deid_marks.states_no_features,
    ):
        assert check(bare).word is Word.NOT_APPLICABLE
