"""The relay: carries TLS and plain DICOM unchanged, changes one record when told, sees no plain text."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from part15.address import split_address
from part15.channel import records
from part15.channel.relay import Relay, nth_application_record, unchanged
from part15.channel.tls import client_context
from part15.peers.reference import ReferencePeer
from part15.pki import make_pki
from part15.wire import pdu

REQUEST = pdu.encode_request(pdu.verification("PART15REF", "MARKER-IN-CLEAR"))


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReferencePeer]:
    pki = make_pki(tmp_path_factory.mktemp("relay-pki"))
    with ReferencePeer(pki, plain=True, idle=0.5) as running:
        yield running


def secure(peer: ReferencePeer, relay: Relay) -> ssl.SSLSocket:
    mine = peer.pki["client"]
    context = client_context(certificate=str(mine.certificate), key=str(mine.key), maximum="1.2")
    return context.wrap_socket(socket.create_connection(split_address(relay.here), timeout=3))


def test_tls_goes_through_and_shows_nothing(peer: ReferencePeer) -> None:
    with Relay(peer.address()) as relay:
        with secure(peer, relay) as sock:
            sock.sendall(REQUEST)
            assert sock.recv(1) == b"\x02"
        assert b"MARKER-IN-CLEAR" not in relay.taps[0].sent
        assert len(relay.taps[0].received) > 1000


def test_plain_goes_through_and_shows_everything(peer: ReferencePeer) -> None:
    with Relay(peer.address("dicom-plain")) as relay:
        with socket.create_connection(split_address(relay.here), timeout=3) as sock:
            sock.sendall(REQUEST)
            assert sock.recv(1) == b"\x02"
        assert b"MARKER-IN-CLEAR" in relay.taps[0].sent


@pytest.mark.parametrize("onward", [True, False])
def test_one_record_is_changed(peer: ReferencePeer, onward: bool) -> None:
    damage = nth_application_record(0, lambda r: [records.flipped(r, -1)])
    ways = (damage, unchanged) if onward else (unchanged, damage)
    refusal = pytest.raises(ssl.SSLError, match=r"(?i)bad.record.mac|decryption.failed")
    with Relay(peer.address(), lambda: ways) as relay, secure(peer, relay) as sock, refusal:
        sock.sendall(REQUEST)
        assert sock.recv(65536)


@pytest.mark.parametrize("name", list(records.DAMAGES))
def test_each_damage_changes_the_stream_and_only_once(name: str) -> None:
    whole = [b"\x17\x03\x03\x00\x08" + bytes([n]) * 8 for n in range(5)]
    changed = b"".join(records.DAMAGES[name](whole))
    assert changed != b"".join(whole)
    assert changed.startswith(whole[0])
    assert changed.endswith(whole[3] + whole[4])


def test_records_are_cut_and_bounded() -> None:
    stream = b"\x17\x03\x03\x00\x02ab\x15\x03\x03\x00\x01c\x17\x03"
    assert records.cut(stream) == (
        [b"\x17\x03\x03\x00\x02ab", b"\x15\x03\x03\x00\x01c"],
        b"\x17\x03",
    )
    with pytest.raises(ValueError, match="a record of 65535 octets"):
        records.cut(b"\x17\x03\x03\xff\xff")


def test_a_dead_server_ends_the_client(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    with (
        Relay(f"127.0.0.1:{port}", deadline=0.5) as relay,
        socket.create_connection(split_address(relay.here), timeout=3) as sock,
    ):
        assert sock.recv(1) == b""
