"""Bit preservation (PS3.15 A.3): what may and may not differ between an object sent and the same returned."""

from __future__ import annotations

from part15.model import Finding, Judgement, Word, fails, informs, passes, undecided
from part15.observations import Many
from part15.observations.comparison import ComparisonSeen, Difference
from part15.registry import check

_IMPLICIT = "1.2.840.10008.1.2"
_TOLD = 20
ENCODING = ("defined against undefined lengths", "group lengths")
"""Differences that are none to A.3, but worth telling."""


def _finding(difference: Difference) -> Finding:
    named = f"{difference.path} {difference.keyword}".rstrip()
    how = f" ({difference.nature})" if difference.nature else ""
    message = f"{named}: {difference.kind}{how}"
    return Finding(difference.path, Word.FAIL, message, difference.before, difference.after)


def _judged(seen: ComparisonSeen, kinds: tuple[str, ...], right: str, wrong: str) -> Judgement:
    """Fail when there are differences of *kinds*; undecided when there was nothing to compare."""
    if seen.problem:
        return undecided(f"{seen.problem}; the pair cannot be compared")
    total = seen.count(*kinds)
    if not total:
        return passes(f"{right} ({seen.elements} elements compared)" if seen.elements else right)
    shown = [d for d in seen.differences if d.kind in kinds]
    first = shown[0] if shown else None
    where = f"; first: {first.path} {first.keyword}".rstrip() if first else ""
    return fails(
        f"{total} {wrong}{where}; hand the object on as it was received",
        expected=first.before if first else "no difference",
        observed=first.after if first else f"{total} differences",
        findings=[_finding(d) for d in shown[:_TOLD]],
    )


@check
def keeps_values(seen: ComparisonSeen) -> Judgement:
    """Tell whether the Value fields of all elements are bit-for-bit duplicates (A.3 a).

    Fragment boundaries are part of the Value field of encapsulated data; defined and undefined
    lengths of sequences and items are not.
    """
    kinds = ("value", "fragments", "form", "items")
    return _judged(seen, kinds, "every value is the same", "value fields differ")


@check
def keeps_item_order(seen: ComparisonSeen) -> Judgement:
    """Tell whether the items of every sequence stand in their order (A.3 b)."""
    return _judged(
        seen, ("order",), "no sequence was reordered", "sequences have another order of items"
    )


@check
def keeps_elements(seen: ComparisonSeen) -> Judgement:
    """Tell whether no element was removed or changed, private, empty and retired ones included (A.3 c).

    Group lengths are not counted: they follow from the encoding.
    """
    kinds = ("removed", "value", "fragments", "form", "items", "order", "VR")
    return _judged(
        seen, kinds, "no element was removed or changed", "elements were removed or changed"
    )


@check
def keeps_vrs(seen: ComparisonSeen) -> Judgement:
    """Tell whether no element has another VR than it had (A.3 e); needs explicit VR on both sides."""
    if (
        not seen.problem
        and not seen.identical
        and _IMPLICIT in (seen.syntax_before, seen.syntax_after)
    ):
        return undecided(
            "one of the two objects is in Implicit VR Little Endian, which writes no VR; "
            "exchange it in an explicit VR transfer syntax"
        )
    return _judged(seen, ("VR",), "every VR is the same", "elements have another VR")


def returns_explicit_vr(seen: ComparisonSeen) -> Judgement:
    """Tell whether the object came back in an explicit VR transfer syntax (A.3 d).

    For pairs of files only: of an association the negotiation decides, so no profile names this.
    """
    if seen.problem:
        return undecided(f"{seen.problem}; its transfer syntax is not known")
    if seen.identical and seen.syntax_after == _IMPLICIT:
        return undecided(
            "the two are equal octet by octet, in Implicit VR Little Endian; how they were exchanged, if"
            " they were, does not show"
        )
    if seen.syntax_after == _IMPLICIT:
        return fails(
            "the object came back in Implicit VR Little Endian; use an explicit VR transfer syntax",
            expected="an explicit VR transfer syntax",
            observed=seen.syntax_after,
            rests_on=("T-08",),
        )
    return passes(
        f"the object came back in {seen.syntax_after or 'the same octets'}", rests_on=("T-08",)
    )


@check
def adds_nothing(seen: ComparisonSeen | Many[ComparisonSeen]) -> Judgement:
    """Tell whether no element was added and nothing was encoded another way.

    A.3 c permits additions as long as no signature is altered, and says nothing about lengths of
    sequences and groups, so both are only told.
    """
    every = [m.seen for m in seen.members] if isinstance(seen, Many) else [seen]
    pairs = [pair for pair in every if not pair.problem]
    if not pairs:
        why = every[0].problem if every else "nothing came back"
        return undecided(f"{why}; the pair cannot be compared")
    told = [
        Finding(what, Word.INFO, f"{count} x {what}")
        for what in ENCODING
        if (count := sum(dict(pair.allowed).get(what, 0) for pair in pairs))
    ]
    added = sum(pair.count("added") for pair in pairs)
    if not added and told:
        return informs(
            "no element was added, but the encoding differs where A.3 says nothing: "
            + ", ".join(f.message for f in told),
            findings=told,
        )
    if not added:
        return passes("no element was added")
    shown = [
        Finding(d.path, Word.INFO, f"{d.path} {d.keyword}: added".replace(" :", ":"), "", d.after)
        for pair in pairs
        for d in pair.differences
        if d.kind == "added"
    ][:_TOLD]
    signed = any(pair.signed for pair in pairs if pair.count("added"))
    note = "; verify the signatures of the object again" if signed else ""
    return informs(
        f"{added} elements were added, which A.3 permits{note}",
        observed=added,
        findings=[*shown, *told],
    )
