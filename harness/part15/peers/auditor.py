"""The embedded audit source and audit collector: right by default, wrong where a policy says so.

Both run on loopback in this process. ``python -m part15.peers.auditor HOST PORT CA CERT KEY [FAULT]``
sends the source's messages once, so that a target file can name it as a trigger.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import re
import socket
import ssl
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from part15.channel.tls import VERSIONS
from part15.wire import audit_corpus
from part15.wire.audit_corpus import Facts
from part15.wire.syslog import write_syslog
from part15.wire.syslog_frames import Frame, FrameReader, framed

BIG = 700
"""Instances of the large transfer: its message is longer than 32768 octets."""
LONG = "1.2.826.0.1.3680043.10.1515.20261121.10000000000000000.{}"


@dataclass(frozen=True)
class AuditPolicy:
    """What the embedded source does; every default is right.

    *edits* replace text in messages: (EventID code or ``*``, old, new), old is taken literally and
    every place is changed. *head* overrides header fields of :func:`write_syslog`; *framing* is
    ``octets``, ``characters``, ``zero``, ``trailer`` or ``lf``; *cut* truncates SYSLOG-MSG.
    *declared_port* is what its Conformance Statement calls the default UDP port.
    """

    edits: tuple[tuple[str, str, str], ...] = ()
    head: Mapping[str, Any] = field(default_factory=dict)
    framing: str = "octets"
    prefix: bool = False
    encoding: str = "utf-8"
    cut: int | None = None
    late: bool = False
    silent: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    alternate: bool = False
    tls: bool = True
    minimum: str = "1.2"
    maximum: str = "1.3"
    ciphers: str = "DEFAULT"
    verify: bool = True
    check_name: bool = True
    certificate: bool = True
    goodbye: bool = True
    big: int = BIG
    declared_port: int = 514


def messages(policy: AuditPolicy, facts: Facts | None = None) -> list[tuple[str, bytes]]:
    """Return (EventID code, XML) of everything the source reports, in order, with the edits applied."""
    f = facts or Facts(when=dt.datetime.now(dt.UTC))
    many = tuple(LONG.format(n + 1) for n in range(policy.big))
    right = [
        *audit_corpus.corpus(f).items(),
        ("110104", audit_corpus.transfer(dataclasses.replace(f, instances=many))),
        ("110114", audit_corpus.authentication(f, logout=True)),
        ("110100", audit_corpus.application_activity(f, stop=True)),
    ]
    sent = []
    for n, (kind, xml) in enumerate(right):
        text = xml.decode()
        for event, old, new in policy.edits:
            if event in ("*", kind):
                text = text.replace(old, new)
        if policy.alternate and n % 2:
            text = text.replace(f'AuditSourceID="{f.source}"', f'AuditSourceID="{f.source}-2"')
        if kind not in policy.silent:
            sent.append((kind, text.encode(policy.encoding, "xmlcharrefreplace")))
            sent += [sent[-1]] * policy.doubled.count(kind)
    return sent


def syslog_messages(policy: AuditPolicy, facts: Facts | None = None) -> list[bytes]:
    """Return the SYSLOG-MSGs of :func:`messages`."""
    made = []
    for _, xml in messages(policy, facts):
        now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"
        head: dict[str, Any] = {
            "timestamp": now,
            "hostname": "peer.example",
            "app_name": "part15-peer",
            "procid": "4711",
            **policy.head,
        }
        made.append(write_syslog(xml, **head)[: policy.cut])
    return made


def stream(policy: AuditPolicy, made: Sequence[bytes]) -> bytes:
    """Return *made* as one byte stream in the framing of *policy*."""
    if policy.framing == "lf":
        return b"".join(m + b"\n" for m in made)
    if policy.framing == "trailer":
        return b"".join(framed(m) + b"\n" for m in made)
    if policy.framing == "zero":
        return b"".join(b"0" + framed(m) for m in made)
    if policy.framing == "characters":
        return b"".join(str(len(m.decode("utf-8", "replace"))).encode() + b" " + m for m in made)
    return b"".join(framed(m) for m in made)


@dataclass(frozen=True)
class Credentials:
    """CA, certificate and key files."""

    ca: str
    certificate: str
    key: str


class AuditSource:
    """A source that reports everything once per call of :meth:`send`."""

    def __init__(
        self, credentials: Credentials | None = None, policy: AuditPolicy | None = None
    ) -> None:
        self.credentials, self.policy = credentials, policy or AuditPolicy()

    def _context(self) -> ssl.SSLContext:
        import warnings

        assert self.credentials is not None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = self.policy.verify and self.policy.check_name
        context.verify_mode = ssl.CERT_REQUIRED if self.policy.verify else ssl.CERT_NONE
        context.set_ciphers(self.policy.ciphers)
        context.load_verify_locations(self.credentials.ca)
        if self.policy.certificate:
            context.load_cert_chain(self.credentials.certificate, self.credentials.key)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a fault speaks old versions
            context.minimum_version = VERSIONS[self.policy.minimum]
            context.maximum_version = VERSIONS[self.policy.maximum]
        return context

    def send(self, host: str, port: int, *, udp: bool = False, facts: Facts | None = None) -> bool:
        """Report everything to *host*; False if the collector was not acceptable or went away."""
        made = syslog_messages(self.policy, facts)
        if udp:
            self._send_datagrams(host, port, made)
            return True
        return self.deliver(host, port, made)

    def deliver(self, host: str, port: int, made: Sequence[bytes]) -> bool:
        """Send *made* over one connection; False if the collector was not acceptable or went away."""
        octets = stream(self.policy, made)
        try:
            sock = socket.create_connection((host, port), timeout=5.0)
            if self.policy.tls:
                sock.getpeername()  # a connection that was reset by now would leak inside wrap_socket
                sock = self._context().wrap_socket(sock, server_hostname=host)
        except (OSError, ValueError):
            return False
        with contextlib.closing(sock):
            try:
                sock.sendall(octets)
                sock.settimeout(1.0)
                if isinstance(sock, ssl.SSLSocket) and self.policy.goodbye:
                    sock.unwrap()
                else:
                    sock.shutdown(socket.SHUT_WR)
                    while sock.recv(4096):
                        pass
            except (OSError, ValueError):
                return isinstance(sock, ssl.SSLSocket) and self.policy.goodbye
        return True

    def _send_datagrams(self, host: str, port: int, made: Sequence[bytes]) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            for message in made:
                data = framed(message) if self.policy.prefix else message
                sock.sendto(data[:65000], (host, port))


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


def main(arguments: Sequence[str]) -> int:
    """Send once: ``HOST PORT CA CERT KEY [FAULT]``; ``udp`` instead of CA sends datagrams."""
    from part15.peers.audit_faults import faults

    host, port, ca = arguments[0], int(arguments[1]), arguments[2]
    udp = ca == "udp"
    rest = list(arguments[3:]) if udp else list(arguments[5:])
    changes: dict[str, Any] = {}
    for name in rest:
        changes.update(faults()[name].changes)
    credentials = None if udp else Credentials(ca, arguments[3], arguments[4])
    source = AuditSource(credentials, AuditPolicy(**changes))
    return 0 if source.send(host, port, udp=udp) else 1


__all__ = ["AuditCollector", "AuditPolicy", "AuditSource", "CollectorPolicy", "Credentials"]

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
