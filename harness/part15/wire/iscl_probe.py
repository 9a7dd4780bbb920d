"""Trying what is not known about ISCL on a recorded exchange with known keys: which variants verify."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from part15.wire.iscl_binding import Binding
from part15.wire.iscl_replay import Recording, Replayed, replay

ORDERS: Mapping[str, tuple[Any, ...]] = {"header.byte_order": ("big", "little")}
LENGTHS: Mapping[str, tuple[Any, ...]] = {"header.length_covers": ("body", "message")}
AUTHENTICATION: Mapping[str, tuple[Any, ...]] = {
    "keys.byte_order": ("big", "little"),
    "auth.direction": ("encrypt", "decrypt"),
}
TOKENS: Mapping[str, tuple[Any, ...]] = {
    "keys.byte_order": ("big", "little"),
    "auth.mode": ("cbc", "ecb"),
    "auth.kind": ("iso9798_2_tokens",),
    "messages.pass2.body": (["token:rest"],),
    "messages.pass3.body": (["token:rest"],),
}
PROTECTION: Mapping[str, tuple[Any, ...]] = {
    "privacy.chain": (["data", "mac"], ["data"], []),
    "privacy.padding": ("pkcs5", "x923", "zero"),
    "privacy.split": ("after", "before"),
    "integrity.mac_over": ("plaintext", "ciphertext"),
    "integrity.mac_key": ("encryption", "authentication"),
    "integrity.encrypted": (True, False),
    "integrity.des_mac_length": (8, 4),
    "session_key.derivation": ("encrypt", "identity", "decrypt"),
}
DIGEST: Mapping[str, tuple[Any, ...]] = {
    "integrity.md5_concat": ("random_message", "message_random", "random_message_random"),
    "integrity.md5_random": ("server_challenge", "client_challenge"),
    "integrity.md5_mode": ("cbc", "ecb"),
    "integrity.md5_padding": ("pkcs5", "none"),
}
MOST = 32
"""Combinations that are listed; more mean that the recording is too short to tell."""


@dataclass(frozen=True)
class Probed:
    """The variants under which the whole recording verifies, how many were tried, and the best of the others."""

    fitting: tuple[Mapping[str, Any], ...]
    tried: int
    nearest: Replayed = field(default_factory=Replayed)
    settled: Mapping[str, Any] = field(default_factory=dict)
    """What all fitting variants agree on."""


def _variants(table: Mapping[str, tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*table.values()):
        yield dict(zip(table, values, strict=True))


def probe(binding: Binding, recording: Recording) -> Probed:
    """Try every combination of the unknowns on *recording*, in stages: frames, authentication, protection.

    What a stage rules out is not tried further, so that thousands of combinations take seconds.
    """
    tried, nearest = 0, Replayed()
    fitting: list[Mapping[str, Any]] = []
    for frames in _variants({**ORDERS, **LENGTHS}):
        framed = binding.with_values("probe", frames)
        for table in (AUTHENTICATION, TOKENS):
            for proof in _variants(table):
                tried += 1
                candidate = framed.with_values("probe", proof)
                keys = recording.keys(candidate)
                found = replay(candidate, recording.steps, keys, until_ready=True)
                nearest = max(nearest, found, key=_progress)
                if not found.authenticates:
                    continue
                for one in _protected(candidate, recording):
                    tried += 1
                    nearest = max(nearest, one[1], key=_progress)
                    if one[1].fits:
                        fitting.append({**frames, **proof, **one[0]})
    settled = {
        path: fitting[0][path]
        for path in (fitting[0] if fitting else {})
        if all(f.get(path) == fitting[0][path] for f in fitting)
    }
    return Probed(tuple(fitting), tried, nearest, settled)


def _protected(
    candidate: Binding, recording: Recording
) -> Iterator[tuple[dict[str, Any], Replayed]]:
    """Yield the ways of protecting messages, those of MD5 only where they matter."""
    keys = recording.keys(candidate)
    for protection in _variants(PROTECTION):
        made = candidate.with_values("probe", protection)
        found = replay(made, recording.steps, keys)
        yield protection, found
        if found.fits or "MAC" not in found.why:
            continue
        for digest in _variants(DIGEST):
            further = made.with_values("probe", digest)
            yield {**protection, **digest}, replay(further, recording.steps, keys)


def _progress(found: Replayed) -> tuple[int, int, int]:
    return found.codes, found.responses, found.frames
