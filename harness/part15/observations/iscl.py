"""What ISCL looked like: between two real ends with us as the wire, and with us as one end under a binding."""

from __future__ import annotations

from dataclasses import dataclass, field

from part15.observations import NotReached
from part15.observations.session import Foreign


@dataclass(frozen=True)
class BindingSeen:
    """The wire binding in use: *status* is ``confirmed``, ``observed`` or ``draft``; *leaves* by provenance."""

    name: str
    status: str
    why: str = ""
    digest: str = ""
    leaves: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What became of one connection on which we were an end.

    *opened*: both ends were authenticated; *served*: DICOM was answered inside; *echo*: the status of
    C-ECHO; *echoes*: how many were answered; *ended*: how it ended; *disconnected*: in order.
    """

    opened: bool = False
    served: bool = False
    echo: int | None = None
    echoes: int = 0
    ended: str = ""
    why: str = ""
    disconnected: bool = False
    block: int = 0
    offered: int = 0
    trace: tuple[str, ...] = ()
    mac: str = ""
    privacy: bool = False


@dataclass(frozen=True)
class DirectSeen:
    """Connections with us as an end, by what was done, between a right one before and one after."""

    binding: BindingSeen
    control: Answer
    answers: dict[str, Answer]
    after: Answer


@dataclass(frozen=True)
class Carried:
    """One transfer of an object between two real ends, through us.

    *acknowledged*: the sender reports success. *stored*: ``same``, ``other``, ``none``, or ``unknown``
    where storage cannot be seen. *dropped* tells whether the end that got the damage ended the
    connection first; *sent* and *answered* count octets from the client and from the server.
    """

    acknowledged: bool = False
    stored: str = "unknown"
    dropped: bool = False
    entered: bool = False
    sent: int = 0
    answered: int = 0


@dataclass(frozen=True)
class FreshSeen:
    """Handshakes laid over each other, octets before data only.

    *client* and *server* count the bits that vary, *before* those of the server that vary before any
    of the client does; *distinct* tells whether no two handshakes of a side agree in them.
    """

    handshakes: int
    client: int
    server: int
    before: int
    distinct: bool


@dataclass(frozen=True)
class BetweenSeen:
    """Transfers between two real ends: an untouched one, then each *runs* by what was done to it.

    *markers* are the names of known texts that an eavesdropper finds in the untouched one. *size* is
    that of the object in octets.
    """

    clean: Carried
    runs: dict[str, tuple[Carried, ...]]
    fresh: FreshSeen | NotReached
    markers: tuple[str, ...]
    size: int
    after: Carried


@dataclass(frozen=True)
class IsclSeen:
    """All that was tried on one ISCL endpoint or listener; a part that could not be says why."""

    role: str
    features: tuple[str, ...]
    """What the claim lists, ``privacy`` for one."""
    between: BetweenSeen | NotReached
    direct: DirectSeen | NotReached


@dataclass(frozen=True)
class IsclPortSeen:
    """What answered foreign bytes on an ISCL port, and which other endpoints are stated at the same place."""

    port: int
    answers: dict[str, Foreign]
    shared: tuple[str, ...]
    greets: bool
    """Whether the port says something of its own to one that connects and waits."""
