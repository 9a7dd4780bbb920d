"""Faults of the embedded archive in keeping what it stores (PS3.15 A.1.1 g and h, A.3)."""

from __future__ import annotations

from typing import Any

from part15.peers import archive_rewrites as rewrites
from part15.peers.archive_policy import JPEG, RLE
from part15.peers.faults import Fault
from part15.wire import pdu

_KEPT = ("A.3-a-bit-for-bit", "A.3-c-no-removal-or-change")
_VALUES = (*_KEPT, "A.1.1-g-no-coercion", "A.1.1-h-no-other-change")
_LOST = ("A.3-c-no-removal-or-change", "A.1.1-g-no-coercion", "A.1.1-h-no-other-change")
_LEVEL_2 = ("A.1.1-g-level-2", "PS3.4-storage-level2")


def _stored(name: str, text: str, flips: tuple[str, ...], why: str, **changes: Any) -> Fault:
    return Fault(name, text, flips, why, "storage", changes, "storage-scp")


STORAGE = (
    _stored(
        "coerces_patient_name",
        "gives every patient another name",
        _VALUES,
        "no value may change",
        rewrite=(rewrites.coerce_patient_name,),
    ),
    _stored(
        "coerces_patient_id_silently",
        "gives every patient another ID and answers with success",
        (*_VALUES, "PS3.4-coercion-warning"),
        "coercion needs at least a warning",
        rewrite=(rewrites.coerce_patient_id,),
    ),
    _stored(
        "drops_private",
        "drops private elements",
        (*_LOST, *_LEVEL_2),
        "private elements are part of the object",
        rewrite=(rewrites.drop_private,),
    ),
    _stored(
        "strips_signatures",
        "drops digital signatures and MAC parameters",
        (*_LOST, *_LEVEL_2),
        "signatures are part of the object",
        rewrite=(rewrites.drop_signatures,),
    ),
    _stored(
        "drops_empty_elements",
        "drops elements without a value",
        ("A.3-c-no-removal-or-change",),
        "A.3 is stricter than Storage Level 2",
        rewrite=(rewrites.drop_empty,),
    ),
    _stored(
        "trims_padding",
        "cuts trailing blanks of text",
        _VALUES,
        "padding is part of the value field",
        rewrite=(rewrites.trim_padding,),
    ),
    _stored(
        "reorders_items",
        "sorts the items of sequences",
        (
            "A.3-b-item-order",
            "A.3-c-no-removal-or-change",
            "A.1.1-g-no-coercion",
            "A.1.1-h-no-other-change",
        ),
        "the order of items is kept",
        rewrite=(rewrites.reorder_items,),
    ),
    _stored(
        "rewrites_un",
        "writes UN of known tags with the VR of the dictionary",
        ("A.3-e-vr-unchanged", "A.3-c-no-removal-or-change"),
        "the VR is kept",
        rewrite=(rewrites.resolve_unknown,),
    ),
    _stored(
        "merges_fragments",
        "puts all fragments of encapsulated data into one",
        _VALUES,
        "fragment boundaries are part of the value field",
        rewrite=(rewrites.merge_fragments,),
    ),
    _stored(
        "prefers_implicit",
        "chooses Implicit VR Little Endian whenever it is offered",
        ("A.3-d-explicit-vr",),
        "an explicit VR syntax must be used",
        transfers=(pdu.IMPLICIT_LE, pdu.EXPLICIT_LE, RLE, JPEG),
    ),
    _stored(
        "states_signature_level_1",
        "states signature level 1 in SOP Class Extended Negotiation",
        ("A.3-signature-level",),
        "A.3 corresponds to level 3",
        extended=b"\x02\0\x01\0\0\0",
    ),
    _stored(
        "answers_extended_negotiation_short",
        "answers SOP Class Extended Negotiation with five octets",
        ("PS3.4-extneg-layout",),
        "it has six octets",
        extended=b"\x02\0\x03\0\0",
    ),
)
