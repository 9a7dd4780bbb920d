"""Signed reports and key object selections (PS3.15 C.4) and references with MACs (PS3.3 Table 10-3b)."""

from __future__ import annotations

from collections.abc import Sequence

from part15.checks.signatures import Fault, settled, terms_of, unreadable
from part15.model import Judgement, does_not_apply, fails, informs, passes, undecided
from part15.observations.signatures import ItemAttributeSeen, SignedObjectSeen
from part15.registry import check
from part15.wire.dictionary import described

VERIFICATION = ("5", "ASTM-sigpurpose")
_OF_MAC = (0x04000010, 0x04000015, 0x04000020, 0x04000404)
_OF_SIGNATURE = (0x04000100, 0x04000120)


def _no_document(seen: SignedObjectSeen) -> Judgement | None:
    if seen.document is None:
        return does_not_apply(
            f"{seen.name} is neither a Structured Report nor a Key Object Selection",
            observed=seen.sop_class,
        )
    return None


@check
def is_in_scope(seen: SignedObjectSeen) -> Judgement:
    """The object is a report or key object selection with at most one verifying observer."""
    if answer := unreadable(seen):
        return answer
    if seen.document is None:
        return fails(
            f"{seen.name}: its SOP Class {seen.sop_class} is neither a Structured Report nor a Key Object"
            " Selection; the profile is not for it"
        )
    count = seen.document.verifying_observers
    if count > 1:
        return fails(
            f"{seen.name}: (0040,A073) VerifyingObserverSequence has {count} items; the profile is for"
            " documents with one verifying observer at most",
            expected="0 or 1",
            observed=count,
        )
    return passes(f"a {seen.document.kind} with {count} verifying observers")


@check
def states_its_purpose(seen: SignedObjectSeen) -> Judgement:
    """At least one signature of the top level carries a purpose code; those without are not made under C.4."""
    if answer := unreadable(seen) or _no_document(seen):
        return answer
    coded = [s for s in seen.main if s.purposes and len(s.purposes) == 1]
    if not coded:
        return fails(
            f"{seen.name}: no signature of the top level has (0400,0401) DigitalSignaturePurposeCodeSequence"
            " with one item (dcmsign does not ask for it)"
        )
    others: list[Fault] = [
        (s.path, "has no purpose code; it is taken as made under another profile")
        for s in seen.main
        if s not in coded
    ]
    return settled([], f"{len(coded)} signatures state their purpose", warnings=others)


@check
def has_verification_signature(seen: SignedObjectSeen) -> Judgement:
    """A VERIFIED document carries a signature with purpose (5, ASTM-sigpurpose, Verification Signature)."""
    if answer := unreadable(seen) or _no_document(seen):
        return answer
    assert seen.document is not None
    flag = seen.document.verification_flag
    if flag != "VERIFIED":
        return does_not_apply(f"Verification Flag is {flag or 'absent'}, not VERIFIED")
    stated = {(p.value, p.scheme) for s in seen.main for p in s.purposes or ()}
    if VERIFICATION in stated:
        return passes("a signature of purpose 5 (Verification Signature) is there")
    other = [f"({value}, {scheme})" for value, scheme in sorted(stated)]
    return fails(
        f"{seen.name} is VERIFIED, but no signature of the top level has the purpose"
        ' (5, ASTM-sigpurpose, "Verification Signature") (dcmsign looks at the value 5 alone, when signing)',
        expected="(5, ASTM-sigpurpose)",
        observed=other or "no purpose code",
    )


@check
def covers_verification(seen: SignedObjectSeen) -> Judgement:
    """A verification signature covers instance UID, verification flag and verifying observers as well."""
    if answer := unreadable(seen) or _no_document(seen):
        return answer
    verifying = [
        s for s in seen.main if any((p.value, p.scheme) == VERIFICATION for p in s.purposes or ())
    ]
    if not verifying:
        return does_not_apply("no signature has the purpose of verification")
    wanted = (0x00080018, 0x0040A493, 0x0040A073)
    best = min(verifying, key=lambda s: sum(tag not in s.signed for tag in wanted))
    missing = [tag for tag in wanted if tag not in best.signed or tag not in seen.present]
    faults = [(best.path, f"does not sign {described(tag)}") for tag in missing]
    if 0x0040A030 in best.signed:
        faults.append(
            (best.path, "lists (0040,A030) VerificationDateTime, which stands inside (0040,A073)")
        )
    return settled(faults, f"{best.path} covers what was verified", rests_on=("O-08",))


