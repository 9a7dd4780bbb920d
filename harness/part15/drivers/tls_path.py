"""Stimuli over a relay without keys: can it read anything of what passes (B.1-B.13: encryption)."""

from __future__ import annotations

import dataclasses
import queue
import ssl
import time
from collections.abc import Callable, Mapping

from part15.bench import Bench
from part15.channel import services
from part15.channel.acceptor import Acceptor
from part15.channel.association import Conversation, Line, protect, response_status
from part15.channel.relay import Relay
from part15.channel.services import Query
from part15.channel.tls import Ended, Plain, Tap, dial
from part15.channel.trigger import acting, unreached
from part15.drivers import serving, serving_lines
from part15.drivers import session_lines as lines
from part15.drivers.tls_between import HEADER, PIXELS, QUERY, ROOM, link, planted, senders
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.tls_stream import LinkSeen, PathSeen
from part15.registry import driver
from part15.wire import dimse, markers, pdu
from part15.wire.trap_objects import SECONDARY_CAPTURE, base, joined, new_uid
from part15.wire.writing import element

NULL = "NULL"
CIPHERS: Mapping[str, str] = {"usual": "", NULL: "eNULL:@SECLEVEL=0"}
"""The links: with the usual offer, and with suites that encrypt nothing."""
LISTED = 8
"""The most pieces that are named."""


@driver(Impact.STORE)
def hunt(bench: Bench) -> PathSeen | NotReached:
    """Associate, store and query through a relay, and hunt in what passed it for what we planted.

    A second connection offers suites without encryption only; refusing it is right. Where the target
    can make its own client send ``{file}``, that goes through the relay too: two real ends.
    """
    control = lines.before(bench)
    if isinstance(control, NotReached):
        return control
    protected = bench.endpoint.transport == "tls"
    ours = {name: _hunted(bench, name) for name in (CIPHERS if protected else ("usual",))}
    return PathSeen(ours | {one.name: link(bench, one) for one in senders(bench)})


def _hunted(bench: Bench, name: str) -> LinkSeen:
    bench.note(f"association, C-STORE and C-FIND through a relay that listens ({name} suites)")
    sought = planted()
    bench.ledger.connected(bench.endpoint.address)
    with Relay(bench.endpoint.address, deadline=bench.deadline, room=ROOM) as relay:
        until = bench.until()
        try:
            plain = Plain(dial(relay.here, until))
        except Ended as problem:
            return LinkSeen(ended=str(problem))
        line = _line(bench, plain, name, until)
        said, ended = _said(bench, line, sought)
        line.close()
    return _judged(bench, name, line, said, relay.taps[0] if relay.taps else Tap(), sought, ended)


def _line(bench: Bench, plain: Plain, name: str, until: float) -> Line:
    if bench.endpoint.transport != "tls":
        return Line(plain)
    mine = dataclasses.replace(lines.identity_of(bench), ciphers=CIPHERS[name])
    if name == NULL:
        mine = dataclasses.replace(mine, maximum="1.2")
    return protect(plain, lines.context_for(bench, mine), until, name=lines.server_name(bench))


def _said(bench: Bench, line: Line, sought: Mapping[str, bytes]) -> tuple[bytes, str]:
    """Say everything that holds a marker; return what was said and how it ended."""
    said = bytearray()
    if line.failed:
        return b"", str(line.failed)
    talk, until = Conversation(line), bench.until()

    def say(octets: bytes) -> None:
        said.extend(octets)
        talk.send(octets, until)

    storage = pdu.PresentationContext(3, SECONDARY_CAPTURE, (pdu.EXPLICIT_LE,))
    find = pdu.PresentationContext(5, services.FIND, (pdu.EXPLICIT_LE,))
    asked = lines.request_for(bench)
    try:
        say(
            pdu.encode_request(
                dataclasses.replace(asked, contexts=(*asked.contexts, storage, find))
            )
        )
        _, answer = talk.next(until)
        accepted = [c.id for c in getattr(answer, "contexts", ()) if c.result == 0]
        for context, message in _messages(bench, sought).items():
            if context in accepted:
                for part in message:
                    say(part)
                response_status(talk, until)
        say(pdu.encode_release())
        talk.next(until)
    except Ended as ended:
        return bytes(said), str(ended)
    return bytes(said), ""


def _messages(bench: Bench, sought: Mapping[str, bytes]) -> dict[int, list[bytes]]:
    """Return the PDUs of a C-STORE and a C-FIND that hold the markers, by presentation context."""
    uid, study = new_uid(), new_uid()
    bench.ledger.keep(uid, study)
    header, pixels = sought[HEADER], sought[PIXELS]
    data = joined(
        {
            **base(uid, study, new_uid()),
            0x00100020: element(0x00100020, "LO", header),
            0x00280010: element(0x00280010, "US", b"\x08\0"),
            0x00280011: element(0x00280011, "US", b"\x40\0"),
            0x7FE00010: element(0x7FE00010, "OB", pixels * 8),
        }
    )
    query = Query(level="STUDY", keys=((0x00100020, "LO", sought[QUERY].decode()),))
    find = dimse.encode_command(
        {
            dimse.SOP_CLASS: services.FIND,
            dimse.FIELD: services.C_FIND_RQ,
            dimse.MESSAGE_ID: 2,
            dimse.PRIORITY: 0,
            dimse.DATA_SET_TYPE: 1,
        }
    )
    store = dimse.store_request(SECONDARY_CAPTURE, uid)
    return {
        3: list(pdu.fragments(3, store, data)),
        5: list(pdu.fragments(5, find, query.encoded(pdu.EXPLICIT_LE))),
    }


