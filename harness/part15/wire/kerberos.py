"""Kerberos between client and service (RFC 4120 section 3.2): AP-REQ shown as 58H, AP-REP verified from 59H.

Only what an association needs: tickets come from a KDC (a credential cache) or from a throw-away realm.
"""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass

from part15.wire import der
from part15.wire.der import DerError
from part15.wire.kerberos_crypto import Key, SealError, seal, unseal

TICKET_USE, AUTHENTICATOR_USE, REPLY_USE = 2, 11, 12
AP_REQ, AP_REP = 0x6E, 0x6F
MUTUAL = 0x20000000
SKEW = dt.timedelta(minutes=5)
_STAMP = "%Y%m%d%H%M%SZ"


@dataclass(frozen=True)
class Principal:
    """``alice@REALM`` or ``dicom/host@REALM``."""

    realm: str
    parts: tuple[str, ...]
    kind: int = 1

    def __str__(self) -> str:
        return f"{'/'.join(self.parts)}@{self.realm}"

    def encoded(self) -> bytes:
        """Return the PrincipalName, without the realm."""
        parts = der.tlv(der.SEQUENCE, b"".join(_string(p) for p in self.parts))
        return der.sequence(der.explicit(0, der.integer(self.kind)), der.explicit(1, parts))

    @classmethod
    def decoded(cls, realm: bytes, name: bytes) -> Principal:
        """Return the principal of a Realm and a PrincipalName; raises DerError."""
        found = der.fields(name, der.SEQUENCE)
        parts = der.elements(der.only(_need(found, 1), der.SEQUENCE))
        return cls(
            der.text(realm),
            tuple(content.decode("utf-8", "replace") for _, content in parts),
            der.number(_need(found, 0)),
        )


@dataclass(frozen=True)
class Ticket:
    """A service ticket as its client holds it: the Ticket in DER and the session key that came with it."""

    client: Principal
    service: Principal
    session: Key
    octets: bytes
    ends: int = 0
    """When it expires, in seconds since 1970; 0 if unknown."""


@dataclass(frozen=True)
class Proof:
    """What the service must return: the time of our authenticator, under the session key."""

    session: Key
    stamp: bytes
    micro: int


def _need(found: dict[int, bytes], number: int) -> bytes:
    if number not in found:
        raise DerError(f"field {number} is missing")
    return found[number]


def _string(text: str) -> bytes:
    return der.tlv(der.GENERAL_STRING, text.encode())


def _time(moment: dt.datetime) -> bytes:
    return der.tlv(der.TIME, moment.strftime(_STAMP).encode())


def _moment(octets: bytes) -> dt.datetime:
    try:
        stamp = der.only(octets, der.TIME).decode("ascii")
        return dt.datetime.strptime(stamp, _STAMP).replace(tzinfo=dt.UTC)
    except ValueError as error:
        raise DerError(f"no KerberosTime: {error}") from None


def _sealed(key: Key, usage: int, plain: bytes) -> bytes:
    cipher = der.tlv(der.OCTETS, seal(key, usage, plain))
    return der.sequence(der.explicit(0, der.integer(key.etype)), der.explicit(2, cipher))


def _opened(keys: tuple[Key, ...], usage: int, encrypted: bytes) -> bytes:
    found = der.fields(encrypted, der.SEQUENCE)
    etype, cipher = der.number(_need(found, 0)), der.only(_need(found, 2), der.OCTETS)
    error = SealError(f"no key of encryption type {etype} is at hand")
    for key in keys:
        if key.etype == etype:
            try:
                return unseal(key, usage, cipher)
            except SealError as failed:
                error = failed
    raise error


def issue(
    client: Principal,
    service: Principal,
    key: Key,
    session: Key,
    *,
    begins: dt.datetime,
    ends: dt.datetime,
) -> Ticket:
    """Return a ticket for *service*, whose *key* we hold, as a KDC would issue it."""
    part = der.application(
        3,
        der.sequence(
            der.explicit(0, der.tlv(der.BOOLEAN_BITS, bytes(5))),
            der.explicit(1, _key(session)),
            der.explicit(2, _string(client.realm)),
            der.explicit(3, client.encoded()),
            der.explicit(
                4,
                der.sequence(
                    der.explicit(0, der.integer(1)), der.explicit(1, der.tlv(der.OCTETS, b""))
                ),
            ),
            der.explicit(5, _time(begins)),
            der.explicit(7, _time(ends)),
        ),
    )
    octets = der.application(
        1,
        der.sequence(
            der.explicit(0, der.integer(5)),
            der.explicit(1, _string(service.realm)),
            der.explicit(2, service.encoded()),
            der.explicit(3, _sealed(key, TICKET_USE, part)),
        ),
    )
    return Ticket(client, service, session, octets, int(ends.timestamp()))


def _key(key: Key) -> bytes:
    return der.sequence(
        der.explicit(0, der.integer(key.etype)), der.explicit(1, der.tlv(der.OCTETS, key.octets))
    )


