"""The kill matrix: every fault against the checks of its family, beside the right system (contract §8).

An *arena* knows one family: how to judge its right system, and its system with one fault. Judgements
are compared uncapped, clause by clause. A fault must turn exactly the clauses it names to *fail*.
"""

from __future__ import annotations

import functools
import importlib
import multiprocessing
import os
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import part15
from part15 import load
from part15.errors import TargetError
from part15.model import Level, Status, Word
from part15.peers.register import Fault
from part15.registry import did_you_mean


@dataclass(frozen=True)
class Judged:
    """What one system got: the gravest uncapped word per driven clause, and the clauses that truly fail."""

    words: Mapping[str, Word]
    unclean: tuple[str, ...] = ()

    @classmethod
    def of(cls, words: Mapping[str, Word]) -> Judged:
        """Return the result of a system whose every *fail* counts, caps or not."""
        return cls(
            words, tuple(sorted(c for c, w in words.items() if w in (Word.FAIL, Word.ERROR)))
        )


class Arena(Protocol):
    """One family's right system and faults."""

    @property
    def name(self) -> str:
        """Return its name, for people."""

    @property
    def profiles(self) -> tuple[str, ...]:
        """Return the profiles whose clauses it accounts for."""

    def faults(self) -> Sequence[Fault]:
        """Return the faults to be run here."""

    def right(self) -> Judged:
        """Judge the right system."""

    def wrong(self, fault: Fault) -> Judged:
        """Judge the system with *fault*."""


@dataclass(frozen=True)
class Run:
    """One fault and what it did; *missed* are clauses it should have flipped, *strays* others it did."""

    fault: str
    arena: str
    flipped: tuple[str, ...]
    missed: tuple[str, ...]
    strays: tuple[str, ...]
    blurred: tuple[str, ...]
    trouble: str = ""

    @property
    def sound(self) -> bool:
        """Tell whether the fault did exactly what it is for."""
        return not (self.missed or self.strays or self.trouble)


@dataclass
class Matrix:
    """All runs, the failures of right systems, and the checked clauses that nothing kills."""

    runs: list[Run] = field(default_factory=list)
    unclean: dict[str, list[str]] = field(default_factory=dict)
    unkilled: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    rights: dict[str, Mapping[str, Word]] = field(default_factory=dict)
    checked: int = 0

    @property
    def sound(self) -> bool:
        """Tell whether every fault did its work, every right system is clean, and nothing is unkilled."""
        return (
            bool(self.runs)
            and all(r.sound for r in self.runs)
            and not (self.unclean or self.unkilled or self.missing)
        )


@functools.cache
def arenas(*, full: bool = False) -> tuple[Arena, ...]:
    """Return the arenas of every ``selftest_*`` module; *full* takes a module's ``FULL`` where it has one."""
    found: list[Arena] = []
    for module in pkgutil.iter_modules(part15.__path__):
        if module.name.startswith("selftest_"):
            loaded = importlib.import_module(f"part15.{module.name}")
            found += getattr(loaded, "FULL", loaded.ARENAS) if full else loaded.ARENAS
    return tuple(found)


def compare(fault: Fault, arena: str, right: Mapping[str, Word], wrong: Mapping[str, Word]) -> Run:
    """Return what *fault* did: a clause flips when it passed before and fails now.

    A check that itself answers *warn* (a reading makes a violation one) counts as failing.

    Clauses that *fault* names but this arena does not judge are another arena's.
    """
    good, bad = (Word.PASS, Word.INFO), (Word.FAIL, Word.WARN)
    flipped = sorted(c for c, w in wrong.items() if w in bad and right.get(c) in good)
    blurred = sorted(
        c for c, w in wrong.items() if right.get(c) is Word.PASS and w not in (*good, *bad)
    )
    wanted = {c for c in fault.flips if right.get(c) in good}
    return Run(
        fault=fault.name,
        arena=arena,
        flipped=tuple(flipped),
        missed=tuple(sorted(wanted - set(flipped))),
        strays=tuple(sorted(set(flipped) - wanted)),
        blurred=tuple(blurred),
    )


