"""The run folder: observations and the bytes behind them, written before judging and never changed (contract §5)."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from part15.errors import Trouble
from part15.model import Stimulus
from part15.observations import from_json, to_json

ITEM_LIMIT = 16 * 1024 * 1024
"""The most octets of one evidence file; what is longer is cut and says so in its name."""

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True)
class Drawer:
    """The evidence folder of one stimulus."""

    folder: Path

    def keep(self, name: str, data: bytes, *, phi: str = "none") -> None:
        """Store *data* under *name*; *phi* (``none``, ``synthetic``, ``possible``) goes into the file's name."""
        self.folder.mkdir(parents=True, exist_ok=True)
        safe = _UNSAFE.sub("_", name)[:80]
        if phi == "possible":
            safe = f"phi-{safe}"
        if len(data) > ITEM_LIMIT:
            data, safe = data[:ITEM_LIMIT], f"cut-{safe}"
        (self.folder / safe).write_bytes(data)

    def add(self, name: str, data: bytes) -> None:
        """Append *data* to what a driver kept under *name*, if it kept something."""
        path = self.folder / name
        before = path.read_bytes() + b"\n" if path.is_file() else b""
        self.keep(name, before + data)


@dataclass(frozen=True)
class Store:
    """``evidence/`` of a run; workers have one each, merged when the run ends."""

    root: Path

    def drawer(self, stimulus: Stimulus) -> Drawer:
        """Return where evidence of *stimulus* goes."""
        return Drawer(self.root / stimulus.key)

    def put(self, stimulus: Stimulus, seen: Any) -> None:
        """Write the observation, or the trouble, of *stimulus*."""
        folder = self.root / stimulus.key
        folder.mkdir(parents=True, exist_ok=True)
        if isinstance(seen, Trouble):
            document: dict[str, Any] = {"trouble": {"step": seen.step, "why": seen.why}}
        else:
            document = {"observation": to_json(seen)}
        document["stimulus"] = {
            "kind": stimulus.kind,
            "args": stimulus.args,
            "endpoint": stimulus.endpoint,
        }
        (folder / "observation.json").write_bytes(_encoded(document))

    def get(self, stimulus: Stimulus) -> Any:
        """Return the stored observation or Trouble of *stimulus*, or None if there is none.

        Raises ValueError if this version cannot read it.
        """
        path = self.root / stimulus.key / "observation.json"
        if not path.is_file():
            return None
        document = json.loads(path.read_text(encoding="utf-8"))
        if "trouble" in document:
            return Trouble(document["trouble"]["step"], document["trouble"]["why"])
        return from_json(document["observation"])

    def names(self, stimulus: Stimulus) -> tuple[str, ...]:
        """Return the evidence files of *stimulus*, relative to the run folder."""
        folder = self.root / stimulus.key
        if not folder.is_dir():
            return ()
        return tuple(
            sorted(f"evidence/{stimulus.key}/{p.name}" for p in folder.iterdir() if p.is_file())
        )


def _encoded(document: Any) -> bytes:
    """Return *document* as JSON; only text that UTF-8 does not have (lone surrogates) is escaped."""
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, default=list)
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(document, indent=1, sort_keys=True, default=list).encode() + b"\n"


def merge_workers(run: Path) -> None:
    """Move what workers kept into ``evidence/``; the first to have driven a stimulus wins."""
    for worker in sorted(run.glob(".evidence-*")):
        for folder in sorted(worker.iterdir()):
            place = run / "evidence" / folder.name
            if not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(folder, place)
        shutil.rmtree(worker)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
