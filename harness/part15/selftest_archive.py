"""The arenas of the embedded archive: user identity, and what it does with stored objects."""

from __future__ import annotations

import functools
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from part15 import load
from part15.peers import creator, requestor
from part15.peers.archive import (
    IDENTITY_PROFILES,
    STORAGE_PROFILES,
    Archive,
    bit_preserving_policy,
    right_policy,
    signing_policy,
    strict_policy,
    token_policy,
)
from part15.peers.archive_faults import faults
from part15.peers.archive_policy import ArchivePolicy
from part15.peers.faults import Fault
from part15.peers.realm import realm
from part15.pki import Pki, make_pki
from part15.selftest import Judged
from part15.selftest_tls import drive, judged

ELSEWHERE = "correction."
"""Checks on corrections, which selftest_correction has arenas for."""
DEADLINE = 0.5
"""Seconds for one exchange on loopback."""


@functools.cache
def _pki() -> Pki:
    return make_pki(Path(tempfile.mkdtemp(prefix="part15-selftest-")))


@dataclass(frozen=True)
class ArchiveArena:
    """The archive under the claims of one family; *family* selects its faults, *options* make the archive."""

    name: str
    claimed: tuple[str, ...]
    role: str
    family: str
    rule_sets: tuple[str, ...]
    plain: bool
    policy: Callable[[], ArchivePolicy] = right_policy

    @property
    def profiles(self) -> tuple[str, ...]:
        """The profiles whose clauses it accounts for."""
        return (*self.claimed, *self.rule_sets)

    def faults(self) -> Sequence[Fault]:
        """Return the faults of its family; without one, those that flip a clause judged here."""
        if self.family:
            return [f for f in faults().values() if f.family == self.family and self._meant(f)]
        return [f for f in faults().values() if f.role == self.role and self._meant(f)]

    def _meant(self, fault: Fault) -> bool:
        return bool(self._clauses() & set(fault.flips))

    def _clauses(self) -> set[str]:
        return {c.id for name in self.profiles for c in load.load_profiles()[name].clauses}

    def right(self) -> Judged:
        """Judge the right archive."""
        return self._run(())

    def wrong(self, fault: Fault) -> Judged:
        """Judge the archive with *fault*."""
        return self._run((fault.name,), "storage" if fault.family == "storage" else "")

    def _run(self, named: Sequence[str], about: str = "") -> Judged:
        """Judge; a fault in what is kept acts on the stimuli of Storage alone."""
        with (
            tempfile.TemporaryDirectory(prefix="part15-selftest-") as folder,
            Archive(
                _pki(), named, archive=self.policy(), plain=self.plain, artim=0.5, idle=1.0
            ) as archive,
        ):
            document: dict[str, Any] = archive.document(
                claims=dict.fromkeys(self.claimed, (self.role,))
            )
            document["listeners"] = archive.listeners()
            document["limits"] = {"impact": "credential", "wrong_credentials": 80}
            document["actions"].pop("correct")
            _, verdicts = drive(document, Path(folder), deadline=DEADLINE, about=about)
        mine = self._clauses()
        return judged(
            [
                v
                for v in verdicts
                if v.case.clause in mine and not v.case.check.startswith(ELSEWHERE)
            ]
        )


