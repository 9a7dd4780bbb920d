"""The two files in which MIT Kerberos keeps secrets: credential caches (version 4) and keytabs (version 2)."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from part15.wire.kerberos import Principal, Ticket
from part15.wire.kerberos_crypto import Key

MOST = 1024
"""Credentials that are read of one cache, keys of one keytab."""


class FormError(ValueError):
    """Octets that are no credential cache, or no keytab."""


@dataclass
class _Reader:
    octets: bytes
    at: int = 0

    def take(self, size: int) -> bytes:
        if size < 0 or self.at + size > len(self.octets):
            raise FormError(f"it ends after {len(self.octets)} octets, in the middle of a field")
        self.at += size
        return self.octets[self.at - size : self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def data(self, size: int = 4) -> bytes:
        return self.take(self.number(size))

    def pairs(self) -> None:
        count = self.number(4)
        if count > MOST:
            raise FormError(f"{count} addresses or authorization data")
        for _ in range(count):
            self.take(2)
            self.data()

    @property
    def left(self) -> int:
        return len(self.octets) - self.at


def _principal(reader: _Reader) -> Principal:
    kind, count = reader.number(4), reader.number(4)
    if count > 16:
        raise FormError(f"a principal has {count} parts")
    realm = reader.data().decode("utf-8", "replace")
    return Principal(
        realm, tuple(reader.data().decode("utf-8", "replace") for _ in range(count)), kind
    )


def read_cache(octets: bytes) -> tuple[Ticket, ...]:
    """Return the tickets in a credential cache; raises FormError."""
    if octets[:2] != b"\x05\x04":
        raise FormError("it does not begin with 0504H; write it with kinit -c FILE:PATH")
    reader = _Reader(octets, 2)
    reader.data(2)
    _principal(reader)
    found: list[Ticket] = []
    while reader.left and len(found) < MOST:
        client, service = _principal(reader), _principal(reader)
        key = Key(reader.number(2), reader.data())
        reader.take(8)
        ends = reader.number(4)
        reader.take(4 + 1 + 4)
        reader.pairs()
        reader.pairs()
        ticket = reader.data()
        reader.data()
        if service.realm != "X-CACHECONF:":
            found.append(Ticket(client, service, key, ticket, ends))
    return tuple(found)


def _stored(principal: Principal) -> bytes:
    parts = [principal.realm, *principal.parts]
    return struct.pack(">II", principal.kind, len(principal.parts)) + b"".join(
        struct.pack(">I", len(p.encode())) + p.encode() for p in parts
    )


def write_cache(tickets: Iterable[Ticket]) -> bytes:
    """Return a credential cache with *tickets*, at least one."""
    kept = tuple(tickets)
    made = b"\x05\x04\0\0" + _stored(kept[0].client)
    for ticket in kept:
        made += _stored(ticket.client) + _stored(ticket.service)
        made += struct.pack(">HI", ticket.session.etype, len(ticket.session.octets))
        made += ticket.session.octets + struct.pack(">IIII", 0, 0, ticket.ends, 0)
        made += bytes(1 + 4 + 4 + 4) + struct.pack(">I", len(ticket.octets)) + ticket.octets
        made += bytes(4)
    return made


def read_keytab(octets: bytes) -> dict[str, tuple[Key, ...]]:
    """Return the keys in a keytab by principal; raises FormError."""
    if octets[:2] != b"\x05\x02":
        raise FormError("it does not begin with 0502H; write it with kadmin ktadd -k FILE")
    reader = _Reader(octets, 2)
    found: dict[str, tuple[Key, ...]] = {}
    for _ in range(MOST):
        if reader.left < 4:
            break
        size = int.from_bytes(reader.take(4), "big", signed=True)
        entry = _Reader(reader.take(abs(size)))
        if size <= 0:
            continue
        count, realm = entry.number(2), entry.data(2).decode("utf-8", "replace")
        if count > 16:
            raise FormError(f"a principal has {count} parts")
        parts = tuple(entry.data(2).decode("utf-8", "replace") for _ in range(count))
        entry.take(4 + 4 + 1)
        key = Key(entry.number(2), entry.data(2))
        name = str(Principal(realm, parts))
        found[name] = (*found.get(name, ()), key)
    return found


def write_keytab(service: Principal, key: Key) -> bytes:
    """Return a keytab with the *key* of *service*."""
    parts = [service.realm, *service.parts]
    entry = struct.pack(">H", len(service.parts))
    entry += b"".join(struct.pack(">H", len(p.encode())) + p.encode() for p in parts)
    entry += struct.pack(">IIBHH", service.kind, 0, 1, key.etype, len(key.octets)) + key.octets
    return b"\x05\x02" + struct.pack(">i", len(entry)) + entry
