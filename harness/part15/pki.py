"""Throw-away certificates: one test CA, right identities of both key types, and deliberately wrong ones.

Dates are relative to now. The wrong identities are wrong in one thing each and are issued by the CA
that the right ones come from, unless their name says otherwise, so that a refusal has one cause.
"""

from __future__ import annotations

import datetime as dt
import os
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku

from part15.forge import (
    DAY,
    Authority,
    KeyRing,
    PrivateKey,
    Template,
    authority,
    issue,
    resign,
    shared_keys,
)

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


@dataclass(frozen=True)
class Identity:
    """A certificate chain and its private key as PEM files; the chain is leaf first, without the root."""

    name: str
    certificate: Path
    key: Path


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

    @property
    def other_bundle(self) -> Path:
        """That root and its empty revocation list in one file."""
        return self.folder / "other-ca-with-crl.pem"

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
    untrusted = other.certificate.public_bytes(Encoding.PEM)
    pki.other_ca.write_bytes(untrusted)
    pki.other_bundle.write_bytes(untrusted + _revocations(other))
    return pki


def make_untrusted(folder: Path, name: str = "untrusted") -> Identity:
    """Write into *folder* an identity that no product can trust: ``untrusted`` or ``self-signed``."""
    keys = shared_keys()
    key = keys.rsa("client")
    issuer = authority("other CA", keys.rsa("other-ca")) if name == "untrusted" else None
    return _write(folder, name, key, [issue(name, key, issuer).public_bytes(Encoding.DER)])
