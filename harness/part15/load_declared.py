"""Misspelt keys under ``[declared]``: what nothing reads, though something of nearly that name is read."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from part15.errors import Problem
from part15.model import Profile
from part15.target import Target
from part15.toml_lines import key_lines, line_of

STATEMENT = "statement.read"
OTHERS = (
    "ul.artim_seconds",
    "user_identity.types",
    "oes.link",
    "association.checks",
    "association.most",
)
"""Keys that drivers read beside those of the statement clauses."""
NEAR = 0.75


def declared_keys(profiles: Mapping[str, Profile]) -> dict[str, set[str]]:
    """Return the keys that are read, by table: of the statement clauses and of the drivers."""
    dotted = set(OTHERS)
    for profile in profiles.values():
        for clause in profile.clauses:
            claimed = clause.data.get("claim", ())
            dotted |= {claimed} if isinstance(claimed, str) else set(claimed)
            for binding in clause.bindings:
                if binding.stimulus is not None and binding.stimulus.kind == STATEMENT:
                    dotted |= set(binding.stimulus.args.get("keys", ()))
    tables: dict[str, set[str]] = {}
    for name in dotted:
        table, _, key = name.partition(".")
        tables.setdefault(table.removesuffix("[]"), set()).add(key)
    return tables


def declared_problems(
    target: Target, text: str, source: str, profiles: Mapping[str, Profile]
) -> Iterator[Problem]:
    """Yield each table and key under ``[declared]`` of *target* that is nearly one that is read.

    What has no near name is left alone: a vendor may declare more than is tested.
    """
    tables, lines = declared_keys(profiles), key_lines(text)

    def misspelt(path: tuple[str, ...], near: str) -> Problem:
        told = ".".join(("declared", *path))
        message = f"{told}: nothing reads this; did you mean '{near}'?"
        return Problem(source, line_of(lines, ("declared", *path)), None, message)

    for name, table in target.declared.items():
        if name not in tables:
            near = _near(name, tables)
            if near:
                yield misspelt((name,), near)
        elif isinstance(table, Mapping):
            for key in table:
                near = "" if key in tables[name] else _near(str(key), tables[name])
                if near:
                    yield misspelt((name, str(key)), near)


def _near(name: str, known: Any) -> str:
    return next(iter(difflib.get_close_matches(name, sorted(known), n=1, cutoff=NEAR)), "")
