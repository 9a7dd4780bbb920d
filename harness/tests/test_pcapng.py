"""Captures: the blocks are right, tshark reads them, and its decryption shows DICOM."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from part15.evidence import Store
from part15.model import Stimulus
from part15.observations.session import AssociationSeen
from part15.peers.embedded import embedded_target
from part15.session import Session
from part15.target_file import load_target
from part15.wire import pcapng
from part15.wire.pcapng import Conversation, Piece

HEX = set("0123456789abcdef")
HERE, THERE = ("192.0.2.1", 40000), ("192.0.2.2", 2762)


def blocks(octets: bytes) -> list[tuple[int, bytes]]:
    found, at = [], 0
    while at < len(octets):
        kind, size = struct.unpack_from("<II", octets, at)
        assert size % 4 == 0
        assert struct.unpack_from("<I", octets, at + size - 4) == (size,)
        found.append((kind, octets[at + 8 : at + size - 4]))
        at += size
    return found


def packets(octets: bytes) -> list[bytes]:
    sizes = [
        (b, struct.unpack_from("<IIIII", b)[3]) for k, b in blocks(octets) if k == pcapng.PACKET
    ]
    return [body[20 : 20 + size] for body, size in sizes]


def conversation(*pieces: Piece, **more: object) -> Conversation:
    return Conversation(HERE, THERE, 10.0, pieces, **more)  # type: ignore[arg-type]


def test_a_conversation_begins_with_a_handshake_and_its_numbers_fit() -> None:
    octets = pcapng.encode([conversation(Piece(10.5, True, b"hello"), Piece(11.0, False, b"ok"))])
    heads = [struct.unpack_from(">HHIIBB", p, 20) for p in packets(octets)]
    assert [h[5] for h in heads] == [2, 18, 16, 24, 24]
    assert [(h[2], h[3]) for h in heads] == [(0, 0), (0, 1), (1, 1), (1, 1), (1, 6)]
    assert packets(octets)[3][40:] == b"hello"
    assert packets(octets)[4][40:] == b"ok"
    assert heads[4][:2] == (2762, 40000)


@pytest.mark.parametrize("place", [("192.0.2.2", 2762), ("2001:db8::2", 2762), ("fe80::1%lo", 1)])
def test_checksums_hold(place: tuple[str, int]) -> None:
    talk = Conversation(HERE if "." in place[0] else place, place, 0.0, [Piece(1.0, True, b"abc")])
    for packet in packets(pcapng.encode([talk])):
        if packet[0] >> 4 == 4:
            assert total(packet[:20]) == 0xFFFF
            assert (
                total(packet[12:20] + struct.pack(">II", len(packet) - 20, 6) + packet[20:])
                == 0xFFFF
            )
        else:
            assert (
                total(packet[8:40] + struct.pack(">II", len(packet) - 40, 6) + packet[40:])
                == 0xFFFF
            )


def total(octets: bytes) -> int:
    padded = octets + b"\0" * (len(octets) % 2)
    found = sum(struct.unpack(f">{len(padded) // 2}H", padded))
    while found >> 16:
        found = (found & 0xFFFF) + (found >> 16)
    return found


def test_packets_of_all_conversations_are_in_order_of_time() -> None:
    talks = [conversation(Piece(12.0, True, b"late")), conversation(Piece(11.0, True, b"soon"))]
    assert [p[40:] for p in packets(pcapng.encode(talks)) if len(p) > 40] == [b"soon", b"late"]


def test_long_octets_become_segments_and_nothing_is_lost() -> None:
    data = bytes(range(256)) * 400
    found = packets(pcapng.encode([conversation(Piece(11.0, True, data))]))
    assert b"".join(p[40:] for p in found) == data
    assert max(len(p) for p in found) < 65_536


def test_keys_stand_before_what_they_open_and_only_if_there_are_some() -> None:
    kinds = [k for k, _ in blocks(pcapng.encode([conversation()], keys=b"CLIENT_RANDOM 00 11\n"))]
    assert kinds == [pcapng.SECTION, pcapng.INTERFACE, pcapng.SECRETS] + [pcapng.PACKET] * 3
    assert pcapng.SECRETS not in [k for k, _ in blocks(pcapng.encode([conversation()]))]


def test_datagrams_are_udp() -> None:
    (found,) = packets(pcapng.encode([conversation(Piece(1.0, True, b"<14>1"), udp=True)]))
    assert found[9] == 17
    assert found[28:] == b"<14>1"


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("capture")
    with embedded_target(folder / "peer") as path:
        target = load_target(path)
        stimulus = Stimulus("session.associate", {}, next(iter(target.endpoints)))
        seen = Session(target, Store(folder / "evidence")).observe(stimulus)
        assert isinstance(seen, AssociationSeen)
        assert seen.accepted
        yield folder / "evidence" / stimulus.key / "capture.pcapng"


def test_an_association_is_captured_with_its_keys(capture: Path) -> None:
    found = blocks(capture.read_bytes())
    (secrets,) = [body for kind, body in found if kind == pcapng.SECRETS]
    assert b"CLIENT_TRAFFIC_SECRET_0 " in secrets
    told = (capture.parent / "transcript.txt").read_text()
    assert "ClientHello" in told
    assert ".> A-ASSOCIATE-RQ" in told
    assert ".< A-RELEASE-RP" in told


@pytest.mark.peer(name="tshark")
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_shows_decrypted_dicom(capture: Path) -> None:
    def tshark(*options: str) -> str:
        done = subprocess.run(
            ["tshark", "-r", str(capture), *options], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    checks = ("-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE")
    wrong = "tcp.checksum.status == 0 || ip.checksum.status == 0 || tcp.analysis.flags"
    assert tshark(*checks, "-Y", wrong) == ""
    rows = tshark("-q", "-z", "follow,tls,raw,0").splitlines()
    hexed = [row.strip() for row in rows if row.strip() and set(row.strip()) <= HEX]
    octets = [bytes.fromhex(row) for row in hexed]
    assert [o[0] for o in octets][:2] == [1, 2]
    assert b"1.2.840.10008.1.1" in octets[0]
