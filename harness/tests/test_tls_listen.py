"""Our listener and a SUT client: what it opens with is recorded, it is turned away, and every wait ends."""

from __future__ import annotations

import dataclasses
import sys
import time
import types
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from part15.bench import Bench, Ledger, Shelf
from part15.drivers import tls_listen
from part15.errors import Trouble
from part15.observations import NotReached, from_json, to_json
from part15.observations.tls import ClientSeen
from part15.target import Listener
from part15.wire import tls_hello
from part15.wire import tls_names as names
from part15.wire.tls_opening import Opening

ENTROPY = bytes(range(96))

CLIENT = """
import socket, sys
host, port, times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
octets = [bytes.fromhex(text) for text in sys.argv[4:]]
for number in range(times):
    with socket.create_connection((host, port), 5) as s:
        s.sendall(octets[min(number, len(octets) - 1)])
        try:
            while s.recv(100):
                pass
        except OSError:
            pass
"""


class Sink:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def keep(self, name: str, data: bytes, *, phi: str = "none") -> None:
        self.kept[name] = data


def hello(*versions: str, **changes: Any) -> bytes:
    offer = tls_hello.Offer(versions or ("1.2",), names.suite_codes("table:tls-modern"), **changes)
    return tls_hello.encode_offer(offer, ENTROPY)


def bench(tmp_path: Path, *octets: bytes, times: int = 1, **listener: Any) -> Bench:
    trigger: tuple[str, ...] = (
        sys.executable,
        "-I",
        "-c",
        CLIENT,
        "{host}",
        "{port}",
        str(times),
        *(o.hex() for o in octets),
    )
    point = Listener(id="in", trigger=trigger, **{"wait": 5.0, **listener})
    return Bench(
        target=types.SimpleNamespace(folder=tmp_path),
        endpoint=point,
        evidence=Sink(),
        ledger=Ledger(),
        shelf=Shelf(),
        scratch=tmp_path,
        deadline=0.5,
    )


def without_trigger(tmp_path: Path) -> Bench:
    return dataclasses.replace(bench(tmp_path, hello()), endpoint=Listener(id="in"))


def recorded(b: Bench, **arguments: Any) -> ClientSeen:
    seen = tls_listen.turn_away(b, **arguments)
    assert isinstance(seen, ClientSeen), seen
    assert from_json(to_json(seen)) == seen
    return seen


def test_a_hello_is_recorded_whole(tmp_path: Path) -> None:
    octets = hello("1.3", "1.2", server_name="pacs.example", alpn=("dicom",), grease=True)
    seen = recorded(bench(tmp_path, octets))
    first = seen.first
    assert (first.outcome, first.versions, first.listed) == ("hello", ("1.3", "1.2"), True)
    assert (first.server_name, first.alpn, first.compression) == ("pacs.example", ("dicom",), (0,))
    assert (first.client_version, first.record_version) == (0x0303, 0x0301)
    assert not any(names.is_grease(code) for code in first.suites + first.groups + first.extensions)
    assert 23 in first.groups
    assert seen.port > 0


def test_retries_are_recorded_and_a_way_is_used_once(tmp_path: Path) -> None:
    b = bench(tmp_path, hello("1.3", "1.2"), hello("1.0"), b"\x01\x00\x00\x00\x00\x04abcd", times=3)
    seen = recorded(b, ways=["reset"])
    (attempt,) = seen.attempts
    assert [h.outcome for h in attempt.hellos] == ["hello", "hello", "plain"]
    assert attempt.hellos[1].versions == ("1.0",)
    port = recorded(b, ways=["reset"]).port
    assert port == seen.port, "the same attempt is shared"


@pytest.mark.parametrize(
    ("octets", "outcome"),
    [
        (b"\x01\x00\x00\x00\x00\x04abcd", "plain"),
        (b"\x80\x2e\x01\x00\x02", "sslv2"),
        (b"GET / HTTP/1.1\r\n\r\n", "garbage"),
        (hello()[:40], "drip"),
        (b"\x17\x03\x03\x00\x01x", "malformed"),
        (b"\x16\x03\x01\xff\xff", "oversize"),
    ],
)
def test_other_openings_are_told_apart(tmp_path: Path, octets: bytes, outcome: str) -> None:
    assert recorded(bench(tmp_path, octets)).first.outcome == outcome


def test_a_client_that_never_comes_is_not_waited_for_long(tmp_path: Path) -> None:
    started = time.monotonic()
    seen = tls_listen.turn_away(bench(tmp_path, hello(), times=0))
    assert isinstance(seen, NotReached)
    assert "did not connect" in seen.why
    assert time.monotonic() - started < 5


def test_no_trigger_and_no_port_are_trouble(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="no trigger"):
        tls_listen.turn_away(without_trigger(tmp_path))
    with pytest.raises(Trouble, match="is no way"):
        tls_listen.turn_away(bench(tmp_path, hello()), ways=["politely"])
    with pytest.raises(Trouble, match="use another port"):
        tls_listen.turn_away(bench(tmp_path, hello(), host="192.0.2.1"))


@given(
    st.lists(st.binary(min_size=1, max_size=60), max_size=10),
    st.sampled_from(["close", "reset", "timeout"]),
)
def test_an_opening_never_raises(chunks: list[bytes], ending: str) -> None:
    opening = Opening()
    for chunk in chunks:
        if opening.feed(chunk):
            break
    assert opening.seen(ending).outcome
