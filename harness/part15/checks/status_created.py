"""What an instance created for Online Electronic Storage has (PS3.15 A.1.1 a; PS3.3 C.12.1)."""

from __future__ import annotations

from collections.abc import Sequence

from part15.model import Judgement, fails, passes, undecided
from part15.observations.status import CreatedElement, CreatedSeen
from part15.registry import check
from part15.wire.dictionary import described, tag_number

DEFINED = ("NS", "OR", "AO", "AC")


def _named(tag: str) -> str:
    return tag if "x" in tag else described(tag_number(tag))


def _find(seen: CreatedSeen, tag: str) -> CreatedElement | None:
    """Return the element *tag* (``x`` stands for any digit), or None."""
    for element in seen.elements:
        if all(w in ("x", g) for w, g in zip(tag.lower(), element.tag.lower(), strict=True)):
            return element
    return None


def _unreadable(seen: CreatedSeen) -> Judgement | None:
    return undecided(f"the instance cannot be read: {seen.problem}") if seen.problem else None


@check
def is_original(seen: CreatedSeen) -> Judgement:
    """A created instance has status OR, or AO if it was authorized first, when it is transferred to a partner."""
    nothing = _unreadable(seen)
    if nothing:
        return nothing
    if not seen.partner:
        return undecided(
            "the instance came over a plain connection, where it may have no status; give a listener with TLS"
        )
    if seen.status in ("OR", "AO"):
        return passes(f"the created instance has status '{seen.status}'")
    if seen.status in ("NS", "", None):
        return undecided(
            f"the created instance left with {repr(seen.status) if seen.status else 'no status'}, as a copy may; "
            "have the product transfer the original, or look at the stored instance",
            observed=seen.status or "none",
        )
    return fails(
        f"the created instance has status '{seen.status}', not OR",
        expected="OR, or AO after authorization",
        observed=seen.status,
    )


@check
def includes(
    seen: CreatedSeen, *, tags: Sequence[str], filled: bool = False, known: bool = False
) -> Judgement:
    """The created instance has all of *tags*: with a value if *filled*; if *known*, absence decides nothing.

    VRs are compared with PS3.6 where the transfer syntax writes them.
    """
    nothing = _unreadable(seen)
    if nothing:
        return nothing
    if seen.status not in ("OR", "AO"):
        return undecided(
            "the instance has neither status OR nor AO, so it may be a copy; see A.1.1-a1-create-or"
        )
    missing = [t for t in tags if _find(seen, t) is None]
    if missing and not known:
        return fails(
            f"{_named(missing[0])} is absent; include it",
            expected="present",
            observed="absent",
        )
    present = [element for t in tags if (element := _find(seen, t)) is not None]
    empty = [e for e in present if filled and not e.length]
    if empty:
        return fails(f"{_named(empty[0].tag)} is empty", expected="a value", observed="empty")
    wrong = [e for e in present if seen.explicit and not _fits(e)]
    if wrong:
        return fails(
            f"{_named(wrong[0].tag)} has VR {wrong[0].vr}",
            expected="the VR of PS3.6",
            observed=wrong[0].vr,
        )
    if missing:
        return undecided(
            f"{_named(missing[0])} is absent; whether it was known only the product knows: "
            "compare with the same instance sent without the profile"
        )
    return passes(f"present: {', '.join(e.tag for e in present)}")


def _fits(element: CreatedElement) -> bool:
    from part15.wire.dictionary import vr_of

    return element.vr in vr_of(tag_number(element.tag)).split("/")


@check
def has_defined_status(seen: CreatedSeen) -> Judgement:
    """SOP Instance Status, if there is one, is NS, OR, AO or AC: one value, upper case (PS3.3 C.12.1)."""
    nothing = _unreadable(seen)
    if nothing:
        return nothing
    if not seen.status:
        return passes("there is no SOP Instance Status, which is of Type 3")
    if seen.status not in DEFINED:
        return fails(
            f"SOP Instance Status is '{seen.status[:16]}', which is not defined",
            expected="NS, OR, AO or AC",
            observed=seen.status[:16],
        )
    return passes(f"SOP Instance Status is '{seen.status}'")


@check
def has_valid(seen: CreatedSeen, *, tag: str) -> Judgement:
    """The element *tag*, if it is there, has its VR and a value that the VR allows."""
    nothing = _unreadable(seen)
    if nothing:
        return nothing
    element = _find(seen, tag)
    if element is None:
        return passes(f"{_named(tag)} is absent, and of Type 3")
    if seen.explicit and not _fits(element):
        return fails(
            f"{_named(tag)} has VR {element.vr}", expected="the VR of PS3.6", observed=element.vr
        )
    if not element.valid:
        return fails(
            f"{_named(tag)} has a value of {element.length} octets that its VR does not allow",
            expected="a valid value",
            observed=f"{element.length} octets",
        )
    return passes(f"{_named(tag)} is valid")
