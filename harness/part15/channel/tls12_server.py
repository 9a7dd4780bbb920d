"""A TLS 1.2 server of our own on a stream, which answers as a :class:`Way` says: what no library can be told to do.

It completes a right handshake (ECDHE or DHE with AES-GCM), asks for a client certificate, and carries data.
"""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field

from part15.bench import WireRecord
from part15.channel.tls import Ended, Plain, Tap
from part15.observations.tls import ClientHelloSeen
from part15.wire import tls12, tls12_answers
from part15.wire import tls_names as names
from part15.wire import tls_records as records
from part15.wire.tls12_answers import Answer, Ours, Unfit, Way
from part15.wire.tls_hello import CLIENT_HELLO, ClientHello, parse_body
from part15.wire.tls_octets import Cursor, Malformed
from part15.wire.tls_opening import hello_seen
from part15.wire.tls_server import CERTIFICATE, parse_certificates

CERTIFICATE_VERIFY, CLIENT_KEY_EXCHANGE, FINISHED = 15, 16, 20
CHANGED = -1
"""A ChangeCipherSpec among the handshake messages."""
LAST_WORDS = 0.5
"""Seconds for which a client is heard that ended a flight before it was sent whole."""


@dataclass
class Heard:
    """What the client said in the handshake by now.

    *went_on* tells whether its key exchange came, so that it accepted our flight as a message;
    *completed* whether both Finished messages did. *public* is a digest of its ephemeral key,
    *chain* what it showed when asked, *scheme* what it signed with. *alert* is (level, description).
    """

    hello: ClientHelloSeen | None = None
    answer: Answer | None = None
    went_on: bool = False
    completed: bool = False
    public: str = ""
    chain: tuple[bytes, ...] = ()
    scheme: int | None = None
    alert: tuple[int, int] | None = None


@dataclass
class _Reading:
    deframer: records.Deframer = field(default_factory=records.Deframer)
    joiner: records.Joiner = field(default_factory=records.Joiner)
    records: list[records.Record] = field(default_factory=list)
    messages: list[tuple[int, bytes]] = field(default_factory=list)


