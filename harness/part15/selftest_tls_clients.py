"""The arena of TLS clients: the embedded client, right and with each named fault, started by a trigger."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from part15 import load
from part15.peers.client import BASES
from part15.peers.client_service import ClientService
from part15.peers.declared import SERVER_IDENTITIES, attestations, declarations
from part15.peers.faults import Fault
from part15.peers.faults_clients import faults
from part15.pki import Pki
from part15.selftest import Judged
from part15.selftest_tls import RETIRED, drive, judged, shared_pki

WAIT = 5.0
"""Seconds in which the client must have connected."""


def document(
    pki: Pki, trigger: Sequence[str], profile: str, edition: str, features: Sequence[str] = ()
) -> dict[str, Any]:
    """Return a target whose TLS client is the embedded one, started by *trigger*."""
    import datetime as dt

    def identity(name: str) -> dict[str, str]:
        return {"certificate": str(pki[name].certificate), "key": str(pki[name].key)}

    return {
        "target": {"name": "part15 embedded client", "edition": edition},
        "claims": {profile: {"roles": ["tls-client"], "features": list(features)}},
        "listeners": {
            "from-client": {
                "host": "localhost",
                "transport": "tls",
                "trigger": list(trigger),
                "trust": str(pki.ca),
                "identity": identity("server"),
                "identities": {kind: identity(name) for kind, name in SERVER_IDENTITIES.items()},
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


_OLD = {"B.1", "B.3"}
"""The sections whose right client stands on GnuTLS."""


@dataclass(frozen=True)
class ClientArena:
    """The embedded client under one profile."""

    name: str
    profile: str
    edition: str
    rule_sets: bool = False
    base: str = "b12"
    features: tuple[str, ...] = ()
    answers_for: str = "tls-client"

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
        return [f for f in faults().values() if mine & set(f.flips) and self._fits(f)]

    def _fits(self, fault: Fault) -> bool:
        """Tell whether *fault* is made from this client: one of B.1 and B.3 is of theirs only."""
        sections = {clause.partition("-")[0] for clause in fault.flips if clause.startswith("B.")}
        return not sections or not sections <= _OLD or self.name.partition(" ")[0] in _OLD

    def right(self) -> Judged:
        """Judge the right client."""
        return self._run({})

    def wrong(self, fault: Fault) -> Judged:
        """Judge the client with *fault*."""
        return self._run(fault.changes)

    def _run(self, changes: Mapping[str, Any]) -> Judged:
        does, pki = dataclasses.replace(BASES[self.base], **changes), shared_pki()
        with (
            tempfile.TemporaryDirectory(prefix="part15-selftest-") as folder,
            ClientService(does, pki.folder, Path(folder)) as client,
        ):
            target = document(pki, client.trigger, self.profile, self.edition, self.features)
            _, verdicts = drive(target, Path(folder), deadline=2.0)
        return judged(verdicts)


RULE_SETS = ("rfc7525", "rfc8996", "rfc9325", "tls-common", "ps3.8-transport")

ARENAS = (
    ClientArena("B.12 client", "tls-bcp195-rfc8996", "2023b", rule_sets=True),
    ClientArena("B.10 client", "tls-bcp195-nondowngrading", "2022b"),
    ClientArena("B.11 client", "tls-bcp195-extended", "2022b", base="b11"),
    ClientArena("B.13 client", "tls-bcp195-rfc8996-modified", "2023b"),
    ClientArena("B.9 client", "tls-bcp195", "2022b"),
    ClientArena("B.1 client", "tls-basic", "2017c", base="b1", features=RETIRED),
    ClientArena("B.3 client", "tls-aes", "2017c", base="b3", features=RETIRED),
    ClientArena("hello only", "tls-bcp195-rfc8996", "2023b", base="uncompressed"),
)
