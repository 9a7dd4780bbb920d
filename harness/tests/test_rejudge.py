"""Judging again: what is stored is what was seen, for every driver; as checks are pure, so is what follows."""

from __future__ import annotations

import copy
import dataclasses
import functools
import json
import os
import subprocess
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from part15.errors import Trouble
from part15.evidence import Store
from part15.model import Stimulus
from part15.observations import Many, Member, NotReached, kinds
from part15.peers.embedded import embedded_target
from part15.registry import drivers
from part15.report import diff
from part15.toml_writing import toml_text

QUICK = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
STIMULUS = Stimulus("some.kind", {"a": [1]}, "here")


def returned() -> list[type]:
    """Every observation type that a driver may return."""
    found = {cls for driver in drivers().values() for cls in driver.returns}
    return sorted(found - {NotReached, Many, type(None)}, key=lambda cls: cls.__name__)


@functools.cache
def observations(cls: type) -> st.SearchStrategy[Any]:
    """Generate *cls* with what its annotations allow, every text and every octet string."""

    def built() -> st.SearchStrategy[Any]:
        hints = typing.get_type_hints(cls)
        fields = [f.name for f in dataclasses.fields(cls) if f.init]
        return st.builds(cls, **{name: values(hints[name]) for name in fields})

    return st.deferred(built)


@functools.cache
def _texts() -> st.SearchStrategy[str]:
    return st.text(alphabet=st.characters(), max_size=6)


def values(hint: Any) -> st.SearchStrategy[Any]:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return st.one_of(st.none(), st.integers(0, 9), _texts())
    if hint is float:
        return st.floats(allow_nan=False)
    if hint is str:
        return _texts()
    if origin is tuple and len(inner) == 2 and inner[1] is ...:
        return st.lists(values(inner[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values, inner))
    if origin in (dict, Mapping) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        return st.dictionaries(values(inner[0]), values(inner[1]), max_size=2)
    if origin is typing.Literal:
        return st.sampled_from(inner)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return observations(hint)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*map(values, inner))
    if origin is not None and isinstance(origin, type) and dataclasses.is_dataclass(origin):
        return st.just(origin())
    return st.from_type(hint)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("evidence"))


def stored(store: Store, seen: Any) -> Any:
    store.put(STIMULUS, seen)
    return store.get(STIMULUS)


def test_every_type_that_a_driver_returns_is_known_to_the_store() -> None:
    assert returned()
    assert {cls.__name__ for cls in returned()} <= set(kinds())


@pytest.mark.parametrize("cls", returned(), ids=lambda cls: cls.__name__)
def test_what_is_read_back_is_what_was_seen(store: Store, cls: type) -> None:
    @QUICK
    @given(observations(cls))
    def holds(seen: Any) -> None:
        assert stored(store, seen) == seen

    holds()


@pytest.mark.parametrize("text", ["\ud800", "\x00", "\u2028", "😀", "a\r\nb"])
def test_any_text_survives(store: Store, text: str) -> None:
    for seen in (NotReached("step", text), Many((Member(text, NotReached("x", text)),), text)):
        assert stored(store, seen) == seen


def test_trouble_survives(store: Store) -> None:
    found = stored(store, Trouble("connect", "nothing listens"))
    assert (found.step, found.why) == ("connect", "nothing listens")


def part15(*args: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "part15", *map(str, args)],
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


FEW = "no-tls10 or PS3.8-9.3.8 or D.1-outer or B.12-cs"
MORE = """
[claims.basic-media-security]
roles = ["media-creator", "media-reader"]

[claims.creator-rsa]
roles = ["verifier"]
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run over the wire and through an adapter; the product is gone when it is judged again."""
    folder = tmp_path_factory.mktemp("run")
    with embedded_target(folder / "peer", faults=("keeps_tls10",)) as path:
        adapter = [sys.executable, "-m", "part15.peers.adapters.reference"]
        both = f"{toml_text({'adapter': adapter})}{path.read_text()}{MORE}"
        (folder / "peer" / "all.toml").write_text(both)
        done = part15(
            "run",
            "peer/all.toml",
            "-o",
            "out",
            "-q",
            "-k",
            FEW,
            cwd=folder,
        )
        assert (folder / "out" / "report.json").is_file(), done.stderr
    (folder / "peer" / "all.toml").unlink()
    yield folder / "out"


def test_a_stored_run_gives_the_same_report_byte_for_byte(run: Path) -> None:
    families = {p.name.partition(".")[0] for p in (run / "evidence").iterdir()}
    assert {"tls", "session", "media_sut", "statement"} <= families
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    done = part15("judge", run, "--json", cwd=run.parent)
    assert done.stdout.encode() == (run / "report.json").read_bytes()
    assert {p: p.read_bytes() for p in run.rglob("*") if p.is_file()} == before


def test_another_edition_flips_and_the_comparison_says_why(run: Path) -> None:
    done = part15("judge", run, "--edition", "2024d", "-o", "newer", cwd=run.parent)
    assert done.returncode == 1, done.stderr
    compared = json.loads(part15("report", "diff", run, "newer", "--json", cwd=run.parent).stdout)
    editions = compared["oldRun"]["edition"], compared["newRun"]["edition"]
    assert editions == ("2023b", "2024d")
    flipped = {r["case"]: r for kind in diff.KINDS for r in compared[kind] if r["why"]}
    row = flipped["RFC9325-no-tls10:tls-server"]
    assert (row["before"], row["after"]) == ("warn", None)
    row = flipped["RFC8996-server-hello-0x0301:tls-server"]
    assert (row["before"], row["after"]) == (None, "fail")
    assert {r["why"] for r in flipped.values()} == {"edition 2023b before, 2024d now"}


def test_a_changed_observation_is_told_from_a_changed_judge(run: Path, tmp_path: Path) -> None:
    """What flips with other octets behind it is the product; with the same ones it is part15 or its text."""
    old = json.loads((run / "report.json").read_text())
    driven = next(r for r in old["results"] if r["driven"] and r["verdict"] == "pass")

    def why(**change: object) -> str:
        new = copy.deepcopy(old)
        for row in new["results"]:
            if row["case"] == driven["case"]:
                row["verdict"] = "fail"
        if "text" in change:
            for clause in new["clauses"]:
                if clause["id"] == driven["clause"]:
                    clause["text"] = change["text"]
        if "sha256" in change:
            for item in new["evidence"]:
                item["sha256"] = change["sha256"]
        (row,) = diff.compare(old, new)["new"]
        return str(row["why"])

    assert "same observation" in why()
    assert why(text="other words") == "the profile's text changed"
    assert why(sha256="0" * 64) == "the system behaved differently"
