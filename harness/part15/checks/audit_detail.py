"""Checks of the level of detail: what of the events on the wire can be rebuilt from the messages alone (PS3.15 A.5.2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from part15.checks.audit import heard
from part15.checks.audit_story import TRANSFERRED, studies_of
from part15.model import Judgement, fails, passes, undecided
from part15.observations.audit import AuditStorySeen
from part15.registry import check
from part15.wire.audit_judge import NEWEST
from part15.wire.audit_schema import date_time

Event = tuple[str, str]
"""Study Instance UID and SOP Instance UID (empty at the study level)."""


def _happened(seen: AuditStorySeen) -> Iterator[Event]:
    """Yield what was transferred, in its order, as the harness saw it."""
    for deed in seen.deeds:
        if deed.kind in ("store", "retrieve") and deed.done and len(deed.studies) == 1:
            for uid in deed.instances:
                yield deed.studies[0], uid


def _told(seen: AuditStorySeen, edition: str, studies: set[str]) -> list[Event]:
    """Return what the messages tell of *studies*, ordered by EventDateTime and arrival; nothing else is used."""
    found: list[tuple[float, int, list[Event]]] = []
    for at, (_, e) in enumerate(heard(seen, edition).members):
        m = e.message
        if m is None or m.kind != TRANSFERRED:
            continue
        read = date_time(m.event.get("EventDateTime", ""))
        if m.event.get("EventOutcomeIndicator", "").strip() != "0" or read is None:
            continue
        events: list[Event] = []
        for o in studies_of(m):
            study = o.get("ParticipantObjectID")
            listed = [uid for c in o.sop_classes for uid in c.instances]
            events += [(study, uid) for uid in listed or [""] if study in studies]
        found.append((read[0].timestamp(), at, events))
    return [event for _, _, events in sorted(found) for event in events]


def _order(events: Iterable[Event]) -> list[str]:
    """Return the studies of *events* as they change."""
    found: list[str] = []
    for study, _ in events:
        if not found or found[-1] != study:
            found.append(study)
    return found


@check
def rebuilds(seen: AuditStorySeen, *, edition: str = NEWEST) -> Judgement:
    """The transfers can be rebuilt from the messages alone, at the level declared for 110104.

    At the instance level (forensic) each instance is told as often as it was transferred; at the study
    level (surveillance) only the studies and their order, and no list of instances is expected.
    """
    level = (seen.trail.declared.detail or {}).get(TRANSFERRED)
    really = list(_happened(seen))
    if not really:
        return undecided("not exercised: nothing was transferred")
    said = _told(seen, edition, {study for study, _ in really})
    if level not in ("instance", "study"):
        listed = any(uid for _, uid in said)
        measured = ("instance" if listed else "study") if said else "none"
        return undecided(
            f'not declared; add [declared.audit.detail] {TRANSFERRED} = "instance" or "study" to the target file '
            f"(measured: {measured})",
            observed=measured,
        )
    if not said and not any(e.kind == TRANSFERRED for _, e in heard(seen, edition).members):
        return undecided("not exercised: no message reported a transfer while the harness acted")
    if level == "study":
        if _order(said) != _order(really):
            return fails(
                "the studies cannot be rebuilt from the messages: other ones, or in another order",
                expected=f"{len(_order(really))} changes of study",
                observed=f"{len(_order(said))} changes of study",
            )
        return passes(
            f"{len(_order(said))} transfers of studies are told in their order",
            observed="study level",
        )
    due, told = Counter(really), Counter(said)
    lacking, invented = sum((due - told).values()), sum((told - due).values())
    if lacking or invented or _order(said) != _order(really):
        return fails(
            f"the transfers cannot be rebuilt from the messages: {lacking} instances are not told, {invented} that "
            "were not transferred are, or the order differs",
            expected=f"{len(really)} instances",
            observed=f"{len(said)} instances",
        )
    return passes(
        f"{len(said)} transferred instances can be rebuilt from the messages alone, in their order of studies",
        observed="instance level",
    )
