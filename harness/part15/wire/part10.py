"""DICOM files (PS3.10): preamble, file meta information, transfer syntax, and where the data set is.

    file = parse(data)                 # octets of a file
    file = open_file(path)             # the same, memory-mapped
    file.data_set, file.start, file.syntax    # what elements.walk wants
    file.walk()                        # the elements, offsets into file.data_set

Pure except for :func:`open_file`; a deflated data set is inflated under a bound.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from part15.wire.elements import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    LIMITS,
    LONG_FORM,
    Element,
    Limits,
    MalformedDataSet,
    Octets,
    Syntax,
    walk,
)

IMPLICIT_UID = "1.2.840.10008.1.2"
EXPLICIT_UID = "1.2.840.10008.1.2.1"
DEFLATED_UID = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN_UID = "1.2.840.10008.1.2.2"
JPIP_DEFLATED = frozenset({"1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"})
"""JPIP Referenced Deflate and JPIP HTJ2K Referenced Deflate: explicit VR little endian, deflated."""

MAPPED_FROM = 1 << 20
"""Files of at least this many octets are memory-mapped, smaller ones read."""
INFLATED_MOST = 256 << 20
INFLATED_RATIO = 40
INFLATED_ANY = 48 << 20
"""Bounds of an inflated data set: octets; times its deflated size, but :data:`INFLATED_ANY` octets at least.

