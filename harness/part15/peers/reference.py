"""The embedded reference peer: a small secure DICOM node, right unless faults are named.

It serves Verification and Storage (to memory) over TLS 1.2 and 1.3 as PS3.15 B.12 asks, as far as
OpenSSL lets it, on loopback, in threads of this process.
"""

from __future__ import annotations

import contextlib
import dataclasses
import selectors
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from part15.address import is_ipv6, join_address
from part15.channel.tls import Ended, Plain, Stream, Tap
from part15.peers import scripted
from part15.peers.child import Child, Pipes
from part15.peers.clumsy import Clumsy
from part15.peers.contexts import server_context
from part15.peers.faults import Fault, faults
from part15.peers.gnutls_child import GnutlsChild
from part15.peers.hello import MAX_HELLO, Hello, read_hello
from part15.peers.node import BROKEN, Association, Store
from part15.peers.policy import Policy
from part15.peers.tickets import Relabelling, repaired
from part15.pki import Pki

MAX_CONNECTIONS = 256
FALLBACK = 0x5600
"""The signalling suite of RFC 7507: its answer is an alert, whatever else is wrong with the peer."""
HELD = 30.0
"""Seconds for which a connection is held that ought to be dropped."""


class ReferencePeer:
    """The peer as a context manager; listens from construction to :meth:`close`.

    *names* are faults of :func:`part15.peers.faults.faults`. *hosts* are listened on with one port
    number each; *plain* adds a plain DICOM port, *split* two ports with one certificate type each
    instead of one with both. *artim* and *idle* are in seconds. In *folder*, if it is given, stored objects
    are files, and the target names it as ``media.folder``.
    """

    def __init__(
        self,
        pki: Pki,
        names: Collection[str] = (),
        *,
        hosts: Sequence[str] = ("127.0.0.1",),
        port: int = 0,
        plain: bool = False,
        split: bool = False,
        ae_title: str = "PART15REF",
        artim: float = 2.0,
        idle: float = 5.0,
        policy: Policy | None = None,
        folder: Path | None = None,
    ) -> None:
        self.pki, self.hosts, self.ae_title, self.idle = pki, tuple(hosts), ae_title, idle
        self.names, self.artim, self.folder = tuple(names), artim, folder
        base = dataclasses.replace(policy or Policy(), artim=artim)
        self.policy = with_faults(base, [faults()[n] for n in self.names])
        self.store = Store()
        self._scratch = tempfile.TemporaryDirectory(prefix="part15-peer-")
        self._contexts: dict[Any, ssl.SSLContext] = {}
        self._lock = threading.Lock()
        self._issued: list[bytes] = []
        self._threads: set[threading.Thread] = set()
        self._closing = threading.Event()
        self._selector = selectors.DefaultSelector()
        self._wake, self._alarm = socket.socketpair()
        self._selector.register(self._wake, selectors.EVENT_READ, None)
        self.ports: dict[str, int] = {}
        self._hidden: dict[str, int] = {}
        kinds: dict[str, Policy | None] = {"dicom-tls": self.policy}
        if split:
            kinds = {
                "dicom-tls-rsa": dataclasses.replace(
                    self.policy, certificates=self._of_type("rsa")
                ),
                "dicom-tls-ec": dataclasses.replace(self.policy, certificates=self._of_type("ec")),
            }
        if plain:
            kinds["dicom-plain"] = None
        self._fronts: dict[str, GnutlsChild] = {}
        for offset, (name, serves) in enumerate(kinds.items()):
            self.ports[name] = self._listen(name, serves, port + offset if port else 0)
        if self.policy.gnutls:
            self._gnutls(self.policy)
        self._acceptor = threading.Thread(target=self._accept, name="part15-peer", daemon=True)
        self._acceptor.start()

    def _of_type(self, kind: str) -> tuple[str, ...]:
        return tuple(n for n in self.policy.certificates if n.endswith("-ec") == (kind == "ec"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _listen(self, name: str, serves: Policy | None, port: int) -> int:
        for host in self.hosts if name else ("127.0.0.1",):
            family = socket.AF_INET6 if is_ipv6(host) else socket.AF_INET
            listening = socket.socket(family, socket.SOCK_STREAM)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listening.bind((host, port))
            listening.listen(128)
            listening.setblocking(False)
            port = listening.getsockname()[1]
            self._selector.register(listening, selectors.EVENT_READ, (name, serves))
        return port

    def address(self, name: str = "", host: str = "") -> str:
        """Return ``host:port`` of the endpoint *name* (default: the first) on *host* (default: the first)."""
        return join_address(host or self.hosts[0], self.ports[name or next(iter(self.ports))])

    def close(self) -> None:
        """Stop listening, let running connections end, and wait for them."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._alarm.send(b"x")
        self._acceptor.join(5)
        for thread in tuple(self._threads):
            thread.join(self.idle + 1)
        for front in self._fronts.values():
            front.close()
        self._wake.close()
        self._alarm.close()
        self._selector.close()
        self._scratch.cleanup()

    def _stop_listening(self) -> None:
        with self._lock:
            for key in tuple(self._selector.get_map().values()):
                if key.data is not None:
                    self._selector.unregister(key.fileobj)
                    assert isinstance(key.fileobj, socket.socket)
                    key.fileobj.close()

    def _accept(self) -> None:
        while not self._closing.is_set():
            for key, _ in self._selector.select():
                if key.data is None:
                    continue
                assert isinstance(key.fileobj, socket.socket)
                with contextlib.suppress(OSError):
                    sock, _ = key.fileobj.accept()
                    self._start(sock, key.data[1])
        self._stop_listening()

    def _start(self, sock: socket.socket, serves: Policy | None) -> None:
        if len(self._threads) >= MAX_CONNECTIONS:
            sock.close()
            return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        thread = threading.Thread(target=self._serve, args=(sock, serves), daemon=True)
        self._threads.add(thread)
        thread.start()

    def _serve(self, sock: socket.socket, serves: Policy | None) -> None:
        plain = Plain(sock, Tap(limit=0))
        try:
            if serves is None:
                self._associate(plain, self.policy)
            else:
                self._front(plain, serves)
        except BROKEN:
            pass  # the other side ended it, or would not speak sense: nothing to answer any more
        finally:
            _linger(plain)
            self._threads.discard(threading.current_thread())

    def _associate(self, stream: Stream | Pipes, policy: Policy) -> None:
        Association(
            stream, policy, self.store, self.ae_title, self.idle, folder=self.folder
        ).serve()

    def _front(self, plain: Plain, policy: Policy) -> None:
        """Look at what comes first, then let the script, the TLS library or the plain node answer."""
        wait = self.idle * 20 if policy.artim is None else policy.artim
        until = time.monotonic() + wait
        early, asked = _first_octets(plain, until)
        if asked is None:
            self._foreign(plain, early, policy)
            return
        if (
            asked.offers(FALLBACK)
            and policy.maximum == "1.3"
            and max(asked.versions, default=0) < 0x0304
        ):
            plain.send(scripted.alert(86), until)
            return
        asked = dataclasses.replace(
            asked, served=self._served(policy), serves13=policy.maximum == "1.3"
        )
        for other in policy.instead:
            if other.when(asked):
                same = {} if set(other.changes) <= {"minimum", "maximum"} else {"gnutls": ""}
                policy = dataclasses.replace(policy, **{**same, **other.changes})
                break
        if policy.hangs:
            while plain.receive(time.monotonic() + self.idle):
                continue
            return
        chain = self._chain(policy)
        answer = self._scripted(asked, dataclasses.replace(policy, extra={"chain": chain}))
        if answer is not None:
            plain.send(answer, until)
            if policy.dies == "refused" and answer[:1] in (b"", b"\x15"):
                self._stop_listening()
            return
        if policy.program:
            self._by_program(plain, policy, early)
            return
        if policy.repairs_tickets:
            early = repaired(early, self._issued)
        if policy.gnutls:
            hold = policy.after_damage == "hold"
            self._gnutls(policy).carry(plain, early, self.idle * 2, hold=hold)
            return
        if policy.ticket_lifetime:
            plain = Relabelling(plain.sock, plain.tap, policy.ticket_lifetime)
        self._protected(plain, policy, early, until)

    def _by_program(self, plain: Plain, policy: Policy, early: bytes) -> None:
        child = Child(self.pki, policy.program)
        try:
            child.join(plain, early)
            self._associate(child.stream, policy)
        finally:
            child.close()

    def _scripted(self, asked: Hello, policy: Policy) -> bytes | None:
        for script in policy.scripts:
            answer = script(asked, policy)
            if answer is not None:
                return answer
        if asked.versions and asked.versions[-1] in (0x0301, 0x0302) and policy.minimum == "1.2":
            code = policy.old_version_alert
            return b"" if code is None else scripted.alert(code)
        foreign = asked.protocols and policy.alpn and not set(policy.alpn) & set(asked.protocols)
        if foreign and policy.foreign_alpn == "refuse":
            return scripted.alert(120)
        return None

    def _protected(self, plain: Plain, policy: Policy, early: bytes, until: float) -> None:
        stream = Clumsy(plain, self._context(policy), server=True, early=early, how=policy.records)
        try:
            stream.handshake(until)
        except BROKEN:
            if policy.dies == "refused":
                self._stop_listening()
            raise
        stream.quiet = policy.after_damage == "hold"
        if (stream.object.cipher() or ("",))[0] in policy.mute:
            return
        try:
            self._associate(stream, policy)
            stream.close_notify(time.monotonic() + 0.2)
        except ssl.SSLError:
            if policy.dies == "damage":
                self._stop_listening()
            if not stream.quiet:
                raise
            with contextlib.suppress(Ended):
                while plain.receive(time.monotonic() + HELD):
                    continue

    def _foreign(self, plain: Plain, early: bytes, policy: Policy) -> None:
        """Answer what is no ClientHello: by closing, unless the policy says otherwise."""
        sslv2 = len(early) > 2 and early[0] & 0x80 and early[2] == 1
        if policy.sslv2 and sslv2:
            plain.send(scripted.sslv2_hello(self._chain(policy)), time.monotonic() + self.idle)
        elif policy.plain and early[:1] == b"\x01":
            self._associate(Plain(plain.sock, plain.tap, early), policy)
        elif policy.dies == "malformed" and early[:1] == b"\x16":
            self._stop_listening()

    def _context(self, policy: Policy) -> ssl.SSLContext:
        key = dataclasses.replace(policy, instead=(), scripts=(), extra={})
        with self._lock:
            if repr(key) not in self._contexts:
                made = server_context(key, self.pki, Path(self._scratch.name))
                if policy.repairs_tickets:
                    made._msg_callback = self._note_ticket  # type: ignore[attr-defined]  # noqa: SLF001 - the only way to see them
                self._contexts[repr(key)] = made
            return self._contexts[repr(key)]

    def _gnutls(self, policy: Policy) -> GnutlsChild:
        """Return the GnuTLS front for *policy*, and the plain port behind it, made on first use."""
        key = repr(dataclasses.replace(policy, instead=(), scripts=(), extra={}))
        with self._lock:
            if key not in self._fronts:
                self._fronts[key] = GnutlsChild(policy, self.pki, self._inner())
            return self._fronts[key]

    def _inner(self) -> int:
        """Return a plain port of loopback that no target names."""
        if "" not in self._hidden:
            self._hidden[""] = self._listen("", None, 0)
        return self._hidden[""]

    def _served(self, policy: Policy) -> frozenset[int]:
        """Return the suites below TLS 1.3 that the TLS library would serve."""
        if policy.gnutls:
            return frozenset(policy.served)
        listed = self._context(policy).get_ciphers()
        return frozenset(
            int(c["id"]) & 0xFFFF
            for c in listed
            if c["protocol"] != "TLSv1.3" and c["auth"] != "auth-dss"
        )

    def _note_ticket(self, _: Any, way: str, __: Any, content: Any, kind: Any, data: bytes) -> None:
        if way == "write" and int(content) == 22 and int(kind) == 4 and len(self._issued) < 1000:
            self._issued.append(data)

    def _chain(self, policy: Policy) -> tuple[bytes, ...]:
        pem = (
            self.pki[policy.certificates[0]]
            .certificate.read_text()
            .split("-----END CERTIFICATE-----")
        )
        return tuple(
            ssl.PEM_cert_to_DER_cert(part.strip() + "\n-----END CERTIFICATE-----\n")
            for part in pem[:-1]
        )

    def document(
        self,
        *,
        edition: str = "2023b",
        profile: str = "tls-bcp195-rfc8996",
        features: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Return the content of a target file that describes this peer, with what it declares and attests."""
        from part15.peers.declared import target_document

        return target_document(self, edition=edition, profile=profile, features=features)


def with_faults(policy: Policy, named: Sequence[Fault]) -> Policy:
    """Return *policy* with the changes of every fault; their scripts and exceptions add up."""
    for fault in named:
        changes = dict(fault.changes)
        for several in ("instead", "scripts", "trusts"):
            if several in changes:
                changes[several] = (*getattr(policy, several), *changes[several])
        policy = dataclasses.replace(policy, **changes)
    return policy


def _first_octets(plain: Plain, until: float) -> tuple[bytes, Hello | None]:
    """Return the octets up to the end of the ClientHello and what it says, or None if they are none."""
    early = b""
    while len(early) < MAX_HELLO * 2:
        octets = plain.receive(until)
        if not octets:
            break
        early += octets
        try:
            found = read_hello(early)
        except ValueError:
            break
        if found:
            return early, found
    return early, None


def _linger(plain: Plain) -> None:
    """Close so that what was sent last arrives: a close with unread octets would reset it away."""
    with contextlib.suppress(Ended, OSError):
        plain.sock.shutdown(socket.SHUT_WR)
        until = time.monotonic() + 0.5
        while plain.receive(until):
            continue
    plain.close()
