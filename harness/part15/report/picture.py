"""Inline SVG of the report: verdict bars and the time line of an association; each says the same in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from part15.report.view import count_text

_SEGMENTS = (
    ("f", ("fail",)),
    ("e", ("error",)),
    ("w", ("warn", "waived")),
    ("o", ("inconclusive", "review")),
    ("p", ("pass", "info")),
)
_ROW, _TOP, _LEFT, _RIGHT, _WIDTH = 34, 44, 90, 610, 700


def bar(found: Mapping[str, int], total: int) -> Markup:
    """Return *found* verdicts out of *total* as one bar; what is missing to *total* was not run."""
    whole = max(total, 1)
    left = 0.0
    parts = []
    for css, words in _SEGMENTS:
        width = 100 * sum(found.get(w, 0) for w in words) / whole
        if width:
            parts.append(
                f'<rect class="{css}" x="{left:.3f}" y="0" width="{width:.3f}" height="4"/>'
            )
        left += width
    return Markup(  # noqa: S704 - numbers and our own words only
        '<svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" role="img" '
        f'aria-label="{count_text(found)}"><rect class="m" width="100" height="4"/>{"".join(parts)}</svg>'
    )


def sequence(steps: Sequence[Mapping[str, Any]]) -> Markup:
    """Return *steps* (``by`` is ``harness`` or ``sut``, ``text`` is what was said) as arrows between two lines."""
    height = _TOP + _ROW * len(steps) + 14
    lines = [
        f'<text x="{_LEFT}" y="18" class="who">harness</text><text x="{_RIGHT}" y="18" class="who">system under test</text>',
        *(
            f'<line x1="{x}" y1="26" x2="{x}" y2="{height - 6}" class="life"/>'
            for x in (_LEFT, _RIGHT)
        ),
    ]
    for number, step in enumerate(steps):
        y = _TOP + _ROW * number + 12
        start, end = (_LEFT, _RIGHT) if step["by"] == "harness" else (_RIGHT, _LEFT)
        tip = -9 if end > start else 9
        lines.append(
            f'<text x="{(_LEFT + _RIGHT) // 2}" y="{y - 6}" class="said">{escape(step["text"])}</text>'
            f'<line x1="{start}" y1="{y}" x2="{end}" y2="{y}" class="arrow"/>'
            f'<path d="M{end} {y} l{tip} -4 l0 8 z" class="tip"/>'
        )
    told = "; ".join(f"{s['by'].replace('sut', 'system under test')}: {s['text']}" for s in steps)
    return Markup(  # noqa: S704 - texts are escaped above
        f'<svg class="sequence" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(told)}">{"".join(lines)}</svg>'
    )
