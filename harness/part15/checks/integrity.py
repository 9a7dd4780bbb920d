"""What is judged when a record was damaged: the connection is dropped and nothing is acknowledged."""

from __future__ import annotations

from part15.model import Finding, Judgement, Word, fails, passes, undecided
from part15.observations.session import Damaged, IntegritySeen
from part15.registry import check

NO_ALERT = ("cut short", "of its own answer")
"""Damages after which no alert is expected: the end of the stream, and one that we notice ourselves."""
LIKE_IDLE = 0.8
"""An end without an alert that takes this part of the idle time, or more, may be the idle time's."""


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
    observed = ", ".join(f"{k}: {_word(d)}" for k, d in done.items())
    wrong = [k for k, d in done.items() if d.stored or d.acknowledged or not d.closed]
    if wrong:
        first = next((k for k in wrong if done[k].stored or done[k].acknowledged), wrong[0])
        return fails(
            f"a {seen.message} with a record {first} {_what(done[first])}",
            expected="the connection dropped, nothing stored or acknowledged",
            observed=observed,
            findings=[Finding(k, Word.FAIL, _word(done[k])) for k in sorted(wrong)],
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
    missing = {k: d.why for k, d in seen.damages.items() if d.why}
    if missing:
        return undecided(
            f"{len(missing)} of {len(seen.damages)} damages could not be done "
            f"({'; '.join(f'{k}: {why}' for k, why in missing.items())})",
            observed=observed,
        )
    late = [
        k
        for k, d in done.items()
        if seen.idle is not None and d.alert is None and d.seconds >= LIKE_IDLE * seen.idle
    ]
    if late:
        return undecided(
            f"a {seen.message} with a record {late[0]} was ended without an alert after {done[late[0]].seconds:g} s, "
            f"but so is one that only stops half-way ({seen.idle:g} s); lengthen the product's time-out",
            observed=observed,
        )
    mute = [k for k, d in done.items() if d.alert is None and not k.startswith(NO_ALERT)]
    return passes(
        f"every connection with a damaged record was dropped, none of {len(done)} messages acknowledged",
        observed=observed,
        findings=[
            Finding(k, Word.INFO, "dropped without an alert that could be read") for k in mute
        ],
    )


def _what(damaged: Damaged) -> str:
    if damaged.acknowledged:
        return "was acknowledged with success"
    return "was stored" if damaged.stored else "left the connection open"


def _status(status: int | None) -> str:
    return "none" if status is None else f"{status:04X}H"


def _word(damaged: Damaged) -> str:
    words = [f"alert {damaged.alert}"] if damaged.alert is not None else []
    words.append("closed" if damaged.closed else f"still open after {damaged.seconds:g} s")
    if damaged.acknowledged:
        words.append("acknowledged")
    if damaged.stored is not None:
        words.append("stored" if damaged.stored else "not stored")
    return ", ".join(words)
