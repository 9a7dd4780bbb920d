"""The elements that make trap objects: by name, what is laid over a small right object (PS3.15 A.3)."""

from __future__ import annotations

import struct
from collections.abc import Callable

from part15.wire import writing
from part15.wire.writing import element, encapsulated, sequence

EXPLICIT = "1.2.840.10008.1.2.1"
Elements = dict[int, bytes]
"""Encoded elements by tag."""


def _raw(tag: int, vr: str, value: bytes) -> bytes:
    """Return an element with *value* as it stands, odd or not."""
    return writing.header(tag, vr, len(value)) + value


def _of(*rows: tuple[int, str, bytes | str]) -> Elements:
    return {tag: element(tag, vr, value) for tag, vr, value in rows}


def _blanks() -> Elements:
    return _of(
        (0x00080050, "SH", "PART15  "),
        (0x00081030, "LO", "  leading and trailing    "),
        (0x00104000, "LT", "comment    "),
        (0x00101030, "DS", "  71.50   "),
        (0x00200013, "IS", " 007  "),
        (0x00080070, "LO", "    "),
    )


def _numbers() -> Elements:
    return _of(
        (0x00101030, "DS", "+1.0E0"),
        (0x00101020, "DS", "01.000"),
        (0x00200013, "IS", "-0"),
        (0x00180050, "DS", "1.50\\-0.0\\1e-3"),
    )


def _names() -> Elements:
    return _of((0x00100010, "PN", "PART15^Test^^^=^^="), (0x00080090, "PN", "^^^^"))


def _dates() -> Elements:
    return _of(
        (0x00080023, "DA", "1999.01.02"),
        (0x00080033, "TM", "10:11:12"),
        (0x0040A120, "DT", "202601021011+0100 "),
    )


def _uids() -> Elements:
    return {
        0x00080014: _raw(0x00080014, "UI", b"1.2.840.10008.1 "),
        0x00081155: _raw(0x00081155, "UI", b"2.25.15\0"),
    }


def _nul_text() -> Elements:
    return {
        0x00081030: _raw(0x00081030, "LO", b"NUL padded\0\0"),
        0x00080080: _raw(0x00080080, "LO", b"A\0"),
    }


def _private() -> Elements:
    return {
        **_of(
            (0x00090010, "LO", "PART15 TEST"),
            (0x00091001, "LO", "private value"),
            (0x00091002, "OB", bytes(range(256)) * 4),
            (0x00091003, "DS", "1.10\\2.20"),
        ),
        0x00091004: sequence(
            0x00091004,
            [
                element(0x00090010, "LO", "PART15 TEST")
                + sequence(0x00091005, [sequence(0x00091005, [element(0x00091001, "LO", "deep")])])
            ],
        ),
    }


def _private_orphans() -> Elements:
    return _of((0x00111001, "LO", "no creator"), (0x00131002, "UN", b"\1\2\3\4"))


def _private_creators() -> Elements:
    return _of(
        (0x00150010, "LO", "PART15 TWICE"),
        (0x00150012, "LO", "PART15 TWICE"),
        (0x00151001, "LO", "first"),
        (0x00151201, "LO", "second"),
    )


def _large_private() -> Elements:
    return _of((0x00170010, "LO", "PART15 LARGE"), (0x00171001, "OB", b"\xa5\x5a" * 40_000))


def _items() -> Elements:
    def code(value: str) -> bytes:
        return element(0x00080100, "SH", value) + element(0x00080102, "SH", "99PART15")

    return {
        0x00081032: sequence(0x00081032, [code("Z"), code("A"), code("M"), code("A")]),
        0x00081140: sequence(
            0x00081140, [sequence(0x00081199, [code("3"), code("1"), code("2")])], undefined=True
        ),
        0x00081110: sequence(0x00081110, []),
        0x00081111: sequence(0x00081111, [b""]),
        0x00082112: sequence(0x00082112, [b"", code("Q")], undefined=True),
        0x00321064: sequence(0x00321064, [], undefined=True),
    }


def _unknown() -> Elements:
    return _of(
        (0x00081030, "UN", b"known as LO "),
        (0x00280106, "UN", struct.pack("<h", -1)),
        (0x00221000, "UN", b"\0\1\2\3"),
    )


