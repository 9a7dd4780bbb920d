"""What a client says of itself in a handshake, decrypted: its Certificate and CertificateVerify messages."""

from __future__ import annotations

from collections.abc import Sequence

from part15.wire.tls_octets import Cursor, Malformed
from part15.wire.tls_server import MAX_CERTIFICATES, parse_certificates

CERTIFICATE_VERIFY = 15
HEAD = 4
"""Octets of type and length in front of a handshake message."""


def certificates(messages: Sequence[bytes], version: str) -> tuple[bytes, ...]:
    """Return the DER certificates of the first of *messages* (with their heads), leaf first.

    *version* is the library's name; TLS 1.3 has extensions behind each. Nothing if there are none or
    they cannot be read.
    """
    if not messages:
        return ()
    body = messages[0][HEAD:]
    try:
        return _with_extensions(body) if version == "TLSv1.3" else parse_certificates(body)
    except Malformed:
        return ()


def _with_extensions(body: bytes) -> tuple[bytes, ...]:
    cursor = Cursor(body)
    found: list[bytes] = []
    cursor.vector(1)
    listed = Cursor(cursor.vector(3))
    while listed.left and len(found) < MAX_CERTIFICATES:
        found.append(listed.vector(3))
        listed.vector(2)
    return tuple(found)


def verify_scheme(messages: Sequence[tuple[int, bytes]], version: str) -> int | None:
    """Return the signature scheme of the CertificateVerify among *messages*; none before TLS 1.2."""
    if version not in ("TLSv1.2", "TLSv1.3"):
        return None
    found = next((octets for kind, octets in messages if kind == CERTIFICATE_VERIFY), b"")
    body = found[HEAD:]
    return int.from_bytes(body[:2], "big") if len(body) > 2 else None
