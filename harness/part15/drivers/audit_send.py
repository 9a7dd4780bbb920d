"""Send audit messages to a collector and see what it stores and how it bears odd ones."""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Callable, Sequence

from part15.bench import Bench
from part15.channel.syslog_sender import Offered, Sender, send_datagrams
from part15.channel.trigger import ASK, act
from part15.errors import Trouble
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.audit import (
    CollectorOfferSeen,
    CollectorOffersSeen,
    CollectorSeen,
    DeliverySeen,
    FloodSeen,
    TlsTakenSeen,
    gravest,
)
from part15.registry import driver
from part15.wire.audit_batches import HEADERS, LENGTHS, Marked, header_of, marked, whereabouts
from part15.wire.audit_corpus import Facts, corpus
from part15.wire.syslog import write_syslog
from part15.wire.syslog_frames import framed

SIZES = (480, 2048, 8192, 32767, 32768, 65536)
DATAGRAMS = (480, 1180, 2048)
PRIORITIES = (0, 13, 84, 85, 191)
WILD_PRIORITIES = (192, 999)
GRACE = 0.4
"""Seconds that a collector is given to refuse a certificate after the handshake of TLS 1.3."""
NULL_SUITES = ("eNULL:@SECLEVEL=0", "aNULL:@SECLEVEL=0")
SINGLE = {"0xC02F": "ECDHE-RSA-AES128-GCM-SHA256", "0x002F": "AES128-SHA"}


def _offered(bench: Bench, name: str = "", **changes: str) -> Offered:
    point = bench.endpoint
    identity = point.identities.get(name) if name else point.identity
    if identity is None:
        return Offered(**changes)
    certificate, key = identity.paths()
    return Offered(certificate, key, identity.password, **changes)


def _connect(bench: Bench, offered: Offered | None = None) -> Sender:
    """Return a connection to the collector, refused or not; raises Trouble if nothing listens."""
    point = bench.endpoint
    bench.ledger.connected(point.address)
    try:
        return Sender(point, offered or _offered(bench), bench.deadline, bench.recorded)
    except OSError as error:
        raise Trouble("connect", f"{point.address} cannot be connected to: {error}") from error


def _store(bench: Bench) -> bytes | None:
    """Return what the collector stored, by ``actions.export`` into ``{file}``; None if there is no such action."""
    command = bench.target.actions.get("export")
    if command is None or command == ASK:
        return None
    path = bench.scratch / f"export-{secrets.token_hex(4)}"
    point = bench.endpoint
    slots = {"host": point.host, "port": str(point.port), "aet": point.ae_title, "file": str(path)}
    act(
        command,
        folder=bench.target.folder,
        slots=slots,
        what="export its stored audit messages",
        deadline=bench.deadline,
    )
    if not path.is_file() or path.stat().st_size > 1 << 30:
        return None
    return path.read_bytes()


def _wait_store(bench: Bench, ready: Callable[[bytes], bool]) -> bytes | None:
    """Ask for the store until *ready* is satisfied or the deadline has passed."""
    until = bench.until()
    pause = threading.Event()
    while True:
        data = _store(bench)
        if data is None or ready(data) or time.monotonic() > until:
            return data
        pause.wait(0.05)


def _marks(bench: Bench, names: Sequence[str]) -> list[str]:
    run = secrets.token_hex(3)
    bench.note(f"audit messages {', '.join(names)}")
    return [f"p15-{run}-{name}" for name in names]


def _seen(
    bench: Bench, batch: str, sent: Sequence[tuple[Marked, bool]], probe: Marked | None
) -> CollectorSeen:
    """Look the messages up in the store; *probe* is the last message, sent on a new connection."""
    wanted = [m for m, ok in sent if ok] + ([probe] if probe else [])

    def ready(store: bytes) -> bool:
        return all(whereabouts(store, m)[0] == "whole" for m in wanted)

    store = _wait_store(bench, ready)
    deliveries, places = [], []
    for message, ok in sent:
        where, at = whereabouts(store, message) if store is not None else ("unknown", -1)
        deliveries.append(
            DeliverySeen(message.name.rpartition("-")[2], len(message.data), ok, where)
        )
        if at >= 0:
            places.append(at)
    alive = probe is not None and (store is None or whereabouts(store, probe)[0] != "lost")
    return CollectorSeen(
        batch,
        tuple(deliveries),
        alive,
        places == sorted(places) if store is not None and len(places) > 1 else None,
        store is not None,
        port=bench.endpoint.port,
    )


def _probe(bench: Bench) -> Marked | None:
    """Send one good message on a new connection; None if that is not possible any more."""
    message = marked(_marks(bench, ["probe"])[0])
    if bench.endpoint.transport == "syslog-udp":
        _datagrams(bench, [message.data])
        return message
    try:
        sender = _connect(bench)
    except Trouble:
        return None
    sent = sender.send(framed(message.data))
    sender.close()
    return message if sent and sender.reached else None


