"""What a de-identified object must say of itself, and what its file must not say any more (E.1.1 items 6, 7; E.2; E.3)."""

from __future__ import annotations

from dataclasses import replace

from part15.model import Finding, Judgement, Word, does_not_apply, fails, passes, undecided
from part15.observations.deid import DeidSeen, MarksSeen
from part15.registry import check
from part15.wire.deid_rules import BASIC, method_codes

_LONGITUDINAL = ("retain-long-full-dates", "retain-long-modified-dates")
_FULL, _SHIFTED = "113106", "113107"


DIRECTORY = "1.2.840.10008.1.3.10"


def _directory(seen: DeidSeen) -> Judgement | None:
    """Return why the marks of instances are not due, for a DICOMDIR."""
    if seen.sop_class == DIRECTORY:
        return does_not_apply(
            "a DICOMDIR is no de-identified instance; the marks are due in its files"
        )
    return None


@check
def says_identity_removed(seen: DeidSeen) -> Judgement:
    """Tell whether Patient Identity Removed (0012,0062) is YES (E.1.1 item 6)."""
    if directory := _directory(seen):
        return directory
    return _exactly("Patient Identity Removed (0012,0062)", seen.marks.identity_removed, "YES")


def _exactly(name: str, value: str, due: str) -> Judgement:
    if value == due:
        return passes(f"{name} is {due}")
    what = (
        f"is {value if value.isalnum() and len(value) <= 16 else 'another value'}"
        if value
        else "is absent"
    )
    return fails(f"{name} {what}; set it to {due}", expected=due, observed=value[:16] or "absent")


@check
def names_method(seen: DeidSeen) -> Judgement:
    """Tell whether De-identification Method is given as text or as codes (2008; 2023b and later: and/or)."""
    if directory := _directory(seen):
        return directory
    if seen.marks.method_text or seen.marks.codes:
        return passes("De-identification Method is given")
    return fails(
        "neither De-identification Method (0012,0063) nor its Code Sequence (0012,0064) has a value; "
        "name the profile there",
        expected="text or codes",
        observed="neither",
    )


def _code_flaws(marks: MarksSeen, options: tuple[str, ...], *, all_needed: bool) -> list[str]:
    """Return what the CID 7050 codes get wrong about the profile and *options*; inherited items do not count."""
    by_option = {row["option"]: row["code"] for row in method_codes()}
    by_code = {code: option for option, code in by_option.items()}
    given = {c.code for c in marks.codes if c.scheme == "DCM"}
    own = {c.code for c in marks.codes if c.scheme == "DCM" and not c.inherited}
    due = {by_option[BASIC], *(by_option[o] for o in options if o in by_option)}
    flaws = []
    if all_needed or given & set(by_code):
        flaws += [f"code {code} ({by_code[code]}) is missing" for code in sorted(due - given)]
    flaws += [
        f"code {code} ({by_code[code]}) names an option that is not claimed"
        for code in sorted((own & set(by_code)) - due)
    ]
    return flaws


@check
def codes_method(seen: DeidSeen) -> Judgement:
    """Tell whether (0012,0064) has the CID 7050 code of the profile and of every option used, and of no other."""
    if directory := _directory(seen):
        return directory
    return _coded(seen, all_needed=True)


@check
def codes_or_names_method(seen: DeidSeen) -> Judgement:
    """Tell whether codes and/or text are given, and the codes are those of what is claimed (2023b)."""
    if directory := _directory(seen):
        return directory
    if not seen.marks.codes and seen.marks.method_text:
        return passes(
            "De-identification Method (0012,0063) names the method as text, which 2023b allows"
        )
    if not seen.marks.codes:
        return names_method(seen)
    return _coded(seen, all_needed=False)


def _coded(seen: DeidSeen, *, all_needed: bool) -> Judgement:
    flaws = _code_flaws(seen.marks, seen.options, all_needed=all_needed)
    given = ", ".join(f"{c.code} {c.scheme}" for c in seen.marks.codes) or "no code"
    if flaws:
        return fails(
            f"De-identification Method Code Sequence (0012,0064) does not fit the claim: {flaws[0]}",
            expected=", ".join((BASIC, *seen.options)),
            observed=given,
            findings=[Finding("(0012,0064)", Word.FAIL, flaw) for flaw in flaws],
        )
    return passes("the codes are those of the profile and the options claimed", observed=given)


