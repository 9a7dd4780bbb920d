"""Stimuli for TLS clients with a completed handshake: the product connects, we show a server certificate."""

from __future__ import annotations

import queue
import ssl
import time
from collections.abc import Sequence
from typing import Any

from part15.bench import Bench
from part15.channel.acceptor import Acceptor
from part15.channel.association import Conversation, Line
from part15.channel.tls import Ended
from part15.channel.trigger import acting
from part15.errors import TargetError, Trouble
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.session import Served, ServedSeen
from part15.registry import driver
from part15.wire import dimse, pdu

KINDS = ("wrong_name", "unknown_ca", "self_signed", "expired", "future", "wrong_usage", "revoked")
"""The kinds of server certificate that are shown by default, beside the right one."""
MAX_MESSAGES = 64
RIGHT = "right"


@driver(Impact.ASSOCIATE, at="listener")
def present(bench: Bench, *, kinds: Sequence[str] = KINDS) -> ServedSeen | NotReached:
    """Let the product connect once per server certificate: the right one first and last, then *kinds*.

    The right one is ``listeners.ID.identity``; the others stand in ``listeners.ID.identities``.
    ``unknown_ca`` and ``self_signed`` are made here if they are not given.
    """
    right = _shown(bench, RIGHT)
    if isinstance(right, NotReached):
        return right
    if not right.entered:
        why = (
            f"with our right certificate no A-ASSOCIATE-RQ came ({right.ended} {right.why})".strip()
        )
        return NotReached(
            "control association",
            f"{why}; let the product trust the CA of listeners.{bench.endpoint.id}.identity",
        )
    shown: dict[str, Served | NotReached] = {kind: _shown(bench, kind) for kind in kinds}
    after = _shown(bench, RIGHT)
    return ServedSeen(
        right, shown, after if isinstance(after, Served) else Served("silent", why=after.why)
    )


def _files(bench: Bench, kind: str) -> tuple[str, str] | NotReached:
    listener = bench.endpoint
    given = listener.identity if kind == RIGHT else listener.identities.get(kind)
    try:
        if given is not None:
            found: tuple[str, str] = given.paths()
            return found
    except TargetError as error:
        raise Trouble("identity", f"listeners.{listener.id}: {error}") from None
    made = {"unknown_ca": "untrusted", "self_signed": "self-signed"}.get(kind)
    if made is None:
        key = "identity" if kind == RIGHT else f"identities.{kind}"
        return NotReached(
            "identity", f"give listeners.{listener.id}.{key}: certificate and key in PEM"
        )
    from part15.pki import make_untrusted

    folder = bench.scratch / kind
    folder.mkdir(exist_ok=True)
    identity = make_untrusted(folder, made)
    return str(identity.certificate), str(identity.key)


def _context(bench: Bench, certificate: str, key: str) -> ssl.SSLContext:
    """Return a server context that takes what comes: weak keys too, and any client certificate of *trust*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.load_cert_chain(certificate, key, password="")
        if bench.endpoint.trust:
            context.load_verify_locations(bench.endpoint.trust)
            context.verify_mode = ssl.CERT_OPTIONAL
    except (OSError, ssl.SSLError, ValueError) as error:
        why = f"listeners.{bench.endpoint.id}: {certificate} and {key} cannot be used ({error})"
        raise Trouble("identity", why) from None
    context.set_alpn_protocols(["dicom"])
    return context


def _shown(bench: Bench, kind: str) -> Served | NotReached:
    """Have the product connect while we show the certificate of *kind*."""
    files = _files(bench, kind)
    if isinstance(files, NotReached):
        return files
    listener = bench.endpoint
    _context(bench, *files)
    found: queue.Queue[Served] = queue.Queue()
    bench.note(f"listening with a server certificate of kind '{kind}'")

    def serve(line: Line) -> None:
        found.put(_serve(line, bench.deadline))

    with Acceptor(listener.host, listener.port, lambda: _context(bench, *files), serve) as own:
        slots = {"host": own.host, "port": str(own.port), "aet": listener.ae_title, "file": ""}
        folder = getattr(bench.target, "folder", bench.scratch)
        with acting(
            listener.trigger, folder=folder, slots=slots, what="open an association"
        ) as process:
            return _waited(found, listener.wait, process, own.address)


def _waited(
    found: queue.Queue[Served], wait: float, process: Any, address: str
) -> Served | NotReached:
    """Return the connection that got furthest until the product has ended, or the wait is over."""
    until, best = time.monotonic() + wait, None
    while time.monotonic() < until:
        try:
            seen = found.get(timeout=0.1)
        except queue.Empty:
            if best is not None or (process is not None and process.poll() is not None):
                break
            continue
        best = seen if best is None or seen.entered else best
        if best.entered:
            break
    return best or NotReached(
        "trigger",
        f"the product did not connect to {address} within {wait:g} s; look what its trigger does",
    )


def _serve(line: Line, deadline: float) -> Served:
    """Answer one connection: accept the association, answer every request with success, release."""
    shake = line.handshake()
    spoken = line.spoken
    certificate = bool(shake and shake.certificate)
    version = shake.version if shake else ""
    if line.failed:
        alert = spoken.alert_received
        return Served(line.failed.how, alert=alert, why=line.failed.why, version=version)
    talk, until = Conversation(line), time.monotonic() + deadline
    entered, first, echoed, why, ended = False, 0, False, "", "open"
    try:
        first, said = talk.next(until)
        entered = isinstance(said, pdu.Associate)
        if isinstance(said, pdu.Associate):
            echoed = _answer(talk, said, until)
    except Ended as stop:
        ended, why = stop.how, stop.why
    return Served(ended, entered, first, echoed, certificate, version, spoken.alert_received, why)


def _answer(talk: Conversation, asked: pdu.Associate, until: float) -> bool:
    """Accept *asked* and serve it to its end; tell whether a request was answered."""
    import dataclasses

    contexts = tuple(
        pdu.PresentationContext(c.id, "", (c.transfers or (pdu.IMPLICIT_LE,))[:1])
        for c in asked.contexts
    )
    answer = dataclasses.replace(asked, contexts=contexts, user_items=pdu.default_user_items())
    talk.send(pdu.encode_accept(answer), until)
    collected, answered = b"", False
    for _ in range(MAX_MESSAGES):
        kind, said = talk.next(until)
        if kind == pdu.RELEASE_RQ:
            talk.send(pdu.encode_release(response=True), until)
            return answered
        if not isinstance(said, pdu.Data):
            return answered
        for value in said.pdvs:
            collected = collected + value.data if value.command else collected
            if value.last and (value.command and collected != b""):
                try:
                    request = dimse.decode_command(collected)
                except dimse.CommandError:
                    return answered
                collected = b""
                for part in pdu.fragments(value.context, dimse.response_to(request), b""):
                    talk.send(part, until)
                answered = True
    return answered
