"""Binding files: every leaf with provenance and reference, the status computed; replaying and probing."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from part15.cli_iscl import iscl_command
from part15.errors import ContentError
from part15.wire.iscl import Engine
from part15.wire.iscl_binding import Binding, binding_from, load_binding, shipped
from part15.wire.iscl_probe import probe
from part15.wire.iscl_replay import recording_from, replay, status_of
from part15.wire.iscl_types import Keys, Settings

VECTORS = json.loads(
    (Path(__file__).parent / "vectors" / "iscl" / "vectors.json").read_text(encoding="utf-8")
)["draft_binding_transcript"]
PROFILES = Path(__file__).parents[2] / "profiles" / "secure_transport" / "iscl" / "bindings"


def recorded(**more: Any) -> bytes:
    steps = [{"dir": s["dir"], "bytes": s["bytes"]} for s in VECTORS["steps"]]
    keys = {
        "authentication": {"1": VECTORS["auth_key"]},
        "encryption": {"1": VECTORS["encryption_key"]},
    }
    return json.dumps({"steps": steps, "keys": keys, **more}).encode()


def document() -> Any:
    return YAML(typ="safe", pure=True).load((PROFILES / "medis-1.00-candidate-be.yaml").read_text())


def every(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict) and "value" in value:
        return [value]
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in every(inner)]
    return []


def owned(tmp_path: Path, provenance: str, **changes: Any) -> Binding:
    """Return the candidate as a site would have it, with its recording beside it."""
    made = document()
    for leaf in every(made):
        leaf["provenance"] = provenance
    data = recorded()
    (tmp_path / "exchange.json").write_bytes(data)
    shown = {
        "file": "exchange.json",
        "sha256": hashlib.sha256(data).hexdigest(),
        "implementation": "Another maker 1.0",
    }
    made["evidence"] = [{**shown, **changes}] if changes != {"none": True} else []
    return binding_from(made, source="site.yaml", folder=tmp_path)


def test_what_is_shipped_is_a_draft_and_says_so() -> None:
    assert shipped() == ("medis-1.00-candidate-be", "medis-1.00-candidate-le")
    for name in shipped():
        found = load_binding(name)
        assert found.name == name
        assert status_of(found)[0] == "draft"
        assert found.digest == hashlib.sha256((PROFILES / f"{name}.yaml").read_bytes()).hexdigest()
        assert all(leaf.ref.strip() for leaf in found.leaves.values())
    big, little = (load_binding(n) for n in shipped())
    differing = {p for p in big.leaves if big.leaves[p].value != little.leaves[p].value}
    assert differing == {"header.byte_order"}


def test_only_a_text_and_a_recording_of_another_implementation_confirm(tmp_path: Path) -> None:
    assert status_of(owned(tmp_path, "site")) == ("confirmed", "")
    assert status_of(owned(tmp_path, "normative"))[0] == "confirmed"
    assert status_of(owned(tmp_path, "third-party"))[0] == "observed"
    assert status_of(owned(tmp_path, "inferred"))[0] == "draft"
    assert status_of(owned(tmp_path, "assumed"))[0] == "draft"
    for change in (
        {"none": True},
        {"sha256": "00" * 32},
        {"implementation": "part15"},
        {"file": "missing.json"},
    ):
        status, why = status_of(owned(tmp_path, "site", **change))
        assert status == "observed"
        assert why


def test_a_recording_that_does_not_replay_confirms_nothing(tmp_path: Path) -> None:
    found = owned(tmp_path, "site")
    other = copy.deepcopy(VECTORS["steps"])
    other[5]["bytes"] = other[5]["bytes"].replace("6378AB13", "6378AB14")
    data = recorded(steps=other)
    (tmp_path / "exchange.json").write_bytes(data)
    shown = {"sha256": hashlib.sha256(data).hexdigest()}
    made = document()
    for leaf in every(made):
        leaf["provenance"] = "site"
    made["evidence"] = [{"file": "exchange.json", "implementation": "Another", **shown}]
    status, why = status_of(binding_from(made, source="site.yaml", folder=tmp_path))
    assert (status, "response" in why) == ("observed", True)
    assert status_of(found)[0] == "observed"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["codes"]["ack"].pop("provenance"), "must have value, provenance and ref"),
        (lambda d: d["codes"]["ack"].update(ref=" "), "ref must say"),
        (lambda d: d["codes"]["ack"].update(provenance="guess"), "provenance must be one of"),
        (lambda d: d["codes"].pop("nak"), "codes.nak is missing"),
        (lambda d: d["codes"].update(more=d["codes"]["ack"]), "is no leaf"),
        (lambda d: d["codes"].update(ack=0), "must have value, provenance and ref"),
        (lambda d: d["header"]["fields"].pop("id"), "one field with role id"),
        (lambda d: d["header"]["byte_order"].update(value="middle"), "must be one of big"),
        (lambda d: d["limits"]["block"].update(value=1 << 40), "must be a number"),
        (lambda d: d["limits"]["block_includes_header"].update(value=1), "must be one of True"),
        (lambda d: d["messages"]["pass1"]["body"].update(value=["x:u31"]), "is no name:type"),
        (lambda d: d["messages"]["pass1"]["body"].update(value=["r:rest", "x:u32"]), "rest must"),
        (lambda d: d["messages"]["pass1"]["from"].update(value="both"), "server, client or either"),
        (lambda d: d["messages"]["pass1"]["id"].update(value=0x00140002), "two messages"),
        (lambda d: d["privacy"]["chain"].update(value=["data", "data"]), "twice"),
        (lambda d: d["auth"]["identifier"].update(value="xyz"), "hex digits"),
        (lambda d: d.pop("name"), "name is missing"),
        (lambda d: d.update(evidence=[{"file": "x"}]), "evidence must be"),
    ],
)
def test_a_wrong_binding_is_refused(change: Any, words: str) -> None:
    made = document()
    change(made)
    with pytest.raises(ContentError, match=words):
        binding_from(made, source="wrong.yaml")


def test_files_that_are_no_binding(tmp_path: Path) -> None:
    for name, text in (("a.yaml", "- 1"), ("b.yaml", "{"), ("c.yaml", "x: " + "y" * 300_000)):
        (tmp_path / name).write_text(text)
        with pytest.raises(ContentError):
            load_binding(str(tmp_path / name))
    with pytest.raises(ContentError, match="shipped bindings are"):
        load_binding("medis-9.99")
    with pytest.raises(ContentError, match="is no leaf"):
        load_binding().with_values("x", {"codes.other": 1})


VARIANTS = [
    {},
    {"header.byte_order": "little", "keys.byte_order": "little"},
    {"auth.direction": "decrypt", "privacy.padding": "x923"},
    {"integrity.mac_key": "authentication", "privacy.chain": []},
    {"privacy.split": "before", "integrity.des_mac_length": 4},
    {
        "auth.kind": "iso9798_2_tokens",
        "auth.mode": "cbc",
        "messages.pass2.body": ["token:rest"],
        "messages.pass3.body": ["token:rest"],
    },
]


@pytest.mark.parametrize("changes", VARIANTS, ids=lambda c: ",".join(c) or "candidate")
def test_a_probe_finds_the_variant_that_was_spoken(changes: dict[str, Any]) -> None:
    spoken = load_binding().with_values("spoken", changes)
    found = recording_from(recorded(steps=exchange(spoken)))
    probed = probe(load_binding(), found)
    assert probed.fitting
    assert all(probed.settled.get(path, value) == value for path, value in changes.items())
    assert replay(spoken, found.steps, found.keys(spoken)).fits
    wrong = recording_from(recorded(steps=exchange(spoken)).replace(b"FEDCBA98", b"FEDCBA88"))
    assert not probe(load_binding(), wrong).fitting


def exchange(binding: Binding) -> list[dict[str, str]]:
    key_order = binding["keys.byte_order"]
    keys = Keys(
        *({1: int(VECTORS[n], 16).to_bytes(8, key_order)} for n in ("auth_key", "encryption_key"))
    )
    how = Settings(privacy=True, block=512, mac="des_mac")
    server, client = (Engine(binding, r, keys, how) for r in ("server", "client"))
    server.start(), client.start()
    client.send(b"0123456789" * 100)
    server.send(b"another way" * 30)
    steps = []
    for _ in range(60):
        for side, one, other in (("S>C", server, client), ("C>S", client, server)):
            octets = one.outgoing()
            if octets:
                steps.append({"dir": side, "bytes": octets.hex()})
                other.feed(octets)
    assert server.failure is client.failure is None
    return steps


def test_the_command_probes_and_describes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rec.json"
    path.write_bytes(recorded(keys={}))
    monkeypatch.setenv("ISCL_A", VECTORS["auth_key"])
    monkeypatch.setenv("ISCL_E", VECTORS["encryption_key"])
    given = ["probe", str(path), "-a", "1=env:ISCL_A", "-e", "1=env:ISCL_E"]
    done = CliRunner().invoke(iscl_command, given, standalone_mode=False)
    assert done.return_value == 0, done.output
    assert "header.byte_order: big" in done.output
    assert VECTORS["auth_key"] not in done.output.upper()
    monkeypatch.setenv("ISCL_A", VECTORS["encryption_key"])
    done = CliRunner().invoke(iscl_command, [*given, "--json"], standalone_mode=False)
    assert done.return_value == 1
    assert json.loads(done.output)["fitting"] == []
    for wrong in (given[:2], [*given[:2], "--keys", "1=0E329232EA6D0D73"], [*given[:2], "-k", "x"]):
        assert CliRunner().invoke(iscl_command, wrong, standalone_mode=False).exception
    done = CliRunner().invoke(iscl_command, ["describe"], standalone_mode=False)
    assert "status: draft" in done.output


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b'{"steps": [{"dir": "?", "bytes": ""}]}', b'{"steps": 3}', b"[" * 9999],
)
def test_what_is_no_recording_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no recording"):
        recording_from(data)