@check
def appends_method(seen: DeidSeen) -> Judgement:
    """Tell whether codes and text of an earlier de-identification are still there (E.1.1 item 6)."""
    if not seen.paired:
        return undecided("whether earlier methods were kept cannot be seen without the original")
    now = {(c.code, c.scheme) for c in seen.marks.codes}
    lost = [
        f"{c.code} {c.scheme}" for c in seen.marks.codes_before if (c.code, c.scheme) not in now
    ]
    if lost or not seen.marks.text_before_kept:
        what = f"code {lost[0]}" if lost else "the text in (0012,0063)"
        return fails(
            f"{what} of an earlier de-identification was overwritten; add to it instead",
            expected="earlier items and the own one",
            observed=f"{len(lost)} codes lost",
        )
    return passes("codes and text of earlier de-identifications are kept")


@check
def replaces_meta(seen: DeidSeen) -> Judgement:
    """Tell whether preamble and file meta information are those of the de-identifier (E.1.1 item 7)."""
    meta = seen.meta
    if not meta.is_file:
        return does_not_apply("the object was not stored in a file")
    wrong = [f"{place} is that of the original" for place in meta.kept]
    if meta.preamble == "kept":
        wrong.append("the preamble is that of the original")
    if not meta.instance_matches:
        wrong.append("(0002,0003) is not the SOP Instance UID of the object")
    if wrong:
        return fails(
            f"{wrong[0]}; write file meta information and preamble of the de-identifying application",
            expected="preamble and meta information of the de-identifier",
            observed="; ".join(wrong),
            findings=[Finding(text.split(" ")[0], Word.FAIL, text) for text in wrong],
        )
    if not seen.paired and (meta.present or meta.preamble == "set"):
        what = ", ".join((*meta.present, *(("preamble",) if meta.preamble == "set" else ())))
        return undecided(f"whether {what} are of the original cannot be seen without it")
    return passes("nothing of the original's preamble and file meta information is left")


@check
def dates_marked(seen: DeidSeen) -> Judgement:
    """Tell whether (0028,0303) is REMOVED where no Retain Longitudinal option is claimed (E.2)."""
    if directory := _directory(seen):
        return directory
    if any(option in seen.options for option in _LONGITUDINAL):
        return does_not_apply("an option that retains dates is claimed; E.3.6 judges (0028,0303)")
    answer = _temporal(seen, "REMOVED")
    if answer.word is not Word.FAIL:
        return answer
    why = "E.2 asks for it wherever no Retain Longitudinal option is used, whatever the table's rows say"
    return replace(answer, message=f"{answer.message} ({why})")


def _temporal(seen: DeidSeen, due: str) -> Judgement:
    name = "Longitudinal Temporal Information Modified (0028,0303)"
    return _exactly(name, seen.marks.temporal, due)


@check
def states_temporal(seen: DeidSeen, *, value: str) -> Judgement:
    """Tell whether (0028,0303) is *value* (E.3.6)."""
    if directory := _directory(seen):
        return directory
    return _temporal(seen, value)


@check
def excludes_both_dates(seen: DeidSeen) -> Judgement:
    """Tell whether the codes of full dates and of modified dates do not stand side by side (E.3.6)."""
    own = {c.code for c in seen.marks.codes if c.scheme == "DCM" and not c.inherited}
    if {_FULL, _SHIFTED} <= own:
        return fails(
            "codes 113106 (full dates) and 113107 (modified dates) stand side by side; they exclude "
            "each other, so choose one",
            expected="one of them",
            observed="both",
        )
    return passes("full dates and modified dates are not claimed together")


@check
def states_offset(seen: DeidSeen) -> Judgement:
    """Tell whether a recorded offset is an FD value with an event type (E.3.6 note 2)."""
    if seen.marks.offset_flaw:
        return fails(seen.marks.offset_flaw, expected="FD and a term", observed="otherwise")
    return passes("an offset from an event, if it is given, is well formed")


@check
def states_no_burn_in(seen: DeidSeen) -> Judgement:
    """Tell whether Burned In Annotation (0028,0301) is NO (E.3.1)."""
    if directory := _directory(seen):
        return directory
    if seen.pixels.state == "absent":
        return does_not_apply("the object has no Pixel Data")
    return _exactly("Burned In Annotation (0028,0301)", seen.marks.burned_in, "NO")


@check
def states_no_features(seen: DeidSeen) -> Judgement:
    """Tell whether Recognizable Visual Features (0028,0302) is NO (E.3.2)."""
    if directory := _directory(seen):
        return directory
    if seen.pixels.state == "absent":
        return does_not_apply("the object has no Pixel Data")
    return _exactly("Recognizable Visual Features (0028,0302)", seen.marks.visual_features, "NO")
