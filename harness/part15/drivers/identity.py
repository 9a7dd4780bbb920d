"""Stimuli with user identities: right, wrong, of other types, damaged; and what the product shows us."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator, Sequence

from part15.bench import Bench
from part15.drivers import identity_lines as lines
from part15.drivers.identity_credentials import Credential, Make, Purse
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
from part15.wire import pdu
from part15.wire import user_identity as ui

LONGEST = 0xFF00
"""Octets of the longest user name that is shown; the user information item holds 65535."""

_NEEDED = {
    1: "name",
    2: "name and passcode",
    3: "cache and service",
    4: "key, issuer, subject and audience",
    5: "key, issuer, subject and audience",
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

    Only those whose identity type is claimed; before and after them, an association without any identity.
    A user whose credential is good for one association only asks for the response.
    """
    claimed = lines.claimed_types(bench)
    users = lines.right_users(bench, claimed)
    if not users:
        return _missing(claimed)
    control = lines.nobody(bench)
    answers: list[IdentityAnswer] = []
    left: list[str] = []
    for purse in users:
        for positive in (1,) if purse.once else (0, 1):
            shown = f"user {purse.name}"
            if left:
                left.append(shown)
                continue
            answers.append(_welcome(bench, shown, purse, positive))
            if not answers[-1].entered and not lines.alive(bench, control).entered:
                left.append(f"whatever would have come after {shown}")
    return IdentitiesSeen(
        control,
        tuple(answers),
        lines.environment(bench),
        claimed,
        lines.alive(bench, control),
        tuple(dict.fromkeys(left)),
    )


@driver(Impact.CREDENTIAL)
def show_wrong(bench: Bench) -> WrongIdentitiesSeen | NotReached:
    """Show wrong credentials, at most ``limits.wrong_credentials`` in a run, between right ones.

    Where several endpoints carry identities, each has its share of them.
    They are made from one user of each claimed type, in turn, the most telling first; every second one
    asks for a positive response. A replayed credential is accepted once before it is shown again.
    """
    claimed = lines.claimed_types(bench)
    users = lines.right_users(bench, claimed)
    if not users:
        return _missing(claimed)
    by_type = {purse.kind: purse for purse in reversed(users)}
    order = [by_type[kind] for kind in (2, 3, 4, 5, 1) if kind in by_type]
    steady = next((purse for purse in order if not purse.once), None)
    if steady is None:
        return NotReached(
            "users",
            f"the ticket of users.{order[0].name} is good for one association, so that a refusal after it proves "
            "nothing; give cache and service, or a command that prints a fresh one",
        )
    known = f"user {steady.name}"
    before = _welcome(bench, known, steady)
    if not before.accepted:
        return NotReached(
            "users",
            f"the right credentials of users.{steady.name} were not accepted ({before.said})",
        )
    used: dict[str, int] = bench.shelf.once("wrong credentials", lambda: {"used": 0})
    limit = bench.target.limits.wrong_credentials
    answers: list[IdentityAnswer] = []
    left: list[str] = []
    dead = False
    for shown, make in _in_turn([purse.wrong() for purse in order]):
        allowed = used["used"] < limit and len(answers) < lines.share(bench, limit)
        if dead or not allowed:
            left.append(shown)
            continue
        wrong = make().asking(used["used"] % 2)
        if shown.startswith("replayed") and not lines.show(bench, f"first {shown}", wrong).accepted:
            left.append(f"{shown} (not accepted the first time)")
            continue
        used["used"] += 1
        answers.append(lines.show(bench, shown, wrong))
        if lines.full(answers[-1]) and not lines.show(bench, known, steady.right()).accepted:
            answers[-1] = dataclasses.replace(answers[-1], outcome="full")
        if not answers[-1].entered:
            dead = not _welcome(bench, known, steady).entered
    if not answers:
        return NotReached(
            "limits.wrong_credentials",
            f"all {limit} wrong credentials that the target allows are used up",
        )
    after = _welcome(bench, known, steady)
    return WrongIdentitiesSeen(
        before, tuple(answers), after, lines.environment(bench), claimed, tuple(left)
    )


def _welcome(bench: Bench, shown: str, purse: Purse, positive: int = 0) -> IdentityAnswer:
    """Show the right credential of *purse*."""
    return lines.show_right(bench, shown, lambda: purse.right().asking(positive))


_Shown = tuple[str, Make]


def _in_turn(several: Sequence[Iterator[_Shown]]) -> Iterator[_Shown]:
    for row in itertools.zip_longest(*several):
        yield from (shown for shown in row if shown is not None)


