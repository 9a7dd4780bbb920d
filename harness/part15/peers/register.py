"""Every named fault of every family, as ``part15 list faults`` and the kill matrix see them."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

MODULES = (
    "faults",
    "faults_clients",
    "media_faults",
    "deid_faults",
    "audit_faults",
    "signing_register",
    "archive_faults",
    "requestor",
    "iscl_faults",
    "creator",
)
"""Modules of this package with a function ``faults() -> Mapping[str, Fault]``."""


class Fault(Protocol):
    """What all faults have: a deviation, and the clauses it must turn to *fail*."""

    @property
    def name(self) -> str:
        """The defect in words_with_underscores."""

    @property
    def text(self) -> str:
        """What the system does wrong."""

    @property
    def flips(self) -> Sequence[str]:
        """The ids of the clauses it violates."""

    @property
    def family(self) -> str:
        """The family it belongs to."""


@dataclass(frozen=True)
class Named:
    """A fault as a list shows it."""

    name: str
    text: str
    flips: tuple[str, ...]
    family: str


def faults() -> dict[str, Named]:
    """Return every fault by ``name``; a name that two families use gets the family in front."""
    found: dict[str, Named] = {}
    for module in MODULES:
        for fault in importlib.import_module(f"part15.peers.{module}").faults().values():
            name = fault.name if fault.name not in found else f"{fault.family}:{fault.name}"
            found[name] = Named(name, fault.text, tuple(fault.flips), fault.family)
    return found
