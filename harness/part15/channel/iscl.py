"""ISCL over our own sockets: one end as a stream with the face of a plain one, and what a target says of it."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Any

from part15.channel.tls import Ended, Plain, Tap
from part15.errors import InputError, TargetError, Trouble
from part15.references import secret
from part15.wire.iscl import Engine
from part15.wire.iscl_binding import Binding, load_binding
from part15.wire.iscl_types import Closed, Event, Failed, Keys, Opened, Received, Role, Settings

PARTING = 0.5
"""Seconds for the other side to confirm the end of the line."""


class Iscl(Plain):
    """An ISCL stream over *sock*, spoken by *engine*; what is sent and received on it is inside the protection.

    Messages of the other side are what :meth:`receive` gives, several at once if they came together.
    """

    def __init__(self, sock: socket.socket, engine: Engine, wire: Any = None) -> None:
        super().__init__(sock, Tap(), wire=wire)
        self.engine = engine
        self.orders: list[str] = []
        """How the messages received were protected, in their order."""
        self._got = bytearray()
        self._over: Ended | None = None

    def handshake(self, until: float) -> None:
        """Complete line connection and mutual authentication; raises Ended."""
        self._note(self.engine.start())
        self._flush(until)
        while not self.engine.authenticated or self.engine.state == "handshake":
            self._step(until)

    def send(self, octets: bytes, until: float) -> None:
        """Send all of *octets*; returns when the other side has allowed and been sent every message.

        Raises Ended.
        """
        self._note(self.engine.send(octets))
        self._flush(until)
        while self.engine.backlog and not self._over:
            self._step(until)
        self._check()

    def receive(self, until: float, size: int = 65536) -> bytes:
        """Return the next octets, empty when the line was disconnected in order; raises Ended."""
        while not self._got:
            if self._over is not None:
                if self._over.how == "closed" and not self._over.why:
                    return b""
                raise self._over
            self._step(until)
        octets = bytes(self._got[:size])
        del self._got[:size]
        return octets

    def disconnect(self, until: float) -> None:
        """Disconnect the line in order; raises Ended if the other side does not let it end."""
        self._note(self.engine.disconnect())
        self._flush(until)
        while self.engine.state != "closed":
            self._step(until)
        if self.engine.failure is not None:
            self._check()

    def close(self, *, reset: bool = False) -> None:
        """Disconnect the line if that still goes, then close the socket."""
        if not reset and self.engine.state == "ready" and self._over is None:
            with contextlib.suppress(Ended):
                self.disconnect(time.monotonic() + PARTING)
        super().close(reset=reset)

    def _flush(self, until: float) -> None:
        octets = self.engine.outgoing()
        if octets:
            super().send(octets, until)

    def _step(self, until: float) -> None:
        self._check()
        octets = super().receive(until)
        if octets:
            self._note(self.engine.feed(octets))
        else:
            self._over = Ended("closed", "the connection was closed")
        with contextlib.suppress(Ended):  # what ended the stream is said by what was read
            self._flush(until)

    def _check(self) -> None:
        if self._over is not None and not self._got:
            raise self._over

    def _note(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Received):
                self._got += event.octets
                self.orders.append(event.order)
            elif isinstance(event, Closed):
                self._over = Ended("closed")
            elif isinstance(event, Failed):
                how = "alert" if event.reason == "nak" else "garbage"
                self._over = Ended(how, f"ISCL, {event.reason}: {event.why}")
            else:
                assert isinstance(event, Opened)


def secured(sock: socket.socket, engine: Engine, until: float) -> Iscl:
    """Return the stream on *sock* with its handshake done; raises Ended and closes *sock*."""
    stream = Iscl(sock, engine)
    try:
        stream.handshake(until)
    except Ended:
        stream.close(reset=True)
        raise
    return stream


def binding_of(point: Any) -> Binding:
    """Return the binding of the endpoint or listener *point*. Raises Trouble("binding")."""
    try:
        return load_binding(point.iscl.binding)
    except InputError as error:
        raise Trouble("binding", f"{point.id}.iscl.binding: {error.problems[0]}") from None


def keys_of(point: Any, binding: Binding) -> Keys:
    """Return the keys of *point*, read from where the target refers to. Raises Trouble("keys")."""
    return Keys(
        *(
            {
                int(number): key_from(reference, binding, f"{point.id}.iscl.keys")
                for number, reference in table.items()
            }
            for table in (point.iscl.keys.authentication, point.iscl.keys.encryption)
        )
    )


def key_from(reference: str, binding: Binding, what: str) -> bytes:
    """Return the DES key that ``env:NAME`` or ``file:PATH`` refers to: 16 hex digits.

    The integer becomes octets in the binding's order. Raises Trouble("keys") without the value.
    """
    try:
        text = secret(reference).strip()
    except TargetError as error:
        raise Trouble("keys", f"{what}: {error}") from None
    try:
        number = int(text.removeprefix("0x"), 16)
    except ValueError:
        number = -1
    if len(text.removeprefix("0x")) != 16 or number < 0:
        raise Trouble("keys", f"{what}: {reference} does not hold a DES key of 16 hex digits")
    order = binding["keys.byte_order"]
    return number.to_bytes(8, "little" if order == "little" else "big")


def settings_of(point: Any) -> Settings:
    """Return what the target says about how *point* is spoken to."""
    said = point.iscl
    return Settings(
        privacy=said.privacy,
        mac=said.mac,
        session_keys=said.session_keys,
        authentication_key=said.authentication_key,
        encryption_key=said.encryption_key,
    )


def engine_for(point: Any, role: Role) -> Engine:
    """Return a right engine for *point*. Raises Trouble if there are no keys, or no binding."""
    if point.iscl is None or point.iscl.keys is None:
        raise Trouble(
            "keys",
            f"{point.id}.iscl.keys is missing; without test keys we cannot speak ISCL ourselves",
        )
    binding = binding_of(point)
    return Engine(binding, role, keys_of(point, binding), settings_of(point))
