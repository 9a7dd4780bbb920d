"""De-identified objects against Table E.1-1: what had to happen to each attribute, and what did (PS3.15 E.1.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from part15.model import (
    Finding,
    Judgement,
    Word,
    does_not_apply,
    fails,
    informs,
    needs_review,
    passes,
    undecided,
)
from part15.observations.deid import AttributeSeen, DeidSeen
from part15.registry import check

SHOWN = 50
INSTANCE = "(0008,0018)"
VISUAL = "clean-recognizable-visual-features"
UIDS = "X/Z/U*"
"""The code of sequences that may stay if what they hold is treated row by row."""
_TOLD = {
    "left": "still has the value of the original",
    "replaced-not-removed": "was replaced where it had to be removed",
    "emptied-not-removed": "was emptied where it had to be removed",
    "empty": "is empty where a value that is not zero length was due",
    "missing": "is missing, though its IOD asks for it",
    "private": "is private and was not removed",
    "not-kept": "was changed or removed although an option keeps it",
    "invalid": "has a value that its VR does not allow",
    "canary": "still holds a planted value",
    "unsure": "cannot be judged without the original",
}
_WORDS = {"fail": Word.FAIL, "warn": Word.WARN, "open": Word.INCONCLUSIVE, "note": Word.INFO}


def told(seen: AttributeSeen) -> str:
    """Return a deviation as a sentence, without its value."""
    row = "" if seen.path == seen.row else f", row {seen.row}"
    type_ = f", Type {seen.type}" if seen.type else ""
    what = _TOLD.get(seen.kind, seen.kind)
    if seen.row.startswith("(") and seen.outcome == "kept" and "items" in seen.value + seen.detail:
        what = "is still there" if seen.kind == "left" else what
    detail = f" ({seen.detail})" if seen.detail else ""
    return f"{seen.path} {what}{detail}; action {seen.action} of {seen.column}{row}{type_}"


def findings(deviations: Iterable[AttributeSeen]) -> tuple[Finding, ...]:
    """Return one finding per deviation, the gravest first."""
    order = {"fail": 0, "warn": 1, "open": 2, "note": 3}
    ranked = sorted(deviations, key=lambda d: order[d.weight])
    return tuple(
        Finding(d.path, _WORDS[d.weight], told(d), f"action {d.action}", d.value or d.outcome)
        for d in ranked[:SHOWN]
    )


def decided(
    seen: DeidSeen,
    deviations: Sequence[AttributeSeen],
    *,
    right: str,
    judged: int,
    none: str,
    expected: str,
) -> Judgement:
    """Return fail, undecided or pass for the *deviations* of one requirement.

    *judged* counts the attributes it applied to; where it is 0 the answer is the fact *none*.
    """
    failed = [d for d in deviations if d.weight == "fail"]
    open_ = [d for d in deviations if d.weight == "open"]
    listed = findings(deviations)
    rests = ("O-16",) if seen.conflicts else ()
    if failed:
        more = f", and {len(failed) - 1 + seen.more} more" if len(failed) - 1 + seen.more else ""
        return fails(
            f"{told(failed[0])}{more}",
            expected=expected,
            observed=f"{len(failed) + seen.more} of {max(judged, len(failed))} attributes deviate",
            findings=listed,
        )
    if open_ and seen.paired:
        return needs_review(
            f"{len(open_)} attributes to be cleaned kept their value, first {open_[0].path}; a person "
            "has to see whether it identifies somebody",
            expected=expected,
            findings=listed,
        )
    if open_:
        return undecided(
            f"attributes such as {open_[0].path} ({judged} are listed) cannot be judged from the "
            "object alone; give the original with --before",
            expected=expected,
            findings=listed,
        )
    if not judged:
        return informs(none)
    return passes(right, expected=expected, findings=listed, rests_on=rests)


def counted(seen: DeidSeen, action: str) -> int:
    """Return how many attributes *action* applied to, whatever became of them."""
    return sum(n for key, n in seen.tally.items() if key.rsplit(" ", 1)[0] == action)


def _chosen(seen: DeidSeen, wanted: Callable[[AttributeSeen], bool]) -> list[AttributeSeen]:
    return [d for d in seen.deviations if wanted(d)]


@check
def follows_table(seen: DeidSeen) -> Judgement:
    """Tell whether every attribute was treated as the profile and the claimed options ask (E.1.1)."""
    judged = sum(seen.tally.values())
    answer = decided(
        seen,
        seen.deviations,
        right=f"all {judged} attributes that Table E.1-1 of {seen.edition} lists are as they have to be",
        judged=judged,
        none=f"the object has no attribute that Table E.1-1 of {seen.edition} lists",
        expected="every listed attribute protected or retained",
    )
    return replace(answer, findings=(*answer.findings, *_beyond(seen)))


def _beyond(seen: DeidSeen) -> tuple[Finding, ...]:
    """Tell what changed though no row and no claimed option asks for it: no violation, but to be declared."""
    left = max(SHOWN - len(seen.deviations), 0)
    cleans = any(option in seen.options for option in ("clean-pixel-data", VISUAL))
    return tuple(
        Finding(path, Word.INFO, f"{path} was altered, though no row of the table asks for it")
        for path in seen.altered
        if not (cleans and path.rpartition("/")[2] == "(7FE0,0010)")
    )[:left]


@check
def follows_table_in_items(seen: DeidSeen) -> Judgement:
    """Tell whether listed attributes inside sequence items are treated like those at the top (E.1.1)."""
    return decided(
        seen,
        _chosen(seen, lambda d: "/" in d.path),
        right=f"the {seen.nested} listed attributes inside items are as they have to be",
        judged=seen.nested,
        none="no item of the object holds a listed attribute",
        expected="listed attributes in items protected or retained",
    )


@check
def performs(seen: DeidSeen, *, action: str) -> Judgement:
    """Tell whether every attribute with *action* got it (Table E.1-1a); private attributes are E.2-private."""
    judged = counted(seen, action)
    return decided(
        seen,
        _chosen(
            seen,
            lambda d: (
                (d.action == action and d.kind != "private")
                or (action == UIDS and d.within == action)
            ),
        ),
        right=f"action {action} was done on all {judged} attributes that ask for it",
        judged=judged,
        none=f"no attribute of the object asks for action {action}",
        expected=f"action {action}",
    )


@check
def leaves_nothing(seen: DeidSeen) -> Judgement:
    """Tell whether every attribute to be protected was removed or got another value (E.1.1 item 1)."""
    return decided(
        seen,
        _chosen(seen, lambda d: d.kind in ("left", "unsure") and d.action not in ("K", "C")),
        right="no attribute to be protected still has a value of the original",
        judged=sum(seen.tally.values()),
        none="the object has no attribute to be protected",
        expected="removed, or another value",
    )


@check
def treats_rows(seen: DeidSeen, *, rows: Sequence[str]) -> Judgement:
    """Tell whether the attributes of the given *rows* of the table are as they have to be."""
    names = ", ".join(rows)
    deviations = _chosen(seen, lambda d: d.row in rows)
    failed = [d for d in deviations if d.weight != "note"]
    if not failed:
        return passes(
            f"of {names} nothing is left that should not be", findings=findings(deviations)
        )
    return decided(
        seen,
        deviations,
        right="",
        judged=len(failed),
        none="",
        expected=f"{names} removed, replaced or cleaned",
    )


@check
def protects_instance_uids(seen: DeidSeen) -> Judgement:
    """Tell whether SOP Instance UIDs and references to instances were replaced at every depth (E.1.1 item 5)."""
    if "retain-uids" in seen.options:
        return does_not_apply("Retain UIDs is claimed; SOP Instance UIDs stay")
    rows = ("(0008,0018)", "(0008,1155)")
    kinds = ("left", "unsure", "invalid", "missing")
    deviations = _chosen(seen, lambda d: d.row in rows and d.kind in kinds)
    if seen.meta.is_file and not seen.meta.instance_matches:
        return fails(
            "Media Storage SOP Instance UID (0002,0003) is not the SOP Instance UID (0008,0018) of the "
            "object; write the replacement into both",
            expected="(0002,0003) equal to (0008,0018)",
            observed="two different UIDs",
            findings=findings(deviations),
        )
    return decided(
        seen,
        deviations,
        right="the SOP Instance UID and every reference to an instance are new",
        judged=1,
        none="",
        expected="new UIDs",
    )


@check
def is_new_instance(seen: DeidSeen) -> Judgement:
    """Tell whether the output is a new SOP Instance (E.1.1 item 5, PS3.3 C.12.1.1.4.2)."""
    if "retain-uids" in seen.options:
        return does_not_apply("Retain UIDs is claimed; the instance keeps its UID")
    lost = _chosen(seen, lambda d: d.path == INSTANCE and d.kind in ("missing", "empty", "invalid"))
    if lost:
        return fails(
            "the output has no valid SOP Instance UID (0008,0018); give it one of its own",
            expected="another SOP Instance UID",
            observed=lost[0].kind,
        )
    if not seen.paired:
        return undecided("whether the SOP Instance UID is new cannot be seen without the original")
    if seen.same_instance:
        return fails(
            "the output has the SOP Instance UID of the original; give it a new one",
            expected="another SOP Instance UID",
            observed="the same one",
        )
    return passes("the output has a SOP Instance UID of its own")


@check
def keeps_integrity(seen: DeidSeen) -> Judgement:
    """Tell whether no Type 1 or Type 2 attribute of the original's IOD was lost on the way (E.1.1)."""
    if not seen.paired:
        return undecided("which attributes were lost cannot be seen without the original")
    if not seen.iod:
        return undecided(
            f"the IOD of SOP Class {seen.sop_class or '(absent)'} is not known to this version"
        )
    if seen.integrity:
        return fails(
            f"{seen.integrity[0]} in the {seen.iod} IOD; put a dummy value (Type 1) or a zero length "
            "value (Type 2) where a value has to go",
            expected="every Type 1 attribute with a value, every Type 2 attribute present",
            observed="; ".join(seen.integrity[:5]),
            findings=[Finding(text.split(" ")[0], Word.FAIL, text) for text in seen.integrity],
        )
    return passes(f"no mandatory attribute of the {seen.iod} IOD was lost")


@check
def removes_private(seen: DeidSeen) -> Judgement:
    """Tell whether no private attribute is left, unless Retain Safe Private is claimed (E.2)."""
    if "retain-safe-private" in seen.options:
        return does_not_apply(
            "Retain Safe Private is claimed; E.3.10-retain judges private attributes"
        )
    private = _chosen(seen, lambda d: d.kind == "private")
    if private:
        return decided(
            seen, private, right="", judged=len(private), none="", expected="no private attribute"
        )
    return passes("no private attribute is left at any depth")


@check
def treats_sequences(seen: DeidSeen, *, action: str) -> Judgement:
    """Tell whether the contents of sequences that are kept (K) or cleaned (C) were treated row by row (E.1.1)."""
    held = seen.tally.get(f"{action} items", 0)
    return decided(
        seen,
        _chosen(seen, lambda d: d.within == action),
        right=f"the contents of {held} sequences with action {action} are as they have to be",
        judged=held,
        none=f"the object has no sequence with action {action}",
        expected="the profile applied to every item",
    )
