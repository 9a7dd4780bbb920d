"""The arenas of the site policy on TLS: the embedded server and client, right, and wrong by the site's rules."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from part15.peers import faults, faults_clients
from part15.peers.client import BASES
from part15.peers.client_service import ClientService
from part15.peers.faults import Fault
from part15.peers.policy import Policy
from part15.peers.reference import ReferencePeer
from part15.selftest import Judged
from part15.selftest_tls import DEADLINE, drive, judged, shared_pki
from part15.selftest_tls_clients import document

POLICY = "site-connectathon-tls"
EDITION = "2023b"

_RULE = "site-connectathon-{}"
SERVER_KILLS = {
    "no_tls12": ("tls12", "suites"),
    "keeps_tls10": ("floor",),
    "keeps_tls11": ("floor",),
    "lacks_dhe_suites": ("suites",),
    "lacks_an_ecdhe_suite": ("suites",),
    "ignores_client_certificate": ("mutual",),
    "accepts_unknown_ca": ("mutual",),
}
CLIENT_KILLS = {
    "client_offers_no_tls12": ("tls12", "suites"),
    "client_speaks_tls11_only": ("floor", "suites", "tls12"),
    "client_shows_no_certificate": ("mutual",),
}
"""The rules of the site that each fault breaks: a fault of PS3.15 need not be one of the site."""


def _of(known: Mapping[str, Fault], kills: Mapping[str, Sequence[str]]) -> list[Fault]:
    return [
        dataclasses.replace(known[name], flips=tuple(_RULE.format(rule) for rule in rules))
        for name, rules in kills.items()
    ]


@dataclass(frozen=True)
class ServerArena:
    """The embedded server under the site's rules alone; the standard's have arenas of their own."""

    name: str = "connectathon"
    profiles: tuple[str, ...] = (POLICY,)

    def faults(self) -> Sequence[Fault]:
        """Return the faults that break a rule of the site."""
        return _of(faults.faults(), SERVER_KILLS)

    def right(self) -> Judged:
        """Judge the right server."""
        return self._run(())

    def wrong(self, fault: Fault) -> Judged:
        """Judge the server with *fault*."""
        return self._run((fault.name,))

    def _run(self, names: Sequence[str]) -> Judged:
        with (
            tempfile.TemporaryDirectory(prefix="part15-selftest-") as folder,
            ReferencePeer(shared_pki(), names, policy=Policy(), artim=0.5, idle=0.5) as peer,
        ):
            target = peer.document(edition=EDITION, profile=POLICY)
            _, verdicts = drive(target, Path(folder), deadline=DEADLINE, only=POLICY)
        return judged(verdicts)


@dataclass(frozen=True)
class ClientArena:
    """The embedded client under the site's rules alone."""

    name: str = "connectathon client"
    profiles: tuple[str, ...] = (POLICY,)

    def faults(self) -> Sequence[Fault]:
        """Return the faults that break a rule of the site."""
        return _of(faults_clients.faults(), CLIENT_KILLS)

    def right(self) -> Judged:
        """Judge the right client."""
        return self._run({})

    def wrong(self, fault: Fault) -> Judged:
        """Judge the client with *fault*."""
        return self._run(fault.changes)

    def _run(self, changes: Mapping[str, Any]) -> Judged:
        does, pki = dataclasses.replace(BASES["b12"], **changes), shared_pki()
        with (
            tempfile.TemporaryDirectory(prefix="part15-selftest-") as folder,
            ClientService(does, pki.folder, Path(folder)) as client,
        ):
            target = document(pki, client.trigger, POLICY, EDITION)
            _, verdicts = drive(target, Path(folder), deadline=2.0, only=POLICY)
        return judged(verdicts)


ARENAS = (ServerArena(), ClientArena())
