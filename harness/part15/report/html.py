"""The report as one HTML file: works from disk, without network and without scripts."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import jinja2
from markupsafe import Markup

from part15 import content
from part15.report import picture, view, writer
from part15.report.build import to_text

FOLD_ABOVE = 400
"""Cases above which the profiles are folded at first, so that a large report opens at once."""

_OWN = frozenset({"schema", "claims", "clauses", "results", "observations", "buckets"})
"""Members of the document that the template gets in another form."""


@functools.cache
def environment() -> jinja2.Environment:
    """Return the template environment over ``reports/templates``; everything is escaped."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(content.folder("reports") / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def raw(name: str) -> str:
    """Return the text of the shipped file *name* in ``reports/templates``."""
    return (content.folder("reports") / "templates" / name).read_text(encoding="utf-8")


def policy(*, style: str, script: str) -> str:
    """Return a Content-Security-Policy that allows just this *style* and this *script*, by their hashes."""

    def source(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    return (
        f"default-src 'none'; style-src {source(style)}; script-src {source(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def anchor(clause: str) -> str:
    """Return the fragment of *clause*."""
    return "clause-" + "".join(c if c.isalnum() or c in ".-_" else "_" for c in clause)


def render(document: Mapping[str, Any]) -> str:
    """Return the whole page of *document*."""
    style, script = raw("report.css"), raw("report.js")
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            **{k: v for k, v in document.items() if k not in _OWN},
            policy=policy(style=style, script=script),
            style=Markup(style),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own file
            claims=view.claims(document),
            profiles=view.profiles(document),
            fixes=view.fixes(document),
            site_fixes=view.fixes(document, policy=True),
            rows=view.rows(document),
            improvements=view.fixes(document, "warn"),
            undecided=view.undecided(document),
            suites=view.suites(document),
            stories=view.stories(document),
            status_stories=view.status_stories(document),
            buckets=view.buckets(document),
            words=view.WORDS,
            conclusions=view.CONCLUSIONS,
            policy_conclusions=view.POLICY_CONCLUSIONS,
            titles={c["profile"]: c["profileTitle"] for c in document["clauses"]},
            paths={e["id"]: e["path"] for e in document["evidence"]},
            glossary=json.loads(raw("glossary.json")),
            folded=len(document["results"]) > FOLD_ABOVE,
            synthetic=document["tool"]["sourceRevision"] == "synthetic",
            digest=hashlib.sha256(to_text(document).encode()).hexdigest(),
            anchor=anchor,
            bar=picture.bar,
            sequence=picture.sequence,
            told=view.values,
            blocking_text=view.blocking_text,
            count_text=view.count_text,
            decided_text=view.decided_text,
        )
    )


write = writer(render)
