"""``part15 inspect`` and ``part15 compare``: folders, file-sets, keys, exit codes, what is written and what is not."""

from __future__ import annotations

import json
import os
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from part15 import cli_files
from part15.channel import reading
from part15.channel.files import kind_of, walk
from part15.channel.keys import openers_of
from part15.channel.reading import Desk, Reading
from part15.errors import TargetError
from part15.inspect import Request, inspect
from part15.observations.media import SecureFileSetSeen
from part15.peers import media_samples
from part15.peers.media_party import base_recipe
from part15.report import build
from part15.wire.cms_writing import write

made = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("media_vectors.py"))))
CMS, PKI, BITS = made.CMS, made.PKI, made.BITS
KEYS = {
    "key": PKI / "recipient1.key",
    "certificate": PKI / "recipient1.crt",
    "trust": (PKI / "root.crt",),
    "intermediates": (PKI / "intermediate.crt",),
}
OPTIONS = [
    *("--key", str(PKI / "recipient1.key"), "--cert", str(PKI / "recipient1.crt")),
    *("--trust", str(PKI / "root.crt"), "--intermediate", str(PKI / "intermediate.crt")),
]
CLAIM = ("basic-media-security",)


def words(document: dict[str, Any]) -> dict[str, str]:
    return {r["clause"]: r["verdict"] for r in document["results"]}


