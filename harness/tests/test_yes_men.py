"""Whole claims against systems that are dead, silent, or say yes to everything: nothing is shown by them."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from part15.drivers import storage_lines as lines
from part15.model import Word
from part15.pki import Pki, make_pki
from part15.selftest_tls import drive
from part15.target import Identity, Listener

CLAIMS = (
    "online-electronic-storage",
    "bit-preserving-digital-signatures-use",
    "basic-digital-signatures-use",
)
TRUE_OF_A_YES_MAN = {"A.1.1-d2-mutual-auth", "PS3.4-extneg-layout", "A.3-d-explicit-vr"}
"""It asks for certificates, survives odd proposals, and takes explicit VR: that much it does show."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def identity(pki: Pki, name: str) -> dict[str, str]:
    return {"certificate": str(pki[name].certificate), "key": str(pki[name].key)}


@contextlib.contextmanager
def system(kind: str, pki: Pki, plain: int, secure: int) -> Iterator[None]:
    """Run a system that accepts every proposal and answers every request with success, or is silent."""
    bench: Any = SimpleNamespace(until=lambda: time.monotonic() + 5, recorder=None)
    own = Identity(**identity(pki, "server"))
    with contextlib.ExitStack() as stack:
        if kind == "yes":
            listeners = (
                Listener(port=plain, transport="plain", wait=3),
                Listener(port=secure, trust=str(pki.ca), identity=own, wait=3),
            )
            for listener in listeners:
                stack.enter_context(lines.acceptor(bench, listener, lines.Inbox()))
        elif kind == "silent":
            for port in (plain, secure):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
        yield


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", ["yes", "silent", "dead"])
def test_nothing_is_shown_by_who_does_nothing(tmp_path: Path, kind: str) -> None:
    pki, plain, secure = make_pki(tmp_path), free_port(), free_port()
    ours = {"other": identity(pki, "client-2"), "expired": identity(pki, "expired")}
    document = {
        "target": {"name": kind},
        "claims": {name: ["storage-scp"] for name in CLAIMS},
        "endpoints": {
            "dicom-tls": {
                "address": f"127.0.0.1:{secure}",
                "transport": "tls",
                "trust": str(pki.ca),
                "identity": identity(pki, "client"),
                "identities": ours,
            },
            "dicom-plain": {"address": f"127.0.0.1:{plain}", "transport": "plain"},
        },
        "listeners": {"own": {"transport": "plain", "port": free_port(), "ae_title": "PART15"}},
        "actions": {
            verb: ["true", "{uid}"] for verb in ("authorize", "transfer", "copy", "delete")
        },
    }
    with system(kind, pki, plain, secure):
        _, verdicts = drive(document, tmp_path, deadline=0.3)
    passed = {v.case.clause for v in verdicts if v.word is Word.PASS}
    assert passed <= (TRUE_OF_A_YES_MAN if kind == "yes" else set())
    failed = {v.case.clause for v in verdicts if v.word is Word.FAIL}
    promised = {"A.1.1-d4-storage-commitment-push", "PS3.4-J-push-model"}
    assert failed == (promised if kind == "yes" else set())
    assert len(verdicts) > 100
