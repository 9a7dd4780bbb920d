"""Kerberos at our acceptor: the ticket that a product shows is opened with ``listeners.ID.keytab`` and answered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from part15.bench import Bench
from part15.errors import TargetError
from part15.references import referenced_path
from part15.wire import kerberos
from part15.wire import user_identity as ui
from part15.wire.kerberos import Principal
from part15.wire.kerberos_crypto import Key
from part15.wire.kerberos_files import FormError, read_keytab

NO_TICKET = b"\x6f\x03\x02\x01\x05"
"""What we answer a ticket with that we cannot open: it has the form of a server ticket, and proves nothing."""


def keys_of(bench: Bench) -> dict[str, tuple[Key, ...]]:
    """Return the keys of our services by principal, none without a keytab; raises TargetError."""
    reference = bench.endpoint.keytab
    if not reference:
        return {}
    try:
        return read_keytab(Path(referenced_path(reference)).read_bytes())
    except (OSError, FormError) as error:
        raise TargetError(f"listeners.{bench.endpoint.id}.keytab is no keytab: {error}") from None


def _ticket(item: ui.SubItem) -> bytes:
    read = ui.read_request(item)
    right = read.kind == ui.KERBEROS and not read.fault
    return item.body[4 : 4 + read.primary] if right else b""


def _welcome(bench: Bench, octets: bytes, *, forged: bool = False) -> kerberos.Welcome | str:
    """Return who showed the ticket, or why no key of ours opens it."""
    why = "the keytab holds no key"
    for name, keys in keys_of(bench).items():
        path, _, realm = name.rpartition("@")
        service = Principal(realm, tuple(path.split("/")))
        try:
            return kerberos.welcome(
                octets, keys, service, dt.datetime.now(dt.UTC), foreign_reply=forged
            )
        except kerberos.WelcomeError as error:
            why = str(error)
    return why


def opened(bench: Bench, item: ui.SubItem) -> str:
    """Return ``verified`` if our keytab opens the ticket in *item*, why not, or nothing if there is none of either."""
    octets = _ticket(item)
    if not octets or not bench.endpoint.keytab:
        return ""
    found = _welcome(bench, octets)
    return found if isinstance(found, str) else "verified"


def reply(bench: Bench, shown: Sequence[ui.SubItem], *, forged: bool) -> bytes:
    """Return the server response for the first of *shown*: a server ticket for a ticket, a SAML Response, or nothing."""
    from part15.wire import saml

    if not shown:
        return b""
    if ui.read_request(shown[0]).kind == ui.SAML:
        return saml.response()
    octets = _ticket(shown[0])
    if not octets:
        return b""
    found = _welcome(bench, octets, forged=forged)
    return NO_TICKET if isinstance(found, str) else found.reply
