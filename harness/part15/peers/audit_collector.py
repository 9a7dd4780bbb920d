"""The embedded audit collector: right by default, wrong where a policy says so."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from part15.channel.tls import VERSIONS
from part15.peers.auditor import Credentials
from part15.wire.syslog_frames import Frame, FrameReader, framed


@dataclass(frozen=True)
class CollectorPolicy:
    """What the embedded collector does; every default is right.

    *limit* is the longest message in octets, *over* what becomes of longer ones: ``cut``, ``split``
    or ``drop``. *fatal* names what ends the service for good: ``malformed``, ``pri``.
    *hangs_up* names what makes it close the connection and drop the message: ``leap``, ``foreign``.
    *rate* is how many messages it stores per second, those beyond are dropped.
    """

    tls: bool = True
    limit: int | None = None
    over: str = "split"
    demand: bool = True
    check: bool = True
    minimum: str = "1.2"
    maximum: str = "1.3"
    ciphers: str = "DEFAULT:AES128-SHA"
    fatal: tuple[str, ...] = ()
    hangs_up: tuple[str, ...] = ()
    by_record: bool = False
    backwards: bool = False
    answers_close: bool = True
    forgets: tuple[str, ...] = ()
    pri: tuple[int, ...] = tuple(range(192))
    rate: int | None = None


class AuditCollector:
    """A collector on loopback that appends what it gets to the file *store*, octet-counted."""

    def __init__(
        self,
        store: Path,
        credentials: Credentials | None = None,
        policy: CollectorPolicy | None = None,
        *,
        udp: bool = False,
        host: str = "127.0.0.1",
    ) -> None:
        self.store, self.credentials, self.policy = store, credentials, policy or CollectorPolicy()
        self.store.write_bytes(b"")
        self._stop = threading.Event()
        self._dead = threading.Event()
        self._lock = threading.Lock()
        self._second, self._taken = 0, 0
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
        self._socket.bind((host, 0))
        self._socket.settimeout(0.1)
        if not udp:
            self._socket.listen(32)
        self.host, self.port = host, int(self._socket.getsockname()[1])
        self._threads = [
            threading.Thread(target=self._datagrams if udp else self._accept, daemon=True)
        ]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._socket.close()
        for thread in self._threads:
            thread.join(2.0)

    def _keep(self, data: bytes) -> None:
        with self._lock:
            if self.policy.backwards:
                self.store.write_bytes(framed(data) + self.store.read_bytes())
            else:
                with self.store.open("ab") as stream:
                    stream.write(framed(data))

    def _loaded(self) -> bool:
        """Tell whether this second has had its messages."""
        now = int(time.monotonic())
        self._taken = self._taken + 1 if now == self._second else 1
        self._second = now
        return self.policy.rate is not None and self._taken > self.policy.rate

    def _take(self, frame: Frame) -> bool:
        """Store one message; False if the connection is to be closed."""
        p, data = self.policy, frame.data
        match = re.match(rb"<(\d{1,3})>1 ", data)
        pri = int(match[1]) if match else 999
        if (match is None and "malformed" in p.fatal) or (pri > 191 and "pri" in p.fatal):
            self._dead.set()
            return False
        if b":60Z" in data and "leap" in p.hangs_up:
            return False
        if b"<AuditMessage" not in data and "foreign" in p.hangs_up:
            return False
        if any(word.encode() in data for word in p.forgets) or (
            match and pri < 192 and pri not in p.pri
        ):
            return True
        if self._loaded():
            return True
        if p.limit is None or len(data) <= p.limit:
            self._keep(data)
        elif p.over == "cut":
            self._keep(data[: p.limit])
        elif p.over == "split":
            for at in range(0, len(data), p.limit):
                self._keep(data[at : at + p.limit])
        return True

    def _datagrams(self) -> None:
        while not self._stop.is_set() and not self._dead.is_set():
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                return
            self._take(Frame(data, len(data), "datagram"))

    def _context(self) -> ssl.SSLContext:
        import warnings

        assert self.credentials is not None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        level = "" if VERSIONS[self.policy.minimum] >= ssl.TLSVersion.TLSv1_2 else ":@SECLEVEL=0"
        context.set_ciphers(self.policy.ciphers + level)
        context.load_cert_chain(self.credentials.certificate, self.credentials.key)
        if self.policy.check:
            context.load_verify_locations(self.credentials.ca)
            context.verify_mode = ssl.CERT_REQUIRED if self.policy.demand else ssl.CERT_OPTIONAL
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a fault speaks old versions
            context.minimum_version = VERSIONS[self.policy.minimum]
            context.maximum_version = VERSIONS[self.policy.maximum]
        context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
        return context

    def _accept(self) -> None:
        while not self._stop.is_set() and not self._dead.is_set():
            try:
                sock, _ = self._socket.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self._threads.append(thread)
            thread.start()
        self._socket.close()

    def _serve(self, sock: socket.socket) -> None:
        reader = FrameReader()
        with contextlib.closing(sock):
            try:
                sock.settimeout(5.0)
                if self.credentials is not None and self.policy.tls:
                    sock = self._context().wrap_socket(
                        sock, server_side=True, suppress_ragged_eofs=False
                    )
                sock.settimeout(0.1)
                self._read(sock, reader)
            except (OSError, ValueError):
                return
            finally:
                sock.close()

    def _read(self, sock: socket.socket, reader: FrameReader) -> None:
        idle = time.monotonic() + 20.0
        while not self._stop.is_set() and not self._dead.is_set() and time.monotonic() < idle:
            try:
                data = sock.recv(65536)
            except TimeoutError:
                continue
            if not data:
                if self.policy.answers_close and isinstance(sock, ssl.SSLSocket):
                    sock.settimeout(0.5)
                    sock.unwrap()
                return
            if self.policy.by_record:
                frames = [Frame(data.partition(b" ")[2], len(data), "record")]
            else:
                before = len(reader.flaws)
                frames = reader.feed(data)
                if len(reader.flaws) > before and "malformed" in self.policy.fatal:
                    self._dead.set()
                    return
            kept = [self._take(frame) for frame in frames]
            if not all(kept):
                return
