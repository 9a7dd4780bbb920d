"""A de-identifier on the network: the planted corpus is stored with it, and it stores what it makes with us.

    [endpoints.router]                         # where it takes objects
    profiles = ["basic-confidentiality"]
    [listeners.research]                       # where it sends them
    profiles = ["basic-confidentiality"]
    wait = 60                                  # seconds until the last has come

Outputs are paired with originals by what de-identification leaves (``wire.deid_pairing``).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from part15.bench import Bench
from part15.channel.services import Instance
from part15.channel.tls import Ended
from part15.channel.trigger import acting
from part15.drivers import storage_lines
from part15.model import Impact
from part15.observations import Many, Member, NotReached
from part15.observations.deid import DeidSeen, MetaSeen
from part15.wire.deid import Claimed, read_object, read_pair
from part15.wire.deid_hunt import Hunter
from part15.wire.deid_pairing import paired
from part15.wire.deid_rules import BASIC, options
from part15.wire.elements import MalformedDataSet
from part15.wire.part10 import parse, uid_text
from part15.wire.trap_objects import Trap, file_of

if TYPE_CHECKING:
    from part15.peers.canaries import Corpus

STEP = "deidentify"
QUIET = 2.0
"""Seconds without another object after which no more is waited for, once as many came as were stored."""


@dataclass(frozen=True)
class Ends:
    """Where the SUT takes objects, and where it sends them."""

    into: Any
    out: Any


def ends_of(target: Any) -> Ends | None:
    """Return the endpoint and the listener whose ``profiles`` name a claim of Annex E, None without both."""
    claims = {BASIC, *options()}
    into, out = (
        next((p for p in places.values() if not claims.isdisjoint(p.profiles)), None)
        for places in (getattr(target, "endpoints", {}), getattr(target, "listeners", {}))
    )
    return Ends(into, out) if into is not None and out is not None else None


def through(
    bench: Bench, ends: Ends, corpus: Corpus, claim: Claimed, hunter: Hunter
) -> Many[DeidSeen] | NotReached:
    """Store *corpus* with the SUT, take what it sends, and read each output against its original."""
    if not Impact.STORE.within(bench.target.limits.impact):
        return NotReached(
            STEP, "not permitted by limits: objects have to be stored with the product"
        )
    sources = [(name, (corpus.folder / name).read_bytes()) for name in corpus.files]
    inbox = storage_lines.Inbox()
    try:
        arrived, refused = _passed(bench, ends, dict(sources), inbox)
    except Ended as ended:
        return NotReached(STEP, f"endpoints.{ends.into.id}: no association ({ended})")
    if not arrived:
        return NotReached(
            STEP,
            f"{len(sources) - refused} of {len(sources)} objects were stored with endpoints.{ends.into.id}, "
            f"and nothing came to listeners.{ends.out.id} within {ends.out.wait:g} s; let the product send "
            "what it de-identifies there, and raise wait if it takes longer",
        )
    outputs = [_as_file(each) for each in arrived]
    origin = paired([octets for _, octets in sources], outputs)
    members = []
    for number, octets in enumerate(outputs):
        at = origin.get(number)
        name, before = sources[at] if at is not None else ("", None)
        what = corpus.files[name] if name else f"object {number + 1} that came"
        regions = (corpus.region,) if name == corpus.burned and name else ()
        its = replace(claim, regions=regions, look_at_pixels=True)
        seen = _read(octets, before, what, its)
        if seen is None:
            return NotReached(STEP, f"{what} is no data set that can be read")
        bench.evidence.keep(f"output-{number:02d}.dcm", octets, phi="synthetic")
        told = hunter.in_text(arrived[number].uid, "(0000,1000)")
        members.append(
            Member(what, replace(seen, meta=MetaSeen(), survivors=seen.survivors + told))
        )
    return Many(tuple(members), "object")


def _passed(
    bench: Bench, ends: Ends, sources: Mapping[str, bytes], inbox: storage_lines.Inbox
) -> tuple[list[Instance], int]:
    """Return what arrived, and how many objects the SUT refused."""
    to, at = replace(bench, endpoint=ends.into), replace(bench, endpoint=ends.out)
    with storage_lines.acceptor(at, ends.out, inbox) as ours, _triggered(at, ours.host, ours.port):
        sent = [_instance(octets) for octets in sources.values()]
        answers = storage_lines.send(to, sent)
        stored = [uid for uid, said in answers.items() if said in (0, 0xB000, 0xB006, 0xB007)]
        if stored:
            _wait(inbox, len(stored), time.monotonic() + ends.out.wait)
    return list(inbox.instances), len(sent) - len(stored)


def _wait(inbox: storage_lines.Inbox, count: int, until: float) -> None:
    """Wait for *count* objects, and for further ones until it is quiet."""

    def more(least: int) -> Callable[[storage_lines.Inbox], bool]:
        return lambda box: len(box.instances) >= least

    if not inbox.wait(more(count), until):
        return
    while inbox.wait(more(len(inbox.instances) + 1), min(until, time.monotonic() + QUIET)):
        pass


@contextlib.contextmanager
def _triggered(bench: Bench, host: str, port: int) -> Iterator[None]:
    """Run the listener's trigger, if it has one, while objects pass: for a SUT that has to be told where to send."""
    listener = bench.endpoint
    if listener.trigger is None:
        yield
        return
    slots = {"host": host, "port": str(port), "aet": listener.ae_title}
    what = "de-identify what it gets and send it on"
    with acting(listener.trigger, folder=bench.target.folder, slots=slots, what=what):
        yield


def _instance(octets: bytes) -> Instance:
    file = parse(octets)
    sop_class, uid = (uid_text(file.meta_value(tag) or b"") for tag in (0x00020002, 0x00020003))
    return Instance(
        sop_class,
        uid,
        uid_text(file.meta_value(0x00020010) or b""),
        bytes(file.data_set[file.start :]),
    )


def _as_file(came: Instance) -> bytes:
    return file_of(Trap("", came.uid, came.data, came.transfer, came.sop_class))


def _read(octets: bytes, before: bytes | None, name: str, claim: Claimed) -> DeidSeen | None:
    try:
        if before is None:
            return read_object(octets, name, claim)
        return read_pair(before, octets, name, claim)
    except MalformedDataSet:
        return None
