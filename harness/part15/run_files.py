"""The files of a run folder that are written whole: plan, report and its renderings; and what the folder holds."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from part15 import evidence, report
from part15.report import seal
from part15.report.facts import EvidenceItem

_DEPENDENCIES = (
    "cryptography",
    "hypothesis",
    "pydicom",
    "pynetdicom",
    "pytest",
    "asn1crypto",
    "lxml",
)


def write_report(folder: Path, document: Mapping[str, Any]) -> None:
    """Write ``report.json``, the HTML and Markdown of it, ``CHAIN`` and ``SHA256SUMS`` into *folder*."""
    for name, form in (("report.json", "json"), ("report.html", "html"), ("report.md", "markdown")):
        report.writer_of(form)(document, folder / name)
    seal.seal(folder)


def write_json(path: Path, document: Any) -> None:
    """Write *document* to *path*; it is never there in part."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(
        json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    temporary.replace(path)


def stamp(moment: dt.datetime) -> str:
    """Return *moment* (UTC) as RFC 3339 with milliseconds."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def versions() -> dict[str, str]:
    """Return the versions of the packages that verdicts may depend on."""
    found = {}
    for name in _DEPENDENCIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


_KINDS = {
    ".json": ("text", "application/json"),
    ".txt": ("text", "text/plain"),
    ".pcapng": ("capture", "application/x-pcapng"),
    ".bin": ("octets", "application/octet-stream"),
    ".pem": ("certificate", "application/x-pem-file"),
    ".dcm": ("dicom", "application/dicom"),
    ".xml": ("audit-xml", "application/xml"),
}


def evidence_items(folder: Path) -> list[EvidenceItem]:
    """Return every evidence file of the run in *folder*."""
    items = []
    for path in sorted((folder / "evidence").rglob("*")):
        if not path.is_file():
            continue
        kind, media_type = _KINDS.get(path.suffix, ("octets", "application/octet-stream"))
        name = path.relative_to(folder).as_posix()
        items.append(
            EvidenceItem(
                id=name.removeprefix("evidence/"),
                path=name,
                sha256=evidence.digest(path),
                size=path.stat().st_size,
                kind=kind,
                media_type=media_type,
                phi="possible" if path.name.startswith("phi-") else "none",
            )
        )
    return items
