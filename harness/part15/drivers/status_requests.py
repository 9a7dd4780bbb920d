"""Stimuli in which the product creates an instance for Online Electronic Storage and sends it to us."""

from __future__ import annotations

import re
import time

from part15.bench import Bench
from part15.channel.services import Instance
from part15.channel.trigger import acting
from part15.drivers import storage_lines as lines
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.status import CreatedElement, CreatedSeen
from part15.registry import driver
from part15.wire import writing
from part15.wire.dictionary import tag_text
from part15.wire.elements import UNDEFINED, MalformedDataSet
from part15.wire.part10 import syntax_of

_DT = re.compile(r"\d{4}(\d{2}(\d{2}(\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?)?)?)?([+-]\d{4})?")
_LENGTHS = {0x01000424: 10240, 0x01000426: 64}


@driver(Impact.ASSOCIATE, at="listener")
def receive_created(bench: Bench) -> CreatedSeen | NotReached:
    """Have the product create an instance for diagnostic use and send it to us, its partner."""
    inbox, listener = lines.Inbox(), bench.endpoint
    command = bench.target.actions.get("create") or listener.trigger
    with lines.acceptor(bench, listener, inbox) as own:
        slots = {"host": own.host, "port": str(own.port), "aet": listener.ae_title}
        what = "create an instance for diagnostic use and send it to us"
        with acting(
            command,
            folder=bench.target.folder,
            slots=slots,
            what=what,
            wait=listener.wait,
        ):
            until = time.monotonic() + listener.wait
            if not inbox.wait(lambda box: bool(box.instances), until):
                return NotReached(
                    "trigger",
                    f"no instance came to {own.address} within {listener.wait:g} s; look whether the action "
                    f"'create' or the trigger of listeners.{listener.id} makes the product send one there",
                )
    return _read(inbox.instances[0], partner=listener.transport != "plain")


def _read(came: Instance, *, partner: bool) -> CreatedSeen:
    syntax = syntax_of(came.transfer)
    try:
        elements = writing.top(came.data, syntax)
    except MalformedDataSet as error:
        return CreatedSeen((), None, partner, syntax.explicit, str(error))
    found, status = [], None
    for e in elements:
        value = came.data[e.value : e.end]
        length = len(value) if e.length == UNDEFINED else e.length
        valid = _valid(e.tag, value) if e.tag >> 16 == 0x0100 else True
        found.append(CreatedElement(tag_text(e.tag), e.vr, length, valid))
        if e.tag == 0x01000410:
            status = value.decode("latin-1").rstrip(" ")
    return CreatedSeen(tuple(found), status, partner, syntax.explicit)


def _valid(tag: int, value: bytes) -> bool:
    """Tell whether the *value* of one of the four SOP status attributes is one of its VR, or empty."""
    text = value.decode("utf-8", "replace").rstrip(" \0")
    if tag == 0x01000420:
        return not text or _is_date_time(text)
    most = _LENGTHS.get(tag)
    if most is None:
        return True
    return len(text) <= most and (tag == 0x01000424 or "\\" not in text)


def _is_date_time(text: str) -> bool:
    if _DT.fullmatch(text) is None:
        return False
    digits = re.split(r"[.+-]", text)[0]
    parts = [int(digits[i : i + 2]) for i in range(4, len(digits), 2)]
    limits = ((1, 12), (1, 31), (0, 23), (0, 59), (0, 60))
    return all(low <= part <= high for part, (low, high) in zip(parts, limits, strict=False))
