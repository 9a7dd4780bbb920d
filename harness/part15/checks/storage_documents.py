"""Secure use of signatures in reports and key object selections (PS3.15 A.4)."""

from __future__ import annotations

from part15.model import Finding, Judgement, Word, fails, passes, undecided
from part15.observations.signatures import SignedObjectSeen
from part15.registry import check

_TOLD = 20
_EVIDENCE = ("(0040,A375)", "(0040,A385)")
"""Current Requested Procedure Evidence and Pertinent Other Evidence Sequence; predecessors are no evidence."""


@check
def protects_every_reference(seen: SignedObjectSeen) -> Judgement:
    """Every instance listed as evidence carries a referenced signature, a MAC, or both (A.4 b)."""
    if seen.trouble:
        return undecided(f"{seen.name}: {seen.trouble}")
    if seen.document is None:
        return undecided(f"{seen.name} is no report and no key object selection")
    evidence = [r for r in seen.references if r.path.startswith(_EVIDENCE)]
    bare = [r for r in evidence if not r.signatures and not r.macs]
    if bare:
        return fails(
            f"{len(bare)} of {len(evidence)} references carry neither a signature nor a MAC; "
            f"first: {bare[0].path}; add Referenced Digital Signature or Referenced SOP Instance MAC Sequence",
            expected="a signature or a MAC for each reference",
            observed=f"{len(bare)} bare references",
            findings=[
                Finding(r.path, Word.FAIL, "the reference is not protected") for r in bare[:_TOLD]
            ],
        )
    if not evidence:
        return undecided(f"{seen.name} lists no evidence, so there is nothing to protect")
    return passes(f"all {len(evidence)} references carry a signature or a MAC")
