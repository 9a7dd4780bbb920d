"""``part15 doctor``: can the target be reached, is it TLS, which certificate, and what is to be fixed first."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from part15.errors import TargetError, Trouble
from part15.evidence import Store
from part15.model import Stimulus
from part15.observations import NotReached
from part15.observations.session import AssociationSeen, UseSeen
from part15.session import Session
from part15.target import Endpoint, Identity, Target

SOON = dt.timedelta(days=14)


@dataclass(frozen=True)
class Line:
    """One thing that was looked at: where, whether it is as it should be, and in words."""

    place: str
    sound: bool
    text: str


def examine(target: Target) -> Iterator[Line]:
    """Yield what was found on every endpoint; sends one association at most to each."""
    if not target.endpoints and not target.listeners:
        yield Line("target", False, "has no [endpoints.…]; add one with an address")
    with tempfile.TemporaryDirectory(prefix="part15-doctor-") as folder:
        session = Session(target, Store(Path(folder)))
        for name, endpoint in target.endpoints.items():
            if endpoint.identity is not None:
                yield from examine_identity(f"{name}.identity", endpoint.identity)
            yield from _reach(session, name, endpoint)
    for name, listener in target.listeners.items():
        if listener.trigger is None:
            text = 'has no trigger; add trigger = ["./send-one", "{host}", "{port}"], or "ask"'
            yield Line(f"listeners.{name}", False, text)


def examine_identity(place: str, identity: Identity) -> Iterator[Line]:
    """Yield what is to be said of the certificate and key that the harness shows."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    try:
        certificate_path, key_path = identity.paths()
        certificate = x509.load_pem_x509_certificate(Path(certificate_path).read_bytes())
    except TargetError as error:
        yield Line(place, False, str(error))
        return
    except (OSError, ValueError) as error:
        yield Line(
            place,
            False,
            f"the certificate {identity.certificate} cannot be read ({error}); it must be PEM",
        )
        return
    try:
        password = identity.password.encode() or None
        key = serialization.load_pem_private_key(Path(key_path).read_bytes(), password)
    except (OSError, ValueError, TypeError):
        yield Line(
            place,
            False,
            "the private key cannot be read; it must be PEM, and its password by reference",
        )
        return
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    der = serialization.Encoding.DER
    if key.public_key().public_bytes(der, spki) != certificate.public_key().public_bytes(der, spki):
        yield Line(
            place,
            False,
            "the private key does not belong to the certificate; give the pair that does",
        )
        return
    yield _validity(place, certificate)


def _validity(place: str, certificate: object) -> Line:
    from cryptography import x509

    assert isinstance(certificate, x509.Certificate)
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


def _reach(session: Session, name: str, endpoint: Endpoint) -> Iterator[Line]:
    seen = session.observe(Stimulus("session.associate", {}, name))
    if isinstance(seen, (Trouble, NotReached)):
        yield Line(name, False, f"{seen.step}: {seen.why}")
        return
    assert isinstance(seen, AssociationSeen)
    yield from _told(name, endpoint, seen)
    use = session.observe(Stimulus("session.observe_use", {}, name))
    if isinstance(use, UseSeen):
        sound = use.state == "enforced" or endpoint.transport == "plain"
        setting = f" (the setting is {endpoint.setting})" if endpoint.setting and not sound else ""
        yield Line(name, sound, f"security is {use.state}: {use.why}{setting}")


def _told(name: str, endpoint: Endpoint, seen: AssociationSeen) -> Iterator[Line]:
    handshake = seen.handshake
    if handshake is not None:
        if handshake.completed:
            yield Line(name, True, f"speaks {handshake.version} with {handshake.suite}")
        else:
            why = handshake.why or handshake.ended
            yield Line(name, False, f"the TLS handshake failed: {why}")
        if handshake.certificate:
            from cryptography import x509

            try:
                yield _validity(
                    f"{name}.server", x509.load_der_x509_certificate(handshake.certificate)
                )
            except ValueError:
                yield Line(f"{name}.server", False, "the server's certificate cannot be parsed")
    if seen.outcome == "accepted":
        yield Line(name, True, f"accepted an association as {endpoint.ae_title}")
    elif seen.outcome == "rejected":
        text = f"rejected the association (result, source, reason {seen.reject}); is the AE title {endpoint.ae_title} right?"
        yield Line(name, False, text)
    else:
        yield Line(name, False, f"no association: {seen.outcome} {seen.why}".strip())
