"""Judging a stored run again, without its target (``part15 judge RUN``)."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from part15 import __version__, evidence, load
from part15.errors import InputError, TargetError
from part15.judge import judge
from part15.model import Case, Verdict
from part15.observations import NotReached
from part15.plan import build_plan
from part15.run import Run, with_site_claims
from part15.target import Endpoint
from part15.target_file import load_target


def rejudge(folder: Path, *, edition: str | None = None) -> dict[str, Any]:
    """Judge a stored run again, without a target, and return the new document (nothing is written).

    A case whose stimulus was not driven then is *inconclusive*. Raises TargetError if *folder* is no run.
    """
    for name in ("target.toml", "plan.json", "report.json"):
        if not (folder / name).is_file():
            raise TargetError(f"{folder} is not a finished run: there is no {name} in it")
    stored = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    planned = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    run = _restored(folder, planned, edition)
    run.command = tuple(stored["run"]["command"])
    run.target = run.target.located(run.target.folder, stored["sut"]["targetFile"])
    run.started = dt.datetime.fromisoformat(stored["run"]["startedAt"])
    store = evidence.Store(folder / "evidence")
    judged_then = {row["case"]: row for row in stored["results"]}
    for case in run.plan.cases:
        if case.id not in judged_then and edition is None:
            continue
        run.settle(_judged_again(run, store, case, judged_then.get(case.id)))
    run.add_ledger({"sent": stored["sent"]["items"], "connections": stored["sent"]["connections"]})
    document = run.build(interrupted=stored["run"]["interrupted"])
    document["run"] = {**stored["run"], "exitStatus": document["run"]["exitStatus"]}
    document["tool"] = {**stored["tool"], "version": __version__}
    document["sut"] = stored["sut"]
    return document


def _restored(folder: Path, planned: Mapping[str, Any], edition: str | None) -> Run:
    try:
        target = load_target(folder / "target.toml", stored=True)
    except InputError as error:
        raise TargetError(f"the stored target of {folder} cannot be read: {error}") from None
    known = {**target.endpoints}
    for name, row in planned["endpoints"].items():
        original = known.get(name) or known.get(name.rpartition(".")[0])
        base = original or Endpoint(address=row["address"], transport=row["transport"])
        known[name] = base.model_copy(
            update={"id": name, "address": row["address"], "server_name": row["serverName"]}
        )
    target = target.with_endpoints({n: e for n, e in known.items() if n in planned["endpoints"]})
    site = sorted((folder / "profiles").glob("*.y*ml"))
    profiles = load.load_profiles(site)
    only = sorted({c["profile"] for c in planned["claims"] if c["source"] != "policy"})
    added = {load.load_profile(path).id for path in site}
    given = [n for n in only if n in added or (n in profiles and profiles[n].policy)]
    target = with_site_claims(target, profiles, given)
    edition = edition or next(
        (c["edition"] for c in planned["claims"] if c["source"] == "cli"), None
    )
    target = target.with_edition(edition)
    safe = bool(planned.get("safe"))
    roles = load.load_roles()
    plan = build_plan(target, profiles, roles, only=only, edition=edition, safe=safe)
    return Run(
        target=target,
        profiles=profiles,
        plan=plan,
        folder=folder,
        notes=tuple(planned["notes"]),
        target_text=(folder / "target.toml").read_text(encoding="utf-8"),
    )


def _judged_again(
    run: Run, store: evidence.Store, case: Case, then: Mapping[str, Any] | None
) -> Verdict:
    seen: Any = None
    names: tuple[str, ...] = ()
    if case.settled is None and case.stimulus is not None:
        names = store.names(case.stimulus)
        try:
            seen = store.get(case.stimulus)
        except ValueError as error:
            seen = NotReached("stored observation", str(error))
        if seen is None:
            seen = NotReached(
                "stored observation", "this was not observed when the run was made; run it again"
            )
    duration = (then["durationMs"] / 1000) if then else 0.0
    return judge(case, seen, today=run.started.date(), evidence=names, duration=duration)
