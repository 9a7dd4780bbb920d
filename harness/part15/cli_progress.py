"""How far ``part15 inspect`` is: a bar with rate and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

EVERY = 0.5
PLAIN_EVERY = 10.0
"""Seconds between two pictures of the bar, and between two lines."""


class FileProgress:
    """Told the total once and each file; writes to stderr only. No thread of its own, so processes may fork."""

    def __init__(self) -> None:
        self._count = 0
        self._begun = self._last = time.monotonic()
        self._first: int | None = None
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def total(self, count: int) -> None:
        """Begin; *count* entries are to be looked at."""
        self._count = count
        if sys.stderr.isatty():
            self._start()

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeElapsedColumn as Elapsed

        self._bar = Progress(
            MofNCompleteColumn(),
            TextColumn("files"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[pace]}"),
            Elapsed(),
            console=Console(stderr=True),
            auto_refresh=False,
            transient=True,
        )
        self._task = self._bar.add_task("judging", total=self._count, pace="")
        self._bar.start()

    def __call__(self, done: int, _name: str) -> None:
        """Show that *done* files were looked at."""
        now = time.monotonic()
        if self._first is None:
            self._first, self._begun = done, now
        if now - self._last < (EVERY if self._bar is not None else PLAIN_EVERY):
            return
        self._last = now
        pace = self.pace(done, now)
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, pace=pace, refresh=True)
        else:
            sys.stderr.write(f"{done} of {self._count} files, {pace}\n")
            sys.stderr.flush()

    def pace(self, done: int, now: float) -> str:
        """Return files per second and the time left; what a resume took over does not count as speed."""
        rate = (done - (self._first or 0)) / max(now - self._begun, 1e-3)
        if rate <= 0:
            return "0/s"
        return f"{rate:.0f}/s, {_span((self._count - done) / rate)} left"

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _span(seconds: float) -> str:
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
