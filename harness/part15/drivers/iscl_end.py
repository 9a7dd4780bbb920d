"""Us as one end of ISCL, as a binding has it: right, and with one thing wrong at a time (PS3.15 B.2)."""

from __future__ import annotations

import dataclasses

from part15.bench import Bench
from part15.channel import iscl, tcp
from part15.channel.association import Conversation, Line
from part15.channel.tls import Ended
from part15.observations import NotReached
from part15.observations.iscl import Answer, BindingSeen, DirectSeen
from part15.wire import dimse, pdu
from part15.wire.iscl import Engine
from part15.wire.iscl_binding import Binding
from part15.wire.iscl_frames import encode
from part15.wire.iscl_plan import DEVIATIONS
from part15.wire.iscl_replay import described
from part15.wire.iscl_types import Plan, Settings, as_it_is

FAULTS = (
    "wrong-response",
    "reflected-challenge",
    "out-of-order",
    "unknown-version",
    "larger-block",
    "unknown-key-number",
    "unknown-mechanism",
    "unknown-message",
    "wrong-mac",
    "short-mac",
    "missing-mac",
    "altered-data",
    "oversize-block",
    "oversize-message",
    "length-extension",
)
"""What is done wrong to a server, one at a time."""


@dataclasses.dataclass(frozen=True)
class Attempt:
    """One connection: what is done wrong, with which settings, and how many octets a block may have."""

    settings: Settings
    plan: Plan = as_it_is
    through: bool = False
    skips: bool = False
    together: bool = False


def binding_seen(binding: Binding) -> BindingSeen:
    """Return what reports say of *binding*."""
    said = described(binding)
    leaves = {k.removeprefix("leaves "): v for k, v in said.items() if k.startswith("leaves ")}
    return BindingSeen(said["name"], said["status"], said["why"], said["digest"], leaves)


def attempts(settings: Settings) -> dict[str, Attempt]:
    """Return everything that is tried on a server, by name."""
    mine = dataclasses.replace
    md5 = mine(settings, mac="md5")
    named = {name: Attempt(settings, DEVIATIONS[name]) for name in FAULTS}
    # zero fill hides a longer message only where nothing else pads it
    named["length-extension"] = Attempt(
        mine(settings, privacy=False, mac="des_mac"), DEVIATIONS["length-extension"]
    )
    return {
        **named,
        "skipped-authentication": Attempt(mine(settings, lenient=frozenset({"deaf"})), skips=True),
        "no-mac": Attempt(mine(settings, mac="none", privacy=False)),
        "encryption-only": Attempt(mine(settings, mac="none", privacy=True)),
        "through-mode": Attempt(settings, through=True),
        "bare-md5": Attempt(mine(md5, privacy=False, bare=True)),
        "des-mac": Attempt(mine(settings, mac="des_mac")),
        "md5": Attempt(md5),
        "md5-first": Attempt(mine(md5, order="encrypted_random_then_digest")),
        "md5-second": Attempt(mine(md5, order="digest_then_encrypt")),
        "with-privacy": Attempt(mine(settings, privacy=True)),
        "without-privacy": Attempt(mine(settings, privacy=False)),
        "session-keys": Attempt(mine(settings, session_keys=True)),
        "small-blocks": Attempt(mine(settings, block=96)),
        "one-block": Attempt(settings, together=True),
    }


def observe(bench: Bench) -> DirectSeen | NotReached:
    """Be the client of the endpoint: once right, then with each thing wrong, then right again."""
    said = bench.endpoint.iscl
    if said is None or said.keys is None:
        return NotReached(
            "test keys",
            f"give endpoints.{bench.endpoint.id}.iscl.keys, so that we can be one end of ISCL",
        )
    binding = iscl.binding_of(bench.endpoint)
    keys = iscl.keys_of(bench.endpoint, binding)
    settings = iscl.settings_of(bench.endpoint)

    def one(name: str, attempt: Attempt) -> Answer:
        bench.note(f"ISCL connection: {name}")
        used = binding
        if attempt.skips:
            begun = list(binding["sequence.handshake"])[:2]
            used = binding.with_values(binding.name, {"sequence.handshake": begun})
        engine = Engine(used, "client", keys, attempt.settings, plan=attempt.plan)
        made = tcp.connect(bench)
        return speak(iscl.Iscl(made.socket, engine, made.wire), attempt, bench)

    control = one("right", Attempt(settings))
    if not control.served:
        return NotReached(
            f"a connection under binding {binding.name}",
            f"{control.why or control.ended}; keys, AE titles or the binding do not fit the product",
        )
    answers = {name: one(name, attempt) for name, attempt in attempts(settings).items()}
    return DirectSeen(binding_seen(binding), control, answers, one("right", Attempt(settings)))


def speak(stream: iscl.Iscl, attempt: Attempt, bench: Bench) -> Answer:
    """Shake hands, ask for an association, echo and disconnect; return how far it went."""
    until, engine = bench.until(), stream.engine
    seen = Answer()
    try:
        stream.handshake(until)
        seen = dataclasses.replace(seen, opened=True)
        point = bench.endpoint
        request = pdu.encode_request(pdu.verification(point.ae_title, "PART15"))
        talk = Conversation(Line(stream))
        if attempt.through:
            raw = encode(engine.binding, "through", {"raw": request}, engine.binding["codes.ack"])
            super(iscl.Iscl, stream).send(raw, until)
        else:
            talk.send(request, until)
        _, said = talk.next(until)
        seen = dataclasses.replace(seen, served=isinstance(said, pdu.Associate))
        seen = _echoes(talk, seen, until, together=attempt.together)
        stream.disconnect(until)
        seen = dataclasses.replace(seen, disconnected=True, ended="closed")
    except Ended as ended:
        seen = dataclasses.replace(seen, ended=ended.how, why=ended.why)
    finally:
        stream.close(reset=not seen.disconnected)
    return dataclasses.replace(
        seen,
        block=engine.block,
        offered=engine.told.get("check_rq.block", 0),
        trace=tuple(f"{way} {name}" for way, name in engine.trace[:40]),
        mac=stream.orders[0] if stream.orders else "",
    )


def _echoes(talk: Conversation, seen: Answer, until: float, *, together: bool) -> Answer:
    """C-ECHO once, or three times with all requests in one message, and release."""
    count = 3 if together else 1
    parts = [
        part for n in range(1, count + 1) for part in pdu.fragments(1, dimse.echo_request(n), b"")
    ]
    talk.send(b"".join(parts), until)
    status: int | None = None
    for number in range(count):
        _, said = talk.next(until)
        if not isinstance(said, pdu.Data):
            raise Ended("aborted", f"a {type(said).__name__} PDU instead of the C-ECHO-RSP")
        try:
            found = dimse.decode_command(b"".join(v.data for v in said.pdvs)).get(dimse.STATUS)
        except dimse.CommandError as error:
            raise Ended("garbage", str(error)) from None
        status = found if isinstance(found, int) else None
        seen = dataclasses.replace(seen, echo=status, echoes=number + 1)
    talk.send(pdu.encode_release(), until)
    talk.next(until)
    return seen
