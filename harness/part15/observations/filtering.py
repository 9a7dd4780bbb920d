"""What each user is shown, counts and gets of the studies that a target declares."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class StudySeen:
    """A study of the policy: its *patient* by a label of ours, and its number of instances (0: not known).

    *whole* tells that nothing else can be known of that patient or study: we have just made it up.
    """

    patient: str
    instances: int
    whole: bool


@dataclass(frozen=True)
class Answered:
    """The answer to one question about the studies *about*.

    *service* is ``C-FIND``, ``C-GET`` or ``C-MOVE``; *studies* and *patients* are those of the policy
    that were shown or delivered, *counts* what was counted (``studies``, ``instances``,
    ``sub-operations``). *outcome* is ``answered``, ``not offered``, or how the association ended.
    *existing* is false for the question about a study that nobody has.
    """

    service: str
    question: str
    about: tuple[str, ...]
    outcome: str
    status: int | None = None
    studies: tuple[str, ...] = ()
    patients: tuple[str, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    existing: bool = True

    @property
    def told(self) -> str:
        """How it was answered, in one word: what must not tell a forbidden study from one that is not there."""
        if self.outcome != "answered":
            return self.outcome.partition(":")[0]
        return "no status" if self.status is None else f"{self.status:04X}H"


@dataclass(frozen=True)
class AskerSeen:
    """Who asked: a ``user``, ``nobody``, or somebody with a ``wrong`` credential, who *may* see some studies.

    *opened* is ``accepted`` or how the association was refused; *after* are the same questions about
    what the asker may see, once all others have asked.
    """

    name: str
    kind: str
    may: tuple[str, ...]
    opened: str
    answers: tuple[Answered, ...] = ()
    after: tuple[Answered, ...] = ()


@dataclass(frozen=True)
class FilteringSeen:
    """The same questions by everybody; *left* are credentials that the limits left out."""

    studies: dict[str, StudySeen]
    askers: tuple[AskerSeen, ...]
    moves: bool
    """Whether there is a listener of ours to move to."""
    left: tuple[str, ...] = ()
