"""ISCL over real sockets: streams, the gateway, pynetdicom, DCMTK, IPv6."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from part15.channel.iscl import Iscl
from part15.channel.iscl_gateway import Gateway, IsclContext
from part15.channel.tls import Ended, dial
from part15.errors import Trouble
from part15.wire import pdu
from part15.wire.iscl import Engine
from part15.wire.iscl_binding import load_binding
from part15.wire.iscl_types import Keys, Settings

BINDING = load_binding()
KEYS = Keys({1: bytes.fromhex("0E329232EA6D0D73")}, {1: bytes.fromhex("FEDCBA9876543210")})
OTHER = Keys({1: bytes.fromhex("1122334455667788")}, {1: bytes.fromhex("FEDCBA9876543210")})


PRIVATE = Settings(privacy=True)


def engine(role: Any, settings: Settings = PRIVATE, keys: Keys = KEYS) -> Engine:
    return Engine(BINDING, role, keys, settings)


def pair(**client: Any) -> tuple[Iscl, Iscl, threading.Thread]:
    left, right = socket.socketpair()
    server, mine = Iscl(left, engine("server")), Iscl(right, engine("client", **client))

    def shake() -> None:
        try:
            server.handshake(time.monotonic() + 5)
        except Ended:
            server.close(reset=True)

    thread = threading.Thread(target=shake)
    thread.start()
    return server, mine, thread


def test_a_stream_carries_both_ways_and_ends_in_order() -> None:
    server, mine, thread = pair()
    until = time.monotonic() + 10
    mine.handshake(until)
    thread.join()
    sent = bytes(range(256)) * 8000

    def back() -> None:
        server.send(server.receive(until), until)

    echo = threading.Thread(target=back)
    got = bytearray()

    def drain() -> None:
        while len(got) < len(sent):
            got.extend(server.receive(until))

    reader = threading.Thread(target=drain)
    reader.start()
    mine.send(sent, until)
    reader.join()
    assert bytes(got) == sent
    echo.start()
    mine.send(b"once", until)
    assert mine.receive(until) == b"once"
    echo.join()
    ender = threading.Thread(target=lambda: got.__setitem__(slice(None), server.receive(until)))
    ender.start()
    mine.close()
    ender.join()
    assert bytes(got) == b""
    server.close()


def test_a_wrong_key_opens_nothing() -> None:
    server, mine, thread = pair(keys=OTHER)
    with pytest.raises(Ended) as raised:
        mine.handshake(time.monotonic() + 5)
    assert raised.value.how in ("closed", "reset", "garbage")
    thread.join()
    mine.close()
    server.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_two_gateways_in_a_row_carry_a_stream(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        inner = socket.create_server((host, 0), family=family)
    except OSError:
        pytest.skip(f"{host} is not to be had here")
    with inner:
        place = f"[{host}]" if ":" in host else host
        port = inner.getsockname()[1]
        with (
            Gateway(f"{place}:{port}", lambda: engine("server"), False, host=host) as back,
            Gateway(back.here, lambda: engine("client"), True, host=host) as front,
        ):
            near = dial(front.here, time.monotonic() + 5)
            far, _ = inner.accept()
            far.settimeout(10)
            near.settimeout(10)
            sent = b"0123456789" * 30000
            writer = threading.Thread(target=near.sendall, args=(sent,))
            writer.start()
            got = b""
            while len(got) < len(sent):
                got += far.recv(65536)
            writer.join()
            assert got == sent
            far.sendall(b"back")
            assert near.recv(100) == b"back"
            near.close()
            assert far.recv(100) == b""
            far.close()


def test_a_gateway_drops_both_sides_when_the_keys_differ() -> None:
    with socket.create_server(("127.0.0.1", 0)) as inner:
        port = inner.getsockname()[1]
        with (
            Gateway(f"127.0.0.1:{port}", lambda: engine("server", keys=OTHER), False) as back,
            Gateway(back.here, lambda: engine("client"), True) as front,
        ):
            near = dial(front.here, time.monotonic() + 5)
            near.settimeout(10)
            with near:
                near.sendall(b"secret")
                with contextlib.suppress(ConnectionResetError):
                    assert near.recv(100) == b""
            inner.settimeout(10)
            far, _ = inner.accept()
            far.settimeout(10)
            with far, contextlib.suppress(ConnectionResetError):
                assert far.recv(100) == b""
    assert any("response" in end for end in back.ends)


def test_a_gateway_listens_on_loopback_only() -> None:
    with (
        pytest.raises(Trouble, match="loopback only"),
        Gateway("127.0.0.1:1", lambda: engine("client"), True, host="0.0.0.0"),
    ):
        pass


def test_pynetdicom_runs_over_it_unmodified() -> None:
    from pynetdicom import AE, evt
    from pynetdicom.sop_class import Verification

    node = AE("ISCLSCP")
    node.add_supported_context(Verification)
    node.acse_timeout = node.network_timeout = 5
    events: list[str] = []
    server = node.start_server(
        ("127.0.0.1", 0),
        block=False,
        ssl_context=IsclContext(engine),
        evt_handlers=[
            (evt.EVT_C_ECHO, lambda _: 0),
            (evt.EVT_ABORTED, lambda _: events.append("aborted")),
        ],
    )
    try:
        port = server.socket.getsockname()[1]
        client = AE("ISCLSCU")
        client.add_requested_context(Verification)
        client.acse_timeout = client.network_timeout = client.connection_timeout = 5
        link = client.associate("127.0.0.1", port, tls_args=(IsclContext(engine), None))
        assert link.is_established
        assert link.send_c_echo().Status == 0
        link.release()
        assert link.is_released
        assert not events
        with dial(f"127.0.0.1:{port}", time.monotonic() + 5) as plain:
            plain.settimeout(5)
            plain.sendall(pdu.encode_request(pdu.verification("ISCLSCP", "PLAIN")))
            heard = b""
            with contextlib.suppress(ConnectionResetError):
                while octets := plain.recv(1000):
                    heard += octets
            assert heard[:1] not in (b"\2", b"\3")
    finally:
        server.shutdown()


def test_a_dropped_wire_aborts_both_ends_of_pynetdicom() -> None:
    from pynetdicom import AE, evt
    from pynetdicom.sop_class import Verification

    aborted = threading.Event()
    node = AE("ISCLSCP")
    node.add_supported_context(Verification)
    server = node.start_server(
        ("127.0.0.1", 0),
        block=False,
        ssl_context=IsclContext(engine),
        evt_handlers=[(evt.EVT_ABORTED, lambda _: aborted.set())],
    )
    wires: list[socket.socket] = []

    class Kept(IsclContext):
        def wrap_socket(self, sock: socket.socket, *given: Any, **more: Any) -> Any:
            wires.append(sock)
            return super().wrap_socket(sock, *given, **more)

    try:
        client = AE("ISCLSCU")
        client.add_requested_context(Verification)
        client.connection_timeout = client.acse_timeout = 5
        link = client.associate(
            "127.0.0.1", server.socket.getsockname()[1], tls_args=(Kept(engine), None)
        )
        assert link.is_established
        wires[0].shutdown(socket.SHUT_RDWR)
        assert aborted.wait(5)
        link.join(5)
        assert link.is_aborted
    finally:
        server.shutdown()


@pytest.mark.peer("dcmtk")
def test_dcmtk_moves_an_image_through_two_gateways(tmp_path: Path) -> None:
    import shutil

    from pydicom.uid import ExplicitVRLittleEndian

    if not shutil.which("storescu") or not shutil.which("storescp"):
        pytest.skip("storescu and storescp are not installed (Debian package dcmtk)")
    path = tmp_path / "image.dcm"
    write_image(path, ExplicitVRLittleEndian)
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    into = tmp_path / "received"
    into.mkdir()
    process = subprocess.Popen(
        ["storescp", "-od", str(into), "+B", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
        with (
            Gateway(f"127.0.0.1:{port}", lambda: engine("server"), False) as back,
            Gateway(back.here, lambda: engine("client"), True) as front,
        ):
            host, near = front.here.split(":")
            done = subprocess.run(
                ["storescu", host, near, str(path)], capture_output=True, timeout=60, check=False
            )
            assert done.returncode == 0, done.stderr
    finally:
        process.terminate()
        process.wait(5)
    import pydicom

    (stored,) = list(into.iterdir())
    assert pydicom.dcmread(stored).PixelData == pydicom.dcmread(path).PixelData


def write_image(path: Path, syntax: Any) -> None:
    from pydicom.dataset import Dataset, FileMetaDataset

    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "2.25.4711"
    made.StudyInstanceUID, made.SeriesInstanceUID = "2.25.4712", "2.25.4713"
    made.PatientName, made.PatientID, made.Modality = "PART15^ISCL", "PART15", "OT"
    made.Rows = made.Columns = 512
    made.BitsAllocated, made.BitsStored, made.HighBit = 8, 8, 7
    made.SamplesPerPixel, made.PixelRepresentation = 1, 0
    made.PhotometricInterpretation = "MONOCHROME2"
    made.PixelData = bytes(range(256)) * 1024
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = syntax
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.save_as(path, enforce_file_format=True)


def test_a_gateway_waits_for_no_drip() -> None:
    """The handshake as a whole has a deadline, and a far side that stops reading has one too."""
    with socket.create_server(("127.0.0.1", 0)) as inner:
        port = inner.getsockname()[1]
        with Gateway(
            f"127.0.0.1:{port}", lambda: engine("server"), protects=False, deadline=0.4
        ) as back:
            began = time.monotonic()
            with dial(back.here, began + 5) as near:
                near.settimeout(5)
                heard = near.recv(100)
                assert heard[:8] == bytes.fromhex("0000000000110001")
                near.sendall(b"\0")
                with contextlib.suppress(ConnectionResetError):
                    assert near.recv(100) == b""
            assert time.monotonic() - began < 4
    assert back.ends == ["silent"]
