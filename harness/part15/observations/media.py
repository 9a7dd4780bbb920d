"""What was seen of secure media: one Secure DICOM File, a file-set, what a reader did (PS3.15 Annex D)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CipherSeen:
    """A content or key encryption algorithm: object identifier, name, octets of its IV (-1 = none there)."""

    oid: str
    name: str
    iv_length: int = -1


@dataclass(frozen=True)
class RecipientSeen:
    """One RecipientInfo.

    *kind* is ``ktri``, ``kari``, ``kekri``, ``pwri`` or ``ori``; *outcome* tells what our keys did with
    it: ``not tried``, ``opened``, ``stranger`` (it is for another key), ``damaged`` or ``unsupported``.
    *block* is the encryption block under RSA: ``right``, ``wrong`` or nothing if it was not looked at.
    """

    kind: str
    version: int = 0
    identified_by: str = ""
    key_encryption: str = ""
    key_encryption_name: str = ""
    derivation: str = ""
    prf: str = ""
    iterations: int = 0
    salt_length: int = 0
    wrapping: CipherSeen | None = None
    encrypted_key_length: int = 0
    key_bits: int = 0
    outcome: str = "not tried"
    why: str = ""
    block: str = ""


@dataclass(frozen=True)
class SignerSeen:
    """One SignerInfo, its certificate, and what came of verifying them.

    *message_digest* and *signature* are words: ``matches``/``differs``/``absent``/``undecidable`` and
    ``valid``/``invalid``/``undecidable``; *trust* is ``trusted``, ``untrusted``, ``expired``,
    ``not-yet-valid``, ``revoked``, ``wrong-usage``, ``absent``, ``unreadable`` or ``not judged``.
    """

    digest: str
    digest_name: str
    algorithm: str
    algorithm_name: str
    version: int = 1
    identified_by: str = ""
    attributes: tuple[str, ...] | None = None
    signing_time: str = ""
    content_type: str = ""
    message_digest: str = "absent"
    signature: str = "undecidable"
    why: str = ""
    subject: str = ""
    key_kind: str = ""
    key_bits: int = 0
    not_before: str = ""
    not_after: str = ""
    trust: str = "not judged"
    trust_why: str = ""


@dataclass(frozen=True)
class InnerSeen:
    """What was encrypted: *kind* ``signed``, ``digested``, ``data``, ``enveloped`` or ``unreadable``.

    *form* (reading O-11) is ``bare``, ``wrapped`` (a whole ContentInfo), ``as-data`` (the same under the
    label id-data), ``contents`` (PKCS #7 1.5: without the outer tag) or nothing.
    """

    kind: str
    form: str = ""
    label: str = ""
    label_agrees: bool = True
    problem: str = ""
    version: int = 0
    content_type: str = ""
    content_present: bool = False
    digests: tuple[str, ...] = ()
    digest: str = ""
    signers: tuple[SignerSeen, ...] = ()
    certificates: int = 0
    trailing: int = 0


@dataclass(frozen=True)
class ContentSeen:
    """The encapsulated octets: *form* ``part10``, ``data set``, ``text``, ``cms``, ``other``; *trailing* octets.

    *original* is ``same`` or ``different`` where the file that was to be encapsulated is known.
    """

    form: str
    length: int
    problem: str = ""
    trailing: int = 0
    sop_class: str = ""
    transfer_syntax: str = ""
    original: str = ""


@dataclass(frozen=True)
class SecureFileSeen:
    """One file offered as a Secure DICOM File, as deep as the keys at hand allow.

    *outer* is a content type word (``enveloped``, ``signed``, ``encrypted``, ``auth-enveloped`` ...), or
    ``pem``, ``plain`` (a DICOM file as it is) or ``other``. *access* is ``opened``, ``no key``,
    ``stranger``, ``damaged``, ``unsupported``, or nothing when there was nothing to open.
    *passwords* is ``right`` if the password that opened it keeps to ISO IR 6, ``wrong`` if not.
    *weak_key* says why the content key is not what its cipher promises (two-key Triple-DES).
    *strangers* names keys and passwords that must not open it and did.
    """

    size: int
    outer: str
    outer_oid: str = ""
    problem: str = ""
    definite: bool = True
    trailing: int = 0
    version: int = 0
    due_version: int = 0
    recipients: tuple[RecipientSeen, ...] = ()
    content_type: str = ""
    cipher: CipherSeen | None = None
    content_length: int = 0
    access: str = ""
    access_why: str = ""
    padding: str = ""
    weak_key: str = ""
    passwords: str = ""
    strangers: tuple[str, ...] = ()
    inner: InnerSeen | None = None
    content: ContentSeen | None = None


@dataclass(frozen=True)
class FileSetMember:
    """One file of a file-set: relative path, whether the DICOMDIR names it, and its *kind*.

    ``secure``, ``plain`` (DICOM), ``other`` (CMS, but no Enveloped-data; or PEM), or ``foreign`` (neither
    CMS nor DICOM).
    """

    path: str
    kind: str
    referenced: bool = False


@dataclass(frozen=True)
class SecureFileSetSeen:
    """A folder walked as a file-set.

    *directory* is ``secure``, ``plain``, ``unreadable`` (secure, and no key opened it) or ``absent``;
    *escaping*, *missing* and *links* list references and entries that were refused or not found.
    """

    directory: str
    members: tuple[FileSetMember, ...] = ()
    escaping: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    truncated: bool = False


@dataclass(frozen=True)
class PasswordTrial:
    """One password offered to a creator, whether it is *allowed*, and the creator's *outcome*.

    *opens* is ``yes``, ``no`` (the file has a password, and it is another) or nothing if unknown.
    """

    name: str
    allowed: bool
    outcome: str
    opens: str = ""
    why: str = ""


@dataclass(frozen=True)
class PasswordsSeen:
    """What a creator did with passwords inside and outside the Default Character Repertoire."""

    trials: tuple[PasswordTrial, ...]


@dataclass(frozen=True)
class ReadTrial:
    """One file handed to a reader: *answer* ``accepted``, ``refused``, ``cannot``, ``crashed`` or ``late``.

    *right* says that a conforming reader accepts it; *content* is ``same``, ``different`` or nothing,
    comparing what the reader wrote with the encapsulated file; *told* lists what its answer named.
    """

    name: str
    right: bool
    defect: str
    answer: str
    why: str = ""
    content: str = ""
    told: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReaderSeen:
    """What a media reader did with good files and with mutants of one defect each."""

    trials: tuple[ReadTrial, ...]
