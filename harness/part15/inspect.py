"""``part15 inspect``: judge files without a network, with the checks and bindings that ``run`` uses.

Files are walked, told apart, read by every family's readers, judged at once (in several processes, if
there are many), and added up per clause in the order of the walk; memory does not grow with their number.
What was judged is in ``results.jsonl`` before the next files are taken in.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import json
import os
import platform
import ssl
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from part15 import __version__, load
from part15.channel.files import Found, walk
from part15.channel.reading import NOTE, Desk, readers
from part15.content import table
from part15.errors import TargetError
from part15.inspect_examine import Examiner, Judges, in_force
from part15.inspect_pool import Stop, shares
from part15.inspect_resume import Begun, Journal, begin, begun_in, resume
from part15.inspect_share import Share
from part15.inspect_tally import plan_of, role_for, verdicts_of
from part15.model import Profile
from part15.registry import did_you_mean
from part15.report import build
from part15.report.conclude import binds
from part15.report.facts import RunFacts, TargetFacts
from part15.rows import plan_document
from part15.run_files import write_report
from part15.target import EDITION

Progress = Callable[[int, str], None]

MANY = 200
"""Files beyond which several processes judge."""
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
    workers: int | None = None
    """Processes that judge; None: as many as the machine has cores, for more than :data:`MANY` files."""
    resume: bool = False
    at: dt.datetime | None = None


@dataclass
class Inspection:
    """One inspection under way: what was added up of the shares so far."""

    request: Request
    profiles: Mapping[str, Profile]
    desk: Desk
    judges: Judges
    journal: Journal | None = None
    kinds: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    files: int = 0
    unread: int = 0
    errors: int = 0
    more_notes: int = 0
    interrupted: bool = False
    finished: bool = False
    started: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))

    @property
    def today(self) -> dt.date:
        """The day on which waivers and the like are judged."""
        return self.started.date()

    def examiner(self) -> Examiner:
        """Return who judges single files; its tallies are its own."""
        judges = Judges(self.profiles, self.request.edition, self.request.options)
        return Examiner(self.request.profiles, judges, self.desk, self.today)

    def add(self, share: Share) -> None:
        """Take in what came of the next files, and write it down."""
        news = self.take(share)
        if self.journal is not None:
            self.journal.add(share, news)

    def take(self, share: Share) -> Share:
        """Take in what came of the next files; returns what of it made a difference."""
        self.kinds.update(share.kinds)
        self.met.update(share.met)
        self.missed.update(share.missed)
        self.files += share.files
        self.unread += share.unread
        self.errors += share.errors
        self.more_notes += share.more_notes
        before = self.desk.more
        kept = []
        for key, value in share.kept:
            more = self.desk.more
            self.desk.fold(key, value)
            if key != NOTE or self.desk.more == more:
                kept.append((key, value))
        more = share.more_notes + self.desk.more - before
        news = {}
        for name, partials in share.partials.items():
            one = self.judges.of(name)
            assert one is not None, "the profile was judged, so it can be"
            news[name] = [(n, one.tallies[n].partial.merge(p)) for n, p in partials]
        return dataclasses.replace(share, rows=[], kept=kept, more_notes=more, partials=news)


def inspect(
    request: Request, progress: Progress | None = None, total: Callable[[int], None] | None = None
) -> dict[str, Any]:
    """Inspect and return the report document; with ``request.out`` also write the folder.

    *progress* is called with the number of files looked at and the name of the next (of the last,
    where several processes judge), *total* once with the number of entries to look at. An interrupt
    ends the walk, and the report of what was judged is made; ``request.resume`` goes on from there.
    Raises TargetError for paths, profiles or keys that cannot be used.
    """
    inspection = prepare(request)
    folder = request.out
    if request.resume and folder is None:
        raise TargetError("--resume needs the folder of the interrupted inspection (-o DIR)")
    try:
        with Stop() as stop:
            _look(inspection, progress, total, stop)
    except KeyboardInterrupt:
        inspection.interrupted = True
    finally:
        if inspection.journal is not None:
            inspection.journal.close(finished=inspection.finished)
    document = _document(inspection)
    if folder is not None:
        judgings = [*inspection.judges.known.values()]
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
        if not in_force(profile, request.edition):
            raise TargetError(f"the edition {request.edition} has no profile '{name}'")
    _known_options(request.options, profiles)
    request = dataclasses.replace(request, profiles=tuple(wanted))
    desk = Desk(
        claimed=frozenset(wanted),
        options=request.options,
        edition=request.edition,
        trust=trust_of(request.trust, request.intermediates, request.crls, request.at),
        openers=openers_of(request.key, request.certificate, request.password_file),
        before=request.before,
    )
    judges = Judges(profiles, request.edition, request.options)
    return Inspection(request, profiles, desk, judges)


def _known_options(options: Sequence[str], profiles: Mapping[str, Profile]) -> None:
    """Refuse an option that means nothing: files would be judged as if it had not been given."""
    words = {
        w for p in profiles.values() for c in p.clauses for b in c.bindings for w in b.features
    }
    words |= {w for p in profiles.values() for c in p.clauses for w in c.data.get("features", ())}
    words |= {*profiles, *table("deid-presets")["presets"]}
    for option in options:
        if option not in words:
            hint = did_you_mean(option, sorted(words))
            raise TargetError(f"--option: there is no option '{option}'{hint}")


def _look(
    inspection: Inspection,
    progress: Progress | None,
    total: Callable[[int], None] | None,
    stop: Stop,
) -> None:
    request = inspection.request
    readers()  # imported once, before there are other processes
    founds = _walk(request.paths)
    count = 0
    if total is not None:
        count = sum(1 for _ in _walk(request.paths))
        total(count)
    workers = request.workers
    if workers is None:
        first = list(itertools.islice(founds, MANY + 1)) if total is None else []
        founds = itertools.chain(first, founds)
        workers = (os.cpu_count() or 1) if max(count, len(first)) > MANY else 0
    examiner = inspection.examiner()
    if request.out is not None:
        founds = _opened_journal(inspection, examiner, request.out, founds)
    if progress is not None and workers < 2:
        founds = _told(founds, inspection, progress)
    for share in shares(founds, examiner, workers, stop):
        inspection.add(share)
        if progress is not None and workers >= 2:
            progress(inspection.files, share.looked[-1].name)
    if stop.asked:
        inspection.interrupted = True
        return
    inspection.add(examiner.close(inspection.desk))
    inspection.finished = True


def _told(founds: Iterator[Found], inspection: Inspection, progress: Progress) -> Iterator[Found]:
    for found in founds:
        progress(inspection.files, found.name)
        yield found


def _opened_journal(
    inspection: Inspection, examiner: Examiner, folder: Path, founds: Iterator[Found]
) -> Iterator[Found]:
    """Open the journal in *folder*; return the files that are not yet judged in it."""
    asked = _asked(inspection.request)
    if not inspection.request.resume:
        begun = Begun(asked, inspection.started.isoformat(), inspection.desk.salt)
        inspection.journal = begin(folder, begun)
        return founds
    begun = begun_in(folder, asked)
    inspection.started = dt.datetime.fromisoformat(begun.started)
    inspection.desk.salt = examiner.desk.salt = begun.salt

    def take(share: Share, files: list[Found]) -> None:
        if share.again:
            anew = examiner.examine(files)
            share = dataclasses.replace(share, kept=anew.kept, more_notes=anew.more_notes)
        inspection.take(share)

    inspection.journal, founds = resume(folder, founds, take)
    return founds


def _asked(request: Request) -> dict[str, str]:
    """Return what decides the outcome of an inspection, as texts."""
    how = ("out", "workers", "resume", "gate")
    asked = {
        f.name.replace("_", " "): repr(getattr(request, f.name))
        for f in dataclasses.fields(request)
        if f.name not in how
    }
    return {**asked, "version of part15": f"{__version__} {load.profiles_digest()}"}


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
        inspection.judges.of(name)
    known = inspection.judges.known
    judgings = [known[name] for name in sorted(known)]
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
    more = inspection.more_notes + inspection.desk.more
    more += max(0, len(inspection.desk.notes) - _TOLD)
    if more:
        yield f"{more} more notes are in results.jsonl"


def _title(paths: Sequence[Path]) -> str:
    return paths[0].name or "files" if len(paths) == 1 else f"{len(paths)} paths"


def _stamp(moment: dt.datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