def _datagrams(bench: Bench, made: Sequence[bytes]) -> list[bool]:
    to = bench.endpoint.host, bench.endpoint.port
    return send_datagrams(*to, made, lambda sock: bench.recorded(sock, to=to))


def _open(bench: Bench) -> Sender | NotReached:
    sender = _connect(bench)
    if sender.ended:
        return NotReached(
            "handshake", f"the collector did not take our connection ({sender.ended})"
        )
    return sender


def _deliver(bench: Bench, batch: str, messages: Sequence[Marked]) -> CollectorSeen | NotReached:
    """Send *messages* over one connection (or as datagrams) and look them up."""
    point = bench.endpoint
    if point.transport == "syslog-udp":
        taken = _datagrams(bench, [m.data for m in messages])
        return _seen(bench, batch, list(zip(messages, taken, strict=True)), _probe(bench))
    sender = _open(bench)
    if isinstance(sender, NotReached):
        return sender
    sent = [(m, sender.send(framed(m.data))) for m in messages]
    sender.stands(0.05)
    sender.close()
    return _seen(bench, batch, sent, _probe(bench))


@driver(Impact.STORE)
def sizes(bench: Bench) -> CollectorSeen | NotReached:
    """Send messages of the sizes that the profiles name, in rising order."""
    point = bench.endpoint
    wanted = DATAGRAMS if point.transport == "syslog-udp" else SIZES
    marks = _marks(bench, [str(s) for s in wanted])
    return _deliver(bench, "sizes", [marked(m, s) for m, s in zip(marks, wanted, strict=True)])


@driver(Impact.STORE)
def every_type(bench: Bench) -> CollectorSeen | NotReached:
    """Send one valid message of each of the fifteen types."""
    kinds = list(corpus())
    marks = _marks(bench, kinds)
    messages = []
    for kind, mark in zip(kinds, marks, strict=True):
        inner = corpus(Facts(source=mark))[kind]
        messages.append(Marked(mark, write_syslog(inner, **header_of()), inner))
    return _deliver(bench, "every type", messages)


@driver(Impact.STORE)
def leap(bench: Bench) -> CollectorSeen | NotReached:
    """Send a message with a leap second in EventDateTime between two ordinary ones."""
    first, leaping, last = _marks(bench, ["before", "leap", "after"])
    second = marked(leaping, when="2016-12-31T23:59:60Z")
    return _deliver(bench, "leap", [marked(first), second, marked(last)])


@driver(Impact.STORE)
def foreign(bench: Bench) -> CollectorSeen | NotReached:
    """Send a plain syslog message that is no audit message between two audit messages."""
    first, last = _marks(bench, ["before", "after"])
    plain = write_syslog(b"no audit message", pri=30, bom=False, msgid="OTHER", **header_of())
    sender = _open(bench)
    if isinstance(sender, NotReached):
        return sender
    messages = [marked(first), marked(last)]
    sent = [(messages[0], sender.send(framed(messages[0].data)))]
    sender.send(framed(plain))
    sender.stands(0.05)
    sent.append((messages[1], sender.send(framed(messages[1].data))))
    sender.stands(0.05)
    sender.close()
    return _seen(bench, "foreign", sent, _probe(bench))


@driver(Impact.STORE)
def priorities(bench: Bench) -> CollectorSeen | NotReached:
    """Send messages of every kind of PRI, then two with one that does not exist."""
    marks = _marks(bench, [str(p) for p in PRIORITIES])
    messages = [marked(m, pri=p) for m, p in zip(marks, PRIORITIES, strict=True)]
    point = bench.endpoint
    wild = [write_syslog(b"no such priority", pri=p, bom=False) for p in WILD_PRIORITIES]
    if point.transport == "syslog-udp":
        taken = _datagrams(bench, [*[m.data for m in messages], *wild])
        sent = list(zip(messages, taken, strict=False))
        return _seen(bench, "priorities", sent, _probe(bench))
    sender = _open(bench)
    if isinstance(sender, NotReached):
        return sender
    sent = [(m, sender.send(framed(m.data))) for m in messages]
    for data in wild:
        sender.send(framed(data))
    sender.stands(0.05)
    sender.close()
    return _seen(bench, "priorities", sent, _probe(bench))


def _break_frames(bench: Bench) -> None:
    """Send malformed frames, each on a connection of its own, as long as there is one to be had."""
    bench.note(f"{len(LENGTHS)} malformed frames")
    for data in LENGTHS:
        try:
            broken = _connect(bench)
        except Trouble:
            return
        broken.send(data)
        broken.stands(0.05)
        broken.close(wait=0.05)


@driver(Impact.DISTURB)
def records(bench: Bench) -> CollectorSeen | NotReached:
    """Send one message in records of one octet, twenty in one record, then malformed frames."""
    sender = _open(bench)
    if isinstance(sender, NotReached):
        return sender
    names = _marks(bench, ["split", *[f"together{n}" for n in range(20)]])
    messages = [marked(name, 490 if n else 480) for n, name in enumerate(names)]
    sent = [(messages[0], sender.send_split(framed(messages[0].data)))]
    together = sender.send(b"".join(framed(m.data) for m in messages[1:]))
    sent += [(m, together) for m in messages[1:]]
    sender.stands(0.05)
    sender.close()
    _break_frames(bench)
    return _seen(bench, "records", sent, _probe(bench))


