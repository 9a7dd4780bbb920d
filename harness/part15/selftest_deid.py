"""The confidentiality family in the kill matrix: the embedded de-identifier and re-identifier, and their faults."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from part15 import load
from part15.bench import Bench, Ledger, Shelf
from part15.judge import ask, worst
from part15.model import Claim, Stimulus, Word
from part15.peers.deid_faults import ARENAS as LISTED
from part15.peers.deid_party import DeidParty
from part15.peers.faults import Fault
from part15.plan import clauses_of
from part15.registry import checks, drivers
from part15.selftest import Judged
from part15.wire.deid_rules import BASIC

ENCRYPTED = "encrypted-attributes"
ROLES = ("de-identifier", "re-identifier")


class _Nowhere:
    """Evidence of a selftest is not kept."""

    def keep(self, name: str, data: bytes, *, phi: str = "none") -> None:
        """Drop *data*."""


@dataclass
class DeidArena:
    """One edition of Annex E under a set of options, with the faults that show in it."""

    name: str
    edition: str
    options: tuple[str, ...]
    listed: tuple[Fault, ...]
    shelf: Shelf = field(default_factory=Shelf)

    @property
    def profiles(self) -> tuple[str, ...]:
        """The profiles whose clauses are judged here."""
        return (BASIC, ENCRYPTED, *self.options)

    def faults(self) -> Sequence[Fault]:
        """Return the faults to be run here."""
        return self.listed

    def right(self, roles: Sequence[str] = ROLES) -> Judged:
        """Judge the right de-identifier and re-identifier, or that of *roles* alone."""
        words: dict[str, Word] = {}
        for role in roles:
            words |= self._judged(DeidParty(), role)
        return Judged.of(words)

    def wrong(self, fault: Fault) -> Judged:
        """Judge the one with *fault*."""
        switch = str(fault.changes["switch"])
        return Judged.of(self._judged(DeidParty((switch,)), fault.role))

    def _judged(self, party: DeidParty, role: str) -> dict[str, Word]:
        words: dict[str, Word] = {}
        with tempfile.TemporaryDirectory(prefix="part15-deid-") as folder:
            drive = self._driving(party, Path(folder))
            for clause, check, stimulus, expect in self._bound(role):
                answer = ask(checks()[check], drive(stimulus), expect)
                before = words.get(clause)
                words[clause] = answer.word if before is None else worst([before, answer.word])
        return words

    def _bound(self, role: str) -> Iterator[tuple[str, str, Stimulus, Mapping[str, Any]]]:
        met: set[str] = set()
        for profile_id in (BASIC, *self.options):
            claim = Claim(profile_id, role, self.edition)
            for profile, clause, _ in clauses_of(claim, load.load_profiles()):
                if profile.id not in self.profiles or clause.id in met:
                    continue
                met.add(clause.id)
                for binding in clause.bindings:
                    if role not in binding.roles or binding.stimulus is None:
                        continue
                    if binding.stimulus.kind.startswith("deid"):
                        yield clause.id, binding.check, binding.stimulus, binding.expect

    def _driving(self, party: DeidParty, folder: Path) -> Callable[[Stimulus], Any]:
        claims = {
            name: SimpleNamespace(edition=self.edition, options=())
            for name in (BASIC, *self.options)
        }
        target = SimpleNamespace(
            inside=party,
            media=None,
            claims=claims,
            policy={},
            target=SimpleNamespace(edition=self.edition),
        )
        bench = Bench(
            target=target,
            endpoint=None,
            evidence=_Nowhere(),
            ledger=Ledger(),
            shelf=_Shared(self.shelf),
            scratch=folder,
        )
        seen: dict[str, Any] = {}

        def drive(stimulus: Stimulus) -> Any:
            if stimulus.key not in seen:
                scratch = folder / f"{len(seen)}"
                scratch.mkdir()
                here = replace(bench, scratch=scratch)
                seen[stimulus.key] = drivers()[stimulus.kind].function(here, **stimulus.args)
            return seen[stimulus.key]

        return drive


class _Shared(Shelf):
    """Shares the planted corpus and its hunter between runs, and nothing of what a system did."""

    def __init__(self, common: Shelf) -> None:
        super().__init__()
        self._common = common

    def once(self, key: Any, learn: Callable[[], Any]) -> Any:
        """Return what is common from the common shelf, the rest from this one."""
        shared = key == "deid.corpus" or (isinstance(key, tuple) and key[0] == "deid.hunter")
        return self._common.once(key, learn) if shared else super().once(key, learn)


_COMMON = Shelf()
ARENAS = [
    DeidArena(name, edition, options, faults, _COMMON) for name, edition, options, faults in LISTED
]
