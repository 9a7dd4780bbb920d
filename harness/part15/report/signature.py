"""The detached CMS signature over ``SHA256SUMS``: make one, and check one without leniency.

``openssl cms -verify -binary -inform PEM -in SHA256SUMS.p7s -content SHA256SUMS -CAfile CA -purpose any``
accepts what :func:`sign` makes.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Any

from part15.errors import InputError

_BAD = "SHA256SUMS.p7s"


def _certificate(path: Path) -> Any:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: no certificate in PEM form can be read from it ({error})"
        ) from None


def fingerprint(path: Path) -> str:
    """Return the SHA-256 of the certificate in *path* in hex. Raises InputError if there is none."""
    from cryptography.hazmat.primitives import hashes

    digest: bytes = _certificate(path).fingerprint(hashes.SHA256())
    return digest.hex()


def sign(content: bytes, key: Path, certificate: Path, password: bytes | None = None) -> bytes:
    """Return the PEM of a detached signature over *content*.

    Raises InputError if key or certificate cannot be read, do not fit, or are of a kind CMS does not take.
    """
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import pkcs7

    signer = _certificate(certificate)
    try:
        private = serialization.load_pem_private_key(key.read_bytes(), password)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"{key}: no private key can be read from it ({type(error).__name__})"
        ) from None
    if not isinstance(private, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        raise InputError(f"{key}: an RSA or EC key is needed to sign a run")
    if private.public_key() != signer.public_key():
        raise InputError(f"{key} is not the key of the certificate {certificate}")
    options = [
        pkcs7.PKCS7Options.DetachedSignature,
        pkcs7.PKCS7Options.Binary,
        pkcs7.PKCS7Options.NoCapabilities,
    ]
    builder = (
        pkcs7.PKCS7SignatureBuilder().set_data(content).add_signer(signer, private, hashes.SHA256())
    )
    return builder.sign(serialization.Encoding.PEM, options)


def check(pem: bytes, content: bytes) -> tuple[str, list[str]]:
    """Return the fingerprint of the signer (or nothing) and what is wrong with the signature.

    Only the one form that :func:`sign` writes is accepted, octet for octet, so that nothing in the file
    can be changed unseen.
    """
    from asn1crypto import cms
    from asn1crypto import pem as armour

    try:
        kind, _, der = armour.unarmor(pem)
        info = cms.ContentInfo.load(der, strict=True)
        data = info["content"]
        signers, certificates = data["signer_infos"], data["certificates"]
        canonical = (
            kind == "PKCS7" and armour.armor(kind, der) == pem and info.dump(force=True) == der
        )
        if len(signers) != 1 or len(certificates) != 1 or not canonical:
            return "", [f"{_BAD} is not in the form in which it was written"]
        certificate = certificates[0].chosen
        signer = signers[0]
        return certificate.sha256.hex(), _problems(data, signer, certificate, content)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        return "", [f"{_BAD} cannot be read as a CMS signature ({type(error).__name__})"]


def _problems(data: Any, signer: Any, certificate: Any, content: bytes) -> list[str]:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    attributes = {a["type"].native: a["values"] for a in signer["signed_attrs"]}
    digest = hashlib.sha256(content).digest()
    names = signer["sid"].chosen
    shape = (
        data["version"].native == "v1"
        and signer["version"].native == "v1"
        and data["encap_content_info"]["content_type"].native == "data"
        and data["encap_content_info"]["content"].native is None
        and [a["algorithm"].native for a in data["digest_algorithms"]] == ["sha256"]
        and signer["digest_algorithm"]["algorithm"].native == "sha256"
        and data["crls"].native is None
        and signer["unsigned_attrs"].native is None
        and set(attributes) == {"content_type", "signing_time", "message_digest"}
        and names["issuer"].dump() == certificate.issuer.dump()
        and names["serial_number"].native == certificate.serial_number
    )
    if not shape:
        return [f"{_BAD} is not in the form in which it was written"]
    if not hmac.compare_digest(attributes["message_digest"][0].native, digest):
        return [f"{_BAD} does not belong to this SHA256SUMS"]
    try:
        _verify(certificate, signer)
    except (InvalidSignature, UnsupportedAlgorithm, x509.InvalidVersion, ValueError):
        return [f"{_BAD} is not a valid signature of its certificate"]
    return []


def _verify(certificate: Any, signer: Any) -> None:
    """Raise InvalidSignature unless the certificate's key signed the attributes of *signer*."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    # the signature is over the attributes with the tag of a SET, not the [0] they are stored with
    signed = b"\x31" + signer["signed_attrs"].dump(force=True)[1:]
    key = x509.load_der_x509_certificate(certificate.dump()).public_key()
    algorithm = signer["signature_algorithm"]["algorithm"].native
    value = signer["signature"].native
    if isinstance(key, rsa.RSAPublicKey) and algorithm in {"rsassa_pkcs1v15", "sha256_rsa"}:
        key.verify(value, signed, padding.PKCS1v15(), hashes.SHA256())
    elif isinstance(key, ec.EllipticCurvePublicKey) and algorithm == "sha256_ecdsa":
        key.verify(value, signed, ec.ECDSA(hashes.SHA256()))
    else:
        raise InvalidSignature
