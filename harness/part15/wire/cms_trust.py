"""Whether a signer's certificate leads to a given anchor at a given time (chain, validity, usage, CRLs)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.x509 import Certificate, CertificateRevocationList

MAX_CHAIN = 10


@dataclass(frozen=True)
class Trust:
    """What a reader holds: anchors, further intermediates, CRLs, and the time it judges at.

    Without anchors trust is *not judged*. Chains are remembered.
    """

    anchors: tuple[Certificate, ...] = ()
    intermediates: tuple[Certificate, ...] = ()
    crls: tuple[CertificateRevocationList, ...] = ()
    at: dt.datetime | None = None
    _known: dict[tuple[Certificate, ...], tuple[Certificate, ...] | None] = field(
        default_factory=dict, repr=False
    )

    def judge(
        self, leaf: Certificate, others: Iterable[Certificate], signed_at: dt.datetime | None
    ) -> tuple[str, str]:
        """Return a trust word (see SignerSeen) and why; *others* came with the message."""
        if not self.anchors:
            return "not judged", "no trust anchor was given"
        now = self.at or dt.datetime.now(dt.UTC)
        moment = signed_at if signed_at is not None and signed_at <= now else now
        others = tuple(others)[:100]
        remembered = (leaf, *others)
        if remembered not in self._known:
            if len(self._known) > 1_000:
                self._known.clear()
            self._known[remembered] = self._chain(leaf, others)
        return self._judge(leaf, self._known[remembered], moment, now)

    def _judge(
        self,
        leaf: Certificate,
        chain: tuple[Certificate, ...] | None,
        moment: dt.datetime,
        now: dt.datetime,
    ) -> tuple[str, str]:
        if chain is None:
            return "untrusted", "no chain of valid signatures leads from it to a given trust anchor"
        for certificate in chain:
            who = "it" if certificate is leaf else "an issuer in its chain"
            if certificate.not_valid_before_utc > moment:
                return (
                    "not-yet-valid",
                    f"{who} is valid from {certificate.not_valid_before_utc:%Y-%m-%d}",
                )
            if certificate.not_valid_after_utc < moment:
                return "expired", f"{who} expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
            if self._revoked(certificate, chain):
                return "revoked", f"{who} is on a CRL that was given"
        if not _may_sign(leaf):
            return "wrong-usage", "its key usage is neither digital signature nor non-repudiation"
        if leaf.not_valid_after_utc < now:
            expired = f"{leaf.not_valid_after_utc:%Y-%m-%d}"
            return "trusted", f"valid at the signing time it states, expired since {expired}"
        return "trusted", ""

    def _chain(
        self, leaf: Certificate, others: tuple[Certificate, ...]
    ) -> tuple[Certificate, ...] | None:
        """Return leaf to anchor, or None; candidates are tried depth first under a bound."""
        pool = (*self.intermediates, *others)
        paths: list[tuple[Certificate, ...]] = [(leaf,)]
        for _ in range(1_000):
            if not paths:
                return None
            path = paths.pop()
            last = path[-1]
            if last in self.anchors:
                return path
            for anchor in self.anchors:
                if _issued(last, anchor):
                    return (*path, anchor)
            if len(path) < MAX_CHAIN:
                paths += [(*path, c) for c in pool if c not in path and _issued(last, c)]
        return None

    def _revoked(self, certificate: Certificate, chain: tuple[Certificate, ...]) -> bool:
        from cryptography.exceptions import InvalidSignature

        for crl in self.crls:
            if crl.issuer != certificate.issuer:
                continue
            if crl.get_revoked_certificate_by_serial_number(certificate.serial_number) is None:
                continue
            for issuer in chain:
                try:
                    if issuer.subject == crl.issuer and crl.is_signature_valid(issuer.public_key()):  # type: ignore[arg-type]
                        return True
                except (InvalidSignature, TypeError, ValueError):
                    continue
        return False


def _issued(certificate: Certificate, issuer: Certificate) -> bool:
    """Tell whether *issuer* is a CA that signed *certificate*."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    if certificate.issuer != issuer.subject:
        return False
    try:
        if not _weakly_signed(certificate, issuer):
            certificate.verify_directly_issued_by(issuer)
        return issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return issuer.version is x509.Version.v1
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False


def _weakly_signed(certificate: Certificate, issuer: Certificate) -> bool:
    """Verify an RSA signature over SHA-1, which the library refuses: no clause forbids it in a certificate.

    False if the certificate is signed in another way; raises InvalidSignature if it does not verify.
    """
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    digest, key = certificate.signature_hash_algorithm, issuer.public_key()
    if not isinstance(digest, hashes.SHA1) or not isinstance(key, rsa.RSAPublicKey):
        return False
    key.verify(certificate.signature, certificate.tbs_certificate_bytes, padding.PKCS1v15(), digest)
    return True


def _may_sign(certificate: Certificate) -> bool:
    from cryptography import x509

    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return True
    return usage.digital_signature or usage.content_commitment


def parse_certificate(octets: bytes) -> Certificate | None:
    """Return the certificate in *octets* (DER), or None if it is none that can be read."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        found = x509.load_der_x509_certificate(octets)
        found.subject.rfc4514_string()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return found
