"""Encrypted Attributes Sequence: envelopes opened with given keys, contents compared (PS3.3 C.12.1.1.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from part15.observations.deid import EncryptedSeen, EnvelopeSeen
from part15.wire.cms_ber import BerError, Budget
from part15.wire.deid_index import Index, indexed
from part15.wire.deid_values import digest
from part15.wire.dictionary import tag_text
from part15.wire.elements import Limits, MalformedDataSet, walk
from part15.wire.part10 import has_preamble, inflated, is_deflated, syntax_of, uid_text

if TYPE_CHECKING:
    from part15.wire.cms import Enveloped
    from part15.wire.cms_opening import Opener

SEQUENCE = "(0400,0500)"
MODIFIED = "(0400,0550)"
MOST_ITEMS = 64
MOST_CONTENT = 64 << 20
_LIMITS = Limits(depth=64, count=200_000)
_TAG_LENGTH = len(MODIFIED)


def encrypted(
    after: Index,
    before: Index | None,
    openers: Mapping[str, Opener],
    salt: bytes,
) -> EncryptedSeen:
    """Return what the Encrypted Attributes Sequence of *after* holds, as far as *openers* open it."""
    nested = tuple(a.path for a in after.attributes if a.level and tag_text(a.tag) == SEQUENCE)[
        :MOST_ITEMS
    ]
    sequence = after.at(SEQUENCE)
    if sequence is None:
        return EncryptedSeen(nested=nested, keys=len(openers))
    items = tuple(
        _item(after, before, f"{SEQUENCE}[{number}]/", openers, salt)
        for number in range(1, min(max(sequence.items, 0), MOST_ITEMS) + 1)
    )
    return EncryptedSeen(True, nested, items, _differing(items), len(openers))


def _differing(items: tuple[EnvelopeSeen, ...]) -> tuple[str, ...]:
    known: dict[str, str] = {}
    found: dict[str, None] = {}
    for item in items:
        for tag, value in item.attributes:
            if known.setdefault(tag, value) != value:
                found[tag] = None
    return tuple(found)


def _item(
    after: Index, before: Index | None, item: str, openers: Mapping[str, Opener], salt: bytes
) -> EnvelopeSeen:
    syntax = after.text(item + "(0400,0510)")
    content = after.at(item + "(0400,0520)")
    if content is None or content.length <= 0:
        return EnvelopeSeen(syntax, 0, "damaged", "there is no Encrypted Content (0400,0520)")
    octets = after.octets(content)
    if len(octets) > MOST_CONTENT:
        return EnvelopeSeen(
            syntax, len(octets), "damaged", f"it is larger than {MOST_CONTENT} octets"
        )
    try:
        enveloped, trailing = envelope(octets)
    except BerError as trouble:
        return EnvelopeSeen(syntax, len(octets), "not-enveloped", str(trouble))
    seen = EnvelopeSeen(
        transfer_syntax=syntax,
        content=len(octets),
        transports=tuple(
            r.seen.key_encryption_name if r.seen.kind == "ktri" else r.seen.kind
            for r in enveloped.recipients
        ),
        key_bits=tuple(r.seen.key_bits for r in enveloped.recipients),
        cipher=enveloped.cipher.oid,
        content_type=enveloped.content_type,
        trailing=trailing,
    )
    return _opened(seen, octets, enveloped, after, before, openers, salt)


def envelope(octets: bytes) -> tuple[Enveloped, int]:
    """Return the EnvelopedData in *octets*, and how many octets follow it.

    Raises BerError if there is none.
    """
    from part15.wire.cms import parse_enveloped
    from part15.wire.cms_outer import parse_outer

    budget = Budget(len(octets))
    outer = parse_outer(octets, budget)
    if outer.kind != "enveloped" or outer.content is None:
        raise BerError(outer.problem or "the octets are no CMS ContentInfo with EnvelopedData")
    return parse_enveloped(octets, outer.content, budget), outer.trailing


def _opened(
    seen: EnvelopeSeen,
    octets: bytes,
    enveloped: Enveloped,
    after: Index,
    before: Index | None,
    openers: Mapping[str, Opener],
    salt: bytes,
) -> EnvelopeSeen:
    """Try every key on its own, so that the answer says whose item it is."""
    from dataclasses import replace

    from part15.wire.cms_opening import open_enveloped

    if not openers:
        return replace(seen, state="no-key", why="no key was given")
    by: list[str] = []
    plaintext: bytes | None = None
    state, why = "no-recipient", "it is for other recipients than the keys that were given"
    for name, opener in openers.items():
        answer = open_enveloped(octets, enveloped, [opener])
        if answer.access == "opened" and answer.plaintext is not None:
            if answer.padding == "wrong":
                state, why = "damaged", "the padding of the plaintext is wrong"
                continue
            by.append(name)
            plaintext = bytes(answer.plaintext)
        elif answer.access in ("damaged", "unsupported") and not by:
            state, why = "damaged", answer.why
    if plaintext is None:
        return replace(seen, state=state, why=why)
    opened = replace(seen, state="opened", opened_by=tuple(by))
    try:
        inner = plain_index(plaintext, seen.transfer_syntax)
    except MalformedDataSet as trouble:
        return replace(opened, plaintext_flaw=f"the plaintext is no data set: {trouble}")
    return _inside(opened, inner, after, before, salt)


def plain_index(plaintext: bytes, transfer_syntax: str) -> Index:
    """Return the index of an Encrypted Attributes Data Set.

    Raises MalformedDataSet if it is no data set in *transfer_syntax*, or a whole DICOM file.
    """
    if has_preamble(plaintext):
        raise MalformedDataSet(128, "a DICOM file with preamble stands where a data set should")
    uid = uid_text(transfer_syntax.encode("ascii", "replace")) or "1.2.840.10008.1.2.1"
    data = inflated(plaintext, 0) if is_deflated(uid) else plaintext
    syntax = syntax_of(uid)
    return indexed(data, walk(data, syntax=syntax, limits=_LIMITS), big=syntax.big)


def _inside(
    seen: EnvelopeSeen, inner: Index, after: Index, before: Index | None, salt: bytes
) -> EnvelopeSeen:
    from dataclasses import replace

    top = [a for a in inner.attributes if not a.level]
    sequences = [a for a in top if a.path == MODIFIED]
    item = f"{MODIFIED}[1]/"
    attributes: list[tuple[str, str]] = []
    unchanged: list[str] = []
    partial: list[str] = []
    for at, attribute in enumerate(inner.attributes):
        if (
            attribute.level != 1
            or not attribute.path.startswith(item)
            or not attribute.tag & 0xFFFF
        ):
            continue
        path = attribute.path[len(item) :]
        value = _value(inner, at)
        attributes.append((path, digest(value, salt)))
        if _same(after, path, value) and value:
            unchanged.append(path)
        if attribute.items > 0 and before is not None and not _same(before, path, value):
            partial.append(path)
    return replace(
        seen,
        modified_sequences=len(sequences),
        modified_items=sum(max(0, a.items) for a in sequences),
        other_top_level=tuple(a.path for a in top if a.path != MODIFIED and a.tag & 0xFFFF)[:64],
        attributes=tuple(attributes),
        unchanged=tuple(unchanged),
        partial_sequences=tuple(partial),
        holds_uids=any(path == "(0008,0018)" for path, _ in attributes),
    )


def _value(index: Index, position: int) -> bytes:
    """Return a value in a form that is equal for equal contents, sequences included."""
    attribute = index.attributes[position]
    if attribute.items < 0:
        return index.plain(attribute)
    return repr(index.content(position)).encode()


def _same(index: Index, path: str, value: bytes) -> bool:
    at = index.by_path.get(path)
    return at is not None and _value(index, at) == value
