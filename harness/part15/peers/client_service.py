"""The embedded client as a service: a trigger of a few milliseconds tells it where to connect, and waits for it.

The trigger behaves as the client's own process would: it lives as long as the connection, and its exit
code tells whether the association was accepted.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from part15.peers.client import Behaviour, connect

TELL = (
    "import socket, sys\n"
    "s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
    "s.sendall(' '.join(sys.argv[2:]).encode() + b'\\n')\n"
    "sys.exit(int(s.recv(1) or b'2'))\n"
)
MAX_ORDER = 512


class ClientService:
    """Connects as *does* says whenever its trigger runs; what a faulty client remembers is in *state*."""

    def __init__(self, does: Behaviour, pki: Path, state: Path) -> None:
        self.does, self.pki, self.state = does, pki, state
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def trigger(self) -> list[str]:
        """The command that makes the client connect to ``{host}`` ``{port}``."""
        port = str(self._socket.getsockname()[1])
        return [sys.executable, "-I", "-S", "-c", TELL, port, "{host}", "{port}", "{aet}"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)

    def _run(self) -> None:
        while True:
            try:
                asked, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._obey, args=(asked,), daemon=True).start()

    def _obey(self, asked: socket.socket) -> None:
        with asked, contextlib.suppress(OSError, ValueError):
            order = asked.makefile("rb").readline(MAX_ORDER).decode().split()
            host, port, called = order
            seen = connect(host, int(port), called, self.pki, self.does, self.state)
            asked.sendall(b"0" if seen.accepted else b"1")
