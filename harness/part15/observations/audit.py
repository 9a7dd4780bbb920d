"""Audit messages as they were received, the connections that brought them, and what a collector did."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

ANOTHER = "another AuditSourceID"
"""What *broken* of a trail counts beside rules: messages that name another source than the first one."""


@dataclass(frozen=True)
class AuditMessageSeen:
    """One audit message: its octets and how it came.

    *carrier* is ``xml`` (a bare document), ``octet-counting``, ``lf`` or ``datagram`` (a SYSLOG-MSG);
    *size* is its true size in octets, *data* is cut if that is more than is kept. *arrived* is the
    UTC epoch time in seconds, None for a file; *connection* counts from 1, 0 for a file or datagram.
    """

    name: str
    data: bytes
    carrier: str = "xml"
    size: int = 0
    arrived: float | None = None
    connection: int = 0


@dataclass(frozen=True)
class AuditConnectionSeen:
    """One connection of a source to our collector.

    *first* is ``tls`` (a TLS record came first), ``clear`` (octets without TLS) or ``nothing``;
    *failed* says why the handshake failed, empty if it did not. *ended* is ``close-notify``,
    ``eof`` (end of stream without close_notify), ``reset`` or ``open`` (we stopped listening).
    *framing* holds (place, expected, observed) of each framing flaw. *alert* is the alert the source
    sent. *server* names the certificate that was shown to it.
    """

    number: int
    server: str = ""
    first: str = "nothing"
    version: str = ""
    suite: str = ""
    certificate: bool = False
    failed: str = ""
    alert: int | None = None
    ended: str = "open"
    octets: int = 0
    messages: int = 0
    framing: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class AuditDeclared:
    """What ``[declared]`` says of the audit source; None where it says nothing.

    *events* are EventID codes reported and enabled; *extensions* codes, elements or SD-IDs beyond
    the standard; *max_size* octets; *detail* is ``study`` or ``instance`` by EventID code.
    *certificate_identity* says whether the identity in a TLS certificate is used (6.2 b 3), *enterprise*
    gives the enterprise authentication identity of logins.
    """

    events: tuple[str, ...] | None = None
    extensions: tuple[str, ...] | None = None
    structured_data: tuple[str, ...] | None = None
    max_size: int | None = None
    default_port: int | None = None
    detail: dict[str, str] | None = None
    certificate_identity: bool | None = None
    enterprise: dict[str, str] | None = None


@dataclass(frozen=True)
class AuditTrailSeen:
    """What a source sent while we listened.

    *messages* are the first ones; *more* counts those beyond, and *broken* how many of them break
    each rule. *caused* are EventID codes that the stimulus gave reason for; *transport* is
    ``syslog-tls`` or ``syslog-udp``. *checksums* counts datagrams without and with a UDP checksum,
    None if that could not be seen. *largest* is the size of the largest message of all, in octets.
    """

    messages: tuple[AuditMessageSeen, ...] = ()
    connections: tuple[AuditConnectionSeen, ...] = ()
    declared: AuditDeclared = field(default_factory=AuditDeclared)
    transport: str = ""
    port: int = 0
    caused: tuple[str, ...] = ()
    more: int = 0
    broken: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    checksums: tuple[int, int] | None = None
    largest: int = 0


@dataclass(frozen=True)
class DeedSeen:
    """Something the harness made the SUT do, as seen on our side of the wire.

    *kind* is ``store``, ``query``, ``refuse`` (an association that had to be rejected), ``tls-fail`` or
    the verb of an action; times are UTC epoch seconds, *last* that of the last response. *ours* is our
    address. *classes* counts instances stored with success per SOP Class UID, *failures* those that
    failed. *novelty* is ``new`` or ``same`` (the SUT had them already). *matches* counts the answers
    of a query. *secret* is a passcode that was sent and must appear nowhere, *user* whose it is said
    to be. *heard* names the messages that arrived from its beginning to that of the next deed.
    *instances* are the SOP Instance UIDs that were transferred with success, in their order; *names*
    those in the TLS certificate that we showed.
    """

    kind: str
    began: float
    ended: float
    last: float = 0.0
    done: bool = True
    why: str = ""
    calling: str = ""
    called: str = ""
    ours: str = ""
    studies: tuple[str, ...] = ()
    patients: tuple[str, ...] = ()
    classes: dict[str, int] = field(default_factory=dict)
    failures: int = 0
    novelty: str = ""
    matches: int = 0
    secret: str = ""
    heard: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    user: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class AuditStorySeen:
    """Deeds in their order, and the messages that arrived from the first deed on."""

    deeds: tuple[DeedSeen, ...]
    trail: AuditTrailSeen


@dataclass(frozen=True)
class DeliverySeen:
    """One message sent to a collector.

    *sent* tells whether it could be written and the connection stayed; *stored* is ``whole``,
    ``cut`` (only its beginning was found), ``lost``, or ``unknown`` (the store could not be read).
    """

    name: str
    size: int
    sent: bool
    stored: str = "unknown"


@dataclass(frozen=True)
class CollectorSeen:
    """What a collector did with one batch of messages.

    *batch* says what was sent. *alive* tells whether a new connection was accepted (and its message
    stored, where that can be seen) afterwards, None over UDP without a readable store; *in_order*
    whether the stored messages kept their order (None if unknown); *readable* says whether its store
    could be read at all; *answered* whether our close_notify was answered (None if not asked).
    *port* is that of the collector.
    """

    batch: str
    deliveries: tuple[DeliverySeen, ...] = ()
    alive: bool | None = None
    in_order: bool | None = None
    readable: bool = False
    answered: bool | None = None
    port: int = 0


@dataclass(frozen=True)
class FloodSeen:
    """What became of *sent* messages sent over one connection as fast as it took them.

    *taken* is False if the connection ended before the last one. *stored* counts those found in the
    store, None if it could not be read; *again* those found more than once, *in_order* whether they
    kept their order. *alive* tells whether a good message was taken afterwards.
    """

    sent: int
    octets: int
    seconds: float
    taken: bool
    stored: int | None = None
    again: int = 0
    in_order: bool | None = None
    alive: bool = False


@dataclass(frozen=True)
class CollectorOfferSeen:
    """Whether a collector took a TLS client with the identity *name*: ``accepted``, ``refused``, ``unclear``."""

    name: str
    outcome: str
    detail: str = ""


@dataclass(frozen=True)
class CollectorOffersSeen:
    """Clients with wrong identities, between two with the right one; *missing* names identities not at hand."""

    offers: tuple[CollectorOfferSeen, ...]
    before: str
    after: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class TlsTakenSeen:
    """Which TLS versions and single suites the other side took; *null* is the outcome of NULL and anonymous suites.

    *versions* and *suites* map a name to ``accepted``, ``refused``, ``unclear`` or ``clear`` (it sent
    without TLS); *control* is the outcome of an open offer. *detail* is the suite that the control negotiated.
    """

    versions: dict[str, str]
    suites: dict[str, str]
    null: str
    control: str
    detail: str = ""


def gravest(outcomes: Collection[str]) -> str:
    """Return ``accepted`` if one is, ``refused`` if all are, else ``unclear``."""
    if "accepted" in outcomes:
        return "accepted"
    return "refused" if set(outcomes) == {"refused"} else "unclear"


@dataclass(frozen=True)
class SourceOfferSeen:
    """How a source answered a collector with the certificate *name*.

    *connected* tells whether it came at all; *refused* whether it broke the handshake; *octets* how
    much syslog it sent all the same.
    """

    name: str
    connected: bool
    refused: bool
    octets: int = 0
    detail: str = ""


@dataclass(frozen=True)
class SourceOffersSeen:
    """Wrong certificates shown to a source, after the right one (*control*); *missing* were not at hand.

    *asked* says whether the source was asked for a certificate of its own.
    """

    control: AuditConnectionSeen | None
    offers: tuple[SourceOfferSeen, ...]
    missing: tuple[str, ...] = ()
    asked: bool = False


@dataclass(frozen=True)
class OutageSeen:
    """What became of messages while the collector was away, and after it came back.

    *late* are the messages of the time away that were delivered afterwards, in the order of their
    arrival, without repetitions; *again* counts those that came twice, *after* those of a trigger
    once the collector was back. *seconds* is how long it was away.
    """

    seconds: float
    late: tuple[AuditMessageSeen, ...]
    again: int
    after: int
