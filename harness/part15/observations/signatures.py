"""What was seen of the digital signatures of one object (PS3.3 C.12.1.1.3, PS3.15 Annex C).

Tags are numbers (``0x00080018``), paths are those of ``wire.elements.path``; times are ISO 8601 in UTC
with ``Z``; digests are hexadecimal. No value of a patient attribute is ever part of an observation.
"""

from __future__ import annotations

from dataclasses import dataclass

VALID = "valid"
INVALID = "invalid"
UNDECIDABLE = "undecidable"

PROVES = (
    "A digital signature proves that the signed octets are unchanged and whose key signed them;"
    " it does not prove what was displayed when they were signed (PS3.15 C.3)."
)
"""The sentence every report on signatures carries."""


ALTERNATIVES = {
    "ps3.3": ("the stream of PS3.3", ""),
    "explicit-little": ("the stream in explicit VR little endian", "transfer-syntax"),
    "other-syntax": ("the stream in implicit VR or in big endian", "transfer-syntax"),
    "fragment-lengths": (
        "the stream of DCMTK before 3.5.4 (with the lengths of the pixel fragments), not PS3.3",
        "encapsulated",
    ),
    "dcmtk-16k": (
        (
            "the stream of DCMTK 3.6.7's 16 KiB defect, not PS3.3: what nested sequences hold beyond a"
            " boundary of 16 KiB was not signed; dcmsign 3.6.7 accepts it"
        ),
        "sequence",
    ),
    "no-signature-item": (
        "the stream without the elements of the signature item",
        "signature-item",
    ),
    "repadded": (
        (
            "the stream with text values stripped and padded anew, as dcmsign reads them (it accepts this"
            " signature); the octets differ from those signed"
        ),
        "leaf",
    ),
    "unsignable": ("a stream that includes elements PS3.3 excludes", "exclusion"),
    "nested-signatures": (
        "a stream that includes the signatures and other excluded elements inside items",
        "nested-exclusion",
    ),
    "list-order": ("the stream in the order of the list instead of that of the data set", "order"),
    "lengths": ("a stream with the lengths of sequences and items", "sequence"),
}
"""What else a signature may match: key -> sentence, and the part of the stream it got wrong."""


@dataclass(frozen=True)
class ItemAttributeSeen:
    """One attribute of an item as encoded: tag, VR, octets of its value (-1: undefined length)."""

    tag: int
    vr: str
    length: int


@dataclass(frozen=True)
class MacParametersSeen:
    """One item of a MAC Parameters Sequence (4FFE,0001).

    *level* is the path of the data set that holds it, empty for the top level; *signed* the tags of
    Data Elements Signed in the order of the list; *absent* those of them that are not at that level;
    *unsignable* those that may not be signed there.
    """

    path: str
    level: str
    attributes: tuple[ItemAttributeSeen, ...]
    mac_id: int | None
    transfer_syntax: str
    algorithm: str
    signed: tuple[int, ...]
    absent: tuple[int, ...] = ()
    unsignable: tuple[int, ...] = ()
    historic: bool = False


@dataclass(frozen=True)
class BlockSeen:
    """What RSA's public operation makes of Signature (0400,0120).

    *form*: ``pkcs1-v1_5`` (exactly 00 01 FF.. 00 DigestInfo), ``no-digestinfo`` (the bare MAC in the
    block), ``trailing-garbage``, ``block-type-2``, ``pss``, ``other-encoding`` (a DigestInfo in another
    than the DER encoding), ``not-pkcs1``, or nothing for a key that is not RSA.
    """

    form: str = ""
    digest_algorithm: str = ""
    digest_oid: str = ""
    digest: str = ""
    length: int = 0
    modulus_length: int = 0


