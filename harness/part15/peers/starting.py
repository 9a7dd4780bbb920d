"""Starting the real peers we know: on loopback for a test, or as a script and target for a user."""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from part15.errors import TargetError
from part15.peers.declared import IDENTITIES
from part15.peers.known import KnownPeer, Place, find, plain_server, search_path
from part15.pki import Pki, make_pki
from part15.toml_writing import relative_below, toml_text


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
            stack.enter_context(_process(plain_server(at), at.behind, peer, folder))
        stack.enter_context(_process(peer.command(at), at.port, peer, folder))
        path = folder / "target.toml"
        path.write_text(toml_text(document(peer, pki, at.port)), encoding="utf-8")
        yield path


@contextlib.contextmanager
def _process(command: list[str], port: int, peer: KnownPeer, folder: Path) -> Iterator[None]:
    with (folder / "peer.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "PATH": search_path(), **peer.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _await(process, port, peer, folder)
            yield
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)


def _await(process: subprocess.Popen[bytes], port: int, peer: KnownPeer, folder: Path) -> None:
    until = time.monotonic() + peer.patience
    while time.monotonic() < until:
        if process.poll() is not None:
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
        f"{peer.name} did not listen within {peer.patience:g} s; it said: {log.strip() or 'nothing'}"
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
