"""Whole runs with user identities: nothing secret is left behind, and no broken product ever passes."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from part15.peers.archive import USERS, Archive, right_policy
from part15.peers.archive_identity import Guard
from part15.pki import Pki, make_pki
from part15.toml_writing import toml_text
from part15.wire import pdu
from part15.wire import user_identity as ui

CLAIMS = dict.fromkeys(
    (
        "user-identity-basic",
        "user-identity-passcode",
        "user-identity-kerberos",
        "user-identity-saml",
        "site-json-web-token",
    ),
    ("association-acceptor",),
)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("identity-run"))


def run(folder: Path, document: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Run ``part15 run`` on *document*; its exit code and its report."""
    target, out = folder / "target.toml", folder / "out"
    target.write_text(toml_text(document))
    done = subprocess.run(
        [sys.executable, "-m", "part15", "run", str(target), "-o", str(out)],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )
    (out / "stdout.txt").write_text(done.stdout)
    (out / "stderr.txt").write_text(done.stderr)
    return done.returncode, json.loads((out / "report.json").read_text())


def forms(secret: bytes) -> Iterator[bytes]:
    """Yield *secret* as it might be written: raw, hex, base64 at each offset, UTF-16, percent and JSON escapes."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    yield secret.hex(" ").encode()
    for offset in range(3):
        whole = base64.b64encode(bytes(offset) + secret)
        yield whole[4 if offset else 0 : -4]
        yield whole[4 if offset else 0 : -4].translate(bytes.maketrans(b"+/", b"-_"))
    text = secret.decode("latin-1")
    yield text.encode("utf-16-le")
    yield text.encode("utf-16-be")
    yield urllib.parse.quote(secret).encode()
    yield json.dumps(text).strip('"').encode()


def test_every_form_is_hunted() -> None:
    secret = b"a<secret>/ of ours"
    found = list(forms(secret))
    for hidden in (
        base64.b64encode(b"12" + secret + b"3"),
        base64.b64encode(b"1" + secret),
        f"x{secret.hex()}".encode(),
        "a<secret>/ of ours".encode("utf-16"),
    ):
        assert any(f in hidden for f in found)


def test_no_credential_is_left_in_a_run_folder(
    pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything that the product was shown is hunted in every file, right or wrong, plain or over TLS."""
    shown: set[bytes] = set()
    admit = Guard.admit

    def noting(self: Guard, kind: int, first: bytes, second: bytes) -> bytes:
        shown.update((first, second) if kind > 1 else (second,))
        reply = admit(self, kind, first, second)
        shown.add(reply)
        return reply

    monkeypatch.setattr(Guard, "admit", noting)
    policy = dataclasses.replace(right_policy(), types=(1, 2, 3, 4, 5))
    with Archive(pki, archive=policy, plain=True, artim=0.5, idle=1.0) as archive:
        document = archive.document(claims=CLAIMS)
        document["limits"] = {"impact": "credential", "wrong_credentials": 180, "deadline": 2.0}
        code, report = run(tmp_path, document)
    assert code == 6
    words = {r["case"]: r["verdict"] for r in report["results"]}
    assert not [c for c, w in words.items() if w in ("fail", "error", "inconclusive")]
    for name in ("identity.show_users", "identity.show_wrong", "identity.show_variants"):
        assert len(list((tmp_path / "out" / "evidence").glob(f"{name}-*"))) == 2
    secrets = {s for s in shown if len(s) >= 8 and s not in (b"PART15", *USERS)}
    folder = Path(pki.folder)
    secrets |= set((folder / "issuer.pem").read_bytes().splitlines()[1:-1])
    assert len(secrets) > 60
    assert USERS["alice"] in secrets
    needles = {f: s for s in secrets for f in forms(s) if len(f) >= 8}
    written = [p for p in (tmp_path / "out").rglob("*") if p.is_file()]
    assert len(written) > 150
    for path in written:
        octets = path.read_bytes()
        assert not [s[:40] for f, s in needles.items() if f in octets], path.name


Handler = Callable[[socket.socket, bytes], None]


