"""Verdicts on pairs that resemble violations and are none, and on violations that resemble right outcomes."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from part15.checks import deid_options, deid_table
from part15.model import Word
from part15.wire.deid import Claimed, read_object, read_pair

sys.path.insert(0, str(Path(__file__).parent))
from deid_bench import CT, Edit, judged, original, put, saved, weights


def test_the_right_output_has_nothing_to_say_about() -> None:
    seen = judged()
    assert weights(seen) == {}
    assert seen.survivors == ()
    assert deid_table.follows_table(seen).word is Word.PASS
    assert deid_options.frees_of_planted(seen).word is Word.PASS


def test_a_dummy_that_the_original_already_had_is_told_and_no_violation() -> None:
    same = put(PatientName="ANONYMOUS", PatientBirthDate="19000101")
    seen = judged(same, same)
    assert weights(seen) == {"(0010,0010)": "warn left", "(0010,0030)": "warn left"}
    assert deid_table.follows_table(seen).word is Word.PASS
    assert deid_options.frees_of_planted(seen).word is Word.PASS


def test_a_word_for_nobody_is_no_excuse_where_the_attribute_has_to_go() -> None:
    same = put(PatientComments="REMOVED")
    assert weights(judged(same, same)) == {"(0010,4000)": "fail left"}


def test_a_registered_uid_may_stay_and_one_made_of_it_may_not() -> None:
    well_known = put(FrameOfReferenceUID="1.2.840.10008.1.4.1.1")
    assert weights(judged(well_known, well_known)) == {}
    made_of_it = put(FrameOfReferenceUID=f"{CT}.20230101.123456789012")
    assert weights(judged(made_of_it, made_of_it)) == {"(0020,0052)": "fail left"}


def test_a_uid_of_the_original_is_one_wherever_it_turns_up() -> None:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CT, "1.2.3.4.1"
    seen = judged(after=put(ReferencedSOPSequence=[item]))
    assert weights(seen) == {"(0008,1199)[1]/(0008,1155)": "fail left"}
    assert deid_table.protects_instance_uids(seen).word is Word.FAIL


def test_a_new_uid_may_begin_like_the_old_one() -> None:
    root = "1.2.826.0.1.3680043.8.498.1"
    seen = judged(put(StudyInstanceUID=root), put(StudyInstanceUID=f"{root}23456789"))
    assert weights(seen) == {}
    assert seen.survivors == ()


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ({"PatientName": "TEST^PATIENT", "FilterType": "Patient aligned"}, Word.PASS),
        ({"PatientName": "WHITE^BARBARA", "FilterType": "white balance"}, Word.PASS),
        ({"PatientID": "123456", "KVP": "120.123456"}, Word.PASS),
        ({"PatientID": "123456", "FilterType": "MR123456"}, Word.FAIL),
        ({"PatientName": "SMITHSON^JOHN", "FilterType": "JOHN SMITHSON"}, Word.FAIL),
        ({"PatientName": "Smithson^John", "FilterType": "smithson_john"}, Word.FAIL),
    ],
)
def test_values_of_the_original_are_found_and_chance_is_not(
    source: dict[str, str], word: Word
) -> None:
    seen = judged(put(**source))
    assert deid_options.frees_of_planted(seen).word is word, seen.survivors


def test_an_output_without_instance_uid_is_no_new_instance() -> None:
    def lose(made: Dataset) -> None:
        del made.SOPInstanceUID

    seen = judged(after=lose)
    assert deid_table.is_new_instance(seen).word is Word.FAIL
    assert deid_table.protects_instance_uids(seen).word is Word.FAIL
    assert deid_table.is_new_instance(judged()).word is Word.PASS


def test_what_no_row_asks_for_is_told() -> None:
    answer = deid_table.follows_table(judged(after=put(Rows=5)))
    assert answer.word is Word.PASS
    assert [f.subject for f in answer.findings] == ["(0028,0010)"]


def test_a_word_of_the_name_in_a_cleaned_text_is_for_a_person_to_judge() -> None:
    chosen = ("clean-descriptors",)
    seen = judged(
        put(StudyDescription="White matter"), put(StudyDescription="White matter"), chosen
    )
    assert deid_table.follows_table(seen).word is Word.PASS
    named = put(PatientName="WHITE^BARBARA", StudyDescription="White matter")
    seen = judged(named, put(StudyDescription="White matter"), chosen)
    assert deid_table.follows_table(seen).word is Word.REVIEW
    whole = judged(after=put(StudyDescription="of Jane Doe, i.e. DOE^JANE"), options=chosen)
    assert deid_table.follows_table(whole).word is Word.FAIL


def private(made: Dataset, values: dict[int, tuple[str, str]]) -> None:
    block = made.private_block(0x0021, "ACME", create=True)
    for element, (vr, value) in values.items():
        block.add_new(element, vr, value)


def advised(made: Dataset) -> None:
    """Plant a block of which one element is safe, and say what is to be done with three others."""
    values = {1: ("LO", "SECRET9"), 2: ("LO", "SECRET8"), 3: ("DS", "1.5"), 4: ("UI", "1.2.3.9.9")}
    private(made, values)
    block = Dataset()
    block.PrivateGroupReference, block.PrivateCreatorReference = 0x21, "ACME"
    block.BlockIdentifyingInformationStatus, block.NonidentifyingPrivateElements = "MIXED", [3]
    block.DeidentificationActionSequence = []
    for element, action in ((1, "D"), (2, "X"), (4, "U")):
        item = Dataset()
        item.IdentifyingPrivateElements, item.DeidentificationAction = [element], action
        block.DeidentificationActionSequence.append(item)
    made.PrivateDataElementCharacteristicsSequence = [block]


SAFE_PRIVATE = ("retain-safe-private",)


def test_private_attributes_may_be_treated_as_the_object_recommends() -> None:
    right = {1: ("LO", "DUMMY"), 3: ("DS", "1.5"), 4: ("UI", "2.25.7")}
    seen = judged(advised, lambda made: private(made, right), SAFE_PRIVATE)
    assert weights(seen) == {}
    assert deid_options.retains_safe_private(seen).word is Word.PASS
    wrong = {1: ("LO", "SECRET9"), 2: ("LO", "DUMMY"), 3: ("DS", "1.5"), 4: ("UI", "")}
    seen = judged(advised, lambda made: private(made, wrong), SAFE_PRIVATE)
    assert weights(seen) == dict.fromkeys(
        ("(0021,1001)", "(0021,1002)", "(0021,1004)"), "fail private"
    )


@pytest.mark.parametrize(("options", "edition"), [(SAFE_PRIVATE, "2011"), ((), "2023b")])
def test_recommendations_are_none_before_2017c_and_without_the_option(
    options: tuple[str, ...], edition: str
) -> None:
    dummy = {1: ("LO", "DUMMY")}
    seen = judged(advised, lambda made: private(made, dummy), options, edition)
    assert weights(seen)["(0021,1001)"] == "fail private"


def content(made: Dataset) -> None:
    """Plant a person name and a UID under a concept of Table E.3.4-1 and under one that nobody lists."""
    made.ContentSequence = []
    for code, scheme in (("121008", "DCM"), ("QZ1", "99PART15")):
        for keyword, value in (("PersonName", "DOC^PNAME"), ("UID", "1.2.3.4.99")):
            concept, item = Dataset(), Dataset()
            concept.CodeValue, concept.CodingSchemeDesignator = code, scheme
            concept.CodeMeaning = "Meaning"
            item.ConceptNameCodeSequence = [concept]
            setattr(item, keyword, value)
            made.ContentSequence.append(item)


def test_cleaning_content_lets_no_name_and_no_uid_stay_in_an_item() -> None:
    chosen = ("clean-structured-content",)
    assert weights(judged(content, None, chosen)) == {}
    left = {
        "(0040,A730)[1]/(0040,A123)", "(0040,A730)[2]/(0040,A124)",
        "(0040,A730)[3]/(0040,A123)", "(0040,A730)[4]/(0040,A124)",
    }  # fmt: skip
    assert {p for p, w in weights(judged(content, content, chosen)).items() if "fail" in w} == left


def document(*items: tuple[str, str, str, str]) -> Edit:
    """Plant content items of (code, scheme, value type, value)."""
    keywords = {"TEXT": "TextValue", "UIDREF": "UID", "DATE": "Date"}

    def edit(made: Dataset) -> None:
        made.ContentSequence = []
        for code, scheme, kind, value in items:
            concept, item = Dataset(), Dataset()
            concept.CodeValue, concept.CodingSchemeDesignator = code, scheme
            concept.CodeMeaning = "Meaning"
            item.ValueType, item.ConceptNameCodeSequence = kind, [concept]
            setattr(item, keywords[kind], value)
            made.ContentSequence.append(item)

    return edit


ACCESSION = ("121022", "DCM", "TEXT", "ACC7712")
OBSERVER = ("121012", "DCM", "UIDREF", "1.2.3.4.99")
ACQUIRED = ("126201", "DCM", "DATE", "20200103")
TREE = "(0040,A730)"


def test_removing_content_items_moves_those_that_are_kept_and_loses_none() -> None:
    chosen = ("clean-structured-content", "retain-device-identity", "retain-long-full-dates")
    planted = document(ACCESSION, OBSERVER, ACCESSION, ACQUIRED)
    assert weights(judged(planted, None, chosen)) == {}
    assert weights(judged(planted, document(OBSERVER, ACQUIRED), chosen)) == {}
    lost = weights(judged(planted, document(ACQUIRED), chosen))
    assert lost == {f"{TREE}[2]/(0040,A124)": "fail not-kept"}
    other = document((*OBSERVER[:3], "2.25.7"), ACQUIRED)
    assert weights(judged(planted, other, chosen)) == {f"{TREE}[1]/(0040,A124)": "fail not-kept"}


@pytest.mark.parametrize("code", [("371524004", "SCT"), ("R-42B89", "SRT")])
def test_a_row_for_content_items_is_one_of_its_value_type(code: tuple[str, str]) -> None:
    """Clinical Report: its references stay under Retain UIDs, its text goes (Table E.3.4-1)."""
    chosen = ("clean-structured-content", "retain-uids")
    text = document((*code, "TEXT", "of DOE^JANE"), OBSERVER)
    assert weights(judged(text, None, chosen)) == {}
    assert len(judged(text, document(OBSERVER), chosen).deviations) == 0
    assert weights(judged(text, text, chosen)) == {f"{TREE}[1]/(0040,A160)": "fail left"}


def test_dates_of_a_concept_that_no_table_lists_stay_under_full_dates() -> None:
    chosen = ("clean-structured-content", "retain-long-full-dates")
    planted = document(("QZ1", "99PART15", "DATE", "20200103"))
    assert weights(judged(planted, None, chosen)) == {}
    moved = document(("QZ1", "99PART15", "DATE", "20200104"))
    assert weights(judged(planted, moved, chosen)) == {f"{TREE}[1]/(0040,A121)": "fail not-kept"}


def test_alone_an_empty_value_may_be_what_an_option_keeps() -> None:
    octets = saved(original())
    made = dcmread(io.BytesIO(octets))
    made.PatientSex = ""
    claim = Claimed(options=("retain-patient-characteristics",))
    alone = read_object(saved(made), "a", claim)
    assert deid_options.retains(alone).word is not Word.FAIL
    assert deid_options.lets_options_override(alone).word is Word.INCONCLUSIVE
    pair = read_pair(octets, saved(made), "a", claim)
    assert deid_options.retains(pair).word is Word.FAIL


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_alone_no_action_is_called_done_because_others_are_open_before_it(syntax: str) -> None:
    made = original()
    made.ConsultingPhysicianName = made.OperatorsName = "A^B"
    made.ClinicalTrialSponsorName = "SPONSOR"  # a D row behind more than ten that cannot be decided
    octets = saved(made, syntax)
    seen = read_object(octets, "a", Claimed())
    for action in ("Z", "D", "U", "Z/D"):
        assert deid_table.performs(seen, action=action).word is Word.INCONCLUSIVE, action
