"""Markers planted in a message, and the hunt for them in octets that passed a relay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

WINDOW = 16
"""So many octets of plain text in a row, found on the path, are no accident."""
DIVERSE = 6
"""So many different octets a window must hold to be hunted for: padding is found everywhere."""
MOST = 4096
"""The most windows that are hunted for."""


def _swapped(octets: bytes) -> bytes:
    even = octets[: len(octets) // 2 * 2]
    return bytes(octet for pair in zip(even[1::2], even[::2], strict=True) for octet in pair)


def found(octets: bytes, markers: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the names of *markers* that stand in *octets*, as they are or with every two octets exchanged."""
    return tuple(
        name
        for name, marker in markers.items()
        if marker and any(each in octets for each in (marker, _swapped(marker)))
    )


def windows(plain: Iterable[tuple[str, bytes]]) -> dict[str, bytes]:
    """Return pieces of the *plain* texts, by what they are and where they stand, to hunt for what nobody planted."""
    made: dict[str, bytes] = {}
    for what, octets in plain:
        for at in range(0, len(octets) - WINDOW + 1, WINDOW):
            piece = octets[at : at + WINDOW]
            if len(set(piece)) >= DIVERSE and len(made) < MOST:
                made[f"{what} at octet {at}"] = piece
    return made