class OwnServer(Plain):
    """A connection of a client that we serve in TLS 1.2; *heard* fills while the handshake goes on."""

    def __init__(
        self, sock: socket.socket, way: Way, ours: Ours, wire: WireRecord | None = None
    ) -> None:
        super().__init__(sock, Tap(limit=0), wire=wire)
        self.way, self.ours, self.heard = way, ours, Heard()
        self._transcript = bytearray()
        self._read = _Reading()
        self._in: tls12.Direction | None = None
        self._out: tls12.Direction | None = None

    @property
    def version(self) -> str:
        """The version as the library writes it, empty before the handshake is complete."""
        return "TLSv1.2" if self.heard.completed else ""

    def handshake(self, until: float) -> None:
        """Serve the handshake; raises Ended: ``ours`` if the client leaves no room for this way."""
        try:
            hello = self._hello(until)
            answer = tls12_answers.answer(self.way, hello, self.ours)
            self.heard.answer = answer
            self._say(b"".join(answer.messages), until)
            self._client_flight(hello, answer, until)
        except Unfit as unfit:
            raise Ended("ours", str(unfit)) from None
        except Malformed as problem:
            raise Ended("garbage", str(problem)) from None

    def _hello(self, until: float) -> ClientHello:
        kind, body = self._message(until)
        if kind != CLIENT_HELLO:
            raise Malformed(f"handshake message {kind} came first")
        hello = parse_body(body)
        self.heard.hello = hello_seen(hello, 0)
        return hello

    def _say(self, messages: bytes, until: float) -> None:
        self._transcript += messages
        version = min(self.way.version, 0x0303)
        octets = records.encode_records(records.HANDSHAKE, messages, version)
        try:
            super().send(octets, until)
        except Ended:
            until = time.monotonic() + LAST_WORDS
            while True:
                self._message(until)

    def _client_flight(self, hello: ClientHello, answer: Answer, until: float) -> None:
        keys: tls12.Keys | None = None
        while True:
            before = bytes(self._transcript)
            kind, body = self._message(until)
            if kind == CERTIFICATE:
                self.heard.chain = parse_certificates(body)
            elif kind == CLIENT_KEY_EXCHANGE:
                keys = self._exchanged(hello, answer, body)
            elif kind == CERTIFICATE_VERIFY:
                self.heard.scheme = Cursor(body).number(2) if answer.completable else None
            elif kind == CHANGED and keys is not None:
                self._in = tls12.Direction(keys.client_key, keys.client_nonce)
            elif kind == FINISHED and keys is not None and self._in is not None:
                if body != keys.verify_data(b"client finished", before):
                    raise Malformed("the client's Finished message does not verify")
                self._finish(keys, until)
                return
            else:
                raise Malformed(f"handshake message {kind} was not expected")

    def _exchanged(self, hello: ClientHello, answer: Answer, body: bytes) -> tls12.Keys | None:
        self.heard.went_on = True
        width = 1 if answer.exchange.group else 2
        theirs = Cursor(body).vector(width) if answer.exchange.params else b""
        self.heard.public = tls12_answers.digest(theirs) if theirs else ""
        if not answer.completable:
            raise Ended("ours", "the client went on, and we cannot complete this")
        shared = answer.exchange.agree(theirs)
        extended = answer.hello.extension("extended_master_secret") is not None
        session = bytes(self._transcript) if extended else None
        randoms = (hello.random, answer.hello.random)
        keys = tls12.derive(answer.hello.suite, shared, randoms, session)
        if self.wire is not None and self.wire.keys is not None:
            with self.wire.keys.open("a", encoding="ascii") as log:
                log.write(f"CLIENT_RANDOM {hello.random.hex()} {keys.master.hex()}\n")
        return keys

    def _finish(self, keys: tls12.Keys, until: float) -> None:
        verify = keys.verify_data(b"server finished", bytes(self._transcript))
        out = tls12.Direction(keys.server_key, keys.server_nonce)
        change = records.encode_record(records.CHANGE_CIPHER_SPEC, b"\x01", tls12.VERSION)
        sealed = out.seal(records.HANDSHAKE, records.encode_message(FINISHED, verify))
        super().send(change + sealed, until)
        self._out = out
        self.heard.completed = True

    def _message(self, until: float) -> tuple[int, bytes]:
        """Return the next handshake message, or (CHANGED, b"")."""
        while not self._read.messages:
            record = self._record(until)
            content = self._opened(record)
            if record.type == records.ALERT:
                self._alerted(content)
            elif record.type == records.CHANGE_CIPHER_SPEC:
                return CHANGED, b""
            elif record.type == records.HANDSHAKE:
                self._read.messages += self._read.joiner.feed(content)
            else:
                raise Malformed(f"a record of type {record.type} in the handshake")
        kind, body = self._read.messages.pop(0)
        self._transcript += records.encode_message(kind, body)
        return kind, body

    def _alerted(self, content: bytes) -> None:
        """Take note of an alert; raises Ended for one that ends the connection."""
        alert = records.parse_alert(content)
        if alert.level == 2:
            self.heard.alert = (alert.level, alert.description)
            label = names.alert_label(alert.description)
            raise Ended("alert", f"alert {label}", alert.description)
        if alert.description == 0:
            raise Ended("closed", "close_notify")

    def _opened(self, record: records.Record) -> bytes:
        return record.fragment if self._in is None else self._in.open(record.type, record.fragment)

    def _record(self, until: float) -> records.Record:
        while not self._read.records:
            octets = super().receive(until)
            if not octets:
                raise Ended("closed", "the connection was closed")
            self._read.records += self._read.deframer.feed(octets)
        return self._read.records.pop(0)

    def send(self, octets: bytes, until: float) -> None:
        """Send *octets* protected; raises Ended."""
        if self._out is None:
            raise Ended("ours", "the handshake is not complete")
        if self.wire is not None:
            self.wire.decrypted(octets, out=True)
        parts = [octets[at : at + 2**14] for at in range(0, len(octets), 2**14)]
        sealed = b"".join(self._out.seal(records.APPLICATION_DATA, part) for part in parts)
        super().send(sealed, until)

    def receive(self, until: float, size: int = 65536) -> bytes:  # noqa: ARG002 - records have their own size
        """Return what the next record carries, empty at the end; raises Ended."""
        try:
            while True:
                record = self._record(until)
                content = self._opened(record)
                if record.type == records.APPLICATION_DATA and content:
                    if self.wire is not None:
                        self.wire.decrypted(content, out=False)
                    return content
                if record.type == records.ALERT:
                    self._alerted(content)
        except Malformed as problem:
            raise Ended("garbage", str(problem)) from None
        except Ended as ended:
            if ended.how == "closed":
                return b""
            raise
