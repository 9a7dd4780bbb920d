"""Real de-identifiers through their adapters: what they do is known, and nothing else is said of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from types import SimpleNamespace

import pytest

from part15 import load
from part15.bench import Bench, Ledger, Shelf
from part15.drivers import deid
from part15.errors import TargetError
from part15.judge import ask
from part15.model import Claim, Word
from part15.observations import NotReached
from part15.peers import canaries
from part15.peers.adapters import deid_tools
from part15.peers.deidentifier import Deidentifier
from part15.plan import clauses_of
from part15.registry import checks, drivers

VECTORS = Path(__file__).parent / "vectors" / "deid"
EXPECTED = VECTORS / "expected-gdcmanon.json"
ROOT = Path(__file__).parents[2]
ENVIRONMENTS = {
    "dicognito": ("dicognito==0.19.0", "python"),
    "dicom-anonymizer": ("dicom-anonymizer==2.1.0", "dicom-anonymizer"),
    "deid": ("deid==0.4.13", "deid"),
}
"""PyPI requirement and program of each tool; they get an environment of their own, kept for the next run."""
PROFILE = "basic-confidentiality"


def gdcmanon() -> None:
    if shutil.which("gdcmanon") is None:
        if os.environ.get("PART15_REQUIRE_PEERS"):
            pytest.fail("gdcmanon is not installed (libgdcm-tools)")
        pytest.skip("peer gdcmanon is not installed (libgdcm-tools)")


def program_of(tool: str) -> str:
    """Return the program of *tool* in its own environment, which is made if it is missing."""
    requirement, program = ENVIRONMENTS[tool]
    home = ROOT / f".venv-{tool}"
    made = home / "bin" / program
    ready = home / requirement
    if not ready.is_file():
        shutil.rmtree(home, ignore_errors=True)
        venv.create(home, with_pip=True)
        pip = [str(home / "bin" / "pip"), "install", "-q", requirement, "pydicom<4"]
        done = subprocess.run(pip, capture_output=True, timeout=280, check=False)
        if done.returncode:
            if os.environ.get("PART15_REQUIRE_PEERS"):
                pytest.fail(f"{requirement} cannot be installed: {done.stderr.decode()[-500:]}")
            pytest.skip(f"peer {requirement} cannot be installed here")
        ready.touch()
    return str(made)


class Nowhere:
    def keep(self, name: str, data: bytes, *, phi: str = "none") -> None:
        pass


def bench(folder: Path, edition: str, adapter: tuple[str, ...]) -> Bench:
    target = SimpleNamespace(
        adapter=adapter,
        folder=folder,
        media=None,
        claims={PROFILE: SimpleNamespace(edition=edition, options=())},
        policy={},
        target=SimpleNamespace(edition=edition),
    )
    return Bench(target, None, Nowhere(), Ledger(), Shelf(), folder, deadline=30)


def judged(
    folder: Path, edition: str, role: str, tool: tuple[str, ...] = ("gdcmanon",)
) -> dict[str, str]:
    adapter = (sys.executable, "-m", "part15.peers.adapters.deid_tools", *tool)
    here = bench(folder, edition, adapter)
    words: dict[str, str] = {}
    seen: dict[str, object] = {}
    for profile, clause, _ in clauses_of(Claim(PROFILE, role, edition), load.load_profiles()):
        for binding in clause.bindings:
            stimulus = binding.stimulus
            if (
                role not in binding.roles
                or stimulus is None
                or not stimulus.kind.startswith("deid")
            ):
                continue
            if stimulus.key not in seen:
                place = folder / str(len(seen))
                place.mkdir()
                driver = drivers()[stimulus.kind].function
                seen[stimulus.key] = driver(
                    Bench(here.target, None, here.evidence, here.ledger, here.shelf, place, 30),
                    **stimulus.args,
                )
            answer = ask(checks()[binding.check], seen[stimulus.key], binding.expect)
            words[clause.id] = str(answer.word)
        assert profile.id
    return words


def test_gdcmanon_as_de_identifier(tmp_path: Path) -> None:
    edition = "2023b"
    gdcmanon()
    expected = json.loads(EXPECTED.read_text(encoding="utf-8"))
    words = judged(tmp_path, edition, "de-identifier")
    failed = {clause for clause, word in words.items() if word == Word.FAIL}
    assert failed == set(expected["de-identifier, 2023b"]["fails"])
    assert sum(word == Word.PASS for word in words.values()) >= 8


@pytest.mark.timeout(400)
@pytest.mark.parametrize("tool", ENVIRONMENTS)
def test_tools_of_pypi_as_de_identifiers(tool: str, tmp_path: Path) -> None:
    expected = json.loads((VECTORS / f"expected-{tool}.json").read_text(encoding="utf-8"))
    words = judged(tmp_path, "2023b", "de-identifier", (tool, "--program", program_of(tool)))
    assert words == expected["verdicts"]
    told = {c for c, word in words.items() if word not in ("pass", "info", "not-applicable")}
    assert told == set(expected["reasons"])


def test_gdcmanon_as_re_identifier(tmp_path: Path) -> None:
    gdcmanon()
    expected = json.loads(EXPECTED.read_text(encoding="utf-8"))
    words = judged(tmp_path, "2023b", "re-identifier")
    failed = {clause for clause, word in words.items() if word == Word.FAIL}
    assert failed == set(expected["re-identifier, 2023b"]["fails"])


def test_an_adapter_says_that_its_tool_is_missing(tmp_path: Path) -> None:
    adapter = (sys.executable, "-m", "part15.peers.adapters.deid_tools", "deid")
    seen = drivers()["deid.deidentify"].function(
        bench(tmp_path, "2023b", (*adapter, "--program", "/nonexistent/deid"))
    )
    assert isinstance(seen, NotReached)
    assert "not installed" in seen.why


@pytest.mark.parametrize("tool", sorted(deid_tools.TOOLS))
def test_commands_of_the_tools(tool: str, tmp_path: Path) -> None:
    program, make = deid_tools.TOOLS[tool]
    command = make(program, tmp_path / "a.dcm", tmp_path / "b.dcm", {"recipients": ["r.pem"]})
    assert command[0] == program
    assert any(str(tmp_path) in part for part in command)


def test_a_target_without_adapter_and_folder_is_not_reached(tmp_path: Path) -> None:
    seen = drivers()["deid.deidentify"].function(bench(tmp_path, "2023b", ()))
    assert isinstance(seen, NotReached)


def test_a_folder_drop_is_hunted_like_an_adapter(tmp_path: Path) -> None:
    assert canaries.main([str(tmp_path / "in")]) == 0
    peer = Deidentifier(faults=("copies_name_elsewhere",))
    for source in sorted((tmp_path / "in").rglob("*.dcm")):
        made = tmp_path / "out" / source.relative_to(tmp_path / "in")
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_bytes(peer.object(source.read_bytes()))
    here = bench(tmp_path, "2023b", ())
    here.target.media = SimpleNamespace(
        folder=str(tmp_path / "out"), originals=str(tmp_path / "in")
    )
    seen = drivers()["deid.deidentify"].function(here)
    assert len(seen.members) == 9
    assert all(member.seen.paired for member in seen.members)
    survivors = {(s.place, s.transform) for m in seen.members for s in m.seen.survivors}
    assert ("(0018,1160)", "other case") in survivors
    assert any(place == "file name" for place, _ in survivors)


def test_orthanc_as_de_identifier(tmp_path: Path) -> None:
    if shutil.which("Orthanc") is None:
        if os.environ.get("PART15_REQUIRE_PEERS"):
            pytest.fail("Orthanc is not installed")
        pytest.skip("peer Orthanc is not installed")
    adapter = (sys.executable, "-m", "part15.peers.adapters.orthanc_anonymize")
    seen = drivers()["deid.deidentify"].function(bench(tmp_path, "2021b", adapter))
    assert len(seen.members) == 9
    words = {
        check: str(ask(checks()[check], seen, expect).word)
        for check, expect in (
            ("deid_table.removes_private", {}),
            ("deid_marks.replaces_meta", {}),
            ("deid_table.is_new_instance", {}),
            ("deid_marks.codes_method", {}),
            ("deid_marks.dates_marked", {}),
            ("deid_table.treats_rows", {"rows": ["(50xx,xxxx)", "(60xx,3000)"]}),
        )
    }
    assert list(words.values()) == ["pass"] * 3 + ["fail"] * 3, words


def test_of_both_date_options_one_is_asked_for_at_a_time() -> None:
    claims = {
        PROFILE: SimpleNamespace(edition="2021b", options=("clinical-trial",)),
        "retain-long-full-dates": SimpleNamespace(edition=None, options=()),
        "tls-bcp195": SimpleNamespace(edition="2008", options=()),
    }
    target = SimpleNamespace(claims=claims, target=SimpleNamespace(edition="2023b"))
    edition, modified = deid.claim_of(target)
    assert edition == "2021b"
    assert "retain-long-modified-dates" in modified
    assert "retain-long-full-dates" not in modified
    assert "retain-long-full-dates" in deid.claim_of(target, "full")[1]
    assert "clean-pixel-data" in modified


def test_safe_private_attributes_are_declared_by_creator_group_and_element() -> None:
    target = SimpleNamespace(policy={"safe_private": ["ELSCINT1,00E1,21", "A, B,0019,0A"]})
    assert deid.declared_safe(target) == {("ELSCINT1", 0xE1, 0x21), ("A, B", 0x19, 0x0A)}
    with pytest.raises(TargetError, match="CREATOR,gggg,ee"):
        deid.declared_safe(SimpleNamespace(policy={"safe_private": ["ELSCINT1"]}))
