"""The command that drives one stimulus of a run again and judges the cases that rest on it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

_KEPT = {"-p": "-p", "--profile": "-p", "--edition": "--edition"}
_VALUED = frozenset(
    [
        "-o",
        "--out",
        "-k",
        "-m",
        "-n",
        "--junitxml",
        "--gate",
        "--baseline",
        "--undecided",
        "--stimulus",
        "--budget",
    ]
)


def reproduce(command: Sequence[str], target: str, stimulus: str) -> str:
    """Return ``part15 run TARGET --stimulus KEY`` with what else made the plan of *command*.

    *command* is what made the run; where that was not ``part15 run``, *target* is the target file.
    Empty without *stimulus*, and for other commands of part15, which have nothing to drive.
    """
    words = list(command)
    if not stimulus or (words[:1] == ["part15"] and words[1:2] != ["run"]):
        return ""
    named, kept = [target], list[str]()
    if words[:1] == ["part15"]:
        named, kept = _read(words[2:])
    return shlex.join(["part15", "run", *named, *kept, "--stimulus", stimulus])


def _read(words: list[str]) -> tuple[list[str], list[str]]:
    """Return the target (at most one) and the options that shape the plan."""
    named: list[str] = []
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        option, equals, value = word.partition("=")
        if word == "--":
            break
        if option in _KEPT:
            kept += [_KEPT[option], value if equals else next(rest, "")]
        elif word in _VALUED:
            next(rest, None)
        elif word == "--safe":
            kept.append(word)
        elif not word.startswith("-") and not named:
            named.append(word)
    return named, kept
