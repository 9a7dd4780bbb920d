"""The SUT as media creator and media reader: files of ``media.folder``, and the adapter's write-media and read-media."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from part15.bench import Bench
from part15.channel.adapter import Adapter, Answer, adapter_of
from part15.channel.files import walk
from part15.drivers.media import DIRECTORY, KINDS, file_set, is_text, referenced_files
from part15.errors import TargetError, Trouble
from part15.model import Impact
from part15.observations import Many, Member, NotReached
from part15.observations.media import (
    PasswordsSeen,
    PasswordTrial,
    ReaderSeen,
    ReadTrial,
    SecureFileSeen,
    SecureFileSetSeen,
)
from part15.peers import media_samples
from part15.peers.media_mutants import READER_SETS, Mutant
from part15.peers.media_party import Parties, opener_of, parties, write_pem
from part15.registry import driver
from part15.wire.cms_opening import Opener, PasswordOpener
from part15.wire.cms_secure_file import Looked, beside, look
from part15.wire.cms_trust import Trust
from part15.wire.cms_writing import write

MAX_FILES = 100_000
_ADAPTER_DEADLINE = 30.0
_PASSWORDS = (
    ("note-example", "123\\$", True),
    ("phrase", "correct horse ~ battery {staple}", True),
    ("digits", "0123456789", True),
    ("e-acute", "caf\u00e9", False),
    ("sharp-s", "stra\u00dfe", False),
    ("yen-sign", "123\u00a5$", False),
    ("hiragana", "\u3072\u3089\u304c\u306a", False),
)
"""Test passwords by name (PS3.15 D.1.1 note): the first is the example of the note, octets 31 32 33 5C 24."""

Files = tuple[tuple[str, Path], ...]


def _seconds(bench: Bench) -> float:
    return max(bench.deadline, _ADAPTER_DEADLINE)


def _edition(bench: Bench) -> str:
    return str(getattr(getattr(bench.target, "target", None), "edition", "") or "2023b")


def _written(
    bench: Bench,
) -> tuple[Files, tuple[Opener, ...], dict[str, Opener], Trust] | NotReached:
    """Return the creator's files with what opens them: those of the folder, or made by the adapter now."""
    media = getattr(bench.target, "media", None)
    if media is not None and media.folder:
        return _of_folder(media)
    try:
        adapter = adapter_of(bench.target)
    except Trouble:
        why = "the target names neither media.folder nor an adapter with the verb write-media"
        return NotReached("media", why)
    return bench.shelf.once("media.written", lambda: _by_adapter(bench, adapter))


def _of_folder(
    media: Any,
) -> tuple[Files, tuple[Opener, ...], dict[str, Opener], Trust] | NotReached:
    from part15.channel.keys import openers_of, trust_of
    from part15.references import secret

    folder = Path(media.folder)
    if not folder.is_dir():
        return NotReached("media", f"media.folder {folder.name} is no folder")
    files = tuple((f.name, f.path) for f in walk(folder) if not f.refused)[:MAX_FILES]
    if not files:
        return NotReached("media", f"media.folder {folder.name} is empty")
    certificate, key = media.identity.paths() if media.identity else (None, None)
    openers = openers_of(
        Path(key) if key else None, Path(certificate) if certificate else None, None
    )
    if media.password:
        openers = (*openers, PasswordOpener(secret(media.password).encode("utf-8")))
    trust = trust_of(
        [Path(p) for p in media.trust],
        [Path(p) for p in media.intermediates],
        [Path(p) for p in media.crls],
    )
    return files, openers, {}, trust


def _by_adapter(
    bench: Bench, adapter: Adapter
) -> tuple[Files, tuple[Opener, ...], dict[str, Opener], Trust] | NotReached:
    everybody = parties()
    sources = _sources(bench.scratch / "inputs")
    request = _write_request(bench, everybody, sources)
    answer = adapter.ask("write-media", request, deadline=_seconds(bench))
    bench.note(f"write-media of {len(sources)} files for {len(everybody.recipients)} recipients")
    files = _answered(answer, Path(request["out"]))
    if isinstance(files, NotReached):
        return files
    # The scratch folder goes with this stimulus; others look at the same files.
    kept = Path(bench.shelf.once("media.folder", _lasting))
    lasting = []
    for number, (name, path) in enumerate(files):
        lasting.append((name, Path(shutil.copy(path, kept / f"{number}"))))
    strangers: dict[str, Opener] = {"the key of a stranger": opener_of(everybody.stranger)}
    return tuple(lasting), everybody.openers(), strangers, everybody.trust


