"""TLS records as a stream carries them: cut, and damaged in one place. No keys are needed for either."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

HEADER = 5
MAX_RECORD = (1 << 14) + 2048


def cut(octets: bytes) -> tuple[list[bytes], bytes]:
    """Return the whole records at the start of *octets*, and what is left over.

    Raises ValueError if a record is longer than TLS allows.
    """
    records, at = [], 0
    while len(octets) >= at + HEADER:
        size = int.from_bytes(octets[at + 3 : at + HEADER], "big")
        if size > MAX_RECORD:
            raise ValueError(f"a record of {size} octets")
        if len(octets) < at + HEADER + size:
            break
        records.append(octets[at : at + HEADER + size])
        at += HEADER + size
    return records, octets[at:]


def flipped(record: bytes, at: int) -> bytes:
    """Return *record* with the lowest bit of one octet changed; *at* counts from the end if negative."""
    changed = bytearray(record)
    changed[at] ^= 1
    return bytes(changed)


def _at(index: int, change: Callable[[bytes], bytes]) -> Callable[[Sequence[bytes]], list[bytes]]:
    def damaged(records: Sequence[bytes]) -> list[bytes]:
        found = list(records)
        found[index] = change(found[index])
        return found

    return damaged


def _longer(record: bytes) -> bytes:
    size = int.from_bytes(record[3:5], "big") + 1
    return record[:3] + size.to_bytes(2, "big") + record[5:]


def _deleted(records: Sequence[bytes]) -> list[bytes]:
    return [*records[:1], *records[2:]]


def _repeated(records: Sequence[bytes]) -> list[bytes]:
    return [*records[:2], *records[1:]]


def _swapped(records: Sequence[bytes]) -> list[bytes]:
    return [records[0], records[2], records[1], *records[3:]]


DAMAGES: Mapping[str, Callable[[Sequence[bytes]], list[bytes]]] = MappingProxyType(
    {
        "first octet flipped": _at(1, lambda r: flipped(r, HEADER)),
        "middle octet flipped": _at(1, lambda r: flipped(r, (HEADER + len(r)) // 2)),
        "last octet of the tag flipped": _at(1, lambda r: flipped(r, -1)),
        "length one too large": _at(1, _longer),
        "deleted": _deleted,
        "repeated": _repeated,
        "exchanged with the next": _swapped,
    }
)
"""What is done to the second of at least four records; the rest of them follow, so that it shows."""
