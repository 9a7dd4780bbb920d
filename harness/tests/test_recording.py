"""What is kept of the wire: bounds that are said, names for people, and no credentials."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from part15.channel import recording
from part15.channel.recording import Recorder, Wire
from part15.errors import Trouble
from part15.evidence import Store
from part15.model import Stimulus
from part15.peers.reference import ReferencePeer
from part15.pki import make_pki
from part15.session import Session
from part15.target_file import parse_target
from part15.wire import pdu
from part15.wire import user_identity as ui
from part15.wire.masking import masked_stream
from part15.wire.stream_names import Namer

SECRET = b"correct horse battery"
REQUEST = ui.with_items(
    pdu.encode_request(pdu.verification("A", "B")), ui.encode(ui.UserIdentity(2, b"bob", SECRET))
)
PLAIN = pdu.encode_request(pdu.verification("A", "B"))
KEYS = "CLIENT_RANDOM 00 11\n"


@pytest.fixture
def pair() -> Iterator[socket.socket]:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as ours,
        server.accept()[0],
    ):
        yield ours


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    (tmp_path / "keys").write_text("# generated\n" + KEYS + "CLIENT_RANDOM unfin")
    return Recorder(keys=tmp_path / "keys")


def test_both_directions_and_the_keys_are_written(recorder: Recorder, pair: socket.socket) -> None:
    wire = recorder.connected(pair)
    wire.note(PLAIN, out=True)
    wire.note(b"\7\0\0\0\0\4\0\0\2\0", out=False)
    capture, text = recorder.written("session.associate-1")
    assert PLAIN in capture
    assert KEYS.encode() in capture
    assert b"unfin" not in capture
    assert b"# generated" not in capture
    assert f"-> 127.0.0.1:{pair.getpeername()[1]} (we connected)" in text.decode()
    assert "> " in text.decode()
    assert "A-ASSOCIATE-RQ" in text.decode()
    assert "A-ABORT (10)" in text.decode()


@pytest.mark.parametrize("known", [True, False])
def test_credentials_are_never_written(
    recorder: Recorder, pair: socket.socket, known: bool
) -> None:
    """Whether the driver is known to show them, or they are only found in what passes."""
    recorder.private = known
    wire = recorder.connected(pair)
    for start in range(0, len(REQUEST), 7):
        wire.note(REQUEST[start : start + 7], out=True)
    capture, text = recorder.written("identity.show-1")
    assert recorder.private
    assert b"".join(p.octets for p in wire.pieces) == REQUEST
    for piece in (SECRET, b"correct", b"bob", KEYS.encode()):
        assert piece not in capture
        assert piece not in text
    assert b"filler stands for credentials" in capture
    assert len(masked_stream(REQUEST)) == len(REQUEST)
    assert masked_stream(REQUEST).count(b"*") >= len(SECRET) + 3


def test_a_user_shown_under_tls_costs_the_keys(recorder: Recorder, pair: socket.socket) -> None:
    wire = recorder.connected(pair, opened=False)
    wire.note(b"\x17\3\3\0\5abcde", out=False)
    wire.decrypted(REQUEST[:90], out=False)
    wire.decrypted(REQUEST[90:], out=False)
    capture, _ = recorder.written("identity.receive-1")
    assert KEYS.encode() not in capture
    assert b"abcde" not in capture
    assert b"\x17\3\3\0\5*****" in capture


def test_an_association_without_a_user_keeps_the_keys(
    recorder: Recorder, pair: socket.socket
) -> None:
    recorder.connected(pair).decrypted(PLAIN, out=True)
    assert KEYS.encode() in recorder.written("session.associate-1")[0]


def test_bounds_hold_and_are_said(recorder: Recorder, pair: socket.socket) -> None:
    wires = [recorder.connected(pair) for _ in range(20)]
    for wire in wires:
        for _ in range(5):
            wire.note(bytes(100_000), out=False)
    assert max(w.kept for w in wires) == recording.CONNECTION_LIMIT
    assert sum(w.kept for w in wires) == recording.STIMULUS_LIMIT
    capture, text = recorder.written("tls.offer-1")
    cut = 20 * 500_000 - recording.STIMULUS_LIMIT
    assert len(capture) < recording.STIMULUS_LIMIT + 100_000
    assert f"cut: {cut} octets that passed are not in this file".encode() in capture
    assert str(500_000 - recording.CONNECTION_LIMIT).encode() in text


def test_what_follows_a_gap_is_not_kept(recorder: Recorder, pair: socket.socket) -> None:
    wire = recorder.connected(pair)
    wire.note(bytes(recording.CONNECTION_LIMIT - 10), out=True)
    wire.note(b"a" * 20, out=True)
    wire.note(b"b", out=True)
    assert wire.pieces[-1].octets == b"a" * 10
    assert wire.cut == 11


def test_many_small_pieces_are_bounded(recorder: Recorder, pair: socket.socket) -> None:
    wire = recorder.connected(pair)
    for _ in range(recording.PIECES + 5):
        wire.note(b"x", out=True)
    assert len(wire.pieces) == recording.PIECES
    assert wire.cut == 5
    assert recorder.written("s")[1].count(b"\n") < recording.LINES + 20


def names(octets: bytes, step: int) -> list[str]:
    namer = Namer()
    return [n for at in range(0, len(octets), step) for n in namer.feed(octets[at : at + step])]


@pytest.mark.parametrize("step", [1, 3, 6, 7, 4096])
def test_names_do_not_depend_on_how_octets_come(step: int) -> None:
    data = b"\4\0" + struct.pack(">I", 10) + bytes(10)
    assert names(PLAIN + data, step) == [f"A-ASSOCIATE-RQ ({len(PLAIN)})", "P-DATA-TF (16)"]
    records = b"\x16\3\1\0\4\1\0\0\0" + b"\x17\3\3\0\0" + b"\x14\3\3\0\1\1" + b"\x15\3\3\0\2\2\x28"
    assert names(records, step) == [
        "ClientHello (4)",
        "application_data (0)",
        "change_cipher_spec (1)",
        "alert (2)",
    ]


@given(st.binary(max_size=300), st.integers(1, 9))
def test_hostile_streams_neither_break_nor_change_size(octets: bytes, step: int) -> None:
    for head in (b"", b"\1\0", b"\x16\3\1", PLAIN[:80]):
        stream = head + octets
        assert len(masked_stream(stream)) == len(stream)
        names(stream, step)
        recorder = Recorder()
        wire = Wire(recorder, ("127.0.0.1", 1), ("127.0.0.1", 2), 0.0)
        recorder.wires.append(wire)
        wire.note(stream, out=True)
        wire.decrypted(stream, out=False)
        recorder.written("s")


def test_an_unknown_protocol_is_masked_whole() -> None:
    assert masked_stream(b"GET / HTTP/1.1") == b"*" * 14


@pytest.mark.parametrize("shrink", range(-30, 40))
def test_wrong_lengths_spill_no_secret(shrink: int) -> None:
    """A length that is too small makes the rest of a credential look like other sub-items."""
    raw = bytearray(ui.encode(ui.UserIdentity(2, b"bob", SECRET)))
    raw[2:4] = max(0, int.from_bytes(raw[2:4], "big") + shrink).to_bytes(2, "big")
    stream = ui.with_items(PLAIN, bytes(raw))
    found = masked_stream(stream)
    assert len(found) == len(stream)
    for at in range(len(SECRET) - 3):
        assert SECRET[at : at + 4] not in found


@pytest.mark.parametrize("transport", ["plain", "tls"])
def test_no_stimulus_that_shows_users_leaves_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, transport: str
) -> None:
    monkeypatch.setenv("PART15_TEST_PASSCODE", SECRET.decode())
    with ReferencePeer(make_pki(tmp_path / "pki"), plain=True, idle=0.5, artim=0.5) as peer:
        document = peer.document()
        user = {"type": 2, "name": "bob.the.user", "passcode": "env:PART15_TEST_PASSCODE"}
        document = {**document, "users": {"bob": user}}
        document["claims"] = {"user-identity-passcode": ["association-acceptor"]}
        for point in document["endpoints"].values():
            point.pop("profiles", None)
        target = parse_target(document)
        (name,) = [n for n, e in target.endpoints.items() if e.transport == transport][:1]
        session = Session(target, Store(tmp_path / "evidence"))
        for kind in ("show_users", "show_wrong", "show_variants", "show_unsupported"):
            assert not isinstance(session.observe(Stimulus(f"identity.{kind}", {}, name)), Trouble)
    files = [p for p in (tmp_path / "evidence").rglob("*") if p.is_file()]
    captures = [p.read_bytes() for p in files if p.name == "capture.pcapng"]
    assert len(captures) == 4
    for octets in (p.read_bytes() for p in files):
        assert SECRET[:8] not in octets
        assert b"CLIENT_TRAFFIC_SECRET_0 " not in octets
    assert sum(len(c) for c in captures) > 4000
    assert all(b"filler stands for credentials" in c for c in captures)
