"""Values as de-identification looks at them: compared without padding, valid for their VR, never shown."""

from __future__ import annotations

import hashlib
import re
import struct

TEXT = frozenset(
    [
        "AE",
        "AS",
        "CS",
        "DA",
        "DS",
        "DT",
        "IS",
        "LO",
        "LT",
        "PN",
        "SH",
        "ST",
        "TM",
        "UC",
        "UI",
        "UR",
        "UT",
    ]
)
_BY_CHARSET = frozenset(["LO", "LT", "PN", "SH", "ST", "UC", "UT"])
_HARMLESS = frozenset(
    [b"ANONYMOUS", b"ANONYMIZED", b"ANONYMISED", b"REMOVED", b"DUMMY", b"UNKNOWN", b"NONE"]
)
_NOBODYS_DATES = (b"19000101", b"00010101")
"""Days that tools write where no date is to be told."""
_REGISTERED = re.compile(rb"1\.2\.840\.10008(\.(0|[1-9]\d{0,3})){1,9}")
_ONE_VALUE = frozenset(["LT", "ST", "UT", "UR"])
_PADDING = b" \0"
_SIZES = {"US": 2, "SS": 2, "OW": 2, "AT": 2, "UL": 4, "SL": 4, "FL": 4, "OF": 4, "OL": 4}
_SIZES |= {"FD": 8, "OD": 8, "OV": 8, "SV": 8, "UV": 8}

_MONTH = r"(0[1-9]|1[0-2])"
_DAY = r"(0[1-9]|[12]\d|3[01])"
_VALID = {
    "DA": re.compile(rf"(\d{{4}}({_MONTH}{_DAY}|\.{_MONTH}\.{_DAY}))?"),
    "TM": re.compile(r"(([01]\d|2[0-3])([0-5]\d(([0-5]\d|60)(\.\d{1,6})?)?)?)?"),
    "DT": re.compile(
        r"(\d{4}((0[1-9]|1[0-2])((0[1-9]|[12]\d|3[01])(([01]\d|2[0-3])([0-5]\d"
        r"(([0-5]\d|60)(\.\d{1,6})?)?)?)?)?)?([+-](0\d|1[0-4])[0-5]\d)?)?"
    ),
    "UI": re.compile(r"((0|[1-9]\d*)(\.(0|[1-9]\d*))*)?"),
    "IS": re.compile(r"([+-]?\d{1,12})?"),
    "DS": re.compile(r"([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)?"),
    "CS": re.compile(r"[A-Z0-9 _]{0,16}"),
    "AS": re.compile(r"(\d{3}[DWMY])?"),
    "AE": re.compile(r"[ -\[\]-~]{0,16}"),
    "SH": re.compile(r"[^\x00-\x1a\x1c-\x1f\x7f]{0,16}"),
    "LO": re.compile(r"[^\x00-\x1a\x1c-\x1f\x7f]{0,64}"),
    "PN": re.compile(r"([^=\x00-\x1a\x1c-\x1f]{0,64})(=[^=\x00-\x1a\x1c-\x1f]{0,64}){0,2}"),
    "ST": re.compile(r".{0,1024}", re.DOTALL),
    "LT": re.compile(r".{0,10240}", re.DOTALL),
}
_MOST = {"UI": 64, "DS": 16, "IS": 12}


def plain(value: bytes, vr: str, *, big: bool = False) -> bytes:
    """Return *value* so that equal values are equal octets: without padding, little endian.

    Each of several text values is stripped on its own; binary values keep every octet.
    """
    if vr in TEXT:
        if vr == "PN":
            value = value.rstrip(b"^ \0")
        if vr in _ONE_VALUE or b"\\" not in value:
            return value.strip(_PADDING)
        return b"\\".join(part.strip(_PADDING) for part in value.split(b"\\"))
    size = _SIZES.get(vr[:2], 1)
    if big and size > 1 and len(value) % size == 0:
        return b"".join(value[at : at + size][::-1] for at in range(0, len(value), size))
    return value


def same(old: bytes, new: bytes, vr: str, old_charset: str, new_charset: str) -> bool:
    """Tell whether two plain values mean the same: numbers by value, text in whatever character set."""
    if old == new:
        return True
    if vr in ("DS", "IS"):
        try:
            return [float(p) for p in old.split(b"\\")] == [float(p) for p in new.split(b"\\")]
        except ValueError:
            return False
    if vr in _BY_CHARSET and old_charset != new_charset:
        return decoded(old, old_charset) == decoded(new, new_charset)
    return False


