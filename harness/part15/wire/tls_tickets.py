"""Session tickets: what a NewSessionTicket says, and what a first flight shows about one that was offered."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from part15.wire import tls_hello
from part15.wire import tls_records as records
from part15.wire.tls_octets import Malformed

SERVER_HELLO, NEW_SESSION_TICKET, CERTIFICATE = 2, 4, 11
EXTENDED_MASTER_SECRET = 23
EARLY_DATA, PRE_SHARED_KEY, KEY_SHARE = 42, 41, 51
WINDOW = 32
"""So many octets of our certificate in a row, found in a ticket, are no accident."""


@dataclass(frozen=True)
class Ticket:
    """A ticket with its lifetime in seconds and the octets of early data that it allows."""

    octets: bytes
    lifetime: int
    early_data: int = 0


def read_ticket(message: bytes, version: str) -> Ticket | None:
    """Return the ticket of a NewSessionTicket *message* (its header included), None if it is malformed.

    RFC 5077 section 3.3 in TLS 1.2, RFC 8446 section 4.6.1 in TLS 1.3.
    """
    body = message[4:]
    if len(body) < 6:
        return None
    lifetime = int.from_bytes(body[:4], "big")
    at = 4 if version != "1.3" else 9 + body[8] if len(body) > 8 else len(body)
    size = int.from_bytes(body[at : at + 2], "big")
    octets = body[at + 2 : at + 2 + size]
    if not octets or len(octets) != size:
        return None
    early = 0
    if version == "1.3":
        extensions = _extensions(body[at + 2 + size :])
        early = int.from_bytes(extensions.get(EARLY_DATA, b""), "big")
    return Ticket(octets, lifetime, early)


def _extensions(block: bytes) -> dict[int, bytes]:
    found, at = {}, 2
    while at + 4 <= len(block):
        size = int.from_bytes(block[at + 2 : at + 4], "big")
        found[int.from_bytes(block[at : at + 2], "big")] = block[at + 4 : at + 4 + size]
        at += 4 + size
    return found


def shows(ticket: bytes, secret: bytes) -> bool:
    """Tell whether a part of *secret* stands in *ticket* as it is."""
    return any(
        secret[at : at + WINDOW] in ticket for at in range(0, max(len(secret) - WINDOW, 0), WINDOW)
    )


def places(ticket: bytes) -> dict[str, int]:
    """Return where to change *ticket*, by name: key name, what follows it, content, authentication code."""
    return {
        "first octet": 0,
        "a quarter in": len(ticket) // 4,
        "middle": len(ticket) // 2,
        "last octet": -1,
    }


def without_extension(flight: bytes, code: int) -> bytes:
    """Return the ClientHello record *flight* without the extension *code*; as it is if it holds none or makes no sense."""
    try:
        (record,) = records.Deframer().feed(flight)
        hello = tls_hello.parse_body(record.fragment[4:])
    except (Malformed, ValueError):
        return flight
    kept = tuple(e for e in hello.extensions or () if e[0] != code)
    if len(kept) == len(hello.extensions or ()):
        return flight
    return tls_hello.encode(dataclasses.replace(hello, extensions=kept))


def hello_extensions(message: bytes) -> dict[int, bytes]:
    """Return the extensions of a ServerHello *message*, none if it is malformed."""
    body = message[4:]
    if len(body) < 38:
        return {}
    return _extensions(body[38 + body[34] :])


def mode_of(hello: bytes) -> str:
    """Return what a TLS 1.3 ServerHello says about the key exchange of a resumption."""
    found = hello_extensions(hello)
    if PRE_SHARED_KEY not in found:
        return "full"
    return "with key share" if KEY_SHARE in found else "without key share"


def answered(stream: bytes, version: str) -> str:
    """Return what the records of a first flight show: ``full``, ``resumed``, ``alert N``, or nothing yet."""
    at, messages, changed = 0, b"", False
    alert = ""
    while len(stream) >= at + 5:
        size = int.from_bytes(stream[at + 3 : at + 5], "big")
        body = stream[at + 5 : at + 5 + size]
        if len(body) < size:
            break
        if stream[at] == 21 and size == 2:
            alert = f"alert {body[1]}"
            break
        if stream[at] == 20:
            changed = True
            break
        if stream[at] != 22:
            break
        messages += body
        at += 5 + size
    kinds = _kinds(messages)
    if version == "1.3" and kinds and kinds[0][0] == SERVER_HELLO:
        return "resumed" if PRE_SHARED_KEY in hello_extensions(kinds[0][1]) else "full"
    if any(kind == CERTIFICATE for kind, _ in kinds):
        return "full"
    if changed and kinds:
        return "resumed"
    return alert


def _kinds(messages: bytes) -> list[tuple[int, bytes]]:
    found, at = [], 0
    while len(messages) >= at + 4:
        size = int.from_bytes(messages[at + 1 : at + 4], "big")
        if len(messages) < at + 4 + size:
            break
        found.append((messages[at], messages[at : at + 4 + size]))
        at += 4 + size
    return found
