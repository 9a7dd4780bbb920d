"""The finished document of a run and its writers; all formats are derived from ``report.json``.

A format is a function ``render(document) -> str`` in a module of its own; ``write = writer(render)`` beside it
takes *out*, a path or a text stream. :data:`FORMATS` names the module of each format, so that a writer is imported only when
it is asked for.
"""

from __future__ import annotations

import functools
import importlib
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

from part15.errors import InputError

FORMATS = {
    "csv": "sheets:write",
    "csv-traceability": "sheets:write_traceability",
    "github": "annotations:write",
    "gitb": "gitb:write",
    "html": "html:write",
    "in-toto": "intoto:write",
    "json": "canonical:write",
    "junit": "junit:write",
    "markdown": "markdown:write",
    "mds2": "sheets:write_mds2",
    "sarif": "sarif:write",
    "sarif-alerts": "sarif:write_alerts",
    "tap": "tap:write",
    "terminal": "terminal:write",
}
"""Format name to ``module:function`` in this package."""

Document = Mapping[str, Any]
Writer = Callable[[Document, "Path | TextIO"], None]


def writer(render: Callable[[Document], str]) -> Writer:
    """Make a writer of *render*, which returns the whole text of a document in one format."""

    @functools.wraps(render)
    def write(document: Document, out: Path | TextIO) -> None:
        text = render(document)
        if isinstance(out, Path):
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(text, encoding="utf-8", newline="")
        else:
            out.write(text)

    return write


def writer_of(name: str) -> Writer:
    """Return the writer of format *name*. Raises InputError for an unknown format."""
    place = FORMATS.get(name)
    if place is None:
        raise InputError(f"there is no format '{name}'; the formats are {', '.join(FORMATS)}")
    module, _, function = place.partition(":")
    write: Writer = getattr(importlib.import_module(f"{__name__}.{module}"), function)
    return write


def render(document: Document, name: str) -> str:
    """Return *document* in format *name* as text."""
    buffer = io.StringIO()
    writer_of(name)(document, buffer)
    return buffer.getvalue()
