"""How the session drivers connect: with the identity of the endpoint, or with others, between controls."""

from __future__ import annotations

import dataclasses
import ssl
import time
from pathlib import Path
from typing import Any

from part15.address import is_literal
from part15.bench import Bench
from part15.channel import tcp
from part15.channel.association import Line, associate, protect
from part15.channel.tls import Ended, Plain, client_context
from part15.drivers import wrong_identities
from part15.errors import TargetError, Trouble
from part15.observations import NotReached
from part15.observations.session import AssociationSeen
from part15.wire import pdu


@dataclasses.dataclass(frozen=True)
class Shown:
    """What we show as a client: certificate and key files, and how to speak."""

    certificate: str = ""
    key: str = ""
    password: str = ""
    maximum: str = ""
    minimum: str = ""
    alpn: tuple[str, ...] = ()
    ciphers: str = ""


def identity_of(bench: Bench) -> Shown:
    """Return the identity of the endpoint, or none.

    Raises Trouble("identity") if its files cannot be referred to.
    """
    found = bench.endpoint.identity
    return shown(bench, found, "identity") if found else Shown()


def shown(bench: Bench, identity: Any, label: str) -> Shown:
    """Return *identity* of the target as what we show; *label* is its key there."""
    from part15.references import secret

    try:
        certificate, key = identity.paths()
        password = secret(identity.password) if identity.password else ""
    except TargetError as error:
        raise Trouble("identity", f"endpoints.{bench.endpoint.id}.{label}: {error}") from None
    return Shown(certificate, key, password)


def context_for(bench: Bench, what: Shown, label: str = "identity") -> ssl.SSLContext:
    """Return a client context that shows *what*; raises Trouble("identity") if its files are unusable."""
    try:
        return client_context(**{f.name: getattr(what, f.name) for f in dataclasses.fields(what)})
    except (OSError, ssl.SSLError, ValueError) as error:
        raise Trouble(
            "identity", f"endpoints.{bench.endpoint.id}.{label}: {_unusable(what, error)}"
        ) from None


def _unusable(what: Shown, error: Exception) -> str:
    reason = str(getattr(error, "reason", "") or error)
    if "KEY_VALUES_MISMATCH" in reason:
        return f"the key {what.key} does not belong to the certificate {what.certificate}; give the pair"
    if isinstance(error, FileNotFoundError):
        return f"{what.certificate} or {what.key} is not there"
    if "password" in reason.lower() or "BAD_DECRYPT" in reason:
        return f'the key {what.key} needs another password; give it as password = "file:PATH"'
    return f"{what.certificate} and {what.key} are not a PEM certificate and key ({reason.lower().replace('_', ' ')})"


def expiry(path: str) -> str:
    """Return a sentence if the first certificate of the PEM file at *path* is not valid now, else nothing."""
    import datetime as dt

    from cryptography import x509

    try:
        leaf = x509.load_pem_x509_certificates(Path(path).read_bytes())[0]
    except (OSError, ValueError, IndexError):
        return ""
    now = dt.datetime.now(dt.UTC)
    if leaf.not_valid_after_utc < now:
        return (
            f"our certificate {path} expired on {leaf.not_valid_after_utc:%Y-%m-%d}; make a new one"
        )
    if leaf.not_valid_before_utc > now:
        return f"our certificate {path} is valid only from {leaf.not_valid_before_utc:%Y-%m-%d}"
    return ""


def server_name(bench: Bench) -> str | None:
    """Return the name to send in the ClientHello, None for an address without one."""
    point = bench.endpoint
    if point.server_name:
        return str(point.server_name)
    return None if is_literal(point.host) else str(point.host)


def open_plain(bench: Bench, source: str = "") -> Plain:
    """Return a TCP stream to the endpoint, from the address *source* if given; raises Trouble("connect")."""
    stream = tcp.connect(bench, source=source)
    return Plain(stream.socket, wire=stream.wire)


def open_iscl(bench: Bench) -> Line:
    """Return a line to the endpoint inside ISCL as its binding has it; the line says how it ended if it did not open."""
    from part15.channel import iscl

    if bench.endpoint.iscl is None or bench.endpoint.iscl.keys is None:
        line = Line(open_plain(bench))
        line.failed = Ended(
            "ours", f"give endpoints.{bench.endpoint.id}.iscl.keys, so that we can speak ISCL"
        )
        return line
    engine = iscl.engine_for(bench.endpoint, "client")
    made = tcp.connect(bench)
    stream = iscl.Iscl(made.socket, engine, made.wire)
    line = Line(stream)
    try:
        stream.handshake(bench.until())
    except Ended as ended:
        line.failed = ended
    return line


def open_line(
    bench: Bench, what: Shown, label: str = "identity", *, source: str = "", **options: Any
) -> Line:
    """Return a line to the endpoint: protected (or failed to be) where its transport is TLS, else plain.

    Raises Trouble("connect") and Trouble("identity").
    """
    if bench.endpoint.transport == "plain":
        return Line(open_plain(bench, source))
    if bench.endpoint.transport == "iscl":
        return open_iscl(bench)
    context = context_for(bench, what, label)
    return protect(
        open_plain(bench, source), context, bench.until(), name=server_name(bench), **options
    )


def request_for(bench: Bench) -> pdu.Associate:
    """Return the A-ASSOCIATE-RQ for the Verification SOP Class with the endpoint's AE titles."""
    return pdu.verification(bench.endpoint.ae_title, bench.endpoint.calling_ae_title)


def attempt(bench: Bench, what: Shown, label: str = "identity") -> AssociationSeen:
    """Try an association with a C-ECHO, showing *what*."""
    line = open_line(bench, what, label)
    return associate(line, request_for(bench), bench.until())


