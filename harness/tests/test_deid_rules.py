"""Table E.1-1 as a function of edition and options, and the types behind its compound codes."""

from __future__ import annotations

import pytest

from part15.wire.deid_actions import said
from part15.wire.deid_rules import Rule, options, rules, safe_private, sampled_edition
from part15.wire.deid_types import UNKNOWN, types_of
from part15.wire.deid_values import codec_of, days, digest, flaw, plain, value_class

PATIENT_ID = 0x00100020


@pytest.mark.parametrize(
    ("edition", "sampled", "rows"),
    [
        ("2008", "2008", 48),
        ("2010", "2008", 48),
        ("2011", "2011", 245),
        ("2017c", "2017c", 278),
        ("2020a", "2019c", 377),
        ("2021b", "2021b", 460),
        ("2023b", "2023b", 608),
        ("2024e", "2024e", 621),
        ("2026a", "2024e", 621),
    ],
)
def test_the_newest_table_not_newer_than_the_claim_is_used(
    edition: str, sampled: str, rows: int
) -> None:
    table = rules(edition)
    assert sampled_edition(edition) == table.edition == sampled
    assert len(table._rows) == rows


def test_codes_change_with_the_edition() -> None:
    assert rules("2023b").of(PATIENT_ID).action == "Z"
    assert rules("2024e").of(PATIENT_ID).action == "Z/D"
    assert rules("2017c").of(0x0040A730).action == "X"
    assert rules("2019c").of(0x0040A730).action == "D"
    assert rules("2008").of(PATIENT_ID).action == "P"


@pytest.mark.parametrize("tag", [0x60003000, 0x60023000, 0x601E4000, 0x50002500, 0x501E3000])
def test_wildcard_rows_are_honoured(tag: int) -> None:
    assert rules("2023b").of(tag).actions == ("X",)


@pytest.mark.parametrize("tag", [0x00090010, 0x00091001, 0x60011234, 0xFFFD0010])
def test_odd_groups_are_private(tag: int) -> None:
    assert rules("2023b").of(tag).row == "(gggg,eeee)"
    assert rules("2008").of(tag) is None


@pytest.mark.parametrize("tag", [0x00280010, 0x7FE00010, 0x60000010, 0x00080016])
def test_what_no_row_lists_has_no_rule(tag: int) -> None:
    assert rules("2023b").of(tag) is None


def test_an_option_rules_over_the_profile() -> None:
    table = rules("2023b", ("retain-uids",))
    assert table.of(0x00080018) == Rule(
        "(0008,0018)", "SOP Instance UID", "UI", ("K",), ("retain-uids",)
    )
    assert table.of(PATIENT_ID).columns == ("basic-confidentiality",)


def test_twin_rows_of_2023b_allow_either_outcome() -> None:
    for tag in (0x00400241, 0x00400001, 0x00321021):
        assert set(rules("2023b", ("retain-device-identity",)).of(tag).actions) == {"K", "C"}
        assert rules("2024e", ("retain-device-identity",)).of(tag).actions == ("C",)
        assert rules("2021b", ("retain-device-identity",)).of(tag).actions == ("K",)


def test_two_options_that_differ_allow_either_outcome() -> None:
    rule = rules("2023b", ("retain-device-identity", "retain-long-modified-dates")).of(0x0014407C)
    assert set(rule.actions) == {"K", "C"}
    assert said(rule, "", "kept").kind == ""
    assert said(rule, "", "changed").kind == ""
    assert said(rule, "", "absent").kind == "not-kept"


def test_options_that_an_edition_does_not_have_change_nothing() -> None:
    table = rules("2017c", ("retain-institution-identity", "invented"))
    assert table.unknown_options == ("retain-institution-identity", "invented")
    assert table.of(0x00080080).columns == ("basic-confidentiality",)


def test_there_are_twelve_options_and_the_safe_private_attributes() -> None:
    assert len(options()) == 12
    assert ("ELSCINT1", 0x00E1, 0x21) in safe_private()


def test_types_come_from_the_iod_of_the_output() -> None:
    mr = types_of("1.2.840.10008.5.1.4.1.1.4")
    assert mr.iod == "mr-image"
    assert mr.top(PATIENT_ID) == "2"
    assert mr.top(0x0020000D) == "1"
    assert mr.top(0x0040A730) == ""
    assert types_of("1.2.3.4") == UNKNOWN


def rule(action: str, column: str = "basic-confidentiality") -> Rule:
    return Rule("(0008,0000)", "", "LO", (action,), (column,))


