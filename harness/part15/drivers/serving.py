"""Stimuli for TLS clients with a completed handshake: the product connects, we show a server certificate."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import time
from collections.abc import Sequence

from part15.bench import Bench
from part15.channel import records
from part15.channel.association import Conversation, Line
from part15.channel.tls import CERTIFICATE, Ended
from part15.channel.tls12_server import OwnServer
from part15.drivers import serving_lines as lines
from part15.drivers.serving_lines import RIGHT
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.session import (
    NOT_OFFERED,
    AssociationSeen,
    Damaged,
    IntegritySeen,
    Served,
    ServedSeen,
)
from part15.registry import driver
from part15.wire import dimse, pdu
from part15.wire.tls_certificates import chain_seen
from part15.wire.tls_client_messages import certificates, verify_scheme

KINDS = (
    *("wrong_name", "unknown_ca", "self_signed", "expired", "future", "wrong_usage", "revoked"),
    *("key_mismatch", "garbage", "huge", "long_chain"),
)
"""The kinds of server certificate that are shown by default, beside the right one."""
PART = 22
"""Octets of a PDU of our damaged answer; a C-ECHO-RSP takes five or more of them."""
MAX_MESSAGES = 4096
"""PDUs taken from a client on one association."""


@driver(
    Impact.ASSOCIATE,
    at="listener",
    turns=lambda kinds: len(kinds) + 2,
    why="Each time we show another server certificate; the product should refuse the wrong ones.",
)
def present(bench: Bench, *, kinds: Sequence[str] = KINDS) -> ServedSeen | NotReached:
    """Let the product connect once per server certificate: the right one first and last, then *kinds*.

    The right one is ``listeners.ID.identity``; the others stand in ``listeners.ID.identities``.
    ``unknown_ca`` and ``self_signed`` are made here if they are not given, and so are ``key_mismatch``
    (the right certificate with another key), ``garbage`` and ``huge`` (ten million octets).
    """
    right = once(bench)
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
    shown: dict[str, Served | NotReached] = {kind: once(bench, kind) for kind in kinds}
    after = again(bench)
    return ServedSeen(
        right, shown, after if isinstance(after, Served) else Served("silent", why=after.why)
    )


@driver(
    Impact.ASSOCIATE,
    at="listener",
    turns=lambda damages: len(damages) + 2,
    why="The product makes a request, C-ECHO will do; we damage our answer.",
)
def damage_answers(
    bench: Bench, *, damages: Sequence[str] = tuple(records.DAMAGES)
) -> IntegritySeen | NotReached:
    """Let the product connect and make a request; damage a record of our answer, once for each of *damages*.

    The answer goes in several PDUs with a record each, since a lost record shows only when the next one comes.

    The right answer comes first; a product that makes no request shows nothing.
    """
    right = once(bench)
    if isinstance(right, NotReached):
        return right
    if not right.answered:
        return NotReached(
            "control association",
            f"the product made no request ({right.ended} {right.why})".strip(),
        )
    found: dict[str, Damaged] = {}
    for name in damages:
        seen = lines.with_certificate(
            bench,
            RIGHT,
            functools.partial(_damage, bench, name=name),
            far=lambda damaged: not damaged.why,
        )
        found[name] = Damaged(why=seen.why) if isinstance(seen, NotReached) else seen
    after = again(bench)
    entered = isinstance(after, Served) and after.entered
    return IntegritySeen("answer", 0, found, AssociationSeen("accepted" if entered else "closed"))


def _damage(bench: Bench, line: Line, name: str) -> Damaged:
    """Answer the first request of one connection with a damaged record, and see what follows."""
    deadline = bench.deadline
    if line.failed or line.tls is None:
        return Damaged(why=str(line.failed or "no TLS"))
    talk, until = Conversation(line), time.monotonic() + deadline
    try:
        _, asked = talk.next(until)
        if not isinstance(asked, pdu.Associate):
            return Damaged(why="no A-ASSOCIATE-RQ came")
        talk.send(pdu.encode_accept(accepting(asked)), until)
        wanted, context = request(talk, until)
        parts = pdu.fragments(context, dimse.response_to(wanted), b"", PART)
        sealed, _ = records.cut(b"".join(line.tls.seal(part) for part in parts))
        hurt = b"".join(records.DAMAGES[name](sealed))
        bench.evidence.keep(f"{name}-before.bin".replace(" ", "-"), b"".join(sealed))
        bench.evidence.keep(f"{name}-after.bin".replace(" ", "-"), hurt)
        line.plain.send(hurt, until)
    except Ended as ended:
        return Damaged(why=str(ended))
    began, went_on = time.monotonic(), False
    until = began + 2 * deadline
    try:
        _, said = talk.next(until)
        went_on = not isinstance(said, pdu.Abort)
        how = "went on" if went_on else "aborted"
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


def request(talk: Conversation, until: float) -> tuple[dimse.Command, int]:
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


def again(bench: Bench, kind: str = RIGHT) -> Served | NotReached:
    """Have the product connect while we show the certificate of *kind*, and serve it."""
    seen = lines.with_certificate(
        bench, kind, lambda line: serve_once(line, bench.deadline), far=_far
    )
    if isinstance(seen, Served) and seen.ended == "ours" and kind not in lines.OWN:
        seen = lines.with_own_tls(
            bench, kind, lambda line: serve_once(line, bench.deadline), far=_far
        )
    if isinstance(seen, Served) and seen.ended == "ours":
        step = NOT_OFFERED if kind in lines.OWN else "handshake"
        return NotReached(step, f"our own TLS gave up: {seen.why}")
    return seen


def once(bench: Bench, kind: str = RIGHT) -> Served | NotReached:
    """Return what was seen with the certificate of *kind*; it is shown once in a run."""
    return bench.shelf.once(
        ("serving", bench.endpoint.id, kind), functools.partial(again, bench, kind)
    )


def _far(seen: Served) -> bool:
    return seen.entered


def serve_once(line: Line, deadline: float) -> Served:
    """Answer one connection: accept the association, answer every request with success, release."""
    if line.failed:
        known = _known(line)
        return dataclasses.replace(known, ended=line.failed.how, why=line.failed.why)
    talk, until = Conversation(line), time.monotonic() + deadline
    entered, first, answered, why, ended = False, 0, False, "", "open"
    try:
        first, said = talk.next(until)
        entered = True
        if isinstance(said, pdu.Associate):
            answered = answer(talk, said, until)
    except Ended as stop:
        ended, why = stop.how, stop.why
    return dataclasses.replace(
        _known(line), ended=ended, entered=entered, first=first, answered=answered, why=why
    )


def _known(line: Line) -> Served:
    """Return what the handshake alone told of a client: its certificates, its alert, the version."""
    if isinstance(line.plain, OwnServer):
        heard = line.plain.heard
        alert = heard.alert[1] if heard.alert else None
        chain, scheme, version = heard.chain, heard.scheme, line.plain.version
    else:
        shake = line.handshake()
        version, alert = shake.version if shake else "", line.spoken.alert_received
        chain = certificates(line.spoken.got(CERTIFICATE), version)
        scheme = verify_scheme(line.spoken.received, version)
    return Served(
        "open",
        certificate=bool(chain),
        version=version,
        alert=alert,
        chain=chain_seen(chain),
        scheme=scheme,
    )


def answer(talk: Conversation, asked: pdu.Associate, until: float) -> bool:
    """Accept *asked* and serve it to its end; tell whether a request was answered."""
    talk.send(pdu.encode_accept(accepting(asked)), until)
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


def accepting(asked: pdu.Associate) -> pdu.Associate:
    """Return the answer that accepts every context of *asked* with its first transfer syntax."""
    contexts = tuple(
        pdu.PresentationContext(c.id, "", (c.transfers or (pdu.IMPLICIT_LE,))[:1])
        for c in asked.contexts
    )
    return dataclasses.replace(asked, contexts=contexts, user_items=pdu.default_user_items())
