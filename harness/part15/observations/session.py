"""What a completed (or refused) handshake and the association inside it looked like."""

from __future__ import annotations

from dataclasses import dataclass, field

from part15.observations import NotReached
from part15.observations.tls import CertificateSeen

NOT_OFFERED = "not offered"
"""The step of a NotReached where the other side offers nothing for what was to be shown to it."""


@dataclass(frozen=True)
class HandshakeSeen:
    """One TLS handshake by a full client.

    *ended* is ``open`` (completed and still there), ``alert`` (the other side sent a fatal one),
    ``closed``, ``reset``, ``silent`` (no answer within the deadline), ``garbage`` (no TLS), or ``ours``
    (our own library refused, which says nothing about the other side; *why* has its words).
    *suite* is the library's name of the suite with *code*. *requested* tells whether a client certificate was asked for, *presented* whether we sent one.
    *lifetimes* are those of the session tickets received, in seconds.
    """

    ended: str
    completed: bool = False
    version: str = ""
    suite: str = ""
    code: int = 0
    alpn: str = ""
    alert: int | None = None
    why: str = ""
    requested: bool = False
    presented: bool = False
    resumed: bool = False
    certificate: bytes = b""
    lifetimes: tuple[int, ...] = ()


@dataclass(frozen=True)
class AssociationSeen:
    """One attempt at an association with a C-ECHO.

    *outcome* is ``accepted`` (an A-ASSOCIATE-AC arrived), ``rejected`` (-RJ), ``aborted`` (A-ABORT), or how
    the connection ended without one: ``alert``, ``closed``, ``reset``, ``silent``, ``garbage``, ``ours``.
    A handshake that completes and is followed by EOF is ``closed``: in TLS 1.3 the client finishes
    before the server has judged its certificate, so only the AC shows that it was accepted.
    *echo* is the status of the C-ECHO-RSP, None if none came; *heard* the first octets received.
    """

    outcome: str
    handshake: HandshakeSeen | None = None
    echo: int | None = None
    reject: tuple[int, ...] = ()
    abort: tuple[int, ...] = ()
    heard: bytes = b""
    why: str = ""
    seconds: float = 0.0

    @property
    def accepted(self) -> bool:
        """Tell whether an A-ASSOCIATE-AC arrived."""
        return self.outcome == "accepted"

    @property
    def entered(self) -> bool:
        """Tell whether upper layer PDUs were spoken, whatever the answer: the transport let us in."""
        return self.outcome in ("accepted", "rejected", "aborted")


@dataclass(frozen=True)
class AuthenticationSeen:
    """Associations with several client identities, between two controls with the right one.

    *shown* is by kind of identity (``none``, ``expired``, ...); a kind that could not be shown is a
    NotReached there.
    """

    control: AssociationSeen
    shown: dict[str, AssociationSeen | NotReached]
    after: AssociationSeen


@dataclass(frozen=True)
class Foreign:
    """What answered bytes that do not belong on a port.

    *answer* is ``dicom`` (an A-ASSOCIATE-AC or -RJ), ``http``, ``tls`` (a handshake record: a
    ServerHello), ``alert``, ``abort`` (an A-ABORT), ``other``, or how it ended without an octet:
    ``closed``, ``reset``, ``silent``, ``ours`` (it could not be sent). *inside* tells whether the
    bytes went through a completed TLS handshake.
    """

    kind: str
    endpoint: str
    inside: bool
    answer: str
    heard: bytes = b""
    why: str = ""


@dataclass(frozen=True)
class ForeignSeen:
    """Bytes of other protocols sent to the ports of a target, between controls on the endpoint."""

    answers: dict[str, Foreign]
    control: AssociationSeen
    after: AssociationSeen


@dataclass(frozen=True)
class Silence:
    """A connection on which we stayed silent; *closed* tells whether the other side ended it in time."""

    closed: bool
    seconds: float
    how: str


@dataclass(frozen=True)
class SilenceSeen:
    """Connections on which we stay silent, for *waited* seconds each.

    *stages* has ``connect`` (no ClientHello), ``handshake`` (no A-ASSOCIATE-RQ) and ``drip`` (a
    ClientHello octet by octet). *claimed* is the declared ARTIM time-out in seconds, None if none is.
    """

    stages: dict[str, Silence]
    waited: float
    claimed: float | None
    control: AssociationSeen
    after: AssociationSeen


@dataclass(frozen=True)
class AnswersSeen:
    """The A-ASSOCIATE-RJ and A-ABORT PDUs drawn out of the other side, by what provoked each.

    *rejects* has (result, source, reason), *aborts* (source, reason), *others* in words what else came.
    """

    rejects: dict[str, tuple[int, ...]]
    aborts: dict[str, tuple[int, ...]]
    others: dict[str, str]
    control: AssociationSeen
    after: AssociationSeen