@pytest.mark.parametrize(
    ("action", "type_", "outcome", "kind", "weight"),
    [
        ("X", "3", "absent", "", "ok"),
        ("X", "3", "kept", "left", "fail"),
        ("X", "3", "changed", "replaced-not-removed", "fail"),
        ("X", "3", "empty", "emptied-not-removed", "fail"),
        ("X", "2", "empty", "emptied-not-removed", "warn"),
        ("X", "", "present", "replaced-not-removed", "fail"),
        ("Z", "2", "empty", "", "ok"),
        ("Z", "2", "changed", "", "ok"),
        ("Z", "2", "kept", "left", "fail"),
        ("Z", "2", "absent", "missing", "fail"),
        ("Z", "", "absent", "missing", "note"),
        ("Z", "2", "present", "unsure", "open"),
        ("D", "1", "changed", "", "ok"),
        ("D", "1", "empty", "empty", "fail"),
        ("D", "", "absent", "missing", "note"),
        ("U", "1", "kept", "left", "fail"),
        ("U", "1", "empty", "empty", "fail"),
        ("U", "1", "absent", "missing", "fail"),
        ("Z/D", "1", "empty", "empty", "fail"),
        ("Z/D", "2", "empty", "", "ok"),
        ("Z/D", "", "absent", "", "ok"),
        ("X/Z", "3", "absent", "", "ok"),
        ("X/Z", "2", "absent", "missing", "warn"),
        ("X/Z", "3", "empty", "emptied-not-removed", "warn"),
        ("X/Z", "2C", "empty", "", "ok"),
        ("X/D", "1", "empty", "empty", "fail"),
        ("X/D", "3", "changed", "replaced-not-removed", "warn"),
        ("X/Z/D", "1", "empty", "empty", "fail"),
        ("X/Z/D", "2", "changed", "", "ok"),
        ("X/Z/D", "3", "kept", "left", "fail"),
        ("X/Z/U*", "3", "items", "replaced-not-removed", "warn"),
        ("X/Z/U*", "1", "items", "", "ok"),
        ("P", "", "absent", "", "ok"),
        ("P", "", "kept", "left", "fail"),
    ],
)
def test_actions_by_type_and_outcome(
    action: str, type_: str, outcome: str, kind: str, weight: str
) -> None:
    found = said(rule(action), type_, outcome)
    assert (found.kind, found.weight) == (kind, weight)


@pytest.mark.parametrize(
    ("action", "column", "outcome", "kind"),
    [
        ("K", "retain-uids", "kept", ""),
        ("K", "retain-uids", "changed", "not-kept"),
        ("K", "retain-uids", "absent", "not-kept"),
        ("C", "retain-device-identity", "changed", ""),
        ("C", "retain-device-identity", "absent", "not-kept"),
        ("C", "clean-descriptors", "absent", ""),
        ("C", "clean-descriptors", "kept", "unsure"),
    ],
)
def test_actions_of_options(action: str, column: str, outcome: str, kind: str) -> None:
    assert said(rule(action, column), "3", outcome).kind == kind


def test_nothing_is_held_against_the_optional_where_the_iod_is_not_known() -> None:
    assert said(rule("X/Z"), "", "empty", known_iod=False).kind == ""


@pytest.mark.parametrize(
    ("vr", "value", "right"),
    [
        ("DA", b"20240229", True),
        ("DA", b"20241301", False),
        ("DA", b"ANONYMOUS", False),
        ("DA", b"2024.02.01", True),
        ("TM", b"235960.123", True),
        ("TM", b"2460", False),
        ("DT", b"20240101120000.5+0100", True),
        ("DT", b"yesterday", False),
        ("UI", b"1.2.840.0", True),
        ("UI", b"1.02", False),
        ("UI", b"1." + b"2" * 64, False),
        ("AS", b"042Y", True),
        ("AS", b"42", False),
        ("IS", b"-12", True),
        ("IS", b"1.5", False),
        ("DS", b"1.5e3\\2", True),
        ("CS", b"lower", False),
        ("SH", b"x" * 17, False),
        ("LO", b"x" * 65, False),
        ("PN", b"A^B=C^D", True),
        ("US", b"\1\2\3", False),
        ("FD", b"\0" * 8, True),
        ("UN", b"\1", True),
    ],
)
def test_values_by_vr(vr: str, value: bytes, right: bool) -> None:
    assert (flaw(value, vr) == "") is right


def test_padding_and_byte_order_do_not_make_values_differ() -> None:
    assert plain(b"A \\B ", "LO") == plain(b"A\\B", "LO") == b"A\\B"
    assert plain(b"\0\1", "US", big=True) == plain(b"\1\0", "US")
    assert plain(b"1.2\0", "UI") == b"1.2"


def test_values_are_told_by_class_length_and_salted_hash_only() -> None:
    told = value_class(b"DOE^JANE", "PN", b"salt")
    assert "DOE" not in told
    assert told.startswith("PN of 8 octets, hash ")
    assert digest(b"DOE^JANE", b"salt") != digest(b"DOE^JANE", b"pepper")


def test_small_readers_of_values() -> None:
    assert days(b"20240302") - days(b"20240228") == 3
    assert days(b"20240230") is None
    assert codec_of(b"\\ISO 2022 IR 87") == "iso2022_jp"
    assert codec_of(b"ISO_IR 192") == "utf-8"
    assert codec_of(b"INVENTED") == "latin-1"


def test_uids_without_a_cell_may_stay_under_retain_uids() -> None:
    table = rules("2023b", ("retain-uids",))
    for tag in (0x0040A124, 0x04000100):
        found = table.of(tag)
        assert set(found.actions) == {"U", "K"}
        assert said(found, "", "kept").kind == said(found, "", "changed").kind == ""
    assert rules("2023b").of(0x0040A124).actions == ("U",)
