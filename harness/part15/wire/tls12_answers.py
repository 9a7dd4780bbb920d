"""How our own TLS 1.2 server answers a ClientHello: rightly, or wrong in exactly one thing. No I/O."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from part15.wire import tls12
from part15.wire import tls_names as names
from part15.wire.dh_primes import GENERATOR, PRIMES
from part15.wire.tls_hello import (
    ClientHello,
    offered_alpn,
    offered_numbers,
    offered_versions,
)
from part15.wire.tls_octets import Malformed, vector
from part15.wire.tls_records import encode_message
from part15.wire.tls_server import (
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    SERVER_HELLO,
    SERVER_HELLO_DONE,
    SERVER_KEY_EXCHANGE,
    ServerHello,
    encode_hello_body,
)

SUITES: Mapping[tuple[str, str], tuple[int, ...]] = MappingProxyType(
    {
        ("ECDHE", "RSA"): (0xC02F, 0xC030),
        ("ECDHE", "EC"): (0xC02B, 0xC02C),
        ("DHE", "RSA"): (0x009E, 0x009F),
    }
)
"""The suites that we can complete, by key exchange and by the type of our key."""
KEY_EXCHANGES = ("ECDHE", "DHE", "RSA")
OLD_SUITES = (0xC013, 0xC014, 0xC009, 0xC00A, 0x0033, 0x0039, 0x002F, 0x0035, 0x000A)
"""What a version before TLS 1.2 would select."""
GROUPS = (29, 23, 24)
SMALL_GROUP = 19
TLS12 = 0x0303
SCHEMES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {"RSA": (0x0804, 0x0805, 0x0401, 0x0501, 0x0601, 0x0201), "EC": (0x0403, 0x0503, 0x0203)}
)
ASKED_SCHEMES = (0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601, 0x0203, 0x0201)
"""What we let a client sign with; SHA-1 stands last, for a client that takes it although it need not."""
SENTINEL_12 = b"DOWNGRD\x01"


@dataclass(frozen=True)
class Way:
    """One way of answering; every default is right.

    *text* says what is wrong. *group* is a curve that is selected though it was not offered, *suite* -1
    any suite that was not. *needs* is what the client must offer for the answer to mean
    anything: ``dhe``, ``alpn``, ``tls13``, ``ecdhe``.
    """

    text: str = "a right answer"
    version: int = TLS12
    kx: str = "ECDHE"
    dh_bits: int = 2048
    suite: int = 0
    group: int = 0
    compression: int = 0
    broken: bool = False
    indicates: bool = True
    alpn: str = "dicom"
    sentinel: bytes = b""
    needs: str = ""

    @property
    def wrong(self) -> bool:
        """Whether the ServerHello is what the client is to refuse."""
        return self.broken or not self.indicates or bool(self.compression or self.sentinel)


WAYS: Mapping[str, Way] = MappingProxyType(
    {
        "right": Way(),
        "dh_2048": Way("a DH prime of 2048 bits", kx="DHE", needs="dhe"),
        "dh_2048_again": Way("a DH prime of 2048 bits once more", kx="DHE", needs="dhe"),
        "dh_1024": Way("a DH prime of 1024 bits", kx="DHE", dh_bits=1024, needs="dhe"),
        "dh_1536": Way("a DH prime of 1536 bits", kx="DHE", dh_bits=1536, needs="dhe"),
        "dh_2047": Way("a DH prime of 2047 bits", kx="DHE", dh_bits=2047, needs="dhe"),
        "tls_1.1": Way("TLS 1.1", version=0x0302),
        "tls_1.0": Way("TLS 1.0", version=0x0301),
        "ssl_3": Way("SSL 3.0", version=0x0300),
        "no_renegotiation_info": Way("no renegotiation_info", indicates=False),
        "foreign_alpn": Way(
            "an ALPN protocol that was not offered", alpn="part15-foreign", needs="alpn"
        ),
        "unoffered_suite": Way("a suite that was not offered", suite=-1),
        "broken": Way("a ServerHello that ends too early", broken=True),
        "compressed": Way("the compression DEFLATE", compression=1),
        "small_curve": Way("the curve secp192r1", group=SMALL_GROUP, needs="ecdhe"),
        "downgraded": Way(
            "the downgrade mark of RFC 8446 4.1.3", sentinel=SENTINEL_12, needs="tls13"
        ),
    }
)


class Unfit(ValueError):  # noqa: N818 - a noun of the house
    """The ClientHello leaves no room for an answer of this kind; the words say why."""


@dataclass(frozen=True)
class Ours:
    """Our certificates as they are sent, leaf first, and the key that we sign with."""

    chain: tuple[bytes, ...]
    key: Any

    @property
    def kind(self) -> str:
        """``RSA`` or ``EC``."""
        from cryptography.hazmat.primitives.asymmetric import rsa

        return "RSA" if isinstance(self.key, rsa.RSAPrivateKey) else "EC"


@dataclass(frozen=True)
class Exchange:
    """Our half of the key exchange: *group* of ECDHE, or *dh_bits* of DHE, and what :meth:`agree` needs.

    With RSA key transport, which we cannot complete, *params* is empty.
    """

    params: bytes
    group: int = 0
    dh_bits: int = 0
    secret: Any = field(default=None, repr=False)

    def agree(self, theirs: bytes) -> bytes:
        """Return the premaster secret with the client's public key; raises Malformed if it is none."""
        if not self.group:
            prime, public = PRIMES[self.dh_bits], int.from_bytes(theirs, "big")
            if not 1 < public < prime - 1:
                raise Malformed("the client's DH key is out of range")
            shared = pow(public, self.secret, prime)
            return shared.to_bytes((shared.bit_length() + 7) // 8, "big")
        return tls12.shared_secret(self.group, self.secret, theirs)


@dataclass(frozen=True)
class Answer:
    """Our flight as handshake messages, and what was selected in it."""

    hello: ServerHello
    messages: tuple[bytes, ...]
    exchange: Exchange

    @property
    def completable(self) -> bool:
        """Whether we can go on after the client's key exchange: TLS 1.2 with AES-GCM."""
        return self.hello.version == TLS12 and any(self.hello.suite in s for s in SUITES.values())


def unfit(way: Way, hello: ClientHello) -> str:
    """Return why *way* means nothing to the client that sent *hello*, or nothing."""
    versions = offered_versions(hello)
    kinds = {s.kx for s in (names.suites().get(code) for code in hello.suites) if s is not None}
    missing = {
        "dhe": "DHE" not in kinds,
        "ecdhe": "ECDHE" not in kinds,
        "alpn": not offered_alpn(hello),
        "tls13": 0x0304 not in versions,
    }
    return (
        {
            "dhe": "the client offers no DHE suite",
            "ecdhe": "the client offers no ECDHE suite",
            "alpn": "the client offers no ALPN protocols",
            "tls13": "the client does not offer TLS 1.3",
        }[way.needs]
        if missing.get(way.needs)
        else ""
    )


def answer(way: Way, hello: ClientHello, ours: Ours) -> Answer:
    """Return our flight for *hello*; raises Unfit or Malformed."""
    why = unfit(way, hello)
    if why:
        raise Unfit(why)
    if TLS12 not in offered_versions(hello) and way.version == TLS12:
        raise Unfit("the client does not offer TLS 1.2, so our own handshake is not possible")
    suite = _suite(way, hello, ours)
    random = os.urandom(24) + (way.sentinel or os.urandom(8))
    said = ServerHello(
        way.version, random, b"", suite, way.compression, _extensions(way, hello, suite)
    )
    exchange = _exchange(way, hello, suite)
    chain = vector(3, b"".join(vector(3, der) for der in ours.chain))
    params = hello.random + random + exchange.params
    signed = _signed(way, hello, ours, params) if exchange.params else b""
    messages = [
        (SERVER_HELLO, encode_hello_body(said)[: 30 if way.broken else None]),
        (CERTIFICATE, chain),
        *([(SERVER_KEY_EXCHANGE, exchange.params + signed)] if exchange.params else []),
        (CERTIFICATE_REQUEST, _request(way)),
        (SERVER_HELLO_DONE, b""),
    ]
    return Answer(said, tuple(encode_message(kind, body) for kind, body in messages), exchange)


def _suite(way: Way, hello: ClientHello, ours: Ours) -> int:
    if way.suite == -1:
        return next(code for code in (*OLD_SUITES, 0x009C, 0x0005) if code not in hello.suites)
    if way.version != TLS12:
        return _other_suite(hello, ours)
    offers = SUITES.get((way.kx, ours.kind), ())
    if not way.needs:
        offers = (*offers, *SUITES.get(("DHE", ours.kind), ()))
    common = [code for code in offers if code in hello.suites]
    if not common and way.wrong:
        return _other_suite(hello, ours)
    if not common:
        raise Unfit(
            f"the client offers no {way.kx} suite with AES-GCM for our {ours.kind} certificate"
        )
    return common[0]


def _other_suite(hello: ClientHello, ours: Ours) -> int:
    """Return a suite that the client offers and our key can serve, if we need not complete it.

    A client that refuses what is wrong does so at the ServerHello; before TLS 1.2 nothing else is there.
    """
    auth = "RSA" if ours.kind == "RSA" else "ECDSA"
    known = (names.suites().get(code) for code in hello.suites)
    fit = [s.code for s in known if s is not None and s.auth == auth and s.kx in KEY_EXCHANGES]
    old = [code for code in OLD_SUITES if code in fit]
    return (old or fit or [OLD_SUITES[0]])[0]


def _extensions(way: Way, hello: ClientHello, suite: int) -> tuple[tuple[int, bytes], ...]:
    if way.version == 0x0300:
        return ()
    codes = {code for code, _ in hello.extensions or ()}
    ext = names.EXTENSIONS
    found: list[tuple[int, bytes]] = []
    told = ext["renegotiation_info"] in codes or names.RENEGOTIATION_SCSV in hello.suites
    if told and way.indicates:
        found.append((ext["renegotiation_info"], b"\0"))
    if ext["extended_master_secret"] in codes and way.indicates:
        found.append((ext["extended_master_secret"], b""))
    offered = offered_alpn(hello)
    if offered and (way.alpn in offered or way.needs == "alpn"):
        found.append((ext["alpn"], vector(2, vector(1, way.alpn.encode()))))
    known = names.suites().get(suite)
    if known is not None and known.kx == "ECDHE" and ext["ec_point_formats"] in codes:
        found.append((ext["ec_point_formats"], b"\x01\x00"))
    return tuple(found)


def _exchange(way: Way, hello: ClientHello, suite: int) -> Exchange:
    known = names.suites().get(suite)
    if known is not None and known.kx == "RSA":
        return Exchange(b"")
    if known is not None and known.kx == "DHE":
        prime = PRIMES[way.dh_bits]
        secret = int.from_bytes(os.urandom(32), "big") | 1 << 255
        width = (way.dh_bits + 7) // 8
        public = pow(GENERATOR, secret, prime).to_bytes(width, "big")
        params = vector(2, prime.to_bytes(width, "big")) + vector(2, bytes([GENERATOR]))
        return Exchange(params + vector(2, public), dh_bits=way.dh_bits, secret=secret)
    offered = offered_numbers(hello, "supported_groups") or GROUPS
    group = way.group or next((g for g in GROUPS if g in offered), 0)
    if not group:
        raise Unfit("the client offers none of x25519, secp256r1, secp384r1")
    share = tls12.own_share(group)
    params = b"\x03" + group.to_bytes(2, "big") + vector(1, share.public)
    return Exchange(params, group=group, secret=share.private)


def _signed(way: Way, hello: ClientHello, ours: Ours, octets: bytes) -> bytes:
    if way.version != TLS12:
        return vector(2, tls12.sign_old(ours.key, octets))
    offered = offered_numbers(hello, "signature_algorithms") or ()
    wanted = SCHEMES[ours.kind]
    scheme = next((s for s in wanted if s in offered), wanted[-1])
    return scheme.to_bytes(2, "big") + vector(2, tls12.sign(ours.key, octets, scheme))


def _request(way: Way) -> bytes:
    schemes: Sequence[int] = ASKED_SCHEMES if way.version == TLS12 else ()
    listed = vector(2, b"".join(s.to_bytes(2, "big") for s in schemes)) if schemes else b""
    return vector(1, b"\x01\x40") + listed + vector(2, b"")


def digest(public: bytes) -> str:
    """Return a short digest of a public key, for telling keys apart."""
    return hashlib.sha256(public).hexdigest()[:32]
