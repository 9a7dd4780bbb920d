"""Judging one signed object against a claim, as the plan and the judge do: for the tests of signatures."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography import x509

from part15 import load
from part15.judge import ask
from part15.model import Judgement, Level, Profile, Word
from part15.observations import Many, Member
from part15.observations.signatures import SignedObjectSeen
from part15.registry import checks
from part15.wire.cms_trust import Trust

FOLDER = Path(__file__).parent / "vectors" / "signatures"
PROFILES = {
    "none": "digital-signatures-macro",
    "base": "base-rsa",
    "creator": "creator-rsa",
    "authorization": "authorization-rsa",
    "sr": "sr-rsa",
    "sr-verification": "sr-rsa",
}


def certificate(name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((FOLDER / name).read_bytes())


def _crl(name: str) -> x509.CertificateRevocationList:
    data = (FOLDER / name).read_bytes()
    return x509.load_pem_x509_crl(data) if b"-----" in data else x509.load_der_x509_crl(data)


@functools.cache
def trust() -> Trust:
    return Trust(
        (certificate("pki/root.crt"),),
        (certificate("pki/intermediate.crt"),),
        (_crl("pki/intermediate.crl"), _crl("pki/root.crl")),
    )


@functools.cache
def _profiles() -> Mapping[str, Profile]:
    return load.load_profiles()


def _filled(value: Any, edition: str) -> Any:
    if value == "${edition}":
        return edition
    if isinstance(value, Mapping):
        return {k: _filled(v, edition) for k, v in value.items()}
    return value


def judged(
    seen: SignedObjectSeen, claim: str, *, edition: str = "2023b"
) -> dict[str, tuple[Word, Judgement]]:
    """Return the answer of every clause that a signer's file decides, with levels applied."""
    found: dict[str, tuple[Word, Judgement]] = {}
    for profile in _family(PROFILES.get(claim, claim), edition):
        for clause in profile.clauses:
            if not clause.in_force(edition):
                continue
            for binding in clause.bindings:
                if binding.stimulus is None or "signer" not in binding.roles:
                    continue
                check = checks()[binding.check]
                if not (check.takes(Many) or check.takes(SignedObjectSeen)):
                    continue  # needs the product, not a file of it
                given: Any = seen
                if check.takes(Many):
                    given = Many((Member(seen.name, seen),), "signed object")
                answer = ask(check, given, _filled(binding.expect, edition))
                word = answer.word
                lenient = clause.derived or clause.level in (Level.SHOULD, Level.SHOULD_NOT)
                if word is Word.FAIL and lenient:
                    word = Word.WARN
                found[clause.id] = (word, answer)
    return found


def _family(name: str, edition: str) -> list[Profile]:
    profile = _profiles()[name]
    found = [profile]
    for include in profile.include:
        if include.profile != "general":
            found += [p for p in _family(include.profile, edition) if p not in found]
    return found


def failed(answers: Mapping[str, tuple[Word, Judgement]]) -> set[str]:
    return {clause for clause, (word, _) in answers.items() if word is Word.FAIL}


def undecided(answers: Mapping[str, tuple[Word, Judgement]]) -> set[str]:
    return {clause for clause, (word, _) in answers.items() if word is Word.INCONCLUSIVE}
