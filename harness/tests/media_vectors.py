"""The CMS and bit-preservation vectors of the tests: secure files made by OpenSSL, and what reads them."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from part15 import load
from part15.channel.keys import openers_of, trust_of
from part15.inspect_tally import Judging, judging
from part15.model import Claim, Word
from part15.wire.cms_opening import Opener, PasswordOpener
from part15.wire.cms_secure_file import Looked, look
from part15.wire.cms_trust import Trust

CMS = Path(__file__).parent / "vectors" / "cms"
BITS = Path(__file__).parent / "vectors" / "bits"
PKI = CMS / "pki"


def manifest(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return rows


@functools.cache
def policy() -> Trust:
    return trust_of(
        [PKI / "root.crt"],
        [PKI / "intermediate.crt"],
        [PKI / "intermediate.crl", PKI / "root.crl"],
    )


@functools.cache
def recipient(number: int = 1) -> tuple[Opener, ...]:
    return openers_of(PKI / f"recipient{number}.key", PKI / f"recipient{number}.crt", None)


def openers_for(vector: dict[str, Any]) -> tuple[Opener, ...]:
    given = vector["open_with"]
    if "password" in given:
        return (PasswordOpener(given["password"].encode("utf-8")),)
    return recipient() if given.get("key", "").endswith("recipient1.key") else ()


def looked_at(vector: dict[str, Any]) -> Looked:
    return look((CMS / vector["file"]).read_bytes(), openers_for(vector), policy())


@functools.cache
def _judging(edition: str) -> Judging:
    claim = Claim("basic-media-security", "media-creator", edition)
    return judging(claim, load.load_profiles(), load.load_roles())


def answers(seen: Any, edition: str = "2023b") -> dict[str, Word]:
    """The uncapped words of every clause that the observation decides, permissions left out."""
    one = _judging(edition)
    levels = {t.case.clause: t.case.level for t in one.tallies}
    found = one.would(seen)
    return {c: a.word for c, a in found.items() if levels[c] != "may"}


def messages(seen: Any, edition: str = "2023b") -> dict[str, str]:
    return {c: a.message for c, a in _judging(edition).would(seen).items()}
