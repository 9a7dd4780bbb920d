"""Stimuli of Storage: trap objects sent and brought back by every route, and what is negotiated."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Iterable, Sequence

from part15.bench import Bench
from part15.channel import services
from part15.channel.association import Conversation
from part15.channel.services import Instance, Query
from part15.channel.tls import Ended
from part15.drivers import session_lines
from part15.drivers import storage_lines as lines
from part15.model import Impact
from part15.observations import Many, Member, NotReached
from part15.observations.comparison import ComparisonSeen
from part15.observations.storage import ExtendedAnswer, NegotiationSeen, Offer, RoundTripSeen
from part15.registry import driver
from part15.wire import part10, pdu, tree
from part15.wire.comparison import compare_sets
from part15.wire.comparison_span import DataSet
from part15.wire.elements import MalformedDataSet
from part15.wire.part10 import syntax_of
from part15.wire.trap_objects import (
    EXPLICIT,
    SECONDARY_CAPTURE,
    STATUS_TRAP,
    Trap,
    base,
    file_of,
    joined,
    new_uid,
    traps,
)
from part15.wire.writing import element, replaced

STORED = (0, 0xB000, 0xB006, 0xB007)
"""Statuses with which an object was stored (PS3.4 B.2.3): success and the warnings."""
EXTENDED_ITEM = 0x56
BIG_ENDIAN = "1.2.840.10008.1.2.2"
SWAPPED_ROUTE = "C-GET in Explicit VR Big Endian"
"""A product need not convert: what does not come by this route is not missed."""
SWAPPED = ("plain", "every binary VR", "items in order, empty, of both lengths")
"""The trap objects that are also sent in Explicit VR Big Endian."""
GENERATED, COUNT, SEED = "generated object", 12, 15
SHRINKING = 10.0
"""Seconds for finding the smallest generated object that differs."""


def compare(before: Instance, after: Instance | None, name: str, route: str) -> ComparisonSeen:
    """Compare what was sent with what came back, None if nothing did."""
    names = name, f"{name} by {route}"
    if after is None:
        return ComparisonSeen(
            *names, problem=f"{name} was stored, but did not come back by {route}"
        )
    if before.data == after.data and before.transfer == after.transfer:
        count = DataSet.of(before.data, syntax=syntax_of(before.transfer)).elements
        return ComparisonSeen(*names, True, before.transfer, after.transfer, elements=len(count))
    try:
        sets = [DataSet.of(i.data, syntax=syntax_of(i.transfer)) for i in (before, after)]
    except MalformedDataSet as error:
        return ComparisonSeen(*names, problem=f"{name} cannot be walked after {route}: {error}")
    return compare_sets(*sets, names=names, uids=(before.transfer, after.transfer))


def _instance(trap: Trap) -> Instance:
    return Instance(trap.sop_class, trap.uid, trap.transfer, trap.data)


def _sent(bench: Bench) -> list[Trap]:
    claims_status = "online-electronic-storage" in bench.target.claims
    fixed = traps()
    study = session_study(fixed)
    generated = [
        _generated(content, f"{GENERATED} {n}", study) for n, content in enumerate(_contents(), 1)
    ]
    swapped = [big_endian(t) for t in fixed if t.name in SWAPPED]
    kept = (t for t in fixed if not (claims_status and t.name == STATUS_TRAP))
    return [*kept, *swapped, *generated]


def big_endian(trap: Trap) -> Trap:
    """Return *trap* as another object in Explicit VR Big Endian."""
    uid = new_uid()
    syntax = syntax_of(trap.transfer)
    named = replaced(trap.data, {0x00080018: element(0x00080018, "UI", uid)}, syntax)
    moved = part10.parse(tree.moved(file_of(Trap(trap.name, uid, named)), BIG_ENDIAN))
    data = bytes(moved.data_set[moved.start :])
    return Trap(f"{trap.name}, big endian", uid, data, BIG_ENDIAN, trap.sop_class)


@functools.cache
def _contents() -> tuple[dict[int, bytes], ...]:
    from part15.strategies import contents, drawn

    return tuple(drawn(contents(least=8), COUNT, SEED))


def _generated(content: dict[int, bytes], name: str, study: str = "") -> Trap:
    uid = new_uid()
    return Trap(name, uid, joined({**base(uid, study or new_uid(), new_uid()), **content}))


def _shows_more(members: Sequence[Member[RoundTripSeen]]) -> dict[int, bytes] | None:
    """Return a generated content that differs in another way than the fixed objects did by C-GET."""
    known: set[tuple[str, str]] = set()
    for member in members:
        if member.seen.route != "C-GET":
            continue
        found = {
            (d.kind, d.nature) for d in member.seen.comparison.differences if d.kind != "added"
        }
        name = member.subject.partition(" by ")[0]
        if not name.startswith(GENERATED):
            known |= found
        elif found - known:
            return _contents()[int(name.removeprefix(GENERATED)) - 1]
    return None


def _shrunk(bench: Bench, content: dict[int, bytes]) -> Member[RoundTripSeen] | None:
    """Leave out what can be left out of *content* so that it still differs; keep it as evidence."""
    until = time.monotonic() + SHRINKING
    best = _alone(bench, content)
    if best is None or not _differs(best):
        return None
    for tag in sorted(content):
        if time.monotonic() >= until:
            break
        less = {t: octets for t, octets in content.items() if t != tag}
        seen = _alone(bench, less)
        if seen is not None and _differs(seen):
            content, best = less, seen
    smallest = _generated(content, "smallest")
    bench.evidence.keep("smallest-that-differs.dcm", file_of(smallest), phi="synthetic")
    return Member(f"{GENERATED}, smallest that differs", best)


def _differs(seen: RoundTripSeen) -> bool:
    return seen.comparison.total > seen.comparison.count("added")


def _alone(bench: Bench, content: dict[int, bytes]) -> RoundTripSeen | None:
    """Store one generated object and bring it back by C-GET; None if that does not go."""
    trap = _generated(content, GENERATED)
    instance = _instance(trap)
    try:
        status = lines.send(bench, [instance]).get(trap.uid)
        if not isinstance(status, int) or status not in STORED:
            return None
        found = lines.by_get(bench, [instance], lines.one(instance))
    except Ended:
        return None
    back = next((i for i in found.instances if i.uid == trap.uid), None) if found else None
    if back is None:
        return None
    return RoundTripSeen(compare(instance, back, GENERATED, "C-GET"), status, "C-GET")


def _routes(bench: Bench, stored: Sequence[Trap]) -> Iterable[tuple[str, list[Instance] | None]]:
    """Yield each route and what came back by it, None where the product does not offer it."""
    wanted = [_instance(t) for t in stored]
    study = session_study(stored)
    yield "C-GET", _got(bench, wanted, study)
    swapped = lines.by_get(bench, wanted, Query(study=study, level="STUDY"), only=(BIG_ENDIAN,))
    yield SWAPPED_ROUTE, (swapped.instances or None) if swapped else None
    for name, listener in bench.target.listeners.items():
        fits = listener.transport == bench.endpoint.transport and not listener.stranger
        if fits and listener.port:
            query = Query(study=study, level="STUDY")
            moved = lines.by_move(bench, listener, query, len(wanted))
            yield f"C-MOVE to {name}", moved.instances if moved and lines.served(moved) else None
    yield "files", lines.in_files(bench, [t.uid for t in stored])


def session_study(stored: Sequence[Trap]) -> str:
    """Return the Study Instance UID of *stored*."""
    from part15.wire.writing import uid_text, value_of

    value = value_of(stored[0].data, 0x0020000D, syntax_of(stored[0].transfer))
    return uid_text(value or b"")


def _got(bench: Bench, wanted: Sequence[Instance], study: str) -> list[Instance] | None:
    """Return what C-GET brings, by study and then one by one what did not come; None if it is not served."""
    found = lines.by_get(bench, wanted, Query(study=study, level="STUDY"))
    if found is None or not lines.served(found):
        return None
    ours = {i.uid for i in wanted}
    instances = [i for i in found.instances if i.uid in ours]
    if found.ended:
        came = {i.uid for i in instances}
        for missing in [i for i in wanted if i.uid not in came]:
            again = lines.by_get(bench, [missing], lines.one(missing))
            instances += [i for i in (again.instances if again else []) if i.uid == missing.uid]
    return instances


def _round_trips(bench: Bench) -> Many[RoundTripSeen] | NotReached:
    sent = _sent(bench)
    try:
        answers = lines.send(bench, [_instance(t) for t in sent])
    except Ended as ended:
        raise lines.unopened(bench, ended) from None
    stored = [t for t in sent if answers.get(t.uid) in STORED]
    if not stored:
        said = sorted({f"{a:04X}H" if isinstance(a, int) else a for a in answers.values()})
        return NotReached(
            "C-STORE", f"none of {len(sent)} test objects was stored ({', '.join(said[:3])})"
        )
    members: list[Member[RoundTripSeen]] = []
    offered = []
    for route, came in _routes(bench, stored):
        if came is None:
            continue
        offered.append(route)
        by_uid = {i.uid: i for i in came}
        for trap in stored:
            status = answers[trap.uid]
            assert isinstance(status, int)
            back = by_uid.get(trap.uid)
            if back is None and route == SWAPPED_ROUTE:
                continue
            seen = compare(_instance(trap), back, trap.name, route)
            _keep(bench, trap, back, seen)
            members.append(Member(f"{trap.name} by {route}", RoundTripSeen(seen, status, route)))
    more = _shows_more(members)
    if more is not None and (shrunk := _shrunk(bench, more)) is not None:
        members.append(shrunk)
    if not offered:
        return NotReached(
            "retrieval",
            "the product serves neither C-GET nor C-MOVE, and the target names no media.folder; "
            "give a listener whose ae_title the product knows, or the folder in which it stores",
        )
    return Many(tuple(members), "object")


def _keep(bench: Bench, trap: Trap, back: Instance | None, seen: ComparisonSeen) -> None:
    if back is None or seen.identical or not seen.total:
        return
    for when, octets in (("sent", trap.data), ("returned", back.data)):
        bench.evidence.keep(f"{trap.name}-{when}.bin", octets, phi="synthetic")


def _once(bench: Bench) -> Many[RoundTripSeen] | NotReached:
    key = ("round trips", bench.endpoint.id)
    found: Many[RoundTripSeen] | NotReached = bench.shelf.once(key, lambda: _round_trips(bench))
    return found


@driver(Impact.STORE)
def store_and_retrieve(bench: Bench) -> Many[ComparisonSeen] | NotReached:
    """Store the trap objects, bring them back by C-GET, C-MOVE and as files, and compare the octets.

    Objects that are refused are not judged: nobody must take every object. Each is sent in its own
    transfer syntax, and comes back in what the product prefers of it and Implicit VR Little Endian.
    """
    found = _once(bench)
    if isinstance(found, NotReached):
        return found
    return Many(tuple(Member(m.subject, m.seen.comparison) for m in found.members), "object")


@driver(Impact.STORE)
def watch_coercion(bench: Bench) -> Many[RoundTripSeen] | NotReached:
    """Store and bring back as ``store_and_retrieve`` does, and tell the statuses too."""
    return _once(bench)


_EXTENDED = {
    "right": b"\x03\0\0\0\x02\0",
    "five octets": b"\x03\0\0\0\x02",
    "seven octets": b"\x03\0\0\0\x02\0\0",
    "undefined values": b"\x09\0\x09\0\x09\0",
}


@driver(Impact.ASSOCIATE)
def negotiate(bench: Bench) -> NegotiationSeen | NotReached:
    """Propose Storage in several ways, and SOP Class Extended Negotiation of right and wrong lengths."""
    offers = {
        "implicit before explicit": (pdu.IMPLICIT_LE, EXPLICIT),
        "explicit before implicit": (EXPLICIT, pdu.IMPLICIT_LE),
        "implicit only": (pdu.IMPLICIT_LE,),
    }
    seen: dict[str, Offer] = {}
    for name, transfers in offers.items():
        bench.note(f"association that proposes Storage, {name}")
        try:
            with lines.association(bench, [(SECONDARY_CAPTURE, transfers)]) as talk:
                accepted = [transfer for _, transfer in talk.contexts.values()]
        except Ended as ended:
            if not seen:
                raise lines.unopened(bench, ended) from None
            accepted = []
        seen[name] = Offer(transfers, accepted[0] if accepted else "")
    extended = {name: _extended(bench, octets) for name, octets in _EXTENDED.items()}
    return NegotiationSeen(seen, extended)


def _extended(bench: Bench, octets: bytes) -> ExtendedAnswer:
    bench.note(f"association with SOP Class Extended Negotiation of {len(octets)} octets")
    name = SECONDARY_CAPTURE.encode()
    body = len(name).to_bytes(2, "big") + name + octets
    point = bench.endpoint
    asked = services.proposal(
        point.ae_title, point.calling_ae_title, [(SECONDARY_CAPTURE, (EXPLICIT,))]
    )
    asked = dataclasses.replace(asked, user_items=(*asked.user_items, (EXTENDED_ITEM, body)))
    line = session_lines.open_line(bench, session_lines.identity_of(bench))
    talk, until = Conversation(line), bench.until()
    try:
        if line.failed:
            raise line.failed
        talk.send(pdu.encode_request(asked), until)
        _, said = talk.next(until)
    except Ended as ended:
        return ExtendedAnswer(octets, ended.how)
    finally:
        line.close()
    if not isinstance(said, pdu.Associate):
        return ExtendedAnswer(octets, type(said).__name__.lower())
    answer = next((b for k, b in said.user_items if k == EXTENDED_ITEM), None)
    return ExtendedAnswer(octets, "accepted", answer[2 + len(name) :] if answer else None)
