"""Whether datagrams for a port carry a UDP checksum, seen beside the socket that receives them.

A raw socket shows the UDP header as it came; it needs the right CAP_NET_RAW. On loopback the kernel
leaves the sum unfinished, but a sender that has switched checksums off (RFC 768) is seen by its zero.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class ChecksumsSeen:
    """How many datagrams came without (*zero*) and with (*other*) a checksum."""

    zero: int
    other: int


class ChecksumWatch:
    """Counts from construction to :meth:`close`; *permitted* is False where raw sockets are forbidden."""

    def __init__(self, family: socket.AddressFamily, port: int) -> None:
        self._port, self._v4 = port, family == socket.AF_INET
        self._zero = self._other = 0
        self._stop = threading.Event()
        try:
            self._socket = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_UDP)
        except OSError:
            self.permitted = False
            return
        self.permitted = True
        self._socket.settimeout(0.05)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def seen(self, due: int, patience: float = 1.0) -> ChecksumsSeen | None:
        """Return what was counted, once *due* datagrams were or *patience* seconds have passed; None if not permitted."""
        if not self.permitted:
            return None
        until = time.monotonic() + patience
        while self._zero + self._other < due and time.monotonic() < until:
            self._stop.wait(0.01)
        return ChecksumsSeen(self._zero, self._other)

    def close(self) -> None:
        """Stop counting."""
        if self.permitted:
            self._stop.set()
            self._thread.join(1.0)
            self._socket.close()

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                packet = self._socket.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                return
            at = (packet[0] & 15) * 4 if self._v4 and packet else 0
            if len(packet) < at + 8:
                continue
            _source, port, _length, checksum = struct.unpack_from(">HHHH", packet, at)
            if port == self._port:
                self._zero += checksum == 0
                self._other += checksum != 0


def may_watch() -> bool:
    """Tell whether this process may open a raw socket."""
    watch = ChecksumWatch(socket.AF_INET, 0)
    watch.close()
    return watch.permitted
