"""Reads what a client opens a connection with: a ClientHello, a plain association request, or something else."""

from __future__ import annotations

from part15.observations.tls import ClientHelloSeen
from part15.wire import tls_names as names
from part15.wire.tls_hello import (
    CLIENT_HELLO,
    ClientHello,
    offered_alpn,
    offered_numbers,
    offered_server_name,
    offered_versions,
    parse_body,
)
from part15.wire.tls_octets import Cursor, Malformed
from part15.wire.tls_records import HANDSHAKE, Deframer, Joiner, Oversize

MAX_OPENING = 256 * 1024
ASSOCIATE_RQ = b"\x01\x00"


class Opening:
    """Fed with octets until :attr:`done`; then :meth:`seen` tells what they were. Never raises."""

    def __init__(self) -> None:
        self._deframer, self._joiner = Deframer(), Joiner()
        self._head = b""
        self._octets = 0
        self._record_version = 0
        self._found: ClientHelloSeen | None = None

    @property
    def done(self) -> bool:
        """Whether nothing more needs to be read."""
        return self._found is not None

    def feed(self, data: bytes) -> bool:
        """Take *data* and tell whether the opening is complete."""
        self._octets += len(data)
        if self._head == b"":
            self._head = data[:3]
        if self._head[:1] == ASSOCIATE_RQ[:1]:
            self._found = ClientHelloSeen("plain", "an A-ASSOCIATE-RQ without TLS")
        elif len(self._head) == 3 and self._head[0] & 0x80 and self._head[2] == CLIENT_HELLO:
            self._found = ClientHelloSeen("sslv2", "an SSL 2.0 CLIENT-HELLO")
        else:
            self._read(data)
        return self.done

    def _read(self, data: bytes) -> None:
        try:
            for record in self._deframer.feed(data):
                self._take(record.type, record.version, record.fragment)
            if self._octets > MAX_OPENING and not self.done:
                self._found = ClientHelloSeen(
                    "oversize", f"{self._octets} octets and no ClientHello"
                )
        except Oversize as problem:
            self._found = ClientHelloSeen("oversize", str(problem))
        except Malformed as problem:
            kind = "malformed" if self._record_version else "garbage"
            self._found = ClientHelloSeen(kind, str(problem))

    def _take(self, type_: int, version: int, fragment: bytes) -> None:
        self._record_version = self._record_version or version
        if type_ != HANDSHAKE:
            self._found = ClientHelloSeen("malformed", f"a record of type {type_} came first")
            return
        for kind, body in self._joiner.feed(fragment):
            if kind != CLIENT_HELLO:
                self._found = ClientHelloSeen("malformed", f"handshake message {kind} came first")
            elif self._found is None:
                self._found = hello_seen(parse_body(body), self._record_version)

    def seen(self, ending: str) -> ClientHelloSeen:
        """Return what was seen; *ending* is how the stream ended: close, reset or timeout."""
        if self._found is not None:
            return self._found
        if ending == "timeout":
            return ClientHelloSeen("drip" if self._octets else "silent")
        return ClientHelloSeen(ending or "silent", f"after {self._octets} octets")


def hello_seen(hello: ClientHello, record_version: int) -> ClientHelloSeen:
    """Return the facts of *hello*; raises Malformed if an extension that is read is broken."""
    points = hello.extension(names.EXTENSIONS["ec_point_formats"])
    return ClientHelloSeen(
        outcome="hello",
        client_version=hello.version,
        record_version=record_version,
        listed=hello.extension(names.EXTENSIONS["supported_versions"]) is not None,
        versions=tuple(names.version_name(v) for v in _real(offered_versions(hello))),
        suites=_real(hello.suites),
        compression=hello.compression,
        extensions=_real(tuple(code for code, _ in hello.extensions or ())),
        groups=_real(offered_numbers(hello, "supported_groups") or ()),
        schemes=_real(offered_numbers(hello, "signature_algorithms") or ()),
        point_formats=tuple(Cursor(points).vector(1)) if points else (),
        alpn=offered_alpn(hello),
        server_name=offered_server_name(hello),
    )


def _real(codes: tuple[int, ...]) -> tuple[int, ...]:
    """Return *codes* without the values of RFC 8701."""
    return tuple(code for code in codes if not names.is_grease(code))
