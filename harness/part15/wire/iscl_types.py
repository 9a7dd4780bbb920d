"""What both halves of the ISCL engine speak of: keys, settings, events, and messages about to be sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Role = Literal["server", "client"]
LENIENCES = (
    "response",
    "reflection",
    "mac",
    "no mac",
    "bare md5",
    "through",
    "early",
    "version",
    "method",
    "key number",
    "deaf",
    "block",
    "mechanism",
    "first order only",
    "second order only",
    "des_mac",
    "md5",
)
"""What a faulty end lets pass (or, the last four, does not take)."""


@dataclass(frozen=True)
class Keys:
    """DES keys of eight octets by key number, of both kinds; never shown."""

    authentication: Mapping[int, bytes] = field(repr=False)
    encryption: Mapping[int, bytes] = field(repr=False)


@dataclass(frozen=True)
class Settings:
    """What one end offers and takes.

    *mac* is ``des_mac`` or ``md5`` (a tester may say ``none``); *order* the MD5 order to send in, empty
    for the binding's; *block* and *message* lower the binding's limits. *lenient* has :data:`LENIENCES`.
    """

    privacy: bool = False
    mac: str = "des_mac"
    order: str = ""
    session_keys: bool = False
    authentication_key: int = 1
    encryption_key: int = 1
    block: int = 0
    message: int = 0
    takes_privacy: tuple[bool, ...] = (False, True)
    lenient: frozenset[str] = frozenset()
    bare: bool = False


RIGHT = Settings()


@dataclass(frozen=True)
class Opened:
    """Mutual authentication is complete; blocks have at most *block* octets."""

    block: int


@dataclass(frozen=True)
class Received:
    """A message came and its MAC fits; *order* tells how it was made (``through``: it has none)."""

    octets: bytes
    order: str
    privacy: bool


@dataclass(frozen=True)
class Closed:
    """The line was disconnected in order."""


@dataclass(frozen=True)
class Failed:
    """The connection is to be dropped: *reason* is a short name."""

    reason: str
    why: str


Event: TypeAlias = Opened | Received | Closed | Failed


@dataclass(frozen=True)
class Draft:
    """A message about to be sent."""

    name: str
    fields: Mapping[str, Any]
    option: int


Plan: TypeAlias = Callable[[Draft, Any], "list[Draft | bytes]"]
"""What is sent instead of a message; a tester's."""


def as_it_is(draft: Draft, _: Any) -> list[Draft | bytes]:
    """Send what is right."""
    return [draft]
