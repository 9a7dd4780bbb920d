"""JSON Web Tokens in compact form (RFC 7519 over RFC 7515): signed by a test key, verified, and wrong on purpose."""

from __future__ import annotations

import base64
import contextlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
SKEW = 60


class TokenError(ValueError):
    """A token that is not to be trusted, with the reason."""


def encoded(octets: bytes) -> str:
    """Return *octets* in base64url without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Return the inverse of :func:`encoded`; raises ValueError."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _part(content: Mapping[str, Any]) -> str:
    return encoded(json.dumps(content, separators=(",", ":")).encode())


def signed(claims: Mapping[str, Any], key: PrivateKey) -> str:
    """Return *claims* signed with *key*: RS256, or ES256 for a key on P-256."""
    algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
    text = f"{_part({'alg': algorithm, 'typ': 'JWT'})}.{_part(claims)}"
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    else:
        r, s = utils.decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return f"{text}.{encoded(signature)}"


def unsigned(claims: Mapping[str, Any]) -> str:
    """Return *claims* with algorithm ``none``, which is no protection at all."""
    return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(claims)}."


def confused(claims: Mapping[str, Any], public: PublicKey) -> str:
    """Return *claims* under HS256 with the public key as its secret: accepted by who trusts ``alg``."""
    text = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    secret = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return f"{text}.{encoded(hmac.digest(secret, text.encode(), 'sha256'))}"


@dataclass(frozen=True)
class Trust:
    """What a service demands of a token; a wrong one drops some *demands*."""

    key: PublicKey
    issuer: str
    audience: str
    demands: frozenset[str] = frozenset({"signature", "times", "issuer", "audience"})
    algorithms: tuple[str, ...] = ("RS256", "ES256")


def claims_of(token: bytes, trust: Trust, now: float) -> dict[str, Any]:
    """Return the claims of *token*; raises TokenError."""
    try:
        head, body, tail = token.decode("ascii").split(".")
        header, claims, signature = (
            json.loads(decoded(head)),
            json.loads(decoded(body)),
            decoded(tail),
        )
    except (ValueError, RecursionError) as error:
        raise TokenError(f"no token: {error}") from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise TokenError("header and claims are no objects")
    algorithm = header.get("alg")
    if algorithm not in trust.algorithms:
        raise TokenError(f"algorithm {algorithm!r} is not allowed")
    if "signature" in trust.demands and algorithm != "none":
        _verify(str(algorithm), trust.key, f"{head}.{body}".encode(), signature)
    _demand(claims, trust, now)
    return claims


def _verify(algorithm: str, key: PublicKey, text: bytes, signature: bytes) -> None:
    if algorithm == "HS256":
        secret = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        if hmac.compare_digest(hmac.digest(secret, text, "sha256"), signature):
            return
    with contextlib.suppress(InvalidSignature):
        if algorithm == "RS256" and isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, text, padding.PKCS1v15(), hashes.SHA256())
            return
        if (
            algorithm == "ES256"
            and isinstance(key, ec.EllipticCurvePublicKey)
            and len(signature) == 64
        ):
            r, s = (int.from_bytes(signature[i : i + 32], "big") for i in (0, 32))
            key.verify(utils.encode_dss_signature(r, s), text, ec.ECDSA(hashes.SHA256()))
            return
    raise TokenError("the signature does not verify")


def _demand(claims: Mapping[str, Any], trust: Trust, now: float) -> None:
    ends, begins = claims.get("exp"), claims.get("nbf", 0)
    if "times" in trust.demands:
        if not isinstance(ends, int | float) or ends + SKEW < now:
            raise TokenError("it has expired, or says no expiry")
        if not isinstance(begins, int | float) or begins - SKEW > now:
            raise TokenError("it is not valid yet")
    if "issuer" in trust.demands and claims.get("iss") != trust.issuer:
        raise TokenError("another issuer")
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if "audience" in trust.demands and trust.audience not in named:
        raise TokenError("another audience")
