"""Stimuli with signed objects: what the product makes of a signature, right or broken (PS3.15 A.2)."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Sequence

from part15.bench import Bench
from part15.channel.services import Instance, Query
from part15.channel.tls import Ended
from part15.drivers import storage_lines as lines
from part15.drivers.storage import STORED
from part15.forge import issue, shared_keys
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.storage import SignatureBack, SignedTrip, SignedTripsSeen
from part15.registry import driver
from part15.wire import part10, writing
from part15.wire.cms_trust import Trust
from part15.wire.signed_object import read_object
from part15.wire.signing import Order, Signer, sign
from part15.wire.trap_objects import (
    EXPLICIT,
    SECONDARY_CAPTURE,
    Trap,
    base,
    file_of,
    joined,
    new_uid,
)

SYNTAXES = {
    "Explicit VR Big Endian": "1.2.840.10008.1.2.2",
    "Implicit VR Little Endian": lines.IMPLICIT,
}
BEFORE, AFTER = b"signed value", b"Signed value"


@functools.cache
def _signer() -> Signer:
    from cryptography.hazmat.primitives.serialization import Encoding

    key = shared_keys().rsa("storage-signer")
    return Signer(key, issue("part15 test signer", key, None).public_bytes(Encoding.DER))


def _signed() -> tuple[Instance, str, tuple[int, ...]]:
    """Return a new signed object with values in unusual forms, the UID of its signature and what it covers."""
    uid, signature = new_uid(), new_uid()
    elements = base(uid, new_uid(), new_uid())
    for tag, vr, value in (
        (0x00081030, "LO", BEFORE + b"    "),
        (0x00101030, "DS", b"1.50  "),
        (0x00200013, "IS", b"007 "),
        (0x00104000, "LT", b"blanks behind it    "),
    ):
        elements[tag] = writing.element(tag, vr, value)
    octets = sign(file_of(Trap("signed", uid, joined(elements))), Order(_signer(), uid=signature))
    file = part10.parse(octets)
    data = bytes(file.data_set[file.start :])
    seen = read_object(octets, "signed", Trust()).current[0]
    return Instance(SECONDARY_CAPTURE, uid, EXPLICIT, data), signature, seen.signed


@driver(Impact.STORE)
def round_trip(bench: Bench) -> SignedTripsSeen | NotReached:
    """Store a signed object and one that was altered after signing, and look at the signatures that come back.

    Values are in unusual forms (trailing blanks, ``1.50``, ``007``), so that a product that writes
    them anew breaks the signature. By C-GET, also in other transfer syntaxes, and by C-MOVE to our listeners.
    """
    try:
        sent, signature, covered = _signed()
        right = _trip(bench, sent, signature, covered)
        if right is None:
            return NotReached(
                "retrieval",
                "the product does not serve C-GET, and the target names no media.folder",
            )
        if not right.stored:
            return NotReached("C-STORE", f"a signed object was not stored ({right.status})")
        routes = {
            route: _seen(right.status, back, signature, covered)
            for route, back in _further(bench, sent)
        }
        other, its_signature, its_covered = _signed()
        data = other.data.replace(BEFORE, AFTER)
        other = Instance(other.sop_class, other.uid, other.transfer, data)
        altered = _trip(bench, other, its_signature, its_covered)
        assert altered is not None
        after = _back(bench, sent)
    except Ended as ended:
        raise lines.unopened(bench, ended) from None
    return SignedTripsSeen(right, altered, routes, after=after is not None)


def _further(bench: Bench, sent: Instance) -> Iterator[tuple[str, Instance]]:
    """Yield what comes of *sent* by other routes and in other transfer syntaxes."""
    for name, transfer in SYNTAXES.items():
        back = _back(bench, sent, only=(transfer,))
        if back is not None:
            yield f"C-GET in {name}", back
    query = Query(study=lines.one(sent).study, level="STUDY")
    for name, listener in bench.target.listeners.items():
        if listener.transport != bench.endpoint.transport or not listener.port:
            continue
        moved = lines.by_move(bench, listener, query, 1)
        for back in moved.instances if moved else ():
            if back.uid == sent.uid:
                yield f"C-MOVE to {name}", back


def _back(bench: Bench, sent: Instance, only: Sequence[str] = ()) -> Instance | None:
    found = lines.by_get(bench, [sent], lines.one(sent), only=only)
    came = found.instances if found else []
    if not lines.served(found) and not only:
        came = lines.in_files(bench, [sent.uid]) or []
    return next((i for i in came if i.uid == sent.uid), None)


def _trip(
    bench: Bench, sent: Instance, signature: str, covered: tuple[int, ...]
) -> SignedTrip | None:
    """Store *sent* and bring it back by C-GET, or as a file of the store; None if neither can be."""
    answer = lines.send(bench, [sent]).get(sent.uid, "not sent")
    said = f"{answer:04X}H" if isinstance(answer, int) else answer
    if answer not in STORED:
        return SignedTrip(said, stored=False, delivered=False)
    found = lines.by_get(bench, [sent], lines.one(sent))
    route, came = "C-GET", found.instances if found and lines.served(found) else None
    if came is None:
        route, came = "files", lines.in_files(bench, [sent.uid])
    if came is None:
        return None
    back = next((i for i in came if i.uid == sent.uid), None)
    if back is None:
        return SignedTrip(said, stored=True, delivered=False)
    return dataclasses.replace(_seen(said, back, signature, covered), route=route)


def _seen(said: str, back: Instance, signature: str, covered: tuple[int, ...]) -> SignedTrip:
    octets = file_of(Trap("returned", back.uid, back.data, back.transfer, back.sop_class))
    seen = read_object(octets, "returned", Trust())
    return SignedTrip(
        said,
        stored=True,
        delivered=True,
        signatures=tuple(
            SignatureBack(
                s.uid == signature, s.crypto.integrity, set(covered) <= {*s.signed, *_UNSTABLE}
            )
            for s in seen.current
        ),
    )


_UNSTABLE = (0x01000410, 0x01000420, 0x01000424, 0x01000426)
"""What may lawfully differ, and need not be covered."""