@contextlib.contextmanager
def product(handle: Handler, *, host: str = "127.0.0.1", most: int = 10_000) -> Iterator[int]:
    """Serve each connection by *handle*, which is given the first PDU; stop listening after *most*."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server = socket.create_server((host, 0), family=family)

    def serve(conn: socket.socket) -> None:
        with conn, contextlib.suppress(OSError):
            conn.settimeout(5)
            head = conn.recv(6, socket.MSG_WAITALL)
            if len(head) == 6:
                handle(conn, conn.recv(int.from_bytes(head[2:], "big"), socket.MSG_WAITALL))

    def accept() -> None:
        with contextlib.suppress(OSError):
            for _ in range(most):
                conn, _ = server.accept()
                threading.Thread(target=serve, args=(conn,), daemon=True).start()
        server.close()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()


def identified(body: bytes) -> bool:
    try:
        return any(i.kind == ui.REQUEST for i in ui.sub_items(body))
    except pdu.PduError:
        return True


def accept(conn: socket.socket, item: bytes = b"") -> None:
    content = pdu.verification("A", "B")
    conn.sendall(ui.with_items(pdu.encode_accept(content), item))
    if conn.recv(65536)[:1] == b"\x05":
        conn.sendall(pdu.encode_release(response=True))


def hang(conn: socket.socket, body: bytes) -> None:
    conn.recv(1)


def hang_on_identity(conn: socket.socket, body: bytes) -> None:
    hang(conn, body) if identified(body) else accept(conn)


def close_on_identity(conn: socket.socket, body: bytes) -> None:
    None if identified(body) else accept(conn)


def garbage(conn: socket.socket, body: bytes) -> None:
    conn.sendall(b"\x02\0\0\0\0\x08garbage!")


def hostile_acceptance(conn: socket.socket, body: bytes) -> None:
    """Accept everything with a 59H that claims 65535 octets, and a PDU that claims 4 GiB."""
    accept(conn, b"\x59\0\xff\xff\xff\xff") if identified(body) else accept(conn)


def endless(conn: socket.socket, body: bytes) -> None:
    conn.sendall(b"\x02\0\xff\xff\xff\xff" + bytes(1000))
    conn.recv(1)


def dripping(conn: socket.socket, body: bytes) -> None:
    for octet in pdu.encode_accept(pdu.verification("A", "B")):
        conn.sendall(bytes((octet,)))
        time.sleep(0.3)


def accept_all(conn: socket.socket, body: bytes) -> None:
    accept(conn)


def reject_all(conn: socket.socket, body: bytes) -> None:
    conn.sendall(pdu.encode_reject(1, 1, 3))


IDENTITY = ("B.4-", "B.5-", "UID-")


def document_for(folder: Path, address: str) -> dict[str, Any]:
    (folder / "passcode").write_text("rose and 42 thorns")
    return {
        "target": {"name": "broken"},
        "claims": {
            "user-identity-basic": ["association-acceptor"],
            "user-identity-passcode": ["association-acceptor"],
        },
        "endpoints": {"plain": {"address": address, "transport": "plain"}},
        "users": {"alice": {"type": 2, "name": "alice", "passcode": "file:passcode"}},
        "limits": {"impact": "credential", "deadline": 0.4},
    }


def words_of(report: dict[str, Any]) -> dict[str, str]:
    return {
        r["clause"]: r["verdict"] for r in report["results"] if r["clause"].startswith(IDENTITY)
    }


BROKEN: dict[str, tuple[Handler, int, set[str], set[str]]] = {
    # name: behaviour, connections it survives, clauses that may pass, clauses that must fail
    "hang": (hang, 10_000, set(), set()),
    "hang_on_identity": (
        hang_on_identity,
        10_000,
        {"UID-ac-absent-if-not-requested-item", "UID-ac-single"},
        {"B.4-accept-type-1-2", "B.5-accept", "UID-acceptor-without-support"},
    ),
    "close_on_identity": (
        close_on_identity,
        10_000,
        {"UID-ac-absent-if-not-requested-item", "UID-ac-single"},
        {"B.4-accept-type-1-2", "B.5-accept", "UID-acceptor-without-support"},
    ),
    "garbage": (garbage, 10_000, set(), {"B.4-accept-type-1-2", "B.5-accept"}),
    "hostile_acceptance": (
        hostile_acceptance,
        10_000,
        {"UID-ac-absent-if-not-requested-item", "UID-ac-single"},
        {"B.4-accept-type-1-2", "B.5-accept", "UID-ac-layout"},
    ),
    "endless": (endless, 10_000, set(), set()),
    "dripping": (dripping, 10_000, set(), set()),
    "accept_all": (
        accept_all,
        10_000,
        {
            "B.4-accept-type-1-2",
            "B.4-min-mechanism",
            "B.5-accept",
            "B.5-min-mechanism",
            "UID-ac-absent-if-not-requested-item",
            "UID-ac-only-if-positive-and-ok",
            "UID-ac-single",
            "UID-acceptor-without-support",
            "UID-rq-reserved",
        },
        {"B.5-authenticate", "B.5-reject-on-failure", "B.4-positive-response"},
    ),
    "reject_all": (reject_all, 10_000, set(), {"B.4-accept-type-1-2", "B.5-accept"}),
    "dies_after_three": (
        accept_all,
        3,
        # what it did while it lived was seen: two associations of a user of type 2
        {
            "B.5-accept",
            "B.5-min-mechanism",
            "UID-ac-absent-if-not-requested-item",
            "UID-ac-single",
            "UID-ac-only-if-positive-and-ok",
        },
        set(),
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_product_never_passes_what_it_does_not_do(name: str, tmp_path: Path) -> None:
    handle, most, may_pass, must_fail = BROKEN[name]
    began = time.monotonic()
    with product(handle, most=most) as port:
        code, report = run(tmp_path, document_for(tmp_path, f"127.0.0.1:{port}"))
    words = words_of(report)
    assert {c for c, w in words.items() if w == "pass"} <= may_pass
    assert must_fail <= {c for c, w in words.items() if w == "fail"}
    assert code in (1, 3, 6)
    assert time.monotonic() - began < 100


def test_nobody_there_is_an_error_and_no_verdict(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    code, report = run(tmp_path, document_for(tmp_path, f"127.0.0.1:{port}"))
    assert code == 3
    driven = {w for c, w in words_of(report).items() if w not in ("review", "not-applicable")}
    assert driven == {"error"}


def test_identities_are_shown_over_ipv6(tmp_path: Path) -> None:
    with product(accept_all, host="::1") as port:
        code, report = run(tmp_path, document_for(tmp_path, f"[::1]:{port}"))
    assert code == 1
    words = words_of(report)
    assert words["B.5-accept"] == "pass"
    assert words["B.5-authenticate"] == "fail"
