"""TLS over our own sockets: stdlib ssl through memory buffers, so that every octet and every alert is seen.

One stream serves both ends. As a client it keeps what the handshake said (alerts in both directions,
certificate request, tickets) even where TLS 1.3 encrypts it; as a server it can begin with octets
that were already read, so that a front may look at the ClientHello first.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from part15.address import split_address
from part15.bench import WireRecord

Result = TypeVar("Result")

CERTIFICATE, CERTIFICATE_REQUEST, NEW_SESSION_TICKET = 11, 13, 4
TAP_LIMIT = 1 << 18
HANDSHAKE_LIMIT = 1 << 24
"""Octets read in one step of a handshake before it is called garbage."""


class Ended(Exception):  # noqa: N818 - says how, not that it is an error
    """A connection ended or stalled: *how* is alert, closed, reset, silent, garbage or ours; *why* in words."""

    def __init__(self, how: str, why: str = "", alert: int | None = None) -> None:
        self.how, self.why, self.alert = how, why, alert
        super().__init__(f"{how}: {why}" if why else how)


QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)
"""Set before each receive: peers with Nagle on wait 40 ms per message for our delayed acknowledgement."""


@dataclass
class Tap:
    """The first octets that passed, each way."""

    sent: bytearray = field(default_factory=bytearray)
    received: bytearray = field(default_factory=bytearray)
    limit: int = TAP_LIMIT

    def note(self, octets: bytes, *, out: bool) -> None:
        """Keep *octets* as far as there is room."""
        kept = self.sent if out else self.received
        kept += octets[: max(self.limit - len(kept), 0)]


def dial(address: str, until: float) -> socket.socket:
    """Return a connected socket with TCP_NODELAY.

    Raises Ended: ``closed`` if nobody listens there, ``silent`` if nobody answers until *until*.
    """
    host, port = split_address(address)
    try:
        found = socket.create_connection((host, port), timeout=max(until - time.monotonic(), 0.05))
    except TimeoutError:
        raise Ended("silent", f"{address} did not answer the TCP connection") from None
    except OSError as error:
        words = os.strerror(error.errno) if error.errno else str(error)
        raise Ended("closed", f"{address}: {words}") from None
    with contextlib.suppress(OSError):
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return found


class Plain:
    """A TCP stream with deadlines and a tap; the common face of plain and protected streams."""

    def __init__(
        self,
        sock: socket.socket,
        tap: Tap | None = None,
        early: bytes = b"",
        wire: WireRecord | None = None,
    ) -> None:
        self.sock, self.tap, self._early, self.wire = sock, tap or Tap(), early, wire

    def send(self, octets: bytes, until: float) -> None:
        """Send all of *octets*; raises Ended."""
        self.tap.note(octets, out=True)
        if self.wire is not None:
            self.wire.note(octets, out=True)
        view = memoryview(octets)
        while view:
            self._arm(until)
            try:
                done = self.sock.send(view)
            except (BlockingIOError, TimeoutError):
                raise Ended("silent", "the other side stopped reading") from None
            except OSError as error:
                raise Ended("reset", str(error)) from None
            view = view[done:]

    def receive(self, until: float, size: int = 65536) -> bytes:
        """Return the next octets, empty at the end of the stream; raises Ended (reset, silent)."""
        if self._early:
            octets, self._early = self._early, b""
            return octets
        self._arm(until)
        if QUICKACK is not None:
            with contextlib.suppress(OSError):
                self.sock.setsockopt(socket.IPPROTO_TCP, QUICKACK, 1)
        try:
            octets = self.sock.recv(size)
        except (BlockingIOError, TimeoutError):
            raise Ended("silent", "no answer within the deadline") from None
        except OSError as error:
            raise Ended("reset", str(error)) from None
        self.tap.note(octets, out=False)
        if self.wire is not None and octets:
            self.wire.note(octets, out=False)
        return octets

    def _arm(self, until: float) -> None:
        left = until - time.monotonic()
        if left <= 0:
            raise Ended("silent", "no answer within the deadline")
        self.sock.settimeout(left)

    def end(self) -> None:
        """End our half of the TCP stream; the other half stays readable."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def close(self, *, reset: bool = False) -> None:
        """Close; with *reset* by a TCP reset."""
        with contextlib.suppress(OSError):
            if reset:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.sock.close()


