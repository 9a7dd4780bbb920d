"""Hostile ends for tests: servers and clients that do what a script of steps says, and the verdicts on them."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import resource
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from hypothesis import strategies as st

from part15 import load
from part15.evidence import Store
from part15.judge import judge
from part15.model import Case, Level, Verdict, Word
from part15.plan import build_plan
from part15.session import Session
from part15.target_file import parse_target

Step = tuple[str, Any]
DEADLINE = 0.08
WARNING = b"\x15\x03\x03\x00\x02\x01\x5a"
HELLO = bytes.fromhex("160303002c020000280303") + bytes(32) + bytes.fromhex("00c02f000000")
PIECES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            WARNING,
            WARNING * 40,
            b"\x15\x03\x03\x00\x02\x02\x28",
            HELLO[:20],
            HELLO,
            HELLO + HELLO,
            b"\x16\x03\x03\x00\x04\x0e\x00\x00\x00" + HELLO,
            b"\x16\x03\x03\xff\xff" + bytes(3000),
            b"\x16\x03\x03\x00\x04\x0b\xff\xff\xff",
            b"\x16\x03\x03\x00\x00" * 200,
            b"\x14\x03\x03\x00\x01\x01",
            b"\x17\x03\x03\x00\x20" + bytes(32),
            b"\x18\x03\x03\x00\x03\x01\xff\xff",
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"\x02\x00\x00\x00\x00\x04\x00\x01\x00\x00",
            b"\x07\x00\x00\x00\x00\x04\x00\x00\x02\x00",
            b"\x80\x2e\x04\x00\x02",
        ]
    ),
)
INSIDE = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [
            b"\x02\x00\xff\xff\xff\xff",
            b"\x02\x00\x00\x00\x00\x04\x00\x01\x00\x00",
            b"\x04\x00\x00\x00\x00\x06\x00\x00\x00\x02\x01\x03",
            b"\x06\x00\x00\x00\x00\x04\x00\x00\x00\x00",
            b"\x09\x00\x00\x00\x00\x00",
            b"HTTP/1.1 200 OK\r\n\r\n",
        ]
    ),
)
_RAW = st.one_of(
    st.tuples(st.just("send"), PIECES),
    st.tuples(st.just("drip"), st.binary(min_size=1, max_size=200)),
    st.tuples(st.sampled_from(["read", "hang", "flood"]), st.just(b"")),
)
_END = st.tuples(st.sampled_from(["close", "reset", "hang"]), st.just(b""))
RAW = st.tuples(st.lists(_RAW, max_size=4), _END).map(lambda made: [*made[0], made[1]])
"""Scripts of an end that never completes a handshake."""
PROTECTED = st.tuples(st.lists(st.tuples(st.just("inside"), INSIDE), max_size=3), _END).map(
    lambda made: [("handshake", b""), *made[0], made[1]]
)
"""Scripts of one that completes it and then speaks no sense."""


class Hostile:
    """A server that plays *script* to every connection, at most for *patience* seconds each."""

    def __init__(self, script: Sequence[Step], files: tuple[str, str], flood: int) -> None:
        self.script, self.files, self.flood, self.over = script, files, flood, threading.Event()
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self.listening.getsockname()[1])
        self.threads: list[threading.Thread] = []
        self.acceptor = threading.Thread(target=self._accept, daemon=True)
        self.acceptor.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.acceptor.join(2)
        for thread in self.threads:
            thread.join(2)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.listening.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._play, args=(sock,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _play(self, sock: socket.socket) -> None:
        stream = sock
        with contextlib.suppress(OSError, ValueError):
            sock.settimeout(1)
            for what, octets in self.script:
                if self.over.is_set():
                    break
                stream = self._step(stream, what, octets)
        with contextlib.suppress(OSError):
            stream.close()

    def _step(self, stream: socket.socket, what: str, octets: bytes) -> socket.socket:
        if what == "handshake":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.files)
            return context.wrap_socket(stream, server_side=True)
        if what in ("send", "inside"):
            stream.sendall(octets)
        elif what == "read":
            stream.recv(65536)
        elif what == "drip":
            for octet in octets:
                stream.sendall(bytes([octet]))
                if self.over.wait(0.01):
                    break
        elif what == "flood":
            for _ in range(self.flood // (len(WARNING) * 1000)):
                stream.sendall(WARNING * 1000)
        elif what == "hang":
            self.over.wait(1)
        elif what == "reset":
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return stream


CLIENT = """
import socket, struct, sys, time
host, port = sys.argv[1], int(sys.argv[2])
steps = eval(open(sys.argv[3]).read())
s = socket.create_connection((host, port), 2)
for what, octets in steps:
    try:
        if what == "handshake":
            import ssl
            c = ssl._create_unverified_context()
            c.set_alpn_protocols(["dicom"])
            s = c.wrap_socket(s, server_hostname=host)
        elif what in ("send", "inside"):
            s.sendall(octets)
        elif what == "read":
            s.settimeout(0.1); s.recv(65536)
        elif what == "drip":
            for octet in octets[:20]:
                s.sendall(bytes([octet])); time.sleep(0.01)
        elif what == "flood":
            for _ in range(int(sys.argv[4]) // 7000):
                s.sendall(b"\\x15\\x03\\x03\\x00\\x02\\x01\\x5a" * 1000)
        elif what == "hang":
            time.sleep(0.15)
        elif what == "reset":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except (OSError, ValueError):
        break
s.close()
"""


def client_trigger(script: Sequence[Step], folder: Path, flood: int) -> list[str]:
    """Write *script* and return the trigger of a client that plays it once."""
    (folder / "steps.txt").write_text(repr(list(script)))
    program = [sys.executable, "-I", "-S", "-c", CLIENT]
    return [*program, "{host}", "{port}", str(folder / "steps.txt"), str(flood)]


def plan_for(document: dict[str, Any], folder: Path) -> tuple[Any, list[Case]]:
    """Return the target of *document* and its cases that are driven."""
    target = parse_target(document, folder=folder)
    plan = build_plan(target, load.load_profiles(), load.load_roles())
    wanted = [c for c in plan.cases if c.settled is None and c.stimulus is not None]
    return target, [c for c in wanted if not c.check.startswith("statement.")]


def driven(
    target: Any, cases: Sequence[Case], folder: Path, *, deadline: float = DEADLINE
) -> list[Verdict]:
    """Drive and judge *cases* on *target*."""
    session = Session(target, Store(folder / "evidence"), deadline=deadline)
    today = dt.datetime.now(dt.UTC).date()
    return [judge(c, session.observe(c.stimulus), today=today) for c in cases if c.stimulus]


def vacuous(verdicts: Sequence[Verdict]) -> list[str]:
    """Return the requirements that passed."""
    binding = (Level.SHALL, Level.SHALL_NOT)
    return [
        f"{v.case.id}: {v.message}"
        for v in verdicts
        if v.word is Word.PASS and v.case.level in binding
    ]


def grouped(cases: Sequence[Case]) -> list[tuple[str, list[Case]]]:
    """Return *cases* by stimulus: its kind, and what it decides."""
    found: dict[str, list[Case]] = {}
    for case in cases:
        assert case.stimulus is not None
        found.setdefault(json.dumps(str(case.stimulus.key)), []).append(case)
    return [(str(g[0].stimulus.kind), g) for g in found.values() if g[0].stimulus is not None]


def memory() -> int:
    """Return the most octets this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def now() -> float:
    """Return a clock."""
    return time.monotonic()
