"""The media family in the kill matrix: the embedded creator and reader, and their faults (PS3.15 Annex D)."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from part15 import load
from part15.bench import Bench, Ledger, Shelf
from part15.judge import ask, worst
from part15.model import Claim, Stimulus, Word
from part15.peers.faults import Fault
from part15.peers.media_faults import CREATOR, EARLY, FOREIGN, PLAIN, READER, party_of
from part15.peers.media_party import MediaParty, Party
from part15.plan import clauses_of
from part15.registry import checks, drivers
from part15.selftest import Judged

PROFILE = "basic-media-security"


class _Nowhere:
    """Evidence of a selftest is not kept."""

    def keep(self, name: str, data: bytes, *, phi: str = "none") -> None:
        """Drop *data*."""


@dataclass(frozen=True)
class MediaArena:
    """One edition of Annex D with the faults that show in it; *features* as a claim lists them."""

    name: str
    edition: str
    listed: tuple[Fault, ...]
    features: tuple[str, ...] = ()
    base: MediaParty = field(default_factory=MediaParty)
    profiles: tuple[str, ...] = (PROFILE, "secure-dicom-file")

    def faults(self) -> Sequence[Fault]:
        """Return the faults to be run here."""
        return self.listed

    def right(self) -> Judged:
        """Judge the right creator and reader."""
        words = self._judged(self.base, "media-creator") | self._judged(self.base, "media-reader")
        return Judged.of(words)

    def wrong(self, fault: Fault) -> Judged:
        """Judge the creator or the reader with *fault*."""
        return Judged.of(self._judged(party_of(fault), fault.role))

    def _judged(self, party: Party, role: str) -> dict[str, Word]:
        words: dict[str, Word] = {}
        with tempfile.TemporaryDirectory(prefix="part15-media-") as folder:
            drive = self._driving(party, Path(folder))
            for clause, check, stimulus, expect in self._bound(role):
                answer = ask(checks()[check], drive(stimulus.kind, stimulus.args), expect)
                before = words.get(clause)
                words[clause] = answer.word if before is None else worst([before, answer.word])
        return words

    def _bound(self, role: str) -> Iterator[tuple[str, str, Stimulus, Any]]:
        claim = Claim(PROFILE, role, self.edition, features=self.features)
        for profile, clause, _ in clauses_of(claim, load.load_profiles()):
            if profile.id not in self.profiles:
                continue
            for binding in clause.bindings:
                applies = not binding.features or set(binding.features) & set(self.features)
                media = binding.stimulus is not None and binding.stimulus.kind.startswith("media")
                if role in binding.roles and media and applies:
                    assert binding.stimulus is not None
                    if bool(self.features) == bool(binding.features):
                        yield clause.id, binding.check, binding.stimulus, binding.expect

    def _driving(self, party: Party, folder: Path) -> Any:
        target = SimpleNamespace(
            inside=party, media=None, target=SimpleNamespace(edition=self.edition)
        )
        bench = Bench(
            target=target,
            endpoint=None,
            evidence=_Nowhere(),
            ledger=Ledger(),
            shelf=Shelf(),
            scratch=folder,
        )
        seen: dict[str, Any] = {}

        def drive(kind: str, args: Any) -> Any:
            key = Stimulus(kind, args).key
            if key not in seen:
                scratch = folder / f"{len(seen)}"
                scratch.mkdir()
                here = replace(bench, scratch=scratch)
                seen[key] = drivers()[kind].function(here, **args)
            return seen[key]

        return drive


@functools.cache
def _arenas() -> tuple[MediaArena, ...]:
    return (
        MediaArena("media", "2023b", (*CREATOR, *FOREIGN, *READER)),
        *(MediaArena(f"media {e}", e, faults) for e, faults in EARLY.items()),
        MediaArena(
            "plain media",
            "2023b",
            PLAIN,
            ("plain-application-profile",),
            MediaParty({"outer": "plain"}),
        ),
    )


ARENAS = list(_arenas())