@dataclass(frozen=True)
class CryptoSeen:
    """Whether MAC and signature hold.

    *integrity* is ``valid``, ``invalid`` or ``undecidable``; *why* a sentence; *mac* the digest over the
    stream of PS3.3, *octets* its length; *alternative* is the key in :data:`ALTERNATIVES` of what else the
    signature matches if it is not that stream. *holds* names what the stream consists of: ``sequence``,
    ``encapsulated``, ``nested-exclusion`` (something inside a signed item is left out), ``encoded-anew``.
    """

    integrity: str
    why: str = ""
    mac: str = ""
    octets: int = 0
    block: BlockSeen = BlockSeen()
    alternative: str = ""
    holds: tuple[str, ...] = ()


@dataclass(frozen=True)
class SignerCertificateSeen:
    """The certificate in Certificate of Signer (0400,0115).

    *padding* counts the octets behind the DER; *holder* is ``person``, ``device`` or ``not told``, *told_by*
    says from what; *digest* is the hash in the certificate's own signature.
    """

    present: bool = False
    readable: bool = False
    why: str = ""
    subject: str = ""
    issuer: str = ""
    serial: str = ""
    sha256: str = ""
    key: str = ""
    key_bits: int = 0
    not_before: str = ""
    not_after: str = ""
    digest: str = ""
    key_usage: tuple[str, ...] = ()
    has_key_usage: bool = False
    extended_usage: tuple[str, ...] = ()
    padding: int = 0
    holder: str = "not told"
    told_by: str = ""


@dataclass(frozen=True)
class TrustSeen:
    """Whether the certificate led to an anchor when the signature was made.

    *status*: ``trusted``, ``expired-now`` (valid at the stated time, not any more), ``expired-at-signing``,
    ``not-yet-valid``, ``revoked``, ``untrusted``, ``unreadable``, ``absent`` or ``not judged``.
    """

    status: str = "not judged"
    why: str = ""


@dataclass(frozen=True)
class TimestampSeen:
    """Certified Timestamp (0400,0310) with its type (0400,0305).

    *status*: ``valid``, ``invalid``, ``undecidable`` or ``not judged`` (sound, but no anchor was given);
    *imprint* is ``matches``, ``differs`` or nothing; *order* tells how its time stands to that of the
    signature and to the end of the certificate: ``plausible``, ``before-signature``, ``after-expiry`` or nothing.
    """

    status: str
    why: str = ""
    type: str = ""
    has_type: bool = True
    has_token: bool = True
    form: str = ""
    imprint: str = ""
    imprint_algorithm: str = ""
    time: str = ""
    policy: str = ""
    authority: str = ""
    extended_usage: str = ""
    order: str = ""


