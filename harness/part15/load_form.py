"""The form of a profile file: pydantic models, their JSON Schema, and their mistakes as sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError, model_validator

from part15.errors import Problem
from part15.load_index import FAMILIES
from part15.load_yaml import Document
from part15.model import Level
from part15.registry import did_you_mean

Name = Annotated[str, Field(min_length=1, max_length=200)]
Ident = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$", max_length=120)]
Kind = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]
Edition = Annotated[str, Field(pattern=r"^20[0-9][0-9][a-e]?$")]
Span = Annotated[
    tuple[Edition, Edition | None],
    Field(description="first and last edition; null = still in force"),
]
Reading = Annotated[str, Field(pattern=r"^[TOS]-[0-9][0-9]$")]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class IncludeForm(_Form):
    """A rule set or common profile that this one brings in."""

    profile: Ident
    editions: Span | None = Field(
        default=None, description="when it is brought in; default: the profile's own span"
    )
    advisory: StrictBool = Field(
        default=False, description="newer than the edition names: its clauses only warn"
    )
    only: list[Name] = Field(
        default_factory=list,
        description="beginnings of the clause ids that are brought in; none = all",
    )


class BindForm(_Form):
    """How a clause is decided: a stimulus and a check, or a status with the reason why not."""

    status: Literal["statement", "attested", "untestable", "planned"] | None = None
    reason: str = ""
    stimulus: dict[Kind, dict[str, Any] | None] | None = Field(
        default=None, min_length=1, max_length=1
    )
    check: Kind | None = None
    expect: dict[str, Any] = Field(default_factory=dict)
    each: dict[str, str | list[str]] = Field(default_factory=dict, max_length=3)
    features: list[Name] = Field(
        default_factory=list, description="applies only if the claim lists one of these"
    )

    @model_validator(mode="after")
    def _whole(self) -> BindForm:
        if (self.stimulus is None) != (self.check is None):
            missing = "check" if self.check is None else "stimulus"
            raise ValueError(f"a stimulus and a check belong together; the {missing} is missing")
        if self.check is None and self.status is not None and not self.reason:
            raise ValueError(f"the status '{self.status}' needs a reason")
        if self.check is None and (self.expect or self.each):
            raise ValueError("'expect' and 'each' need a check")
        if self.check is not None and self.status not in (None, "statement"):
            raise ValueError(
                f"the status '{self.status}' says that nothing checks it, but there is a check"
            )
        return self


class RolesBindForm(BindForm):
    """One entry of ``bind``: for these roles of the clause."""

    roles: list[Name] = Field(min_length=1)
    part: Ident | None = Field(
        default=None,
        description="one side of a clause with several; a role that answers for two gets a case of each",
    )

    @model_validator(mode="after")
    def _decided(self) -> RolesBindForm:
        if self.check is None and self.status is None:
            raise ValueError("give a stimulus with a check, or a status with a reason")
        return self


class ClauseForm(BindForm):
    """One requirement, in our own words."""

    id: Ident
    section: Name
    editions: Span | None = Field(default=None, description="default: those of the profile")
    level: Level
    roles: list[Name] = Field(min_length=1)
    text: Annotated[str, Field(min_length=1)] = Field(
        description="the requirement; for shall-not and should-not the forbidden behaviour"
    )
    how: str = ""
    negative: str = ""
    hint: str = Field(default="", description="what to change in the product when it fails")
    group: Literal["", "framework", "authentication", "encryption", "integrity"] = ""
    depends: list[Name] = Field(default_factory=list, description="clause ids, or profile:ID")
    derived: StrictBool = Field(default=False, description="an inference: never fails a SUT")
    level_in: dict[Ident, Level] = Field(
        default_factory=dict, description="the level under a claim of that profile"
    )
    notes: str = ""
    readings: list[Reading] = Field(default_factory=list)
    data: dict[str, Any] = Field(default_factory=dict)
    bind: list[RolesBindForm] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_form(self) -> ClauseForm:
        short = self.check is not None or self.status is not None
        if self.bind and short:
            raise ValueError(
                "give either 'bind', or one stimulus, check or status for all roles, not both"
            )
        if not self.bind and not short:
            raise ValueError(
                "nothing decides this clause: give 'bind', a stimulus with a check, or a status"
            )
        return self


class ProfileForm(_Form):
    """A profile file."""

    profile: Ident
    title: Name
    section: Name
    family: Literal[FAMILIES] | None = Field(  # type: ignore[valid-type]  # a tuple of literals is the Literal of them
        default=None,
        description="for files outside part15; default: that of the first profile included",
    )
    editions: Span
    claimable: StrictBool = True
    policy: StrictBool | None = Field(
        default=None,
        description="rules of a site, not of PS3.15: judged in a column of their own",
    )
    roles: list[Name] = Field(
        default_factory=list, description="the roles a target may claim (profiles/roles.yaml)"
    )
    include: list[IncludeForm] = Field(default_factory=list)
    clauses: list[ClauseForm] = Field(min_length=1)


def profile_schema() -> dict[str, Any]:
    """Return the JSON Schema of a profile file."""
    schema = ProfileForm.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://part15.invalid/schema/profile-1.json",
        **schema,
    }


_PLACES: dict[str, tuple[type[BaseModel], str]] = {
    "include": (IncludeForm, "an include"),
    "clauses": (ClauseForm, "a clause"),
    "bind": (RolesBindForm, "a binding"),
}


def _form_at(path: tuple[str | int, ...]) -> tuple[type[BaseModel], str]:
    """Return the form of the table at *path* and what it is called."""
    for name in reversed(path):
        if name in _PLACES:
            return _PLACES[str(name)]
    return ProfileForm, "a profile"


def _sentence(error: Mapping[str, Any], path: tuple[str | int, ...]) -> str:
    form, noun = _form_at(path[:-1])
    kind, given = error["type"], error["input"]
    last = path[-1] if path else ""
    if kind == "extra_forbidden":
        return f"'{last}' is not a key of {noun}{did_you_mean(str(last), form.model_fields)}"
    if kind == "missing":
        if isinstance(last, int):
            return "editions are a pair: [first, last], null as last if still in force"
        return f"{noun} needs '{last}'"
    if kind == "string_type" and isinstance(given, (int, float)) and not isinstance(given, bool):
        return f"{given} is read as a number; quote it: '{given}'"
    if kind == "bool_type":
        return f"'{last}' is true or false, not '{given}'"
    if kind in ("enum", "literal_error"):
        field = next((str(p) for p in reversed(path) if isinstance(p, str)), "value")
        words = str(error.get("ctx", {}).get("expected", "")).replace(" or ", ", ")
        allowed = [w.strip().strip("'") for w in words.split(",") if w.strip().strip("'")]
        return f"'{given}' is no {field}; it is one of {', '.join(allowed)}{did_you_mean(str(given), allowed)}"
    if kind == "string_pattern_mismatch":
        if "20[0-9]" in str(error["ctx"]["pattern"]):
            return f"'{given}' is no edition; write '2008' or '2023b'"
        return f"'{given}' is not well formed; it must match {error['ctx']['pattern']}"
    if kind == "too_long" and "editions" in path:
        return "editions are a pair: [first, last], null as last if still in force"
    return str(error["msg"]).removeprefix("Value error, ")


def _path(error: Mapping[str, Any], value: Any) -> tuple[str | int, ...]:
    """Return the part of the error's place that is a place in the file (pydantic adds names of types)."""
    path: list[str | int] = []
    at = value
    for part in error["loc"]:
        try:
            at = at[part]
        except (KeyError, IndexError, TypeError):
            if part != error["loc"][-1] or error["type"] != "missing":
                continue
        path.append(part)
    return tuple(path)


def problems_of(document: Document, error: ValidationError) -> Iterator[Problem]:
    """Yield the mistakes that pydantic found, at their places in the file."""
    seen = set()
    for each in error.errors():
        path = _path(each, document.value)
        extra = each["type"] == "extra_forbidden"
        problem = document.problem(path, _sentence(each, path), key=extra)
        if problem not in seen:
            seen.add(problem)
            yield problem
