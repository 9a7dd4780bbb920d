"""Stimuli with user identities: right, wrong, of other types, damaged; and what the product shows us."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from part15.bench import Bench
from part15.drivers import identity_lines as lines
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.identity import (
    IdentitiesSeen,
    IdentityAnswer,
    UnsupportedSeen,
    VariantsSeen,
    WrongIdentitiesSeen,
)
from part15.registry import driver
from part15.wire import user_identity as ui

LONGEST = 0xFF00
"""Octets of the longest user name that is shown; the user information item holds 65535."""

_NEEDED = {
    1: "name",
    2: "name and passcode",
    3: "ticket",
    4: "assertion",
    5: "token",
}


def _missing(types: Sequence[int]) -> NotReached:
    if not types:
        return NotReached("claims", "the target claims no user identity profile as acceptor")
    kind = types[-1]
    return NotReached(
        "users",
        f"the target names no user of type {' or '.join(map(str, types))}; "
        f"give [users.NAME] with type = {kind} and {_NEEDED[kind]}",
    )


@driver(Impact.ASSOCIATE)
def show_users(bench: Bench) -> IdentitiesSeen | NotReached:
    """Show the users of the target, each without and with a positive response asked for.

    Only those whose identity type is claimed; before them, an association without any identity.
    """
    claimed = lines.claimed_types(bench)
    users = lines.right_users(bench, claimed)
    if not users:
        return _missing(claimed)
    control = lines.show(bench, "no identity", None)
    answers = [
        lines.show(bench, f"user {name}", dataclasses.replace(shown, positive=positive))
        for name, shown in users.items()
        for positive in (0, 1)
    ]
    return IdentitiesSeen(control, tuple(answers), lines.environment(bench), claimed)


@driver(Impact.CREDENTIAL)
def show_wrong(bench: Bench) -> WrongIdentitiesSeen | NotReached:
    """Show wrong credentials, at most ``limits.wrong_credentials`` in a run, between right ones.

    They are made from one user of each claimed type, in turn, the most telling first.
    """
    claimed = lines.claimed_types(bench)
    users = lines.right_users(bench, claimed)
    if not users:
        return _missing(claimed)
    by_type = {shown.kind: (name, shown) for name, shown in reversed(users.items())}
    order = [by_type[kind] for kind in (2, 3, 4, 5, 1) if kind in by_type]
    name, right = order[0]
    before = lines.show(bench, f"user {name}", right)
    if not before.accepted:
        return NotReached(
            "users", f"the right credentials of users.{name} were not accepted ({before.said})"
        )
    used: dict[str, int] = bench.shelf.once("wrong credentials", lambda: {"used": 0})
    answers: list[IdentityAnswer] = []
    left: list[str] = []
    for shown, wrong in _in_turn([_wrong(right) for _, right in order]):
        if used["used"] >= bench.target.limits.wrong_credentials:
            left.append(shown)
            continue
        used["used"] += 1
        answers.append(lines.show(bench, shown, wrong))
    if not answers:
        return NotReached(
            "limits.wrong_credentials",
            f"all {bench.target.limits.wrong_credentials} wrong credentials that the target allows are used up",
        )
    after = lines.show(bench, f"user {name}", right)
    return WrongIdentitiesSeen(
        before, tuple(answers), after, lines.environment(bench), claimed, tuple(left)
    )


_Shown = tuple[str, ui.UserIdentity]


def _in_turn(several: Sequence[Iterator[_Shown]]) -> Iterator[_Shown]:
    for row in itertools.zip_longest(*several):
        yield from (shown for shown in row if shown is not None)


def _wrong(right: ui.UserIdentity) -> Iterator[_Shown]:
    """Yield wrong credentials made from *right*, the most telling first."""

    def made(positive: int = 0, **changes: Any) -> ui.UserIdentity:
        return dataclasses.replace(right, positive=positive, **changes)

    if right.kind == ui.PASSCODE:
        other = bytes(reversed(right.secondary)) + b"?"
        yield "wrong passcode", made(secondary=other)
        yield "unknown user", made(1, primary=b"PART15-nobody")
        yield "empty passcode", made(secondary=b"")
        yield "passcode with a space behind it", made(secondary=right.secondary + b" ")
        yield "passcode with a NUL behind it", made(secondary=right.secondary + b"\0")
    elif right.kind == ui.USERNAME:
        yield "unknown user", made(primary=b"PART15-nobody")
        yield "empty user name", made(1, primary=b"")
    else:
        middle = len(right.primary) // 2
        changed = bytearray(right.primary)
        changed[middle] ^= 1
        what = ui.NAMES[right.kind]
        yield f"changed {what}", made(primary=bytes(changed))
        yield f"empty {what}", made(1, primary=b"")
        yield f"{what} of another kind", made(primary=b"PART15")


@driver(Impact.ASSOCIATE)
def show_unsupported(bench: Bench) -> UnsupportedSeen | NotReached:
    """Show identity types that the target does not claim, with a positive response asked for.

    And a user information sub-item of a type that nobody knows (5AH), which PS3.8 has ignored.
    """
    control = lines.show(bench, "no identity", None)
    if not control.accepted:
        return NotReached(
            "control association", f"an association without identity was {control.said}"
        )
    claimed = lines.claimed_types(bench)
    shown = {
        1: ui.UserIdentity(1, b"PART15-nobody", positive=1),
        2: ui.UserIdentity(2, b"PART15-nobody", b"PART15", positive=1),
        3: ui.UserIdentity(3, b"\x6e\x03\x02\x01\x05", positive=1),
        4: ui.UserIdentity(4, b"<Assertion/>", positive=1),
        5: ui.UserIdentity(5, b"e30.e30.", positive=1),
    }
    answers = [
        lines.show(bench, f"type {kind}", identity)
        for kind, identity in shown.items()
        if kind not in claimed
    ]
    raw = b"\x5a\0\0\4PART"
    answers.append(lines.show_raw(bench, "sub-item 5AH", raw, raw, kind=0, positive=False))
    after = lines.show(bench, "no identity", None)
    return UnsupportedSeen(control, tuple(answers), after)


@driver(Impact.ASSOCIATE)
def show_variants(bench: Bench) -> VariantsSeen | NotReached:
    """Show unusual and damaged 58H sub-items made from a right user, between right ones.

    Reserved octet FFH, a positive response flag of 2, two sub-items, lengths that do not fit, a
    user name of 65280 octets and one that is no UTF-8.
    """
    claimed = lines.claimed_types(bench)
    users = lines.right_users(bench, claimed)
    if not users:
        return _missing(claimed)
    name, right = next(iter(users.items()))
    asked = dataclasses.replace(right, positive=1)
    before = lines.show(bench, f"user {name}", asked)
    if not before.accepted:
        return NotReached(
            "users", f"the right credentials of users.{name} were not accepted ({before.said})"
        )
    answers = tuple(
        lines.show_raw(bench, shown, raw, kept, kind=right.kind, positive=True)
        for shown, raw, kept in _variants(asked)
    )
    return VariantsSeen(before, answers, lines.show(bench, f"user {name}", asked))


def _variants(right: ui.UserIdentity) -> Iterator[tuple[str, bytes, bytes]]:
    """Yield name, sub-items to send, and the same with blanked fields."""

    def both(
        identity: ui.UserIdentity, *, grow: int = 0, primary: int = 0, secondary: int = 0
    ) -> tuple[bytes, bytes]:
        made = [
            ui.encode(i, grow=grow, primary=primary, secondary=secondary)
            for i in (identity, identity.blanked())
        ]
        return made[0], made[1]

    nobody = ui.UserIdentity(1, b"PART15-nobody", positive=1)
    yield "reserved octet FFH", *both(dataclasses.replace(right, reserved=0xFF))
    yield "positive response flag 2", *both(dataclasses.replace(right, positive=2))
    one, kept = both(right)
    two = ui.encode(nobody)
    yield "two sub-items", one + two, kept + two
    yield "item length too long", *both(right, grow=40)
    yield "primary length beyond the item", *both(right, primary=1000)
    yield "secondary length beyond the item", *both(right, secondary=1000)
    yield "user name of 65280 octets", *both(ui.UserIdentity(1, b"P" * LONGEST, positive=1))
    yield (
        "user name that is no UTF-8",
        *both(ui.UserIdentity(1, b"PART15-\xff\xc0\x80", positive=1)),
    )
