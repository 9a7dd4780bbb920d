"""How the status drivers act: as partner, stranger or without protection; store, commit, fetch, and tell what came."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from part15.bench import Bench
from part15.channel import services
from part15.channel.messages import Messages
from part15.channel.services import Instance, Query
from part15.channel.tls import Ended
from part15.drivers import session_lines
from part15.drivers import storage_lines as lines
from part15.drivers.session_foreign import siblings
from part15.errors import Trouble
from part15.observations import NotReached
from part15.observations.comparison import ComparisonSeen
from part15.observations.status import PARTNER, PLAIN, STRANGER, EventSeen, StatusCase
from part15.wire import writing
from part15.wire.comparison import compare_sets
from part15.wire.comparison_span import DataSet
from part15.wire.elements import MalformedDataSet
from part15.wire.part10 import syntax_of
from part15.wire.trap_objects import EXPLICIT, SECONDARY_CAPTURE, base, joined, new_uid

STATUS, NUMBER = 0x01000410, 0x00200013
COMPANIONS = {
    0x01000420: "(0100,0420)",
    0x01000424: "(0100,0424)",
    0x01000426: "(0100,0426)",
}
OURS = ("(0100,0410)", *COMPANIONS.values())
STORED = (0, 0xB000, 0xB006, 0xB007)
UNKNOWN_DESTINATION = 0xA801
SLICE = 0.1
"""Seconds between looks at one association while another may come."""
Syntaxes = list[tuple[str, Sequence[str]]]


@dataclass(frozen=True)
class Party:
    """One of those who we can be: the bench to act on, and what to show there."""

    bench: Bench
    shown: session_lines.Shown


@dataclass
class Sent:
    """An instance that we stored: who sent it with what status, and whether it was committed since."""

    instance: Instance
    status: str | None
    came: str
    study: str = ""
    answer: int | str = ""
    asked: bool = False
    committed: bool = False
    handed: str = ""
    deletion: bool = False
    came_back: bool = False

    @property
    def stored(self) -> bool:
        """Tell whether the product said that it stored it."""
        return self.answer in STORED

    @property
    def said(self) -> str:
        """What the product answered, as text."""
        return f"{self.answer:04X}H" if isinstance(self.answer, int) else self.answer


@dataclass
class Play:
    """The study of one exploration: who we can be, and what was stored in it."""

    parties: dict[str, Party]
    missing: dict[str, str]
    study: str = field(default_factory=new_uid)
    series: str = field(default_factory=new_uid)
    sent: list[Sent] = field(default_factory=list)


def secure(bench: Bench) -> NotReached | None:
    """Return why nothing can be followed at a plain endpoint without a secure one beside it."""
    if bench.endpoint.transport == "plain" and not elsewhere(bench):
        return NotReached(
            "transport",
            "the target has no secure endpoint, so it cannot have partners of Online Electronic Storage",
        )
    return None


def elsewhere(bench: Bench) -> str:
    """Return the secure endpoint at which a plain one is judged, empty if this one is secure or there is none."""
    if bench.endpoint.transport != "plain":
        return ""
    return next((name for name, _ in siblings(bench, "tls")), "")


def at_secure(bench: Bench) -> Bench:
    """Return *bench* at the secure endpoint beside a plain one, or itself."""
    where = elsewhere(bench)
    return dataclasses.replace(bench, endpoint=bench.target.endpoints[where]) if where else bench


def begin(bench: Bench) -> Play:
    """Return a play at a secure endpoint with everybody who we can be."""
    parties = {PARTNER: Party(bench, session_lines.identity_of(bench))}
    missing = {}
    other = bench.endpoint.identities.get("other")
    if other is not None:
        parties[STRANGER] = Party(bench, session_lines.shown(bench, other, "identities.other"))
    else:
        missing[STRANGER] = (
            f"give endpoints.{bench.endpoint.id}.identities.other: a second certificate of the same CA, "
            "which the product does not know as a partner of Online Electronic Storage"
        )
    plain = next((point for _, point in siblings(bench, "plain")), None)
    if plain is not None:
        parties[PLAIN] = Party(dataclasses.replace(bench, endpoint=plain), session_lines.Shown())
    else:
        missing[PLAIN] = (
            "the target has no plain endpoint on the same host; give it if there is one"
        )
    return Play(parties, missing)


def made(play: Play, status: str | None, came: str) -> Sent:
    """Return a new instance with *status*, not sent yet, and note it in *play*."""
    uid, number = new_uid(), len(play.sent) + 1
    elements = base(uid, play.study, play.series)
    elements[NUMBER] = writing.element(NUMBER, "IS", str(number))
    if status is not None:
        elements[STATUS] = writing.element(STATUS, "CS", status)
        elements[0x01000420] = writing.element(0x01000420, "DT", "20260102101112.000000+0000")
        elements[0x01000424] = writing.element(0x01000424, "LT", "PART15")
        elements[0x01000426] = writing.element(0x01000426, "LO", "PART15-1")
    sent = Sent(
        Instance(SECONDARY_CAPTURE, uid, EXPLICIT, joined(elements)), status, came, play.study
    )
    play.sent.append(sent)
    return sent


def store(play: Play, wanted: Sequence[Sent]) -> None:
    """Store *wanted* by who each comes from; what the product answers is noted in each."""
    for who, party in tuple(play.parties.items()):
        mine = [s for s in wanted if s.came == who]
        if not mine:
            continue
        try:
            answers = lines.send(party.bench, [s.instance for s in mine], shown=party.shown)
        except Ended as ended:
            answers = {s.instance.uid: f"no association: {ended}" for s in mine}
        except Trouble as trouble:
            if who == PARTNER or trouble.step != "connect":
                raise
            play.missing[who] = f"the {who} endpoint cannot be reached ({trouble.why})"
            del play.parties[who]
            answers = {}
        for sent in mine:
            sent.answer = answers.get(sent.instance.uid, "not sent")


def fetch(play: Play, asked: str, wanted: Iterable[Sent], uid: str = "") -> list[StatusCase]:
    """C-GET the study (or *uid*) of *play* as *asked* and tell what came of each of *wanted*.

    Raises Ended("no context") if the product does not offer C-GET.
    """
    party = play.parties[asked]
    stored = [s for s in wanted if s.stored]
    query = Query(play.study, play.series if uid else "", uid, "IMAGE" if uid else "STUDY")
    try:
        found = lines.by_get(party.bench, [s.instance for s in stored], query, shown=party.shown)
    except (Ended, Trouble) as ended:
        if asked == PARTNER:
            raise
        found = services.Retrieved(ended=str(ended))
    if found is None:
        raise Ended("no context", "C-GET is not offered")
    return cases_of(stored, asked, found, "C-GET")


def cases_of(
    stored: Sequence[Sent], asked: str, found: services.Retrieved, route: str
) -> list[StatusCase]:
    """Return the case of each of *stored* that was *asked* for by *route*, of which *found* came."""
    came = {i.uid: i for i in found.instances}
    by_number = {_text(i, NUMBER): i for i in found.instances}
    cases = []
    backs = [came.get(s.instance.uid) or by_number.get(_text(s.instance, NUMBER)) for s in stored]
    for sent, back in zip(stored, backs, strict=True):
        beside = sent.came_back or any(b is not None for b in backs)
        sent.came_back = sent.came_back or (back is not None and asked == PARTNER)
        cases.append(
            dataclasses.replace(
                case_of(sent, asked, back),
                route=route,
                answer=lines.answer_of(found),
                handed=sent.handed,
                deletion=sent.deletion,
                beside=beside,
            )
        )
    return cases


def destinations(bench: Bench) -> dict[str, object]:
    """Return a listener of ours for each of partner, stranger and plain that has one with a fixed port."""
    found: dict[str, object] = {}
    for listener in bench.target.listeners.values():
        if not listener.port or listener.transport not in ("plain", bench.endpoint.transport):
            continue
        kind = STRANGER if listener.stranger else PARTNER
        found.setdefault(PLAIN if listener.transport == "plain" else kind, listener)
    return found


def moved(play: Play, asked: str, wanted: Iterable[Sent]) -> list[StatusCase]:
    """C-MOVE the study of *play*, as partner, to our listener of the kind *asked*; tell what came there.

    Nothing where we have no such listener, or the product offers no C-MOVE or does not know its AE title.
    """
    party = play.parties[PARTNER]
    listener = destinations(party.bench).get(asked)
    stored = [s for s in wanted if s.stored]
    if listener is None or not stored:
        return []
    query = Query(study=play.study, level="STUDY")
    try:
        found = lines.by_move(party.bench, listener, query, len(stored), shown=party.shown)
    except Ended as ended:
        found = services.Retrieved(ended=str(ended))
    if found is None or (found.status == UNKNOWN_DESTINATION and not found.instances):
        return []
    return cases_of(stored, asked, found, "C-MOVE")


def _text(instance: Instance, tag: int) -> str | None:
    try:
        value = writing.value_of(instance.data, tag, syntax_of(instance.transfer))
    except MalformedDataSet:
        return None
    return None if value is None else value.decode("latin-1").strip(" \0")


def case_of(sent: Sent, asked: str, back: Instance | None) -> StatusCase:
    """Return the case of *sent*, of which *back* came to *asked*."""
    if back is None:
        return StatusCase(
            sent.status, sent.came, asked, sent.committed, delivered=False, requested=sent.asked
        )
    companions = tuple(name for tag, name in COMPANIONS.items() if _text(back, tag) is not None)
    return StatusCase(
        sent.status,
        sent.came,
        asked,
        sent.committed,
        True,
        _text(back, STATUS),
        companions,
        _text(back, 0x00080018) == sent.instance.uid and back.uid == sent.instance.uid,
        _changed(sent.instance, back),
        sent.asked,
        gained=_gained(sent.instance, back),
    )


def _compared(before: Instance, after: Instance) -> ComparisonSeen | None:
    try:
        sets = [DataSet.of(i.data, syntax=syntax_of(i.transfer)) for i in (before, after)]
    except MalformedDataSet:
        return None
    return compare_sets(*sets, uids=(before.transfer, after.transfer))


def _changed(before: Instance, after: Instance) -> tuple[str, ...]:
    seen = _compared(before, after)
    if seen is None:
        return ("it cannot be read",)
    return tuple(
        d.path
        for d in seen.differences
        if d.path not in (*OURS, "(0008,0018)")
        and d.kind not in ("added", "VR")
        and not (d.kind == "removed" and ", 0 octets" in d.before)
    )


def _gained(before: Instance, after: Instance) -> tuple[str, ...]:
    seen = _compared(before, after)
    found = seen.differences if seen else ()
    return tuple(d.path for d in found if d.kind == "added" and d.path not in OURS)


@dataclass
class Reports:
    """What became of one request for commitment."""

    offered: bool
    action: int | None
    events: tuple[EventSeen, ...] = ()
    listened: bool = False


def own_listeners(bench: Bench) -> list[object]:
    """Return the listeners of the same transport with a fixed port and our own AE title."""
    return [
        listener
        for listener in bench.target.listeners.values()
        if listener.transport == bench.endpoint.transport
        and listener.port
        and listener.ae_title == bench.endpoint.calling_ae_title
    ]


def report_listeners(bench: Bench) -> list[object]:
    """Return the listeners to which reports of commitment may come: of our AE title, the same transport first."""
    title = bench.endpoint.calling_ae_title
    mine = [x for x in bench.target.listeners.values() if x.port and x.ae_title == title]
    return sorted(mine, key=lambda x: x.transport != bench.endpoint.transport)


def commit(party: Party, rows: Sequence[tuple[str, str]], *, repeated: bool = False) -> Reports:
    """Ask for storage commitment of *rows* (SOP class, instance) and wait for the report about the first.

    *repeated*: wait a little longer for a second report, which should not come.

    The report may come on the same association, or on a new one to the listener with our AE title.
    """
    bench, inbox, transaction = party.bench, lines.Inbox(), new_uid()
    syntaxes: Syntaxes = [(services.COMMITMENT, (lines.EXPLICIT, lines.IMPLICIT))]
    own = [lines.acceptor(bench, listener, inbox) for listener in report_listeners(bench)[:1]]
    try:
        try:
            with lines.association(bench, syntaxes, shown=party.shown) as talk:
                if talk.context_of(services.COMMITMENT) is None:
                    return Reports(offered=False, action=None)
                bench.note(f"N-ACTION for storage commitment of {len(rows)} test objects")
                return _reported(
                    bench, talk, inbox, transaction, rows, listened=bool(own), repeated=repeated
                )
        except Ended as ended:
            refused = ended.how in ("rejected", "aborted")
            return Reports(offered=not refused, action=None, listened=bool(own))
    finally:
        for each in own:
            each.close()


def _reported(
    bench: Bench,
    talk: Messages,
    inbox: lines.Inbox,
    transaction: str,
    rows: Sequence[tuple[str, str]],
    *,
    listened: bool,
    repeated: bool,
) -> Reports:
    same: list[services.Commitment] = []
    until = bench.until()
    action = services.ask_commitment(
        talk,
        transaction,
        rows,
        until,
        other=lambda m: same.append(services.take_event(talk, m, until)),
    )

    while action == 0 and not same and not inbox.events and time.monotonic() < until:
        _listen(talk, same, min(until, time.monotonic() + SLICE), until)
    if repeated and (same or inbox.events):
        _listen(talk, same, time.monotonic() + SLICE, until)
    found = [("same", c) for c in tuple(same)] + [("new", c) for c in tuple(inbox.events)]
    events = tuple(_event(c, transaction, rows[0][1], route) for route, c in found)
    return Reports(True, action, events, listened)


def _listen(talk: Messages, same: list[services.Commitment], until: float, latest: float) -> None:
    """Take one report that comes on this association until *until*, if one does."""
    try:
        same.append(services.take_event(talk, talk.get(until), latest))
    except Ended as ended:
        if ended.how != "silent":
            raise


def _event(found: services.Commitment, transaction: str, uid: str, route: str) -> EventSeen:
    said = "committed" if uid in found.committed else "failed" if uid in found.failed else "nothing"
    ours = found.transaction == transaction
    return EventSeen(found.event, ours, said, found.failed.get(uid, 0), route)


def commit_sent(play: Play, wanted: Sequence[Sent]) -> None:
    """Have each of *wanted* that was stored committed as partner, and note which were."""
    for sent in (s for s in wanted if s.stored):
        row = (sent.instance.sop_class, sent.instance.uid)
        sent.asked = True
        reports = commit(play.parties[PARTNER], [row])
        sent.committed = any(e.ours and e.said == "committed" for e in reports.events)
