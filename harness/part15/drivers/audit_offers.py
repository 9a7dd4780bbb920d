"""Show an audit source other certificates, versions and suites, or no collector at all, and see what it does."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import subprocess
import threading
import time
from collections.abc import Sequence

from part15.bench import Bench
from part15.channel.syslog_listener import Shown
from part15.channel.trigger import ASK, acting
from part15.drivers.audit import Tray, await_source, edition_of, opened, shown_by, trail_of
from part15.errors import Trouble
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.audit import (
    AuditConnectionSeen,
    AuditMessageSeen,
    AuditTrailSeen,
    OutageSeen,
    SourceOfferSeen,
    SourceOffersSeen,
    TlsTakenSeen,
    gravest,
)
from part15.registry import driver
from part15.wire.audit_judge import examine
from part15.wire.audit_schema import date_time

NULL_SUITES = ("eNULL:@SECLEVEL=0", "aNULL:@SECLEVEL=0")
SINGLE = {"0xC02F": "ECDHE-RSA-AES128-GCM-SHA256", "0x002F": "AES128-SHA"}


def _tried(
    bench: Bench, shown: Shown, quiet: float
) -> tuple[Tray, tuple[AuditConnectionSeen, ...]]:
    """Let the source meet a collector that presents itself as *shown*."""
    tray = Tray(edition_of(bench.target))
    with opened(bench, tray, shown) as listener:
        await_source(bench, listener, quiet)
        return tray, listener.connections


def _offer(name: str, tray: Tray, connections: Sequence[AuditConnectionSeen]) -> SourceOfferSeen:
    octets = sum(c.octets for c in connections)
    detail = "; ".join(c.failed for c in connections if c.failed)
    refused = bool(connections) and not tray.messages and not octets
    return SourceOfferSeen(name, bool(connections), refused, octets, detail)


@driver(Impact.CREDENTIAL, at="listener")
def present(
    bench: Bench, *, names: Sequence[str], quiet: float = 0.5
) -> SourceOffersSeen | NotReached:
    """Present the right certificate, then those of ``identities`` called *names*, one trigger each."""
    point = bench.endpoint
    if point.trigger is None:
        return NotReached(
            "trigger", "the listener has no trigger, so the source cannot be made to send again"
        )
    right = shown_by(point)
    _, connections = _tried(bench, right, quiet)
    control = next((c for c in connections if c.messages), connections[0] if connections else None)
    offers = []
    for name in (n for n in names if n in point.identities):
        wrong, met = _tried(bench, shown_by(point, name), quiet)
        offers.append(_offer(name, wrong, met))
    missing = tuple(n for n in names if n not in point.identities)
    bench.note(f"{1 + len(offers)} collectors with different certificates")
    return SourceOffersSeen(control, tuple(offers), missing, bool(point.trust))


def _outcome(tray: Tray, connections: Sequence[AuditConnectionSeen]) -> str:
    if any(c.first == "clear" for c in connections):
        return "clear"
    if tray.messages or any(c.version for c in connections):
        return "accepted"
    return "refused" if connections else "unclear"


@driver(Impact.ASSOCIATE, at="listener")
def survey(bench: Bench, *, quiet: float = 0.5) -> TlsTakenSeen | NotReached:
    """Restrict the collector to one TLS version, one suite, or NULL suites, one trigger each."""
    point = bench.endpoint
    if point.trigger in (None, ASK):
        return NotReached(
            "trigger",
            "the survey needs six messages; give the listener a trigger that is a command",
        )
    right = shown_by(point)
    tray, connections = _tried(bench, right, quiet)
    control = _outcome(tray, connections)
    detail = next((c.suite for c in connections if c.suite), "")
    versions = {
        v: _outcome(*_tried(bench, dataclasses.replace(right, minimum=v, maximum=v), quiet))
        for v in ("1.2", "1.3")
    }
    suites = {
        code: _outcome(
            *_tried(
                bench,
                dataclasses.replace(right, maximum="1.2", ciphers=f"{name}:@SECLEVEL=0"),
                quiet,
            )
        )
        for code, name in SINGLE.items()
    }
    null = {
        _outcome(*_tried(bench, dataclasses.replace(right, maximum="1.2", ciphers=names), quiet))
        for names in NULL_SUITES
    }
    return TlsTakenSeen(versions, suites, gravest(null), control, detail)


@driver(Impact.DISTURB, at="listener")
def interrupt(bench: Bench, *, seconds: float = 1.0, quiet: float = 0.5) -> OutageSeen | NotReached:
    """Trigger the source while nobody listens, come back after *seconds*, and trigger it again."""
    point = bench.endpoint
    if point.trigger is None:
        return NotReached(
            "trigger", "the listener has no trigger, so the source cannot be made to send"
        )
    port = point.port or _free_port(point.host)
    fixed = dataclasses.replace(bench, endpoint=point.model_copy(update={"port": port}))
    begun = time.monotonic()
    slot = {"host": point.host, "port": str(port), "aet": point.ae_title, "file": ""}
    tray = Tray(edition_of(bench.target))
    with acting(
        point.trigger, folder=bench.target.folder, slots=slot, what="send while nobody listens"
    ) as process:
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
        threading.Event().wait(max(0.0, begun + seconds - time.monotonic()))
        away = time.monotonic() - begun
        back = time.time()
        with opened(fixed, tray, shown_by(point)) as listener:
            listener.wait_quiet(max(quiet, 1.0), point.wait)
            before = len(tray.messages)
            await_source(fixed, listener, quiet)
    bodies: dict[bytes, AuditMessageSeen] = {}
    for n, message in enumerate(tray.messages):
        if n < before or _happened(message, tray.edition) < back:
            bodies.setdefault(message.data, message)
    again = len(tray.messages) - len({m.data for m in tray.messages})
    after = len({m.data for m in tray.messages}) - len(bodies)
    return OutageSeen(away, tuple(bodies.values()), again, after)


def _happened(message: AuditMessageSeen, edition: str) -> float:
    """Return the UTC epoch time of the event that *message* tells, or of its arrival if it tells none."""
    found = examine(message.data, message.carrier, edition, message.size).message
    read = date_time(found.event.get("EventDateTime", "")) if found else None
    return read[0].timestamp() if read else message.arrived or 0.0


@driver(Impact.OBSERVE, at="listener")
def reach(bench: Bench, *, port: int = 514, quiet: float = 0.5) -> AuditTrailSeen | NotReached:
    """Listen at a free port and then at *port*, with one trigger each; the observation is of the second."""
    point = bench.endpoint
    if point.trigger in (None, ASK) or "{port}" not in str(point.trigger):
        return NotReached(
            "trigger",
            "the listener has no trigger with a {port} slot, so the port cannot be chosen",
        )
    control = Tray(edition_of(bench.target))
    chosen = dataclasses.replace(bench, endpoint=point.model_copy(update={"port": 0}))
    with opened(chosen, control, shown_by(point)) as listener:
        await_source(chosen, listener, quiet)
    if not control.messages:
        return NotReached("trigger", "the product sent nothing to a port of our choice")
    tray = Tray(control.edition)
    chosen = dataclasses.replace(bench, endpoint=point.model_copy(update={"port": port}))
    try:
        with opened(chosen, tray, shown_by(point)) as listener:
            await_source(chosen, listener, quiet)
            return trail_of(tray, listener, bench)
    except Trouble as trouble:
        if trouble.step != "listen":
            raise
        why = f"{trouble.why}; run where port {port} may be bound and is free (as root)"
        return NotReached("listener", why)


def _free_port(host: str) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError as error:
            raise Trouble("listen", f"{host} cannot be listened on: {error}") from error
        return int(probe.getsockname()[1])
