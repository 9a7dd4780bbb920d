"""Releases: a pool of processes, resuming, bounded memory, set facts; and files for ``inspect``."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from part15.channel.files import InspectedFile
from part15.channel.reading import Desk
from part15.drivers.deid_files import original_of, read_deidentified, read_release
from part15.drivers.deid_release import Item, Unread, files_of, read_files, release_of
from part15.drivers.deid_spill import Spilling
from part15.observations.deid import DeidSeen, DeidSet
from part15.peers.canaries import write_corpus
from part15.peers.deidentifier import Deidentifier
from part15.wire import deid
from part15.wire.deid import Claimed

VECTORS = Path(__file__).parent / "vectors" / "deid"


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("release")
    corpus = write_corpus(folder / "originals")
    peer = Deidentifier()
    for path in corpus.files:
        made = folder / "made" / path
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_bytes(peer.object((corpus.folder / path).read_bytes()))
    (folder / "made" / "notes.txt").write_text("no DICOM")
    return folder / "made", folder / "originals"


def test_a_pool_answers_as_one_process_does_and_in_order(release: tuple[Path, Path]) -> None:
    made, originals = release
    items = list(files_of(made, originals))
    alone = list(read_files(items, Claimed(), workers=1))
    assert list(read_files(iter(items), Claimed(), workers=2)) == alone
    assert [name for name, _ in alone] == [item.name for item in items]
    unread = [seen for _, seen in alone if isinstance(seen, Unread)]
    assert [u.name for u in unread] == ["notes.txt"]
    assert sum(isinstance(seen, DeidSeen) and seen.paired for _, seen in alone) == len(items) - 1


def test_what_was_judged_is_not_judged_again(release: tuple[Path, Path]) -> None:
    made, _ = release
    items = list(files_of(made))
    done = {item.name for item in items[:-2]}
    assert [n for n, _ in read_files(items, Claimed(), workers=1, done=done)] == [
        item.name for item in items[-2:]
    ]


def test_a_stopped_iteration_stops_the_pool(release: tuple[Path, Path]) -> None:
    made, _ = release
    endless = (Item(item.name, item.path) for _ in range(10**6) for item in files_of(made))
    reading = read_files(endless, Claimed(), workers=2)
    assert next(reading)[0]
    reading.close()


def test_a_file_that_went_away_is_told() -> None:
    ((_, seen),) = read_files([Item("gone.dcm", "/nonexistent/gone.dcm")], Claimed(), workers=1)
    assert isinstance(seen, Unread)


def test_a_release_of_one_map_is_consistent(release: tuple[Path, Path]) -> None:
    made, originals = release
    facts = release_of(made, Claimed(salt=b"x"), originals=originals, workers=1)
    assert facts.pairs == 9
    assert facts.split == facts.merged == ()
    assert "113100 DCM" in facts.codes


def test_maps_move_to_disk_and_stay_the_same() -> None:
    mapping = Spilling(most=10)
    for number in range(50):
        mapping[f"k{number}"] = f"v{number}"
    mapping["k3"] = "other"
    del mapping["k4"]
    assert len(mapping) == 49
    assert mapping["k3"] == "other"
    assert mapping.get("k4") is None
    assert mapping["k49"] == "v49"
    assert set(mapping) == {f"k{n}" for n in range(50) if n != 4}
    with pytest.raises(KeyError):
        mapping["absent"]
    with pytest.raises(KeyError):
        del mapping["absent"]
    mapping.close()
    assert len(mapping) == 0


def inspected(name: str, root: Path = VECTORS) -> InspectedFile:
    path = root / name
    return InspectedFile(name, "dicom", path.read_bytes(), path, root)


def test_inspect_judges_what_says_to_be_de_identified() -> None:
    desk = Desk(edition="2023b")
    (reading,) = read_deidentified(inspected("phi-mr.repaired.dcm"), desk)
    assert reading.marks == ("basic-confidentiality",)
    assert not reading.seen.paired
    assert list(read_deidentified(inspected("phi-mr.original.dcm"), desk)) == []
    (whole,) = read_release(desk)
    assert isinstance(whole.seen, DeidSet)
    assert whole.seen.objects == 1
    assert list(read_release(desk)) == []


def test_inspect_pairs_by_name_or_with_the_one_original(tmp_path: Path) -> None:
    original = VECTORS / "phi-mr.original.dcm"
    desk = Desk(claimed=frozenset(["basic-confidentiality"]), edition="2023b", before=original)
    (reading,) = read_deidentified(inspected("phi-mr.repaired.dcm"), desk)
    assert reading.seen.paired
    assert reading.seen.hunted > 3
    shutil.copy(original, tmp_path / "phi-mr.repaired.dcm")
    assert (
        original_of(inspected("phi-mr.repaired.dcm"), tmp_path) == tmp_path / "phi-mr.repaired.dcm"
    )
    assert original_of(inspected("phi-sr.repaired.dcm"), tmp_path) is None


def test_inspect_takes_options_by_name_and_by_profile() -> None:
    desk = Desk(
        claimed=frozenset(["basic-confidentiality", "retain-uids"]),
        options=("clean-graphics",),
        edition="2023b",
    )
    (reading,) = read_deidentified(inspected("phi-mr.repaired.dcm"), desk)
    assert reading.seen.options == ("clean-graphics", "retain-uids")


def test_inspect_says_what_it_cannot_read(tmp_path: Path) -> None:
    whole = (VECTORS / "phi-mr.repaired.dcm").read_bytes()
    (tmp_path / "cut.dcm").write_bytes(whole[:900])
    desk = Desk(claimed=frozenset(["basic-confidentiality"]))
    assert list(read_deidentified(inspected("cut.dcm", tmp_path), desk)) == []
    assert "cut.dcm" in desk.notes[0]


@pytest.mark.parametrize(
    "options", [(), ("retain-uids", "retain-device-identity", "clean-graphics")]
)
def test_the_quick_way_answers_as_the_slow_way_does(
    release: tuple[Path, Path], options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [*VECTORS.glob("*.dcm"), *release[0].rglob("*.dcm"), *release[1].rglob("*.dcm")]
    claim = Claimed(options=options)
    quick = [deid.read_object(path.read_bytes(), path.name, claim) for path in paths]
    monkeypatch.setattr(deid, "scan_elements", lambda *_: False)
    slow = [deid.read_object(path.read_bytes(), path.name, claim) for path in paths]
    for one, other in zip(quick, slow, strict=True):
        assert comparable(one) == comparable(other)


def comparable(seen: DeidSeen) -> DeidSeen:
    listed = [replace(d, value="") for d in seen.deviations if d.weight != "open"]
    return replace(seen, deviations=tuple(listed), elements=0, more=0, signatures=(), orphan_macs=0)
