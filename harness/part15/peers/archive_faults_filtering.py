"""Faults of the embedded archive in filtering what each user may see: rules of a site, not of PS3.15."""

from __future__ import annotations

import dataclasses
from typing import Any

from part15.peers.archive_access import Access
from part15.peers.faults import Fault

ACCESS = Access({"alice": ("WARD A", "COMMON"), "bob": ("WARD B", "COMMON")})
"""Two users, a ward of each, and a department that both may see."""
_RULE = "site-query-filtering-{}"


def _fault(name: str, text: str, flips: tuple[str, ...], why: str, **changes: Any) -> Fault:
    access = dataclasses.replace(ACCESS, **changes)
    rules = tuple(_RULE.format(rule) for rule in flips)
    return Fault(name, text, rules, why, "filtering", {"access": access}, "association-acceptor")


def _leak(name: str, text: str, way: str) -> Fault:
    return _fault(name, text, ("find", "nobody"), "no query is exempt", leaks=(way,))


FILTERING = (
    Fault(
        "filters_nothing",
        "lets every user see everything",
        tuple(_RULE.format(rule) for rule in ("find", "get", "move", "counts", "nobody")),
        "users see what is declared for them",
        "filtering",
        {"access": None},
        "association-acceptor",
    ),
    _fault(
        "filters_retrievals_only",
        "leaves C-FIND without a filter",
        ("find", "nobody"),
        "C-FIND is filtered",
        open=("C-FIND",),
    ),
    _fault(
        "filters_find_but_not_get",
        "leaves C-GET without a filter",
        ("get", "nobody"),
        "C-GET is filtered",
        open=("C-GET",),
    ),
    _fault(
        "filters_find_but_not_move",
        "leaves C-MOVE without a filter",
        ("move", "nobody"),
        "C-MOVE is filtered",
        open=("C-MOVE",),
    ),
    _leak(
        "leaks_by_wildcard", "shows everything that a wildcard for a patient matches", "wildcard"
    ),
    _leak("leaks_by_study_uid", "shows every study whose UID is known", "study UID"),
    _leak("leaks_by_uid_list", "shows every study in a list of UIDs", "list"),
    _leak("leaks_patients", "shows every patient at the level PATIENT", "PATIENT"),
    _leak("leaks_series", "shows every series at the level SERIES", "SERIES"),
    _leak("leaks_instances", "shows every instance at the level IMAGE", "IMAGE"),
    _fault(
        "counts_hidden_studies",
        "counts studies and instances that may not be seen among the related ones",
        ("counts",),
        "a count tells what there is",
        counts_all=True,
    ),
    _fault(
        "counts_hidden_suboperations",
        "counts instances that may not be seen among the failed sub-operations",
        ("counts", "existence"),
        "a count tells what there is, and so does the status that goes with it",
        counts_failed=True,
    ),
    _fault(
        "tells_forbidden_apart",
        "answers with 0124H (Refused: Not Authorized) for what may not be seen",
        ("existence",),
        "a study UID that somebody has come by is not confirmed",
        forbidden=0x0124,
    ),
    _fault(
        "shows_nobody_everything",
        "lets who shows no user see everything",
        ("nobody",),
        "without a user only public studies are seen",
        nobody=True,
    ),
    Fault(
        "takes_wrong_passcodes",
        "takes a user for who they say they are, whatever the passcode",
        (_RULE.format("wrong-credential"),),
        "a wrong credential shows no more than none",
        "filtering",
        {"access": ACCESS, "verifies": False},
        "association-acceptor",
    ),
)
