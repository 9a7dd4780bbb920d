"""Checks of what the Conformance Statement says about audit, against what was seen (PS3.15 A.5 to A.7)."""

from __future__ import annotations

from part15.checks.audit import Trail, beyond, heard
from part15.model import Finding, Judgement, Word, fails, passes, undecided
from part15.observations.audit import AuditMessageSeen, AuditStorySeen, AuditTrailSeen
from part15.observations.statement import DeclarationSeen
from part15.registry import check
from part15.wire.audit_judge import NEWEST, Examined

STANDARD = ("DCM", "RFC-3881", "RFC3881")


def _undeclared(key: str, example: str) -> Judgement:
    return undecided(
        f"not declared; add [declared] {key} to the target file ({example}), with what the Conformance "
        "Statement says",
        expected=key,
        observed="not declared",
    )


def _extensions(e: Examined) -> set[str]:
    """Return the codes of a message that are none of the standard's code systems."""
    if e.message is None:
        return set()
    m = e.message
    codes = [
        *([m.event_id] if m.event_id else []),
        *m.event_types,
        *(role for p in m.participants for role in p.roles),
        *(o.id_type for o in m.objects if o.id_type is not None),
    ]
    return {c.code for c in codes if c.system and c.system not in STANDARD}


@check
def lists_extensions(seen: Trail, *, edition: str = NEWEST) -> Judgement:
    """Every code of another code system that a message carries is listed as an extension (A.5 b)."""
    trail = heard(seen, edition)
    declared = trail.declared.extensions
    found = {code: name for name, e in trail.members for code in sorted(_extensions(e))}
    if declared is None:
        return _undeclared("audit.extensions", "an empty list if there are none")
    missing = {code: name for code, name in found.items() if code not in declared}
    if missing:
        return fails(
            f"{len(missing)} codes outside the standard were sent, but are not listed as extensions; "
            "list them in the Conformance Statement",
            expected=declared,
            observed=sorted(missing)[:10],
            findings=[
                Finding(n, Word.FAIL, f"code {c[:32]} is not listed") for c, n in missing.items()
            ],
        )
    return beyond(trail, "codes outside the standard") or passes(
        f"{len(found)} codes outside the standard were sent, and all are listed",
        expected=declared,
        observed=sorted(found)[:10],
    )


@check
def lists_events(seen: Trail, *, edition: str = NEWEST) -> Judgement:
    """Every EventID that was captured is in the declared list of events (A.5 c)."""
    trail = heard(seen, edition)
    declared = trail.declared.events
    if declared is None:
        return _undeclared("audit.events", "a list of EventID codes such as 110104")
    if not declared:
        return fails(
            "the declared list of events is empty", expected="EventID codes", observed="none"
        )
    kinds = {e.kind for _, e in trail.members if e.kind} | set(trail.kinds)
    missing = sorted(kinds - set(declared))
    if missing:
        return fails(
            f"messages with EventID {', '.join(missing[:10])} were sent, but the declared list leaves them out; "
            "complete the list in the Conformance Statement",
            expected=declared,
            observed=sorted(kinds)[:20],
        )
    return passes(
        f"the declared list has {len(declared)} events; all {len(kinds)} kinds that were sent are in it",
        expected=declared,
        observed=sorted(kinds)[:20],
    )


@check
def lists_structured_data(
    seen: AuditTrailSeen | AuditStorySeen, *, key: str, edition: str = NEWEST
) -> Judgement:
    """Every SD-ID that was captured is in the declared list (A.6 b, A.7 b)."""
    trail = heard(seen, edition)
    declared = trail.declared.structured_data
    if declared is None:
        return _undeclared(key, "an empty list if none is generated")
    found = {n for _, e in trail.members if e.syslog is not None for n in e.syslog.structured}
    missing = sorted(found - set(declared))
    if missing:
        return fails(
            f"STRUCTURED-DATA {', '.join(missing[:10])} was sent, but is not declared",
            expected=declared,
            observed=sorted(found)[:20],
        )
    return beyond(trail, "STRUCTURED-DATA") or passes(
        f"{len(found)} SD-IDs were sent, all declared",
        expected=declared,
        observed=sorted(found)[:20],
    )


@check
def states_size(
    seen: AuditTrailSeen | AuditStorySeen, *, key: str, least: int = 0, edition: str = NEWEST
) -> Judgement:
    """The declared maximum size is at least *least* octets, and no captured message is larger (A.6 d)."""
    del edition
    trail = seen.trail if isinstance(seen, AuditStorySeen) else seen
    declared = trail.declared.max_size
    largest = max(trail.largest, *(size_of(m) for m in trail.messages), 0)
    if declared is None:
        return _undeclared(key, "octets")
    if declared < least:
        return fails(
            f"the declared maximum of {declared} octets is less than the {least} that are to be supported",
            expected=f"{least} or more",
            observed=declared,
        )
    if largest > declared:
        return fails(
            f"a message of {largest} octets was sent, although the declared maximum is {declared}",
            expected=f"at most {declared}",
            observed=largest,
        )
    return passes(
        f"the declared maximum is {declared} octets; the largest message had {largest}",
        expected=f"{least} or more",
        observed=declared,
    )


def size_of(message: AuditMessageSeen) -> int:
    """Return the true size of *message* in octets."""
    return message.size or len(message.data)


@check
def claims_both(seen: DeclarationSeen) -> Judgement:
    """Both transports, TLS and UDP, are claimed (RFC 5424 5.1: TLS must, UDP should be supported)."""
    names = ("dicom-audit-syslog-tls", "dicom-audit-syslog-udp")
    claimed = [name for name in names if name in seen.claims]
    if len(claimed) == len(names):
        return passes("both syslog transports are claimed", expected=names, observed=claimed)
    return fails(
        f"only {' and '.join(claimed) or 'neither transport'} is claimed; RFC 5424 has implementations support "
        "TLS and recommends UDP beside it",
        expected=names,
        observed=claimed,
    )
