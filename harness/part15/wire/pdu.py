"""PDUs of the DICOM Upper Layer (PS3.8 section 9.3): encode anything, right or damaged; read within bounds."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ = 0x01, 0x02, 0x03
DATA_TF, RELEASE_RQ, RELEASE_RP, ABORT = 0x04, 0x05, 0x06, 0x07
NAMES = {
    ASSOCIATE_RQ: "A-ASSOCIATE-RQ",
    ASSOCIATE_AC: "A-ASSOCIATE-AC",
    ASSOCIATE_RJ: "A-ASSOCIATE-RJ",
    DATA_TF: "P-DATA-TF",
    RELEASE_RQ: "A-RELEASE-RQ",
    RELEASE_RP: "A-RELEASE-RP",
    ABORT: "A-ABORT",
}

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
IMPLEMENTATION_CLASS = "2.25.15001"
VERIFICATION = "1.2.840.10008.1.1"
IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"

MAX_LENGTH_ITEM = 0x51
IMPLEMENTATION_CLASS_ITEM = 0x52
MAX_PDU = 1 << 20
"""The longest PDU that is read; a longer one is damage."""
MAX_ITEMS = 512


class PduError(ValueError):
    """Bytes that are no PDU, or one that breaks PS3.8 section 9.3."""


@dataclass(frozen=True)
class PresentationContext:
    """A proposed context, or in an AC the answer to one: *result* 0 accepts, with one transfer syntax."""

    id: int
    abstract: str = ""
    transfers: tuple[str, ...] = ()
    result: int = 0


@dataclass(frozen=True)
class Associate:
    """The content of an A-ASSOCIATE-RQ or -AC; *user_items* are (type, body) pairs in their order."""

    called: str = "ANY-SCP"
    calling: str = "PART15"
    contexts: tuple[PresentationContext, ...] = ()
    user_items: tuple[tuple[int, bytes], ...] = ()
    application_context: str = APPLICATION_CONTEXT
    version: int = 1

    @property
    def max_length(self) -> int:
        """The longest P-DATA-TF its sender takes; 0 is no limit (PS3.8 Annex D.1)."""
        for kind, body in self.user_items:
            if kind == MAX_LENGTH_ITEM and len(body) == 4:
                return int.from_bytes(body, "big")
        return 0


@dataclass(frozen=True)
class Reject:
    """A-ASSOCIATE-RJ (PS3.8 section 9.3.4)."""

    result: int
    source: int
    reason: int


@dataclass(frozen=True)
class Abort:
    """A-ABORT (PS3.8 section 9.3.8)."""

    source: int
    reason: int


@dataclass(frozen=True)
class Release:
    """A-RELEASE-RQ, or with *response* -RP."""

    response: bool = False


@dataclass(frozen=True)
class Pdv:
    """A presentation data value: a fragment of a command or of a data set."""

    context: int
    command: bool
    last: bool
    data: bytes


@dataclass(frozen=True)
class Data:
    """P-DATA-TF."""

    pdvs: tuple[Pdv, ...] = ()


Pdu: TypeAlias = Associate | Reject | Abort | Release | Data


def frame(kind: int, body: bytes, *, length: int | None = None, reserved: int = 0) -> bytes:
    """Return the PDU of *kind*; *length* may lie."""
    return struct.pack(">BBI", kind, reserved, len(body) if length is None else length) + body


def item(kind: int, body: bytes, *, length: int | None = None, reserved: int = 0) -> bytes:
    """Return an item or sub-item of an association PDU; *length* may lie."""
    return struct.pack(">BBH", kind, reserved, len(body) if length is None else length) + body


def _title(text: str) -> bytes:
    return text.encode("ascii", "replace")[:16].ljust(16)


def default_user_items(max_length: int = 16384) -> tuple[tuple[int, bytes], ...]:
    """Return maximum length and implementation class UID, the two mandatory user items."""
    return (
        (MAX_LENGTH_ITEM, max_length.to_bytes(4, "big")),
        (IMPLEMENTATION_CLASS_ITEM, IMPLEMENTATION_CLASS.encode()),
    )


def verification(called: str, calling: str) -> Associate:
    """Return the request for an association with the Verification SOP Class only."""
    context = PresentationContext(1, VERIFICATION, (IMPLICIT_LE,))
    return Associate(called, calling, (context,), default_user_items())


def _associate(kind: int, content: Associate, items: Iterable[bytes]) -> bytes:
    user = b"".join(item(k, body) for k, body in content.user_items)
    body = struct.pack(">HH", content.version, 0) + _title(content.called) + _title(content.calling)
    body += bytes(32) + item(0x10, content.application_context.encode())
    return frame(kind, body + b"".join(items) + item(0x50, user))


def encode_request(content: Associate) -> bytes:
    """Return the A-ASSOCIATE-RQ."""

    def contexts() -> Iterator[bytes]:
        for context in content.contexts:
            inner = item(0x30, context.abstract.encode())
            inner += b"".join(item(0x40, t.encode()) for t in context.transfers)
            yield item(0x20, struct.pack(">BBBB", context.id, 0, 0, 0) + inner)

    return _associate(ASSOCIATE_RQ, content, contexts())


def encode_accept(content: Associate) -> bytes:
    """Return the A-ASSOCIATE-AC; each context answers with its first transfer syntax."""

    def contexts() -> Iterator[bytes]:
        for context in content.contexts:
            inner = item(0x40, (context.transfers or (IMPLICIT_LE,))[0].encode())
            yield item(0x21, struct.pack(">BBBB", context.id, 0, context.result, 0) + inner)

    return _associate(ASSOCIATE_AC, content, contexts())


def encode_reject(result: int, source: int, reason: int) -> bytes:
    """Return the A-ASSOCIATE-RJ."""
    return frame(ASSOCIATE_RJ, bytes([0, result, source, reason]))


def encode_abort(source: int, reason: int) -> bytes:
    """Return the A-ABORT."""
    return frame(ABORT, bytes([0, 0, source, reason]))


def encode_release(*, response: bool = False) -> bytes:
    """Return the A-RELEASE-RQ, or -RP."""
    return frame(RELEASE_RP if response else RELEASE_RQ, bytes(4))


def encode_data(pdvs: Iterable[Pdv]) -> bytes:
    """Return one P-DATA-TF with all of *pdvs*."""
    body = b"".join(
        struct.pack(">IBB", len(p.data) + 2, p.context, p.command | p.last << 1) + p.data
        for p in pdvs
    )
    return frame(DATA_TF, body)


def fragments(context: int, command: bytes, data: bytes, room: int = 16384) -> Iterator[bytes]:
    """Yield the P-DATA-TF PDUs, none with more than *room* octets after its header, of one message."""
    step = max(room - 6, 2) if room else 1 << 17
    for is_command, content in ((True, command), (False, data)):
        if not content and not is_command:
            continue
        for start in range(0, max(len(content), 1), step):
            part = content[start : start + step]
            yield encode_data([Pdv(context, is_command, start + step >= len(content), part)])


def _items(body: bytes, what: str) -> Iterator[tuple[int, bytes]]:
    at = count = 0
    while at < len(body):
        count += 1
        if count > MAX_ITEMS:
            raise PduError(f"more than {MAX_ITEMS} items in {what}")
        if at + 4 > len(body):
            raise PduError(f"{len(body) - at} octets are left over in {what}")
        kind, _, length = struct.unpack_from(">BBH", body, at)
        if at + 4 + length > len(body):
            raise PduError(f"item {kind:02X}H of {what} is longer than its container")
        yield kind, body[at + 4 : at + 4 + length]
        at += 4 + length


def _text(raw: bytes) -> str:
    return raw.rstrip(b" \0").decode("latin-1")


def _context(kind: int, body: bytes) -> PresentationContext:
    if len(body) < 4:
        raise PduError("a presentation context item is shorter than 4 octets")
    abstract, transfers = "", []
    for sub, content in _items(body[4:], f"presentation context {body[0]}"):
        if sub == 0x30:
            abstract = _text(content)
        elif sub == 0x40:
            transfers.append(_text(content))
    return PresentationContext(body[0], abstract, tuple(transfers), body[2] if kind == 0x21 else 0)


def _parse_associate(body: bytes, name: str) -> Associate:
    if len(body) < 68:
        raise PduError(f"{name} has {len(body)} octets, fewer than its 68 fixed ones")
    contexts: list[PresentationContext] = []
    users: list[tuple[int, bytes]] = []
    application = ""
    for kind, content in _items(body[68:], name):
        if kind == 0x10:
            application = _text(content)
        elif kind in (0x20, 0x21):
            contexts.append(_context(kind, content))
        elif kind == 0x50:
            users.extend(_items(content, f"the user information of {name}"))
    return Associate(
        _text(body[4:20]),
        _text(body[20:36]),
        tuple(contexts),
        tuple(users),
        application,
        int.from_bytes(body[:2], "big"),
    )


def _parse_data(body: bytes) -> Data:
    pdvs: list[Pdv] = []
    at = 0
    while at < len(body):
        if at + 6 > len(body):
            raise PduError("a presentation data value has no room for its header")
        length, context, control = struct.unpack_from(">IBB", body, at)
        if length < 2 or at + 4 + length > len(body):
            raise PduError(f"a presentation data value claims {length} octets")
        pdvs.append(
            Pdv(context, bool(control & 1), bool(control & 2), body[at + 6 : at + 4 + length])
        )
        at += 4 + length
    return Data(tuple(pdvs))


def parse(kind: int, body: bytes) -> Pdu:
    """Return what the PDU of *kind* with *body* says.

    Raises PduError if it is no PDU of PS3.8 section 9.3, or one whose lengths do not fit.
    """
    if kind not in NAMES:
        raise PduError(f"{kind:02X}H is no PDU type")
    if kind in (ASSOCIATE_RQ, ASSOCIATE_AC):
        return _parse_associate(body, NAMES[kind])
    if kind == DATA_TF:
        return _parse_data(body)
    if len(body) != 4:
        raise PduError(f"{NAMES[kind]} has {len(body)} octets after its header, not 4")
    if kind == ASSOCIATE_RJ:
        return Reject(body[1], body[2], body[3])
    if kind == ABORT:
        return Abort(body[2], body[3])
    return Release(response=kind == RELEASE_RP)


@dataclass
class Cutter:
    """Cuts a byte stream into PDUs; holds at most one of *limit* octets."""

    limit: int = MAX_PDU
    _held: bytearray = field(default_factory=bytearray)

    def feed(self, octets: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield (type, body) of each PDU that is complete now.

        Raises PduError at the first octets that cannot begin a PDU, or when one is longer than the limit.
        """
        self._held += octets
        while self._held:
            if self._held[0] not in NAMES:
                raise PduError(f"{self._held[0]:02X}H is no PDU type")
            if len(self._held) < 6:
                return
            length = int.from_bytes(self._held[2:6], "big")
            if length > self.limit:
                raise PduError(
                    f"{NAMES[self._held[0]]} claims {length} octets, more than {self.limit}"
                )
            if len(self._held) < 6 + length:
                return
            kind, body = self._held[0], bytes(self._held[6 : 6 + length])
            del self._held[: 6 + length]
            yield kind, body

    @property
    def left(self) -> int:
        """How many octets wait for the rest of their PDU."""
        return len(self._held)
