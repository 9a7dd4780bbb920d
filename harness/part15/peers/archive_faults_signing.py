"""Faults of the embedded archive in the use of digital signatures (PS3.15 A.2)."""

from __future__ import annotations

from typing import Any

from part15.peers import archive_rewrites as rewrites
from part15.peers import archive_signing as signing
from part15.peers.faults import Fault


def _fault(name: str, text: str, flips: tuple[str, ...], why: str, **changes: Any) -> Fault:
    return Fault(name, text, flips, why, "signature use", changes, "storage-scp")


SIGNING = (
    _fault(
        "keeps_broken_signatures",
        "writes values anew and keeps the signatures that this breaks",
        ("A.2-c1-remove-invalidated", "A.2-c2-re-sign"),
        "what may have become invalid is removed and replaced",
        rewrite=(rewrites.trim_padding,),
    ),
    _fault(
        "breaks_signatures_in_implicit",
        "cuts values, and with them its signatures, when it writes Implicit VR Little Endian",
        ("A.2-c1-remove-invalidated", "A.2-c2-re-sign"),
        "in no transfer syntax a broken signature is sent",
        transcoding=(rewrites.coerce_patient_name,),
    ),
    _fault(
        "never_signs_again",
        "drops signatures without signing anew",
        ("A.2-c2-re-sign",),
        "a new signature covers what could be verified",
        rewrite=(rewrites.drop_signatures,),
    ),
    _fault(
        "signs_little",
        "signs anew over two elements only",
        ("A.2-c2-re-sign",),
        "a new signature covers what could be verified",
        rewrite=(signing.sign_little,),
    ),
    _fault(
        "signs_altered_objects",
        "signs anew what was altered after signing",
        ("A.2-b-validate-on-receipt",),
        "signatures are validated on receipt",
        rewrite=(signing.sign_blindly,),
    ),
    _fault(
        "states_no_signature_level",
        "states signature level 0 in SOP Class Extended Negotiation",
        ("A.2-signature-level",),
        "A.2 corresponds to level 2",
        extended=b"\2\0\0\0\0\0",
    ),
)
