"""One profile file becomes plain values; then everything it names is looked up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from part15 import content
from part15.errors import ContentError, Problem
from part15.load_form import BindForm, ClauseForm, ProfileForm, problems_of
from part15.load_index import FAMILIES
from part15.load_yaml import Document, Place
from part15.registry import did_you_mean


def _binding(form: BindForm, roles: Sequence[str]) -> dict[str, Any]:
    stimulus = next(iter(form.stimulus.items())) if form.stimulus else None
    return {
        "roles": list(roles),
        "status": form.status or "checked",
        "reason": form.reason,
        "stimulus": [stimulus[0], stimulus[1] or {}] if stimulus else None,
        "check": form.check or "",
        "expect": form.expect,
        "each": form.each,
        "features": form.features,
    }


def _clause(form: ClauseForm, profile: ProfileForm, line: int) -> dict[str, Any]:
    bindings = [_binding(b, b.roles) for b in form.bind] or [_binding(form, form.roles)]
    return {
        "id": form.id,
        "section": form.section,
        "level": form.level.value,
        "roles": form.roles,
        "editions": list(form.editions or profile.editions),
        "text": form.text,
        "bindings": bindings,
        "how": form.how,
        "negative": form.negative,
        "hint": form.hint,
        "group": form.group,
        "depends": form.depends,
        "derived": form.derived,
        "notes": form.notes,
        "readings": form.readings,
        "data": form.data,
        "level_in": {k: v.value for k, v in form.level_in.items()},
        "line": line,
    }


def plain_profile(document: Document, family: str = "") -> dict[str, Any]:
    """Return the profile in *document* as plain values; *family* is that of its folder, if it is ours.

    Raises ContentError with every mistake of its form.
    """
    problems = list(document.problems)
    if not isinstance(document.value, dict):
        raise ContentError(
            *problems, document.problem((), "a profile is a table that begins with 'profile: ID'")
        )
    try:
        form = ProfileForm.model_validate(document.value)
    except ValidationError as error:
        found = {*problems, *problems_of(document, error)}
        raise ContentError(
            *sorted(found, key=lambda p: (p.line or 0, p.column or 0, p.message))
        ) from None
    problems += _spans(document, form)
    if family and form.family and form.family != family:
        problems.append(
            document.problem(("family",), f"the file is in the folder of the family {family}")
        )
    problems += _roles_once(document, form)
    if problems:
        raise ContentError(*problems)
    return {
        "id": form.profile,
        "title": form.title,
        "section": form.section,
        "family": family or form.family or "",
        "editions": list(form.editions),
        "roles": form.roles,
        "include": [
            {
                "profile": i.profile,
                "editions": list(i.editions or form.editions),
                "advisory": i.advisory,
            }
            for i in form.include
        ],
        "claimable": form.claimable,
        "source": document.file,
        "clauses": [
            _clause(c, form, document.values["clauses", n][0]) for n, c in enumerate(form.clauses)
        ],
    }


def _spans(document: Document, form: ProfileForm) -> Iterator[Problem]:
    spans: list[tuple[Place, tuple[str, str | None] | None]] = [(("editions",), form.editions)]
    spans += [(("include", n, "editions"), i.editions) for n, i in enumerate(form.include)]
    spans += [(("clauses", n, "editions"), c.editions) for n, c in enumerate(form.clauses)]
    for path, span in spans:
        if span is not None and span[1] is not None and span[1] < span[0]:
            yield document.problem(
                path, f"the last edition {span[1]} is before the first {span[0]}"
            )


def _roles_once(document: Document, form: ProfileForm) -> Iterator[Problem]:
    """Yield where ``bind`` does not cover each role of a clause exactly once."""
    for n, clause in enumerate(form.clauses):
        if not clause.bind:
            continue
        covered: set[str] = set()
        for m, entry in enumerate(clause.bind):
            path = ("clauses", n, "bind", m, "roles")
            for k, role in enumerate(entry.roles):
                if role not in clause.roles:
                    yield document.problem(
                        (*path, k),
                        f"'{role}' is no role of {clause.id}{did_you_mean(role, clause.roles)}",
                    )
                elif role in covered:
                    yield document.problem(
                        (*path, k), f"the role '{role}' of {clause.id} is bound twice"
                    )
                covered.add(role)
        left = [role for role in clause.roles if role not in covered]
        if left:
            yield document.problem(
                ("clauses", n, "bind"),
                f"nothing is bound for the role {', '.join(left)} of {clause.id}",
            )


class Names:
    """What a profile may refer to: profiles, clauses, roles, readings."""

    def __init__(
        self, plains: Iterable[Mapping[str, Any]], claimable: Iterable[str], roles: Iterable[str]
    ) -> None:
        every = list(plains)
        self.profiles = {p["id"]: p for p in every}
        self.clauses = {c["id"] for p in every for c in p["clauses"]}
        self.claimable = set(claimable)
        self.roles = set(roles)
        self.readings = set(content.table("readings"))


Fault = tuple[Place, str]
"""A mistake at a path inside a profile file."""


def faults(plain: Mapping[str, Any], names: Names) -> Iterator[Fault]:
    """Yield what *plain* refers to that does not exist."""
    for n, role in enumerate(plain["roles"]):
        if role not in names.claimable:
            hint = did_you_mean(role, names.claimable)
            yield ("roles", n), f"'{role}' is no role that a target may claim{hint}"
    for n, include in enumerate(plain["include"]):
        if include["profile"] not in names.profiles:
            hint = did_you_mean(include["profile"], names.profiles)
            yield ("include", n, "profile"), f"there is no profile '{include['profile']}'{hint}"
    if plain["family"] not in FAMILIES:
        yield ("profile",), f"add 'family:', one of {', '.join(FAMILIES)}"
    for n, clause in enumerate(plain["clauses"]):
        for path, message in _clause_faults(clause, names):
            yield ("clauses", n, *path), message


def _clause_faults(clause: Mapping[str, Any], names: Names) -> Iterator[Fault]:
    for n, role in enumerate(clause["roles"]):
        if role not in names.roles:
            yield (
                ("roles", n),
                f"the role '{role}' is in no claim of profiles/roles.yaml{did_you_mean(role, names.roles)}",
            )
    for n, other in enumerate(clause["depends"]):
        known = names.profiles if other.startswith("profile:") else names.clauses
        wanted = other.removeprefix("profile:")
        if wanted not in known:
            yield ("depends", n), f"there is no {wanted}{did_you_mean(wanted, known)}"
    for n, reading in enumerate(clause["readings"]):
        if reading not in names.readings:
            yield ("readings", n), f"there is no reading {reading} in profiles/tables/readings.json"
    for other in clause["level_in"]:
        if other not in names.profiles:
            yield (
                ("level_in", other),
                f"there is no profile '{other}'{did_you_mean(other, names.profiles)}",
            )
    for n, binding in enumerate(clause["bindings"]):
        for path, message in _binding_faults(binding):
            yield ("bind", n, *path), message


def _binding_faults(binding: Mapping[str, Any]) -> Iterator[Fault]:
    places: list[tuple[Place, Any]] = [
        (("expect",), binding["expect"]),
        (("each",), binding["each"]),
    ]
    if binding["stimulus"]:
        places.append((("stimulus", binding["stimulus"][0]), binding["stimulus"][1]))
    for path, value in places:
        yield from _table_faults(path, value)
    for path, slot in _slots(("expect",), binding["expect"]):
        if slot not in binding["each"]:
            yield (
                path,
                f"'${{{slot}}}' is not a parameter of 'each'{did_you_mean(slot, binding['each'])}",
            )


def _table_faults(path: Place, value: Any) -> Iterator[Fault]:
    for place, text in _texts(path, value):
        if text.startswith("table:"):
            try:
                content.table(text[6:])
            except ContentError:
                yield (
                    place,
                    f"there is no table '{text[6:]}' in profiles/tables{did_you_mean(text[6:], _tables())}",
                )


def _tables() -> list[str]:
    return [path.stem for path in (content.folder("profiles") / "tables").glob("*.json")]


def _texts(path: Place, value: Any) -> Iterator[tuple[Place, str]]:
    """Yield every text inside *value* with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts((*path, key), item)
    elif isinstance(value, list):
        for n, item in enumerate(value):
            yield from _texts((*path, n), item)


