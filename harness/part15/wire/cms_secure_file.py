"""One file offered as a Secure DICOM File (PS3.10 7.4, PS3.15 D.1): opened as far as the keys allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from part15.observations.media import ContentSeen, SecureFileSeen
from part15.wire import part10
from part15.wire.cms import Enveloped, parse_enveloped
from part15.wire.cms_ber import BerError, Budget, Octets
from part15.wire.cms_inner import Inner, read_inner
from part15.wire.cms_opening import Opened, Opener, open_enveloped
from part15.wire.cms_outer import Outer, parse_outer, sniff
from part15.wire.cms_trust import Trust
from part15.wire.elements import MalformedDataSet, top_level

MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"
_SOP_CLASS = 0x00020002
_TRAILING_PADDING = 0xFFFCFFFC


@dataclass(frozen=True)
class Looked:
    """What was seen of one file, and the DICOM File that came out of it, if one did."""

    seen: SecureFileSeen
    content: memoryview | None = None


def look(
    data: Octets,
    openers: Sequence[Opener] = (),
    trust: Trust | None = None,
    strangers: Mapping[str, Opener] = MappingProxyType({}),
) -> Looked:
    """Return what *data* is, opened with the first of *openers* that fits, judged against *trust*.

    *strangers* are keys and passwords by name that must not open it; each is tried.
    Never raises for hostile octets. Memory: one buffer as large as the ciphertext.
    """
    budget = Budget(len(data))
    outer = parse_outer(data, budget)
    seen = _outside(len(data), outer)
    if outer.content is None:
        return Looked(seen)
    if outer.kind != "enveloped":
        return _unprotected(memoryview(data), outer, seen, trust or Trust())
    try:
        enveloped = parse_enveloped(data, outer.content, budget)
    except BerError as error:
        return Looked(replace(seen, problem=str(error)))
    inside = [n for n, o in strangers.items() if _opens(data, enveloped, o)]
    seen = replace(seen, strangers=tuple(inside))
    return _inside(data, enveloped, seen, openers, trust or Trust())


def _opens(data: Octets, enveloped: Enveloped, opener: Opener) -> bool:
    opened = open_enveloped(data, enveloped, [opener])
    return opened.access == "opened" and opened.padding == "right"


def _outside(size: int, outer: Outer) -> SecureFileSeen:
    return SecureFileSeen(
        size=size,
        outer=outer.kind,
        outer_oid=outer.oid,
        problem=outer.problem,
        definite=outer.definite,
        trailing=outer.trailing,
    )


def _unprotected(data: memoryview, outer: Outer, seen: SecureFileSeen, trust: Trust) -> Looked:
    """Look into a SignedData or DigestedData that stands outermost: nothing hides it."""
    assert outer.content is not None
    if outer.kind not in ("signed", "digested"):
        return Looked(seen)
    inner = read_inner(data[outer.content.start : outer.content.after], outer.oid, trust)
    return Looked(replace(seen, inner=inner.seen, content=_content(inner)), inner.content)


def _inside(
    data: Octets,
    enveloped: Enveloped,
    seen: SecureFileSeen,
    openers: Sequence[Opener],
    trust: Trust,
) -> Looked:
    opened = open_enveloped(data, enveloped, openers)
    seen = _with_envelope(seen, enveloped, opened)
    if opened.plaintext is None:
        return Looked(seen)
    inner = read_inner(opened.plaintext, enveloped.content_type, trust, in_place=True)
    return Looked(replace(seen, inner=inner.seen, content=_content(inner)), inner.content)


def _with_envelope(seen: SecureFileSeen, enveloped: Enveloped, opened: Opened) -> SecureFileSeen:
    return replace(
        seen,
        version=enveloped.version,
        due_version=enveloped.due_version,
        recipients=opened.recipients,
        content_type=enveloped.content_type,
        cipher=enveloped.cipher,
        content_length=enveloped.length,
        access=opened.access,
        access_why=opened.why,
        padding=opened.padding,
        weak_key=opened.weak_key,
        passwords=opened.passwords,
    )


def _content(inner: Inner) -> ContentSeen | None:
    return None if inner.content is None else judge_content(inner.content)


def beside(looked: Looked, original: Octets) -> SecureFileSeen:
    """Return what was seen of *looked*, its content compared with the file that was to be encapsulated."""
    content = looked.seen.content
    if content is None or looked.content is None:
        return looked.seen
    same = len(looked.content) == len(original) and bytes(looked.content) == bytes(original)
    return replace(looked.seen, content=replace(content, original="same" if same else "different"))


def judge_content(content: memoryview) -> ContentSeen:
    """Return what the encapsulated octets are; a DICOM File is walked to its end, values unread."""
    length = len(content)
    if not part10.has_preamble(content):
        return ContentSeen(
            _form(bytes(content[:512])), length, "there is no DICM prefix at octet 128"
        )
    try:
        file = part10.parse(content)
    except MalformedDataSet as error:
        return ContentSeen("part10", length, str(error))
    value = file.meta_value(_SOP_CLASS)
    sop_class = part10.uid_text(value) if value else ""
    problem, trailing = _walked(file)
    return ContentSeen("part10", length, problem, trailing, sop_class, file.transfer_syntax)


def _walked(file: part10.Part10File) -> tuple[str, int]:
    """Return what is wrong with the data set, and how many octets follow its last element in order."""
    try:
        elements = file.walk()
    except MalformedDataSet as error:
        rest = bytes(file.data_set[error.offset : error.offset + 4096])
        if not rest.strip(b"\0"):
            return f"octets that are no data element follow at {error.offset}", (
                len(file.data_set) - error.offset
            )
        return str(error), 0
    before = -1
    for index in top_level(elements):
        tag = elements[index].tag
        if tag <= before and before != _TRAILING_PADDING:
            at = elements[index].start
            return f"the tags stop ascending at octet {at}", len(file.data_set) - at
        before = tag
    return "", 0


def _form(head: bytes) -> str:
    if sniff(head) == "cms":
        return "cms"
    printable = sum(0x20 <= octet < 0x7F or octet in b"\r\n\t" for octet in head)
    if head and printable == len(head):
        return "text"
    group = int.from_bytes(head[:2], "little")
    return "data set" if group in (0x0002, 0x0008) and len(head) > 8 else "other"
