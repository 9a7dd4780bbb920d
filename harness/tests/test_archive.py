"""The embedded archive and creator themselves: their faults, controls, and what they refuse."""

from __future__ import annotations

import dataclasses
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from part15.address import split_address
from part15.channel import services
from part15.channel.association import Line
from part15.channel.messages import Messages
from part15.channel.services import Instance, Query
from part15.channel.tls import Ended, Plain
from part15.model import Word
from part15.peers import archive_control
from part15.peers.archive import CLAIMS, Archive
from part15.peers.archive_faults import faults
from part15.peers.creator import FAULTS, created
from part15.peers.faults import Fault
from part15.pki import Pki, make_pki
from part15.selftest import Judged, compare
from part15.selftest_archive import ARENAS
from part15.target_file import parse_target
from part15.wire import pdu, writing
from part15.wire.elements import EXPLICIT_LITTLE
from part15.wire.trap_objects import EXPLICIT, SECONDARY_CAPTURE, base, joined, new_uid

CREATOR = next(a for a in ARENAS if a.name == "creator")


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("archive-pki"))


@pytest.fixture
def archive(pki: Pki) -> Iterator[Archive]:
    with Archive(pki, artim=0.5, idle=1.0) as found:
        yield found


def opened(archive: Archive, called: str = "PART15ARC") -> Messages:
    host, port = split_address(archive.address("dicom-plain"))
    line = Line(Plain(socket.create_connection((host, port), timeout=2)))
    syntaxes = [
        (SECONDARY_CAPTURE, (EXPLICIT,)),
        (services.GET, (EXPLICIT,)),
        (services.FIND, (EXPLICIT,)),
    ]
    asked = services.proposal(called, "TEST", syntaxes, as_scp=[SECONDARY_CAPTURE])
    return services.opened(line, asked, until())


def until() -> float:
    return time.monotonic() + 2


def instance(status: str = "") -> Instance:
    uid = new_uid()
    elements = base(uid, new_uid(), new_uid())
    if status:
        elements[0x01000410] = writing.element(0x01000410, "CS", status)
    return Instance(SECONDARY_CAPTURE, uid, EXPLICIT, joined(elements))


def test_every_fault_names_clauses_that_exist() -> None:
    ids = set((Path(__file__).parent / "clause-ids.txt").read_text().split())
    every = [*faults().values(), *FAULTS]
    assert len(every) > 50
    for fault in every:
        assert fault.flips
        assert set(fault.flips) <= ids, fault.name


def test_the_target_of_the_archive_can_be_read(archive: Archive) -> None:
    target = parse_target(archive.document())
    assert set(target.claims) == set(CLAIMS)
    assert {user.type for user in target.users.values()} == {1, 2, 3, 4, 5}


def test_what_is_stored_comes_back_byte_by_byte(archive: Archive) -> None:
    talk, sent = opened(archive), instance("NS")
    assert services.store(talk, sent, until()) == 0
    found = services.get(talk, Query(instance=sent.uid), until())
    assert found.instances == [sent]
    assert found.counters["completed"] == 1
    services.close(talk, until())


def test_what_is_stored_can_be_found(archive: Archive) -> None:
    talk, sent = opened(archive), instance("NS")
    services.store(talk, sent, until())
    answers, status = services.find(talk, Query(instance=sent.uid), until())
    assert status == 0
    assert [writing.value_of(a, 0x00080018, EXPLICIT_LITTLE) for a in answers] == [
        writing.value_of(sent.data, 0x00080018, EXPLICIT_LITTLE)
    ]
    assert services.find(talk, Query(instance="2.25.404"), until()) == ([], 0)
    services.close(talk, until())


def test_an_instance_sent_again_with_other_content_is_refused(archive: Archive) -> None:
    talk, sent = opened(archive), instance("NS")
    assert services.store(talk, sent, until()) == 0
    assert services.store(talk, sent, until()) == 0
    changed = writing.replaced(
        sent.data, {0x00100010: writing.element(0x00100010, "PN", "OTHER")}, EXPLICIT_LITTLE
    )
    assert services.store(talk, dataclasses.replace(sent, data=changed), until()) == 0x0111
    services.close(talk, until())


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda i: dataclasses.replace(i, data=i.data[:-3]), 0xC000),
        (lambda i: dataclasses.replace(i, uid="2.25.1"), 0xA900),
    ],
)
def test_damaged_objects_are_refused(archive: Archive, change: object, status: int) -> None:
    talk = opened(archive)
    assert callable(change)
    assert services.store(talk, change(instance()), until()) == status
    services.close(talk, until())


def test_a_wrong_called_title_is_rejected(archive: Archive) -> None:
    with pytest.raises(Ended, match=r"rejected.*\(1, 1, 7\)"):
        opened(archive, "SOMEBODY")


def test_damaged_messages_are_aborted(archive: Archive) -> None:
    talk = opened(archive)
    talk.send(pdu.encode_data([pdu.Pdv(1, True, True, b"\1\2\3")]), until())
    with pytest.raises(Ended, match="aborted"):
        talk.get(until())
    talk.line.close()


def test_controls_answer(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    port = str(archive.control.port)
    assert archive_control.main([port, "explode"]) == 1
    assert archive_control.main([port, "authorize", "2.25.404"]) == 1
    talk, sent = opened(archive), instance("NS")
    services.store(talk, sent, until())
    services.close(talk, until())
    assert archive_control.main([port, "authorize", sent.uid]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "ok authorized"
    assert archive.shelves.held[sent.uid].status == "AO"


@pytest.fixture(scope="module")
def right() -> Judged:
    return CREATOR.right()


def test_the_right_creator_passes(right: Judged) -> None:
    assert set(right.words.values()) == {Word.PASS}
    assert len(right.words) == 15


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.name)
def test_each_fault_of_a_creator_flips_its_clauses(right: Judged, fault: Fault) -> None:
    run = compare(fault, CREATOR.name, right.words, CREATOR.wrong(fault).words)
    assert run.sound, run


def test_a_created_instance_is_synthetic() -> None:
    made = created({})
    name = writing.value_of(made.data, 0x00100010, EXPLICIT_LITTLE)
    assert name is not None
    assert name.startswith(b"PART15")
