"""How objects are stored with the product and brought back: associations, routes, and our own acceptor."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from part15.bench import Bench
from part15.channel import services
from part15.channel.acceptor import Acceptor, listener_context
from part15.channel.association import Line
from part15.channel.messages import Message, Messages
from part15.channel.services import Instance, Query
from part15.channel.tls import Ended
from part15.drivers import session_lines as lines
from part15.errors import Trouble
from part15.wire import dimse, pdu
from part15.wire.elements import MalformedDataSet
from part15.wire.part10 import open_file, syntax_of
from part15.wire.writing import uid_text, value_of

EXPLICIT, IMPLICIT = pdu.EXPLICIT_LE, pdu.IMPLICIT_LE
MODELS = (services.GET, services.MOVE, services.FIND)
STORAGE = "1.2.840.10008.5.1.4.1.1."
FILES = 10_000
"""Files of a folder that are looked into."""


@contextlib.contextmanager
def association(
    bench: Bench,
    syntaxes: Sequence[tuple[str, Sequence[str]]],
    *,
    as_scp: Iterable[str] = (),
    shown: lines.Shown | None = None,
) -> Iterator[Messages]:
    """Give an association with the endpoint for *syntaxes*, released afterwards; raises Ended and Trouble."""
    line = lines.open_line(bench, shown or lines.identity_of(bench))
    point = bench.endpoint
    asked = services.proposal(point.ae_title, point.calling_ae_title, syntaxes, as_scp=as_scp)
    talk = services.opened(line, asked, bench.until())
    try:
        yield talk
    finally:
        services.close(talk, bench.until())


def send(
    bench: Bench, instances: Sequence[Instance], *, shown: lines.Shown | None = None
) -> dict[str, int | str]:
    """C-STORE *instances*; return by UID the status, or how it ended without one.

    An association that ends is opened anew for the next instance. Raises Ended if the first cannot
    be opened, and Trouble.
    """
    answers: dict[str, int | str] = {}
    left = list(instances)
    while left:
        pairs = list(dict.fromkeys((i.sop_class, i.transfer) for i in left))
        began = len(left)
        with association(bench, [(c, (t,)) for c, t in pairs[:120]], shown=shown) as talk:
            while left:
                instance = left.pop(0)
                bench.note(f"C-STORE of test object {instance.uid}")
                bench.ledger.keep(instance.uid, one(instance).study)
                try:
                    status = services.store(talk, instance, bench.until())
                except Ended as ended:
                    answers[instance.uid] = str(ended)
                    if ended.how != "no context":
                        break
                else:
                    answers[instance.uid] = "no status" if status is None else status
        if len(left) == began:
            break
    return answers


def retrieval(classes: Iterable[str], transfers: Sequence[str]) -> list[tuple[str, Sequence[str]]]:
    """Return the contexts to retrieve objects of *classes* with, one per transfer syntax."""
    found: list[tuple[str, Sequence[str]]] = [(m, (EXPLICIT, IMPLICIT)) for m in MODELS]
    return [*found, *((c, (t,)) for c in classes for t in transfers)]


def by_get(
    bench: Bench,
    wanted: Sequence[Instance],
    query: Query,
    *,
    shown: lines.Shown | None = None,
    only: Sequence[str] = (),
) -> services.Retrieved | None:
    """C-GET *query* for objects like *wanted*; None if the product does not offer C-GET. Raises Ended.

    We take Explicit VR Little Endian, their own syntaxes and Implicit VR Little Endian, or *only* others.
    """
    classes = list(dict.fromkeys(i.sop_class for i in wanted))
    own = dict.fromkeys([EXPLICIT, *(i.transfer for i in wanted), IMPLICIT])
    transfers = list(only or own)
    syntaxes = retrieval(classes, transfers)
    with association(bench, syntaxes, as_scp=classes, shown=shown) as talk:
        if talk.context_of(services.GET) is None:
            return None
        return services.get(talk, query, bench.until())


@dataclass
class Inbox:
    """What arrived at our own acceptor."""

    instances: list[Instance] = field(default_factory=list)
    events: list[services.Commitment] = field(default_factory=list)
    actions: list[Message] = field(default_factory=list)
    proposals: list[pdu.Associate] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def wait(self, done: Callable[[Inbox], bool], until: float) -> bool:
        """Wait until *done* says so, at the latest until *until*; tell whether it did."""
        with self.changed:
            return self.changed.wait_for(
                lambda: done(self), timeout=max(until - time.monotonic(), 0)
            )


Respond = Callable[[Messages, Message, float], None]


def acceptor(bench: Bench, listener: Any, inbox: Inbox, *, act: Respond | None = None) -> Acceptor:
    """Return our acceptor on *listener*, which takes what is stored and reported into *inbox*.

    *act* answers N-ACTION requests; without it they get status 0000H.
    """
    listener_context(listener)

    def serve(line: Line) -> None:
        if line.failed:
            return
        talk = Messages(line)
        _, asked = talk.next(bench.until())
        if not isinstance(asked, pdu.Associate):
            return
        with inbox.changed:
            inbox.proposals.append(asked)
            inbox.changed.notify_all()
        answered = _answered(asked)
        talk.send(pdu.encode_accept(answered), bench.until())
        talk.agree(asked, answered, asked)
        while True:
            _served(talk, talk.get(time.monotonic() + listener.wait), inbox, bench.until(), act)

    return Acceptor(
        listener.host,
        listener.port,
        lambda: listener_context(listener),
        serve,
        recorder=bench.recorder,
    )


def _answered(asked: pdu.Associate) -> pdu.Associate:
    contexts = tuple(
        pdu.PresentationContext(c.id, "", (_chosen(c.transfers),), 0) for c in asked.contexts
    )
    users = pdu.default_user_items(1 << 17) + tuple(i for i in asked.user_items if i[0] == 0x54)
    return pdu.Associate(asked.called, asked.calling, contexts, users)


def _chosen(transfers: Sequence[str]) -> str:
    return next((t for t in transfers if t != IMPLICIT), (transfers or (IMPLICIT,))[0])


def _served(
    talk: Messages, message: Message, inbox: Inbox, until: float, act: Respond | None
) -> None:
    if message.kind & dimse.RESPONSE:
        return
    if message.kind == dimse.C_STORE_RQ:
        instance = services.take_store(talk, message, until)
        with inbox.changed:
            inbox.instances.append(instance)
            inbox.changed.notify_all()
    elif message.kind == services.N_EVENT_RQ:
        event = services.take_event(talk, message, until)
        with inbox.changed:
            inbox.events.append(event)
            inbox.changed.notify_all()
    else:
        answer = dimse.decode_command(dimse.response_to(message.command))
        talk.put(message.context, answer, until)
        if message.kind == services.N_ACTION_RQ:
            with inbox.changed:
                inbox.actions.append(message)
                inbox.changed.notify_all()
            if act is not None:
                act(talk, message, until)


def by_move(
    bench: Bench,
    listener: object,
    query: Query,
    count: int,
    *,
    shown: lines.Shown | None = None,
) -> services.Retrieved | None:
    """C-MOVE *query* to *listener*; return what arrived there, None if the product does not offer C-MOVE.

    Waits for as many instances as the final response counts (*count* if it counts none), or the end of
    the bench's deadline after it. Raises Ended.
    """
    inbox = Inbox()
    title = getattr(listener, "ae_title", "")
    with acceptor(bench, listener, inbox):
        with association(bench, retrieval((), ()), shown=shown) as talk:
            found = ask_move(bench, talk, query, title)
        if found is None:
            return None
        if found.status in (0, 0xB000):
            wanted = found.counters.get("completed", count)
            inbox.wait(lambda box: len(box.instances) >= wanted, bench.until())
        found.instances = list(inbox.instances)
        return found


def ask_move(bench: Bench, talk: Messages, query: Query, title: str) -> services.Retrieved | None:
    """C-MOVE *query* to *title* on *talk*, whoever listens there; None if it is not offered."""
    if talk.context_of(services.MOVE) is None:
        return None
    bench.note(f"C-MOVE of our test objects to {title}")
    return services.move(talk, query, title, bench.until())


def one(instance: Instance) -> Query:
    """Return the query for *instance* alone, with the UIDs above it, which a hierarchical search needs."""
    syntax = syntax_of(instance.transfer)
    try:
        study, series = (
            uid_text(value_of(instance.data, tag, syntax) or b"")
            for tag in (0x0020000D, 0x0020000E)
        )
    except MalformedDataSet:
        study = series = ""
    return Query(study, series, instance.uid)


def served(found: services.Retrieved | None) -> bool:
    """Tell whether a retrieval was served at all: something came, or its status is no failure."""
    if found is None:
        return False
    return bool(found.instances or found.ended) or found.status in (0, 0xB000)


def answer_of(found: services.Retrieved) -> str:
    """Return the final status of a retrieval as text, or how it ended without one."""
    return f"{found.status:04X}H" if found.status is not None else found.ended or "no status"


def in_files(bench: Bench, wanted: Iterable[str]) -> list[Instance] | None:
    """Return those of *wanted* that stand as DICOM files in ``media.folder``, None if there is none."""
    media = bench.target.media
    if media is None:
        return None
    uids = set(wanted)
    found = []
    paths = sorted(p for p in Path(media.folder).rglob("*") if p.is_file())[:FILES]
    for path in paths:
        try:
            file = open_file(path)
        except (MalformedDataSet, OSError, ValueError):
            continue
        uid, sop = (
            (file.meta_value(tag) or b"").rstrip(b"\0 ").decode("latin-1")
            for tag in (0x00020003, 0x00020002)
        )
        if uid in uids:
            data = bytes(file.data_set[file.start :])
            found.append(Instance(sop, uid, file.transfer_syntax, data))
    return found


def unopened(bench: Bench, ended: Ended) -> Trouble:
    """Return what to raise if no association for Storage could be opened."""
    return Trouble(
        "association",
        f"no association with '{bench.endpoint.ae_title}' at {bench.endpoint.address}: {ended}",
    )
