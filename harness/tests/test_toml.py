"""What we write as TOML is what ``tomllib`` reads; what it reads we can point at."""

from __future__ import annotations

import tomllib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from part15.toml_lines import key_lines, line_of
from part15.toml_writing import relative_below, toml_text

SCALARS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])), st.booleans(), st.integers(-(2**53), 2**53)
)
TABLES = st.recursive(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
        st.one_of(SCALARS, st.lists(SCALARS)),
    ),
    lambda inner: st.dictionaries(
        st.text("abc-", min_size=1), st.one_of(SCALARS, inner, st.lists(inner, min_size=1))
    ),
    max_leaves=12,
)


@given(TABLES)
def test_round_trip(document: dict[str, object]) -> None:
    assert tomllib.loads(toml_text(document)) == document


def test_lines_of_keys() -> None:
    lines = key_lines('[a]\nb = 1\n[[c]]\nd = 2\n[[c]]\n"e.f" = 3\n')
    assert lines[("a", "b")] == 2
    assert lines[("c", 1, "e.f")] == 6
    assert line_of(lines, ("c", 0, "unknown", "x")) == 3
    assert line_of(lines, ("nowhere",)) is None


def test_paths_below_a_folder_become_relative() -> None:
    value = {"a": ["/x/y/z.pem", "/other"], "b": "/x/yz"}
    assert relative_below(value, Path("/x/y")) == {"a": ["z.pem", "/other"], "b": "/x/yz"}
