"""Make a DICOM product act, and listen to what its audit trail says of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence

from part15.bench import Bench
from part15.channel.trigger import ASK
from part15.drivers.audit import Tape, Tray, edition_of, opened, shown_by, slots, trail_of
from part15.drivers.audit_deeds import (
    ACTION_CAUSES,
    ACTIONS,
    CAUSES,
    Teller,
    dicom_point,
    fresh_uid,
    make_study,
)
from part15.errors import TargetError
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.audit import AuditStorySeen, DeedSeen
from part15.references import secret
from part15.registry import driver


def _tell(teller: Teller, pause: float, slot: dict[str, str]) -> None:
    """Perform every deed that needs no credentials."""
    first, slow, mixed = make_study(3), make_study(2), make_study(2, broken=1)
    teller.store([first], novelty="new")
    teller.store([first], novelty="same")
    teller.store([slow], novelty="new", pause=pause)
    teller.store([make_study(1), make_study(1)], novelty="new")
    teller.store([mixed], novelty="new")
    teller.query(first.uid)
    teller.query(fresh_uid())
    teller.retrieve(first)
    teller.refuse()
    if teller.point.transport == "tls":
        teller.break_tls()
    if teller.bench.target.actions.get("delete") not in (None, ASK):
        teller.delete(slow)
    for verb in ACTIONS:
        if teller.bench.target.actions.get(verb) not in (None, ASK):
            teller.act(verb, slot)


def _identify(teller: Teller) -> None:
    """Log in rightly (if the target has a user with a passcode) and wrongly, then store and break a handshake."""
    bench = teller.bench
    for user in bench.target.users.values():
        if user.type == 2:
            try:
                passcode = secret(user.passcode)
            except TargetError:
                continue
            teller.log_in(user.name, passcode)
            break
    used: dict[str, int] = bench.shelf.once("wrong credentials", lambda: {"used": 0})
    if used["used"] < bench.target.limits.wrong_credentials:
        used["used"] += 1
        teller.log_in(f"p15-{secrets.token_hex(4)}", f"wrong-{secrets.token_hex(8)}")
    teller.store([make_study(1)], novelty="new")
    if teller.point.transport == "tls":
        teller.break_tls()


def _caused(deeds: Sequence[DeedSeen]) -> Iterator[str]:
    for deed in deeds:
        code = CAUSES.get(deed.kind) or ACTION_CAUSES.get(deed.kind)
        if deed.done and code:
            yield code


def _story(
    bench: Bench, quiet: float, perform: Callable[[Teller, dict[str, str]], None], what: str
) -> AuditStorySeen | NotReached:
    """Let *perform* do its deeds while the audit trail is listened to."""
    point = dicom_point(bench.target)
    if point is None:
        return NotReached("endpoint", "the target has no DICOM endpoint (plain or tls) to act on")
    if bench.endpoint.port == 0:
        return NotReached(
            "listener",
            f"give listeners.{bench.endpoint.id} a fixed port, and have the product report to it",
        )
    tray, tape = Tray(edition_of(bench.target)), Tape()
    with opened(bench, tray, shown_by(bench.endpoint), tape) as listener:
        teller = Teller(bench, point, tray, listener, quiet)
        bench.note(f"{what} at {point.address}")
        perform(teller, slots(listener, bench.endpoint))
        trail = trail_of(tray, listener, bench, tuple(sorted(set(_caused(teller.deeds)))))
    tape.keep(bench)
    if not any(d.done for d in teller.deeds):
        first = next((d.why for d in teller.deeds if d.why), "nothing was done")
        return NotReached("association", f"no deed could be done at {point.address}: {first}")
    if not trail.messages and trail.declared.events is None:
        return NotReached(
            "audit trail",
            f"the product sent no audit message to {bench.endpoint.host}:{listener.port}",
        )
    return AuditStorySeen(tuple(teller.deeds), trail)


@driver(Impact.STORE, at="listener")
def tell(bench: Bench, *, pause: float = 3.0, quiet: float = 0.7) -> AuditStorySeen | NotReached:
    """Store, query, retrieve, delete and be refused at the product's DICOM endpoint while listening to its audit trail.

    The listener needs a fixed port that the product reports to. *pause* is the length of a slow
    transfer, *quiet* how long nothing may come before the next deed begins; seconds.
    """
    what = "stores, queries, a retrieval and a refused association"
    return _story(bench, quiet, lambda teller, slot: _tell(teller, pause, slot), what)


@driver(Impact.CREDENTIAL, at="listener")
def identify(bench: Bench, *, quiet: float = 0.7) -> AuditStorySeen | NotReached:
    """Log in rightly and wrongly by user identity negotiation, and store, while listening to the audit trail.

    Wrong credentials are counted by ``limits.wrong_credentials``.
    """
    return _story(
        bench, quiet, lambda teller, _: _identify(teller), "logins, one of them wrong, and a store"
    )
