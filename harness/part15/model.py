"""The nouns: clause, profile, case, judgement, finding, verdict. All frozen; no I/O, no third-party import."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """How strongly a clause binds (PS3.1; BCP 14 words by reference, reading T-33)."""

    SHALL = "shall"
    SHALL_NOT = "shall-not"
    SHOULD = "should"
    SHOULD_NOT = "should-not"
    MAY = "may"


class Word(StrEnum):
    """The verdict words, worst last in :data:`SEVERITY`."""

    PASS = "pass"
    FAIL = "fail"
    WARN = "warn"
    INCONCLUSIVE = "inconclusive"
    REVIEW = "review"
    NOT_APPLICABLE = "not-applicable"
    WAIVED = "waived"
    ERROR = "error"
    INFO = "info"


SEVERITY = (
    Word.NOT_APPLICABLE,
    Word.INFO,
    Word.PASS,
    Word.REVIEW,
    Word.INCONCLUSIVE,
    Word.WARN,
    Word.WAIVED,
    Word.ERROR,
    Word.FAIL,
)


class Status(StrEnum):
    """What this version can do about a clause."""

    CHECKED = "checked"
    STATEMENT = "statement"
    ATTESTED = "attested"
    UNTESTABLE = "untestable"
    PLANNED = "planned"


class Impact(StrEnum):
    """What a stimulus does to the SUT, mildest first (contract, target file ``limits.impact``)."""

    OBSERVE = "observe"
    ASSOCIATE = "associate"
    STORE = "store"
    CREDENTIAL = "credential"
    DISTURB = "disturb"

    def within(self, limit: Impact) -> bool:
        """Tell whether this impact is no stronger than *limit*."""
        order = list(Impact)
        return order.index(self) <= order.index(limit)


def text_of(value: Any) -> str:
    """Return *value* as one short line for a person."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(text_of(v) for v in value) or "nothing"
    return str(value)


@dataclass(frozen=True)
class Finding:
    """One thing found while judging: a certificate of a chain, a message, a file, an attribute."""

    subject: str
    word: Word
    message: str
    expected: str = ""
    observed: str = ""


@dataclass(frozen=True)
class Judgement:
    """What a check answers. *word* is pass, fail, inconclusive, review, info or not-applicable, before levels and waivers.

    *rests_on* names the readings (``T-20``) and drafts (``draft:NAME``) the answer depends on;
    the judge prints the former and caps an answer that rests on the latter.
    """

    word: Word
    message: str
    expected: str = ""
    observed: str = ""
    findings: tuple[Finding, ...] = ()
    rests_on: tuple[str, ...] = ()


def _judgement(
    word: Word,
    message: str,
    expected: Any,
    observed: Any,
    findings: Sequence[Finding],
    rests_on: Sequence[str],
) -> Judgement:
    return Judgement(
        word, message, text_of(expected), text_of(observed), tuple(findings), tuple(rests_on)
    )


def passes(
    message: str,
    *,
    expected: Any = "",
    observed: Any = "",
    findings: Sequence[Finding] = (),
    rests_on: Sequence[str] = (),
) -> Judgement:
    """The requirement was seen to hold."""
    return _judgement(Word.PASS, message, expected, observed, findings, rests_on)


def fails(
    message: str,
    *,
    expected: Any = "",
    observed: Any = "",
    findings: Sequence[Finding] = (),
    rests_on: Sequence[str] = (),
) -> Judgement:
    """The requirement was seen to be violated."""
    return _judgement(Word.FAIL, message, expected, observed, findings, rests_on)


def undecided(
    message: str,
    *,
    expected: Any = "",
    observed: Any = "",
    findings: Sequence[Finding] = (),
    rests_on: Sequence[str] = (),
) -> Judgement:
    """What was seen does not decide; *message* says what is missing and how to get it."""
    return _judgement(Word.INCONCLUSIVE, message, expected, observed, findings, rests_on)


def needs_review(
    message: str,
    *,
    expected: Any = "",
    observed: Any = "",
    findings: Sequence[Finding] = (),
    rests_on: Sequence[str] = (),
) -> Judgement:
    """A person must look; *message* says at what."""
    return _judgement(Word.REVIEW, message, expected, observed, findings, rests_on)


def informs(message: str, *, observed: Any = "", findings: Sequence[Finding] = ()) -> Judgement:
    """A fact without a requirement behind it."""
    return _judgement(Word.INFO, message, "", observed, findings, ())


def does_not_apply(message: str, *, observed: Any = "") -> Judgement:
    """The clause's own condition is absent by claim (an option or feature), never by a failure to connect."""
    return _judgement(Word.NOT_APPLICABLE, message, "", observed, (), ())


