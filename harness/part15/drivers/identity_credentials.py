"""What a user of the target shows: made afresh for each association, and wrong in one thing at a time."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime as dt
import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from part15.bench import Bench
from part15.channel.trigger import filled
from part15.errors import TargetError, Trouble
from part15.references import referenced_path, secret
from part15.wire import kerberos
from part15.wire import user_identity as ui

LIFE = dt.timedelta(minutes=5)
MOST = 0xFF00
"""Octets of the longest credential that fits an A-ASSOCIATE-RQ."""


@dataclass(frozen=True)
class Credential:
    """What one association shows, and what proves the answer (types 1, 2, 4, 5: nothing does)."""

    identity: ui.UserIdentity
    proof: kerberos.Proof | None = None

    def asking(self, positive: int) -> Credential:
        """Return the same with the positive response asked for, or not."""
        return dataclasses.replace(
            self, identity=dataclasses.replace(self.identity, positive=positive)
        )


Make = Callable[[], Credential]


@dataclass(frozen=True)
class Purse:
    """The credentials of one user; *once* tells that the right one may be shown a single time only."""

    name: str
    kind: int
    right: Make
    wrong: Callable[[], Iterator[tuple[str, Make]]]
    once: bool = False


def octets_of(reference: str, kind: int) -> bytes:
    """Return what *reference* leads to; raises TargetError."""
    try:
        if kind != ui.KERBEROS:
            return secret(reference).encode()
        if reference.startswith("file:"):
            return Path(reference[5:]).read_bytes()
        return base64.b64decode(referenced_path(reference), validate=True)
    except (OSError, UnicodeDecodeError, binascii.Error) as error:
        raise TargetError(f"the credential {reference} cannot be read: {error}") from error


def _printed(bench: Bench, name: str, user: Any) -> bytes:
    """Return what the command of *user* prints; raises Trouble if it prints nothing in time."""
    arguments = filled(user.command, {"user": name, "aet": bench.endpoint.ae_title})
    try:
        done = subprocess.run(
            arguments,
            cwd=bench.target.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=max(bench.deadline, 5.0),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Trouble(
            "users", f"users.{name}.command '{arguments[0]}' failed: {type(error).__name__}"
        ) from None
    if done.returncode or not done.stdout:
        raise Trouble(
            "users",
            f"users.{name}.command '{arguments[0]}' ended with code {done.returncode} and "
            f"{len(done.stdout)} octets; it prints the credential and ends with 0",
        )
    return done.stdout if user.type == ui.KERBEROS else done.stdout.rstrip(b"\r\n")


def purse_of(bench: Bench, name: str, user: Any) -> Purse:
    """Return the credentials of *user*.

    Raises TargetError if a reference leads nowhere, Trouble if a command fails.
    """
    from part15.drivers import identity_assertions, identity_passcodes, identity_tickets

    if user.type in (ui.USERNAME, ui.PASSCODE):
        return identity_passcodes.purse(bench, name, user)
    supplied = [
        (said, showing(user.type, octets_of(text, user.type))) for said, text in user.wrong.items()
    ]
    if user.type == ui.KERBEROS and user.cache:
        return identity_tickets.purse(name, user, supplied)
    if user.key:
        return identity_assertions.purse(name, user, supplied)
    if user.command:
        return _carried(name, user.type, lambda: _printed(bench, name, user), supplied)
    fixed = octets_of(user.ticket or user.assertion or user.token, user.type)
    once = user.type == ui.KERBEROS
    return dataclasses.replace(_carried(name, user.type, lambda: fixed, supplied), once=once)


def showing(kind: int, octets: bytes) -> Make:
    """Return what makes a credential of *kind* from *octets*; raises TargetError if they are too many."""
    if len(octets) > MOST:
        raise TargetError(f"a credential of {len(octets)} octets does not fit an A-ASSOCIATE-RQ")
    return lambda: Credential(ui.UserIdentity(kind, octets))


def _carried(
    name: str, kind: int, fetch: Callable[[], bytes], supplied: list[tuple[str, Make]]
) -> Purse:
    """Return the purse of a user whose credential comes from elsewhere."""
    from part15.drivers import identity_assertions

    def right() -> Credential:
        return showing(kind, fetch())()

    def wrong() -> Iterator[tuple[str, Make]]:
        yield from supplied
        octets = fetch()
        if kind != ui.KERBEROS:
            yield from identity_assertions.derived(kind, octets)
        yield from damaged(kind, octets)

    return Purse(name, kind, right, wrong)


def flipped(octets: bytes, at: int) -> bytes:
    """Return *octets* with one bit of the octet *at* changed."""
    changed = bytearray(octets)
    changed[at] ^= 1
    return bytes(changed)


def damaged(kind: int, octets: bytes) -> Iterator[tuple[str, Make]]:
    """Yield what is wrong by its octets alone."""
    what = ui.NAMES[kind]
    if octets:
        yield f"changed {what}", showing(kind, flipped(octets, len(octets) // 2))
    yield f"empty {what}", showing(kind, b"")
    yield f"{what} of another kind", showing(kind, b"PART15")
    yield f"random octets as {what}", showing(kind, os.urandom(64))


def nonce() -> str:
    """Return a name that nobody has."""
    return f"PART15-{uuid.uuid4().hex[:12]}"
