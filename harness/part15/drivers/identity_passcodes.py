"""User names, alone and with passcodes: right ones, and wrong ones made from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from part15.bench import Bench
from part15.drivers.identity_credentials import Credential, Make, Purse, nonce
from part15.references import secret
from part15.wire import user_identity as ui


def _make(name: bytes, passcode: bytes | None = None) -> Make:
    kind = ui.USERNAME if passcode is None else ui.PASSCODE
    return lambda: Credential(ui.UserIdentity(kind, name, passcode or b""))


def name_only(name: str, user: Any) -> Purse:
    """Return the user who shows the name alone."""

    def wrong() -> Iterator[tuple[str, Make]]:
        yield "unknown user", _make(nonce().encode())
        yield "empty user name", _make(b"")

    return Purse(name, ui.USERNAME, _make(user.name.encode()), wrong)


def purse(bench: Bench, name: str, user: Any) -> Purse:
    """Return the credentials of a user of type 1 or 2; raises TargetError."""
    if user.type == ui.USERNAME:
        return name_only(name, user)
    mine, passcode = user.name.encode(), secret(user.passcode).encode()
    others = [
        secret(other.passcode).encode()
        for other in bench.target.users.values()
        if other.type == ui.PASSCODE and other.name != user.name
    ]

    def wrong() -> Iterator[tuple[str, Make]]:
        yield "wrong passcode", _make(mine, bytes(reversed(passcode)) + b"?")
        yield "unknown user", _make(nonce().encode(), passcode)
        yield "empty passcode", _make(mine, b"")
        for other in others:
            if other != passcode:
                yield "passcode of another user", _make(mine, other)
                break
        yield "passcode with a space behind it", _make(mine, passcode + b" ")
        yield "passcode with a NUL behind it", _make(mine, passcode + b"\0")
        yield "passcode cut by one octet", _make(mine, passcode[:-1])

    return Purse(name, ui.PASSCODE, _make(mine, passcode), wrong)
