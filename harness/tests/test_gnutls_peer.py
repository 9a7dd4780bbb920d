"""The embedded peer behind GnuTLS: what OpenSSL cannot serve, and who is let in."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import pytest

from part15.address import split_address
from part15.channel.tls import client_context
from part15.peers import gnutls_child as gnutls
from part15.peers.policy import Policy
from part15.peers.reference import ReferencePeer
from part15.pki import Pki, make_pki
from part15.wire import pdu

pytestmark = pytest.mark.skipif(not gnutls.available(), reason="GnuTLS is not installed")


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("gnutls-pki"))


@pytest.fixture(scope="module")
def modified(pki: Pki) -> Iterator[ReferencePeer]:
    with ReferencePeer(pki, policy=gnutls.MODIFIED, hosts=("127.0.0.1", "::1"), idle=0.5) as peer:
        yield peer


def associated(
    peer: ReferencePeer, name: str, maximum: str, ciphers: str = "", host: str = ""
) -> bytes:
    mine = peer.pki[name] if name else None
    files = {"certificate": str(mine.certificate), "key": str(mine.key)} if mine else {}
    context = client_context(**files, maximum=maximum, ciphers=ciphers)
    sock = socket.create_connection(split_address(peer.address(host=host)), timeout=3)
    with context.wrap_socket(sock, server_hostname="localhost") as secure:
        secure.sendall(pdu.encode_request(pdu.verification("PART15REF", "X")))
        return secure.recv(1)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("maximum", ["1.2", "1.3"])
@pytest.mark.parametrize("name", ["client", "client-ec", "intermediate"])
def test_right_clients_associate(
    modified: ReferencePeer, name: str, maximum: str, host: str
) -> None:
    assert associated(modified, name, maximum, host=host) == b"\x02"


@pytest.mark.parametrize("maximum", ["1.2", "1.3"])
@pytest.mark.parametrize(
    "name",
    [
        "",
        "expired",
        "untrusted",
        "self-signed",
        "server-only",
        "revoked",
        "rsa-1024",
        "sha1",
        "sha224",
    ],
)
def test_wrong_clients_do_not(modified: ReferencePeer, name: str, maximum: str) -> None:
    try:
        assert associated(modified, name, maximum) == b""
    except (ssl.SSLError, ConnectionError):
        return


def test_ccm_8_is_served(modified: ReferencePeer) -> None:
    ciphers = "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"
    assert associated(modified, "client", "1.2", ciphers) == b"\x02"


def test_faults_act_behind_gnutls_too(pki: Pki) -> None:
    with ReferencePeer(pki, ["lacks_ccm_8"], policy=gnutls.MODIFIED, idle=0.5) as peer:
        with pytest.raises(ssl.SSLError, match=r"(?i)alert"):
            associated(peer, "client", "1.2", "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0")
        assert associated(peer, "client", "1.2") == b"\x02"


@pytest.mark.parametrize("policy", [gnutls.BASIC, gnutls.AES])
def test_the_retired_profiles_speak_tls_10(pki: Pki, policy: Policy) -> None:
    with ReferencePeer(pki, policy=policy, idle=0.5) as peer:
        assert associated(peer, "client", "1.0", "AES128-SHA:@SECLEVEL=0") == b"\x02"


def test_priorities_follow_the_policy() -> None:
    assert gnutls.priority(gnutls.BASIC).startswith(
        "NONE:+VERS-TLS1.2:+VERS-TLS1.1:+VERS-TLS1.0:+3DES-CBC"
    )
    assert "%PROFILE_MEDIUM" in gnutls.priority(gnutls.MODIFIED)
    assert "%SERVER_PRECEDENCE" in gnutls.priority(gnutls.AES)


def test_a_front_that_cannot_start_says_why(pki: Pki) -> None:
    with pytest.raises(OSError, match="did not start"):
        gnutls.GnutlsChild(Policy(gnutls="+NO-SUCH-THING"), pki, 1)