def _state(bench: Bench) -> dict[str, Any]:
    found: dict[str, Any] = bench.shelf.once(("session", bench.endpoint.id), dict)
    return found


PATIENCE = 10.0
"""Seconds within which a product must be well again after any stimulus (TLS-COMMON-handshake-failure-robustness)."""


def before(bench: Bench) -> AssociationSeen | NotReached:
    """Return the last control association of the endpoint, made now if there is none.

    NotReached with the likely cause if the endpoint refuses us: nothing it refuses after that would
    prove anything.
    """
    seen: AssociationSeen | None = _state(bench).get("control")
    if seen is None or (not seen.accepted and "accepted" in _state(bench)):
        seen = after(bench)
    return (
        seen if seen.accepted else NotReached("control association", refused_because(bench, seen))
    )


def after(bench: Bench) -> AssociationSeen:
    """Make a control association now; a dead port is a control that was not accepted.

    A product that serves one connection at a time may still be busy with the stimulus before: it has
    up to :data:`PATIENCE` seconds (and no more than five deadlines) to answer again.
    """
    until = time.monotonic() + min(PATIENCE, 5 * bench.deadline)
    seen = _control(bench)
    while seen.outcome == "silent" and "accepted" in _state(bench) and time.monotonic() < until:
        seen = _control(bench)
    if seen.accepted:
        _state(bench)["accepted"] = True
    return seen


def _control(bench: Bench) -> AssociationSeen:
    bench.note("control association with C-ECHO")
    try:
        seen = attempt(bench, identity_of(bench))
    except Trouble as trouble:
        if trouble.step != "connect" or "control" not in _state(bench):
            raise
        seen = AssociationSeen("closed", why=trouble.why)
    _state(bench)["control"] = seen
    return seen


def refused_because(bench: Bench, seen: AssociationSeen) -> str:
    """Return why a control association was not accepted, and what to do."""
    point = bench.endpoint
    ours = point.identity.certificate if point.identity else ""
    stale = expiry(ours) if ours else ""
    shake = seen.handshake
    if stale:
        return f"{stale} (endpoints.{point.id}.identity)"
    if seen.outcome == "rejected":
        return (
            f"the A-ASSOCIATE-RQ for '{point.ae_title}' from '{point.calling_ae_title}' was rejected {seen.reject}; "
            f"set endpoints.{point.id}.ae_title and calling_ae_title as the product knows them"
        )
    if seen.outcome == "garbage" and point.transport == "tls" and not (shake and shake.completed):
        return f'{point.address} does not answer with TLS ({seen.why}); set transport = "plain" or use its TLS port'
    if point.transport == "tls" and not (shake and shake.version) and _is_early(seen):
        return (
            f"{point.address} answers a ClientHello with nothing ({_words(seen)}); switch TLS on in the "
            'product, use its TLS port, or set transport = "plain" if it is a plain one'
        )
    if shake and shake.requested and not ours:
        return f"the product asks for a client certificate; give endpoints.{point.id}.identity, issued by a CA that it trusts"
    if shake and shake.completed and seen.outcome in ("silent", "closed", "garbage"):
        return (
            f"the TLS handshake was completed with our certificate {ours}, but no A-ASSOCIATE-AC came "
            f"({_words(seen)}): the product did not accept our certificate, which in TLS 1.3 shows only "
            "now, or there is no DICOM service behind the port"
        )
    if shake and shake.requested:
        return (
            f"the product did not accept our certificate {ours} ({_words(seen)}); "
            "issue it by a CA that the product trusts, or enter that CA there"
        )
    return f"no association with '{point.ae_title}' at {point.address}: {_words(seen)}"


def _is_early(seen: AssociationSeen) -> bool:
    """Tell whether the connection ended without a word of TLS from the other side."""
    shake = seen.handshake
    silent = seen.outcome in ("closed", "reset", "silent")
    return silent and not (shake and (shake.completed or shake.requested))


def _words(seen: AssociationSeen) -> str:
    return f"{seen.outcome}: {seen.why}" if seen.why else seen.outcome


def made_identity(bench: Bench, kind: str) -> Shown | None:
    """Return an identity that we can make ourselves, since it needs no CA that the product trusts."""
    if kind == "none":
        return Shown()
    found = wrong_identities.make(bench.scratch / "pki", kind)
    return Shown(*found) if found else None


def own_attempt(bench: Bench, kind: str) -> AssociationSeen:
    """Try an association in our own TLS 1.2 with the endpoint's identity changed as *kind* says, or as it is."""
    from part15.channel.tls12_line import own_line
    from part15.wire import tls12
    from part15.wire.tls_hello import Offer

    offer = Offer(
        ("1.2",), (*tls12.SUITES, *tls12.DHE), groups=tls12.GROUPS, server_name=server_name(bench) or "",
        alpn=("dicom",),
    )  # fmt: skip
    line = own_line(tcp.connect(bench), offer, _changed(bench, kind))
    return associate(line, request_for(bench), bench.until())


def _changed(bench: Bench, kind: str) -> Any:
    """Return the endpoint's identity as our own TLS shows it, changed as *kind* says."""
    from part15.channel.tls12 import Shows

    mine = identity_of(bench)
    try:
        right = Shows.of(mine.certificate, mine.key, mine.password)
    except (OSError, ValueError, TypeError) as error:
        raise Trouble("identity", f"endpoints.{bench.endpoint.id}.identity: {error}") from None
    if kind not in wrong_identities.DERIVED:
        return right
    return Shows(*wrong_identities.derive(right.chain, right.key, kind))
