"""Hostile and large objects: one clear answer each, in bounded time and memory."""

from __future__ import annotations

import dataclasses
import random
import runpy
import struct
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from part15.model import Word
from part15.observations.signatures import SignedObjectSeen
from part15.peers.signing_orders import right_files, right_order
from part15.peers.signing_party import signing_party
from part15.peers.signing_samples import (
    CT,
    compressed,
    identity,
    plain,
)
from part15.wire import part10
from part15.wire.signed_object import read_object
from part15.wire.signing import sign
from part15.wire.tree import Node, file_of

bench = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("signature_bench.py"))))
QUIET = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
PARTY = signing_party()
SIGNED = {
    "plain": sign(plain(), right_order(PARTY)),
    "compressed": sign(compressed(), right_order(PARTY)),
}
IDENTITY = identity(CT, 1)


def seen_of(data: bytes, name: str = "object") -> SignedObjectSeen:
    return read_object(data, name, PARTY.trust)


def hostile() -> dict[str, bytes]:
    signed = SIGNED["plain"]
    start = part10.parse(signed).start
    deep = struct.pack("<HH2sHI", 0x40, 0xA730, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    huge = struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, 0xFFFFFFF0)
    at = signed.rindex(struct.pack("<HH", 0x0400, 0x0115))

    def certificate(octets: bytes) -> bytes:
        return sign(
            plain(), right_order(PARTY, signer=dataclasses.replace(PARTY.right, certificate=octets))
        )

    return {
        "truncated": signed[: start + 300],
        "cut in the signature": signed[: at + 40],
        "deep": signed[:start] + deep * 10_000,
        "gigabyte": signed[:start] + huge,
        "meta lies": signed[:140] + b"\xff" * 8 + signed[148:],
        "empty": b"",
        "certificate is text": certificate(b"-----BEGIN CERTIFICATE-----"),
        "certificate lies": certificate(b"\x30\x84\xff\xff\xff\xff" + bytes(100)),
        "certificate is huge": certificate(b"\x30\x84\x00\x98\x96\x80" + bytes(10_000_000)),
        "certificate nests": certificate(b"\x30\x80" * 5_000),
        "token is noise": sign(
            plain(), right_order(PARTY, token=lambda _: b"\x30\x82\x01\x00" + b"\xa5" * 256)
        ),
        "token nests": sign(plain(), right_order(PARTY, token=lambda _: b"\x30\x80" * 5_000)),
    }


@pytest.mark.parametrize("name", sorted(hostile()))
def test_hostile_files_give_one_clear_answer(name: str) -> None:
    began = time.process_time()
    seen = seen_of(hostile()[name], name)
    assert time.process_time() - began < 5
    if seen.trouble:
        assert len(seen.trouble) < 300
        assert not seen.signatures
    else:
        (signature,) = seen.signatures
        told = [signature.crypto.why, signature.timestamp.why if signature.timestamp else ""]
        assert any(0 < len(text) < 300 for text in told)


@QUIET
@given(st.integers(0, 2**32))
def test_damaged_files_never_break_the_reader(seed: int) -> None:
    choice = random.Random(seed)
    data = bytearray(SIGNED[choice.choice(["plain", "compressed"])])
    for _ in range(choice.randint(1, 12)):
        data[choice.randrange(132, len(data))] = choice.randrange(256)
    if choice.random() < 0.3:
        del data[choice.randrange(132, len(data)) :]
    seen = seen_of(bytes(data))
    for word, answer in bench.judged(seen, "creator").values():
        assert word is not Word.ERROR
        assert answer.message


def test_hundreds_of_signatures_are_hashed_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    from part15.wire import signature_crypto

    monkeypatch.setattr(signature_crypto, "MOST_TIMES", 0)
    monkeypatch.setattr(signature_crypto, "MOST_HASHED", 500)
    (*_, last) = seen_of(right_files(PARTY)["two-signers.dcm"]).signatures
    assert last.crypto.integrity == "undecidable"
    assert "octets to be hashed" in last.crypto.why


def test_too_many_signatures_are_bounded() -> None:
    empty = Node(0xFFFAFFFA, "SQ", items=[])
    items = [[Node(0x00080100, "SH", b"1 "), empty] for _ in range(2_000)]
    data = file_of([*IDENTITY[:2], Node(0x0040A730, "SQ", items=items)])
    seen = seen_of(data)
    assert "2000 sequences" in seen.trouble
    assert len(seen.levels) == 400
