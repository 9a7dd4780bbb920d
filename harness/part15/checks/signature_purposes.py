"""Purposes of signatures (PS3.3 Table C.12-6, CID 7007)."""

from __future__ import annotations

from collections.abc import Sequence

from part15.checks.signatures import count, settled, unreadable
from part15.model import Judgement, fails
from part15.observations.signatures import SignatureSeen, SignedObjectSeen
from part15.registry import check


def purpose_fault(signature: SignatureSeen) -> str:
    """Return what is wrong with the purpose code of *signature*, or nothing."""
    if signature.purposes is None:
        return ""
    if len(signature.purposes) != 1:
        return f"(0400,0401) has {len(signature.purposes)} items where one is allowed"
    purpose = signature.purposes[0]
    if not purpose.value or not purpose.scheme:
        missing = "Code Value" if not purpose.value else "Coding Scheme Designator"
        return f"the purpose code has no {missing}"
    if purpose.scheme == "ASTM-sigpurpose" and not (
        purpose.value.isdigit() and 1 <= int(purpose.value) <= 18
    ):
        return f"ASTM-sigpurpose has no code {purpose.value!r}; it has 1 to 18"
    return ""


@check
def codes_purpose(
    seen: SignedObjectSeen, *, wanted: Sequence[str] = (), scheme: str = "ASTM-sigpurpose"
) -> Judgement:
    """A purpose, where given, is one item with a code of ASTM-sigpurpose or of a named extension.

    A site or vendor may want signatures of certain purposes: *wanted* code values of *scheme*, each
    stated by a signature of the top level.
    """
    if answer := unreadable(seen):
        return answer
    there = {p.value for s in seen.main for p in s.purposes or () if p.scheme == scheme}
    missing = [value for value in wanted if value not in there]
    if missing:
        return fails(
            f"{seen.name}: no signature of the top level states purpose {', '.join(missing)} of {scheme}",
            expected=wanted,
            observed=sorted(there),
        )
    faults = {s.path: what for s in seen.current if (what := purpose_fault(s))}
    foreign = [
        (s.path, f"the purpose is coded with {s.purposes[0].scheme!r}, an extension of CID 7007")
        for s in seen.current
        if s.purposes and s.path not in faults and s.purposes[0].scheme != "ASTM-sigpurpose"
    ]
    stated = sum(1 for s in seen.current if s.purposes)
    return settled(
        list(faults.items()), f"{count(stated, 'purpose code')} in order", warnings=foreign
    )
