"""Reading an existing Conformance Statement: what it lacks, what the run contradicts, what is outdated.

This looks for words, not for meaning: a finding names what was looked for, so that a person can judge.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from part15.errors import InputError
from part15.model import Profile
from part15.report.conclude import DECIDED
from part15.report.statement import UNKNOWN, catalogue

MAX_SIZE = 64 * 1024 * 1024
"""Octets of text that are read of a statement."""
KINDS = ("contradicted", "missing", "outdated", "notShown")
TITLES = {
    "contradicted": "Contradicted by the run",
    "missing": "Missing",
    "outdated": "Outdated",
    "notShown": "Claimed and not shown",
}
_DENIED = re.compile(
    r"\b(not (support|claim|implement)\w*|does not|do not|unsupported|none|n/a|no support)\b",
    re.IGNORECASE,
)
_OLD_UNDER_NEW = re.compile(
    r"^\W*N\.7\.[123]\b[^\n]{0,20}(Security Profiles|Association Level Security|Application Level Security)",
    re.MULTILINE | re.IGNORECASE,
)
_STOP = re.compile(r"[.;!?](?=\s)|\n(?![a-z])")
_EDITION = re.compile(r"\bPS ?3\.15[ ,:-]{1,3}(20[0-9]{2}[a-e]?)\b")
_SUITE = re.compile(r"\bTLS_[A-Z0-9]+(?:_[A-Za-z0-9]+)+\b")
_PORT = re.compile(r"\bports?\b[^\n\d]{0,40}((?:\d{2,5}(?:, | and | or |/)?)+)", re.IGNORECASE)
_OLD_TLS = re.compile(r"\b(SSL ?(?:v ?)?[23](?:\.0)?|TLS ?(?:v ?)?1\.[01])\b")
_OWN_LISTS = re.compile(
    r"<!-- part15:begin (?P<name>buckets|environment) [0-9a-f]{12} -->.*?<!-- part15:end (?P=name) -->",
    re.DOTALL,
)
_OWN_LINES = re.compile(
    r"^(\*\*CS-[A-Z]+-\d+\*\* .*|\*Provenance: .*|<!-- part15:.*-->)$", re.MULTILINE
)
_ESCAPED = re.compile(r"\\([_*\[\]<>|#~`])")
_WORDML = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


@dataclass(frozen=True)
class Remark:
    """One thing about a statement: *kind* is one of :data:`KINDS`, *line* is 0 where there is none."""

    kind: str
    id: str
    message: str
    line: int = 0


def read_text(path: Path) -> str:
    """Return the text of a statement: Markdown, plain text, or the paragraphs of a DOCX.

    Raises InputError for what cannot be read, with what to do.
    """
    try:
        data = path.read_bytes() if path.stat().st_size <= MAX_SIZE else None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    if data is None:
        raise InputError(
            f"{path} is larger than {MAX_SIZE >> 20} MiB; give the text of its security section"
        )
    if data.startswith(b"%PDF"):
        raise InputError(
            f"{path} is a PDF; make text of it first, for example with: pdftotext -layout FILE.pdf"
        )
    if data.startswith(b"PK\x03\x04"):
        return _docx(path)
    if b"\x00" in data[:4096]:
        raise InputError(f"{path} is no text; give Markdown, text or DOCX")
    return data.decode("utf-8", errors="replace")


def _docx(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo("word/document.xml")
            if info.file_size > MAX_SIZE:
                raise InputError(f"{path} holds more than {MAX_SIZE >> 20} MiB of text")
            with archive.open(info) as stream:
                data = stream.read(MAX_SIZE + 1)
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError) as error:
        raise InputError(f"{path} is no DOCX that can be read ({type(error).__name__})") from None
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise InputError(f"{path} declares XML entities, which no DOCX does; it is not read")
    try:
        tree = ET.fromstring(data)  # noqa: S314 - no document type, so no entities
    except ET.ParseError as error:
        raise InputError(f"{path} is no DOCX that can be read ({error})") from None
    paragraphs = tree.iter(f"{_WORDML}p")
    return "\n".join("".join(node.text or "" for node in p.iter(f"{_WORDML}t")) for p in paragraphs)


def without_notes(text: str) -> str:
    """Return *text* with what a draft of ours says about itself blanked; lines keep their numbers.

    Questions, sources and provenance of the rows, and the list of what was observed, are no claims.
    """
    text = _OWN_LISTS.sub(lambda m: "\n" * m[0].count("\n"), text)
    return _ESCAPED.sub(r"\1", _OWN_LINES.sub("", text))


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _sentence(text: str, at: int) -> str:
    """Return the sentence around *at*: within its line, with what the next line goes on with in lower case."""
    start = max(text.rfind("\n", 0, at) + 1, _last_stop(text, at))
    rest = _STOP.search(text, at)
    return text[start : rest.start() if rest else len(text)]


def _last_stop(text: str, at: int) -> int:
    line = text.rfind("\n", 0, at) + 1
    ends = [m.end() for m in _STOP.finditer(text, line, at)]
    return ends[-1] if ends else line


def claims_in(text: str, profiles: Mapping[str, Profile]) -> dict[str, int]:
    """Return the profiles that *text* claims, with the line of the first mention that does not deny them.

    A profile is known by its title, its id, or its section together with the word profile or PS3.15;
    the longest title wins where one contains another.
    """
    claimable = [p for p in profiles.values() if p.claimable]
    left = text
    found: dict[str, int] = {}
    for profile in sorted(claimable, key=lambda p: -len(p.title)):
        for mention in _title(profile).finditer(left):
            if not _DENIED.search(_sentence(text, mention.start())):
                found.setdefault(profile.id, _line(text, mention.start()))
        left = _title(profile).sub(lambda m: " " * len(m[0]), left)
    for profile in claimable:
        named = re.compile(rf"(?<![\w-]){re.escape(profile.id)}(?![\w-])")
        section = re.compile(rf"(?<![\w.]){re.escape(profile.section)}(?![\w.]*\d)")
        for mention in [*named.finditer(left), *section.finditer(left)]:
            line = _sentence(text, mention.start())
            known = mention[0] == profile.id or re.search(
                r"profile|PS ?3\.15|Annex", line, re.IGNORECASE
            )
            if known and not _DENIED.search(line):
                found.setdefault(profile.id, _line(text, mention.start()))
    return found


def _title(profile: Profile) -> re.Pattern[str]:
    words = re.sub(r"\s+(Option|Profile)$", "", profile.title).split()
    return re.compile(
        r"(?<!\w)" + r"\s+".join(re.escape(w) for w in words) + r"(?!\w)", re.IGNORECASE
    )


def check(
    text: str,
    draft: Mapping[str, Any],
    document: Mapping[str, Any],
    profiles: Mapping[str, Profile],
) -> list[Remark]:
    """Return every remark about the statement *text*, against *draft* and *document* of a run, sorted."""
    own = without_notes(text)
    said = claims_in(own, profiles)
    remarks = [
        *_claims(said, document, profiles),
        *_rows(text, own, draft),
        *_ports(own, document),
        *_suites(own, document),
        *_outdated(own, document),
    ]
    return sorted(set(remarks), key=lambda r: (KINDS.index(r.kind), r.id, r.line, r.message))


def _claims(
    said: Mapping[str, int], document: Mapping[str, Any], profiles: Mapping[str, Profile]
) -> Iterator[Remark]:
    edition = document["standard"]["edition"]
    by_profile: dict[str, list[Mapping[str, Any]]] = {}
    for claim in document["claims"]:
        by_profile.setdefault(claim["profile"], []).append(claim)
    for name, line in said.items():
        profile = profiles[name]
        last = profile.editions[1]
        if last is not None and last < edition:
            text = f"{profile.section} {profile.title} is retired: {last} is the last edition at hand that has it"
            yield Remark("outdated", name, f"{text}, and the run was judged by {edition}", line)
        claims = by_profile.get(name, [])
        if not claims:
            yield Remark(
                "notShown",
                name,
                "the statement claims it, but the target of the run does not; nothing was tested",
                line,
            )
        for claim in claims:
            yield from _concluded(claim, line)
    for name in sorted(by_profile.keys() - said.keys()):
        title = profiles[name].title if name in profiles else name
        yield Remark(
            "missing", name, f"the target claims the {title}, but the statement does not name it"
        )


def _concluded(claim: Mapping[str, Any], line: int) -> Iterator[Remark]:
    told = f"{claim['decided']} of {claim['total']} cases decided"
    if claim["conclusion"] == "not-conformant":
        message = f"claimed, but as {claim['role']} it is not conformant ({told})"
        yield Remark("contradicted", claim["profile"], message, line)
    if claim["conclusion"] == "not-established":
        message = f"claimed, but as {claim['role']} it is not established ({told})"
        yield Remark("notShown", claim["profile"], message, line)


def _rows(text: str, own: str, draft: Mapping[str, Any]) -> Iterator[Remark]:
    words = {row["id"]: row["words"] for row in catalogue()["rows"]}
    for entry in draft["entries"]:
        if entry["provenance"] == "not claimed":
            continue
        name = entry["csId"]
        open_one = re.search(rf"\*\*{re.escape(name)}\*\*[^\n]*\n\s*\**{UNKNOWN}", text)
        if open_one:
            yield Remark(
                "missing",
                name,
                f"left open in the statement: {entry['says']}",
                _line(text, open_one.start()),
            )
        elif f"**{name}**" not in text and not any(
            re.search(w, own, re.IGNORECASE | re.DOTALL) for w in words[name]
        ):
            yield Remark("missing", name, f"{entry['source']} asks for it: {entry['says']}")


def _ports(text: str, document: Mapping[str, Any]) -> Iterator[Remark]:
    said: dict[int, int] = {}
    for mention in _PORT.finditer(text):
        for number in re.findall(r"\d{2,5}", mention[1]):
            said.setdefault(int(number), _line(text, mention.start()))
    if not said:
        return
    for point in document["endpoints"]:
        port = point["address"].rpartition(":")[2]
        if point["direction"] != "harness-connects" or not port.isdigit() or int(port) in said:
            continue
        if any(point["counts"].get(w) for w in DECIDED):
            message = f"the product answered on port {port} ({point['transport']}); the statement names {_numbers(said)}"
            yield Remark(
                "contradicted", "CS-TLS-1" if point["transport"] == "tls" else "ports", message
            )


def _numbers(found: Mapping[int, int]) -> str:
    return ", ".join(str(n) for n in sorted(found)[:8])


def _suites(text: str, document: Mapping[str, Any]) -> Iterator[Remark]:
    said = {m[0]: _line(text, m.start()) for m in reversed(list(_SUITE.finditer(text)))}
    seen = {
        s["suite"] for o in document["observations"] if o["key"] == "tls.suites" for s in o["value"]
    }
    if not said or not seen:
        return
    for name in sorted(seen - said.keys()):
        yield Remark(
            "contradicted",
            "CS-TLS-3",
            f"the server selects {name}, which the statement does not name",
        )
    for name in sorted(said.keys() - seen):
        message = f"{name} is named, but the server did not select it; it may need the other type of certificate"
        yield Remark("notShown", "CS-TLS-3", message, said[name])


def _outdated(text: str, document: Mapping[str, Any]) -> Iterator[Remark]:
    edition = document["standard"]["edition"]
    for found in _OLD_UNDER_NEW.finditer(text):
        message = "headings N.7.1 to N.7.3 of the old template under new numbers; in PS3.2 Annex N, N.7 is another subject"
        yield Remark("outdated", "template", message, _line(text, found.start()))
        break
    for found in _EDITION.finditer(text):
        if found[1] < edition:
            yield Remark(
                "outdated",
                "edition",
                f"cites PS3.15 {found[1]}; the run was judged by {edition}",
                _line(text, found.start()),
            )
    strict = {"tls-bcp195-rfc8996", "tls-bcp195-rfc8996-modified"} & {
        c["profile"] for c in document["claims"]
    }
    for found in _OLD_TLS.finditer(text) if strict else ():
        if not _DENIED.search(_sentence(text, found.start())) and "forbid" not in _sentence(
            text, found.start()
        ):
            message = f"names {found[1]}, which RFC 8996 forbids under the claimed profile"
            yield Remark("outdated", found[1], message, _line(text, found.start()))


def buckets(
    text: str, document: Mapping[str, Any], profiles: Mapping[str, Profile]
) -> dict[str, list[str]]:
    """Return claimed against observed with the claims of the statement *text* instead of the target's."""
    said = claims_in(without_notes(text), profiles)
    lists: dict[str, list[str]] = {
        "claimedAndShown": [],
        "claimedAndRefuted": [],
        "claimedAndNotShown": [],
        "shownAndNotClaimed": [row["what"] for row in document["buckets"]["shownAndNotClaimed"]],
    }
    for name in said:
        conclusions = {c["conclusion"] for c in document["claims"] if c["profile"] == name}
        if "not-conformant" in conclusions:
            lists["claimedAndRefuted"].append(name)
        elif conclusions and all(c.startswith("conformant") for c in conclusions):
            lists["claimedAndShown"].append(name)
        else:
            lists["claimedAndNotShown"].append(name)
    shown = [c["profile"] for c in document["claims"] if c["conclusion"].startswith("conformant")]
    lists["shownAndNotClaimed"] += sorted(set(shown) - said.keys())
    return lists


def exit_code(remarks: Sequence[Remark]) -> int:
    """Return 1 if the statement is wrong, incomplete or outdated, 6 if only something is not shown, else 0."""
    kinds = {r.kind for r in remarks}
    if kinds & {"contradicted", "missing", "outdated"}:
        return 1
    return 6 if kinds else 0
