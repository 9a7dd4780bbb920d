"""One ``part15 run`` from target file to run folder: what the pytest plugin and ``part15 judge`` share."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import platform
import re
import shutil
import ssl
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from part15 import __version__, evidence, load
from part15.bench import Ledger
from part15.errors import ContentError, TargetError, Trouble
from part15.identities import identity_problems
from part15.judge import judge
from part15.model import Case, Impact, Plan, Profile, Stimulus, Verdict
from part15.observations import NotReached
from part15.plan import build_plan
from part15.report import build, endpoints
from part15.report.conclude import exit_code
from part15.report.facts import Observed, RunFacts, TargetFacts, claim_lines
from part15.rows import plan_document, verdict_from, verdict_row
from part15.run_files import evidence_items, stamp, versions, write_json, write_report
from part15.run_selection import Baseline, Selection
from part15.session import Session, expand_endpoints
from part15.session_people import Agenda, agenda_of, at_a_terminal
from part15.target import ClaimTable, Target
from part15.target_file import load_target

USE = "session.observe_use"
"""The stimulus that shows whether the security of an endpoint is enforced, used, available or absent."""


def default_folder(name: str) -> Path:
    """Return ``./conformance/<UTC time>-<name>``."""
    now = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "target"
    return Path("conformance") / f"{now}-{slug[:40]}"


def site_profiles(names: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Split ``-p`` values into paths of profile files and profile ids.

    Raises TargetError for a path that is not there.
    """
    paths = [Path(n) for n in names if n.endswith((".yaml", ".yml"))]
    for path in paths:
        if not path.is_file():
            raise TargetError(f"there is no profile file {path}")
    return paths, [n for n in names if not n.endswith((".yaml", ".yml"))]


def with_site_claims(
    target: Target, profiles: Mapping[str, Profile], site: Sequence[str]
) -> Target:
    """Return *target* with a claim of each *site* profile (a policy, or a file given by path) it does not name itself.

    Such a profile is claimed in those of its roles that the target claims anywhere, or in all of
    its roles if the target claims none of them.
    """
    mine = {role for table in target.claims.values() for role in table.roles}
    claims = dict(target.claims)
    for name in site:
        if name not in claims:
            roles = profiles[name].roles
            claims[name] = ClaimTable(roles=tuple(r for r in roles if r in mine) or roles)
    return target.with_claims(claims)


