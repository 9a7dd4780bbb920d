"""Real storage peers: the measured facts about DCMTK, Orthanc and pynetdicom come out as verdicts."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from part15.bench import Bench, Ledger, Shelf
from part15.drivers import identity, status_lines, storage
from part15.evidence import Drawer
from part15.judge import ask
from part15.model import Judgement, Word
from part15.observations.status import PARTNER
from part15.registry import checks
from part15.target_file import parse_target

peers = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("archive_peers.py"))))
free_port, installed, running = peers.free_port, peers.installed, peers.process


PASSCODE = "rose and 42 thorns"


def bench_on(folder: Path, port: int, title: str = "ANY-SCP", **document: Any) -> Bench:
    (folder / "passcode").write_text(PASSCODE)
    made = {
        "target": {"name": "peer"},
        "claims": {
            "user-identity-basic": ["association-acceptor"],
            "bit-preserving-digital-signatures-use": ["storage-scp"],
        },
        "endpoints": {
            "plain": {
                "address": f"127.0.0.1:{port}",
                "transport": "plain",
                "ae_title": title,
            }
        },
        "users": {
            "name-only": {"type": 1, "name": "alice"},
            "with-passcode": {
                "type": 2,
                "name": "alice",
                "passcode": f"file:{folder}/passcode",
            },
        },
        "limits": {"impact": "credential"},
        **document,
    }
    target = parse_target(made, folder=folder)
    drawer = Drawer(folder / "evidence")
    return Bench(target, target.endpoints["plain"], drawer, Ledger(), Shelf(), folder, 3.0, "t")


def judged(check: str, seen: Any, **expect: Any) -> Judgement:
    return ask(checks()[check], seen, expect)


def failing(check: str, seen: Any) -> set[str]:
    return {
        f.subject.partition(" by ")[0]
        for f in judged(check, seen).findings
        if f.word is Word.FAIL and not f.subject.startswith("generated")
    }


STORESCP = installed("storescp")


@STORESCP
def test_storescp_preserves_every_bit_if_it_is_told_to(tmp_path: Path) -> None:
    port, folder = free_port(), tmp_path / "out"
    folder.mkdir()
    with running(["storescp", "+B", "-od", str(folder), str(port)], port):
        seen = storage.store_and_retrieve(bench_on(tmp_path, port, media={"folder": str(folder)}))
    for check in ("keeps_values", "keeps_item_order", "keeps_elements", "keeps_vrs"):
        assert judged(f"comparison.{check}", seen).word is Word.PASS


def assert_dcmtk_rewrites(seen: Any) -> None:
    """F01: padding is cut; F02: trailing padding is dropped; F03: UN of undefined length becomes SQ."""
    padding = {"trailing blanks", "text of 70000 octets", "UIDs padded with blanks"}
    assert padding <= failing("comparison.keeps_values", seen)
    assert "group length and trailing padding" in failing("comparison.keeps_elements", seen)
    assert failing("comparison.keeps_vrs", seen) == {"UN of undefined length"}
    assert judged("comparison.keeps_item_order", seen).word is Word.PASS
    assert judged("storage.stores_in_full", seen).word is Word.PASS
    lengths = [
        m for m in seen.members if "defined against undefined lengths" in str(m.seen.allowed)
    ]
    assert lengths


@STORESCP
def test_storescp_rewrites_by_default(tmp_path: Path) -> None:
    port, folder = free_port(), tmp_path / "out"
    folder.mkdir()
    with running(["storescp", "-od", str(folder), str(port)], port):
        bench = bench_on(tmp_path, port, media={"folder": str(folder)})
        assert_dcmtk_rewrites(storage.store_and_retrieve(bench))


@STORESCP
def test_storescp_has_no_positive_response(tmp_path: Path) -> None:
    port = free_port()
    with running(["storescp", "-od", str(tmp_path), str(port)], port):
        bench = bench_on(tmp_path, port)
        seen = identity.show_users(bench)
        wrong = identity.show_wrong(bench)
        other = identity.show_unsupported(bench)
    assert judged("identity.accepts_identities", seen, types=[1, 2]).word is Word.PASS
    asked = judged("identity.responds_when_asked", seen, types=[1, 2], content="nothing")
    assert asked.word is Word.FAIL
    assert "no 59H" in asked.message
    assert judged("identity.refuses_wrong_identities", wrong, types=[2]).word is Word.FAIL
    assert judged("identity.rejects_as_defined", wrong).word is Word.INCONCLUSIVE
    assert judged("identity_unsupported.ignores_unsupported_identities", other).word is Word.PASS


def query_retrieve(folder: Path, port: int, destination: int) -> list[str]:
    (folder / "db").mkdir()
    lines = [
        f"NetworkTCPPort = {port}",
        "MaxPDUSize = 16384",
        "MaxAssociations = 16",
        "HostTable BEGIN",
        f"own = (PART15DST, 127.0.0.1, {destination})",
        "HostTable END",
        "VendorTable BEGIN",
        "VendorTable END",
        "AETable BEGIN",
        f"QRSTORE {folder / 'db'} RW (100, 1024mb) ANY",
        "AETable END",
    ]
    (folder / "qr.cfg").write_text("\n".join(lines) + "\n")
    return ["dcmqrscp", "-c", str(folder / "qr.cfg")]


@installed("dcmqrscp")
def test_dcmqrscp_rewrites_by_both_routes(tmp_path: Path) -> None:
    port, destination = free_port(), free_port()
    listener = {"transport": "plain", "port": destination, "ae_title": "PART15DST"}
    with running(query_retrieve(tmp_path, port, destination), port):
        bench = bench_on(tmp_path, port, "QRSTORE", listeners={"own": listener})
        seen = storage.store_and_retrieve(bench)
        asked = status_lines.commit(status_lines.begin(bench).parties[PARTNER], [("1.2", "1.3")])
    assert_dcmtk_rewrites(seen)
    routes = {m.subject.partition(" by ")[2] for m in seen.members if m.seen.total}
    assert {"C-GET", "C-MOVE to own"} <= routes
    assert not asked.offered, "F18: Storage Commitment is not offered"


@installed("dcmqrscp")
def test_dcmqrscp_keeps_a_status_that_came_over_plain_tcp(tmp_path: Path) -> None:
    """F14: SOP Instance Status AO received over plain TCP is kept."""
    port = free_port()
    with running(query_retrieve(tmp_path, port, 9), port):
        bench = bench_on(tmp_path, port, "QRSTORE")
        play = status_lines.begin(bench)
        sent = status_lines.made(play, "AO", PARTNER)
        status_lines.store(play, [sent])
        (case,) = status_lines.fetch(play, PARTNER, [sent])
    assert case.delivered
    assert case.returned == "AO"


@installed("Orthanc")
def test_orthanc_rewrites_and_commits(tmp_path: Path) -> None:
    port, destination = free_port(), free_port()
    configuration = {
        "StorageDirectory": str(tmp_path / "storage"),
        "IndexDirectory": str(tmp_path / "storage"),
        "HttpServerEnabled": False,
        "DicomPort": port,
        "DicomAet": "ORTHANC",
        "DicomCheckCalledAet": False,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowMove": True,
        "DicomModalities": {
            "own": {
                "AET": "PART15",
                "Host": "127.0.0.1",
                "Port": destination,
                "AllowStorageCommitment": True,
            }
        },
        "Plugins": [],
    }
    path = tmp_path / "orthanc.json"
    path.write_text(json.dumps(configuration))
    listener = {"transport": "plain", "port": destination, "ae_title": "PART15"}
    with running(["Orthanc", str(path)], port):
        bench = bench_on(tmp_path, port, "ORTHANC", listeners={"own": listener})
        seen = storage.store_and_retrieve(bench)
        play = status_lines.begin(bench)
        sent = status_lines.made(play, "AO", PARTNER)
        status_lines.store(play, [sent])
        instance = sent.instance
        known, unknown = (
            status_lines.commit(play.parties[PARTNER], [(instance.sop_class, uid)])
            for uid in (instance.uid, "2.25.1")
        )
    assert_dcmtk_rewrites(seen)
    assert [(e.event, e.ours, e.said, e.route) for e in known.events] == [
        (1, True, "committed", "new")
    ]
    assert [(e.event, e.said, e.reason) for e in unknown.events] == [(2, "failed", 0x0112)]


def test_pynetdicom_rejects_transiently_and_answers_without_59h(tmp_path: Path) -> None:
    from pynetdicom import AE, evt
    from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

    def user(event: Any) -> tuple[bool, bytes | None]:
        right = event.user_id_type == 1 or event.secondary_field == PASSCODE.encode()
        return right and event.primary_field == b"alice", None

    entity = AE(ae_title="PYNETDICOM")
    entity.add_supported_context(Verification)
    port = free_port()
    server = entity.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_USER_ID, user)]
    )
    try:
        bench = bench_on(tmp_path, port)
        seen = identity.show_users(bench)
        wrong = identity.show_wrong(bench)
    finally:
        server.shutdown()
    assert judged("identity.accepts_identities", seen, types=[1, 2]).word is Word.PASS
    asked = judged("identity.responds_when_asked", seen, types=[1, 2], content="nothing")
    assert asked.word is Word.FAIL
    assert judged("identity.refuses_wrong_identities", wrong, types=[2]).word is Word.PASS
    rejected = judged("identity.rejects_as_defined", wrong)
    assert rejected.word is Word.FAIL
    assert "(2, 2, 1)" in rejected.message
