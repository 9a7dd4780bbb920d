"""Query filtering by real peers: dcmqrscp keeps storage areas apart by AE title, Orthanc shows everybody everything."""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from part15.model import Word
from part15.selftest_filtering import POLICY
from part15.selftest_tls import drive

peers = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("archive_peers.py"))))
free_port, installed, running = peers.free_port, peers.installed, peers.process


def target(port: int, destination: int, **more: Any) -> dict[str, Any]:
    return {
        "target": {"name": "peer"},
        "claims": {POLICY: ["association-acceptor"]},
        "endpoints": {"plain": {"address": f"127.0.0.1:{port}", "transport": "plain"}},
        "listeners": {"own": {"transport": "plain", "port": destination, "ae_title": "PART15DST"}},
        "limits": {"impact": "credential", "wrong_credentials": 6},
        **more,
    }


def judged(document: dict[str, Any], folder: Path) -> dict[str, tuple[Word, str]]:
    _, verdicts = drive(document, folder, deadline=3.0, only=POLICY)
    return {v.case.clause.removeprefix(f"{POLICY}-"): (v.word, v.message) for v in verdicts}


def areas(folder: Path, port: int, destination: int, *, ward_b: str) -> list[str]:
    """Return the command of a dcmqrscp with three areas; *ward_b* are the peers of the third."""
    for name in ("a", "b", "c"):
        (folder / name).mkdir()
    lines = [
        f"NetworkTCPPort = {port}",
        "MaxPDUSize = 16384",
        "MaxAssociations = 16",
        "HostTable BEGIN",
        f"own = (PART15DST, 127.0.0.1, {destination})",
        "alice = (ALICE, localhost, 9)",
        "bob = (BOB, localhost, 9)",
        "HostTable END",
        "VendorTable BEGIN",
        "VendorTable END",
        "AETable BEGIN",
        f"WARDA {folder / 'a'} RW (100, 1024mb) alice",
        f"WARDB {folder / 'b'} RW (100, 1024mb) {ward_b}",
        f"COMMON {folder / 'c'} RW (100, 1024mb) alice, bob",
        "AETable END",
    ]
    (folder / "qr.cfg").write_text("\n".join(lines) + "\n")
    return ["dcmqrscp", "-c", str(folder / "qr.cfg")]


AREAS = {
    "users": {
        "alice": {"calling_ae_title": "ALICE", "sees": ["ward-a", "common"]},
        "bob": {"calling_ae_title": "BOB", "sees": ["ward-b", "common"]},
    },
    "studies": {
        "ward-a": {"ae_title": "WARDA", "stored_by": "alice"},
        "ward-b": {"ae_title": "WARDB", "stored_by": "bob"},
        "common": {"ae_title": "COMMON", "stored_by": "alice"},
    },
}


@installed("dcmqrscp")
def test_dcmqrscp_keeps_areas_apart(tmp_path: Path) -> None:
    port, destination = free_port(), free_port()
    with running(areas(tmp_path, port, destination, ward_b="bob"), port):
        found = judged(target(port, destination, **AREAS), tmp_path)
    assert {rule: word for rule, (word, _) in found.items()} == {
        "find": Word.PASS,
        "get": Word.PASS,
        "move": Word.PASS,
        "counts": Word.PASS,
        "nobody": Word.PASS,
        "wrong-credential": Word.PASS,
        "existence": Word.PASS,
    }, found


@installed("dcmqrscp")
def test_dcmqrscp_with_an_area_for_any_peer_shows_too_much(tmp_path: Path) -> None:
    port, destination = free_port(), free_port()
    with running(areas(tmp_path, port, destination, ward_b="ANY"), port):
        found = judged(target(port, destination, **AREAS), tmp_path)
    failing = {rule for rule, (word, _) in found.items() if word is Word.FAIL}
    assert failing == {"find", "get", "move", "nobody", "wrong-credential"}, found
    assert "alice is shown study ward-b" in found["find"][1]


