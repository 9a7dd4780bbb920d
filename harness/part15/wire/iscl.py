"""ISCL without I/O (PS3.15 B.2): one end of a connection, octets in, events and octets out, driven by a binding.

Strict: whatever is not what the binding says ends the connection. The two directions of a connection
carry messages independently. Faulty ends are made by *lenient* names and by a plan (``iscl_plan``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from part15.wire import iscl_des as des
from part15.wire.iscl_frames import Frame, IsclError
from part15.wire.iscl_handshake import Handshake
from part15.wire.iscl_seal import Method, sealed_length
from part15.wire.iscl_types import Closed, Event, Received


@dataclass
class _Incoming:
    """A message that is being received."""

    method: Method
    length: int
    session: bool
    pieces: list[bytes] = field(default_factory=list)
    size: int = 0


class Engine(Handshake):
    """One end, whole: what :meth:`send` is given goes out in messages once authentication is complete."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._sending = ""
        self._method: Method | None = None
        self._incoming: _Incoming | None = None
        self._ending = False

    def send(self, octets: bytes) -> list[Event]:
        """Queue *octets*; they go out as messages once the line is ready."""
        self._pending += octets
        self._guarded(self._begin)
        return self._drained()

    def disconnect(self) -> list[Event]:
        """Ask for the end of the line, after all that is queued."""
        self._ending = True
        self._guarded(self._begin)
        return self._drained()

    def _take_message(self, got: Frame) -> None:
        handler = self._handlers().get(got.name)
        if handler is None:
            if "deaf" in self.settings.lenient:
                return
            raise IsclError("unexpected message", f"{got.name} comes after the handshake")
        answers = ("transmission_rp", "random_rp", "disconnect_rp")
        if got.option != self.binding["codes.ack"] and got.name not in answers:
            raise IsclError("unexpected option", f"{got.name} has the option {got.option:08X}H")
        handler(got)

    def _handlers(self) -> dict[str, Callable[[Frame], None]]:
        return {
            "transmission_rq": self._asked,
            "transmission_rp": self._allowed,
            "random_rq": self._given_random,
            "random_rp": self._random_taken,
            "data": self._piece,
            "mac": self._coded,
            "through": self._through,
            "disconnect_rq": self._asked_to_end,
            "disconnect_rp": self._ended,
        }

    def _begin(self) -> None:
        """Begin the next message or the end of the line, if nothing is under way."""
        if self.state != "ready" or self._sending:
            return
        if self._pending:
            self._message = bytes(self._pending[: self.largest])
            del self._pending[: self.largest]
            self._sending = "transmission_rp"
            codes = {"des_mac": "codes.des_mac", "md5": "codes.md5", "none": "codes.mac_none"}
            number = self.settings.encryption_key
            if self.settings.session_keys:
                number = self.binding["codes.session_key"]
            privacy = "codes.des_cbc" if self.settings.privacy else "codes.encryption_none"
            self.emit(
                "transmission_rq",
                {
                    "encryption": self.binding[privacy],
                    "key_number": number,
                    "mac": self.binding[codes[self.settings.mac]],
                    "length": len(self._message),
                },
            )
        elif self._ending:
            self.state = "ending"
            self.emit("disconnect_rq")

    def _key(self, number: int) -> bytes:
        key = self.keys.encryption.get(number)
        if key is None and "key number" in self.settings.lenient and self.keys.encryption:
            key = next(iter(self.keys.encryption.values()))
        if key is None:
            raise IsclError("key number", f"there is no encryption key {number}")
        return key

    def _made(self, privacy: bool, mac: str, key: bytes, *, ours: bool) -> Method:
        mac_key = key
        if self.binding["integrity.mac_key"] == "authentication":
            mac_key = self.authentication_key()
        mine = self.binding["integrity.md5_random"] == f"{self.role}_challenge"
        random = self._mine if mine else self._theirs
        order, bare = (self.settings.order, self.settings.bare) if ours else ("", False)
        return Method(privacy, mac, key, mac_key, random or des.ZERO, order, bare)

    def _allowed(self, got: Frame) -> None:
        if self._sending != "transmission_rp":
            raise IsclError("unexpected message", "an answer comes to no transmission request")
        if got.option != self.binding["codes.ack"]:
            raise IsclError("nak", "the other side refused the transmission")
        if got.fields.get("length", len(self._message)) != len(self._message):
            raise IsclError("message length", "the other side takes another length")
        key = self._key(self.settings.encryption_key)
        if self.settings.session_keys:
            random = self._random(8)
            key = des.session_key(key, random, self.binding["session_key.derivation"])
            self._sending = "random_rp"
            self.emit("random_rq", {"random": random})
        self._method = self._made(self.settings.privacy, self.settings.mac, key, ours=True)
        if not self.settings.session_keys:
            self._transmit()

    def _random_taken(self, got: Frame) -> None:
        if self._sending != "random_rp" or got.option != self.binding["codes.ack"]:
            raise IsclError("unexpected message", "the answer to the random number does not fit")
        self._transmit()

    def _transmit(self) -> None:
        assert self._method is not None
        way, message, method = self._ways[0], self._message, self._method
        pieces = way.pieces(method, message, self.room)
        for piece in pieces:
            self.emit("data", {"piece": piece})
        if method.mac != "none":
            self.emit("mac", {"code": way.code(method, message, pieces)})
        self._sending, self._message = "", b""
        self._begin()

    def _asked(self, got: Frame) -> None:
        if self._incoming is not None:
            raise IsclError("unexpected message", "a message begins inside another")
        fields, lenient = got.fields, self.settings.lenient
        self.told.update({f"transmission_rq.{k}": v for k, v in fields.items()})
        codes = {
            self.binding["codes.des_mac"]: "des_mac",
            self.binding["codes.md5"]: "md5",
            self.binding["codes.mac_none"]: "none",
        }
        mac = codes.get(fields["mac"], "")
        if not mac or (mac == "none" and "no mac" not in lenient) or mac in lenient:
            self._refuse(got.name, "algorithm", f"MAC method {fields['mac']:08X}H is not taken")
        none = fields["encryption"] == self.binding["codes.encryption_none"]
        privacy = fields["encryption"] == self.binding["codes.des_cbc"]
        if "mechanism" in lenient:
            privacy = not none
        if not (privacy or none) or privacy not in self.settings.takes_privacy:
            self._refuse(
                got.name, "algorithm", f"encryption {fields['encryption']:08X}H is not taken"
            )
        length, session = (
            fields["length"],
            fields["key_number"] == self.binding["codes.session_key"],
        )
        if not 0 < length <= self.largest:
            self._refuse(got.name, "message length", f"{length} octets are not taken")
        number = self.settings.encryption_key if session else fields["key_number"]
        try:
            key = self._key(number)
        except IsclError as error:
            self._refuse(got.name, error.reason, error.why)
        self._incoming = _Incoming(self._made(privacy, mac, key, ours=False), length, session)
        self.emit("transmission_rp", {"length": length})

    def _given_random(self, got: Frame) -> None:
        into = self._incoming
        if into is None or not into.session or into.pieces:
            raise IsclError("random", "a random number comes that was not asked for")
        derived = des.session_key(
            into.method.key, got.fields["random"], self.binding["session_key.derivation"]
        )
        into.method = self._made(into.method.privacy, into.method.mac, derived, ours=False)
        into.session = False
        self.emit("random_rp")

    def _piece(self, got: Frame) -> None:
        into, piece = self._incoming, got.fields["piece"]
        if into is None or into.session:
            raise IsclError("unexpected message", "data comes that was not announced")
        into.size += len(piece)
        most = sealed_length(self.binding, into.length) if into.method.privacy else into.length
        if not piece or into.size > most:
            raise IsclError("wrong length", f"{into.size} octets of data, though {most} may come")
        into.pieces.append(piece)
        if into.method.mac == "none" and into.size >= into.length:
            self._incoming = None
            octets = self._ways[1].opened(into.method, into.pieces, into.length)
            self._events.append(Received(octets, "none", into.method.privacy))

    def _coded(self, got: Frame) -> None:
        into, way, lenient = self._incoming, self._ways[1], self.settings.lenient
        if into is None or into.session or into.method.mac == "none":
            raise IsclError("unexpected message", "a MAC comes without its message")
        self._incoming = None
        octets = way.opened(into.method, into.pieces, into.length)
        try:
            bare = "bare md5" in lenient
            order = way.order_of(into.method, octets, into.pieces, got.fields["code"], bare=bare)
        except des.SealError:
            if "mac" not in lenient:
                raise
            order = "unchecked"
        refused = {"first order only": "digest_then_encrypt"}
        refused["second order only"] = "encrypted_random_then_digest"
        if any(order == o for name, o in refused.items() if name in lenient):
            raise IsclError("mac", "this MD5 order is not taken")
        self._events.append(Received(octets, order, into.method.privacy))

    def _through(self, got: Frame) -> None:
        if "through" not in self.settings.lenient:
            raise IsclError("through", "unprotected data comes")
        self._events.append(Received(got.fields["raw"], "through", privacy=False))

    def _asked_to_end(self, _: Frame) -> None:
        if self._incoming is not None:
            raise IsclError("unexpected message", "the line is to end inside a message")
        self.emit("disconnect_rp")
        self.state = "closed"
        self._events.append(Closed())

    def _ended(self, got: Frame) -> None:
        if self.state != "ending":
            raise IsclError(
                "unexpected message", "the end is confirmed, though nobody asked for it"
            )
        if got.option != self.binding["codes.ack"]:
            raise IsclError("refused end", "the other side does not let the line end")
        self.state = "closed"
        self._events.append(Closed())
