"""The adapter of a target: one process per request, JSON on stdin, JSON on stdout (docs/adapter.md).

Exit status 0 is *done* or *accepted*, 1 *refused*, 2 *cannot*. Anything else, a signal or a missed
deadline is no answer: it is told as ``crashed`` or ``late`` and never taken for a refusal.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from part15.errors import Trouble

VERBS = ("sign", "verify", "deidentify", "reidentify", "write-media", "read-media")
MAX_OUTPUT = 4 << 20
MAX_DIAGNOSTICS = 64 << 10
OUTCOMES = {0: "done", 1: "refused", 2: "cannot"}

InProcess = Callable[[str, Mapping[str, Any]], tuple[int, Mapping[str, Any]]]
"""An adapter of ours that runs in this process: verb and request to exit status and answer."""


@dataclass(frozen=True)
class Answer:
    """What an adapter did: *outcome* ``done``, ``refused``, ``cannot``, ``crashed`` or ``late``.

    *why* is its own reason, or ours for the last two; *diagnostics* the end of its stderr.
    """

    outcome: str
    why: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    diagnostics: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        """The paths it says it wrote."""
        listed = self.values.get("files", ())
        return tuple(str(p) for p in listed) if isinstance(listed, (list, tuple)) else ()


@dataclass(frozen=True)
class Adapter:
    """How to ask the SUT: *command* is an argument list, run in *folder*, without a shell."""

    command: tuple[str, ...] = ()
    folder: str | None = None
    inside: InProcess | None = None

    def ask(self, verb: str, request: Mapping[str, Any], *, deadline: float) -> Answer:
        """Return the answer to *verb* with *request* (JSON values, absolute paths).

        Raises Trouble if the program cannot be started.
        """
        if verb not in VERBS:
            raise Trouble("adapter", f"there is no verb '{verb}'; the verbs are {', '.join(VERBS)}")
        if self.inside is not None:
            status, values = self.inside(verb, request)
            return _answer(status, values, "")
        text = json.dumps({"verb": verb, **request}, ensure_ascii=False).encode()
        try:
            process = subprocess.Popen(
                [*self.command, verb],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=self.folder,
                start_new_session=True,
            )
        except OSError as error:
            why = f"{self.command[0]} cannot be started: {error.strerror or error}"
            raise Trouble("adapter", why) from error
        with process:
            try:
                out, err, late = _converse(process, text, time.monotonic() + deadline)
            finally:
                _end(process)
        diagnostics = err.decode("utf-8", "replace")[-2000:]
        if late:
            return Answer("late", f"no answer within {deadline:g} s", diagnostics=diagnostics)
        if len(out) > MAX_OUTPUT:
            why = f"it wrote more than {MAX_OUTPUT} octets to stdout"
            return Answer("crashed", why, diagnostics=diagnostics)
        return _parsed(process.returncode, out, diagnostics)


class _Reader(threading.Thread):
    """Reads an output to its end and keeps at most *most* octets; ends at once if that is an *end*."""

    def __init__(self, stream: IO[bytes], most: int, *, end: bool = False) -> None:
        super().__init__(daemon=True)
        self._stream, self._most, self._end = stream, most, end
        self.taken = bytearray()
        self.start()

    def run(self) -> None:
        """Read until the output ends or is closed under us."""
        with contextlib.suppress(OSError, ValueError):
            while octets := os.read(self._stream.fileno(), 65_536):
                self.taken += octets[: max(0, self._most - len(self.taken))]
                if self._end and len(self.taken) >= self._most:
                    return


def _converse(
    process: subprocess.Popen[bytes], text: bytes, until: float
) -> tuple[bytes, bytes, bool]:
    """Write the request, read both outputs under a bound and a deadline, wait for the end.

    By threads, since not every system can wait for a pipe.
    """
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    out = _Reader(process.stdout, MAX_OUTPUT + 1, end=True)
    err = _Reader(process.stderr, MAX_DIAGNOSTICS)
    threading.Thread(target=_write, args=(process.stdin, text), daemon=True).start()
    late = False
    out.join(max(0.0, until - time.monotonic()))
    if len(out.taken) <= MAX_OUTPUT:
        err.join(max(0.0, until - time.monotonic()))
        late = out.is_alive() or err.is_alive()
        if not late:
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                late = True
    return bytes(out.taken), bytes(err.taken), late


def _write(stream: IO[bytes], text: bytes) -> None:
    with contextlib.suppress(OSError, ValueError):  # it need not read all of the request
        rest = memoryview(text)
        while rest:
            rest = rest[os.write(stream.fileno(), rest[:65_536]) :]
    with contextlib.suppress(OSError, ValueError):
        stream.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process, and its children where they are a session of their own (not on Windows)."""
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except (ProcessLookupError, PermissionError):
        process.kill()
    process.wait()


def _parsed(status: int, out: bytes, diagnostics: str) -> Answer:
    if status not in OUTCOMES:
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        return Answer("crashed", f"it ended with {how}", diagnostics=diagnostics)
    try:
        values = json.loads(out) if out.strip() else {}
    except ValueError:
        return Answer("crashed", "its stdout is no JSON document", diagnostics=diagnostics)
    if not isinstance(values, dict):
        return Answer("crashed", "its stdout is no JSON object", diagnostics=diagnostics)
    return _answer(status, values, diagnostics)


def _answer(status: int, values: Mapping[str, Any], diagnostics: str) -> Answer:
    if status not in OUTCOMES:
        return Answer("crashed", f"it ended with exit status {status}", values, diagnostics)
    return Answer(OUTCOMES[status], str(values.get("reason", "")), values, diagnostics)


def adapter_of(target: Any) -> Adapter:
    """Return the adapter that *target* names.

    Raises Trouble if it names none.
    """
    inside = getattr(target, "inside", None)
    if callable(inside):
        return Adapter(inside=inside)
    command: Sequence[str] = tuple(getattr(target, "adapter", ()) or ())
    if not command:
        raise Trouble(
            "adapter", "the target names no adapter; see docs/adapter.md for the protocol"
        )
    folder = getattr(target, "folder", None)
    return Adapter(tuple(command), str(folder) if folder else None)
