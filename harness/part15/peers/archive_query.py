"""Queries of the embedded archive: the identifier of a C-FIND, C-GET or C-MOVE, what matches, and the rows shown."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from part15.channel.services import Instance
from part15.wire import writing
from part15.wire.elements import MalformedDataSet
from part15.wire.part10 import syntax_of

PATIENT_NAME, PATIENT_ID = 0x00100010, 0x00100020
SOP_CLASS, INSTANCE, STUDY, SERIES = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E
LEVEL = 0x00080052
_KEYS = {PATIENT_NAME: "PN", PATIENT_ID: "LO", STUDY: "UI", SERIES: "UI", INSTANCE: "UI"}
_UNIQUE = {"PATIENT": PATIENT_ID, "STUDY": STUDY, "SERIES": SERIES, "IMAGE": INSTANCE}
_SHOWN = {
    "PATIENT": (PATIENT_NAME, PATIENT_ID),
    "STUDY": (PATIENT_NAME, PATIENT_ID, STUDY),
    "SERIES": (PATIENT_ID, STUDY, SERIES),
    "IMAGE": (SOP_CLASS, INSTANCE, STUDY, SERIES),
}
_STUDIES, _INSTANCES, _OF_STUDY = 0x00201200, 0x00201204, 0x00201208
LONGEST = 1024


class Kept(Protocol):
    """What an archive holds."""

    @property
    def instance(self) -> Instance:
        """The object."""


Found = TypeVar("Found", bound=Kept)


def values_of(instance: Instance) -> dict[int, str]:
    """Return the short values of the top level as text; of what cannot be walked only its SOP Instance UID."""
    try:
        return _texts(instance.data, instance.transfer)
    except MalformedDataSet:
        return {INSTANCE: instance.uid}


def _texts(data: bytes, transfer: str) -> dict[int, str]:
    return {
        e.tag: data[e.value : e.end].decode("latin-1").strip(" \0")
        for e in writing.top(data, syntax_of(transfer))
        if e.length <= LONGEST
    }


@dataclass(frozen=True)
class Asked:
    """An identifier: its level, the keys that have a value, and everything that is to be returned."""

    level: str
    keys: Mapping[int, str]
    returned: tuple[int, ...]

    @classmethod
    def of(cls, data: bytes, transfer: str) -> Asked:
        """Read the identifier *data*; raises MalformedDataSet."""
        found = _texts(data, transfer)
        level = found.get(LEVEL, "IMAGE")
        keys = {tag: value for tag, value in found.items() if tag in _KEYS and value}
        return cls(level if level in _UNIQUE else "IMAGE", keys, tuple(found))

    @property
    def wild(self) -> bool:
        """Whether a key for the patient has a wildcard."""
        return any(set("*?") & set(self.keys.get(tag, "")) for tag in (PATIENT_NAME, PATIENT_ID))

    def fits(self, values: Mapping[int, str]) -> bool:
        """Tell whether an object with *values* matches; without a key that has a value nothing does."""
        return bool(self.keys) and all(
            _matches(values.get(tag, ""), wanted, _KEYS[tag]) for tag, wanted in self.keys.items()
        )


def _matches(value: str, wanted: str, vr: str) -> bool:
    if vr == "UI":
        return value in wanted.split("\\")
    return fnmatch.fnmatchcase(value, wanted.replace("[", "[[]"))


def rows(
    asked: Asked, matching: Sequence[Found], countable: Iterable[Found], *, explicit: bool
) -> list[bytes]:
    """Return one identifier per entity of the level of *asked*; what is *countable* is counted in them."""
    every = [values_of(held.instance) for held in countable]
    found: dict[str, bytes] = {}
    for held in matching:
        values = values_of(held.instance)
        shown = {tag: (_KEYS.get(tag, "UI"), values.get(tag, "")) for tag in _SHOWN[asked.level]}
        shown[LEVEL] = ("CS", asked.level)
        theirs = [v for v in every if v.get(PATIENT_ID) == values.get(PATIENT_ID)]
        for tag, number in (
            (_STUDIES, len({v.get(STUDY) for v in theirs})),
            (_INSTANCES, len(theirs)),
            (_OF_STUDY, sum(v.get(STUDY) == values.get(STUDY) for v in every)),
        ):
            if tag in asked.returned:
                shown[tag] = ("IS", str(number))
        found[values.get(_UNIQUE[asked.level], "")] = b"".join(
            writing.element(tag, vr, text, explicit=explicit)
            for tag, (vr, text) in sorted(shown.items())
        )
    return list(found.values())
