"""What hellos showed: one answer, answers to several offers, the suites an endpoint negotiates, a client's hello.

Versions are the names ``ssl3 1.0 1.1 1.2 1.3``; suites, groups, schemes and extensions are code
points. ``outcome`` of an answer is one of

``hello`` a version and suite were selected (a HelloRetryRequest is a selection too) ·
``alert`` · ``close`` end of stream without a word · ``reset`` · ``silent`` not one octet until the
deadline · ``drip`` an unfinished answer at the deadline · ``garbage`` not TLS · ``malformed`` TLS
records with a broken message · ``oversize`` a bound was exceeded · ``unreachable`` the connection
could not be opened any more.
"""

from __future__ import annotations

from dataclasses import dataclass, field

REFUSALS = ("alert", "close", "reset")
"""Outcomes that refuse an offer; every other one but ``hello`` decides nothing."""


@dataclass(frozen=True)
class CertificateSeen:
    """One certificate of a chain. *key* is RSA, EC, DSA, Ed25519 …; *curve* is set for EC.

    *signer_bits* is the size of the key that signed it, from the issuer where the chain holds it,
    else from the signature itself; None if neither tells. *problem* says why it could not be read.
    """

    subject: str = ""
    key: str = ""
    bits: int = 0
    curve: str = ""
    signer: str = ""
    signer_bits: int | None = None
    hash: str = ""
    self_signed: bool = False
    fingerprint: str = ""
    problem: str = ""


@dataclass(frozen=True)
class HelloSeen:
    """The answer to one ClientHello; *offered* is a line about what it offered."""

    offered: str
    versions: tuple[str, ...]
    suites: tuple[int, ...]
    outcome: str
    detail: str = ""
    version: str = ""
    suite: int | None = None
    retry: bool = False
    alert: int | None = None
    alert_level: int | None = None
    warnings: tuple[int, ...] = ()
    closed: bool | None = None
    """Whether the server closed after a fatal alert; None if that was not waited for."""
    extensions: tuple[int, ...] = ()
    alpn: str | None = None
    compression: int = 0
    sentinel: str = ""
    group: int | None = None
    dh_bits: int | None = None
    scheme: int | None = None
    public: str = ""
    """Digest of the server's ephemeral public key."""
    certificate_request: bool | None = None
    """Whether a client certificate was asked for; None where that is encrypted or was not reached."""
    request_types: tuple[int, ...] = ()
    chain: tuple[CertificateSeen, ...] = ()
    stapled: bool = False
    whole: bool = True
    """Whether a selection came with all that belongs to it: up to ServerHelloDone before TLS 1.3."""

    @property
    def accepted(self) -> bool:
        """The offer was accepted: a selection, and the flight that makes it good.

        A ServerHello alone violates a prohibition, but it proves no service.
        """
        return self.outcome == "hello" and self.whole

    @property
    def refused(self) -> bool:
        """The offer was turned down: an alert, a closed or reset connection."""
        return self.outcome in REFUSALS


@dataclass(frozen=True)
class ControlSeen:
    """An offer that must succeed: *what* was offered, whether it did, and how it was answered."""

    what: str
    ok: bool
    answer: str


@dataclass(frozen=True)
class HellosSeen:
    """Answers to the offers of one stimulus, bracketed by controls on the same endpoint.

    *known* says which versions and certificate types (``RSA``, ``ECDSA``) the endpoint is known to
    have, where the driver learnt them.
    """

    hellos: tuple[HelloSeen, ...]
    before: ControlSeen
    after: ControlSeen
    known_versions: tuple[str, ...] = ()
    known_types: tuple[str, ...] = ()


@dataclass(frozen=True)
class VersionSeen:
    """One version of an endpoint: the suites it accepts in the order it gave them up, and the last refusal."""

    version: str
    accepted: tuple[HelloSeen, ...]
    refusal: HelloSeen | None
    complete: bool
    """Every offered suite was either accepted or refused by an answer that decides."""


