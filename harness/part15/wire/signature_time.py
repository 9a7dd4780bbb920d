"""Digital Signature DateTime (0400,0105): a DT that carries an offset from UTC (PS3.3 Table C.12-6)."""

from __future__ import annotations

import datetime as dt
import re

_DT = re.compile(
    r"(?P<date>\d{4}(?:\d\d){0,2})(?P<time>(?:\d\d){0,3})(?P<fraction>\.\d{1,6})?(?P<offset>[+-]\d{4})?"
)
_PARTS = ("%Y", "%m", "%d", "%H", "%M", "%S")
_MOST_EAST = 14 * 60
_MOST_WEST = -12 * 60


def read_datetime(text: str) -> tuple[dt.datetime | None, str]:
    """Return the moment in UTC that *text* states, and what is wrong with it (nothing if it is right).

    Without an offset the moment is taken as UTC, so that validity can still be told.
    """
    stripped = text.rstrip(" ")
    found = _DT.fullmatch(stripped)
    if not found:
        return None, f"{stripped!r} is no DICOM date and time"
    digits = found["date"] + found["time"]
    if found["fraction"] and len(digits) != 14:
        return None, f"{stripped!r} has a fraction without seconds"
    try:
        leap = digits[12:14] == "60"
        shown = digits[:12] + "59" if leap else digits
        moment = dt.datetime.strptime(shown, "".join(_PARTS[: max(1, len(digits) // 2 - 1)]))  # noqa: DTZ007 - the offset follows
    except ValueError:
        return None, f"{stripped!r} is no date and time of the calendar"
    offset = found["offset"]
    if offset is None:
        return moment.replace(tzinfo=dt.UTC), "it has no offset from UTC"
    minutes = int(offset[1:3]) * 60 + int(offset[3:])
    minutes = -minutes if offset[0] == "-" else minutes
    if int(offset[3:]) > 59 or not _MOST_WEST <= minutes <= _MOST_EAST or offset == "-0000":
        return moment.replace(tzinfo=dt.UTC), f"its offset {offset} is none that PS3.5 6.2 allows"
    try:
        return moment.replace(tzinfo=dt.UTC) - dt.timedelta(minutes=minutes), ""
    except OverflowError:
        return None, f"{stripped!r} is no date and time of the calendar"
