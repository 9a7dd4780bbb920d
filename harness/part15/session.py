"""One run against one target: each stimulus is driven at most once, and what was seen is kept."""

from __future__ import annotations

import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from part15.address import is_ipv6, is_literal, join_address, resolve
from part15.bench import Bench, Ledger, Shelf
from part15.channel.people import Skipped, watch
from part15.channel.recording import Recorder
from part15.channel.trigger import ASK
from part15.errors import TargetError, Trouble
from part15.evidence import Store
from part15.model import Impact, Stimulus
from part15.observations import NotReached
from part15.registry import Driver, drivers
from part15.session_people import Agenda, attend
from part15.target import Endpoint, Target


def expand_endpoints(
    target: Target, ledger: Ledger | None = None
) -> tuple[Target, tuple[str, ...]]:
    """Return *target* with every named host resolved, and what was found while doing so.

    The connections that are opened to see what listens carry no octet; *ledger* counts them.

    A name with an IPv4 and an IPv6 address becomes two endpoints, ``ID.ipv4`` and ``ID.ipv6``; a
    family on which nothing listens is left out and said in the notes. A name that cannot be
    resolved stays, so that its cases say *never reached*.
    """
    found: dict[str, Endpoint] = {}
    notes: list[str] = []
    for name, endpoint in target.endpoints.items():
        if is_literal(endpoint.host):
            found[name] = endpoint
            continue
        try:
            addresses = resolve(endpoint.host)
        except OSError as error:
            notes.append(
                f"{name}: the name {endpoint.host} cannot be resolved ({error.strerror or error})"
            )
            found[name] = endpoint
            continue
        server_name = endpoint.server_name or endpoint.host
        open_ones = [
            a
            for a in addresses
            if endpoint.transport == "syslog-udp" or _listens(name, a, endpoint.port, ledger)
        ]
        notes += [
            f"{name}: nothing listens on {join_address(a, endpoint.port)}, though the name {endpoint.host} has that address"
            for a in addresses
            if a not in open_ones and len(addresses) > 1
        ]
        used = open_ones or list(addresses[:1])
        for address in used:
            family = "ipv6" if is_ipv6(address) else "ipv4"
            identity = name if len(used) == 1 else f"{name}.{family}"
            found[identity] = endpoint.model_copy(
                update={
                    "id": identity,
                    "address": join_address(address, endpoint.port),
                    "server_name": server_name,
                }
            )
    return target.with_endpoints(found), tuple(notes)


def _listens(name: str, host: str, port: int, ledger: Ledger | None) -> bool:
    import socket

    if ledger is not None:
        ledger.connected(join_address(host, port))
        ledger.note("", name, "a connection without an octet, to see whether anything listens")
    try:
        with socket.create_connection((host, port), timeout=2.0):
            return True
    except OSError:
        return False


@dataclass
class Session:
    """Drives stimuli on *target* and owns the evidence of the run."""

    target: Target
    store: Store
    ledger: Ledger = field(default_factory=Ledger)
    shelf: Shelf = field(default_factory=Shelf)
    deadline: float | None = None
    agenda: Agenda = field(default_factory=Agenda)
    _seen: dict[str, Any] = field(default_factory=dict)
    _reached: set[str] = field(default_factory=set)
    _dead: dict[str, Trouble] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        if self.ledger.rate is None:
            self.ledger.rate = self.target.limits.rate

    def observe(self, stimulus: Stimulus) -> Any:
        """Return what *stimulus* showed: an observation, or the Trouble that kept it from being driven.

        Driven on first use only. A target that was never reached is not tried again for every
        case; one that was reached before and is gone now is ``NotReached``.
        """
        with self._lock:
            key = stimulus.key
            if key not in self._seen:
                self._seen[key] = self._drive(stimulus)
                self.store.put(stimulus, self._seen[key])
            return self._seen[key]

    def clean(self) -> None:
        """Have the product delete what this session stored with it, where the target says how."""
        if self.ledger.stored:
            from part15.drivers.cleaning import clean

            clean(self.target, self.ledger)

    def reached(self, place: str) -> bool:
        """Tell whether a stimulus of this process reached the endpoint *place*."""
        return place in self._reached

    def _drive(self, stimulus: Stimulus) -> Any:
        place = stimulus.endpoint
        if place in self._dead:
            return self._dead[place]
        budget = self.target.limits.budget
        if budget is not None and time.monotonic() - self._started > budget:
            return NotReached(
                "budget",
                f"the time budget of {budget:g} s was used up; run the undecided cases again",
            )
        driver = drivers()[stimulus.kind]
        return attend(
            self.target, stimulus, driver, self.agenda, lambda: self._once(stimulus, driver)
        )

    def _once(self, stimulus: Stimulus, driver: Driver) -> Any:
        place = stimulus.endpoint
        with tempfile.TemporaryDirectory(prefix="part15-", ignore_cleanup_errors=True) as scratch:
            recorder = Recorder(
                keys=Path(scratch) / "tls-keys.log",
                private=driver.impact is Impact.CREDENTIAL,
            )
            bench = Bench(
                target=self.target,
                endpoint=self.target.endpoint(place) if place else None,
                evidence=self.store.drawer(stimulus),
                ledger=self.ledger,
                shelf=self.shelf,
                scratch=Path(scratch),
                deadline=self.deadline or self.target.limits.deadline,
                stimulus=stimulus.key,
                recorder=recorder,
            )
            known = self.shelf.keys()
            watch(recorder.arrivals)
            try:
                seen = driver.function(bench, **stimulus.args)
            except Skipped as skipped:
                self.shelf.forget_missing(known, NotReached)
                return NotReached(skipped.step, skipped.why)
            except Trouble as trouble:
                return self._unreached(place, trouble)
            except TargetError as error:
                return Trouble("target", str(error))
            else:
                missed = isinstance(seen, NotReached)
                if missed and getattr(bench.endpoint, "trigger", None) == ASK:
                    self.shelf.forget_missing(known, NotReached)
                if recorder.wires or not missed:
                    self._reached.add(place)
                recorder.done = driver.at != "target"
                return seen
            finally:
                self._keep(stimulus, driver, recorder)

    def _keep(self, stimulus: Stimulus, driver: Driver, recorder: Recorder) -> None:
        """Write what passed on the wire; nothing where there was no connection and could be none."""
        if not (recorder.wires or recorder.done):
            return
        capture, text = recorder.written(stimulus.key)
        drawer = self.store.drawer(stimulus)
        possible = driver.at == "listener" or recorder.sensitive
        drawer.keep("capture.pcapng", capture, phi="possible" if possible else "synthetic")
        drawer.add("transcript.txt", text)

    def _unreached(self, place: str, trouble: Trouble) -> Any:
        if trouble.step != "connect" or not place:
            return trouble
        if place in self._reached:
            return NotReached(
                "connect",
                f"the target answered on {place} earlier in this run and does not now ({trouble.why}); "
                "look whether a stimulus before this one brought it down",
            )
        self._dead[place] = trouble
        return trouble
