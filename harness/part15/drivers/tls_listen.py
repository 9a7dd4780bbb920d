"""Listening for a SUT client: its ClientHello is recorded and it is turned away, so nothing else is exchanged."""

from __future__ import annotations

import contextlib
import functools
import selectors
import socket
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from part15.address import is_ipv6, is_literal, join_address
from part15.bench import Bench, WireRecord
from part15.channel.people import gave_up
from part15.channel.trigger import acting, unreached
from part15.errors import Trouble
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.tls import AttemptSeen, ClientHelloSeen, ClientSeen, PortSeen
from part15.registry import driver
from part15.wire import tls_records as records
from part15.wire.tls_opening import Opening

if TYPE_CHECKING:
    import subprocess

ALERTS = {"handshake_failure": 40, "protocol_version": 70}
WAYS = (*ALERTS, "reset", "close")
MAX_CONNECTIONS = 12
"""Most connections looked at for one trigger; a client that retries for ever is not waited for."""
QUIET = 0.4
"""Seconds without a further connection after which a client that ended, or was ended, does not retry."""
PATIENCE = 2.0
"""The same for a client of which it is not known whether it ended."""


@driver(
    Impact.ASSOCIATE,
    at="listener",
    turns=lambda ways: len(ways),  # noqa: PLW0108 - the name is that of the argument
    why="We only look at how the product begins, and end the connection; it will report a failure.",
)
def turn_away(
    bench: Bench, *, ways: Sequence[str] = ("handshake_failure",)
) -> ClientSeen | NotReached:
    """Let the SUT connect once per way of refusing it, and record everything that it opens with.

    *ways* are ``handshake_failure``, ``protocol_version`` (alerts), ``reset`` and ``close``. A way
    that was used before in this run is not used again. ``NotReached`` if the SUT does not connect.
    Raises Trouble if the port cannot be opened or there is no trigger.
    """
    attempts: list[AttemptSeen] = []
    port = 0
    for way in ways:
        seen = bench.shelf.once(
            ("tls-client", bench.endpoint.id, way), functools.partial(_attempt, bench, way)
        )
        if isinstance(seen, NotReached):
            return seen
        port, attempt = seen
        attempts.append(attempt)
    return ClientSeen(port, not is_literal(bench.endpoint.host), tuple(attempts))


def _attempt(bench: Bench, way: str) -> tuple[int, AttemptSeen] | NotReached:
    if way not in WAYS:
        raise Trouble(
            "listen", f"'{way}' is no way to turn a client away; use one of {', '.join(WAYS)}"
        )
    listener = bench.endpoint
    with _listening(listener.host, listener.port) as server:
        port = int(server.getsockname()[1])
        slots = {"host": listener.host, "port": str(port), "aet": listener.ae_title, "file": ""}
        folder = getattr(bench.target, "folder", bench.scratch)
        with acting(
            listener.trigger,
            folder=folder,
            slots=slots,
            what="open a TLS connection",
            wait=listener.wait,
        ) as process:
            hellos = _record(bench, server, process, way)
            why = unreached(process, f"port {port}", listener.wait)
    bench.note(
        f"listened on port {port} and turned the client away by {way}: {len(hellos)} connections"
    )
    if not hellos:
        return NotReached("trigger", why)
    return port, AttemptSeen(way, tuple(hellos))


@driver(
    Impact.ASSOCIATE,
    at="listener",
    turns=lambda: 2,
    why="The port is another one the second time; the product must go where it is told.",
)
def change_port(bench: Bench) -> PortSeen | NotReached:
    """Tell the SUT a port of ours, then another one, and see to which of both it comes the second time.

    ``NotReached`` where the listener has a fixed port: then there is only one.
    """
    listener = bench.endpoint
    if listener.port:
        return NotReached(
            "port",
            f"listeners.{listener.id}.port is fixed at {listener.port}; set it to 0, so that the product can be "
            "told another one",
        )
    with _listening(listener.host, 0) as first, _listening(listener.host, 0) as second:
        servers = {int(s.getsockname()[1]): s for s in (first, second)}
        before, told = servers
        came = _came_to(bench, {before: first}, before)
        if isinstance(came, NotReached):
            return came
        again = _came_to(bench, servers, told)
    return again if isinstance(again, NotReached) else PortSeen(before, told, again)


