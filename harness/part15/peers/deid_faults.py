"""The named faults of the embedded de-identifier and re-identifier: one deviation each, with the clauses it flips.

``ARENAS`` groups them by the edition and the options under which they show. Each acts on the files
that are written, on their names, or on the log; the judge sees nothing but those. The ``switch`` of a
fault is what the embedded peer looks for; the name itself where none is given.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping

from part15.errors import TargetError
from part15.peers.faults import Fault
from part15.registry import did_you_mean

FAMILY = "confidentiality"
RETAINING = (
    "retain-uids",
    "retain-device-identity",
    "retain-institution-identity",
    "retain-patient-characteristics",
    "retain-long-full-dates",
    "retain-safe-private",
)
CLEANING = (
    "clean-pixel-data",
    "clean-recognizable-visual-features",
    "clean-graphics",
    "clean-structured-content",
    "clean-descriptors",
    "retain-long-modified-dates",
)

_CLAIM = "E.1.1-claim"
_ITEMS = "E.1.1-table-all-instances"
_DIFFERS = "E.1.1-remove-or-replace"
_SCOPE = "E.2-scope"
_UIDS = "E.1.1-protect-sop-uid"
_GRAPHICS = "E.1.1-graphics-removed"
_INTEGRITY = "E.1.1-iod-integrity"
_DOCUMENT = "E.1.1-encapsulated-document"
_METHOD = "E.1.1-method-codes-or-text"
_APPEND = "E.1.1-method-append"
_META = "E.1.1-file-meta"
_OVERRIDES = "E.1.1-option-overrides"
_RETAIN = "E.1.1-retain"
_LEFT = (_CLAIM, _DIFFERS, _ITEMS, _SCOPE)
"""What a value of the original that stays in a listed attribute, at the top and in items, violates."""


def _act(code: str) -> str:
    return f"E.1.1-action-{code}"


def _fault(name: str, text: str, *flips: str, switch: str = "", why: str = "") -> Fault:
    return Fault(
        name, text, flips, why or text, FAMILY, {"switch": switch or name}, "de-identifier"
    )


def _restorer(name: str, text: str, *flips: str) -> Fault:
    return Fault(name, text, flips, text, FAMILY, {"switch": name}, "re-identifier")


PROFILE = (
    _fault(
        "forgets_items",
        "treats the main data set only and leaves sequence items as they are",
        *(_CLAIM, _DIFFERS, _GRAPHICS, _UIDS, _ITEMS, _DOCUMENT, _SCOPE),
        *(_act(c) for c in ("D", "Z", "X", "U", "ZD", "XZ", "XD", "XZD", "XZU")),
    ),
    _fault("keeps_private", "leaves private attributes", _CLAIM, _SCOPE, "E.2-private"),
    _fault("keeps_file_meta", "copies the file meta information", _META),
    _fault("keeps_preamble", "copies the preamble", _META),
    _fault(
        "keeps_meta_instance",
        "leaves the original SOP Instance UID in (0002,0003)",
        _META,
        _UIDS,
        _SCOPE,
        why="the meta information still tells the UID that was replaced in (0008,0018)",
    ),
    _fault("omits_identity_removed", "leaves (0012,0062) out", "E.1.1-patient-identity-removed"),
    _fault("marks_in_lower_case", "writes yes for YES", "E.1.1-patient-identity-removed"),
    _fault("adds_foreign_option_code", "names an option it does not do", _METHOD),
    _fault(
        "names_no_method",
        "writes neither text nor codes",
        _METHOD,
        _APPEND,
        why="what an earlier de-identification wrote goes as well",
    ),
    _fault("overwrites_method", "replaces codes and text of an earlier de-identification", _APPEND),
    _fault("maps_uids_per_file", "makes a new UID map for each file", "E.1.1-consistency"),
    _fault("maps_all_uids_to_one", "replaces every UID by the same", "E.1.1-uid-mapping-injective"),
    _fault(
        "keeps_instance_uid",
        "leaves (0008,0018)",
        *(*_LEFT, _UIDS, "E.1.1-new-instance", _act("U")),
        switch="keeps_row_(0008,0018)",
    ),
    _fault(
        "keeps_references",
        "leaves references to instances, (0008,1155)",
        *(*_LEFT, _UIDS, _act("U")),
        switch="keeps_row_(0008,1155)",
    ),
    _fault(
        "empties_instead_of_replacing",
        "writes zero length where a value is due (D)",
        *(_CLAIM, _INTEGRITY, _GRAPHICS, _ITEMS, _DOCUMENT, _act("D"), _act("ZD")),
    ),
    _fault(
        "removes_instead_of_emptying",
        "removes what has to be emptied (Z)",
        *(_CLAIM, _INTEGRITY, _act("Z"), _act("ZD")),
    ),
    _fault(
        "empties_instead_of_removing",
        "empties what has to be removed (X)",
        *(_CLAIM, _GRAPHICS, _ITEMS, _act("X")),
    ),
    _fault(
        "replaces_instead_of_removing",
        "writes dummies for what has to be removed (X)",
        *(_CLAIM, _GRAPHICS, _ITEMS, _act("X")),
    ),
    _fault(
        "keeps_what_d_replaces", "leaves D", *_LEFT, _act("D"), _DOCUMENT, switch="keeps_action_D"
    ),
    _fault("keeps_what_z_empties", "leaves Z", *_LEFT, _act("Z"), switch="keeps_action_Z"),
    _fault(
        "keeps_what_x_removes", "leaves X", *_LEFT, _act("X"), _GRAPHICS, switch="keeps_action_X"
    ),
    _fault(
        "keeps_what_u_maps",
        "leaves U",
        *_LEFT,
        _act("U"),
        _UIDS,
        "E.1.1-new-instance",
        switch="keeps_action_U",
    ),
    _fault("keeps_what_zd_replaces", "leaves Z/D", *_LEFT, _act("ZD"), switch="keeps_action_Z/D"),
    _fault("keeps_what_xz_removes", "leaves X/Z", *_LEFT, _act("XZ"), switch="keeps_action_X/Z"),
    _fault("keeps_what_xd_removes", "leaves X/D", *_LEFT, _act("XD"), switch="keeps_action_X/D"),
    _fault(
        "keeps_what_xzd_removes", "leaves X/Z/D", *_LEFT, _act("XZD"), switch="keeps_action_X/Z/D"
    ),
    _fault(
        "keeps_what_xzu_removes",
        "leaves X/Z/U*",
        *_LEFT,
        _act("XZU"),
        _act("Z"),
        _act("U"),
        _UIDS,
        switch="keeps_action_X/Z/U*",
    ),
    _fault(
        "writes_invalid_dates", "writes words into dates", _CLAIM, _ITEMS, _act("D"), _act("ZD")
    ),
    _fault(
        "keeps_overlays",
        "leaves overlays with their comments",
        *(_CLAIM, _DIFFERS, _GRAPHICS, _SCOPE, _act("X")),
    ),
    _fault(
        "keeps_signatures",
        "leaves digital signatures with the signer's certificate",
        *(_CLAIM, _DIFFERS, _SCOPE, _act("X"), "E.1.1-digital-signatures"),
        switch="keeps_row_(FFFA,FFFA)",
    ),
    _fault(
        "keeps_original_attributes",
        "leaves Original Attributes Sequence",
        *(_CLAIM, _DIFFERS, _SCOPE, _act("X"), "E.1.1-original-attributes"),
        switch="keeps_row_(0400,0561)",
    ),
    _fault(
        "keeps_documents",
        "passes encapsulated documents through",
        *(*_LEFT, _act("D"), _DOCUMENT),
        switch="keeps_row_(0042,0011)",
    ),
    _fault("hashes_patient_id", "writes the MD5 of the Patient ID", "E.1.1-no-private-recovery"),
    _fault("copies_name_elsewhere", "writes the name into an unlisted attribute", _SCOPE),
    _fault("says_dates_wrongly", "says MODIFIED for removed dates", "E.2-temporal-removed"),
    _fault(
        "keeps_file_names",
        "names files as it found them",
        why="a finding; no clause speaks of names",
    ),
    _fault("logs_names", "writes names into its log", why="a finding; no clause speaks of logs"),
)
ENCLOSING = (
    _fault("encloses_nothing", "writes an empty (0400,0500)", "EA-sequence"),
    _fault("encloses_below_the_top", "writes (0400,0500) into an item", "EA-sequence"),
    _fault("encloses_two_values", "gives recipients different values", "EA-same-value"),
    _fault("encloses_unchanged", "encloses what it leaves as it is", "EA-modified-attributes"),
    _fault(
        "encloses_parts_of_sequences",
        "encloses only the UIDs of sequences",
        "E.1.1-nested-sop-uid-encrypted",
    ),
    _fault("encloses_two_items", "writes two items", "E.1.1-encrypt-ts", "EA-content-structure"),
    _fault(
        "encloses_at_the_top", "writes no (0400,0550)", "E.1.1-encrypt-ts", "EA-content-structure"
    ),
    _fault("encloses_in_implicit_vr", "encodes in implicit VR", "EA-transfer-syntax"),
    _fault(
        "encloses_whole_files", "encloses preambles", "E.1.1-encrypt-ts", "EA-content-structure"
    ),
    _fault(
        "encrypts_with_rc2",
        "encrypts with RC2",
        *(
            "E.1.1-encrypt-ts",
            "E.1.1-encrypt-cipher",
            "E.1.1-encrypt-encoding",
            "EA-content-structure",
        ),
        why="nobody who knows what Annex E allows can open it",
    ),
    _fault("transports_by_password", "has password recipients", "E.1.1-encrypt-rsa"),
    *(
        _fault(
            name,
            text,
            *("E.1.1-encrypt-ts", "E.1.1-encrypt-rsa", "E.1.1-encrypt-cipher"),
            *("E.1.1-encrypt-encoding", "EA-content-structure"),
        )
        for name, text in (
            ("encloses_without_encrypting", "writes the attributes in the clear"),
            ("cuts_envelopes", "writes the first 200 octets of envelopes"),
        )
    ),
    _fault("pads_envelopes_by_more", "pads by four octets and more", "EA-padding"),
    _fault("omits_content_syntax", "omits (0400,0510)", "EA-item-content", "EA-transfer-syntax"),
)
RESTORING = (
    _restorer("leaves_attributes_inside", "only changes the marks", "E.1.2-move"),
    _restorer("restores_other_values", "restores other values", "E.1.2-decrypt"),
    _restorer("leaves_identity_removed", "leaves YES in (0012,0062)", "E.1.2-flags"),
    _restorer("leaves_method", "leaves method and codes", "E.1.2-flags"),
    _restorer(
        "tries_the_first_item_only",
        "looks at the first item only",
        *("E.1.2-decrypt", "E.1.2-any-item"),
    ),
    _restorer("knows_no_triple_des", "opens AES only", "E.1.2-decrypt", "E.1.2-both-ciphers"),
    _restorer("claims_success_for_strangers", "invents attributes for any key", "E.1.2-decrypt"),
)
OF_2008 = (
    _fault(
        "names_no_method_in_2008", "writes no method", "E.1.1-method-2008", switch="names_no_method"
    ),
    _fault(
        "keeps_patient_id_in_2008",
        "leaves the Patient ID",
        *("E.1.1-claim-2008", _DIFFERS, "E.1.1-table-2008"),
        switch="keeps_row_(0010,0020)",
    ),
    _fault(
        "keeps_references_in_2008",
        "leaves references to instances",
        *("E.1.1-claim-2008", _DIFFERS, _UIDS, "E.1.1-table-2008"),
        switch="keeps_row_(0008,1155)",
    ),
)
OF_2021B = (
    _fault("codes_nothing", "writes text only", "E.1.1-method-codes", _APPEND),
    _fault("omits_profile_code", "omits 113100", "E.1.1-method-codes"),
    _fault(
        "adds_foreign_option_code_in_2021b",
        "names an option it does not do",
        "E.1.1-method-codes",
        switch="adds_foreign_option_code",
    ),
)
_IGNORED = (_CLAIM, _RETAIN, _ITEMS, _OVERRIDES, _act("K"))
OF_RETAINING = (
    *(
        _fault(
            f"ignores_{option.replace('-', '_')}",
            f"does not do {option}",
            *flips,
            switch=f"ignores_{option}",
        )
        for option, flips in (
            ("retain-uids", (*_IGNORED, "E.1.1-keep-sequence", "E.3.9-retain")),
            ("retain-device-identity", (*_IGNORED, _act("C"), "E.3.8-retain")),
            ("retain-institution-identity", (*_IGNORED, "E.3.11-retain")),
            ("retain-patient-characteristics", (*_IGNORED, _act("C"), "E.3.7-retain")),
            ("retain-long-full-dates", (*_IGNORED, _INTEGRITY, "E.3.6-full-keep")),
        )
    ),
    _fault(
        "copies_kept_sequences",
        "copies sequences that options keep with all they hold",
        *(*_LEFT, _act("Z"), "E.1.1-keep-sequence"),
        switch="copies_sequences_K",
    ),
    _fault(
        "keeps_unsafe_private", "keeps every private attribute", _CLAIM, _SCOPE, "E.3.10-retain"
    ),
    _fault("loses_private_creators", "drops private creators", _CLAIM, "E.3.10-retain"),
    _fault(
        "says_full_dates_wrongly",
        "says MODIFIED for full dates",
        "E.3.6-full-flag",
        switch="says_dates_wrongly",
    ),
    _fault("replaces_sop_class", "maps the SOP Class UID like others", "E.3.9-structural"),
)
_UNCLEANED = (_CLAIM, _ITEMS, _OVERRIDES, _act("C"), _SCOPE)
OF_CLEANING = (
    _fault("leaves_burned_in_text", "leaves the pixels as they are", "E.3.1-remove-burned-in"),
    _fault("leaves_burned_in_flag", "leaves YES in (0028,0301)", "E.3.1-burned-in-annotation"),
    _fault("leaves_features_flag", "writes YES into (0028,0302)", "E.3.2-flag"),
    _fault(
        "leaves_graphics",
        "does not clean graphics",
        *(*_UNCLEANED, _GRAPHICS, "E.1.1-clean-sequence", "E.3.3-clean"),
        switch="uncleaned_clean-graphics",
    ),
    _fault(
        "leaves_descriptors",
        "does not clean descriptors",
        *(*_UNCLEANED, "E.1.1-clean-sequence", "E.3.5-clean"),
        switch="uncleaned_clean-descriptors",
    ),
    _fault(
        "leaves_content_items",
        "leaves content items whose concept no table lists",
        *(*_UNCLEANED, "E.1.1-clean-sequence", "E.3.4-clean"),
    ),
    _fault(
        "ignores_concepts",
        "treats every content item alike",
        *(_CLAIM, _DIFFERS, _ITEMS, _act("X"), "E.1.1-clean-sequence"),
        *("E.3.4-table", "E.3.4-retired-codes"),
    ),
    _fault(
        "ignores_retired_codes",
        "does not know retired codes",
        *(_CLAIM, _DIFFERS, _ITEMS, _act("X"), "E.1.1-clean-sequence", "E.3.4-retired-codes"),
    ),
    _fault(
        "leaves_dates",
        "does not modify dates",
        *(*_UNCLEANED, "E.3.6-mod-change"),
        switch="uncleaned_retain-long-modified-dates",
    ),
    _fault("shifts_per_file", "moves the dates of each file differently", "E.3.6-mod-change"),
    _fault(
        "says_modified_dates_wrongly",
        "says REMOVED for modified dates",
        "E.3.6-mod-flag",
        switch="says_dates_wrongly",
    ),
    _fault("codes_both_dates", "names both date options", _METHOD, "E.3.6-exclusive"),
    _fault("writes_broken_offset", "writes an offset without event", "E.3.6-offset"),
    _fault(
        "keeps_icons",
        "leaves the icon as it is",
        *(*_LEFT, _act("X"), "E.3.1-icon"),
        switch="keeps_row_(0088,0200)",
    ),
)

ARENAS = (
    ("confidentiality", "2023b", (), (*PROFILE, *ENCLOSING, *RESTORING)),
    ("confidentiality 2008", "2008", (), OF_2008),
    ("confidentiality 2021b", "2021b", (), OF_2021B),
    ("confidentiality, retaining", "2023b", RETAINING, OF_RETAINING),
    ("confidentiality, cleaning", "2023b", CLEANING, OF_CLEANING),
)


@functools.cache
def faults() -> Mapping[str, Fault]:
    """Return every fault by name."""
    return {fault.name: fault for _, _, _, listed in ARENAS for fault in listed}


def switches(names: Iterable[str]) -> frozenset[str]:
    """Return what the embedded peer looks for under *names*, each that of a fault or its switch.

    Raises TargetError for the first that is neither.
    """
    known = {fault.name: str(fault.changes["switch"]) for fault in faults().values()}
    known |= {switch: switch for switch in known.values()}
    for name in names:
        if name not in known:
            raise TargetError(
                f"the embedded de-identifier has no fault '{name}'{did_you_mean(name, known)}; "
                "see 'part15 list faults'"
            )
    return frozenset(known[name] for name in names)
