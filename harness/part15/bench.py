"""What a driver is given: the target, the endpoint, where evidence goes, and the list of what was sent."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

Found = TypeVar("Found")


class EvidenceSink(Protocol):
    """Takes the bytes behind an observation."""

    def keep(self, name: str, data: bytes, *, phi: str = "none") -> None:
        """Store *data* under *name*; *phi* is ``none``, ``synthetic`` or ``possible``."""


class WireRecord(Protocol):
    """Takes the octets of one connection."""

    @property
    def keys(self) -> Path | None:
        """The file to which TLS sessions on it log their keys, None to log none."""

    def note(self, octets: bytes, *, out: bool) -> None:
        """Keep *octets*, sent (*out*) or received."""

    def decrypted(self, octets: bytes, *, out: bool) -> None:
        """Take note of what passed under TLS."""


class WireRecorder(Protocol):
    """Records the connections of a stimulus (``channel.recording``).

    *sensitive* is set by a driver whose product may send it data of others.
    """

    sensitive: bool

    def connected(
        self, sock: Any, *, opened: bool = True, to: tuple[str, int] | None = None
    ) -> WireRecord:
        """Return the record of a connection that begins now, *opened* by us or by the SUT; datagrams go *to*."""


@dataclass
class Ledger:
    """Counts connections and lists what was sent to the SUT; printed in every report.

    *rate* is the most connections a second the target allows; :meth:`connected` waits for its turn.
    """

    sent: list[dict[str, Any]] = field(default_factory=list)
    connections: dict[str, int] = field(default_factory=dict)
    rate: float | None = None
    stored: dict[str, str] = field(default_factory=dict)
    """The instances that were stored, with their studies: what a run may have deleted again."""
    _next: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def connected(self, address: str) -> None:
        """Count one connection to *address*, which is about to be opened; waits where a rate limit says so."""
        with self._lock:
            if self.rate:
                time.sleep(max(0.0, self._next - time.monotonic()))
                self._next = time.monotonic() + 1.0 / self.rate
            self.connections[address] = self.connections.get(address, 0) + 1

    def keep(self, uid: str, study: str) -> None:
        """Remember that the instance *uid* of *study*, one of ours, may be held by the product now."""
        with self._lock:
            self.stored[uid] = study

    def note(self, stimulus: str, endpoint: str, what: str) -> None:
        """List one thing that was sent."""
        with self._lock:
            self.sent.append({"stimulus": stimulus, "endpoint": endpoint, "what": what})


@dataclass
class Shelf:
    """Facts learnt once per endpoint and shared by the drivers of a run (certificate types, reachability)."""

    _found: dict[Any, Any] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def keys(self) -> frozenset[Any]:
        """Return the keys of what is known by now."""
        with self._lock:
            return frozenset(self._found)

    def forget_missing(self, known: frozenset[Any], missing: type) -> None:
        """Forget what was asked for after *known* in vain (a *missing*, or an exception): it may be asked for again."""
        with self._lock:
            for key in set(self._found) - known:
                value, raised = self._found[key]
                if raised is not None or isinstance(value, missing):
                    del self._found[key]

    def once(self, key: Any, learn: Callable[[], Found]) -> Found:
        """Return what *learn* found the first time it was asked for *key*; an exception is kept and raised again."""
        with self._lock:
            if key not in self._found:
                try:
                    self._found[key] = (learn(), None)
                except Exception as trouble:  # noqa: BLE001 - raised again below, here and for the next one
                    self._found[key] = (None, trouble)
            value, raised = self._found[key]
        if raised is not None:
            raise raised
        found: Found = value
        return found


@dataclass(frozen=True)
class Bench:
    """The first parameter of every driver.

    *endpoint* is the ``Endpoint`` or ``Listener`` of the target that the stimulus is for (None for
    files and declarations); *deadline* is the number of seconds one exchange may take; *scratch* is
    an empty folder that goes away with the run; *recorder* is told of every connection, if there is one.
    """

    target: Any
    endpoint: Any
    evidence: EvidenceSink
    ledger: Ledger
    shelf: Shelf
    scratch: Path
    deadline: float = 5.0
    stimulus: str = ""
    recorder: WireRecorder | None = None

    def recorded(
        self, sock: Any, *, opened: bool = True, to: tuple[str, int] | None = None
    ) -> WireRecord | None:
        """Return the record of the connection on *sock*, which begins now; None if nobody records."""
        if self.recorder is None:
            return None
        return self.recorder.connected(sock, opened=opened, to=to)

    def note(self, what: str) -> None:
        """List *what* was sent to the SUT."""
        self.ledger.note(self.stimulus, getattr(self.endpoint, "id", ""), what)

    def at(self, point: Any) -> Bench:
        """Return this bench at another endpoint or listener of the target."""
        return dataclasses.replace(self, endpoint=point)

    def until(self) -> float:
        """Return the monotonic time at which an exchange that starts now must have ended."""
        return time.monotonic() + self.deadline
