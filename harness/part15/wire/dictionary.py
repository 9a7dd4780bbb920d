"""Names and value representations of the standard attributes (PS3.6), from one shipped table.

Nothing is read until the first question; the table costs a few milliseconds, a data dictionary
library a hundred times that.
"""

from __future__ import annotations

import functools

from part15.content import table

_Row = tuple[int, int, str, str]


@functools.cache
def _elements() -> dict[int, tuple[str, str]]:
    """Return tag -> (VR, keyword) of every attribute outside the repeating groups."""
    rows = table("data-dictionary")["elements"].items()
    return {int(tag, 16): tuple(entry.split(" ")) for tag, entry in rows}


@functools.cache
def _repeating() -> tuple[_Row, ...]:
    """Return (mask, value, VR, keyword) of the repeating groups and elements."""
    rows = table("data-dictionary")["repeating"]
    return tuple((int(mask, 16), int(value, 16), *entry.split(" ")) for mask, value, entry in rows)


@functools.cache
def _tags() -> dict[str, int]:
    return {keyword: tag for tag, (_, keyword) in _elements().items()}


def _entry(tag: int) -> tuple[str, str] | None:
    found = _elements().get(tag)
    if found is not None or tag & 0x10000:
        return found
    for mask, value, vr, keyword in _repeating():
        if tag & mask == value:
            return vr, keyword
    return None


class _Representations(dict[int, str]):
    """Tag -> VR for implicit VR; misses are computed and never stored (hostile files name many tags)."""

    def __missing__(self, tag: int) -> str:
        if not tag & 0xFFFF:
            return "UL"
        if tag & 0x10000:
            return "LO" if 0x10 <= tag & 0xFFFF <= 0xFF else "UN"
        found = _entry(tag)
        return found[0] if found else "UN"


@functools.cache
def representations() -> dict[int, str]:
    """Return the mapping from tag to VR; indexing it never fails, unknown tags are ``UN``.

    Where PS3.6 leaves a choice the VRs stand with a stroke between: ``US/SS``, ``OB/OW``,
    ``US/SS/OW``, ``US/OW``. Group lengths are UL and private creators LO (PS3.5 7.2, 7.8.1).
    """
    return _Representations({tag: vr for tag, (vr, _) in _elements().items()})


def vr_of(tag: int) -> str:
    """Return the VR of *tag*, ``UN`` if PS3.6 has none, choices as in :func:`representations`."""
    return representations()[tag]


def keyword_of(tag: int) -> str:
    """Return the keyword of *tag*; ``PrivateCreator``, ``GroupLength`` or an empty string otherwise."""
    if not tag & 0xFFFF:
        return "GroupLength"
    if tag & 0x10000:
        return "PrivateCreator" if 0x10 <= tag & 0xFFFF <= 0xFF else ""
    found = _entry(tag)
    return found[1] if found else ""


def tag_of(keyword: str) -> int | None:
    """Return the tag of *keyword*, or None if PS3.6 has no such attribute outside repeating groups."""
    return _tags().get(keyword)


def tag_text(tag: int) -> str:
    """Return *tag* as ``(gggg,eeee)``, upper case."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def tag_number(text: str) -> int:
    """Return the number of a tag written ``(gggg,eeee)``, ``gggg,eeee`` or ``ggggeeee``.

    Raises ValueError if *text* is not one.
    """
    digits = text.strip("()").replace(",", "")
    if len(digits) != 8:
        raise ValueError(f"{text!r} is not a tag; write (gggg,eeee)")
    return int(digits, 16)


def described(tag: int) -> str:
    """Return ``(0008,0070) Manufacturer``: how messages name an attribute."""
    return f"{tag_text(tag)} {keyword_of(tag)}".rstrip()
