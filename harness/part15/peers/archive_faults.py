"""The named faults of the embedded archive: one deviation each, with the clauses that it must flip."""

from __future__ import annotations

import functools

from part15.peers.faults import Fault

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


@functools.cache
def faults() -> dict[str, Fault]:
    """Return every fault by name, in the order in which they are listed."""
    found: dict[str, Fault] = {}
    for fault in IDENTITY:
        if fault.name in found:
            raise ValueError(f"fault {fault.name} is listed twice")
        found[fault.name] = fault
    return found
