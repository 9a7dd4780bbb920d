"""What a SUT client made of our answers to its ClientHello, right ones and wrong ones."""

from __future__ import annotations

from dataclasses import dataclass

from part15.observations import NotReached
from part15.observations.tls import CertificateSeen, ClientHelloSeen


@dataclass(frozen=True)
class Chosen:
    """One connection that a client opened and we answered in TLS 1.2, in one way.

    *ended* is ``open``, ``alert``, ``closed``, ``reset``, ``silent``, ``garbage``, or ``ours`` (we could
    not go on). *went_on* tells whether the client answered our flight with its key exchange,
    *completed* whether the handshake was completed, *entered* whether a PDU came inside. *level* and
    *alert* are those of its fatal alert; *closes* tells whether it ended the connection. *public* is a
    digest of its ephemeral key, *chain* the certificates it showed when asked, *scheme* what it
    signed with. *suite*, *dh_bits* and *group* are what we selected.
    """

    ended: str
    text: str = ""
    hello: ClientHelloSeen | None = None
    suite: int = 0
    dh_bits: int = 0
    group: int = 0
    went_on: bool = False
    completed: bool = False
    entered: bool = False
    level: int | None = None
    alert: int | None = None
    closes: bool = False
    public: str = ""
    chain: tuple[CertificateSeen, ...] = ()
    scheme: int | None = None
    why: str = ""

    @property
    def refused(self) -> bool:
        """The client ended the connection by itself and did not use what we selected."""
        return not self.went_on and self.ended in ("alert", "closed", "reset")


@dataclass(frozen=True)
class ChoicesSeen:
    """A client's connections to us, by the way in which we answered; a right answer came before and after.

    *lives* tells whether the client made an association before and after them: in our own TLS 1.2, or
    with our TLS library where it offers nothing that our own can complete.
    """

    right: Chosen
    chosen: dict[str, Chosen | NotReached]
    after: Chosen
    lives: tuple[bool, bool] = (True, True)