@driver(Impact.ASSOCIATE)
def show_unsupported(bench: Bench) -> UnsupportedSeen | NotReached:
    """Show identity types that the target does not claim, with a positive response asked for.

    And a user information sub-item of a type that nobody knows (5AH), which PS3.8 has ignored.
    """
    control = lines.nobody(bench)
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
        lines.show_right(bench, f"type {kind}", functools.partial(Credential, identity))
        for kind, identity in shown.items()
        if kind not in claimed
    ]
    raw = b"\x5a\0\0\4PART"
    answers.append(lines.show_raw(bench, "sub-item 5AH", raw, raw, kind=0, positive=False))
    after = lines.nobody(bench)
    return UnsupportedSeen(control, tuple(answers), after, lines.declared_types(bench))


@driver(Impact.ASSOCIATE)
def show_variants(bench: Bench) -> VariantsSeen | NotReached:
    """Show unusual and damaged 58H sub-items made from a right user, between right ones.

    What they are is in :data:`VARIANTS`, one damage each.
    """
    claimed = lines.claimed_types(bench)
    users = lines.right_users(bench, claimed)
    if not users:
        return _missing(claimed)
    purse = min(users, key=lambda p: (p.once, p.kind))
    if purse.once:
        return NotReached(
            "users",
            f"the ticket of users.{purse.name} is good for one association; give cache and service, "
            "or a command that prints a fresh one",
        )

    def shown(name: str) -> IdentityAnswer:
        return _welcome(bench, name, purse, 1)

    before = shown(f"user {purse.name}")
    if not before.accepted:
        return NotReached(
            "users",
            f"the right credentials of users.{purse.name} were not accepted ({before.said})",
        )
    answers = []
    for name, damage in VARIANTS.items():
        raw, kept = damage(purse.right().asking(1).identity)
        answers.append(lines.show_raw(bench, name, raw, kept, kind=purse.kind, positive=True))
        if purse.kind == ui.PASSCODE and not answers[-1].accepted:
            shown(
                f"user {purse.name}"
            )  # a passcode cut by damage must not add up to a locked account
    return VariantsSeen(before, tuple(answers), shown(f"user {purse.name}"))


def _both(
    identity: ui.UserIdentity, *, grow: int = 0, primary: int = 0, secondary: int = 0
) -> tuple[bytes, bytes]:
    """Return the sub-item to send, and the same with blanked fields."""
    first, second = (
        ui.encode(i, grow=grow, primary=primary, secondary=secondary)
        for i in (identity, identity.blanked())
    )
    return first, second


def _twice(right: ui.UserIdentity) -> tuple[bytes, bytes]:
    one, kept = _both(right)
    two = ui.encode(ui.UserIdentity(1, b"PART15-nobody", positive=1))
    return one + two, kept + two


def _cut(right: ui.UserIdentity) -> tuple[bytes, bytes]:
    """Return a sub-item that ends where its secondary length is due."""
    return tuple(  # type: ignore[return-value]
        pdu.item(ui.REQUEST, whole[4 : 8 + len(right.primary)]) for whole in _both(right)
    )


def _named(name: bytes) -> Callable[[ui.UserIdentity], tuple[bytes, bytes]]:
    return lambda _: _both(ui.UserIdentity(1, name, positive=1))


def _as_type(kind: int) -> Callable[[ui.UserIdentity], tuple[bytes, bytes]]:
    return lambda right: _both(dataclasses.replace(right, kind=kind))


VARIANTS: dict[str, Callable[[ui.UserIdentity], tuple[bytes, bytes]]] = {
    "reserved octet FFH": lambda right: _both(dataclasses.replace(right, reserved=0xFF)),
    "positive response flag 2": lambda right: _both(dataclasses.replace(right, positive=2)),
    "positive response flag 255": lambda right: _both(dataclasses.replace(right, positive=255)),
    "two sub-items": _twice,
    "item length too long": lambda right: _both(right, grow=40),
    "item length too short": lambda right: _both(right, grow=-1),
    "primary length beyond the item": lambda right: _both(right, primary=1000),
    "secondary length beyond the item": lambda right: _both(right, secondary=1000),
    "no secondary length": _cut,
    "identity type 0": _as_type(0),
    "identity type 6": _as_type(6),
    "identity type 255": _as_type(255),
    "user name of 65280 octets": _named(b"P" * LONGEST),
    "user name of one octet": _named(b"P"),
    "user name that is no UTF-8": _named(b"PART15-\xff\xc0\x80"),
    "user name with a surrogate": _named(b"PART15-\xed\xa0\x80"),
    "user name with a NUL": _named(b"PART15\0nobody"),
}
"""Unusual and damaged sub-items by name, each made from a right one: to send, and to keep."""
