"""The little of a ClientHello that the embedded peer must read before it lets a TLS library answer.

Written apart from the prober's codec on purpose: two readings of one format check each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field

SNI, GROUPS, SIGNATURES, ALPN, TRUNCATED_HMAC = 0, 10, 13, 16, 4
ETM, EMS, TICKET, VERSIONS, MODES, RENEGOTIATION = 22, 23, 35, 43, 45, 0xFF01
MODERN13 = frozenset({0x1301, 0x1302, 0x1303})
MAX_HELLO = 1 << 16


@dataclass(frozen=True)
class Hello:
    """A ClientHello; *versions* are those it offers, highest last, GREASE left out."""

    record_version: int
    version: int
    session: bytes = b""
    suites: tuple[int, ...] = ()
    compressions: bytes = b"\0"
    extensions: dict[int, bytes] = field(default_factory=dict)
    served: frozenset[int] = frozenset()
    """The suites of TLS 1.2 and below that the peer would serve without its faults."""
    serves13: bool = True
    """Whether it would serve TLS 1.3."""

    @property
    def versions(self) -> tuple[int, ...]:
        """The offered versions, lowest first."""
        listed = self.extensions.get(VERSIONS)
        if listed is None:
            return (min(self.version, 0x0303),)
        found = {int.from_bytes(listed[i : i + 2], "big") for i in range(1, len(listed) - 1, 2)}
        return tuple(sorted(v for v in found if 0x0300 <= v <= 0x0304))

    def numbers(self, extension: int) -> tuple[int, ...]:
        """Return the 16-bit numbers of a list extension (groups, signature schemes)."""
        body = self.extensions.get(extension, b"")[2:]
        return tuple(int.from_bytes(body[i : i + 2], "big") for i in range(0, len(body) - 1, 2))

    @property
    def protocols(self) -> tuple[str, ...]:
        """The ALPN names."""
        body, names, at = self.extensions.get(ALPN, b"")[2:], [], 0
        while at < len(body):
            names.append(body[at + 1 : at + 1 + body[at]].decode("latin-1"))
            at += 1 + body[at]
        return tuple(names)

    @property
    def name(self) -> str | None:
        """The server name, None without the extension."""
        body = self.extensions.get(SNI)
        return None if body is None else body[5:].decode("latin-1")

    @property
    def speaks13(self) -> bool:
        """Whether TLS 1.3 with one of its usual suites is offered to a peer that serves it."""
        return self.serves13 and 0x0304 in self.versions and bool(MODERN13 & set(self.suites))

    @property
    def speaks12(self) -> bool:
        """Whether TLS 1.2 is offered."""
        return 0x0303 in self.versions

    def offers(self, *codes: int) -> bool:
        """Tell whether one of the suites *codes* is offered."""
        return bool(set(codes) & set(self.suites))


def _vector(body: bytes, at: int, width: int) -> tuple[bytes, int]:
    size = int.from_bytes(body[at : at + width], "big")
    start = at + width
    if start + size > len(body):
        raise ValueError("a vector of the ClientHello is longer than it")
    return body[start : start + size], start + size


def read_hello(octets: bytes) -> Hello | None:
    """Return the ClientHello at the start of *octets*, or None if more octets are needed.

    Raises ValueError if they begin no ClientHello or one longer than 64 KiB.
    """
    handshake, at, record_version = b"", 0, 0
    while True:
        if len(octets) < at + 5:
            if octets[at : at + 1] not in (b"", b"\x16"):
                raise ValueError("no handshake record")
            return None
        if octets[at] != 0x16 or octets[at + 1] != 3:
            raise ValueError("no handshake record")
        record_version = record_version or int.from_bytes(octets[at + 1 : at + 3], "big")
        size = int.from_bytes(octets[at + 3 : at + 5], "big")
        if size == 0 or size > 1 << 14:
            raise ValueError("a record of impossible size")
        if len(octets) < at + 5 + size:
            return None
        handshake += octets[at + 5 : at + 5 + size]
        at += 5 + size
        if handshake[0] != 1:
            raise ValueError("no ClientHello")
        if len(handshake) >= 4:
            length = int.from_bytes(handshake[1:4], "big")
            if length > MAX_HELLO:
                raise ValueError("a ClientHello of impossible size")
            if len(handshake) >= 4 + length:
                return _read_body(handshake[4 : 4 + length], record_version)


def _read_body(body: bytes, record_version: int) -> Hello:
    if len(body) < 38:
        raise ValueError("a ClientHello without its fixed part")
    version = int.from_bytes(body[:2], "big")
    session, at = _vector(body, 34, 1)
    suites, at = _vector(body, at, 2)
    compressions, at = _vector(body, at, 1)
    extensions: dict[int, bytes] = {}
    if at < len(body):
        block, _ = _vector(body, at, 2)
        at = 0
        while at + 4 <= len(block):
            kind = int.from_bytes(block[at : at + 2], "big")
            extensions[kind], at = _vector(block, at + 2, 2)
    codes = tuple(int.from_bytes(suites[i : i + 2], "big") for i in range(0, len(suites) - 1, 2))
    return Hello(record_version, version, session, codes, compressions, extensions)
