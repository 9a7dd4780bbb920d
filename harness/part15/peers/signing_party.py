"""Everybody around a signed object: a root, signers right and wrong, a time stamp authority (PS3.15 Annex C)."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from part15.forge import shared_keys
from part15.peers.timestamp_authority import TimestampAuthority
from part15.wire.cms_trust import Trust
from part15.wire.signing import Signer

_DAY = dt.timedelta(days=1)
_YEAR = 365 * _DAY


@dataclass(frozen=True)
class SigningParty:
    """*signers* by name (``right``, ``second``, ``ec``, ``expired``, ...), the root, and authorities for time stamps."""

    root: x509.Certificate
    signers: Mapping[str, Signer]
    authority: TimestampAuthority
    careless: TimestampAuthority
    stranger: TimestampAuthority

    @property
    def trust(self) -> Trust:
        """What the site trusts: the root alone."""
        return Trust((self.root,))

    @property
    def right(self) -> Signer:
        """The signer whose signatures are in order."""
        return self.signers["right"]


@dataclass(frozen=True)
class _Issuer:
    certificate: x509.Certificate | None
    name: x509.Name
    key: Any


def _name(common: str, *more: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "part15 throw-away"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
            *(x509.NameAttribute(oid, text) for oid, text in more),
        ]
    )


def _certificate(
    name: x509.Name,
    key: Any,
    issuer: _Issuer | None,
    *,
    ca: bool = False,
    since: dt.timedelta = -2 * _YEAR,
    until: dt.timedelta = 2 * _YEAR,
    signs: bool = True,
    stamps: bool = False,
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    usage = x509.KeyUsage(
        digital_signature=signs and not ca,
        content_commitment=signs and not ca,
        key_encipherment=not signs,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.name if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + since)
        .not_valid_after(now + until)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(usage, critical=True)
    )
    if stamps:
        stamping = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        builder = builder.add_extension(stamping, critical=True)
    return builder.sign(issuer.key if issuer else key, hashes.SHA256())


@functools.cache
def signing_party() -> SigningParty:
    """Return the party of this process; keys are made once."""
    keys = shared_keys()
    root_key, rogue_key = keys.rsa("signing-root"), keys.rsa("signing-rogue")
    root = _certificate(_name("signing root"), root_key, None, ca=True)
    rogue = _certificate(_name("signing rogue root"), rogue_key, None, ca=True)
    here = _Issuer(root, root.subject, root_key)
    elsewhere = _Issuer(rogue, rogue.subject, rogue_key)
    key, second = keys.rsa("signing-right"), keys.rsa("signing-second")

    def signer(holder: Any, name: x509.Name, issuer: _Issuer = here, **says: Any) -> Signer:
        made = _certificate(name, holder, issuer, **says)
        return Signer(holder, made.public_bytes(serialization.Encoding.DER))

    def stamper(issuer: _Issuer, **says: Any) -> TimestampAuthority:
        holder = keys.rsa("signing-tsa")
        made = _certificate(_name("time stamp authority"), holder, issuer, **says)
        return TimestampAuthority(holder, made)

    person = (NameOID.EMAIL_ADDRESS, "reader@example.invalid")
    return SigningParty(
        root,
        {
            "right": signer(key, _name("signing device", (NameOID.SERIAL_NUMBER, "15"))),
            "second": signer(second, _name("signing reader", person)),
            "ec": signer(keys.ec("signing-ec"), _name("signing EC device")),
            "expired": signer(key, _name("expired device"), until=-_YEAR),
            "future": signer(key, _name("future device"), since=_YEAR),
            "rogue": signer(key, _name("rogue device"), elsewhere),
            "encipherer": signer(key, _name("enciphering device"), signs=False),
            "nobody": signer(key, x509.Name([])),
        },
        stamper(here, stamps=True),
        stamper(here),
        stamper(elsewhere, stamps=True),
    )
