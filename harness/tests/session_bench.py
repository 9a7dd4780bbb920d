"""A bench on the embedded peer, for tests of drivers."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from part15.bench import Bench, Ledger, Shelf
from part15.peers.reference import ReferencePeer
from part15.target_file import parse_target


class Nowhere:
    """Keeps no evidence."""

    def keep(self, name: str, data: bytes, *, phi: str = "none") -> None:
        """Drop it."""


def bench_on(peer: ReferencePeer, scratch: Path, endpoint: str = "", **changes: Any) -> Bench:
    """Return a bench for *endpoint* (default: the first) of *peer*; *changes* are fields of the endpoint."""
    target = parse_target(peer.document())
    name = endpoint or next(iter(target.endpoints))
    if changes:
        changed = target.endpoints[name].model_copy(update=changes)
        target = target.with_endpoints({**target.endpoints, name: changed})
    return Bench(target, target.endpoints[name], Nowhere(), Ledger(), Shelf(), scratch, 2.0, "test")


def patient(bench: Bench, seconds: float) -> Bench:
    """Return *bench* with another deadline."""
    return dataclasses.replace(bench, deadline=seconds)
