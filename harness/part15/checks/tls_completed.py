"""What is judged of completed handshakes: what is selected or offered can be used."""

from __future__ import annotations

from collections.abc import Sequence

from part15.model import Finding, Judgement, Word, fails, passes, undecided
from part15.observations import NotReached
from part15.observations.tls_completed import Completed, CompletedSeen
from part15.registry import check
from part15.wire.tls_names import suite_label, version_label

SILENT = "silent"


def _name(pair: Completed) -> str:
    return f"{suite_label(pair.suite)} in {version_label(pair.version)}"


@check
def associates(seen: CompletedSeen) -> Judgement:
    """In every version and suite that the SUT selects or offers, an association works inside."""
    done = [pair for pair in seen.tried if isinstance(pair, Completed)]
    wrong = [pair for pair in done if pair.ended not in ("accepted", SILENT)]
    if wrong and len(wrong) == len(done) and not all(seen.lives):
        return _dead(wrong[0])
    if wrong:
        first = wrong[0]
        return fails(
            f"with {_name(first)} the handshake or the association inside did not come about ({first.ended} "
            f"{first.why}); remove what cannot be used, or repair it.",
            expected="an association",
            observed=", ".join(f"{_name(p)}: {p.ended}" for p in wrong),
            findings=[Finding(_name(p), Word.FAIL, f"{p.ended} {p.why}".strip()) for p in wrong],
        )
    return (
        _late(done)
        or _open(seen)
        or passes(
            f"an association worked in {len(done)} pairs of version and suite, each alone.",
            observed=", ".join(_name(p) for p in done),
        )
    )


@check
def associates_in(seen: CompletedSeen, *, version: str) -> Judgement:
    """The SUT completes a handshake in *version*, with at least one suite, and an association works inside."""
    label = version_label(version)
    here = [p for p in seen.tried if isinstance(p, Completed) and p.version == version]
    good = [pair for pair in here if pair.ended == "accepted"]
    if good:
        return passes(
            f"an association worked in {label} with {suite_label(good[0].suite)} (by {good[0].library}).",
            observed=", ".join(_name(p) for p in good),
        )
    if here and not all(seen.lives):
        return _dead(here[0])
    if all(pair.ended == SILENT for pair in here):
        late = _late(here)
        if late is not None:
            return late
    if here:
        return fails(
            f"{label} is selected, but no handshake with an association inside comes about: "
            f"{here[0].ended} {here[0].why}",
            expected=f"an association in {label}",
            observed=", ".join(f"{_name(p)}: {p.ended}" for p in here),
        )
    if version not in seen.known:
        known = ", ".join(version_label(v) for v in seen.known) or "none"
        return fails(
            f"{label} is not among the versions of the product ({known}).",
            expected=label,
            observed=known,
        )
    return _open(seen) or undecided(f"no suite of {label} that our certificate fits was offered.")


def _open(seen: CompletedSeen) -> Judgement | None:
    """Return why nothing is decided, or None if it is."""
    lost = [pair for pair in seen.tried if isinstance(pair, NotReached)]
    if lost:
        return undecided(
            lost[0].why, findings=[Finding(p.step, Word.INCONCLUSIVE, p.why) for p in lost]
        )
    if not seen.tried:
        return undecided("no version and suite could be tried.")
    if seen.left:
        return undecided(f"{seen.left} further pairs of version and suite were not tried.")
    if seen.lives == (True, False):
        return undecided("afterwards the product did not associate any more, as it did before.")
    return None


def _late(pairs: Sequence[Completed]) -> Judgement | None:
    """Return the judgement on a pair that got no answer in time: a slow product is no wrong one."""
    silent = [pair for pair in pairs if pair.ended == SILENT]
    if not silent:
        return None
    return undecided(
        f"no association came about within the deadline with {_name(silent[0])}; give limits.deadline more seconds"
    )


def _dead(pair: Completed) -> Judgement:
    """Return the judgement where nothing works at all: then no version and no suite is to blame."""
    return undecided(
        f"no association came about in any version and suite, nor with our usual settings ({_name(pair)}: "
        f"{pair.ended} {pair.why}); see that both sides trust each other's certificates"
    )
