"""Faults of ports, associations, deadlines, records, and of staying alive."""

from __future__ import annotations

from part15.peers.faults import Fault, for_each

_FAMILY = "association"
SECTIONS = ("B.1", "B.3", "B.9", "B.10", "B.11", "B.12", "B.13")

FAULTS = (
    Fault(
        "serves_plain_on_tls_port",
        "answers a plain A-ASSOCIATE-RQ on the TLS port",
        (
            "TLS-COMMON-plaintext-refused",
            *for_each("{}-port-distinct", "B.1", "B.3"),
            *for_each("{}-strict-tls", "B.10", "B.11", "B.12", "B.13"),
            "RFC7525-strict-tls",
            "RFC9325-strict-tls",
        ),
        "the TLS port serves unprotected DICOM",
        _FAMILY,
        {"plain": True},
    ),
    Fault(
        "states_port_twice",
        "states its TLS port as a plain one too",
        ("PS3.8-9.1.1-unique-port", "TLS-COMMON-plaintext-refused"),
        "a port belongs to one upper layer entity; and what is stated to be plain answers with TLS",
        _FAMILY,
        {"states_port_twice": True},
    ),
    Fault(
        "answers_http_on_dimse_port",
        "answers HTTP requests inside the TLS of the DIMSE port",
        for_each("{}-dicomweb-port-distinct", "B.9", "B.10", "B.11", "B.12", "B.13"),
        "the port serves DICOMweb and DIMSE",
        _FAMILY,
        {"http": True},
    ),
    Fault(
        "fails_to_echo",
        "accepts associations inside TLS, but answers C-ECHO with a failure",
        for_each("{}-framework", "B.9", "B.10", "B.11", "B.12", "B.13"),
        "DICOM does not work inside TLS",
        _FAMILY,
        {"echo_status": 0x0110},
    ),
    Fault(
        "ignores_artim",
        "waits for the A-ASSOCIATE-RQ as long as it takes",
        ("PS3.8-9.1.5-artim",),
        "the connection is not closed when ARTIM expires",
        _FAMILY,
        {"artim": None},
    ),
    Fault(
        "rejects_with_undefined_values",
        "sends A-ASSOCIATE-RJ with a result, source and reason that no table has",
        ("PS3.8-9.3.4-rj-values",),
        "result 3, source 4, reason 9 are not defined",
        _FAMILY,
        {"reject": (3, 4, 9)},
    ),
    Fault(
        "rejects_with_undefined_reason",
        "sends A-ASSOCIATE-RJ with a reserved reason",
        ("PS3.8-9.3.4-rj-values",),
        "reason 5 of the service user is reserved",
        _FAMILY,
        {"reject": (1, 1, 5)},
    ),
    Fault(
        "aborts_with_undefined_source",
        "sends A-ABORT with the reserved source 1",
        ("PS3.8-9.3.8-abort-values",),
        "source 1 is reserved",
        _FAMILY,
        {"abort": (1, 0)},
    ),
    Fault(
        "aborts_with_undefined_reason",
        "sends A-ABORT with the reserved reason 3",
        ("PS3.8-9.3.8-abort-values",),
        "reason 3 is reserved",
        _FAMILY,
        {"abort": (2, 3)},
    ),
    Fault(
        "holds_connection_after_damage",
        "keeps the connection when an integrity check failed",
        ("TLS-COMMON-integrity-drop", *for_each("{}-integrity-failure", *SECTIONS)),
        "the connection must be dropped",
        "integrity",
        {"after_damage": "hold"},
    ),
    Fault(
        "dies_after_damage",
        "stops listening after a record that failed its integrity check",
        ("TLS-COMMON-handshake-failure-robustness",),
        "one bad record takes the service down",
        "integrity",
        {"dies": "damage"},
    ),
    Fault(
        "dies_after_malformed_hello",
        "stops listening after a ClientHello that makes no sense",
        ("TLS-COMMON-handshake-failure-robustness",),
        "one bad client takes the service down",
        "robustness",
        {"dies": "malformed"},
    ),
    Fault(
        "dies_after_refused_offer",
        "stops listening after a handshake that failed",
        (),
        "everything after it is error or inconclusive, nothing passes",
        "robustness",
        {"dies": "refused"},
    ),
    Fault(
        "hangs_in_handshake",
        "never answers a ClientHello",
        (),
        "everything is error or inconclusive, nothing passes",
        "robustness",
        {"hangs": True},
    ),
)
