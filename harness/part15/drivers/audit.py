"""Receive audit messages from a source; read captures of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from part15.bench import Bench
from part15.channel.syslog_listener import Shown, SyslogListener
from part15.channel.trigger import acting
from part15.errors import Trouble
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.audit import ANOTHER, AuditDeclared, AuditMessageSeen, AuditTrailSeen
from part15.registry import driver
from part15.wire.audit_judge import NEWEST, examine
from part15.wire.syslog_frames import Frame

KEPT = 4000
"""Messages that an observation keeps; further ones are examined as they come and counted."""
KEPT_OCTETS = 64 << 20
EVIDENCE = 4 << 20


@dataclass
class Tray:
    """Takes messages as they come: the first are kept, later ones examined and counted by rule."""

    edition: str = NEWEST
    messages: list[AuditMessageSeen] = field(default_factory=list)
    octets: int = 0
    more: int = 0
    broken: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    largest: int = 0
    source: str | None = None
    """AuditSourceID of the first readable message, once there are more than are kept."""

    def __call__(self, frame: Frame, connection: int, arrived: float) -> None:
        """Take one message."""
        self.largest = max(self.largest, frame.size)
        if len(self.messages) < KEPT and self.octets + len(frame.data) <= KEPT_OCTETS:
            name = f"message {len(self.messages) + 1}"
            self.octets += len(frame.data)
            self.messages.append(
                AuditMessageSeen(name, frame.data, frame.framing, frame.size, arrived, connection)
            )
            return
        self.more += 1
        found = examine.__wrapped__(frame.data, frame.framing, self.edition, frame.size)
        for rule in {f.rule for f in found.flaws if f.word == "fail"}:
            self.broken[rule] = self.broken.get(rule, 0) + 1
        if found.message and found.message.source.get("AuditSourceID", "").strip() != self._first():
            self.broken[ANOTHER] = self.broken.get(ANOTHER, 0) + 1
        if found.kind:
            self.kinds[found.kind] = self.kinds.get(found.kind, 0) + 1

    def _first(self) -> str:
        """Return the AuditSourceID of the first readable message that is kept."""
        if self.source is None:
            read = (examine(m.data, m.carrier, self.edition, m.size).message for m in self.messages)
            first = next((m for m in read if m is not None), None)
            self.source = first.source.get("AuditSourceID", "").strip() if first else ""
        return self.source


@dataclass
class Tape:
    """Keeps the first octets of each connection as evidence."""

    parts: dict[int, bytearray] = field(default_factory=dict)

    def __call__(self, number: int, data: bytes) -> None:
        """Take octets of connection *number*."""
        part = self.parts.setdefault(number, bytearray())
        if len(self.parts) <= 32:
            part += data[: max(0, EVIDENCE - len(part))]

    def keep(self, bench: Bench) -> None:
        """Store what was recorded."""
        for number, octets in self.parts.items():
            name = f"connection-{number}.syslog" if number else "datagrams.syslog"
            bench.evidence.keep(name, bytes(octets), phi="possible")


def edition_of(target: Any) -> str:
    """Return the edition that the target claims the message format in."""
    table = target.claims.get("dicom-audit-message-format")
    edition = getattr(table, "edition", None) or target.target.edition
    return str(edition)


def _at(table: Any, *keys: str) -> Any:
    for key in keys:
        table = table.get(key) if isinstance(table, Mapping) else None
    return table


def _texts(value: Any) -> tuple[str, ...] | None:
    return tuple(str(v) for v in value) if isinstance(value, (list, tuple)) else None


def declared_of(target: Any, transport: str) -> AuditDeclared:
    """Return what ``[declared]`` says of the audit source; *transport* chooses the syslog profile."""
    table = target.declared
    profile = f"dicom-audit-{transport}"
    size = _at(table, profile, "maximum_message_size")
    port = _at(table, profile, "default_port")
    detail = _at(table, "audit", "detail")
    enterprise = _at(table, "audit", "enterprise_identities")
    certificate = _at(table, "audit", "certificate_identity")
    return AuditDeclared(
        _texts(_at(table, "audit", "events")),
        _texts(_at(table, "audit", "extensions")),
        _texts(_at(table, profile, "structured_data")),
        size if isinstance(size, int) else None,
        port if isinstance(port, int) else None,
        {str(k): str(v) for k, v in detail.items()} if isinstance(detail, Mapping) else None,
        certificate if isinstance(certificate, bool) else None,
        {str(k): str(v) for k, v in enterprise.items()}
        if isinstance(enterprise, Mapping)
        else None,
    )


def shown_by(listener: Any, name: str = "") -> Shown:
    """Return how *listener* presents itself: with its identity, or the wrong one called *name*."""
    if listener.transport == "syslog-udp":
        return Shown()
    identity = listener.identities.get(name) if name else listener.identity
    if identity is None:
        where = f"identities.{name}" if name else "identity"
        raise Trouble(
            "listener",
            f"listeners.{listener.id} has no {where}; add certificate and key for the TLS collector",
        )
    certificate, key = identity.paths()
    return Shown(certificate, key, listener.trust, name)


@contextlib.contextmanager
def opened(
    bench: Bench, tray: Tray, shown: Shown, tape: Tape | None = None
) -> Iterator[SyslogListener]:
    """Open the listener of *bench* for the time of the block; raises Trouble if it cannot listen."""
    point = bench.endpoint
    try:
        listener = SyslogListener(
            tray,
            host=point.host,
            port=point.port,
            udp=point.transport == "syslog-udp",
            shown=shown,
            idle=point.wait,
            tap=tape,
            recorder=bench.recorder,
        )
    except OSError as error:
        raise Trouble("listen", f"{point.address} cannot be listened on: {error}") from error
    with listener:
        yield listener


def slots(listener: SyslogListener, point: Any) -> dict[str, str]:
    """Return what a trigger may name."""
    return {"host": listener.host, "port": str(listener.port), "aet": point.ae_title, "file": ""}


def trail_of(
    tray: Tray, listener: SyslogListener, bench: Bench, caused: tuple[str, ...] = ()
) -> AuditTrailSeen:
    """Return what *tray* and *listener* hold as an observation."""
    transport, watched = bench.endpoint.transport, listener.checksums
    return AuditTrailSeen(
        tuple(tray.messages),
        listener.connections,
        declared_of(bench.target, transport),
        transport,
        listener.port,
        caused,
        tray.more,
        dict(tray.broken),
        dict(tray.kinds),
        (watched.zero, watched.other) if watched else None,
        tray.largest,
    )


def await_source(bench: Bench, listener: SyslogListener, quiet: float) -> None:
    """Trigger the source, if there is a trigger, and wait until it has ended and nothing came for *quiet* seconds."""
    point = bench.endpoint
    if point.trigger is None:
        listener.wait_quiet(quiet, point.wait, busy=lambda: not listener.received)
        return
    what = f"send its audit messages to {point.address}"
    with acting(
        point.trigger,
        folder=bench.target.folder,
        slots=slots(listener, point),
        what=what,
        wait=point.wait,
    ) as process:

        def busy() -> bool:
            return (
                not listener.connections and not listener.received
                if process is None
                else process.poll() is None
            )

        listener.wait_quiet(quiet, point.wait, busy=busy)


@driver(Impact.ASSOCIATE, at="listener")
def collect(bench: Bench, *, quiet: float = 1.0) -> AuditTrailSeen | NotReached:
    """Listen as a collector while the trigger of the listener makes the product send audit messages.

    Ends when the trigger has ended and nothing came for *quiet* seconds, at the latest after the
    listener's ``wait``.
    """
    tray, tape = Tray(edition_of(bench.target)), Tape()
    point = bench.endpoint
    with opened(bench, tray, shown_by(point), tape) as listener:
        await_source(bench, listener, quiet)
        trail = trail_of(tray, listener, bench)
    tape.keep(bench)
    if not trail.messages and not trail.connections:
        return NotReached(
            "trigger", f"the product sent nothing to {point.address} within {point.wait:g} s"
        )
    return trail
