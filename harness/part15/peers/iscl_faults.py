"""The named faults of the embedded ISCL peer: a self-check of the harness, not evidence about ISCL."""

from __future__ import annotations

import functools
from typing import Any

from part15.peers.faults import Fault

MINIMUM = "B.2-auth-and-integrity-minimum"
ENTITY = "B.2-entity-authentication"
INTEGRITY = "B.2-integrity-mechanism"
FAILURE = "B.2-integrity-failure"
FRAMEWORK = "B.2-framework"
SELECT = "B.2-select-mechanisms"
PORT = "B.2-port-distinct"
ORDER = "B.2-md5-des-order"


def _fault(name: str, text: str, flips: tuple[str, ...], why: str, **changes: Any) -> Fault:
    return Fault(name, text, flips, why, "iscl", changes, "iscl-server")


def _client(name: str, text: str, flips: tuple[str, ...], why: str, **changes: Any) -> Fault:
    changes["role"] = "client"
    return Fault(name, text, flips, why, "iscl", changes, "iscl-client")


FAULTS = (
    _fault(
        "serves_plain_association_on_iscl_port",
        "answers a plain A-ASSOCIATE-RQ on the ISCL port",
        (PORT,),
        "the port differs from those of other transports",
        foreign="dicom",
    ),
    _fault(
        "serves_tls_on_iscl_port",
        "answers a ClientHello on the ISCL port",
        (PORT,),
        "the port differs from those of other transports",
        foreign="tls",
    ),
    _fault(
        "believes_any_response",
        "takes every response to its challenge",
        (MINIMUM, ENTITY),
        "mutual authentication means that the response is checked",
        lenient=("response",),
    ),
    _fault(
        "repeats_its_challenge",
        "uses one challenge for all connections",
        (MINIMUM, ENTITY),
        "a recorded connection can be replayed",
        repeats=True,
    ),
    _fault(
        "takes_its_own_challenge_back",
        "answers its own challenge",
        (ENTITY,),
        "reflection must be excluded",
        lenient=("reflection",),
    ),
    _fault(
        "serves_before_authentication",
        "takes messages before the authentication is complete",
        (MINIMUM,),
        "an entity authentication mechanism is used",
        lenient=("early",),
    ),
    _fault(
        "takes_messages_without_mac",
        "serves messages for which no MAC was announced",
        (MINIMUM,),
        "data integrity checks are used",
        lenient=("no mac",),
    ),
    _fault(
        "serves_through_mode",
        "serves unprotected data",
        (MINIMUM,),
        "data integrity checks are used",
        lenient=("through",),
    ),
    _fault(
        "ignores_wrong_mac",
        "does not look at the MAC",
        (INTEGRITY, FAILURE),
        "a failed integrity check ends the connection",
        lenient=("mac",),
    ),
    _fault(
        "takes_bare_md5",
        "takes an MD5 digest that is not enciphered",
        (INTEGRITY,),
        "the mechanism is MD5 encrypted with DES",
        lenient=("bare md5",),
    ),
    _fault(
        "checks_only_the_encrypted_digest",
        "takes MD5 only with the digest enciphered",
        (ORDER,),
        "a receiver checks either order",
        lenient=("second order only",),
    ),
    _fault(
        "holds_damaged_connection",
        "keeps a connection open whose integrity check failed",
        (FAILURE,),
        "the connection is dropped",
        holds=True,
    ),
    _fault(
        "takes_any_iscl_version",
        "goes on with a version that does not exist",
        (FRAMEWORK,),
        "the framework of V1.00 is used",
        lenient=("version",),
    ),
    _fault(
        "takes_larger_blocks",
        "lets the client choose a block larger than its own",
        (FRAMEWORK,),
        "the smaller of the two is agreed on",
        lenient=("block",),
    ),
    _fault(
        "refuses_disconnection",
        "does not let the line end",
        (FRAMEWORK,),
        "line disconnection is part of the framework",
        plan="refused-end",
    ),
    _fault(
        "takes_unknown_key_number",
        "uses some key for a number it does not have",
        (ENTITY,),
        "the key number says which key proves the other side",
        lenient=("key number",),
    ),
    _fault(
        "takes_unknown_mechanism",
        "takes an encryption method that table B.2-1 does not have for DES",
        (SELECT,),
        "the mechanisms of table B.2-1 are selected",
        lenient=("mechanism",),
    ),
    _fault(
        "sends_in_clear_though_private",
        "claims privacy and sends in clear",
        (SELECT,),
        "what is claimed is selected",
        clear=True,
    ),
    _client(
        "iscl_client_believes_any_response",
        "takes every response to its challenge",
        (MINIMUM, ENTITY),
        "the server must prove itself too",
        lenient=("response",),
    ),
    _client(
        "iscl_client_repeats_its_challenge",
        "uses one challenge for all connections",
        (MINIMUM, ENTITY),
        "a recorded server can be replayed",
        repeats=True,
    ),
    _client(
        "iscl_client_ignores_wrong_mac",
        "does not look at the MAC of the server's messages",
        (INTEGRITY, FAILURE),
        "a failed integrity check ends the connection",
        lenient=("mac",),
    ),
    _client(
        "iscl_client_takes_messages_without_mac",
        "takes messages for which no MAC was announced",
        (MINIMUM,),
        "data integrity checks are used",
        lenient=("no mac",),
    ),
    _client(
        "iscl_client_takes_any_version",
        "goes on with a version that does not exist",
        (FRAMEWORK,),
        "the framework of V1.00 is used",
        lenient=("version",),
    ),
    _client(
        "iscl_client_takes_any_method",
        "goes on with an authentication method that does not exist",
        (ENTITY,),
        "the method is three pass, four way",
        lenient=("method",),
    ),
    _client(
        "iscl_client_checks_one_md5_order",
        "takes MD5 only with the digest enciphered",
        (ORDER,),
        "a receiver checks either order",
        lenient=("second order only",),
    ),
    _client(
        "iscl_client_takes_unknown_mechanism",
        "takes an encryption method that does not exist for DES",
        (SELECT,),
        "the mechanisms of table B.2-1 are selected",
        lenient=("mechanism",),
    ),
)


@functools.cache
def faults() -> dict[str, Fault]:
    """Return every fault by name."""
    return {fault.name: fault for fault in FAULTS}
