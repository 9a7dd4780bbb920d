"""How the embedded archive answers an A-ASSOCIATE-RQ: contexts, roles, extended negotiation, user identity."""

from __future__ import annotations

import dataclasses
import struct
from dataclasses import dataclass

from part15.channel import services
from part15.peers.archive_identity import Guard, StrangerError
from part15.peers.archive_policy import ArchivePolicy
from part15.wire import pdu
from part15.wire import user_identity as ui

STORAGE = "1.2.840.10008.5.1.4.1.1."
EXTENDED_ITEM = 0x56
KNOWN_ADDRESSES = ("127.0.0.1", "::1")
SERVICES = (
    services.FIND,
    services.MOVE,
    services.GET,
    services.PATIENT_FIND,
    services.PATIENT_MOVE,
    services.PATIENT_GET,
    services.COMMITMENT,
)


class Refused(Exception):  # noqa: N818 - the association is refused, not an error of ours
    """No association: *octets* are the PDU that says so."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        super().__init__()


@dataclass(frozen=True)
class Visitor:
    """Who asks: *kind* and *address* of the other side, and how many are *present* with it."""

    kind: str
    address: str
    present: int


@dataclass(frozen=True)
class Door:
    """Decides who comes in, and what is agreed."""

    policy: ArchivePolicy
    ae_title: str
    guard: Guard
    visitor: Visitor

    def _admitted(self, asked: pdu.Associate) -> None:
        """Raise Refused if the policy looks at something that is wrong."""
        policy, visitor = self.policy, self.visitor
        wrong = {
            "application context": (
                asked.application_context != pdu.APPLICATION_CONTEXT,
                (1, 1, 2),
            ),
            "called AE title": (asked.called not in (self.ae_title, "ANY-SCP"), (1, 1, 7)),
            "calling AE title": (asked.calling not in policy.known_titles, (1, 1, 3)),
            "peer address": (visitor.address not in KNOWN_ADDRESSES, (1, 1, 1)),
            "certificate": (visitor.kind == "stranger", (1, 1, 1)),
            "number of associations": (visitor.present > policy.most, (2, 3, 2)),
        }
        for check in policy.looks_at:
            is_wrong, codes = wrong[check]
            if is_wrong:
                raise Refused(pdu.encode_reject(*codes))

    def answer(self, asked: pdu.Associate, body: bytes) -> tuple[bytes, pdu.Associate]:
        """Return the A-ASSOCIATE-AC for *asked* with PDU *body*, as octets and as content; raises Refused."""
        self._admitted(asked)
        raw = self._identity(body)
        answers = tuple(self._context(c) for c in asked.contexts)
        users = list(pdu.default_user_items(1 << 17))
        users += [(k, b) for k, b in asked.user_items if k == 0x54]
        if self.policy.extended is not None:
            users += [
                (EXTENDED_ITEM, self._named(b) + self.policy.extended)
                for k, b in asked.user_items
                if k == EXTENDED_ITEM
            ]
        answered = dataclasses.replace(asked, contexts=answers, user_items=tuple(users))
        return ui.with_items(pdu.encode_accept(answered), raw), answered

    @staticmethod
    def _named(body: bytes) -> bytes:
        length = int.from_bytes(body[:2], "big")
        return body[: 2 + length]

    def _context(self, asked: pdu.PresentationContext) -> pdu.PresentationContext:
        known = asked.abstract == pdu.VERIFICATION or asked.abstract.startswith(STORAGE)
        if asked.abstract in SERVICES:
            known = asked.abstract != services.COMMITMENT or self.policy.commitment_known
        chosen = next((t for t in self.policy.transfers if t in asked.transfers), None)
        result = 3 if not known else 4 if chosen is None else 0
        return pdu.PresentationContext(
            asked.id, "", (chosen or (asked.transfers or ("",))[0],), result
        )

    def _identity(self, body: bytes) -> bytes:
        """Return the sub-items to answer with; raises Refused."""
        policy = self.policy
        try:
            items = [i for i in ui.sub_items(body) if i.kind == ui.REQUEST]
        except pdu.PduError:
            raise Refused(pdu.encode_abort(2, 6)) from None
        if not items:
            return ui.encode_response() if policy.positive == "unprompted" else b""
        read = ui.read_request(items[0])
        if policy.hangs_on == "identity":
            raise Refused(b"")
        if policy.reads_damage and (read.fault or read.kind not in ui.NAMES):
            return ui.encode_response()
        if read.fault or len(items) > 1:
            raise Refused(pdu.encode_abort(2, 6))
        if policy.tests_reserved and read.reserved:
            raise Refused(pdu.encode_abort(2, 6))
        if read.kind not in policy.types:
            if read.kind in policy.refused_types:
                raise Refused(pdu.encode_reject(*policy.reject))
            return ui.encode_response() if policy.answers_unsupported else b""
        first = items[0].body[4 : 4 + read.primary]
        second = items[0].body[6 + read.primary :]
        try:
            content = self.guard.admit(read.kind, first, second)
        except StrangerError:
            raise Refused(self._refusal()) from None
        if policy.garbage:
            raise Refused(b"\x02\0\0\0\0\4PART" if policy.garbage == "pdu" else _hostile())
        return self._response(read, content)

    def _refusal(self) -> bytes:
        policy = self.policy
        if policy.hangs_on == "wrong":
            return b""
        if policy.refusal == "garbage":
            return b"HTTP/1.1 401 Unauthorized\r\n\r\n"
        return (
            pdu.encode_reject(*policy.reject)
            if policy.refusal == "reject"
            else pdu.encode_abort(2, 0)
        )

    def _response(self, read: ui.ReadRequest, content: bytes) -> bytes:
        policy = self.policy
        if policy.positive == "never" or (read.positive != 1 and policy.positive != "always"):
            return b""
        if policy.response is not None:
            content = policy.response
        made = ui.encode_response(content, reserved=policy.reserved)
        if policy.grow:
            made = made[:4] + struct.pack(">H", len(content) + policy.grow) + made[6:]
        return made * (2 if policy.positive == "twice" else 1)


def _hostile() -> bytes:
    """Return an A-ASSOCIATE-AC whose 59H sub-item claims 65535 octets."""
    item = struct.pack(">BBH", ui.RESPONSE, 0, 0xFFFF)
    return ui.with_items(pdu.encode_accept(pdu.verification("A", "B")), item)
