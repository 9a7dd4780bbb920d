"""A release as a whole: one replacement per original, one original per replacement, one shift per study (E.1.1, E.3.6).

Each check takes the objects of a release, or the facts that were gathered about them; of one object
alone it says that it decides nothing.
"""

from __future__ import annotations

from part15.checks.deid_options import honours_option
from part15.model import Finding, Judgement, Word, fails, informs, passes, undecided
from part15.observations import Many
from part15.observations.deid import ConflictSeen, DeidSeen, DeidSet
from part15.registry import check
from part15.wire.deid_set import set_of

_MODIFIED = "retain-long-modified-dates"


def _set(seen: Many[DeidSeen] | DeidSet) -> DeidSet:
    return seen if isinstance(seen, DeidSet) else set_of(member.seen for member in seen.members)


def _told(conflict: ConflictSeen) -> str:
    where = f", for example in {', '.join(conflict.examples)}" if conflict.examples else ""
    return f"one {conflict.what} has {conflict.count} counterparts in this {conflict.scope}{where}"


def _listed(conflicts: tuple[ConflictSeen, ...]) -> list[Finding]:
    return [Finding(c.what, Word.FAIL, _told(c)) for c in conflicts[:50]]


def _few(found: DeidSet) -> Judgement | None:
    if found.pairs < 2 or not found.links:
        return undecided(
            "fewer than two pairs of original and output with replaced values; give a whole study "
            "and its originals"
        )
    return None


@check
def maps_alike(seen: Many[DeidSeen] | DeidSet | DeidSeen) -> Judgement:
    """Tell whether each original value above instance level has one replacement in the whole set (E.1.1)."""
    if isinstance(seen, DeidSeen):
        return informs("one object says nothing about the consistency of a set")
    found = _set(seen)
    few = _few(found)
    if few is not None:
        return few
    if found.split:
        return fails(
            f"{_told(found.split[0])}; use one map for the whole release",
            expected="one replacement per original",
            observed=f"{len(found.split)} originals with several",
            findings=_listed(found.split),
        )
    return passes(f"{found.links} replacements in {found.pairs} objects are consistent")


@check
def keeps_apart(seen: Many[DeidSeen] | DeidSet | DeidSeen) -> Judgement:
    """Tell whether different original UIDs have different replacements (implied by consistency)."""
    if isinstance(seen, DeidSeen):
        return informs("one object says nothing about the consistency of a set")
    found = _set(seen)
    few = _few(found)
    if few is not None:
        return few
    merged = tuple(c for c in found.merged if c.what == "uid")
    if merged:
        return fails(
            f"one replacement UID stands for {merged[0].count} original UIDs; every original needs "
            "its own",
            expected="as many UIDs as before",
            observed=f"{len(merged)} UIDs stand for several",
            findings=_listed(merged),
        )
    return passes("different UIDs stay different")


@check
def modifies_dates(seen: Many[DeidSeen] | DeidSet | DeidSeen) -> Judgement:
    """Tell whether dates were modified, validly, and by one shift for each study (E.3.6)."""
    if isinstance(seen, DeidSeen):
        return honours_option(seen, option=_MODIFIED)
    found = _set(seen)
    if found.shifts:
        return fails(
            f"the dates of one study moved by {found.shifts[0].count} different numbers of days; shift "
            "all of them alike, or declare another way of modifying",
            expected="one shift per study",
            observed=f"{len(found.shifts)} studies with several",
            findings=_listed(found.shifts),
        )
    if isinstance(seen, DeidSet):
        return passes(f"the dates of every study moved alike in {found.pairs} objects")
    answers = [(m.subject, honours_option(m.seen, option=_MODIFIED)) for m in seen.members]
    failed = [(subject, a) for subject, a in answers if a.word is Word.FAIL]
    if failed:
        subject, first = failed[0]
        return fails(
            f"{subject}: {first.message}",
            expected=first.expected,
            observed=f"{len(failed)} of {len(answers)} objects deviate",
            findings=[Finding(s, Word.FAIL, a.message) for s, a in failed],
        )
    if not found.shifted_dates:
        return undecided("no date that moved was seen; give the originals")
    return passes(f"the dates of every study moved alike in {found.pairs} objects")
