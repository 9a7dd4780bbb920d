"""What was encrypted: SignedData or DigestedData in the forms met in practice; digests and signatures."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from part15.observations.media import InnerSeen, SignerSeen
from part15.wire import cms_ber as ber
from part15.wire.cms import Protected, Signer, parse_protected
from part15.wire.cms_ber import BerError, Budget, Tlv
from part15.wire.cms_names import (
    CONTENT_TYPES,
    DIGESTED_DATA,
    DIGESTS,
    ENVELOPED_DATA,
    RSA_SIGNATURES,
    RSASSA_PSS,
    SIGNED_DATA,
    name_of,
)
from part15.wire.cms_trust import Trust, parse_certificate

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_KINDS = {SIGNED_DATA: "signed", DIGESTED_DATA: "digested"}


@dataclass(frozen=True)
class Inner:
    """What reports say of the inner content, and the encapsulated octets when there are any."""

    seen: InnerSeen
    content: memoryview | None = None


def read_inner(plain: memoryview, label: str, trust: Trust, *, in_place: bool = False) -> Inner:
    """Return what *plain*, which its envelope calls *label*, holds; never raises for hostile octets.

    With *in_place* a content that BER cut into pieces is joined inside *plain* itself.
    """
    budget = Budget(len(plain))
    if label not in _KINDS and bytes(plain[128:132]) == b"DICM":
        return Inner(InnerSeen("data", label=label, label_agrees=True), plain)
    try:
        form, named, parts, trailing = _unfold(plain, label, budget)
    except BerError as error:
        return Inner(InnerSeen("unreadable", label=label, label_agrees=False, problem=str(error)))
    if parts is None:
        kind = CONTENT_TYPES.get(named, "data")
        return Inner(InnerSeen(kind, form, label, label_agrees=named == label), plain)
    due = _KINDS.get(
        named, "signed" if parts[1:2] and parts[1].identifier == ber.SET else "digested"
    )
    try:
        found = parse_protected(plain, parts, budget)
    except BerError as error:
        problem = f"the {due}-data inside cannot be read: {error}"
        return Inner(InnerSeen("unreadable", form, label, label_agrees=False, problem=problem))
    seen = _judged(_Digester(plain, found.content), found, trust)
    shows = SIGNED_DATA if found.kind == "signed" else DIGESTED_DATA
    seen = replace(
        seen, form=form, label=label, label_agrees=label == named == shows, trailing=trailing
    )
    return Inner(seen, _content(plain, found.content, in_place=in_place))


def _unfold(
    plain: memoryview, label: str, budget: Budget
) -> tuple[str, str, list[Tlv] | None, int]:
    """Return form, the content type the octets show, the parts of that content, and how many octets follow."""
    protected = label in _KINDS
    first = plain[0] if len(plain) else 0
    if first == ber.INTEGER and protected:
        parts = []
        for part in ber.siblings(plain, 0, len(plain), budget):
            parts.append(part)
            if len(parts) > 3 and part.identifier in (ber.SET, ber.OCTET_STRING):
                break
        return "contents", label, parts, len(plain) - parts[-1].after
    if first != ber.SEQUENCE:
        if protected:
            raise BerError(
                f"the decrypted octets begin with {first:02X}, which is no {CONTENT_TYPES[label]}-data"
            )
        return "", label, None, 0
    whole = ber.read(plain, 0, len(plain), budget)
    trailing = len(plain) - whole.after
    parts = ber.children(plain, whole, budget)
    if parts and parts[0].identifier == ber.OID:
        named = ber.oid_text(plain, parts[0])
        form = "wrapped" if protected else "as-data"
        if named not in _KINDS or len(parts) < 2:
            return form, named, None, trailing
        inside = ber.children(plain, parts[1], budget)
        if len(inside) != 1:
            raise BerError("the inner ContentInfo does not hold exactly one content")
        return form, named, ber.children(plain, inside[0], budget), trailing
    if protected:
        return "bare", label, parts, trailing
    if label == ENVELOPED_DATA:
        return "bare", label, None, trailing
    return "", label, None, trailing


def _judged(digester: _Digester, found: Protected, trust: Trust) -> InnerSeen:
    digest = ""
    if found.kind == "digested":
        made = digester.of(found.digests[0])
        digest = "undecidable" if made is None else "matches" if made == found.digest else "differs"
    return InnerSeen(
        kind=found.kind,
        version=found.version,
        content_type=found.content_type,
        content_present=found.content is not None,
        digests=found.digests,
        digest=digest,
        signers=tuple(_signer_seen(s, found, digester, trust) for s in found.signers),
        certificates=len(found.certificates),
    )


def _content(
    plain: memoryview, pieces: tuple[tuple[int, int], ...] | None, *, in_place: bool
) -> memoryview | None:
    if pieces is None:
        return None
    if len(pieces) == 1:
        return plain[pieces[0][0] : pieces[0][1]]
    if not in_place:
        return memoryview(b"".join(plain[a:b] for a, b in pieces))
    at = 0
    for start, end in pieces:
        plain[at : at + end - start] = plain[start:end]
        at += end - start
    return plain[:at]


def _hash(name: str) -> Any:
    """Return a new hash object, or None where OpenSSL does not have the algorithm *name*."""
    try:
        return hashlib.new(name)
    except ValueError:
        return None


def _digest_by(name: str, octets: bytes) -> bytes | None:
    digest = _hash(name) if name else None
    if digest is None:
        return None
    digest.update(octets)
    return bytes(digest.digest())


class _Digester:
    """Digests of the content, each made once."""

    def __init__(self, plain: memoryview, pieces: tuple[tuple[int, int], ...] | None) -> None:
        self._plain, self._pieces = plain, pieces
        self._made: dict[str, bytes] = {}

    def of(self, oid: str) -> bytes | None:
        """Return the digest by algorithm *oid*; None if there is no content or the algorithm is unknown."""
        name = DIGESTS.get(oid)
        if name is None or self._pieces is None:
            return None
        if name not in self._made:
            digest = _hash(name)
            if digest is None:
                return None
            for start, end in self._pieces:
                digest.update(self._plain[start:end])
            self._made[name] = digest.digest()
        return self._made[name]


def _signer_seen(signer: Signer, found: Protected, digester: _Digester, trust: Trust) -> SignerSeen:
    made = digester.of(signer.digest)
    if signer.message_digest is None:
        digest = "absent"
    elif made is None:
        digest = "undecidable"
    else:
        digest = "matches" if made == signer.message_digest else "differs"
    seen = SignerSeen(
        digest=signer.digest,
        digest_name=name_of(signer.digest),
        algorithm=signer.algorithm,
        algorithm_name=name_of(signer.algorithm),
        version=signer.version,
        identified_by="subject key identifier" if signer.key_identifier else "issuer and serial",
        attributes=None
        if signer.attributes is None
        else tuple(name_of(oid) for oid in signer.attributes),
        signing_time=signer.signing_time,
        content_type=signer.content_type,
        message_digest=digest,
    )
    certificates = [c for octets in found.certificates if (c := parse_certificate(octets))]
    leaf = next((c for c in (*certificates, *trust.intermediates) if _is_of(signer, c)), None)
    if leaf is None:
        unreadable = len(certificates) < len(found.certificates)
        why = "the file carries no certificate for this signer"
        if unreadable:
            why = "the certificate of this signer cannot be read (it is damaged or larger than 64 KiB)"
        return replace(seen, why=why, trust="unreadable" if unreadable else "absent", trust_why=why)
    seen, key = _certified(seen, leaf, certificates, trust)
    if signer.attributes is None:
        candidates = [made]
    else:
        name = DIGESTS.get(signer.digest, "")
        candidates = [_digest_by(name, octets) for octets in signer.attribute_octets]
    answer = seen
    for candidate in candidates:
        if candidate is None:
            return replace(seen, why="there is no content, or its digest algorithm is not known")
        answer = _checked(seen, signer, key, candidate)
        if answer.signature != "invalid":
            break
    return answer


def _is_of(signer: Signer, certificate: Certificate) -> bool:
    from cryptography import x509

    if not signer.key_identifier:
        return (
            certificate.serial_number == signer.serial
            and certificate.issuer.public_bytes() == signer.issuer
        )
    try:
        named = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except (x509.ExtensionNotFound, ValueError):
        return False
    return named.value.digest == signer.key_identifier


def _certified(
    seen: SignerSeen, leaf: Certificate, others: list[Certificate], trust: Trust
) -> tuple[SignerSeen, Any]:
    """Return *seen* with what its certificate says and how far it is trusted, and the public key."""
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        key: Any = leaf.public_key()
    except (ValueError, UnsupportedAlgorithm):
        key = None
    kind = type(key).__name__.strip("_").removesuffix("PublicKey") if key is not None else "unknown"
    moment = dt.datetime.fromisoformat(seen.signing_time) if seen.signing_time else None
    if moment is not None and moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    word, why = trust.judge(leaf, others, moment)
    told = replace(
        seen,
        subject=leaf.subject.rfc4514_string(),
        key_kind="EC" if kind.startswith("EllipticCurve") else kind,
        key_bits=int(getattr(key, "key_size", 0)),
        not_before=leaf.not_valid_before_utc.isoformat(),
        not_after=leaf.not_valid_after_utc.isoformat(),
        trust=word,
        trust_why=why,
    )
    return told, key


def _checked(seen: SignerSeen, signer: Signer, key: Any, digest: bytes) -> SignerSeen:
    """Verify the signature over a digest that is made already."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo, Prehashed

    name = DIGESTS[signer.digest]
    bare = name == "ripemd160"
    algorithm: Any = NoDigestInfo() if bare else Prehashed(getattr(hashes, name.upper())())
    try:
        if isinstance(key, rsa.RSAPublicKey) and signer.algorithm == RSASSA_PSS:
            hashed = getattr(hashes, signer.pss[0].upper())()
            key.verify(
                signer.signature,
                digest,
                padding.PSS(padding.MGF1(hashed), signer.pss[1]),
                algorithm,
            )
        elif isinstance(key, rsa.RSAPublicKey) and signer.algorithm in RSA_SIGNATURES:
            block = _RIPEMD160 + digest if bare else digest
            key.verify(signer.signature, block, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signer.signature, digest, ec.ECDSA(algorithm))
        elif isinstance(key, dsa.DSAPublicKey):
            key.verify(signer.signature, digest, algorithm)
        else:
            why = f"a signature by {seen.algorithm_name} with a key of kind {seen.key_kind} is not verified"
            return replace(seen, signature="undecidable", why=why)
    except InvalidSignature:
        why = "the signature does not fit the signed octets and the key of the certificate"
        return replace(seen, signature="invalid", why=why)
    except (ValueError, TypeError, AttributeError, UnsupportedAlgorithm) as error:
        return replace(seen, signature="undecidable", why=f"it cannot be verified ({error})")
    return replace(seen, signature="valid", why="")


_RIPEMD160 = bytes.fromhex("3021300906052b2403020105000414")
"""DigestInfo of RIPEMD160 up to its digest; cryptography has no such hash."""
