"""The arena of TLS clients: the embedded client, right and with each named fault, started by a trigger."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from part15 import load
from part15.peers.client import RIGHT
from part15.peers.declared import attestations, declarations
from part15.peers.faults import Fault
from part15.peers.faults_clients import faults
from part15.pki import Pki
from part15.selftest import Judged
from part15.selftest_tls import drive, judged, shared_pki

WAIT = 5.0
"""Seconds in which the client must have connected."""
IDENTITIES = {
    "wrong_name": "wrong-name",
    "expired": "expired",
    "future": "future",
    "wrong_usage": "client-only",
    "revoked": "revoked",
}


def document(pki: Pki, fault: str, profile: str, edition: str, base: str) -> dict[str, Any]:
    """Return a target whose TLS client is the embedded one, behaving as *base*, with *fault* if there is one."""
    import datetime as dt

    trigger = [
        sys.executable,
        "-m",
        "part15.peers.client",
        "{host}",
        "{port}",
        "{aet}",
        str(pki.folder),
    ]

    def identity(name: str) -> dict[str, str]:
        return {"certificate": str(pki[name].certificate), "key": str(pki[name].key)}

    return {
        "target": {"name": "part15 embedded client", "edition": edition},
        "claims": {profile: {"roles": ["tls-client"]}},
        "listeners": {
            "from-client": {
                "host": "127.0.0.1",
                "transport": "tls",
                "trigger": [*trigger, fault or RIGHT, base],
                "trust": str(pki.ca),
                "identity": identity("server"),
                "identities": {kind: identity(name) for kind, name in IDENTITIES.items()},
                "wait": WAIT,
            }
        },
        "declared": declarations(2.0, {"dicom-tls": 2762}, profile),
        "attestations": [
            a
            for a in attestations(profile, dt.datetime.now(dt.UTC).date())
            if not a["case"].startswith("RFC")
        ],
    }


@dataclass(frozen=True)
class ClientArena:
    """The embedded client under one profile."""

    name: str
    profile: str
    edition: str
    rule_sets: bool = False
    base: str = "b12"

    @property
    def profiles(self) -> tuple[str, ...]:
        """The profile whose clauses it accounts for, together with the arena of its servers."""
        return (self.profile,)

    def faults(self) -> Sequence[Fault]:
        """Return the faults that flip a clause judged here: the first arena accounts for the rule sets."""
        if self.base == "uncompressed":
            return [faults()["client_offers_compressed_points"]]
        sets = RULE_SETS if self.rule_sets else ()
        mine = {c.id for name in (self.profile, *sets) for c in load.load_profiles()[name].clauses}
        return [f for f in faults().values() if mine & set(f.flips)]

    def right(self) -> Judged:
        """Judge the right client."""
        return self._run("")

    def wrong(self, fault: Fault) -> Judged:
        """Judge the client with *fault*."""
        return self._run(fault.name)

    def _run(self, fault: str) -> Judged:
        with tempfile.TemporaryDirectory(prefix="part15-selftest-") as folder:
            target = document(shared_pki(), fault, self.profile, self.edition, self.base)
            _, verdicts = drive(target, Path(folder), deadline=2.0)
        return judged(verdicts)


RULE_SETS = ("rfc7525", "rfc8996", "rfc9325", "tls-common", "ps3.8-transport")

ARENAS = (
    ClientArena("B.12 client", "tls-bcp195-rfc8996", "2023b", rule_sets=True),
    ClientArena("B.10 client", "tls-bcp195-nondowngrading", "2022b"),
    ClientArena("B.11 client", "tls-bcp195-extended", "2022b", base="b11"),
    ClientArena("B.13 client", "tls-bcp195-rfc8996-modified", "2023b"),
    ClientArena("hello only", "tls-bcp195-rfc8996", "2023b", base="uncompressed"),
)
