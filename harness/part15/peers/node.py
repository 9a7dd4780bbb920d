"""The DICOM side of the embedded peer: Verification, and Storage to memory, over any stream."""

from __future__ import annotations

import dataclasses
import hashlib
import ssl
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from part15.channel.tls import Ended, Stream
from part15.peers.child import Pipes
from part15.peers.policy import Policy
from part15.wire import dimse, pdu
from part15.wire.trap_objects import Trap, file_of

STORAGE = "1.2.840.10008.5.1.4.1.1."
TRANSFERS = (pdu.IMPLICIT_LE, pdu.EXPLICIT_LE)
ROOM = 64 << 20
"""Octets of data sets that are kept."""


@dataclass
class Store:
    """The data sets received, by SOP Instance UID."""

    objects: dict[str, bytes] = field(default_factory=dict)
    octets: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, instance: str, data: bytes) -> bool:
        """Keep one data set; tell whether there was room."""
        with self._lock:
            if self.octets + len(data) > ROOM:
                return False
            self.octets += len(data) - len(self.objects.get(instance, b""))
            self.objects[instance] = data
            return True


class _Over(Exception):  # noqa: N818 - the association is over
    pass


@dataclass
class Association:
    """One association as acceptor; ends with release, abort, silence or the end of the stream.

    In *folder*, if there is one, each object that is stored becomes a file.
    """

    stream: Stream | Pipes
    policy: Policy
    store: Store
    ae_title: str
    idle: float
    contexts: dict[int, str] = field(default_factory=dict)
    folder: Path | None = None
    _transfers: dict[int, str] = field(default_factory=dict)
    _command: dict[int, bytearray] = field(default_factory=dict)
    _data: dict[int, bytearray] = field(default_factory=dict)
    _request: dict[int, dimse.Command] = field(default_factory=dict)

    def serve(self) -> None:
        """Serve until the end; raises Ended or ssl.SSLError if the stream breaks."""
        try:
            self._serve()
        finally:
            if self.policy.after_damage == "store":
                self._keep_what_came()

    def _serve(self) -> None:
        cutter = pdu.Cutter()
        established = False
        artim = self.policy.artim
        while True:
            wait = self.idle if established else artim
            until = time.monotonic() + (3600.0 if wait is None else wait)
            try:
                octets = self.stream.receive(until)
            except Ended as ended:
                if ended.how == "silent" and established:
                    self._abort(0, 0)
                return
            if not octets:
                return
            if self.policy.http and not established and octets[:4] in (b"GET ", b"HEAD", b"OPTI"):
                self._send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                return
            try:
                for kind, body in cutter.feed(octets):
                    established = self._take(pdu.parse(kind, body), kind, established=established)
            except pdu.PduError as error:
                self._abort(2, 1 if "no PDU type" in str(error) else 6)
                return
            except _Over:
                return

    def _send(self, octets: bytes) -> None:
        self.stream.send(octets, time.monotonic() + self.idle)

    def _abort(self, source: int, reason: int) -> None:
        self._send(pdu.encode_abort(*(self.policy.abort or (source, reason))))

    def _take(self, said: pdu.Pdu, kind: int, *, established: bool) -> bool:
        if kind == pdu.ASSOCIATE_RQ and not established and isinstance(said, pdu.Associate):
            self._answer(said)
            return True
        if isinstance(said, pdu.Abort):
            raise _Over
        if established and isinstance(said, pdu.Data):
            for value in said.pdvs:
                self._value(value)
            return True
        if established and kind == pdu.RELEASE_RQ:
            self._send(pdu.encode_release(response=True))
            raise _Over
        self._abort(2, 2)
        raise _Over

    def _refusal(self, asked: pdu.Associate) -> tuple[int, int, int] | None:
        if not asked.version & 1:
            return 1, 2, 2
        if asked.application_context != pdu.APPLICATION_CONTEXT:
            return 1, 1, 2
        if asked.called not in (self.ae_title, "ANY-SCP"):
            return 1, 1, 7
        return None

    def _answer(self, asked: pdu.Associate) -> None:
        refusal = self._refusal(asked)
        if refusal:
            self._send(pdu.encode_reject(*(self.policy.reject or refusal)))
            raise _Over
        answers = []
        for context in asked.contexts:
            chosen = next((t for t in context.transfers if t in TRANSFERS), None)
            known = context.abstract == pdu.VERIFICATION or context.abstract.startswith(STORAGE)
            result = 3 if not known else 4 if chosen is None else 0
            if result == 0:
                self.contexts[context.id] = context.abstract
                self._transfers[context.id] = chosen or ""
            answers.append(
                pdu.PresentationContext(
                    context.id,
                    "",
                    (chosen or context.transfers[0] if context.transfers else "",),
                    result,
                )
            )
        self._send(
            pdu.encode_accept(
                dataclasses.replace(
                    asked, contexts=tuple(answers), user_items=pdu.default_user_items(1 << 17)
                )
            )
        )

    def _value(self, value: pdu.Pdv) -> None:
        if value.context not in self.contexts:
            self._abort(2, 6)
            raise _Over
        held = self._command if value.command else self._data
        collected = held.setdefault(value.context, bytearray())
        collected += value.data
        if len(collected) > ROOM:
            self._abort(0, 0)
            raise _Over
        if not value.last:
            return
        del held[value.context]
        if value.command:
            try:
                request = dimse.decode_command(bytes(collected))
            except dimse.CommandError:
                self._abort(0, 0)
                raise _Over from None
            if request.get(dimse.DATA_SET_TYPE) != dimse.NO_DATA_SET:
                self._request[value.context] = request
                return
            self._respond(value.context, request, b"")
        else:
            request = self._request.pop(value.context, {})
            self._respond(value.context, request, bytes(collected))

    def _respond(self, context: int, request: dimse.Command, data: bytes) -> None:
        field_ = request.get(dimse.FIELD)
        if field_ == dimse.C_ECHO_RQ:
            status = self.policy.echo_status
        elif field_ == dimse.C_STORE_RQ:
            status = 0 if self._keep(context, request, data) else 0xA700
        else:
            status = 0x0211
        for part in pdu.fragments(context, dimse.response_to(request, status), b""):
            self._send(part)

    def _keep(self, context: int, request: dimse.Command, data: bytes) -> bool:
        uid = str(request.get(dimse.SOP_INSTANCE))
        if not self.store.keep(uid, data):
            return False
        if self.folder is not None:
            transfer, sop_class = self._transfers[context], str(request.get(dimse.SOP_CLASS))
            path = self.folder / f"{hashlib.sha256(uid.encode()).hexdigest()[:32]}.dcm"
            half = path.with_suffix(f".{threading.get_ident()}")
            half.write_bytes(file_of(Trap("stored", uid, data, transfer, sop_class)))
            half.replace(path)
        return True

    def _keep_what_came(self) -> None:
        """Store the beginnings of objects that never came to their end, which is wrong."""
        for context, request in self._request.items():
            if request.get(dimse.FIELD) == dimse.C_STORE_RQ and self._data.get(context):
                self._keep(context, request, bytes(self._data[context]))


BROKEN = (Ended, ssl.SSLError, ValueError, OSError)
"""What a stream may raise while an association runs on it."""
