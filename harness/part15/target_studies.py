"""The studies of a query-filtering policy, and who may see them: ``[studies.NAME]`` and ``users.NAME.sees``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from part15.registry import did_you_mean

if TYPE_CHECKING:
    from part15.target import Target

MARK = "PART15"
"""What every patient ID of ours begins with."""

Place = tuple[str | int, ...]
_NAME = re.compile(r"^[A-Za-z0-9_-]{1,24}$")


class Study(BaseModel):
    """A study that some users may see: stored by us, or with *uid* one that the product has already.

    What is stored by us belongs to a patient with a new ID, shared by the studies of the same
    *patient*, or with the fixed *patient_id*. *department*, *institution* and *accession* are what
    a product may decide by, *stored_by* is the user who stores it, *ae_title* the storage area that
    has it. *public* ones may be seen by anybody. *instances* is how many there are.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    patient: str = ""
    patient_id: str = Field(default="", max_length=64)
    uid: str = ""
    instances: int | None = Field(default=None, ge=0, le=20)
    department: str = Field(default="", max_length=64)
    institution: str = Field(default="", max_length=64)
    accession: str = Field(default="", max_length=16)
    ae_title: str = Field(default="", max_length=16)
    stored_by: str = ""
    public: bool = False

    @field_validator("patient")
    @classmethod
    def _labelled(cls, value: str) -> str:
        if value and _NAME.match(value) is None:
            raise ValueError("it goes into patient IDs; take at most 24 letters, digits, - and _")
        return value

    @field_validator("uid")
    @classmethod
    def _unique(cls, value: str) -> str:
        if (value and re.match(r"^[0-9]+(\.[0-9]+)+$", value[:65]) is None) or len(value) > 64:
            raise ValueError(f"'{value[:70]}' is no UID: digits and dots, 64 characters at most")
        return value

    @model_validator(mode="after")
    def _one_way(self) -> Study:
        ours = ("patient", "department", "institution", "accession", "stored_by")
        if self.uid:
            given = [name for name in ours if getattr(self, name)]
            if given:
                raise ValueError(
                    f"a study with uid is there already, and nothing is stored; remove {', '.join(given)}"
                )
            return self
        if self.patient and self.patient_id:
            raise ValueError("give patient, for a new ID, or patient_id, for a fixed one, not both")
        if self.patient_id and not self.patient_id.startswith(MARK):
            raise ValueError(
                f"the ID of a patient whose study is stored by us begins with {MARK}; for a study "
                "that is there already give its uid"
            )
        if self.instances == 0:
            raise ValueError("a study that is stored by us has one instance at least")
        return self

    @property
    def size(self) -> int:
        """The number of its instances: of one stored by us two unless told, of one that is there 0, not known."""
        return (0 if self.uid else 2) if self.instances is None else self.instances


def study_problems(target: Target) -> Iterator[tuple[Place, str]]:
    """Yield the place and the words of what does not fit between users and studies."""
    for name, user in target.users.items():
        for study in user.sees or ():
            if study not in target.studies:
                hint = did_you_mean(study, target.studies)
                yield (
                    ("users", name, "sees"),
                    f"users.{name}.sees names '{study}', which is not in [studies]{hint}",
                )
    if not target.studies:
        return
    if not any(user.sees for user in target.users.values()):
        yield (
            ("studies",),
            "studies: no user has 'sees', so no view of them can be tried; give one, sees = [...]",
        )
        return
    yield from _unseen(target)


def _unseen(target: Target) -> Iterator[tuple[Place, str]]:
    seen: Mapping[str, object] = {s: n for n, u in target.users.items() for s in u.sees or ()}
    for name, study in target.studies.items():
        if _NAME.match(name) is None:
            yield (
                ("studies", name),
                f"studies.{name}: its name goes into patient IDs; take at most 24 letters, digits, - and _",
            )
        if name not in seen and not study.public:
            yield (
                ("studies", name),
                f"studies.{name}: nobody sees it, so nothing shows it is there; let one user see it",
            )
        if study.stored_by and study.stored_by not in target.users:
            hint = did_you_mean(study.stored_by, target.users)
            yield (
                ("studies", name, "stored_by"),
                f"studies.{name}.stored_by names '{study.stored_by}', which is not in [users]{hint}",
            )