@driver(Impact.DISTURB)
def malformed(bench: Bench) -> CollectorSeen | NotReached:
    """Send messages with malformed headers on one connection, then a good one on another."""
    sender = _open(bench)
    if isinstance(sender, NotReached):
        return sender
    for data in HEADERS:
        sender.send(framed(data))
    sender.stands(0.05)
    sender.close()
    bench.note(f"{len(HEADERS)} malformed messages")
    return _seen(bench, "malformed", (), _probe(bench))


@driver(Impact.DISTURB)
def flood(bench: Bench, *, messages: int = 2000) -> FloodSeen | NotReached:
    """Send *messages* over one connection as fast as it takes them, then one on another connection."""
    sender = _open(bench)
    if isinstance(sender, NotReached):
        return sender
    (mark,) = _marks(bench, ["flood"])
    made = [marked(f"{mark}-{n}-").data for n in range(messages)]
    began = time.monotonic()
    sender.until = began + max(60.0, bench.deadline)
    taken = all(
        sender.send(b"".join(map(framed, made[n : n + 50]))) for n in range(0, messages, 50)
    )
    seconds = time.monotonic() - began
    sender.stands(0.05)
    sender.close()
    probe = _probe(bench)
    numbers = re.compile(mark.encode() + rb"-(\d{1,9})-")

    def ready(store: bytes) -> bool:
        return len(set(numbers.findall(store))) >= messages and (
            probe is None or whereabouts(store, probe)[0] == "whole"
        )

    store = _wait_store(bench, ready)
    octets = sum(map(len, made))
    if store is None:
        return FloodSeen(messages, octets, seconds, taken, alive=probe is not None)
    found = [int(number) for number in numbers.findall(store)]
    alive = probe is not None and whereabouts(store, probe)[0] != "lost"
    return FloodSeen(messages, octets, seconds, taken, len(set(found)), len(found) - len(set(found)),
                     found == sorted(found), alive)  # fmt: skip


@driver(Impact.STORE)
def farewell(bench: Bench) -> CollectorSeen | NotReached:
    """Send one message, say close_notify, and wait for the answer."""
    sender = _open(bench)
    if isinstance(sender, NotReached):
        return sender
    message = marked(_marks(bench, ["farewell"])[0])
    sent = sender.send(framed(message.data))
    answered = sender.close(wait=2.0)
    delivery = DeliverySeen("farewell", len(message.data), sent)
    return CollectorSeen("farewell", (delivery,), None, None, False, answered)


def _taken(sender: Sender) -> str:
    """Tell whether the connection was taken: TLS 1.3 refuses a certificate only after our handshake."""
    if sender.ended:
        return "unclear" if sender.ended == "silent" else "refused"
    stands = sender.stands(GRACE)
    sender.close(wait=0.05)
    return "accepted" if stands else "refused"


@driver(Impact.CREDENTIAL)
def identify(bench: Bench, *, names: Sequence[str]) -> CollectorOffersSeen:
    """Connect with each wrong identity (``none``: without a certificate), and with the right one before and after."""
    point = bench.endpoint
    bench.note("TLS handshakes with the right identity, before and after the wrong ones")
    before = _taken(_connect(bench))
    offers = []
    for name in names:
        if name != "none" and name not in point.identities:
            continue
        offered = Offered() if name == "none" else _offered(bench, name)
        bench.note(f"TLS handshake with the identity '{name}'")
        sender = _connect(bench, offered)
        offers.append(CollectorOfferSeen(name, _taken(sender), sender.ended))
    missing = tuple(n for n in names if n != "none" and n not in point.identities)
    return CollectorOffersSeen(tuple(offers), before, _taken(_connect(bench)), missing)


@driver(Impact.ASSOCIATE)
def survey(bench: Bench) -> TlsTakenSeen:
    """Offer each TLS version alone, each mandatory suite alone, and NULL and anonymous suites."""

    def outcome(**changes: str) -> str:
        told = ", ".join(f"{what} {value}" for what, value in sorted(changes.items()))
        bench.note(f"TLS handshake with {told[:200]}")
        return _taken(_connect(bench, _offered(bench, **changes)))

    bench.note("TLS handshake with everything that is allowed")
    open_offer = _connect(bench)
    detail = open_offer.suite or open_offer.ended
    control = _taken(open_offer)
    versions = {v: outcome(minimum=v, maximum=v) for v in ("1.0", "1.1", "1.2", "1.3")}
    suites = {
        code: outcome(maximum="1.2", ciphers=f"{name}:@SECLEVEL=0") for code, name in SINGLE.items()
    }
    null = {outcome(maximum="1.2", ciphers=suites) for suites in NULL_SUITES}
    return TlsTakenSeen(versions, suites, gravest(null), control, detail)
