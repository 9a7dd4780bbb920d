"""The JSON index: kept, used, made anew, and read without YAML and pydantic."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from part15 import content, load, load_index
from part15.errors import ContentError

PROFILE = """\
profile: site-policy
title: Site policy
section: Site
editions: ['2023b', null]
roles: [tls-server]
clauses:
  - id: SITE-ports
    section: Site 1
    level: shall
    roles: [tls-server, conformance-statement]
    text: The port is declared.
    status: planned
    reason: not tested by this version
"""


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A ``profiles/`` of one profile, and a cache of its own."""
    root = tmp_path / "profiles"
    (root / "secure_transport").mkdir(parents=True)
    (root / "tables").mkdir()
    (root / "tables" / "readings.json").write_text("{}", encoding="utf-8")
    (root / "roles.yaml").write_text(
        "every_claim: [conformance-statement]\nroles:\n  tls-server: [tls-server]\nnobody: []\n",
        encoding="utf-8",
    )
    (root / "secure_transport" / "site.yaml").write_text(PROFILE, encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    tables: dict[str, Any] = {"readings": {}}
    monkeypatch.setattr(content, "folder", lambda name: tmp_path / name)
    monkeypatch.setattr(content, "table", lambda name: tables[name])
    load._index.cache_clear()
    load._models.cache_clear()
    yield root
    load._index.cache_clear()
    load._models.cache_clear()


def forget() -> None:
    load._index.cache_clear()
    load._models.cache_clear()


def test_the_index_is_kept_and_used(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load.load_profiles()
    stored = list((small.parent / "cache" / "part15").glob("*"))
    assert [p.name.startswith("profiles-") for p in stored] == [True]
    forget()
    monkeypatch.setattr(
        load, "_built", lambda _sources: pytest.fail("read YAML although an index is there")
    )
    assert load.load_profiles() == first
    assert load.load_roles() == {"tls-server": ("tls-server", "conformance-statement")}


def test_a_change_is_seen_at_once(small: Path) -> None:
    before, digest = load.load_profiles(), load.profiles_digest()
    path = small / "secure_transport" / "site.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("The port is", "A port is"), encoding="utf-8"
    )
    after = load.load_profiles()
    assert before["site-policy"].clauses[0].text == "The port is declared."
    assert after["site-policy"].clauses[0].text == "A port is declared."
    assert load.profiles_digest() != digest


def test_unchanged_files_are_not_read_again(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load.load_profiles()
    text = (small / "secure_transport" / "site.yaml").read_text(encoding="utf-8")
    text = text.replace("SITE-ports", "SITE-other").replace("site-policy", "other")
    (small / "secure_transport" / "other.yaml").write_text(text, encoding="utf-8")
    read: list[str] = []
    entry = load._entry

    def listed(name: str, data: bytes) -> Any:
        read.append(name)
        return entry(name, data)

    monkeypatch.setattr(load, "_entry", listed)
    assert set(load.load_profiles()) == {"site-policy", "other"}
    assert read == ["secure_transport/other.yaml"]


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"key": "x"}', '{"files": {}}', "null"])
def test_a_damaged_index_is_made_anew(small: Path, damage: str) -> None:
    first = load.load_profiles()
    for path in (small.parent / "cache" / "part15").glob("*"):
        path.write_text(damage, encoding="utf-8")
    forget()
    assert load.load_profiles() == first


def test_a_cache_that_cannot_be_written_only_costs_time(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = small.parent / "blocked"
    blocked.write_text("a file, no folder", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert set(load.load_profiles()) == {"site-policy"}


def test_old_indexes_go_away(small: Path) -> None:
    path = small / "secure_transport" / "site.yaml"
    for number in range(6):
        path.write_text(path.read_text(encoding="utf-8") + f"# {number}\n", encoding="utf-8")
        load.load_profiles()
    assert len(list((small.parent / "cache" / "part15").glob("*"))) == load_index.KEPT


def test_the_problems_of_all_built_in_files_come_at_once(small: Path) -> None:
    text = (small / "secure_transport" / "site.yaml").read_text(encoding="utf-8")
    (small / "secure_transport" / "a.yaml").write_text(
        text.replace("level: shall", "level: x"), encoding="utf-8"
    )
    (small / "secure_transport" / "b.yaml").write_text("profile: [", encoding="utf-8")
    with pytest.raises(ContentError) as caught:
        load.load_profiles()
    files = {p.file for p in caught.value.problems}
    assert files == {f"profiles/secure_transport/{n}.yaml" for n in ("a", "b", "site")}
    assert not (small.parent / "cache").exists()


def test_a_broken_role_table(small: Path) -> None:
    (small / "roles.yaml").write_text(
        "every_claim: x\nroles: {a: b}\nnobdy: []\n", encoding="utf-8"
    )
    with pytest.raises(ContentError) as caught:
        load.load_profiles()
    assert [str(p) for p in caught.value.problems] == [
        "profiles/roles.yaml:1:1: 'nobody' is a list of roles",
        "profiles/roles.yaml:1:14: 'every_claim' is a list of roles",
        "profiles/roles.yaml:2:8: 'roles' maps each claimable role to a list of roles",
        "profiles/roles.yaml:3:1: 'nobdy' is not a key of the role table",
    ]


def test_the_index_needs_no_yaml_and_no_pydantic() -> None:
    load.load_profiles()
    code = (
        "import sys\n"
        "from part15 import load\n"
        "assert len(load.load_profiles()) > 50 and load.load_roles() and load.load_readings()\n"
        "heavy = {'ruamel', 'ruamel.yaml', 'pydantic', 'cryptography', 'lxml', 'pydicom'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_models_survive_the_index() -> None:
    profiles = load.load_profiles()
    plain = load._builtin()["secure_transport/tls-bcp195-rfc8996.yaml"]
    assert load_index.profile_from(json.loads(json.dumps(plain))) == profiles["tls-bcp195-rfc8996"]


@pytest.mark.skipif(os.name == "nt", reason="the place differs there")
def test_the_cache_folder_follows_xdg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert load_index.cache_folder() == Path("/x/part15")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/h")
    monkeypatch.setattr(sys, "platform", "linux")
    assert load_index.cache_folder() == Path("/h/.cache/part15")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert load_index.cache_folder() == Path("/h/Library/Caches/part15")
