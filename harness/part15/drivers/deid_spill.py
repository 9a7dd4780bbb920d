"""A mapping of texts that moves to a temporary file when it grows: maps of a release of a million instances."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from collections.abc import Iterator, MutableMapping

IN_MEMORY = 50_000


class Spilling(MutableMapping[str, str]):
    """A dictionary up to *most* entries, a table in a file without a name beyond; never shared."""

    def __init__(self, most: int = IN_MEMORY) -> None:
        self._most = most
        self._few: dict[str, str] = {}
        self._table: sqlite3.Connection | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def _spill(self) -> sqlite3.Connection:
        self._folder = tempfile.TemporaryDirectory(prefix="part15-map-")
        table = sqlite3.connect(f"{self._folder.name}/map.sqlite", isolation_level=None)
        table.execute("PRAGMA journal_mode=OFF")
        table.execute("PRAGMA synchronous=OFF")
        table.execute("CREATE TABLE map (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID")
        table.execute("BEGIN")
        table.executemany("INSERT INTO map VALUES (?, ?)", self._few.items())
        self._few = {}
        return table

    def __getitem__(self, key: str) -> str:
        if self._table is None:
            return self._few[key]
        row = self._table.execute("SELECT v FROM map WHERE k = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        return str(row[0])

    def __setitem__(self, key: str, value: str) -> None:
        if self._table is None:
            self._few[key] = value
            if len(self._few) > self._most:
                self._table = self._spill()
            return
        self._table.execute("INSERT OR REPLACE INTO map VALUES (?, ?)", (key, value))

    def __delitem__(self, key: str) -> None:
        if self._table is None:
            del self._few[key]
            return
        if not self._table.execute("DELETE FROM map WHERE k = ?", (key,)).rowcount:
            raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        if self._table is None:
            yield from self._few
            return
        for row in self._table.execute("SELECT k FROM map"):
            yield str(row[0])

    def __len__(self) -> int:
        if self._table is None:
            return len(self._few)
        return int(self._table.execute("SELECT count(*) FROM map").fetchone()[0])

    def close(self) -> None:
        """Give the file back; the mapping is empty afterwards."""
        if self._table is not None:
            self._table.close()
            self._table = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
        self._few = {}

    def __del__(self) -> None:
        with contextlib.suppress(sqlite3.Error, OSError):
            self.close()
