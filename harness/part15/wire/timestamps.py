"""Certified Timestamp (0400,0310): an RFC 3161 TimeStampToken over the octets of Signature (0400,0120).

Judged: form, messageImprint, the authority's signature over the token, its certificate (extended key
usage time stamping, alone and critical; chain at the stated time) and how its time stands to that of
the signature and to the end of the signer's certificate.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hmac
from typing import TYPE_CHECKING, Any

from part15.observations.signatures import SignerCertificateSeen, TimestampSeen
from part15.wire.certificates import der_length, iso, read_certificate
from part15.wire.signature_value import OIDS, hasher

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography.x509 import Certificate

    from part15.wire.cms_trust import Trust

TYPE = "CMS_TSP"
MAX_TOKEN = 1 << 20
SKEW = dt.timedelta(minutes=5)
"""How far a token may be older than the time the signature states before that is called implausible."""

_TST_INFO = "1.2.840.113549.1.9.16.1.4"
_TIME_STAMPING = "1.3.6.1.5.5.7.3.8"
_MOST_CERTIFICATES = 20
# asn1crypto raises whatever its parser trips over; each of these means "not this structure".
_ASN1_TROUBLE = (ValueError, TypeError, KeyError, IndexError, OverflowError, AttributeError)


def read_timestamp(
    token: bytes | None,
    kind: str | None,
    signature: bytes,
    trust: Trust,
    *,
    signed_at: dt.datetime | None = None,
    signer: SignerCertificateSeen | None = None,
) -> TimestampSeen | None:
    """Return what the timestamp attributes hold, None if there are none.

    *token* and *kind* are the values of (0400,0310) and (0400,0305), None where absent.
    """
    if token is None and kind is None:
        return None
    seen = TimestampSeen(
        "undecidable",
        type=kind or "",
        has_type=kind is not None,
        has_token=token is not None,
    )
    if not token:
        return dataclasses.replace(
            seen, status="invalid", why="(0400,0310) Certified Timestamp is absent or empty"
        )
    seen = _token(token, signature, trust, seen)
    seen = dataclasses.replace(seen, order=_order(seen.time, signed_at, signer))
    if kind != TYPE:
        stated = f"is {kind!r}" if kind is not None else "is absent"
        return dataclasses.replace(
            seen,
            status="invalid",
            why=f"(0400,0305) Certified Timestamp Type {stated}, which is not {TYPE}",
        )
    return seen


def _order(time: str, signed_at: dt.datetime | None, signer: SignerCertificateSeen | None) -> str:
    if not time:
        return ""
    if signed_at is not None and dt.datetime.fromisoformat(time) + SKEW < signed_at:
        return "before-signature"
    if signer is not None and signer.not_after and signer.not_after < time:
        return "after-expiry"
    return "plausible"


def _token(token: bytes, signature: bytes, trust: Trust, seen: TimestampSeen) -> TimestampSeen:
    invalid = dataclasses.replace(seen, status="invalid")
    length = der_length(token)
    if not length or len(token) > MAX_TOKEN:
        return dataclasses.replace(
            invalid, form="not-der", why="the token is no DER structure of sensible size"
        )
    from asn1crypto import cms

    try:
        info = cms.ContentInfo.load(token[:length], strict=True)
        if info["content_type"].native != "signed_data":
            return dataclasses.replace(invalid, form="other", why="the token is no CMS SignedData")
        signed = info["content"]
        content_type = signed["encap_content_info"]["content_type"].dotted
        if content_type != _TST_INFO:
            return dataclasses.replace(
                invalid, form="other", why=f"the content of the token is {content_type}, no TSTInfo"
            )
        return _signed_data(signed, signature, trust, dataclasses.replace(seen, form="token"))
    except _ASN1_TROUBLE:
        if _is_response(token[:length]):
            return dataclasses.replace(
                invalid,
                form="response",
                why="(0400,0310) holds a whole TimeStampResp where the token alone belongs",
            )
        return dataclasses.replace(
            invalid, form="not-cms", why="the token cannot be read as CMS SignedData"
        )


def _is_response(octets: bytes) -> bool:
    from asn1crypto import tsp

    try:
        response = tsp.TimeStampResp.load(octets, strict=True)
        return response["status"]["status"].native is not None
    except _ASN1_TROUBLE:
        return False


def _signed_data(signed: Any, signature: bytes, trust: Trust, seen: TimestampSeen) -> TimestampSeen:
    from asn1crypto import tsp

    content = bytes(signed["encap_content_info"]["content"])
    info = tsp.TSTInfo.load(content, strict=True)
    imprint = info["message_imprint"]
    algorithm = _hash_name(imprint["hash_algorithm"]["algorithm"].dotted)
    moment = info["gen_time"].native.astimezone(dt.UTC)
    seen = dataclasses.replace(
        seen,
        imprint_algorithm=algorithm or imprint["hash_algorithm"]["algorithm"].dotted,
        time=iso(moment),
        policy=info["policy"].dotted,
    )
    if not algorithm:
        return dataclasses.replace(seen, why="the hash function of the imprint is not known here")
    if not _is_imprint(algorithm, imprint["hashed_message"].native, signature):
        return dataclasses.replace(
            seen,
            status="invalid",
            imprint="differs",
            why="the imprint of the token is not that of (0400,0120) Signature",
        )
    seen = dataclasses.replace(seen, imprint="matches")
    return _by_authority(signed, content, moment, trust, seen)


def _is_imprint(algorithm: str, stated: bytes, signature: bytes) -> bool:
    """Tell whether *stated* is the imprint of the signature, without the pad octet of an EC or DSA one too."""
    candidates = [signature]
    if signature and not signature[-1] and der_length(signature) == len(signature) - 1:
        candidates.append(signature[:-1])
    for candidate in candidates:
        state = hasher(algorithm)
        state.update(candidate)
        if hmac.compare_digest(state.digest(), stated):
            return True
    return False


def _hash_name(oid: str) -> str:
    return next((name for name, dotted in OIDS.items() if dotted == oid), "")


def _by_authority(
    signed: Any, content: bytes, moment: dt.datetime, trust: Trust, seen: TimestampSeen
) -> TimestampSeen:
    """Judge who signed the token: its signature, its certificate, and the chain at *moment*."""
    invalid = dataclasses.replace(seen, status="invalid")
    if len(signed["signer_infos"]) != 1:
        return dataclasses.replace(invalid, why="the token is not signed by exactly one authority")
    signer = signed["signer_infos"][0]
    carried = list(_carried(signed))
    candidates = [*carried, *trust.intermediates, *trust.anchors]
    authority = next((c for c in candidates if _names(signer, c)), None)
    if authority is None:
        return dataclasses.replace(
            seen,
            why="the certificate of the authority is neither in the token nor among those given;"
            " give it as an intermediate",
        )
    described, _ = read_certificate(_der(authority))
    seen = dataclasses.replace(
        seen, authority=described.subject, extended_usage=_usage_text(authority)
    )
    invalid = dataclasses.replace(seen, status="invalid")
    verified = _verifies(signer, content, authority)
    if verified is None:
        return dataclasses.replace(
            seen, why="the signature algorithm of the token is not known here"
        )
    if not verified:
        return dataclasses.replace(
            invalid, why="the signature of the authority over the token does not verify"
        )
    if seen.extended_usage != "time stamping":
        return dataclasses.replace(
            invalid,
            why="the certificate of the authority is not for time stamping alone"
            f" (extended key usage: {seen.extended_usage or 'none'}; RFC 3161 2.3)",
        )
    word, why = trust.judge(authority, carried, moment)
    if word == "not judged":
        return dataclasses.replace(seen, status="not judged", why="no trust anchor was given")
    if word not in ("trusted", "wrong-usage"):
        return dataclasses.replace(invalid, why=f"the time stamp authority is {word}: {why}")
    return dataclasses.replace(seen, status="valid")


def _carried(signed: Any) -> Iterator[Certificate]:
    """Yield the certificates that come with the token."""
    certificates = signed["certificates"]
    for choice in list(certificates or ())[:_MOST_CERTIFICATES]:
        if choice.name == "certificate":
            _, certificate = read_certificate(choice.chosen.dump())
            if certificate is not None:
                yield certificate


def _der(certificate: Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.DER)


def _names(signer: Any, certificate: Certificate) -> bool:
    """Tell whether the SignerInfo names *certificate*."""
    identity = signer["sid"]
    if identity.name == "issuer_and_serial_number":
        chosen = identity.chosen
        return bool(
            chosen["serial_number"].native == certificate.serial_number
            and chosen["issuer"].dump() == certificate.issuer.public_bytes()
        )
    from cryptography import x509

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except x509.ExtensionNotFound:
        return False
    return bool(found.value.digest == identity.chosen.native)


def _usage_text(certificate: Certificate) -> str:
    """Return ``time stamping`` if that is the one, critical, extended key usage, else what there is."""
    from cryptography import x509

    try:
        found = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        return ""
    oids = [oid.dotted_string for oid in found.value]
    if oids == [_TIME_STAMPING]:
        return "time stamping" if found.critical else "time stamping, not critical"
    return ", ".join(oids)


def _verifies(signer: Any, content: bytes, authority: Certificate) -> bool | None:
    """Tell whether the SignerInfo verifies over *content*; None if its algorithms are not known here."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

    name = _hash_name(signer["digest_algorithm"]["algorithm"].dotted)
    functions: dict[str, Any] = {
        "md5": hashes.MD5,
        "sha1": hashes.SHA1,
        "sha256": hashes.SHA256,
        "sha384": hashes.SHA384,
        "sha512": hashes.SHA512,
    }
    if name not in functions:
        return None
    state = hasher(name)
    state.update(content)
    digest = state.digest()
    attributes = signer["signed_attrs"]
    covered = content
    if attributes:
        stated = [a["values"][0].native for a in attributes if a["type"].native == "message_digest"]
        types = [a["values"][0].dotted for a in attributes if a["type"].native == "content_type"]
        if stated != [digest] or types != [_TST_INFO]:
            return False
        covered = b"\x31" + attributes.dump()[1:]
        state = hasher(name)
        state.update(covered)
        digest = state.digest()
    key: Any = authority.public_key()
    hashed = utils.Prehashed(functions[name]())
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signer["signature"].native, digest, padding.PKCS1v15(), hashed)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signer["signature"].native, digest, ec.ECDSA(hashed))
        else:
            return None
    except InvalidSignature:
        return False
    except (UnsupportedAlgorithm, ValueError):
        return None
    return True
