"""Who is let into an association, and what they can have there (PS3.2 A.7.2, row CS-ASSOC-1 of a statement)."""

from __future__ import annotations

from dataclasses import dataclass

CHECKS = (
    "calling AE title",
    "called AE title",
    "peer address",
    "application context",
    "number of associations",
    "certificate",
)
"""What a product may look at when an association is asked for; the words of ``declared.association.checks``."""


@dataclass(frozen=True)
class PolicyAnswer:
    """What came back for one A-ASSOCIATE-RQ that is wrong in what *check* looks at.

    *shown* says what was shown. *outcome* is ``accepted``, ``rejected``, ``aborted``, ``not tried``
    (*why* says why), or how the connection ended. *echo* and *find* are the statuses of a C-ECHO and of a
    C-FIND for a study that does not exist, None where none came: what can be had inside.
    """

    check: str
    shown: str
    outcome: str
    reject: tuple[int, ...] = ()
    abort: tuple[int, ...] = ()
    echo: int | None = None
    find: int | None = None
    why: str = ""

    @property
    def accepted(self) -> bool:
        """Tell whether an A-ASSOCIATE-AC came."""
        return self.outcome == "accepted"

    @property
    def refused(self) -> bool:
        """Tell whether the association was refused, in whatever form."""
        return self.outcome in ("rejected", "aborted", "closed", "reset", "alert")

    @property
    def had(self) -> str:
        """What could be had inside, in words."""
        found = [
            f"{name} {status:04X}H"
            for name, status in (("C-ECHO", self.echo), ("C-FIND", self.find))
            if status is not None
        ]
        return " and ".join(found) or "nothing"

    @property
    def said(self) -> str:
        """The outcome in words, with its codes and what could be had."""
        codes = "/".join(map(str, self.reject or self.abort))
        inside = f", {self.had} inside" if self.accepted else ""
        return f"{self.outcome} {codes}".strip() + inside


@dataclass(frozen=True)
class PolicySeen:
    """Associations that are wrong in one thing each, between two that are right.

    *declared* is what ``declared.association.checks`` names, None if the target declares nothing.
    """

    control: PolicyAnswer
    answers: tuple[PolicyAnswer, ...]
    after: PolicyAnswer
    declared: tuple[str, ...] | None = None
