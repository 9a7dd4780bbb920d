"""Stimuli for TLS clients with a completed handshake: the product connects, we show a server certificate."""

from __future__ import annotations

import contextlib
import dataclasses
import queue
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from part15.bench import Bench
from part15.channel import records
from part15.channel.acceptor import Acceptor
from part15.channel.association import Conversation, Line
from part15.channel.tls import Ended
from part15.channel.trigger import acting, unreached
from part15.errors import TargetError, Trouble
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.session import (
    AssociationSeen,
    Damaged,
    IntegritySeen,
    Served,
    ServedSeen,
)
from part15.registry import driver
from part15.wire import dimse, pdu

KINDS = ("wrong_name", "unknown_ca", "self_signed", "expired", "future", "wrong_usage", "revoked")
"""The kinds of server certificate that are shown by default, beside the right one."""
MAX_MESSAGES = 4096
"""PDUs taken from a client on one association."""
RIGHT = "right"
Connection = TypeVar("Connection", Served, Damaged)


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


def files_of(bench: Bench, kind: str) -> tuple[str, str] | NotReached:
    """Return certificate and key of *kind* for the listener of *bench*, made here if that can be."""
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


def server_context(bench: Bench, certificate: str, key: str) -> ssl.SSLContext:
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


FLIPS = {"first octet flipped": 5, "middle octet flipped": 12, "last octet of the tag flipped": -1}
"""Where an octet of our answer is changed, from the start of the record or its end."""


@driver(Impact.ASSOCIATE, at="listener")
def damage_answers(
    bench: Bench, *, damages: Sequence[str] = tuple(FLIPS)
) -> IntegritySeen | NotReached:
    """Let the product connect and make a request; damage the record of our answer, once for each of *damages*.

    The right answer comes first; a product that makes no request shows nothing.
    """
    right = _shown(bench, RIGHT)
    if isinstance(right, NotReached):
        return right
    if not right.answered:
        return NotReached(
            "control association",
            f"the product made no request ({right.ended} {right.why})".strip(),
        )
    found: dict[str, Damaged] = {}
    for name in damages:
        seen = _connected(bench, RIGHT, lambda line, n=name: _damage(line, n, bench.deadline))  # type: ignore[misc]
        found[name] = Damaged(why=seen.why) if isinstance(seen, NotReached) else seen
    after = _shown(bench, RIGHT)
    entered = isinstance(after, Served) and after.entered
    return IntegritySeen("answer", 0, found, AssociationSeen("accepted" if entered else "closed"))


def _damage(line: Line, name: str, deadline: float) -> Damaged:
    """Answer the first request of one connection with a damaged record, and see what follows."""
    if line.failed or line.tls is None:
        return Damaged(why=str(line.failed or "no TLS"))
    talk, until = Conversation(line), time.monotonic() + deadline
    try:
        _, asked = talk.next(until)
        if not isinstance(asked, pdu.Associate):
            return Damaged(why="no A-ASSOCIATE-RQ came")
        talk.send(pdu.encode_accept(_accepting(asked)), until)
        request, context = _request(talk, until)
        parts = pdu.fragments(context, dimse.response_to(request), b"")
        sealed, _ = records.cut(b"".join(line.tls.seal(part) for part in parts))
        line.plain.send(b"".join(records.flipped(r, FLIPS[name]) for r in sealed), until)
    except Ended as ended:
        return Damaged(why=str(ended))
    began, went_on = time.monotonic(), False
    until = began + 2 * deadline
    try:
        talk.next(until)
        went_on, how = True, "went on"
    except Ended as ended:
        how = ended.how
    closed = how in ("closed", "reset") or _ends(line, until)
    seconds = round(time.monotonic() - began, 2)
    version = line.tls.object.version() or ""
    return Damaged(closed, went_on, line.spoken.alert_received, seconds, version, how)


def _ends(line: Line, until: float) -> bool:
    """Tell whether the TCP stream ends before *until*, whatever comes on it."""
    try:
        while line.plain.receive(until):
            continue
    except Ended as ended:
        return ended.how != "silent"
    return True


