"""The named faults of the embedded archive: one deviation each, with the clauses that it must flip."""

from __future__ import annotations

import functools

from part15.peers.archive_faults_correction import CORRECTION
from part15.peers.archive_faults_filtering import FILTERING
from part15.peers.archive_faults_identity import IDENTITY
from part15.peers.archive_faults_signing import SIGNING
from part15.peers.archive_faults_status import STATUS
from part15.peers.archive_faults_storage import STORAGE
from part15.peers.faults import Fault


@functools.cache
def faults() -> dict[str, Fault]:
    """Return every fault by name, in the order in which they are listed."""
    found: dict[str, Fault] = {}
    for fault in (*IDENTITY, *STORAGE, *STATUS, *SIGNING, *FILTERING, *CORRECTION):
        if fault.name in found:
            raise ValueError(f"fault {fault.name} is listed twice")
        found[fault.name] = fault
    return found
