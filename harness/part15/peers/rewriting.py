"""Changing the ClientHello of the embedded client on its way out, for what no library can be told to offer."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

Rewrite = Callable[[bytes], bytes]


def _vector(body: bytes, at: int, width: int) -> tuple[bytes, int]:
    size = int.from_bytes(body[at : at + width], "big")
    return body[at + width : at + width + size], at + width + size


def rewriting(
    *,
    version: int | None = None,
    suites: Callable[[list[int]], list[int]] = lambda listed: listed,
    compressions: bytes | None = None,
    extensions: Callable[[dict[int, bytes]], Mapping[int, bytes]] = lambda found: found,
) -> Rewrite:
    """Return the change of a first flight that holds one ClientHello in one record.

    Each argument changes one part of it; what is left out stays.
    """

    def apply(flight: bytes) -> bytes:
        body = flight[9:]
        session, at = _vector(body, 34, 1)
        raw, at = _vector(body, at, 2)
        methods, at = _vector(body, at, 1)
        block, _ = _vector(body, at, 2)
        found, at = {}, 0
        while at + 4 <= len(block):
            kind = int.from_bytes(block[at : at + 2], "big")
            found[kind], at = _vector(block, at + 2, 2)
        listed = suites([int.from_bytes(raw[i : i + 2], "big") for i in range(0, len(raw), 2)])
        codes = b"".join(struct.pack(">H", code) for code in listed)
        kept = b"".join(struct.pack(">HH", k, len(v)) + v for k, v in extensions(found).items())
        methods = methods if compressions is None else compressions
        head = body[:2] if version is None else struct.pack(">H", version)
        made = head + body[2:34] + bytes([len(session)]) + session
        made += struct.pack(">H", len(codes)) + codes + bytes([len(methods)]) + methods
        made += struct.pack(">H", len(kept)) + kept
        message = b"\x01" + len(made).to_bytes(3, "big") + made
        return flight[:3] + struct.pack(">H", len(message)) + message

    return apply


def offering(*codes: int) -> Rewrite:
    """Return the change that offers *codes* besides."""
    return rewriting(suites=lambda listed: [*listed, *codes])


def without_suite(code: int) -> Rewrite:
    """Return the change that does not offer *code*."""
    return rewriting(suites=lambda listed: [c for c in listed if c != code])


def with_extension(kind: int, body: bytes) -> Rewrite:
    """Return the change that sends the extension *kind* with *body*, in place of one that is there."""
    return rewriting(extensions=lambda found: {**found, kind: body})


def numbers(*values: int) -> bytes:
    """Return a list extension of 16-bit *values*."""
    return struct.pack(">H", 2 * len(values)) + b"".join(struct.pack(">H", v) for v in values)


def sslv2_hello(_: bytes) -> bytes:
    """Return an SSL 2.0 CLIENT-HELLO that announces TLS 1.2, whatever was to be sent."""
    body = b"\x01\x03\x03" + struct.pack(">HHH", 6, 0, 16) + b"\x00\x00\x2f\x01\x00\x80" + bytes(16)
    return struct.pack(">H", 0x8000 | len(body)) + body
