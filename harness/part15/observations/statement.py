"""What the vendor declares of the product, and where the target says it listens."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class DeclaredPoint:
    """One endpoint or listener of the target file, as an address fact."""

    id: str
    host: str
    port: int
    transport: str
    profiles: tuple[str, ...] = ()
    listens: bool = True
    """True for an endpoint (the SUT listens), False for a listener (the SUT connects to us)."""


@dataclass(frozen=True)
class DeclarationSeen:
    """The values found in ``[declared]`` under the keys that were asked for.

    *values* maps a key (``tls-bcp195-rfc8996.ports``; ``profiles[].id`` for each item of a list) to
    the declared value; a key that is in *absent* is not declared at all, or not in every item.
    *claims* maps each claimed profile to its roles.
    """

    keys: tuple[str, ...]
    values: dict[str, Any] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    claims: dict[str, tuple[str, ...]] = field(default_factory=dict)
    points: tuple[DeclaredPoint, ...] = ()
