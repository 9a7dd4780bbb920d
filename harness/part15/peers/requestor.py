"""The embedded requestor: opens one association that shows a user, echoes, and releases; run by a trigger.

python -m part15.peers.requestor HOST PORT CALLED [PROFILE [FAULT [CACHE]]]
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from part15.channel.association import Conversation, Line
from part15.channel.tls import Ended, Plain
from part15.peers.faults import Fault
from part15.wire import dimse, kerberos, pdu
from part15.wire import user_identity as ui
from part15.wire.kerberos_files import read_cache

_ROLE = "association-requestor"
SHOWN = {
    "user-identity-basic": ui.UserIdentity(1, b"alice", positive=1),
    "user-identity-passcode": ui.UserIdentity(2, b"alice", b"rose", positive=1),
    "user-identity-kerberos": ui.UserIdentity(3, b"\x6e\x03\x02\x01\x05", positive=1),
    "user-identity-saml": ui.UserIdentity(
        4, b'<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion"/>', positive=1
    ),
    "site-json-web-token": ui.UserIdentity(5, b"eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmVk", positive=1),
}
"""What the right requestor shows, by the profile that it claims."""


def _fault(name: str, text: str, flips: tuple[str, ...], why: str, **changes: Any) -> Fault:
    return Fault(name, text, flips, why, "identity-requestor", changes, _ROLE)


FAULTS = (
    _fault(
        "sends_no_identity",
        "sends no User Identity sub-item",
        ("B.5-send", "B.6-send", "B.7-send", "site-jwt-send"),
        "the sub-item must be sent",
        none=True,
    ),
    _fault(
        "sends_undefined_type",
        "sends User-Identity-Type 6",
        ("B.5-send", "B.6-send", "B.7-send", "site-jwt-send", "UID-rq-identity-type-values"),
        "only types 1 to 5 are defined",
        identity={"kind": 6, "secondary": b""},
    ),
    _fault(
        "sends_two_identities",
        "sends two User Identity sub-items",
        ("UID-rq-single",),
        "at most one is allowed",
        twice=True,
    ),
    _fault(
        "sends_reserved_octet",
        "sets the reserved octet",
        ("UID-rq-reserved",),
        "it is sent as 00H",
        identity={"reserved": 0x80},
    ),
    _fault(
        "sends_undefined_flag",
        "sets Positive-response-requested to 2",
        ("UID-rq-positive-flag-values", "UID-requestor-asks-if-needs"),
        "it is 0 or 1",
        identity={"positive": 2},
    ),
    _fault(
        "asks_for_nothing",
        "requires confirmation, but asks for none",
        ("UID-requestor-asks-if-needs",),
        "acceptors may ignore what is not asked for",
        identity={"positive": 0},
    ),
    _fault(
        "sends_latin_1",
        "sends a primary field that is no UTF-8, DER, XML or token",
        ("UID-rq-primary-utf8",),
        "the primary field is what the type says",
        identity={"primary": b"J\xfcrgen"},
    ),
    _fault(
        "sends_secondary_field",
        "sends a secondary field without need",
        ("UID-rq-secondary-only-type-2",),
        "only type 2 has one",
        identity={"secondary": b"rose"},
    ),
    _fault(
        "miscounts_fields",
        "declares a primary field longer than the item",
        ("UID-rq-layout",),
        "the lengths fill the item exactly",
        primary=400,
    ),
    _fault(
        "trusts_any_server_ticket",
        "goes on whatever the server returns",
        ("UID-ac-ticket-verified",),
        "only a server that opens the ticket is the one that was meant",
        trusts=True,
    ),
)


def faults() -> dict[str, Fault]:
    """Return every fault by name."""
    return {fault.name: fault for fault in FAULTS}


def shown(profile: str, changes: Mapping[str, Any]) -> bytes:
    """Return the sub-items that the requestor of *profile* sends, with the changes of a fault."""
    identity = dataclasses.replace(SHOWN[profile], **changes.get("identity", {}))
    if changes.get("none"):
        return b""
    raw = ui.encode(identity, primary=changes.get("primary", 0))
    return raw * 2 if changes.get("twice") else raw


def _kerberized(cache: str, raw: Mapping[str, Any]) -> tuple[bytes, kerberos.Proof]:
    """Return the sub-item with a fresh ticket of the credential *cache*, and what proves the answer."""
    ticket = read_cache(Path(cache).read_bytes())[0]
    octets, proof = kerberos.request(ticket, dt.datetime.now(dt.UTC))
    changes = {k: v for k, v in raw.get("identity", {}).items() if k != "primary"}
    identity = dataclasses.replace(ui.UserIdentity(3, octets, positive=1), **changes)
    made = ui.encode(identity, primary=raw.get("primary", 0))
    return made * (2 if raw.get("twice") else 1), proof


def _doubtful(body: bytes, proof: kerberos.Proof | None) -> bool:
    """Tell whether the A-ASSOCIATE-AC *body* has no positive response that proves the server."""
    items = [i for i in ui.sub_items(body) if i.kind == ui.RESPONSE]
    if len(items) != 1 or ui.read_response(items[0]).fault:
        return True
    return proof is not None and bool(kerberos.disproof(items[0].body[2:], proof))


def main(arguments: list[str]) -> int:
    """Open the association; return 0 if it was accepted and confirmed."""
    host, port, called, *rest = arguments
    profile = rest[0] if rest else "user-identity-passcode"
    cache = rest[2] if len(rest) > 2 else ""
    changes = faults()[rest[1]].changes if len(rest) > 1 and rest[1] else {}
    until = time.monotonic() + 5
    raw, proof = shown(profile, changes), None
    if cache and not changes.get("none") and "primary" not in changes.get("identity", {}):
        raw, proof = _kerberized(cache, changes)
    line = Line(Plain(socket.create_connection((host, int(port)), timeout=5)))
    talk = Conversation(line)
    request = pdu.encode_request(pdu.verification(called, "PART15REQ"))
    try:
        talk.send(ui.with_items(request, raw), until)
        _, said = talk.next(until)
        if not isinstance(said, pdu.Associate):
            return 1
        asks = changes.get("identity", {}).get("positive", 1) == 1 and not changes.get("none")
        if asks and not changes.get("trusts") and _doubtful(talk.body, proof):
            talk.send(pdu.encode_abort(0, 0), until)
            return 1
        for part in pdu.fragments(1, dimse.echo_request(), b""):
            talk.send(part, until)
        talk.next(until)
        talk.send(pdu.encode_release(), until)
        talk.next(until)
    except (Ended, pdu.PduError):
        return 1
    finally:
        line.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
