"""Small DICOM Files for secure media: made here, synthetic, encoded by hand in explicit VR little endian."""

from __future__ import annotations

import struct
from collections.abc import Iterable

_LONG = frozenset({"OB", "OW", "SQ", "UN", "UT"})
EXPLICIT = "1.2.840.10008.1.2.1"
_ROOT = "2.25.15"

Value = str | int | bytes
Row = tuple[int, str, Value]


def element(tag: int, vr: str, value: Value) -> bytes:
    """Return one element; text is padded, an integer is US."""
    octets = struct.pack("<H", value) if isinstance(value, int) else value
    if isinstance(octets, str):
        octets = octets.encode("ascii")
    if len(octets) % 2:
        octets += b"\0" if vr in ("UI", "OB", "UN") else b" "
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    if vr in _LONG:
        return head + struct.pack("<HI", 0, len(octets)) + octets
    return head + struct.pack("<H", len(octets)) + octets


def sequence(tag: int, items: Iterable[bytes]) -> bytes:
    """Return a sequence of encoded items, with defined lengths."""
    inner = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(i)) + i for i in items)
    return element(tag, "SQ", inner)


def file_of(sop_class: str, instance: str, data_set: bytes) -> bytes:
    """Return a DICOM File with *data_set* (explicit VR little endian)."""
    meta = b"".join(
        (
            element(0x00020001, "OB", b"\0\1"),
            element(0x00020002, "UI", sop_class),
            element(0x00020003, "UI", instance),
            element(0x00020010, "UI", EXPLICIT),
            element(0x00020012, "UI", f"{_ROOT}.1"),
        )
    )
    length = struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(meta))
    return bytes(128) + b"DICM" + length + meta + data_set


def image(number: int = 1, *, rows: int = 8) -> bytes:
    """Return a synthetic CT image of *rows* x *rows* pixels, with a sequence and a private element."""
    sop_class, instance = "1.2.840.10008.5.1.4.1.1.2", f"{_ROOT}.{number}"
    code = b"".join(
        (
            element(0x00080100, "SH", "T1"),
            element(0x00080102, "SH", "99PART15"),
            element(0x00080104, "LO", "Synthetic"),
        )
    )
    rest: tuple[Row, ...] = (
        (0x00100010, "PN", "Synthetic^Media"),
        (0x00100020, "LO", f"MEDIA{number}"),
        (0x0020000D, "UI", f"{_ROOT}.100"),
        (0x0020000E, "UI", f"{_ROOT}.101"),
        (0x00280002, "US", 1),
        (0x00280010, "US", rows),
        (0x00280011, "US", rows),
        (0x00280100, "US", 16),
        (0x00290010, "LO", "PART15 MEDIA"),
        (0x00291001, "UN", b"\1\2\3\4"),
        (0x7FE00010, "OW", (bytes(range(256)) * (rows * rows // 128 + 1))[: 2 * rows * rows]),
    )
    data_set = b"".join(
        (
            element(0x00080016, "UI", sop_class),
            element(0x00080018, "UI", instance),
            element(0x00080060, "CS", "CT"),
            sequence(0x00081032, [code]),
            *(element(*row) for row in rest),
        )
    )
    return file_of(sop_class, instance, data_set)


def directory(files: Iterable[str]) -> bytes:
    """Return a DICOMDIR that names *files* (file IDs with ``/``), enough of one for a file-set to be walked."""
    records = [
        element(0x00041430, "CS", "IMAGE") + element(0x00041500, "CS", name.replace("/", "\\"))
        for name in files
    ]
    sop_class = "1.2.840.10008.1.3.10"
    data_set = element(0x00041130, "CS", "PART15") + sequence(0x00041220, records)
    return file_of(sop_class, f"{_ROOT}.9", data_set)
