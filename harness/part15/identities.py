"""The certificate and key that the harness shows: are they a pair, readable and in date (before anything is sent)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from part15.errors import Problem, TargetError
from part15.references import secret
from part15.target import Endpoint, Listener, Target
from part15.target_identity import Identity

if TYPE_CHECKING:
    from cryptography import x509

SOON = dt.timedelta(days=14)


@dataclass(frozen=True)
class Line:
    """One thing that was looked at: where, whether it is as it should be, and in words."""

    place: str
    sound: bool
    text: str


def identity_problems(target: Target) -> Iterator[Problem]:
    """Yield what is wrong with the identities we are to show; the ``identities`` are wrong on purpose."""
    points: dict[str, Endpoint | Listener] = {
        **{f"endpoints.{name}": point for name, point in target.endpoints.items()},
        **{f"listeners.{name}": point for name, point in target.listeners.items()},
    }
    for place, point in points.items():
        if point.identity is not None:
            yield from _problems(target, place, point.identity)
    for name, user in target.users.items():
        if user.identity is not None:
            yield from _problems(target, f"users.{name}", user.identity)


def _problems(target: Target, place: str, identity: Identity) -> Iterator[Problem]:
    line = examine_identity(f"{place}.identity", identity)
    if not line.sound:
        yield Problem(target.source, None, None, f"{line.place}: {line.text}")


def examine_identity(place: str, identity: Identity) -> Line:
    """Return what is to be said of the certificate and key that the harness shows."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    try:
        certificate_path, key_path = identity.paths()
        certificate = x509.load_pem_x509_certificate(Path(certificate_path).read_bytes())
    except TargetError as error:
        return Line(place, False, str(error))
    except (OSError, ValueError) as error:
        return Line(
            place,
            False,
            f"the certificate {identity.certificate} cannot be read ({error}); it must be PEM",
        )
    try:
        password = secret(identity.password).encode() if identity.password else None
        key = serialization.load_pem_private_key(Path(key_path).read_bytes(), password)
    except TargetError as error:
        return Line(place, False, str(error))
    except (OSError, ValueError, TypeError):
        return Line(
            place,
            False,
            "the private key cannot be read; it must be PEM, and its password by reference",
        )
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    der = serialization.Encoding.DER
    if key.public_key().public_bytes(der, spki) != certificate.public_key().public_bytes(der, spki):
        return Line(
            place,
            False,
            "the private key does not belong to the certificate; give the pair that does",
        )
    return validity(place, certificate)


def validity(place: str, certificate: x509.Certificate) -> Line:
    """Return whether *certificate* is in date."""
    now = dt.datetime.now(dt.UTC)
    ends, begins = certificate.not_valid_after_utc, certificate.not_valid_before_utc
    name = certificate.subject.rfc4514_string()
    if ends < now:
        return Line(place, False, f"the certificate {name} expired on {ends:%Y-%m-%d}; replace it")
    if begins > now:
        return Line(
            place,
            False,
            f"the certificate {name} is not valid before {begins:%Y-%m-%d}; check the clock",
        )
    if ends - now < SOON:
        return Line(
            place, True, f"the certificate {name} is valid, but expires soon, on {ends:%Y-%m-%d}"
        )
    return Line(place, True, f"the certificate {name} is valid until {ends:%Y-%m-%d}")
