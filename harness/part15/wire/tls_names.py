"""Names and numbers of TLS: versions, suites, groups, signature schemes, alerts; from ``profiles/tables``."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from part15.content import table
from part15.errors import ContentError

VERSIONS: Mapping[str, int] = MappingProxyType(
    {"ssl3": 0x0300, "1.0": 0x0301, "1.1": 0x0302, "1.2": 0x0303, "1.3": 0x0304}
)
"""Version names of profiles and their code points, oldest first."""

RENEGOTIATION_SCSV = 0x00FF
FALLBACK_SCSV = 0x5600

EXTENSIONS: Mapping[str, int] = MappingProxyType(
    {
        "server_name": 0,
        "status_request": 5,
        "supported_groups": 10,
        "ec_point_formats": 11,
        "signature_algorithms": 13,
        "heartbeat": 15,
        "alpn": 16,
        "padding": 21,
        "encrypt_then_mac": 22,
        "extended_master_secret": 23,
        "truncated_hmac": 4,
        "session_ticket": 35,
        "pre_shared_key": 41,
        "early_data": 42,
        "supported_versions": 43,
        "psk_key_exchange_modes": 45,
        "signature_algorithms_cert": 50,
        "key_share": 51,
        "renegotiation_info": 0xFF01,
    }
)

ALERTS: Mapping[int, str] = MappingProxyType(
    {
        0: "close_notify",
        10: "unexpected_message",
        20: "bad_record_mac",
        21: "decryption_failed",
        22: "record_overflow",
        30: "decompression_failure",
        40: "handshake_failure",
        41: "no_certificate",
        42: "bad_certificate",
        43: "unsupported_certificate",
        44: "certificate_revoked",
        45: "certificate_expired",
        46: "certificate_unknown",
        47: "illegal_parameter",
        48: "unknown_ca",
        49: "access_denied",
        50: "decode_error",
        51: "decrypt_error",
        60: "export_restriction",
        70: "protocol_version",
        71: "insufficient_security",
        80: "internal_error",
        86: "inappropriate_fallback",
        90: "user_canceled",
        100: "no_renegotiation",
        109: "missing_extension",
        110: "unsupported_extension",
        112: "unrecognized_name",
        113: "bad_certificate_status_response",
        115: "unknown_psk_identity",
        116: "certificate_required",
        120: "no_application_protocol",
    }
)


@dataclass(frozen=True)
class Suite:
    """One cipher suite: code point, IANA name, parts, effective key bits and the versions it belongs to."""

    code: int
    name: str
    kx: str
    auth: str
    enc: str
    mode: str
    bits: int
    mac: str
    hash: str
    forward_secret: bool
    aead: bool
    null: bool
    anonymous: bool
    export: bool
    first: str
    last: str
    registered: bool


@functools.cache
def suites() -> Mapping[int, Suite]:
    """Return every known suite by code point."""
    rows = (Suite(**{**row, "code": int(row["code"], 16)}) for row in table("cipher-suites"))
    return MappingProxyType({suite.code: suite for suite in rows})


@functools.cache
def _codes_by_name() -> Mapping[str, int]:
    return {suite.name: code for code, suite in suites().items()}


def suite_name(code: int | None) -> str:
    """Return the IANA name of *code*, or its hexadecimal form if it has none."""
    if code is None:
        return "no suite"
    found = suites().get(code)
    return found.name if found else f"0x{code:04X}"


def suite_label(code: int) -> str:
    """Return name and code, as messages print a suite: ``TLS_… (0xC02F)``."""
    found = suites().get(code)
    return f"{found.name} (0x{code:04X})" if found else f"unassigned suite 0x{code:04X}"


def suite_codes(given: str | Iterable[str]) -> tuple[int, ...]:
    """Return the code points of *given*: names, ``0x…`` codes and ``table:NAME`` sets, in their order.

    ``all`` stands for every known suite of TLS 1.2 and earlier, ``all-1.3`` for those of TLS 1.3.
    Raises ContentError for an unknown name.
    """
    found: dict[int, None] = {}
    for item in (given,) if isinstance(given, str) else given:
        found.update(dict.fromkeys(_codes_of(item)))
    return tuple(found)


def _codes_of(item: str) -> Iterable[int]:
    if item in ("all", "all-1.3"):
        newest = item == "all-1.3"
        return (c for c, suite in suites().items() if (suite.first == "1.3") is newest)
    if item.startswith("table:"):
        return suite_codes(table(item.removeprefix("table:")))
    if item.startswith("0x"):
        return (int(item, 16),)
    code = _codes_by_name().get(item)
    if code is None:
        raise _unknown(item, _codes_by_name(), "cipher suite")
    return (code,)


@dataclass(frozen=True)
class Group:
    """A named group: *kind* is curve, finite-field or hybrid; *bits* is the size of its field."""

    code: int
    name: str
    bits: int
    kind: str

    @property
    def counted_bits(self) -> int:
        """Field bits for comparison with a minimum; x25519 counts as 256 (reading T-17)."""
        return 256 if self.name == "x25519" else self.bits


@functools.cache
def groups() -> Mapping[int, Group]:
    """Return every known named group by code point."""
    return MappingProxyType({row["code"]: Group(**row) for row in table("tls-groups")})


def group_name(code: int | None) -> str:
    """Return the name of group *code*, or its hexadecimal form."""
    found = groups().get(code) if code is not None else None
    return found.name if found else f"group 0x{code or 0:04X}"


def group_codes(given: Iterable[str]) -> tuple[int, ...]:
    """Return the code points of named groups; raises ContentError for an unknown name."""
    names = {group.name: group.code for group in groups().values()}
    return tuple(_known(name, names, "named group") for name in given)


@dataclass(frozen=True)
class Scheme:
    """A signature scheme of TLS 1.2 and 1.3, with key type and hash."""

    code: int
    name: str
    key: str
    hash: str


@functools.cache
def schemes() -> Mapping[int, Scheme]:
    """Return every known signature scheme by code point."""
    rows = (
        Scheme(**{**row, "code": int(row["code"], 16)}) for row in table("tls-signature-schemes")
    )
    return MappingProxyType({scheme.code: scheme for scheme in rows})


def scheme_name(code: int | None) -> str:
    """Return the name of signature scheme *code*, or its hexadecimal form."""
    found = schemes().get(code) if code is not None else None
    return found.name if found else f"scheme 0x{code or 0:04X}"


def scheme_codes(given: Iterable[str]) -> tuple[int, ...]:
    """Return the code points of signature schemes; raises ContentError for an unknown name."""
    names = {scheme.name: scheme.code for scheme in schemes().values()}
    return tuple(_known(name, names, "signature scheme") for name in given)


def version_code(name: str) -> int:
    """Return the code point of a version name; raises ContentError for an unknown one."""
    return _known(name, VERSIONS, "TLS version")


def version_name(code: int | None) -> str:
    """Return ``1.2`` for 0x0303 and so on, or the hexadecimal form."""
    for name, value in VERSIONS.items():
        if value == code:
            return name
    return f"0x{code or 0:04X}"


def version_label(name: str) -> str:
    """Return a version name as messages print it: ``TLS 1.2``, ``SSL 3.0``."""
    return {"ssl2": "SSL 2.0", "ssl3": "SSL 3.0"}.get(name, f"TLS {name}")


def alert_label(code: int | None) -> str:
    """Return name and number of an alert description: ``handshake_failure(40)``."""
    return "no alert" if code is None else f"{ALERTS.get(code, 'unknown')}({code})"


def is_grease(code: int) -> bool:
    """Tell whether *code* is one of the sixteen reserved values of RFC 8701."""
    return code & 0x0F0F == 0x0A0A and code >> 8 == code & 0xFF


def _known(name: str, names: Mapping[str, int], what: str) -> int:
    if name not in names:
        raise _unknown(name, names, what)
    return names[name]


def _unknown(name: str, names: Iterable[str], what: str) -> ContentError:
    # Only where something is wrong: the registry makes every scan start slower.
    from part15.registry import did_you_mean

    return ContentError(f"there is no {what} '{name}'{did_you_mean(name, names)}")
