"""Profiles, roles and readings: YAML and JSON of ``profiles/`` become the nouns; every problem at once.

Built-in profiles come from a JSON index (``load_index``); YAML is read only after a change, for
profiles of a site, and to say where a problem stands.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from part15 import content, load_index
from part15.errors import ContentError, InputError, Problem
from part15.load_index import FAMILIES
from part15.model import Profile

ROLES = "roles.yaml"


def _sources() -> dict[str, bytes]:
    """Return the YAML files of ``profiles/`` by relative name, families in their order."""
    root = content.folder("profiles")
    found = {ROLES: (root / ROLES).read_bytes()}
    for family in FAMILIES:
        for path in sorted((root / family).glob("*.yaml")):
            found[f"{family}/{path.name}"] = path.read_bytes()
    return found


def profiles_digest() -> str:
    """Return the SHA-256 over the contents of every built-in profile; goes into reports."""
    return load_index.digest_of(_sources())


def _shown(name: str) -> str:
    return f"profiles/{name}"


def _entry(name: str, data: bytes) -> tuple[dict[str, Any], list[Problem]]:
    """Return the plain form of one file of ``profiles/`` and its mistakes."""
    from part15.load_link import plain_profile, plain_roles
    from part15.load_yaml import parse

    document = parse(data, f"profiles/{name}")
    if name == ROLES:
        return plain_roles(document), []
    return plain_profile(document, name.partition("/")[0])


def _built(sources: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the plain form of all *sources*, read anew where they changed. Raises ContentError."""
    old = load_index.reusable()
    entries: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, data in sources.items():
        digest = load_index.entry_digest(data)
        kept = old.get(name)
        if isinstance(kept, dict) and kept.get("digest") == digest and "plain" in kept:
            entries[name] = kept
            continue
        try:
            plain, mistakes = _entry(name, data)
        except ContentError as error:
            problems += error.problems
            continue
        entries[name] = {"digest": digest, "plain": plain}
        problems += mistakes
    if ROLES in entries:
        plains = {name: entry["plain"] for name, entry in entries.items()}
        problems += _located(_linked(plains.pop(ROLES), plains.values()), sources)
    if problems:
        raise ContentError(*_sorted(problems))
    return entries


def _sorted(problems: Iterable[Problem]) -> list[Problem]:
    return sorted(set(problems), key=lambda p: (p.file, p.line or 0, p.column or 0, p.message))


@functools.cache
def _index(key: str) -> dict[str, Any]:
    """Return the plain form of ``profiles/`` by file name; *key* is that of its present contents."""
    entries = load_index.stored(key)
    if entries is None:
        sources = _sources()
        entries = _built(sources)
        load_index.keep(load_index.key_of(sources), entries)
    return {name: entry["plain"] for name, entry in entries.items()}


def _linked(roles: Mapping[str, Any], plains: Iterable[Mapping[str, Any]]) -> list[tuple[str, Any]]:
    """Return every dangling name and double id in *plains*, as file and fault."""
    from part15.load_link import Names, faults, twice

    every = list(plains)
    table = _expanded(roles)
    reachable = {role for answers in table.values() for role in answers} | set(roles["nobody"])
    names = Names(every, table, reachable)
    found = list(twice(every))
    return found + [(plain["source"], fault) for plain in every for fault in faults(plain, names)]


def _located(found: Iterable[tuple[str, Any]], sources: Mapping[str, bytes]) -> list[Problem]:
    from part15.load_link import located
    from part15.load_yaml import Document, parse

    documents: dict[str, Document] = {}
    problems = []
    for file, fault in found:
        if file not in documents:
            data = sources.get(file.removeprefix("profiles/"))
            documents[file] = parse(Path(file).read_bytes() if data is None else data, file)
        problems.append(located(documents[file], fault))
    return _sorted(problems)


def _builtin() -> dict[str, Any]:
    return _index(load_index.key_of(_sources()))