def request(
    ticket: Ticket, now: dt.datetime, *, mutual: bool = True, claims: Principal | None = None
) -> tuple[bytes, Proof]:
    """Return a fresh AP-REQ that shows *ticket*, and what proves the answer.

    *claims* puts another client into the authenticator than the ticket names, which is wrong.
    """
    client, micro = claims or ticket.client, now.microsecond
    authenticator = der.application(
        2,
        der.sequence(
            der.explicit(0, der.integer(5)),
            der.explicit(1, _string(client.realm)),
            der.explicit(2, client.encoded()),
            der.explicit(4, der.integer(micro)),
            der.explicit(5, _time(now)),
            der.explicit(7, der.integer(int.from_bytes(os.urandom(3), "big"))),
        ),
    )
    options = (MUTUAL if mutual else 0).to_bytes(4, "big")
    octets = der.application(
        14,
        der.sequence(
            der.explicit(0, der.integer(5)),
            der.explicit(1, der.integer(14)),
            der.explicit(2, der.tlv(der.BOOLEAN_BITS, b"\0" + options)),
            der.explicit(3, ticket.octets),
            der.explicit(4, _sealed(ticket.session, AUTHENTICATOR_USE, authenticator)),
        ),
    )
    return octets, Proof(ticket.session, now.strftime(_STAMP).encode(), micro)


def disproof(octets: bytes, proof: Proof) -> str:
    """Return why *octets* are no AP-REP that proves the service knows our ticket, or nothing if they are."""
    try:
        found = der.fields(octets, AP_REP)
        if (der.number(_need(found, 0)), der.number(_need(found, 1))) != (5, 15):
            return "it is no AP-REP of Kerberos version 5"
        part = der.fields(_opened((proof.session,), REPLY_USE, _need(found, 2)), 0x7B)
        stamp, micro = der.only(_need(part, 0), der.TIME), der.number(_need(part, 1))
    except DerError as error:
        return f"it is no AP-REP in DER: {error}"
    except SealError as error:
        return f"it is not encrypted with the session key of our ticket: {error}"
    if (stamp, micro) != (proof.stamp, proof.micro):
        return "it answers another authenticator than ours"
    return ""


class WelcomeError(ValueError):
    """An AP-REQ that a service refuses, with the reason."""


@dataclass(frozen=True)
class Welcome:
    """An AP-REQ that a service accepts: who came, and the AP-REP for it."""

    client: Principal
    reply: bytes
    mark: bytes
    """What a replay cache keeps: the same mark twice is a replay."""


def welcome(
    octets: bytes,
    keys: tuple[Key, ...],
    service: Principal,
    now: dt.datetime,
    *,
    any_time: bool = False,
    any_service: bool = False,
    foreign_reply: bool = False,
) -> Welcome:
    """Return who an AP-REQ is from; raises WelcomeError.

    *any_time*, *any_service* and *foreign_reply* are the ways in which a service may be wrong: it
    does not look at times or at the service, or seals its reply with a key of its own.
    """
    try:
        asked = der.fields(octets, AP_REQ)
        ticket = der.fields(_need(asked, 3), 0x61)
        named = Principal.decoded(_need(ticket, 1), _need(ticket, 2))
        part = der.fields(_opened(keys, TICKET_USE, _need(ticket, 3)), 0x63)
        given = der.fields(_need(part, 1), der.SEQUENCE)
        session = Key(der.number(_need(given, 0)), der.only(_need(given, 1), der.OCTETS))
        client = Principal.decoded(_need(part, 2), _need(part, 3))
        begins, ends = _moment(part.get(6) or _need(part, 5)), _moment(_need(part, 7))
        sealed = _opened((session,), AUTHENTICATOR_USE, _need(asked, 4))
        shown = der.fields(sealed, 0x62)
        stamp = _moment(_need(shown, 5))
        micro = der.number(_need(shown, 4))
        same = str(Principal.decoded(_need(shown, 1), _need(shown, 2))) == str(client)
    except (DerError, SealError) as error:
        raise WelcomeError(str(error)) from None
    if not same:
        raise WelcomeError("the authenticator names another client than the ticket")
    if str(named) != str(service) and not any_service:
        raise WelcomeError(f"the ticket is for {named}")
    late = not begins - SKEW <= now <= ends + SKEW or abs(now - stamp) > SKEW
    if late and not any_time:
        raise WelcomeError("the ticket has expired, or the authenticator is not of now")
    answer = der.application(
        27,
        der.sequence(
            der.explicit(0, der.tlv(der.TIME, stamp.strftime(_STAMP).encode())),
            der.explicit(1, der.integer(micro)),
        ),
    )
    sealing = Key(session.etype, os.urandom(len(session.octets))) if foreign_reply else session
    reply = der.application(
        15,
        der.sequence(
            der.explicit(0, der.integer(5)),
            der.explicit(1, der.integer(15)),
            der.explicit(2, _sealed(sealing, REPLY_USE, answer)),
        ),
    )
    return Welcome(client, reply, _need(asked, 4))