def _lasting() -> str:
    import atexit
    import tempfile

    folder = tempfile.mkdtemp(prefix="part15-media-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _sources(folder: Path) -> list[Path]:
    """Write the plain file-set that a creator is given: two images and their DICOMDIR."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = _contents()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in sorted(contents)]


@functools.cache
def _contents() -> Mapping[str, bytes]:
    return {
        "IM1": media_samples.image(1),
        "IM2": media_samples.image(2, rows=64),
        DIRECTORY: media_samples.directory(("IM1", "IM2")),
    }


def _write_request(
    bench: Bench, everybody: Parties, sources: Sequence[Path], **more: Any
) -> dict[str, Any]:
    keys, out = bench.scratch / "keys", bench.scratch / "out"
    for folder in (keys, out):
        folder.mkdir(parents=True, exist_ok=True)
    return {
        "files": [str(p) for p in sources],
        "recipients": [
            write_pem(keys, f"recipient-{n}", i)["certificate"]
            for n, i in everybody.recipients.items()
        ],
        "signer": write_pem(keys, "signer", everybody.signers["signer"]),
        "edition": _edition(bench),
        "out": str(out),
        **more,
    }


def _answered(answer: Answer, out: Path) -> list[tuple[str, Path]] | NotReached:
    if answer.outcome != "done":
        why = f"the adapter answered '{answer.outcome}' to write-media: {answer.why or answer.diagnostics}"
        return NotReached("write-media", why)
    named = [Path(f) for f in answer.files] or [f.path for f in walk(out) if not f.refused]
    found = [(p.name, p) for p in named if p.is_file()]
    if not found:
        return NotReached("write-media", "the adapter answered 'done' but wrote no file")
    return found


@driver(Impact.OBSERVE, at="target", adapter=True)
def collect(bench: Bench) -> Many[SecureFileSeen] | NotReached:
    """Look at every file of the creator but text: those in ``media.folder``, or what its adapter writes now."""
    written = _written(bench)
    if isinstance(written, NotReached):
        return written
    files, openers, strangers, trust = written
    members = []
    for name, path in files:
        looked = _looked(name, path, openers, strangers, trust)
        if looked.seen.outer == "other" and is_text(path.read_bytes()):
            continue
        original = _original(bench, name)
        members.append(Member(name, beside(looked, original) if original else looked.seen))
    return Many(tuple(members), "file")


def _original(bench: Bench, name: str) -> bytes | None:
    """Return the file that *name* was to encapsulate: ours for an adapter, or that of ``media.originals``."""
    media = getattr(bench.target, "media", None)
    if media is None or not media.folder:
        return _contents().get(name)
    if not media.originals:
        return None
    path = Path(media.originals) / name
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError:
        return None


def _looked(
    name: str,
    path: Path,
    openers: tuple[Opener, ...],
    strangers: Mapping[str, Opener],
    trust: Trust,
) -> Looked:
    try:
        return look(path.read_bytes(), openers, trust, strangers)
    except OSError as error:
        raise Trouble("media", f"{name} cannot be read: {error.strerror or error}") from error


@driver(Impact.OBSERVE, at="target", adapter=True)
def collect_set(bench: Bench) -> SecureFileSetSeen | NotReached:
    """Look at the creator's files as one file-set, DICOMDIR included."""
    written = _written(bench)
    if isinstance(written, NotReached):
        return written
    files, openers, _, trust = written
    members, kind, references = [], "absent", None
    for name, path in files:
        looked = _looked(name, path, openers, {}, trust)
        word = KINDS.get(looked.seen.outer, "other")
        members.append((name, word))
        if name == DIRECTORY:
            content = path.read_bytes() if word == "plain" else looked.content
            kind, references = word, None if content is None else referenced_files(content)
    links: tuple[str, ...] = ()
    media = getattr(bench.target, "media", None)
    if media is not None and media.folder:
        links = tuple(f.name for f in walk(Path(media.folder)) if f.refused)
    return file_set("", members, kind, references, links)


@driver(Impact.OBSERVE, at="target", adapter=True)
def offer_passwords(bench: Bench) -> PasswordsSeen | Many[SecureFileSeen] | NotReached:
    """Ask the creator for files under passwords inside and outside the Default Character Repertoire."""
    try:
        adapter = adapter_of(bench.target)
    except Trouble:
        return collect(bench)
    everybody = parties()
    trials = []
    for name, password, allowed in _PASSWORDS:
        folder = bench.scratch / name
        sources = _sources(folder / "inputs")[1:2]
        inner = replace(bench, scratch=folder)
        request = _write_request(inner, everybody, sources, password=password)
        answer = adapter.ask("write-media", request, deadline=_seconds(bench))
        opens = _opens(answer, request, password) if answer.outcome == "done" else ""
        trials.append(PasswordTrial(name, allowed, answer.outcome, opens, answer.why))
    bench.note(f"write-media under {len(trials)} test passwords")
    return PasswordsSeen(tuple(trials))


def _opens(answer: Answer, request: Mapping[str, Any], password: str) -> str:
    files = _answered(answer, Path(request["out"]))
    if isinstance(files, NotReached):
        return ""
    opener = PasswordOpener(password.encode("utf-8"))
    accesses = {look(path.read_bytes(), (opener,)).seen.access for _, path in files}
    return "no" if "stranger" in accesses else "yes" if accesses == {"opened"} else ""


@driver(Impact.OBSERVE, at="target", adapter=True)
def read_with_sut(bench: Bench, *, files: str) -> ReaderSeen | NotReached:
    """Hand the reader the good files and mutants of the set *files* (see ``media_mutants``), one by one."""
    if files not in READER_SETS:
        raise TargetError(f"there is no set of files '{files}' for readers")
    try:
        adapter = adapter_of(bench.target)
    except Trouble:
        return NotReached("read-media", "the target names no adapter with the verb read-media")
    everybody = parties()
    keys = bench.scratch / "keys"
    keys.mkdir(parents=True, exist_ok=True)
    base = {
        **write_pem(keys, "recipient", everybody.recipients["first"]),
        "trust": [write_pem(keys, "root", _root(everybody))["certificate"]],
        "edition": _edition(bench),
    }
    trials = [_read(bench, adapter, base, mutant) for mutant in READER_SETS[files]]
    bench.note(f"read-media of {len(trials)} files ({files})")
    if all(t.answer == "cannot" for t in trials):
        return NotReached("read-media", f"the adapter cannot read-media: {trials[0].why}")
    return ReaderSeen(tuple(trials))


def _root(everybody: Parties) -> Any:
    from part15.wire.cms_writing import Identity

    return Identity(everybody.root.certificate, everybody.root.key)


def _read(bench: Bench, adapter: Adapter, base: Mapping[str, Any], mutant: Mutant) -> ReadTrial:
    folder = bench.scratch / mutant.name
    out = folder / "out"
    out.mkdir(parents=True, exist_ok=True)
    content = media_samples.image(1)
    paths = []
    for number, recipe in enumerate(mutant.recipes()):
        path = folder / f"{number + 1}.dcm"
        path.write_bytes(write(content, recipe))
        paths.append(str(path))
    request = {**base, "files": paths, "out": str(out)}
    if mutant.password:
        request["password"] = mutant.password
    if mutant.without_key:
        request = {k: v for k, v in request.items() if k not in ("key", "certificate")}
    answer = adapter.ask("read-media", request, deadline=_seconds(bench))
    word = {"done": "accepted"}.get(answer.outcome, answer.outcome)
    came = [Path(f) for f in answer.files if Path(f).is_file()]
    same = ""
    if word == "accepted" and came:
        same = "same" if all(p.read_bytes() == content for p in came) else "different"
    told = answer.values.get("results", ())
    words = [str(w) for r in told if isinstance(r, Mapping) for w in r.get("trust", ())]
    return ReadTrial(
        name=mutant.name,
        right=mutant.right,
        defect=mutant.defect,
        answer=word,
        why=answer.why[:500],
        content=same,
        told=(*words, f"{len(came)} of {len(paths)} files"),
    )
