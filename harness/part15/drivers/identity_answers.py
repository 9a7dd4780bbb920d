"""What our acceptor answers a request that shows a user: right, without a response, or damaged in one thing."""

from __future__ import annotations

import struct

from part15.wire import pdu
from part15.wire import user_identity as ui


def octets(
    answer: str,
    asked: pdu.Associate,
    contexts: tuple[pdu.PresentationContext, ...],
    reply: bytes,
) -> bytes:
    """Return the PDU that is *answer* to *asked*; *reply* is the server response of a 59H sub-item."""
    if answer == "rejected":
        return pdu.encode_reject(1, 2, 1)
    if answer == "aborted":
        return pdu.encode_abort(2, 0)
    content = pdu.Associate(asked.called, asked.calling, contexts, pdu.default_user_items(1 << 17))
    return ui.with_items(pdu.encode_accept(content), _items(answer, reply))


def _items(answer: str, reply: bytes) -> bytes:
    right = ui.encode_response(reply)
    if answer == "no 59H":
        return b""
    if answer == "two 59H":
        return right * 2
    if answer == "59H with a response length beyond the item":
        return right[:4] + struct.pack(">H", len(reply) + 100) + right[6:]
    if answer == "59H longer than the user information":
        return right[:2] + b"\xff\xff" + right[4:]
    if answer == "59H of 65000 octets":
        return ui.encode_response(bytes(65000))
    return right
