"""Target files: what is wrong is said at once, with file and line, and what to do."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from part15.address import join_address, split_address
from part15.errors import TargetError
from part15.model import Impact
from part15.references import secret
from part15.target import Target
from part15.target_file import load_target, parse_target

GOOD = """
[target]
name = "Example"
edition = "2023b"
[claims]
tls-bcp195-rfc8996 = ["tls-server", "tls-client"]
user-identity-basic = { roles = ["association-acceptor"], edition = "2017c", features = ["x"] }
[declared.tls-bcp195-rfc8996]
ports = "2762"
[endpoints.dicom-tls]
address = "[::1]:2762"
ae_title = "ARCHIVE"
[listeners.back]
transport = "tls"
trigger = ["./go.sh", "{port}"]
[limits]
impact = "observe"
"""


def parse(text: str) -> Target:
    return parse_target(tomllib.loads(text), source="t.toml", text=text)


def problems(text: str) -> list[str]:
    with pytest.raises(TargetError) as caught:
        parse(text)
    return [str(p) for p in caught.value.problems]


def test_a_good_target() -> None:
    target = parse(GOOD)
    assert [c.name for c in target.claimed()] == [
        "tls-bcp195-rfc8996 as tls-server, 2023b",
        "tls-bcp195-rfc8996 as tls-client, 2023b",
        "user-identity-basic as association-acceptor, 2017c",
    ]
    assert {c.edition for c in target.claimed("2024e")} == {"2024e"}
    assert (target.endpoints["dicom-tls"].host, target.endpoints["dicom-tls"].port) == ("::1", 2762)
    assert target.limits.impact is Impact.OBSERVE


def test_every_problem_at_once_with_lines() -> None:
    found = problems(
        '[target]\nnam = "x"\n[claims]\na = []\n[endpoints.t]\naddress = "host"\ntransport = "tsl"\n'
        '[[waivers]]\ncase = "x"\nreason = "y"\nowner = "z"\n'
    )
    assert "t.toml:2: 'target.nam' is not a key of a target file; did you mean 'name'?" in found
    assert any(p.startswith("t.toml:6:") and "has no port" in p for p in found)
    assert any(p.startswith("t.toml:7:") for p in found)
    assert "t.toml:8: 'waivers.0.expires' is missing; it is mandatory" in found
    assert len(found) == 6


def test_files_that_are_not_there(tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_text(
        '[target]\nname = "x"\n[endpoints.t]\naddress = "127.0.0.1:2762"\ntrust = "ca.pem"\nprofiles = ["a"]\n'
    )
    with pytest.raises(TargetError) as caught:
        load_target(path)
    text = str(caught.value)
    assert f"{path}:5: endpoints.t.trust: there is no file {tmp_path / 'ca.pem'}" in text
    assert f"{path}:6: endpoints.t.profiles names 'a', which is not claimed" in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"[target\n", "is not valid TOML"),
    ],
)
def test_files_that_are_no_targets(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "t.toml"
    path.write_bytes(content)
    with pytest.raises(TargetError, match=said):
        load_target(path)


def test_a_missing_target_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="part15 init"):
        load_target(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:2762", ("127.0.0.1", 2762)),
        ("[::1]:104", ("::1", 104)),
        ("[fe80::1%eth0]:2762", ("fe80::1%eth0", 2762)),
        ("archive.example:11112", ("archive.example", 11112)),
    ],
)
def test_addresses(text: str, expected: tuple[str, int]) -> None:
    assert split_address(text) == expected
    assert join_address(*expected) == text


@pytest.mark.parametrize(
    "text", ["::1:104", "host", "host:", "host:0", "host:70000", "[host]:1", ":104"]
)
def test_bad_addresses(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        split_address(text)


def test_secrets_only_by_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PART15_TEST_SECRET", "s3cret")
    (tmp_path / "s").write_text("inside\n")
    assert secret("env:PART15_TEST_SECRET") == "s3cret"
    assert secret(f"file:{tmp_path / 's'}") == "inside"
    with pytest.raises(TargetError, match="write env"):
        secret("s3cret")
    with pytest.raises(TargetError, match="is not set"):
        secret("env:PART15_NO_SUCH")
