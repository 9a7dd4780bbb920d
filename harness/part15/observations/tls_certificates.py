"""Certificates both ways: what a server shows, and what it makes of those that we show."""

from __future__ import annotations

from dataclasses import dataclass

from part15.observations import NotReached
from part15.observations.session import AuthenticationSeen
from part15.observations.tls import SuitesSeen


@dataclass(frozen=True)
class CertificatesSeen:
    """Both sides of a rule about certificates: those that a server shows, and which of ours it lets in."""

    own: SuitesSeen
    shown: AuthenticationSeen | NotReached
