"""De-identifiers on the network: the corpus is stored with them, and comes back de-identified."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from part15.bench import Bench, Ledger, Shelf
from part15.judge import ask
from part15.model import Impact, Word
from part15.observations import Many, NotReached
from part15.peers.deid_router import DeidRouter
from part15.peers.deidentifier import Deidentifier
from part15.registry import checks, drivers
from part15.target import Endpoint, Listener

PROFILE = "basic-confidentiality"
FILES = 9


class Nowhere:
    def keep(self, name: str, data: bytes, *, phi: str = "none") -> None:
        pass


def free_port() -> int:
    with socket.socket() as each:
        each.bind(("127.0.0.1", 0))
        return int(each.getsockname()[1])


def bench(
    folder: Path, into: int, out: int, *, impact: Impact = Impact.STORE, wait: float = 15.0
) -> Bench:
    address = f"127.0.0.1:{into}"
    endpoint = Endpoint(id="router", address=address, transport="plain", profiles=(PROFILE,))
    listener = Listener(id="out", port=out, transport="plain", profiles=(PROFILE,), wait=wait)
    target = SimpleNamespace(
        adapter=(),
        folder=folder,
        media=None,
        claims={PROFILE: SimpleNamespace(edition="2023b", options=())},
        policy={},
        target=SimpleNamespace(edition="2023b"),
        endpoints={"router": endpoint},
        listeners={"out": listener},
        limits=SimpleNamespace(impact=impact, connections=4, rate=None),
    )
    return Bench(target, None, Nowhere(), Ledger(), Shelf(), folder, deadline=10)


def through(folder: Path, *faults: str) -> Many[Any]:
    out = free_port()
    with DeidRouter(("127.0.0.1", out, "PART15"), Deidentifier(faults=frozenset(faults))) as router:
        seen = drivers()["deid.deidentify"].function(bench(folder, router.port, out))
    assert isinstance(seen, Many), seen
    return seen


def words(seen: Many[Any]) -> dict[str, Word]:
    return {
        name: ask(checks()[name], seen, {}).word
        for name in (
            "deid_table.follows_table",
            "deid_table.is_new_instance",
            "deid_options.frees_of_planted",
            "deid_set.maps_alike",
            "deid_marks.dates_marked",
            "deid_marks.replaces_meta",
        )
    }


def test_a_right_router_passes_and_nothing_is_said_of_a_file(tmp_path: Path) -> None:
    seen = through(tmp_path)
    assert len(seen.members) == FILES
    assert all(m.seen.paired for m in seen.members)
    found = words(seen)
    assert found.pop("deid_marks.replaces_meta") is Word.NOT_APPLICABLE
    assert set(found.values()) == {Word.PASS}, found


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("forgets_items", "deid_table.follows_table"),
        ("copies_name_elsewhere", "deid_options.frees_of_planted"),
        ("maps_uids_per_file", "deid_set.maps_alike"),
    ],
)
def test_a_wrong_router_fails(fault: str, check: str, tmp_path: Path) -> None:
    assert words(through(tmp_path, fault))[check] is Word.FAIL


def test_a_router_that_sends_nothing_on_is_not_judged(tmp_path: Path) -> None:
    peer = Deidentifier()
    with DeidRouter(None, peer) as router:
        seen = drivers()["deid.deidentify"].function(
            bench(tmp_path, router.port, free_port(), wait=0.5)
        )
    assert isinstance(seen, NotReached)
    assert f"{FILES} of {FILES} objects were stored" in seen.why
    assert "nothing came to listeners.out" in seen.why


def test_a_dead_endpoint_is_not_judged(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="refused"):
        drivers()["deid.deidentify"].function(bench(tmp_path, free_port(), free_port()))


def test_nothing_is_stored_with_a_product_that_may_only_be_observed(tmp_path: Path) -> None:
    seen = drivers()["deid.deidentify"].function(bench(tmp_path, 1, 1, impact=Impact.OBSERVE))
    assert isinstance(seen, NotReached)
    assert "not permitted by limits" in seen.why


LUA = """
function OnStableStudy(study, tags, metadata)
  if metadata['AnonymizedFrom'] == nil then
    local body = '{"DicomVersion": "2021b", "Force": true, "KeepSource": true}'
    local made = ParseJson(RestApiPost('/studies/' .. study .. '/anonymize', body, true))
    RestApiPost('/modalities/research/store', made['ID'], true)
  end
end
"""


@contextlib.contextmanager
def orthanc_router(folder: Path, out: int) -> Iterator[int]:
    """Run an Orthanc that anonymises each study when it is complete and sends it to port *out*; give its port."""
    program = shutil.which("Orthanc")
    if program is None:
        if os.environ.get("PART15_REQUIRE_PEERS"):
            pytest.fail("Orthanc is not installed")
        pytest.skip("peer Orthanc is not installed")
    http, dicom = free_port(), free_port()
    script = folder / "router.lua"
    script.write_text(LUA, encoding="utf-8")
    settings = folder / "orthanc.json"
    settings.write_text(
        json.dumps(
            {
                "StorageDirectory": str(folder / "db"),
                "IndexDirectory": str(folder / "db"),
                "HttpPort": http,
                "DicomPort": dicom,
                "RemoteAccessAllowed": False,
                "AuthenticationEnabled": False,
                "StableAge": 2,
                "LuaScripts": [str(script)],
                "DicomModalities": {"research": ["PART15", "127.0.0.1", out]},
            }
        ),
        encoding="utf-8",
    )
    process = subprocess.Popen(
        [program, str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", dicom), 1):
                break
            assert process.poll() is None, "Orthanc ended"
            assert time.monotonic() < until, "Orthanc does not listen"
            time.sleep(0.1)
        yield dicom
    finally:
        process.terminate()
        process.wait(20)


def test_orthanc_as_a_router(tmp_path: Path) -> None:
    out = free_port()
    with orthanc_router(tmp_path, out) as into:
        seen = drivers()["deid.deidentify"].function(bench(tmp_path, into, out, wait=40))
    assert isinstance(seen, Many), seen
    assert len(seen.members) == FILES
    found = {
        name: ask(checks()[name], seen, expect).word
        for name, expect in (
            ("deid_table.is_new_instance", {}),
            ("deid_table.removes_private", {}),
            ("deid_marks.says_identity_removed", {}),
            ("deid_marks.dates_marked", {}),
            ("deid_table.treats_rows", {"rows": ["(50xx,xxxx)", "(60xx,3000)"]}),
        )
    }
    assert list(found.values()) == [Word.PASS] * 3 + [Word.FAIL] * 2, found
    told = ask(checks()["deid_set.maps_alike"], seen, {})
    assert (
        told.word is Word.FAIL
    )  # study by study: the second study of the patient gets another map
    assert {f.subject for f in told.findings} == {"patient-id", "uid"}
