"""Signed objects that DCMTK made, sound and broken: each comes out as its manifest says, for that reason."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from part15.model import Word
from part15.observations import from_json, to_json
from part15.observations.signatures import SignedObjectSeen
from part15.wire.elements import children
from part15.wire.mac_stream import SEQUENCE_OF_SIGNATURES, Stored, listed, of_signature_item, stream
from part15.wire.part10 import open_file
from part15.wire.signed_object import read_object

bench = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("signature_bench.py"))))
FOLDER: Path = bench.FOLDER
failed, judged, trust, undecided = bench.failed, bench.judged, bench.trust, bench.undecided

MANIFEST = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))
VECTORS: list[dict[str, Any]] = MANIFEST["vectors"]
SEVERITY = {"valid": 1, "undecidable": 2, "invalid": 3}

# What we decide where the text is silent, and why.
DEBATABLE = {
    "ts-sha512-policy-nocert": ("undecided", "the authority's certificate was not given to us"),
    "old-signed-expired-now": ("accept", "valid when it says it was made; a warning says so"),
    "old-signed-expired-now-timestamped": (
        "accept",
        "the token came after expiry; a warning says so",
    ),
    "weak-rsa1024": ("accept", "C.1 sets no minimum; a warning says so"),
    "sha1-certificate": ("accept", "C.1 has no rule; a warning says so"),
    "signed-key-encipherment-only": ("reject", "C.1 asks for a signature certificate"),
    "value-two-spaces-appended": ("reject", "the octets are signed, not the text"),
    "value-padding-nul-to-space": ("reject", "the octets are signed, not the text"),
    "xfer-native-to-rle": ("undecided", "the signed octets are not there any more"),
    "mac-xfer-label-deflated": ("accept", "O-03: the octets before deflation are hashed"),
    "list-absent-tag-added": ("reject", "M-data-elements-signed"),
    "list-reordered": ("reject", "M-data-elements-order"),
    "list-duplicate-tag": ("reject", "M-data-elements-order"),
    "signatures-removed": ("accept", "nobody has to sign every object (C.2)"),
    "ts-before-signature": ("accept", "C.1 has no rule; a warning says so"),
}
# Facts in words of our own where the manifest has a finer word.
TIMESTAMPS = {
    "after-expiry": ("valid", "after-expiry"),
    "implausible": ("valid", "before-signature"),
}

# The clause that has to give the reason, where the reason is not that the MAC differs.
REASONS = {
    "signed-by-expired-certificate": "C.1-certificate-valid",
    "signed-by-notyet-certificate": "C.1-certificate-valid",
    "signed-by-revoked-certificate": "C.1-certificate-valid",
    "signed-under-unknown-root": "C.1-certificate-valid",
    "signed-ecdsa-profile-none": "C.1-creator-hash",
    "signed-key-encipherment-only": "C.1-x509-certificate",
    "old-format-fo": "M-stream-encapsulated",
    "cover-creator-no-pixel-module": "C.2-cover-image-pixel",
    "cover-creator-no-pixeldata": "C.2-cover-image-pixel",
    "cover-creator-no-study-uid": "C.2-cover-study-series",
    "cover-creator-no-creation-date": "C.2-cover-creation-datetime",
    "cover-creator-no-equipment": "C.2-cover-general-equipment",
    "cover-auth-no-general-image": "C.3-cover-general-image",
    "cover-sr-no-content": "C.4-cover-sr-content",
    "cover-srv-no-verification-flag": "C.4-verified-cover",
    "cover-sr-no-purpose": "C.4-purpose-code",
    "cover-srv-missing-verification-signature": "C.4-verified-purpose",
    "cover-overlay-missing": "C.2-cover-overlay-plane",
    "cover-waveform-missing": "C.2-cover-waveform",
    "vr-lo-to-un": "M-excluded-elements",
    "xfer-to-implicit-private": "M-excluded-elements",
    "xfer-rle-decoded": "M-mac-transfer-syntax",
    "certificate-removed": "M-certificate-of-signer",
    "certificate-type-changed": "M-certificate-type",
    "signature-truncated": "C.1-signature-length",
    "signature-empty": "M-signature-value",
    "mac-algorithm-label": "C.1-mac-algorithm-set",
    "mac-algorithm-unknown": "M-mac-algorithm-term",
    "mac-xfer-label-bigendian": "M-mac-transfer-syntax",
    "list-empty": "M-data-elements-signed",
    "list-group-length": "M-excluded-elements",
    "list-sequence-of-signatures": "M-excluded-elements",
    "mac-id-duplicated": "M-mac-id-unique",
    "mac-id-duplicated-shadowing": "M-mac-id-unique",
    "mac-parameters-removed": "M-mac-parameters-present",
    "ts-over-other-data": "M-timestamp-over-signature",
    "ts-bit-flipped": "C.1-timestamp-protocol",
    "ts-type-unknown": "M-timestamp-pair",
    "ts-type-missing": "M-timestamp-pair",
    "ts-by-rogue-tsa": "C.1-timestamp-protocol",
    "ts-by-expired-tsa": "C.1-timestamp-protocol",
    "value-padding-nul-to-space": "M-stream-leaf",
    "list-absent-tag-added": "M-data-elements-signed",
    "list-reordered": "M-data-elements-order",
    "list-duplicate-tag": "M-data-elements-order",
}


def seen_of(vector: dict[str, Any]) -> SignedObjectSeen:
    return read_object((FOLDER / vector["file"]).read_bytes(), vector["id"], trust())


def named(vectors: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(v, id=v["id"]) for v in vectors]


@pytest.mark.parametrize("vector", named(VECTORS))
def test_facts_are_those_of_the_manifest(vector: dict[str, Any]) -> None:
    seen, expected = seen_of(vector), vector["expected"]
    assert not seen.trouble
    integrity = max(
        (s.crypto.integrity for s in seen.signatures), key=lambda w: SEVERITY[w], default="absent"
    )
    assert expected["integrity"] in (integrity, "either"), [s.crypto.why for s in seen.signatures]
    if seen.signatures:
        assert expected["certificate"] in [s.trust.status for s in seen.signatures]
        if vector["id"] != "ts-sha512-policy-nocert":
            stamps = [s.timestamp.status if s.timestamp else "absent" for s in seen.signatures]
            status, order = TIMESTAMPS.get(expected["timestamp"], (expected["timestamp"], ""))
            assert status in stamps
            if order:
                assert [s.timestamp.order for s in seen.signatures if s.timestamp] == [order]
    for signature in seen.signatures:
        if signature.crypto.integrity != "valid":
            assert signature.crypto.why


@pytest.mark.parametrize("vector", named(VECTORS))
def test_verdicts_are_those_of_the_manifest(vector: dict[str, Any]) -> None:
    answers = judged(seen_of(vector), vector["claim"])
    fails = failed(answers)
    verdict = "reject" if fails else "undecided" if undecided(answers) else "accept"
    messages = {c: answers[c][1].message for c in fails}
    expected = vector["expected"]["verdict"]
    if expected == "debatable":
        assert verdict == DEBATABLE[vector["id"]][0], messages
    else:
        assert verdict == expected, messages
    if vector["id"] in REASONS:
        assert REASONS[vector["id"]] in fails
    elif verdict == "reject":
        assert "M-signature-value" in fails


def test_missing_attributes_are_named() -> None:
    for vector in VECTORS:
        for missing in vector["expected"].get("missing", ()):
            answers = judged(seen_of(vector), vector["claim"])
            told = " ".join(answers[c][1].message for c in failed(answers))
            word = {"Image Pixel Module": "Rows", "General Image Module": "ImageType"}.get(
                missing, missing
            )
            word = "OverlayRows" if word.startswith("Overlay Plane") else word
            assert word in told, (vector["id"], told)


def test_no_crypto_failure_where_only_coverage_lacks() -> None:
    for vector in VECTORS:
        if vector["category"] in ("signature-coverage", "signature-control"):
            assert "M-signature-value" not in failed(judged(seen_of(vector), vector["claim"]))


@pytest.mark.parametrize("vector", named([v for v in VECTORS if "mac_stream" in v]))
def test_stream_is_octet_by_octet_that_of_dcmsign(vector: dict[str, Any]) -> None:
    file = open_file(FOLDER / vector["file"])
    source = Stored(memoryview(file.data_set), file.walk(), file.syntax)
    seen = seen_of(vector)
    wanted = (FOLDER / vector["mac_stream"]).read_bytes()
    streams = []
    line: list[int] = []
    for index, element in enumerate(source.elements):
        del line[element.depth :]
        line.append(index)
        if element.tag == SEQUENCE_OF_SIGNATURES:
            level = line[-2] if element.depth else -1
            for number, item in enumerate(children(source.elements, index)):
                here = [s for s in seen.signatures if bool(s.level) == bool(element.depth)]
                chosen = listed(source, level, here[number].signed)
                own = of_signature_item(source, item)
                streams.append(b"".join(stream(source, [*chosen, *own])))
    assert wanted in streams


def test_observations_survive_json() -> None:
    for name in ("mr-three-signatures", "sr-verified-two", "ts-sha256"):
        vector = next(v for v in VECTORS if v["id"] == name)
        seen = seen_of(vector)
        assert from_json(json.loads(json.dumps(to_json(seen)))) == seen


def test_where_dcmsign_says_otherwise_the_report_says_so() -> None:
    for name in (
        "cover-sr-no-purpose",
        "ts-type-missing",
        "list-reordered",
        "signed-ecdsa-profile-none",
    ):
        vector = next(v for v in VECTORS if v["id"] == name)
        answers = judged(seen_of(vector), vector["claim"])
        assert any("dcmsign" in answers[c][1].message for c in failed(answers)), name


def test_warnings_name_what_is_weak() -> None:
    for name, word in (
        ("weak-rsa1024", "1024 bits"),
        ("sha1-certificate", "sha1"),
        ("old-signed-expired-now", "expired since"),
    ):
        vector = next(v for v in VECTORS if v["id"] == name)
        answers = judged(seen_of(vector), vector["claim"])
        told = [f.message for _, a in answers.values() for f in a.findings if f.word is Word.WARN]
        assert any(word in message for message in told), name
