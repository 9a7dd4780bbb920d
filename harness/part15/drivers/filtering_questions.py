"""What is asked about the studies of a query-filtering policy: every way in which a product could leak them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from part15.bench import Bench
from part15.channel import services
from part15.channel.messages import Messages
from part15.channel.services import Instance, Query
from part15.channel.tls import Ended
from part15.drivers.filtering_plant import Garden, Planted
from part15.drivers.storage_lines import Inbox
from part15.observations.filtering import Answered
from part15.wire import writing
from part15.wire.elements import MalformedDataSet
from part15.wire.part10 import syntax_of
from part15.wire.trap_objects import new_uid

PATIENT_ID, PATIENT_NAME = 0x00100020, 0x00100010
STUDY, SERIES, INSTANCE = 0x0020000D, 0x0020000E, 0x00080018
COUNTS = {
    0x00201200: "studies",
    0x00201204: "instances",
    0x00201208: "instances",
}
"""Number of Patient Related Studies, of Patient Related Instances, and of Study Related Instances."""
_PATIENT = ((0x00201200, "IS"), (0x00201204, "IS"))
_STUDY = ((PATIENT_ID, "LO"), (0x00201208, "IS"))
GRACE = 0.3
"""Seconds in which an instance may still arrive after the last C-MOVE."""


@dataclass(frozen=True)
class Question:
    """One question about the studies *about*, in the information model *model*."""

    service: str
    text: str
    about: tuple[str, ...]
    query: Query
    model: str
    existing: bool = True


def questions(garden: Garden, title: str, *, moves: bool) -> tuple[Question, ...]:
    """Return the questions to the AE *title* about the studies it has; C-MOVE only where *moves*."""
    mine = [s for s in garden.studies if s.title == title]
    found = [*_finds(garden, mine)]
    for service, model, patient in (
        ("C-GET", services.GET, services.PATIENT_GET),
        ("C-MOVE", services.MOVE, services.PATIENT_MOVE),
    ):
        if service == "C-GET" or moves:
            found += _retrievals(service, model, patient, mine)
    return tuple(found)


def about_allowed(
    every: Sequence[Question], may: Sequence[str], service: str = "C-FIND"
) -> tuple[Question, ...]:
    """Return those of *every* that ask for one allowed study by its UID."""
    return tuple(
        q
        for q in every
        if q.service == service and q.text.startswith("study UID of") and set(q.about) <= set(may)
    )


def _finds(garden: Garden, mine: Sequence[Planted]) -> Iterator[Question]:
    def find(text: str, about: Sequence[Planted], query: Query, **more: bool) -> Question:
        model = services.PATIENT_FIND if "patient root" in text else services.FIND
        return Question("C-FIND", text, tuple(s.name for s in about), query, model, **more)

    for study in mine:
        wanted = Query(study.uid, level="STUDY", wanted=_STUDY)
        yield find(f"study UID of {study.name}", [study], wanted)
        wanted = Query(study.uid, level="SERIES", wanted=((SERIES, "UI"), (PATIENT_ID, "LO")))
        yield find(f"series of {study.name}", [study], wanted)
        if study.series:
            wanted = Query(study.uid, study.series, level="IMAGE", wanted=((INSTANCE, "UI"),))
            yield find(f"instances of {study.name}", [study], wanted)
    for patient, theirs in _patients(mine):
        key = ((PATIENT_ID, "LO", patient),)
        label = theirs[0].patient
        wanted = Query(level="PATIENT", keys=key, wanted=_PATIENT)
        yield find(f"patient ID of {label} (patient root)", theirs, wanted)
        wanted = Query(level="STUDY", keys=key, wanted=((STUDY, "UI"), (0x00201208, "IS")))
        yield find(f"studies of {label} (patient root)", theirs, wanted)
        wanted = Query(level="STUDY", keys=key, wanted=((STUDY, "UI"),))
        yield find(f"studies by the patient ID of {label}", theirs, wanted)
    returned = ((STUDY, "UI"),)
    for pattern in garden.id_patterns:
        wanted = Query(level="STUDY", keys=((PATIENT_ID, "LO", pattern),), wanted=returned)
        yield find(f"wildcard {pattern} for the patient ID", mine, wanted)
    if any(s.whole for s in mine):
        keys = ((PATIENT_NAME, "PN", garden.name_pattern),)
        wanted = Query(level="STUDY", keys=keys, wanted=(*returned, (PATIENT_ID, "LO")))
        yield find("wildcard for the patient name", mine, wanted)
    if len(mine) > 1:
        several = "\\".join(s.uid for s in mine)
        yield find("list of study UIDs", mine, Query(several, level="STUDY"))
    nothing = Query(new_uid(), level="STUDY", wanted=_STUDY)
    yield find("study UID that nobody has", [], nothing, existing=False)


def _patients(mine: Sequence[Planted]) -> list[tuple[str, list[Planted]]]:
    found: dict[str, list[Planted]] = {}
    for study in mine:
        if study.patient_id:
            found.setdefault(study.patient_id, []).append(study)
    return list(found.items())


def _retrievals(
    service: str, model: str, patient_model: str, mine: Sequence[Planted]
) -> Iterator[Question]:
    for study in mine:
        about = (study.name,)
        query = Query(study.uid, level="STUDY")
        yield Question(service, f"study UID of {study.name}", about, query, model)
        if study.uids:
            query = Query(study.uid, study.series, study.uids[0])
            yield Question(service, f"instance UID of {study.name}", about, query, model)
    for patient, theirs in _patients(mine):
        if all(s.whole for s in theirs):
            query = Query(level="PATIENT", keys=((PATIENT_ID, "LO", patient),))
            names = tuple(s.name for s in theirs)
            text = f"patient ID of {theirs[0].patient} (patient root)"
            yield Question(service, text, names, query, patient_model)
    query = Query(new_uid(), level="STUDY")
    yield Question(service, "study UID that nobody has", (), query, model, existing=False)


def put(
    bench: Bench, talk: Messages, asked: Question, garden: Garden, inbox: Inbox, destination: str
) -> Answered:
    """Ask *asked* on *talk*; what comes by C-MOVE to the AE *destination* is found in *inbox*."""
    context = talk.context_of(asked.model)
    about = (asked.service, asked.text, asked.about)
    if context is None:
        return Answered(*about, "not offered", existing=asked.existing)
    bench.note(f"{asked.service} by {asked.text}")
    if asked.service == "C-FIND":
        try:
            rows, status = services.find(talk, asked.query, bench.until(), model=asked.model)
        except Ended as ended:
            return Answered(*about, str(ended), existing=asked.existing)
        return _found(asked, rows, status, talk.contexts[context][1], garden)
    if asked.service == "C-GET":
        back = services.get(talk, asked.query, bench.until(), model=asked.model)
        return _delivered(asked, back, back.instances, garden)
    back = services.move(talk, asked.query, destination, bench.until(), model=asked.model)
    return _delivered(asked, back, _arrived(bench, inbox, back), garden)


def _arrived(bench: Bench, inbox: Inbox, back: services.Retrieved) -> list[Instance]:
    expected = back.counters.get("completed", 0) + back.counters.get("warned", 0)
    if expected:
        inbox.wait(lambda box: len(box.instances) >= expected, bench.until())
    return _taken(inbox)


def _taken(inbox: Inbox) -> list[Instance]:
    with inbox.changed:
        found = list(inbox.instances)
        inbox.instances.clear()
    return found


def straggling(bench: Bench, garden: Garden, inbox: Inbox) -> Answered | None:
    """Return what arrives by C-MOVE though the responses told of nothing, None if nothing does."""
    late = inbox.wait(
        lambda box: bool(box.instances), time.monotonic() + min(GRACE, bench.deadline / 5)
    )
    if not late:
        return None
    every = tuple(s.name for s in garden.studies)
    asked = Question("C-MOVE", "one of the requests before", every, Query(), services.MOVE)
    return _delivered(asked, services.Retrieved(), _taken(inbox), garden)


def _values(data: bytes, transfer: str) -> dict[int, str]:
    try:
        return {
            e.tag: data[e.value : e.end].decode("latin-1").strip(" \0")
            for e in writing.top(data, syntax_of(transfer))
            if e.length <= 256
        }
    except MalformedDataSet:
        return {}


def _found(
    asked: Question, rows: Sequence[bytes], status: int | None, transfer: str, garden: Garden
) -> Answered:
    every = [_values(row, transfer) for row in rows]
    studies = {s.name for s in garden.studies for v in every if v.get(STUDY) == s.uid}
    patients = {
        s.patient
        for s in garden.studies
        for v in every
        if s.patient_id and v.get(PATIENT_ID) == s.patient_id
    }
    counts: dict[str, int] = {}
    for row in every:
        ours = row.get(STUDY) in {s.uid for s in garden.studies}
        if not ours and row.get(PATIENT_ID) not in {s.patient_id for s in garden.studies}:
            continue
        for tag, name in COUNTS.items():
            text = row.get(tag, "")
            if text.isdigit():
                counts[name] = counts.get(name, 0) + int(text)
    return Answered(
        "C-FIND",
        asked.text,
        asked.about,
        "answered",
        status,
        tuple(sorted(studies)),
        tuple(sorted(patients)),
        counts,
        asked.existing,
    )


def _delivered(
    asked: Question,
    back: services.Retrieved,
    instances: Sequence[Instance],
    garden: Garden,
) -> Answered:
    every = [(i.uid, _values(i.data, i.transfer).get(STUDY)) for i in instances]
    studies = {
        s.name for s in garden.studies for own, uid in every if uid == s.uid or own in s.uids
    }
    return Answered(
        asked.service,
        asked.text,
        asked.about,
        back.ended or "answered",
        back.status,
        tuple(sorted(studies)),
        counts={"sub-operations": max(back.told, len(every))},
        existing=asked.existing,
    )
