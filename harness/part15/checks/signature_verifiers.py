"""What a verifier of signatures accepts and refuses (PS3.15 C.1)."""

from __future__ import annotations

from collections.abc import Sequence

from part15.checks.signatures import Fault, settled
from part15.model import Judgement, undecided
from part15.observations.signatures import VerificationTrial, VerifierSeen
from part15.registry import check

ACCEPTED, REFUSED = "done", "refused"
CONTROL = "good"


def _control(seen: VerifierSeen) -> Judgement | None:
    """Return the answer where the verifier accepts not even the plainest good object."""
    good = next((t for t in seen.trials if t.name == CONTROL), None)
    if good is None or good.answer != ACCEPTED:
        answer = (
            "was not given" if good is None else f"got '{good.answer}' ({good.why or 'no reason'})"
        )
        return undecided(
            f"the good object {answer}, so what it refuses proves nothing; see its set-up"
        )
    return None


def _told(trial: VerificationTrial) -> str:
    return f"answered '{trial.answer}'" + (f": {trial.why}" if trial.why else "")


@check
def accepts_hashes(seen: VerifierSeen, *, terms: Sequence[str]) -> Judgement:
    """The verifier accepts a good object with each of the MAC algorithms *terms*."""
    trials = {t.name: t for t in seen.trials}
    missing = [term for term in terms if term not in trials]
    if missing:
        return undecided(f"no object with {', '.join(missing)} was handed over")
    if all(trials[term].answer != ACCEPTED for term in terms) and (answer := _control(seen)):
        return answer
    faults = [
        (term, f"a good object with {term} {_told(trials[term])}")
        for term in terms
        if trials[term].answer != ACCEPTED
    ]
    return settled(faults, f"good objects with {', '.join(terms)} are accepted")


@check
def refuses_tampered(seen: VerifierSeen) -> Judgement:
    """The verifier accepts no signature over altered elements; a crash is no refusal."""
    if answer := _control(seen):
        return answer
    mutants = [t for t in seen.trials if not t.right]
    faults: list[Fault] = [
        (t.name, f"was accepted although {t.defect}") for t in mutants if t.answer == ACCEPTED
    ]
    if faults:
        return settled(faults, "")
    unknown = [t for t in mutants if t.answer != REFUSED]
    if unknown:
        return undecided(f"{unknown[0].name}: it {_told(unknown[0])}, which is no refusal")
    refused_good = [
        (t.name, f"is in order, but {_told(t)}")
        for t in seen.trials
        if t.right and t.answer != ACCEPTED
    ]
    return settled([], f"{len(mutants)} altered objects are refused", warnings=refused_good)


@check
def leaves_history_alone(seen: VerifierSeen) -> Judgement:
    """A signature of an earlier state, kept in Original Attributes, does not make an object fail."""
    if answer := _control(seen):
        return answer
    trials = [t for t in seen.trials if t.name == "good-earlier-signature"]
    faults: list[Fault] = [
        (t.name, f"its signature holds, and that of an earlier state was counted: it {_told(t)}")
        for t in trials
        if t.answer != ACCEPTED
    ]
    return settled(faults, "a signature of an earlier state is told apart")
