"""Checks of audit messages (PS3.15 A.5): one judgement per clause, one finding per message."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from part15.model import Finding, Judgement, Word, does_not_apply, fails, informs, passes, undecided
from part15.observations import Many, Member
from part15.observations.audit import (
    ANOTHER,
    AuditDeclared,
    AuditMessageSeen,
    AuditStorySeen,
    AuditTrailSeen,
)
from part15.registry import check
from part15.wire.audit_fields import PERSON
from part15.wire.audit_flaw import Flaw
from part15.wire.audit_judge import NEWEST, Examined, examine
from part15.wire.audit_tables import rows

Trail = AuditTrailSeen | AuditStorySeen | Many[AuditMessageSeen] | AuditMessageSeen
"""What the message clauses judge: what a source sent, or the messages of files."""

LISTED = 200
"""Findings that a judgement keeps."""


@dataclass(frozen=True)
class _Heard:
    """The messages of a trail, examined, with what else is known about it."""

    members: tuple[tuple[str, Examined], ...]
    declared: AuditDeclared
    caused: tuple[str, ...]
    more: int
    broken: dict[str, int]
    kinds: dict[str, int]


def heard(seen: Trail, edition: str) -> _Heard:
    """Return the messages of *seen*, each examined by the rules of *edition*."""
    if isinstance(seen, AuditStorySeen):
        seen = seen.trail
    if isinstance(seen, AuditTrailSeen):
        members = tuple(Member(m.name, m) for m in seen.messages)
        rest = (seen.declared, seen.caused, seen.more, seen.broken, seen.kinds)
    else:
        members = seen.members if isinstance(seen, Many) else (Member(seen.name, seen),)
        rest = (AuditDeclared(), (), 0, {}, {})
    examined = tuple(
        (m.subject, examine(m.seen.data, m.seen.carrier, edition, m.seen.size)) for m in members
    )
    return _Heard(examined, *rest)


def not_exercised(event: str, trail: _Heard) -> Judgement:
    """Answer for the message type *event* of which no message was seen: silence proves nothing."""
    row = rows().get(event)
    name = f"({event}, DCM, {row['title']})" if row else f"({event}, DCM)"
    declared = trail.declared.events
    if declared is not None and event not in declared:
        return does_not_apply(
            f"the declared list of events leaves out {name}", observed="not declared"
        )
    if declared is not None and event in trail.caused:
        return fails(
            f"no message with EventID {name} was seen, although it is declared as enabled and the "
            "product was made to do what it reports",
            expected=f"a message with EventID {name}",
            observed=f"{len(trail.members)} other messages",
        )
    return undecided(
        f"not exercised: no message with EventID {name} was seen; make the product do what it reports "
        "while the harness listens, or leave the event out of the declared list",
        observed=f"{len(trail.members)} other messages",
    )


def beyond(trail: _Heard, what: str) -> Judgement | None:
    """Answer for a trail of which not every message was kept: *what* is then not known of the others."""
    if not trail.more:
        return None
    return undecided(
        f"{trail.more} messages beyond the first {len(trail.members)} were not searched for {what}; let the "
        "product send fewer",
        observed=f"{trail.more} more",
    )


def judged(
    faulty: Sequence[tuple[str, Flaw]], total: int, more: int, *, what: str, kept: str
) -> Judgement:
    """Return the judgement of *total* messages with these flaws; *more* further ones break the rule."""
    findings = [Finding(n, f.word, f.sentence, f.expected, f.observed) for n, f in faulty[:LISTED]]
    readings = tuple(sorted({r for _, f in faulty for r in f.readings}))
    grave = [(n, f) for n, f in faulty if f.word is Word.FAIL]
    extra = f"; {more} further messages beyond those kept" if more else ""
    if grave or more:
        names = len({n for n, _ in grave})
        first = f"; first: {grave[0][0]}: {grave[0][1].sentence}" if grave else ""
        return fails(
            f"{names} of {total} messages break the rule on {what}{extra}{first}",
            expected=grave[0][1].expected if grave else "",
            observed=grave[0][1].observed if grave else f"{more} messages",
            findings=findings,
            rests_on=readings,
        )
    if faulty:
        name, flaw = faulty[0]
        names = len({n for n, _ in faulty})
        message = f"{names} of {total} messages depart from the rule on {what} in a way that is tolerated; first: {name}: {flaw.sentence}"
        return Judgement(
            Word.WARN, message, flaw.expected, flaw.observed, tuple(findings), readings
        )
    return passes(kept, observed=f"{total} messages")


def _unread(members: Iterable[tuple[str, Examined]]) -> list[Finding]:
    return [
        Finding(name, Word.INCONCLUSIVE, f"the message could not be read: {e.refused}")
        for name, e in members
        if e.message is None
    ]


def _matching(rules: Sequence[str], apart: Sequence[str]) -> Callable[[str], bool]:
    """Return whether a rule is one of *rules*, of which a trailing ``*`` makes a pattern."""
    exact = frozenset(rules) - frozenset(apart)
    stems = tuple(rule[:-1] for rule in rules if rule.endswith("*"))
    return lambda rule: (
        rule in exact or (bool(stems) and rule.startswith(stems) and rule not in apart)
    )


@check
def obeys(
    seen: Trail,
    *,
    rules: Sequence[str],
    what: str,
    edition: str = NEWEST,
    event: str = "",
    apart: Sequence[str] = (),
    absent: str = "undecided",
) -> Judgement:
    """No message breaks one of *rules* (a trailing ``*`` is a pattern), those *apart* left out.

    *event* keeps the messages of one EventID code. Where no message has what the rules are about,
    *absent* says whether that obeys (``passes``: the clause allows absence) or decides nothing.
    Messages that cannot be read break only the rules about form; for others they decide nothing.
    """
    trail = heard(seen, edition)
    if not trail.members:
        return undecided(
            "no audit message was seen; make the product send one while the harness listens"
        )
    chosen = [(n, e) for n, e in trail.members if not event or e.kind == event]
    if event and not chosen and not trail.kinds.get(event):
        return not_exercised(event, trail)
    about = _matching(rules, apart)
    faulty = [(n, f) for n, e in chosen for f in e.flaws if about(f.rule)]
    more = sum(count for rule, count in trail.broken.items() if about(rule))
    met = sum(any(map(about, e.met)) for _, e in chosen)
    unread = _unread(chosen)
    if faulty or more:
        return judged(faulty, len(chosen), more, what=what, kept="")
    if not met and len(unread) == len(chosen):
        return undecided(
            f"none of the {len(chosen)} messages could be read, so nothing is known of {what}",
            findings=unread,
        )
    if not met and absent != "passes":
        return undecided(
            f"not exercised: none of {len(chosen)} messages has {what}",
            observed=f"{len(chosen)} messages",
        )
    if not met:
        return passes(
            f"none of {len(chosen)} messages has {what}, which is allowed", observed="absent"
        )
    note = f"; {len(unread)} messages could not be read" if unread else ""
    return passes(
        f"{met} of {len(chosen)} messages show {what}, and all obey{note}",
        observed=f"{met} messages",
        findings=unread,
    )


@check
def names_one_source(seen: Trail, *, edition: str = NEWEST) -> Judgement:
    """AuditSourceID is there in every message, and the same in all (A.5.2)."""
    trail = heard(seen, edition)
    readable = [(n, e) for n, e in trail.members if e.message is not None]
    if not readable:
        return undecided(
            "no readable audit message was seen; make the product send one while the harness listens"
        )
    faulty = [(n, f) for n, e in readable for f in e.of(("AUD-FMT-041",))]
    if faulty:
        return judged(faulty, len(readable), 0, what="AuditSourceID", kept="")
    names: dict[str, str] = {}
    for subject, e in readable:
        assert e.message is not None
        names.setdefault(e.message.source.get("AuditSourceID", "").strip(), subject)
    another = trail.broken.get(ANOTHER, 0)
    if another and len(names) == 1:
        return fails(
            f"{another} messages beyond those kept name another audit source than the first one",
            expected="one AuditSourceID",
            observed=f"{another} messages with another",
        )
    if len(names) > 1:
        return fails(
            f"the messages name {len(names)} different audit sources, although one system sent them; "
            "keep AuditSourceID constant",
            expected="one AuditSourceID",
            observed=f"{len(names)} of them",
            findings=[
                Finding(n, Word.FAIL, "another AuditSourceID begins here")
                for n in list(names.values())[1:]
            ],
        )
    return passes(
        f"all {len(readable)} messages name the same audit source", observed="one AuditSourceID"
    )


@check
def names_person_and_process(
    seen: Trail, *, event: str, role: str = "", edition: str = NEWEST
) -> Judgement:
    """A message of *event* names the person and the process, if the source knows both.

    The trail itself shows what is known: a process that reported its start, a person that logged
    in. *role* is the RoleIDCode of the block, empty if it takes every participant.
    """
    trail = heard(seen, edition)
    chosen = [(n, e) for n, e in trail.members if e.kind == event and e.message is not None]
    if not chosen:
        return not_exercised(event, trail)
    process = any(e.kind == "110100" for _, e in trail.members)
    login = any(e.kind == "110114" for _, e in trail.members)
    findings = []
    open_ = 0
    both = 0
    for name, e in chosen:
        assert e.message is not None
        block = [p for p in e.message.participants if not role or p.has_role(role)]
        persons = [p for p in block if PERSON.match(p.get("UserID"))]
        if len(block) > 1:
            both += 1
        elif persons and process:
            text = "only a person is named, although the source reported its own process by an Application Activity message"
            findings.append(
                Finding(name, Word.FAIL, text, "person and process", "the person alone")
            )
        elif block and not persons and login:
            open_ += 1
            text = "only a process is named, although a person had logged in; see whether that person did it"
            findings.append(
                Finding(name, Word.REVIEW, text, "person and process", "the process alone")
            )
        else:
            open_ += 1
    if any(f.word is Word.FAIL for f in findings):
        return fails(
            f"{sum(f.word is Word.FAIL for f in findings)} of {len(chosen)} messages leave out the process that the source knows",
            expected="two participants",
            observed="one participant",
            findings=findings,
        )
    if open_:
        return undecided(
            f"{open_} of {len(chosen)} messages name one participant, and nothing shows that the other was known; "
            "have a logged-in test user do it",
            findings=findings,
        )
    return passes(f"all {both} messages name person and process", observed="two participants")


@check
def tells_message_id(seen: Trail, *, edition: str = NEWEST) -> Judgement:
    """Say which MSGID the messages carry; the proposal of A.6 and A.7 is a permission (reading S-20)."""
    trail = heard(seen, edition)
    ids = sorted(
        {e.syslog.msgid for _, e in trail.members if e.syslog is not None and e.syslog.msgid}
    )
    if not ids:
        return undecided("no message came by syslog, so no MSGID was seen")
    faulty = [(n, f) for n, e in trail.members for f in e.of(("msgid-name",))]
    if faulty:
        known = [f for _, f in faulty if f.word is Word.WARN]
        if len(known) == len(faulty):
            return judged(faulty, len(trail.members), 0, what="MSGID", kept="")
        return fails(
            f"the MSGID is {', '.join(ids[:5])}, not the proposed DICOM+RFC3881",
            expected="DICOM+RFC3881",
            observed=ids[:5],
            rests_on=("S-20",),
        )
    return passes("every MSGID is DICOM+RFC3881", observed=ids)


@check
def tells_authentications(seen: Trail, *, edition: str = NEWEST) -> Judgement:
    """Say whether successful and failed authentications are reported (A.5.3.12, a permission)."""
    trail = heard(seen, edition)
    outcomes = [
        e.message.event.get("EventOutcomeIndicator", "").strip() == "0"
        for _, e in trail.members
        if e.kind == "110114" and e.message is not None
    ]
    if not outcomes:
        return not_exercised("110114", trail)
    good, bad = outcomes.count(True), outcomes.count(False)
    return informs(
        f"{good} successful and {bad} failed authentications are reported",
        observed=f"{good} and {bad}",
    )
