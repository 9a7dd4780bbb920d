"""Targets of real TLS clients: a listener of ours and the trigger that makes the program connect."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from part15.errors import TargetError
from part15.peers.declared import SERVER_IDENTITIES
from part15.peers.known import Place
from part15.peers.known_clients import KnownClient
from part15.peers.starting import free_port, process
from part15.pki import Pki
from part15.toml_writing import toml_text


def document(client: KnownClient, at: Place) -> dict[str, Any]:
    """Return the target file of *client*, with certificates of the PKI of *at*."""

    def identity(name: str) -> dict[str, str]:
        return {"certificate": str(at.pki[name].certificate), "key": str(at.pki[name].key)}

    return {
        "target": {"name": client.text, "version": client.package},
        "claims": {
            name: {"roles": ["tls-client"], "edition": edition}
            for name, edition in client.claims.items()
        },
        "listeners": {
            "from-product": {
                "transport": "tls",
                "trigger": client.trigger(at),
                "trust": str(at.pki.ca),
                "identity": identity("server"),
                "identities": {kind: identity(name) for kind, name in SERVER_IDENTITIES.items()},
                "wait": client.wait,
            }
        },
    }


@contextlib.contextmanager
def triggered(client: KnownClient, pki: Pki, folder: Path) -> Iterator[Path]:
    """Yield the path of a target file in *folder* whose trigger makes *client* connect.

    A program that must run meanwhile runs. Raises TargetError if something is not installed or does not start.
    """
    if not client.installed:
        raise TargetError(f"{client.program} is not installed (Debian package {client.package})")
    at = Place(pki, free_port() if client.server else 0, folder)
    with contextlib.ExitStack() as stack:
        if client.server is not None:
            command = client.server(at)
            environment = {**os.environ, **client.environment}
            stack.enter_context(
                process(command, at.port, client.name, folder, environment, client.patience)
            )
        path = folder / "target.toml"
        path.write_text(toml_text(document(client, at)), encoding="utf-8")
        yield path