@dataclass(frozen=True)
class PurposeSeen:
    """One item of Digital Signature Purpose Code Sequence (0400,0401)."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True)
class SignatureSeen:
    """One item of a Digital Signatures Sequence (FFFA,FFFA).

    *level* is the path of the data set it signs in, empty for the top level; *parameters* counts the
    MAC Parameters items of that level with its MAC ID; *algorithm*, *transfer_syntax* and *signed* are
    those of that item when there is exactly one. *historic*: it stands inside Original Attributes (0400,0561) or
    Modified Attributes (0400,0550) and belongs to an earlier state of the object. *value* is the SHA-256
    of Signature (0400,0120).
    """

    path: str
    level: str
    attributes: tuple[ItemAttributeSeen, ...]
    mac_id: int | None
    parameters: int
    uid: str
    datetime: str
    signed_at: str
    certificate_type: str
    algorithm: str
    transfer_syntax: str
    signed: tuple[int, ...]
    crypto: CryptoSeen
    certificate: SignerCertificateSeen
    trust: TrustSeen
    timestamp: TimestampSeen | None = None
    purposes: tuple[PurposeSeen, ...] | None = None
    value: str = ""
    historic: bool = False


@dataclass(frozen=True)
class LevelSeen:
    """A data set (top level or item) that holds one of the two sequences; lengths in items, -1: absent."""

    path: str
    signatures: int = -1
    parameters: int = -1
    parameters_vr: str = ""
    historic: bool = False


@dataclass(frozen=True)
class SignatureReferenceSeen:
    """One item of Referenced Digital Signature Sequence (0400,0402).

    *outcome*: ``matches``, ``differs``, ``absent`` (the referenced object has no such signature) or
    ``not in the set``.
    """

    path: str
    uid: str
    value: str
    attributes: tuple[ItemAttributeSeen, ...]
    outcome: str = "not in the set"


@dataclass(frozen=True)
class MacReferenceSeen:
    """One item of Referenced SOP Instance MAC Sequence (0400,0403).

    *outcome*: ``matches``, ``differs``, ``undecidable`` or ``not in the set``.
    """

    path: str
    attributes: tuple[ItemAttributeSeen, ...]
    transfer_syntax: str
    algorithm: str
    signed: tuple[int, ...]
    mac: str
    outcome: str = "not in the set"
    why: str = ""


@dataclass(frozen=True)
class ReferenceSeen:
    """One reference to a SOP Instance in an evidence sequence or anywhere below, with what protects it."""

    path: str
    sop_class: str
    sop_instance: str
    signatures: tuple[SignatureReferenceSeen, ...] = ()
    macs: tuple[MacReferenceSeen, ...] = ()
    mac_items: int = 0
    file: str = ""


@dataclass(frozen=True)
class DocumentSeen:
    """What of a Structured Report or Key Object Selection the profile C.4 asks for."""

    kind: str
    verification_flag: str = ""
    verifying_observers: int = 0
    title: PurposeSeen | None = None


@dataclass(frozen=True)
class SignedObjectSeen:
    """One DICOM object with its signatures.

    *trouble* is the one sentence about a file that cannot be read, and then nothing else is told;
    *present* the tags of the top level, *unsignable* those of them that may not be signed as they stand.
    """

    name: str
    trouble: str = ""
    sop_class: str = ""
    sop_instance: str = ""
    study: str = ""
    transfer_syntax: str = ""
    present: tuple[int, ...] = ()
    unsignable: tuple[int, ...] = ()
    levels: tuple[LevelSeen, ...] = ()
    parameters: tuple[MacParametersSeen, ...] = ()
    signatures: tuple[SignatureSeen, ...] = ()
    references: tuple[ReferenceSeen, ...] = ()
    document: DocumentSeen | None = None

    @property
    def current(self) -> tuple[SignatureSeen, ...]:
        """The signatures of the object as it is now, without the historic ones."""
        return tuple(s for s in self.signatures if not s.historic)

    @property
    def main(self) -> tuple[SignatureSeen, ...]:
        """The signatures of the top level."""
        return tuple(s for s in self.signatures if not s.level and not s.historic)


@dataclass(frozen=True)
class VerificationTrial:
    """One object handed to a verifier: *right* ones are to be accepted, the others have the one *defect*.

    *answer* is that of the adapter: ``done``, ``refused``, ``cannot``, ``crashed`` or ``late``.
    """

    name: str
    right: bool
    defect: str
    answer: str
    why: str = ""


@dataclass(frozen=True)
class VerifierSeen:
    """What a verifier of signatures did with good objects and with mutants of one defect each."""

    trials: tuple[VerificationTrial, ...]


@dataclass(frozen=True)
class CompleteSetSeen:
    """What a Key Object Selection states as a complete set, held against the objects at hand.

    *named*, *missing* (named, not at hand), *extra* (at hand in the study, not named) and *changed* (MAC
    or signature of the reference differs) are SOP Instance UIDs; *through* the selections it names sets
    through, in order; *cycle* tells that one of them leads back, *deep* that the chain was cut.
    """

    name: str
    title: str
    signed: bool
    named: tuple[str, ...]
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    through: tuple[str, ...] = ()
    cycle: bool = False
    deep: bool = False
