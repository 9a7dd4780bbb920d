"""Good files and mutants of one defect each, for media readers (PS3.15 D.1.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from part15.peers.media_party import base_recipe, parties, resolved
from part15.wire.cms_writing import Recipe

PASS_PHRASE = "part15 media pass phrase"


@dataclass(frozen=True)
class Mutant:
    """One file (or several) for a reader: *right* ones are to be accepted, the others refused.

    *changes* are fields of the recipe; *more* the changes of further files handed over together.
    """

    name: str
    defect: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)
    more: tuple[Mapping[str, Any], ...] = ()
    password: str = ""
    without_key: bool = False

    @property
    def right(self) -> bool:
        """Tell whether a conforming reader accepts it."""
        return not self.defect

    def recipes(self) -> list[Recipe]:
        """Return how each of its files is written."""
        base = base_recipe("2023b")
        return [replace(base, **_known(c)) for c in (self.changes, *self.more)]


def _known(changes: Mapping[str, Any]) -> dict[str, Any]:
    found = resolved(changes)
    if found.get("recipients") == "stranger":
        found["recipients"] = (parties().stranger.certificate,)
    return found


def _flip(at: int) -> Callable[[bytes], bytes]:
    def change(octets: bytes) -> bytes:
        place = at if at >= 0 else len(octets) + at
        return octets[:place] + bytes([octets[place] ^ 1]) + octets[place + 1 :]

    return change


_CIPHERS = ("des-ede3-cbc", "aes128-CBC", "aes192-CBC", "aes256-CBC")
_DIGESTS = ("sha1", "sha256", "sha384", "sha512")
_PASSWORD = {"passwords": (PASS_PHRASE.encode(),), "recipients": ()}
_DIGESTED: dict[str, Any] = {"signers": ()}

_BROKEN = (
    Mutant("content-bit", "one bit of the ciphertext flipped", {"damage": _flip(-2000)}),
    Mutant(
        "digest-altered", "the digest is that of other octets", {**_DIGESTED, "wrong_digest": True}
    ),
    Mutant(
        "message-digest-altered",
        "the signed digest is that of other octets",
        {"wrong_digest": True},
    ),
    Mutant("signature-altered", "one bit of the signature flipped", {"wrong_signature": True}),
    Mutant("no-padding", "the last block has no padding", {"padding": False}),
    Mutant("last-block-bit", "one bit of the last block flipped", {"damage": _flip(-20)}),
    Mutant("truncated", "the last 100 octets are missing", {"damage": lambda o: o[:-100]}),
    Mutant("trailing", "octets follow the content", {"damage": lambda o: o + b"part15"}),
    Mutant("no-signer", "Signed-data without a signer", {"inner": "signed", "signers": ()}),
    Mutant("detached", "the content is not there", {"detached": True}),
    Mutant("plain-inside", "the content is neither signed nor digested", {"inner": "data"}),
    Mutant("not-encrypted", "Signed-data without an envelope", {"outer": "signed"}),
    Mutant("plain", "a plain DICOM file", {"outer": "plain"}),
    Mutant("rogue-signer", "the signer is below an unknown root", {"signers": ("rogue",)}),
    Mutant("expired-signer", "the signer's certificate has expired", {"signers": ("expired",)}),
)

READER_SETS: Mapping[str, tuple[Mutant, ...]] = {
    "ciphers": (
        *(Mutant(f"cipher-{c}", changes={"cipher": c}) for c in _CIPHERS),
        Mutant("cipher-rc2", "encrypted with RC2", {"cipher": "rc2-cbc"}),
    ),
    "triple-des": (
        Mutant("cipher-des-ede3-cbc", changes={"cipher": "des-ede3-cbc", "digest": "sha1"}),
    ),
    "keys": (
        Mutant("key-rsa"),
        Mutant("key-password", changes=_PASSWORD, password=PASS_PHRASE, without_key=True),
        Mutant("key-stranger", "for another recipient", {"recipients": "stranger"}),
        Mutant(
            "password-wrong",
            "under another password",
            _PASSWORD,
            password=PASS_PHRASE[::-1],
            without_key=True,
        ),
    ),
    "digests": (
        *(Mutant(f"signed-{d}", changes={"digest": d}) for d in _DIGESTS),
        *(Mutant(f"digested-{d}", changes={**_DIGESTED, "digest": d}) for d in _DIGESTS),
    ),
    "integrity": (
        Mutant("right-signed"),
        Mutant("right-digested", changes=_DIGESTED),
        *_BROKEN[:12],
    ),
    "origin": (Mutant("right-signer"), *_BROKEN[-2:]),
    "mixed": (
        Mutant(
            "mixed-recipients",
            changes={},
            more=(
                {"recipients": "stranger"},
                _DIGESTED,
                {"cipher": "des-ede3-cbc", "digest": "sha1"},
            ),
        ),
    ),
}
"""Sets of files by name, as the stimulus ``media_sut.read_with_sut`` takes them."""

MIXED_READABLE = 3
"""How many files of the mixed set are for the key that the reader is given."""
