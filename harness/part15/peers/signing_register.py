"""Every fault of the signatures family by name, as ``part15 list faults`` shows them."""

from __future__ import annotations

from collections.abc import Mapping

from part15.peers.signature_verifier import VERIFIERS, VerifierFault
from part15.peers.signing_faults import MACRO
from part15.peers.signing_faults_base import BASE, EARLY
from part15.peers.signing_faults_profiles import DOCUMENTS, EARLY_DOCUMENTS, coverage_faults
from part15.peers.signing_faults_use import USE
from part15.peers.signing_orders import SigningFault


def faults() -> Mapping[str, SigningFault | VerifierFault]:
    """Return every fault of a signer or verifier; names are unique."""
    listed: list[SigningFault | VerifierFault] = [
        *MACRO,
        *BASE,
        *EARLY,
        *DOCUMENTS,
        *EARLY_DOCUMENTS,
        *USE,
        *VERIFIERS,
        *coverage_faults("creator-rsa"),
        *coverage_faults("authorization-rsa"),
    ]
    found = {fault.name: fault for fault in listed}
    if len(found) != len(listed):
        raise ValueError("two faults of signatures have one name")
    return found
