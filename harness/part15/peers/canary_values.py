"""Planted values: unmistakable, one per place, each with a name that reports may print."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, field
from typing import Any

from part15.wire.deid_hunt import Canary

UID_ROOT = "1.2.826.0.1.3680043.10.1511"
_LETTERS = "BCDFGHJKLMNPRSTVWX"
NEUTRAL = ("CHEST", "STUDY", "SERIES", "NEUTRAL", "NOTE", "LEFT")
"""Words without identity that stand around planted ones in descriptive text."""
_DESCRIPTIVE = frozenset(["LO", "ST", "LT", "UT", "UC"])


@dataclass
class Planter:
    """Makes planted values from a *seed*; the same seed makes the same corpus."""

    seed: str = "part15"
    canaries: list[Canary] = field(default_factory=list)
    _number: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._used: set[str] = set()

    def token(self) -> str:
        """Return ten capital letters that stand nowhere else."""
        while True:
            made = "QZ" + "".join(self._random.choices(_LETTERS, k=8))
            if made not in self._used:
                self._used.add(made)
                return made

    def plant(self, home: str, value: str, kind: str = "text", *, listed: bool = True) -> str:
        """Remember *value* as planted in *home*, and return it."""
        self._number += 1
        self.canaries.append(
            Canary(f"canary-{self._number:04d} of {home}", value, kind, home, listed)
        )
        return value

    def text(self, home: str, *, listed: bool = True) -> str:
        """Plant a word."""
        return self.plant(home, self.token(), listed=listed)

    def phrase(self, home: str) -> str:
        """Plant a word among neutral ones."""
        return f"CHEST {self.text(home)} NOTE"

    def name(self, home: str) -> str:
        """Plant a person name of two words."""
        return self.plant(home, f"{self.token()}^{self.token()}")

    def uid(self, home: str) -> str:
        """Plant a UID."""
        self._number += 1
        made = f"{UID_ROOT}.{self._number}.{self._random.randrange(10**8, 10**9)}"
        return self.plant(home, made, "uid")

    def date(self, home: str, *, known: dt.date | None = None) -> str:
        """Plant a date, *known* or any of the years 1921 to 1959."""
        day = known
        while day is None or (known is None and day.strftime("%Y%m%d") in self._used):
            day = dt.date(1921, 1, 1) + dt.timedelta(self._random.randrange(13000))
        made = day.strftime("%Y%m%d")
        self._used.add(made)
        if all(c.value != made for c in self.canaries):
            self.plant(home, made, "date")
        return made

    def value(self, vr: str, home: str) -> Any:
        """Return a value for *vr*, planted where it can carry a mark; None for VRs that hold no value of ours."""
        if vr == "PN":
            return self.name(home)
        if vr in _DESCRIPTIVE:
            return self.phrase(home)
        if vr in ("SH", "CS", "AE"):
            return self.text(home)
        if vr == "UR":
            return f"http://{self.text(home).lower()}.example/"
        if vr == "UI":
            return self.uid(home)
        if vr == "DA":
            return self.date(home)
        if vr == "DT":
            return self.date(home) + "101112"
        if vr in ("OB", "UN"):
            return self.text(home).encode()
        return _PLAIN.get(vr)


_PLAIN: dict[str, Any] = {
    "TM": "101112",
    "AS": "042Y",
    "IS": "4211",
    "DS": "42.125",
    "US": 4211,
    "SS": 4211,
    "UL": 4211,
    "SL": 4211,
    "FD": 42.125,
    "FL": 42.125,
    "OW": b"QZQZQZQZ",
    "AT": 0x00100010,
}

_GLYPHS = {
    "Q": ("01110", "10001", "10001", "10001", "10101", "10010", "01101"),
    "Z": ("11111", "00001", "00010", "00100", "01000", "10000", "11111"),
    "B": ("11110", "10001", "10001", "11110", "10001", "10001", "11110"),
    "K": ("10001", "10010", "10100", "11000", "10100", "10010", "10001"),
}
BURNED_WORD = "QZBK"
BURNED_AT = (4, 4)


def burned_pattern() -> tuple[bytes, int, int]:
    """Return the burned-in word as octets of 0 and 1, with its width and height in pixels."""
    rows = ["".join(_GLYPHS[letter][row] + "0" for letter in BURNED_WORD) for row in range(7)]
    return bytes(int(pixel) for row in rows for pixel in row), len(rows[0]), len(rows)
