"""What is said of our own certificates before anything is sent, and what the doctor finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from part15.doctor import examine
from part15.identities import examine_identity, identity_problems
from part15.peers.reference import ReferencePeer
from part15.pki import Pki, make_pki
from part15.target import Target
from part15.target_file import parse_target
from part15.target_identity import Identity


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki"))


def identity(pki: Pki, certificate: str, key: str | None = None) -> Identity:
    return Identity(
        certificate=str(pki[certificate].certificate), key=str(pki[key or certificate].key)
    )


def test_a_pair_in_date(pki: Pki) -> None:
    assert examine_identity("x", identity(pki, "client")).sound
    assert examine_identity("x", identity(pki, "client-ec")).sound


@pytest.mark.parametrize(
    ("certificate", "key", "said"),
    [
        ("expired", None, "expired on"),
        ("future", None, "not valid before"),
        ("client", "server", "does not belong"),
        ("garbage", "client", "cannot be read"),
    ],
)
def test_pairs_that_cannot_be_shown(pki: Pki, certificate: str, key: str | None, said: str) -> None:
    line = examine_identity("x", identity(pki, certificate, key))
    assert not line.sound
    assert said in line.text


def test_a_key_by_an_environment_variable_that_is_not_set(pki: Pki) -> None:
    mine = Identity(certificate=str(pki["client"].certificate), key="env:PART15_NO_SUCH")
    assert "PART15_NO_SUCH is not set" in examine_identity("x", mine).text


def target(peer: ReferencePeer, **changed: object) -> Target:
    document = peer.document()
    document["endpoints"]["dicom-tls"] |= changed
    return parse_target(document)


def test_only_the_identity_we_show_is_looked_at(pki: Pki) -> None:
    with ReferencePeer(pki) as peer:
        assert list(identity_problems(target(peer))) == []
        wrong = {"certificate": str(pki["expired"].certificate), "key": str(pki["expired"].key)}
        (problem,) = identity_problems(target(peer, identity=wrong))
    assert "endpoints.dicom-tls.identity: the certificate" in problem.message


def test_the_certificate_of_a_user_is_looked_at(pki: Pki) -> None:
    files = {k: str(getattr(pki["expired"], k)) for k in ("certificate", "key")}
    document = {"target": {"name": "x"}, "users": {"alice": {"identity": files}}}
    (problem,) = identity_problems(parse_target(document))
    assert problem.message.startswith("users.alice.identity: the certificate")
    assert "expired" in problem.message


def test_the_doctor_finds_a_sound_peer_sound(pki: Pki) -> None:
    with ReferencePeer(pki) as peer:
        lines = list(examine(target(peer)))
    assert all(line.sound for line in lines), lines
    assert any("enforced" in line.text for line in lines)


def test_the_doctor_says_what_to_fix(pki: Pki) -> None:
    with ReferencePeer(pki, ("serves_plain_on_tls_port",)) as peer:
        open_port = [line for line in examine(target(peer)) if not line.sound]
        mixed_up = [line for line in examine(target(peer, transport="plain")) if not line.sound]
    assert any("not enforced" in line.text for line in open_port)
    assert mixed_up
    dead = [line for line in examine(target(peer)) if not line.sound]
    assert any("start the product or correct the port" in line.text for line in dead)


def test_nothing_to_look_at(tmp_path: Path) -> None:
    empty = parse_target({"target": {"name": "x"}}, folder=tmp_path)
    assert [line.sound for line in examine(empty)] == [False]
