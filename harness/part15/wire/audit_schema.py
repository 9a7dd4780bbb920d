"""The audit schema (PS3.15 A.5.1) from ``tables/audit-grammar.json``: as RELAX NG, and walked for reasons.

The printed grammar does not compile (reading S-02), hence a schema built from data per edition. The
RELAX NG answers yes quickly; where it says no, :func:`violations` names element, expectation and
what was found instead, which libxml2 cannot.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import functools
import re
from collections.abc import Iterator
from typing import Any

from part15.content import table
from part15.model import Word
from part15.wire.audit_flaw import Flaw, classed, short

RULE = "AUD-FMT-001"
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
DCM4CHE = ("UserTypeCode", "UserIDTypeCode")
FLAWS = 50
"""Violations that are listed per message."""

_DATE_TIME = re.compile(
    r"(-?\d{4,9})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,30}))?(?:Z|[+-](\d\d):(\d\d))?\Z",
    re.ASCII,
)
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]*={0,2}\s*\Z", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,40}\Z", re.ASCII)
_SPACE = " \t\r\n"


def grammar(edition: str) -> dict[str, Any]:
    """Return the grammar that *edition* prints: that of 2011, or the one common to 2017c and later."""
    every: list[dict[str, Any]] = table("audit-grammar")
    for candidate in every:
        first, last = candidate["editions"]
        if first <= edition and (last is None or edition <= last):
            return candidate
    return every[0]


@functools.lru_cache(maxsize=4)
def relax_ng(first: str) -> bytes:
    """Return the RELAX NG (XML syntax) of the grammar that begins with edition *first*."""
    from lxml import etree

    name = "http://relaxng.org/ns/structure/1.0"
    data = grammar(first)
    root: Any = etree.Element(
        f"{{{name}}}grammar", {"datatypeLibrary": "http://www.w3.org/2001/XMLSchema-datatypes"}
    )

    def sub(parent: Any, tag: str, **attributes: str) -> Any:
        return etree.SubElement(parent, f"{{{name}}}{tag}", attributes)

    sub(sub(root, "start"), "ref", name=data["root"])
    for element, rule in data["elements"].items():
        body = sub(sub(root, "define", name=element), "element", name=element)
        grouped = {n for group in rule["together"] for n in group}
        for attribute, kind in rule["attributes"].items():
            if attribute not in grouped:
                place = body if kind["required"] else sub(body, "optional")
                _typed(sub, sub(place, "attribute", name=attribute), kind)
        for group in rule["together"]:
            place = sub(sub(body, "optional"), "group")
            for attribute in group:
                _typed(sub, sub(place, "attribute", name=attribute), rule["attributes"][attribute])
        for part in rule["children"]:
            _particle(sub, body, part)
        if rule["text"]:
            _typed(sub, body, {"type": rule["text"]})
        elif not rule["children"]:
            sub(body, "empty")
    return bytes(etree.tostring(root))


def _typed(sub: Any, place: Any, kind: dict[str, Any]) -> None:
    if "values" in kind:
        choice = sub(place, "choice")
        for value in kind["values"]:
            sub(choice, "value", type="token").text = value
    elif kind["type"] == "text":
        sub(place, "text")
    else:
        sub(place, "data", type=kind["type"])


def _particle(sub: Any, body: Any, part: dict[str, Any]) -> None:
    many = {(1, 1): "", (0, 1): "optional", (0, None): "zeroOrMore", (1, None): "oneOrMore"}
    wrapper = many[part["min"], part["max"]]
    place = sub(body, wrapper) if wrapper else body
    if len(part["names"]) > 1:
        place = sub(place, "choice")
    for name in part["names"]:
        sub(place, "ref", name=name)


@functools.lru_cache(maxsize=4)
def _validator(first: str) -> Any:
    from lxml import etree

    return etree.RelaxNG(etree.fromstring(relax_ng(first)))


def accepts(root: Any, edition: str) -> bool:
    """Tell whether the RELAX NG of *edition* accepts the lxml element *root*."""
    return bool(_validator(grammar(edition)["editions"][0]).validate(root))


def set_aside(root: Any, data: bytes) -> list[Flaw]:
    """Remove the attributes of known dialects from *root* and return them as warnings (reading S-30)."""
    flaws = []
    if b"XMLSchema-instance" in data:
        for element in root.iter("*"):
            for name in [n for n in element.attrib if n.startswith(XSI)]:
                del element.attrib[name]
                shown = f"xsi:{name.removeprefix(XSI)}"
                flaws.append(
                    _dialect(_path(element), shown, "schema location hint, as dcm4che writes it")
                )
    if b"UserTypeCode" in data or b"UserIDTypeCode" in data:
        for element in root.iter("{*}ActiveParticipant"):
            for name in [n for n in DCM4CHE if n in element.attrib]:
                del element.attrib[name]
                flaws.append(_dialect(_path(element), name, "dcm4che"))
    return flaws[:FLAWS]


def _dialect(path: str, name: str, dialect: str) -> Flaw:
    return Flaw(
        RULE,
        f"{path}/@{name}",
        "no attribute of this name",
        f"attribute {name}",
        Word.WARN,
        dialect,
        ("S-30",),
    )


def _path(element: Any) -> str:
    return str(element.getroottree().getpath(element))


def violations(root: Any, edition: str) -> list[Flaw]:
    """Return every place where *root* departs from the grammar of *edition*, document order, bounded."""
    data = grammar(edition)
    flaws: list[Flaw] = []
    if root.tag != data["root"]:
        wanted = f"element {data['root']} in no namespace"
        found = str(root.tag)
        flaws.append(Flaw(RULE, "/", wanted, short(found, 80), readings=("S-30",)))
        return flaws
    stack = [root]
    while stack and len(flaws) < FLAWS:
        element = stack.pop()
        rule = data["elements"][element.tag]
        flaws += _element_flaws(element, rule, edition)
        stack.extend(child for child in reversed(element) if child.tag in data["elements"])
    return flaws[:FLAWS]


def _element_flaws(element: Any, rule: dict[str, Any], edition: str) -> Iterator[Flaw]:
    path = _path(element)
    yield from _attribute_flaws(element, rule, path, edition)
    yield from _child_flaws(element, rule, path)
    text = element.text or ""
    loose = text + "".join(child.tail or "" for child in element)
    if rule["text"] is None:
        if loose.strip(_SPACE):
            yield Flaw(RULE, path, "no text", f"text of {len(loose.strip(_SPACE))} characters")
    elif (wrong := value_problem(text, rule["text"])) is not None:
        yield Flaw(RULE, f"{path}/text()", wrong, classed(text))


def _attribute_flaws(element: Any, rule: dict[str, Any], path: str, edition: str) -> Iterator[Flaw]:
    known = rule["attributes"]
    for name, value in element.attrib.items():
        if name not in known:
            hint = _foreign(element.tag, name, edition)
            yield Flaw(
                RULE, f"{path}/@{short(name)[1:-1]}", "no attribute of this name", f"it{hint}"
            )
            continue
        kind = known[name]
        if "values" in kind:
            if collapsed(value) not in kind["values"]:
                values = kind["values"]
                listed = ", ".join(values) if len(values) < 8 else f"{values[0]}..{values[-1]}"
                yield Flaw(RULE, f"{path}/@{name}", f"one of {listed}", short(value))
        elif (wrong := value_problem(value, kind["type"])) is not None:
            shown = (
                short(value)
                if kind["type"] in ("boolean", "dateTime", "integer")
                else classed(value)
            )
            yield Flaw(RULE, f"{path}/@{name}", wrong, shown)
    for name, kind in known.items():
        if kind["required"] and name not in element.attrib:
            yield Flaw(RULE, path, f"attribute {name}", "none")
    for group in rule["together"]:
        there = [name for name in group if name in element.attrib]
        if there and len(there) < len(group):
            yield Flaw(
                RULE, path, f"{' and '.join(group)} together, or neither", f"only {there[0]}"
            )


def _foreign(tag: str, name: str, edition: str) -> str:
    if name == "code":
        return " (code is how RFC 3881 and the 2011 edition write it; csd-code is meant)"
    if (
        tag == "AuditSourceIdentification"
        and name in ("csd-code", "codeSystemName")
        and edition >= "2017c"
    ):
        return " (from 2017c the coded value stands in AuditSourceTypeCode)"
    return ""


def _child_flaws(element: Any, rule: dict[str, Any], path: str) -> Iterator[Flaw]:
    """Walk the children along the sequence of the grammar; the particles are told apart by name alone."""
    parts = rule["children"]
    at, count = 0, 0
    allowed = {name for part in parts for name in part["names"]}
    for child in element:
        if not isinstance(child.tag, str):
            continue
        if child.tag not in allowed:
            yield Flaw(RULE, path, _expected(parts), f"element {short(child.tag, 80)}")
            continue
        place = next(i for i, part in enumerate(parts) if child.tag in part["names"])
        if place < at:
            after = " or ".join(parts[at]["names"])
            yield Flaw(RULE, _path(child), f"{child.tag} before {after}", "it after that")
            continue
        for skipped in parts[at:place]:
            if count < skipped["min"]:
                yield _missing(path, skipped, element)
            count = 0
        at = place
        count += 1
        limit = parts[at]["max"]
        if limit is not None and count == limit + 1:
            names = " or ".join(parts[at]["names"])
            reading = ("S-01",) if len(parts[at]["names"]) > 1 else ()
            yield Flaw(RULE, _path(child), f"one {names}", "more than one", readings=reading)
    for skipped in parts[at:]:
        if count < skipped["min"]:
            yield _missing(path, skipped, element)
        count = 0


def _missing(path: str, part: dict[str, Any], element: Any) -> Flaw:
    names = " or ".join(part["names"])
    late = any(child.tag in part["names"] for child in element)
    found = "it in another place" if late else "none"
    # Read literally the 2011 grammar demands both on patients as well: tolerated.
    word = Word.WARN if names in ("SOPClass", "ParticipantObjectContainsStudy") else Word.FAIL
    readings = ("S-01",) if "Query" in names else ()
    return Flaw(RULE, path, f"element {names}", found, word, readings=readings)


def _expected(parts: list[dict[str, Any]]) -> str:
    names = ", ".join(name for part in parts for name in part["names"])
    return f"only {names}" if names else "no element"


def value_problem(value: str, kind: str) -> str | None:
    """Return what *value* should have been if it is no XML Schema *kind*, else None.

    A leap second is no problem here: A.5.2.5 has recipients process it (reading S-03).
    """
    if kind in ("text", "token"):
        return None
    plain = value.strip(_SPACE)
    if kind == "boolean":
        return None if plain in ("true", "false", "1", "0") else "true, false, 1 or 0 (xsd:boolean)"
    if kind == "integer":
        return None if _INTEGER.match(plain) else "a whole number"
    if kind == "base64Binary":
        return None if is_base64(plain) else "base64"
    return None if date_time(plain) is not None else "a date and time (xsd:dateTime)"


def collapsed(value: str) -> str:
    """Return *value* as xsd:token compares it: only space, tab and line ends are white space."""
    return " ".join(part for part in re.split(r"[ \t\r\n]+", value) if part)


def is_base64(value: str) -> bool:
    """Tell whether *value* is base64, blanks allowed, padding demanded."""
    if not _BASE64.match(value):
        return False
    try:
        base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def date_time(value: str) -> tuple[dt.datetime, bool] | None:
    """Return the instant of an xsd:dateTime and whether it names its zone; None if it is none.

    A leap second, which exists only at 23:59:60 UTC, is read as the second before it; without a
    zone the time is taken as UTC, and a leap second may stand at the end of any minute.
    """
    match = _DATE_TIME.match(value.strip(_SPACE))
    if match is None or match[1].startswith("-") or len(match[1]) > 4:
        return None
    year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
    zoned = not value.rstrip(_SPACE)[-1].isdigit() or match[8] is not None
    offset = dt.timedelta()
    if match[8] is not None:
        if int(match[8]) * 60 + int(match[9]) > 14 * 60 or int(match[9]) > 59:
            return None
        offset = dt.timedelta(hours=int(match[8]), minutes=int(match[9]))
        if value.rstrip(_SPACE)[-6] == "-":
            offset = -offset
    part = dt.timedelta(microseconds=int(f"{match[7] or '0':0<6}"[:6]))
    midnight = (hour, minute, second) == (24, 0, 0) and not part
    carry = dt.timedelta(days=1) if midnight else dt.timedelta()
    try:
        local = dt.datetime(year, month, day, hour % 24, minute, min(second, 59), tzinfo=dt.UTC)
        if second > 60 or hour > 24 or (hour == 24 and not carry):
            return None
        moment = local + carry + part - offset
    except (ValueError, OverflowError):
        return None
    if second == 60 and zoned and (moment.hour, moment.minute) != (23, 59):
        return None
    return moment, zoned
