"""Cryptographic Message Syntax (RFC 5652) as Secure DICOM Files use it; the one module that wraps asn1crypto.

Contents stay where they are: the large octet strings are ranges into the file. Only the small
structures (recipients, signers, algorithms) become objects, after their size was bounded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from asn1crypto import cms as asn1
from asn1crypto import core

from part15.observations.media import CipherSeen, RecipientSeen
from part15.wire import cms_ber as ber
from part15.wire.cms_ber import BerError, Budget, Octets, Tlv
from part15.wire.cms_names import (
    PBKDF2,
    PRFS,
    PWRI_KEK,
    RSA_ENCRYPTION,
    RSAES_OAEP,
    name_of,
)

MAX_STRUCTURE = 65_536
MAX_RECIPIENTS = 1_000
MAX_CERTIFICATE = 65_536

# asn1crypto raises whatever its parser trips over; each of these means "not this structure".
_ASN1_TROUBLE = (ValueError, TypeError, KeyError, IndexError, OverflowError, AttributeError)


@dataclass(frozen=True)
class Recipient:
    """One RecipientInfo: what reports say of it, and what opening it needs."""

    seen: RecipientSeen
    issuer: bytes = b""
    serial: int = 0
    key_identifier: bytes = b""
    encrypted_key: bytes = b""
    salt: bytes = b""
    key_length: int = 0
    wrapping_iv: bytes = b""
    oaep: tuple[str, str] = ("sha1", "sha1")


@dataclass(frozen=True)
class Enveloped:
    """An EnvelopedData: recipients, and the ciphertext as ranges into the file."""

    version: int
    due_version: int
    recipients: tuple[Recipient, ...]
    content_type: str
    cipher: CipherSeen
    iv: bytes
    ciphertext: tuple[tuple[int, int], ...]

    @property
    def length(self) -> int:
        """The octets of the ciphertext."""
        return sum(b - a for a, b in self.ciphertext)


@dataclass(frozen=True)
class Signer:
    """One SignerInfo: identifiers, algorithms, and the octets that the signature may be over."""

    version: int
    issuer: bytes
    serial: int
    key_identifier: bytes
    digest: str
    algorithm: str
    signature: bytes
    attributes: tuple[str, ...] | None
    attribute_octets: tuple[bytes, ...]
    message_digest: bytes | None
    content_type: str
    signing_time: str
    pss: tuple[str, int] = ("sha1", 20)


@dataclass(frozen=True)
class Protected:
    """A SignedData or DigestedData: the encapsulated content as ranges, and what vouches for it."""

    kind: str
    version: int
    digests: tuple[str, ...]
    content_type: str
    content: tuple[tuple[int, int], ...] | None
    digest: bytes = b""
    certificates: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()
    signers: tuple[Signer, ...] = ()
    after: int = 0


def _algorithm(data: Octets, tlv: Tlv, budget: Budget) -> tuple[str, bytes | None]:
    """Return the identifier of an AlgorithmIdentifier and the octets of its parameter if that is an OCTET STRING."""
    parts = ber.children(data, tlv, budget)
    if not parts:
        raise BerError(f"the algorithm at octet {tlv.start} is empty")
    oid = ber.oid_text(data, parts[0])
    if len(parts) > 1 and parts[1].identifier & ~ber.CONSTRUCTED == ber.OCTET_STRING:
        return oid, ber.joined(data, parts[1], budget)
    return oid, None


def _small(data: Octets, tlv: Tlv, budget: Budget, what: str) -> bytes:
    if tlv.after - tlv.start > MAX_STRUCTURE:
        raise BerError(f"a {what} of {tlv.after - tlv.start} octets is larger than {MAX_STRUCTURE}")
    return ber.definite(data, tlv, budget)


def parse_enveloped(data: Octets, tlv: Tlv, budget: Budget) -> Enveloped:
    """Return the EnvelopedData at *tlv*; raises BerError, saying where, if it is none."""
    parts = ber.children(data, tlv, budget)
    if len(parts) < 3:
        raise BerError("the EnvelopedData has fewer than three parts")
    version = ber.small_integer(data, parts[0])
    at = 1
    originator = parts[at].identifier == 0xA0
    at += originator
    if len(parts) < at + 2 or parts[at].identifier != ber.SET:
        raise BerError("the EnvelopedData has no set of recipients")
    infos = ber.children(data, parts[at], budget)
    if len(infos) > MAX_RECIPIENTS:
        raise BerError(f"{len(infos)} recipients are more than {MAX_RECIPIENTS}")
    recipients = tuple(_recipient(_small(data, i, budget, "recipient")) for i in infos)
    content = ber.children(data, parts[at + 1], budget)
    if len(content) < 2:
        raise BerError("the EncryptedContentInfo has fewer than two parts")
    oid, iv = _algorithm(data, content[1], budget)
    pieces: list[tuple[int, int]] = []
    if len(content) > 2 and content[2].identifier in (0x80, 0xA0):
        pieces = ber.fragments(data, content[2], budget)
    unprotected = any(p.identifier == 0xA1 for p in parts[at + 2 :])
    cipher = CipherSeen(oid, name_of(oid), -1 if iv is None else len(iv))
    return Enveloped(
        version=version,
        due_version=_due_version(recipients, plain=not (originator or unprotected)),
        recipients=recipients,
        content_type=ber.oid_text(data, content[0]),
        cipher=cipher,
        iv=iv or b"",
        ciphertext=tuple(pieces),
    )


def _due_version(recipients: tuple[Recipient, ...], *, plain: bool) -> int:
    """Return the version number that RFC 5652 6.1 asks for (certificates of other forms left aside)."""
    if any(r.seen.kind in ("pwri", "ori") for r in recipients):
        return 3
    return 0 if plain and all(r.seen.version == 0 for r in recipients) else 2


def _recipient(octets: bytes) -> Recipient:
    try:
        info = asn1.RecipientInfo.load(octets)
        kind = str(info.name)
        chosen = info.chosen
        if kind == "ktri":
            return _key_transport(chosen)
        if kind == "pwri":
            return _password(chosen)
        if kind == "kari":
            oid = str(chosen["key_encryption_algorithm"]["algorithm"].dotted)
            return Recipient(RecipientSeen(kind, 3, "key agreement", oid, name_of(oid)))
        if kind == "kekri":
            oid = str(chosen["key_encryption_algorithm"]["algorithm"].dotted)
            return Recipient(RecipientSeen(kind, 4, "key identifier", oid, name_of(oid)))
    except _ASN1_TROUBLE as error:
        if octets[:1] == b"\xa4":
            return Recipient(RecipientSeen("ori", 0))
        raise BerError(f"a RecipientInfo cannot be read ({type(error).__name__})") from error
    return Recipient(RecipientSeen("ori", 0))


def _number(value: core.Integer) -> int:
    return int.from_bytes(value.contents, "big", signed=True) if len(value.contents) <= 8 else -1


def _key_transport(info: asn1.KeyTransRecipientInfo) -> Recipient:
    issuer, serial, identifier, named = _identity(info["rid"])
    algorithm = info["key_encryption_algorithm"]
    oid = str(algorithm["algorithm"].dotted)
    key = bytes(info["encrypted_key"].native)
    seen = RecipientSeen(
        "ktri",
        _number(info["version"]),
        named,
        oid,
        name_of(oid),
        encrypted_key_length=len(key),
        key_bits=8 * len(key) if oid in (RSA_ENCRYPTION, RSAES_OAEP) else 0,
    )
    hashes = ("sha1", "sha1")
    if oid == RSAES_OAEP and not isinstance(algorithm["parameters"], (core.Void, core.Null)):
        parameters = algorithm["parameters"]
        hashes = (
            str(parameters["hash_algorithm"]["algorithm"].native),
            str(parameters["mask_gen_algorithm"]["parameters"]["algorithm"].native),
        )
    return Recipient(seen, issuer, serial, identifier, key, oaep=hashes)


def _identity(rid: core.Choice) -> tuple[bytes, int, bytes, str]:
    if rid.name == "subject_key_identifier":
        return b"", 0, bytes(rid.chosen.native), "subject key identifier"
    chosen = rid.chosen
    return chosen["issuer"].dump(), int(chosen["serial_number"].native), b"", "issuer and serial"


def _password(info: asn1.PasswordRecipientInfo) -> Recipient:
    wrap = info["key_encryption_algorithm"]
    oid = str(wrap["algorithm"].dotted)
    key = bytes(info["encrypted_key"].native)
    seen = RecipientSeen(
        "pwri",
        _number(info["version"]),
        "password",
        oid,
        name_of(oid),
        encrypted_key_length=len(key),
    )
    found = Recipient(seen, encrypted_key=key)
    if oid == PWRI_KEK and not isinstance(wrap["parameters"], core.Void):
        inner = wrap["parameters"].dump()
        budget = Budget(len(inner))
        cipher, iv = _algorithm(inner, ber.read(inner, 0, len(inner), budget), budget)
        seen = replace(
            seen, wrapping=CipherSeen(cipher, name_of(cipher), -1 if iv is None else len(iv))
        )
        found = replace(found, seen=seen, wrapping_iv=iv or b"")
    derivation = info["key_derivation_algorithm"]
    if isinstance(derivation, core.Void):
        return found
    named = str(derivation["algorithm"].dotted)
    seen = replace(seen, derivation=named)
    if named != PBKDF2:
        return replace(found, seen=seen)
    parameters = derivation["parameters"]
    salt = parameters["salt"].chosen
    length = parameters["key_length"].native or 0
    seen = replace(
        seen,
        prf=PRFS.get(str(parameters["prf"]["algorithm"].dotted), ""),
        iterations=max(0, int(parameters["iteration_count"].native)),
        salt_length=len(salt.contents),
    )
    return replace(found, seen=seen, salt=bytes(salt.contents), key_length=int(length))


def parse_protected(data: Octets, parts: list[Tlv], budget: Budget) -> Protected:
    """Return the SignedData or DigestedData made of *parts*; raises BerError if they are neither."""
    if len(parts) < 4:
        raise BerError(
            "it has fewer than the four parts that every SignedData and DigestedData has"
        )
    version = ber.small_integer(data, parts[0])
    signed = parts[1].identifier == ber.SET
    capsule = ber.children(data, parts[2], budget)
    if not capsule:
        raise BerError("the encapsulated content names no type")
    content_type = ber.oid_text(data, capsule[0])
    content: tuple[tuple[int, int], ...] | None = None
    if len(capsule) > 1:
        inside = ber.children(data, capsule[1], budget)
        if len(inside) != 1 or inside[0].identifier & ~ber.CONSTRUCTED != ber.OCTET_STRING:
            raise BerError("the encapsulated content is no OCTET STRING")
        content = tuple(ber.fragments(data, inside[0], budget))
    if not signed:
        oid, _ = _algorithm(data, parts[1], budget)
        digest = ber.joined(data, parts[3], budget)
        return Protected(
            "digested", version, (oid,), content_type, content, digest, after=parts[3].after
        )
    digests = tuple(_algorithm(data, a, budget)[0] for a in ber.children(data, parts[1], budget))
    certificates: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()
    at = 3
    if parts[at].identifier == 0xA0:
        certificates = _certificates(data, parts[at], budget)
        at += 1
    if at < len(parts) and parts[at].identifier == 0xA1:
        crls = _certificates(data, parts[at], budget)
        at += 1
    if at >= len(parts) or parts[at].identifier != ber.SET:
        raise BerError("the SignedData has no set of signers")
    infos = ber.children(data, parts[at], budget)
    if len(infos) > MAX_RECIPIENTS:
        raise BerError(f"{len(infos)} signers are more than {MAX_RECIPIENTS}")
    signers = tuple(_signer(_small(data, i, budget, "signer")) for i in infos)
    return Protected(
        "signed",
        version,
        digests,
        content_type,
        content,
        certificates=certificates,
        crls=crls,
        signers=signers,
        after=parts[at].after,
    )


def _certificates(data: Octets, tlv: Tlv, budget: Budget) -> tuple[bytes, ...]:
    """Return the certificates (or CRLs) as they stand; one that is too large is cut to its first octets."""
    found = ber.children(data, tlv, budget)[:MAX_RECIPIENTS]
    return tuple(bytes(data[c.start : min(c.after, c.start + MAX_CERTIFICATE)]) for c in found)


def _as_signed(octets: bytes) -> tuple[bytes, ...]:
    """Return the signed attributes as a SET OF, in DER order as RFC 5652 5.4 has it, and as they were sent."""
    budget = Budget(len(octets))
    parts = [
        ber.raw(octets, p)
        for p in ber.children(octets, ber.read(octets, 0, len(octets), budget), budget)
    ]
    ordered = ber.element(ber.SET, b"".join(sorted(parts)))
    sent = ber.element(ber.SET, b"".join(parts))
    return (ordered,) if sent == ordered else (ordered, sent)


def _signer(octets: bytes) -> Signer:
    try:
        info = asn1.SignerInfo.load(octets)
        issuer, serial, identifier, _ = _identity(info["sid"])
        attributes = info["signed_attrs"]
        names: tuple[str, ...] | None = None
        digest: bytes | None = None
        content_type = moment = ""
        if not isinstance(attributes, core.Void):
            names = tuple(str(a["type"].dotted) for a in attributes)
            for attribute in attributes:
                values = attribute["values"]
                kind = attribute["type"].native
                if kind == "message_digest" and len(values) == 1:
                    digest = bytes(values[0].native)
                elif kind == "content_type" and len(values) == 1:
                    content_type = str(values[0].dotted)
                elif kind == "signing_time" and len(values) == 1:
                    moment = values[0].native.isoformat()
        algorithm = info["signature_algorithm"]
        pss = ("sha1", 20)
        if algorithm["algorithm"].native == "rsassa_pss":
            parameters = algorithm["parameters"]
            pss = (
                str(parameters["hash_algorithm"]["algorithm"].native),
                int(parameters["salt_length"].native),
            )
        return Signer(
            version=_number(info["version"]),
            issuer=issuer,
            serial=serial,
            key_identifier=identifier,
            digest=str(info["digest_algorithm"]["algorithm"].dotted),
            algorithm=str(algorithm["algorithm"].dotted),
            signature=bytes(info["signature"].native),
            attributes=names,
            attribute_octets=() if names is None else _as_signed(attributes.dump()),
            message_digest=digest,
            content_type=content_type,
            signing_time=moment,
            pss=pss,
        )
    except _ASN1_TROUBLE as error:
        raise BerError(f"a SignerInfo cannot be read ({type(error).__name__})") from error
