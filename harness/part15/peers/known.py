"""What a real peer is that we know how to start: for our tests, and as ready target for users (``part15 init --peer``)."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from part15.pki import Pki


def search_path() -> str:
    """Return PATH with the programs of this Python last: pynetdicom brings a storescp and an echoscu of its own."""
    mine = str(Path(sys.executable).parent)
    others = [p for p in os.environ.get("PATH", "").split(os.pathsep) if p != mine]
    return os.pathsep.join([*others, mine])


@dataclass(frozen=True)
class Place:
    """Where a peer is to run: its PKI, port and folder, and the port of the plain server behind a front."""

    pki: Pki
    port: int
    folder: Path
    behind: int = 0


Command = Callable[[Place], list[str]]

B9 = "tls-bcp195"
B10 = "tls-bcp195-nondowngrading"
B11 = "tls-bcp195-extended"
B12 = "tls-bcp195-rfc8996"
B13 = "tls-bcp195-rfc8996-modified"


@dataclass(frozen=True)
class KnownPeer:
    """A program, how it is started with a test PKI, and what its configuration amounts to claiming.

    *dicom* is false for a bare TLS server without a DICOM application behind it. *setting* names
    what switches its TLS on.
    """

    name: str
    program: str
    package: str
    text: str
    command: Command
    claims: Mapping[str, str]
    """Profile to edition."""
    dicom: bool = True
    ae_title: str = "ANY-SCP"
    setting: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    certificate: str = "server"
    front: bool = False
    """True for a TLS front before a plain DICOM server (DCMTK storescp)."""
    patience: float = 15.0

    @property
    def installed(self) -> bool:
        """Tell whether the program is on PATH."""
        needed = (self.program, "storescp") if self.front else (self.program,)
        return all(shutil.which(program, path=search_path()) is not None for program in needed)


NODELAY = {"TCP_NODELAY": "1"}
"""DCMTK waits for delayed acknowledgements without it."""
