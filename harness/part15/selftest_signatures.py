"""Signatures in the kill matrix: the right signer, and what signers get wrong (PS3.15 Annex C)."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from part15 import load
from part15.bench import Bench, Ledger, Shelf
from part15.judge import ask, worst
from part15.model import Claim, Stimulus, Word
from part15.peers.signature_verifier import VERIFIERS, SignatureVerifier, VerifierFault
from part15.peers.signing_faults import MACRO
from part15.peers.signing_faults_base import BASE, EARLY
from part15.peers.signing_faults_profiles import (
    DOCUMENTS,
    EARLY_DOCUMENTS,
    coverage_faults,
    profile_files,
    right_documents,
)
from part15.peers.signing_faults_use import USE, right_reports
from part15.peers.signing_orders import Files, SigningFault, right_files, right_order
from part15.peers.signing_party import SigningParty, signing_party
from part15.peers.signing_samples import plain, reference, report
from part15.plan import clauses_of
from part15.registry import checks, drivers
from part15.selftest import Judged
from part15.wire.signing import sign
from part15.wire.tree import file_of


class _Nowhere:
    """Evidence of a selftest is not kept."""

    def keep(self, name: str, data: bytes, *, phi: str = "none") -> None:
        """Drop *data*."""


def _is_of_files(stimulus: Stimulus | None) -> bool:
    """Tell whether *stimulus* needs no endpoint: corrections in a product have arenas of their own."""
    return stimulus is not None and drivers()[stimulus.kind].at == "target"


def _bound(
    profile: str, edition: str, role: str, profiles: Sequence[str]
) -> Iterator[tuple[str, str, Stimulus, Any]]:
    """Yield clause, check, stimulus and expectation of every driven binding of a claim."""
    claim = Claim(profile, role, edition)
    for found, clause, _ in clauses_of(claim, load.load_profiles()):
        if found.id not in profiles:
            continue
        for binding in clause.bindings:
            if role in binding.roles and _is_of_files(binding.stimulus):
                assert binding.stimulus is not None
                expect = {k: edition if v == "${edition}" else v for k, v in binding.expect.items()}
                yield clause.id, binding.check, binding.stimulus, expect


def _driven(bench: Bench, seen: dict[str, Any], stimulus: Stimulus) -> Any:
    if stimulus.key not in seen:
        seen[stimulus.key] = drivers()[stimulus.kind].function(bench, **stimulus.args)
    return seen[stimulus.key]


def _answered(
    bound: Iterator[tuple[str, str, Stimulus, Any]], drive: Callable[[Stimulus], Any]
) -> dict[str, Word]:
    words: dict[str, Word] = {}
    for clause, check, stimulus, expect in bound:
        answer = ask(checks()[check], drive(stimulus), expect)
        before = words.get(clause)
        words[clause] = answer.word if before is None else worst([before, answer.word])
    return words


@dataclass(frozen=True)
class SignatureArena:
    """One claim in one edition; *profiles* are those whose clauses are judged here."""

    name: str
    claim: str
    edition: str
    listed: tuple[SigningFault, ...]
    files: Callable[[SigningParty], Files]
    profiles: tuple[str, ...]
    role: str = "signer"

    def faults(self) -> Sequence[SigningFault]:
        """Return the faults to be run here."""
        return self.listed

    def right(self) -> Judged:
        """Judge the right signer."""
        return Judged.of(self._judged(self.files(signing_party())))

    def wrong(self, fault: SigningFault) -> Judged:
        """Judge the signer with *fault*."""
        return Judged.of(self._judged(fault.make(signing_party())))

    def _judged(self, files: Files) -> dict[str, Word]:
        with tempfile.TemporaryDirectory(prefix="part15-signed-") as folder:
            bound = _bound(self.claim, self.edition, self.role, self.profiles)
            return _answered(bound, self._driving(files, Path(folder)))

    def _driving(self, files: Mapping[str, bytes], folder: Path) -> Callable[[Stimulus], Any]:
        from cryptography.hazmat.primitives.serialization import Encoding

        anchor = folder / "root.pem"
        anchor.write_bytes(signing_party().root.public_bytes(Encoding.PEM))
        signed = folder / "signed"
        signed.mkdir()
        for name, octets in files.items():
            (signed / name).write_bytes(octets)
        media = SimpleNamespace(folder=str(signed), trust=(str(anchor),), intermediates=(), crls=())
        bench = Bench(
            target=SimpleNamespace(media=media),
            endpoint=None,
            evidence=_Nowhere(),
            ledger=Ledger(),
            shelf=Shelf(),
            scratch=folder,
        )
        return functools.partial(_driven, bench, {})


def _early(party: SigningParty) -> Files:
    return {"image.dcm": sign(plain(), right_order(party, algorithm="SHA1"))}


def _early_documents(party: SigningParty) -> Files:
    image = sign(plain(), right_order(party, algorithm="SHA1"))
    nodes = report([reference(image, algorithm="SHA1")])
    purpose = ("5", "ASTM-sigpurpose", "Verification Signature")
    return {
        "report.dcm": sign(file_of(nodes), right_order(party, algorithm="SHA1", purpose=purpose))
    }


@dataclass(frozen=True)
class VerifierArena:
    """The embedded verifier under one claim."""

    name: str
    claim: str
    edition: str
    profiles: tuple[str, ...]
    listed: tuple[VerifierFault, ...] = VERIFIERS

    def faults(self) -> Sequence[VerifierFault]:
        """Return the faults that show under this claim."""
        judged = {
            clause for clause, *_ in _bound(self.claim, self.edition, "verifier", self.profiles)
        }
        return [fault for fault in self.listed if judged & set(fault.flips)]

    def right(self) -> Judged:
        """Judge the right verifier."""
        return Judged.of(self._judged(SignatureVerifier()))

    def wrong(self, fault: VerifierFault) -> Judged:
        """Judge the verifier with *fault*."""
        return Judged.of(self._judged(fault.party))

    def _judged(self, party: SignatureVerifier) -> dict[str, Word]:
        with tempfile.TemporaryDirectory(prefix="part15-verify-") as folder:
            bench = Bench(
                target=SimpleNamespace(inside=party),
                endpoint=None,
                evidence=_Nowhere(),
                ledger=Ledger(),
                shelf=Shelf(),
                scratch=Path(folder),
            )
            bound = _bound(self.claim, self.edition, "verifier", self.profiles)
            return _answered(bound, functools.partial(_driven, bench, {}))


MACRO_AND_BASE = ("digital-signatures-macro", "base-rsa")

ARENAS: list[SignatureArena | VerifierArena] = [
    SignatureArena("signatures", "base-rsa", "2023b", (*MACRO, *BASE), right_files, MACRO_AND_BASE),
    SignatureArena("signatures 2008", "base-rsa", "2008", EARLY, _early, MACRO_AND_BASE),
    *(
        SignatureArena(
            profile,
            profile,
            edition,
            coverage_faults(profile),
            functools.partial(profile_files, profile=profile),
            (profile,),
        )
        for profile in ("creator-rsa", "authorization-rsa")
        for edition in ("2023b",)
    ),
    SignatureArena("sr-rsa", "sr-rsa", "2023b", DOCUMENTS, right_documents, ("sr-rsa",)),
    SignatureArena(
        "signed reports",
        "basic-sr-digital-signatures-use",
        "2023b",
        USE,
        right_reports,
        ("basic-sr-digital-signatures-use",),
        "creator",
    ),
    *(
        VerifierArena(f"verifier {edition}", claim, edition, (*MACRO_AND_BASE, claim))
        for claim, edition in (("creator-rsa", "2023b"), ("base-rsa", "2008"))
    ),
    VerifierArena(
        "verifier of authorizations", "authorization-rsa", "2023b", ("authorization-rsa",)
    ),
    SignatureArena("sr-rsa 2008", "sr-rsa", "2008", EARLY_DOCUMENTS, _early_documents, ("sr-rsa",)),
]
