"""``part15 list``, ``explain``, ``lint`` and ``schema``: what there is, without a target."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from part15 import load
from part15.errors import Problem, TargetError
from part15.model import Binding, Clause, Profile, Status
from part15.registry import did_you_mean

KINDS = ("profiles", "clauses", "checks", "faults")


_WHY = {
    Status.STATEMENT: "decided from [declared] of the target file and what is observed",
    Status.ATTESTED: "a person decides; attest it in the target file",
    Status.UNTESTABLE: "nothing of it can be observed",
    Status.PLANNED: "not tested by this version",
}
"""The reason of a status where a profile gives none of its own."""


def _reason(clause: Clause) -> str:
    """Return why roles of *clause* are not checked, or nothing if all are."""
    open_ones = [
        (b, b.reason or _WHY[b.status]) for b in clause.bindings if b.status is not Status.CHECKED
    ]
    if len(clause.bindings) == 1:
        return open_ones[0][1] if open_ones else ""
    return "; ".join(f"{', '.join(b.roles)}: {b.status}: {reason}" for b, reason in open_ones)


def clause_row(clause: Clause) -> dict[str, Any]:
    """Return *clause* as ``list clauses --json`` prints it (contract §2)."""
    return {
        "id": clause.id,
        "profile": clause.profile,
        "section": clause.section,
        "level": str(clause.level),
        "roles": list(clause.roles),
        "editions": list(clause.editions),
        "status": str(clause.status),
        "reason": _reason(clause),
        "statusByRole": {role: str(b.status) for b in clause.bindings for role in b.roles},
    }


def _rows(kind: str) -> list[dict[str, Any]]:
    if kind == "clauses":
        return [clause_row(c) for p in load.load_profiles().values() for c in p.clauses]
    if kind == "profiles":
        return [
            {
                "id": p.id,
                "title": p.title,
                "section": p.section,
                "family": p.family,
                "editions": list(p.editions),
                "roles": list(p.roles),
                "claimable": p.claimable,
                "clauses": len(p.clauses),
                "checked": sum(c.status is Status.CHECKED for c in p.clauses),
            }
            for p in load.load_profiles().values()
        ]
    if kind == "checks":
        from part15.registry import checks

        return [
            {"name": c.name, "text": (c.function.__doc__ or "").strip().splitlines()[0]}
            for c in sorted(checks().values(), key=lambda c: c.name)
        ]
    from part15.peers.register import faults

    return [
        {"name": f.name, "family": f.family, "text": f.text, "flips": list(f.flips)}
        for f in faults().values()
    ]


def _lines(kind: str, rows: list[dict[str, Any]]) -> list[str]:
    if kind == "clauses":
        return [f"{r['id']:<44} {r['level']:<10} {r['status']:<10} {r['profile']}" for r in rows]
    if kind == "profiles":
        return [
            f"{r['id']:<44} {r['section']:<12} {r['checked']:>3} of {r['clauses']:>3} checked  {r['title']}"
            for r in rows
        ]
    return [f"{r['name']:<44} {r['text']}" for r in rows]


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.option("-p", "--profile", help="Only clauses of this profile.")
def list_command(kind: str, as_json: bool, profile: str | None) -> int:
    """List what exists."""
    if profile is not None and kind not in ("clauses", "profiles"):
        raise click.UsageError(f"-p chooses among clauses, not among {kind}")
    rows = _rows(kind)
    if profile is not None:
        if profile not in load.load_profiles():
            raise TargetError(
                f"there is no profile '{profile}'{did_you_mean(profile, load.load_profiles())}"
            )
        rows = [r for r in rows if r.get("profile", r.get("id")) == profile]
    if as_json:
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
    else:
        click.echo("\n".join(_lines(kind, rows)))
    return 0


def find_clause(name: str) -> tuple[Profile, Clause]:
    """Return the clause that *name* (a clause or case id) stands for, with its profile.

    Raises TargetError with the nearest id.
    """
    profiles = load.load_profiles()
    by_id = {c.id: (p, c) for p in profiles.values() for c in p.clauses}
    if name in by_id:
        return by_id[name]
    found, _, rest = name.partition(":")
    if found not in by_id:
        raise TargetError(f"there is no clause or case '{name}'{did_you_mean(found, by_id)}")
    profile, clause = by_id[found]
    role = re.split("[@:%]", rest, maxsplit=1)[0]
    roles = _claimable_roles(clause)
    if role not in roles:
        raise TargetError(
            f"there is no case '{name}': '{role}' is no role of {found}; its roles are "
            f"{', '.join(roles)}{did_you_mean(role, roles)}"
        )
    return profile, clause


def _claimable_roles(clause: Clause) -> list[str]:
    """Return the roles of *clause* and those that a target claims to answer for them."""
    mine = set(clause.roles)
    return sorted(mine | {r for r, covered in load.load_roles().items() if mine & set(covered)})


def _wrapped(label: str, text: str) -> str:
    return textwrap.fill(text, 100, initial_indent=f"{label:<11}", subsequent_indent=" " * 11)


def _binding_lines(binding: Binding) -> list[str]:
    roles = ", ".join(binding.roles)
    if binding.stimulus is None or not binding.check:
        reason = binding.reason or _WHY.get(binding.status, "")
        return [_wrapped("status", f"{roles}: {binding.status}. {reason}".strip())]
    lines = [
        _wrapped("roles", roles),
        _wrapped("stimulus", f"{binding.stimulus.kind} {_data(binding.stimulus.args)}"),
        _wrapped("check", f"{binding.check} {_data(binding.expect)}"),
    ]
    if binding.each:
        lines.append(_wrapped("each", _data(binding.each)))
    return lines


def _data(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, default=list) if value else ""


@click.command()
@click.argument("name", metavar="CLAUSE|CASE")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explain_command(name: str, as_json: bool) -> int:
    """Explain a clause or case: text, level, editions, stimulus, check, or why it is not tested."""
    profile, clause = find_clause(name)
    if as_json:
        row = {
            **clause_row(clause),
            "text": clause.text,
            "how": clause.how,
            "negative": clause.negative,
        }
        row |= {
            "hint": clause.hint,
            "readings": list(clause.readings),
            "depends": list(clause.depends),
        }
        click.echo(json.dumps(row, indent=1, ensure_ascii=False))
        return 0
    first, last = clause.editions
    lines = [
        f"{clause.id}  ({profile.title})",
        _wrapped("section", clause.section),
        _wrapped(
            "level",
            f"{clause.level}, in {first} to {last}" if last else f"{clause.level}, from {first} on",
        ),
        _wrapped("text", clause.text),
    ]
    for label, text in (
        ("how", clause.how),
        ("negative", clause.negative),
        ("hint", clause.hint),
        ("notes", clause.notes),
    ):
        if text:
            lines.append(_wrapped(label, text))
    for binding in clause.bindings:
        lines += _binding_lines(binding)
    readings = load.load_readings()
    for reading in clause.readings:
        known = readings.get(reading)
        text = known.get("reading", "") if isinstance(known, Mapping) else str(known or "")
        lines.append(_wrapped(reading, text))
    click.echo("\n".join(lines))
    return 0


def _claim_problems(path: Path) -> list[Problem]:
    """Return what is wrong with the claims, waivers and attestations of a target that is sound as a file."""
    from part15.plan import build_plan
    from part15.target_file import load_target

    try:
        build_plan(load_target(path), load.load_profiles(), load.load_roles())
    except TargetError as error:
        return list(error.problems)
    return []


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def lint_command(files: tuple[Path, ...]) -> int:
    """Check profile (YAML) and target (TOML) FILES; prints every problem as file:line:column."""
    problems = []
    for path in files:
        if not path.is_file():
            raise TargetError(f"there is no file {path}")
        found = list(load.lint(path))
        if not found and path.suffix == ".toml":
            found = _claim_problems(path)
        problems += found
    for problem in problems:
        click.echo(str(problem).removeprefix(": "))
    if not problems:
        click.echo(f"{len(files)} file{'s' if len(files) != 1 else ''}, no problems", err=True)
    return 4 if problems else 0


@click.command()
@click.argument("kind", type=click.Choice(("target", "profile", "report")))
def schema_command(kind: str) -> int:
    """Print a JSON Schema."""
    if kind == "target":
        from part15.target_file import target_schema

        schema: Any = target_schema()
    elif kind == "profile":
        schema = load.profile_schema()
    else:
        from part15.content import folder

        schema = json.loads((folder("reports") / "report.schema.json").read_text(encoding="utf-8"))
    click.echo(json.dumps(schema, indent=2, ensure_ascii=False))
    return 0
