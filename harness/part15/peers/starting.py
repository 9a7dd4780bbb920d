"""Starting the real peers we know: on loopback for a test, or as a script and target for a user."""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from part15.errors import TargetError
from part15.peers.declared import IDENTITIES
from part15.peers.known import KnownPeer, Place, search_path
from part15.peers.known_servers import SERVERS, plain_server
from part15.peers.known_variants import VARIANTS
from part15.pki import Pki, make_pki
from part15.registry import did_you_mean
from part15.toml_writing import relative_below, toml_text

PEERS = {peer.name: peer for peer in (*SERVERS, *VARIANTS)}


def find(name: str) -> KnownPeer:
    """Return the known peer *name*. Raises TargetError with the nearest name."""
    if name not in PEERS:
        raise TargetError(
            f"'{name}' is no known peer{did_you_mean(name, PEERS)}; known are {', '.join(PEERS)}"
        )
    return PEERS[name]


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def document(peer: KnownPeer, pki: Pki, port: int) -> dict[str, Any]:
    """Return the target file of *peer* on *port* with certificates of *pki*."""

    def identity(name: str) -> dict[str, str]:
        return {"certificate": str(pki[name].certificate), "key": str(pki[name].key)}

    endpoint: dict[str, Any] = {
        "address": f"127.0.0.1:{port}",
        "transport": "tls",
        "ae_title": peer.ae_title,
        "trust": str(pki.ca),
        "server_name": "localhost",
    }
    if peer.setting:
        endpoint["setting"] = peer.setting
    endpoint["identity"] = identity("client")
    endpoint["identities"] = {kind: identity(name) for kind, name in IDENTITIES.items()}
    return {
        "target": {"name": peer.text, "version": peer.package},
        "claims": {
            name: {"roles": ["tls-server"], "edition": edition}
            for name, edition in peer.claims.items()
        },
        "endpoints": {"dicom-tls": endpoint},
    }


@contextlib.contextmanager
def running(peer: KnownPeer, pki: Pki, folder: Path) -> Iterator[Path]:
    """Start *peer* on loopback and yield the path of its target file in *folder*; ended afterwards.

    Raises TargetError if it is not installed or does not listen in time.
    """
    if not peer.installed:
        raise TargetError(f"{peer.program} is not installed (Debian package {peer.package})")
    at = Place(pki, free_port(), folder, free_port() if peer.front else 0)
    with contextlib.ExitStack() as stack:
        if peer.front:
            stack.enter_context(_peer(plain_server(at), at.behind, peer, folder))
        stack.enter_context(_peer(peer.command(at), at.port, peer, folder))
        path = folder / "target.toml"
        path.write_text(toml_text(document(peer, pki, at.port)), encoding="utf-8")
        yield path


def _peer(
    command: list[str], port: int, peer: KnownPeer, folder: Path
) -> contextlib.AbstractContextManager[None]:
    environment = {**os.environ, **peer.environment}
    return process(command, port, peer.name, folder, environment, peer.patience)


@contextlib.contextmanager
def process(
    command: list[str],
    port: int,
    name: str,
    folder: Path,
    environment: Mapping[str, str],
    patience: float,
) -> Iterator[None]:
    """Run *command* in *folder* while the block runs, once it listens on *port*; its words go to ``peer.log``.

    Raises TargetError, naming it *name*, if it does not listen within *patience* seconds.
    """
    with (folder / "peer.log").open("ab") as log:
        running = subprocess.Popen(
            command,
            cwd=folder,
            env={**environment, "PATH": search_path()},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _await(running, port, name, folder, patience)
            yield
        finally:
            running.terminate()
            try:
                running.wait(5)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait(5)


def _await(
    running: subprocess.Popen[bytes], port: int, name: str, folder: Path, patience: float
) -> None:
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if running.poll() is not None:
            break
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), timeout=1.0),
        ):
            return
        # A program cannot tell us when it listens.
        select.select([], [], [], 0.02)
    log = (folder / "peer.log").read_bytes()[-2000:].decode("utf-8", "replace")
    raise TargetError(
        f"{name} did not listen within {patience:g} s; it said: {log.strip() or 'nothing'}"
    )


def write_peer(name: str, folder: Path) -> list[Path]:
    """Write test certificates, a target file and ``start.sh`` for the known peer *name* into *folder*.

    Raises TargetError if *folder* already holds them.
    """
    peer, folder = find(name), folder.resolve()
    target, script = folder / "target.toml", folder / "start.sh"
    for path in (target, script):
        if path.exists():
            raise TargetError(f"{path} exists already; choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    pki = make_pki(folder / "pki")
    at = Place(pki, 2762, folder, 11112 if peer.front else 0)
    before = f"{shlex.join(relative_below(plain_server(at), folder))} &\n" if peer.front else ""
    command = relative_below(peer.command(at), folder)
    settings = "".join(f"export {k}={v}\n" for k, v in peer.environment.items())
    script.write_text(
        f"#!/bin/sh\n# {peer.text}; needs the program {peer.program} (Debian package {peer.package})\n"
        f'cd "$(dirname "$0")" || exit 1\n{settings}{before}exec {shlex.join(command)}\n',
        encoding="utf-8",
    )
    script.chmod(0o755)
    content = relative_below(document(peer, pki, at.port), folder)
    target.write_text(toml_text(content), encoding="utf-8")
    return [script, target]
