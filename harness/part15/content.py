"""Where ``profiles/``, ``suites/`` and ``reports/`` are: inside the wheel, or beside ``harness/`` in a checkout."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from part15.errors import ContentError

PACKAGE = Path(__file__).resolve().parent


@functools.cache
def folder(name: str) -> Path:
    """Return the content folder *name* (``profiles``, ``suites`` or ``reports``).

    Raises ContentError if this installation has none.
    """
    for place in (PACKAGE / name, PACKAGE.parent.parent / name):
        if place.is_dir():
            return place
    raise ContentError(
        f"the folder {name}/ is missing from this installation of part15; install it again"
    )


@functools.cache
def table(name: str) -> Any:
    """Return the shipped table ``profiles/tables/NAME.json`` as it stands.

    Raises ContentError if there is no such table.
    """
    path = folder("profiles") / "tables" / f"{name}.json"
    if not path.is_file():
        raise ContentError(f"there is no table '{name}' in profiles/tables")
    return json.loads(path.read_text(encoding="utf-8"))
