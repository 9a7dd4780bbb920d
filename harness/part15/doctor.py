"""``part15 doctor``: can the target be reached, is it TLS, which certificate, and what is to be fixed first."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from part15.channel.trigger import ASK, filled
from part15.errors import Trouble
from part15.evidence import Store
from part15.identities import Line, examine_identity, validity
from part15.model import Stimulus
from part15.observations import NotReached
from part15.observations.session import AssociationSeen, UseSeen
from part15.session import Session
from part15.target import Endpoint, Listener, Target

if TYPE_CHECKING:
    from cryptography import x509


def examine(target: Target) -> Iterator[Line]:
    """Yield what was found on every endpoint; sends one association at most to each."""
    if not target.endpoints and not target.listeners:
        yield Line("target", False, "has no [endpoints.…]; add one with an address")
    with tempfile.TemporaryDirectory(prefix="part15-doctor-") as folder:
        session = Session(target, Store(Path(folder)))
        for name, endpoint in target.endpoints.items():
            if endpoint.identity is not None:
                mine = examine_identity(f"{name}.identity", endpoint.identity)
                yield mine
                if not mine.sound:
                    continue
            yield from _reach(session, name, endpoint)
    for name, listener in target.listeners.items():
        if listener.trigger is None:
            text = 'has no trigger; add trigger = ["./send-one", "{host}", "{port}"], or "ask"'
            yield Line(f"listeners.{name}", False, text)
        elif listener.trigger != ASK:
            yield _trigger(f"listeners.{name}.trigger", target, listener)


def _trigger(place: str, target: Target, listener: Listener) -> Line:
    """Tell which program the trigger of *listener* starts; nothing is started."""
    name = next(iter(filled(listener.trigger or "", {})), "")
    inside = target.folder / name
    found = shutil.which(str(inside)) if "/" in name else shutil.which(name)
    if found is None:
        return Line(
            place, False, f"there is no program '{name}'; a relative path is from the target"
        )
    return Line(place, True, f"starts {found}")


def _reach(session: Session, name: str, endpoint: Endpoint) -> Iterator[Line]:
    seen = session.observe(Stimulus("session.associate", {}, name))
    if isinstance(seen, (Trouble, NotReached)):
        yield Line(name, False, f"{seen.step}: {seen.why}")
    if isinstance(seen, Trouble):
        return
    if isinstance(seen, AssociationSeen):
        yield from _told(name, endpoint, seen)
    use = session.observe(Stimulus("session.observe_use", {}, name))
    if isinstance(use, UseSeen):
        sound = use.state in ("enforced", "absent" if endpoint.transport == "plain" else "enforced")
        setting = f" (the setting is {endpoint.setting})" if endpoint.setting and not sound else ""
        yield Line(name, sound, f"security is {use.state}: {use.why}{setting}")


def trusted(place: str, path: str, certificate: x509.Certificate) -> Line:
    """Return whether a CA in the PEM file *path* issued *certificate*, or *path* holds it itself."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    try:
        held = x509.load_pem_x509_certificates(Path(path).read_bytes())
    except (OSError, ValueError):
        return Line(place, False, f"{path} holds no certificate in PEM; give the CA of the product")
    for authority in held:
        if authority == certificate:
            return Line(place, True, "holds the certificate of the server itself")
        try:
            certificate.verify_directly_issued_by(authority)
        except (ValueError, TypeError, InvalidSignature):
            continue
        return Line(
            place, True, f"holds {authority.subject.rfc4514_string()}, which issued the certificate"
        )
    issuer = certificate.issuer.rfc4514_string()
    return Line(
        place,
        False,
        f"the server's certificate was issued by {issuer}, which is not in {path}; give the CA "
        "certificate of the product, and any intermediate one",
    )


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
                certificate = x509.load_der_x509_certificate(handshake.certificate)
                yield validity(f"{name}.server", certificate)
                if endpoint.trust:
                    yield trusted(f"{name}.trust", endpoint.trust, certificate)
            except ValueError:
                yield Line(f"{name}.server", False, "the server's certificate cannot be parsed")
    if seen.outcome == "accepted":
        yield Line(name, True, f"accepted an association as {endpoint.ae_title}")
    elif seen.outcome == "rejected":
        text = f"rejected the association (result, source, reason {seen.reject}); is the AE title {endpoint.ae_title} right?"
        yield Line(name, False, text)
    else:
        yield Line(name, False, f"no association: {seen.outcome} {seen.why}".strip())
