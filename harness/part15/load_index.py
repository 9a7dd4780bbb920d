"""The JSON index of the profiles: read without YAML and without pydantic, so that ``list`` is quick.

The index is kept in the user's cache folder under a digest over the contents of
``profiles/**/*.yaml``; a folder that cannot be written only costs time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from part15.model import Binding, Clause, Include, Level, Profile, Status, Stimulus

FAMILIES = (
    "secure_use",
    "secure_transport",
    "user_identity",
    "digital_signatures",
    "media_security",
    "confidentiality",
    "audit",
    "system_management",
)
"""The folders of ``profiles/``, in the order of the annexes."""

KEPT = 3
"""How many indexes stay in the cache: two checkouts and the one before."""

Sources = Mapping[str, bytes]
"""The contents of the profile files by their name relative to ``profiles/``."""


def digest_of(sources: Sources) -> str:
    """Return the SHA-256 over names, sizes and contents of *sources*."""
    total = hashlib.sha256()
    for name in sorted(sources):
        total.update(f"{name}\0{len(sources[name])}\0".encode())
        total.update(sources[name])
    return total.hexdigest()


def _code() -> bytes:
    """Return what the plain form depends on besides the profiles: the code that makes it."""
    here = Path(__file__).parent
    names = ("model.py", "load_yaml.py", "load_form.py", "load_link.py", "load_index.py")
    return b"".join((here / name).read_bytes() for name in names)


def key_of(sources: Sources) -> str:
    """Return the name of the index for *sources* and this version of the code."""
    return hashlib.sha256(digest_of(sources).encode() + _code()).hexdigest()


def cache_folder() -> Path:
    """Return the cache folder of the platform (``$XDG_CACHE_HOME/part15`` and its equivalents)."""
    given = os.environ.get("XDG_CACHE_HOME")
    if given:
        return Path(given) / "part15"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", "~")).expanduser() / "part15" / "Cache"
    if sys.platform == "darwin":
        return Path("~/Library/Caches/part15").expanduser()
    return Path("~/.cache/part15").expanduser()


def _path(key: str) -> Path:
    return cache_folder() / f"profiles-{key[:32]}.json"


def stored(key: str) -> dict[str, Any] | None:
    """Return the plain profiles stored under *key*, by file name, or None."""
    try:
        document = json.loads(_path(key).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(document, dict) or document.get("key") != key:
        return None
    files = document.get("files")
    return files if isinstance(files, dict) else None


def keep(key: str, files: Mapping[str, Any]) -> None:
    """Store the plain profiles *files* under *key*, atomically; silently not, where that is impossible."""
    import tempfile

    path = _path(key)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({"key": key, "files": files}, file, separators=(",", ":"))
            Path(temporary).replace(path)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            return
        for old in _newest(path.parent)[KEPT:]:
            old.unlink(missing_ok=True)


def _newest(folder: Path) -> list[Path]:
    """Return the indexes in *folder*, newest first."""
    dated = []
    for path in folder.glob("profiles-*.json"):
        with contextlib.suppress(OSError):
            dated.append((path.stat().st_mtime, path))
    return [path for _, path in sorted(dated, reverse=True)]


def reusable() -> dict[str, Any]:
    """Return the entries of the newest index of any key, by file name; each carries its own digest."""
    for path in _newest(cache_folder())[:1]:
        with contextlib.suppress(OSError, ValueError):
            document = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(document, dict) and isinstance(document.get("files"), dict):
                return dict(document["files"])
    return {}


def entry_digest(data: bytes) -> str:
    """Return the digest that marks the entry of one file as reusable."""
    return hashlib.sha256(data + _code()).hexdigest()


def _span(editions: Any) -> tuple[str, str | None]:
    first, last = editions
    return first, last


def _binding(plain: Mapping[str, Any]) -> Binding:
    stimulus = plain["stimulus"]
    return Binding(
        roles=tuple(plain["roles"]),
        status=Status(plain["status"]),
        reason=plain["reason"],
        stimulus=Stimulus(stimulus[0], stimulus[1]) if stimulus else None,
        check=plain["check"],
        expect=plain["expect"],
        each=plain["each"],
        features=tuple(plain["features"]),
        part=plain["part"],
    )


def _clause(plain: Mapping[str, Any], profile: str) -> Clause:
    return Clause(
        id=plain["id"],
        profile=profile,
        section=plain["section"],
        level=Level(plain["level"]),
        roles=tuple(plain["roles"]),
        editions=_span(plain["editions"]),
        text=plain["text"],
        bindings=tuple(_binding(b) for b in plain["bindings"]),
        how=plain["how"],
        negative=plain["negative"],
        hint=plain["hint"],
        group=plain["group"],
        depends=tuple(plain["depends"]),
        derived=plain["derived"],
        notes=plain["notes"],
        readings=tuple(plain["readings"]),
        data=plain["data"],
        level_in=plain["level_in"],
        line=plain["line"],
    )


def profile_from(plain: Mapping[str, Any]) -> Profile:
    """Return the profile that the plain form describes."""
    return Profile(
        id=plain["id"],
        title=plain["title"],
        section=plain["section"],
        family=plain["family"],
        editions=_span(plain["editions"]),
        clauses=tuple(_clause(c, plain["id"]) for c in plain["clauses"]),
        roles=tuple(plain["roles"]),
        include=tuple(
            Include(i["profile"], _span(i["editions"]), i["advisory"], tuple(i["only"]))
            for i in plain["include"]
        ),
        claimable=plain["claimable"],
        source=plain["source"],
        policy=plain["policy"],
    )
