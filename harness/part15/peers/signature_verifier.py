"""The embedded verifier of signatures: an adapter in this process, right or with a fault (verb ``verify``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from part15.observations.signatures import SignatureSeen, SignedObjectSeen
from part15.peers.signing_orders import FAMILY
from part15.wire.cms_trust import Trust
from part15.wire.signed_object import read_object

DONE, REFUSED, CANNOT = 0, 1, 2


@dataclass(frozen=True)
class SignatureVerifier:
    """What it does; the defaults are right, every other value is a fault."""

    lacks: tuple[str, ...] = ()
    first_only: bool = False
    top_only: bool = False
    ignores: tuple[str, ...] = ()
    historic_too: bool = False

    def __call__(self, verb: str, request: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        """Answer the verb ``verify``."""
        if verb != "verify":
            return CANNOT, {"reason": f"it has no verb {verb}"}
        from part15.channel.keys import trust_of

        trust = trust_of([Path(p) for p in request.get("trust", ())], [], [])
        results = [self._result(path, trust) for path in request["files"]]
        reason = next((str(r["reason"]) for r in results if not r["accepted"]), "")
        return (REFUSED if reason else DONE), {"results": results, "reason": reason}

    def _result(self, path: str, trust: Trust) -> dict[str, Any]:
        seen = read_object(Path(path).read_bytes(), path, trust)
        why = seen.trouble or next((w for s in self._judged(seen) if (w := self._fault(s))), "")
        return {"file": path, "accepted": not why, "reason": why}

    def _judged(self, seen: SignedObjectSeen) -> list[SignatureSeen]:
        found = list(seen.signatures if self.historic_too else seen.current)
        if self.top_only:
            found = [s for s in found if not s.level]
        return found[:1] if self.first_only else found

    def _fault(self, signature: SignatureSeen) -> str:
        if signature.algorithm in self.lacks:
            return f"{signature.algorithm} is not supported"
        if signature.crypto.integrity == "valid":
            return "" if signature.trust.status == "trusted" else signature.trust.why
        return "" if "mac" in self.ignores else signature.crypto.why


@dataclass(frozen=True)
class VerifierFault:
    """A verifier with one defect; *party* is the adapter that has it."""

    name: str
    text: str
    flips: tuple[str, ...]
    party: SignatureVerifier
    family: str = FAMILY
    role: str = "verifier"


VERIFIERS = (
    VerifierFault(
        "believes_every_signature",
        "does not compare the MAC",
        ("C.1-reject-tampered",),
        SignatureVerifier(ignores=("mac",)),
    ),
    VerifierFault(
        "verifies_the_first_signature_only",
        "verifies the first signature of an object only",
        ("C.1-reject-tampered",),
        SignatureVerifier(first_only=True),
    ),
    VerifierFault(
        "passes_over_signatures_in_items",
        "verifies signatures of the top level only",
        ("C.1-reject-tampered",),
        SignatureVerifier(top_only=True),
    ),
    VerifierFault(
        "lacks_ripemd160",
        "does not know RIPEMD160",
        (
            "C.1-validator-hash",
            "C.2-validator-hash",
            "C.3-validator-hash",
            "C.1-validator-hash-2001",
        ),
        SignatureVerifier(lacks=("RIPEMD160",)),
    ),
    VerifierFault(
        "counts_earlier_signatures",
        "counts signatures of an earlier state of the object",
        ("M-original-attributes",),
        SignatureVerifier(historic_too=True),
    ),
)
