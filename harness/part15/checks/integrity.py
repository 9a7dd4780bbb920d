"""What is judged when a record was damaged: the connection is dropped and nothing is acknowledged."""

from __future__ import annotations

from part15.model import Finding, Judgement, Word, fails, passes, undecided
from part15.observations.session import Damaged, IntegritySeen
from part15.registry import check


@check
def drops_connection(seen: IntegritySeen) -> Judgement:
    """The other side ends every connection on which an integrity check failed, and acknowledges nothing.

    An alert before the end is what TLS expects; its absence is a finding, since it may be lost to a
    reset. A stream cut short counts as damage too: without close_notify its end is not authentic.
    """
    if seen.clean != 0:
        return undecided(
            f"the undamaged {seen.message} got status {_status(seen.clean)}; so nothing can be learnt from damaged ones"
        )
    done = {k: d for k, d in seen.damages.items() if not d.why}
    held = [k for k, d in done.items() if not d.closed]
    taken = [k for k, d in done.items() if d.acknowledged]
    observed = ", ".join(f"{k}: {_word(d)}" for k, d in done.items())
    if held or taken:
        first = (taken or held)[0]
        what = "was acknowledged with success" if taken else "left the connection open"
        return fails(
            f"a {seen.message} with a record {first} {what}",
            expected="the connection dropped, nothing acknowledged",
            observed=observed,
            findings=[Finding(k, Word.FAIL, _word(done[k])) for k in sorted({*held, *taken})],
        )
    if not done:
        return undecided(
            "; ".join(sorted({d.why for d in seen.damages.values()})) or "nothing was damaged"
        )
    if not seen.after.accepted:
        return undecided(
            f"the connections ended, but the control association afterwards was not accepted ({seen.after.outcome}); "
            "look whether a damaged record took the product down"
        )
    mute = [k for k, d in done.items() if d.alert is None and k.partition(" (")[0] != "cut short"]
    return passes(
        f"every connection with a damaged record was dropped, none of {len(done)} messages acknowledged",
        observed=observed,
        findings=[
            Finding(k, Word.INFO, "dropped without an alert that could be read") for k in mute
        ],
    )


def _status(status: int | None) -> str:
    return "none" if status is None else f"{status:04X}H"


def _word(damaged: Damaged) -> str:
    words = [f"alert {damaged.alert}"] if damaged.alert is not None else []
    words.append("closed" if damaged.closed else f"still open after {damaged.seconds:g} s")
    if damaged.acknowledged:
        words.append("acknowledged")
    return ", ".join(words)
