"""Reading a target file: TOML to :class:`~part15.target.Target`, every problem at once, with its line."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from part15.errors import Problem, TargetError
from part15.target import (
    Assumption,
    Attestation,
    ClaimTable,
    Endpoint,
    Limits,
    Listener,
    Media,
    Product,
    Target,
    Waiver,
)
from part15.target_identity import Identity
from part15.target_studies import Study, study_problems
from part15.target_users import User
from part15.toml_lines import key_lines, line_of

VERBS = (
    "start",
    "stop",
    "reset",
    "create",
    "authorize",
    "copy",
    "correct",
    "transfer",
    "commit",
    "delete",
    "login-fail",
    "export",
    "query",
)
"""What a stimulus may ask of the SUT by a command of ``[actions]``."""


def _near(word: str, words: list[str]) -> str:
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.5)
    return f"; did you mean '{near[0]}'?" if near else ""


def _fields_at(path: tuple[str | int, ...]) -> list[str]:
    """Return the keys that the table at *path* may have."""
    tables: dict[str, type[BaseModel]] = {
        "target": Product,
        "limits": Limits,
        "media": Media,
        "waivers": Waiver,
        "attestations": Attestation,
        "assumptions": Assumption,
        "claims": ClaimTable,
        "endpoints": Endpoint,
        "listeners": Listener,
        "users": User,
        "studies": Study,
    }
    if not path:
        return list(Target.model_fields)
    if "identity" in path or "identities" in path:
        return list(Identity.model_fields)
    model = tables.get(str(path[0]))
    return list(model.model_fields) if model else []


def _message(error: Mapping[str, Any]) -> str:
    place = ".".join(str(p) for p in error["loc"])
    kind = error["type"]
    if kind == "extra_forbidden":
        key = str(error["loc"][-1])
        return f"'{place}' is not a key of a target file{_near(key, _fields_at(error['loc'][:-1]))}"
    if kind == "missing":
        return f"'{place}' is missing; it is mandatory"
    return f"'{place}': {str(error['msg']).removeprefix('Value error, ')}"


_PATHS = ("trust", "certificate", "folder", "originals")


def _absolute(table: Any, folder: Path, key: str = "") -> Any:
    """Return *table* with the paths below it made absolute against *folder*."""
    if isinstance(table, dict):
        return {k: _absolute(v, folder, k) for k, v in table.items()}
    if isinstance(table, list):
        return [_absolute(v, folder, key) for v in table]
    if not isinstance(table, str) or not table:
        return table
    if key in (*_PATHS, "intermediates", "crls"):
        return str(folder / table)
    if key == "binding" and table.endswith((".yaml", ".yml")):
        return str(folder / table)
    if key in ("key", "cache", "keytab") and not table.startswith(("env:", "file:")):
        return str(folder / table)
    if table.startswith("file:"):
        return f"file:{folder / table[5:]}"
    return table


def parse_target(
    document: Mapping[str, Any],
    *,
    source: str = "",
    text: str = "",
    folder: Path | None = None,
    stored: bool = False,
) -> Target:
    """Return the target that *document* describes; every problem at once.

    A *stored* target is the copy in a run folder: what it points to need not be there any more.
    Raises TargetError with file and line.
    """
    lines = key_lines(text)
    place = (folder or Path.cwd()).resolve()
    prepared = {
        k: _absolute(v, place) if k in ("endpoints", "listeners", "media", "users") else v
        for k, v in document.items()
    }
    for group in ("endpoints", "listeners"):
        named = prepared.get(group)
        if isinstance(named, dict):
            prepared[group] = {
                k: {**v, "id": k} if isinstance(v, dict) else v for k, v in named.items()
            }
    try:
        target = Target.model_validate(prepared)
    except ValidationError as error:
        raise TargetError(
            *sorted(
                {
                    Problem(source, line_of(lines, e["loc"]), None, _message(e))
                    for e in error.errors()
                },
                key=lambda p: (p.line or 0, p.message),
            )
        ) from None
    problems = () if stored else tuple(_dangling(target, source, lines))
    if problems:
        raise TargetError(*problems)
    return target.located(place, source)


def _dangling(
    target: Target, source: str, lines: dict[tuple[str | int, ...], int]
) -> list[Problem]:
    """Return what the target refers to that is not there."""
    problems = []
    both: dict[str, Endpoint | Listener] = {**target.endpoints, **target.listeners}
    for name, point in both.items():
        group = "endpoints" if name in target.endpoints else "listeners"
        files = {"trust": point.trust}
        for label, identity in {"identity": point.identity, **point.identities}.items():
            if identity is not None:
                prefix = label if label == "identity" else f"identities.{label}"
                files[f"{prefix}.certificate"] = identity.certificate
                if not identity.key.startswith("env:"):
                    files[f"{prefix}.key"] = identity.key.removeprefix("file:")
        keytab = getattr(point, "keytab", "")
        if not keytab.startswith("env:"):
            files["keytab"] = keytab.removeprefix("file:")
        for key, path in files.items():
            if path and not Path(path).is_file():
                where = line_of(lines, (group, name, *key.split(".")))
                problems.append(
                    Problem(source, where, None, f"{group}.{name}.{key}: there is no file {path}")
                )
        for profile in point.profiles:
            if profile not in target.claims:
                where = line_of(lines, (group, name, "profiles"))
                hint = _near(profile, list(target.claims))
                problems.append(
                    Problem(
                        source,
                        where,
                        None,
                        f"{group}.{name}.profiles names '{profile}', which is not claimed{hint}",
                    )
                )
    for name, user in target.users.items():
        for key, text in user.references().items():
            path = text.removeprefix("file:")
            if not text.startswith("env:") and not Path(path).is_file():
                where = line_of(lines, ("users", name, *key.split(".", 1)))
                message = f"users.{name}.{key}: there is no file {path}; make it before the run"
                problems.append(Problem(source, where, None, message))
    problems += [
        Problem(source, line_of(lines, place), None, words)
        for place, words in study_problems(target)
    ]
    for verb in target.actions:
        if verb not in VERBS:
            where = line_of(lines, ("actions", verb))
            hint = _near(verb, list(VERBS)) or f"; the verbs are {', '.join(VERBS)}"
            problems.append(
                Problem(source, where, None, f"actions.{verb}: nothing asks for it{hint}")
            )
    if target.media and not Path(target.media.folder).is_dir():
        where = line_of(lines, ("media", "folder"))
        problems.append(
            Problem(source, where, None, f"media.folder: there is no folder {target.media.folder}")
        )
    return problems


def load_target(path: Path, *, stored: bool = False) -> Target:
    """Read the target file at *path* (*stored*: the copy in a run folder).

    Raises TargetError if it cannot be read, is no TOML, or is wrong.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise TargetError(
            Problem(str(path), None, None, "is not UTF-8 text; a target is a TOML file")
        ) from None
    except OSError as error:
        raise TargetError(
            Problem(
                str(path),
                None,
                None,
                f"cannot be read: {error.strerror}; 'part15 init' writes a starter target",
            )
        ) from None
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        line, column = (int(place[1]), int(place[2])) if place else (None, None)
        message = str(error).partition(" (at ")[0]
        raise TargetError(
            Problem(str(path), line, column, f"is not valid TOML: {message}")
        ) from None
    return parse_target(
        document, source=str(path), text=text, folder=path.resolve().parent, stored=stored
    )


def target_schema() -> dict[str, Any]:
    """Return the JSON Schema of a target file."""
    schema = Target.model_json_schema()
    schema["$id"] = "https://part15.invalid/schema/target-1.json"
    return schema