def is_harmless(value: bytes, vr: str = "LO") -> bool:
    """Tell whether *value* stands for nobody, so that keeping it tells nothing: a word, a dummy date."""
    if vr in ("DA", "DT"):
        return value[:8] in _NOBODYS_DATES and not value[8:].strip(b"0.")
    return value.upper() in _HARMLESS


def decoded(value: bytes, charset: str) -> str:
    """Return text octets as text: Specific Character Set *charset*, else Latin-1; never raises."""
    for name in (charset, "latin-1"):
        try:
            return value.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
    return ""


_CODECS = {
    "": "ascii",
    "ISO_IR 6": "ascii",
    "ISO_IR 100": "latin-1",
    "ISO_IR 101": "iso8859-2",
    "ISO_IR 109": "iso8859-3",
    "ISO_IR 110": "iso8859-4",
    "ISO_IR 144": "iso8859-5",
    "ISO_IR 127": "iso8859-6",
    "ISO_IR 126": "iso8859-7",
    "ISO_IR 138": "iso8859-8",
    "ISO_IR 148": "iso8859-9",
    "ISO_IR 203": "iso8859-15",
    "ISO_IR 13": "shift_jis",
    "ISO_IR 166": "tis-620",
    "ISO_IR 192": "utf-8",
    "GB18030": "gb18030",
    "GBK": "gbk",
    "ISO 2022 IR 87": "iso2022_jp",
    "ISO 2022 IR 159": "iso2022_jp_2",
    "ISO 2022 IR 149": "euc_kr",
    "ISO 2022 IR 58": "iso2022_jp_2",
}


def codec_of(specific_character_set: bytes) -> str:
    """Return the Python codec for a Specific Character Set value; of several, the last that is known."""
    names = [
        part.strip(_PADDING).decode("ascii", "replace")
        for part in specific_character_set.split(b"\\")
    ]
    known = [_CODECS[name] for name in names if name in _CODECS]
    return known[-1] if known else "latin-1"


def flaw(value: bytes, vr: str, charset: str = "ascii") -> str:
    """Return what is wrong with *value* (unpadded) for *vr* by PS3.5 6.2, or an empty text."""
    size = _SIZES.get(vr)
    if size is not None and len(value) % size:
        return f"{len(value)} octets are no whole number of {vr} values"
    pattern = _VALID.get(vr)
    if pattern is None:
        return ""
    text = decoded(value, charset) if vr in _BY_CHARSET else value.decode("latin-1")
    for part in [text] if vr in _ONE_VALUE else text.split("\\"):
        stripped = part.strip(" \0")
        if len(stripped) > _MOST.get(vr, 1 << 20):
            return f"a {vr} value has {len(stripped)} characters"
        if not pattern.fullmatch(stripped):
            return f"a value of {len(stripped)} characters is no {vr}"
    return ""


def value_class(value: bytes, vr: str, salt: bytes = b"") -> str:
    """Return what may be told of a value: VR, octets, and with a *salt* four octets of its hash."""
    told = f"{vr} of {len(value)} octets"
    return f"{told}, hash {digest(value, salt)[:8]}" if salt and value else told


def digest(value: bytes, salt: bytes) -> str:
    """Return 16 hex digits that stand for *value* in this run, and say nothing about it in another."""
    return hashlib.blake2b(value, key=salt[:64], digest_size=8).hexdigest()


def is_registered(uid: bytes) -> bool:
    """Tell whether *uid* may be one the standard registers, which identifies nobody.

    Those have the root 1.2.840.10008 and few short components; what a vendor made of one by adding a
    date or a number has longer ones.
    """
    return uid.startswith(b"1.2.840.10008.") and bool(_REGISTERED.fullmatch(uid.rstrip(_PADDING)))


def days(value: bytes) -> int | None:
    """Return the day number of a DA or DT value, or None if it has no whole date."""
    import datetime as dt

    if len(value) < 8 or not value[:8].isdigit():
        return None
    try:
        return dt.date(int(value[:4]), int(value[4:6]), int(value[6:8])).toordinal()
    except ValueError:
        return None


def unsigned_short(value: bytes, *, big: bool = False) -> int | None:
    """Return a US value, or None if it is not two octets."""
    found: tuple[int, ...] = (
        struct.unpack((">" if big else "<") + "H", value) if len(value) == 2 else ()
    )
    return found[0] if found else None
