"""User identity negotiation (PS3.7 D.3.3.7): sub-items 58H and 59H as octets, right, damaged, and read strictly.

58H  type 58, reserved, length, identity type, positive response, length + primary, length + secondary
59H  type 59, reserved, length, length + server response
"""

from __future__ import annotations

import dataclasses
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from part15.wire import pdu

REQUEST, RESPONSE = 0x58, 0x59
USERNAME, PASSCODE, KERBEROS, SAML, JWT = 1, 2, 3, 4, 5
NAMES = {
    USERNAME: "username",
    PASSCODE: "username and passcode",
    KERBEROS: "Kerberos service ticket",
    SAML: "SAML assertion",
    JWT: "JSON Web Token",
}
PRESUMES = {
    USERNAME: "trusted systems",
    PASSCODE: "a secure network",
    KERBEROS: "nothing",
    SAML: "that nobody else reads the assertion",
    JWT: "that nobody else reads the token",
}
"""The environment in which an identity of each type is worth something (PS3.7 D.3.3.7, notes; ours for 4 and 5)."""
FILLER = b"*"
FIXED = 68
"""Octets of an A-ASSOCIATE-RQ or -AC before its items."""


@dataclass(frozen=True)
class UserIdentity:
    """What a 58H sub-item says; *positive* and *reserved* may be any octet."""

    kind: int
    primary: bytes
    secondary: bytes = b""
    positive: int = 0
    reserved: int = 0

    def blanked(self) -> UserIdentity:
        """Return the same with every octet of its fields replaced: what may be kept."""
        return dataclasses.replace(
            self,
            primary=FILLER * len(self.primary),
            secondary=FILLER * len(self.secondary),
        )


def encode(identity: UserIdentity, *, grow: int = 0, primary: int = 0, secondary: int = 0) -> bytes:
    """Return the 58H sub-item; *grow*, *primary* and *secondary* are added to its three lengths, to damage it.

    Raises ValueError if a length does not fit two octets.
    """
    lengths = len(identity.primary) + primary, len(identity.secondary) + secondary
    whole = 6 + len(identity.primary) + len(identity.secondary) + grow
    if max(*lengths, whole) > 0xFFFF:
        raise ValueError(f"{whole} octets do not fit a user identity sub-item")
    body = struct.pack(">BBH", identity.kind, identity.positive, lengths[0]) + identity.primary
    body += struct.pack(">H", lengths[1]) + identity.secondary
    return struct.pack(">BBH", REQUEST, identity.reserved, whole) + body


def encode_response(response: bytes = b"", *, reserved: int = 0, grow: int = 0) -> bytes:
    """Return the 59H sub-item with *response*; *grow* is added to its item length, to damage it."""
    body = struct.pack(">H", len(response)) + response
    return struct.pack(">BBH", RESPONSE, reserved, len(body) + grow) + body


def with_items(association: bytes, raw: bytes) -> bytes:
    """Return the A-ASSOCIATE PDU *association*, whose last item is the user information, with *raw* at its end.

    Raises ValueError if the user information would be too long, PduError if *association* is no such PDU.
    """
    at = 6 + FIXED
    while at < len(association):
        kind, _, length = struct.unpack_from(">BBH", association, at)
        if kind == 0x50 and at + 4 + length == len(association):
            if length + len(raw) > 0xFFFF:
                raise ValueError(f"{length + len(raw)} octets do not fit the user information item")
            body = association[6:at] + pdu.item(0x50, association[at + 4 :] + raw)
            return pdu.frame(association[0], body)
        at += 4 + length
    raise pdu.PduError("the association PDU does not end with its user information item")


@dataclass(frozen=True)
class SubItem:
    """A sub-item of the user information as it stands: where its body begins, and its reserved octet."""

    kind: int
    reserved: int
    start: int
    body: bytes


def sub_items(body: bytes) -> Iterator[SubItem]:
    """Yield the user information sub-items of an association PDU *body* (behind its six octet header).

    Raises PduError if lengths do not fit.
    """
    for kind, _, start, content in _walk(body, FIXED, len(body)):
        if kind == 0x50:
            for sub, reserved, inner, octets in _walk(body, start, start + len(content)):
                yield SubItem(sub, reserved, inner, octets)


