"""The rules of Online Electronic Storage (PS3.15 A.1.1) as a pure model: what may come back, to whom, with what.

Parties are ``partner`` (secure, registered), ``stranger`` (secure, not registered) and ``plain``.
A status of None is an absent one. Each rule says to which cases it applies and what breaks it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from part15.observations.status import PARTNER, PLAIN, STRANGER, StatusCase

DEFINED = ("NS", "OR", "AO", "AC")
PRIMARY = ("OR", "AO")
UNMARKED = (None, "NS")


def held(case: StatusCase) -> str | None:
    """Return the status that the product must hold: what a partner sent, NS for everybody else (f.2)."""
    if case.came != PARTNER:
        return "NS"
    return case.sent


def settled(case: StatusCase) -> bool:
    """Tell whether the instance may be forwarded: OR and AO need a confirmed commitment first (d.4)."""
    return held(case) not in PRIMARY or case.committed


def _named(status: str | None) -> str:
    return "no status" if status is None else f"status '{status}'"


_ASKED = {
    "C-GET": "asked for by",
    "C-MOVE": "moved by C-MOVE to",
    "copy": "copied by an action to",
}


def story(case: StatusCase) -> str:
    """Return what happened in the case, in words."""
    by = {
        PARTNER: "over a secure connection from a partner",
        STRANGER: "over a secure connection from a stranger",
        PLAIN: "over a plain connection",
    }
    to = {PARTNER: "a partner", STRANGER: "a stranger", PLAIN: "somebody without protection"}
    steps = [f"stored with {_named(case.sent)} {by[case.came]}"]
    if held(case) in PRIMARY:
        steps.append("committed" if case.committed else "not committed")
    steps.append(f"{_ASKED[case.route]} {to[case.asked]}")
    if case.handed:
        steps.append(f"handed over, which was {case.handed}")
    if case.deletion:
        steps.append("told to be deleted")
    got = f"who received {_named(case.returned)}" if case.delivered else "who received nothing"
    return ", ".join(steps) + f", {got}"


@dataclass(frozen=True)
class Rule:
    """One rule: *applies* to a case and is broken by it if *breaks* says how."""

    words: str
    applies: Callable[[StatusCase], bool]
    breaks: Callable[[StatusCase], str]


def _forwarded(case: StatusCase) -> str:
    return "it was forwarded before the commitment was complete" if case.delivered else ""


def _copy(case: StatusCase) -> str:
    if case.returned not in ("NS", "AC"):
        return f"the copy has {_named(case.returned)}, not NS or AC"
    return ""


def _primary(case: StatusCase) -> str:
    if case.returned in PRIMARY:
        return f"a copy with {_named(case.returned)} makes a second holder"
    return ""


def _unmarked(case: StatusCase) -> str:
    if case.returned not in UNMARKED:
        return f"it left with {_named(case.returned)}, not NS or none"
    return ""


def _orphaned(case: StatusCase) -> str:
    if case.returned is None and case.companions:
        return f"it left without a status, but with {', '.join(case.companions)}"
    return ""


def _received(case: StatusCase) -> str:
    if case.returned not in UNMARKED:
        return f"its status was kept as {_named(case.returned)}, not set to NS"
    return ""


def _gone(case: StatusCase) -> bool:
    """Tell whether a partner asked for a primary instance in vain that others of the study came beside."""
    return (
        not case.delivered
        and case.answer == "0000H"
        and case.beside
        and case.asked == PARTNER
        and held(case) in PRIMARY
        and case.committed
    )


def _given_up(case: StatusCase) -> str:
    return "it is gone" if _gone(case) else ""


def _still_primary(case: StatusCase) -> str:
    if case.returned in PRIMARY or (case.sent == "OR" and case.returned == "AC"):
        return f"it is still there with {_named(case.returned)}"
    return ""


def _delivered(came: str, asked: str) -> Callable[[StatusCase], bool]:
    return lambda case: case.delivered and came in ("", case.came) and asked in ("", case.asked)


def _uid(case: StatusCase) -> str:
    return "" if case.uid_kept else "it came back with another SOP Instance UID"


def _values(case: StatusCase) -> str:
    return f"other values were changed: {', '.join(case.changed)}" if case.changed else ""


def _both(*conditions: Callable[[StatusCase], bool]) -> Callable[[StatusCase], bool]:
    return lambda case: all(condition(case) for condition in conditions)


def _holds(*wanted: str | None) -> Callable[[StatusCase], bool]:
    return lambda case: held(case) in wanted


def _copied_at_all(case: StatusCase) -> bool:
    return case.delivered and case.came == PARTNER


RULES: Mapping[str, Rule] = {
    "no-forward-before-commit": Rule(
        "nothing is forwarded before the commitment is complete",
        lambda case: not settled(case) and not case.requested,
        _forwarded,
    ),
    "copy-status": Rule(
        "a copy of an AO or AC instance has status NS or AC",
        _both(_delivered(PARTNER, PARTNER), _holds("AO", "AC")),
        _copy,
    ),
    "single-holder": Rule(
        "no copy has status OR or AO",
        _both(_delivered(PARTNER, PARTNER), _holds("OR", "AO")),
        _primary,
    ),
    "uid": Rule("a copy keeps its SOP Instance UID", _copied_at_all, _uid),
    "to-plain": Rule(
        "without protection the status is NS or absent",
        _delivered(PARTNER, PLAIN),
        _unmarked,
    ),
    "to-stranger": Rule(
        "to a stranger the status is NS or absent",
        _delivered(PARTNER, STRANGER),
        _unmarked,
    ),
    "companions": Rule(
        "where the status is left out, all that belongs to it is left out",
        lambda case: _copied_at_all(case) and case.asked != PARTNER,
        _orphaned,
    ),
    "from-plain": Rule(
        "what came without protection gets status NS", _delivered(PLAIN, PARTNER), _received
    ),
    "from-stranger": Rule(
        "what came from a stranger gets status NS", _delivered(STRANGER, PARTNER), _received
    ),
    "relinquished": Rule(
        "after a confirmed transfer the instance is gone, NS, or AC if it was AO",
        lambda case: case.asked == PARTNER and case.handed == "confirmed" and case.beside,
        _still_primary,
    ),
    "kept-unconfirmed": Rule(
        "without a confirmed commitment the instance is not given up",
        lambda case: case.handed == "unconfirmed" and case.asked == PARTNER and not case.deletion,
        _given_up,
    ),
    "kept-from-deletion": Rule(
        "an OR or AO instance is not deleted",
        lambda case: case.deletion and case.asked == PARTNER and not case.handed,
        _given_up,
    ),
    "values": Rule("no other value changes", lambda case: case.delivered, _values),
}
"""The rules by name; the first letters of a.1.1 that they belong to stand in the profile."""


def broken(case: StatusCase, rule: str) -> str:
    """Return in words how *case* breaks *rule*, empty if it does not or the rule does not apply."""
    found = RULES[rule]
    return found.breaks(case) if found.applies(case) else ""


AFTER: Mapping[str, tuple[str | None, ...]] = {
    "OR": ("gone", "NS", None),
    "AO": ("gone", "NS", "AC", None),
}
"""What a partner may get after a transfer that was confirmed, by the status that was transferred (d.5)."""
