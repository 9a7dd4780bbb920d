"""What a person sees while a run goes on: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from part15.model import Verdict, Word
from part15.pytest_plugin import run_of

if TYPE_CHECKING:
    from part15.run import Run
    from part15.target import Target

STYLES = {
    Word.PASS: "green",
    Word.FAIL: "bold red",
    Word.WARN: "yellow",
    Word.INCONCLUSIVE: "cyan",
    Word.REVIEW: "magenta",
    Word.WAIVED: "yellow",
    Word.ERROR: "bold red",
    Word.INFO: "dim",
    Word.NOT_APPLICABLE: "dim",
}
_LOUD = (Word.FAIL, Word.ERROR)


class Picture:
    """A pytest plugin object that watches the run it finds in the config."""

    def __init__(self, *, quiet: bool, verbose: bool, gate: str, command: tuple[str, ...]) -> None:
        from rich.console import Console

        self.run: Run | None = None
        self._quiet, self._verbose = quiet, verbose
        self._gate, self._command = gate, command
        self._console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
        self._counts: Counter[Word] = Counter()
        self._progress: Any = None
        self._task: Any = None
        self._said: set[str] = set()

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Watch the run of *config*, if it has one."""
        try:
            self.run = run_of(config)
        except KeyError:
            return
        self.run.gate, self.run.command = self._gate, ("part15", *self._command)
        self.run.listeners.append(self)

    def opened(self, run: Run) -> None:
        """Say what is going to be done."""
        if self._quiet:
            return
        stimuli = {c.stimulus.key for c in run.plan.cases if c.stimulus and c.settled is None}
        claims = ", ".join(c.name for c in run.plan.claims) or "nothing"
        self._console.print(
            f"[bold]{run.target.name}[/bold] {run.target.target.version} claims {claims}"
        )
        self._console.print(
            f"{len(run.plan.cases)} cases, {len(stimuli)} stimuli; run folder {run.folder}"
        )
        for note in run.notes:
            self._console.print(f"[yellow]note[/yellow] {note}")
        if self._console.is_terminal and not asks_people(run.target):
            self._start(len(run.plan.cases))

    def _start(self, total: int) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[tally]}"),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task("judging", total=total, tally="")
        self._progress.start()

    def judged(self, verdict: Verdict) -> None:
        """Show one verdict."""
        self._counts[verdict.word] += 1
        if self._quiet:
            return
        about = verdict.message if verdict.word is Word.ERROR else verdict.case.clause
        loud = verdict.word in _LOUD and about not in self._said
        if self._verbose or loud:
            self._said.add(about)
            style = STYLES[verdict.word]
            site = "site policy: " if verdict.case.policy else ""
            line = (
                f"[{style}]{verdict.word:<13}[/{style}] {_escaped(verdict.case.id)}  "
                f"{site}{_escaped(verdict.message)}"
            )
            self._console.print(line)
        if self._progress is not None:
            tally = "  ".join(f"{n} {w}" for w, n in self._counts.most_common(5))
            self._progress.update(
                self._task, advance=1, tally=tally, description=verdict.case.section
            )
        elif not self._verbose and sum(self._counts.values()) % 50 == 0:
            self._console.print(self._tally())

    def _tally(self) -> str:
        total = len(self.run.plan.cases) if self.run else 0
        counts = ", ".join(f"{n} {w}" for w, n in self._counts.most_common())
        return f"{sum(self._counts.values())} of {total} judged: {counts}"

    def closed(self, run: Run) -> None:
        """Take the bar away."""
        del run
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def asks_people(target: Target) -> bool:
    """Tell whether a person may be asked meanwhile, who could not read under a bar that moves."""
    asked = [point.trigger for point in target.listeners.values()]
    return "ask" in (*asked, *target.actions.values())


def _escaped(text: str) -> str:
    return text.replace("[", "\\[")
