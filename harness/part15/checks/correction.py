"""Signed objects whose content a product corrected (PS3.15 A.2, A.4, C.4; PS3.4 O.3; PS3.3 C.17.2)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from part15.checks import signature_coverage, signature_documents
from part15.model import Judgement, Word, fails, passes, undecided
from part15.observations.correction import CorrectionSeen, InstanceSeen
from part15.observations.signatures import SignatureSeen
from part15.registry import check
from part15.wire.dictionary import described

_UNSTABLE = frozenset({0x01000410, 0x01000420, 0x01000424, 0x01000426})
"""SOP Instance Status and its companions: what may lawfully differ, and need not be covered."""


def _broken(instance: InstanceSeen) -> list[SignatureSeen]:
    return [s for s in instance.seen.current if s.crypto.integrity == "invalid"]


def _signatures(seen: CorrectionSeen, instance: InstanceSeen) -> str:
    words = [
        f"{'ours' if s.uid in seen.ours else 'another'}: {s.crypto.integrity}"
        for s in instance.seen.current
    ]
    return ", ".join(words) or "no signature"


def _unready(seen: CorrectionSeen) -> Judgement | None:
    """Return why the correction tells nothing, None if it does."""
    what = described(seen.tag)
    if seen.before.value != "old":
        return undecided(f"{what} was not as we stored it before the correction")
    if seen.corrected:
        return None
    values = ", ".join(i.value for i in seen.after) or "no instance came back"
    return undecided(
        f"the action 'correct' ended well, but no instance of the study has the new {what} ({values}); "
        "look whether it corrects what {keyword} says, in the same study",
        observed=values,
    )


def _broken_before(seen: CorrectionSeen) -> Judgement | None:
    if _broken(seen.before):
        return undecided(
            "a signature did not hold any more before the correction, so that nothing can be told of "
            "what the correction does to it",
            observed=_signatures(seen, seen.before),
        )
    return None


@check
def drops_what_it_breaks(seen: CorrectionSeen) -> Judgement:
    """No corrected object carries a signature that the correction broke (A.2 c.1, taken to corrections)."""
    if answer := _unready(seen) or _broken_before(seen):
        return answer
    for instance in seen.corrected:
        broken = _broken(instance)
        if broken:
            return fails(
                f"the corrected object still carries {len(broken)} signature(s) that do not hold any more; "
                "remove what the correction breaks",
                expected="no broken signature",
                observed=_signatures(seen, instance),
            )
    return passes(
        "no corrected object carries a broken signature",
        observed="; ".join(_signatures(seen, i) for i in seen.corrected),
    )


def _fresh(seen: CorrectionSeen, instance: InstanceSeen) -> list[SignatureSeen]:
    return [
        s for s in instance.seen.main if s.uid not in seen.ours and s.crypto.integrity == "valid"
    ]


def _covered(signatures: Iterable[SignatureSeen]) -> set[int]:
    return {tag for s in signatures for tag in s.signed}


@check
def signs_what_was_verifiable(seen: CorrectionSeen) -> Judgement:
    """New signatures that hold cover together what could be verified at receipt, the corrected element too (A.2 c.2)."""
    if answer := _unready(seen):
        return answer
    for instance in seen.corrected:
        fresh = _fresh(seen, instance)
        words = _signatures(seen, instance)
        if not fresh:
            return fails(
                "the corrected object has no new signature that holds, though ours could be verified at "
                "receipt; sign it anew",
                expected="a new signature that holds",
                observed=words,
            )
        covered = _covered(fresh)
        if seen.tag not in covered:
            return fails(
                f"the new signature does not cover the corrected {described(seen.tag)}",
                expected=f"{described(seen.tag)} among the Data Elements Signed",
                observed=words,
            )
        missing = sorted((set(seen.covered) & set(instance.seen.present)) - covered - _UNSTABLE)
        if missing:
            return fails(
                f"the new signature leaves out {len(missing)} elements that could be verified at receipt; "
                f"first: {described(missing[0])}",
                expected="all elements of the signatures that came",
                observed=words,
            )
    return passes(
        "new signatures cover what ours did, the corrected element among it",
        observed="; ".join(_signatures(seen, i) for i in seen.corrected),
    )


@check
def makes_a_new_instance(seen: CorrectionSeen) -> Judgement:
    """A report that is corrected gets a new SOP Instance UID (PS3.4 O.3)."""
    if answer := _unready(seen):
        return answer
    if any(i.same for i in seen.corrected):
        return fails(
            f"the verified report was corrected in place: {described(seen.tag)} changed and its SOP "
            "Instance UID did not",
            expected="a new SOP Instance UID",
            observed="the SOP Instance UID of the verified report",
        )
    return passes("the corrected report has a SOP Instance UID of its own")


@check
def names_its_predecessor(seen: CorrectionSeen) -> Judgement:
    """The corrected report refers to the one it corrects in Predecessor Documents Sequence (PS3.3 C.17.2)."""
    if answer := _unready(seen):
        return answer
    new = [i for i in seen.corrected if not i.same]
    if not new:
        return undecided("the report was corrected in place, so that nothing has a predecessor")
    for instance in new:
        if "ours" not in instance.predecessors:
            said = f"{len(instance.predecessors)} references, none of them to the verified report"
            return fails(
                "Predecessor Documents Sequence (0040,A360) of the corrected report "
                + (f"has {said}" if instance.predecessors else "is absent or empty"),
                expected="a reference to the report that was corrected",
                observed=said if instance.predecessors else "no reference",
            )
    return passes("the corrected report refers to the one it corrects")


@check
def keeps_the_original(seen: CorrectionSeen) -> Judgement:
    """The report that was corrected is still there as it was, and its signature holds."""
    if answer := _unready(seen) or _broken_before(seen):
        return answer
    if not any(s.crypto.integrity == "valid" for s in seen.before.seen.current):
        return undecided("the verified report had no valid signature even before the correction")
    old = next((i for i in seen.after if i.same), None)
    if old is None:
        return fails(
            "the verified report is not there any more after its correction",
            expected="the report as it was",
            observed="it does not come back",
        )
    if not old.unchanged:
        return fails(
            "the correction altered the verified report itself",
            expected="the report as it was",
            observed=f"{described(seen.tag)} is {old.value}; {_signatures(seen, old)}",
        )
    return passes(
        "the verified report is as it was, and its signature holds", observed=_signatures(seen, old)
    )


@check
def signs_as_a_report(seen: CorrectionSeen, *, edition: str) -> Judgement:
    """Where the corrected report is signed, it is by C.4: what covers it holds, with purpose, predecessor and correction."""
    if answer := _unready(seen) or _broken_before(seen):
        return answer
    for instance in seen.corrected:
        if not instance.seen.current:
            return undecided(
                "the corrected report is not signed; when a report is signed the Conformance Statement tells "
                "(A.4-cs-when-signed)",
                observed=f"Verification Flag {_flag(instance)}",
            )
        if _broken(instance):
            return fails(
                "the corrected report carries a signature that does not hold: that of the report it corrects",
                expected="signatures that hold, or none",
                observed=_signatures(seen, instance),
            )
        for answer in _by_profile(seen, instance, edition):
            if answer.word is Word.FAIL:
                return dataclasses.replace(
                    answer, message=f"the signature of the corrected report: {answer.message}"
                )
    return passes(
        "the corrected report is signed by the profile for reports",
        observed="; ".join(_signatures(seen, i) for i in seen.corrected),
    )


@check
def signs_the_predecessor(seen: CorrectionSeen, *, edition: str) -> Judgement:
    """The signature of a corrected report covers its Predecessor Documents Sequence (C.4)."""
    if answer := _unready(seen):
        return answer
    new = [i for i in seen.corrected if i.predecessors and i.seen.current]
    if not new:
        return undecided(
            "no corrected report is signed and has a Predecessor Documents Sequence (0040,A360); "
            "see A.4-corrected-predecessor",
            observed="; ".join(_signatures(seen, i) for i in seen.corrected),
        )
    for instance in new:
        answer = signature_coverage.covers(
            instance.seen, tags=["(0040,A360)"], profile="sr-rsa", edition=edition
        )
        if answer.word is not Word.PASS:
            return answer
    return passes("the signature covers the reference to the report that was corrected")


def _flag(instance: InstanceSeen) -> str:
    document = instance.seen.document
    return (document.verification_flag if document is not None else "") or "absent"


def _by_profile(seen: CorrectionSeen, instance: InstanceSeen, edition: str) -> Iterable[Judgement]:
    yield signature_documents.states_its_purpose(instance.seen)
    yield signature_documents.has_verification_signature(instance.seen)
    tag = f"({seen.tag >> 16:04X},{seen.tag & 0xFFFF:04X})"
    yield signature_coverage.covers(
        instance.seen, tags=[tag, "(0040,A360)"], profile="sr-rsa", edition=edition, if_present=True
    )
    yield signature_coverage.covers_modules(
        instance.seen, modules=["sr-document-content"], profile="sr-rsa", edition=edition
    )