@dataclass
class Run:
    """Target, plan and run folder of one run; the journal and the report are written through it."""

    target: Target
    profiles: Mapping[str, Profile]
    plan: Plan
    folder: Path
    notes: tuple[str, ...]
    worker: str = ""
    workers: int = 0
    gate: str = "decided"
    command: tuple[str, ...] = ()
    target_text: str = ""
    safe: bool = False
    site: tuple[Path, ...] = ()
    selection: Selection = field(default_factory=Selection)
    baseline: Baseline | None = None
    resumed: dict[str, dict[str, str]] = field(default_factory=dict)
    listeners: list[Any] = field(default_factory=list)
    agenda: Agenda = field(default_factory=Agenda)
    exit_status: int | None = None
    document: dict[str, Any] | None = None
    started: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    _verdicts: dict[str, Verdict] = field(default_factory=dict)
    _cases: dict[str, Case] = field(default_factory=dict)
    _ledger: Ledger = field(default_factory=Ledger)
    _session: Session | None = None

    def __post_init__(self) -> None:
        self._cases = {case.id: case for case in self.plan.cases}

    @classmethod
    def prepare(
        cls,
        path: Path,
        *,
        profiles: Sequence[str] = (),
        edition: str | None = None,
        out: str | None = None,
        safe: bool = False,
        resume: bool = False,
        worker: str = "",
        workers: int = 0,
        stimuli: Sequence[str] = (),
        undecided: Path | None = None,
        baseline: Path | None = None,
        budget: float | None = None,
    ) -> Run:
        """Load everything and plan; touches no target and writes nothing.

        *stimuli* and *undecided* (an older run) choose among the cases; what *baseline* (an older run)
        found violated does not move the exit code; *budget*, in seconds, goes before that of the target.
        Raises InputError (TargetError, ContentError) for what a user must correct.
        """
        target = load_target(path)
        unusable = tuple(identity_problems(target))
        if unusable:
            raise TargetError(*unusable)
        paths, only = site_profiles(profiles)
        known = load.load_profiles(paths)
        site = sorted({p.id for p in known.values() if p.source in {str(path) for path in paths}})
        problems = load.bind_problems({name: known[name] for name in site})
        if problems:
            raise ContentError(*problems)
        policies = [name for name in only if name in known and known[name].policy]
        target = with_site_claims(target, known, [*site, *policies])
        target = target.with_budget(budget).with_edition(edition)
        only += site
        rate = target.limits.rate
        ledger = Ledger(rate=rate / workers if rate and worker and workers else rate)
        target, notes = expand_endpoints(target, ledger)
        plan = build_plan(target, known, load.load_roles(), only=only, edition=edition, safe=safe)
        folder = Path(out) if out else default_folder(target.name)
        run = cls(
            target=target,
            profiles=known,
            plan=plan,
            folder=folder,
            notes=notes,
            worker=worker,
            workers=workers,
            target_text=path.read_text(encoding="utf-8"),
            safe=safe,
            site=tuple(paths),
            selection=Selection.of(stimuli, undecided, plan.cases),
            baseline=Baseline.of(baseline),
            _ledger=ledger,
        )
        if workers and not worker:
            run._refuse_workers()
        if resume:
            run._resume()
        elif not worker and folder.exists() and any(folder.iterdir()):
            raise TargetError(
                f"the folder {folder} is not empty; give another with -o, or go on with it by --resume"
            )
        return run

    def _refuse_workers(self) -> None:
        most = self.target.limits.connections
        if self.workers > most:
            what = "drop -n" if most == 1 else f"use -n {most} at most"
            raise TargetError(
                f"limits.connections is {most}, so the target must not be tested by {self.workers} workers; {what}"
            )
        fixed = [name for name, listener in self.target.listeners.items() if listener.port]
        if fixed:
            raise TargetError(
                f"listeners.{fixed[0]} has a fixed port, which two workers cannot share; drop -n or set port = 0"
            )

    def _resume(self) -> None:
        journal = self.folder / "results.jsonl"
        if not journal.is_file():
            raise TargetError(f"{self.folder} holds no results.jsonl to resume from")
        for line in journal.read_text(encoding="utf-8").splitlines():
            try:
                row = json.loads(line)
                case = self._cases.get(row["case"])
                if case is not None:
                    verdict_from(row, case)
                    self.resumed[row["case"]] = row
            except (ValueError, KeyError, TypeError):
                continue

    def session(self, target: Target) -> Session:
        """Return the session of this process on *target* (the fixture's, with its addresses)."""
        name = f".evidence-{self.worker}" if self.worker else "evidence"
        ledger = self._ledger if self.worker else Ledger(rate=self._ledger.rate)
        self._session = Session(
            target, evidence.Store(self.folder / name), ledger, agenda=self.agenda
        )
        return self._session

    def collected(self, cases: Sequence[Case]) -> None:
        """Take note of the *cases* that are going to be judged, in their order: what a person is asked for.

        Raises TargetError where a person is needed and there is no terminal.
        """
        stimuli = [
            c.stimulus
            for c in cases
            if c.stimulus is not None and c.settled is None and self.stored(c) is None
        ]
        self.agenda = agenda_of(self.target, stimuli)
        if self.agenda.groups and not self.worker and not at_a_terminal():
            place = self.agenda.groups[0].place.partition(" ")[0]
            raise TargetError(
                f'listeners.{place}.trigger is "ask", but there is no terminal at which a person could be asked; '
                "run at a terminal, give a command as trigger, or leave these cases out with -k or --safe"
            )

    def case(self, name: str) -> Case | None:
        """Return the case *name* of the plan, or None."""
        return self._cases.get(name)

    def stored(self, case: Case) -> Verdict | None:
        """Return the verdict of *case* in the journal that is resumed, or None."""
        row = self.resumed.get(case.id)
        return verdict_from(row, case) if row else None

    def observe_use(self, session: Session) -> None:
        """Find out the state of use of every endpoint that this process drove, if the limits permit it."""
        limit = Impact.OBSERVE if self.safe else self.target.limits.impact
        if not Impact.ASSOCIATE.within(limit):
            return
        for stimulus in self._uses():
            if self.selection.stimuli and stimulus.key not in self.selection.stimuli:
                continue
            if session.reached(stimulus.endpoint):
                session.observe(stimulus)

    def _uses(self) -> list[Stimulus]:
        return [
            Stimulus(USE, {}, name)
            for name, endpoint in self.target.endpoints.items()
            if endpoint.transport in ("tls", "plain", "iscl")
        ]

    def verdict(self, case: Case, seen: Any, duration: float) -> Verdict:
        """Judge *case* on *seen*."""
        names: tuple[str, ...] = ()
        if case.stimulus is not None and case.settled is None:
            store = (
                self._session.store if self._session else evidence.Store(self.folder / "evidence")
            )
            names = store.names(case.stimulus)
        return judge(case, seen, today=self.started.date(), evidence=names, duration=duration)

    def open(self) -> None:
        """Create the run folder with plan and target; from here on nothing judged is lost."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "target.toml").write_text(self.target_text, encoding="utf-8")
        for path in self.site:
            (self.folder / "profiles").mkdir(exist_ok=True)
            shutil.copyfile(path, self.folder / "profiles" / path.name)
        write_json(self.folder / "plan.json", self._plan_document())
        rows = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in self.resumed.values())
        (self.folder / "results.jsonl").write_text(rows, encoding="utf-8")
        for name, row in self.resumed.items():
            self._verdicts[name] = verdict_from(row, self._cases[name])
        for listener in self.listeners:
            listener.opened(self)

    def _plan_document(self) -> dict[str, Any]:
        document = plan_document(self.plan, self.notes)
        document["safe"] = self.safe
        document["endpoints"] = {
            name: {"address": e.address, "transport": e.transport, "serverName": e.server_name}
            for name, e in self.target.endpoints.items()
        }
        return document

    def journaled(self, name: str) -> bool:
        """Tell whether the verdict of case *name* is already in the journal."""
        return name in self._verdicts

    def journal(self, row: Mapping[str, str]) -> None:
        """Keep one verdict: in memory, in ``results.jsonl``, and for whoever watches."""
        verdict = verdict_from(row, self._cases[row["case"]])
        self._verdicts[verdict.case.id] = verdict
        with (self.folder / "results.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(verdict_row(verdict), ensure_ascii=False) + "\n")
        for listener in self.listeners:
            listener.judged(verdict)

    def settle(self, verdict: Verdict) -> None:
        """Keep one verdict in memory only."""
        self._verdicts[verdict.case.id] = verdict

    def journal_error(self, case: Case, lines: Sequence[str]) -> None:
        """Keep verdict *error* for a case whose item ended without one (a crash of a worker or fixture)."""
        verdict = judge(case, Trouble("harness", " ".join(lines)), today=self.started.date())
        self.journal(verdict_row(verdict))

    def add_ledger(self, ledger: Mapping[str, Any]) -> None:
        """Add what a worker sent."""
        self._ledger.sent += ledger["sent"]
        for address, count in ledger["connections"].items():
            self._ledger.connections[address] = self._ledger.connections.get(address, 0) + count

    def discard(self) -> None:
        """Take the run folder away again if nothing was judged in it."""
        if not self._verdicts and (self.folder / "plan.json").is_file():
            shutil.rmtree(self.folder)

    def close(self, *, interrupted: bool = False) -> dict[str, Any]:
        """Write the report of what was done; returns the document."""
        if self._session is not None:
            ledger = self._session.ledger
            self.add_ledger({"sent": ledger.sent, "connections": ledger.connections})
            self._session = None
        evidence.merge_workers(self.folder)
        self.document = self.build(interrupted=interrupted)
        if self.baseline is None:
            self.exit_status = exit_code(self.document, self.gate)
        else:
            self.exit_status = self.baseline.exit_code(self.document, self.gate)
        write_report(self.folder, self.document)
        for listener in self.listeners:
            listener.closed(self)
        return self.document

    def build(self, *, interrupted: bool = False) -> dict[str, Any]:
        """Return the report document of what was judged so far."""
        observed = self._observed()
        facts = RunFacts(
            id=str(uuid.uuid4()),
            started=stamp(self.started),
            ended=stamp(dt.datetime.now(dt.UTC)),
            command=self.command or tuple(sys.argv[:1]),
            version=__version__,
            python=platform.python_version(),
            openssl=ssl.OPENSSL_VERSION,
            platform=f"{platform.system()} {platform.machine()}",
            dependencies=versions(),
            config_digest=hashlib.sha256(self.target_text.encode()).hexdigest(),
            profiles_digest=load.profiles_digest(),
            selection=self.selection.text(),
            workers=self.workers,
            interrupted=interrupted,
            gate=self.gate,
            connections=self._ledger.connections,
            sent=tuple(self._ledger.sent),
            evidence=tuple(evidence_items(self.folder)),
            endpoints=endpoints.facts(self.target, observed, self.notes),
            observations=tuple(observed),
            notifications=self.notes,
        )
        verdicts = [self._verdicts[c.id] for c in self.plan.cases if c.id in self._verdicts]
        target = TargetFacts.of(self.target, lines=claim_lines(self.target_text))
        return build.build(facts, self.plan, verdicts, self.profiles, target)

    def _observed(self) -> list[Observed]:
        store = evidence.Store(self.folder / "evidence")
        driven = [c.stimulus for c in self.plan.cases if c.stimulus and c.settled is None]
        found = {}
        for stimulus in {s.key: s for s in (*driven, *self._uses())}.values():
            try:
                seen = store.get(stimulus)
            except ValueError:
                continue
            if seen is not None and not isinstance(seen, (Trouble, NotReached)):
                found[stimulus.key] = Observed(stimulus.key, stimulus.kind, stimulus.endpoint, seen)
        return list(found.values())
