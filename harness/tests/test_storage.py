"""Storage: trap objects, messages, comparison of what came back, negotiation; against the embedded archive."""

from __future__ import annotations

import dataclasses
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from part15.bench import Bench, Ledger, Shelf
from part15.channel import services
from part15.channel.association import Line
from part15.channel.messages import Messages
from part15.channel.services import Instance, Query
from part15.channel.tls import Ended, Plain
from part15.checks import storage as checks
from part15.drivers import storage, storage_lines, storage_requests
from part15.errors import Trouble
from part15.evidence import Drawer
from part15.model import Word
from part15.observations import Many, NotReached
from part15.observations.storage import NegotiationSeen, ProposalSeen
from part15.peers.archive import Archive, Destination, bit_preserving_policy
from part15.peers.archive_faults_storage import STORAGE
from part15.peers.faults import Fault
from part15.pki import Pki, make_pki
from part15.selftest import Judged, compare
from part15.selftest_archive import ARENAS
from part15.target_file import parse_target
from part15.wire import dimse, part10, pdu, writing
from part15.wire.elements import EXPLICIT_LITTLE, walk
from part15.wire.trap_objects import STATUS_TRAP, traps

ARENA = next(a for a in ARENAS if a.name == "storage")


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("storage-pki"))


def bench_on(
    archive: Archive, folder: Path, endpoint: str = "dicom-tls", **document: object
) -> Bench:
    made = archive.document(profile="bit-preserving-digital-signatures-use")
    target = parse_target({**made, **document}, folder=folder)
    drawer = Drawer(folder / "evidence")
    return Bench(target, target.endpoints[endpoint], drawer, Ledger(), Shelf(), folder, 2.0, "t")


@pytest.fixture(scope="module")
def archive(pki: Pki) -> Iterator[Archive]:
    with Archive(pki, artim=0.5, idle=1.0) as found:
        yield found


@pytest.fixture(scope="module")
def right() -> Judged:
    return ARENA.right()


def test_the_right_archive_fails_nothing(right: Judged) -> None:
    assert right.unclean == ()


@pytest.mark.parametrize("fault", STORAGE, ids=lambda f: f.name)
def test_each_fault_flips_its_clauses(right: Judged, fault: Fault) -> None:
    if not set(fault.flips) & set(right.words):
        pytest.skip("it flips clauses of Online Electronic Storage only")
    run = compare(fault, ARENA.name, right.words, ARENA.wrong(fault).words)
    assert not run.strays
    assert run.flipped, run


def test_traps_are_data_sets_with_uids_of_their_own() -> None:
    found = traps()
    assert len(found) == 33
    assert len({t.uid for t in found}) == 33
    vrs = set()
    for trap in found:
        elements = walk(trap.data, syntax=EXPLICIT_LITTLE)
        vrs |= {e.vr for e in elements}
        tags = [e.tag for e in elements if e.depth == 0]
        assert tags == sorted(tags)
        patient = writing.value_of(trap.data, 0x00100020, EXPLICIT_LITTLE)
        assert patient is not None
        assert patient.startswith(b"PART15")
    every = "AE AS AT CS DA DS DT FL FD IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM"
    assert {*every.split(), "UC", "UI", "UL", "UN", "UR", "US", "UT", "UV"} - vrs == set()


def test_a_round_trip_is_byte_exact(archive: Archive, tmp_path: Path) -> None:
    seen = storage.store_and_retrieve(bench_on(archive, tmp_path))
    assert isinstance(seen, Many)
    kept = [m.seen for m in seen.members if m.seen.after != f"{STATUS_TRAP} by C-GET"]
    assert len(kept) == 32 + storage.COUNT
    assert all(s.identical for s in kept)
    held_back = next(m.seen for m in seen.members if m.seen.after == f"{STATUS_TRAP} by C-GET")
    assert "did not come back" in held_back.problem


def test_a_difference_leaves_both_objects_as_evidence(pki: Pki, tmp_path: Path) -> None:
    with Archive(pki, ["trims_padding"], artim=0.5, idle=1.0) as wrong:
        storage.store_and_retrieve(bench_on(wrong, tmp_path))
    names = [p.name for p in (tmp_path / "evidence").iterdir()]
    assert "trailing_blanks-sent.bin" in names
    assert "trailing_blanks-returned.bin" in names


