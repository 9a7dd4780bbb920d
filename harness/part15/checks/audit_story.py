"""Checks whether the audit trail tells what really happened (PS3.15 A.5): messages against seen deeds."""

from __future__ import annotations

from collections.abc import Iterator

from part15.checks.audit import beyond, heard
from part15.model import Finding, Judgement, Word, fails, passes, undecided
from part15.observations.audit import AuditStorySeen, DeedSeen
from part15.registry import check
from part15.wire.audit_judge import NEWEST
from part15.wire.audit_message import AuditObject, Message
from part15.wire.audit_schema import date_time

TRANSFERRED, BEGIN, QUERY, ALERT, LOGIN = "110104", "110102", "110112", "110113", "110114"
ACCESSED, DELETED, EXPORT, ACTIVITY = "110103", "110105", "110106", "110100"
REPORTS = {
    "store": (TRANSFERRED, BEGIN),
    "query": (QUERY,),
    "refuse": (ALERT,),
    "tls-fail": (ALERT,),
    "retrieve": (TRANSFERRED, BEGIN, ACCESSED),
    "delete": (DELETED, ACCESSED),
    "login": (LOGIN,),
    "login-fail": (LOGIN, ALERT),
    "export": (EXPORT,),
    "start": (ACTIVITY,),
    "stop": (ACTIVITY,),
}
"""The EventID codes that report a deed; messages of other types may be about something else."""
DUE = {
    "store": (TRANSFERRED,),
    "query": (QUERY,),
    "retrieve": (TRANSFERRED, ACCESSED),
    "delete": (DELETED,),
    "login-fail": (LOGIN,),
    "login": (LOGIN,),
    "export": (EXPORT,),
    "start": (ACTIVITY,),
    "stop": (ACTIVITY,),
}
"""The EventID codes of which one tells a deed, if it is declared as reported."""
Told = tuple[DeedSeen, str, Message]


def told(seen: AuditStorySeen, edition: str) -> Iterator[Told]:
    """Yield every readable message with its deed: that of its study, else the one during which it arrived."""
    messages = {n: e.message for n, e in heard(seen, edition).members if e.message is not None}
    for deed in seen.deeds:
        for name in deed.heard:
            if name in messages:
                yield _deed_of(messages[name], deed, seen.deeds), name, messages[name]


def _deed_of(m: Message, arrived: DeedSeen, deeds: tuple[DeedSeen, ...]) -> DeedSeen:
    """Return the deed that *m* is about: a late message belongs to the last earlier deed with its study."""
    named = {o.get("ParticipantObjectID") for o in m.objects}
    if m.kind not in (TRANSFERRED, BEGIN) or named & set(arrived.studies):
        return arrived
    owners = [
        d
        for d in deeds
        if d.kind == "store" and d.began <= arrived.began and named & set(d.studies)
    ]
    return owners[-1] if owners else arrived


def studies_of(m: Message) -> list[AuditObject]:
    """Return the objects of *m* that are studies."""
    return [o for o in m.objects if o.is_study]


def transfers(seen: AuditStorySeen, edition: str, *kinds: str) -> list[Told]:
    """Return the messages of *kinds* (transferred, unless named) about stores and retrievals that were done."""
    wanted = kinds or (TRANSFERRED,)
    return [
        (d, n, m)
        for d, n, m in told(seen, edition)
        if m.kind in wanted and d.kind in ("store", "retrieve") and d.done
    ]


def answered(
    findings: list[Finding], told: int, *, what: str, kept: str, missing: str
) -> Judgement:
    """Judge *told* messages about *what*: findings fail, none at all is not exercised."""
    if findings:
        first = findings[0]
        return fails(
            f"{len({f.subject for f in findings})} of {told} messages tell another story about {what}; "
            f"first: {first.subject}: {first.message}",
            expected=first.expected,
            observed=first.observed,
            findings=findings,
        )
    if not told:
        return undecided(f"not exercised: {missing}")
    return passes(kept, observed=f"{told} messages")


def finding(name: str, message: str, expected: object, observed: object) -> Finding:
    """Return a failing finding about the message *name*."""
    return Finding(name, Word.FAIL, message, str(expected), str(observed))


NO_TRANSFER = "no message reported a transfer while the harness stored instances"


@check
def tells_time(seen: AuditStorySeen, *, tolerance: float, edition: str = NEWEST) -> Judgement:
    """EventDateTime is the time of the deed, by the harness's clock, within *tolerance* seconds (A.5.2.5)."""
    findings, count = [], 0
    for deed, name, m in told(seen, edition):
        read = date_time(m.event.get("EventDateTime", ""))
        if read is None or not deed.done or m.kind not in REPORTS.get(deed.kind, ()):
            continue
        count += 1
        moment = read[0].timestamp()
        early, late = deed.began - tolerance - moment, moment - deed.ended - tolerance
        if early > 0 or late > 0:
            off = moment - deed.began
            text = f"EventDateTime is {off:+.1f} s from the beginning of the {deed.kind}"
            findings.append(
                finding(name, text, f"within {tolerance:g} s of the event", f"{off:+.1f} s")
            )
    return answered(
        findings, count, what="the time", kept=f"{count} messages name the time of their event",
        missing="no message arrived during a deed of the harness",
    )  # fmt: skip


