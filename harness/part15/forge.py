"""Certificates made to measure: what a throw-away authority issues, down to signatures nobody makes any more.

SHA-1 and MD5 signatures are refused by the crypto library; their DER is assembled here.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku
from cryptography.x509.oid import NameOID

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
HashKind = hashes.SHA224 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512

LOOPBACK = ("localhost", "127.0.0.1", "::1")
BOTH = (Eku.SERVER_AUTH, Eku.CLIENT_AUTH)
DAY = dt.timedelta(days=1)


@dataclass
class KeyRing:
    """Private keys by use, made once and shared, since making RSA keys is slow."""

    made: dict[str, PrivateKey] = field(default_factory=dict)

    def _once(self, name: str, make: Callable[[], PrivateKey]) -> PrivateKey:
        if name not in self.made:
            self.made[name] = make()
        return self.made[name]

    def rsa(self, use: str, bits: int = 2048) -> PrivateKey:
        """Return the RSA key of *bits* for *use*."""
        return self._once(
            f"rsa-{bits}-{use}",
            lambda: rsa.generate_private_key(public_exponent=65537, key_size=bits),
        )

    def ec(self, use: str, curve: type[ec.EllipticCurve] = ec.SECP256R1) -> PrivateKey:
        """Return the elliptic curve key on *curve* for *use*."""
        return self._once(f"{curve.name}-{use}", lambda: ec.generate_private_key(curve()))


@functools.cache
def shared_keys() -> KeyRing:
    """Return the keys of this process."""
    return KeyRing()


@dataclass(frozen=True)
class Authority:
    """A certificate that issues others; *chain* holds the intermediates to be sent, nearest first."""

    certificate: x509.Certificate
    key: PrivateKey
    chain: tuple[x509.Certificate, ...] = ()


@dataclass(frozen=True)
class Template:
    """What a certificate says; every default is right."""

    names: tuple[str, ...] = LOOPBACK
    usages: tuple[x509.ObjectIdentifier, ...] | None = BOTH
    since: dt.timedelta = -DAY
    until: dt.timedelta = 30 * DAY
    algorithm: HashKind = field(default_factory=hashes.SHA256)
    ca: bool = False
    padding: int = 0
    """Octets of ballast in a private extension."""


def _subject(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "part15 throw-away"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


def _alternative(names: Iterable[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for name in names:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            found.append(x509.DNSName(name))
    return found


def issue(
    name: str, key: PrivateKey, issuer: Authority | None, template: Template | None = None
) -> x509.Certificate:
    """Return a certificate for *name* and *key*, issued by *issuer* (None: by itself)."""
    says = template or Template()
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(_subject(name))
        .issuer_name(issuer.certificate.subject if issuer else _subject(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + says.since)
        .not_valid_after(now + says.until)
        .add_extension(x509.BasicConstraints(ca=says.ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .add_extension(_key_usage(key, ca=says.ca), critical=True)
    )
    if says.usages is not None and not says.ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage(says.usages), critical=False)
    if says.names and not says.ca:
        builder = builder.add_extension(
            x509.SubjectAlternativeName(_alternative(says.names)), critical=False
        )
    if says.padding:
        ballast = b"\x04\x84" + says.padding.to_bytes(4, "big") + bytes(says.padding)
        builder = builder.add_extension(
            x509.UnrecognizedExtension(x509.ObjectIdentifier("2.25.15.1"), ballast), critical=False
        )
    return builder.sign(signer, says.algorithm)


def _key_usage(key: PrivateKey, *, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=isinstance(key, rsa.RSAPrivateKey) and not ca,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def authority(
    name: str, key: PrivateKey, above: Authority | None = None, template: Template | None = None
) -> Authority:
    """Return a certificate authority: a root, or one below *above* that is sent along in chains."""
    says = template or Template(ca=True)
    made = issue(name, key, above, says)
    return Authority(made, key, (made, *above.chain) if above else ())


# OIDs of sha256WithRSAEncryption, and of the two that the crypto library refuses to write. They have
# one length, so the signed part of a right certificate can be changed in place.
_SHA256_RSA = bytes.fromhex("06092a864886f70d01010b")
_OLD_RSA = {
    "sha1": (
        bytes.fromhex("06092a864886f70d010105"),
        bytes.fromhex("3021300906052b0e03021a05000414"),
    ),
    "md5": (
        bytes.fromhex("06092a864886f70d010104"),
        bytes.fromhex("3020300c06082a864886f70d020505000410"),
    ),
}


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def resign(certificate: x509.Certificate, signer: PrivateKey, algorithm: str) -> bytes:
    """Return the DER of *certificate* signed anew by *signer* with ``sha1`` or ``md5`` and PKCS#1 v1.5.

    The certificate must have been signed with SHA-256 and RSA. Raises TypeError if *signer* is not
    an RSA key.
    """
    if not isinstance(signer, rsa.RSAPrivateKey):
        raise TypeError("only RSA keys sign with the old algorithms here")
    oid, digest_info = _OLD_RSA[algorithm]
    body = certificate.tbs_certificate_bytes.replace(_SHA256_RSA, oid, 1)
    digest = hashlib.new(algorithm, body, usedforsecurity=False).digest()
    private = signer.private_numbers()
    modulus = private.public_numbers.n
    size = (modulus.bit_length() + 7) // 8
    info = digest_info + digest
    padded = b"\x00\x01" + b"\xff" * (size - 3 - len(info)) + b"\x00" + info
    signature = pow(int.from_bytes(padded, "big"), private.d, modulus).to_bytes(size, "big")
    return _der(0x30, body + _der(0x30, oid + b"\x05\x00") + _der(0x03, b"\x00" + signature))