def _slots(path: Place, value: Any) -> Iterator[tuple[Place, str]]:
    for place, text in _texts(path, value):
        if text.startswith("${") and text.endswith("}"):
            yield place, text[2:-1]


def located(document: Document, fault: Fault) -> Problem:
    """Return *fault* as a problem at its place in *document*; a clause without ``bind`` is its own binding."""
    path, message = fault
    if len(path) > 3 and path[2] == "bind" and (*path[:3],) not in document.values:
        path = (*path[:2], *path[4:])
    return document.problem(path, message, key=bool(path) and path[-1] == "expect")


def twice(plains: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Fault]]:
    """Yield the file and the place of each profile or clause id that another file has already."""
    profiles: dict[str, str] = {}
    clauses: dict[str, str] = {}
    for plain in plains:
        file = plain["source"]
        if plain["id"] in profiles:
            yield (
                file,
                (
                    ("profile",),
                    f"the profile '{plain['id']}' exists already in {profiles[plain['id']]}",
                ),
            )
        profiles.setdefault(plain["id"], file)
        for n, clause in enumerate(plain["clauses"]):
            if clause["id"] in clauses:
                message = (
                    f"the clause id '{clause['id']}' exists already in {clauses[clause['id']]}"
                )
                yield file, (("clauses", n, "id"), message)
            clauses.setdefault(clause["id"], file)


def plain_roles(document: Document) -> dict[str, Any]:
    """Return ``roles.yaml`` as plain values. Raises ContentError."""
    value = document.value
    problems = list(document.problems)
    if not isinstance(value, dict):
        raise ContentError(
            document.problem((), "the role table has 'every_claim', 'roles' and 'nobody'")
        )
    problems += [
        document.problem((key,), f"'{key}' is a list of roles")
        for key in ("every_claim", "nobody")
        if not _is_names(value.get(key))
    ]
    roles = value.get("roles")
    if not isinstance(roles, dict) or not all(_is_names(v) for v in roles.values()):
        problems.append(
            document.problem(("roles",), "'roles' maps each claimable role to a list of roles")
        )
    problems += [
        document.problem((key,), f"'{key}' is not a key of the role table", key=True)
        for key in value
        if key not in ("every_claim", "nobody", "roles")
    ]
    if problems:
        raise ContentError(*problems)
    return {"every_claim": value["every_claim"], "nobody": value["nobody"], "roles": roles}


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
