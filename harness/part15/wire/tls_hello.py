"""The ClientHello of SSL 3.0 to TLS 1.3: what to offer as data, encoding, parsing. No I/O, no crypto.

The key shares are valid public keys of which nobody needs the private half, because a handshake
that was offered here is never completed.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass

from part15.wire import tls_names as names
from part15.wire.tls_octets import Cursor, Malformed, numbers, vector
from part15.wire.tls_records import HANDSHAKE, encode_message, encode_records

CLIENT_HELLO = 1
ENTROPY = 96
"""Octets of randomness one hello needs: random, session id, x25519 share."""

X25519, SECP256R1 = 29, 23
WIDE_GROUPS = (29, 23, 24, 25, 30, 26, 27, 28, 22, 14, 13, 12, 11, 10, 9, 8, 7, 6, 21, 20, 19)
"""Every curve a TLS 1.2 server may be found with, strong ones first; no finite-field group, so that
a server shows the parameters it was configured with (RFC 7919 section 4)."""
GROUPS_13 = (29, 23, 24, 25, 30, 256, 257, 258, 259, 260)
WIDE_SCHEMES = (
    *(0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B),
    *(
        0x0401,
        0x0501,
        0x0601,
        0x0303,
        0x0301,
        0x0203,
        0x0201,
        0x0402,
        0x0502,
        0x0602,
        0x0302,
        0x0202,
    ),
)
"""Every signature scheme but MD5, strong hashes first, SHA-1 and DSA last."""
GREASE = 0x2A2A

# The base point of P-256 (FIPS 186-4 D.1.2.3): a valid public key.
_P256_POINT = bytes.fromhex(
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)


@dataclass(frozen=True)
class ClientHello:
    """A ClientHello as it is on the wire; *extensions* is None where the block itself is absent."""

    version: int
    random: bytes
    session_id: bytes
    suites: tuple[int, ...]
    compression: tuple[int, ...] = (0,)
    extensions: tuple[tuple[int, bytes], ...] | None = None

    def extension(self, code: int) -> bytes | None:
        """Return the content of the first extension *code*, or None if it is absent."""
        return next((data for found, data in self.extensions or () if found == code), None)


@dataclass(frozen=True)
class Offer:
    """What one ClientHello shall offer.

    *versions* are names in the order to be listed; without ``1.3`` the highest one becomes the
    client_version and supported_versions is left out. Empty *groups* or *schemes* mean the wide
    defaults. *renegotiation* is ``scsv``, ``extension`` or empty.
    """

    versions: tuple[str, ...]
    suites: tuple[int, ...]
    groups: tuple[int, ...] = ()
    schemes: tuple[int, ...] = ()
    server_name: str = ""
    alpn: tuple[str, ...] = ()
    compression: tuple[int, ...] = (0,)
    record_version: int = 0
    renegotiation: str = "scsv"
    extended_master_secret: bool = True
    encrypt_then_mac: bool = False
    session_ticket: bool = False
    truncated_hmac: bool = False
    heartbeat: bool = False
    status_request: bool = False
    fallback: bool = False
    grease: bool = False

    @property
    def newest(self) -> str:
        """The highest version offered."""
        return max(self.versions, key=names.version_code)

    @property
    def summary(self) -> str:
        """One line for transcripts: versions and how many suites, or which."""
        suites = (
            f"{len(self.suites)} suites"
            if len(self.suites) > 3
            else ", ".join(names.suite_name(code) for code in self.suites) or "no suite"
        )
        more = [
            field.name
            for field in dataclasses.fields(self)
            if field.name not in ("versions", "suites", "compression", "extended_master_secret")
            and getattr(self, field.name) != field.default
        ]
        more += ["compression"] if self.compression != (0,) else []
        extra = f", {', '.join(more)}" if more else ""
        return f"{'/'.join(names.version_label(v) for v in self.versions)}: {suites}{extra}"


def client_hello(offer: Offer, entropy: bytes) -> ClientHello:
    """Return the ClientHello for *offer*, made from *entropy* (:data:`ENTROPY` octets)."""
    thirteen = "1.3" in offer.versions
    suites = offer.suites
    if offer.grease:
        suites = (GREASE, *suites)
    if offer.renegotiation == "scsv" and offer.versions != ("1.3",):
        suites = (*suites, names.RENEGOTIATION_SCSV)
    if offer.fallback:
        suites = (*suites, names.FALLBACK_SCSV)
    return ClientHello(
        version=0x0303 if thirteen else names.version_code(offer.newest),
        random=entropy[:32],
        session_id=entropy[32:64] if thirteen else b"",
        suites=suites,
        compression=offer.compression,
        extensions=None if offer.newest == "ssl3" else _extensions(offer, entropy[64:96]),
    )


def _extensions(offer: Offer, share: bytes) -> tuple[tuple[int, bytes], ...]:
    """Return the extensions of *offer*; pre_shared_key-like ones that must stand last do not occur."""
    thirteen = "1.3" in offer.versions
    ext = names.EXTENSIONS
    found: list[tuple[int, bytes]] = [(GREASE, b"")] if offer.grease else []
    if offer.server_name:
        host = b"\x00" + vector(2, _host(offer.server_name))
        found.append((ext["server_name"], vector(2, host)))
    found += _flags(offer)
    found += _curves(offer.groups, thirteen)
    if offer.newest in ("1.2", "1.3"):
        found.append((ext["signature_algorithms"], _schemes(offer.schemes)))
    if offer.alpn:
        protocols = b"".join(vector(1, name.encode()) for name in offer.alpn)
        found.append((ext["alpn"], vector(2, protocols)))
    if thirteen:
        listed = [names.version_code(version) for version in offer.versions]
        listed = [0x7A7A, *listed] if offer.grease else listed
        found.append((ext["supported_versions"], vector(1, _pack(listed))))
        found.append((ext["psk_key_exchange_modes"], b"\x01\x01"))
        found.append((ext["key_share"], _shares(offer.groups or GROUPS_13, share)))
    return tuple(found)


def _host(name: str) -> bytes:
    """Return *name* as it stands in SNI: ASCII as it is, anything else in its IDNA form."""
    return name.encode() if name.isascii() else name.encode("idna")


def _flags(offer: Offer) -> list[tuple[int, bytes]]:
    """Return the extensions that are only present or absent."""
    wanted = (
        ("status_request", offer.status_request, b"\x01\x00\x00\x00\x00"),
        ("heartbeat", offer.heartbeat, b"\x01"),
        ("encrypt_then_mac", offer.encrypt_then_mac, b""),
        ("extended_master_secret", offer.extended_master_secret, b""),
        ("truncated_hmac", offer.truncated_hmac, b""),
        ("session_ticket", offer.session_ticket, b""),
        ("renegotiation_info", offer.renegotiation == "extension", b"\x00"),
    )
    return [(names.EXTENSIONS[name], content) for name, present, content in wanted if present]


@functools.cache
def _curves(groups: tuple[int, ...], thirteen: bool) -> tuple[tuple[int, bytes], ...]:
    chosen = groups or (tuple(dict.fromkeys(GROUPS_13 + WIDE_GROUPS)) if thirteen else WIDE_GROUPS)
    return (
        (names.EXTENSIONS["supported_groups"], vector(2, _pack(chosen))),
        (names.EXTENSIONS["ec_point_formats"], b"\x01\x00"),
    )


@functools.cache
def _schemes(schemes: tuple[int, ...]) -> bytes:
    return vector(2, _pack(schemes or WIDE_SCHEMES))


def _shares(groups: Sequence[int], share: bytes) -> bytes:
    keys = {X25519: share, SECP256R1: _P256_POINT}
    entries = b"".join(
        group.to_bytes(2, "big") + vector(2, keys[group]) for group in groups if group in keys
    )
    return vector(2, entries)


def _pack(codes: Sequence[int]) -> bytes:
    return b"".join(code.to_bytes(2, "big") for code in codes)


def encode_body(hello: ClientHello) -> bytes:
    """Return the body of the ClientHello message."""
    parts = [
        hello.version.to_bytes(2, "big"),
        hello.random,
        vector(1, hello.session_id),
        vector(2, _pack(hello.suites)),
        vector(1, bytes(hello.compression)),
    ]
    if hello.extensions is not None:
        block = b"".join(
            code.to_bytes(2, "big") + vector(2, data) for code, data in hello.extensions
        )
        parts.append(vector(2, block))
    return b"".join(parts)


def encode(hello: ClientHello, record_version: int = 0x0301) -> bytes:
    """Return the records of the ClientHello message."""
    return encode_records(
        HANDSHAKE, encode_message(CLIENT_HELLO, encode_body(hello)), record_version
    )


def encode_offer(offer: Offer, entropy: bytes) -> bytes:
    """Return the records of the ClientHello for *offer*, ready to be sent."""
    version = offer.record_version or (0x0300 if offer.newest == "ssl3" else 0x0301)
    return encode(client_hello(offer, entropy), version)


def parse_body(body: bytes) -> ClientHello:
    """Return the ClientHello in *body*; raises Malformed for anything else."""
    cursor = Cursor(body)
    version, random = cursor.number(2), cursor.take(32)
    session_id = cursor.vector(1)
    if len(session_id) > 32:
        raise Malformed(f"the session id has {len(session_id)} octets")
    suites = numbers(cursor.vector(2), "cipher suites")
    compression = tuple(cursor.vector(1))
    extensions = parse_extensions(cursor.vector(2)) if cursor.left else None
    cursor.end("ClientHello")
    return ClientHello(version, random, session_id, suites, compression, extensions)


def parse_extensions(block: bytes) -> tuple[tuple[int, bytes], ...]:
    """Return the extensions of a block as (code, content)."""
    cursor, found = Cursor(block), []
    while cursor.left:
        found.append((cursor.number(2), cursor.vector(2)))
    return tuple(found)


def offered_versions(hello: ClientHello) -> tuple[int, ...]:
    """Return the code points of supported_versions in order, or the one client_version."""
    content = hello.extension(names.EXTENSIONS["supported_versions"])
    if content is None:
        return (hello.version,)
    cursor = Cursor(content)
    listed = numbers(cursor.vector(1), "versions")
    cursor.end("supported_versions extension")
    return listed


def offered_numbers(hello: ClientHello, extension: str) -> tuple[int, ...] | None:
    """Return the 16-bit list of supported_groups or signature_algorithms, or None if it is absent."""
    content = hello.extension(names.EXTENSIONS[extension])
    return None if content is None else numbers(Cursor(content).vector(2), extension)


def offered_alpn(hello: ClientHello) -> tuple[str, ...]:
    """Return the protocols of the ALPN extension; nothing if it is absent."""
    content = hello.extension(names.EXTENSIONS["alpn"])
    if content is None:
        return ()
    cursor, found = Cursor(Cursor(content).vector(2)), []
    while cursor.left:
        found.append(cursor.vector(1).decode("latin-1"))
    return tuple(found)


def offered_server_name(hello: ClientHello) -> str:
    """Return the host name of the server_name extension, or nothing."""
    content = hello.extension(names.EXTENSIONS["server_name"])
    if not content:
        return ""
    cursor = Cursor(Cursor(content).vector(2))
    while cursor.left:
        kind, name = cursor.number(1), cursor.vector(2)
        if kind == 0:
            return name.decode("latin-1")
    return ""