@installed("Orthanc")
def test_orthanc_shows_everybody_everything(tmp_path: Path) -> None:
    """It knows no users: name and passcode are accepted, right or wrong (F11), and nothing is filtered."""
    port, destination = free_port(), free_port()
    configuration = {
        "StorageDirectory": str(tmp_path / "storage"),
        "IndexDirectory": str(tmp_path / "storage"),
        "HttpServerEnabled": False,
        "DicomPort": port,
        "DicomAet": "ORTHANC",
        "DicomCheckCalledAet": False,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowMove": True,
        "DicomModalities": {"own": ["PART15DST", "127.0.0.1", destination]},
        "Plugins": [],
    }
    path = tmp_path / "orthanc.json"
    path.write_text(json.dumps(configuration))
    (tmp_path / "passcode").write_text("rose and 42 thorns")
    users = {
        name: {"type": 2, "name": name, "passcode": f"file:{tmp_path}/passcode", "sees": [study]}
        for name, study in (("alice", "ward-a"), ("bob", "ward-b"))
    }
    studies = {"ward-a": {"patient": "one"}, "ward-b": {"patient": "one"}}
    with running(["Orthanc", str(path)], port):
        found = judged(target(port, destination, users=users, studies=studies), tmp_path)
    failing = {rule for rule, (word, _) in found.items() if word is Word.FAIL}
    assert failing == {"find", "get", "move", "counts", "nobody", "wrong-credential"}, found
    assert found["existence"][0] is Word.PASS, "a study that is shown tells nothing by its status"


class Pynetdicom:
    """A server of pynetdicom that knows two users and shows each the department of the same name, by C-FIND alone."""

    def __init__(self, port: int) -> None:
        from pynetdicom import AE, evt
        from pynetdicom import sop_class as classes

        self.held: list[Any] = []
        entity = AE(ae_title="PYNETDICOM")
        for name in (
            "SecondaryCaptureImageStorage",
            "StudyRootQueryRetrieveInformationModelFind",
            "StudyRootQueryRetrieveInformationModelGet",
        ):
            entity.add_supported_context(getattr(classes, name), scu_role=True, scp_role=True)
        self.server = entity.start_server(
            ("127.0.0.1", port),
            block=False,
            evt_handlers=[
                (evt.EVT_USER_ID, self._known),
                (evt.EVT_C_STORE, self._stored),
                (evt.EVT_C_FIND, self._found),
                (evt.EVT_C_GET, self._got),
            ],
        )

    def _known(self, event: Any) -> tuple[bool, bytes | None]:
        return event.secondary_field == b"rose and 42 thorns", None

    def _stored(self, event: Any) -> int:
        found = event.dataset
        found.file_meta = event.file_meta
        self.held.append(found)
        return 0

    def _matching(self, event: Any) -> list[Any]:
        uids = str(event.identifier.get("StudyInstanceUID", "")).split("\\")
        return [d for d in self.held if d.StudyInstanceUID in uids]

    def _found(self, event: Any) -> Iterator[tuple[int, Any]]:
        from pydicom.dataset import Dataset

        shown = event.assoc.requestor.user_identity
        user = shown.primary_field.decode() if shown is not None else ""
        theirs = {
            d.StudyInstanceUID: d
            for d in self._matching(event)
            if d.get("InstitutionalDepartmentName", "") == user.upper()
        }
        for uid in theirs:
            row = Dataset()
            row.QueryRetrieveLevel = event.identifier.QueryRetrieveLevel
            row.StudyInstanceUID = uid
            yield 0xFF00, row

    def _got(self, event: Any) -> Iterator[Any]:
        found = self._matching(event)
        yield len(found)
        for each in found:
            yield 0xFF00, each


def test_a_server_of_pynetdicom_that_filters_find_but_not_get(tmp_path: Path) -> None:
    """A leak that is none of our own code: user identity, filter and retrieval are foreign."""
    port = free_port()
    (tmp_path / "passcode").write_text("rose and 42 thorns")
    users = {
        name: {"type": 2, "name": name, "passcode": f"file:{tmp_path}/passcode", "sees": [name]}
        for name in ("alice", "bob")
    }
    studies = {name: {"department": name.upper()} for name in users}
    document = target(port, 0, users=users, studies=studies)
    document.pop("listeners")
    peer = Pynetdicom(port)
    try:
        found = judged(document, tmp_path)
    finally:
        peer.server.shutdown()
    assert {rule: word for rule, (word, _) in found.items()} == {
        "find": Word.PASS,
        "get": Word.FAIL,
        "move": Word.INCONCLUSIVE,
        "counts": Word.PASS,
        "nobody": Word.FAIL,
        "wrong-credential": Word.PASS,
        "existence": Word.PASS,
    }, found
    assert "gets study" in found["get"][1]
    assert "give a listener" in found["move"][1]