def _unknown_items() -> Elements:
    inner = writing.element(0x00080100, "SH", "A", explicit=False)
    return {
        0x00081032: sequence(0x00081032, [inner], undefined=True, vr="UN"),
        0x00190010: element(0x00190010, "LO", "PART15 TEST"),
        0x00191001: sequence(0x00191001, [inner], undefined=True, vr="UN"),
    }


def _wide() -> Elements:
    return {
        **_of(
            (0x00080119, "UC", "unlimited " * 20),
            (0x00080120, "UR", "http://127.0.0.1/part15 "),
            (0x00210010, "LO", "PART15 WIDE"),
            (0x00211001, "SV", struct.pack("<q", -(2**63))),
            (0x00211002, "UV", struct.pack("<Q", 2**64 - 1)),
            (0x00211003, "OV", struct.pack("<QQ", 1, 2**63)),
            (0x00211004, "OL", struct.pack("<II", 1, 2**31)),
            (0x00211005, "OF", struct.pack("<ff", 1.5, -0.0)),
            (0x00211006, "OD", struct.pack("<d", -0.0)),
            (0x00211007, "AT", struct.pack("<HH", 0x0008, 0x0018)),
            (0x00211008, "AE", "PART15"),
            (0x00211009, "AS", "042Y"),
            (0x0021100A, "SS", struct.pack("<h", -32768)),
            (0x0021100B, "SL", struct.pack("<i", -(2**31))),
            (0x0021100C, "UL", struct.pack("<I", 2**32 - 1)),
            (0x0021100D, "OW", struct.pack("<HH", 1, 2)),
            (0x0021100E, "ST", "short text"),
        ),
    }


def _floats() -> Elements:
    nan = struct.pack("<Q", 0x7FF8000000000001)
    return _of(
        (0x00186020, "FD", nan),
        (0x00230010, "LO", "PART15 FLOATS"),
        (0x00231001, "FD", struct.pack("<dd", -0.0, float("inf"))),
        (0x00231002, "FL", bytes.fromhex("0100c07f") + struct.pack("<f", -0.0)),
    )


def _wrong_vr() -> Elements:
    return _of(
        (0x00081030, "ST", "a study description as ST"),
        (0x00280106, "SS", struct.pack("<h", 0)),
        (0x00280107, "US", struct.pack("<H", 255)),
        (0x00283010, "UN", b""),
        (0x00200062, "LO", "L"),
    )


def _long_lo() -> Elements:
    return _of((0x00081030, "LO", "x" * 100), (0x00080050, "SH", "y" * 30))


def _retired() -> Elements:
    return _of(
        (0x00080040, "US", b"\0\0"),
        (0x00080001, "UL", struct.pack("<I", 100)),
        (0x00244243, "LO", "unknown even tag"),
        (0x00280040, "CS", "RECT"),
    )


def _overlays() -> Elements:
    return _of(
        (0x60000010, "US", struct.pack("<H", 2)),
        (0x60000011, "US", struct.pack("<H", 4)),
        (0x60000040, "CS", "G"),
        (0x60000050, "SS", struct.pack("<hh", 1, 1)),
        (0x60000100, "US", struct.pack("<H", 1)),
        (0x60000102, "US", struct.pack("<H", 0)),
        (0x60003000, "OW", b"\xa5\x5a"),
    )


def _protected() -> Elements:
    encrypted = element(0x04000510, "UI", EXPLICIT) + element(0x04000520, "OB", b"\x30\x80" * 20)
    signature = (
        element(0x04000005, "US", b"\1\0")
        + element(0x04000100, "UI", "2.25.151")
        + element(0x04000105, "DT", "20260102101112.000000+0000")
        + element(0x04000110, "CS", "X509_1993_SIG")
        + element(0x04000115, "OB", b"\x30\x03\x02\x01\x05")
        + element(0x04000120, "OB", bytes(range(128)))
    )
    second = signature.replace(b"2.25.151", b"2.25.152")
    mac = (
        element(0x04000005, "US", b"\1\0")
        + element(0x04000010, "UI", EXPLICIT)
        + element(0x04000015, "CS", "SHA256")
        + element(0x04000020, "AT", struct.pack("<HHHH", 8, 0x16, 8, 0x18))
    )
    return {
        0x04000500: sequence(0x04000500, [encrypted]),
        0x4FFE0001: sequence(0x4FFE0001, [mac]),
        0xFFFAFFFA: sequence(0xFFFAFFFA, [signature, second]),
    }


