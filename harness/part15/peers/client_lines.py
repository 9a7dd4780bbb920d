"""How the embedded client speaks: its association, and a handshake that verifies nothing."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
from pathlib import Path
from typing import Any

from part15.channel import tcp, tls12
from part15.channel.association import Conversation, Line, response_status
from part15.channel.tls import Ended
from part15.channel.tls12_line import own_line
from part15.observations.session import AssociationSeen
from part15.wire import dimse, pdu
from part15.wire.tls12 import DHE, GROUPS, SUITES
from part15.wire.tls_hello import Offer

UNRECOGNIZED, UNEXPECTED = 1, 2
"""Reasons of an A-ABORT of the provider, PS3.8 table 9-26."""


def request_on(
    line: Line, request: pdu.Associate, until: float, abort: tuple[int, int]
) -> AssociationSeen:
    """Ask for the association *request*, echo, release; what is no answer to it is aborted with *abort*."""
    talk, seen = Conversation(line), AssociationSeen("ours")
    try:
        if line.failed:
            raise line.failed
        talk.send(pdu.encode_request(request), until)
        seen = _answered(talk, until, abort)
        if seen.accepted:
            _release(talk, until)
    except Ended as ended:
        words = f"after the A-ASSOCIATE-AC: {ended}"
        seen = (
            dataclasses.replace(seen, why=words)
            if seen.accepted
            else AssociationSeen(ended.how, why=ended.why)
        )
    finally:
        line.close()
    return dataclasses.replace(seen, handshake=line.handshake())


def _answered(talk: Conversation, until: float, abort: tuple[int, int]) -> AssociationSeen:
    try:
        _, said = talk.next(until)
    except Ended as ended:
        if ended.how == "garbage":
            _abort(talk, until, (abort[0], UNRECOGNIZED) if abort == (2, UNEXPECTED) else abort)
        raise
    if isinstance(said, pdu.Reject):
        return AssociationSeen("rejected", reject=(said.result, said.source, said.reason))
    if isinstance(said, pdu.Abort):
        return AssociationSeen("aborted", abort=(said.source, said.reason))
    if not isinstance(said, pdu.Associate):
        _abort(talk, until, abort)
        raise Ended("garbage", f"a {type(said).__name__} PDU answers the A-ASSOCIATE-RQ")
    context = next((c.id for c in said.contexts if c.result == 0), None)
    if context is None:
        return AssociationSeen("accepted")
    for part in pdu.fragments(context, dimse.echo_request(), b""):
        talk.send(part, until)
    return AssociationSeen("accepted", echo=response_status(talk, until))


def _abort(talk: Conversation, until: float, abort: tuple[int, int]) -> None:
    with contextlib.suppress(Ended):
        talk.send(pdu.encode_abort(*abort), until)


def _release(talk: Conversation, until: float) -> None:
    talk.send(pdu.encode_release(), until)
    talk.next(until)


def careless_line(sock: socket.socket, pki: Path, does: Any, until: float, *, name: str) -> Line:
    """Return a line after a handshake of TLS 1.2 that verifies nothing: whatever is selected, it goes on."""
    shows = tls12.Shows.of(str(pki / "client.pem"), str(pki / "client.key"))
    private = b"part15 has one key".ljust(32, b"\7") if does.careless == "fixed" else b""
    offer = Offer(
        ("1.2",),
        (*SUITES, *DHE),
        groups=GROUPS,
        alpn=does.alpn,
        server_name=name if does.sni else "",
    )
    return own_line(tcp.Stream(sock, until), offer, shows, private)
