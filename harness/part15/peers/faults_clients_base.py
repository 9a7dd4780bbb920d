"""What the faults of the embedded TLS client have in common."""

from __future__ import annotations

from typing import Any

from part15.peers.faults import Fault

NO_DHE = "RFC7525-recommended-suites"
"""What a client violates that offers no DHE suites: at a lower level they would let short primes in."""
_ROLE = "tls-client"


def client_fault(name: str, text: str, flips: tuple[str, ...], why: str, **changes: Any) -> Fault:
    """Return the fault ``client_NAME`` of a TLS client; *changes* are fields of its behaviour."""
    return Fault(f"client_{name}", text, flips, why, _ROLE, changes, _ROLE)