@dataclass
class Spoken:
    """The handshake messages and alerts of one connection, as (type, octets), decrypted, each way."""

    sent: list[tuple[int, bytes]] = field(default_factory=list)
    received: list[tuple[int, bytes]] = field(default_factory=list)
    alert_received: int | None = None
    alert_sent: int | None = None

    def hear(self, _: Any, way: str, __: Any, content: Any, kind: Any, data: bytes) -> None:
        """Take one message from the TLS library."""
        if int(content) == 21 and len(data) == 2:
            if way == "read" and data[1] != 0:
                self.alert_received = data[1]
            elif way == "write" and data[1] != 0:
                self.alert_sent = data[1]
        elif int(content) == 22:
            messages = self.received if way == "read" else self.sent
            if len(messages) < 64:
                messages.append((int(kind), bytes(data[:65536])))

    def got(self, kind: int) -> list[bytes]:
        """Return the received messages of *kind*."""
        return [data for k, data in self.received if k == kind]

    @property
    def presented(self) -> bool:
        """Whether we sent a certificate, rather than none or an empty list."""
        return any(k == CERTIFICATE and len(data) > 16 for k, data in self.sent)


class Tls:
    """A TLS stream over *plain*; *early* are octets of the other side that were read before.

    While *quiet* is true our alerts are not sent, which is wrong and meant for faulty peers. *ragged*
    tells after the end of the stream that it came without close_notify.
    """

    def __init__(
        self,
        plain: Plain,
        context: ssl.SSLContext,
        *,
        server: bool = False,
        name: str | None = None,
        early: bytes = b"",
        session: ssl.SSLSession | None = None,
    ) -> None:
        self.plain, self.quiet, self.ragged = plain, False, False
        if plain.wire is not None and plain.wire.keys is not None:
            context.keylog_filename = str(plain.wire.keys)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        if early:
            self._in.write(early)
        self.object = context.wrap_bio(
            self._in, self._out, server_side=server, server_hostname=name, session=session
        )

    def _flush(self, until: float) -> None:
        octets = self._out.read()
        if octets:
            self.plain.send(octets, until)

    def _step(self, action: Callable[[], Result], until: float) -> Result:
        taken = 0
        while True:
            try:
                result = action()
            except ssl.SSLWantReadError:
                self._flush(until)
                octets = self.plain.receive(until)
                taken += len(octets)
                if taken > HANDSHAKE_LIMIT:
                    raise Ended(
                        "garbage", f"more than {HANDSHAKE_LIMIT} octets without sense"
                    ) from None
                if octets:
                    self._in.write(octets)
                else:
                    self._in.write_eof()
            except ssl.SSLError:
                with contextlib.suppress(Ended):
                    if not self.quiet:
                        self._flush(until)
                raise
            else:
                self._flush(until)
                return result

    def handshake(self, until: float) -> None:
        """Complete the handshake; raises Ended or ssl.SSLError."""
        self._step(self.object.do_handshake, until)

    def send(self, octets: bytes, until: float) -> None:
        """Send all of *octets*; raises Ended or ssl.SSLError."""
        for start in range(0, len(octets), 1 << 20):
            part = octets[start : start + (1 << 20)]
            if self.plain.wire is not None:
                self.plain.wire.decrypted(part, out=True)
            self._step(lambda part=part: self.object.write(part), until)  # type: ignore[misc]

    def first_flight(self) -> bytes:
        """Return our ClientHello, not sent: it is to be changed first."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self.object.do_handshake()
        return self._out.read()

    def seal(self, octets: bytes) -> bytes:
        """Return *octets* as protected records, not sent: they are to be damaged first."""
        self.object.write(octets)
        return self._out.read()

    def receive(self, until: float, size: int = 65536) -> bytes:
        """Return the next octets, empty at the end of the stream; raises Ended or ssl.SSLError."""
        try:
            octets = self._step(lambda: self.object.read(size), until)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError) as end:
            self.ragged = isinstance(end, ssl.SSLEOFError)
            return b""
        if self.plain.wire is not None:
            self.plain.wire.decrypted(octets, out=False)
        return octets

    def close(self, *, reset: bool = False) -> None:
        """Say close_notify if that is possible at once, then close."""
        if not reset:
            self.close_notify(time.monotonic() + 0.2)
        self.plain.close(reset=reset)

    def shut(self, until: float) -> None:
        """Exchange close_notify; raises Ended or ssl.SSLError if the other side does not answer it."""
        self._step(self.object.unwrap, until)

    def close_notify(self, until: float) -> None:
        """Say close_notify if that is possible; do not wait for the answer."""
        with contextlib.suppress(Ended, ssl.SSLError, ValueError):
            try:
                self.object.unwrap()
            except ssl.SSLWantReadError:
                pass  # the answer is not waited for
            finally:
                self._flush(until)


Stream = Plain | Tls


def client_context(
    *,
    certificate: str = "",
    key: str = "",
    password: str = "",
    minimum: str = "",
    maximum: str = "",
    ciphers: str = "",
    alpn: Sequence[str] = (),
    trust: str = "",
) -> ssl.SSLContext:
    """Return a client context that takes any server, so that a refusal is the server's and not ours.

    Weak keys and old hashes pass too; with *trust* the server certificate must come from it.
    Raises OSError or ssl.SSLError if certificate or key cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED if trust else ssl.CERT_NONE
    if trust:
        context.load_verify_locations(trust)
    context.set_ciphers(ciphers or "DEFAULT:@SECLEVEL=0")
    context.options |= getattr(ssl, "OP_LEGACY_SERVER_CONNECT", 4)
    with contextlib.suppress(AttributeError):
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    _set_versions(context, minimum, maximum)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if certificate:
        context.load_cert_chain(certificate, key or None, password=password or "")
    return context


VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


def _set_versions(context: ssl.SSLContext, minimum: str, maximum: str) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0 and 1.1 are what we ask about
        context.minimum_version = VERSIONS[minimum] if minimum else ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = VERSIONS[maximum] if maximum else ssl.TLSVersion.MAXIMUM_SUPPORTED


def listen_to(context: ssl.SSLContext) -> Spoken:
    """Have *context*, which must serve one connection only, tell its handshake messages and alerts."""
    spoken = Spoken()
    context._msg_callback = spoken.hear  # type: ignore[attr-defined]  # noqa: SLF001 - the only way to see encrypted alerts
    return spoken


def reason_of(error: BaseException) -> str:
    """Return in lower case what the TLS library or the socket said: a reason, or the name of an error."""
    cause = error.__context__ if isinstance(error, Ended) and error.__context__ else error
    return str(getattr(cause, "reason", None) or type(cause).__name__).lower()


def reading(error: BaseException, spoken: Spoken) -> Ended:
    """Return how the connection ended, from what the library raised and what was spoken.

    ``ours`` only if no alert came and the library itself gave up: that is no statement about the peer.
    """
    if spoken.alert_received is not None:
        return Ended("alert", f"alert {spoken.alert_received}", spoken.alert_received)
    if isinstance(error, Ended):
        return error
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return Ended("closed", "the connection was closed")
    if isinstance(error, ssl.SSLError):
        reason = str(error.reason or error)
        if reason in (
            "WRONG_VERSION_NUMBER",
            "HTTP_REQUEST",
            "RECORD_LAYER_FAILURE",
            "PACKET_LENGTH_TOO_LONG",
        ):
            return Ended("garbage", f"the answer is no TLS ({reason.lower()})")
        return Ended("ours", reason.lower().replace("_", " "))
    return Ended("reset", str(error))