@check
def tells_completion(seen: AuditStorySeen, *, tolerance: float, edition: str = NEWEST) -> Judgement:
    """DICOM Instances Transferred names the time at which the transfer completed (A.5.3.7).

    Only a transfer much longer than *tolerance* (seconds) can show it.
    """
    findings, count = [], 0
    for deed, name, m in transfers(seen, edition):
        read = date_time(m.event.get("EventDateTime", ""))
        if read is None or deed.last - deed.began < 2 * tolerance:
            continue
        count += 1
        short = deed.last - tolerance - read[0].timestamp()
        if short > 0:
            text = f"EventDateTime is {short + tolerance:.1f} s before the last C-STORE response"
            findings.append(
                finding(name, text, "the completion of the transfer", "an earlier time")
            )
    return answered(
        findings, count, what="the completion", kept=f"{count} slow transfers are told at their completion",
        missing="no message reported a slow transfer",
    )  # fmt: skip


@check
def tells_novelty(seen: AuditStorySeen, *, edition: str = NEWEST) -> Judgement:
    """A receiver reports C for instances that it did not have, R for identical ones, a sender R (A.5.3.7)."""
    wanted = {"new": "C", "same": "R", "sent": "R"}
    findings, count = [], 0
    for deed, name, m in transfers(seen, edition):
        expected = wanted.get(deed.novelty)
        action = m.event.get("EventActionCode", "").strip()
        if expected is None or deed.failures:
            continue
        count += 1
        if action != expected:
            text = (
                f"EventActionCode is {action or 'missing'} for instances that were {deed.novelty}"
            )
            findings.append(finding(name, text, expected, action))
    return answered(
        findings, count, what="what the receiver had", kept=f"{count} messages tell it rightly",
        missing=NO_TRANSFER,
    )  # fmt: skip


@check
def tells_counts(seen: AuditStorySeen, *, edition: str = NEWEST) -> Judgement:
    """NumberOfInstances per SOP Class is what was transferred, summed over the messages of a transfer (A.5.3.7)."""
    findings, count = [], 0
    groups: dict[tuple[int, str], tuple[DeedSeen, str, dict[str, int]]] = {}
    for deed, name, m in transfers(seen, edition, TRANSFERRED, BEGIN):
        listed = [
            c
            for o in studies_of(m)
            if o.get("ParticipantObjectID") in deed.studies
            for c in o.sop_classes
        ]
        if not listed or len(deed.studies) != 1 or deed.failures:
            continue
        count += 1
        _, _, numbers = groups.setdefault((id(deed), m.kind), (deed, name, {}))
        for c in listed:
            text = (c.number or "").strip()
            numbers[c.uid] = numbers.get(c.uid, 0) + (int(text[:18]) if text.isdecimal() else 0)
    for deed, name, numbers in groups.values():
        given = {uid: n for uid, n in numbers.items() if uid}
        total, really = sum(numbers.values()), sum(deed.classes.values())
        if (given and given != deed.classes) or total != really:
            message = f"{total} instances are told, {really} were transferred"
            findings.append(finding(name, message, really, total))
    return answered(
        findings, count, what="the number of instances", kept=f"{count} messages count rightly",
        missing="no message about a transfer counted instances",
    )  # fmt: skip


@check
def splits_results(seen: AuditStorySeen, *, edition: str = NEWEST) -> Judgement:
    """A transfer that partly failed is told by two messages, one for each result (A.5.2)."""
    mixed = [d for d in seen.deeds if d.kind == "store" and d.failures and d.classes]
    if not mixed:
        return undecided(
            "not exercised: the product took every instance, so no transfer failed in part",
            observed="no failure",
        )
    findings, count = [], 0
    for deed in mixed:
        outcomes = {
            m.event.get("EventOutcomeIndicator", "").strip()
            for d, _, m in told(seen, edition)
            if d is deed and m.kind == TRANSFERRED
        }
        if not outcomes:
            continue
        count += 1
        if "0" not in outcomes or outcomes == {"0"}:
            text = f"one of two results is missing: outcomes {', '.join(sorted(outcomes))}"
            findings.append(
                finding(
                    "transfer with failures", text, "0 and a failure", ", ".join(sorted(outcomes))
                )
            )
    return answered(
        findings, count, what="a partly failed transfer", kept="successes and failures are told apart",
        missing="no message reported the transfer that failed in part",
    )  # fmt: skip


