"""Kerberos tickets from a credential cache: a fresh AP-REQ for each association, and wrong ones."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from part15.drivers.identity_credentials import (
    Credential,
    Make,
    Purse,
    damaged,
    flipped,
    showing,
)
from part15.errors import TargetError
from part15.references import referenced_path
from part15.wire import kerberos
from part15.wire import user_identity as ui
from part15.wire.kerberos import Principal, Ticket
from part15.wire.kerberos_crypto import TYPES, new_key
from part15.wire.kerberos_files import FormError, read_cache


def _held(name: str, user: Any) -> tuple[Ticket, tuple[Ticket, ...]]:
    """Return the ticket for the service of *user*, and those for others; raises TargetError."""
    try:
        held = read_cache(Path(referenced_path(user.cache)).read_bytes())
    except (OSError, FormError) as error:
        raise TargetError(f"users.{name}.cache is no Kerberos credential cache: {error}") from None
    wanted = user.service
    mine = [t for t in held if wanted in (str(t.service), "/".join(t.service.parts))]
    if not mine:
        there = ", ".join(str(t.service) for t in held) or "nothing"
        raise TargetError(
            f"users.{name}.cache has no ticket for '{wanted}', only for {there}; "
            f"fetch one with kvno -c FILE:PATH {wanted}"
        )
    ticket = mine[-1]
    if ticket.session.etype not in TYPES:
        raise TargetError(
            f"users.{name}.cache: its session key is of encryption type {ticket.session.etype}; "
            f"we speak {', '.join(map(str, TYPES))} (AES)"
        )
    if ticket.ends and ticket.ends < dt.datetime.now(dt.UTC).timestamp():
        raise TargetError(f"users.{name}.cache: its ticket for '{wanted}' has expired; log in anew")
    others = [t for t in held if t.service != ticket.service and t.service.parts[0] != "krbtgt"]
    return ticket, tuple(others)


def purse(name: str, user: Any, supplied: Sequence[tuple[str, Make]]) -> Purse:
    """Return the credentials of a user with a credential cache; raises TargetError."""
    ticket, others = _held(name, user)

    def right() -> Credential:
        octets, proof = kerberos.request(ticket, dt.datetime.now(dt.UTC))
        return Credential(ui.UserIdentity(ui.KERBEROS, octets), proof)

    def wrong() -> Iterator[tuple[str, Make]]:
        yield from supplied
        now = dt.datetime.now(dt.UTC)
        good, _ = kerberos.request(ticket, now)
        at = good.index(ticket.octets) + len(ticket.octets) - 1
        yield "changed ticket", showing(ui.KERBEROS, flipped(good, at))
        once, _ = kerberos.request(ticket, now + dt.timedelta(microseconds=1))
        yield "replayed ticket", showing(ui.KERBEROS, once)
        early, _ = kerberos.request(ticket, now - dt.timedelta(hours=1))
        yield "authenticator of an hour ago", showing(ui.KERBEROS, early)
        yield "authenticator under another key", showing(ui.KERBEROS, _foreign(ticket, now))
        stranger = Principal(ticket.client.realm, ("part15-nobody",))
        other, _ = kerberos.request(ticket, now, claims=stranger)
        yield "authenticator of another client", showing(ui.KERBEROS, other)
        for found in others[:1]:
            elsewhere, _ = kerberos.request(found, now)
            yield "ticket for another service", showing(ui.KERBEROS, elsewhere)
        yield from list(damaged(ui.KERBEROS, good))[1:]

    return Purse(name, ui.KERBEROS, right, wrong)


def _foreign(ticket: Ticket, now: dt.datetime) -> bytes:
    """Return an AP-REQ whose authenticator is sealed with a key that is not in the ticket."""
    key = new_key(ticket.session.etype)
    octets, _ = kerberos.request(
        Ticket(ticket.client, ticket.service, key, ticket.octets, ticket.ends), now
    )
    return octets
