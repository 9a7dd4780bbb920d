"""Safe by default: what ``--safe`` sends is hellos; rates hold; the report lists what a recording server saw."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import json
import socket
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import pytest

from part15 import load
from part15.channel.tcp import open_socket
from part15.evidence import Store
from part15.judge import judge
from part15.model import Impact, Word
from part15.peers.archive import Archive
from part15.peers.audit_collector import AuditCollector, CollectorPolicy
from part15.peers.auditor import Credentials
from part15.peers.embedded import embedded_target
from part15.peers.iscl_peer import IsclPeer
from part15.peers.reference import ReferencePeer
from part15.pki import Pki, make_pki
from part15.plan import build_plan
from part15.registry import drivers
from part15.session import Session
from part15.target_file import parse_target
from part15.toml_writing import toml_text

HANDSHAKE, ALERT, CLIENT_HELLO = 22, 21, 1


class Recording:
    """A hospital's port: records when each connection came and what it brought, and passes it on to a peer, if any."""

    def __init__(self, behind: str = "") -> None:
        self._behind = behind
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.times: list[float] = []
        self.heard: list[bytearray] = []
        self.most = 0
        self._open = 0
        self._lock = threading.Lock()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            heard = bytearray()
            with self._lock:
                self.times.append(time.monotonic())
                self.heard.append(heard)
                self._open += 1
                self.most = max(self.most, self._open)
            threading.Thread(target=self._carry, args=(near, heard), daemon=True).start()

    def _carry(self, near: socket.socket, heard: bytearray) -> None:
        with contextlib.ExitStack() as stack:
            stack.enter_context(near)
            far = None
            if self._behind:
                host, _, port = self._behind.rpartition(":")
                far = stack.enter_context(open_socket(host, int(port), 5.0))
                far.settimeout(None)
                threading.Thread(target=self._back, args=(far, near), daemon=True).start()
            while True:
                try:
                    octets = near.recv(65536)
                except OSError:
                    break
                if not octets:
                    break
                heard += octets
                if far is not None:
                    with contextlib.suppress(OSError):
                        far.sendall(octets)
        with self._lock:
            self._open -= 1

    @staticmethod
    def _back(far: socket.socket, near: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while octets := far.recv(65536):
                near.sendall(octets)
        with contextlib.suppress(OSError):
            near.shutdown(socket.SHUT_WR)


def is_hello_only(octets: bytes) -> bool:
    """Tell whether *octets* are one ClientHello, of SSL 2 or later, and at most an alert after it."""
    if octets[0] & 0x80 and octets[2] == CLIENT_HELLO:
        return len(octets) == 2 + int.from_bytes([octets[0] & 0x7F, octets[1]])
    message, at = bytearray(), 0
    while at + 5 <= len(octets):
        kind, length = octets[at], int.from_bytes(octets[at + 3 : at + 5])
        body = octets[at + 5 : at + 5 + length]
        whole = len(message) >= 4 and len(message) >= 4 + int.from_bytes(message[1:4])
        if not ((kind == HANDSHAKE and not whole) or (kind == ALERT and whole)):
            return False
        message += body if kind == HANDSHAKE else b""
        at += 5 + length
    return (
        at == len(octets)
        and message[0] == CLIENT_HELLO
        and len(message) == 4 + int.from_bytes(message[1:4])
    )


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki"))


def driven(
    document: Mapping[str, Any], folder: Path, *, safe: bool
) -> tuple[Any, Session, set[str]]:
    """Drive everything; return plan, session and the keys of the stimuli that opened connections."""
    target = parse_target(document, folder=folder)
    plan = build_plan(target, load.load_profiles(), load.load_roles(), safe=safe)
    session = Session(target, Store(folder / "evidence"), deadline=1.0)
    opened = set()
    for case in plan.cases:
        if case.settled is None and case.stimulus is not None:
            before = sum(session.ledger.connections.values())
            session.observe(case.stimulus)
            if sum(session.ledger.connections.values()) > before:
                opened.add(case.stimulus.key)
    return plan, session, opened


def every_claim() -> dict[str, Any]:
    """Return a claim of every profile in every role, in the newest edition that has it."""
    return {
        p.id: {"roles": list(p.roles), "edition": p.editions[1] or max("2023b", p.editions[0])}
        for p in load.load_profiles().values()
        if p.claimable and p.roles
    }


def test_safe_sends_hellos_and_nothing_else_whatever_is_claimed(pki: Pki, tmp_path: Path) -> None:
    mark = tmp_path / "acted"
    acts = [sys.executable, "-c", f"open({str(mark)!r}, 'a').write('acted')"]
    mine = {"certificate": str(pki["client"].certificate), "key": str(pki["client"].key)}
    kinds = ("plain", "iscl", "https", "syslog-tls", "tls")
    with contextlib.ExitStack() as stack:
        peer = stack.enter_context(ReferencePeer(pki, (), artim=0.5, idle=0.5))
        ports = {
            kind: stack.enter_context(Recording(peer.address("dicom-tls") if kind == "tls" else ""))
            for kind in kinds
        }
        datagrams = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        datagrams.bind(("127.0.0.1", 0))
        endpoints = {
            kind: {"address": ports[kind].address, "transport": kind, "trust": str(pki.ca), "identity": mine}
            for kind in kinds
        }  # fmt: skip
        endpoints["udp"] = {
            "address": f"127.0.0.1:{datagrams.getsockname()[1]}",
            "transport": "syslog-udp",
        }
        document = {
            "target": {"name": "a hospital", "edition": "2023b"},
            "claims": every_claim(),
            "endpoints": endpoints,
            "listeners": {
                f"from-{kind}": {"transport": kind, "trigger": acts, "identity": mine, "wait": 1.0}
                for kind in ("plain", "tls", "iscl", "syslog-tls", "syslog-udp")
            },
            "adapter": acts,
            "actions": dict.fromkeys(
                ("start", "stop", "reset", "create", "authorize", "copy", "transfer", "commit",
                 "delete", "login-fail", "export"), acts),
        }  # fmt: skip
        plan, session, _ = driven(document, tmp_path, safe=True)
        roles = {c.role for c in plan.cases}
        assert {"tls-server", "tls-client", "storage-scp", "audit-source", "audit-collector",
                "association-acceptor", "association-requestor", "iscl-server", "iscl-client"} <= roles  # fmt: skip
        seen = {kind: [bytes(h) for h in ports[kind].heard] for kind in kinds}
        hellos = seen.pop("tls")
        assert len(hellos) > 100
        assert [h.hex() for h in hellos if not is_hello_only(h)] == []
        assert seen == {"plain": [], "iscl": [], "https": [], "syslog-tls": []}
        datagrams.setblocking(False)
        with pytest.raises(BlockingIOError):
            datagrams.recv(1)
    assert not mark.exists(), "no trigger, action or adapter was run"
    assert session.ledger.connections == {ports["tls"].address: len(hellos)}
    left_out = [
        c for c in plan.cases if c.settled and "not permitted by limits" in c.settled.message
    ]
    assert len(left_out) > 200
    assert {judge(c, None, today=dt.date(2026, 1, 1)).word for c in left_out} <= {
        Word.INCONCLUSIVE,
        Word.INFO,
        Word.REVIEW,
    }


def test_what_runs_the_adapter_says_so() -> None:
    folder = Path(load.__file__).parent / "drivers"
    users = {p.stem for p in folder.glob("*.py") if "adapter_of(" in p.read_text()}
    flagged = {name.partition(".")[0] for name, d in drivers().items() if d.adapter}
    helpers = {"signature_signer"}
    assert users - helpers <= flagged
    assert all(d.impact_on(adapter=True) is Impact.STORE for d in drivers().values() if d.adapter)


def through(document: dict[str, Any], stack: contextlib.ExitStack) -> dict[str, Recording]:
    """Put a recording port before every endpoint of *document*."""
    ports = {}
    for name, point in document["endpoints"].items():
        ports[name] = stack.enter_context(Recording(point["address"]))
        point["address"] = ports[name].address
    return ports


@contextlib.contextmanager
def peers(kind: str, pki: Pki, folder: Path) -> Iterator[dict[str, Any]]:
    if kind == "tls":
        with ReferencePeer(pki, (), artim=0.5, idle=0.5) as peer:
            yield peer.document(edition="2023b", profile="tls-bcp195-rfc8996")
    elif kind in ("storage", "identity"):
        claims = {
            "storage": {"online-electronic-storage": ["storage-scp"]},
            "identity": {"user-identity-passcode": ["association-acceptor"]},
        }[kind]
        with Archive(pki, (), artim=0.5, idle=0.5) as archive:
            yield archive.document(claims=claims) | {"limits": {"impact": "credential"}}
    elif kind == "audit":
        mine = pki["client"]
        server = pki["server"]
        shown = Credentials(str(pki.ca), str(server.certificate), str(server.key))
        with AuditCollector(folder / "store", shown, CollectorPolicy()) as collector:
            yield {
                "target": {"name": "collector", "edition": "2023b"},
                "claims": {"dicom-audit-syslog-tls": ["audit-collector"]},
                "endpoints": {
                    "syslog": {
                        "address": f"127.0.0.1:{collector.port}",
                        "transport": "syslog-tls",
                        "trust": str(pki.ca),
                        "identity": {"certificate": str(mine.certificate), "key": str(mine.key)},
                    }
                },
                "actions": {"export": ["cp", str(collector.store), "{file}"]},
            }
    else:
        with IsclPeer(idle=0.5) as isclpeer:
            yield isclpeer.document()


@pytest.mark.parametrize("kind", ["tls", "storage", "identity", "audit", "iscl"])
def test_the_list_is_what_a_recording_server_saw(kind: str, pki: Pki, tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        document = stack.enter_context(peers(kind, pki, tmp_path))
        ports = through(document, stack)
        _, session, opened = driven(document, tmp_path, safe=False)
        time.sleep(0.2)
    counted = {name: session.ledger.connections.get(p.address, 0) for name, p in ports.items()}
    assert counted == {name: len(p.times) for name, p in ports.items()}
    assert sum(counted.values()) > 0
    assert opened
    assert opened - {row["stimulus"] for row in session.ledger.sent} == set(), "say what was sent"


@pytest.mark.parametrize("workers", [0, 2])
def test_the_rate_holds(workers: int, tmp_path: Path) -> None:
    rate = 20.0
    with contextlib.ExitStack() as stack:
        path = stack.enter_context(embedded_target(tmp_path / "peer"))
        document = tomllib.loads(path.read_text())
        document["limits"] = {"rate": rate}
        ports = through(document, stack)
        path.write_text(toml_text(document))
        done = subprocess.run(
            [sys.executable, "-m", "part15", "run", str(path), "-o", str(tmp_path / "run"), "--safe",
             "-n", str(workers), "-k", "B.12 or RFC", "--json", "-q"],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        times = sorted(t for p in ports.values() for t in p.times)
    report = json.loads(done.stdout)
    assert report["sent"]["total"] == len(times) > 40
    for first, last in itertools.pairwise(range(0, len(times), 10)):
        assert times[last] - times[first] > 0.9 * 10 / rate, "more connections than the rate allows"


def test_more_workers_than_connections_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "target.toml"
    document = {
        "target": {"name": "x", "edition": "2023b"},
        "claims": {"tls-bcp195-rfc8996": ["tls-server"]},
        "endpoints": {"e": {"address": "127.0.0.1:1", "transport": "tls"}},
        "limits": {"connections": 2},
    }
    path.write_text(toml_text(document))
    done = subprocess.run(
        [sys.executable, "-m", "part15", "run", str(path), "-n", "3"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 4
    assert "use -n 2 at most" in done.stderr
