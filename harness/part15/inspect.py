"""``part15 inspect``: judge files without a network, with the checks and bindings that ``run`` uses.

Files are walked, told apart, read by every family's readers, judged at once, and counted per clause;
memory does not grow with their number. What was judged is in ``results.jsonl`` before the next file.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import platform
import ssl
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TypeVar

from part15 import __version__, load
from part15.channel.files import Found, InspectedFile, opened, walk
from part15.channel.reading import Desk, Reading, closers, readers
from part15.errors import TargetError
from part15.inspect_tally import Judging, judging, plan_of, role_for, verdicts_of, violates
from part15.model import Claim, Profile, Word
from part15.registry import did_you_mean
from part15.report import build
from part15.report.conclude import binds
from part15.report.facts import RunFacts, TargetFacts
from part15.rows import plan_document
from part15.run_files import write_report
from part15.target import EDITION
from part15.wire import part10
from part15.wire.elements import MalformedDataSet

Progress = Callable[[int, str], None]
Seen = TypeVar("Seen")

_NESTING = 3
_TOLD = 200


@dataclass(frozen=True)
class Request:
    """What to inspect and how; paths as the user gave them."""

    paths: tuple[Path, ...]
    profiles: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    edition: str = EDITION
    before: Path | None = None
    trust: tuple[Path, ...] = ()
    intermediates: tuple[Path, ...] = ()
    crls: tuple[Path, ...] = ()
    key: Path | None = None
    certificate: Path | None = None
    password_file: Path | None = None
    out: Path | None = None
    gate: str = "decided"
    at: dt.datetime | None = None


@dataclass
class Inspection:
    """One inspection under way."""

    request: Request
    profiles: Mapping[str, Profile]
    desk: Desk
    journal: IO[str] | None = None
    judgings: dict[str, Judging] = field(default_factory=dict)
    others: dict[str, Judging] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    files: int = 0
    unread: int = 0
    errors: int = 0
    interrupted: bool = False
    started: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))

    @property
    def today(self) -> dt.date:
        """The day on which waivers and the like are judged."""
        return self.started.date()

    def judging_of(self, name: str, *, counts: bool) -> Judging | None:
        """Return how profile *name* is judged; None if it does not show in files or not in this edition."""
        known = self.judgings if counts else self.others
        if name in known:
            return known[name]
        profile = self.profiles.get(name)
        role = role_for(profile) if profile else None
        if profile is None or role is None or not _in_force(profile, self.request.edition):
            return None
        claim = Claim(name, role, self.request.edition, self.request.options, source="cli")
        known[name] = judging(claim, self.profiles, load.load_roles())
        return known[name]

    def take(self, file: InspectedFile, depth: int = 0) -> list[Reading]:
        """Return what every reader sees in *file* and in the files within it."""
        found: list[Reading] = []
        for reader in readers():
            if reader.kinds and file.kind not in reader.kinds:
                continue
            inner: list[InspectedFile] = []
            for seen in self.guarded(reader.name, file.name, reader.read(file, self.desk)):
                if isinstance(seen, Reading):
                    found.append(seen)
                elif depth < _NESTING:
                    inner.append(seen)
            for one in inner:
                found += self.take(one, depth + 1)
        return found

    def guarded(self, name: str, subject: str, seen: Iterable[Seen]) -> Iterator[Seen]:
        """Yield what a reader sees; if it breaks, say so and go on: the other files are still judged."""
        try:
            yield from seen
        except Exception as error:  # noqa: BLE001 - a defect of a reader is an error of ours, never of the file
            self.errors += 1
            what = f"reader {name} broke: {type(error).__name__}: {error}"
            self.desk.note(f"{subject}: {what}")
            self.write({"subject": subject, "error": what})

    def judge(self, reading: Reading) -> dict[str, Any]:
        """Judge one reading by every profile that applies; returns its line of the journal."""
        for note in reading.notes:
            self.desk.note(note)
        answers: dict[str, str] = {}
        findings: list[dict[str, str]] = []
        meets: list[str] = []
        misses: list[str] = []
        claimed = self.request.profiles
        for name in claimed or reading.marks:
            one = self.judging_of(name, counts=True)
            if one is None:
                continue
            words = self._words(one, one.judge(reading.subject, reading.seen), answers, findings)
            if words:
                (meets if _good(words) else misses).append(name)
        for name in () if claimed else reading.candidates:
            if name in reading.marks:
                continue
            one = self.judging_of(name, counts=False)
            words = self._words(one, one.would(reading.seen), {}, []) if one else []
            if words:
                (meets if _good(words) else misses).append(name)
        self.met.update(meets)
        self.missed.update(misses)
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
    ) -> list[Word]:
        """Level the answers; fill *verdicts* and *findings* of the journal."""
        by_clause = {t.case.clause: t for t in one.tallies}
        words = []
        for clause, answer in answers.items():
            word = violates(by_clause[clause], answer, self.today)
            self.errors += word is Word.ERROR
            verdicts[clause] = str(word)
            words.append(word)
            if word not in (Word.PASS, Word.INFO, Word.NOT_APPLICABLE):
                findings.append({"clause": clause, "verdict": str(word), "message": answer.message})
        return words

    def write(self, row: Mapping[str, Any]) -> None:
        """Add one line to the journal."""
        if self.journal is not None:
            self.journal.write(json.dumps(row, ensure_ascii=False) + "\n")
            self.journal.flush()


def _good(words: Sequence[Word]) -> bool:
    return not any(w in (Word.FAIL, Word.ERROR, Word.INCONCLUSIVE, Word.REVIEW) for w in words)


def _in_force(profile: Profile, edition: str) -> bool:
    first, last = profile.editions
    return first <= edition and (last is None or edition <= last)


def inspect(request: Request, progress: Progress | None = None) -> dict[str, Any]:
    """Inspect and return the report document; with ``request.out`` also write the folder.

    *progress* is called with the number of files looked at and the name of the next. An interrupt
    ends the walk, and the report of what was judged is made. Raises TargetError for paths, profiles
    or keys that cannot be used.
    """
    inspection = prepare(request)
    folder = request.out
    if folder is not None:
        if folder.exists() and any(folder.iterdir()):
            raise TargetError(f"the folder {folder} is not empty; give another with -o")
        folder.mkdir(parents=True, exist_ok=True)
        inspection.journal = (folder / "results.jsonl").open("w", encoding="utf-8")
    try:
        _look(inspection, progress)
    except KeyboardInterrupt:
        inspection.interrupted = True
    finally:
        if inspection.journal is not None:
            inspection.journal.close()
    document = _document(inspection)
    if folder is not None:
        judgings = [*inspection.judgings.values()]
        plan = plan_document(plan_of(judgings, inspection.profiles), inspection.desk.notes)
        text = json.dumps(plan, indent=1, ensure_ascii=False) + "\n"
        (folder / "plan.json").write_text(text, encoding="utf-8")
        write_report(folder, document)
    return document


def prepare(request: Request) -> Inspection:
    """Load profiles, keys and anchors.

    Raises TargetError with what to correct.
    """
    from part15.channel.keys import openers_of, trust_of

    for path in request.paths:
        if not path.exists():
            raise TargetError(f"there is no file or folder {path}")
    if request.before is not None and not request.before.exists():
        raise TargetError(f"there is no file or folder {request.before}")
    from part15.run import site_profiles

    site, names = site_profiles(request.profiles)
    profiles = load.load_profiles(site)
    wanted = [*names, *(p.id for p in profiles.values() if p.source in {str(s) for s in site})]
    for name in wanted:
        profile = profiles.get(name)
        if profile is None or not profile.claimable:
            hint = did_you_mean(name, [p.id for p in profiles.values() if p.claimable])
            raise TargetError(f"there is no profile '{name}' to claim{hint}")
        if role_for(profile) is None:
            raise TargetError(f"nothing of the profile '{name}' shows in files; use 'part15 run'")
        if not _in_force(profile, request.edition):
            raise TargetError(f"the edition {request.edition} has no profile '{name}'")
    request = dataclasses.replace(request, profiles=tuple(wanted))
    desk = Desk(
        claimed=frozenset(wanted),
        options=request.options,
        edition=request.edition,
        trust=trust_of(request.trust, request.intermediates, request.crls, request.at),
        openers=openers_of(request.key, request.certificate, request.password_file),
        before=request.before,
    )
    return Inspection(request, profiles, desk)


def _look(inspection: Inspection, progress: Progress | None) -> None:
    for found in _walk(inspection.request.paths):
        if progress is not None:
            progress(inspection.files, found.name)
        if found.refused:
            inspection.desk.note(f"{found.name} was not looked at: it is {found.refused}")
            inspection.desk.drawer.setdefault("links", []).append((str(found.root), found.name))
            inspection.write({"subject": found.name, "skipped": found.refused})
            continue
        inspection.files += 1
        try:
            with opened(found) as file:
                inspection.kinds[file.kind] += 1
                readings = inspection.take(file)
                flaw = "" if readings else flaw_of(file)
        except OSError as error:
            inspection.desk.note(f"{found.name} cannot be read: {error.strerror or error}")
            inspection.write({"subject": found.name, "skipped": error.strerror or str(error)})
            inspection.unread += 1
            continue
        for reading in readings:
            inspection.write(inspection.judge(reading))
        if not readings:
            inspection.unread += 1
            if flaw:
                inspection.desk.note(f"{found.name}: {flaw}")
            skipped = flaw or f"nothing to judge ({file.kind})"
            inspection.write({"subject": found.name, "skipped": skipped})
    for close in closers():
        name = f"{close.__module__}.{close.__name__}"
        for reading in inspection.guarded(name, "all files", close(inspection.desk)):
            inspection.write(inspection.judge(reading))


def flaw_of(file: InspectedFile) -> str:
    """Return why a DICOM file in which no reader saw anything cannot be read, or nothing."""
    if file.kind != "dicom":
        return ""
    try:
        part10.parse(file.octets).walk()
    except MalformedDataSet as error:
        return f"it is no whole DICOM file: {error}"
    return ""


def _walk(paths: Sequence[Path]) -> Iterator[Found]:
    """Walk every path; a DICOMDIR stands for its folder; names are told apart by their root if need be."""
    for path in paths:
        root = path.parent if path.name == "DICOMDIR" and path.is_file() else path
        for found in walk(root):
            name = found.name if len(paths) == 1 else f"{root.name}/{found.name}"
            if root.is_file():
                name = found.name if len(paths) == 1 else str(path)
            yield dataclasses.replace(found, name=name)


def _document(inspection: Inspection) -> dict[str, Any]:
    request = inspection.request
    for name in request.profiles:
        inspection.judging_of(name, counts=True)
    judgings = [inspection.judgings[n] for n in sorted(inspection.judgings)]
    verdicts = verdicts_of(judgings, inspection.today)
    facts = RunFacts(
        id=str(uuid.uuid4()),
        started=_stamp(inspection.started),
        ended=_stamp(dt.datetime.now(dt.UTC)),
        command=(Path(sys.argv[0]).name, "inspect"),
        version=__version__,
        python=platform.python_version(),
        openssl=ssl.OPENSSL_VERSION,
        platform=f"{platform.system()} {platform.machine()}",
        profiles_digest=load.profiles_digest(),
        interrupted=inspection.interrupted,
        gate=request.gate,
        notifications=tuple(_notifications(inspection)),
    )
    target = TargetFacts(name=_title(request.paths), edition=request.edition, path="")
    document = build.build(
        facts, plan_of(judgings, inspection.profiles), verdicts, inspection.profiles, target
    )
    document["run"]["exitStatus"] = exit_status(document, inspection)
    return document


def exit_status(document: Mapping[str, Any], inspection: Inspection) -> int:
    """Return the exit code: as of a run, but 0 when everything inspected passes (contract §3)."""
    results = document["results"]
    words = {r["verdict"] for r in results}
    gate = inspection.request.gate
    if inspection.interrupted:
        return 2
    if "fail" in words or (gate == "should" and "warn" in words):
        return 1
    if "error" in words or inspection.errors:
        return 3
    if not results:
        return 5
    undecided = any(binds(r) and r["verdict"] in ("inconclusive", "review") for r in results)
    return 6 if undecided and gate != "fail" else 0


def _notifications(inspection: Inspection) -> Iterator[str]:
    kinds = ", ".join(f"{n} {k}" for k, n in sorted(inspection.kinds.items()))
    yield f"{inspection.files} files were looked at ({kinds or 'none'}); {inspection.unread} had nothing to judge"
    for name in sorted({*inspection.met, *inspection.missed}):
        met, missed = inspection.met[name], inspection.missed[name]
        verb = "meets" if met == 1 else "meet"
        yield f"{met} of {met + missed} {verb} {name}, in every clause that a file can decide"
    yield from inspection.desk.notes[:_TOLD]
    more = inspection.desk.drawer.get("desk.more", 0) + max(0, len(inspection.desk.notes) - _TOLD)
    if more:
        yield f"{more} more notes are in results.jsonl"


def _title(paths: Sequence[Path]) -> str:
    return paths[0].name or "files" if len(paths) == 1 else f"{len(paths)} paths"


def _stamp(moment: dt.datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
