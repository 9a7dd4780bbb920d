"""The embedded ISCL peer, both roles, right unless faults are named.

It speaks the harness's own candidate binding with keys that anybody may know. What is learnt from it
is a self-check of the harness, never evidence about ISCL.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from part15.address import is_ipv6, join_address
from part15.channel import services
from part15.channel.association import Line
from part15.channel.iscl import Iscl, secured
from part15.channel.services import Instance
from part15.channel.tls import Ended, Plain, Tap, dial
from part15.peers.iscl_faults import faults
from part15.peers.node import Association, Store
from part15.peers.policy import Policy
from part15.wire.iscl import Engine
from part15.wire.iscl_binding import DEFAULT, load_binding
from part15.wire.iscl_plan import DEVIATIONS
from part15.wire.iscl_types import Keys, Plan, Settings, as_it_is
from part15.wire.part10 import open_file, uid_text

TEST_KEYS = {"authentication": "0E329232EA6D0D73", "encryption": "FEDCBA9876543210"}
STRANGE_KEYS = {"authentication": "1122334455667788", "encryption": "8877665544332210"}
HELD = 5.0
"""Seconds for which a connection is held that ought to be dropped."""


def _keys(table: Mapping[str, str]) -> Keys:
    return Keys(
        {1: bytes.fromhex(table["authentication"])}, {1: bytes.fromhex(table["encryption"])}
    )


@dataclass
class FolderStore(Store):
    """Keeps data sets as files too, so that what was stored can be seen."""

    folder: Path = field(default_factory=Path)

    def keep(self, instance: str, data: bytes) -> bool:
        """Keep one data set and write it."""
        (self.folder / f"{os.urandom(4).hex()}-{instance[-12:]}.bin").write_bytes(data)
        return super().keep(instance, data)


class IsclPeer:
    """A server of Verification and Storage inside ISCL, and two clients that an agent port starts.

    The clients are the second end of the tests: ``agent`` has the right keys, ``stranger`` others.
    *names* are faults of :func:`part15.peers.iscl_faults.faults`. *idle* is in seconds.
    """

    def __init__(
        self,
        names: Collection[str] = (),
        *,
        binding: str = DEFAULT,
        privacy: bool = True,
        host: str = "127.0.0.1",
        idle: float = 1.0,
        ae_title: str = "PART15ISCL",
    ) -> None:
        self.binding, self.idle, self.ae_title, self.host = (
            load_binding(binding),
            idle,
            ae_title,
            host,
        )
        self.changes: dict[str, Any] = {}
        for name in names:
            self.changes |= faults()[name].changes
        self.privacy = privacy
        self._scratch = tempfile.TemporaryDirectory(prefix="part15-iscl-")
        self.folder = Path(self._scratch.name) / "received"
        self.folder.mkdir()
        self.store = FolderStore(folder=self.folder)
        for kind, key in TEST_KEYS.items():
            (Path(self._scratch.name) / kind).write_text(key, encoding="utf-8")
        self._wake, self._alarm = socket.socketpair()
        self._threads: set[threading.Thread] = set()
        self._serves: dict[str, tuple[socket.socket, Callable[[socket.socket], None]]] = {}
        for name, serve in (
            ("iscl", lambda sock: self._serve(sock, TEST_KEYS)),
            ("strange", lambda sock: self._serve(sock, STRANGE_KEYS)),
            ("agent", lambda sock: self._act(sock, TEST_KEYS)),
            ("stranger", lambda sock: self._act(sock, STRANGE_KEYS)),
        ):
            family = socket.AF_INET6 if is_ipv6(host) else socket.AF_INET
            self._serves[name] = socket.create_server((host, 0), family=family), serve
        self._acceptor = threading.Thread(target=self._accept, name="part15-iscl", daemon=True)
        self._acceptor.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def address(self, name: str = "iscl") -> str:
        """Return ``host:port`` of ``iscl``, ``agent`` or ``stranger``."""
        return join_address(self.host, self._serves[name][0].getsockname()[1])

    def close(self) -> None:
        """Stop listening and wait for what runs."""
        self._alarm.send(b"x")
        self._acceptor.join(5)
        for thread in tuple(self._threads):
            thread.join(self.idle + HELD + 1)
        for sock, _ in self._serves.values():
            sock.close()
        self._wake.close()
        self._alarm.close()
        self._scratch.cleanup()

    def _accept(self) -> None:
        listening = dict(self._serves.values())
        while True:
            ready, _, _ = select.select([*listening, self._wake], [], [])
            if self._wake in ready:
                return
            for sock in ready:
                with contextlib.suppress(OSError):
                    near, _ = sock.accept()
                    near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    thread = threading.Thread(
                        target=self._guarded, args=(listening[sock], near), daemon=True
                    )
                    self._threads.add(thread)
                    thread.start()

    def _guarded(self, serve: Callable[[socket.socket], None], near: socket.socket) -> None:
        try:
            with near:
                serve(near)
        except (Ended, OSError, ssl.SSLError, ValueError):
            pass  # the other side ended it, or would not speak sense
        finally:
            self._threads.discard(threading.current_thread())

    def engine(self, role: Any, keys: Mapping[str, str] = TEST_KEYS) -> Engine:
        """Return an engine as the faults have it."""
        own = keys is TEST_KEYS
        faulty = own and role == self.changes.get("role", "server")
        privacy = self.privacy and not (own and self.changes.get("clear"))
        lenient = frozenset(self.changes.get("lenient", ())) if faulty else frozenset()
        more: dict[str, Any] = {}
        if self.changes.get("repeats") and faulty:
            more["random"] = lambda size: b"\x5a" * size
        plan: Plan = as_it_is
        if faulty and "plan" in self.changes:
            plan = DEVIATIONS[self.changes["plan"]]
        settings = Settings(privacy=privacy, lenient=lenient)
        return Engine(self.binding, role, _keys(keys), settings, plan=plan, **more)

    def _serve(self, near: socket.socket, keys: Mapping[str, str]) -> None:
        if self.changes.get("foreign") and self._foreign(near):
            return
        stream = Iscl(near, self.engine("server", keys))
        try:
            stream.handshake(time.monotonic() + self.idle)
            Association(
                stream, Policy(artim=self.idle), self.store, self.ae_title, self.idle
            ).serve()
            with contextlib.suppress(Ended):
                stream.receive(time.monotonic() + self.idle)
        finally:
            if stream.engine.failure is not None and self.changes.get("holds"):
                self._hold(near)
            stream.close(reset=stream.engine.failure is not None)

    def _hold(self, near: socket.socket) -> None:
        near.settimeout(HELD)
        with contextlib.suppress(OSError):
            while near.recv(65536):
                continue

    def _foreign(self, near: socket.socket) -> bool:
        """Answer what is no ISCL, if it comes at once; tell whether it did."""
        near.settimeout(0.2)
        try:
            first = near.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return False
        if first == b"\x01" and self.changes["foreign"] == "dicom":
            plain = Plain(near, Tap(limit=0))
            Association(plain, Policy(), self.store, self.ae_title, self.idle).serve()
            return True
        if first == b"\x16" and self.changes["foreign"] == "tls":
            near.sendall(b"\x16\x03\x03\x00\x04\x0e\x00\x00\x00")
            return True
        return False

    def _act(self, near: socket.socket, keys: Mapping[str, str]) -> None:
        """Take one order of an agent: send the file, answer ``0`` if it was acknowledged."""
        near.settimeout(self.idle)
        order = json.loads(near.makefile("rb").readline(65536))
        sent = send(
            join_address(order["host"], int(order["port"])),
            order["aet"],
            Path(order["file"]),
            self.engine("client", keys),
            self.idle,
        )
        near.sendall(b"0" if sent else b"1")

    def client_document(self) -> dict[str, Any]:
        """Return the content of a target file that describes the client of this peer."""
        said = self.document()
        (point,) = said.pop("endpoints").values()
        point["iscl"] |= {"partner": self.address(), "stranger": self.address("strange")}
        listener = {key: point[key] for key in ("transport", "ae_title", "iscl")}
        trigger = f"tcp:{self.address('agent')}"
        return {
            **said,
            "claims": {"iscl": {"roles": ["iscl-client"], "features": ["privacy"]}},
            "listeners": {"dicom-iscl": {**listener, "trigger": trigger, "wait": 2}},
        }

    def document(self) -> dict[str, Any]:
        """Return the content of a target file that describes this peer."""
        keys = {kind: {"1": f"file:{Path(self._scratch.name) / kind}"} for kind in TEST_KEYS}
        return {
            "target": {"name": "part15 ISCL peer", "version": "embedded", "edition": "2017c"},
            "claims": {"iscl": {"roles": ["iscl-server"], "features": ["privacy"]}},
            "endpoints": {
                "dicom-iscl": {
                    "address": self.address(),
                    "transport": "iscl",
                    "ae_title": self.ae_title,
                    "iscl": {
                        "binding": self.binding.name,
                        "keys": keys,
                        "privacy": self.privacy,
                        "partner": f"tcp:{self.address('agent')}",
                        "stranger": f"tcp:{self.address('stranger')}",
                        "folder": str(self.folder),
                    },
                }
            },
            "declared": {
                "iscl": {
                    "ports": [2761],
                    "default_port": 2761,
                    "key_management": "keys in files, test only",
                    "abort_provider_reason": "0",
                }
            },
            "limits": {"impact": "store"},
        }


def send(address: str, called: str, path: Path, engine: Engine, idle: float) -> bool:
    """Send the object at *path* to *address* inside ISCL; tell whether it was acknowledged."""
    until = time.monotonic() + 5 * idle
    found = open_file(path)
    try:
        stream = secured(dial(address, until), engine, time.monotonic() + idle)
    except Ended:
        return False
    data = bytes(found.data_set)
    sop_class, instance = (
        uid_text(found.meta_value(tag) or b"") for tag in (0x00020002, 0x00020003)
    )
    sent = Instance(sop_class, instance, found.transfer_syntax, data)
    asked = services.proposal(called, "PART15ISCU", [(sent.sop_class, (sent.transfer,))])
    try:
        talk = services.opened(Line(stream), asked, time.monotonic() + idle)
        done = services.store(talk, sent, time.monotonic() + idle) == 0
        if done:
            services.close(talk, until)
    except (Ended, OSError):
        return False
    else:
        return done
    finally:
        stream.close(reset=True)
