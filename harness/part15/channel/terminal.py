"""The terminal of the person beside a run: spoken to past any capture, and one voice at a time.

pytest captures standard streams and workers have none, so the controlling terminal itself is opened.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import select
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

CONTROLLING = "/dev/tty"
LINE = 256
"""Octets of an answer that are read."""


class Terminal:
    """A terminal that is open for reading and writing; *plain* where nothing may be written over (NO_COLOR, dumb)."""

    def __init__(self, descriptor: int) -> None:
        self._file = descriptor
        self.plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") in (None, "dumb")
        self._shown = 0

    @classmethod
    def of_this_process(cls) -> Self | None:
        """Return the controlling terminal, None if there is none."""
        try:
            descriptor = os.open(CONTROLLING, os.O_RDWR | getattr(os, "O_NOCTTY", 0))
        except OSError:
            return None
        return cls(descriptor)

    def close(self) -> None:
        """Close it."""
        with contextlib.suppress(OSError):
            os.close(self._file)

    def tell(self, text: str) -> None:
        """Write *text* as lines of their own."""
        self._wipe()
        self._write(text + "\n")

    def show(self, text: str) -> None:
        """Write *text* over what was shown last; on a plain terminal only once in a while, by the caller's choice."""
        self._wipe()
        self._write(text)
        self._shown = len(text)

    def _wipe(self) -> None:
        if self._shown:
            self._write("\r" + " " * self._shown + "\r")
            self._shown = 0

    def _write(self, text: str) -> None:
        octets = text.encode("utf-8", "replace")
        with contextlib.suppress(OSError):
            while octets:
                octets = octets[os.write(self._file, octets) :]

    def line(self, seconds: float) -> str | None:
        """Return the next line that is typed within *seconds*, None if none is or the terminal has gone."""
        ready, _, _ = select.select([self._file], [], [], max(0.0, seconds))
        if not ready:
            return None
        try:
            octets = os.read(self._file, LINE)
        except OSError:
            return None
        return octets.decode("utf-8", "replace").strip() if octets else None

    def forget_typed(self) -> None:
        """Drop what was typed before anybody asked."""
        if sys.platform != "win32":
            import termios

            with contextlib.suppress(termios.error, OSError):
                termios.tcflush(self._file, termios.TCIFLUSH)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from speaking on the same terminal while the block runs."""
        if sys.platform == "win32":
            yield
            return
        import fcntl

        name = hashlib.sha256(f"{os.fstat(self._file).st_rdev}{_session()}".encode()).hexdigest()
        path = Path(tempfile.gettempdir()) / f"part15-{os.getuid()}-{name[:16]}.lock"
        with path.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(lock, fcntl.LOCK_UN)


def _session() -> int:
    return os.getsid(0) if sys.platform != "win32" else 0


def now() -> str:
    """Return the time of day as it is told to people."""
    return time.strftime("%H:%M:%S")
