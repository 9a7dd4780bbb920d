"""A door through which a short-lived command makes the embedded peer of this process act."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Callable
from typing import Self

from part15.peers.auditor import AuditSource

KNOCK = (
    "import socket,sys;s=socket.create_connection(('127.0.0.1',int(sys.argv[1])),5);"
    "s.sendall((sys.argv[2]+' '+sys.argv[3]+'\\n').encode());s.settimeout(15);s.recv(1)"
)
"""What the command runs: say two words, wait until what they ask for is done."""


class ActionDoor:
    """Listens on loopback; each knock of the command ``command(verb)`` calls *act* with its words."""

    def __init__(self, act: Callable[[str, str], object]) -> None:
        self._act = act
        self._stop = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._socket.close()
        self._thread.join(5.0)

    def command(self, verb: str, slot: str) -> list[str]:
        """Return the command by which a target has *verb* done to what *slot* names.

        Python without site packages, since it starts many times.
        """
        port = str(self._socket.getsockname()[1])
        return [sys.executable, "-I", "-S", "-c", KNOCK, port, verb, slot]

    def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                knock, _ = self._socket.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            with contextlib.closing(knock), contextlib.suppress(OSError, ValueError):
                knock.settimeout(2.0)
                verb, what = knock.recv(256).decode().split()
                self._act(verb, what)


class AuditDoor(ActionDoor):
    """A door at which each knock names a collector (host, port), to which *source* reports everything."""

    def __init__(self, source: AuditSource, *, udp: bool = False) -> None:
        super().__init__(lambda host, port: source.send(host, int(port), udp=udp))

    @property
    def trigger(self) -> list[str]:
        """The command that knocks."""
        return self.command("{host}", "{port}")
