"""The three kinds of trouble, and which stage may raise each.

load    raises ContentError (a profile of ours or of a site is wrong) or TargetError (a target file is)
plan    raises TargetError (a claim names something that does not exist)
drive   raises Trouble (the stimulus could not be driven; says which step), never a word about the SUT
judge   raises nothing: a check that breaks becomes verdict *error*
report  raises ContentError (a template is wrong) or OSError (the folder is)
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong in a file: where, what, and what to do."""

    file: str
    line: int | None
    column: int | None
    message: str

    def __str__(self) -> str:
        place = [self.file]
        if self.line is not None:
            place.append(str(self.line))
            if self.column is not None:
                place.append(str(self.column))
        return f"{':'.join(place)}: {self.message}"


class InputError(Exception):
    """Something a user wrote cannot be used; every problem of the file at once (exit code 4)."""

    def __init__(self, *problems: Problem | str) -> None:
        self.problems = tuple(
            p if isinstance(p, Problem) else Problem("", None, None, p) for p in problems
        )
        super().__init__("\n".join(str(p).removeprefix(": ") for p in self.problems))


class ContentError(InputError):
    """A profile, table or template is wrong."""


class TargetError(InputError):
    """A target file, or something that it points to, is wrong."""


class Trouble(Exception):  # noqa: N818 - a noun of the house
    """A stimulus could not be driven; *step* says where. Becomes verdict *error* (exit code 3)."""

    def __init__(self, step: str, why: str) -> None:
        self.step, self.why = step, why
        super().__init__(f"{step}: {why}")
