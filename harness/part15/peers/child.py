"""TLS ended by the ``openssl`` program, for what the standard library cannot be told to do.

One process per connection; its standard streams carry what is inside.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Sequence

from part15.channel.tls import Ended, Plain, dial
from part15.pki import Pki

PATIENCE = 10.0


class Pipes:
    """A byte stream through the standard streams of a process; the face of a protected stream."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def send(self, octets: bytes, until: float) -> None:
        """Send all of *octets*; raises Ended."""
        del until  # the process reads at once
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(octets)
            self.process.stdin.flush()
        except OSError as error:
            raise Ended("reset", str(error)) from None

    def receive(self, until: float, size: int = 65536) -> bytes:
        """Return the next octets, empty at the end; raises Ended."""
        assert self.process.stdout is not None
        file = self.process.stdout.fileno()
        ready, _, _ = select.select([file], [], [], max(until - time.monotonic(), 0))
        if not ready:
            raise Ended("silent", "no answer within the deadline")
        return os.read(file, size)


class Child:
    """An ``openssl s_server`` with *options*, and the pump between it and the client.

    Raises OSError if the program is missing or does not listen.
    """

    def __init__(self, pki: Pki, options: Sequence[str]) -> None:
        program = shutil.which("openssl")
        if program is None:
            raise FileNotFoundError("the program openssl is not installed")
        mine = pki["server"]
        files = ["-cert", str(mine.certificate), "-key", str(mine.key), "-CAfile", str(pki.ca)]
        self.address = f"127.0.0.1:{_free_port()}"
        self.process = subprocess.Popen(
            [
                program,
                "s_server",
                "-accept",
                self.address,
                *files,
                "-quiet",
                "-naccept",
                "1",
                *options,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.stream = Pipes(self.process)
        self._server: Plain | None = None

    def _connected(self) -> Plain:
        """Return a connection to the program, which says nothing when it is ready."""
        pause, until = threading.Event(), time.monotonic() + PATIENCE
        while True:
            try:
                return Plain(dial(self.address, until))
            except Ended as ended:
                if self.process.poll() is not None or time.monotonic() >= until:
                    raise OSError("openssl s_server does not listen") from ended
                pause.wait(0.01)

    def join(self, client: Plain, early: bytes) -> None:
        """Carry octets between *client* and the program until either ends; *early* goes first."""
        server = self._server = self._connected()
        server.send(early, time.monotonic() + PATIENCE)
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=_carry, args=(source, sink), daemon=True).start()

    def close(self) -> None:
        """End the program and the connection to it."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                with contextlib.suppress(OSError):
                    stream.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(0.2)
        self.process.kill()
        self.process.wait()
        if self._server:
            self._server.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _carry(source: Plain, sink: Plain) -> None:
    with contextlib.suppress(Ended, OSError):
        while octets := source.receive(time.monotonic() + PATIENCE):
            sink.send(octets, time.monotonic() + PATIENCE)
        sink.end()
