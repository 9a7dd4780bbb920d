"""The named faults of the embedded reference peer: one deviation each, with the clauses that it must flip."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Fault:
    """A deviation of the peer.

    *changes* are fields of the peer's policy; *flips* the clauses it violates, of whatever profile or
    edition, with the reason *why* it does; *family* is the subject it belongs to.
    """

    name: str
    text: str
    flips: tuple[str, ...]
    why: str
    family: str
    changes: Mapping[str, Any]
    role: str = "tls-server"


def for_each(pattern: str, *sections: str) -> tuple[str, ...]:
    """Return *pattern* with ``{}`` replaced by each of *sections*."""
    return tuple(pattern.format(section) for section in sections)


@functools.cache
def faults() -> dict[str, Fault]:
    """Return every fault by name, in the order in which they are listed."""
    from part15.peers import (
        faults_association,
        faults_authentication,
        faults_certificates,
        faults_legacy,
        faults_suites,
        faults_versions,
    )

    found: dict[str, Fault] = {}
    modules = (
        faults_versions,
        faults_suites,
        faults_certificates,
        faults_authentication,
        faults_association,
        faults_legacy,
    )
    for module in modules:
        for fault in module.FAULTS:
            if fault.name in found:
                raise ValueError(f"fault {fault.name} is listed twice")
            found[fault.name] = fault
    return found
