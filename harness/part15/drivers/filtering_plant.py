"""The studies of a query-filtering policy: stored with the product as the target has it, marked as ours."""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass
from typing import Any

from part15.bench import Bench
from part15.channel import services
from part15.channel.services import Instance
from part15.channel.tls import Ended
from part15.drivers import filtering_lines as lines
from part15.drivers.storage import STORED
from part15.drivers.storage_lines import one
from part15.observations import NotReached
from part15.wire import writing
from part15.wire.trap_objects import EXPLICIT, SECONDARY_CAPTURE, base, joined, new_uid


@dataclass(frozen=True)
class Planted:
    """A study of the policy as the product has it: *title* is the AE that has it, empty for the endpoint's."""

    name: str
    patient: str
    patient_id: str
    uid: str
    title: str
    instances: int
    whole: bool
    series: str = ""
    uids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Garden:
    """All studies of the policy; *token* is in what we made up for this run, and in nothing else."""

    token: str
    studies: tuple[Planted, ...]

    @property
    def ours(self) -> bool:
        """Whether every study was stored by us, so that nothing of anybody else's is asked for."""
        return all(s.uids for s in self.studies)

    @property
    def name_pattern(self) -> str:
        """The wildcard for the names of our patients."""
        return f"PART15^{self.token}*"

    @property
    def id_patterns(self) -> tuple[str, ...]:
        """The wildcards for patient IDs of ours: those we made up by one, fixed ones by one each."""
        found = [f"PART15-{self.token}-*"] if any(s.whole for s in self.studies) else []
        fixed = (s.patient_id for s in self.studies if s.uids and not s.whole)
        return tuple(dict.fromkeys([*found, *(f"{known[:-1]}*" for known in fixed)]))


def garden(bench: Bench) -> Garden | NotReached:
    """Return the studies, stored on first use with this endpoint; NotReached if one cannot be stored.

    Raises Trouble.
    """
    found: Garden | NotReached = bench.shelf.once(
        ("filtering", bench.endpoint.id), lambda: _planted(bench)
    )
    return found


def _planted(bench: Bench) -> Garden | NotReached:
    token = secrets.token_hex(4).upper()
    studies = []
    for name, study in bench.target.studies.items():
        made, instances = _made(name, study, token)
        if instances:
            refused = _store(bench, study, made, instances)
            if refused:
                return NotReached(
                    "C-STORE",
                    f"the study '{name}' was not stored ({refused}); let the product take it, name a user who may store it in stored_by, or store it "
                    f"there yourself and give studies.{name}.uid",
                )
        studies.append(made)
    return Garden(token, tuple(studies))


def _made(name: str, study: Any, token: str) -> tuple[Planted, list[Instance]]:
    label = study.patient or study.patient_id or name
    if study.uid:
        there = (label, study.patient_id, study.uid, study.ae_title, study.size)
        return Planted(name, *there, whole=False), []
    uid, series = new_uid(), new_uid()
    patient = study.patient_id or f"PART15-{token}-{label}"
    instances = [
        _instance(study, patient, f"PART15^{token}", uid, series) for _ in range(study.size)
    ]
    made = Planted(
        name,
        label,
        patient,
        uid,
        study.ae_title,
        len(instances),
        not study.patient_id,
        series,
        tuple(i.uid for i in instances),
    )
    return made, instances


def _instance(study: Any, patient: str, person: str, uid: str, series: str) -> Instance:
    own = new_uid()
    elements = base(own, uid, series)
    for tag, vr, value in (
        (0x00080050, "SH", study.accession or "PART15"),
        (0x00080080, "LO", study.institution),
        (0x00081040, "LO", study.department),
        (0x00100010, "PN", person),
        (0x00100020, "LO", patient),
    ):
        if value:
            elements[tag] = writing.element(tag, vr, value)
    return Instance(SECONDARY_CAPTURE, own, EXPLICIT, joined(elements))


def _store(bench: Bench, study: Any, made: Planted, instances: list[Instance]) -> str:
    """Store *instances*; return why it did not succeed, empty if it did."""
    asker = lines.asker_for(bench, study.stored_by) if study.stored_by else lines.nobody(bench)
    syntaxes = [(SECONDARY_CAPTURE, (EXPLICIT,))]
    try:
        with lines.association(bench, asker, made.title, syntaxes) as talk:
            for number, instance in zip(itertools.count(1), instances, strict=False):
                bench.note(f"C-STORE of instance {number} of the study '{made.name}'")
                bench.ledger.keep(instance.uid, one(instance).study)
                status = services.store(talk, instance, bench.until())
                if status not in STORED:
                    return "no status" if status is None else f"{status:04X}H"
    except Ended as ended:
        return str(ended)
    return ""
