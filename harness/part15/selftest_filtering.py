"""The arena of query filtering: the embedded archive with two users, right, and leaking in every way."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from part15.peers.archive import USERS, Archive, right_policy
from part15.peers.archive_faults_filtering import ACCESS, FILTERING
from part15.peers.archive_policy import ArchivePolicy
from part15.peers.faults import Fault
from part15.selftest import Judged
from part15.selftest_tls import drive, judged, shared_pki

POLICY = "site-query-filtering"
DEADLINE = 0.5
"""Seconds for one exchange on loopback."""


def filtering_policy() -> ArchivePolicy:
    """Return the policy of an archive that filters what each user sees."""
    return dataclasses.replace(right_policy(), access=ACCESS)


def document(archive: Archive, folder: Path) -> dict[str, Any]:
    """Return the target of *archive*, with two users, five studies of four patients, and a listener of ours."""
    for name, passcode in USERS.items():
        (folder / f"{name}.passcode").write_bytes(passcode)
    found = archive.document(claims={POLICY: ["association-acceptor"]})
    found["users"] = {
        name: {"type": 2, "name": name, "passcode": f"file:{folder}/{name}.passcode", "sees": sees}
        for name, sees in (("alice", ["ward-a", "alone", "shared"]), ("bob", ["ward-b", "shared"]))
    }
    found["studies"] = {
        "ward-a": {"patient": "one", "department": "WARD A"},
        "alone": {"patient": "four", "department": "WARD A"},
        "ward-b": {"patient": "one", "department": "WARD B", "instances": 3},
        "shared": {"patient": "two", "department": "COMMON"},
        "public": {"patient": "three", "department": "PUBLIC", "public": True},
    }
    found["listeners"] = archive.partner_listener()
    found["limits"] = {"impact": "credential", "wrong_credentials": 5}
    return found


@dataclass(frozen=True)
class FilteringArena:
    """The archive under the site's rules alone."""

    name: str = "query filtering"
    profiles: tuple[str, ...] = (POLICY,)

    def faults(self) -> Sequence[Fault]:
        """Return the ways to leak."""
        return FILTERING

    def right(self) -> Judged:
        """Judge the archive that filters."""
        return self._run(())

    def wrong(self, fault: Fault) -> Judged:
        """Judge the archive that leaks by *fault*."""
        return self._run((fault.name,))

    def _run(self, named: Sequence[str]) -> Judged:
        with (
            tempfile.TemporaryDirectory(prefix="part15-selftest-") as folder,
            Archive(
                shared_pki(), named, archive=filtering_policy(), plain=False, artim=0.5, idle=1.0
            ) as archive,
        ):
            target = document(archive, Path(folder))
            _, verdicts = drive(target, Path(folder), deadline=DEADLINE, only=POLICY)
        return judged(verdicts)


ARENAS = (FilteringArena(),)
