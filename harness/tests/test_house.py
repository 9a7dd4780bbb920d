"""The rules of the house: import direction, who may do I/O, plain data, one way to do a thing."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import part15
from part15 import load
from part15.model import Status
from part15.registry import checks, drivers

ROOT = Path(part15.__file__).parent

LAYERS = (
    (
        "errors",
        "model",
        "address",
        "toml_lines",
        "toml_writing",
        "references",
        "content",
        "observations",
    ),
    ("registry", "bench"),
    ("wire", "pki", "forge", "strategies"),
    ("channel",),
    ("drivers", "checks", "peers"),
    ("load", "target", "evidence", "identities"),
    ("plan", "session", "judge", "rows"),
    ("report",),
    ("run", "inspect", "selftest", "doctor", "sheet"),
    ("pytest_plugin",),
    ("cli",),
)
"""Earlier layers do not know later ones; modules of one layer may know each other, but for drivers and checks."""

SOCKETS = {"socket", "subprocess", "socketserver"}
MAY_OPEN = ("drivers", "channel", "peers")
RESOLVERS = {"address.py", "session.py"}
"""Name resolution and the question which address family listens come before any stimulus."""


def layer_of(name: str) -> int:
    top = name.split(".", maxsplit=1)[0]
    for number, names in enumerate(LAYERS):
        if top in names or any(top.startswith((f"{n}_",)) for n in names):
            return number
    raise AssertionError(f"part15.{name} has no layer; add it to LAYERS")


def modules() -> list[Path]:
    return [p for p in sorted(ROOT.rglob("*.py")) if p.name not in ("__init__.py", "__main__.py")]


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "part15":
                found |= {f"part15.{alias.name}" for alias in node.names}
            else:
                found.add(node.module)
    return found


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_go_one_way(path: Path) -> None:
    mine = name_of(path)
    for other in imported(path):
        if not other.startswith("part15.") or other == "part15.__version__":
            continue
        theirs = other.removeprefix("part15.")
        assert layer_of(theirs) <= layer_of(mine), f"{mine} imports {theirs}"
        pair = {mine.split(".")[0], theirs.split(".")[0]}
        assert pair != {"drivers", "checks"}, f"{mine} imports {theirs}"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_only_the_edge_opens_sockets(path: Path) -> None:
    if name_of(path).split(".")[0] in MAY_OPEN or path.name in RESOLVERS:
        return
    assert not imported(path) & SOCKETS, f"{name_of(path)} does I/O"


def test_checks_and_wire_have_no_clock_and_no_files() -> None:
    for path in modules():
        if name_of(path).split(".")[0] == "checks":
            assert not imported(path) & {"time", "os", "tempfile", "random", "pathlib"}, path


def bound() -> set[tuple[str, str]]:
    return {
        (binding.stimulus.kind, binding.check)
        for profile in load.load_profiles().values()
        for clause in profile.clauses
        for binding in clause.bindings
        if binding.stimulus is not None
    }


def test_every_binding_fits_the_registries() -> None:
    assert [str(p) for p in load.bind_problems(load.load_profiles())] == []


def test_every_check_and_driver_is_used() -> None:
    used = bound()
    assert set(checks()) - {check for _, check in used} == set()
    assert set(drivers()) - {driver for driver, _ in used} == set()


def test_clause_ids_are_unique() -> None:
    ids = [clause.id for profile in load.load_profiles().values() for clause in profile.clauses]
    assert len(ids) == len(set(ids))


def test_no_status_without_a_reason() -> None:
    for profile in load.load_profiles().values():
        for clause in profile.clauses:
            for binding in clause.bindings:
                if binding.status is not Status.CHECKED and binding.stimulus is None:
                    assert binding.reason, (
                        f"{clause.id} for {binding.roles} is {binding.status} without a reason"
                    )


def test_no_module_is_too_long() -> None:
    long = {name_of(p): n for p in modules() if (n := len(p.read_text().splitlines())) > 420}
    assert long == {}


def test_observations_are_told_apart_by_name() -> None:
    """A stored observation carries its class name only: two classes of one name cannot be read back."""
    seen: dict[str, str] = {}
    for path in sorted((ROOT / "observations").glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                assert node.name not in seen, f"{node.name} is in {seen[node.name]} and {path.stem}"
                seen[node.name] = path.stem