@check
def uses_reference_algorithms(
    seen: SignedObjectSeen, *, edition: str = "", terms: Sequence[str] = ()
) -> Judgement:
    """MAC Algorithm of every Referenced SOP Instance MAC is one of *terms*, by default those of *edition*."""
    if answer := unreadable(seen):
        return answer
    macs = [m for r in seen.references for m in r.macs]
    if not macs:
        return does_not_apply("no reference carries a MAC")
    allowed = tuple(terms) or terms_of(edition)
    faults = [
        (m.path, f"(0400,0015) MACAlgorithm is {m.algorithm!r}, not one of {', '.join(allowed)}")
        for m in macs
        if m.algorithm not in allowed
    ]
    return settled(
        faults, f"{len(macs)} referenced MACs use {', '.join(sorted({m.algorithm for m in macs}))}"
    )


def _lacking(attributes: Sequence[ItemAttributeSeen], wanted: Sequence[int]) -> str:
    there = {a.tag for a in attributes if a.length}
    lacking = [described(tag) for tag in wanted if tag not in there]
    return f"lacks {', '.join(lacking)}" if lacking else ""


@check
def references_macs(seen: SignedObjectSeen) -> Judgement:
    """Each Referenced SOP Instance MAC is one whole item, and is the digest of the instance where that is at hand."""
    if answer := unreadable(seen):
        return answer
    references = [r for r in seen.references if r.macs or r.mac_items]
    if not references:
        return does_not_apply("no reference carries a MAC")
    faults: list[Fault] = []
    unknown: list[Fault] = []
    for reference in references:
        if reference.mac_items > 1:
            faults.append(
                (reference.path, f"(0400,0403) has {reference.mac_items} items, one is allowed")
            )
        for mac in reference.macs:
            lacking = _lacking(mac.attributes, _OF_MAC)
            if lacking:
                faults.append((mac.path, lacking))
            elif mac.outcome == "differs":
                faults.append(
                    (mac.path, f"is not the MAC of {reference.sop_instance} ({reference.file})")
                )
            elif mac.outcome == "undecidable":
                unknown.append((mac.path, mac.why))
            elif mac.outcome != "matches":
                unknown.append(
                    (mac.path, f"the instance {reference.sop_instance} is not among the files")
                )
    if faults:
        return settled(faults, "")
    if unknown:
        return undecided(
            f"{unknown[0][0]}: {unknown[0][1]}; inspect it together with what it refers to"
        )
    return passes(f"the MACs of {len(references)} references are those of the instances")


@check
def references_signatures(seen: SignedObjectSeen) -> Judgement:
    """Each Referenced Digital Signature has UID and value of a signature of the instance it refers to."""
    if answer := unreadable(seen):
        return answer
    references = [r for r in seen.references if r.signatures]
    if not references:
        return does_not_apply("no reference carries a digital signature")
    faults: list[Fault] = []
    unknown: list[Fault] = []
    for reference in references:
        for signature in reference.signatures:
            lacking = _lacking(signature.attributes, _OF_SIGNATURE)
            if lacking:
                faults.append((signature.path, lacking))
            elif signature.outcome == "differs":
                faults.append(
                    (
                        signature.path,
                        f"signature {signature.uid} has another value in {reference.file}",
                    )
                )
            elif signature.outcome == "absent":
                faults.append(
                    (signature.path, f"{reference.file} has no signature {signature.uid}")
                )
            elif signature.outcome != "matches":
                unknown.append(
                    (
                        signature.path,
                        f"the instance {reference.sop_instance} is not among the files",
                    )
                )
    if faults:
        return settled(faults, "")
    if unknown:
        return undecided(
            f"{unknown[0][0]}: {unknown[0][1]}; inspect it together with what it refers to"
        )
    return passes(f"the signatures of {len(references)} references are those of the instances")


@check
def protects_references(seen: SignedObjectSeen) -> Judgement:
    """How many references carry a MAC or a signature; a duty under A.4 only."""
    if answer := unreadable(seen) or _no_document(seen):
        return answer
    bare = [r for r in seen.references if not r.macs and not r.signatures]
    return informs(
        f"{len(seen.references) - len(bare)} of {len(seen.references)} references carry a MAC or a signature"
    )