@dataclass(frozen=True)
class UseSeen:
    """How protected an endpoint is: its TLS side and its plain side, on one port or two.

    *state* is ``enforced`` (plain refused), ``used, not enforced``, ``available, not used``, ``absent``, or
    empty if it could not be found out. *tls* and *plain* say in words what each side answered.
    """

    state: str
    why: str
    tls: str
    plain: str
    shared: bool = False
    """Whether one port serves both."""


@dataclass(frozen=True)
class PortsSeen:
    """The ports of a target by endpoint, with their transports."""

    ports: dict[str, int]
    transports: dict[str, str]
    hosts: dict[str, str]


@dataclass(frozen=True)
class Damaged:
    """What became of a connection on which one record was damaged on its way to the other side.

    *closed* tells whether the other side ended the connection in *seconds*; *acknowledged* whether it
    still answered the message with success; *alert* its alert, if one could be read; *why* says what
    kept the damage from being done. *stored* tells whether the product holds the object of the message
    all the same; None where that cannot be seen.
    """

    closed: bool = False
    acknowledged: bool = False
    alert: int | None = None
    seconds: float = 0.0
    version: str = ""
    how: str = ""
    why: str = ""
    stored: bool | None = None


@dataclass(frozen=True)
class IntegritySeen:
    """Messages with a damaged record, between an undamaged one that must succeed and a control.

    *message* is ``C-STORE`` or, where no storage is accepted, ``C-ECHO``; *clean* is the status of the
    undamaged one, None if no response came. *damages* is by what was done. *idle* is after how many
    seconds a connection with an undamaged message that stopped half-way was ended, None if that was
    not tried, or it was not.
    """

    message: str
    clean: int | None
    damages: dict[str, Damaged]
    after: AssociationSeen
    idle: float | None = None


@dataclass(frozen=True)
class Resumed:
    """Resumption in one TLS version.

    *tickets* counts the session tickets received, *lifetimes* are theirs in seconds, *early* the most
    octets of early data that one allows, *leaks* tells whether one holds our certificate in clear.
    *untouched* is what the server made of the right ticket, *tampered* what it made of one with a
    changed octet, by place: ``full`` (a full handshake), ``resumed``, ``alert N``, ``closed``, ``reset``,
    ``silent``. *modes* is what it answered when both key exchange modes of TLS 1.3 were offered:
    ``with key share``, ``without key share``, or as above. *why* says why nothing could be tried.
    *again* is what it made of the right ticket a second time, *without_ems* of one of a session with
    extended_master_secret in a ClientHello without it. *by_id* is what it made of the right session id where
    we take no tickets, *other_id* of a changed one; empty where that could not be tried.
    """

    tickets: int = 0
    lifetimes: tuple[int, ...] = ()
    early: int = 0
    leaks: bool = False
    untouched: str = ""
    tampered: dict[str, str] = field(default_factory=dict)
    modes: str = ""
    why: str = ""
    again: str = ""
    without_ems: str = ""
    by_id: str = ""
    other_id: str = ""


@dataclass(frozen=True)
class ResumptionSeen:
    """Resumption by TLS version (``1.2``, ``1.3``), between controls."""

    versions: dict[str, Resumed]
    control: AssociationSeen
    after: AssociationSeen


@dataclass(frozen=True)
class WebSeen:
    """The answers of the DICOMweb endpoints of a target to one GET over TLS.

    *headers* has Strict-Transport-Security by endpoint, empty without one; *failed* says why an
    endpoint gave no HTTP answer.
    """

    headers: dict[str, str]
    failed: dict[str, str]


@dataclass(frozen=True)
class Served:
    """One connection of a client to us, with one server certificate shown.

    *entered* tells whether a PDU came inside TLS: the client took our certificate. *first* is the type
    of its first PDU, 0 if none came; *answered* whether it made a request that we answered;
    *certificate* whether it showed one, *chain* what it showed, *scheme* what it signed the handshake
    with. *ended*, *alert* and *why* are as in :class:`HandshakeSeen`.
    """

    ended: str
    entered: bool = False
    first: int = 0
    answered: bool = False
    certificate: bool = False
    version: str = ""
    alert: int | None = None
    why: str = ""
    chain: tuple[CertificateSeen, ...] = ()
    scheme: int | None = None


@dataclass(frozen=True)
class ServedSeen:
    """A client's connections to us with several server certificates, between two with the right one."""

    right: Served
    shown: dict[str, Served | NotReached]
    after: Served
