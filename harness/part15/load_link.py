"""One profile file becomes plain values; then everything it names is looked up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from part15 import content
from part15.errors import ContentError, Problem
from part15.load_form import ProfileForm, problems_of
from part15.load_index import FAMILIES
from part15.load_yaml import Document, Place
from part15.model import Level, Status
from part15.registry import did_you_mean

Fault = tuple[Place, str]
"""A mistake at a path inside a profile file."""


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts_of(value: Any) -> list[str]:
    return [item if isinstance(item, str) else "" for item in _list(value)]


def _text(value: Any, default: str = "") -> str:
    return value if isinstance(value, str) else default


def _word(value: Any, words: type[StrEnum], default: str) -> str:
    return value if isinstance(value, str) and value in set(words) else default


def _span(value: Any, default: Sequence[str | None]) -> list[str | None]:
    match value:
        case [str(first), str(last)]:
            return [first, last]
        case [str(first), None]:
            return [first, None]
    return list(default)


def _binding(given: Any, roles: Sequence[str]) -> dict[str, Any]:
    entry = _table(given)
    stimulus = next(iter(_table(entry.get("stimulus")).items()), None)
    return {
        "roles": list(roles),
        "status": _word(entry.get("status"), Status, Status.CHECKED.value),
        "reason": _text(entry.get("reason")),
        "stimulus": [stimulus[0], _table(stimulus[1])] if stimulus else None,
        "check": _text(entry.get("check")),
        "expect": _table(entry.get("expect")),
        "each": _table(entry.get("each")),
        "features": _texts_of(entry.get("features")),
        "part": _text(entry.get("part")),
    }


def _clause(given: Any, editions: Sequence[str | None], line: int) -> dict[str, Any]:
    clause = _table(given)
    roles = _texts_of(clause.get("roles"))
    bound = _list(clause.get("bind"))
    texts = ("id", "section", "text", "how", "negative", "hint", "group", "notes")
    return {
        **{name: _text(clause.get(name)) for name in texts},
        "level": _word(clause.get("level"), Level, Level.SHALL.value),
        "roles": roles,
        "editions": _span(clause.get("editions"), editions),
        "bindings": [_binding(b, _texts_of(_table(b).get("roles"))) for b in bound]
        or [_binding(clause, roles)],
        "depends": _texts_of(clause.get("depends")),
        "derived": clause.get("derived") is True,
        "readings": _texts_of(clause.get("readings")),
        "data": _table(clause.get("data")),
        "level_in": _table(clause.get("level_in")),
        "line": line,
    }


def _include(given: Any, editions: Sequence[str | None]) -> dict[str, Any]:
    include = _table(given)
    return {
        "profile": _text(include.get("profile")),
        "editions": _span(include.get("editions"), editions),
        "advisory": include.get("advisory") is True,
        "only": _texts_of(include.get("only")),
    }


def plain_profile(document: Document, family: str = "") -> tuple[dict[str, Any], list[Problem]]:
    """Return the profile in *document* as plain values, and every mistake of its form.

    *family* is that of its folder, if it is one of ours. What has a mistake is left at its
    default, so that the rest can be looked at too.
    """
    problems = list(document.problems)
    if not isinstance(document.value, dict):
        problems.append(document.problem((), "a profile is a table that begins with 'profile: ID'"))
    value = _table(document.value)
    if not problems or value:
        try:
            ProfileForm.model_validate(value)
        except ValidationError as error:
            problems += problems_of(document, error)
    editions = _span(value.get("editions"), ("2001", None))
    given = _text(value.get("family"))
    if family and given not in ("", family):
        problems.append(
            document.problem(("family",), f"the file is in the folder of the family {family}")
        )
    plain = {
        **{name: _text(value.get(name)) for name in ("title", "section")},
        "id": _text(value.get("profile")),
        "family": family or given,
        "editions": editions,
        "roles": _texts_of(value.get("roles")),
        "include": [_include(i, editions) for i in _list(value.get("include"))],
        "claimable": value.get("claimable") is not False,
        "source": document.file,
        "policy": value.get("policy") is True,
        "clauses": [
            _clause(c, editions, document.values["clauses", n][0])
            for n, c in enumerate(_list(value.get("clauses")))
        ],
    }
    problems += [located(document, fault) for fault in (*_spans(plain), *_roles_once(value))]
    return plain, problems


def _spans(plain: Mapping[str, Any]) -> Iterator[Fault]:
    places: list[tuple[Place, Any]] = [(("editions",), plain["editions"])]
    places += [
        ((key, n, "editions"), item["editions"])
        for key in ("include", "clauses")
        for n, item in enumerate(plain[key])
    ]
    for path, (first, last) in places:
        if last is not None and last < first:
            yield path, f"the last edition {last} is before the first {first}"


def _roles_once(value: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield where ``bind`` does not cover each role of a clause exactly once, for one part of it."""
    for n, clause in enumerate(map(_table, _list(value.get("clauses")))):
        name, roles = _text(clause.get("id")), _texts_of(clause.get("roles"))
        covered: set[tuple[str, str]] = set()
        for m, entry in enumerate(_list(clause.get("bind"))):
            part = _text(_table(entry).get("part"))
            for k, role in enumerate(_texts_of(_table(entry).get("roles"))):
                path = ("clauses", n, "bind", m, "roles", k)
                if role not in roles:
                    yield path, f"'{role}' is no role of {name}{did_you_mean(role, roles)}"
                elif (role, part) in covered:
                    yield path, f"the role '{role}' of {name} is bound twice"
                covered.add((role, part))
        left = [role for role in roles if role not in {r for r, _ in covered}]
        if left and clause.get("bind"):
            yield (
                ("clauses", n, "bind"),
                f"nothing is bound for the role {', '.join(left)} of {name}",
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


def faults(plain: Mapping[str, Any], names: Names) -> Iterator[Fault]:
    """Yield what *plain* refers to that does not exist."""
    for n, role in enumerate(plain["roles"]):
        if role and role not in names.claimable:
            hint = did_you_mean(role, names.claimable)
            yield ("roles", n), f"'{role}' is no role that a target may claim{hint}"
    for n, include in enumerate(plain["include"]):
        if include["profile"] and include["profile"] not in names.profiles:
            hint = did_you_mean(include["profile"], names.profiles)
            yield ("include", n, "profile"), f"there is no profile '{include['profile']}'{hint}"
        other = names.profiles.get(include["profile"], {"clauses": ()})
        for k, start in enumerate(include["only"]):
            if other["clauses"] and not any(c["id"].startswith(start) for c in other["clauses"]):
                yield ("include", n, "only", k), f"no clause of {other['id']} begins with '{start}'"
    if plain["family"] not in FAMILIES:
        yield ("profile",), f"add 'family:', one of {', '.join(FAMILIES)}"
    for n, clause in enumerate(plain["clauses"]):
        for path, message in _clause_faults(clause, names):
            yield ("clauses", n, *path), message


def _clause_faults(clause: Mapping[str, Any], names: Names) -> Iterator[Fault]:
    for n, role in enumerate(clause["roles"]):
        if role and role not in names.roles:
            yield (
                ("roles", n),
                f"the role '{role}' is in no claim of profiles/roles.yaml{did_you_mean(role, names.roles)}",
            )
    for n, other in enumerate(clause["depends"]):
        known = names.profiles if other.startswith("profile:") else names.clauses
        wanted = other.removeprefix("profile:")
        if wanted and wanted not in known:
            yield ("depends", n), f"there is no {wanted}{did_you_mean(wanted, known)}"
    for n, reading in enumerate(clause["readings"]):
        if reading and reading not in names.readings:
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
        if slot not in binding["each"] and slot != "edition":
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
        if plain["id"] and plain["id"] in profiles:
            yield (
                file,
                (
                    ("profile",),
                    f"the profile '{plain['id']}' exists already in {profiles[plain['id']]}",
                ),
            )
        profiles.setdefault(plain["id"], file)
        for n, clause in enumerate(plain["clauses"]):
            if clause["id"] and clause["id"] in clauses:
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
