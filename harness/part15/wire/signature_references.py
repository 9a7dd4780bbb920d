"""References with a MAC or a signature, held against the objects they refer to (PS3.15 A.4, PS3.3 Table 10-3b)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from part15.observations.signatures import (
    MacReferenceSeen,
    ReferenceSeen,
    SignatureReferenceSeen,
    SignedObjectSeen,
)
from part15.wire.elements import MalformedDataSet
from part15.wire.mac_stream import TOP, NotComputable
from part15.wire.part10 import Part10File
from part15.wire.signature_crypto import MacWork, Parameters, obstacle, pixel_mismatch
from part15.wire.signature_value import TERMS
from part15.wire.signed_object import stored_of

OPEN_MOST = 32
"""Referenced objects that are kept open at once."""

Opener = Callable[[str], Part10File]


def resolve(objects: Sequence[SignedObjectSeen], opener: Opener) -> list[SignedObjectSeen]:
    """Return *objects* with the outcome of every reference to another of them.

    *opener* opens an object by its name; it may raise OSError or MalformedDataSet.
    """
    by_instance = {seen.sop_instance: seen for seen in objects if seen.sop_instance}
    works: dict[str, MacWork | str] = {}

    def work_of(name: str) -> MacWork | str:
        if name not in works:
            if len(works) >= OPEN_MOST:
                works.clear()
            works[name] = _opened(name, opener)
        return works[name]

    return [
        dataclasses.replace(
            seen,
            references=tuple(
                _resolved(reference, by_instance.get(reference.sop_instance), work_of)
                for reference in seen.references
            ),
        )
        if seen.references
        else seen
        for seen in objects
    ]


def _opened(name: str, opener: Opener) -> MacWork | str:
    try:
        file = opener(name)
        return MacWork(stored_of(file, file.walk()), file.transfer_syntax)
    except (OSError, MalformedDataSet) as trouble:
        return f"the referenced object cannot be read: {trouble}"


def _resolved(
    reference: ReferenceSeen,
    target: SignedObjectSeen | None,
    work_of: Callable[[str], MacWork | str],
) -> ReferenceSeen:
    if target is None:
        return reference
    return dataclasses.replace(
        reference,
        file=target.name,
        signatures=tuple(_signature(s, target) for s in reference.signatures),
        macs=tuple(_mac(m, work_of(target.name)) for m in reference.macs),
    )


def _signature(
    reference: SignatureReferenceSeen, target: SignedObjectSeen
) -> SignatureReferenceSeen:
    there = [s for s in target.signatures if s.uid == reference.uid]
    if not there:
        return dataclasses.replace(reference, outcome="absent")
    same = any(s.value and s.value == reference.value for s in there)
    return dataclasses.replace(reference, outcome="matches" if same else "differs")


def _mac(reference: MacReferenceSeen, work: MacWork | str) -> MacReferenceSeen:
    if isinstance(work, str):
        return dataclasses.replace(reference, outcome="undecidable", why=work)
    parameters = Parameters(reference.transfer_syntax, reference.algorithm, reference.signed)
    why = obstacle(work, TOP, parameters)
    if why:
        return dataclasses.replace(reference, outcome="undecidable", why=why)
    try:
        mac, _ = work.mac(TOP, None, parameters, TERMS[reference.algorithm])
    except NotComputable as trouble:
        return dataclasses.replace(reference, outcome="undecidable", why=str(trouble))
    if mac.hex() == reference.mac:
        return dataclasses.replace(reference, outcome="matches")
    mismatch = pixel_mismatch(work, TOP, parameters)
    if mismatch:
        return dataclasses.replace(reference, outcome="undecidable", why=mismatch)
    return dataclasses.replace(reference, outcome="differs")
