"""Records that are no PDUs, and what a relay without keys can read: drivers on right and wrong peers, checks, hunt."""

from __future__ import annotations

import dataclasses
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from part15.bench import Bench
from part15.checks import tls_stream as checks
from part15.drivers import tls_path, tls_records
from part15.model import Word
from part15.observations import NotReached, from_json, to_json
from part15.observations.session import AssociationSeen
from part15.observations.tls_stream import LinkSeen, PathSeen, Recut, RecutSeen
from part15.peers.reference import ReferencePeer
from part15.pki import Pki, make_pki
from part15.target import Identity, Listener
from part15.wire import markers
from part15.wire.record_cuts import CUTS, USUAL

made = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("session_bench.py"))))
GOOD, DEAD = AssociationSeen("accepted", echo=0), AssociationSeen("closed")
FAULTS = {
    "loses_split_pdus": {
        "PDU longer than a record",
        "PDU header over two records",
        "records of one octet",
    },
    "loses_split_headers": {"PDU header over two records", "records of one octet"},
    "takes_one_pdu_per_record": {"several PDUs in one record"},
    "gives_up_on_small_records": {"records of one octet"},
}


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("stream-pki"))


@pytest.fixture(scope="module")
def right(pki: Pki) -> Iterator[ReferencePeer]:
    with ReferencePeer(pki, plain=True, idle=0.5) as peer:
        yield peer


def client(pki: Pki, peer: ReferencePeer, scratch: Path, fault: str = "right") -> Bench:
    identity = Identity(certificate=str(pki["server"].certificate), key=str(pki["server"].key))
    listener = Listener(
        id="from-client",
        host="127.0.0.1",
        transport="tls",
        trigger=[
            *(sys.executable, "-m", "part15.peers.client"),
            *("{host}", "{port}", "{aet}", str(pki.folder), fault, "b12"),
        ],
        trust=str(pki.ca),
        identity=identity,
        wait=5.0,
    )
    return dataclasses.replace(made.bench_on(peer, scratch), endpoint=listener)


def _client(fault: str) -> str:
    return fault if fault == "right" else f"client_{fault}"


def recut(seen: Any) -> RecutSeen:
    assert isinstance(seen, RecutSeen), seen
    assert from_json(to_json(seen)) == seen
    return seen


def test_the_right_server_takes_every_cut_and_the_object_arrives(
    right: ReferencePeer, tmp_path: Path
) -> None:
    before = dict(right.store.objects)
    seen = recut(tls_records.recut(made.bench_on(right, tmp_path)))
    assert checks.goes_on(seen).word is Word.PASS
    assert seen.message == "C-STORE"
    assert seen.ways["PDU longer than a record"].records > 2
    assert seen.ways["records of one octet"].records > 1000
    stored = [data for uid, data in right.store.objects.items() if uid not in before]
    assert len(stored) == len(CUTS)
    for data in stored:
        assert data.endswith(tls_records.PIXELS * (data.count(tls_records.PIXELS)))


@pytest.mark.parametrize("fault", list(FAULTS))
def test_each_faulty_server_fails_what_it_misreads(pki: Pki, tmp_path: Path, fault: str) -> None:
    with ReferencePeer(pki, [fault], idle=0.3) as peer:
        bench = made.patient(made.bench_on(peer, tmp_path), 0.4)
        seen = recut(tls_records.recut(bench))
    answer = checks.goes_on(seen)
    assert answer.word is Word.FAIL
    assert {f.subject for f in answer.findings} == FAULTS[fault]


@pytest.mark.parametrize("fault", ["right", *FAULTS])
def test_clients_go_on_after_every_cut_of_our_answers(
    right: ReferencePeer, pki: Pki, tmp_path: Path, fault: str
) -> None:
    bench = made.patient(client(pki, right, tmp_path, _client(fault)), 1.0)
    answer = checks.goes_on(recut(tls_records.recut_answers(bench)))
    assert answer.word is (Word.PASS if fault == "right" else Word.FAIL)
    if fault != "right":
        assert {f.subject for f in answer.findings} == FAULTS[fault]


def path(seen: Any) -> PathSeen:
    assert isinstance(seen, PathSeen), seen
    assert from_json(to_json(seen)) == seen
    return seen


def test_nothing_can_be_read_on_a_protected_link(right: ReferencePeer, tmp_path: Path) -> None:
    seen = path(tls_path.hunt(made.bench_on(right, tmp_path)))
    assert checks.shows_nothing(seen).word is Word.PASS
    assert {"the header", "the pixel data"} <= set(seen.links["usual"].planted)
    assert not seen.links["NULL"].planted


