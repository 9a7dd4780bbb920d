"""What the embedded archive holds, and the copies that it hands out of it."""

from __future__ import annotations

import dataclasses
import threading
from dataclasses import dataclass, field

from part15.channel.messages import Messages
from part15.channel.services import Instance
from part15.peers.archive_policy import ArchivePolicy
from part15.wire import part10, pdu, tree, writing
from part15.wire.elements import EXPLICIT_LITTLE, IMPLICIT_LITTLE, Syntax
from part15.wire.trap_objects import Trap, file_of

STATUS, WHEN, COMMENT, NUMBER = 0x01000410, 0x01000420, 0x01000424, 0x01000426
COMPANIONS = (WHEN, COMMENT, NUMBER)
REPLACED = "2.25.15000000000000000000000000000000"


@dataclass
class Held:
    """One instance with its status; *settled* tells that nothing keeps it from being forwarded."""

    instance: Instance
    status: str
    settled: bool
    study: str = ""
    series: str = ""


@dataclass
class Shelves:
    """What the archive holds, by SOP Instance UID.

    *marks* are the credentials that were shown once, *present* counts the associations of now.
    """

    held: dict[str, Held] = field(default_factory=dict)
    marks: set[bytes] = field(default_factory=set)
    present: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def size(self) -> int:
        """Return the octets of all data sets."""
        return sum(len(h.instance.data) for h in self.held.values())


@dataclass(frozen=True)
class Other:
    """The other side of an association: ``partner`` (registered certificate), ``stranger`` or ``plain``."""

    kind: str
    title: str = ""


def syntax_of(transfer: str) -> Syntax:
    """Return how data sets of *transfer* are encoded."""
    return IMPLICIT_LITTLE if transfer == pdu.IMPLICIT_LE else EXPLICIT_LITTLE


def text_of(instance: Instance, tag: int) -> str | None:
    """Return the text of a top level element without padding, None if it is absent."""
    value = writing.value_of(instance.data, tag, syntax_of(instance.transfer))
    return None if value is None else value.decode("latin-1").rstrip(" \0")


def changed(instance: Instance, changes: dict[int, tuple[str, str] | None]) -> Instance:
    """Return *instance* with top level elements set to (VR, text) or, None, removed."""
    syntax = syntax_of(instance.transfer)
    encoded = {
        tag: None if c is None else writing.element(tag, c[0], c[1], explicit=syntax.explicit)
        for tag, c in changes.items()
    }
    return dataclasses.replace(instance, data=writing.replaced(instance.data, encoded, syntax))


def copy_for(policy: ArchivePolicy, held: Held, other: Other) -> Instance | None:
    """Return the copy that *other* may have, None if it may have none yet."""
    if not held.settled and not policy.forwards_early:
        return None
    copies = {"partner": policy.copies, "stranger": policy.stranger_copy}.get(
        other.kind, policy.plain_copy
    )
    status = copies.get(held.status, "NS" if held.status else "")
    if not status:
        return held.instance
    changes: dict[int, tuple[str, str] | None] = {STATUS: ("CS", status)}
    if status == "-":
        changes = {STATUS: None}
        if not policy.leaves_companions:
            changes |= dict.fromkeys(COMPANIONS)
    if policy.new_uid:
        changes[0x00080018] = ("UI", REPLACED)
    if status == held.status and not policy.new_uid:
        return held.instance
    return changed(held.instance, changes)


def fitting(policy: ArchivePolicy, copy: Instance, talk: Messages) -> Instance:
    """Return *copy* in Implicit VR Little Endian where *talk* takes nothing else of it."""
    explicit = copy.transfer == pdu.EXPLICIT_LE
    if not explicit or talk.context_of(copy.sop_class, copy.transfer) is not None:
        return copy
    if talk.context_of(copy.sop_class, pdu.IMPLICIT_LE) is None:
        return copy
    data = copy.data
    for rewrite in policy.transcoding:
        data = rewrite(data)
    moved = part10.parse(tree.moved(file_of(Trap("held", copy.uid, data)), pdu.IMPLICIT_LE))
    return dataclasses.replace(
        copy, transfer=pdu.IMPLICIT_LE, data=bytes(moved.data_set[moved.start :])
    )
