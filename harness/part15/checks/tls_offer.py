"""What a server selects and how it refuses: preference, versions, alerts (RFC 7525, 8996, 9325, B.3, B.12, B.13)."""

from __future__ import annotations

from collections.abc import Sequence

from part15.checks.tls_words import answer, answered, answers, suite, unclear, without_12
from part15.model import Finding, Judgement, Word, fails, passes, undecided
from part15.observations.tls import REFUSALS, HellosSeen
from part15.registry import check
from part15.wire import tls_names as names
from part15.wire.tls_names import suite_label, version_label


@check
def selects(seen: HellosSeen, *, suites: Sequence[str]) -> Judgement:
    """Wherever the server accepted an offer, it selected one of *suites*, though weaker ones stood first."""
    wanted = names.suite_codes(suites)
    taken = answered(seen)
    expected = " or ".join(suite_label(code) for code in wanted[:4]) + (
        " …" if len(wanted) > 4 else ""
    )
    if not taken and without_12(seen):
        return passes(
            "server negotiates TLS 1.3 only, which has no such weaker suite.", expected=expected
        )
    if not taken:
        return undecided(
            f"server accepted none of the offers ({answers(seen)}), so it showed no preference.",
            expected=expected,
        )
    wrong = [hello for hello in taken if hello.suite not in wanted]
    if wrong:
        return fails(
            f"server selected {suite(wrong[0])} although {expected} was offered too; let the server's "
            "own order decide and put the stronger suites first.",
            expected=expected,
            observed=[suite(hello) for hello in wrong],
        )
    return passes(
        f"server selected {suite(taken[0])} although weaker suites stood before it.",
        expected=expected,
        observed=[suite(hello) for hello in taken],
    )


@check
def selects_version(seen: HellosSeen, *, version: str) -> Judgement:
    """Offered together with older ones, in any order, *version* is selected, if the server has it at all."""
    label = version_label(version)
    if version not in seen.known_versions:
        return passes(f"server does not negotiate {label} at all, so there is nothing to prefer.")
    taken = answered(seen)
    older = [hello for hello in taken if hello.version != version]
    if older:
        return fails(
            f"server selected {version_label(older[0].version)} although {label} was offered "
            f"({older[0].offered}); prefer the newest version that both sides have.",
            expected=label,
            observed=version_label(older[0].version),
        )
    if len(taken) < len(seen.hellos):
        return undecided(f"server refused an offer of {label} and older versions: {answers(seen)}.")
    return passes(f"server selected {label} in each of {len(taken)} offers.", observed=label)


@check
def avoids_versions(seen: HellosSeen, *, versions: Sequence[str]) -> Judgement:
    """Hold if the server answers with none of *versions*, however it answers."""
    wrong = [hello for hello in answered(seen) if hello.version in versions]
    if wrong:
        return fails(
            f"server selected {version_label(wrong[0].version)} although "
            f"{version_label(wrong[0].versions[0])} was offered.",
            expected=f"none of {', '.join(map(version_label, versions))}",
            observed=[version_label(hello.version) for hello in wrong],
        )
    return unclear(seen) or passes(f"server answered {answers(seen)}.", observed=answers(seen))


@check
def accepts(seen: HellosSeen) -> Judgement:
    """Every offer is accepted."""
    silent = [hello for hello in seen.hellos if hello.outcome != "hello"]
    if not silent:
        return passes(f"server accepted each of {len(seen.hellos)} offers.", observed=answers(seen))
    if any(hello.outcome in REFUSALS for hello in silent):
        first = next(hello for hello in silent if hello.outcome in REFUSALS)
        return fails(
            f"server answered the offer '{first.offered}' with {answer(first)}.",
            expected="a ServerHello",
            observed=answers(seen),
        )
    return undecided(f"an offer was neither accepted nor refused: {answers(seen)}.")


@check
def refuses(seen: HellosSeen) -> Judgement:
    """Every offer is refused, by an alert or by closing, while good offers are accepted before and after."""
    taken = answered(seen)
    if taken:
        return fails(
            f"server accepted the offer '{taken[0].offered}' and selected {suite(taken[0])}.",
            expected="an alert or a closed connection",
            observed=answers(seen),
        )
    return unclear(seen) or passes(f"server refused: {answers(seen)}.", observed=answers(seen))


@check
def alerts(
    seen: HellosSeen, *, alerts: Sequence[int], or_refuses: bool = False, closes: bool = False
) -> Judgement:
    """Every offer is answered with a fatal alert out of *alerts*.

    *or_refuses* lets any refusal do, *closes* also wants the connection closed after the alert.
    """
    expected = f"fatal alert {' or '.join(names.alert_label(code) for code in alerts)}"
    taken = answered(seen)
    if taken:
        return fails(
            f"server went on with {suite(taken[0])} instead of answering with {expected}.",
            expected=expected,
            observed=answers(seen),
        )
    doubt = unclear(seen)
    if doubt is not None:
        return doubt
    other = [
        h
        for h in seen.hellos
        if not (h.outcome == "alert" and h.alert in alerts and h.alert_level == 2)
    ]
    if other and not or_refuses:
        return fails(
            f"server refused the offer '{other[0].offered}' with {answer(other[0])} instead of {expected}.",
            expected=expected,
            observed=answers(seen),
        )
    if closes and any(hello.closed is False for hello in seen.hellos):
        return fails(
            f"server sent {expected} and left the connection open.",
            expected=f"{expected}, then a closed connection",
            observed="open connection",
        )
    return passes(f"server answered {answers(seen)}.", expected=expected, observed=answers(seen))


@check
def survives(seen: HellosSeen) -> Judgement:
    """After the damaged hello a good one is accepted as before."""
    what = seen.hellos[0].offered if seen.hellos else "the hello"
    if seen.after.ok:
        return passes(f"server accepted a good offer after a {what}.", observed=seen.after.answer)
    return fails(
        f"server did not accept a good offer after a {what}: {seen.after.answer}; a malformed handshake "
        "must not take the service down.",
        expected="a ServerHello within the deadline",
        observed=seen.after.answer,
        findings=[Finding("availability", Word.FAIL, f"service lost after a {what}")],
    )
