"""How the embedded archive corrects what it holds: images in place, reports as new documents, all signed anew."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from part15.channel.services import Instance
from part15.peers.archive_signing import archive_signer
from part15.wire import part10
from part15.wire.dictionary import vr_of
from part15.wire.mac_stream import MAC_PARAMETERS, SEQUENCE_OF_SIGNATURES
from part15.wire.signing import Order, sign, signable_tags
from part15.wire.trap_objects import Trap, new_uid
from part15.wire.trap_objects import file_of as stored_file
from part15.wire.tree import Node, file_of, find, items_in, opened, put, take, text_node

REPORTS = "1.2.840.10008.5.1.4.1.1.88."
MODIFICATION = ("16", "ASTM-sigpurpose", "Modification Signature")
_CLASS, _UID, _STUDY, _SERIES = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E
_PREDECESSORS, _OBSERVERS, _FLAG = 0x0040A360, 0x0040A073, 0x0040A493
_DESCRIPTION = 0x0040A492


@dataclass(frozen=True)
class Corrections:
    """The right behaviour: signatures that a correction breaks go, a new one covers everything.

    A report becomes a new, unverified document that refers to the one it corrects, which stays as it is.
    *predecessor* is ``right``, ``none`` or ``another``; *original* ``kept``, ``altered`` or ``deleted``.
    """

    drops: bool = True
    signs: bool = True
    covers: bool = True
    covers_predecessor: bool = True
    in_place: bool = False
    predecessor: str = "right"
    original: str = "kept"


def corrected(held: Instance, tag: int, value: str, how: Corrections) -> list[Instance]:
    """Return what is kept instead of *held* once its element *tag* is *value*; the last is the corrected one.

    Raises MalformedDataSet if it cannot be read.
    """
    nodes, _ = opened(_file(held))
    original = list(nodes)
    if how.drops:
        take(nodes, SEQUENCE_OF_SIGNATURES)
        take(nodes, MAC_PARAMETERS)
    put(nodes, text_node(tag, vr_of(tag), value))
    new = held.sop_class.startswith(REPORTS) and not how.in_place
    if new:
        _become_new(nodes, how)
    octets = file_of(nodes, held.transfer)
    if how.signs:
        octets = _signed(octets, tag, how, report=held.sop_class.startswith(REPORTS))
    made = _instance(octets, held)
    if not new or how.original == "deleted":
        return [made]
    if how.original == "altered":
        put(original, text_node(_DESCRIPTION, "LO", "corrected"))
        return [_instance(file_of(original, held.transfer), held), made]
    return [held, made]


def _file(held: Instance) -> bytes:
    return stored_file(Trap("held", held.uid, held.data, held.transfer, held.sop_class))


def _instance(octets: bytes, held: Instance) -> Instance:
    nodes, file = opened(octets)
    uid = find(nodes, _UID)
    assert uid is not None
    return dataclasses.replace(
        held, uid=part10.uid_text(uid.value), data=bytes(file.data_set[file.start :])
    )


def _become_new(nodes: list[Node], how: Corrections) -> None:
    reference = _reference(nodes, how)
    put(nodes, text_node(_UID, "UI", new_uid()))
    put(nodes, text_node(_FLAG, "CS", "UNVERIFIED"))
    take(nodes, _OBSERVERS)
    if how.predecessor != "none":
        items = [*items_in(nodes, _PREDECESSORS), reference]
        put(nodes, Node(_PREDECESSORS, "SQ", items=items))


def _reference(nodes: list[Node], how: Corrections) -> list[Node]:
    """Return the item of Predecessor Documents Sequence for the report *nodes* (PS3.3 Table C.17-3)."""
    kept = {tag: find(nodes, tag) for tag in (_CLASS, _UID, _STUDY, _SERIES)}
    texts = {tag: part10.uid_text(n.value) if n is not None else "" for tag, n in kept.items()}
    uid = texts[_UID] if how.predecessor == "right" else new_uid()
    sop = [text_node(0x00081150, "UI", texts[_CLASS]), text_node(0x00081155, "UI", uid)]
    series = [
        Node(0x00081199, "SQ", items=[sop]),
        text_node(_SERIES, "UI", texts[_SERIES]),
    ]
    return [Node(0x00081115, "SQ", items=[series]), text_node(_STUDY, "UI", texts[_STUDY])]


def _signed(octets: bytes, tag: int, how: Corrections, *, report: bool) -> bytes:
    nodes, file = opened(octets)
    number = len(items_in(nodes, MAC_PARAMETERS))
    order = Order(
        archive_signer(), uid=new_uid(), mac_id=number, purpose=MODIFICATION if report else None
    )
    left_out = {
        *(() if how.covers else (tag,)),
        *(() if how.covers_predecessor else (_PREDECESSORS,)),
    }
    if left_out:
        listed = [e.tag for e in file.walk() if e.depth == 0 and e.tag not in left_out]
        order = dataclasses.replace(order, tags=signable_tags(listed))
    return sign(octets, order)
