"""Our own acceptor: listens for the product, over plain TCP or TLS, and serves each connection in a thread."""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from part15.address import is_ipv6, join_address
from part15.bench import WireRecorder
from part15.channel.association import Line
from part15.channel.tls import Ended, Plain, Tap, Tls, listen_to, reading
from part15.errors import Trouble

CONNECTIONS = 64
"""Connections served at once; more are closed."""

Serve = Callable[[Line], None]
Protect = Callable[[Plain, float], Line]
"""Serves the handshake on a stream until a time; the line says how it ended if it did not complete."""


def listener_context(listener: Any) -> ssl.SSLContext | None:
    """Return the server context of a TLS *listener* of the target, None for a plain one.

    A client certificate is asked for; it must come from ``trust`` if that is given.
    Raises Trouble("identity") if its files cannot be used.
    """
    if listener.transport == "plain":
        return None
    if listener.identity is None:
        raise Trouble(
            "identity", f"listeners.{listener.id}.identity is missing; a TLS listener needs one"
        )
    certificate, key = listener.identity.paths()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password="")
        if listener.trust:
            context.load_verify_locations(listener.trust)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError, ValueError) as error:
        why = f"listeners.{listener.id}: {certificate} and {key} cannot be used ({error})"
        raise Trouble("identity", why) from None
    return context


class Acceptor:
    """Listens from construction to :meth:`close`; *serve* is called with the line of each connection.

    *context* returns a fresh TLS context for each connection, or None for plain TCP; *protect*, if it
    is given, makes the line in its place. *artim* bounds the handshake, in seconds; *recorder* is told of every connection. A line whose handshake failed is served too; it says how it ended.
    """

    def __init__(
        self,
        host: str,
        port: int,
        context: Callable[[], ssl.SSLContext | None],
        serve: Serve,
        *,
        artim: float = 5.0,
        recorder: WireRecorder | None = None,
        protect: Protect | None = None,
    ) -> None:
        self._recorder, self._protect = recorder, protect
        self._context, self._serve, self._artim = context, serve, artim
        family = socket.AF_INET6 if is_ipv6(host) else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            why = f"we cannot listen on {join_address(host, port)}: {error.strerror}; free the port"
            raise Trouble("listen", why) from error
        self._socket.listen(32)
        self.host, self.port = host, int(self._socket.getsockname()[1])
        self._wake, self._alarm = socket.socketpair()
        self._threads: set[threading.Thread] = set()
        self._open: set[Plain] = set()
        self._lock = threading.Lock()
        self._acceptor = threading.Thread(target=self._accept, name="part15-acceptor", daemon=True)
        self._acceptor.start()

    @property
    def address(self) -> str:
        """Host and port as text."""
        return join_address(self.host, self.port)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening, close what is open, and wait for the threads."""
        with contextlib.suppress(OSError):
            self._alarm.send(b"x")
        self._acceptor.join(5)
        with self._lock:
            left = tuple(self._open)
        for plain in left:
            with contextlib.suppress(OSError):
                plain.sock.shutdown(socket.SHUT_RDWR)
        for thread in tuple(self._threads):
            thread.join(5)
        for each in (self._wake, self._alarm, self._socket):
            each.close()

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake, selectors.EVENT_READ)
            selector.register(self._socket, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._wake:
                        return
                    with contextlib.suppress(OSError):
                        self._start(self._socket.accept()[0])

    def _start(self, sock: socket.socket) -> None:
        if len(self._threads) >= CONNECTIONS:
            sock.close()
            return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire = self._recorder.connected(sock, opened=False) if self._recorder else None
        plain = Plain(sock, Tap(limit=0), wire=wire)
        thread = threading.Thread(target=self._run, args=(plain,), daemon=True)
        with self._lock:
            self._threads.add(thread)
            self._open.add(plain)
        thread.start()

    def _run(self, plain: Plain) -> None:
        try:
            line = self._line(plain)
            self._serve(line)
            if line.tls is not None:
                line.tls.close_notify(time.monotonic() + 0.2)
            elif line.plain is not plain:
                line.plain.close()
        except (Ended, ssl.SSLError, OSError):
            pass  # the other side ended it; what was seen by then stands
        finally:
            plain.close()
            with self._lock:
                self._open.discard(plain)
                self._threads.discard(threading.current_thread())

    def _line(self, plain: Plain) -> Line:
        if self._protect is not None:
            return self._protect(plain, time.monotonic() + self._artim)
        context = self._context()
        if context is None:
            return Line(plain)
        spoken = listen_to(context)
        tls = Tls(plain, context, server=True)
        line = Line(plain, tls, spoken)
        try:
            tls.handshake(time.monotonic() + self._artim)
        except (Ended, ssl.SSLError) as error:
            line.failed = reading(error, spoken)
        return line
