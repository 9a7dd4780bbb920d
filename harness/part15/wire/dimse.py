"""Command sets of DIMSE messages (PS3.7 Annex E): implicit VR little endian, group 0000."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import TypeAlias

Command: TypeAlias = dict[int, int | str]

SOP_CLASS, FIELD, MESSAGE_ID, RESPONDED = 0x0002, 0x0100, 0x0110, 0x0120
PRIORITY, DATA_SET_TYPE, STATUS, SOP_INSTANCE = 0x0700, 0x0800, 0x0900, 0x1000
REQUESTED_CLASS, REQUESTED_INSTANCE, EVENT_TYPE, ACTION_TYPE = 0x0003, 0x1001, 0x1002, 0x1008
DESTINATION, ORIGINATOR = 0x0600, 0x1030
REMAINING, COMPLETED, FAILED, WARNED = 0x1020, 0x1021, 0x1022, 0x1023

C_STORE_RQ, C_ECHO_RQ, RESPONSE = 0x0001, 0x0030, 0x8000
NO_DATA_SET = 0x0101
_UIDS = {SOP_CLASS, REQUESTED_CLASS, SOP_INSTANCE, REQUESTED_INSTANCE}
_TITLES = {DESTINATION, ORIGINATOR}
MAX_COMMAND = 1 << 16


class CommandError(ValueError):
    """Bytes that are no command set."""


def encode_command(elements: Mapping[int, int | str]) -> bytes:
    """Return the command set of *elements* (element number to value), with its group length first."""
    body = b""
    for element in sorted(elements):
        value = elements[element]
        if isinstance(value, int):
            raw = struct.pack("<H", value)
        else:
            raw = value.encode("ascii")
            raw += (b"\0" if element in _UIDS else b" ") * (len(raw) % 2)
        body += struct.pack("<HHI", 0, element, len(raw)) + raw
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body


def decode_command(octets: bytes) -> Command:
    """Return the elements of a command set; numbers for two- and four-octet binary ones, else text.

    Raises CommandError if lengths do not fit or an element is not of group 0000.
    """
    if len(octets) > MAX_COMMAND:
        raise CommandError(f"a command set of {len(octets)} octets")
    found: Command = {}
    at = 0
    while at < len(octets):
        if at + 8 > len(octets):
            raise CommandError(f"{len(octets) - at} octets are left over")
        group, element, length = struct.unpack_from("<HHI", octets, at)
        raw = octets[at + 8 : at + 8 + length]
        if group != 0 or len(raw) != length:
            raise CommandError(f"element ({group:04X},{element:04X}) does not fit a command set")
        if element == 0 or (length == 2 and element not in _UIDS | _TITLES):
            found[element] = int.from_bytes(raw, "little")
        else:
            found[element] = raw.rstrip(b" \0").decode("latin-1")
        at += 8 + length
    return found


def echo_request(message_id: int = 1) -> bytes:
    """Return the command set of a C-ECHO-RQ."""
    return encode_command(
        {
            SOP_CLASS: "1.2.840.10008.1.1",
            FIELD: C_ECHO_RQ,
            MESSAGE_ID: message_id,
            DATA_SET_TYPE: NO_DATA_SET,
        }
    )


def store_request(sop_class: str, sop_instance: str, message_id: int = 1) -> bytes:
    """Return the command set of a C-STORE-RQ."""
    return encode_command(
        {
            SOP_CLASS: sop_class,
            FIELD: C_STORE_RQ,
            MESSAGE_ID: message_id,
            PRIORITY: 0,
            DATA_SET_TYPE: 1,
            SOP_INSTANCE: sop_instance,
        }
    )


def response_to(request: Mapping[int, int | str], status: int = 0) -> bytes:
    """Return the command set that answers *request* with *status* and no data set."""
    answer: dict[int, int | str] = {
        FIELD: int(request.get(FIELD, 0)) | RESPONSE,
        RESPONDED: int(request.get(MESSAGE_ID, 0)),
        DATA_SET_TYPE: NO_DATA_SET,
        STATUS: status,
    }
    for element in (SOP_CLASS, SOP_INSTANCE):
        if element in request:
            answer[element] = request[element]
    return encode_command(answer)
