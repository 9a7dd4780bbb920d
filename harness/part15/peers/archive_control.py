"""Controls of the embedded archive, for the actions of its target: authorize, transfer and delete instances.

python -m part15.peers.archive_control PORT VERB [ARGUMENT...]
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Sequence

LONGEST = 4096
Do = Callable[[str, Sequence[str]], str]
"""Does a verb with arguments and returns a word about it; raises ValueError if it cannot."""


class Control:
    """Listens on loopback for one command per connection and answers ``ok WORD`` or ``no REASON``."""

    def __init__(self, do: Do) -> None:
        self._do = do
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._socket.close()

    def _run(self) -> None:
        while True:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                return
            with sock:
                sock.settimeout(2)
                self._serve(sock)

    def _serve(self, sock: socket.socket) -> None:
        try:
            verb, *arguments = sock.recv(LONGEST).decode("ascii", "replace").split() or [""]
            try:
                answer = f"ok {self._do(verb, arguments)}"
            except (ValueError, KeyError) as error:
                answer = f"no {error}"
            sock.sendall(answer.encode())
        except OSError:
            return


def command(port: int, *arguments: str) -> list[str]:
    """Return the command of an action that has the archive behind *port* do something."""
    return [sys.executable, "-m", "part15.peers.archive_control", str(port), *arguments]


def main(arguments: list[str]) -> int:
    """Send one command; return 0 if it was done."""
    with socket.create_connection(("127.0.0.1", int(arguments[0])), timeout=30) as sock:
        sock.sendall(" ".join(arguments[1:]).encode())
        answer = sock.recv(LONGEST).decode()
    sys.stdout.write(answer + "\n")
    return 0 if answer.startswith("ok") else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