def _request(talk: Conversation, until: float) -> tuple[dimse.Command, int]:
    """Return the command of the next request and its context, once its data set has come too; raises Ended.

    What is still under way when we answer would look as if the client went on after the answer.
    """
    collected = b""
    waiting: dimse.Command | None = None
    for _ in range(MAX_MESSAGES):
        _, said = talk.next(until)
        if not isinstance(said, pdu.Data):
            break
        for value in said.pdvs:
            collected += value.data if value.command else b""
            if value.command and value.last:
                with contextlib.suppress(dimse.CommandError):
                    waiting = dimse.decode_command(collected)
            whole = not value.command or (
                waiting is not None and waiting.get(dimse.DATA_SET_TYPE) == dimse.NO_DATA_SET
            )
            if waiting is not None and value.last and whole:
                return waiting, value.context
    raise Ended("garbage", "no request came")


def _shown(bench: Bench, kind: str) -> Served | NotReached:
    """Have the product connect while we show the certificate of *kind*, and serve it."""
    return _connected(bench, kind, lambda line: serve_once(line, bench.deadline))


def _connected(
    bench: Bench, kind: str, serve_one: Callable[[Line], Connection]
) -> Connection | NotReached:
    """Have the product connect while we show the certificate of *kind*; return what *serve_one* made of it."""
    files = files_of(bench, kind)
    if isinstance(files, NotReached):
        return files
    listener = bench.endpoint
    server_context(bench, *files)
    found: queue.Queue[Connection] = queue.Queue()
    bench.note(f"listening with a server certificate of kind '{kind}'")

    def serve(line: Line) -> None:
        found.put(serve_one(line))

    with Acceptor(
        listener.host,
        listener.port,
        lambda: server_context(bench, *files),
        serve,
        recorder=bench.recorder,
    ) as own:
        slots = {"host": own.host, "port": str(own.port), "aet": listener.ae_title, "file": ""}
        folder = getattr(bench.target, "folder", bench.scratch)
        with acting(
            listener.trigger, folder=folder, slots=slots, what="open an association"
        ) as process:
            return _waited(found, listener.wait, process, own.address)


def _waited(
    found: queue.Queue[Connection], wait: float, process: Any, address: str
) -> Connection | NotReached:
    """Return the connection that got furthest until the product has ended, or the wait is over."""
    until = time.monotonic() + wait
    best: Connection | None = None
    while time.monotonic() < until:
        try:
            seen = found.get(timeout=0.1)
        except queue.Empty:
            if best is not None or (process is not None and process.poll() is not None):
                break
            continue
        if best is None or _got_far(seen):
            best = seen
        if _got_far(best):
            break
    return best or NotReached("trigger", unreached(process, address, wait))


def _got_far(seen: Served | Damaged) -> bool:
    return seen.entered if isinstance(seen, Served) else not seen.why


def serve_once(line: Line, deadline: float) -> Served:
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
        entered = True
        if isinstance(said, pdu.Associate):
            echoed = _answer(talk, said, until)
    except Ended as stop:
        ended, why = stop.how, stop.why
    return Served(ended, entered, first, echoed, certificate, version, spoken.alert_received, why)


def _answer(talk: Conversation, asked: pdu.Associate, until: float) -> bool:
    """Accept *asked* and serve it to its end; tell whether a request was answered."""
    talk.send(pdu.encode_accept(_accepting(asked)), until)
    collected, answered = b"", False
    waiting: dimse.Command | None = None
    for _ in range(MAX_MESSAGES):
        kind, said = talk.next(until)
        if kind == pdu.RELEASE_RQ:
            talk.send(pdu.encode_release(response=True), until)
            return answered
        if not isinstance(said, pdu.Data):
            return answered
        for value in said.pdvs:
            collected = collected + value.data if value.command else collected
            if not value.last:
                continue
            if value.command:
                try:
                    waiting, collected = dimse.decode_command(collected), b""
                except dimse.CommandError:
                    return answered
                if waiting.get(dimse.DATA_SET_TYPE) != dimse.NO_DATA_SET:
                    continue
            if waiting is not None:
                for part in pdu.fragments(value.context, dimse.response_to(waiting), b""):
                    talk.send(part, until)
                answered, waiting = True, None
    return answered


def _accepting(asked: pdu.Associate) -> pdu.Associate:
    """Return the answer that accepts every context of *asked* with its first transfer syntax."""
    contexts = tuple(
        pdu.PresentationContext(c.id, "", (c.transfers or (pdu.IMPLICIT_LE,))[:1])
        for c in asked.contexts
    )
    return dataclasses.replace(asked, contexts=contexts, user_items=pdu.default_user_items())