zlib itself reaches 1032 times; masks of a segmentation some hundred times, photographs and CT 2 to 10.
"""

_STEP = 1 << 20
_PREAMBLE = 128
_TRANSFER_SYNTAX = 0x00020010
_HEAD = struct.Struct("<HH2sH").unpack_from
_LONG_LENGTH = struct.Struct("<I").unpack_from


class NotDicom(MalformedDataSet):
    """The octets are no DICOM file at all: no ``DICM`` behind the preamble."""


@dataclass(frozen=True, repr=False)
class Part10File:
    """One DICOM file.

    *octets* is the whole file; *meta* the elements of group 0002, offsets into *octets*;
    *data_set* holds the data set from *start* on: the same octets, or the inflated ones (*start* 0)
    of a deflated transfer syntax. *name* is what the caller called it.
    """

    name: str
    octets: Octets
    meta: tuple[Element, ...]
    transfer_syntax: str
    syntax: Syntax
    data_set: Octets
    start: int
    deflated: bool = False
    _values: Mapping[int, Element] = field(default_factory=dict)

    def meta_value(self, tag: int) -> bytes | None:
        """Return the octets of the meta element *tag* as they stand, or None."""
        element = self._values.get(tag)
        if element is None:
            return None
        return bytes(self.octets[element.value : element.value + element.length])

    def walk(self, limits: Limits = LIMITS) -> list[Element]:
        """Return the elements of the data set, offsets into *data_set*.

        Raises MalformedDataSet as :func:`elements.walk` does.
        """
        return walk(self.data_set, start=self.start, syntax=self.syntax, limits=limits)


def syntax_of(transfer_syntax: str) -> Syntax:
    """Return how data sets of *transfer_syntax* are encoded; what is unknown is explicit little endian.

    PS3.5 A.4: every encapsulated transfer syntax is explicit VR little endian.
    """
    if transfer_syntax == IMPLICIT_UID:
        return IMPLICIT_LITTLE
    if transfer_syntax == BIG_ENDIAN_UID:
        return EXPLICIT_BIG
    return EXPLICIT_LITTLE


def is_deflated(transfer_syntax: str) -> bool:
    """Tell whether data sets of *transfer_syntax* are deflated as a whole (PS3.5 A.5)."""
    return transfer_syntax == DEFLATED_UID or transfer_syntax in JPIP_DEFLATED


def uid_text(value: bytes | memoryview) -> str:
    """Return a UI value without its padding; octets outside ASCII come out as ``?``."""
    return bytes(value).rstrip(b"\0 ").decode("ascii", "replace").replace("�", "?")


def has_preamble(data: Octets) -> bool:
    """Tell whether *data* begins as a DICOM file does (PS3.10 7.1)."""
    return bytes(data[_PREAMBLE : _PREAMBLE + 4]) == b"DICM"


def parse(data: Octets, name: str = "") -> Part10File:
    """Return the file in *data*; nothing but a deflated data set is copied.

    Raises NotDicom if there is no preamble with ``DICM``, MalformedDataSet if the meta information
    cannot be read, names no transfer syntax, or the data set cannot be inflated within the bounds.
    """
    if not has_preamble(data):
        raise NotDicom(_PREAMBLE, "there is no DICM prefix behind a preamble of 128 octets")
    meta, start = _meta(data)
    values = {element.tag: element for element in meta}
    element = values.get(_TRANSFER_SYNTAX)
    uid = uid_text(bytes(data[element.value : element.end])) if element else ""
    if not uid:
        raise MalformedDataSet(_PREAMBLE, "the file meta information names no transfer syntax")
    data_set: Octets = data
    deflated = is_deflated(uid)
    if deflated:
        data_set, start = inflated(data, start), 0
    return Part10File(
        name, data, tuple(meta), uid, syntax_of(uid), data_set, start, deflated, values
    )


def open_file(path: Path | str, name: str = "") -> Part10File:
    """Return the file at *path*, memory-mapped when it is large, called *name* or by its path.

    Raises OSError if it cannot be read, otherwise as :func:`parse`.
    """
    with Path(path).open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(0)
        octets: Octets
        if size < MAPPED_FROM:
            octets = stream.read()
        else:
            octets = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    return parse(octets, name or str(path))


def _meta(data: Octets) -> tuple[list[Element], int]:
    """Return the elements of group 0002 and where the data set begins; lengths rule, not (0002,0000)."""
    found: list[Element] = []
    at, size = _PREAMBLE + 4, len(data)
    while at + 8 <= size:
        group, number, code, length = _HEAD(data, at)
        if group != 2:
            break
        vr = code.decode("latin-1")
        value = at + 8
        if vr in LONG_FORM:
            if at + 12 > size:
                raise MalformedDataSet(at, "the file ends inside the meta information")
            value, length = at + 12, _LONG_LENGTH(data, at + 8)[0]
        elif not (vr.isalpha() and vr.isupper()):
            raise MalformedDataSet(at, "the meta information is not in explicit VR little endian")
        if length > size - value:
            raise MalformedDataSet(
                at, f"a meta element declares {length} octets where {size - value} are left"
            )
        found.append(
            Element(group << 16 | number, vr, at, value, length, value + length, 0, len(found) + 1)
        )
        at = value + length
    return found, at


def inflated(
    data: Octets,
    start: int,
    *,
    most: int = INFLATED_MOST,
    ratio: int = INFLATED_RATIO,
    least: int = INFLATED_ANY,
) -> bytes:
    """Return the data set that is deflated (RFC 1951, no zlib header) in *data* from *start* on.

    Never holds more than the bound and one step of a mebibyte. Raises MalformedDataSet if it is no
    such stream, ends early, or grows beyond *most* octets or both *ratio* times its
    size and *least* octets.
    """
    size = len(data) - start
    bound = min(most, max(least, ratio * size))
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    parts: list[bytes] = []
    total, at = 0, start
    try:
        while at < len(data) and not stream.eof:
            chunk = bytes(data[at : at + _STEP])
            at += len(chunk)
            while chunk and not stream.eof:
                part = stream.decompress(chunk, _STEP)
                chunk = stream.unconsumed_tail
                total += len(part)
                if total > bound:
                    raise MalformedDataSet(
                        start,
                        f"the data set of {size} deflated octets grows beyond {bound} octets;"
                        " it is not inflated further",
                    )
                parts.append(part)
    except zlib.error as trouble:
        raise MalformedDataSet(start, f"the data set cannot be inflated: {trouble}") from trouble
    if not stream.eof:
        raise MalformedDataSet(len(data), "the deflated data set ends early")
    return b"".join(parts)