def _walk(body: bytes, at: int, stop: int) -> Iterator[tuple[int, int, int, bytes]]:
    count = 0
    while at < stop:
        count += 1
        if at + 4 > stop or count > pdu.MAX_ITEMS:
            raise pdu.PduError("the items of the association PDU do not fit it")
        kind, reserved, length = struct.unpack_from(">BBH", body, at)
        if at + 4 + length > stop:
            raise pdu.PduError(f"item {kind:02X}H is longer than its container")
        yield kind, reserved, at + 4, body[at + 4 : at + 4 + length]
        at += 4 + length


@dataclass(frozen=True)
class ReadRequest:
    """A 58H sub-item that was received, without its fields: only what they are.

    *fault* says in words why its lengths do not fit. *primary* and *secondary* are lengths in octets,
    *form* says what the primary field is (``form_of``); *name* is the user name of types 1 and 2.
    """

    kind: int
    positive: int
    reserved: int
    primary: int
    secondary: int
    form: str
    fault: str = ""


def read_request(item: SubItem) -> ReadRequest:
    """Return what the 58H sub-item says; a damaged one has a *fault*."""
    body = item.body
    if len(body) < 6:
        fault = f"it has {len(body)} octets after its header, fewer than the six fixed ones"
        return ReadRequest(0, 0, item.reserved, 0, 0, "nothing", fault)
    kind, positive, first = struct.unpack_from(">BBH", body)
    if 4 + first + 2 > len(body):
        fault = f"its primary field of {first} octets does not fit the item of {len(body)}"
        return ReadRequest(kind, positive, item.reserved, first, 0, "nothing", fault)
    primary = body[4 : 4 + first]
    (second,) = struct.unpack_from(">H", body, 4 + first)
    left = len(body) - 6 - first
    fault = "" if left == second else f"its secondary field of {second} octets has {left} left"
    return ReadRequest(kind, positive, item.reserved, first, second, form_of(primary), fault)


_TOKEN = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


def form_of(octets: bytes) -> str:
    """Return what *octets* look like: ``nothing``, ``DER``, ``XML: ROOT``, ``token``, ``text`` or ``octets``.

    DER is one whose outermost tag is of class APPLICATION (RFC 1510); XML is well-formed and has no
    document type; a token has three parts of base64url.
    """
    if not octets:
        return "nothing"
    if octets[0] & 0xE0 == 0x60 and _der_fits(octets):
        return "DER"
    if octets.lstrip()[:1] == b"<":
        return _xml(octets)
    if _TOKEN.fullmatch(octets):
        return "token"
    try:
        octets.decode("utf-8", "strict")
    except UnicodeDecodeError:
        return "octets"
    return "text with NUL" if b"\0" in octets else "text"


def _der_fits(octets: bytes) -> bool:
    if len(octets) < 2:
        return False
    first = octets[1]
    if first < 0x80:
        return len(octets) == 2 + first
    count = first & 0x7F
    return 0 < count <= 4 and len(octets) == 2 + count + int.from_bytes(
        octets[2 : 2 + count], "big"
    )


def _xml(octets: bytes) -> str:
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(octets, parser)
    except (etree.XMLSyntaxError, ValueError):
        return "octets"
    if re.search(rb"<!DOCTYPE", octets):
        return "XML with a document type"
    name = etree.QName(root)
    return f"XML: {name.localname} of {name.namespace or 'no namespace'}"


@dataclass(frozen=True)
class ReadResponse:
    """A 59H sub-item that was received: the length and *form* of its server response, and its *fault*."""

    reserved: int
    length: int
    form: str
    fault: str = ""


def read_response(item: SubItem) -> ReadResponse:
    """Return what the 59H sub-item says; a damaged one has a *fault*."""
    if len(item.body) < 2:
        fault = f"it has {len(item.body)} octets after its header, not even its length field"
        return ReadResponse(item.reserved, 0, "nothing", fault)
    (declared,) = struct.unpack_from(">H", item.body)
    left = len(item.body) - 2
    fault = "" if declared == left else f"its response of {declared} octets has {left} left"
    return ReadResponse(item.reserved, declared, form_of(item.body[2:]), fault)


def blanked(body: bytes) -> bytes:
    """Return an association PDU *body* with the contents of its 58H and 59H sub-items replaced by filler.

    A body that cannot be read is replaced whole: nothing of it is known to be harmless.
    """
    found = bytearray(body)
    try:
        for item in sub_items(body):
            if item.kind in (REQUEST, RESPONSE):
                found[item.start : item.start + len(item.body)] = FILLER * len(item.body)
    except pdu.PduError:
        return FILLER * len(body)
    return bytes(found)