def _original_attributes() -> Elements:
    modified = element(0x00100010, "PN", "PART15^Before")
    inner = (
        sequence(0x04000550, [modified])
        + element(0x04000562, "DT", "20260102101112")
        + element(0x04000563, "LO", "PART15")
        + element(0x04000564, "LO", "")
        + element(0x04000565, "CS", "COERCE")
    )
    return {0x04000561: sequence(0x04000561, [inner])}


def _status() -> Elements:
    return _of(
        (0x01000410, "CS", "AO"),
        (0x01000420, "DT", "20260102101112.000000+0000"),
        (0x01000424, "LT", "PART15 authorized"),
        (0x01000426, "LO", "PART15-1"),
    )


def _iso_2022() -> Elements:
    name = b"PART15^Yamada=" + b"\x1b$B;3ED\x1b(B^" + b"\x1b$BB@O:\x1b(B"
    return _of((0x00080005, "CS", "\\ISO 2022 IR 87"), (0x00100010, "PN", name))


def _latin() -> Elements:
    return _of((0x00080005, "CS", "ISO_IR 100"), (0x00100010, "PN", b"PART15^J\xfcrgen"))


def _no_character_set() -> Elements:
    return {0x00080005: b"", **_of((0x00100010, "PN", b"PART15^J\xfcrgen "))}


def _groups() -> Elements:
    made = _of((0x00100000, "UL", struct.pack("<I", 58)))
    return {**made, 0xFFFCFFFC: element(0xFFFCFFFC, "OB", bytes(10))}


def _long_text() -> Elements:
    return _of((0x0040A160, "UT", "back\\slash " + "long " * 14_000))


def _empty() -> Elements:
    return _of(
        (0x00081030, "LO", ""),
        (0x00180015, "CS", ""),
        (0x00181030, "LO", ""),
        (0x00204000, "LT", ""),
        (0x00280030, "DS", ""),
    )


def _lower_case() -> Elements:
    return _of((0x00080060, "CS", "ot"), (0x00100040, "CS", "m "), (0x00100020, "LO", "PART15-a b"))


def _odd_length() -> Elements:
    return {0x00081030: _raw(0x00081030, "LO", b"odd")}


TRAPS: dict[str, Callable[[], Elements]] = {
    "trailing blanks": _blanks,
    "unusual numbers": _numbers,
    "names with carets": _names,
    "old dates": _dates,
    "UIDs padded with blanks": _uids,
    "text padded with NUL": _nul_text,
    "private block": _private,
    "private elements without creator": _private_orphans,
    "private creator twice": _private_creators,
    "private value of 80000 octets": _large_private,
    "items in order, empty, of both lengths": _items,
    "UN of known tags": _unknown,
    "UN of undefined length": _unknown_items,
    "every binary VR": _wide,
    "NaN and -0.0": _floats,
    "VRs other than PS3.6 has": _wrong_vr,
    "values that are too long": _long_lo,
    "retired and unknown elements": _retired,
    "overlay": _overlays,
    "encrypted attributes and two signatures": _protected,
    "original attributes": _original_attributes,
    "status AO": _status,
    "ISO 2022 character set": _iso_2022,
    "ISO_IR 100 character set": _latin,
    "no character set": _no_character_set,
    "group length and trailing padding": _groups,
    "text of 70000 octets": _long_text,
    "empty elements": _empty,
    "lower case codes": _lower_case,
    "odd length": _odd_length,
}


def compressed(offsets: bytes) -> Elements:
    """Return one frame of JPEG octets in three fragments; nobody need decode it."""
    stream = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(range(32)) + b"\xff\xd9\0"
    parts = [stream[:10], stream[10:24], stream[24:]]
    return {0x7FE00010: encapsulated(0x7FE00010, [offsets, *parts])}
