"""What an object says about its own de-identification, and what its file meta information still says."""

from __future__ import annotations

import struct

from part15.observations.deid import MarksSeen, MetaSeen, MethodCode, PixelsSeen
from part15.wire.deid_index import Attribute, Index
from part15.wire.deid_rules import BASIC, method_codes
from part15.wire.deid_values import digest
from part15.wire.part10 import Part10File, uid_text

SCHEME = "DCM"
_MOST_CODES = 64
_TERMS = frozenset(["YES", "NO", "UNMODIFIED", "MODIFIED", "REMOVED"])
_INSTANCE = 0x00020003
_REPLACED = tuple(
    0x00020000 + e for e in (0x12, 0x13, 0x16, 0x17, 0x18, 0x26, 0x27, 0x28, 0x100, 0x102)
)
"""Meta elements that tell of the application that wrote the original (E.1.1 item 7)."""
_EVENTS = frozenset(["ENROLLMENT", "BASELINE"])
"""Longitudinal Temporal Event Type (0012,0053), defined terms of PS3.3 C.7.2.3."""


def _term(value: str) -> str:
    """Return a coded value that may be told, ``other`` for one that nobody defined."""
    return value if not value or value.upper() in _TERMS else "other"


def _codes(
    index: Index, salt: bytes, before: frozenset[tuple[str, str]] = frozenset()
) -> tuple[MethodCode, ...]:
    """Return the method codes; those of other schemes as hashes, for they are somebody's text."""
    sequence = index.at("(0012,0064)")
    found = []
    for number in range(1, min(sequence.items, _MOST_CODES) + 1 if sequence is not None else 1):
        item = f"(0012,0064)[{number}]/"
        code, scheme = index.text(item + "(0008,0100)"), index.text(item + "(0008,0102)")
        if scheme != SCHEME or not code.isdigit():
            code, scheme = f"hash {digest(code.encode(), salt)[:8]}", "of another scheme"
        found.append(MethodCode(code, scheme, (code, scheme) in before))
    return tuple(found)


def marks(after: Index, before: Index | None = None, salt: bytes = b"") -> MarksSeen:
    """Return what *after* says of its own de-identification, with what *before* already said."""
    codes_before = _codes(before, salt) if before is not None else ()
    known = frozenset((c.code, c.scheme) for c in codes_before)
    method = after.at("(0012,0063)")
    offset = after.at("(0012,0052)")
    event = after.text("(0012,0053)")
    flaw = ""
    if offset is not None:
        if offset.vr != "FD" or offset.length != 8:
            flaw = (
                f"(0012,0052) is {offset.vr} of {offset.length} octets where FD of 8 octets is due"
            )
        elif (
            struct.unpack("<d", after.plain(offset))[0]
            != struct.unpack("<d", after.plain(offset))[0]
        ):
            flaw = "(0012,0052) is no number"
        elif not event:
            flaw = "(0012,0052) stands without Longitudinal Temporal Event Type (0012,0053)"
    return MarksSeen(
        identity_removed=_term(after.text("(0012,0062)")),
        method_text=method is not None and bool(after.plain(method)),
        codes=_codes(after, salt, known),
        codes_before=codes_before,
        text_before_kept=_text_kept(before, after),
        temporal=_term(after.text("(0028,0303)")),
        burned_in=_term(after.text("(0028,0301)")),
        visual_features=_term(after.text("(0028,0302)")),
        offset_event=event if event in _EVENTS else ("other" if event else ""),
        offset_flaw=flaw,
    )


def _text_kept(before: Index | None, after: Index) -> bool:
    """Tell whether every value of De-identification Method of the original is still there."""
    old = before.at("(0012,0063)") if before is not None else None
    if before is None or old is None:
        return True
    new = after.at("(0012,0063)")
    values = set(after.plain(new).split(b"\\")) if new is not None else set()
    return all(part in values for part in before.plain(old).split(b"\\") if part)


def marked_profiles(index: Index) -> tuple[str, ...]:
    """Return the profile and options that the method codes of an object name; () if it bears no mark."""
    by_code = {row["code"]: row["option"] for row in method_codes()}
    found = [
        by_code[c.code] for c in _codes(index, b"") if c.scheme == SCHEME and c.code in by_code
    ]
    if not found and index.text("(0012,0062)") == "YES":
        found = [BASIC]
    return tuple(dict.fromkeys(found))


