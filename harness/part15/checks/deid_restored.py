"""A re-identifier: with one recipient's key exactly that recipient's attributes come back (PS3.15 E.1.2)."""

from __future__ import annotations

from collections.abc import Callable

from part15.model import Finding, Judgement, Word, fails, passes, undecided
from part15.observations.deid import ReidentifiedSeen, ReidentifiedSet
from part15.registry import check


def _judged(
    seen: ReidentifiedSet,
    chosen: list[ReidentifiedSeen],
    wrong: Callable[[ReidentifiedSeen], str],
    right: str,
) -> Judgement:
    if not chosen:
        return undecided("no such object was re-identified")
    flaws = [(case.name, text) for case in chosen if (text := wrong(case))]
    if flaws:
        return fails(
            f"{flaws[0][0]}: {flaws[0][1]}",
            expected=right,
            observed=f"{len(flaws)} of {len(chosen)} exchanges deviate",
            findings=[Finding(name, Word.FAIL, text) for name, text in flaws],
        )
    return passes(f"{right} in {len(chosen)} of {len(seen.cases)} exchanges")


def _openable(seen: ReidentifiedSet) -> list[ReidentifiedSeen]:
    return [case for case in seen.cases if case.openable]


def _failed(case: ReidentifiedSeen) -> str:
    if case.state != "done":
        return (
            f"it was {case.state} although the key opens an item ({case.why or 'no reason given'})"
        )
    return ""


@check
def restores(seen: ReidentifiedSet) -> Judgement:
    """Tell whether a key brings back the original values, and a wrong key or a damaged item changes nothing."""

    def wrong(case: ReidentifiedSeen) -> str:
        if not case.openable:
            if case.state in ("crashed", "late"):
                return f"it {case.state} on an object it cannot open ({case.why})"
            if case.restored or case.leaked:
                return "attributes came back although no item can be opened"
            if case.state == "done" and not case.unchanged:
                return "the object was changed although no item can be opened"
            return ""
        flaw = _failed(case)
        if flaw or not case.wrong:
            return flaw
        return f"{case.wrong[0]} came back with another value than the original"

    return _judged(
        seen, list(seen.cases), wrong, "original values come back with the right key only"
    )


@check
def opens_ciphers(seen: ReidentifiedSet) -> Judgement:
    """Tell whether AES-128, AES-192, AES-256 and Triple-DES can all be decrypted (E.1.2)."""
    plain = [case for case in _openable(seen) if case.cipher and case.chosen == (1,)]
    return _judged(seen, plain, _failed, "every content cipher is decrypted")


@check
def opens_any_item(seen: ReidentifiedSet) -> Judgement:
    """Tell whether an item is found that is not the first (E.1.2)."""
    later = [case for case in _openable(seen) if case.chosen and 1 not in case.chosen]
    return _judged(seen, later, _failed, "the item that the key opens is found")


@check
def moves_all(seen: ReidentifiedSet) -> Judgement:
    """Tell whether all attributes of one opened item are in the main data set, once, and no others (E.1.2)."""

    def wrong(case: ReidentifiedSeen) -> str:
        if case.state != "done":
            return ""
        if case.absent:
            return f"{case.absent[0]} of the opened item is not in the main data set"
        if case.doubled:
            return f"{case.doubled[0]} stands twice"
        if case.leaked:
            return f"{case.leaked[0]} came back although only another recipient's item holds it"
        return ""

    return _judged(seen, _openable(seen), wrong, "exactly the attributes of the item come back")


@check
def resets_marks(seen: ReidentifiedSet) -> Judgement:
    """Tell whether (0012,0062) is NO, and (0012,0063) and (0012,0064) are gone (E.1.2)."""

    def wrong(case: ReidentifiedSeen) -> str:
        if case.state != "done":
            return ""
        if case.identity_removed != "NO":
            return f"Patient Identity Removed (0012,0062) is {case.identity_removed or 'absent'}, not NO"
        return f"{case.method_left[0]} is still there" if case.method_left else ""

    return _judged(seen, _openable(seen), wrong, "the object no longer claims to be de-identified")