@dataclass(frozen=True)
class SuitesSeen:
    """What one endpoint negotiates, per version; found by elimination.

    *types* are the certificate types that were seen in use (``RSA``, ``ECDSA``, ``DSS``, ``EdDSA``);
    *probes* are further hellos the stimulus asked for; *twins* are the same for the other endpoints
    that carry the claim; *connections* counts those made for this enumeration.
    """

    endpoint: str
    versions: tuple[VersionSeen, ...]
    before: ControlSeen
    after: ControlSeen
    types: tuple[str, ...] = ()
    probes: tuple[HelloSeen, ...] = ()
    connections: int = 0
    twins: tuple[SuitesSeen, ...] = field(default=())

    @property
    def everywhere(self) -> tuple[SuitesSeen, ...]:
        """The endpoint itself and its twins."""
        return (self, *self.twins)

    @property
    def hellos(self) -> tuple[HelloSeen, ...]:
        """Every accepted offer of this endpoint."""
        return tuple(hello for version in self.versions for hello in version.accepted)

    def accepted(self, version: str) -> tuple[int, ...]:
        """Return the suites that this endpoint negotiates in *version*, in its order."""
        return tuple(
            hello.suite
            for found in self.versions
            if found.version == version
            for hello in found.accepted
            if hello.suite is not None
        )

    @property
    def chooses_itself(self) -> bool:
        """Whether the suites were given up in another order than they were offered in: the server's own."""
        picked = [
            [
                found.accepted[0].suites.index(hello.suite)
                for hello in found.accepted
                if hello.suite is not None
            ]
            for found in self.versions
            if found.accepted
            and {hello.suite for hello in found.accepted} <= set(found.accepted[0].suites)
        ]
        return any(places != sorted(places) for places in picked)

    @property
    def negotiated(self) -> tuple[str, ...]:
        """The versions that this endpoint negotiates."""
        return tuple(found.version for found in self.versions if found.accepted)


@dataclass(frozen=True)
class RenegotiationSeen:
    """What a server answers when a TLS 1.2 client starts another handshake inside a connection.

    *answers* has, per way of asking, ``hello`` (it renegotiates), ``alert NAME(n)`` or how it ended:
    ``right`` (with the right renegotiation_info), ``missing`` (without, after a handshake that
    indicated it), ``wrong`` (with a wrong one), ``never`` (never indicated at all), ``certificate``
    (the right one, but another client certificate; ``completed`` if that was accepted).
    *indicated* tells whether the server acknowledged renegotiation_info in its first ServerHello,
    *authenticates* whether it asks for a client certificate.
    """

    answers: dict[str, str]
    indicated: bool
    authenticates: bool
    before: ControlSeen
    after: ControlSeen
    known_versions: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClientHelloSeen:
    """The first octets of a connection that the SUT opened.

    *outcome* is ``hello``, ``plain`` (an A-ASSOCIATE-RQ in clear), ``sslv2`` or one of the outcomes
    of an answer. *versions* is supported_versions in order (*listed*), or the client_version alone;
    GREASE values are left out of every list, signalling values of the suites are kept.
    """

    outcome: str
    detail: str = ""
    client_version: int = 0
    record_version: int = 0
    listed: bool = False
    versions: tuple[str, ...] = ()
    suites: tuple[int, ...] = ()
    compression: tuple[int, ...] = ()
    extensions: tuple[int, ...] = ()
    groups: tuple[int, ...] = ()
    schemes: tuple[int, ...] = ()
    point_formats: tuple[int, ...] = ()
    alpn: tuple[str, ...] = ()
    server_name: str = ""


@dataclass(frozen=True)
class AttemptSeen:
    """What the SUT sent when it was made to connect once and was turned away in *way*; retries included."""

    way: str
    hellos: tuple[ClientHelloSeen, ...]


@dataclass(frozen=True)
class ClientSeen:
    """A SUT client that connected to *port*, which was chosen by us; *named* if it was given a host name."""

    port: int
    named: bool
    attempts: tuple[AttemptSeen, ...]

    @property
    def first(self) -> ClientHelloSeen:
        """The first thing it ever sent."""
        return self.attempts[0].hellos[0]


@dataclass(frozen=True)
class PortSeen:
    """A SUT client that was told port *before*, then port *told*, and came to port *came* of the two."""

    before: int
    told: int
    came: int
