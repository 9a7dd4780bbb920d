"""SAML assertions and JSON Web Tokens: signed by the test issuer of the target, and wrong in one thing each."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from part15.drivers.identity_credentials import (
    LIFE,
    Credential,
    Make,
    Purse,
    damaged,
    nonce,
    showing,
)
from part15.errors import TargetError
from part15.references import referenced_path
from part15.wire import json_token, saml
from part15.wire import user_identity as ui

HOUR = dt.timedelta(hours=1)


def _key(name: str, user: Any) -> saml.PrivateKey:
    path = referenced_path(user.key)
    try:
        key = load_pem_private_key(Path(path).read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise TargetError(
            f"users.{name}.key: {path} is no unencrypted private key in PEM ({type(error).__name__})"
        ) from None
    if isinstance(key, rsa.RSAPrivateKey):
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name == "secp256r1":
        return key
    raise TargetError(f"users.{name}.key: use an RSA key, or an elliptic curve key on P-256")


def purse(name: str, user: Any, supplied: Sequence[tuple[str, Make]]) -> Purse:
    """Return the credentials of a user whom the test issuer vouches for; raises TargetError."""
    key = _key(name, user)
    made = _Assertions(user, key) if user.type == ui.SAML else _Tokens(user, key)

    def right() -> Credential:
        return showing(user.type, made.right())()

    def wrong() -> Iterator[tuple[str, Make]]:
        yield from supplied
        good = made.right()
        yield from derived(user.type, good)
        for said, octets in made.wrong():
            yield said, showing(user.type, octets)
        yield from damaged(user.type, good)
        yield f"replayed {ui.NAMES[user.type]}", showing(user.type, made.right())

    return Purse(name, user.type, right, wrong)


def _stranger() -> saml.PrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclasses.dataclass(frozen=True)
class _Assertions:
    user: Any
    key: saml.PrivateKey

    def _said(self, **changes: Any) -> saml.Statement:
        now = dt.datetime.now(dt.UTC)
        said = saml.Statement(
            self.user.subject, self.user.issuer, self.user.audience, now, now + LIFE
        )
        return dataclasses.replace(said, **changes)

    def _signed(self, **changes: Any) -> bytes:
        return saml.written(saml.sign(saml.assertion(self._said(**changes)), self.key))

    def right(self) -> bytes:
        return self._signed()

    def wrong(self) -> Iterator[tuple[str, bytes]]:
        now = dt.datetime.now(dt.UTC)
        yield "expired assertion", self._signed(begins=now - 2 * HOUR, ends=now - HOUR)
        yield "assertion for another audience", self._signed(audience=f"urn:{nonce()}")
        yield "assertion of another issuer", self._signed(issuer=f"urn:{nonce()}")
        yield "assertion not valid yet", self._signed(begins=now + HOUR, ends=now + 2 * HOUR)


@dataclasses.dataclass(frozen=True)
class _Tokens:
    user: Any
    key: json_token.PrivateKey

    def _claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": self.user.issuer,
            "sub": self.user.subject,
            "aud": self.user.audience,
            "iat": now,
            "nbf": now,
            "exp": now + int(LIFE.total_seconds()),
            "jti": uuid.uuid4().hex,
        } | changes

    def right(self) -> bytes:
        return json_token.signed(self._claims(), self.key).encode()

    def wrong(self) -> Iterator[tuple[str, bytes]]:
        now, hour = int(time.time()), 3600
        for said, changes in (
            ("expired token", {"nbf": now - 2 * hour, "exp": now - hour}),
            ("token for another audience", {"aud": f"urn:{nonce()}"}),
            ("token of another issuer", {"iss": f"urn:{nonce()}"}),
            ("token not valid yet", {"nbf": now + hour, "exp": now + 2 * hour}),
        ):
            yield said, json_token.signed(self._claims(**changes), self.key).encode()
        confused = json_token.confused(self._claims(), self.key.public_key())
        yield "token under HS256 with the public key", confused.encode()


def derived(kind: int, octets: bytes) -> Iterator[tuple[str, Make]]:
    """Yield what can be made wrong of a right assertion or token without the key of its issuer."""
    made = _from_assertion(octets) if kind == ui.SAML else _from_token(octets)
    for said, wrong in made:
        if len(wrong) <= 0xFF00:
            yield said, showing(kind, wrong)


def _from_token(octets: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        claims = json.loads(json_token.decoded(octets.decode("ascii").split(".")[1]))
    except (ValueError, IndexError):
        return
    if isinstance(claims, dict):
        yield "token signed by another key", json_token.signed(claims, _stranger()).encode()
        yield "unsigned token (alg none)", json_token.unsigned(claims).encode()


def _from_assertion(octets: bytes) -> Iterator[tuple[str, bytes]]:
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(octets, parser)
    except (etree.XMLSyntaxError, ValueError):
        return
    bare = etree.fromstring(octets, parser)
    for signature in bare.findall(f"{{{saml.SIGNATURE}}}Signature"):
        bare.remove(signature)
    if len(bare) != len(root):
        yield "unsigned assertion", saml.written(bare)
        if bare.get("ID"):
            again = saml.sign(etree.fromstring(saml.written(bare)), _stranger())
            yield "assertion signed by another key", saml.written(again)
            yield from _forged(root)


def _forged(root: Any) -> Iterator[tuple[str, bytes]]:
    space = {"s": saml.ASSERTION}
    now = dt.datetime.now(dt.UTC)
    other = saml.Statement(
        nonce(),
        root.findtext("s:Issuer", "", space),
        root.findtext(".//s:Audience", "", space),
        now,
        now + LIFE,
    )
    yield "signature wrapped around another assertion", saml.written(saml.wrapped(root, other))
    if root.find("s:Subject/s:NameID", space) is not None:
        yield "assertion with an external entity", saml.with_entity(root)
