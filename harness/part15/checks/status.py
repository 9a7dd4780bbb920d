"""Online Electronic Storage (PS3.15 A.1.1 a to h), judged by the model of its rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from part15.checks.status_words import NEEDS, linked, refuses, why_not
from part15.model import (
    Finding,
    Judgement,
    Word,
    does_not_apply,
    fails,
    informs,
    passes,
    undecided,
)
from part15.observations.status import (
    AlterationsSeen,
    AuthorizationSeen,
    CommitmentSeen,
    EventSeen,
    StatusSeen,
    StorySeen,
    TransferSeen,
)
from part15.registry import check
from part15.wire.status_model import AFTER, PRIMARY, RULES, broken, story

_READINGS = {"single-holder": ("T-04",), "from-plain": ("T-05",), "from-stranger": ("T-05",)}
_FAILURES = (0x0110, 0x0112, 0x0119, 0x0122, 0x0131, 0x0213)
_TOLD = 20


def _elsewhere(seen: Any) -> Judgement | None:
    if not seen.elsewhere:
        return None
    return does_not_apply(
        f"Online Electronic Storage is judged at the secure endpoint {seen.elsewhere}"
    )


def _status(value: str | None) -> str:
    return "no status" if value is None else f"'{value}'"


@check
def keeps_rules(seen: StatusSeen, *, rules: Sequence[str], annex_b: bool = False) -> Judgement:
    """No case that was followed breaks one of *rules* of the status model.

    A product that stores nothing that comes unprotected or from strangers keeps the rules for that,
    and one that sends them nothing keeps those. *annex_b*: the connection itself must be of Annex B.
    """
    elsewhere = _elsewhere(seen)
    if elsewhere:
        return elsewhere
    if seen.link:
        return linked(seen.link, annex_b=annex_b)
    wrong = [(c, rule, w) for rule in rules for c in seen.cases if (w := broken(c, rule))]
    readings = tuple(sorted({r for rule in rules for r in _READINGS.get(rule, ())}))
    if wrong:
        case, rule, words = wrong[0]
        return fails(
            f"{story(case)}: {words}",
            expected=RULES[rule].words,
            observed=_status(case.returned) if case.delivered else "nothing",
            findings=[Finding(r, Word.FAIL, f"{story(c)}: {w}") for c, r, w in wrong[:_TOLD]],
            rests_on=readings,
        )
    counts = {rule: sum(RULES[rule].applies(c) for c in seen.cases) for rule in rules}
    refused = [r for r, count in counts.items() if not count and refuses(seen, r)]
    missing = [r for r, count in counts.items() if not count and r not in refused]
    if missing:
        return undecided(why_not(seen, missing[0]))
    absent = [
        Finding(rule, Word.WARN, f"{story(c)}: set it to NS")
        for rule in rules
        for c in seen.cases
        if rule.startswith("from-") and RULES[rule].applies(c) and c.returned is None
    ]
    routes = sorted({c.route for c in seen.cases if c.delivered})
    told = [Finding(r, Word.INFO, f"it refuses {NEEDS[r]} altogether") for r in refused]
    return passes(
        f"{'; '.join(RULES[r].words for r in rules)} "
        f"({sum(counts.values())} cases; routes tried: {', '.join(routes)})",
        findings=[*absent, *told],
        rests_on=readings,
    )


def _right(event: EventSeen, said: str) -> bool:
    return event.ours and event.said == said


@check
def commits(seen: CommitmentSeen) -> Judgement:
    """Storage Commitment push model: N-ACTION is accepted, and N-EVENT-REPORT tells the truth."""
    elsewhere = _elsewhere(seen)
    if elsewhere:
        return elsewhere
    if not seen.offered:
        return fails(
            "the Storage Commitment Push Model SOP Class is not accepted; support it",
            expected="a presentation context",
            observed="none",
        )
    if seen.action != 0:
        said = "no response" if seen.action is None else f"status {seen.action:04X}H"
        return fails(
            f"the N-ACTION on the well-known instance got {said}",
            expected="0000H",
            observed=said,
        )
    foreign = [e for e in (*seen.events, *seen.unknown) if not e.ours]
    if foreign:
        return fails(
            "an N-EVENT-REPORT has a Transaction UID that we did not give",
            expected="our Transaction UID",
            observed="another one",
        )
    lied = [e for e in seen.unknown if e.said == "committed"]
    if lied:
        return fails(
            "an instance that was never stored was reported as committed",
            expected="a failure with reason 0112H",
            observed="committed",
        )
    reported = [e for e in seen.events if e.said != "nothing"]
    if not reported:
        return _unreported(seen)
    first = reported[0]
    if first.said == "failed":
        word = "" if first.reason in _FAILURES else ", which is not defined"
        return fails(
            f"the instance that was just stored was reported as failed with reason {first.reason:04X}H{word}",
            expected="committed",
            observed=f"failed, {first.reason:04X}H",
        )
    if first.event != 1:
        return fails(
            f"success was reported with Event Type {first.event}",
            expected="Event Type 1",
            observed=first.event,
        )
    findings = []
    if len(reported) > 1:
        findings.append(Finding("N-EVENT-REPORT", Word.WARN, f"it was sent {len(reported)} times"))
    if not any(_right(e, "failed") for e in seen.unknown):
        findings.append(
            Finding(
                "unknown instance", Word.WARN, "no failure was reported for an unknown instance"
            )
        )
    for about, events in {
        "unknown instance": seen.unknown,
        "another SOP class": seen.mismatch,
    }.items():
        findings += [
            Finding(about, Word.INFO, f"reported as failed with reason {e.reason:04X}H")
            for e in events
            if _right(e, "failed")
        ]
    if any(_right(e, "committed") for e in seen.mismatch):
        findings.append(
            Finding(
                "another SOP class",
                Word.WARN,
                "the instance was reported as committed under a SOP class that is not its own; report 0119H",
            )
        )
    return passes(
        f"N-ACTION got 0000H, and N-EVENT-REPORT came on the {first.route} association",
        observed=f"{len(reported)} reports",
        findings=findings,
    )


def _unreported(seen: CommitmentSeen) -> Judgement:
    if not seen.listened:
        return undecided(
            f"no N-EVENT-REPORT came on the same association within {seen.waited:g} s; give a listener whose "
            "ae_title the product knows, so that it can come on a new one"
        )
    return fails(
        f"no N-EVENT-REPORT came within {seen.waited:g} s, on the same association or a new one",
        expected="N-EVENT-REPORT",
        observed="none",
    )


@check
def discards_altered(seen: AlterationsSeen, *, statuses: Sequence[str]) -> Judgement:
    """What was altered in transmission is neither acknowledged nor kept (d.3, e.4; reading T-03)."""
    elsewhere = _elsewhere(seen)
    if elsewhere:
        return elsewhere
    judged = [c for c in seen.cases if c.status in statuses]
    for case in judged:
        if case.answered == 0:
            return fails(
                f"a C-STORE of status {case.status} was acknowledged although a record of it was altered",
                expected="no success",
                observed="0000H",
                rests_on=("T-03",),
            )
        if case.retrievable:
            return fails(
                f"an instance of status {case.status} can be retrieved although it was altered in transmission",
                expected="not stored",
                observed="retrievable",
                rests_on=("T-03",),
            )
    if not judged:
        return undecided("nothing could be altered: the connection is not protected by TLS")
    if not (seen.control and seen.after):
        return undecided("the unaltered control did not come back either, so nothing is proven")
    return passes(
        f"altered instances were not acknowledged ({judged[0].ended}) and are not retrievable",
        rests_on=("T-03",),
    )


@check
def relinquishes(seen: TransferSeen) -> Judgement:
    """After a confirmed transfer the product deletes its copy or sets it to NS, or AO to AC; else it keeps it."""
    if seen.received == "-":
        return undecided("the product did not transfer the instance; look at the action 'transfer'")
    if seen.received != seen.status:
        return undecided(
            f"the product sent {_status(seen.received)}, so it copied and did not transfer {seen.status}"
        )
    if seen.left == "not delivered":
        return undecided("the product does not say whether it still has the instance; look there")
    if seen.answer != "success":
        if seen.left == "gone":
            return fails(
                f"the product gave up its {seen.status} instance although the commitment was answered with {seen.answer}",
                expected="it keeps the instance",
                observed="gone",
            )
        return passes(f"without a confirmed commitment a partner still gets: {_status(seen.left)}")
    if not seen.asked:
        return undecided("the product asked for no commitment, so none was confirmed")
    if seen.again in PRIMARY:
        return fails(
            f"after the confirmed transfer of a {seen.status} instance the product handed it over once more, "
            f"with {_status(seen.again)}: there are two holders",
            expected="not OR, not AO",
            observed=_status(seen.again),
        )
    allowed = AFTER[seen.status]
    if seen.left not in allowed:
        return fails(
            f"after the confirmed transfer of a {seen.status} instance the product still has it with {_status(seen.left)}",
            expected=", ".join(_status(s) for s in allowed),
            observed=_status(seen.left),
        )
    return passes(f"after the confirmed transfer a partner gets: {_status(seen.left)}")


@check
def asks_for_commitment(seen: TransferSeen) -> Judgement:
    """A transfer of an OR or AO instance is followed by a request for storage commitment (d.4)."""
    if seen.received == "-":
        return undecided("the product did not transfer the instance; look at the action 'transfer'")
    if seen.received not in ("OR", "AO"):
        return undecided(f"the product sent {_status(seen.received)}: a copy, not a transfer")
    if not seen.asked:
        return fails(
            "the instance was transferred, but no N-ACTION of Storage Commitment came",
            expected="N-ACTION",
            observed="none",
        )
    return passes("the transfer was followed by a request for storage commitment")


@check
def authorizes(seen: AuthorizationSeen) -> Judgement:
    """Authorization makes OR an AO and keeps the SOP Instance UID; a partner then gets AC or AO (b.2)."""
    if seen.after == "-":
        return undecided("the instance was not delivered after the authorization")
    if not seen.uid_kept:
        return fails(
            "the SOP Instance UID changed with the authorization",
            expected="the same UID",
            observed="another",
        )
    if seen.after in ("AC", "AO"):
        return passes(f"after the authorization a partner gets {_status(seen.after)}")
    if seen.after in ("NS", None):
        return undecided(
            f"a partner gets {_status(seen.after)}, which a copy of an AO instance may have; look at the product"
        )
    return fails(
        f"after the authorization the status is {_status(seen.after)}",
        expected="AO, or AC in a copy",
        observed=_status(seen.after),
    )


@check
def records_authorization(seen: AuthorizationSeen) -> Judgement:
    """Authorization sets SOP Authorization DateTime and the certification number (b.3)."""
    if seen.after == "-":
        return undecided("the instance was not delivered after the authorization")
    if seen.after in ("NS", None) and seen.when == seen.number == "absent":
        return undecided("the copy has no status and nothing that belongs to it")
    wrong = {
        "(0100,0420) SOPAuthorizationDateTime": seen.when,
        "(0100,0426) AuthorizationEquipmentCertificationNumber": seen.number,
    }
    wrong = {k: v for k, v in wrong.items() if v != "right"}
    if wrong:
        name, how = next(iter(wrong.items()))
        return fails(
            f"{name} is {how} after the authorization; set it",
            expected="set",
            observed="; ".join(f"{k}: {v}" for k, v in wrong.items()),
        )
    return passes("date and time and the certification number are set")


@check
def tells_comment(seen: AuthorizationSeen) -> Judgement:
    """Record whether an authorization comment was added; a permission, never a violation."""
    words = f"has {seen.comment} octets" if seen.comment else "is absent"
    return informs(f"SOP Authorization Comment {words}")


@check
def survives_exploration(seen: StorySeen, *, rules: Sequence[str]) -> Judgement:
    """No sequence of events that was explored breaks one of *rules*; each violation is told as its shortest story."""
    elsewhere = _elsewhere(seen)
    if elsewhere:
        return elsewhere
    stories = {rule: seen.stories[rule] for rule in rules if rule in seen.stories}
    told = {r: "; ".join(s.words for s in steps if s.words) for r, steps in stories.items()}
    readings = tuple(sorted({r for rule in rules for r in _READINGS.get(rule, ())}))
    if told:
        rule, words = next(iter(told.items()))
        return fails(
            f"{words}: {stories[rule][-1].broke}",
            expected=RULES[rule].words,
            observed=f"{len(told)} rules are broken",
            findings=[
                Finding(r, Word.FAIL, f"{t}: {stories[r][-1].broke}") for r, t in told.items()
            ],
            rests_on=readings,
        )
    if not seen.delivered:
        return undecided(
            f"in {seen.tried} sequences of events no instance came back to anybody, so what did not come "
            "proves nothing; look at C-GET"
        )
    untried = [r for r in rules if not seen.applied.get(r)]
    if untried:
        return undecided(
            f"in {seen.tried} sequences of events nothing happened that this is about: "
            f"{RULES[untried[0]].words}; look at storage commitment, and at the listeners and actions of the target"
        )
    return passes(
        f"{seen.tried} sequences of events break none of these rules (seed {seen.seed})",
        observed=f"{seen.tried} sequences",
        rests_on=readings,
    )


@check
def tells_stories(seen: StorySeen) -> Judgement:
    """Record the shortest story of each rule that was broken; the clauses of the rules judge it."""
    elsewhere = _elsewhere(seen)
    if elsewhere:
        return elsewhere
    findings = [
        Finding(rule, Word.INFO, "; ".join(s.words for s in steps if s.words))
        for rule, steps in seen.stories.items()
    ]
    return informs(
        f"{seen.tried} sequences of events were explored; {len(findings)} rules were broken",
        findings=findings,
    )