def _came_to(bench: Bench, servers: Mapping[int, socket.socket], told: int) -> int | NotReached:
    """Tell the SUT the port *told*; return to which of *servers* it came, and turn it away.

    It came to another one only if nothing comes to *told* for a while: a late retry of an earlier
    connection proves nothing.
    """
    listener = bench.endpoint
    bench.note(f"listened on port {told} and closed the connection")
    slots = {"host": listener.host, "port": str(told), "aet": listener.ae_title, "file": ""}
    folder = getattr(bench.target, "folder", bench.scratch)
    came = 0
    with (
        acting(
            listener.trigger,
            folder=folder,
            slots=slots,
            what="open a connection",
            wait=listener.wait,
        ) as process,
        selectors.DefaultSelector() as selector,
    ):
        for port, server in servers.items():
            selector.register(server, selectors.EVENT_READ, port)
        until = time.monotonic() + listener.wait
        while time.monotonic() < until and came != told and not gave_up():
            for key, _ in selector.select(0.1):
                _turned_away(bench, servers[key.data])
                came = told if key.data == told else came or int(key.data)
                until = min(until, time.monotonic() + PATIENCE)
            if process is not None and process.poll() is not None:
                until = min(until, time.monotonic() + QUIET)
        for server in servers.values():
            _drain(server)
        return came or NotReached("trigger", unreached(process, f"port {told}", listener.wait))


def _turned_away(bench: Bench, server: socket.socket) -> None:
    """Read what the next connection begins with, and close it."""
    connection, _ = server.accept()
    wire = bench.recorded(connection, opened=False)
    with connection:
        data, _ = _receive(connection, bench.until())
        if wire is not None and data:
            wire.note(data, out=False)


def _drain(server: socket.socket) -> None:
    """Close the connections that still wait to be accepted: retries of the one that was turned away."""
    server.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            server.accept()[0].close()
    server.setblocking(True)


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if is_ipv6(host) else socket.AF_INET
    try:
        server = socket.create_server((host, port), family=family)
    except OSError as error:
        place = join_address(host, port)
        raise Trouble(
            "listen", f"{place} cannot be listened on ({error.strerror}); use another port"
        ) from error
    with server:
        yield server


def _record(
    bench: Bench, server: socket.socket, process: subprocess.Popen[bytes] | None, way: str
) -> list[ClientHelloSeen]:
    """Accept until the client has ended and is quiet, or the wait of the listener is over."""
    hellos: list[ClientHelloSeen] = []
    until = time.monotonic() + bench.endpoint.wait
    quiet_since = time.monotonic()
    server.settimeout(0.1)
    while len(hellos) < MAX_CONNECTIONS and time.monotonic() < until:
        try:
            connection, _ = server.accept()
        except TimeoutError:
            ended = process is not None and process.poll() is not None
            quiet = time.monotonic() - quiet_since
            if (ended and quiet > QUIET) or (hellos and quiet > PATIENCE) or gave_up():
                break
            continue
        hellos.append(_one(bench, connection, way, len(hellos)))
        quiet_since = time.monotonic()
    return hellos


def _one(bench: Bench, connection: socket.socket, way: str, number: int) -> ClientHelloSeen:
    wire = bench.recorded(connection, opened=False)
    with connection:
        opening, received, ended = Opening(), bytearray(), ""
        until = time.monotonic() + bench.deadline
        while not opening.done and not ended:
            data, ended = _receive(connection, until)
            if wire is not None and data:
                wire.note(data, out=False)
            received += data[: max(0, 65536 - len(received))]
            if data:
                opening.feed(data)
        with contextlib.suppress(OSError):
            _refuse(connection, way, wire)
    bench.evidence.keep(f"{way}-{number}-c2s.bin", bytes(received), phi="possible")
    return opening.seen(ended)


def _receive(connection: socket.socket, until: float) -> tuple[bytes, str]:
    left = until - time.monotonic()
    if left <= 0:
        return b"", "timeout"
    connection.settimeout(left)
    try:
        data = connection.recv(65536)
    except TimeoutError:
        return b"", "timeout"
    except OSError:
        return b"", "reset"
    return data, "" if data else "close"


def _refuse(connection: socket.socket, way: str, wire: WireRecord | None) -> None:
    if way in ALERTS:
        alert = records.encode_alert(2, ALERTS[way], 0x0303)
        if wire is not None:
            wire.note(alert, out=True)
        connection.sendall(alert)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(0.5)
        connection.recv(4096)
    elif way == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
