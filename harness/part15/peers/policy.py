"""What the embedded reference peer does, as data; a fault changes one part of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from part15.peers.hello import Hello

ECDHE_GCM = "ECDHE+AESGCM"
MODERN = f"{ECDHE_GCM}:ECDHE+CHACHA20"
WITH_DHE = f"{ECDHE_GCM}:ECDHE+CHACHA20:kDHE+aRSA+AESGCM"

Script = Callable[[Hello, "Policy"], bytes | None]
"""Answers a ClientHello by itself, or returns None to leave it to the TLS library."""


@dataclass(frozen=True)
class Instead:
    """For ClientHellos of which *when* is true, the policy with *changes* serves the connection."""

    when: Callable[[Hello], bool]
    changes: Mapping[str, Any]


@dataclass(frozen=True)
class Policy:
    """The right behaviour; every default is what B.12 (2023b) asks for, as far as OpenSSL lets it.

    *client* is ``required``, ``optional`` or ``ignored`` (no certificate is asked for). *options* and
    *verify* are further bits of OpenSSL. *reject* and *abort* replace the values of the A-ASSOCIATE-RJ
    and A-ABORT PDUs. *after_damage* is ``drop``, ``hold`` (the connection stays open when an
    integrity check failed) or ``store`` (what came of an object until then is stored).
    """

    minimum: str = "1.2"
    maximum: str = "1.3"
    ciphers: str = WITH_DHE
    without: str = ""
    """What is taken off the ciphers again."""
    level: int = 2
    server_preference: bool = True
    group: str = ""
    """The one group to use; empty for the library's list."""
    dh: str = "ffdhe2048"
    certificates: tuple[str, ...] = ("server", "server-ec")
    client: str = "required"
    trusts: tuple[str, ...] = ()
    """Identities whose certificates are trusted besides the CA."""
    crl: bool = True
    verify: int = 0
    options: int = 0
    renegotiates: bool = False
    ticket_lifetime: int = 0
    """The lifetime that TLS 1.2 tickets are made to say, 0 for the library's."""
    names: tuple[str, ...] = ("localhost", "127.0.0.1", "::1")
    unknown_name: str = "refuse"
    alpn: tuple[str, ...] = ("dicom",)
    foreign_alpn: str = "refuse"
    instead: tuple[Instead, ...] = ()
    scripts: tuple[Script, ...] = ()
    old_version_alert: int | None = 70
    """The alert for offers below TLS 1.2; None closes without one."""
    sslv2: bool = False
    plain: bool = False
    http: bool = False
    hangs: bool = False
    dies: str = ""
    """When the port closes for good: after a handshake that was ``refused``, a ``malformed`` ClientHello, or
    ``damage`` to a record."""
    artim: float | None = 5.0
    """Seconds to wait for a ClientHello and for an A-ASSOCIATE-RQ; None waits as long as it likes."""
    mute: tuple[str, ...] = ()
    """Suites, in the library's words, with which a completed handshake is followed by nothing."""
    echo_status: int = 0
    reject: tuple[int, int, int] | None = None
    abort: tuple[int, int] | None = None
    after_damage: str = "drop"
    records: str = ""
    """How it misreads TLS records (:class:`part15.peers.clumsy.Clumsy`)."""
    repairs_tickets: bool = False
    """A changed session ticket is put right before the TLS library sees it."""
    program: tuple[str, ...] = ()
    """Options with which ``openssl s_server`` serves the connection in our stead."""
    gnutls: str = ""
    """Suites, signatures and groups in GnuTLS's words: that library then serves instead of OpenSSL."""
    gnutls_without: str = ""
    weak_peers: bool = False
    """GnuTLS takes client certificates with short keys and old hashes, as OpenSSL does at level 0."""
    served: tuple[int, ...] = ()
    """The suites below TLS 1.3 that those words mean."""
    states_port_twice: bool = False
    """The target states the TLS port as a plain one too."""
    extra: Mapping[str, Any] = field(default_factory=dict)
