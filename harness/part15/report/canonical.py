"""``report.json`` itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from part15.report import writer
from part15.report.build import to_text


def render(document: Mapping[str, Any]) -> str:
    """Return the canonical JSON text."""
    return to_text(document)


write = writer(render)
