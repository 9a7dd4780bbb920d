"""What a protected stream carried: messages cut into records in odd ways, and what a relay on the path could read."""

from __future__ import annotations

from dataclasses import dataclass, field

from part15.observations.session import AssociationSeen


@dataclass(frozen=True)
class Recut:
    """What became of a message whose PDUs were cut into TLS records in one way.

    *records* is how many records it took. *went_on* tells whether the other side took it as a whole: it
    answered our request with success, or went on after our answer. *how* is how it ended otherwise.
    *changed* tells whether the object came back with other octets than one that was cut as usual; None
    where the product offers no way to get it back. *why* says what kept it from being tried.
    """

    records: int = 0
    went_on: bool = False
    how: str = ""
    changed: bool | None = None
    why: str = ""


@dataclass(frozen=True)
class RecutSeen:
    """The same message cut in several *ways*, between one that was cut *usual* and a control.

    *message* is ``C-STORE``, ``C-ECHO`` or ``answer`` (of us, to a client).
    """

    message: str
    usual: Recut
    ways: dict[str, Recut]
    after: AssociationSeen


@dataclass(frozen=True)
class LinkSeen:
    """One connection over a relay that has no keys.

    *octets* passed it, both ways together. *planted* are the markers that the plain text held, *visible*
    those of them that the relay could read. *suite* is empty on a link without TLS.
    *ended* says how it ended if nothing was carried.
    """

    version: str = ""
    suite: str = ""
    octets: int = 0
    planted: tuple[str, ...] = ()
    visible: tuple[str, ...] = ()
    ended: str = ""


@dataclass(frozen=True)
class PathSeen:
    """Connections over a relay: ``usual``, and ``NULL`` where we offered or selected no encryption at all.

    The others are named by what one real end sent to another: there we are neither.
    """

    links: dict[str, LinkSeen] = field(default_factory=dict)
