"""What became of stored objects on their way through a product, and what it negotiates for Storage."""

from __future__ import annotations

from dataclasses import dataclass, field

from part15.observations.comparison import ComparisonSeen


@dataclass(frozen=True)
class RoundTripSeen:
    """One object, stored with *status* and brought back by *route* (``C-GET``, ``C-MOVE``, ``files``)."""

    comparison: ComparisonSeen
    status: int
    route: str


@dataclass(frozen=True)
class Offer:
    """One presentation context for Storage: what was proposed, and the syntax that was accepted, empty if none."""

    proposed: tuple[str, ...]
    accepted: str = ""


@dataclass(frozen=True)
class ExtendedAnswer:
    """The answer to SOP Class Extended Negotiation (56H) with *sent*: *outcome* of the association, octets if any."""

    sent: bytes
    outcome: str
    answered: bytes | None = None


@dataclass(frozen=True)
class NegotiationSeen:
    """How the product answers proposals of Storage.

    *offers* are by name; *extended* the answers to 56H of right and wrong lengths.
    """

    offers: dict[str, Offer]
    extended: dict[str, ExtendedAnswer]


@dataclass(frozen=True)
class ProposalSeen:
    """The Storage contexts that the product proposed to us: abstract syntax to transfer syntaxes, in order.

    *used* are the transfer syntaxes in which it then sent objects; *extended* the 56H items it sent.
    """

    proposed: dict[str, tuple[str, ...]]
    used: tuple[str, ...]
    extended: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class SignatureBack:
    """A signature of an object that came back: whether it is the one we made, holds, and what it covers.

    *integrity* is ``valid``, ``invalid`` or ``undecidable``; *covers* tells that it lists all that ours did.
    """

    ours: bool
    integrity: str
    covers: bool


@dataclass(frozen=True)
class SignedTrip:
    """A signed object that was stored and asked for: *status* or how it ended, and its signatures if it came."""

    status: str
    stored: bool
    delivered: bool
    signatures: tuple[SignatureBack, ...] = ()
    route: str = "C-GET"


@dataclass(frozen=True)
class SignedTripsSeen:
    """A rightly signed object and one that was altered after signing, on their way through the product."""

    right: SignedTrip
    altered: SignedTrip
    routes: dict[str, SignedTrip] = field(default_factory=dict)
    """The right one as it came by further routes and in further transfer syntaxes, where it did."""
    after: bool = True
    """The right one could still be had after the altered one was sent."""