def _expanded(roles: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    always = roles["every_claim"]
    return {claimed: (*answers, *always) for claimed, answers in roles["roles"].items()}


def load_roles() -> dict[str, tuple[str, ...]]:
    """Return the role table: a claimable role and the clause roles it answers for, statement roles included."""
    return _expanded(_builtin()[ROLES])


def load_readings() -> dict[str, dict[str, str]]:
    """Return the register of readings: id (``T-10``) to ``problem`` and ``reading``."""
    found: dict[str, dict[str, str]] = content.table("readings")
    return found


@functools.cache
def _models(key: str) -> dict[str, Profile]:
    plains = [plain for name, plain in _index(key).items() if name != ROLES]
    return {plain["id"]: load_index.profile_from(plain) for plain in plains}


def load_profiles(paths: Sequence[Path] = ()) -> dict[str, Profile]:
    """Return the built-in profiles by id, and those of a site in the YAML files *paths*.

    Raises ContentError with every problem of every file: form, dangling names, double ids. Whether
    checks and drivers fit is a matter of :func:`bind_problems`.
    """
    profiles = dict(_models(load_index.key_of(_sources())))
    if not paths:
        return profiles
    plains, problems = _site(paths)
    if problems:
        raise ContentError(*problems)
    return profiles | {plain["id"]: load_index.profile_from(plain) for plain in plains}


def _site(paths: Sequence[Path]) -> tuple[list[dict[str, Any]], list[Problem]]:
    """Return the plain profiles of a site, and every mistake in their form and their names."""
    from part15.load_link import plain_profile
    from part15.load_yaml import read

    problems: list[Problem] = []
    plains = []
    for path in paths:
        try:
            plain, mistakes = plain_profile(read(path))
        except ContentError as error:
            problems += error.problems
            continue
        plains.append(plain)
        problems += mistakes
    files = _builtin()
    ours = [plain for name, plain in files.items() if name != ROLES]
    families = {p["id"]: p["family"] for p in ours if p["id"] != "general"}
    for plain in plains:
        included = [families[i["profile"]] for i in plain["include"] if i["profile"] in families]
        plain["family"] = plain["family"] or next(iter(included), "")
    mine = {plain["source"] for plain in plains}
    found = [fault for fault in _linked(files[ROLES], [*ours, *plains]) if fault[0] in mine]
    return plains, _sorted([*problems, *_located(found, {})])


def load_profile(path: Path) -> Profile:
    """Return the one profile in the YAML file *path*. Raises ContentError with every problem of it."""
    plain, problems = _one(path)
    if problems or plain is None:
        raise ContentError(*problems)
    return load_index.profile_from(plain)


def _one(path: Path) -> tuple[dict[str, Any] | None, list[Problem]]:
    """Return the plain profile in *path*, built-in or not, and its problems."""
    root = content.folder("profiles").resolve()
    if path.resolve().is_relative_to(root):
        plain = _builtin().get(path.resolve().relative_to(root).as_posix())
        if plain is None or "clauses" not in plain:
            return None, [Problem(str(path), None, None, "is no profile file")]
        return plain, []
    plains, problems = _site([path])
    return (plains[0] if plains else None), problems


def bind_problems(profiles: Mapping[str, Profile]) -> tuple[Problem, ...]:
    """Return what in *profiles* does not fit the checks and drivers: names, arguments, observations.

    Imports every check and driver.
    """
    from part15.load_bind import profile_faults

    found = [(p.source, fault) for p in profiles.values() for fault in profile_faults(p)]
    return tuple(_located(found, _sources())) if found else ()


def profile_schema() -> dict[str, Any]:
    """Return the JSON Schema of a profile file."""
    from part15 import load_form

    return load_form.profile_schema()


def lint(path: Path) -> tuple[Problem, ...]:
    """Return every problem of *path*: a profile (with its checks and drivers) or a target.

    A file that is neither ``.toml`` nor ``.yaml`` is a profile if a line of it begins with ``profile:``.
    """
    try:
        if _is_profile(path):
            plain, problems = _one(path)
            profile = load_index.profile_from(plain) if plain else None
            return tuple(
                _sorted([*problems, *(bind_problems({profile.id: profile}) if profile else ())])
            )
        from part15.load_declared import declared_problems
        from part15.target_file import load_target

        target = load_target(path)
        text = path.read_text(encoding="utf-8")
        return tuple(declared_problems(target, text, str(path), load_profiles()))
    except InputError as error:
        return error.problems
    return ()


def _is_profile(path: Path) -> bool:
    if path.suffix in (".yaml", ".yml", ".toml"):
        return path.suffix != ".toml"
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ContentError(
            Problem(str(path), None, None, f"cannot be read: {error.strerror}")
        ) from None
    return any(line.startswith("profile:") for line in text.splitlines())
