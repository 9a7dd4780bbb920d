"""Our side of an association: handshake, A-ASSOCIATE-RQ, C-ECHO, release, and what became of each."""

from __future__ import annotations

import dataclasses
import ssl
import time
from dataclasses import dataclass

from part15.channel.tls import (
    CERTIFICATE_REQUEST,
    NEW_SESSION_TICKET,
    Ended,
    Plain,
    Spoken,
    Stream,
    Tls,
    listen_to,
    reading,
)
from part15.observations.session import AssociationSeen, HandshakeSeen
from part15.wire import dimse, pdu

HEARD = 64
"""Octets of an answer that an observation keeps."""


@dataclass
class Line:
    """A stream to the SUT with what its handshake said; *tls* is None on a plain one."""

    plain: Plain
    tls: Tls | None = None
    spoken: Spoken = dataclasses.field(default_factory=Spoken)
    codes: dict[str, int] = dataclasses.field(default_factory=dict)
    failed: Ended | None = None

    @property
    def stream(self) -> Stream:
        """What to speak DICOM on."""
        return self.tls or self.plain

    def handshake(self) -> HandshakeSeen | None:
        """Return what is known of the handshake by now: tickets and alerts may come after it."""
        if self.tls is None:
            return None
        found = self.tls.object
        done = self.failed is None and found.version() is not None
        cipher = found.cipher() if done else None
        alert = self.spoken.alert_received
        return HandshakeSeen(
            ended=self.failed.how if self.failed else "open",
            completed=done,
            version=(found.version() or "") if done else "",
            suite=cipher[0] if cipher else "",
            code=self.codes.get(cipher[0], 0) if cipher else 0,
            alpn=found.selected_alpn_protocol() or "" if done else "",
            alert=alert if alert is not None else (self.failed.alert if self.failed else None),
            why=self.failed.why if self.failed else "",
            requested=bool(self.spoken.got(CERTIFICATE_REQUEST)),
            presented=self.spoken.presented,
            resumed=bool(found.session_reused) if done else False,
            certificate=(found.getpeercert(binary_form=True) or b"") if done else b"",
            lifetimes=tuple(
                int.from_bytes(m[4:8], "big") for m in self.spoken.got(NEW_SESSION_TICKET)
            ),
        )

    def close(self, *, reset: bool = False) -> None:
        """Close it."""
        self.stream.close(reset=reset)


def protect(
    plain: Plain,
    context: ssl.SSLContext,
    until: float,
    *,
    name: str | None = None,
    session: ssl.SSLSession | None = None,
) -> Line:
    """Shake hands on *plain*; the line says how it ended if it did not complete.

    *context* must serve this connection only.
    """
    spoken = listen_to(context)
    tls = Tls(plain, context, name=name, session=session)
    codes = {str(c["name"]): int(c["id"]) & 0xFFFF for c in context.get_ciphers()}
    line = Line(plain, tls, spoken, codes)
    try:
        tls.handshake(until)
    except (Ended, ssl.SSLError) as error:
        line.failed = reading(error, spoken)
    return line


class Conversation:
    """Sends PDUs on a line and reads the answers, one at a time."""

    def __init__(self, line: Line) -> None:
        self.line, self.cutter = line, pdu.Cutter()
        self.heard = b""
        self.body = b""
        """The octets behind the header of the PDU that came last."""
        self._waiting: list[tuple[int, bytes]] = []

    def send(self, octets: bytes, until: float) -> None:
        """Send *octets*; raises Ended."""
        try:
            self.line.stream.send(octets, until)
        except (ssl.SSLError, ValueError) as error:
            raise reading(error, self.line.spoken) from None

    def next(self, until: float) -> tuple[int, pdu.Pdu]:
        """Return the next PDU: its type and content.

        Raises Ended; ``garbage`` if what comes is no PDU.
        """
        while not self._waiting:
            try:
                octets = self.line.stream.receive(until)
            except (ssl.SSLError, ValueError) as error:
                raise reading(error, self.line.spoken) from None
            except Ended as ended:
                raise reading(ended, self.line.spoken) from None
            if not octets:
                raise reading(Ended("closed", "the connection was closed"), self.line.spoken)
            self.heard += octets[: max(HEARD - len(self.heard), 0)]
            try:
                self._waiting += self.cutter.feed(octets)
            except pdu.PduError as error:
                raise Ended("garbage", str(error)) from None
        kind, body = self._waiting.pop(0)
        self.body = body
        try:
            return kind, pdu.parse(kind, body)
        except pdu.PduError as error:
            raise Ended("garbage", str(error)) from None


def associate(line: Line, request: pdu.Associate, until: float) -> AssociationSeen:
    """Ask for the association *request* on *line*, echo inside it, and release it.

    The line is closed afterwards.
    """
    began = time.monotonic()
    talk = Conversation(line)
    seen = AssociationSeen("ours")
    try:
        if line.failed:
            raise line.failed
        talk.send(pdu.encode_request(request), until)
        _, said = talk.next(until)
        seen = _answered(said)
        if seen.accepted:
            seen = dataclasses.replace(seen, echo=_echo(talk, said, until))
            _release(talk, until)
    except Ended as ended:
        if not seen.accepted:
            seen = AssociationSeen(ended.how, why=ended.why)
        else:
            seen = dataclasses.replace(seen, why=f"after the A-ASSOCIATE-AC: {ended}")
    finally:
        line.close()
    return dataclasses.replace(
        seen,
        handshake=line.handshake(),
        heard=talk.heard,
        seconds=round(time.monotonic() - began, 3),
    )


def _answered(said: pdu.Pdu) -> AssociationSeen:
    if isinstance(said, pdu.Associate):
        return AssociationSeen("accepted")
    if isinstance(said, pdu.Reject):
        return AssociationSeen("rejected", reject=(said.result, said.source, said.reason))
    if isinstance(said, pdu.Abort):
        return AssociationSeen("aborted", abort=(said.source, said.reason))
    return AssociationSeen("garbage", why=f"a {type(said).__name__} PDU answers the A-ASSOCIATE-RQ")


def _echo(talk: Conversation, answer: pdu.Pdu, until: float) -> int | None:
    """Return the status of a C-ECHO, None if the context was not accepted or no response came."""
    assert isinstance(answer, pdu.Associate)
    context = next((c.id for c in answer.contexts if c.result == 0), None)
    if context is None:
        return None
    for part in pdu.fragments(context, dimse.echo_request(), b""):
        talk.send(part, until)
    return response_status(talk, until)


def response_status(talk: Conversation, until: float) -> int | None:
    """Return the status of the next DIMSE response, None if it has none.

    Raises Ended if another PDU comes instead, or the command set cannot be read.
    """
    collected = b""
    while len(collected) < dimse.MAX_COMMAND:
        _, said = talk.next(until)
        if not isinstance(said, pdu.Data):
            raise Ended("aborted", f"a {type(said).__name__} PDU instead of the response")
        for value in said.pdvs:
            collected += value.data
            if value.last:
                try:
                    status = dimse.decode_command(collected).get(dimse.STATUS)
                except dimse.CommandError as error:
                    raise Ended("garbage", str(error)) from None
                return status if isinstance(status, int) else None
    return None


def _release(talk: Conversation, until: float) -> None:
    talk.send(pdu.encode_release(), until)
    talk.next(until)
