"""Messages of ISCL as octets, both ways, by a binding; bounded before anything is collected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from part15.wire.iscl_binding import TYPES, Binding

FIELDS: dict[str, frozenset[str]] = {
    "check_rq": frozenset({"version", "block"}),
    "check_rp": frozenset({"version", "block"}),
    "auth_rq": frozenset({"method", "key_number"}),
    "pass1": frozenset({"challenge"}),
    "pass2": frozenset({"response", "challenge", "token"}),
    "pass3": frozenset({"response", "token"}),
    "transmission_rq": frozenset({"encryption", "key_number", "mac", "length"}),
    "transmission_rp": frozenset({"length"}),
    "random_rq": frozenset({"random"}),
    "data": frozenset({"piece"}),
    "mac": frozenset({"code"}),
    "through": frozenset({"raw"}),
}
"""The fields that a body may name; what else it names is sent as zeros and not looked at."""


class IsclError(ValueError):
    """What breaks ISCL as the binding has it; *reason* is a short name for it."""

    def __init__(self, reason: str, why: str) -> None:
        self.reason, self.why = reason, why
        super().__init__(f"{reason}: {why}")


@dataclass(frozen=True)
class Frame:
    """One message: its name, the option word, the fields of its body."""

    name: str
    option: int
    fields: Mapping[str, Any]
    size: int = 0


def _order(binding: Binding) -> Any:
    return binding.order


def encode_body(binding: Binding, name: str, fields: Mapping[str, Any]) -> bytes:
    """Return the body of the message *name*; a field that is not given is zero or empty."""
    body = b""
    for label, kind in binding.messages[name].body:
        value = fields.get(label, b"" if kind == "rest" or kind.startswith("bytes") else 0)
        if isinstance(value, int):
            body += (value % (1 << 8 * TYPES[kind])).to_bytes(TYPES[kind], _order(binding))
        elif kind == "rest":
            body += value
        else:
            body += value.ljust(int(kind[5:]), b"\0")
    return body


def frame(
    binding: Binding, number: int, option: int, body: bytes, *, length: int | None = None
) -> bytes:
    """Return header and *body*; *number* is the message id, *length* may lie."""
    claimed = len(body) if binding["header.length_covers"] == "body" else len(body) + _head(binding)
    values = {"id": number, "option": option, "length": claimed if length is None else length}
    head = b"".join(
        values.get(f.role, f.send).to_bytes(f.width, _order(binding)) for f in binding.fields
    )
    return head + body


def _head(binding: Binding) -> int:
    return binding.header_length


def encode(binding: Binding, name: str, fields: Mapping[str, Any], option: int) -> bytes:
    """Return the message *name*."""
    return frame(binding, binding.messages[name].id, option, encode_body(binding, name, fields))


def decode_body(binding: Binding, name: str, body: bytes) -> dict[str, Any]:
    """Return the fields of *body*. Raises IsclError ``wrong length``."""
    found: dict[str, Any] = {}
    at = 0
    for label, kind in binding.messages[name].body:
        size = len(body) - at if kind == "rest" else TYPES.get(kind) or int(kind[5:])
        raw = body[at : at + size]
        if len(raw) != size:
            raise IsclError("wrong length", f"{name} has {len(body)} octets, too few for {label}")
        found[label] = int.from_bytes(raw, _order(binding)) if kind in TYPES else raw
        at += size
    if at != len(body):
        raise IsclError("wrong length", f"{name} has {len(body)} octets, not {at}")
    return found


@dataclass
class Cutter:
    """Cuts a byte stream into messages; *limit* is the most octets that a body may claim."""

    binding: Binding
    limit: int
    _held: bytearray = field(default_factory=bytearray)

    def feed(self, octets: bytes) -> Iterator[Frame]:
        """Yield each message that is complete now; what *limit* is may change in between.

        Raises IsclError: ``unknown id``, ``block`` (a length beyond the limit), ``wrong length``. The
        header decides, so nothing is collected for a length that cannot be.
        """
        self._held += octets
        size = self.binding.header_length
        ids = {layout.id: name for name, layout in self.binding.messages.items()}
        while len(self._held) >= size:
            values, at = {}, 0
            for entry in self.binding.fields:
                values[entry.role] = int.from_bytes(
                    self._held[at : at + entry.width], _order(self.binding)
                )
                at += entry.width
            name = ids.get(values["id"])
            if name is None:
                raise IsclError("unknown id", f"there is no message {values['id']:08X}H")
            length = values["length"]
            if self.binding["header.length_covers"] == "message":
                length -= size
            most = (
                max(self.limit, self.binding["limits.message"]) if name == "through" else self.limit
            )
            if not 0 <= length <= most:
                raise IsclError(
                    "block", f"{name} claims {length} octets, more than the block of {most}"
                )
            if len(self._held) < size + length:
                return
            body = bytes(self._held[size : size + length])
            del self._held[: size + length]
            yield Frame(
                name, values["option"], decode_body(self.binding, name, body), size + length
            )

    @property
    def left(self) -> int:
        """How many octets wait for the rest of their message."""
        return len(self._held)
