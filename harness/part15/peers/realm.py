"""A throw-away Kerberos realm and a throw-away issuer of assertions and tokens, made once in a process.

Nobody needs a KDC or an identity provider to try the embedded archive: tickets are issued here, with the
key of the service that is tested.
"""

from __future__ import annotations

import datetime as dt
import functools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from part15.wire import json_token, kerberos, saml
from part15.wire.kerberos import Principal, Ticket
from part15.wire.kerberos_crypto import Key, new_key
from part15.wire.kerberos_files import write_cache, write_keytab

NAME = "PART15.TEST"
CLIENT = Principal(NAME, ("carol",))
SERVICE = Principal(NAME, ("dicom", "archive"), 2)
OTHER = Principal(NAME, ("dicom", "elsewhere"), 2)
ISSUER, AUDIENCE, SUBJECT = "urn:part15:test-issuer", "urn:part15:archive", "dave"
HOUR = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Realm:
    """The key of the service, of another service, and of the issuer."""

    service: Key
    other: Key
    issuer: ec.EllipticCurvePrivateKey

    def ticket(self, service: Principal = SERVICE, *, age: dt.timedelta = dt.timedelta()) -> Ticket:
        """Return a ticket of ten hours that was issued *age* ago."""
        key = self.service if service == SERVICE else self.other
        begins = dt.datetime.now(dt.UTC) - age
        return kerberos.issue(
            CLIENT, service, key, new_key(18), begins=begins, ends=begins + 10 * HOUR
        )

    def written(self, folder: Path) -> dict[str, Any]:
        """Write what the users of a target need into *folder* and return those users."""
        expired, _ = kerberos.request(self.ticket(age=12 * HOUR), dt.datetime.now(dt.UTC))
        pem = self.issuer.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        for name, octets in {
            "carol.ccache": write_cache([self.ticket(), self.ticket(OTHER)]),
            "dicom.keytab": write_keytab(SERVICE, self.service),
            "expired.bin": expired,
            "issuer.pem": pem,
        }.items():
            path = folder / name
            path.touch(mode=0o600)
            path.write_bytes(octets)
        made = {
            "key": f"file:{folder}/issuer.pem",
            "issuer": ISSUER,
            "subject": SUBJECT,
            "audience": AUDIENCE,
        }
        return {
            "with-ticket": {
                "type": 3,
                "cache": f"file:{folder}/carol.ccache",
                "service": str(SERVICE),
                "wrong": {"expired ticket": f"file:{folder}/expired.bin"},
            },
            "with-assertion": {"type": 4, **made},
            "with-token": {"type": 5, **made},
        }

    def assertions(self, demands: frozenset[str]) -> saml.Trust:
        """Return what a service demands of assertions of our issuer."""
        return saml.Trust(self.issuer.public_key(), ISSUER, AUDIENCE, demands)

    def tokens(self, demands: frozenset[str], algorithms: tuple[str, ...]) -> json_token.Trust:
        """Return what a service demands of tokens of our issuer."""
        return json_token.Trust(self.issuer.public_key(), ISSUER, AUDIENCE, demands, algorithms)


@functools.cache
def realm() -> Realm:
    """Return the realm of this process."""
    return Realm(
        Key(18, os.urandom(32)), Key(18, os.urandom(32)), ec.generate_private_key(ec.SECP256R1())
    )
