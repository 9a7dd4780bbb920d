"""How the embedded de-identifier marks what it made (E.1.1 item 6, E.2, E.3), right and wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.dataset import Dataset

from part15.wire.deid_rules import BASIC, method_codes

if TYPE_CHECKING:
    from part15.peers.deidentifier import Deidentifier

FULL, SHIFTED = "retain-long-full-dates", "retain-long-modified-dates"


def marked(peer: Deidentifier, made: Dataset, before: Dataset) -> None:
    """Write the marks of *peer* into *made*."""
    made.PatientIdentityRemoved = "yes" if peer.wrong("marks_in_lower_case") else "YES"
    if peer.wrong("omits_identity_removed"):
        del made.PatientIdentityRemoved
    _method(peer, made, before)
    _flags(peer, made)
    if peer.wrong("writes_broken_offset"):
        made.LongitudinalTemporalOffsetFromEvent = 37.0
    if peer.wrong("copies_name_elsewhere"):
        made.FilterType = str(before.get("PatientName", "")).split("^")[0].lower()
    if peer.wrong("hashes_patient_id"):
        import hashlib

        made.PatientID = hashlib.md5(  # the mistake itself
            str(before.get("PatientID", "")).encode(), usedforsecurity=False
        ).hexdigest()
    if peer.wrong("replaces_sop_class"):
        made.SOPClassUID = peer.uid("1.2.3.99")


def _method(peer: Deidentifier, made: Dataset, before: Dataset) -> None:
    earlier = before.get("DeidentificationMethod")
    texts = [] if earlier is None or peer.wrong("overwrites_method") else [earlier]
    made.DeidentificationMethod = [*texts, "PART15 EMBEDDED DE-IDENTIFIER"]
    codes = (
        []
        if peer.wrong("overwrites_method")
        else list(before.get("DeidentificationMethodCodeSequence", []))
    )
    chosen = {BASIC, *peer.rules.options}
    if peer.wrong("adds_foreign_option_code"):
        chosen.add("retain-uids")
    if peer.wrong("codes_both_dates"):
        chosen |= {FULL, SHIFTED}
    if peer.wrong("omits_profile_code"):
        chosen.discard(BASIC)
    for row in method_codes():
        if row["option"] in chosen:
            item = Dataset()
            item.CodeValue, item.CodingSchemeDesignator = row["code"], "DCM"
            item.CodeMeaning = row["meaning"]
            codes.append(item)
    made.DeidentificationMethodCodeSequence = codes
    if peer.wrong("codes_nothing"):
        del made.DeidentificationMethodCodeSequence
    if peer.wrong("names_no_method"):
        del made.DeidentificationMethodCodeSequence
        del made.DeidentificationMethod


def _flags(peer: Deidentifier, made: Dataset) -> None:
    options = peer.rules.options
    if peer.rules.edition >= "2011":
        value = "UNMODIFIED" if FULL in options else "MODIFIED" if SHIFTED in options else "REMOVED"
        if peer.wrong("says_dates_wrongly"):
            value = "MODIFIED" if value != "MODIFIED" else "REMOVED"
        made.LongitudinalTemporalInformationModified = value
    if "clean-recognizable-visual-features" in options and "PixelData" in made:
        made.RecognizableVisualFeatures = "YES" if peer.wrong("leaves_features_flag") else "NO"
