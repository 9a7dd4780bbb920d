"""Completing a handshake by another TLS library than ours: GnuTLS or tlslite-ng, in a child process.

It is for the versions and suites that OpenSSL cannot do (3DES, RC4, SSL 3.0, Camellia-GCM, CCM in TLS 1.3).
"""

from __future__ import annotations

import base64
import contextlib
import importlib.util
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO

from part15.channel.association import Line
from part15.channel.gnutls_library import available
from part15.channel.tls import Ended, Plain, Tap
from part15.observations.session import HandshakeSeen
from part15.wire import foreign_suites
from part15.wire import tls_names as names

GRACE = 1.0
"""Seconds for the process to end by itself."""
MISSING = (
    "OpenSSL cannot complete {what}, and neither GnuTLS (libgnutls) nor tlslite-ng (pip install "
    "'part15[legacy-tls]') that can is installed"
)


@dataclass(frozen=True)
class Wanted:
    """One version and one suite to be completed, as ``client`` or ``server``, and what we show."""

    role: str
    version: str
    suite: int
    certificate: str = ""
    key: str = ""
    password: str = field(default="", repr=False)
    name: str = ""

    @property
    def text(self) -> str:
        """Version and suite for people."""
        return f"{names.suite_name(self.suite)} in {names.version_label(self.version)}"


def engines(wanted: Wanted) -> list[dict[str, Any]]:
    """Return the settings for each library that is here and has a name for what is *wanted*."""
    found: list[dict[str, Any]] = []
    if os.name != "posix":
        return found  # a socket is handed to a child process
    priority = foreign_suites.gnutls_priority(wanted.version, wanted.suite)
    if priority and available():
        found.append({"engine": "gnutls", "priority": priority})
    lite = foreign_suites.tlslite_suite(wanted.version, wanted.suite)
    if lite and importlib.util.find_spec("tlslite") is not None:
        found.append({"engine": "tlslite", "tlslite": asdict(lite)})
    return found


class ForeignLine(Line):
    """A line whose TLS is in another process."""

    facts: Mapping[str, Any]
    wanted: Wanted

    def handshake(self) -> HandshakeSeen:
        """Return what that process said of the handshake."""
        facts, done = self.facts, bool(self.facts.get("completed"))
        chain = self.chain
        alert = self.spoken.alert_received
        return HandshakeSeen(
            ended=self.failed.how if self.failed else "open",
            completed=done,
            version=str(facts.get("version", "")),
            suite=names.suite_name(self.wanted.suite) if done else "",
            code=self.wanted.suite if done else 0,
            alert=alert if alert is not None else (self.failed.alert if self.failed else None),
            why=self.failed.why if self.failed else "",
            requested=bool(facts.get("requested")),
            presented=bool(facts.get("requested") and self.wanted.certificate),
            certificate=chain[0] if chain else b"",
        )

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The certificates that the other side showed."""
        return tuple(base64.b64decode(der) for der in self.facts.get("chain", ()))


class _Clear(Plain):
    """What is inside; its end waits for the word of the process on how it ended."""

    def __init__(self, sock: socket.socket, child: _Child, line: ForeignLine) -> None:
        super().__init__(sock, Tap(limit=0))
        self.child, self.line = child, line

    def receive(self, until: float, size: int = 65536) -> bytes:
        """Return the next octets, empty at the end; raises Ended."""
        octets = super().receive(until, size)
        if not octets:
            last = self.child.word(time.monotonic() + 1.0)
            if last.get("alert") is not None:
                self.line.spoken.alert_received = int(last["alert"])
        return octets

    def close(self, *, reset: bool = False) -> None:
        """Close it and end the process."""
        del reset  # the process ends it
        self.child.close()


class _Child:
    """The process, and the pump between its end and the stream that it is given to carry."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.plain: Plain | None = None
        self._tls, theirs = socket.socketpair()
        self.clear, inner = socket.socketpair()
        ends = (theirs.fileno(), inner.fileno())
        with theirs, inner:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "part15.channel.foreign_end", *map(str, ends)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=ends,
            )
        assert self.process.stdin is not None
        with contextlib.suppress(OSError), self.process.stdin as told:
            told.write(json.dumps(settings).encode() + b"\n")
        self._words: list[dict[str, Any]] = []
        self._said = threading.Condition()
        assert self.process.stdout is not None
        self._listener = threading.Thread(
            target=self._listen, args=(self.process.stdout,), daemon=True
        )
        self._listener.start()
        self._pumps: list[threading.Thread] = []

    def wait(self, until: float) -> None:
        """Wait until the process, as a client, has its hello ready: a server may have little patience."""
        select.select([self._tls], [], [], max(until - time.monotonic(), 0))

    def carry(self, plain: Plain) -> None:
        """Begin to carry octets between the process and *plain*."""
        self.plain = plain
        self._pumps = [
            threading.Thread(target=pump, args=(plain,), daemon=True)
            for pump in (self._inward, self._outward)
        ]
        for pump in self._pumps:
            pump.start()

    def _listen(self, lines: BinaryIO) -> None:
        with lines:
            for line in lines:
                self._hear(json.loads(line))
        self._hear({"ended": "ours", "why": "the TLS process ended"})

    def _hear(self, word: dict[str, Any]) -> None:
        with self._said:
            self._words.append(word)
            self._said.notify_all()

    def word(self, until: float) -> dict[str, Any]:
        """Return the next thing that the process says."""
        with self._said:
            while not self._words:
                if not self._said.wait(max(until - time.monotonic(), 0)):
                    return {"ended": "silent", "why": "no answer within the deadline"}
            return self._words.pop(0)

    def _inward(self, plain: Plain) -> None:
        with contextlib.suppress(Ended, OSError):
            while octets := plain.receive(time.monotonic() + 60):
                self._tls.sendall(octets)
        with contextlib.suppress(OSError):
            self._tls.shutdown(socket.SHUT_WR)

    def _outward(self, plain: Plain) -> None:
        with contextlib.suppress(Ended, OSError):
            while octets := self._tls.recv(65536):
                plain.send(octets, time.monotonic() + 60)
        plain.end()

    def close(self) -> None:
        """Let the process send what is under way and say close_notify, then end it and the pump."""
        with contextlib.suppress(OSError):
            self.clear.shutdown(socket.SHUT_WR)
        try:
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._listener.join(GRACE)
        for pump in self._pumps[1:]:
            pump.join(GRACE)
        if self.plain is not None:
            with contextlib.suppress(OSError):
                self.plain.sock.shutdown(socket.SHUT_RDWR)
        for each in (self._tls, self.clear):
            each.close()
        if self.plain is not None:
            self.plain.close()


def speak(
    begin: Callable[[], Plain], wanted: Wanted, engine: Mapping[str, Any], until: float
) -> Line:
    """Complete what is *wanted* by *engine* on the stream that *begin* opens, once the process is ready.

    The line says how it ended if it did not complete. Raises what *begin* raises.
    """
    settings = {**asdict(wanted), **engine, "seconds": max(until - time.monotonic(), 0.1)}
    child = _Child(settings)
    if wanted.role == "client":
        child.wait(until)
    try:
        plain = begin()
    except BaseException:
        child.close()
        raise
    line = ForeignLine(plain)
    line.facts, line.wanted = {}, wanted
    child.carry(plain)
    line.plain = _Clear(child.clear, child, line)
    line.facts = child.word(until + 0.5)
    if not line.facts.get("completed"):
        alert = line.facts.get("alert")
        line.failed = Ended(str(line.facts["ended"]), str(line.facts.get("why", "")), alert)
        if alert is not None:
            line.spoken.alert_received = int(alert)
    return line
