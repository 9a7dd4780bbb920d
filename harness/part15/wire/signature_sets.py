"""Key Object Selections that state a complete set (CID 7010 titles DCM 113030 to 113035), and chains of references.

Pure functions over the objects of a set whose references were resolved (``signature_references.resolve``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from part15.observations.signatures import CompleteSetSeen, ReferenceSeen, SignedObjectSeen

TITLES = {
    "113030": "Manifest",
    "113031": "Signed Manifest",
    "113032": "Complete Study Content",
    "113033": "Signed Complete Study Content",
    "113034": "Complete Acquisition Content",
    "113035": "Signed Complete Acquisition Content",
}
SIGNED_TITLES = frozenset({"113031", "113033", "113035"})
WHOLE_STUDY = frozenset({"113032", "113033"})
MAX_DEPTH = 16
"""Selections that name selections are followed this deep."""
MAX_TOLD = 20


def complete_sets(objects: Sequence[SignedObjectSeen]) -> list[CompleteSetSeen]:
    """Return what each selection among *objects* with such a title states, and what is at hand of it."""
    known = {o.sop_instance: o for o in objects if o.sop_instance}
    return [_complete(o, known) for o in objects if title_of(o)]


def title_of(seen: SignedObjectSeen) -> str:
    """Return the code of a title that states a complete set, or nothing."""
    document = seen.document
    if document is None or document.kind != "KOS" or document.title is None:
        return ""
    title = document.title
    return title.value if title.scheme == "DCM" and title.value in TITLES else ""


def _complete(top: SignedObjectSeen, known: Mapping[str, SignedObjectSeen]) -> CompleteSetSeen:
    title = title_of(top)
    named: dict[str, ReferenceSeen] = {}
    through: dict[str, str] = {}
    cycle = deep = False
    waiting = [(top, 0)]
    seen = {top.sop_instance}
    while waiting:
        here, depth = waiting.pop()
        for reference in here.references:
            instance = reference.sop_instance
            target = known.get(instance)
            if target is None or not title_of(target):
                named.setdefault(instance, reference)
            elif instance in seen:
                cycle |= instance == top.sop_instance or instance in through
            elif depth >= MAX_DEPTH:
                deep = True
            else:
                seen.add(instance)
                through[instance] = target.name
                named.setdefault(instance, reference)
                waiting.append((target, depth + 1))
    extra: tuple[str, ...] = ()
    if title in WHOLE_STUDY:
        extra = tuple(
            sorted(
                o.sop_instance
                for o in known.values()
                if o.study == top.study and o.sop_instance not in named and o is not top
            )
        )
    return CompleteSetSeen(
        top.name,
        TITLES[title],
        any(s.crypto.integrity == "valid" for s in top.main),
        tuple(sorted(named)),
        tuple(sorted(i for i in named if i not in known)),
        extra,
        tuple(sorted(i for i, r in named.items() if _differs(r))),
        tuple(through.values()),
        cycle,
        deep,
    )


def _differs(reference: ReferenceSeen) -> bool:
    outcomes = {m.outcome for m in reference.macs} | {s.outcome for s in reference.signatures}
    return bool(outcomes & {"differs", "absent"})


def told(found: CompleteSetSeen) -> str:
    """Return one sentence about *found*."""
    parts = [
        f"{len(found.missing)} missing" if found.missing else "none missing",
        f"{len(found.extra)} extra" if found.extra else "none extra",
        f"{len(found.changed)} changed" if found.changed else "none changed",
    ]
    if found.title.startswith("Signed") and not found.signed:
        parts.append("without a valid signature although the title says signed")
    if found.through:
        parts.append(f"through {', '.join(found.through[:MAX_TOLD])}")
    if found.cycle:
        parts.append("the selections lead in a circle")
    if found.deep:
        parts.append(f"selections nested more than {MAX_DEPTH} deep were not followed")
    return f"{found.name} ({found.title}) names {len(found.named)} objects: {'; '.join(parts)}"


def chains(objects: Sequence[SignedObjectSeen]) -> Iterator[str]:
    """Yield a sentence per unprotected reference that another signed document at hand protects.

    Such a chain is told, but does not stand for a MAC or signature of the reference itself: PS3.15 C.4
    asks for no chain and takes none (from 2008 on).
    """
    documents = {o.sop_instance: o for o in objects if o.document is not None and o.sop_instance}
    for top in documents.values():
        bare = {r.sop_instance for r in top.references if not r.macs and not r.signatures}
        for reference in top.references:
            middle = documents.get(reference.sop_instance)
            if middle is None or middle is top or not middle.main:
                continue
            for further in middle.references:
                if further.sop_instance in bare and (further.macs or further.signatures):
                    yield (
                        f"{top.name} refers to {further.sop_instance} without MAC or signature; the signed"
                        f" document {middle.name} it refers to has one: a chain, which C.4 does not take"
                    )
