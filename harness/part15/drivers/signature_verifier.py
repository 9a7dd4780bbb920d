"""The SUT as verifier of signatures: the adapter's verb ``verify`` is handed good objects and mutants (PS3.15 C.1)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Literal

from part15.bench import Bench
from part15.channel.adapter import Adapter, adapter_of
from part15.errors import Trouble
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.signatures import VerificationTrial, VerifierSeen
from part15.peers import signing_mutants
from part15.peers.signing_mutants import SignedMutant
from part15.peers.signing_party import SigningParty, signing_party
from part15.registry import driver

_DEADLINE = 30.0
_SETS: dict[str, Callable[[SigningParty], Iterator[SignedMutant]]] = {
    "controls": signing_mutants.controls,
    "hashes": signing_mutants.hashes,
    "tampered": signing_mutants.tampered,
    "historic": signing_mutants.historic,
}


@functools.cache
def _made(objects: str) -> tuple[SignedMutant, ...]:
    """Return a set of objects; signed once per process."""
    return tuple(_SETS[objects](signing_party()))


@driver(Impact.OBSERVE, at="target", adapter=True)
def verify(
    bench: Bench, *, objects: Literal["hashes", "tampered", "historic"] = "tampered"
) -> VerifierSeen | NotReached:
    """Hand one set of *objects* to the verifier, after good objects that it must be seen to accept."""
    try:
        adapter = adapter_of(bench.target)
    except Trouble:
        return NotReached("verifier", "the target names no adapter with the verb verify")
    found = list(
        bench.shelf.once("signatures.verified", lambda: tuple(_controlled(bench, adapter)))
    )
    found += [_trial(bench, adapter, mutant) for mutant in _made(objects)]
    if all(trial.answer == "cannot" for trial in found):
        return NotReached(
            "verifier", f"the adapter cannot verify: {found[0].why or 'it says no more'}"
        )
    return VerifierSeen(tuple(found))


def _controlled(bench: Bench, adapter: Adapter) -> Iterator[VerificationTrial]:
    for mutant in _made("controls"):
        yield _trial(bench, adapter, mutant)


def _trial(bench: Bench, adapter: Adapter, mutant: SignedMutant) -> VerificationTrial:
    from cryptography.hazmat.primitives.serialization import Encoding

    folder = bench.scratch / f"verify-{mutant.name}"
    out = folder / "out"
    out.mkdir(parents=True, exist_ok=True)
    anchor, file = folder / "root.pem", folder / f"{mutant.name}.dcm"
    anchor.write_bytes(signing_party().root.public_bytes(Encoding.PEM))
    file.write_bytes(mutant.octets)
    request = {
        "files": [str(file)],
        "out": str(out),
        "profile": "base-rsa",
        "trust": [str(anchor)],
        "intermediates": [],
        "crls": [],
    }
    answer = adapter.ask("verify", request, deadline=max(bench.deadline, _DEADLINE))
    bench.note(f"verify: {mutant.name}")
    return VerificationTrial(
        mutant.name, mutant.right, mutant.defect, answer.outcome, answer.why[:500]
    )
