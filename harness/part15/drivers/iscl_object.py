"""The synthetic object that goes between two ISCL ends, with a part by which it is known again."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from part15.wire import pdu
from part15.wire.writing import element

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
PATIENT = b"PART15^EAVESDROP"


@dataclass(frozen=True)
class Made:
    """A synthetic object as a file, and the part of it that is to arrive."""

    path: Path
    payload: bytes
    instance: str


def made(folder: Path, size: int) -> Made:
    """Write a synthetic Secondary Capture object of about *size* octets into *folder*."""
    instance = f"2.25.{int.from_bytes(os.urandom(12), 'big')}"
    payload = PATIENT + b" payload " + bytes(128) + os.urandom(32).hex().encode() * (size // 64 + 1)

    def item(tag: int, vr: str, value: bytes) -> bytes:
        return element(tag, vr, value + (b"\0" if vr in ("UI", "OB") else b" ") * (len(value) % 2))

    meta = b"".join(
        (
            item(0x00020001, "OB", b"\0\1"),
            item(0x00020002, "UI", SECONDARY_CAPTURE.encode()),
            item(0x00020003, "UI", instance.encode()),
            item(0x00020010, "UI", pdu.EXPLICIT_LE.encode()),
            item(0x00020012, "UI", pdu.IMPLEMENTATION_CLASS.encode()),
        )
    )
    data = b"".join(
        (
            item(0x00080016, "UI", SECONDARY_CAPTURE.encode()),
            item(0x00080018, "UI", instance.encode()),
            item(0x00100010, "PN", PATIENT),
            item(0x00100020, "LO", b"PART15"),
            item(0x0020000D, "UI", f"{instance}.1".encode()),
            item(0x0020000E, "UI", f"{instance}.2".encode()),
            item(0x00204000, "LT", payload[:1]),
            item(0x7FE00010, "OB", payload),
        )
    )
    head = element(0x00020000, "UL", len(meta).to_bytes(4, "little"))
    path = folder / f"{instance}.dcm"
    path.write_bytes(bytes(128) + b"DICM" + head + meta + data)
    return Made(path, payload, instance)
