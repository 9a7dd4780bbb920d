"""Faults of the embedded archive in correcting signed objects (PS3.15 A.2, A.4; PS3.4 O.3; PS3.3 C.17.2)."""

from __future__ import annotations

from typing import Any

from part15.peers.archive_correction import Corrections
from part15.peers.faults import Fault


def _fault(name: str, text: str, flips: tuple[str, ...], why: str, **changes: Any) -> Fault:
    made = {"corrections": Corrections(**changes)}
    return Fault(name, text, flips, why, "correction", made, "storage-scp")


CORRECTION = (
    _fault(
        "keeps_signatures_that_a_correction_breaks",
        "corrects a value, signs anew, and leaves the signatures that this breaks",
        ("A.2-c1-corrected", "A.4-corrected-signature"),
        "what does not hold any more is removed",
        drops=False,
    ),
    _fault(
        "signs_no_corrections",
        "corrects a value and removes the signatures without signing anew",
        ("A.2-c2-corrected",),
        "a new signature covers what could be verified",
        signs=False,
    ),
    _fault(
        "leaves_corrections_unsigned",
        "signs a corrected object without the corrected element",
        ("A.2-c2-corrected", "A.4-corrected-signature"),
        "the new signature covers the corrected element",
        covers=False,
    ),
    _fault(
        "leaves_the_predecessor_unsigned",
        "signs a corrected report without its reference to the report it corrects",
        ("A.4-corrected-signature", "C.4-corrected-predecessors"),
        "C.4 has the Predecessor Documents Sequence signed",
        covers_predecessor=False,
    ),
    _fault(
        "corrects_reports_in_place",
        "changes a verified report and keeps its SOP Instance UID",
        ("A.4-corrected-instance", "A.4-corrected-original", "A.4-corrected-signature"),
        "a changed report is a new SOP Instance, the verified one stays, and nobody has verified the change",
        in_place=True,
    ),
    _fault(
        "omits_the_predecessor",
        "makes a new report that does not refer to the one it corrects",
        ("A.4-corrected-predecessor",),
        "Predecessor Documents Sequence is due",
        predecessor="none",
    ),
    _fault(
        "names_another_predecessor",
        "makes a new report that refers to another than the one it corrects",
        ("A.4-corrected-predecessor",),
        "Predecessor Documents Sequence refers to the report that was corrected",
        predecessor="another",
    ),
    _fault(
        "alters_the_corrected_original",
        "notes the correction in the verified report itself",
        ("A.4-corrected-original",),
        "the verified report still verifies",
        original="altered",
    ),
    _fault(
        "deletes_the_corrected_original",
        "deletes a verified report once it is corrected",
        ("A.4-corrected-original",),
        "the verified report still verifies",
        original="deleted",
    ),
)
