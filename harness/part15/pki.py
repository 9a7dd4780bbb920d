"""Throw-away certificates: one test CA, right identities of both key types, and deliberately wrong ones.

Dates are relative to now. The wrong identities are wrong in one thing each and are issued by the CA
that the right ones come from, unless their name says otherwise, so that a refusal has one cause.
Some cannot be made by the crypto library (SHA-1 and MD5 signatures): their DER is assembled here.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import ipaddress
import os
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku
from cryptography.x509.oid import NameOID

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
HashKind = hashes.SHA224 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512

LOOPBACK = ("localhost", "127.0.0.1", "::1")
BOTH = (Eku.SERVER_AUTH, Eku.CLIENT_AUTH)
DAY = dt.timedelta(days=1)

RIGHT = ("server", "client", "client-2", "server-ec", "client-ec", "intermediate")
WRONG = {
    "expired": "its validity has ended",
    "future": "its validity has not begun",
    "untrusted": "a CA issued it that nobody trusts",
    "impostor": "a CA with the name of the trusted one, but another key, issued it",
    "self-signed": "it is signed by itself",
    "server-only": "its extended key usage allows a server only",
    "client-only": "its extended key usage allows a client only",
    "code-signing": "its extended key usage allows neither server nor client",
    "wrong-name": "it names another host",
    "rsa-1024": "its RSA key has 1024 bits",
    "p-192": "its elliptic curve key has 192 bits",
    "p-224": "its elliptic curve key has 224 bits",
    "weak-issuer": "an intermediate CA with an RSA key of 1024 bits signed it",
    "weak-issuer-ec": "an intermediate CA with an elliptic curve key of 224 bits signed it",
    "sha1": "it is signed with SHA-1",
    "md5": "it is signed with MD5",
    "sha224": "it is signed with SHA-224",
    "key-mismatch": "the private key belongs to another certificate",
    "revoked": "the CRL of its CA revokes it",
    "long-chain": "twenty intermediate CAs are between it and its CA",
    "not-a-ca": "an ordinary certificate issued it",
    "garbage": "it is not a certificate",
}


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
class Identity:
    """A certificate chain and its private key as PEM files; the chain is leaf first, without the root."""

    name: str
    certificate: Path
    key: Path


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


def write_key(path: Path, key: PrivateKey) -> Path:
    """Write *key* as unencrypted PKCS#8 PEM, readable by the owner only."""
    octets = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        stream.write(octets)
    return path


@dataclass(frozen=True)
class Pki:
    """The files of a throw-away PKI; ``pki["client"]`` is an Identity."""

    folder: Path
    identities: Mapping[str, Identity]
    root: Authority
    keys: KeyRing

    @property
    def ca(self) -> Path:
        """The trusted root certificate."""
        return self.folder / "ca.pem"

    @property
    def crl(self) -> Path:
        """The revocation list of the trusted root; it lists the identity ``revoked``."""
        return self.folder / "ca.crl"

    @property
    def bundle(self) -> Path:
        """The trusted root and the revocation lists of all that issued a leaf, in one file."""
        return self.folder / "ca-with-crl.pem"

    @property
    def other_ca(self) -> Path:
        """The root of the identity ``untrusted``."""
        return self.folder / "other-ca.pem"

    def __getitem__(self, name: str) -> Identity:
        """Return the identity *name*; raises KeyError with the names there are."""
        if name not in self.identities:
            raise KeyError(f"no identity {name!r}; there are {', '.join(self.identities)}")
        return self.identities[name]

    def huge(self, octets: int = 10_000_000) -> Identity:
        """Make an identity whose certificate carries *octets* of ballast (not made by default)."""
        key = self.keys.rsa("client")
        leaf = issue("huge", key, self.root, Template(padding=octets))
        return _write(self.folder, "huge", key, [leaf.public_bytes(Encoding.DER)])


def _write(folder: Path, name: str, key: PrivateKey, chain: Iterable[bytes]) -> Identity:
    certificate = folder / f"{name}.pem"
    certificate.write_text("".join(ssl.DER_cert_to_PEM_cert(der) for der in chain))
    return Identity(name, certificate, write_key(folder / f"{name}.key", key))