def test_everything_can_be_read_on_a_plain_link(right: ReferencePeer, tmp_path: Path) -> None:
    seen = path(tls_path.hunt(made.bench_on(right, tmp_path, "dicom-plain")))
    answer = checks.shows_nothing(seen)
    assert answer.word is Word.FAIL
    assert set(seen.links["usual"].visible) >= {"the header", "the pixel data"}


def test_everything_can_be_read_inside_a_null_suite(pki: Pki, tmp_path: Path) -> None:
    with ReferencePeer(pki, ["accepts_null_suite"], idle=0.5) as peer:
        seen = path(tls_path.hunt(made.bench_on(peer, tmp_path)))
    assert not seen.links["usual"].visible
    assert {"the header", "the pixel data"} <= set(seen.links["NULL"].visible)
    assert checks.shows_nothing(seen).word is Word.FAIL


@pytest.mark.parametrize(("fault", "word"), [("right", Word.PASS), ("takes_null_suite", Word.FAIL)])
def test_what_a_client_says_is_hunted_for(
    right: ReferencePeer, pki: Pki, tmp_path: Path, fault: str, word: Word
) -> None:
    seen = path(tls_path.hunt_client(client(pki, right, tmp_path, _client(fault))))
    assert checks.shows_nothing(seen).word is word
    assert not seen.links["usual"].visible


def test_a_dead_or_silent_product_shows_nothing_and_passes_nothing(
    pki: Pki, right: ReferencePeer, tmp_path: Path
) -> None:
    quiet = dataclasses.replace(client(pki, right, tmp_path))
    still = quiet.endpoint.model_copy(update={"trigger": ["true"], "wait": 0.5})
    bench = dataclasses.replace(quiet, endpoint=still)
    assert isinstance(tls_path.hunt_client(bench), NotReached)
    assert isinstance(tls_records.recut_answers(bench), NotReached)


WENT = Recut(3, went_on=True)


@pytest.mark.parametrize(
    ("usual", "way", "after", "word"),
    [
        (WENT, WENT, GOOD, Word.PASS),
        (WENT, Recut(3, went_on=True, changed=False), GOOD, Word.PASS),
        (WENT, Recut(3, went_on=True, changed=True), GOOD, Word.FAIL),
        (WENT, Recut(3, how="silent"), GOOD, Word.FAIL),
        (WENT, Recut(3, how="silent"), DEAD, Word.INCONCLUSIVE),
        (WENT, Recut(why="no association"), GOOD, Word.INCONCLUSIVE),
        (Recut(3, how="A700H"), WENT, GOOD, Word.INCONCLUSIVE),
    ],
)
def test_goes_on(usual: Recut, way: Recut, after: AssociationSeen, word: Word) -> None:
    assert checks.goes_on(RecutSeen("C-STORE", usual, {"way": way}, after)).word is word


READ = LinkSeen("TLSv1.2", "NULL-SHA", 900, ("the header",), ("the header",))
HIDDEN = dataclasses.replace(READ, visible=())


@pytest.mark.parametrize(
    ("links", "word"),
    [
        ({"usual": HIDDEN}, Word.PASS),
        ({"usual": HIDDEN, "NULL": LinkSeen(ended="alert 40")}, Word.PASS),
        ({"usual": HIDDEN, "NULL": READ}, Word.FAIL),
        ({"usual": READ}, Word.FAIL),
        ({"usual": LinkSeen(ended="reset")}, Word.INCONCLUSIVE),
        ({"NULL": HIDDEN}, Word.INCONCLUSIVE),
    ],
)
def test_shows_nothing(links: dict[str, LinkSeen], word: Word) -> None:
    assert checks.shows_nothing(PathSeen(links)).word is word


@given(st.lists(st.binary(min_size=1, max_size=40000), min_size=1, max_size=4))
def test_no_cut_loses_or_adds_an_octet(pdus: list[bytes]) -> None:
    for cut in CUTS.values():
        pieces = cut(pdus)
        assert b"".join(pieces) == b"".join(pdus)
        assert all(0 < len(piece) <= 1 << 14 for piece in pieces)
    assert USUAL in CUTS


def test_markers_are_found_swapped_and_padding_is_no_evidence() -> None:
    marker = bytes(range(40, 60))
    swapped = (
        bytes(range(41, 42))
        + bytes([40, 43, 42])
        + bytes(x for at in range(44, 60, 2) for x in (at + 1, at))
    )
    assert markers.found(b"xx" + swapped, {"m": marker}) == ("m",)
    assert markers.found(b"xx" + marker[:-1], {"m": marker}) == ()
    assert markers.windows([("p", bytes(64))]) == {}
    assert len(markers.windows([("p", bytes(range(64)))])) == 4