def zero_private_dates(data: bytes) -> bytes:
    """Zero private dates."""
    parts = []
    for e in writing.top(data, EXPLICIT_LITTLE):
        octets = data[e.start : e.end]
        if e.vr == "DA" and e.tag & 0x10000:
            octets = data[e.start : e.value] + b"0" * e.length
        parts.append(octets)
    return b"".join(parts)


def test_generated_objects_find_more_and_the_smallest_is_kept(pki: Pki, tmp_path: Path) -> None:
    policy = dataclasses.replace(bit_preserving_policy(), rewrite=(zero_private_dates,))
    with Archive(pki, archive=policy, plain=True, artim=0.5, idle=1.0) as wrong:
        seen = storage.store_and_retrieve(bench_on(wrong, tmp_path, "dicom-plain"))
    assert isinstance(seen, Many)
    last = seen.members[-1]
    assert last.subject == "generated object, smallest that differs"
    kept = (tmp_path / "evidence" / "smallest-that-differs.dcm").read_bytes()
    file = part10.parse(kept)
    private = [e for e in file.walk() if e.tag >> 16 == 9]
    assert [e.vr for e in private] == ["DA"]


def test_c_move_brings_them_to_our_listener(pki: Pki, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    place = Destination(f"127.0.0.1:{port}", "plain", "plain")
    with Archive(pki, destinations={"PART15DST": place}, artim=0.5, idle=1.0) as archive:
        listeners = {"own": {"transport": "plain", "port": port, "ae_title": "PART15DST"}}
        bench = bench_on(archive, tmp_path, "dicom-plain", listeners=listeners)
        seen = storage.store_and_retrieve(bench)
    assert isinstance(seen, Many)
    moved = [m.seen for m in seen.members if m.subject.endswith("by C-MOVE to own")]
    assert len(moved) == 33 + storage.COUNT
    assert {d.path for s in moved for d in s.differences} == {"(0100,0410)"}
    assert not [s.problem for s in moved if s.problem]


def test_files_of_the_store_are_compared(archive: Archive, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "junk").write_bytes(b"no DICOM")
    bench = bench_on(archive, tmp_path, media={"folder": str(folder)})
    trap = traps()[0]
    meta = b"".join(
        (
            writing.element(0x00020002, "UI", trap.sop_class),
            writing.element(0x00020003, "UI", trap.uid),
            writing.element(0x00020010, "UI", trap.transfer),
        )
    )
    (folder / "one").write_bytes(bytes(128) + b"DICM" + meta + trap.data)
    found = storage_lines.in_files(bench, [trap.uid, "2.25.1"])
    assert found == [Instance(trap.sop_class, trap.uid, trap.transfer, trap.data)]


def test_negotiation_is_told(archive: Archive, tmp_path: Path) -> None:
    seen = storage.negotiate(bench_on(archive, tmp_path))
    assert isinstance(seen, NegotiationSeen)
    assert seen.offers["implicit before explicit"].accepted == pdu.EXPLICIT_LE
    assert seen.extended["right"].answered == b"\2\0\3\0\0\0"
    lost = dataclasses.replace(seen.extended["five octets"], outcome="abort")
    worse = dataclasses.replace(seen, extended={**seen.extended, "five octets": lost})
    assert checks.answers_extended_negotiation(worse).word is Word.FAIL


# our own acceptor, with a product that stores


def storing(port: int, transfers: tuple[str, ...], extended: bytes = b"") -> None:
    """Store one object as a product would."""
    trap = traps()[0]
    until = time.monotonic() + 5
    asked = services.proposal("PART15", "SUT", [(trap.sop_class, transfers)])
    if extended:
        name = trap.sop_class.encode()
        item = (0x56, len(name).to_bytes(2, "big") + name + extended)
        asked = dataclasses.replace(asked, user_items=(*asked.user_items, item))
    line = Line(Plain(socket.create_connection(("127.0.0.1", port), timeout=5)))
    talk = services.opened(line, asked, until)
    transfer = next(iter(talk.contexts.values()))[1]
    services.store(talk, Instance(trap.sop_class, trap.uid, transfer, trap.data), until)
    services.close(talk, until)


def received(tmp_path: Path, act: Callable[[int], None]) -> ProposalSeen | NotReached:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    listener = {"transport": "plain", "port": port, "wait": 1.0, "trigger": ["true"]}
    document = {"target": {"name": "x"}, "listeners": {"own": listener}}
    target = parse_target(document, folder=tmp_path)
    bench = Bench(
        target, target.listeners["own"], Drawer(tmp_path), Ledger(), Shelf(), tmp_path, 1.0, "t"
    )

    def later() -> None:
        for _ in range(200):
            try:
                act(port)
            except ConnectionRefusedError:
                time.sleep(0.01)
            else:
                return

    runner = threading.Thread(target=later)
    runner.start()
    seen = storage_requests.receive(bench)
    runner.join(5)
    return seen


@pytest.mark.parametrize(
    ("transfers", "extended", "explicit", "layout"),
    [
        ((pdu.IMPLICIT_LE, pdu.EXPLICIT_LE), b"\3\0\0\0\2\0", Word.PASS, Word.PASS),
        ((pdu.IMPLICIT_LE,), b"\3\0\0", Word.FAIL, Word.FAIL),
        ((pdu.EXPLICIT_LE,), b"", Word.PASS, Word.INFO),
    ],
)
def test_what_a_product_proposes_is_judged(
    tmp_path: Path, transfers: tuple[str, ...], extended: bytes, explicit: Word, layout: Word
) -> None:
    seen = received(tmp_path, lambda port: storing(port, transfers, extended))
    assert isinstance(seen, ProposalSeen)
    assert checks.proposes_explicit(seen).word is explicit
    assert checks.sends_extended_negotiation(seen).word is layout


def test_a_product_that_stays_away_is_not_judged(tmp_path: Path) -> None:
    seen = received(tmp_path, lambda _port: None)
    assert isinstance(seen, NotReached)


# hostile products


def hostile(answers: bytes, *, after: int = 1) -> Iterator[int]:
    """Serve one connection: read *after* times, then send *answers* and close; yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    sock, _ = server.accept()
                    with sock:
                        sock.settimeout(1)
                        for _ in range(after):
                            sock.recv(65536)
                        sock.sendall(answers)
                except OSError:
                    continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        stop.set()
        thread.join(2)


ACCEPT = pdu.encode_accept(
    pdu.Associate(
        contexts=tuple(
            pdu.PresentationContext(n, "", (pdu.EXPLICIT_LE,), 0) for n in range(1, 9, 2)
        ),
        user_items=pdu.default_user_items(),
    )
)


@pytest.mark.parametrize(
    "answers",
    [
        b"",
        b"\x02\0\0\0\0\4\0\0\0\0",
        b"\xff" * 64,
        ACCEPT,
        ACCEPT + b"\x04\0\0\0\0\x0c\0\0\0\x08\1\3" + b"\xff" * 6,
        ACCEPT + pdu.encode_abort(0, 0),
        ACCEPT + b"".join(pdu.fragments(1, dimse.store_request("1.2", "1.3"), b"x")),
        pdu.encode_reject(2, 3, 2),
    ],
)
def test_hostile_answers_end_in_time(archive: Archive, tmp_path: Path, answers: bytes) -> None:
    began = time.monotonic()
    for port in hostile(answers):
        bench = bench_on(archive, tmp_path, "dicom-plain")
        point = bench.endpoint.model_copy(update={"address": f"127.0.0.1:{port}"})
        bench = dataclasses.replace(bench, endpoint=point, deadline=0.2)
        try:
            seen = storage.store_and_retrieve(bench)
        except Trouble as trouble:
            assert trouble.step in ("association", "connect")
        else:
            assert isinstance(seen, NotReached)
    assert time.monotonic() - began < 15


def test_instances_that_we_did_not_store_are_left_alone(archive: Archive, tmp_path: Path) -> None:
    bench = bench_on(archive, tmp_path, "dicom-plain")
    found = storage_lines.by_get(bench, [], Query())
    assert found is not None
    assert found.instances == []


def test_messages_refuse_what_is_no_message() -> None:
    ours, theirs = socket.socketpair()
    talk = Messages(Line(Plain(ours)))
    for octets in (
        pdu.encode_data([pdu.Pdv(1, False, True, b"data before command")]),
        pdu.encode_data([pdu.Pdv(1, True, True, b"\1\2\3")]),
    ):
        theirs.sendall(octets)
        with pytest.raises(Ended, match="garbage"):
            talk.get(time.monotonic() + 1)
    ours.close()
    theirs.close()