@dataclass
class _Made:
    """The chains made so far by name, and the authorities below the root that issued a leaf."""

    chains: dict[str, tuple[PrivateKey, list[bytes]]] = field(default_factory=dict)
    issuers: list[Authority] = field(default_factory=list)

    def add(
        self, name: str, key: PrivateKey, issuer: Authority | None, says: Template | None = None
    ) -> None:
        leaf = issue(name, key, issuer, says)
        chain = (leaf, *(issuer.chain if issuer else ()))
        self.chains[name] = key, [c.public_bytes(Encoding.DER) for c in chain]
        if issuer and issuer.chain:
            self.issuers.append(issuer)


def _chains(keys: KeyRing, root: Authority, other: Authority) -> _Made:
    server, client = keys.rsa("server"), keys.rsa("client")
    made = _Made()
    add = made.add
    add("server", server, root)
    add("client", client, root)
    add("client-2", keys.rsa("client-2"), root)
    add("server-ec", keys.ec("server"), root)
    add("client-ec", keys.ec("client"), root)
    between = authority("intermediate CA", keys.ec("intermediate"), root)
    add("intermediate", client, between)
    add("expired", client, root, Template(since=-60 * DAY, until=-DAY))
    add("future", client, root, Template(since=30 * DAY, until=60 * DAY))
    add("untrusted", client, other)
    add("impostor", client, authority("test CA", keys.rsa("other-ca")))
    add("self-signed", client, None)
    add("server-only", client, root, Template(usages=(Eku.SERVER_AUTH,)))
    add("client-only", client, root, Template(usages=(Eku.CLIENT_AUTH,)))
    add("code-signing", client, root, Template(usages=(Eku.CODE_SIGNING,)))
    add("wrong-name", client, root, Template(names=("other.invalid",)))
    add("rsa-1024", keys.rsa("weak", 1024), root)
    add("p-192", keys.ec("weak", ec.SECP192R1), root)
    add("p-224", keys.ec("weak", ec.SECP224R1), root)
    add("weak-issuer", client, authority("weak CA", keys.rsa("weak", 1024), root))
    add("weak-issuer-ec", client, authority("weak EC CA", keys.ec("weak", ec.SECP224R1), root))
    add("sha224", client, root, Template(algorithm=hashes.SHA224()))
    add("revoked", client, root)
    add("not-a-ca", client, Authority(issue("client-2", server, root), server))
    deep = root
    for depth in range(20):
        deep = authority(f"CA {depth}", keys.ec("intermediate"), deep)
    add("long-chain", client, deep)
    for algorithm in ("sha1", "md5"):
        leaf = issue(algorithm, client, root)
        made.chains[algorithm] = client, [resign(leaf, root.key, algorithm)]
    made.chains["key-mismatch"] = keys.rsa("client-2"), made.chains["client"][1]
    made.chains["garbage"] = client, [b"\x30\x82\x01\x00" + b"\xa5" * 256]
    return made


def _revocations(issuer: Authority, revoked: Iterable[bytes] = ()) -> bytes:
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(now - DAY)
        .next_update(now + 30 * DAY)
    )
    for der in revoked:
        number = x509.load_der_x509_certificate(der).serial_number
        entry = x509.RevokedCertificateBuilder().serial_number(number).revocation_date(now - DAY)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def make_pki(folder: Path, *, keys: KeyRing | None = None) -> Pki:
    """Write a throw-away PKI into *folder* (made if missing) and return it.

    Every identity NAME is ``NAME.pem`` (chain, leaf first) and ``NAME.key``; see :data:`RIGHT` and
    :data:`WRONG` for the names. Keys come from *keys* (default: those of this process).
    """
    folder.mkdir(parents=True, exist_ok=True)
    ring = keys or shared_keys()
    root = authority("test CA", ring.rsa("ca"))
    other = authority("other CA", ring.rsa("other-ca"))
    made = _chains(ring, root, other)
    pki = Pki(
        folder,
        {name: _write(folder, name, key, chain) for name, (key, chain) in made.chains.items()},
        root,
        ring,
    )
    pem = root.certificate.public_bytes(Encoding.PEM)
    crl = _revocations(root, made.chains["revoked"][1][:1])
    pki.ca.write_bytes(pem)
    write_key(folder / "ca.key", root.key)
    pki.crl.write_bytes(crl)
    pki.bundle.write_bytes(pem + crl + b"".join(_revocations(i) for i in made.issuers))
    pki.other_ca.write_bytes(other.certificate.public_bytes(Encoding.PEM))
    return pki
