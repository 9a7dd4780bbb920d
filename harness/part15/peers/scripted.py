"""Server hellos made by hand, for deviations that no TLS library can be told to show.

A script looks at a ClientHello and answers with the octets of a first server flight, or with None
so that the TLS library answers. Nothing behind such a flight can complete: signatures are filler.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Mapping, Sequence

from part15.peers import hello as h
from part15.peers.hello import Hello
from part15.peers.policy import Policy, Script

Condition = Callable[[Hello], bool]


SENTINELS = {v: b"DOWNGRD" + (b"\1" if v == 0x0303 else b"\0") for v in range(0x0300, 0x0304)}
"""RFC 8446 section 4.1.3: how a server of TLS 1.3 ends its random in a lower version."""


def record(kind: int, body: bytes, version: int = 0x0303) -> bytes:
    """Return *body* as TLS records of at most 16 KiB."""
    step = 1 << 14
    return b"".join(
        struct.pack(">BHH", kind, version, len(body[at : at + step])) + body[at : at + step]
        for at in range(0, len(body), step)
    )


def alert(description: int, version: int = 0x0303) -> bytes:
    """Return a fatal alert record."""
    return record(21, bytes([2, description]), version)


def message(kind: int, body: bytes) -> bytes:
    """Return a handshake message."""
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def _extensions(items: Mapping[int, bytes]) -> bytes:
    block = b"".join(struct.pack(">HH", k, len(v)) + v for k, v in items.items())
    return struct.pack(">H", len(block)) + block if items else b""


def server_hello(
    asked: Hello,
    suite: int,
    *,
    version: int = 0x0303,
    extensions: Mapping[int, bytes] | None = None,
    compression: int = 0,
    random: bytes | None = None,
) -> bytes:
    """Return the ServerHello message that selects *suite* and *version*."""
    sentinel = SENTINELS.get(version, b"")
    drawn = random or os.urandom(32 - len(sentinel)) + sentinel
    body = struct.pack(">H", min(version, 0x0303)) + drawn
    echoed = asked.session if version == 0x0304 else os.urandom(32)
    body += bytes([len(echoed)]) + echoed + struct.pack(">HB", suite, compression)
    return message(2, body + _extensions(extensions or {}))


def usual_extensions(asked: Hello) -> dict[int, bytes]:
    """Return what a right TLS 1.2 server acknowledges: secure renegotiation, EMS, ALPN ``dicom``."""
    found: dict[int, bytes] = {}
    if h.RENEGOTIATION in asked.extensions or asked.offers(0x00FF):
        found[h.RENEGOTIATION] = b"\0"
    if h.EMS in asked.extensions:
        found[h.EMS] = b""
    if "dicom" in asked.protocols:
        found[h.ALPN] = b"\0\x06\x05dicom"
    return found


P256_POINT = bytes.fromhex(
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)


def ecdhe_exchange(asked: Hello, curve: int | None = None, size: int = 65) -> bytes:
    """Return a ServerKeyExchange on *curve* (default: the first of x25519 and P-256 asked for)."""
    chosen = curve or next((g for g in asked.numbers(h.GROUPS) if g in (23, 29)), 23)
    point = os.urandom(32) if chosen == 29 else P256_POINT[:size]
    body = bytes([3]) + struct.pack(">HB", chosen, len(point)) + point
    return message(12, body + _signature(asked))


def dhe_exchange(asked: Hello, prime: bytes, public: bytes) -> bytes:
    """Return a ServerKeyExchange with the group of *prime*."""
    body = b"".join(struct.pack(">H", len(part)) + part for part in (prime, b"\x02", public))
    return message(12, body + _signature(asked))


def _signature(asked: Hello, scheme: int = 0x0401) -> bytes:
    if not asked.speaks12:
        return struct.pack(">H", 256) + os.urandom(256)
    return struct.pack(">HH", scheme, 256) + os.urandom(256)


def flight12(
    hello_message: bytes, chain: Sequence[bytes], *more: bytes, version: int = 0x0303
) -> bytes:
    """Return a whole first flight: ServerHello, Certificate (unless *chain* is empty), *more*, ServerHelloDone."""
    certificates = b"".join(len(c).to_bytes(3, "big") + c for c in chain)
    body = hello_message
    if chain:
        body += message(11, len(certificates).to_bytes(3, "big") + certificates)
    return record(22, body + b"".join(more) + message(14, b""), version)


def unserved(asked: Hello) -> bool:
    """Tell whether the right peer has nothing to answer: no version or no suite in common."""
    return not asked.speaks13 and not (asked.speaks12 and asked.served & set(asked.suites))


def at_most(version: int) -> Condition:
    """Return the condition that *version* is the highest one offered."""
    return lambda asked: bool(asked.versions) and asked.versions[-1] == version


def only_these(codes: frozenset[int]) -> Condition:
    """Return the condition that the right peer has no answer, and that one of *codes* is offered."""
    return lambda asked: unserved(asked) and bool(codes & set(asked.suites))


def lists_only(extension: int, allowed: frozenset[int]) -> Condition:
    """Return the condition that the list *extension* is there and holds nothing but *allowed*."""

    def holds(asked: Hello) -> bool:
        found = asked.numbers(extension)
        return bool(found) and set(found) <= allowed

    return holds


_SIGNED_EXCHANGE = "signed"


def selects(
    codes: frozenset[int],
    *,
    exchange: str = "none",
    version: int = 0x0303,
    when: Condition = unserved,
    certificate: bool = True,
) -> Script:
    """Return the script that selects the first offered suite of *codes*, if *when* holds.

    *exchange* is the ServerKeyExchange that goes with it: ``none``, ``ecdhe`` or ``dhe``.
    """

    def answer(asked: Hello, policy: Policy) -> bytes | None:
        suite = next((s for s in asked.suites if s in codes), None)
        if suite is None or not when(asked) or version not in asked.versions:
            return None
        chosen = server_hello(asked, suite, version=version, extensions=usual_extensions(asked))
        more = []
        if exchange == "ecdhe":
            more.append(ecdhe_exchange(asked))
        elif exchange == "dhe":
            more.append(dhe_exchange(asked, b"\xff" * 256, os.urandom(256)))
        chain = policy.extra.get("chain", ()) if certificate else ()
        return flight12(chosen, chain, *more, version=version)

    return answer


def selects13(codes: frozenset[int]) -> Script:
    """Return the script that selects an offered suite of *codes* in TLS 1.3, if no usual one is there."""

    def answer(asked: Hello, _: Policy) -> bytes | None:
        suite = next((s for s in asked.suites if s in codes), None)
        if suite is None or 0x0304 not in asked.versions or asked.speaks13:
            return None
        share = struct.pack(">HH", 29, 32) + os.urandom(32)
        extensions = {h.VERSIONS: b"\x03\x04", 51: share}
        chosen = server_hello(asked, suite, version=0x0304, extensions=extensions)
        return record(22, chosen) + record(20, b"\1") + record(23, os.urandom(1200))

    return answer


def resumes_without_share(asked: Hello, _: Policy) -> bytes | None:
    """Select the offered pre-shared key without a key share, if the client offers psk_ke among its modes."""
    if 41 not in asked.extensions or 0 not in asked.extensions.get(h.MODES, b"")[1:]:
        return None
    suite = next((c for c in asked.suites if c in h.MODERN13), None)
    if suite is None:
        return None
    extensions = {h.VERSIONS: b"\x03\x04", 41: b"\0\0"}
    chosen = server_hello(asked, suite, version=0x0304, extensions=extensions)
    return record(22, chosen) + record(20, b"\1") + record(23, os.urandom(64))


def shapes(
    when: Condition,
    *,
    extensions: Callable[[Hello], Mapping[int, bytes]] = usual_extensions,
    compression: int = 0,
    curve: int | None = None,
    size: int = 65,
    suites: Sequence[int] = (0xC02C, 0xC030, 0xC02B, 0xC02F),
) -> Script:
    """Return the script that selects a right ECDHE suite in TLS 1.2, but shapes the answer as told."""

    def answer(asked: Hello, policy: Policy) -> bytes | None:
        suite = next((s for s in suites if s in asked.suites), None)
        if suite is None or not asked.speaks12 or asked.speaks13 or not when(asked):
            return None
        chosen = server_hello(asked, suite, extensions=extensions(asked), compression=compression)
        return flight12(chosen, policy.extra.get("chain", ()), ecdhe_exchange(asked, curve, size))

    return answer


def refuses(when: Condition, description: int | None) -> Script:
    """Return the script that answers with the alert *description*, or by closing if None."""

    def answer(asked: Hello, _: Policy) -> bytes | None:
        if not when(asked):
            return None
        return b"" if description is None else alert(description)

    return answer


def sslv2_hello(chain: Sequence[bytes]) -> bytes:
    """Return an SSL 2.0 SERVER-HELLO with RC4 (draft-hickman-netscape-ssl)."""
    certificate = chain[0] if chain else b""
    body = b"\x04\0\x01\0\x02" + struct.pack(">HHH", len(certificate), 3, 16)
    body += certificate + b"\x01\0\x80" + os.urandom(16)
    return struct.pack(">H", 0x8000 | len(body)) + body
