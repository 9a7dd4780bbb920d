"""The arenas of corrections: the embedded archive corrects a signed image and a verified report, right and wrong."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from part15 import load
from part15.peers.archive import Archive, bit_preserving_policy, signing_policy
from part15.peers.archive_faults_correction import CORRECTION
from part15.peers.archive_policy import ArchivePolicy
from part15.peers.faults import Fault
from part15.selftest import Judged
from part15.selftest_tls import drive, judged, shared_pki

CHECKS = "correction."


@dataclass(frozen=True)
class CorrectionArena:
    """The archive under one claim in which corrections are judged; its other clauses have other arenas."""

    name: str
    profile: str
    role: str
    policy: Callable[[], ArchivePolicy]

    @property
    def profiles(self) -> tuple[str, ...]:
        """The profile whose clauses it helps to account for."""
        return (self.profile,)

    def faults(self) -> Sequence[Fault]:
        """Return the faults that break a clause on corrections of this profile."""
        mine = {c.id for c in load.load_profiles()[self.profile].clauses}
        return [f for f in CORRECTION if mine & set(f.flips)]

    def right(self) -> Judged:
        """Judge the archive that corrects rightly."""
        return self._run(())

    def wrong(self, fault: Fault) -> Judged:
        """Judge the archive with *fault*."""
        return self._run((fault.name,))

    def _run(self, named: Sequence[str]) -> Judged:
        with (
            tempfile.TemporaryDirectory(prefix="part15-selftest-") as folder,
            Archive(
                shared_pki(), named, archive=self.policy(), plain=False, artim=0.5, idle=1.0
            ) as archive,
        ):
            document: dict[str, Any] = archive.document(claims={self.profile: [self.role]})
            document["actions"] = {"correct": document["actions"]["correct"]}
            _, verdicts = drive(document, Path(folder), deadline=1.0)
        mine = {c.id for c in load.load_profiles()[self.profile].clauses}
        return judged(
            [v for v in verdicts if v.case.check.startswith(CHECKS) and v.case.clause in mine]
        )


ARENAS = (
    CorrectionArena(
        "corrected images", "basic-digital-signatures-use", "storage-scp", signing_policy
    ),
    CorrectionArena(
        "corrected reports", "basic-sr-digital-signatures-use", "creator", bit_preserving_policy
    ),
    CorrectionArena("signed corrections", "sr-rsa", "signer", bit_preserving_policy),
)
