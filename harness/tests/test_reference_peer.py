"""The embedded peer: right by default, wrong in one thing per fault, and never blocked by a client."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from part15.address import split_address
from part15.channel.tls import client_context
from part15.peers.faults import faults
from part15.peers.reference import ReferencePeer
from part15.pki import Pki, make_pki
from part15.wire import dimse, pdu


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("peer-pki"))


@pytest.fixture(scope="module")
def right(pki: Pki) -> Iterator[ReferencePeer]:
    with ReferencePeer(pki, plain=True, hosts=("127.0.0.1", "::1"), idle=0.5, artim=0.5) as peer:
        yield peer


def connect(peer: ReferencePeer, name: str = "", host: str = "") -> socket.socket:
    return socket.create_connection(split_address(peer.address(name, host)), timeout=3)


def secure(
    peer: ReferencePeer, identity: str = "client", host: str = "", **options: str
) -> ssl.SSLSocket:
    chosen = peer.pki[identity] if identity else None
    files = {"certificate": str(chosen.certificate), "key": str(chosen.key)} if chosen else {}
    context = client_context(**files, **options)
    return context.wrap_socket(connect(peer, host=host), suppress_ragged_eofs=False)


def echo(sock: socket.socket, called: str = "PART15REF") -> list[tuple[int, bytes]]:
    sock.sendall(pdu.encode_request(pdu.verification(called, "TEST")))
    cutter = pdu.Cutter()
    answers = read_some(sock, cutter)
    if answers[0][0] == pdu.ASSOCIATE_AC:
        sock.sendall(b"".join(pdu.fragments(1, dimse.echo_request(), b"")))
        answers += read_some(sock, cutter)
        sock.sendall(pdu.encode_release())
        answers += read_some(sock, cutter)
    return answers


def read_some(sock: socket.socket, cutter: pdu.Cutter) -> list[tuple[int, bytes]]:
    while True:
        octets = sock.recv(65536)
        if not octets:
            return [(0, b"")]
        found = list(cutter.feed(octets))
        if found:
            return found


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("maximum", ["1.2", "1.3"])
def test_the_right_peer_echoes_inside_tls(right: ReferencePeer, host: str, maximum: str) -> None:
    with secure(right, host=host, maximum=maximum) as sock:
        assert sock.version() == f"TLSv{maximum}"
        assert [kind for kind, _ in echo(sock)] == [pdu.ASSOCIATE_AC, pdu.DATA_TF, pdu.RELEASE_RP]


def test_the_plain_port_echoes_too(right: ReferencePeer) -> None:
    with connect(right, "dicom-plain") as sock:
        assert [kind for kind, _ in echo(sock)] == [pdu.ASSOCIATE_AC, pdu.DATA_TF, pdu.RELEASE_RP]


@pytest.mark.parametrize(
    "identity",
    [
        "",
        "expired",
        "future",
        "untrusted",
        "impostor",
        "self-signed",
        "server-only",
        "revoked",
        "rsa-1024",
        "sha1",
        "md5",
        "not-a-ca",
    ],
)
@pytest.mark.parametrize("maximum", ["1.2", "1.3"])
def test_the_right_peer_refuses_wrong_identities(
    right: ReferencePeer, identity: str, maximum: str
) -> None:
    with (
        pytest.raises(ssl.SSLError, match=r"ALERT|alert"),
        secure(right, identity, maximum=maximum) as sock,
    ):
        echo(sock)


@pytest.mark.parametrize("identity", ["client-ec", "intermediate", "client-2"])
def test_the_right_peer_takes_right_identities(right: ReferencePeer, identity: str) -> None:
    with secure(right, identity) as sock:
        assert echo(sock)[0][0] == pdu.ASSOCIATE_AC


def test_both_certificates_are_served(right: ReferencePeer) -> None:
    for suite, size in (
        ("ECDHE-RSA-AES128-GCM-SHA256", 800),
        ("ECDHE-ECDSA-AES128-GCM-SHA256", 100),
    ):
        with secure(right, maximum="1.2", ciphers=suite) as sock:
            assert sock.cipher()[0] == suite  # type: ignore[index]
            assert len(sock.getpeercert(binary_form=True) or b"") > size


def test_two_ports_have_one_certificate_each(pki: Pki) -> None:
    with ReferencePeer(pki, split=True, idle=0.3) as peer:
        assert list(peer.ports) == ["dicom-tls-rsa", "dicom-tls-ec"]
        context = client_context(
            certificate=str(pki["client"].certificate),
            key=str(pki["client"].key),
            maximum="1.2",
            ciphers="ECDHE-RSA-AES128-GCM-SHA256",
        )
        with connect(peer, "dicom-tls-ec") as sock, pytest.raises(ssl.SSLError, match="ALERT"):
            context.wrap_socket(sock)


def test_plain_dicom_and_http_get_nothing_on_the_tls_port(right: ReferencePeer) -> None:
    for octets in (
        pdu.encode_request(pdu.verification("PART15REF", "X")),
        b"GET / HTTP/1.1\r\n\r\n",
    ):
        with connect(right) as sock:
            sock.sendall(octets)
            assert sock.recv(100) == b""


def test_a_client_hello_on_the_plain_port_is_aborted(right: ReferencePeer) -> None:
    with connect(right, "dicom-plain") as sock:
        sock.sendall(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00")
        assert sock.recv(100) == pdu.encode_abort(2, 1)


def test_a_silent_client_blocks_nobody_and_is_closed(right: ReferencePeer) -> None:
    began = time.monotonic()
    with connect(right) as silent, connect(right, "dicom-plain") as quiet:
        with secure(right) as sock:
            assert echo(sock)[0][0] == pdu.ASSOCIATE_AC
        assert silent.recv(1) == b""
        assert quiet.recv(1) == b""
    assert 0.4 < time.monotonic() - began < 3


def test_old_versions_get_the_alert(right: ReferencePeer) -> None:
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        secure(right, maximum="1.1")


def test_unknown_protocols_and_names_get_their_alerts(right: ReferencePeer) -> None:
    context = client_context(alpn=["h2"])
    with pytest.raises(ssl.SSLError, match=r"(?i)no.application.protocol"):
        context.wrap_socket(connect(right))
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        client_context().wrap_socket(connect(right), server_hostname="unknown.invalid")


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (pdu.encode_request(pdu.verification("NOBODY", "X")), pdu.encode_reject(1, 1, 7)),
        (pdu.encode_release(), pdu.encode_abort(2, 2)),
        (pdu.frame(0x77, b""), pdu.encode_abort(2, 1)),
        (pdu.frame(1, b"short"), pdu.encode_abort(2, 6)),
    ],
)
def test_refusals_have_defined_values(right: ReferencePeer, request_: bytes, answer: bytes) -> None:
    with secure(right) as sock:
        sock.sendall(request_)
        assert sock.recv(100) == answer


def test_objects_are_stored_with_real_software(right: ReferencePeer) -> None:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pynetdicom import AE

    ds = Dataset()
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    ds.SOPInstanceUID = "2.25.42"
    ds.PatientID = "X" * 50
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = pdu.EXPLICIT_LE
    ae = AE()
    ae.add_requested_context(ds.SOPClassUID, pdu.EXPLICIT_LE)
    host, port = split_address(right.address("dicom-plain"))
    association = ae.associate(host, port, ae_title="PART15REF")
    assert association.is_established
    assert association.send_c_store(ds).Status == 0
    association.release()
    assert b"X" * 50 in right.store.objects["2.25.42"]


@pytest.mark.parametrize("name", list(faults()))
def test_every_fault_lets_a_right_client_connect_or_says_why_not(pki: Pki, name: str) -> None:
    with ReferencePeer(pki, [name], idle=0.3, artim=0.3) as peer:
        try:
            with secure(peer, **({"maximum": "1.2"} if name == "no_tls13" else {})) as sock:
                kinds = [kind for kind, _ in echo(sock)]
        except (OSError, ssl.SSLError):
            assert name in ("hangs_in_handshake", "needs_a_server_name")
        else:
            assert kinds == [pdu.ASSOCIATE_AC, pdu.DATA_TF, pdu.RELEASE_RP]


@pytest.mark.parametrize(
    ("fault", "identity"),
    [
        ("ignores_client_certificate", ""),
        ("needs_no_client_certificate", ""),
        ("accepts_expired_client_certificate", "expired"),
        ("accepts_unknown_ca", "untrusted"),
        ("accepts_self_signed", "self-signed"),
        ("ignores_revocation", "revoked"),
        ("accepts_weak_client_certificate", "rsa-1024"),
        ("accepts_weak_client_certificate", "sha1"),
    ],
)
@pytest.mark.parametrize("maximum", ["1.2", "1.3"])
def test_faults_of_authentication_let_the_wrong_one_in(
    pki: Pki, fault: str, identity: str, maximum: str
) -> None:
    with (
        ReferencePeer(pki, [fault], idle=0.3) as peer,
        secure(peer, identity, maximum=maximum) as sock,
    ):
        assert echo(sock)[0][0] == pdu.ASSOCIATE_AC


def test_the_target_describes_the_peer(right: ReferencePeer) -> None:
    from part15.target_file import parse_target

    target = parse_target(right.document())
    assert target.endpoints["dicom-tls"].port == right.ports["dicom-tls"]
    assert target.endpoints["dicom-plain"].transport == "plain"
    assert {c.profile for c in target.claimed()} == {"tls-bcp195-rfc8996"}


def test_flips_name_real_clauses() -> None:
    text = "".join(
        path.read_text()
        for path in (Path(__file__).parents[2] / "profiles" / "secure_transport").glob("*.yaml")
    )
    text += "".join(
        path.read_text() for path in (Path(__file__).parents[2] / "profiles").glob("*/*.yaml")
    )
    unknown = {c for fault in faults().values() for c in fault.flips if f"id: {c}\n" not in text}
    assert unknown == set()
