"""What the embedded de-identifier puts in place of values: dummies, moved dates, words that are harmless."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

from pydicom.dataset import Dataset

BAND = 16
"""Rows at the top of an image in which text is burned in."""
_DUMMIES: dict[str, Any] = {
    "DA": "19000101",
    "TM": "000000",
    "DT": "19000101000000",
    "AS": "000Y",
    "IS": "0",
    "DS": "0",
    "PN": "Dummy^Dummy",
    "US": 0,
    "UL": 0,
    "SS": 0,
    "SL": 0,
    "FD": 0.0,
    "FL": 0.0,
    "OB": b"\0\0",
    "UN": b"\0\0",
    "OW": b"\0\0",
    "AT": 0x00080005,
    "UR": "http://dummy.example/",
}


def dummy(vr: str) -> Any:
    """Return a value for *vr* that tells nothing."""
    return _DUMMIES.get(vr, "DUMMY")


def moved(value: str, vr: str, days: int) -> str:
    """Return a DA or DT value moved by *days*; a TM value stays, a whole-day shift leaves it."""
    if vr == "TM" or not value[:8].isdigit():
        return value
    day = dt.date(int(value[:4]), int(value[4:6]), int(value[6:8])) + dt.timedelta(days)
    return day.strftime("%Y%m%d") + value[8:]


def without_words(text: str, harmless: Collection[str]) -> str:
    """Return *text* with the words that are in *harmless* only."""
    return " ".join(word for word in text.split() if word in harmless)


def blackened(source: Dataset) -> None:
    """Set the band at the top of a native image to black."""
    step = source.Columns * source.SamplesPerPixel * source.BitsAllocated // 8
    cut = min(BAND, source.Rows) * step
    source.PixelData = bytes(cut) + source.PixelData[cut:]
