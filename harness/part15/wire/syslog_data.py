"""STRUCTURED-DATA of RFC 5424 6.3, read octet by octet."""

from __future__ import annotations

from dataclasses import dataclass

from part15.wire.audit_flaw import Flaw, short

IANA = ("timeQuality", "origin", "meta")
RULE = "SYSLOG-5424-11"
BOUND = 1024
"""The number of SD-ELEMENTs and SD-PARAMs that are read."""


@dataclass(frozen=True)
class Elements:
    """What STRUCTURED-DATA holds: SD-IDs, the offset behind it, whether it could be read to its end."""

    ids: tuple[str, ...]
    end: int
    whole: bool
    flaws: tuple[Flaw, ...]


class _Unreadable(Exception):  # noqa: N818 - leaves this module as a flaw
    def __init__(self, at: int, expected: str, observed: str) -> None:
        self.at, self.expected, self.observed = at, expected, observed


def _name(data: bytes, at: int) -> tuple[str, int]:
    """Read an SD-NAME: 1 to 32 printable characters without ``= SP ] "``."""
    end = at
    while end < len(data) and 33 <= data[end] <= 126 and data[end] not in b'="]':
        end += 1
    if end == at or end - at > 32:
        found = data[at : at + 12].decode("ascii", "backslashreplace")
        raise _Unreadable(at, "an SD-NAME of 1 to 32 printable characters", short(found))
    return data[at:end].decode("ascii"), end


def _value(data: bytes, at: int) -> int:
    """Skip a quoted PARAM-VALUE that begins at *at*; return the offset behind it."""
    if data[at : at + 2] != b'="':
        raise _Unreadable(
            at, '="value"', short(data[at : at + 4].decode("ascii", "backslashreplace"))
        )
    at += 2
    while at < len(data):
        octet = data[at]
        if octet == 0x5C:
            at += 2
        elif octet == 0x22:
            return at + 1
        elif octet == 0x5D:
            raise _Unreadable(at, "']' escaped in a PARAM-VALUE", "a bare ']'")
        else:
            at += 1
    raise _Unreadable(at, "the closing quote of a PARAM-VALUE", "the end of the message")


def _element(data: bytes, at: int) -> tuple[str, int]:
    """Read one ``[ID name="value" ...]`` that begins at *at*."""
    name, at = _name(data, at + 1)
    for _ in range(BOUND):
        if data[at : at + 1] == b"]":
            return name, at + 1
        if data[at : at + 1] != b" ":
            raise _Unreadable(
                at, "a space or ']'", short(data[at : at + 4].decode("ascii", "backslashreplace"))
            )
        _parameter, at = _name(data, at + 1)
        at = _value(data, at)
    raise _Unreadable(at, f"at most {BOUND} parameters", "more")


def read_structured_data(data: bytes, at: int) -> Elements:
    """Read STRUCTURED-DATA of *data* from offset *at*."""
    if data[at : at + 1] == b"-":
        return Elements((), at + 1, True, ())
    ids: list[str] = []
    flaws: list[Flaw] = []
    try:
        if data[at : at + 1] != b"[":
            found = short(data[at : at + 8].decode("ascii", "backslashreplace"))
            raise _Unreadable(at, "'-' or '[' of an SD-ELEMENT", found)  # noqa: TRY301 - one way out
        while data[at : at + 1] == b"[" and len(ids) < BOUND:
            name, at = _element(data, at)
            ids.append(name)
    except _Unreadable as wrong:
        flaws.append(
            Flaw(RULE, f"STRUCTURED-DATA octet {wrong.at}", wrong.expected, wrong.observed)
        )
        flaws.append(
            Flaw(
                "SYSLOG-5424-01",
                "STRUCTURED-DATA",
                "readable STRUCTURED-DATA before MSG",
                wrong.observed,
            )
        )
        return Elements(tuple(ids), wrong.at, False, tuple(flaws))
    flaws += [
        Flaw(RULE, f"SD-ID {name}", "each SD-ID once", f"{ids.count(name)} times")
        for name in sorted({n for n in ids if ids.count(n) > 1})
    ]
    for name in ids:
        local, sign, enterprise = name.partition("@")
        if sign and local and enterprise.replace(".", "").isdigit():
            continue
        if name not in IANA:
            wanted = "a name registered with IANA, or name@enterpriseNumber"
            flaws.append(Flaw(RULE, f"SD-ID {name}", wanted, short(name)))
    return Elements(tuple(ids), at, True, tuple(flaws))
