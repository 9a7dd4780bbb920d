"""De-identifiers: the planted corpus goes in, what comes out is paired with it and judged (PS3.15 Annex E)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from part15.bench import Bench
from part15.channel.adapter import Adapter, adapter_of
from part15.drivers.deid_through import Ends, ends_of, through
from part15.errors import TargetError, Trouble
from part15.model import Impact
from part15.observations import Many, Member, NotReached
from part15.observations.deid import DeidSeen, SurvivorSeen
from part15.registry import driver
from part15.wire.cms_opening import Opener
from part15.wire.deid import Claimed, read_object, read_pair
from part15.wire.deid_hunt import Hunter, sought
from part15.wire.deid_rules import BASIC, expanded, options, rules
from part15.wire.elements import MalformedDataSet

if TYPE_CHECKING:
    from part15.peers.canaries import Corpus

PROFILE = BASIC
SECONDS_PER_FILE = 10.0
MOST_OUTPUT = 1 << 30
MOST_SEED = 200
MOST_LOG = 1 << 22
"""Octets of a file without DICOM in it, a log or a report, that is still looked through."""
MOST_EVIDENCE = 1 << 20
Asked = tuple[str, tuple[str, ...]]
"""Edition and options."""
DATES = {"full": "retain-long-full-dates", "modified": "retain-long-modified-dates"}


@dataclass(frozen=True)
class Outcome:
    """What a de-identifier made of the corpus: pairs of (name, original, output path), and its log."""

    pairs: tuple[tuple[str, Path, Path], ...]
    log: tuple[str, ...] = ()
    out: Path = Path()


@dataclass(frozen=True)
class Asking:
    """What is asked: of whom, by which claim, about the objects of which folder, for which recipients."""

    bench: Bench
    adapter: Adapter
    claimed: Asked
    folder: Path
    certificates: tuple[str, ...]


def claim_of(target: Any, dates: str = "modified") -> tuple[str, tuple[str, ...]]:
    """Return the edition and the options of what *target* claims of Annex E: option profiles, or options.

    Full and modified dates exclude each other (E.3.6): of both, *dates* says which is asked for.
    """
    claims: Mapping[str, Any] = getattr(target, "claims", {})
    edition = target.target.edition
    chosen: dict[str, None] = {}
    for name, table in claims.items():
        if name == BASIC or name in options():
            edition = getattr(table, "edition", None) or edition
            chosen.update(dict.fromkeys(getattr(table, "options", ())))
        if name in options():
            chosen[name] = None
    named = expanded(chosen)
    if set(DATES.values()) <= set(named):
        named = tuple(o for o in named if o not in DATES.values() or o == DATES[dates])
    return edition, named


def declared_safe(target: Any) -> frozenset[tuple[str, int, int]]:
    """Return the private attributes that the target's ``policy.safe_private`` declares: ``CREATOR,gggg,ee``.

    Raises TargetError for an entry that is not written so.
    """
    found = set()
    for text in (getattr(target, "policy", None) or {}).get("safe_private", ()):
        parts = [part.strip() for part in str(text).rsplit(",", 2)]
        try:
            found.add((parts[0], int(parts[1], 16), int(parts[2], 16)))
        except (IndexError, ValueError):
            raise TargetError(
                f"policy.safe_private: '{text}' is not written as CREATOR,gggg,ee"
            ) from None
    return frozenset(found)


@driver(Impact.OBSERVE, at="target", adapter=True)
def deidentify(
    bench: Bench, *, encrypted: bool = False, dates: Literal["full", "modified"] = "modified"
) -> Many[DeidSeen] | NotReached:
    """Hand the planted corpus to the adapter's ``deidentify`` and read what comes out against it.

    Where full and modified dates are both claimed *dates* chooses. With *encrypted* three recipients are given, and the keys of all of them open what they may.
    Without an adapter the corpus is stored with the endpoint that names the claim, and taken at the
    listener that does (:mod:`part15.drivers.deid_through`); without those the files of ``media.folder``
    are read, against ``media.originals`` if named.
    """
    claimed = claim_of(bench.target, dates)
    key = ("deid.deidentify", encrypted, claimed)
    found: Many[DeidSeen] | NotReached = bench.shelf.once(
        key, lambda: _driven(bench, claimed, encrypted)
    )
    return found


def _driven(bench: Bench, claimed: Asked, encrypted: bool) -> Many[DeidSeen] | NotReached:
    try:
        adapter = adapter_of(bench.target)
    except Trouble:
        ends = ends_of(bench.target)
        if ends is None:
            return read_media(bench, claimed)
        found: Many[DeidSeen] | NotReached = bench.shelf.once(
            ("deid.through", claimed), lambda: _stored(bench, ends, claimed)
        )
        return found
    return _by_adapter(bench, adapter, claimed, encrypted)


def _stored(bench: Bench, ends: Ends, claimed: Asked) -> Many[DeidSeen] | NotReached:
    """Pass the corpus through a SUT that takes objects and sends them on; once, whoever the recipients are."""
    edition, chosen = claimed
    corpus, hunter = _corpus(bench, claimed)
    safe = declared_safe(bench.target)
    claim = Claimed(edition, chosen, safe=safe, hunter=hunter, salt=os.urandom(32))
    return through(bench, ends, corpus, claim, hunter)


def read_media(bench: Bench, claimed: Asked) -> Many[DeidSeen] | NotReached:
    """Read the files of ``media.folder``, against those of the same name in ``media.originals``."""
    media = getattr(bench.target, "media", None)
    if media is None:
        return NotReached(
            "deidentify",
            "the target names neither an adapter with the verb deidentify, nor an endpoint and a listener "
            f"with profiles = ['{BASIC}'], nor media.folder",
        )
    edition, chosen = claimed
    originals = Path(media.originals) if media.originals else None
    corpus = _planted(bench, originals)
    hunter = Hunter.of(sought(corpus.canaries, rules(edition, chosen))) if corpus else None
    claim = Claimed(
        edition,
        chosen,
        safe=declared_safe(bench.target),
        hunter=hunter,
        hunt_originals=hunter is None,
        salt=os.urandom(32),
    )
    folder = Path(media.folder)
    members: list[Member[DeidSeen]] = []
    logged: tuple[SurvivorSeen, ...] = ()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        old = originals / name if originals is not None else None
        regions = (corpus.region,) if corpus is not None and name == corpus.burned else ()
        its = replace(claim, regions=regions, look_at_pixels=bool(regions))
        seen = read_file(path, name, old if old is not None and old.is_file() else None, its)
        if seen is not None:
            told = hunter.in_text(name, "file name") if hunter is not None else ()
            members.append(Member(name, replace(seen, survivors=seen.survivors + told)))
        elif hunter is not None and path.stat().st_size <= MOST_LOG:
            logged += hunter.in_text(
                path.read_bytes().decode("latin-1"), "log or other file beside"
            )
    if not members:
        return NotReached("deidentify", f"no DICOM file is in {folder}")
    if logged:
        first = members[0]
        seen = replace(first.seen, survivors=first.seen.survivors + logged)
        members[0] = Member(first.subject, seen)
    return Many(tuple(members), "object")


def _as_text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "surrogateescape")


def _planted(bench: Bench, originals: Path | None) -> Corpus | None:
    """Return the planted corpus that ``python -m part15.peers.canaries`` wrote into *originals*, if it did."""
    from part15.peers.canaries import SEED_FILE, write_corpus

    mark = originals / SEED_FILE if originals is not None else None
    if mark is None or not mark.is_file() or mark.stat().st_size > MOST_SEED:
        return None
    seed = mark.read_text(encoding="utf-8", errors="replace").strip()
    return write_corpus(bench.scratch / "corpus", seed)


def read_file(path: Path, name: str, original: Path | None, claim: Claimed) -> DeidSeen | None:
    """Return what is seen of the file at *path*, or None if it is no DICOM file."""
    if path.stat().st_size > MOST_OUTPUT:
        return None
    try:
        if original is None:
            return read_object(path.read_bytes(), name, claim)
        return read_pair(original.read_bytes(), path.read_bytes(), name, claim)
    except MalformedDataSet:
        return None


def _corpus(bench: Bench, claimed: Asked) -> tuple[Corpus, Hunter]:
    from part15.peers.canaries import write_corpus

    edition, chosen = claimed
    corpus = bench.shelf.once("deid.corpus", lambda: write_corpus(_kept(bench, "corpus")))
    hunter = bench.shelf.once(
        ("deid.hunter", edition, chosen),
        lambda: Hunter.of(sought(corpus.canaries, rules(edition, chosen))),
    )
    return corpus, hunter


def _by_adapter(
    bench: Bench, adapter: Adapter, claimed: Asked, encrypted: bool
) -> Many[DeidSeen] | NotReached:
    edition, chosen = claimed
    corpus, hunter = _corpus(bench, claimed)
    openers, certificates = _recipients(bench) if encrypted else ({}, [])
    names = corpus.few if encrypted else tuple(corpus.files)
    ask = Asking(bench, adapter, claimed, corpus.folder, tuple(certificates))
    outcome = _asked(ask, names)
    if isinstance(outcome, NotReached):
        return outcome
    claim = Claimed(
        edition,
        chosen,
        safe=declared_safe(bench.target),
        openers=openers,
        hunter=hunter,
        salt=os.urandom(32),
    )
    members: list[Member[DeidSeen]] = []
    for name, original, made in outcome.pairs:
        regions = (corpus.region,) if name == corpus.burned else ()
        seen = read_file(made, name, original, replace(claim, regions=regions, look_at_pixels=True))
        if made.stat().st_size <= MOST_EVIDENCE:
            bench.evidence.keep(
                f"output-{len(members):02d}.dcm", made.read_bytes(), phi="synthetic"
            )
        if seen is None:
            return NotReached("deidentify", f"the output for {corpus.files[name]} is no DICOM file")
        told = _in_names(hunter, outcome, made) + (_in_log(hunter, outcome) if not members else ())
        members.append(
            Member(
                corpus.files[name],
                replace(seen, name=corpus.files[name], survivors=seen.survivors + told),
            )
        )
    return Many(tuple(members), "object")


def _kept(bench: Bench, name: str) -> Path:
    """Return a folder that outlives the stimulus: other stimuli of the run use what is in it."""
    import atexit
    import shutil
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix=f"part15-{name}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    del bench
    return folder


def _in_names(hunter: Hunter, outcome: Outcome, made: Path) -> tuple[SurvivorSeen, ...]:
    try:
        name = made.relative_to(outcome.out).as_posix()
    except ValueError:
        name = made.name
    return hunter.in_text(name, "file name")


def _in_log(hunter: Hunter, outcome: Outcome) -> tuple[SurvivorSeen, ...]:
    return hunter.in_text("\n".join(outcome.log), "log")


def _recipients(bench: Bench) -> tuple[Mapping[str, Opener], list[str]]:
    """Return the openers of three recipients, and the paths of their certificates."""
    from part15.peers.deid_party import RECIPIENTS, opener, recipients

    folder = bench.scratch / "recipients"
    folder.mkdir(exist_ok=True)
    openers: dict[str, Opener] = {}
    paths = []
    for name in RECIPIENTS:
        identity = recipients()[name]
        paths.append(str(write_certificate(folder / f"{name}.pem", identity.certificate)))
        openers[name] = opener(identity)
    return openers, paths


def write_certificate(path: Path, certificate: Any) -> Path:
    """Write *certificate* as PEM and return the path."""
    from cryptography.hazmat.primitives.serialization import Encoding

    path.write_bytes(certificate.public_bytes(Encoding.PEM))
    return path


def _asked(ask: Asking, names: Sequence[str]) -> Outcome | NotReached:
    """Hand over all objects at once; one by one where the SUT refuses them together."""
    ask.bench.note(f"{len(names)} planted objects to de-identify")
    whole = _asked_once(ask, names, "deidentified")
    if isinstance(whole, Outcome) or whole.step != "refused":
        return whole
    parts = [
        _asked_once(ask, [name], f"deidentified-{number}") for number, name in enumerate(names)
    ]
    done = [part for part in parts if isinstance(part, Outcome)]
    if not done:
        return NotReached("deidentify", whole.why)
    ask.bench.note(f"{len(names) - len(done)} of {len(names)} objects were refused")
    pairs = tuple(pair for part in done for pair in part.pairs)
    return Outcome(pairs, tuple(line for part in done for line in part.log), ask.bench.scratch)


def _asked_once(ask: Asking, names: Sequence[str], out_name: str) -> Outcome | NotReached:
    edition, chosen = ask.claimed
    out = ask.bench.scratch / out_name
    out.mkdir(exist_ok=True)
    request = {
        "files": [str(ask.folder / name) for name in names],
        "out": str(out),
        "profile": BASIC,
        "edition": edition,
        "options": list(chosen),
        "recipients": list(ask.certificates),
    }
    seconds = ask.bench.deadline + SECONDS_PER_FILE * len(names)
    answer = ask.adapter.ask("deidentify", request, deadline=seconds)
    if answer.outcome != "done":
        told = answer.why or answer.diagnostics
        why = f"the adapter answered '{answer.outcome}' to deidentify: {told}"
        return NotReached("refused" if answer.outcome == "refused" else "deidentify", why)
    pairs = _paired(answer.values, answer.files, ask.folder, names, out)
    if not pairs:
        return NotReached("deidentify", "the adapter answered 'done' but wrote no file")
    log = answer.values.get("log", ())
    lines = [str(line) for line in log] if isinstance(log, (list, tuple)) else [str(log)]
    return Outcome(pairs, (*lines, *answer.diagnostics.splitlines()), out)


def _paired(
    values: Mapping[str, Any], files: Sequence[str], folder: Path, names: Sequence[str], out: Path
) -> tuple[tuple[str, Path, Path], ...]:
    """Pair outputs with originals: by the adapter's ``pairs``, by order, or by name."""
    said = values.get("pairs")
    by_original: dict[str, Path] = {}
    if isinstance(said, Mapping):
        by_original = {str(k): Path(str(v)) for k, v in said.items()}
    elif len(files) == len(names):
        by_original = {str(folder / n): Path(f) for n, f in zip(names, files, strict=True)}
    else:
        by_original = {
            str(folder / n): out / n if (out / n).is_file() else out / Path(n).name for n in names
        }
    found = []
    for name in names:
        made = by_original.get(str(folder / name))
        if made is not None and (made if made.is_absolute() else out / made).is_file():
            found.append((name, folder / name, made if made.is_absolute() else out / made))
    return tuple(found)
