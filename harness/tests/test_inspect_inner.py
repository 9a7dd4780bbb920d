"""A signed object inside a Secure DICOM File is judged by the signature checks, once the file is opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from part15.inspect import Request, inspect
from part15.peers.media_party import base_recipe, parties, write_pem
from part15.wire.cms_writing import write

SIGNED = Path(__file__).parent / "vectors" / "signatures" / "signed"


@pytest.mark.parametrize("opened", [True, False])
def test_the_inner_object_is_judged_when_it_is_seen(tmp_path: Path, opened: bool) -> None:
    source = min(SIGNED.glob("*.dcm"))
    (tmp_path / "secure.dcm").write_bytes(write(source.read_bytes(), base_recipe("2023b")))
    paths = write_pem(tmp_path, "first", parties().recipients["first"])
    given = {"key": Path(paths["key"]), "certificate": Path(paths["certificate"])} if opened else {}
    document = inspect(Request((tmp_path / "secure.dcm",), **given))
    profiles = {c["profile"] for c in document["claims"]}
    assert "basic-media-security" in profiles
    assert ("base-rsa" in profiles) is opened
    subjects = " ".join(document["run"]["notifications"])
    assert ("secure.dcm!content" in subjects) is opened
