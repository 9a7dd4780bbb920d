"""One DICOM object into a :class:`SignedObjectSeen`: where its signatures are and what comes of each.

seen = read_object(data, "a.dcm", trust)      # octets of a file
seen = read_file(part10.open_file(path), trust)
seen = resolve(objects, open_named)           # references between objects of a set
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from part15.observations.signatures import (
    UNDECIDABLE,
    CryptoSeen,
    LevelSeen,
    MacParametersSeen,
    PurposeSeen,
    SignatureSeen,
    SignedObjectSeen,
)
from part15.wire.certificates import iso, read_certificate, trust_in
from part15.wire.elements import Element, MalformedDataSet, Octets, children, path
from part15.wire.mac_stream import MAC_PARAMETERS, SEQUENCE_OF_SIGNATURES, TOP, Stored
from part15.wire.part10 import NotDicom, Part10File, parse, uid_text
from part15.wire.signature_crypto import MacWork, Parameters, Question, judge_crypto, refused_tags
from part15.wire.signature_documents import read_document, read_references
from part15.wire.signature_items import (
    MAX_ITEMS,
    attributes_of,
    code_of,
    items_of,
    number,
    tags_of,
    text,
    values_of,
)
from part15.wire.signature_time import read_datetime
from part15.wire.timestamps import read_timestamp

if TYPE_CHECKING:
    from part15.wire.cms_trust import Trust

_ORIGINAL = frozenset({0x04000561, 0x04000550})
_MAC_ID, _SYNTAX, _ALGORITHM, _SIGNED = 0x04000005, 0x04000010, 0x04000015, 0x04000020
_UID, _DATETIME, _CERTIFICATE_TYPE = 0x04000100, 0x04000105, 0x04000110
_CERTIFICATE, _SIGNATURE = 0x04000115, 0x04000120
_TIMESTAMP_TYPE, _TIMESTAMP, _PURPOSE = 0x04000305, 0x04000310, 0x04000401
_SOP_CLASS, _SOP_INSTANCE, _STUDY = 0x00080016, 0x00080018, 0x0020000D


def read_object(data: Octets, name: str, trust: Trust) -> SignedObjectSeen:
    """Return what is seen of the DICOM file in *data*, called *name*; trouble is told, never raised."""
    try:
        return read_file(parse(data, name), trust)
    except NotDicom:
        return SignedObjectSeen(name, trouble="it is no DICOM file: there is no DICM prefix")
    except MalformedDataSet as trouble:
        return SignedObjectSeen(name, trouble=f"it cannot be read {trouble}")


def read_file(file: Part10File, trust: Trust) -> SignedObjectSeen:
    """Return what is seen of *file*; trouble in its data set is told, never raised."""
    try:
        elements = file.walk()
    except MalformedDataSet as trouble:
        return SignedObjectSeen(
            file.name,
            trouble=f"its data set cannot be read {trouble}",
            transfer_syntax=file.transfer_syntax,
        )
    source = stored_of(file, elements)
    values = values_of(source, TOP, frozenset({_SOP_CLASS, _SOP_INSTANCE, _STUDY}))
    sop_class = uid_text(values.get(_SOP_CLASS, b""))
    places, left_out = _places(source)
    work = MacWork(source, file.transfer_syntax)
    levels = tuple(_levels(source, places))
    parameters = [
        p for place in places if place.tag == MAC_PARAMETERS for p in _parameters(source, place)
    ]
    signatures = tuple(
        signature
        for place in places
        if place.tag == SEQUENCE_OF_SIGNATURES
        for signature in _signatures(work, place, parameters, trust)
    )
    tags = shared(tuple([elements[i][0] for i in source.top]))
    unsignable = shared(
        tuple([elements[i].tag for i in sorted(source.unsignable) if not elements[i].depth])
    )
    return SignedObjectSeen(
        file.name,
        trouble=left_out,
        sop_class=sop_class,
        sop_instance=uid_text(values.get(_SOP_INSTANCE, b"")),
        study=uid_text(values.get(_STUDY, b"")),
        transfer_syntax=file.transfer_syntax,
        present=tags,
        unsignable=unsignable,
        levels=levels,
        parameters=tuple(p.seen for p in parameters),
        signatures=signatures,
        references=read_references(source, sop_class),
        document=read_document(source, sop_class),
    )


@functools.lru_cache(maxsize=512)
def shared(tags: tuple[int, ...]) -> tuple[int, ...]:
    """Return one and the same tuple for equal ones: the objects of a set have the same few."""
    return tags


def stored_of(file: Part10File, elements: list[Element]) -> Stored:
    """Return the data set of *file* as the MAC stream wants it."""
    return Stored(memoryview(file.data_set), elements, file.syntax)


@dataclass(frozen=True)
class _Place:
    """A sequence of interest: its index, its tag, the item it stands in, and both paths."""

    index: int
    tag: int
    level: int
    level_path: str
    path: str
    historic: bool


@dataclass(frozen=True)
class _FoundParameters:
    level: int
    seen: MacParametersSeen
    parameters: Parameters


def _places(source: Stored) -> tuple[list[_Place], str]:
    """Return where the two sequences stand, and one sentence if there are too many to judge."""
    elements = source.elements
    tags = source.tags
    if SEQUENCE_OF_SIGNATURES not in tags and MAC_PARAMETERS not in tags:
        return [], ""
    wanted_tags = (SEQUENCE_OF_SIGNATURES, MAC_PARAMETERS)
    hits = sorted(i for tag in wanted_tags for i in _positions(tags, tag) if elements[i].vr == "SQ")
    left_out = ""
    if len(hits) > 2 * MAX_ITEMS:
        left_out = (
            f"it has {len(hits)} sequences of signatures; the first {2 * MAX_ITEMS} were read"
        )
        hits = hits[: 2 * MAX_ITEMS]
    if all(not elements[i].depth for i in hits):
        return [
            _Place(i, elements[i].tag, TOP, "", path(elements, i), False) for i in hits
        ], left_out
    found = []
    wanted = set(hits)
    line: list[int] = []
    for index, element in enumerate(elements):
        del line[element.depth :]
        line.append(index)
        if index in wanted:
            level = line[-2] if element.depth else TOP
            found.append(
                _Place(
                    index,
                    element.tag,
                    level,
                    path(elements, level) if element.depth else "",
                    path(elements, index),
                    any(elements[i].tag in _ORIGINAL for i in line),
                )
            )
    return found, left_out


def _positions(tags: list[int], tag: int) -> Iterator[int]:
    at = -1
    with contextlib.suppress(ValueError):
        while True:
            at = tags.index(tag, at + 1)
            yield at


def _levels(source: Stored, places: list[_Place]) -> Iterator[LevelSeen]:
    """Yield each data set that holds one of the two sequences."""
    for level in dict.fromkeys(place.level for place in places):
        here = [place for place in places if place.level == level]
        counts = {p.tag: _items(source, p.index) for p in here}
        yield LevelSeen(
            here[0].level_path,
            counts.get(SEQUENCE_OF_SIGNATURES, -1),
            counts.get(MAC_PARAMETERS, -1),
            next((source.elements[p.index].vr for p in here if p.tag == MAC_PARAMETERS), ""),
            here[0].historic,
        )


def _items(source: Stored, index: int) -> int:
    return sum(1 for _ in children(source.elements, index))


_OF_PARAMETERS = frozenset({_MAC_ID, _SYNTAX, _ALGORITHM, _SIGNED})
_OF_SIGNATURE = frozenset(
    {
        _MAC_ID,
        _UID,
        _DATETIME,
        _CERTIFICATE_TYPE,
        _CERTIFICATE,
        _SIGNATURE,
        _TIMESTAMP_TYPE,
        _TIMESTAMP,
    }
)


def _parameters(source: Stored, place: _Place) -> Iterator[_FoundParameters]:
    elements = source.elements
    here = frozenset([elements[i][0] for i in source.level(place.level)])
    for count, item in enumerate(items_of(source, place.index), 1):
        values = values_of(source, item, _OF_PARAMETERS)
        signed = tags_of(values.get(_SIGNED))
        parameters = Parameters(
            uid_text(values.get(_SYNTAX, b"")), text(values.get(_ALGORITHM)), signed
        )
        seen = MacParametersSeen(
            f"{place.path}[{count}]",
            place.level_path,
            attributes_of(source, item),
            number(values.get(_MAC_ID)),
            parameters.transfer_syntax,
            parameters.algorithm,
            signed,
            () if here.issuperset(signed) else tuple(tag for tag in signed if tag not in here),
            refused_tags(source, place.level, signed),
            place.historic,
        )
        yield _FoundParameters(place.level, seen, parameters)


@functools.lru_cache(maxsize=256)
def _moment(stated: str) -> dt.datetime | None:
    return read_datetime(stated)[0]


def _signatures(
    work: MacWork, place: _Place, parameters: list[_FoundParameters], trust: Trust
) -> Iterator[SignatureSeen]:
    source = work.source
    for count, item in enumerate(items_of(source, place.index), 1):
        values = values_of(source, item, _OF_SIGNATURE)
        mac_id = number(values.get(_MAC_ID))
        matching = [
            p
            for p in parameters
            if p.level == place.level and mac_id is not None and p.seen.mac_id == mac_id
        ]
        chosen = matching[0].parameters if len(matching) == 1 else Parameters("", "", ())
        seen, certificate = read_certificate(values.get(_CERTIFICATE, b""))
        value = values.get(_SIGNATURE, b"")
        if len(matching) == 1:
            crypto = judge_crypto(
                work, Question(place.level, item, chosen, value, seen, certificate)
            )
        else:
            crypto = CryptoSeen(UNDECIDABLE, _unlinked(mac_id, len(matching)))
        stated = text(values.get(_DATETIME))
        moment = _moment(stated)
        kind = values.get(_TIMESTAMP_TYPE)
        yield SignatureSeen(
            path=f"{place.path}[{count}]",
            level=place.level_path,
            attributes=attributes_of(source, item),
            mac_id=mac_id,
            parameters=len(matching),
            uid=uid_text(values.get(_UID, b"")),
            datetime=stated,
            signed_at=iso(moment) if moment else "",
            certificate_type=text(values.get(_CERTIFICATE_TYPE)),
            algorithm=chosen.algorithm,
            transfer_syntax=chosen.transfer_syntax,
            signed=chosen.signed,
            crypto=crypto,
            certificate=seen,
            trust=trust_in(seen, certificate, trust, moment),
            timestamp=read_timestamp(
                values.get(_TIMESTAMP),
                None if kind is None else text(kind),
                value,
                trust,
                signed_at=moment,
                signer=seen,
            ),
            purposes=_purposes(source, item),
            value=hashlib.sha256(value).hexdigest() if value else "",
            historic=place.historic,
        )


def _unlinked(mac_id: int | None, count: int) -> str:
    if mac_id is None:
        return "(0400,0005) MAC ID Number of the signature is absent or no single US value"
    if not count:
        return f"no item of (4FFE,0001) MAC Parameters Sequence at its level has MAC ID Number {mac_id}"
    return f"{count} items of (4FFE,0001) MAC Parameters Sequence share MAC ID Number {mac_id}: which one is meant cannot be told"


def _purposes(source: Stored, item: int) -> tuple[PurposeSeen, ...] | None:
    for index in source.level(item):
        if source.elements[index].tag == _PURPOSE and source.elements[index].vr == "SQ":
            return tuple(code_of(source, i) for i in items_of(source, index))
    return None
