"""Us as the ISCL server that the product connects to: right, and with one thing wrong at a time (PS3.15 B.2)."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import time
from typing import Any

from part15.address import is_ipv6, join_address
from part15.bench import Bench
from part15.channel import iscl
from part15.channel.tls import Ended
from part15.drivers.iscl_end import Attempt, binding_seen
from part15.drivers.iscl_object import made
from part15.drivers.iscl_wire import SIZE, Between
from part15.errors import Trouble
from part15.observations import NotReached
from part15.observations.iscl import Answer, DirectSeen
from part15.wire import dimse, pdu
from part15.wire.iscl import Engine
from part15.wire.iscl_plan import DEVIATIONS
from part15.wire.iscl_types import Settings

HANDSHAKE = ("wrong-server-response", "unknown-method", "unknown-server-version")
MESSAGES = ("wrong-mac", "short-mac", "altered-data", "unknown-mechanism", "oversize-block")


def attempts(settings: Settings) -> dict[str, Attempt]:
    """Return everything that is tried on a client, by name."""
    mine = dataclasses.replace
    md5 = mine(settings, mac="md5")
    return {
        **{name: Attempt(settings, DEVIATIONS[name]) for name in (*HANDSHAKE, *MESSAGES)},
        "no-mac": Attempt(mine(settings, mac="none", privacy=False)),
        "encryption-only": Attempt(mine(settings, mac="none", privacy=True)),
        "bare-md5": Attempt(mine(md5, privacy=False, bare=True)),
        "md5-first": Attempt(mine(md5, order="encrypted_random_then_digest")),
        "md5-second": Attempt(mine(md5, order="digest_then_encrypt")),
        "des-mac": Attempt(mine(settings, mac="des_mac")),
        "md5": Attempt(md5),
        "with-privacy": Attempt(mine(settings, privacy=True)),
        "without-privacy": Attempt(mine(settings, privacy=False)),
        "session-keys": Attempt(mine(settings, session_keys=True)),
    }


def observe(bench: Bench) -> DirectSeen | NotReached:
    """Be the server of the product: once right, then with each thing wrong, then right again."""
    said = bench.endpoint.iscl
    if said is None or said.keys is None:
        return NotReached(
            "test keys",
            f"give listeners.{bench.endpoint.id}.iscl.keys, so that we can be one end of ISCL",
        )
    binding = iscl.binding_of(bench.endpoint)
    keys, settings = iscl.keys_of(bench.endpoint, binding), iscl.settings_of(bench.endpoint)
    sent = made(bench.scratch, SIZE)

    def one(name: str, attempt: Attempt) -> Answer:
        bench.note(f"ISCL connection from the product: {name}")
        engine = Engine(binding, "server", keys, attempt.settings, plan=attempt.plan)
        return _served(bench, engine, sent, handshake=name in HANDSHAKE)

    control = one("right", Attempt(settings))
    if not control.served:
        return NotReached(
            f"a connection under binding {binding.name}",
            f"{control.why or control.ended}; keys or the binding do not fit, or the trigger does nothing",
        )
    answers = {name: one(name, attempt) for name, attempt in attempts(settings).items()}
    return DirectSeen(binding_seen(binding), control, answers, one("right", Attempt(settings)))


def _served(bench: Bench, engine: Engine, sent: Any, *, handshake: bool) -> Answer:
    point = bench.endpoint
    family = socket.AF_INET6 if is_ipv6(point.host) else socket.AF_INET
    try:
        server = socket.create_server((point.host, point.port), family=family)
    except OSError as error:
        place = join_address(point.host, point.port)
        raise Trouble("listen", f"{place} cannot be listened on: {error.strerror}") from error
    with server:
        server.settimeout(point.wait)
        slots = {"host": point.host, "port": str(server.getsockname()[1])}
        with Between(bench, "client").acting(slots, sent):
            try:
                near = server.accept()[0]
            except TimeoutError:
                return Answer(ended="silent", why="the product did not connect")
            stream = iscl.Iscl(near, engine)
            try:
                return _talk(bench, stream, handshake=handshake)
            finally:
                stream.close(reset=engine.state != "closed")


def _talk(bench: Bench, stream: iscl.Iscl, *, handshake: bool) -> Answer:
    """Accept what is proposed and answer it with success; how far the product goes tells what it let pass."""
    seen, cutter = Answer(), pdu.Cutter()
    requests: dict[int, dimse.Command] = {}
    until = bench.until()
    try:
        stream.handshake(until)
        seen = dataclasses.replace(seen, opened=True)
        answered = 0
        while True:
            octets = stream.receive(until)
            if not octets:
                seen = dataclasses.replace(seen, disconnected=True, ended="closed")
                break
            for kind, body in cutter.feed(octets):
                answered += 1
                # the first PDU shows what was made of our handshake, the second of our first message
                if handshake or answered > 1:
                    seen = dataclasses.replace(seen, served=True)
                reply = _reply(pdu.parse(kind, body), requests)
                if reply:
                    stream.send(reply, time.monotonic() + bench.deadline)
                    seen = dataclasses.replace(seen, echoes=seen.echoes + 1, echo=0)
    except (Ended, pdu.PduError) as ended:
        how = ended.how if isinstance(ended, Ended) else "garbage"
        seen = dataclasses.replace(seen, ended=how, why=str(ended))
    with contextlib.suppress(IndexError):
        seen = dataclasses.replace(seen, mac=stream.orders[0])
    trace = tuple(f"{way} {name}" for way, name in stream.engine.trace[:40])
    return dataclasses.replace(seen, block=stream.engine.block, trace=trace)


def _reply(said: pdu.Pdu, requests: dict[int, dimse.Command]) -> bytes:
    """Return what answers *said*; *requests* holds those whose data set is still to come."""
    if isinstance(said, pdu.Associate):
        contexts = tuple(dataclasses.replace(c, result=0) for c in said.contexts)
        return pdu.encode_accept(dataclasses.replace(said, contexts=contexts))
    if isinstance(said, pdu.Release):
        return pdu.encode_release(response=True)
    reply = b""
    for value in said.pdvs if isinstance(said, pdu.Data) else ():
        if value.last:
            with contextlib.suppress(dimse.CommandError):
                if value.command:
                    command = dimse.decode_command(value.data)
                    requests[value.context] = command
                    if command.get(dimse.DATA_SET_TYPE) != dimse.NO_DATA_SET:
                        continue
                answer = dimse.response_to(requests.get(value.context, {}))
                reply += b"".join(pdu.fragments(value.context, answer, b""))
    return reply
