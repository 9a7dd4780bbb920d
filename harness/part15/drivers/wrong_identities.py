"""Identities that we can make ourselves to be shown to a SUT, as server or as client, and that it must refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

MADE = {"unknown_ca": "untrusted", "self_signed": "self-signed"}
"""Kinds that need no CA that the product trusts, by the names they have in the throw-away PKI."""
DERIVED = ("key_mismatch", "garbage", "huge")
"""Kinds that are made from the right identity, and that only a TLS 1.2 of our own shows."""
BALLAST = 10_000_000
"""Octets of the certificate that is sent along with the right one as kind ``huge``."""


def make(folder: Path, kind: str) -> tuple[str, str] | None:
    """Return the PEM files of a new identity of *kind* (:data:`MADE`) and of its key, None for others."""
    if kind not in MADE:
        return None
    from part15.pki import make_untrusted

    folder.mkdir(exist_ok=True)
    found = make_untrusted(folder, MADE[kind])
    return str(found.certificate), str(found.key)


def derive(chain: tuple[bytes, ...], key: Any, kind: str) -> tuple[tuple[bytes, ...], Any]:
    """Return *chain* (DER) and its private *key* changed as *kind* (:data:`DERIVED`) says."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding

    from part15.forge import Template, issue, shared_keys

    if kind == "garbage":
        return (b"\x30\x82\x01\x00" + b"\xa5" * 256,), key
    keys = shared_keys()
    other = keys.rsa("other") if isinstance(key, rsa.RSAPrivateKey) else keys.ec("other")
    if kind == "key_mismatch":
        return chain, other
    ballast = issue("ballast", other, None, Template(padding=BALLAST))
    return (*chain, ballast.public_bytes(Encoding.DER)), key
