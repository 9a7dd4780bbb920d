"""The first half of ISCL without I/O: line connection check and mutual authentication, as a binding has them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from part15.wire import iscl_des as des
from part15.wire.iscl_binding import Binding
from part15.wire.iscl_frames import Cutter, Frame, IsclError, encode
from part15.wire.iscl_seal import Way
from part15.wire.iscl_types import (
    RIGHT,
    Draft,
    Event,
    Failed,
    Keys,
    Opened,
    Plan,
    Role,
    Settings,
    as_it_is,
)


class Handshake:
    """One end up to mutual authentication. Call :meth:`start`, :meth:`feed` with what arrives, and send what :meth:`outgoing` gives."""

    def __init__(
        self,
        binding: Binding,
        role: Role,
        keys: Keys,
        settings: Settings = RIGHT,
        *,
        plan: Plan = as_it_is,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.binding, self.role, self.keys, self.settings = binding, role, keys, settings
        self.state = "handshake"
        self.block: int = min(settings.block or binding["limits.block"], binding["limits.block"])
        self.largest: int = min(
            settings.message or binding["limits.message"], binding["limits.message"]
        )
        self.trace: list[tuple[str, str]] = []
        """The messages so far, as (``sent`` or ``received``, name)."""
        self.told: dict[str, Any] = {}
        """What the other side said in the handshake and in its last transmission request."""
        self.failure: Failed | None = None
        self._plan, self._random = plan, random
        self._cutter = Cutter(binding, self.room)
        self._out = bytearray()
        self._events: list[Event] = []
        self._steps: list[str] = list(binding["sequence.handshake"])
        self._at = 0
        self._number = settings.authentication_key
        self._mine = self._theirs = b""
        self._ways = Way(binding), Way(binding)
        self._pending = bytearray()
        self._message = b""

    @property
    def room(self) -> int:
        """The most octets of a body."""
        head = self.binding.header_length if self.binding["limits.block_includes_header"] else 0
        return self.block - head

    @property
    def backlog(self) -> int:
        """Octets that wait to become messages, or to be taken by :meth:`outgoing`."""
        return len(self._pending) + len(self._out) + len(self._message)

    @property
    def authenticated(self) -> bool:
        """Tell whether the handshake is complete."""
        return self._at >= len(self._steps)

    def outgoing(self) -> bytes:
        """Return the octets to send now; they are forgotten here."""
        octets = bytes(self._out)
        self._out.clear()
        return octets

    def start(self) -> list[Event]:
        """Say what is ours to say first; returns what that brought about."""
        self._guarded(self._advance)
        return self._drained()

    def feed(self, octets: bytes) -> list[Event]:
        """Take *octets* of the other side; after a :class:`Failed` or :class:`Closed` nothing more is taken."""
        if self.state != "closed":
            self._guarded(lambda: self._consume(octets))
        return self._drained()

    def _drained(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            action()
        except IsclError as error:
            self._fail(error.reason, error.why)
        except des.SealError as error:
            self._fail("mac" if "MAC" in str(error) else "padding", str(error))

    def _fail(self, reason: str, why: str) -> None:
        self.state = "closed"
        self.failure = Failed(reason, why)
        self._events.append(self.failure)

    def _consume(self, octets: bytes) -> None:
        for got in self._cutter.feed(octets):
            self.trace.append(("received", got.name))
            self._take(got)
            self._cutter.limit = self.room
            if self.state == "closed":
                return

    def emit(
        self, name: str, fields: Mapping[str, Any] | None = None, *, nak: bool = False
    ) -> None:
        """Send the message *name*, as the plan has it."""
        option = self.binding["codes.nak" if nak else "codes.ack"]
        for sent in self._plan(Draft(name, fields or {}, option), self):
            if isinstance(sent, Draft):
                self.trace.append(("sent", sent.name))
                self._out += encode(self.binding, sent.name, sent.fields, sent.option)
            else:
                self._out += sent

    def _begin(self) -> None:
        """Begin what was waiting for the handshake; nothing here."""

    def _take_message(self, got: Frame) -> None:
        """Take what comes after the handshake; nothing may come here."""
        raise IsclError("unexpected message", f"{got.name} comes after the handshake")

    def _advance(self) -> None:
        while not self.authenticated:
            name = self._steps[self._at]
            if self.binding.messages[name].sender != self.role:
                return
            self._at += 1
            self.emit(name, self._say(name))
        self.state = "ready"
        self._events.append(Opened(self.block))
        self._begin()

    def _say(self, name: str) -> dict[str, Any]:
        """Return all that the message *name* may say; its body takes what it names."""
        fields: dict[str, Any] = {
            "version": self.binding["codes.version"],
            "block": self.block,
            "method": self.binding["codes.auth_method"],
            "key_number": self._number,
        }
        if name in ("pass1", "pass2"):
            self._mine = fields["challenge"] = self._random(8)
        if name in ("pass2", "pass3"):
            if self.binding["auth.kind"] == "four_way_block":
                fields["response"] = self.respond(self._theirs)
            elif name == "pass2":
                identifier = bytes.fromhex(self.binding["auth.identifier"])
                fields["token"] = self._token(self._mine + self._theirs + identifier)
            else:
                fields["token"] = self._token(self._mine + self._theirs)
        return fields

    def authentication_key(self) -> bytes:
        """Return the authentication key of the number agreed on. Raises IsclError ``key number``."""
        key = self.keys.authentication.get(self._number)
        if key is None and "key number" in self.settings.lenient and self.keys.authentication:
            key = next(iter(self.keys.authentication.values()))
        if key is None:
            raise IsclError("key number", f"there is no authentication key {self._number}")
        return key

    def respond(self, challenge: bytes) -> bytes:
        """Return the response to *challenge* in the four-way form."""
        cipher = des.ecb_encrypt if self.binding["auth.direction"] == "encrypt" else des.ecb_decrypt
        return cipher(self.authentication_key(), challenge)

    def _token(self, content: bytes) -> bytes:
        key = self.authentication_key()
        if self.binding["auth.mode"] == "ecb":
            return des.ecb_encrypt(key, des.pad(content, "zero"))
        return des.cbc_encrypt(key, des.ZERO, des.pad(content, "zero"))

    def _take(self, got: Frame) -> None:
        if not self.authenticated and got.name in self._steps:
            wanted = self._steps[self._at]
            if got.name != wanted or self.binding.messages[wanted].sender == self.role:
                raise IsclError("unexpected message", f"{got.name} comes instead of {wanted}")
            if got.option != self.binding["codes.ack"]:
                raise IsclError("nak", f"the other side refused by {got.name}")
            self._at += 1
            self._hear(got)
            self._advance()
            return
        if not self.authenticated:
            if "early" not in self.settings.lenient:
                raise IsclError("unexpected message", f"{got.name} comes before the authentication")
            self._at, self.state = len(self._steps), "ready"
            self._events.append(Opened(self.block))
        self._take_message(got)

    def _hear(self, got: Frame) -> None:
        fields, lenient = got.fields, self.settings.lenient
        self.told.update({f"{got.name}.{k}": v for k, v in fields.items()})
        for label in ("version", "method"):
            known = self.binding["codes.version" if label == "version" else "codes.auth_method"]
            if fields.get(label, known) != known and label not in lenient:
                self._refuse(got.name, label, f"{label} {fields[label]:08X}H is not known")
        if "block" in fields:
            self._agree(got.name, fields["block"])
        if "key_number" in fields:
            self._number = fields["key_number"]
            try:
                self.authentication_key()
            except IsclError as error:
                self._refuse(got.name, error.reason, error.why)
        if got.name in ("pass2", "pass3"):
            self._verify(got)
        if "challenge" in fields:
            self._theirs = fields["challenge"]
            if self._mine and des.same(self._theirs, self._mine) and "reflection" not in lenient:
                raise IsclError("response", "our own challenge came back as theirs")

    def _refuse(self, name: str, reason: str, why: str) -> None:
        """Say NAK where the message has an answer that can say it, then fail."""
        answer = name.replace("_rq", "_rp")
        if answer != name:
            self.emit(answer, {"version": self.binding["codes.version"]}, nak=True)
        raise IsclError(reason, why)

    def _agree(self, name: str, theirs: int) -> None:
        if theirs <= self.binding.header_length + 8:
            self._refuse(name, "block", f"a block of {theirs} octets is too small")
        if name == "check_rp" and theirs > self.block and "block" not in self.settings.lenient:
            raise IsclError("block", f"the block of {theirs} octets is larger than {self.block}")
        self.block = min(self.block, theirs)

    def _verify(self, got: Frame) -> None:
        if self.binding["auth.kind"] == "four_way_block":
            right = des.same(got.fields.get("response", b""), self.respond(self._mine))
        else:
            right = self._token_fits(got)
        if not right and "response" not in self.settings.lenient:
            raise IsclError("response", f"the response of {got.name} is wrong")

    def _token_fits(self, got: Frame) -> bool:
        key, token = self.authentication_key(), got.fields.get("token", b"")
        identifier = bytes.fromhex(self.binding["auth.identifier"])
        tail = des.pad(self._mine + identifier, "zero") if got.name == "pass2" else self._mine
        if len(token) != 8 + len(tail):
            return False
        ecb = self.binding["auth.mode"] == "ecb"
        opened = des.ecb_decrypt(key, token) if ecb else des.cbc_decrypt(key, des.ZERO, token)
        if got.name == "pass2":
            self._theirs = opened[:8]
            return des.same(opened[8:], tail)
        return des.same(opened, self._theirs + self._mine)
