"""Reading an audit message safely: no DTD, no entities, no network; size, depth and count are bounded.

The XML is untrusted: billion laughs, external entities and floods of elements are refused with a
reason, before a parser sees them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from part15.wire.syslog import BOM

SIZE = 8 * 1024 * 1024
"""Octets of XML that are parsed; A.6 asks for 32768, a study of 10000 instances needs one million."""
TAGS = 400_000
ATTRIBUTES = 1_000_000
ROOT = "AuditMessage"

_ENCODING = re.compile(r"^<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z][A-Za-z0-9._-]{0,39})[\"']")
_SKIP = re.compile(r"\s+|<\?.*?\?>|<!--.*?-->", re.DOTALL)
_PLAIN = ("utf-8", "us-ascii", "ascii", "iso-8859-1", "latin1", "windows-1252")


@dataclass(frozen=True)
class Document:
    """A parsed message: *root* is an lxml element, or None with the reason in *refused*.

    *encoding* is the one found (byte order mark or declaration, else ``utf-8``). *contradiction*
    says how the octets differ from the declared encoding, which XML 1.0 4.3.3 calls a fatal error
    although libxml2 reads on.
    """

    root: Any
    encoding: str
    refused: str = ""
    contradiction: str = ""


def _encoding(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if data.startswith((b"<\0", b"\0<")):
        return "utf-16-le" if data.startswith(b"<") else "utf-16-be"
    match = _ENCODING.match(data[:200].decode("latin-1"))
    return match[1].lower() if match else "utf-8"


def _contradiction(data: bytes, *, marked: bool) -> str:
    """Return how the declared encoding differs from the octets; *marked* says that a UTF-8 mark came first."""
    wide = data[:2] in (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")
    if marked and data.startswith(BOM):
        return "two byte order marks"
    head = data[:400].replace(b"\0", b"") if wide else data[:200]
    match = _ENCODING.match(head.decode("latin-1").lstrip("\xff\xfe"))
    declared = match[1].lower() if match else ""
    if wide and declared and not declared.startswith(("utf-16", "iso-10646-ucs-2")):
        return f"16-bit octets declared as {declared}"
    if not wide and declared.startswith("utf-16"):
        return f"8-bit octets declared as {declared}"
    if marked and declared and declared != "utf-8":
        return f"a UTF-8 byte order mark before text declared as {declared}"
    return ""


def _declares(text: str) -> str:
    """Return ``a document type declaration`` if the prolog of *text* has one, else nothing."""
    at = 0
    while (match := _SKIP.match(text, at)) is not None:
        at = match.end()
    return "a document type declaration" if text[at : at + 9].upper() == "<!DOCTYPE" else ""


def _refusal(data: bytes, encoding: str) -> str:
    """Return why *data* is not given to the parser, or nothing."""
    if len(data) > SIZE:
        return f"it has {len(data)} octets, more than the {SIZE} that are read"
    if encoding not in _PLAIN and not encoding.startswith("utf-16"):
        return f"its encoding {encoding} is not read"
    narrow = data.replace(b"\0", b"") if encoding.startswith("utf-16") else data
    if narrow.count(b"<") > TAGS or narrow.count(b"=") > ATTRIBUTES:
        return f"it has more than {TAGS} tags or {ATTRIBUTES} attributes"
    found = _declares(narrow.decode("latin-1").lstrip("\xff\xfe"))
    if found:
        return f"it has {found}; audit messages need none, and entities are not expanded"
    return ""


def read_xml(data: bytes) -> Document:
    """Parse the XML of an audit message; never raises on bad input, never fetches or expands anything."""
    from lxml import etree

    body = data.removeprefix(BOM)
    encoding = _encoding(body)
    refused = _refusal(body, encoding)
    if refused:
        return Document(None, encoding, refused)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        recover=False,
    )
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        return Document(None, encoding, f"it is not well-formed: {_reason(error)}")
    tree: Any = root.getroottree()
    if tree.docinfo.doctype:
        return Document(None, encoding, "it has a document type declaration")
    marked = body is not data and data.startswith(BOM)
    return Document(root, encoding, contradiction=_contradiction(body, marked=marked))


def _reason(error: Exception) -> str:
    """Return the parser's reason without quoting the message."""
    line = getattr(error, "lineno", None)
    code = getattr(error, "code", None)
    place = f"line {line}, " if line else ""
    column = getattr(error, "offset", None)
    place += f"column {column}, " if column else ""
    return f"{place}XML error {code}" if code is not None else f"{place}no XML"


def local_name(tag: Any) -> str:
    """Return the name of an lxml tag without its namespace; entities and the like have no name."""
    return tag.rpartition("}")[2] if isinstance(tag, str) else "?"
