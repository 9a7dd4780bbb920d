"""The named faults of the embedded media creator and reader: one deviation each, with the clauses it flips.

A creator's fault changes the recipe of its files, a reader's fault its policy; both act on files.
The clauses named are those of the newest edition; :data:`EARLY` are faults of older editions.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from part15.peers.faults import Fault
from part15.peers.media_party import MediaParty, Party, ReaderPolicy

_SINGLE = "P10-single-file"
_ASPECTS = "D.1-aspects"
_ENVELOPED = "D.1-outer-enveloped"
_VERSION = "D.1-cms-version"
_TRANSPORT = "D.1-key-transport"
_WRAPPING = "D.1-pwri-kek-cipher"
_PASSWORDS = "D.1-password-charset"
_CIPHER = "D.1-content-aes-or-3des"
_ENCODING = "D.1-encoding-rsa-3des"
_CHOICE = "D.1-inner-choice"
_CONTENT = "D.1-inner-content"
_DIGEST = "D.1-digest-sha12"
_RSA = "D.1-signature-rsa"
_KINDS = "P10-properties"
_SET = "P10-secure-file-set"

_INSIDE = (_ASPECTS, _CONTENT, _CHOICE, _DIGEST, _RSA, _SINGLE)
"""What cannot hold when there is no readable content."""
_ALL = (_ENVELOPED, _VERSION, _TRANSPORT, _WRAPPING, _CIPHER, _ENCODING, _KINDS, *_INSIDE)


def _creator(name: str, text: str, changes: Mapping[str, Any], *flips: str, why: str = "") -> Fault:
    return Fault(name, text, flips, why or text, "media", {"recipe": changes}, "media-creator")


def _reader(name: str, text: str, changes: Mapping[str, Any], *flips: str) -> Fault:
    return Fault(name, text, flips, text, "media", {"policy": changes}, "media-reader")


def _cut(octets: bytes) -> bytes:
    return octets[:-64]


def _altered(octets: bytes) -> bytes:
    return octets[:-1] + bytes([octets[-1] ^ 1])


def _followed(octets: bytes) -> bytes:
    return octets + b"part15"


CREATOR = (
    _creator(
        "writes_signed_only",
        "writes Signed-data without an envelope",
        {"outer": "signed"},
        *_ALL,
        _SET,
    ),
    _creator("writes_pem", "writes PEM text", {"outer": "pem"}, *_ALL, _SET),
    _creator("writes_plain", "writes plain DICOM files", {"outer": "plain"}, *_ALL, _SET),
    _creator(
        "encrypts_without_recipients",
        "writes EncryptedData, for nobody in particular",
        {"outer": "encrypted"},
        *_ALL,
        _SET,
    ),
    _creator(
        "writes_auth_enveloped",
        "writes AuthEnvelopedData",
        {"outer": "auth"},
        *_ALL,
        _SET,
    ),
    _creator(
        "truncates_files",
        "leaves out the end of every file",
        {"damage": _cut},
        *_ALL,
    ),
    _creator("numbers_versions_wrongly", "writes version 1", {"version": 1}, _VERSION),
    _creator("appends_octets", "writes octets behind the content", {"damage": _followed}, _SINGLE),
    _creator(
        "encrypts_for_a_key_encryption_key",
        "wraps the content key with a shared key-encryption key",
        {"transport": "kek"},
        _TRANSPORT,
    ),
    _creator("encrypts_with_rc2", "encrypts with RC2", {"cipher": "rc2-cbc"}, _CIPHER),
    _creator("encrypts_with_des", "encrypts with single DES", {"cipher": "des-cbc"}, _CIPHER),
    _creator(
        "encrypts_with_camellia", "encrypts with Camellia", {"cipher": "camellia256-cbc"}, _CIPHER
    ),
    _creator(
        "encrypts_with_two_keys",
        "uses Triple-DES with two different keys only",
        {"cipher": "des-ede3-cbc", "two_key": True},
        _CIPHER,
    ),
    _creator(
        "omits_padding",
        "fills the last block with zeros",
        {"padding": False},
        _ENCODING,
        _ASPECTS,
        why="the padding of RFC 3370 is missing, and a reader cannot tell damage from content",
    ),
    _creator(
        "encrypts_data_directly",
        "encrypts the DICOM File itself, neither signed nor digested",
        {"inner": "data"},
        *_INSIDE,
    ),
    _creator(
        "labels_content_as_data",
        "calls the encrypted content id-data",
        {"form": "as-data"},
        _CHOICE,
    ),
    _creator(
        "labels_signed_as_digested",
        "calls Signed-data digestedData",
        {"label": "1.2.840.113549.1.7.5"},
        _CHOICE,
    ),
    _creator(
        "detaches_content",
        "leaves the DICOM File out of the Signed-data",
        {"detached": True},
        _SINGLE,
        _ASPECTS,
        _CONTENT,
    ),
    _creator(
        "names_another_content_type",
        "calls the encapsulated content Signed-data",
        {"content_type": "1.2.840.113549.1.7.2"},
        _SINGLE,
        _CONTENT,
    ),
    _creator(
        "alters_files",
        "changes the last octet of the file before it is signed",
        {"before": _altered},
        _SINGLE,
        _CONTENT,
        why="what is signed and digested is not the DICOM File that was given",
    ),
    _creator("digests_with_md5", "signs with MD5", {"digest": "md5"}, _DIGEST),
    _creator("digests_with_sha224", "signs with SHA-224", {"digest": "sha224"}, _DIGEST),
    _creator(
        "digests_something_else",
        "writes Digested-data with a wrong digest",
        {"signers": (), "wrong_digest": True},
        _ASPECTS,
    ),
    _creator("signs_with_pss", "signs with RSASSA-PSS", {"pss": True}, _RSA),
    _creator("signs_with_ecdsa", "signs with ECDSA", {"signers": ("ec",)}, _RSA),
    _creator(
        "signs_wrongly",
        "writes signatures that are not valid",
        {"wrong_signature": True},
        _RSA,
        _ASPECTS,
    ),
    _creator(
        "signs_by_nobody",
        "writes Signed-data without a signer",
        {"inner": "signed", "signers": ()},
        _RSA,
        _ASPECTS,
    ),
    _creator(
        "signs_with_an_expired_certificate",
        "signs with a certificate that has expired",
        {"signers": ("expired",)},
        _ASPECTS,
        why="the origin is not authenticated",
    ),
    _creator(
        "signs_below_a_rogue_root",
        "signs with a certificate of an unknown root",
        {"signers": ("rogue",)},
        _ASPECTS,
        why="the origin is not authenticated",
    ),
    _creator(
        "leaves_out_the_content_type",
        "leaves the contentType attribute out of the signed ones",
        {"skip_attribute": "contentType"},
        "D.1-signed-attributes-free",
        why="RFC 5652 5.3 asks for it where there are signed attributes",
    ),
    _creator(
        "signs_with_a_short_key",
        "signs with an RSA key of 1024 bits",
        {"signers": ("short",)},
        "D.1-key-size-free",
        why="permitted, and told",
    ),
    _creator(
        "adds_an_escrow_key",
        "encrypts for somebody who is not listed",
        {"extra_recipients": ("stranger",)},
        _ASPECTS,
        why="a stranger's key opens the file: no confidentiality",
    ),
    Fault(
        "leaves_the_directory_plain",
        "leaves the DICOMDIR unencrypted",
        (_SET, *_ALL),
        "the plain DICOMDIR leaks identifiers, and is no Secure DICOM File",
        "media",
        {"skips": "directory"},
        "media-creator",
    ),
    Fault(
        "leaves_one_file_plain",
        "leaves the last file unencrypted",
        (_SET, *_ALL),
        "every file of a Secure File-set is encapsulated",
        "media",
        {"skips": "last"},
        "media-creator",
    ),
    Fault(
        "takes_any_password",
        "takes passwords outside the Default Character Repertoire as UTF-8",
        (_PASSWORDS,),
        "such a password cannot be typed alike everywhere",
        "media",
        {"any_password": True},
        "media-creator",
    ),
    Fault(
        "refuses_backslashes",
        "refuses the password of the note in D.1.1",
        (_PASSWORDS,),
        "the backslash is of the repertoire",
        "media",
        {"refuses_backslash": True},
        "media-creator",
    ),
    _creator(
        "wraps_passwords_with_rc2",
        "wraps the content key with RC2 under a password",
        {"passwords": (b"part15",), "password_cipher": "rc2-cbc"},
        _WRAPPING,
    ),
)

FOREIGN = (
    Fault(
        "pipes_openssl",
        "pipes openssl cms -sign into openssl cms -encrypt",
        (_CHOICE,),
        "OpenSSL can only call the encrypted content id-data: a defect that another program makes",
        "media",
        {"openssl": True},
        "media-creator",
    ),
)
"""Faults whose files another program makes, so that our codec cannot merely agree with itself."""

READER = (
    _reader(
        "knows_no_triple_des",
        "cannot read Triple-DES",
        {"ciphers": ("aes128-CBC", "aes192-CBC", "aes256-CBC")},
        "D.1-reader-both",
        "P10-no-uniform-recipients",
    ),
    _reader(
        "knows_no_aes",
        "cannot read AES",
        {"ciphers": ("des-ede3-cbc",)},
        "D.1-reader-both",
        "D.1-reader-key-transport",
        "D.1-reader-integrity",
        "D.1-digest-all-reader",
        "P10-no-uniform-recipients",
    ),
    _reader(
        "knows_no_passwords",
        "cannot read password files",
        {"passwords": False},
        "D.1-reader-key-transport",
    ),
    _reader(
        "knows_no_sha512",
        "cannot verify SHA-512",
        {"digests": ("SHA-1", "SHA-256", "SHA-384")},
        "D.1-digest-all-reader",
    ),
    _reader(
        "verifies_nothing",
        "takes content without verifying it",
        {"verifies": False},
        "D.1-reader-integrity",
        "D.1-reader-origin",
    ),
    _reader(
        "trusts_anybody",
        "takes any signer without a word",
        {"trusts_anybody": True},
        "D.1-reader-origin",
    ),
    _reader(
        "stops_at_the_first_closed_file",
        "gives up the medium at a file it cannot open",
        {"stops_at_first": True},
        "P10-no-uniform-recipients",
    ),
)

EARLY: Mapping[str, tuple[Fault, ...]] = {
    "2001": (
        _creator(
            "encrypts_with_aes_in_2001",
            "encrypts with AES, which 2001 does not have",
            {"cipher": "aes256-CBC"},
            "D.1-content-3des-only",
        ),
        _creator(
            "digests_with_sha256_in_2001",
            "signs with SHA-256, which 2001 does not have",
            {"digest": "sha256"},
            "D.1-digest-sha1",
        ),
        _creator(
            "takes_passwords_in_2001",
            "encrypts for a password, which 2001 does not have",
            {"passwords": (b"part15",)},
            "D.1-key-transport-rsa-only",
        ),
        _creator(
            "uses_oaep_in_2001",
            "transports keys with RSAES-OAEP",
            {"transport": "oaep"},
            "D.1-key-transport-rsa-only",
        ),
        _creator(
            "numbers_versions_wrongly_in_2001",
            "writes version 1",
            {"version": 1},
            "D.1-cms-version-2001",
        ),
        _reader(
            "knows_no_triple_des_in_2001",
            "cannot read Triple-DES",
            {"ciphers": ("aes256-CBC",)},
            "D.1-reader-3des",
        ),
    ),
}
"""Faults against clauses that only old editions have, by an edition that has them."""


PLAIN = (
    _creator(
        "seals_plain_media",
        "writes Secure DICOM Files on media of an application profile without security",
        {},
        "P10-no-security-profile",
    ),
)
"""Faults of a creator whose application profile selects no security."""


def piped(verb: str, request: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
    """Answer as a script around OpenSSL does; raises FileNotFoundError where that is missing."""
    from part15.peers.adapters.openssl_cms import write_media

    if verb != "write-media":
        return 2, {"reason": "this is a creator"}
    return write_media(request, bare=False)


def party_of(fault: Fault | None) -> Party:
    """Return the embedded creator and reader, right or with *fault*."""
    if fault is None:
        return MediaParty()
    changes = dict(fault.changes)
    if changes.pop("openssl", False):
        return piped
    policy = ReaderPolicy(**changes.pop("policy", {}))
    return MediaParty(policy=policy, **changes)


@functools.cache
def faults() -> dict[str, Fault]:
    """Return every fault by name."""
    listed = (*CREATOR, *FOREIGN, *READER, *PLAIN, *(f for fs in EARLY.values() for f in fs))
    return {fault.name: fault for fault in listed}
