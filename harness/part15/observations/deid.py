"""What was seen of de-identified objects: required action and outcome per attribute, marks, meta, set facts.

No value of a patient is ever in here: value classes (VR, octets) and hashes under a salt of the run only.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class AttributeSeen:
    """One attribute of which the outcome is not simply right.

    *path* as in ``wire.elements`` (items count from 1); *row* of Table E.1-1, or ``E.3.4-1 CODE SCHEME``;
    *action* what the table requires under the options, *column* the profile or option that says so;
    *type* of the attribute in the IOD (empty: foreign or not known); *outcome* absent, empty, kept,
    changed or present (no original to compare with); *kind* names the deviation (left,
    replaced-not-removed, emptied-not-removed, empty, missing, private, not-kept, invalid, canary,
    unsure); *weight* is fail, warn, note or open (cannot be decided from what is there); *within* is K or
    C if it stands in a sequence that an option keeps or has cleaned.
    """

    path: str
    row: str
    action: str
    column: str
    type: str
    outcome: str
    kind: str
    weight: str
    value: str = ""
    detail: str = ""
    within: str = ""


@dataclass(frozen=True)
class MethodCode:
    """One item of De-identification Method Code Sequence (0012,0064)."""

    code: str
    scheme: str
    inherited: bool = False


@dataclass(frozen=True)
class MarksSeen:
    """What the object says about its own de-identification; absent attributes are empty texts.

    *codes_before* and *text_before* are those of the original, for objects de-identified twice.
    """

    identity_removed: str = ""
    method_text: bool = False
    codes: tuple[MethodCode, ...] = ()
    codes_before: tuple[MethodCode, ...] = ()
    text_before_kept: bool = True
    temporal: str = ""
    burned_in: str = ""
    visual_features: str = ""
    offset_event: str = ""
    offset_flaw: str = ""


@dataclass(frozen=True)
class MetaSeen:
    """File meta information and preamble; *kept* are places with the value of the original.

    *preamble* is zero, kept, changed, or set (not zero, and no original at hand).
    """

    is_file: bool = False
    preamble: str = ""
    kept: tuple[str, ...] = ()
    present: tuple[str, ...] = ()
    instance_matches: bool = True
    instance_kept: bool = False


@dataclass(frozen=True)
class PixelsSeen:
    """Pixel Data of the pair: untouched, changed, absent, unread; *regions* with known burned-in text.

    *burned* counts regions whose pixels still show what was burned in, *cleaned* those that do not.
    """

    state: str = "unread"
    burned: tuple[str, ...] = ()
    cleaned: tuple[str, ...] = ()
    icon: str = ""


@dataclass(frozen=True)
class SurvivorSeen:
    """A known value of the original found in the output: which one, where, and in what disguise.

    *canary* is the name of the planted value, or the attribute of the original it stood in; *listed*
    tells whether Table E.1-1 lists the attribute it was planted in under the claimed options.
    """

    canary: str
    place: str
    transform: str
    listed: bool = True


@dataclass(frozen=True)
class EnvelopeSeen:
    """One item of Encrypted Attributes Sequence (0400,0500), opened if a key was at hand.

    *state* is opened, no-recipient (none of the keys is meant), no-key (none was given), damaged,
    not-enveloped; *transports* and *key_bits* one per recipient; *attributes* are (tag, hash) of the
    Modified Attributes item, *unchanged* those with the same value in the main data set,
    *partial_sequences* those that lack something of the original's; *opened_by* names the keys.
    """

    transfer_syntax: str = ""
    content: int = 0
    state: str = "no-key"
    why: str = ""
    transports: tuple[str, ...] = ()
    key_bits: tuple[int, ...] = ()
    cipher: str = ""
    content_type: str = ""
    trailing: int = 0
    plaintext_flaw: str = ""
    modified_items: int = 0
    modified_sequences: int = 0
    other_top_level: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    unchanged: tuple[str, ...] = ()
    partial_sequences: tuple[str, ...] = ()
    holds_uids: bool = False
    opened_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class EncryptedSeen:
    """Encrypted Attributes Sequence of one object.

    *nested* are places below the main data set; *differing* attributes that two opened items give
    different values for; *keys* how many keys were at hand.
    """

    present: bool = False
    nested: tuple[str, ...] = ()
    items: tuple[EnvelopeSeen, ...] = ()
    differing: tuple[str, ...] = ()
    keys: int = 0


@dataclass(frozen=True)
class DeidSeen:
    """One object after de-identification, judged alone or against its original (*paired*).

    *elements* counts all elements, *nested* the listed attributes inside items. *tally* counts
    attributes by ``ACTION OUTCOME``, *columns* by ``PROFILE-OR-OPTION OUTCOME``, right ones included;
    *rows* tells the outcomes met in each row. *deviations* are what is not simply right, *more* those
    of them that were not listed any more. *links*
    are (kind, original, replacement) as hashes, for the consistency of a set; *shifts* the days by
    which dates were moved. *altered*, *removed*, *added* are attributes that no row lists.
    """

    name: str
    edition: str
    options: tuple[str, ...] = ()
    unknown_options: tuple[str, ...] = ()
    paired: bool = False
    sop_class: str = ""
    iod: str = ""
    elements: int = 0
    nested: int = 0
    deviations: tuple[AttributeSeen, ...] = ()
    more: int = 0
    tally: dict[str, int] = field(default_factory=dict)
    columns: dict[str, int] = field(default_factory=dict)
    rows: dict[str, str] = field(default_factory=dict)
    conflicts: tuple[str, ...] = ()
    marks: MarksSeen = field(default_factory=MarksSeen)
    meta: MetaSeen = field(default_factory=MetaSeen)
    pixels: PixelsSeen = field(default_factory=PixelsSeen)
    encrypted: EncryptedSeen = field(default_factory=EncryptedSeen)
    survivors: tuple[SurvivorSeen, ...] = ()
    hunted: int = 0
    links: tuple[tuple[str, str, str], ...] = ()
    shifts: tuple[tuple[str, int], ...] = ()
    altered: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    integrity: tuple[str, ...] = ()
    same_instance: bool = False
    signatures: tuple[str, ...] = ()
    orphan_macs: int = 0
    registered_changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class ConflictSeen:
    """One original with several replacements in a set, or (*merged*) several originals with one.

    *what* is uid, patient-id, study-id ...; *count* how many stand against one; *scope* instance,
    study, patient or run; *examples* name files.
    """

    what: str
    count: int
    scope: str = "run"
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeidSet:
    """Facts about all objects of a release together.

    *split* are originals with several replacements, *merged* replacements with several originals,
    *shifts* studies whose dates moved by different numbers of days. *inserted*, *codes* and
    *transfer_syntaxes* (of encrypted attributes) are what a statement has to tell (E.1.3).
    """

    objects: int = 0
    pairs: int = 0
    links: int = 0
    split: tuple[ConflictSeen, ...] = ()
    merged: tuple[ConflictSeen, ...] = ()
    kept_dates: int = 0
    shifted_dates: int = 0
    shifts: tuple[ConflictSeen, ...] = ()
    inserted: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    transfer_syntaxes: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReidentifiedSeen:
    """What a re-identifier made of one protected object with one key.

    *state* is done, refused, cannot, crashed; *restored*, *wrong*, *absent*, *left_inside* are the
    attributes of the item that key opens; *extra* are attributes that changed and are in no such item.
    """

    name: str
    cipher: str
    key: str
    state: str
    openable: int = 0
    chosen: tuple[int, ...] = ()
    restored: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    leaked: tuple[str, ...] = ()
    identity_removed: str = ""
    method_left: tuple[str, ...] = ()
    left_over: tuple[str, ...] = ()
    unchanged: bool = False
    why: str = ""


@dataclass(frozen=True)
class ReidentifiedSet:
    """All exchanges with a re-identifier, damaged objects and strangers' keys among them."""

    cases: tuple[ReidentifiedSeen, ...] = ()
