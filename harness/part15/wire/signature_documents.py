"""Structured Reports and Key Object Selections: what PS3.15 C.4 asks of them, and what they refer to."""

from __future__ import annotations

from part15.observations.signatures import (
    DocumentSeen,
    MacReferenceSeen,
    ReferenceSeen,
    SignatureReferenceSeen,
)
from part15.wire.elements import ITEM, paths
from part15.wire.mac_stream import TOP, Stored
from part15.wire.part10 import uid_text
from part15.wire.signature_items import (
    attributes_of,
    code_of,
    items_of,
    tags_of,
    text,
    values_of,
)

MAX_REFERENCES = 10_000
"""References of one object that are read."""

_DOCUMENTS = "1.2.840.10008.5.1.4.1.1.88."
_KEY_OBJECT_SELECTION = "1.2.840.10008.5.1.4.1.1.88.59"
_VERIFYING_OBSERVERS, _VERIFICATION_FLAG, _CONCEPT_NAME = 0x0040A073, 0x0040A493, 0x0040A043
_REFERENCED_CLASS, _REFERENCED_INSTANCE = 0x00081150, 0x00081155
_REFERENCED_SOPS = 0x00081199
_SIGNATURES, _MACS = 0x04000402, 0x04000403


def document_kind(sop_class: str) -> str:
    """Return ``KOS`` for a Key Object Selection, ``SR`` for any other report, else nothing."""
    if sop_class == _KEY_OBJECT_SELECTION:
        return "KOS"
    return "SR" if sop_class.startswith(_DOCUMENTS) else ""


def read_document(source: Stored, sop_class: str) -> DocumentSeen | None:
    """Return the facts of a report, None for other objects."""
    kind = document_kind(sop_class)
    if not kind:
        return None
    observers, title = 0, None
    for index in source.top:
        element = source.elements[index]
        if element.tag == _VERIFYING_OBSERVERS:
            observers = len(items_of(source, index))
        elif element.tag == _CONCEPT_NAME:
            title = next((code_of(source, item) for item in items_of(source, index)), None)
    flag = values_of(source, TOP, frozenset({_VERIFICATION_FLAG})).get(_VERIFICATION_FLAG)
    return DocumentSeen(kind, text(flag), observers, title)


def read_references(source: Stored, sop_class: str) -> tuple[ReferenceSeen, ...]:
    """Return the references of a report to SOP Instances, and of any object those that carry a MAC or signature."""
    elements = source.elements
    protected = _SIGNATURES in source.tags or _MACS in source.tags
    if not protected and not document_kind(sop_class):
        return ()
    found: list[ReferenceSeen] = []
    line: list[int] = []
    for index, (element, place) in enumerate(zip(elements, paths(elements), strict=True)):
        del line[element.depth :]
        line.append(index)
        if element.vr is not ITEM or len(found) >= MAX_REFERENCES:
            continue
        inside = {elements[i].tag: i for i in source.level(index)}
        if _REFERENCED_INSTANCE not in inside:
            continue
        if elements[line[-2]].tag != _REFERENCED_SOPS and not {_SIGNATURES, _MACS} & inside.keys():
            continue
        found.append(_reference(source, index, place, inside))
    return tuple(found)


def _reference(source: Stored, item: int, place: str, inside: dict[int, int]) -> ReferenceSeen:
    values = values_of(source, item, frozenset({_REFERENCED_CLASS, _REFERENCED_INSTANCE}))
    signatures = inside.get(_SIGNATURES)
    macs = inside.get(_MACS)
    mac_items = [] if macs is None else items_of(source, macs)
    return ReferenceSeen(
        place,
        uid_text(values.get(_REFERENCED_CLASS, b"")),
        uid_text(values.get(_REFERENCED_INSTANCE, b"")),
        tuple(
            _signature(source, i, f"{place}/(0400,0402)[{number}]")
            for number, i in enumerate(
                [] if signatures is None else items_of(source, signatures), 1
            )
        ),
        tuple(
            _mac(source, i, f"{place}/(0400,0403)[{number}]")
            for number, i in enumerate(mac_items, 1)
        ),
        len(mac_items),
    )


def _signature(source: Stored, item: int, place: str) -> SignatureReferenceSeen:
    import hashlib

    values = values_of(source, item, frozenset({0x04000100, 0x04000120}))
    value = values.get(0x04000120, b"")
    return SignatureReferenceSeen(
        place,
        uid_text(values.get(0x04000100, b"")),
        hashlib.sha256(value).hexdigest() if value else "",
        attributes_of(source, item),
    )


def _mac(source: Stored, item: int, place: str) -> MacReferenceSeen:
    wanted = frozenset({0x04000010, 0x04000015, 0x04000020, 0x04000404})
    values = values_of(source, item, wanted)
    return MacReferenceSeen(
        place,
        attributes_of(source, item),
        uid_text(values.get(0x04000010, b"")),
        text(values.get(0x04000015)),
        tags_of(values.get(0x04000020)),
        values.get(0x04000404, b"").hex(),
    )
