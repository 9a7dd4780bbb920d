"""Handshakes that were completed in one version with one suite, with an association inside."""

from __future__ import annotations

from dataclasses import dataclass

from part15.observations import NotReached


@dataclass(frozen=True)
class Completed:
    """One version and suite: *library* completed it, and what became of the association inside.

    *ended* is ``accepted`` (an association with a C-ECHO that succeeded), or how it ended otherwise,
    as in AssociationSeen; *why* in words.
    """

    version: str
    suite: int
    library: str
    ended: str
    why: str = ""


@dataclass(frozen=True)
class CompletedSeen:
    """The versions and suites of a SUT, each completed alone, between controls.

    *known* are the versions that it negotiates or offers, *listed* whether that list is whole; *tried*
    is one per pair, NotReached where no library here can complete it. *left* counts those that were
    not tried since there are too many, or since the SUT says nothing inside of any. *lives* tells whether the SUT associated with our usual settings
    before and afterwards.
    """

    known: tuple[str, ...]
    listed: bool
    tried: tuple[Completed | NotReached, ...]
    left: int = 0
    lives: tuple[bool, bool] = (True, True)
