"""From required action, Type in the IOD and outcome to what is to be said (PS3.15 E.1.1, Table E.1-1a).

Outcomes: ``absent``, ``empty``, ``kept`` (the value of the original), ``changed``, ``present`` (a value,
no original to compare with), ``items`` (a sequence whose contents are judged row by row).
Weights, best first: ``ok``, ``note``, ``open`` (not decidable from what is there), ``warn``, ``fail``.
"""

from __future__ import annotations

from typing import NamedTuple

from part15.wire.deid_rules import Rule

WEIGHTS = ("ok", "note", "open", "warn", "fail")

LEFT = "left"
REPLACED = "replaced-not-removed"
EMPTIED = "emptied-not-removed"
EMPTY = "empty"
MISSING = "missing"
NOT_KEPT = "not-kept"
UNSURE = "unsure"
PRIVATE = "private"
INVALID = "invalid"
CANARY = "canary"

_MANDATORY = ("1", "2")
_OPTIONAL = ("3", "")
_REPLACING = ("D", "Z", "U")


class Said(NamedTuple):
    """The deviation (empty: none), its weight, and the action and column it is measured by."""

    kind: str
    weight: str
    action: str
    column: str


_OK = ("", "ok")


def _absent(action: str, type_: str, known_iod: bool) -> tuple[str, str]:
    if action in ("X", "P"):
        return _OK
    if type_ in _MANDATORY and known_iod and action != "C":
        # The code names removal: what it does to the IOD is judged by E.1.1-iod-integrity, a should.
        return MISSING, "warn" if action.startswith("X") else "fail"
    return (MISSING, "note") if action in _REPLACING else _OK


def _empty(action: str, type_: str, known_iod: bool) -> tuple[str, str]:
    letters = action.rstrip("*").split("/")
    if action == "X":
        return (EMPTIED, "warn" if type_ == "2" else "fail")
    if action in ("D", "U") or ("D" in letters and type_ == "1"):
        return EMPTY, "fail"
    if "X" in letters and type_ in _OPTIONAL and known_iod:
        return EMPTIED, "warn"
    return _OK


def _changed(action: str, type_: str, known_iod: bool) -> tuple[str, str]:
    if action == "X":
        return REPLACED, "fail"
    if action.startswith("X/") and type_ in _OPTIONAL and known_iod:
        return REPLACED, "warn"
    return _OK


def _kept_by_option(action: str, outcome: str, retained: bool) -> tuple[str, str]:
    """Judge K and C, the codes of options."""
    if outcome == "present":
        return UNSURE, "open"
    if outcome in ("kept", "items"):
        return (UNSURE, "open") if action == "C" and outcome == "kept" else _OK
    if action == "K":
        return NOT_KEPT, "fail"
    if outcome in ("absent", "empty") and retained:
        return NOT_KEPT, "fail"
    return _OK


def _single(
    action: str, type_: str, outcome: str, known_iod: bool, retained: bool
) -> tuple[str, str]:
    if action in ("K", "C"):
        return _kept_by_option(action, outcome, retained)
    if outcome == "absent":
        return _absent(action, type_, known_iod)
    if outcome == "empty":
        return _empty(action, type_, known_iod)
    if outcome == "kept":
        return LEFT, "fail"
    if outcome == "present" and action != "X":
        return UNSURE, "open"
    return _changed(action, type_, known_iod)


def said(rule: Rule, type_: str, outcome: str, *, known_iod: bool = True) -> Said:
    """Return the mildest of what the actions of *rule* say about *outcome*.

    *type_* is that of the output's IOD (``deid_types``); with *known_iod* False nothing is held
    against an attribute for being optional there.
    """
    found: list[Said] = []
    for action, column in zip(rule.actions, rule.columns, strict=True):
        retained = column.startswith("retain-")
        kind, weight = _single(action, type_, outcome, known_iod, retained)
        found.append(Said(kind, weight, action, column))
    return min(found, key=lambda each: WEIGHTS.index(each.weight))
