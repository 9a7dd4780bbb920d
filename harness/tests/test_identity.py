"""User identity: the octets, what may be kept of them, and the target's users."""

from __future__ import annotations

import dataclasses
import re
import struct
import tomllib
from pathlib import Path

import pytest

from part15.errors import TargetError
from part15.target_file import parse_target
from part15.wire import pdu
from part15.wire import user_identity as ui

ALICE = ui.UserIdentity(2, "Ålice".encode(), b"s3cret!", positive=1)


def request(raw: bytes) -> bytes:
    return ui.with_items(pdu.encode_request(pdu.verification("A", "B")), raw)


def items(octets: bytes) -> list[ui.SubItem]:
    return [i for i in ui.sub_items(octets[6:]) if i.kind in (ui.REQUEST, ui.RESPONSE)]


def test_the_layout_is_that_of_table_d_3_14() -> None:
    raw = ui.encode(ui.UserIdentity(2, b"ab", b"xyz", positive=1))
    assert raw.hex() == "5800000b020100026162000378797a"
    assert ui.encode_response(b"ok").hex() == "5900000400026f6b"


def test_a_request_carries_the_item_and_stays_a_request() -> None:
    octets = request(ui.encode(ALICE))
    assert struct.unpack_from(">I", octets, 2)[0] == len(octets) - 6
    said = pdu.parse(octets[0], octets[6:])
    assert isinstance(said, pdu.Associate)
    assert [kind for kind, _ in said.user_items] == [0x51, 0x52, 0x58]
    read = ui.read_request(items(octets)[0])
    assert (read.kind, read.positive, read.primary, read.secondary) == (2, 1, 6, 7)
    assert read.form == "text"
    assert not read.fault


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ({"primary": 100}, "does not fit"),
        ({"secondary": 5}, "has 7 left"),
        ({"secondary": -1}, "has 7 left"),
        ({"primary": 2}, "left"),
    ],
)
def test_lengths_that_do_not_fit_are_said(damage: dict[str, int], words: str) -> None:
    assert words in ui.read_request(items(request(ui.encode(ALICE, **damage)))[0]).fault


@pytest.mark.parametrize("size", range(6))
def test_a_stump_is_damaged_and_no_crash(size: int) -> None:
    read = ui.read_request(ui.SubItem(ui.REQUEST, 0, 0, b"\2" * size))
    assert read.fault


def test_an_item_longer_than_its_container_is_no_pdu() -> None:
    with pytest.raises(pdu.PduError):
        items(request(ui.encode(ALICE, grow=50)))


def test_a_user_name_of_64_kib_does_not_fit() -> None:
    assert request(ui.encode(ui.UserIdentity(1, b"x" * 0xFF00)))
    with pytest.raises(ValueError, match="do not fit"):
        ui.encode(ui.UserIdentity(1, b"x" * 0x10000))


@pytest.mark.parametrize(
    ("octets", "form"),
    [
        (b"", "nothing"),
        ("Jürgen".encode(), "text"),
        ("Jürgen".encode("latin-1"), "octets"),
        (b"a\0b", "text with NUL"),
        (b"\x6f\x03\x02\x01\x05", "DER"),
        (b"\x6f\x09\x02\x01\x05", "text"),
        (b"eyJh.eyJz.c2ln", "token"),
        (b'<Response xmlns="urn:x"/>', "XML: Response of urn:x"),
        (b"<Response", "octets"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "XML with a document type"),
    ],
)
def test_forms_of_fields(octets: bytes, form: str) -> None:
    assert ui.form_of(octets) == form


@pytest.mark.parametrize("damage", [{}, {"primary": 3}, {"secondary": 9}, {"grow": 7}])
def test_nothing_of_a_credential_is_kept(damage: dict[str, int]) -> None:
    octets = request(ui.encode(ALICE, **damage))
    kept = ui.blanked(octets[6:])
    assert len(kept) == len(octets) - 6
    assert b"s3cret" not in kept
    assert b"lice" not in kept
    assert ui.encode(ALICE.blanked(), **damage) != ui.encode(ALICE, **damage)
    assert len(ui.encode(ALICE.blanked())) == len(ui.encode(ALICE))


def target(**user: object) -> object:
    return parse_target({"target": {"name": "x"}, "users": {"u": user}})


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ({"type": 2, "name": "a", "passcode": "pw"}, "write env:NAME or file:PATH"),
        ({"type": 2, "name": "a"}, "name and passcode"),
        ({"type": 1, "name": "a", "passcode": "env:X"}, "type 1 has name"),
        ({"type": 3, "name": "a"}, "ticket"),
        ({"type": 7, "name": "a"}, "type"),
        ({"type": 3, "cache": "env:CACHE"}, "cache and service; or command; or ticket"),
        ({"type": 4, "assertion": "env:A", "command": "x"}, "audience and issuer and key"),
        ({"type": 2, "name": "a", "passcode": "env:P", "wrong": {"x": "env:W"}}, "types 3 to 5"),
        ({"type": 5, "token": "env:T", "wrong": {"old": "abc"}}, "write env:NAME"),
        ({"type": 3, "cache": "nowhere.ccache", "service": "s"}, "users.u.cache: there is no file"),
        ({"type": 1, "nam": "a"}, "did you mean 'name'"),
    ],
)
def test_users_of_a_target_are_checked(user: dict[str, object], words: str) -> None:
    with pytest.raises(TargetError, match=words):
        target(**user)


def test_a_user_of_each_type_is_taken() -> None:
    for user in (
        {"type": 1, "name": "a"},
        {"type": 2, "name": "a", "passcode": "env:PW"},
        {"type": 3, "ticket": "env:TICKET"},
        {"type": 4, "assertion": "env:SAML"},
        {"type": 5, "token": "env:JWT"},
        {"type": 3, "cache": "env:CACHE", "service": "dicom/host"},
        {"type": 4, "key": "env:K", "issuer": "i", "subject": "s", "audience": "a"},
        {"type": 5, "command": ["./token"], "wrong": {"expired": "env:OLD"}},
    ):
        assert target(**user)


def test_blanking_changes_nothing_else() -> None:
    changed = dataclasses.replace(ALICE, positive=0, reserved=9)
    assert changed.blanked().reserved == 9
    assert ui.read_request(items(request(ui.encode(changed.blanked())))[0]).reserved == 9


def test_the_examples_of_the_page_are_targets() -> None:
    page = Path(__file__).parents[1] / "docs" / "user-identity.md"
    blocks = re.findall(r"```toml\n(.*?)```", page.read_text(), re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        document = {"target": {"name": "x"}, **tomllib.loads(block)}
        for endpoint in document.get("endpoints", {}).values():
            endpoint.setdefault("address", "127.0.0.1:104")
        assert parse_target(document, stored=True)