def _judged(
    bench: Bench,
    name: str,
    line: Line,
    said: bytes,
    tap: Tap,
    sought: Mapping[str, bytes],
    ended: str,
) -> LinkSeen:
    """Hunt in what passed the relay, and in what was said, where the markers must be found."""
    shake = line.handshake()
    passed = (bytes(tap.sent), bytes(tap.received))
    if said:
        bench.evidence.keep(f"{name}-on-the-path-c2s.bin", passed[0], phi="synthetic")
        bench.evidence.keep(f"{name}-on-the-path-s2c.bin", passed[1], phi="synthetic")
    known = dict(sought) | markers.windows([("association", said[:512])])
    here = markers.found(said, known)
    read = set(markers.found(passed[0], known)) | set(markers.found(passed[1], known))
    return LinkSeen(
        shake.version if shake else "",
        shake.suite if shake else "",
        sum(len(p) for p in passed),
        here,
        tuple(n for n in here if n in read)[:LISTED],
        ended,
    )


@driver(
    Impact.ASSOCIATE,
    at="listener",
    turns=lambda: len(CIPHERS),
    why="The product opens an association and sends what it likes; a relay looks at the octets.",
)
def hunt_client(bench: Bench) -> PathSeen | NotReached:
    """Let the product connect to us through a relay, and hunt in what passed for what it said inside.

    The second time we take only suites without encryption; refusing that is right.
    """
    seen = {}
    for name in CIPHERS if bench.endpoint.transport == "tls" else ("usual",):
        found = _relayed(bench, name)
        if isinstance(found, NotReached):
            if name == "usual":
                return found
            found = LinkSeen(ended=found.why)
        seen[name] = found
    return PathSeen(seen)


def _context(bench: Bench, name: str) -> Callable[[], ssl.SSLContext | None] | NotReached:
    if bench.endpoint.transport != "tls":
        return lambda: None
    files = serving_lines.files_of(bench, serving_lines.RIGHT)
    if isinstance(files, NotReached):
        return files

    def make() -> ssl.SSLContext:
        made = serving_lines.server_context(bench, *files)
        if name == NULL:
            made.maximum_version = ssl.TLSVersion.TLSv1_2
            made.set_ciphers(CIPHERS[name])
        return made

    return make


def _relayed(bench: Bench, name: str) -> LinkSeen | NotReached:
    """Serve one connection of the product behind a relay."""
    listener = bench.endpoint
    make = _context(bench, name)
    if isinstance(make, NotReached):
        return make
    bench.note(f"listening behind a relay ({name} suites)")
    said: queue.Queue[tuple[Line, bytes, str]] = queue.Queue()

    def serve(line: Line) -> None:
        heard = _Heard(line)
        ended = ""
        if line.failed:
            ended = str(line.failed)
        else:
            try:
                until = time.monotonic() + bench.deadline
                _, asked = heard.next(until)
                if isinstance(asked, pdu.Associate):
                    serving.answer(heard, asked, until)
            except Ended as stop:
                ended = str(stop)
        said.put((line, bytes(heard.plain), ended))

    with Acceptor("127.0.0.1", 0, make, serve) as own:
        with Relay(
            own.address, host=listener.host, port=listener.port, deadline=bench.deadline, room=ROOM
        ) as relay:
            slots = {
                "host": listener.host,
                "port": relay.here.rpartition(":")[2],
                "aet": listener.ae_title,
                "file": "",
            }
            folder = getattr(bench.target, "folder", bench.scratch)
            with acting(
                listener.trigger, folder=folder, slots=slots, what="open an association"
            ) as process:
                try:
                    line, plain, ended = said.get(timeout=listener.wait)
                except queue.Empty:
                    return NotReached("trigger", unreached(process, relay.here, listener.wait))
        tap = relay.taps[0] if relay.taps else Tap()
    return _heard(bench, name, line, plain, tap, ended)


class _Heard(Conversation):
    """A conversation that keeps the plain text of what came."""

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self.plain = bytearray()

    def next(self, until: float) -> tuple[int, pdu.Pdu]:
        """Return the next PDU; raises Ended."""
        found = super().next(until)
        self.plain += self.body[: max(ROOM - len(self.plain), 0)]
        return found


def _heard(bench: Bench, name: str, line: Line, plain: bytes, tap: Tap, ended: str) -> LinkSeen:
    shake = line.handshake()
    passed = (bytes(tap.sent), bytes(tap.received))
    if plain:
        bench.evidence.keep(f"{name}-on-the-path-c2s.bin", passed[0], phi="possible")
    known = markers.windows([("what it sent", plain)])
    return LinkSeen(
        shake.version if shake else "",
        shake.suite if shake else "",
        sum(len(p) for p in passed),
        tuple(known)[:LISTED],
        markers.found(passed[0], known)[:LISTED],
        ended,
    )
