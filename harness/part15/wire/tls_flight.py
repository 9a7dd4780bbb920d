"""Reads the first flight of a server as it arrives and turns it into an observation; pure, bounded."""

from __future__ import annotations

import dataclasses
from typing import Any

from part15.observations.tls import HelloSeen
from part15.wire import tls_names as names
from part15.wire import tls_server as server
from part15.wire.tls_certificates import chain_seen
from part15.wire.tls_hello import Offer
from part15.wire.tls_octets import Malformed
from part15.wire.tls_records import (
    ALERT,
    HANDSHAKE,
    MAX_WARNINGS,
    Alert,
    Deframer,
    Joiner,
    Oversize,
    parse_alert,
)

MAX_FLIGHT = 1024 * 1024
"""Most octets read of one flight."""

WARNING, FATAL = 1, 2


class Flight:
    """Fed with octets until :attr:`done`; then :meth:`seen` tells what they were.

    Reads up to the ServerHello in TLS 1.3 and up to ServerHelloDone in earlier versions.
    """

    def __init__(self, offer: Offer) -> None:
        self._offer = offer
        self._deframer, self._joiner = Deframer(), Joiner()
        self._octets = 0
        self._hello: server.ServerHello | None = None
        self._found: dict[str, Any] = {}
        self._alert: Alert | None = None
        self._warnings: list[int] = []
        self._problem: tuple[str, str] | None = None
        self._begun = False
        self.done = False

    def feed(self, data: bytes) -> bool:
        """Take *data* and tell whether the flight has ended; never raises."""
        self._octets += len(data)
        try:
            for record in self._deframer.feed(data):
                self._begun = True
                self._record(record.type, record.fragment)
                if self.done:
                    return True
        except Oversize as problem:
            self._give_up("oversize", str(problem))
        except Malformed as problem:
            self._give_up("malformed" if self._begun else "garbage", str(problem))
        if self._octets > MAX_FLIGHT and not self.done:
            self._give_up("oversize", f"{self._octets} octets and no end of the flight")
        return self.done

    def _give_up(self, outcome: str, why: str) -> None:
        self._problem, self.done = (outcome, why), True

    def _record(self, type_: int, fragment: bytes) -> None:
        if type_ == ALERT:
            self._take_alert(parse_alert(fragment))
        elif type_ == HANDSHAKE:
            for kind, body in self._joiner.feed(fragment):
                self._message(kind, body)
                if self.done:
                    return
        else:
            self._give_up("malformed", f"a record of type {type_} where a handshake was expected")

    def _take_alert(self, alert: Alert) -> None:
        if alert.level == WARNING and alert.description != 0:
            self._warnings.append(alert.description)
            if len(self._warnings) > MAX_WARNINGS:
                raise Oversize(f"more than {MAX_WARNINGS} warning alerts")
            return
        self._alert, self.done = alert, True

    def _message(self, kind: int, body: bytes) -> None:
        if self._hello is None:
            if kind != server.SERVER_HELLO:
                self._give_up("malformed", f"handshake message {kind} came before a ServerHello")
                return
            self._hello = server.parse_server_hello(body)
            self.done = self._hello.selected >= names.VERSIONS["1.3"]
            return
        self._later(kind, body, self._hello)

    def _later(self, kind: int, body: bytes, hello: server.ServerHello) -> None:
        """Take a message after the ServerHello of TLS 1.2 or earlier."""
        suite = names.suites().get(hello.suite)
        if kind == server.CERTIFICATE:
            self._found["chain"] = chain_seen(server.parse_certificates(body))
        elif kind == server.SERVER_KEY_EXCHANGE and suite is not None:
            signed = not suite.anonymous
            keys = server.parse_key_exchange(body, suite.kx, hello.selected, signed=signed)
            self._found.update(
                dh_bits=keys.dh_bits, group=keys.group, scheme=keys.scheme, public=keys.public
            )
        elif kind == server.CERTIFICATE_REQUEST:
            asked = server.parse_certificate_request(body, hello.selected)
            self._found.update(certificate_request=True, request_types=asked.types)
        elif kind == server.CERTIFICATE_STATUS:
            self._found["stapled"] = True
        elif kind == server.SERVER_HELLO_DONE:
            self._found.setdefault("certificate_request", False)
            self.done = True

    def seen(self, ending: str) -> HelloSeen:
        """Return what was seen; *ending* is how the stream ended: nothing, close, reset or timeout."""
        offered = HelloSeen(
            self._offer.summary,
            self._offer.versions,
            self._offer.suites,
            "silent",
            warnings=tuple(self._warnings),
        )
        if self._hello is not None:
            return self._selected(offered, self._hello, ending)
        if self._problem is not None:
            return dataclasses.replace(offered, outcome=self._problem[0], detail=self._problem[1])
        if self._alert is not None:
            return dataclasses.replace(
                offered,
                outcome="alert",
                alert=self._alert.description,
                alert_level=self._alert.level,
            )
        return dataclasses.replace(
            offered, outcome=self._without_answer(ending), detail=self._rest()
        )

    def _without_answer(self, ending: str) -> str:
        if ending == "timeout":
            return "drip" if self._octets else "silent"
        return ending or "silent"

    def _rest(self) -> str:
        if self._warnings:
            return f"after the warning {names.alert_label(self._warnings[-1])}"
        return f"after {self._octets} octets of an unfinished answer" if self._octets else ""

    def _selected(self, offered: HelloSeen, hello: server.ServerHello, ending: str) -> HelloSeen:
        found: dict[str, Any] = {"group": hello.group, **self._found}
        detail = self._problem[1] if self._problem else ""
        if not self.done:
            detail = f"the flight did not end ({ending or 'not read on'})"
        return dataclasses.replace(
            offered,
            outcome="hello",
            detail=detail,
            version=names.version_name(hello.selected),
            suite=hello.suite,
            retry=hello.retry,
            alert=self._alert.description if self._alert else None,
            alert_level=self._alert.level if self._alert else None,
            extensions=tuple(code for code, _ in hello.extensions),
            alpn=hello.alpn,
            compression=hello.compression,
            sentinel=hello.sentinel,
            whole=self.done and self._problem is None and self._alert is None,
            **found,
        )