def run(
    profiles: Sequence[str] = (),
    *,
    full: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Matrix:
    """Run every fault of the arenas that judge one of *profiles* (all if empty).

    *full* runs every fault in every arena of its family, not only where it acts on clauses of its own.
    A fault that did not do exactly what it is for is run once more, alone: on a busy machine a
    deadline may pass that would not have. Raises TargetError for a profile that no arena judges.
    """
    say = progress or (lambda _line: None)
    known = arenas(full=full)
    judged = sorted({p for arena in known for p in arena.profiles})
    for profile in profiles:
        if not any(_fits(profile, p) for p in judged):
            raise TargetError(f"no fault acts on '{profile}'{did_you_mean(profile, judged)}")
    wanted = [
        number
        for number, arena in enumerate(known)
        if not profiles or any(_fits(n, p) for n in profiles for p in arena.profiles)
    ]
    matrix = Matrix()
    with _Ring(full=full) as ring:
        fights = [(number, ring.submit(number, None)) for number in wanted]
        runs = {
            number: [ring.submit(number, n) for n in range(len(known[number].faults()))]
            for number in wanted
        }
        for number, right in fights:
            _fight(known[number], right.result(), runs[number], matrix, say)
    _again(matrix, known, say)
    left = [arena for number, arena in enumerate(known) if number not in wanted]
    _account(matrix, [known[number] for number in wanted], left)
    return matrix


class _Ring:
    """Runs systems in a few processes where the platform can fork, else one after the other here."""

    def __init__(self, *, full: bool) -> None:
        self._full = full
        self._pool: ProcessPoolExecutor | None = None
        if "fork" in multiprocessing.get_all_start_methods():
            workers = min(4, 2 * (os.cpu_count() or 1))
            self._pool = ProcessPoolExecutor(workers, multiprocessing.get_context("fork"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *trouble: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def submit(self, arena: int, fault: int | None) -> Future[Judged | str]:
        """Judge one system; *fault* is its place in the arena's list, None the right system."""
        if self._pool is not None:
            return self._pool.submit(_judge, arena, fault, full=self._full)
        done: Future[Judged | str] = Future()
        done.set_result(_judge(arena, fault, full=self._full))
        return done


def _judge(arena: int, fault: int | None, *, full: bool) -> Judged | str:
    """Return what one system got, or why it could not be run."""
    here = arenas(full=full)[arena]
    try:
        return here.right() if fault is None else here.wrong(here.faults()[fault])
    except (OSError, RuntimeError) as trouble:
        return str(trouble) or type(trouble).__name__


def _fits(wanted: str, profile: str) -> bool:
    return profile == wanted or (wanted.endswith("-") and profile.startswith(wanted))


def _fight(
    arena: Arena,
    right: Judged | str,
    wrongs: Sequence[Future[Judged | str]],
    matrix: Matrix,
    say: Callable[[str], None],
) -> None:
    say(f"{arena.name}: the right system")
    if isinstance(right, str):
        matrix.missing[arena.name] = right
        say(f"  not run: {right}")
        return
    matrix.rights[arena.name] = right.words
    if right.unclean:
        matrix.unclean[arena.name] = list(right.unclean)
    faults = list(arena.faults())
    for number, (fault, wrong) in enumerate(zip(faults, wrongs, strict=True), start=1):
        done = _outcome(arena, fault, right.words, wrong.result())
        matrix.runs.append(done)
        mark = "ok  " if done.sound else "BAD "
        kills = ", ".join(done.flipped) or "nothing"
        say(f"  {mark} {number}/{len(faults)} {fault.name}: kills {kills}{_blame(done)}")


def _outcome(arena: Arena, fault: Fault, right: Mapping[str, Word], wrong: Judged | str) -> Run:
    if isinstance(wrong, str):
        return Run(fault.name, arena.name, (), tuple(fault.flips), (), (), wrong)
    return compare(fault, arena.name, right, wrong.words)


def _again(matrix: Matrix, known: Sequence[Arena], say: Callable[[str], None]) -> None:
    """Run once more, alone, what did not come out as it should."""
    by_name = {arena.name: arena for arena in known}
    for place, done in enumerate(matrix.runs):
        if done.sound:
            continue
        arena = by_name[done.arena]
        fault = next((f for f in arena.faults() if f.name == done.fault), None)
        if fault is None:
            continue
        try:
            wrong: Judged | str = arena.wrong(fault)
        except (OSError, RuntimeError) as trouble:
            wrong = str(trouble)
        matrix.runs[place] = _outcome(arena, fault, matrix.rights[arena.name], wrong)
        say(
            f"again, alone: {done.arena} {done.fault}{_blame(matrix.runs[place]) or ' (as it should)'}"
        )


def _blame(run: Run) -> str:
    parts = []
    if run.missed:
        parts.append(f"survives {', '.join(run.missed)}")
    if run.strays:
        parts.append(f"flips {', '.join(run.strays)}, which it should not")
    if run.trouble:
        parts.append(run.trouble)
    return f" ({'; '.join(parts)})" if parts else ""


def _account(matrix: Matrix, fought: Sequence[Arena], left: Sequence[Arena]) -> None:
    """List the checked clauses of the arenas' profiles that no fault killed, and in which role; only a shall must have a killer.

    An arena that stands for a claimable role answers for the bindings of that role; the others for a
    clause as a whole. Profiles that an arena among those *left* out accounts for as well are not accounted for.
    """
    names = {p for arena in fought for p in arena.profiles}
    names -= {p for arena in left for p in arena.profiles}
    by_arena = {arena.name: _role_of(arena) for arena in fought}
    killed = {(c, by_arena.get(done.arena, "")) for done in matrix.runs for c in done.flipped}
    table = load.load_roles()
    for profile in load.load_profiles().values():
        if profile.id not in names:
            continue
        roles = {_role_of(arena) for arena in fought if profile.id in arena.profiles}
        for clause in profile.clauses:
            driven = [b for b in clause.bindings if b.status is Status.CHECKED and b.check]
            if not driven or all(b.check.startswith("statement.") for b in driven):
                continue
            matrix.checked += 1
            if clause.level not in (Level.SHALL, Level.SHALL_NOT):
                continue
            if "" in roles:
                if not any(c == clause.id for c, _ in killed):
                    matrix.unkilled.append(clause.id)
                continue
            bound = {r for b in driven if not b.check.startswith("statement.") for r in b.roles}
            matrix.unkilled += [
                f"{clause.id} ({role})"
                for role in roles
                if bound & set(table[role]) and (clause.id, role) not in killed
            ]
    matrix.unkilled.sort()


def _role_of(arena: Arena) -> str:
    """Return the claimable role that *arena* stands for, empty if it stands for its whole family."""
    return str(getattr(arena, "answers_for", ""))


def to_document(matrix: Matrix) -> dict[str, Any]:
    """Return the matrix as JSON values."""
    return {
        "sound": matrix.sound,
        "checked": matrix.checked,
        "runs": [
            {
                "fault": r.fault,
                "arena": r.arena,
                "flipped": list(r.flipped),
                "missed": list(r.missed),
                "strays": list(r.strays),
                "blurred": list(r.blurred),
                "trouble": r.trouble,
            }
            for r in matrix.runs
        ],
        "unclean": matrix.unclean,
        "unkilled": matrix.unkilled,
        "missing": matrix.missing,
    }


def to_text(matrix: Matrix) -> str:
    """Return the summary a person reads last."""
    sound = sum(r.sound for r in matrix.runs)
    lines = [
        f"{sound} of {len(matrix.runs)} faults did exactly what they are for; {matrix.checked} clauses are checked."
    ]
    lines += [
        f"right system of {name}: fails {', '.join(found)}"
        for name, found in matrix.unclean.items()
    ]
    lines += [f"not run: {name}: {why}" for name, why in matrix.missing.items()]
    if matrix.unkilled:
        lines.append(f"checked, but killed by no fault: {', '.join(matrix.unkilled)}")
    lines.append("The matrix is sound." if matrix.sound else "The matrix is NOT sound.")
    return "\n".join(lines)
