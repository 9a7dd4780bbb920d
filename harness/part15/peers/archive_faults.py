"""The named faults of the embedded archive: one deviation each, with the clauses that it must flip."""

from __future__ import annotations

import functools
from typing import Any

from part15.peers import archive_rewrites as rewrites
from part15.peers.archive_policy import JPEG, RLE
from part15.peers.faults import Fault
from part15.wire import pdu

_SCP = "storage-scp"
_UID = "association-acceptor"

IDENTITY = (
    Fault(
        "refuses_user_names",
        "rejects users who show a name only",
        ("B.4-accept-type-1-2", "B.4-min-mechanism"),
        "types 1 and 2 must be accepted",
        "identity",
        {"refused_types": (1,)},
        _UID,
    ),
    Fault(
        "refuses_passcodes",
        "rejects users who show name and passcode, right or wrong",
        ("B.4-accept-type-1-2", "B.5-accept", "B.5-min-mechanism"),
        "type 2 must be accepted",
        "identity",
        {"refused_types": (2,)},
        _UID,
    ),
    Fault(
        "refuses_tickets",
        "rejects users who show a Kerberos ticket",
        ("B.6-accept", "B.6-min-mechanism"),
        "type 3 must be accepted",
        "identity",
        {"refused_types": (3,)},
        _UID,
    ),
    Fault(
        "refuses_assertions",
        "rejects users who show a SAML assertion",
        ("B.7-accept", "B.7-min-mechanism"),
        "type 4 must be accepted",
        "identity",
        {"refused_types": (4,)},
        _UID,
    ),
    Fault(
        "omits_59h",
        "never answers a request for a positive response",
        (
            "UID-ac-present-when-requested",
            "B.4-positive-response",
            "B.5-positive-response",
            "B.6-positive-response",
            "B.7-positive-response",
            "UID-ac-kerberos",
            "UID-ac-saml",
        ),
        "a positive response that was asked for must come",
        "identity",
        {"positive": "never"},
        _UID,
    ),
    Fault(
        "responds_unasked",
        "sends a positive response though none was asked for",
        ("UID-ac-only-if-positive-and-ok",),
        "59H only where it was asked for",
        "identity",
        {"positive": "always"},
        _UID,
    ),
    Fault(
        "responds_without_identity",
        "sends a positive response to a request without an identity",
        ("UID-ac-absent-if-not-requested-item", "UID-acceptor-without-support"),
        "59H only where there is a 58H",
        "identity",
        {"positive": "unprompted"},
        _UID,
    ),
    Fault(
        "responds_twice",
        "sends two positive responses",
        (
            "UID-ac-single",
            "UID-ac-present-when-requested",
            "B.4-positive-response",
            "B.5-positive-response",
            "B.6-positive-response",
            "B.7-positive-response",
            "UID-ac-kerberos",
            "UID-ac-saml",
        ),
        "at most one 59H",
        "identity",
        {"positive": "twice"},
        _UID,
    ),
    Fault(
        "fills_server_response",
        "puts a text into every server response",
        (
            "UID-ac-zero-length-type-1-2",
            "B.4-positive-response",
            "B.5-positive-response",
            "B.6-positive-response",
            "B.7-positive-response",
            "UID-ac-kerberos",
            "UID-ac-saml",
        ),
        "empty for types 1 and 2, a ticket for 3, a SAML Response for 4",
        "identity",
        {"response": b"welcome"},
        _UID,
    ),
    Fault(
        "miscounts_server_response",
        "declares a server response longer than it is",
        (
            "UID-ac-layout",
            "UID-ac-zero-length-type-1-2",
            "B.4-positive-response",
            "B.5-positive-response",
        ),
        "the item length is two more than the response",
        "identity",
        {"grow": 2},
        _UID,
    ),
    Fault(
        "marks_reserved_octet",
        "sends 59H with another reserved octet",
        ("UID-ac-layout",),
        "the reserved octet is 00H",
        "identity",
        {"reserved": 1},
        _UID,
    ),
    Fault(
        "tests_reserved_octet",
        "aborts when the reserved octet of 58H is not 00H",
        ("UID-rq-reserved",),
        "the reserved octet is not tested",
        "identity",
        {"tests_reserved": True},
        _UID,
    ),
    Fault(
        "accepts_any_passcode",
        "accepts every credential",
        (
            "B.5-authenticate",
            "B.5-reject-on-failure",
            "B.6-authenticate",
            "B.6-reject-on-failure",
            "B.7-authenticate",
            "B.7-reject-on-failure",
            "UID-kerberos-permission",
        ),
        "wrong credentials must be rejected",
        "identity",
        {"verifies": False},
        _UID,
    ),
    Fault(
        "rejects_transient",
        "rejects wrong credentials with result 2 (transient)",
        ("UID-reject-codes",),
        "the result is 1 (permanent)",
        "identity",
        {"reject": (2, 2, 1)},
        _UID,
    ),
    Fault(
        "rejects_as_service_user",
        "rejects wrong credentials with source 1 (service user)",
        ("UID-reject-codes",),
        "the source is 2 (ACSE)",
        "identity",
        {"reject": (1, 1, 1)},
        _UID,
    ),
    Fault(
        "aborts_wrong_credentials",
        "aborts instead of rejecting",
        ("UID-reject-codes",),
        "a rejection is due",
        "identity",
        {"refusal": "abort"},
        _UID,
    ),
    Fault(
        "rejects_unsupported_identities",
        "rejects identity types that it does not support",
        ("UID-acceptor-without-support",),
        "what is not supported is ignored",
        "identity",
        {"refused_types": (5,)},
        _UID,
    ),
    Fault(
        "confirms_unsupported_identities",
        "sends a positive response for identity types that it does not support",
        ("UID-acceptor-without-support",),
        "no positive response for what was not authenticated",
        "identity",
        {"answers_unsupported": True},
        _UID,
    ),
)

_KEPT = ("A.3-a-bit-for-bit", "A.3-c-no-removal-or-change")
_VALUES = (*_KEPT, "A.1.1-g-no-coercion", "A.1.1-h-no-other-change")
_LOST = ("A.3-c-no-removal-or-change", "A.1.1-g-no-coercion", "A.1.1-h-no-other-change")
_LEVEL_2 = ("A.1.1-g-level-2", "PS3.4-storage-level2")


def _stored(name: str, text: str, flips: tuple[str, ...], why: str, **changes: Any) -> Fault:
    return Fault(name, text, flips, why, "storage", changes, _SCP)


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


@functools.cache
def faults() -> dict[str, Fault]:
    """Return every fault by name, in the order in which they are listed."""
    found: dict[str, Fault] = {}
    for fault in (*IDENTITY, *STORAGE):
        if fault.name in found:
            raise ValueError(f"fault {fault.name} is listed twice")
        found[fault.name] = fault
    return found
