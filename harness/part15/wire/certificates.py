"""The certificate of a signer (0400,0115): reading it, who holds it, and whether it is trusted.

The octets in a data set carry a pad octet, and may be hostile: nothing larger than
:data:`MAX_CERTIFICATE` is parsed, and no key larger than :data:`MAX_KEY_BITS` is used.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
from typing import TYPE_CHECKING, Any

from part15.observations.signatures import SignerCertificateSeen, TrustSeen

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from part15.wire.cms_trust import Trust

MAX_CERTIFICATE = 1 << 20
MAX_KEY_BITS = 16_384

_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
)
_PERSONAL_USAGES = {
    "1.3.6.1.5.5.7.3.4": "e-mail protection",
    "1.3.6.1.4.1.311.20.2.2": "smart card logon",
    "1.3.6.1.5.5.7.3.36": "document signing",
}
_DEVICE_USAGES = {"1.3.6.1.5.5.7.3.1": "server authentication"}
_PERSONAL_NAMES = {
    "2.5.4.42": "a given name",
    "2.5.4.4": "a surname",
    "1.2.840.113549.1.9.1": "an e-mail address",
    "0.9.2342.19200300.100.1.1": "a user identifier",
}
_DEVICE_NAMES = {"2.5.4.5": "a serial number"}


def der_length(octets: bytes) -> int:
    """Return how many octets the DER element at the start of *octets* takes, 0 if there is none."""
    if len(octets) < 2:
        return 0
    first = octets[1]
    if first < 0x80:
        return 2 + first if 2 + first <= len(octets) else 0
    count = first & 0x7F
    if not count or count > 4 or len(octets) < 2 + count:
        return 0
    length = 2 + count + int.from_bytes(octets[2 : 2 + count], "big")
    return length if length <= len(octets) else 0


@functools.lru_cache(maxsize=64)
def read_certificate(octets: bytes) -> tuple[SignerCertificateSeen, Certificate | None]:
    """Return what the value of Certificate of Signer holds, and the certificate if it can be read."""
    if not octets:
        return SignerCertificateSeen(
            why="(0400,0115) Certificate of Signer is absent or empty"
        ), None
    if len(octets) > MAX_CERTIFICATE:
        return _unreadable(f"it has {len(octets)} octets; more than {MAX_CERTIFICATE} are not read")
    length = der_length(octets)
    if octets[:1] != b"\x30" or not length:
        return _unreadable("it is no DER structure, or is cut short")
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        certificate = x509.load_der_x509_certificate(octets[:length])
        return _seen(certificate, octets, length), certificate
    except UnsupportedAlgorithm as trouble:
        return _unreadable(f"it uses an algorithm that is not known here: {trouble}")
    except (ValueError, TypeError) as trouble:
        return _unreadable(f"it is no X.509 certificate: {str(trouble)[:120]}")


def _unreadable(why: str) -> tuple[SignerCertificateSeen, None]:
    return SignerCertificateSeen(
        present=True, why=f"(0400,0115) Certificate of Signer: {why}"
    ), None


def iso(moment: dt.datetime) -> str:
    """Return *moment* in UTC as ``2026-11-22T08:00:00Z``."""
    return f"{moment.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


def _seen(certificate: Certificate, octets: bytes, length: int) -> SignerCertificateSeen:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

    key: Any = certificate.public_key()
    kinds = (rsa.RSAPublicKey, "RSA"), (ec.EllipticCurvePublicKey, "EC"), (dsa.DSAPublicKey, "DSA")
    kind = next((name for cls, name in kinds if isinstance(key, cls)), type(key).__name__)
    usage: tuple[str, ...] = ()
    has_usage = False
    extended: tuple[str, ...] = ()
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.KeyUsage):
            has_usage = True
            usage = tuple(name for name in _USAGES if getattr(extension.value, name))
        elif isinstance(extension.value, x509.ExtendedKeyUsage):
            extended = tuple(oid.dotted_string for oid in extension.value)
    holder, told_by = _holder(certificate, extended)
    digest = certificate.signature_hash_algorithm
    return SignerCertificateSeen(
        present=True,
        readable=True,
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        serial=f"{certificate.serial_number:X}",
        sha256=hashlib.sha256(octets[:length]).hexdigest(),
        key=kind,
        key_bits=getattr(key, "key_size", 0),
        not_before=iso(certificate.not_valid_before_utc),
        not_after=iso(certificate.not_valid_after_utc),
        digest=digest.name if digest else "",
        key_usage=usage,
        has_key_usage=has_usage,
        extended_usage=extended,
        padding=len(octets) - length,
        holder=holder,
        told_by=told_by,
    )


def _holder(certificate: Certificate, extended: tuple[str, ...]) -> tuple[str, str]:
    """Tell person from device by what the certificate says of its subject; most say nothing."""
    from cryptography import x509

    personal = [_PERSONAL_USAGES[oid] for oid in extended if oid in _PERSONAL_USAGES]
    device = [_DEVICE_USAGES[oid] for oid in extended if oid in _DEVICE_USAGES]
    names = {attribute.oid.dotted_string for attribute in certificate.subject}
    personal += [f"{text} in its subject" for oid, text in _PERSONAL_NAMES.items() if oid in names]
    device += [f"{text} in its subject" for oid, text in _DEVICE_NAMES.items() if oid in names]
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            for name in extension.value:
                if isinstance(name, x509.RFC822Name):
                    personal.append("an e-mail address")
                elif isinstance(name, (x509.DNSName, x509.IPAddress)):
                    device.append("a host name or address")
    if personal and not device:
        return "person", personal[0]
    if device and not personal:
        return "device", device[0]
    return "not told", "signs of both" if device else "nothing in it says"


_WORDS = {
    "untrusted": "untrusted",
    "not-yet-valid": "not-yet-valid",
    "expired": "expired-at-signing",
    "revoked": "revoked",
    "not judged": "not judged",
}


def trust_in(
    seen: SignerCertificateSeen,
    certificate: Certificate | None,
    trust: Trust,
    signed_at: dt.datetime | None,
) -> TrustSeen:
    """Return whether *certificate* led to an anchor of *trust* at *signed_at*, the time the signature states.

    A wrong key usage is no matter of trust: it is judged with the profile.
    """
    if not seen.present:
        return TrustSeen("absent", seen.why)
    if certificate is None:
        return TrustSeen("unreadable", seen.why)
    word, why = trust.judge(certificate, (), signed_at)
    if word in _WORDS:
        return TrustSeen(_WORDS[word], why)
    now = trust.at or dt.datetime.now(dt.UTC)
    if certificate.not_valid_after_utc < now:
        return TrustSeen(
            "expired-now",
            f"it was valid at the stated time of signing and expired on {seen.not_after[:10]};"
            " without a certified timestamp nothing proves when the signature was made",
        )
    return TrustSeen("trusted")