@dataclass(frozen=True)
class RequestorArena:
    """The embedded requestor under one identity profile, triggered for each stimulus."""

    profile: str
    rule_sets: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return its name."""
        return f"{self.profile} as requestor"

    @property
    def profiles(self) -> tuple[str, ...]:
        """The profiles whose clauses it accounts for."""
        return (self.profile, *self.rule_sets)

    def faults(self) -> Sequence[Fault]:
        """Return the faults that flip a clause judged here."""
        mine = self._clauses()
        return [f for f in requestor.FAULTS if mine & set(f.flips)]

    def _clauses(self) -> set[str]:
        return {c.id for name in self.profiles for c in load.load_profiles()[name].clauses}

    def right(self) -> Judged:
        """Judge the right requestor."""
        return self._run("")

    def wrong(self, fault: Fault) -> Judged:
        """Judge the requestor with *fault*."""
        return self._run(fault.name)

    def _run(self, fault: str) -> Judged:
        command = [sys.executable, "-m", "part15.peers.requestor", "{host}", "{port}", "{aet}"]
        with tempfile.TemporaryDirectory(prefix="part15-selftest-") as folder:
            place = Path(folder)
            realm().written(place)
            cache = [str(place / "carol.ccache")] if self.profile.endswith("kerberos") else []
            document = {
                "target": {"name": "part15 requestor"},
                "claims": {self.profile: ["association-requestor"]},
                "declared": {"user_identity": {"requires_confirmation": True}},
                "listeners": {
                    "own": {
                        "transport": "plain",
                        "keytab": str(place / "dicom.keytab") if cache else "",
                        "trigger": [*command, self.profile, fault, *cache],
                    }
                },
            }
            _, verdicts = drive(document, place, deadline=2.0)
        mine = self._clauses()
        return judged([v for v in verdicts if v.case.clause in mine])


@dataclass(frozen=True)
class CreatorArena:
    """The embedded creator, which stores with our listener over TLS."""

    name: str = "creator"
    profiles: tuple[str, ...] = (*STORAGE_PROFILES[:1], "ps3.3-sop-common")

    def faults(self) -> Sequence[Fault]:
        """Return the faults of the creator."""
        return creator.FAULTS

    def right(self) -> Judged:
        """Judge the right creator."""
        return self._run("")

    def wrong(self, fault: Fault) -> Judged:
        """Judge the creator with *fault*."""
        return self._run(fault.name)

    def _run(self, fault: str) -> Judged:
        mine, ours = _pki()["client"], _pki()["server"]
        files = [str(mine.certificate), str(mine.key)]
        command = [sys.executable, "-m", "part15.peers.creator", "{host}", "{port}", "{aet}"]
        document = {
            "target": {"name": "part15 creator"},
            "claims": {self.profiles[0]: ["creator"]},
            "listeners": {
                "partner": {
                    "transport": "tls",
                    "trust": str(_pki().ca),
                    "identity": {"certificate": str(ours.certificate), "key": str(ours.key)},
                    "trigger": [*command, *files, *([fault] if fault else [])],
                }
            },
        }
        with tempfile.TemporaryDirectory(prefix="part15-selftest-") as folder:
            _, verdicts = drive(document, Path(folder), deadline=2.0)
        return judged([v for v in verdicts if v.case.check.startswith("status_created")])


ARENAS = (
    ArchiveArena(
        "user identity",
        IDENTITY_PROFILES,
        "association-acceptor",
        "identity",
        ("ps3.7-user-identity",),
        plain=False,
    ),
    ArchiveArena(
        "user identity by token",
        ("site-json-web-token",),
        "association-acceptor",
        "identity",
        (),
        plain=False,
        policy=token_policy,
    ),
    ArchiveArena(
        "association policy",
        ("site-association-policy",),
        "association-acceptor",
        "association policy",
        (),
        plain=False,
        policy=strict_policy,
    ),
    ArchiveArena(
        "storage",
        STORAGE_PROFILES[1:],
        "storage-scp",
        "storage",
        (),
        plain=False,
        policy=bit_preserving_policy,
    ),
    ArchiveArena(
        "electronic storage",
        STORAGE_PROFILES[:1],
        "storage-scp",
        "",
        ("ps3.4-storage", "ps3.3-sop-common"),
        plain=True,
    ),
    ArchiveArena(
        "signature use",
        ("basic-digital-signatures-use",),
        "storage-scp",
        "signature use",
        (),
        plain=False,
        policy=signing_policy,
    ),
    RequestorArena("user-identity-passcode"),
    RequestorArena("user-identity-kerberos", ("ps3.7-user-identity",)),
    RequestorArena("user-identity-saml"),
    RequestorArena("site-json-web-token"),
    CreatorArena(),
)
