"""Media readers (PS3.15 D.1.1, PS3.10 7.4): what they did with good files and with mutants."""

from __future__ import annotations

from part15.model import Finding, Judgement, Word, fails, passes, undecided
from part15.observations.media import ReaderSeen, ReadTrial
from part15.registry import check


def _wrong(trial: ReadTrial, *, mutants: bool) -> str:
    """Return what the reader did wrong with the file of *trial*, or nothing."""
    if trial.answer in ("crashed", "late"):
        what = "crashed" if trial.answer == "crashed" else "did not answer in time"
        return f"the reader {what} ({trial.why}); a crash is no refusal"
    if trial.right and trial.answer == "refused":
        return f"refused, although it is right: {trial.why or 'no reason given'}"
    if trial.right and trial.content == "different":
        return "accepted, but what the reader wrote is not the encapsulated file"
    if mutants and not trial.right and trial.answer == "accepted":
        return f"accepted, although {trial.defect}"
    return ""


def _judged(seen: ReaderSeen, trials: list[ReadTrial], right: str, *, mutants: bool) -> Judgement:
    findings = []
    for trial in trials:
        wrong = _wrong(trial, mutants=mutants)
        if wrong:
            expected = "accepted" if trial.right else "refused"
            findings.append(Finding(trial.name, Word.FAIL, wrong, expected, trial.answer))
    if findings:
        first = findings[0]
        return fails(
            f"{first.subject}: {first.message}",
            expected=first.expected,
            observed=first.observed,
            findings=findings,
        )
    silent = [t for t in trials if t.answer == "cannot"]
    if silent or not trials:
        why = silent[0].why if silent else f"{len(seen.trials)} files, none of this kind"
        return undecided(f"the reader could not be asked about {len(silent)} files: {why}")
    return passes(right.format(n=len(trials)))


@check
def reads_all(seen: ReaderSeen) -> Judgement:
    """Tell whether the reader opens every right file of the set and writes the file that was encapsulated.

    Other files may be accepted or refused; a crash over one is a failure all the same.
    """
    if not any(t.right for t in seen.trials):
        return undecided("no right file was handed over")
    return _judged(seen, list(seen.trials), "of {n} files all right ones were read", mutants=False)


@check
def reads_right_files_only(seen: ReaderSeen) -> Judgement:
    """Tell whether the reader accepts every right file and refuses every mutant.

    A crash or a missed deadline is never a refusal. A set without a right file proves nothing.
    """
    if not any(t.right for t in seen.trials):
        return undecided("no right file was handed over: a refusal proves nothing without one")
    return _judged(
        seen,
        list(seen.trials),
        "of {n} files the right ones were read, the others refused",
        mutants=True,
    )


@check
def reads_what_keys_allow(seen: ReaderSeen, *, readable: int) -> Judgement:
    """Tell whether the reader goes on after a file that its key does not open.

    *readable* of the files handed over together are for its key; each must come out.
    """
    trial = seen.trials[0] if seen.trials else None
    if trial is None or trial.answer == "cannot":
        return undecided("the reader could not be asked")
    came = next((t for t in trial.told if t.endswith("files")), "0 of 0 files")
    count = int(came.split(" ", 1)[0])
    if trial.answer != "accepted" or count < readable:
        return fails(
            f"the reader read {came}, its key opens {readable}; read each file as far as the keys allow",
            expected=f"{readable} files",
            observed=came,
        )
    return passes(f"the reader read {came}, its key opens {readable}")


@check
def tells_untrusted_signers(seen: ReaderSeen) -> Judgement:
    """Tell whether a signer that no anchor vouches for is refused or reported."""
    doubtful = [t for t in seen.trials if not t.right]
    if not doubtful or any(t.answer in ("cannot", "crashed", "late") for t in doubtful):
        return undecided("the reader did not answer about untrusted signers")
    silent = [
        t
        for t in doubtful
        if t.answer == "accepted" and not set(t.told) & {"untrusted", "expired", "unknown"}
    ]
    if silent:
        return fails(
            f"{silent[0].name}: accepted without a word, although {silent[0].defect}",
            expected="refused, or trust reported",
            observed="accepted",
            findings=[Finding(t.name, Word.FAIL, t.defect) for t in silent],
        )
    return passes(f"{len(doubtful)} untrusted signers were refused or reported")
