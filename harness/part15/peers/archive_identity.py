"""How the embedded archive makes sure who a user is: passcodes, tickets, assertions and tokens."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from part15.peers.archive_policy import ArchivePolicy
from part15.peers.realm import SERVICE, realm
from part15.wire import json_token, kerberos, saml
from part15.wire import user_identity as ui
from part15.wire.kerberos_crypto import fingerprint

_DEMANDS = frozenset({"signature", "reference", "times", "issuer", "audience"})
FOREIGN = b"<Response/>"


class StrangerError(ValueError):
    """A user who is not let in, with the reason."""


@dataclass
class Guard:
    """Knows the users; *marks* are what was shown before and must not come again."""

    policy: ArchivePolicy
    marks: set[bytes] = field(default_factory=set)

    def admit(self, kind: int, first: bytes, second: bytes) -> bytes:
        """Return the server response for a user who is let in; raises StrangerError."""
        known: dict[int, Callable[[bytes, bytes], bytes]] = {
            ui.USERNAME: self._name,
            ui.PASSCODE: self._passcode,
            ui.KERBEROS: self._ticket,
            ui.SAML: self._assertion,
            ui.JWT: self._token,
        }
        if kind in self.policy.refused_types:
            raise StrangerError("nobody of this type is let in")
        try:
            return known[kind](first, second)
        except StrangerError:
            if self.policy.verifies:
                raise
        return saml.response() if kind == ui.SAML else b""

    def _name(self, first: bytes, _: bytes) -> bytes:
        if first.decode("utf-8", "replace") not in self.policy.users:
            raise StrangerError("nobody of that name")
        return b""

    def _passcode(self, first: bytes, second: bytes) -> bytes:
        self._name(first, second)
        right = self.policy.users[first.decode("utf-8", "replace")]
        mine = second.rstrip(b" \0") if self.policy.trims_passcodes else second
        if mine != right and not (self.policy.admits_empty_passcode and not second):
            raise StrangerError("another passcode")
        return b""

    def _fresh(self, mark: bytes) -> None:
        if mark in self.marks and "replay" not in self.policy.overlooks:
            raise StrangerError("shown before")
        self.marks.add(mark)

    def _ticket(self, first: bytes, _: bytes) -> bytes:
        overlooked, held = self.policy.overlooks, realm()
        keys = (held.service, held.other) if "service" in overlooked else (held.service,)
        try:
            found = kerberos.welcome(
                first,
                keys,
                SERVICE,
                dt.datetime.now(dt.UTC),
                any_time="times" in overlooked,
                any_service="service" in overlooked,
                foreign_reply=self.policy.forges_ticket,
            )
        except kerberos.WelcomeError as error:
            raise StrangerError(str(error)) from None
        self._fresh(fingerprint(found.mark))
        return found.reply

    def _assertion(self, first: bytes, _: bytes) -> bytes:
        demands = _DEMANDS - set(self.policy.overlooks)
        try:
            saml.subject_of(first, realm().assertions(demands), dt.datetime.now(dt.UTC))
        except saml.AssertionRefusedError as error:
            raise StrangerError(str(error)) from None
        self._fresh(fingerprint(first))
        return saml.response()

    def _token(self, first: bytes, _: bytes) -> bytes:
        demands = _DEMANDS - set(self.policy.overlooks)
        trust = realm().tokens(demands, self.policy.algorithms)
        try:
            json_token.claims_of(first, trust, time.time())
        except json_token.TokenError as error:
            raise StrangerError(str(error)) from None
        self._fresh(fingerprint(first))
        return b""
