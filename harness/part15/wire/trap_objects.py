"""Objects that touch every VR and every trap of storing and forwarding, encoded by hand (PS3.15 A.3).

All are marked as test data: UIDs below :data:`ROOT`, patient ID and name beginning with ``PART15``. What one
object tries is its name; each tries little, so that one refusal costs little.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from part15.wire.trap_elements import TRAPS, Elements, compressed
from part15.wire.writing import element

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
EXPLICIT, JPEG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.50"


@dataclass(frozen=True)
class Trap:
    """One object: *data* is its data set, encoded in *transfer*."""

    name: str
    uid: str
    data: bytes
    transfer: str = EXPLICIT
    sop_class: str = SECONDARY_CAPTURE


ROOT = "2.25.80226777119697075589165232058050115255"
"""Our own root: a UUID of this project (ITU-T X.667); every UID of a test object is below it."""


def new_uid() -> str:
    """Return a UID below :data:`ROOT` that nobody else has."""
    return f"{ROOT}.{secrets.randbits(63)}"


def base(uid: str, study: str, series: str) -> Elements:
    """Return the elements of a small right secondary capture, by tag."""
    rows: tuple[tuple[int, str, bytes | str], ...] = (
        (0x00080005, "CS", "ISO_IR 192"),
        (0x00080008, "CS", "DERIVED\\SECONDARY"),
        (0x00080016, "UI", SECONDARY_CAPTURE),
        (0x00080018, "UI", uid),
        (0x00080020, "DA", "20260102"),
        (0x00080030, "TM", "101112"),
        (0x00080050, "SH", "PART15"),
        (0x00080060, "CS", "OT"),
        (0x00080064, "CS", "WSD"),
        (0x00080070, "LO", ""),
        (0x00080090, "PN", ""),
        (0x00100010, "PN", "PART15^Test"),
        (0x00100020, "LO", "PART15-1"),
        (0x00100030, "DA", ""),
        (0x00100040, "CS", ""),
        (0x0020000D, "UI", study),
        (0x0020000E, "UI", series),
        (0x00200010, "SH", "PART15"),
        (0x00200011, "IS", "1"),
        (0x00200013, "IS", "1"),
        (0x00280002, "US", struct.pack("<H", 1)),
        (0x00280004, "CS", "MONOCHROME2"),
        (0x00280010, "US", struct.pack("<H", 2)),
        (0x00280011, "US", struct.pack("<H", 4)),
        (0x00280100, "US", struct.pack("<H", 8)),
        (0x00280101, "US", struct.pack("<H", 8)),
        (0x00280102, "US", struct.pack("<H", 7)),
        (0x00280103, "US", struct.pack("<H", 0)),
        (0x7FE00010, "OB", bytes(range(8))),
    )
    return {tag: element(tag, vr, value) for tag, vr, value in rows}


def joined(elements: Mapping[int, bytes]) -> bytes:
    """Return the data set of *elements*, by ascending tag."""
    return b"".join(elements[tag] for tag in sorted(elements))


STATUS_TRAP = "status AO"


def file_of(trap: Trap) -> bytes:
    """Return *trap* as a DICOM File (PS3.10)."""
    rows: tuple[tuple[int, str, bytes | str], ...] = (
        (0x00020001, "OB", b"\0\1"),
        (0x00020002, "UI", trap.sop_class),
        (0x00020003, "UI", trap.uid),
        (0x00020010, "UI", trap.transfer),
        (0x00020012, "UI", "2.25.15001"),
    )
    meta = b"".join(element(tag, vr, value) for tag, vr, value in rows)
    length = element(0x00020000, "UL", struct.pack("<I", len(meta)))
    return bytes(128) + b"DICM" + length + meta + trap.data


def traps(study: str = "", series: str = "") -> tuple[Trap, ...]:
    """Return every trap object, with new UIDs, in one series."""
    study, series = study or new_uid(), series or new_uid()
    found = []
    for name, make in {"plain": dict, **TRAPS}.items():
        uid = new_uid()
        data = joined({**base(uid, study, series), **make()})
        found.append(Trap(name, uid, data))
    for name, offsets in {
        "fragments without offsets": b"",
        "fragments with an offset table": b"\0\0\0\0",
    }.items():
        uid = new_uid()
        data = joined({**base(uid, study, series), **compressed(offsets)})
        found.append(Trap(name, uid, data, JPEG))
    return tuple(found)
