"""Making the SUT act: a command of the target, without a shell and with a deadline, or a person (contract §6)."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from part15.channel.people import WAIT, perform, waiting
from part15.errors import Trouble

OUTPUT_LIMIT = 64 * 1024
ASK = "ask"


@dataclass(frozen=True)
class Acted:
    """What became of a command: its exit code (0 where a person did it) and its last output."""

    code: int | None
    output: str


def filled(command: str | Sequence[str], slots: Mapping[str, str]) -> list[str]:
    """Return the argument list of *command* with ``{host}``, ``{port}``, ``{aet}``, ``{file}`` filled in.

    A string is split as a shell would, before the slots are filled, so that no value is split.
    """
    parts = shlex.split(command) if isinstance(command, str) else list(command)
    filled_parts = []
    for part in parts:
        text = part
        for name, value in slots.items():
            text = text.replace("{" + name + "}", value)
        filled_parts.append(text)
    return filled_parts


def told(slots: Mapping[str, str]) -> str:
    """Return the values of *slots* for a person."""
    names = {"aet": "AE title"}
    return ", ".join(f"{names.get(k, k)} {v}" for k, v in slots.items() if v)


@contextmanager
def acting(
    command: str | Sequence[str] | None,
    *,
    folder: Path,
    slots: Mapping[str, str],
    what: str,
    wait: float = WAIT,
) -> Iterator[subprocess.Popen[bytes] | None]:
    """Start *command* in *folder* while the block waits for what it does; ended when the block ends.

    ``"ask"`` tells the person at the desk what to do, for *wait* seconds at most, and the block waits.
    *what* says what the SUT is to do.
    Raises Trouble if there is no command or it cannot be started, Skipped if nobody can be asked.
    """
    if command is None or command == "":
        raise Trouble(
            "trigger", f'the target has no trigger that makes the product {what}; add one, or "ask"'
        )
    if command == ASK:
        with waiting(what, told(slots), wait):
            yield None
        return
    arguments = filled(command, slots)
    try:
        process = subprocess.Popen(
            arguments,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        raise Trouble("trigger", f"'{arguments[0]}' cannot be started: {error.strerror}") from error
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(2)


def unreached(process: subprocess.Popen[bytes] | None, place: str, wait: float) -> str:
    """Say that the product did not connect to *place*, and what became of the trigger.

    A trigger that has ended with an error is the reason; its output may hold values of patients, so
    only its code is told.
    """
    code = None if process is None else process.poll()
    if process is None or not code:
        return (
            f"the product did not connect to {place} within {wait:g} s; look what its trigger does"
        )
    name = next(iter(process.args)) if isinstance(process.args, (list, tuple)) else process.args
    return (
        f"the product did not connect to {place}: its trigger '{Path(str(name)).name}' ended with "
        f"code {code}; run it by hand in the folder of the target file, 'part15 doctor' says which "
        f"program it is"
    )


def act(
    command: str | Sequence[str] | None,
    *,
    folder: Path,
    slots: Mapping[str, str],
    what: str,
    deadline: float,
) -> Acted:
    """Run *command* to its end, at most *deadline* seconds; a person says when it is done.

    Raises Trouble if it cannot be started or misses the deadline, Skipped if a person does not do it.
    """
    if command == ASK:
        perform(what, told(slots))
        return Acted(0, "")
    if command is None or command == "":
        raise Trouble("action", f"the target has no action that makes the product {what}")
    arguments = filled(command, slots)
    try:
        done = subprocess.run(
            arguments,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=deadline,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Trouble("action", f"'{arguments[0]}' did not end within {deadline:g} s") from None
    except OSError as error:
        raise Trouble("action", f"'{arguments[0]}' cannot be started: {error.strerror}") from error
    return Acted(
        done.returncode, (done.stdout + done.stderr)[-OUTPUT_LIMIT:].decode("utf-8", "replace")
    )
