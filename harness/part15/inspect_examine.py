"""Judging single files of an inspection: read by every family's readers, judged at once, told as a share.

An examiner has no memory between files but caches: any number of them, in as many processes, come to
the same shares.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from part15 import load
from part15.channel.files import Found, InspectedFile, opened
from part15.channel.reading import NOTE, Desk, Reading, closers, is_stored, readers
from part15.inspect_share import Looked, Share
from part15.inspect_tally import Judging, judging, role_for, violates
from part15.model import Claim, Profile, Word
from part15.wire import part10
from part15.wire.elements import MalformedDataSet

Seen = TypeVar("Seen")

_NESTING = 3


@dataclass
class Judges:
    """How profiles are judged on files, made on first use."""

    profiles: Mapping[str, Profile]
    edition: str
    options: tuple[str, ...]
    known: dict[str, Judging] = field(default_factory=dict)

    def of(self, name: str) -> Judging | None:
        """Return how profile *name* is judged; None if it does not show in files or not in this edition."""
        if name in self.known:
            return self.known[name]
        profile = self.profiles.get(name)
        role = role_for(profile) if profile else None
        if profile is None or role is None or not in_force(profile, self.edition):
            return None
        claim = Claim(name, role, self.edition, self.options, source="cli")
        self.known[name] = judging(claim, self.profiles, load.load_roles())
        return self.known[name]


def in_force(profile: Profile, edition: str) -> bool:
    """Tell whether *edition* has *profile*."""
    first, last = profile.editions
    return first <= edition and (last is None or edition <= last)


@dataclass
class Examiner:
    """Reads and judges files: the claim, the desk to copy, the day on which waivers are judged."""

    claimed: tuple[str, ...]
    judges: Judges
    desk: Desk
    today: dt.date

    def examine(self, founds: Sequence[Found]) -> Share:
        """Return what came of some files."""
        share = Share()
        desk = dataclasses.replace(self.desk, drawer={}, tray=share.kept, noted=0, more=0)
        for found in founds:
            self._look(found, share, desk)
        return self._told(share, desk)

    def close(self, desk: Desk) -> Share:
        """Return what came of all files together; *desk* has what was kept of them."""
        share = Share()
        for close in closers():
            name = f"{close.__module__}.{close.__name__}"
            for reading in _guarded(name, "all files", close(desk), share, desk):
                share.rows.append(_line(self._judge(reading, share, desk)))
        return self._told(share, Desk())

    def _told(self, share: Share, desk: Desk) -> Share:
        share.more_notes = desk.more
        share.again = not all(is_stored(key) for key, _ in share.kept)
        for name, one in self.judges.known.items():
            partials = [(n, t.taken()) for n, t in enumerate(one.tallies) if t.partial.counts]
            if partials or name in self.claimed:
                share.partials[name] = partials
        return share

    def _look(self, found: Found, share: Share, desk: Desk) -> None:
        if found.refused:
            desk.note(f"{found.name} was not looked at: it is {found.refused}")
            desk.keep("links", (str(found.root), found.name))
            share.looked.append(Looked(found.name))
            share.rows.append(_line({"subject": found.name, "skipped": found.refused}))
            return
        share.files += 1
        looked = looked_at(found)
        share.looked.append(looked)
        stamp = {"size": looked.size, "changed": looked.changed}
        before, gathered = len(share.kept), desk.gathered
        try:
            with opened(found) as file:
                share.kinds[file.kind] += 1
                readings = self._take(file, share, desk)
                flaw = "" if readings else _flaw_of(file)
        except OSError as error:
            why = error.strerror or str(error)
            desk.note(f"{found.name} cannot be read: {why}")
            share.rows.append(_line({"subject": found.name, "skipped": why, **stamp}))
            share.unread += 1
            return
        for reading in readings:
            share.rows.append(_line({**self._judge(reading, share, desk), **stamp}))
        if not readings and desk.gathered > gathered:
            share.rows.append(
                _line({"subject": found.name, "together": "judged with others", **stamp})
            )
        elif not readings:
            share.unread += 1
            told = any(key == NOTE and flaw in text for key, text in share.kept[before:])
            flaw = f"it is no whole DICOM file: {flaw}" if flaw else ""
            if flaw and not told:
                desk.note(f"{found.name}: {flaw}")
            skipped = flaw or f"nothing to judge ({file.kind})"
            share.rows.append(_line({"subject": found.name, "skipped": skipped, **stamp}))

    def _take(self, file: InspectedFile, share: Share, desk: Desk, depth: int = 0) -> list[Reading]:
        """Return what every reader sees in *file* and in the files within it."""
        found: list[Reading] = []
        for reader in readers():
            if reader.kinds and file.kind not in reader.kinds:
                continue
            inner: list[InspectedFile] = []
            for seen in _guarded(reader.name, file.name, reader.read(file, desk), share, desk):
                if isinstance(seen, Reading):
                    found.append(seen)
                elif depth < _NESTING:
                    inner.append(seen)
            for one in inner:
                found += self._take(one, share, desk, depth + 1)
        return found

    def _judge(self, reading: Reading, share: Share, desk: Desk) -> dict[str, Any]:
        """Judge one reading by every profile that applies; returns its row."""
        for note in reading.notes:
            desk.note(note)
        answers: dict[str, str] = {}
        findings: list[dict[str, str]] = []
        meets: list[str] = []
        misses: list[str] = []
        for name in self.claimed or reading.marks:
            one = self.judges.of(name)
            if one is None:
                continue
            share.partials.setdefault(name, [])
            words = self._words(
                one, one.judge(reading.subject, reading.seen), answers, findings, share
            )
            if words:
                (meets if _good(words) else misses).append(name)
        for name in () if self.claimed else reading.candidates:
            if name in reading.marks:
                continue
            one = self.judges.of(name)
            words = self._words(one, one.would(reading.seen), {}, [], share) if one else []
            if words:
                (meets if _good(words) else misses).append(name)
        if not reading.summary:
            share.met.update(meets)
            share.missed.update(misses)
        return {
            "subject": reading.subject,
            "seen": type(reading.seen).__name__,
            "meets": meets,
            "misses": misses,
            "verdicts": answers,
            "findings": findings,
            **({"notes": list(reading.notes)} if reading.notes else {}),
        }

    def _words(
        self,
        one: Judging,
        answers: Mapping[str, Any],
        verdicts: dict[str, str],
        findings: list[dict[str, str]],
        share: Share,
    ) -> list[Word]:
        """Level the answers; fill *verdicts* and *findings* of the row."""
        by_clause = {t.case.clause: t for t in one.tallies}
        words = []
        for clause, answer in answers.items():
            word = violates(by_clause[clause], answer, self.today)
            share.errors += word is Word.ERROR
            verdicts[clause] = str(word)
            words.append(word)
            if word not in (Word.PASS, Word.INFO, Word.NOT_APPLICABLE):
                findings.append({"clause": clause, "verdict": str(word), "message": answer.message})
        return words


def _guarded(
    name: str, subject: str, seen: Iterable[Seen], share: Share, desk: Desk
) -> Iterator[Seen]:
    """Yield what a reader sees; if it breaks, say so and go on: the other files are still judged."""
    try:
        yield from seen
    except Exception as error:  # noqa: BLE001 - a defect of a reader is an error of ours, never of the file
        share.errors += 1
        what = f"reader {name} broke: {type(error).__name__}: {error}"
        desk.note(f"{subject}: {what}")
        share.rows.append(_line({"subject": subject, "error": what}))


def broken(found: Found, why: str) -> Share:
    """Return the share of a file that could not be judged at all."""
    row = _line({"subject": found.name, "error": why})
    return Share(
        looked=[looked_at(found)],
        rows=[row],
        files=1,
        errors=1,
        kept=[(NOTE, f"{found.name}: {why}")],
    )


def looked_at(found: Found) -> Looked:
    """Return by what *found* is known again."""
    if found.refused:
        return Looked(found.name)
    try:
        state = found.path.stat()
    except OSError:
        return Looked(found.name)
    return Looked(found.name, state.st_size, state.st_mtime_ns)


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False)


def _good(words: Sequence[Word]) -> bool:
    return not any(w in (Word.FAIL, Word.ERROR, Word.INCONCLUSIVE, Word.REVIEW) for w in words)


def _flaw_of(file: InspectedFile) -> str:
    """Return why a DICOM file in which no reader saw anything cannot be read, or nothing."""
    if file.kind != "dicom":
        return ""
    try:
        part10.parse(file.octets).walk()
    except MalformedDataSet as error:
        return str(error)
    return ""
