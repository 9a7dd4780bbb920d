"""What came of some files of an inspection: sent between processes, added up in order, kept for a resume.

Shares add up: taking them one after the other gives the same tallies, notes and facts as judging all
files in one go, however the files were cut into shares. A share is bounded: of its answers only the
counts, the first of each word and the first findings are in it; the rows have one line per answer.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from part15.model import Finding, Judgement, Word
from part15.observations import from_json, to_json

FINDINGS = 50
_QUIET = (Word.PASS, Word.NOT_APPLICABLE, Word.INFO)


@dataclass
class Partial:
    """The answers of one case over some files: counts, the first of each word, the first findings."""

    counts: Counter[Word] = field(default_factory=Counter)
    first: dict[Word, tuple[str, Judgement]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    more: int = 0

    def add(self, subject: str, answer: Judgement) -> None:
        """Count *answer* about *subject*."""
        self.counts[answer.word] += 1
        if answer.word not in self.first:
            alone = dataclasses.replace(answer, findings=()) if answer.findings else answer
            self.first[answer.word] = subject, alone
        if answer.word in _QUIET and not answer.findings:
            return
        found = [
            dataclasses.replace(f, subject=f"{subject}: {f.subject}")
            for f in answer.findings
            if f.word not in (Word.PASS, Word.NOT_APPLICABLE)
        ]
        if answer.word not in _QUIET:
            found.insert(
                0,
                Finding(subject, answer.word, answer.message, answer.expected, answer.observed),
            )
        self._list(found)

    def _list(self, found: Sequence[Finding]) -> None:
        room = max(0, FINDINGS - len(self.findings))
        self.findings += found[:room]
        self.more += len(found[room:])

    def merge(self, other: Partial) -> Partial:
        """Take in what came of later files; returns *other* without what made no difference."""
        news = {word: first for word, first in other.first.items() if word not in self.first}
        listed = len(self.findings)
        self.counts.update(other.counts)
        self.first.update(news)
        self._list(other.findings)
        self.more += other.more
        kept = self.findings[listed:]
        more = other.more + len(other.findings) - len(kept)
        return Partial(other.counts, news, kept, more)


@dataclass(frozen=True)
class Looked:
    """One entry of the walk that was looked at: its size and time of change, -1 for what was refused."""

    name: str
    size: int = -1
    changed: int = -1
    """Nanoseconds, as the system counts them."""


@dataclass
class Share:
    """What came of some files, in the order of the walk.

    *rows* are lines of ``results.jsonl`` without line feeds; *kept* the notes, and what readers
    remember until the end; *partials* the answers by profile and number of the case; *again* tells that some of *kept*
    may not be written to a disk, so that a resume reads these files again.
    """

    looked: list[Looked] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    files: int = 0
    unread: int = 0
    errors: int = 0
    more_notes: int = 0
    """Notes beyond the bound, which are only counted."""
    kept: list[tuple[str, Any]] = field(default_factory=list)
    again: bool = False
    partials: dict[str, list[tuple[int, Partial]]] = field(default_factory=dict)


_TOLD = (
    "kinds", "met", "missed", "files", "unread", "errors", "more_notes", "again",
)  # fmt: skip


def share_to_json(share: Share) -> dict[str, Any]:
    """Return *share* as JSON values, without its rows and without what :attr:`Share.again` is about."""
    return {
        "looked": [[x.name, x.size, x.changed] for x in share.looked],
        **{name: getattr(share, name) for name in _TOLD},
        "kept": [] if share.again else [[key, to_json(value)] for key, value in share.kept],
        "partials": {
            name: [[number, _partial_to_json(p)] for number, p in partials]
            for name, partials in share.partials.items()
        },
    }


def share_from_json(stored: dict[str, Any]) -> Share:
    """Return the share that :func:`share_to_json` wrote.

    Raises KeyError, TypeError or ValueError if that is not what *stored* is.
    """
    return Share(
        looked=[Looked(*one) for one in stored["looked"]],
        kinds=Counter(stored["kinds"]),
        met=Counter(stored["met"]),
        missed=Counter(stored["missed"]),
        files=int(stored["files"]),
        unread=int(stored["unread"]),
        errors=int(stored["errors"]),
        more_notes=int(stored["more_notes"]),
        again=bool(stored["again"]),
        kept=[(key, from_json(value)) for key, value in stored["kept"]],
        partials={
            name: [(number, _partial_from_json(p)) for number, p in partials]
            for name, partials in stored["partials"].items()
        },
    )


def _partial_to_json(partial: Partial) -> list[Any]:
    firsts = [
        [str(word), subject, a.message, a.expected, a.observed, list(a.rests_on)]
        for word, (subject, a) in partial.first.items()
    ]
    findings = [
        [f.subject, str(f.word), f.message, f.expected, f.observed] for f in partial.findings
    ]
    return [{str(w): n for w, n in partial.counts.items()}, firsts, findings, partial.more]


def _partial_from_json(stored: list[Any]) -> Partial:
    counts, firsts, findings, more = stored
    return Partial(
        Counter({Word(word): number for word, number in counts.items()}),
        {
            Word(word): (subject, Judgement(Word(word), message, expected, observed, (), tuple(on)))
            for word, subject, message, expected, observed, on in firsts
        },
        [Finding(subject, Word(word), *rest) for subject, word, *rest in findings],
        more,
    )