@pytest.fixture(autouse=True)
def only_media(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other families' readers have tests of their own."""
    reading.readers()
    kept = {n: r for n, r in reading._readers.items() if ".media." in n}
    monkeypatch.setattr(reading, "_readers", kept)
    closers = {n: c for n, c in reading._closers.items() if ".media." in n}
    monkeypatch.setattr(reading, "_closers", closers)


def test_a_right_file_meets_the_profile() -> None:
    document = inspect(Request((CMS / "env-aes256-signed-sha256.dcm",), **KEYS))
    assert set(words(document).values()) <= {"pass", "info"}
    assert len(words(document)) > 12
    assert document["run"]["exitStatus"] == 0
    notes = " ".join(document["run"]["notifications"])
    assert "1 of 1 meets basic-media-security" in notes
    assert "creator C=DE" in notes
    assert "2048 bits" in notes


def test_a_digested_file_has_no_creator() -> None:
    document = inspect(Request((CMS / "env-des3-digested-sha1.dcm",), **KEYS))
    assert "creator not identified" in " ".join(document["run"]["notifications"])
    assert document["run"]["exitStatus"] == 0


def test_without_a_key_the_rest_is_undecided() -> None:
    document = inspect(Request((CMS / "env-aes256-signed-sha256.dcm",)))
    assert words(document)["D.1-content-aes-or-3des"] == "pass"
    assert words(document)["D.1-aspects"] == "inconclusive"
    assert document["run"]["exitStatus"] == 6


def test_a_violation_is_exit_1_with_clause_and_hint() -> None:
    document = inspect(Request((CMS / "digest-md5.dcm",), **KEYS))
    row = next(r for r in document["results"] if r["clause"] == "D.1-digest-sha12")
    assert row["verdict"] == "fail"
    assert "MD5" in row["message"]
    assert row["hint"]
    assert document["run"]["exitStatus"] == 1
    assert "D.1-digest-sha12" in cli_files.inspected(document)


def test_the_edition_decides() -> None:
    path = CMS / "env-aes-256-cbc-signed-sha1.dcm"
    assert inspect(Request((path,), edition="2008", **KEYS))["run"]["exitStatus"] == 0
    document = inspect(Request((path,), edition="2001", **KEYS))
    assert words(document)["D.1-content-3des-only"] == "fail"


@pytest.mark.parametrize(
    ("name", "status"),
    [("fileset-secure", 0), ("fileset-plain-dicomdir", 1), ("fileset-one-plain-image", 1)],
)
def test_file_sets_come_out_as_their_manifest_says(name: str, status: int) -> None:
    for path in (CMS / name, CMS / name / "DICOMDIR"):
        document = inspect(Request((path,), **KEYS))
        assert document["run"]["exitStatus"] == status
        assert words(document)["P10-secure-file-set"] == ("pass" if status == 0 else "fail")


def test_a_claim_finds_plain_files(tmp_path: Path) -> None:
    (tmp_path / "IM1").write_bytes(media_samples.image(1))
    assert inspect(Request((tmp_path,)))["run"]["exitStatus"] == 5
    document = inspect(Request((tmp_path,), profiles=CLAIM))
    assert words(document)["D.1-outer-enveloped"] == "fail"
    assert document["run"]["exitStatus"] == 1


def test_text_beside_a_file_set_is_no_part_of_it(tmp_path: Path) -> None:
    recipe = base_recipe("2023b")
    for name, content in (
        ("IM1", media_samples.image(1)),
        ("DICOMDIR", media_samples.directory(["IM1"])),
    ):
        (tmp_path / name).write_bytes(write(content, recipe))
    (tmp_path / "README.TXT").write_text("Read me", encoding="utf-8")
    document = inspect(Request((tmp_path,), profiles=CLAIM))
    assert words(document)["P10-secure-file-set"] == "pass"
    assert words(document)["D.1-outer-enveloped"] == "pass"
    (tmp_path / "IM2").write_bytes(b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100")
    document = inspect(Request((tmp_path,), profiles=CLAIM))
    assert words(document)["D.1-outer-enveloped"] == "fail"


def test_a_folder_is_counted_and_the_other_files_are_still_judged(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(70):
        (folder / f"{number:03}").write_bytes((CMS / "digest-md5.dcm").read_bytes())
    (folder / "right").write_bytes((CMS / "env-aes256-signed-sha256.dcm").read_bytes())
    (folder / "cut").write_bytes((CMS / "digest-md5.dcm").read_bytes()[:100])
    (folder / "text").write_text("text", encoding="utf-8")
    (folder / "empty").touch()
    (folder / "link").symlink_to(PKI / "recipient1.key")
    out = tmp_path / "out"
    seen: list[tuple[int, str]] = []
    document = inspect(Request((folder,), out=out, **KEYS), lambda n, name: seen.append((n, name)))
    row = next(r for r in document["results"] if r["clause"] == "D.1-digest-sha12")
    assert "1 pass, 71 fail of 72" in row["message"] or "71 fail, 1 pass of 72" in row["message"]
    assert len(row["findings"]) == 50
    lines = [json.loads(line) for line in (out / "results.jsonl").read_text("utf-8").splitlines()]
    assert len([line for line in lines if line.get("misses") == ["basic-media-security"]]) == 71
    skipped = {line["subject"]: line["skipped"] for line in lines if "skipped" in line}
    assert "not followed" in skipped["link"]
    assert {"text", "empty"} <= set(skipped)
    assert len(seen) == 75
    assert {p.name for p in out.iterdir()} >= {
        "report.json",
        "plan.json",
        "results.jsonl",
        "SHA256SUMS",
    }
    assert json.loads((out / "report.json").read_text("utf-8"))["run"]["exitStatus"] == 1
    assert "link was not looked at" in " ".join(document["run"]["notifications"])


def test_an_interrupt_keeps_what_was_judged(tmp_path: Path) -> None:
    def stop(done: int, _name: str) -> None:
        if done == 1:
            raise KeyboardInterrupt

    out = tmp_path / "out"
    document = inspect(Request((CMS / "fileset-secure",), out=out, **KEYS), stop)
    assert document["run"]["interrupted"]
    assert document["run"]["exitStatus"] == 2
    assert words(document)["D.1-aspects"] == "pass"
    assert len((out / "results.jsonl").read_text("utf-8").splitlines()) == 1


def test_escaping_references_and_links_are_findings(tmp_path: Path) -> None:
    recipe = base_recipe("2023b")
    listed = ["IM1", "../../../etc/hostname"]
    (tmp_path / "IM1").write_bytes(write(media_samples.image(1), recipe))
    (tmp_path / "DICOMDIR").write_bytes(media_samples.directory(listed))
    (tmp_path / "IM2").symlink_to("/etc/hostname")
    document = inspect(Request((tmp_path,)))
    row = next(r for r in document["results"] if r["clause"] == "P10-secure-file-set")
    text = " ".join(f["message"] for f in row["findings"])
    assert "leaves the folder" in text
    assert "symbolic link" in text
    assert "DICOMDIR is a plain DICOM file" in text


def test_a_broken_reader_is_an_error_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(file: Any, desk: Desk) -> Any:
        raise ValueError("defect")
        yield Reading(file.name, desk)

    one = reading.Reader("broken", ("cms",), broken)
    monkeypatch.setattr(reading, "_readers", {**reading._readers, "broken": one})
    document = inspect(Request((CMS / "env-aes256-signed-sha256.dcm",), **KEYS))
    assert document["run"]["exitStatus"] == 3
    assert words(document)["D.1-aspects"] == "pass"


def test_what_cannot_be_used_is_refused(tmp_path: Path) -> None:
    file = CMS / "digest-md5.dcm"
    with pytest.raises(TargetError, match="no file or folder"):
        inspect(Request((tmp_path / "gone",)))
    with pytest.raises(TargetError, match="did you mean 'basic-media-security'"):
        inspect(Request((file,), profiles=("basic-media-securty",)))
    with pytest.raises(TargetError, match="nothing of the profile"):
        inspect(Request((file,), profiles=("tls-bcp195-rfc8996",)))
    with pytest.raises(TargetError, match="not belong"):
        openers_of(PKI / "recipient1.key", PKI / "recipient2.crt", None)
    with pytest.raises(TargetError, match="needs --key"):
        openers_of(None, PKI / "recipient2.crt", None)
    with pytest.raises(TargetError, match="no private key"):
        openers_of(PKI / "root.crt", None, None)
    (tmp_path / "report.json").touch()
    with pytest.raises(TargetError, match="not empty"):
        inspect(Request((file,), out=tmp_path))


COUNT = 100_000 if os.environ.get("PART15_SCALE") == "full" else 1_000


def memory() -> int:
    """The most octets this process has used, 0 where the system does not tell."""
    try:
        rows = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next(int(r.split()[1]) for r in rows if r.startswith("VmHWM")) * 1024


@pytest.mark.scale
@pytest.mark.timeout(3600)
def test_many_files_are_judged_in_constant_memory(tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    octets = (CMS / "digest-sha224.dcm").read_bytes()
    for number in range(COUNT):
        place = folder / f"{number // 1000:03}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:06}").write_bytes(octets)
    inspect(Request((folder / "000",)))
    before = memory()
    document = inspect(Request((folder,), out=out))
    assert memory() - before < 64 << 20
    row = next(r for r in document["results"] if r["clause"] == "D.1-outer-enveloped")
    assert f"{COUNT} pass of {COUNT}" in row["message"]
    with (out / "results.jsonl").open(encoding="utf-8") as lines:
        assert sum(1 for _ in lines) == COUNT


def test_a_broken_dicom_file_is_one_clear_note(tmp_path: Path) -> None:
    (tmp_path / "cut").write_bytes(media_samples.image(1)[:-10])
    (tmp_path / "whole").write_bytes(media_samples.image(1))
    notes = inspect(Request((tmp_path,)))["run"]["notifications"]
    told = [n for n in notes if "no whole DICOM file" in n]
    assert len(told) == 1
    assert told[0].startswith("cut:")
    assert "PixelData" in told[0]


def test_originals_are_compared(tmp_path: Path) -> None:
    file = CMS / "env-aes256-signed-sha256.dcm"
    right = made.looked_at({"file": file.name, "open_with": {"key": "recipient1.key"}}).content
    (tmp_path / "original").write_bytes(right)
    request = Request((file,), before=tmp_path / "original", **KEYS)
    assert words(inspect(request))["D.1-inner-content"] == "pass"
    (tmp_path / "original").write_bytes(bytes(right) + b"\0\0")
    assert words(inspect(request))["D.1-inner-content"] == "fail"


def test_passwords_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("vectors pass phrase 1\n", encoding="utf-8")
    request = Request(
        (CMS / "env-password-aes256.dcm",),
        password_file=path,
        trust=KEYS["trust"],
        intermediates=KEYS["intermediates"],
    )
    document = inspect(request)
    assert document["run"]["exitStatus"] == 0
    assert "vectors pass" not in build.to_text(document)


def test_the_command_prints_one_document() -> None:
    path = str(CMS / "env-aes256-signed-sha256.dcm")
    result = CliRunner().invoke(
        cli_files.inspect_command, [path, *OPTIONS, "--json"], standalone_mode=False
    )
    assert result.return_value == 0
    assert json.loads(result.stdout)["run"]["exitStatus"] == 0
    told = CliRunner().invoke(cli_files.inspect_command, [path, *OPTIONS], standalone_mode=False)
    assert "1 of 1 meets basic-media-security" in told.stdout


def test_compare_as_a_command() -> None:
    def run(*names: str) -> Any:
        paths = [str(BITS / n) for n in names]
        return CliRunner().invoke(cli_files.compare_command, paths, standalone_mode=False)

    wrong = run("router-retypes-un.original.dcm", "router-retypes-un.returned.dcm")
    assert wrong.return_value == 1
    assert "VR  (0019,1001)" in wrong.stdout
    assert "NOT preserved" in wrong.stdout
    right = run("orthanc-get-signed.original.dcm", "orthanc-get-signed.returned.dcm")
    assert right.return_value == 0
    assert "not a difference: file meta information or preamble" in right.stdout
    paths = [
        str(BITS / "router-drops-private.original.dcm"),
        str(BITS / "router-drops-private.returned.dcm"),
    ]
    both = CliRunner().invoke(cli_files.compare_command, [*paths, "--json"], standalone_mode=False)
    assert both.return_value == 1
    assert json.loads(both.stdout)["run"]["exitStatus"] == 1


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"", "empty"),
        (bytes(128) + b"DICM", "dicom"),
        (b"<?xml version='1.0'?>", "xml"),
        (b"\xef\xbb\xbf<AuditMessage/>", "xml"),
        (b"<85>1 2026-11-21T00:00:00Z host app - - -", "syslog"),
        (b"123 <85>1 2026-11-21T00:00:00Z host", "syslog"),
        (b"-----BEGIN CMS-----", "pem"),
        (b"0\x03\x02\x01\x00", "other"),
        (b"PK\x03\x04", "other"),
    ],
)
def test_files_are_told_apart_by_their_first_octets(head: bytes, kind: str) -> None:
    assert kind_of(head) == kind


def test_walks_are_sorted_bounded_and_follow_no_link(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(70):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "lost").touch()
    (tmp_path / "b").touch()
    (tmp_path / "a").touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    found = list(walk(tmp_path))
    assert [f.name for f in found if not f.refused] == ["a", "b"]
    assert {f.refused.split(";")[0] for f in found if f.refused} == {
        "a symbolic link",
        "a folder more than 64 levels deep",
    }


def test_file_sets_know_their_kind() -> None:
    desk = Desk()
    assert not desk.wants("basic-media-security")
    assert SecureFileSetSeen("absent").members == ()


def test_an_option_that_means_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"text")
    wrong = Request((tmp_path,), profiles=("basic-confidentiality",), options=("retain-uid",))
    with pytest.raises(TargetError, match="no option 'retain-uid'"):
        inspect(wrong)
    for right in ("retain-uids", "teaching-file"):
        inspect(Request((tmp_path,), profiles=("basic-confidentiality",), options=(right,)))