@dataclass(frozen=True)
class Stimulus:
    """A named provocation with its arguments, as data."""

    kind: str
    args: Mapping[str, Any] = field(default_factory=dict)
    endpoint: str = ""

    @property
    def key(self) -> str:
        """Kind and eight hex digits of the canonical JSON: the name of the evidence folder."""
        canonical = json.dumps([self.args, self.endpoint], sort_keys=True, separators=(",", ":"))
        return f"{self.kind}-{hashlib.sha256(canonical.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class Binding:
    """How one clause is decided for some of its roles: a stimulus and a check, or why not."""

    roles: tuple[str, ...]
    status: Status
    reason: str = ""
    stimulus: Stimulus | None = None
    check: str = ""
    expect: Mapping[str, Any] = field(default_factory=dict)
    each: Mapping[str, Any] = field(default_factory=dict)
    features: tuple[str, ...] = ()
    part: str = ""
    """One side of a clause with several: of the bindings that fit a role, the first of each part binds."""


@dataclass(frozen=True)
class Clause:
    """One requirement of one section (PS3.15 or what it pulls in), in our own words."""

    id: str
    profile: str
    section: str
    level: Level
    roles: tuple[str, ...]
    editions: tuple[str, str | None]
    text: str
    bindings: tuple[Binding, ...]
    how: str = ""
    negative: str = ""
    hint: str = ""
    group: str = ""
    depends: tuple[str, ...] = ()
    derived: bool = False
    notes: str = ""
    readings: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    level_in: Mapping[str, str] = field(default_factory=dict)
    line: int = 0

    def in_force(self, edition: str) -> bool:
        """Tell whether the clause is part of *edition*; edition names sort as text (2008 < 2017c < 2023b)."""
        first, last = self.editions
        return first <= edition and (last is None or edition <= last)

    @property
    def status(self) -> Status:
        """The best status of its bindings: *checked* if any role is."""
        for status in Status:
            if any(binding.status is status for binding in self.bindings):
                return status
        return Status.PLANNED


@dataclass(frozen=True)
class Include:
    """A rule set or common profile that a profile brings in, with the editions in which it does."""

    profile: str
    editions: tuple[str, str | None]
    advisory: bool = False
    only: tuple[str, ...] = ()
    """Beginnings of the clause ids that are brought in; none means all."""


@dataclass(frozen=True)
class Profile:
    """The ordered clauses of one section, with title and life span in editions."""

    id: str
    title: str
    section: str
    family: str
    editions: tuple[str, str | None]
    clauses: tuple[Clause, ...]
    roles: tuple[str, ...] = ()
    include: tuple[Include, ...] = ()
    claimable: bool = True
    source: str = ""
    policy: bool = False
    """Whether these are rules of a site, a vendor or a draft: judged beside PS3.15, never as part of it."""


@dataclass(frozen=True)
class Case:
    """Clause × claim × endpoint × parameter for one target; becomes exactly one pytest item."""

    id: str
    clause: str
    profile: str
    claim: str
    """The claimed profile that brings the clause in; *profile* is the one it stands in."""
    section: str
    edition: str
    role: str
    level: Level
    family: str
    text: str = ""
    group: str = ""
    stimulus: Stimulus | None = None
    check: str = ""
    expect: Mapping[str, Any] = field(default_factory=dict)
    subject: str = ""
    policy: bool = False
    """Whether *claim* is a site policy: the verdict says nothing about PS3.15."""
    settled: Judgement | None = None
    advisory: bool = False
    derived: bool = False
    hint: str = ""
    readings: tuple[str, ...] = ()
    impact: Impact = Impact.OBSERVE
    attestation: Mapping[str, Any] | None = None
    waiver: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Verdict:
    """A judgement bound to a case, after level, waiver and attestation."""

    case: Case
    word: Word
    message: str
    because: str
    expected: str = ""
    observed: str = ""
    findings: tuple[Finding, ...] = ()
    evidence: tuple[str, ...] = ()
    uncapped: Word | None = None
    """The word before caps (drafts, derived clauses, newer rule sets), waivers and attestations: what selftest compares."""
    provenance: str = "observed"
    """``observed``, ``declared`` or ``attested``."""
    rests_on: tuple[str, ...] = ()
    duration: float = 0.0


@dataclass(frozen=True)
class Claim:
    """What a target says of itself: a profile in a role, in an edition, with options and features."""

    profile: str
    role: str
    edition: str
    options: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    source: str = "file"
    policy: bool = False
    on: tuple[str, ...] = ()
    """The profiles of PS3.15 that a site policy is laid upon; they are claims of their own."""

    @property
    def name(self) -> str:
        """``profile as role, edition``: how reports name it."""
        return f"{self.profile} as {self.role}, {self.edition}"


@dataclass(frozen=True)
class Plan:
    """All cases of a run, with the profiles that are not claimed and why."""

    claims: tuple[Claim, ...]
    cases: tuple[Case, ...]
    unclaimed: tuple[tuple[str, str], ...] = ()
