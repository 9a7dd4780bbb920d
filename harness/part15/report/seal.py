"""Integrity of a run folder: ``CHAIN``, ``SHA256SUMS`` and an optional detached CMS signature over the latter.

``SHA256SUMS`` has one canonical text for a given set of files, so verifying is making it anew and comparing:
every change, deletion, addition and truncation shows, in the list itself too. ``CHAIN`` links the
digests of evidence and report one after another; its last link, the *seal*, stands for the whole
run in 64 digits that a person can note down.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from part15.errors import InputError

SUMS, CHAIN, SIGNATURE = "SHA256SUMS", "CHAIN", "SHA256SUMS.p7s"
START = hashlib.sha256(b"part15 chain 1").hexdigest()
"""What stands before the first link."""
_NO_FILE = "0" * 64
SEALS = frozenset({SUMS, CHAIN, SIGNATURE})


@dataclass(frozen=True)
class Verification:
    """What verifying found: *problems* is empty if the run is intact; *seal* is the last link of its chain.

    *signer* is the SHA-256 fingerprint of the certificate that signed, empty if the run is not
    signed; *trusted* is None if no certificate to trust was given.
    """

    problems: tuple[str, ...]
    files: int
    seal: str
    signer: str = ""
    trusted: bool | None = None


def _walk(run: Path) -> Iterator[tuple[str, Path]]:
    for folder, names, files in os.walk(run, followlinks=False):
        names.sort()
        links = [n for n in names if (Path(folder) / n).is_symlink()]
        for name in sorted([*files, *links]):
            path = Path(folder) / name
            yield path.relative_to(run).as_posix(), path


def _digest(path: Path) -> str:
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return _NO_FILE
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return _NO_FILE


def digests(run: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below *run* but the seals, by relative path, sorted.

    What is no regular file (a link, a pipe), or cannot be read, counts as 64 zeros: it is never
    followed, and no run has one.
    """
    found = {name: _digest(path) for name, path in _walk(run) if name not in {SUMS, SIGNATURE}}
    return dict(sorted(found.items()))


def _escaped(name: str) -> str:
    return name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


def _sums(found: dict[str, str]) -> str:
    return "".join(
        f"{'' if _escaped(name) == name else chr(92)}{digest}  {_escaped(name)}\n"
        for name, digest in found.items()
    )


def _chain(found: dict[str, str]) -> str:
    link, lines = START, []
    for name, digest in found.items():
        if name != CHAIN:
            link = hashlib.sha256(
                f"{link} {digest} {_escaped(name)}".encode(errors="surrogateescape")
            ).hexdigest()
            lines.append(f"{link}  {_escaped(name)}\n")
    return "".join(lines)


def _seal_of(chain: str) -> str:
    last = chain.rstrip("\n").rpartition("\n")[2]
    return last[:64] or START


def seal(run: Path) -> str:
    """Write ``CHAIN`` and ``SHA256SUMS`` over the files of *run*, drop an old signature, return the seal."""
    (run / SIGNATURE).unlink(missing_ok=True)
    chain = _chain(digests(run))
    _write(run / CHAIN, chain)
    _write(run / SUMS, _sums(digests(run)))
    return _seal_of(chain)


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8", errors="surrogateescape"))


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() and not path.is_symlink() else b""


def verify(run: Path, trust: Path | None = None) -> Verification:
    """Compare the files of *run* with its seals, and check its signature if it has one.

    *trust* is the certificate (PEM) that must have signed. Raises InputError if *run* was never sealed.
    """
    if not (run / SUMS).is_file():
        raise InputError(
            f"{run} has no {SUMS}; it is no finished run folder, or the list was taken away"
        )
    found = digests(run)
    listed = _read(run / SUMS)
    problems = _differences(listed, found)
    chain = _chain(found)
    if _read(run / CHAIN) != chain.encode("utf-8", errors="surrogateescape"):
        problems.append(f"{CHAIN} does not lead through the files as they are now")
    signer, trusted = "", None
    claimed = _claimed_signer(run)
    if (run / SIGNATURE).exists():
        from part15.report.signature import check

        signer, wrong = check(_read(run / SIGNATURE), listed)
        problems += wrong
        if signer and claimed != signer:
            problems.append(f"{SIGNATURE} is by another certificate than report.json names")
        if trust is not None:
            trusted = not wrong and signer == _fingerprint(trust)
            if not trusted:
                problems.append(f"{SIGNATURE} was not made with the certificate {trust.name}")
    elif claimed:
        problems.append(f"{SIGNATURE} is missing, but report.json says that the run was signed")
    elif trust is not None:
        problems.append(
            f"the run is not signed, so the certificate {trust.name} vouches for nothing"
        )
    return Verification(tuple(problems), len(found), _seal_of(chain), signer, trusted)


def _claimed_signer(run: Path) -> str:
    try:
        document = json.loads(_read(run / "report.json"))
        return str(document["integrity"]["signerFingerprint"] or "")
    except (ValueError, KeyError, TypeError):
        return ""


def _fingerprint(certificate: Path) -> str:
    from part15.report.signature import fingerprint

    return fingerprint(certificate)


def _differences(listed: bytes, found: dict[str, str]) -> list[str]:
    if listed == _sums(found).encode("utf-8", errors="surrogateescape"):
        return []
    problems, told = [], {}
    for line in listed.decode("utf-8", errors="replace").splitlines():
        digest, gap, name = line.removeprefix("\\").partition("  ")
        if len(digest) == 64 and gap:
            told[name] = digest
        else:
            problems.append(f"{SUMS} has a line that is no digest and name")
    gone = sorted(told.keys() - {_escaped(n) for n in found})
    problems += [f"{name} is missing" for name in gone]
    for name, digest in found.items():
        if _escaped(name) not in told:
            problems.append(f"{name} was added")
        elif told[_escaped(name)] != digest:
            problems.append(f"{name} was changed")
    return problems or [f"{SUMS} is not as it was written"]
