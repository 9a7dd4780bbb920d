"""PDUs and command sets: round trips, damage, and agreement with pynetdicom as a second opinion."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from part15.wire import dimse, pdu

REQUEST = pdu.Associate(
    "CALLED",
    "CALLING",
    (
        pdu.PresentationContext(1, pdu.VERIFICATION, (pdu.IMPLICIT_LE, pdu.EXPLICIT_LE)),
        pdu.PresentationContext(3, "1.2.3", (pdu.EXPLICIT_LE,)),
    ),
    (*pdu.default_user_items(), (0x58, b"\x01\x00\x00\x01a\x00\x00")),
)


def one(octets: bytes) -> pdu.Pdu:
    ((kind, body),) = pdu.Cutter().feed(octets)
    return pdu.parse(kind, body)


def test_a_request_survives_the_round_trip() -> None:
    assert one(pdu.encode_request(REQUEST)) == REQUEST
    assert REQUEST.max_length == 16384


def test_an_answer_keeps_results_and_user_items() -> None:
    contexts = (
        pdu.PresentationContext(1, "", (pdu.IMPLICIT_LE,), 0),
        pdu.PresentationContext(3, "", ("1.2",), 3),
    )
    answer = pdu.Associate("A", "B", contexts, pdu.default_user_items(0))
    assert one(pdu.encode_accept(answer)) == answer


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (pdu.encode_reject(1, 2, 2), pdu.Reject(1, 2, 2)),
        (pdu.encode_abort(2, 6), pdu.Abort(2, 6)),
        (pdu.encode_release(), pdu.Release(False)),
        (pdu.encode_release(response=True), pdu.Release(True)),
    ],
)
def test_short_pdus(octets: bytes, said: pdu.Pdu) -> None:
    assert one(octets) == said


def test_the_request_reads_the_same_in_pynetdicom() -> None:
    from pynetdicom.pdu import A_ASSOCIATE_RQ

    other = A_ASSOCIATE_RQ()
    other.decode(pdu.encode_request(REQUEST))
    assert other.called_ae_title == "CALLED"
    assert other.calling_ae_title == "CALLING"
    assert [c.abstract_syntax for c in other.presentation_context] == [pdu.VERIFICATION, "1.2.3"]
    assert other.user_information.maximum_length == 16384
    assert other.encode() == pdu.encode_request(REQUEST)


def test_a_message_is_cut_to_the_room_there_is() -> None:
    parts = list(pdu.fragments(1, b"c" * 100, b"d" * 250, room=106))
    assert all(len(part) <= 6 + 106 for part in parts)
    pdvs = [one(part) for part in parts]
    values = [v for p in pdvs if isinstance(p, pdu.Data) for v in p.pdvs]
    assert b"".join(v.data for v in values if v.command) == b"c" * 100
    assert b"".join(v.data for v in values if not v.command) == b"d" * 250
    assert [v.last for v in values] == [True, False, False, True]


@pytest.mark.parametrize(
    ("octets", "what"),
    [
        (b"GET / HTTP/1.1\r\n", "47H is no PDU type"),
        (pdu.frame(1, b"", length=1 << 30), "claims 1073741824 octets"),
        (pdu.frame(1, b"short"), "fewer than its 68"),
        (pdu.frame(3, b"\0\1"), "not 4"),
        (pdu.frame(4, b"\0\0\0\1\1"), "no room"),
        (pdu.frame(4, b"\0\0\0\x63\1\0"), "claims 99"),
        (pdu.frame(1, bytes(68) + pdu.item(0x20, b"ab")), "shorter than 4"),
        (pdu.frame(1, bytes(68) + pdu.item(0x50, b"x", length=9)), "longer than its container"),
        (pdu.frame(1, bytes(68) + pdu.item(0x10, b"") * 600), "more than 512 items"),
        (pdu.frame(1, bytes(68) + b"\x10\0"), "left over"),
    ],
)
def test_damage_is_named(octets: bytes, what: str) -> None:
    with pytest.raises(pdu.PduError, match=what):
        one(octets)


@given(st.integers(0, 9), st.binary(max_size=300))
def test_any_bytes_are_a_pdu_or_an_error(kind: int, body: bytes) -> None:
    try:
        pdu.parse(kind, body)
    except pdu.PduError:
        return


@given(st.lists(st.binary(max_size=40), max_size=8), st.integers(1, 7))
def test_the_cutter_does_not_care_how_the_stream_is_split(bodies: list[bytes], step: int) -> None:
    stream = b"".join(pdu.frame(4, body) for body in bodies)
    cutter = pdu.Cutter()
    found = [p for at in range(0, len(stream), step) for p in cutter.feed(stream[at : at + step])]
    assert found == [(4, body) for body in bodies]
    assert cutter.left == 0


def test_commands_survive_the_round_trip() -> None:
    request = dimse.decode_command(dimse.store_request("1.2.840.1", "1.2.3"))
    assert request[dimse.SOP_INSTANCE] == "1.2.3"
    answer = dimse.decode_command(dimse.response_to(request, 0xA700))
    assert answer[dimse.FIELD] == 0x8001
    assert answer[dimse.STATUS] == 0xA700
    assert answer[dimse.RESPONDED] == 1


def test_the_echo_reads_the_same_in_pydicom() -> None:
    from io import BytesIO

    from pynetdicom.dsutils import decode

    ds = decode(BytesIO(dimse.echo_request(7)), True, True)
    assert ds.CommandField == 0x0030
    assert ds.MessageID == 7
    assert ds.CommandGroupLength == len(dimse.echo_request(7)) - 12


@given(st.binary(max_size=200))
def test_any_bytes_are_a_command_or_an_error(octets: bytes) -> None:
    try:
        dimse.decode_command(octets)
    except dimse.CommandError:
        return


def test_a_command_set_has_a_bound() -> None:
    with pytest.raises(dimse.CommandError, match="octets"):
        dimse.decode_command(bytes(dimse.MAX_COMMAND + 1))
