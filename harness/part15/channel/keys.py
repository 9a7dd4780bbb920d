"""Keys, passwords and anchors that a user gives to ``part15 inspect``; read once, never printed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from part15.errors import TargetError
from part15.wire.cms_opening import Opener, PasswordOpener, RsaOpener
from part15.wire.cms_trust import Trust

MAX_FILE = 10 << 20


def _octets(path: Path, what: str) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE:
            raise TargetError(f"the {what} {path} is larger than {MAX_FILE} octets")
        return path.read_bytes()
    except OSError as error:
        raise TargetError(f"the {what} {path} cannot be read: {error.strerror or error}") from error


def certificates_of(path: Path) -> list[Any]:
    """Return the certificates in *path*, PEM (one or more) or DER.

    Raises TargetError if there is none.
    """
    from cryptography import x509

    data = _octets(path, "certificate")
    try:
        if b"-----BEGIN" in data:
            return list(x509.load_pem_x509_certificates(data))
        return [x509.load_der_x509_certificate(data)]
    except ValueError as error:
        raise TargetError(f"{path} holds no certificate (PEM or DER): {error}") from error


def _crl(path: Path) -> Any:
    from cryptography import x509

    data = _octets(path, "CRL")
    try:
        if b"-----BEGIN" in data:
            return x509.load_pem_x509_crl(data)
        return x509.load_der_x509_crl(data)
    except ValueError as error:
        raise TargetError(f"{path} holds no CRL (PEM or DER): {error}") from error


def trust_of(
    anchors: Sequence[Path],
    intermediates: Sequence[Path],
    crls: Sequence[Path],
    at: dt.datetime | None = None,
) -> Trust:
    """Return what signers are judged against.

    Raises TargetError for a file that holds no certificate or CRL.
    """
    return Trust(
        tuple(c for p in anchors for c in certificates_of(p)),
        tuple(c for p in intermediates for c in certificates_of(p)),
        tuple(_crl(p) for p in crls),
        at,
    )


def openers_of(
    key: Path | None, certificate: Path | None, password_file: Path | None
) -> tuple[Opener, ...]:
    """Return what opens envelopes: an RSA key with its certificate, and the password in a file.

    One line feed at the end of the password file is not part of the password.
    Raises TargetError for what cannot be used.
    """
    found: list[Opener] = []
    if certificate is not None and key is None:
        raise TargetError("--cert needs --key: a certificate alone opens nothing")
    if key is not None:
        found.append(_rsa(key, certificate))
    if password_file is not None:
        octets = _octets(password_file, "password file")
        octets = octets.removesuffix(b"\n").removesuffix(b"\r")
        if not octets:
            raise TargetError(f"the password file {password_file} is empty")
        found.append(PasswordOpener(octets))
    return tuple(found)


def _rsa(key: Path, certificate: Path | None) -> RsaOpener:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    data = _octets(key, "key")
    try:
        if b"-----BEGIN" in data:
            loaded = serialization.load_pem_private_key(data, None)
        else:
            loaded = serialization.load_der_private_key(data, None)
    except TypeError as error:
        raise TargetError(f"the key {key} is encrypted; give it without a pass phrase") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise TargetError(f"{key} holds no private key that can be used") from error
    if not isinstance(loaded, RSAPrivateKey):
        raise TargetError(f"{key} is no RSA key; D.1 transports keys with RSA only")
    if certificate is None:
        return RsaOpener(loaded)
    from cryptography.hazmat.primitives.serialization import Encoding

    named = certificates_of(certificate)[0]
    if named.public_key() != loaded.public_key():
        raise TargetError(f"the certificate {certificate} does not belong to the key {key}")
    return RsaOpener.of(loaded, named.public_bytes(Encoding.DER))
