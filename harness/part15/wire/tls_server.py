"""What a server says before the handshake is encrypted: ServerHello, Certificate, ServerKeyExchange and so on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from part15.wire import tls_names as names
from part15.wire.tls_hello import parse_extensions
from part15.wire.tls_octets import Cursor, Malformed, numbers, vector
from part15.wire.tls_records import HANDSHAKE, encode_message, encode_records

SERVER_HELLO, NEW_SESSION_TICKET, CERTIFICATE, SERVER_KEY_EXCHANGE = 2, 4, 11, 12
CERTIFICATE_REQUEST, SERVER_HELLO_DONE, CERTIFICATE_STATUS = 13, 14, 22

# SHA-256 of "HelloRetryRequest" (RFC 8446 section 4.1.3).
RETRY_RANDOM = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
SENTINELS = {b"DOWNGRD\x01": "1.2", b"DOWNGRD\x00": "1.1"}
MAX_CERTIFICATES = 32


@dataclass(frozen=True)
class ServerHello:
    """A ServerHello; *selected* is the version that counts, *retry* marks a HelloRetryRequest."""

    version: int
    random: bytes
    session_id: bytes
    suite: int
    compression: int
    extensions: tuple[tuple[int, bytes], ...] = ()

    @property
    def retry(self) -> bool:
        """A HelloRetryRequest: a choice of version and suite, and a wish for another key share."""
        return self.random == RETRY_RANDOM

    @property
    def selected(self) -> int:
        """The negotiated version: supported_versions if present, else the version field."""
        content = self.extension("supported_versions")
        return int.from_bytes(content, "big") if content and len(content) == 2 else self.version

    @property
    def sentinel(self) -> str:
        """``1.2`` or ``1.1`` if the random ends with a downgrade sentinel of RFC 8446 4.1.3, else nothing."""
        return SENTINELS.get(self.random[-8:], "")

    def extension(self, name: str) -> bytes | None:
        """Return the content of the named extension, or None if it is absent."""
        code = names.EXTENSIONS[name]
        return next((data for found, data in self.extensions if found == code), None)

    @property
    def alpn(self) -> str | None:
        """The protocol selected in a TLS 1.2 ServerHello, or None."""
        content = self.extension("alpn")
        if content is None:
            return None
        try:
            return Cursor(Cursor(content).vector(2)).vector(1).decode("latin-1")
        except Malformed:
            return ""

    @property
    def group(self) -> int | None:
        """The group of a TLS 1.3 key_share, or None."""
        content = self.extension("key_share")
        return int.from_bytes(content[:2], "big") if content and len(content) >= 2 else None


def parse_server_hello(body: bytes) -> ServerHello:
    """Return the ServerHello in *body*; raises Malformed for anything else."""
    cursor = Cursor(body)
    version, random, session_id = cursor.number(2), cursor.take(32), cursor.vector(1)
    suite, compression = cursor.number(2), cursor.number(1)
    extensions = parse_extensions(cursor.vector(2)) if cursor.left else ()
    cursor.end("ServerHello")
    return ServerHello(version, random, session_id, suite, compression, extensions)


def encode_hello_body(hello: ServerHello) -> bytes:
    """Return the body of the ServerHello message."""
    block = b"".join(code.to_bytes(2, "big") + vector(2, data) for code, data in hello.extensions)
    return (
        hello.version.to_bytes(2, "big")
        + hello.random
        + vector(1, hello.session_id)
        + hello.suite.to_bytes(2, "big")
        + bytes([hello.compression])
        + (vector(2, block) if hello.extensions else b"")
    )


def encode_server_hello(hello: ServerHello, record_version: int = 0x0303) -> bytes:
    """Return the records of *hello*: what a scripted peer answers with."""
    message = encode_message(SERVER_HELLO, encode_hello_body(hello))
    return encode_records(HANDSHAKE, message, record_version)


def parse_certificates(body: bytes) -> tuple[bytes, ...]:
    """Return the DER certificates of a Certificate message of TLS 1.2 or earlier, leaf first."""
    cursor = Cursor(body)
    chain, found = Cursor(cursor.vector(3)), []
    cursor.end("Certificate message")
    while chain.left:
        found.append(chain.vector(3))
        if len(found) > MAX_CERTIFICATES:
            raise Malformed(f"more than {MAX_CERTIFICATES} certificates in one chain")
    return tuple(found)


@dataclass(frozen=True)
class KeyExchange:
    """A ServerKeyExchange: finite-field size, or curve, signature scheme (TLS 1.2), digest of the public key."""

    dh_bits: int | None = None
    group: int | None = None
    scheme: int | None = None
    public: str = ""


def parse_key_exchange(body: bytes, kx: str, version: int, *, signed: bool = True) -> KeyExchange:
    """Return the ServerKeyExchange of a suite with key exchange *kx* (``DHE`` or ``ECDHE``).

    *signed* is False for anonymous suites, which carry no signature. Raises Malformed for anything
    else; an explicit curve has *group* None.
    """
    cursor = Cursor(body)
    if kx == "DHE":
        prime, _, public = cursor.vector(2), cursor.vector(2), cursor.vector(2)
        found = KeyExchange(dh_bits=int.from_bytes(prime, "big").bit_length())
    elif kx == "ECDHE":
        if cursor.number(1) != 3:
            return KeyExchange()
        group, public = cursor.number(2), cursor.vector(1)
        found = KeyExchange(group=group)
    else:
        return KeyExchange()
    scheme = cursor.number(2) if version == 0x0303 and signed else None
    digest = hashlib.sha256(public).hexdigest()[:32]
    return KeyExchange(found.dh_bits, found.group, scheme, digest)


@dataclass(frozen=True)
class CertificateRequest:
    """A CertificateRequest of TLS 1.2 or earlier: certificate types, schemes, how many CA names."""

    types: tuple[int, ...]
    schemes: tuple[int, ...]
    authorities: int


def parse_certificate_request(body: bytes, version: int) -> CertificateRequest:
    """Return the CertificateRequest in *body*; raises Malformed for anything else."""
    cursor = Cursor(body)
    types = tuple(cursor.vector(1))
    schemes = numbers(cursor.vector(2), "signature schemes") if version == 0x0303 else ()
    authorities, count = Cursor(cursor.vector(2)), 0
    while authorities.left:
        authorities.vector(2)
        count += 1
    cursor.end("CertificateRequest")
    return CertificateRequest(types, schemes, count)


@dataclass(frozen=True)
class SessionTicket:
    """A NewSessionTicket of TLS 1.2: lifetime hint in seconds, length of the ticket."""

    lifetime: int
    length: int


def parse_session_ticket(body: bytes) -> SessionTicket:
    """Return the NewSessionTicket of TLS 1.2 in *body*; raises Malformed for anything else."""
    cursor = Cursor(body)
    lifetime, ticket = cursor.number(4), cursor.vector(2)
    cursor.end("NewSessionTicket")
    return SessionTicket(lifetime, len(ticket))
