"""The embedded audit source: right by default, wrong where a policy says so.

It runs on loopback in this process. ``python -m part15.peers.auditor HOST PORT CA CERT KEY [FAULT]``
sends the source's messages once, so that a target file can name it as a trigger.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import socket
import ssl
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from part15.channel.tls import VERSIONS
from part15.wire import audit_corpus
from part15.wire.audit_corpus import Facts
from part15.wire.syslog import write_syslog
from part15.wire.syslog_frames import framed

BIG = 700
"""Instances of the large transfer: its message is longer than 32768 octets."""
SO_NO_CHECK = 11
"""Linux: send UDP without checksums (asm-generic/socket.h); Python has no name for it."""
LONG = "1.2.826.0.1.3680043.10.1515.20261121.10000000000000000.{}"


@dataclass(frozen=True)
class AuditPolicy:
    """What the embedded source does; every default is right.

    *edits* replace text in messages: (EventID code or ``*``, old, new), old is taken literally and
    every place is changed. *head* overrides header fields of :func:`write_syslog`; *framing* is
    ``octets``, ``characters``, ``zero``, ``trailer`` or ``lf``; *cut* truncates SYSLOG-MSG.
    *declared_port* is what its Conformance Statement calls the default UDP port. *buffers* says where
    the Detach message stands among what is sent later because the collector was away: ``first``,
    ``last``, or nothing is buffered. *gives_up* sends nothing more after that, *shuns* are ports to
    which it sends nothing; without *checksums* UDP checksums are off.
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
    buffers: str = ""
    gives_up: bool = False
    shuns: tuple[int, ...] = ()
    checksums: bool = True


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
        self._buffer: list[bytes] = []
        self._gone = False

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
        if port in self.policy.shuns:
            return False
        if udp:
            self._send_datagrams(host, port, made)
            return True
        if self._gone and self.policy.gives_up:
            return False
        taken = self.deliver(host, port, [*self._buffer, *made])
        if taken:
            self._buffer = []
        else:
            self._gone = True
            self._keep(made)
        return taken

    def _keep(self, made: Sequence[bytes]) -> None:
        """Buffer *made* and, once, the message that the collector cannot be reached."""
        if not self.policy.buffers:
            return
        if self._buffer:
            self._buffer += made
            return
        now = dt.datetime.now(dt.UTC)
        xml = audit_corpus.network_entry(Facts(when=now), detach=True)
        detach = write_syslog(xml, timestamp=now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
        self._buffer = [detach, *made] if self.policy.buffers == "first" else [*made, detach]

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
            if not self.policy.checksums:
                sock.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
            for message in made:
                data = framed(message) if self.policy.prefix else message
                sock.sendto(data[:65000], (host, port))


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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
