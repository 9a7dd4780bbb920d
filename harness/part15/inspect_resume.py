"""The folder of an inspection while it is under way: ``results.jsonl``, and what a resume needs.

``unfinished.jsonl`` has one line per share: which files it is about (name, size, time of change), what
they added, and where their rows end in ``results.jsonl``. Its owner alone may read it, and it goes
when the inspection is finished: it holds the secret of the run's hashes. A resume takes the shares up
to the first file that was changed, added or removed since, without judging them again.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from part15.channel.files import Found
from part15.errors import TargetError
from part15.inspect_examine import looked_at
from part15.inspect_share import Share, share_from_json, share_to_json

ROWS = "results.jsonl"
MARKS = "unfinished.jsonl"

Take = Callable[[Share, list[Found]], None]


@dataclass(frozen=True)
class Begun:
    """The first line of an unfinished inspection: what was asked, since when, the secret of its hashes."""

    asked: Mapping[str, str]
    started: str
    salt: bytes


@dataclass
class Journal:
    """The two files, open for what is to come."""

    folder: Path
    rows: IO[bytes]
    marks: IO[bytes]

    def add(self, share: Share, news: Share) -> None:
        """Write the rows of *share*, then *news*, which is what it changed."""
        if share.rows:
            self.rows.write(("\n".join(share.rows) + "\n").encode())
        self.rows.flush()
        if news.looked:
            line = {"end": self.rows.tell(), **share_to_json(news)}
            self.marks.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            self.marks.flush()

    def close(self, *, finished: bool) -> None:
        """Close both; of a finished inspection the marks go."""
        self.rows.close()
        self.marks.close()
        if finished:
            (self.folder / MARKS).unlink(missing_ok=True)


def begin(folder: Path, begun: Begun) -> Journal:
    """Begin in *folder*.

    Raises TargetError if it is not empty.
    """
    if folder.exists() and any(folder.iterdir()):
        more = "; --resume goes on with it" if (folder / MARKS).exists() else ""
        raise TargetError(f"the folder {folder} is not empty{more}; give another with -o")
    folder.mkdir(parents=True, exist_ok=True)
    marks = os.fdopen(os.open(folder / MARKS, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    head = {"asked": begun.asked, "started": begun.started, "salt": begun.salt.hex()}
    marks.write(json.dumps(head, ensure_ascii=False).encode() + b"\n")
    marks.flush()
    return Journal(folder, (folder / ROWS).open("wb"), marks)


def begun_in(folder: Path, asked: Mapping[str, str]) -> Begun:
    """Return how the unfinished inspection in *folder* began.

    Raises TargetError if there is none, or if it was asked for something else than *asked*.
    """
    try:
        with (folder / MARKS).open("rb") as stream:
            head = json.loads(stream.readline())
        begun = Begun(head["asked"], head["started"], bytes.fromhex(head["salt"]))
    except FileNotFoundError as error:
        what = "is finished" if (folder / "report.json").exists() else "was never begun"
        raise TargetError(
            f"there is nothing to resume: the inspection in {folder} {what}"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TargetError(
            f"{folder / MARKS} cannot be read; begin anew in another folder"
        ) from error
    other = sorted(n for n in {*begun.asked, *asked} if begun.asked.get(n) != asked.get(n))
    if other:
        raise TargetError(
            f"the inspection in {folder} was begun with other {', '.join(other)};"
            " resume with the same, or begin anew in another folder"
        )
    return begun


def resume(folder: Path, founds: Iterator[Found], take: Take) -> tuple[Journal, Iterator[Found]]:
    """Give *take* every share of *folder* that still holds; return the journal and the files left.

    *take* gets a share with the files that it is about.
    """
    marks = (folder / MARKS).open("r+b")
    marks.readline()
    valid, end = marks.tell(), 0
    left: list[Found] = []
    while line := marks.readline():
        stored = _stored(line)
        if stored is None:
            break
        share, reached = stored
        left = list(itertools.islice(founds, len(share.looked)))
        if [looked_at(found) for found in left] != share.looked:
            break
        take(share, left)
        left, valid, end = [], marks.tell(), reached
    marks.seek(valid)
    marks.truncate()
    rows = (folder / ROWS).open("r+b")
    rows.seek(end)
    rows.truncate()
    return Journal(folder, rows, marks), itertools.chain(left, founds)


def _stored(line: bytes) -> tuple[Share, int] | None:
    """Return the share of one line and where its rows end; None for what a sudden end left behind."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        stored: dict[str, Any] = json.loads(line)
        return share_from_json(stored), int(stored["end"])
    return None
