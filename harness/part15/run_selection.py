"""Parts of a plan, and older runs to look back at: one stimulus again, the undecided alone, only new violations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from part15.errors import TargetError
from part15.model import Case
from part15.registry import did_you_mean
from part15.report import diff, stored
from part15.report.conclude import UNDECIDED, exit_code


@dataclass(frozen=True)
class Selection:
    """Which cases of a plan are run: those of the *stimuli*, and those that *undecided* names; None for all."""

    stimuli: frozenset[str] = frozenset()
    undecided: frozenset[str] | None = None
    source: str = ""

    @classmethod
    def of(cls, stimuli: Sequence[str], undecided: Path | None, cases: Sequence[Case]) -> Selection:
        """Return the selection from stimulus keys and an older run.

        Raises TargetError for a key that no case has, InputError if *undecided* is no run.
        """
        known = {c.stimulus.key for c in cases if c.stimulus is not None}
        for key in stimuli:
            if key not in known:
                raise TargetError(
                    f"no case of this plan has the stimulus '{key}'{did_you_mean(key, known)}; "
                    "plan.json and report.json list them"
                )
        if undecided is None:
            return cls(frozenset(stimuli))
        return cls(frozenset(stimuli), undecided_in(stored.read(undecided)), undecided.name)

    @property
    def whole(self) -> bool:
        """Whether nothing is left out."""
        return not self.stimuli and self.undecided is None

    def takes(self, case: Case) -> bool:
        """Tell whether *case* is run."""
        if self.stimuli and (case.stimulus is None or case.stimulus.key not in self.stimuli):
            return False
        return self.undecided is None or case.id in self.undecided

    def text(self) -> str:
        """Return the selection in words for the report, empty for everything."""
        parts = [f"stimulus {key}" for key in sorted(self.stimuli)]
        if self.undecided is not None:
            parts.append(f"undecided in {self.source}")
        return ", ".join(parts)


def undecided_in(document: Mapping[str, Any]) -> frozenset[str]:
    """Return the ids of the cases that *document* left undecided."""
    return frozenset(r["case"] for r in document["results"] if r["verdict"] in UNDECIDED)


@dataclass(frozen=True)
class Baseline:
    """An older report: what it found violated or undecided does not move the exit code again."""

    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, path: Path | None) -> Baseline | None:
        """Return the baseline in *path*, None without one; raises InputError if it is no report."""
        return None if path is None else cls(stored.read(path))

    def exit_code(self, new: Mapping[str, Any], gate: str) -> int:
        """Return the exit code of the report *new*.

        1 if something is violated that was not (under gate ``should``: or warned of), 6 if something
        was decided and is not any more (not under gate ``fail``). What says nothing about the product,
        2, 3 and 5, is as without a baseline.
        """
        plain = exit_code(new, gate)
        if plain in (2, 3, 5):
            return plain
        known = {r["fingerprint"]: r["verdict"] for r in self.document["results"]}
        compared = diff.compare(self.document, new)
        stale = any(w["state"] == "no-longer-applies" for w in new["waivers"])
        bad = {"fail", "warn"} if gate == "should" else {"fail"}
        worse = [
            r
            for r in new["results"]
            if r["verdict"] in bad and known.get(r["fingerprint"]) not in bad
        ]
        if compared["new"] or worse or stale:
            return 1
        if any(r["verdict"] == "error" for r in new["results"]):
            return 3
        return 6 if gate != "fail" and compared["newlyUndecided"] else 0
