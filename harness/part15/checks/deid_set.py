"""A release as a whole: one replacement per original, one original per replacement, nothing in names (E.1.1, E.2)."""

from __future__ import annotations

from part15.model import Finding, Judgement, Word, fails, informs, passes, undecided
from part15.observations.deid import ConflictSeen, DeidSet
from part15.registry import check


def _told(conflict: ConflictSeen) -> str:
    where = f", for example in {', '.join(conflict.examples)}" if conflict.examples else ""
    return f"one {conflict.what} has {conflict.count} counterparts in this {conflict.scope}{where}"


def _listed(conflicts: tuple[ConflictSeen, ...]) -> list[Finding]:
    return [Finding(c.what, Word.FAIL, _told(c)) for c in conflicts[:50]]


@check
def maps_alike(seen: DeidSet) -> Judgement:
    """Tell whether each original value above instance level has one replacement in the whole set (E.1.1)."""
    if seen.pairs < 2 or not seen.links:
        return undecided(
            "fewer than two pairs of original and output with replaced values; give a whole study"
        )
    if seen.split:
        return fails(
            f"{_told(seen.split[0])}; use one map for the whole release",
            expected="one replacement per original",
            observed=f"{len(seen.split)} originals with several",
            findings=_listed(seen.split),
        )
    return passes(f"{seen.links} replacements in {seen.pairs} objects are consistent")


@check
def keeps_apart(seen: DeidSet) -> Judgement:
    """Tell whether different original UIDs have different replacements (implied by consistency)."""
    if seen.pairs < 2 or not seen.links:
        return undecided("fewer than two pairs of original and output with replaced UIDs")
    merged = tuple(c for c in seen.merged if c.what == "uid")
    if merged:
        return fails(
            f"one replacement UID stands for {merged[0].count} original UIDs; every original needs its own",
            expected="as many UIDs as before",
            observed=f"{len(merged)} UIDs stand for several",
            findings=_listed(merged),
        )
    return passes("different UIDs stay different")


@check
def shifts_alike(seen: DeidSet) -> Judgement:
    """Tell whether all dates of a study moved by the same number of days (E.3.6)."""
    if "retain-long-modified-dates" not in seen.options:
        return informs("modified dates are not claimed")
    if seen.shifts:
        return fails(
            f"the dates of one {seen.shifts[0].scope} moved by {seen.shifts[0].count} different numbers of "
            "days; shift all of them alike, or declare another way of modifying",
            expected="one shift per study",
            observed=f"{len(seen.shifts)} studies with several",
            findings=_listed(seen.shifts),
        )
    if not seen.shifted_dates:
        return undecided("no date that moved was seen")
    return passes(f"the dates of every study moved alike in {seen.pairs} objects")


@check
def names_nobody(seen: DeidSet) -> Judgement:
    """Tell whether no planted value is in the names of files and folders, logs or messages (E.2)."""
    if not seen.named:
        return undecided("no file name or log was looked at with planted values in mind")
    if seen.survivors:
        first = seen.survivors[0]
        return fails(
            f"the planted value '{first.canary}' is in the {first.place}: {first.transform}",
            expected="no planted value in names and logs",
            observed=f"{len(seen.survivors)} found",
            findings=[
                Finding(s.place, Word.FAIL, f"{s.canary}: {s.transform}") for s in seen.survivors
            ],
        )
    return passes(f"{seen.named} names and log lines hold no planted value")
