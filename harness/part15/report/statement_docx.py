"""A drafted statement as DOCX, for authors who paste its tables into the official template.

Written by hand: a DOCX of headings, paragraphs and tables is a zip of four small parts. The archive is
the same octets for the same draft.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from part15.report.statement import UNKNOWN

_WORDML = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_WORD_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_PARTS = {
    "[Content_Types].xml": (
        f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{_WORD_TYPE}.document.main+xml"/>'
        f'<Override PartName="/word/styles.xml" ContentType="{_WORD_TYPE}.styles+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="r1" Type="{_OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>'
    ),
    "word/_rels/document.xml.rels": (
        f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="r1" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>'
    ),
}


def _styles() -> str:
    styles = [
        '<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/></w:style>'
    ]
    for level, size in ((1, 36), (2, 30), (3, 26)):
        styles.append(
            f'<w:style w:type="paragraph" w:styleId="Heading{level}"><w:name w:val="heading {level}"/>'
            f'<w:basedOn w:val="Normal"/><w:pPr><w:keepNext/><w:spacing w:before="240" w:after="80"/>'
            f'<w:outlineLvl w:val="{level - 1}"/></w:pPr><w:rPr><w:b/><w:sz w:val="{size}"/></w:rPr></w:style>'
        )
    return f'{_HEAD}<w:styles xmlns:w="{_WORDML}">{"".join(styles)}</w:styles>'


def _run(text: str, *, bold: bool = False, italic: bool = False) -> str:
    marks = ("<w:b/>" if bold else "") + ("<w:i/>" if italic else "")
    properties = f"<w:rPr>{marks}</w:rPr>" if marks else ""
    return f'<w:r>{properties}<w:t xml:space="preserve">{escape(text)}</w:t></w:r>'


def _paragraph(*runs: str, style: str = "") -> str:
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}{''.join(runs)}</w:p>"


def _cell(text: str, *, bold: bool = False) -> str:
    return f'<w:tc><w:tcPr><w:tcW w:w="0" w:type="auto"/></w:tcPr>{_paragraph(_run(text, bold=bold))}</w:tc>'


def _table(table: Mapping[str, Any]) -> str:
    title = _paragraph(_run(f"{table['id']} {table['title']}", bold=True))
    if not table["rows"]:
        return title + _paragraph(_run(table["none"], italic=True))
    edges = "".join(
        f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="808080"/>'
        for side in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
    grid = "<w:gridCol/>" * len(table["columns"])
    head = "".join(_cell(c, bold=True) for c in table["columns"])
    rows = "".join(f"<w:tr>{''.join(_cell(c) for c in row)}</w:tr>" for row in table["rows"])
    return (
        f'{title}<w:tbl><w:tblPr><w:tblW w:w="5000" w:type="pct"/><w:tblBorders>{edges}</w:tblBorders></w:tblPr>'
        f"<w:tblGrid>{grid}</w:tblGrid><w:tr><w:trPr><w:tblHeader/></w:trPr>{head}</w:tr>{rows}</w:tbl>{_paragraph()}"
    )


def _entry(entry: Mapping[str, Any]) -> str:
    about = ", ".join(p for p in (entry["profile"], entry["source"]) if p)
    said = f"{UNKNOWN} TODO(vendor)" if entry["provenance"] == UNKNOWN else entry["value"]
    todo = f" To do: {entry['todo']}" if entry["todo"] else ""
    return (
        _paragraph(
            _run(f"{entry['csId']} ", bold=True),
            _run(entry["says"]),
            _run(f" ({about})", italic=True),
        )
        + _paragraph(_run(said))
        + _paragraph(_run(f"Provenance: {entry['provenance']}.{todo}", italic=True))
    )


def docx(draft: Mapping[str, Any]) -> bytes:
    """Return *draft* as the octets of a DOCX file."""
    sut = draft["sut"]
    body = [_paragraph(_run(f"7 Security: {sut['product']} {sut['version']}"), style="Heading1")]
    for section in draft["sections"]:
        body.append(
            _paragraph(_run(f"{section['number']} {section['title']}".strip()), style="Heading2")
        )
        body += [_entry(entry) for entry in section["entries"]]
        body += [_table(table) for table in section["tables"]]
    document = f'{_HEAD}<w:document xmlns:w="{_WORDML}"><w:body>{"".join(body)}<w:sectPr/></w:body></w:document>'
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in {
            **_PARTS,
            "word/styles.xml": _styles(),
            "word/document.xml": document,
        }.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, text.encode())
    return buffer.getvalue()