@check
def tells_outcome(seen: AuditStorySeen, *, edition: str = NEWEST) -> Judgement:
    """Success is told as success, and a failed login or a refused peer is not (A.5.2)."""
    findings, count = [], 0
    for deed, name, m in told(seen, edition):
        outcome = m.event.get("EventOutcomeIndicator", "").strip()
        refused = deed.kind in ("refuse", "tls-fail", "login-fail") and m.kind in (
            ALERT,
            LOGIN,
            TRANSFERRED,
        )
        succeeded = (
            deed.kind in ("store", "query", "retrieve", "delete")
            and m.kind in (TRANSFERRED, QUERY, DELETED)
            and not deed.failures
        )
        if not deed.done or not (refused or succeeded):
            continue
        count += 1
        if refused == (outcome == "0"):
            wanted = "not 0" if refused else "0"
            text = f"the outcome of a {deed.kind} that {'failed' if refused else 'succeeded'} is {outcome}"
            findings.append(finding(name, text, wanted, outcome))
    return answered(
        findings, count, what="the outcome", kept=f"{count} messages tell the outcome that was seen",
        missing="no message reported a deed whose outcome was seen",
    )  # fmt: skip


@check
def grades_alerts(seen: AuditStorySeen, *, edition: str = NEWEST) -> Judgement:
    """An alert about a peer that was refused has outcome 4 or 8: the mitigation worked (A.5.3.11)."""
    findings, count = [], 0
    for deed, name, m in told(seen, edition):
        if (
            m.kind != ALERT
            or deed.kind not in ("refuse", "tls-fail", "login-fail")
            or not deed.done
        ):
            continue
        count += 1
        outcome = m.event.get("EventOutcomeIndicator", "").strip()
        if outcome not in ("4", "8"):
            text = f"the outcome is {outcome}, though the peer was refused"
            findings.append(finding(name, text, "4 or 8", outcome))
    return answered(
        findings, count, what="refused peers", kept=f"{count} alerts have outcome 4 or 8",
        missing="no Security Alert was seen after a refused peer",
    )  # fmt: skip


@check
def tells_no_answers(seen: AuditStorySeen, *, edition: str = NEWEST) -> Judgement:
    """Query messages do not depend on what was found (A.5.3.10)."""
    shapes: dict[bool, set[tuple[int, int, tuple[str, ...]]]] = {}
    count = 0
    for deed, _, m in told(seen, edition):
        if m.kind == QUERY and deed.kind == "query" and deed.done:
            count += 1
            details = tuple(sorted(k for o in m.objects for k, _ in o.details))
            shapes.setdefault(deed.matches > 0, set()).add(
                (len(m.participants), len(m.objects), details)
            )
    if len(shapes) < 2:
        return undecided(
            "not exercised: Query messages were not seen for a query with and for one without answers"
        )
    if shapes[True] != shapes[False]:
        return fails(
            "the Query message of a query with answers differs from that of one without; leave the answers out",
            expected="the same content",
            observed="other participants or objects",
        )
    return passes(
        f"{count} Query messages do not depend on the answers", observed=f"{count} messages"
    )


@check
def tells_every_deed(seen: AuditStorySeen, *, edition: str = NEWEST) -> Judgement:
    """Each deed whose event is declared as reported is told by a message of that type (A.5 b, A.5.3)."""
    declared = seen.trail.declared.events
    if declared is None:
        return undecided(
            "not declared; add [declared] audit.events, the EventID codes that the product reports when enabled"
        )
    due = [(d, [c for c in DUE.get(d.kind, ()) if c in declared]) for d in seen.deeds if d.done]
    due = [(d, codes) for d, codes in due if codes]
    if not due:
        return undecided("not exercised: no deed of the harness is reported by a declared event")
    heard_by = {
        id(d): {m.kind for other, _, m in told(seen, edition) if other is d} for d, _ in due
    }
    silent = [
        finding(
            f"deed {seen.deeds.index(d) + 1} ({d.kind})",
            f"no message {' or '.join(codes)} was sent",
            " or ".join(codes),
            "none",
        )
        for d, codes in due
        if not heard_by[id(d)] & set(codes)
    ]
    if silent:
        unknown = beyond(heard(seen, edition), "the deeds that no kept message tells")
        if unknown is not None:
            return unknown
    return answered(
        silent, len(due), what="what was done", kept=f"all {len(due)} deeds are told",
        missing="no deed is reported by a declared event",
    )  # fmt: skip


@check
def tells_deletion(seen: AuditStorySeen, *, edition: str = NEWEST) -> Judgement:
    """A study of which every instance was deleted is told by DICOM Study Deleted, not by Instances Accessed (A.5.3.6)."""
    gone = [d for d in seen.deeds if d.kind == "delete" and d.done]
    if not gone:
        return undecided(
            "not exercised: no study was deleted; give the target an action 'delete' with a {study} slot"
        )
    findings, count = [], 0
    for deed, name, m in told(seen, edition):
        if deed not in gone or m.kind not in (DELETED, ACCESSED):
            continue
        if not {o.get("ParticipantObjectID") for o in studies_of(m)} & set(deed.studies):
            continue
        count += 1
        if m.kind == ACCESSED and m.event.get("EventActionCode", "").strip() == "D":
            text = "the deletion of a whole study is told as Instances Accessed with action D"
            findings.append(finding(name, text, f"EventID {DELETED}", f"EventID {ACCESSED}"))
    return answered(
        findings, count, what="a deleted study", kept="the deleted study is told by DICOM Study Deleted",
        missing="no message told of the study that was deleted",
    )  # fmt: skip