def meta(after: Part10File, instance: str, before: Part10File | None = None) -> MetaSeen:
    """Return what preamble and file meta information of *after* carry; *instance* is its (0008,0018)."""
    preamble = bytes(after.octets[:128])
    state = "set" if any(preamble) else "zero"
    kept: list[str] = []
    same_instance = False
    if before is not None:
        old = bytes(before.octets[:128])
        if any(old):
            state = "kept" if old == preamble else "changed" if any(preamble) else "zero"
        for tag in _REPLACED:
            was, now = before.meta_value(tag), after.meta_value(tag)
            if was and now and was.rstrip(b" \0") and was.rstrip(b" \0") == now.rstrip(b" \0"):
                kept.append(f"(0002,{tag & 0xFFFF:04X})")
        was, now = before.meta_value(_INSTANCE), after.meta_value(_INSTANCE)
        same_instance = was is not None and now is not None and uid_text(was) == uid_text(now)
    said = after.meta_value(_INSTANCE)
    return MetaSeen(
        is_file=True,
        preamble=state,
        kept=tuple(kept),
        present=tuple(f"(0002,{tag & 0xFFFF:04X})" for tag in _REPLACED if after.meta_value(tag)),
        instance_matches=not instance or (said is not None and uid_text(said) == instance),
        instance_kept=same_instance,
    )


def pixels(
    after: Index, before: Index | None, regions: tuple[tuple[str, bytes, int, int, int, int], ...]
) -> PixelsSeen:
    """Compare Pixel Data of the main data set, and look for what was burned in.

    *regions* are (name, pattern, x, y, width, height): *pattern* holds the samples that were burned
    in as rows of one octet per pixel; images of more than one octet per sample are looked at by
    their low octets.
    """
    new = after.at("(7FE0,0010)")
    old = before.at("(7FE0,0010)") if before is not None else None
    if new is None or new.items >= 0:
        return PixelsSeen("absent")
    state = "unread"
    if before is not None and old is not None:
        state = "untouched" if before.octets(old) == after.octets(new) else "changed"
    burned: list[str] = []
    cleaned: list[str] = []
    for name, pattern, x, y, width, height in regions:
        shown = _region(after, new, x, y, width, height)
        if shown is not None:
            (burned if _shows(shown, pattern) else cleaned).append(name)
    return PixelsSeen(state, tuple(burned), tuple(cleaned), _icon(before, after))


def _shows(shown: bytes, pattern: bytes) -> bool:
    """Tell whether the lit pixels of *pattern* still stand out of *shown*, whatever the brightness."""
    lit = [value for value, mark in zip(shown, pattern, strict=False) if mark]
    dark = [value for value, mark in zip(shown, pattern, strict=False) if not mark]
    if not lit or not dark:
        return False
    return min(lit) > max(dark) or max(lit) < min(dark)


def _number(index: Index, path: str) -> int:
    found = index.at(path)
    return int.from_bytes(index.plain(found), "little") if found is not None else 0


def _region(index: Index, data: Attribute, x: int, y: int, width: int, height: int) -> bytes | None:
    """Return the low octets of the pixels of one region of a native single-frame image, or None."""
    rows, columns = _number(index, "(0028,0010)"), _number(index, "(0028,0011)")
    octets = max(1, _number(index, "(0028,0100)") // 8)
    samples = max(1, _number(index, "(0028,0002)"))
    if data.length < rows * columns * octets * samples or y + height > rows or x + width > columns:
        return None
    step = octets * samples
    found = bytearray()
    low = octets - 1 if index.big else 0
    for row in range(y, y + height):
        start = data.value + (row * columns + x) * step + low
        found += bytes(index.data[start : start + width * step])[::step]
    return bytes(found)


def _icon(before: Index | None, after: Index) -> str:
    """Return what became of the icon: empty (none), kept, changed."""
    path = "(0088,0200)[1]/(7FE0,0010)"
    new = after.at(path)
    if new is None:
        return ""
    old = before.at(path) if before is not None else None
    if before is None or old is None:
        return "present"
    return "kept" if before.octets(old) == after.octets(new) else "changed"
