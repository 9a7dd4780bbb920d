"""A TLS 1.2 client of our own on a stream, for handshakes that no library makes: ECDHE with AES-GCM only."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from part15.channel.tcp import Stream
from part15.wire import tls12
from part15.wire import tls_names as names
from part15.wire import tls_records as records
from part15.wire import tls_server as server
from part15.wire.tls_hello import (
    ENTROPY,
    ClientHello,
    Offer,
    client_hello,
    encode_body,
)
from part15.wire.tls_octets import Cursor, Malformed, vector

CERTIFICATE, CERTIFICATE_VERIFY, CLIENT_KEY_EXCHANGE, FINISHED = 11, 15, 16, 20
PROTOCOL_VERSION, ILLEGAL_PARAMETER = 70, 47
SCHEMES = {"RSA": (0x0804, 0x0401, 0x0501), "EC": (0x0403,)}


class Ended(Exception):  # noqa: N818 - a noun of the house
    """The other side ended the handshake; the words say how."""


@dataclass(frozen=True)
class Shows:
    """What we show when asked for a certificate: the DER chain, leaf first, and its key; nothing by default."""

    chain: tuple[bytes, ...] = ()
    key: Any = None

    @classmethod
    def of(cls, certificate: str, key: str, password: str = "") -> Shows:
        """Return what the PEM files *certificate* and *key* hold.

        Raises OSError, ValueError or TypeError if they hold something else or *password* is wrong.
        """
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import (
            Encoding,
            load_pem_private_key,
        )

        chain = x509.load_pem_x509_certificates(Path(certificate).read_bytes())
        secret = password.encode() if password else None
        return cls(
            tuple(found.public_bytes(Encoding.DER) for found in chain),
            load_pem_private_key(Path(key).read_bytes(), secret),
        )


@dataclass
class Client:
    """A connection that completes a handshake and can ask for another one inside; *shows* is our identity.

    *private* is the secret of our ephemeral key, a fresh one for each handshake if it is empty.
    """

    stream: Stream
    shows: Shows = field(default_factory=Shows)
    hello: server.ServerHello | None = None
    asked: server.CertificateRequest | None = None
    client_verify: bytes = b""
    server_verify: bytes = b""
    private: bytes = b""
    _transcript: bytearray = field(default_factory=bytearray)
    _deframer: records.Deframer = field(default_factory=records.Deframer)
    _joiner: records.Joiner = field(default_factory=records.Joiner)
    _records: list[records.Record] = field(default_factory=list)
    _messages: list[tuple[int, bytes]] = field(default_factory=list)
    _out: tls12.Direction | None = None
    _in: tls12.Direction | None = None

    def handshake(self, offer: Offer) -> None:
        """Complete a handshake for *offer*; raises Ended or Malformed if that does not come about."""
        self._complete(client_hello(offer, os.urandom(ENTROPY)))

    def _complete(self, mine: ClientHello) -> None:
        self._transcript.clear()
        self._say(1, encode_body(mine), version=0x0301)
        self.asked, exchange = self._server_flight()
        self._finish(self._exchange_keys(mine, exchange, self.asked))

    def _server_flight(self) -> tuple[server.CertificateRequest | None, bytes]:
        """Read up to ServerHelloDone; return what certificate is asked for and the key exchange."""
        asked, exchange = None, b""
        while True:
            kind, body = self._hear()
            if kind == server.SERVER_HELLO:
                self.hello = server.parse_server_hello(body)
                self._accept(self.hello)
            elif kind == server.SERVER_KEY_EXCHANGE:
                exchange = body
            elif kind == server.CERTIFICATE_REQUEST:
                asked = server.parse_certificate_request(body, tls12.VERSION)
            elif kind == server.SERVER_HELLO_DONE:
                return asked, exchange

    def _accept(self, hello: server.ServerHello) -> None:
        """Refuse what we cannot do, with an alert; raises Ended."""
        if hello.selected == tls12.VERSION and hello.suite in (*tls12.SUITES, *tls12.DHE):
            return
        code = PROTOCOL_VERSION if hello.selected != tls12.VERSION else ILLEGAL_PARAMETER
        self._emit(records.ALERT, bytes([2, code]), tls12.VERSION)
        raise Ended("the server selected something that was not offered")

    def _share(self, suite: int, exchange: bytes) -> tuple[tls12.Share, int]:
        """Return our share for the server's key *exchange*, and the octets of its length on the wire."""
        cursor = Cursor(exchange)
        if suite in tls12.DHE:
            prime, generator, theirs = (int.from_bytes(cursor.vector(2), "big") for _ in range(3))
            return tls12.agree_dh(prime, generator, theirs, self.private or os.urandom(32)), 2
        if cursor.number(1) != 3:
            raise Malformed("the server sent no named curve")
        return tls12.agree(cursor.number(2), cursor.vector(1), self.private), 1

    def _exchange_keys(
        self, mine: ClientHello, exchange: bytes, asked: server.CertificateRequest | None
    ) -> tls12.Keys:
        assert self.hello is not None
        share, width = self._share(self.hello.suite, exchange)
        if asked is not None:
            chain = b"".join(vector(3, der) for der in self.shows.chain)
            self._say(CERTIFICATE, vector(3, chain))
        self._say(CLIENT_KEY_EXCHANGE, vector(width, share.public))
        extended = self.hello.extension("extended_master_secret") is not None
        session = bytes(self._transcript) if extended else None
        keys = tls12.derive(
            self.hello.suite, share.secret, (mine.random, self.hello.random), session
        )
        if asked is not None and self.shows.key is not None:
            self._say(
                CERTIFICATE_VERIFY,
                _signature(self.shows.key, bytes(self._transcript), asked.schemes),
            )
        self._log(mine.random, keys.master)
        return keys

    def _log(self, random: bytes, master: bytes) -> None:
        if self.stream.wire is not None and self.stream.wire.keys is not None:
            with self.stream.wire.keys.open("a", encoding="ascii") as log:
                log.write(f"CLIENT_RANDOM {random.hex()} {master.hex()}\n")

    def _finish(self, keys: tls12.Keys) -> None:
        self._emit(records.CHANGE_CIPHER_SPEC, b"\x01", tls12.VERSION)
        self._out = tls12.Direction(keys.client_key, keys.client_nonce)
        self.client_verify = keys.verify_data(b"client finished", bytes(self._transcript))
        self._say(FINISHED, self.client_verify)
        while True:
            before = bytes(self._transcript)
            record = self._record()
            if record.type == records.CHANGE_CIPHER_SPEC:
                self._opened(record)
                self._in = tls12.Direction(keys.server_key, keys.server_nonce)
                continue
            self._take(record)
            for kind, body in self._messages:
                if kind == FINISHED:
                    self.server_verify = keys.verify_data(b"server finished", before)
                    if body != self.server_verify:
                        raise Malformed("the server's Finished message does not verify")
                    self._messages.clear()
                    return
            self._messages.clear()

    def renegotiate(self, offer: Offer, info: bytes | None) -> str:
        """Send a ClientHello for *offer* inside; return what came: ``hello``, ``alert NAME(n)``, or the end.

        *info* is the content of renegotiation_info, None to leave it out.
        """
        self._say(1, encode_body(_again(offer, info)))
        try:
            while True:
                record = self._record()
                if record.type == records.APPLICATION_DATA:
                    continue
                content = self._opened(record)
                if record.type == records.ALERT:
                    return f"alert {names.alert_label(records.parse_alert(content).description)}"
                if record.type == records.HANDSHAKE and content[:1] == b"\x02":
                    return "hello"
        except Ended as ended:
            return str(ended)

    def renegotiate_as(self, offer: Offer, shows: Shows) -> None:
        """Complete a renegotiation in which we show *shows*; raises Ended or Malformed if it is refused."""
        self.shows = shows
        self._complete(_again(offer, self.client_verify))

    def send(self, octets: bytes) -> None:
        """Send *octets* as protected data; raises Ended."""
        for at in range(0, len(octets), 2**14):
            self._emit(records.APPLICATION_DATA, octets[at : at + 2**14], tls12.VERSION)

    def receive(self) -> bytes:
        """Return what the next record of data carries; raises Ended and Malformed."""
        while True:
            record = self._record()
            content = self._opened(record)
            if record.type == records.APPLICATION_DATA and content:
                return content
            if record.type == records.ALERT:
                alert = records.parse_alert(content)
                if alert.level == 2 or alert.description == 0:
                    raise Ended(f"alert {names.alert_label(alert.description)}")

    def _say(self, kind: int, body: bytes, version: int = tls12.VERSION) -> None:
        message = records.encode_message(kind, body)
        self._transcript += message
        self._emit(records.HANDSHAKE, message, version)

    def _emit(self, type_: int, content: bytes, version: int) -> None:
        sealed = self._out.seal(type_, content) if self._out else None
        if not self.stream.send(sealed or records.encode_records(type_, content, version)):
            raise Ended(self.stream.ended)

    def _hear(self) -> tuple[int, bytes]:
        while not self._messages:
            self._take(self._record())
        return self._messages.pop(0)

    def _take(self, record: records.Record) -> None:
        content = self._opened(record)
        if record.type == records.ALERT:
            alert = records.parse_alert(content)
            if alert.level == 2 or alert.description == 0:
                raise Ended(f"alert {names.alert_label(alert.description)}")
            return
        if record.type != records.HANDSHAKE:
            raise Malformed(f"a record of type {record.type} in the handshake")
        for kind, body in self._joiner.feed(content):
            self._transcript += records.encode_message(kind, body)
            self._messages.append((kind, body))

    def _opened(self, record: records.Record) -> bytes:
        return record.fragment if self._in is None else self._in.open(record.type, record.fragment)

    def _record(self) -> records.Record:
        while not self._records:
            data = self.stream.receive()
            if not data:
                raise Ended(self.stream.ended)
            self._records += self._deframer.feed(data)
        return self._records.pop(0)


def _again(offer: Offer, info: bytes | None) -> ClientHello:
    """Return the ClientHello of a renegotiation, with *info* as renegotiation_info or without that extension."""
    mine = client_hello(offer, os.urandom(ENTROPY))
    more = () if info is None else ((names.EXTENSIONS["renegotiation_info"], vector(1, info)),)
    return dataclasses.replace(mine, extensions=(*(mine.extensions or ()), *more))


def _signature(key: Any, transcript: bytes, offered: Sequence[int]) -> bytes:
    """Return the content of CertificateVerify with a scheme that the server offered."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    kind = "RSA" if isinstance(key, rsa.RSAPrivateKey) else "EC"
    scheme = next((scheme for scheme in SCHEMES[kind] if scheme in offered), SCHEMES[kind][-1])
    return scheme.to_bytes(2, "big") + vector(2, tls12.sign(key, transcript, scheme))
