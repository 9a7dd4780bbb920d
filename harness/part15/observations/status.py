"""SOP Instance Status on its way through a product (PS3.15 A.1.1): what was stored how, and what came back to whom."""

from __future__ import annotations

from dataclasses import dataclass, field

PARTNER, STRANGER, PLAIN = "partner", "stranger", "plain"
"""Over a secure transport with a registered certificate, with another one of the same CA, without protection."""


@dataclass(frozen=True)
class StatusCase:
    """One instance, stored by *came* with status *sent* and asked for by *asked*.

    *sent* and *returned* are values of (0100,0410), None where it is absent. *committed*: a storage
    commitment that was confirmed came before. *companions* are those of (0100,0420), (0100,0424) and
    (0100,0426) in what came back; *changed* the paths of other elements whose values differ.
    """

    sent: str | None
    came: str
    asked: str
    committed: bool
    delivered: bool
    returned: str | None = None
    companions: tuple[str, ...] = ()
    uid_kept: bool = True
    changed: tuple[str, ...] = ()
    requested: bool = False
    """A commitment was asked for before, whatever came of it."""
    route: str = "C-GET"
    """How it was asked for: ``C-GET``, ``C-MOVE`` (by a partner, to *asked*) or ``copy`` (an action)."""
    answer: str = ""
    """The final status of the retrieval (``0000H``), or how it ended without one."""
    handed: str = ""
    """``confirmed`` or ``unconfirmed``: it was handed over to us before, and the commitment ended so."""
    deletion: bool = False
    """The product was told to delete it before."""
    gained: tuple[str, ...] = ()
    """Paths of elements that were not sent."""
    beside: bool = False
    """It came back before, or something else came by the same request: that it did not come means something."""


@dataclass(frozen=True)
class StatusSeen:
    """Every case that was followed.

    *refused* says what the product refused to store and how, *missing* which of ``partner``,
    ``stranger`` and ``plain`` we could not be, and why. *elsewhere* names the secure endpoint at which
    the product is judged instead. *link* is how else the network is protected where there is no secure
    endpoint (``vpn``, ``ipsec``), as the target declares it.
    """

    cases: tuple[StatusCase, ...]
    refused: dict[str, str]
    missing: dict[str, str]
    elsewhere: str = ""
    link: str = ""


@dataclass(frozen=True)
class EventSeen:
    """One N-EVENT-REPORT: *event* type, whether the transaction is ours, what it says of our instance.

    *said* is ``committed``, ``failed`` (with *reason*) or ``nothing``; *route* ``same`` or ``new`` association.
    """

    event: int
    ours: bool
    said: str
    reason: int = 0
    route: str = "same"


@dataclass(frozen=True)
class CommitmentSeen:
    """Storage Commitment of an instance that was stored, and of one that was not.

    *offered*: the SOP class was accepted; *action* is the status of the N-ACTION for the stored one,
    None if no response came. *listened*: we also listened for a new association. *elsewhere* as in
    :class:`StatusSeen`.
    """

    offered: bool
    action: int | None
    events: tuple[EventSeen, ...]
    unknown: tuple[EventSeen, ...]
    listened: bool
    waited: float
    elsewhere: str = ""
    mismatch: tuple[EventSeen, ...] = ()
    """The reports about the stored instance, asked for under another SOP class."""


@dataclass(frozen=True)
class Alteration:
    """An instance of *status* that was altered in transmission.

    *ended* says how the connection ended, *answered* the status of a C-STORE response, *retrievable*
    whether the instance could be had afterwards.
    """

    status: str
    ended: str
    answered: int | None
    retrievable: bool


@dataclass(frozen=True)
class AlterationsSeen:
    """Altered transfers, with an unaltered one as control."""

    control: bool
    cases: tuple[Alteration, ...]
    elsewhere: str = ""
    after: bool = True
    """The unaltered one could also be had after each alteration, by the same request."""


@dataclass(frozen=True)
class TransferSeen:
    """An instance of *status* that the product was made to hand over to us.

    *received* is its status as it arrived (None absent, ``-`` if it did not arrive); *asked* whether the
    product asked for commitment; *answer* what we said: ``success``, ``failure`` or ``nothing``. *left* is
    what a partner gets from the product afterwards: a status, None absent, ``gone`` or ``not delivered``.
    """

    status: str
    secure: bool
    received: str | None
    asked: bool
    answer: str
    left: str | None
    uid_kept: bool = True
    again: str | None = "-"
    """Its status when the product was made to transfer it once more after a success, ``-`` if it did not."""


@dataclass(frozen=True)
class ResentSeen:
    """An AO instance that was stored, and sent again under the same UID with another status and value.

    *answer* is what the second C-STORE got; *delivered* whether the instance came afterwards, *changed*
    the paths of values in it that are not those of the first (SOP status attributes left out).
    """

    answer: str
    delivered: bool
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeletionSeen:
    """An instance of *status* that the product was told to delete, as a partner gets it.

    *before* and *after* tell whether it came; *done* whether the action ended with status 0; *answer* is
    the final status of the last retrieval. *control*: another instance, without a status, was deleted by
    the same action, and a third one was left.
    """

    status: str
    before: bool
    done: bool
    after: bool
    answer: str
    control: bool


@dataclass(frozen=True)
class AuthorizationSeen:
    """An OR instance before and after the product was made to authorize it, as a partner gets it.

    *before* and *after* are values of (0100,0410), None absent, ``-`` not delivered. *when* tells what
    (0100,0420) is: ``absent``, ``empty``, ``invalid``, ``early``, ``future`` or ``right``; *number* what
    (0100,0426) is: ``absent``, ``empty``, ``long``, ``other`` than declared or ``right``.
    """

    before: str | None
    after: str | None
    uid_kept: bool
    when: str
    number: str
    comment: int


@dataclass(frozen=True)
class CreatedElement:
    """A top level element of an instance that the product created: tag, VR, length; never its value."""

    tag: str
    vr: str
    length: int
    valid: bool = True


@dataclass(frozen=True)
class CreatedSeen:
    """An instance that the product created and sent to us.

    *status* is the value of (0100,0410), None if absent; *partner* tells whether it came over a secure
    transport connection. Implicit VR writes no VRs: *explicit* is false then.
    """

    elements: tuple[CreatedElement, ...]
    status: str | None
    partner: bool
    explicit: bool
    problem: str = ""


@dataclass(frozen=True)
class StoryStep:
    """One event of a story in words, and the rule it broke, if it did."""

    words: str
    broke: str = ""


@dataclass(frozen=True)
class StorySeen:
    """Sequences of events that were explored, with the shortest violation of each rule.

    *stories* has by rule the steps in words; *tried* counts the sequences, *seed* repeats them.
    """

    tried: int
    seed: int
    stories: dict[str, tuple[StoryStep, ...]]
    elsewhere: str = ""
    applied: dict[str, int] = field(default_factory=dict)
    """Cases to which each rule applied; a rule that is not in it was never put to the test."""
    delivered: int = 0
    """Instances that came back to anybody: without one, that something did not come proves nothing."""
