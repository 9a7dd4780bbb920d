"""How the product is served: which certificate we show, on which TLS, and which of its connections counts."""

from __future__ import annotations

import queue
import ssl
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from part15.bench import Bench
from part15.channel.acceptor import Acceptor, Protect
from part15.channel.association import Line
from part15.channel.people import gave_up
from part15.channel.tls import Ended, Plain
from part15.channel.tls12_server import OwnServer
from part15.channel.trigger import acting, unreached
from part15.drivers import wrong_identities
from part15.errors import TargetError, Trouble
from part15.observations import NotReached
from part15.wire.tls12_answers import WAYS, Ours, Way

RIGHT = "right"
OWN = (*wrong_identities.DERIVED, "p_192", "p_224")
"""Kinds that no TLS library shows for us; our own TLS 1.2 does."""
EVERYTHING = "ALL:eNULL:!aNULL:!PSK:!SRP:@SECLEVEL=0"
"""Every suite with a certificate that the library has."""
LATE = 3.0
"""Seconds for which a connection is waited for after its trigger ended well."""
ENDED = 0.03
"""The same for one that was being served when the trigger ended."""
Connection = TypeVar("Connection")


def files_of(bench: Bench, kind: str) -> tuple[str, str] | NotReached:
    """Return the PEM files of the certificate of *kind* and its key; raises Trouble("identity")."""
    listener = bench.endpoint
    given = listener.identity if kind == RIGHT else listener.identities.get(kind)
    try:
        if given is not None:
            found: tuple[str, str] = given.paths()
            return found
    except TargetError as error:
        raise Trouble("identity", f"listeners.{listener.id}: {error}") from None
    made = wrong_identities.make(bench.scratch / kind, kind)
    if made is None:
        key = "identity" if kind == RIGHT else f"identities.{kind}"
        return NotReached(
            "identity", f"give listeners.{listener.id}.{key}: certificate and key in PEM"
        )
    return made


def server_context(bench: Bench, certificate: str, key: str) -> ssl.SSLContext:
    """Return a server context that takes what comes: old versions, weak keys, any client certificate of *trust*."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # a client of old versions is served too
        made.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    try:
        made.set_ciphers(EVERYTHING)
        made.load_cert_chain(certificate, key, password="")
        if bench.endpoint.trust:
            made.load_verify_locations(bench.endpoint.trust)
            made.verify_mode = ssl.CERT_OPTIONAL
    except (OSError, ssl.SSLError, ValueError) as error:
        why = f"listeners.{bench.endpoint.id}: {certificate} and {key} cannot be used ({error})"
        raise Trouble("identity", why) from None
    made.set_alpn_protocols(["dicom"])
    return made


def ours(bench: Bench, kind: str) -> Ours | NotReached:
    """Return the certificate of *kind* as our own TLS shows it; raises Trouble("identity").

    The kinds that can be derived are made from the right one, if the target gives none.
    """
    derived = kind in wrong_identities.DERIVED and kind not in bench.endpoint.identities
    found = files_of(bench, RIGHT if derived else kind)
    if isinstance(found, NotReached):
        return found
    right = _loaded(bench, *found)
    if not derived:
        return right
    return Ours(*wrong_identities.derive(right.chain, right.key, kind))


def _loaded(bench: Bench, certificate: str, key: str) -> Ours:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        text = Path(certificate).read_text(encoding="ascii")
        parts = [p for p in text.split("-----BEGIN CERTIFICATE-----") if "-----END" in p]
        chain = [ssl.PEM_cert_to_DER_cert(f"-----BEGIN CERTIFICATE-----{p}".strip()) for p in parts]
        return Ours(tuple(chain), load_pem_private_key(Path(key).read_bytes(), None))
    except (OSError, ValueError, TypeError) as error:
        why = f"listeners.{bench.endpoint.id}: {certificate} and {key} cannot be used ({error})"
        raise Trouble("identity", why) from None


def own_tls(way: Way, shown: Ours) -> Protect:
    """Return what serves a handshake of our own: in *way*, showing *shown*."""

    def protect(plain: Plain, until: float) -> Line:
        server = OwnServer(plain.sock, way, shown, plain.wire)
        line = Line(server)
        try:
            server.handshake(until)
        except Ended as ended:
            line.failed = ended
        return line

    return protect


def with_certificate(
    bench: Bench,
    kind: str,
    serve_one: Callable[[Line], Connection],
    *,
    far: Callable[[Connection], bool],
) -> Connection | NotReached:
    """Have the product connect while we show the certificate of *kind*; see :func:`connected`.

    A listener without TLS shows none.
    """
    if bench.endpoint.transport == "plain":
        return connected(bench, serve_one, far=far)
    if kind in OWN:
        return with_own_tls(bench, kind, serve_one, far=far)
    bench.note(f"listening with a server certificate of kind '{kind}'")
    found = files_of(bench, kind)
    if isinstance(found, NotReached):
        return found
    server_context(bench, *found)
    return connected(bench, serve_one, make=lambda: server_context(bench, *found), far=far)


def with_own_tls(
    bench: Bench,
    kind: str,
    serve_one: Callable[[Line], Connection],
    *,
    far: Callable[[Connection], bool],
) -> Connection | NotReached:
    """Do the same in a TLS 1.2 of our own, which refuses nothing that the product shows."""
    bench.note(f"listening with a server certificate of kind '{kind}' in our own TLS 1.2")
    shown = ours(bench, kind)
    if isinstance(shown, NotReached):
        return shown
    return connected(bench, serve_one, protect=own_tls(WAYS[RIGHT], shown), far=far)


def connected(
    bench: Bench,
    serve_one: Callable[[Line], Connection],
    *,
    protect: Protect | None = None,
    make: Callable[[], ssl.SSLContext | None] = lambda: None,
    far: Callable[[Connection], bool],
) -> Connection | NotReached:
    """Have the product connect; return what *serve_one* made of the connection that got *far*.

    *protect* or *make* (a TLS context) serve its handshake.
    """
    listener = bench.endpoint
    found: queue.Queue[Connection] = queue.Queue()

    def serve(line: Line) -> None:
        found.put(serve_one(line))

    with Acceptor(
        listener.host, listener.port, make, serve, recorder=bench.recorder, protect=protect
    ) as own:
        slots = {"host": own.host, "port": str(own.port), "aet": listener.ae_title, "file": ""}
        folder = getattr(bench.target, "folder", bench.scratch)
        with acting(
            listener.trigger,
            folder=folder,
            slots=slots,
            what="open an association",
            wait=listener.wait,
        ) as process:
            return _waited(found, listener.wait, process, own.address, far)


def _waited(
    found: queue.Queue[Connection],
    wait: float,
    process: Any,
    address: str,
    far: Callable[[Connection], bool],
) -> Connection | NotReached:
    """Return the connection that got furthest until the product has ended, or the wait is over.

    A trigger that ended well may have told a service to connect: it gets :data:`LATE` seconds more.
    """
    until, late = time.monotonic() + wait, False
    best: Connection | None = None
    while time.monotonic() < until:
        code = None if process is None else process.poll()
        if code == 0:
            until = min(until, time.monotonic() + LATE) if not late else until
            late = True
        try:
            seen = found.get(timeout=0.1 if code is None else ENDED)
        except queue.Empty:
            if best is not None or code or gave_up():
                break
            continue
        if best is None or far(seen):
            best = seen
        if far(best):
            break
    return best or NotReached("trigger", unreached(process, address, wait))
