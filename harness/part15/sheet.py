"""The sheet for a partner: our ports, AE titles, CA and certificates, and how often to connect; no private key.

Only certificates are read, and of each file only its certificates: a key beside them stays where it is.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from part15 import load
from part15.address import is_loopback
from part15.model import Plan
from part15.plan import build_plan
from part15.registry import drivers
from part15.session_people import agenda_of
from part15.target import Endpoint, Listener, Target
from part15.target_identity import Identity

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
MAX_FILE = 1 << 20
ASK = "ask"


@dataclass(frozen=True)
class Shown:
    """One certificate as the partner needs it: who it is for, who issued it, how to recognise it, and its PEM."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    valid: str
    fingerprint: str
    pem: str


@dataclass(frozen=True)
class Place:
    """A port, and what the partner must know of it."""

    name: str
    address: str
    transport: str
    ours: str
    theirs: str
    claims: tuple[str, ...]
    certificate: Shown | None
    wrong: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class Sheet:
    """All that is printed for the partner of *product*."""

    product: str
    day: dt.date
    connect: list[Place] = field(default_factory=list)
    """Where the partner connects to us."""
    serve: list[Place] = field(default_factory=list)
    """Where we connect to the partner."""
    authorities: list[Shown] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    groups: list[tuple[int, str, str]] = field(default_factory=list)


def sheet_of(target: Target, day: dt.date) -> Sheet:
    """Return the sheet of *target*. Raises TargetError or ContentError for claims that cannot be."""
    plan = build_plan(target, load.load_profiles(), load.load_roles())
    sheet = Sheet(f"{target.name} {target.target.version}".strip(), day)
    chains: list[list[x509.Certificate]] = []
    folders: set[Path] = set()
    for name, listener in target.listeners.items():
        chains.append(_chain(listener.identity, folders))
        sheet.connect.append(_listener(plan, name, listener, chains[-1]))
    for name, endpoint in target.endpoints.items():
        chains.append(_chain(endpoint.identity, folders))
        sheet.serve.append(_endpoint(plan, name, endpoint, chains[-1]))
    known = [c for folder in sorted(folders) for c in _authorities(folder)]
    roots = {}
    for chain in filter(None, chains):
        root = _root(chain, known)
        if root is None:
            sheet.missing.append(chain[-1].issuer.rfc4514_string())
        else:
            roots[root.fingerprint(SHA256())] = root
    sheet.authorities = [_shown(c) for c in roots.values()]
    sheet.missing = sorted(set(sheet.missing))
    stimuli = {
        c.stimulus.key: c.stimulus for c in plan.cases if c.stimulus is not None and not c.settled
    }
    asked = [s for s in stimuli.values() if drivers()[s.kind].at == "listener"]
    by_hand = agenda_of(_by_hand(target), asked)
    sheet.groups = [(g.count, g.place, g.why) for g in by_hand.groups]
    return sheet


def _by_hand(target: Target) -> Target:
    """Return *target* as if a person made every connection, so that the connections are counted."""
    listeners = {n: p.model_copy(update={"trigger": ASK}) for n, p in target.listeners.items()}
    return target.model_copy(update={"listeners": listeners})


def _claims(plan: Plan, name: str) -> tuple[str, ...]:
    """Return the claims that are tested at the place *name*."""
    own = (c for c in plan.cases if c.stimulus is not None and c.stimulus.endpoint == name)
    return tuple(dict.fromkeys(f"{c.claim} as {c.role}, {c.edition}" for c in own))


def _listener(plan: Plan, name: str, listener: Listener, chain: list[x509.Certificate]) -> Place:
    notes = []
    if not listener.port:
        notes.append("The port is told at each connection; set listeners.port to have a fixed one.")
    if is_loopback(listener.host):
        notes.append("This address is reached from this machine only; set listeners.host.")
    if listener.transport == "tls" and not chain:
        notes.append("No server certificate is set yet (listeners.identity).")
    return Place(
        name,
        f"{listener.host}, port {listener.port or 'told then'}",
        listener.transport,
        listener.ae_title,
        "any",
        _claims(plan, name),
        _shown(chain[0]) if chain else None,
        tuple(sorted(listener.identities)),
        tuple(notes),
    )


def _endpoint(plan: Plan, name: str, endpoint: Endpoint, chain: list[x509.Certificate]) -> Place:
    notes = []
    if endpoint.transport == "tls" and not chain:
        notes.append("We have no client certificate yet (endpoints.identity).")
    return Place(
        name,
        endpoint.address,
        endpoint.transport,
        endpoint.calling_ae_title,
        endpoint.ae_title,
        _claims(plan, name),
        _shown(chain[0]) if chain else None,
        tuple(sorted(endpoint.identities)),
        tuple(notes),
    )


def _chain(identity: Identity | None, folders: set[Path]) -> list[x509.Certificate]:
    """Return the certificates of *identity*, leaf first, empty if they cannot be read."""
    if identity is None:
        return []
    path = Path(identity.certificate)
    folders.add(path.parent)
    return list(_certificates(path))


def _certificates(path: Path) -> Iterator[x509.Certificate]:
    """Yield the certificates in the PEM file *path*; keys and what cannot be read are passed over."""
    try:
        if path.stat().st_size > MAX_FILE:
            return
        octets = path.read_bytes()
    except OSError:
        return
    for pem in _PEM.findall(octets):
        try:
            yield x509.load_pem_x509_certificate(pem)
        except ValueError:
            continue


def _authorities(folder: Path) -> Iterator[x509.Certificate]:
    """Yield the CA certificates that lie in *folder*, beside ours."""
    for path in sorted((*folder.glob("*.pem"), *folder.glob("*.crt"))):
        for certificate in _certificates(path):
            try:
                basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
            except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
                continue
            if basic.ca:
                yield certificate


def _root(
    chain: list[x509.Certificate], known: Iterable[x509.Certificate]
) -> x509.Certificate | None:
    """Return the CA at the end of *chain*: its last certificate if that is one, else one of *known* that signed it."""
    last = chain[-1]
    for authority in (last, *known):
        try:
            last.verify_directly_issued_by(authority)
        except (ValueError, TypeError, InvalidSignature):
            continue
        return authority
    return None


def _shown(certificate: x509.Certificate) -> Shown:
    try:
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = tuple(str(n.value) for n in held if isinstance(n, (x509.DNSName, x509.IPAddress)))
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        names = ()
    digest = certificate.fingerprint(SHA256()).hex().upper()
    return Shown(
        certificate.subject.rfc4514_string(),
        certificate.issuer.rfc4514_string(),
        names,
        f"{certificate.not_valid_before_utc:%Y-%m-%d} to {certificate.not_valid_after_utc:%Y-%m-%d}",
        ":".join(digest[n : n + 2] for n in range(0, len(digest), 2)),
        certificate.public_bytes(Encoding.PEM).decode().strip(),
    )
