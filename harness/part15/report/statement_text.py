"""A drafted statement as Markdown (the source of truth), HTML and JSON; hand edits survive a new draft.

Every piece that is generated stands in a block with the digest of what was generated. A block whose
text has another digest was edited by a person: it is kept when the draft is made again, and so is all
text outside of blocks.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from part15.report import view
from part15.report.html import environment, policy, raw
from part15.report.markdown import code, plain
from part15.report.statement import UNKNOWN

_BLOCK = re.compile(
    r"<!-- part15:begin (?P<name>\S+) (?P<digest>[0-9a-f]{12}) -->\n(?P<text>.*?)\n?<!-- part15:end (?P=name) -->",
    re.DOTALL,
)

Draft = Mapping[str, Any]


def _digest(text: str) -> str:
    return hashlib.sha256(text.strip().encode()).hexdigest()[:12]


def _block(name: str, text: str, digest: str = "") -> str:
    body = text.strip("\n")
    return f"<!-- part15:begin {name} {digest or _digest(body)} -->\n{body}\n<!-- part15:end {name} -->"


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "-", text).strip("-") or "x"


def _blocks(draft: Draft) -> Iterator[tuple[str, str, str]]:
    """Yield heading (or nothing), block name and block text, in order."""
    sut = draft["sut"]
    title = f"# 7 Security: {plain(sut['product'])} {plain(sut['version'])}".rstrip()
    yield title, "environment", _environment(draft)
    parts = {
        "7.1.1": "## 7.1 Security Profiles\n\n",
        "4.4.3.2": "## 4.4.3 Network and system support\n\n",
    }
    for section in draft["sections"]:
        number = section["number"]
        depth = "##" if number in {"7.2", "7.3"} else "###"
        heading = f"{parts.get(number, '')}{depth} {number} {section['title']}".replace("  ", " ")
        for entry in section["entries"]:
            yield heading, _slug(f"{entry['csId']}-{entry['profile']}".rstrip("-")), _entry(entry)
            heading = ""
        for table in section["tables"]:
            yield heading, _slug(f"{table['id']}-{table['title']}"), _table(table)
            heading = ""
    yield "## Claimed against observed", "buckets", _buckets(draft["buckets"])


def _environment(draft: Draft) -> str:
    run = draft["run"]
    tested = (
        f"Drafted from a run of part15 {draft['tool']} on {run['startedAt'][:10]} (run {run['id']}, digest of the "
        f"configuration {run['configDigest'][:16] or 'not recorded'}), judged by PS3.15 edition {draft['edition']}."
        if draft["executed"]
        else f"Drafted from declarations alone: nothing was tested yet. Edition of PS3.15: {draft['edition']}."
    )
    return (
        f"{tested}\n\nThe product is assumed to run in a secured environment, in which the local network is kept from "
        "others by filters, users and administrators are identified locally, and keys reach each device on a protected "
        "way. TODO(vendor): say which of this holds for the product, and how it was learnt."
    )


def _entry(entry: Mapping[str, Any]) -> str:
    about = ", ".join(p for p in (entry["profile"], entry["source"]) if p)
    lines = [f"**{entry['csId']}** {plain(entry['says'])} *({plain(about)})*", ""]
    open_one = entry["provenance"] == UNKNOWN
    lines.append(f"**{UNKNOWN}** TODO(vendor)" if open_one else plain(entry["value"]))
    lines += ["", f"*Provenance: {entry['provenance']}.*"]
    if entry["todo"]:
        lines[-1] += f" *To do: {plain(entry['todo'])}*"
    if entry["checks"]:
        lines[-1] += f" *Cases: {', '.join(code(c) for c in entry['checks'][:6])}*"
    if entry["evidence"]:
        lines[-1] += f" *Evidence: {', '.join(code(e) for e in entry['evidence'][:4])}*"
    return "\n".join(lines)


def _table(table: Mapping[str, Any]) -> str:
    lines = [f"**{table['id']} {plain(table['title'])}**", ""]
    if not table["rows"]:
        return "\n".join([*lines, plain(table["none"])])
    lines += ["| " + " | ".join(table["columns"]) + " |", "|" + "---|" * len(table["columns"])]
    lines += ["| " + " | ".join(plain(cell) or " " for cell in row) + " |" for row in table["rows"]]
    return "\n".join(lines)


def _buckets(buckets: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    lines = []
    for one in view.buckets({"buckets": buckets}):
        lines.append(f"**{one['title']}** ({len(one['rows'])})\n")
        for row in one["rows"]:
            state = f" ({plain(row['state'])})" if row["state"] else ""
            lines.append(f"- {plain(row['what'])}{state}: {plain(row['why'])}")
        lines.append("")
    return "\n".join(lines) or "Nothing was claimed and nothing was seen."


def markdown(draft: Draft) -> str:
    """Return *draft* as Markdown with its blocks marked."""
    parts = [
        "<!-- Drafted by part15. Edit inside or outside of the blocks; both survive when the draft is made again. -->"
    ]
    for heading, name, text in _blocks(draft):
        parts += [heading] if heading else []
        parts.append(_block(name, text))
    return "\n\n".join(parts) + "\n"


def merge(old: str, draft: Draft) -> tuple[str, list[str]]:
    """Return *old* with the blocks that nobody edited made anew, and what was kept although the draft changed.

    New blocks are put behind the block that stands before them in the draft; a block that the draft no
    longer has goes away unless it was edited.
    """
    fresh = {name: text.strip("\n") for _, name, text in _blocks(draft)}
    kept: list[str] = []

    def anew(found: re.Match[str]) -> str:
        name, digest, text = found["name"], found["digest"], found["text"]
        edited = _digest(text) != digest
        if name not in fresh:
            return found[0] if edited else ""
        if not edited:
            return _block(name, fresh[name])
        if _digest(fresh[name]) != digest:
            kept.append(name)
        return _block(name, text, _digest(fresh[name]))

    merged = _BLOCK.sub(anew, old)
    before = ""
    for name, text in fresh.items():
        if f"<!-- part15:begin {name} " not in merged:
            merged = _inserted(merged, before, _block(name, text))
        before = name
    return merged, kept


def _inserted(text: str, before: str, block: str) -> str:
    mark = f"<!-- part15:end {before} -->"
    at = text.find(mark) if before else -1
    if at < 0:
        return f"{text.rstrip()}\n\n{block}\n"
    at += len(mark)
    return f"{text[:at]}\n\n{block}{text[at:]}"


def html(draft: Draft) -> str:
    """Return *draft* as one HTML page in the style of the report."""
    style = raw("report.css")
    return (
        environment()
        .get_template("statement.html.j2")
        .render(
            draft=draft,
            buckets=view.buckets(draft),
            style=Markup(style),  # noqa: S704 - our own file
            policy=policy(style=style, script=""),
            unknown=UNKNOWN,
        )
    )


def to_json(draft: Draft) -> str:
    """Return *draft* as JSON text."""
    return json.dumps(draft, indent=2, ensure_ascii=False) + "\n"
