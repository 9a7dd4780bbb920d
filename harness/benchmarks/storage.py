"""Store many objects: goals 10 and 11 of the performance goals. Prints ratios to DCMTK's storescu and storescp.

Wall time, because waiting is what costs; the start of storescu is in its time.

python harness/benchmarks/storage.py [OBJECTS]
"""

from __future__ import annotations

import contextlib
import os
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from part15.channel import services
from part15.channel.association import Line
from part15.channel.services import Instance
from part15.channel.tls import Plain, dial
from part15.drivers import storage_lines as lines
from part15.target import Listener
from part15.wire.trap_objects import (
    EXPLICIT,
    SECONDARY_CAPTURE,
    Trap,
    base,
    file_of,
    joined,
    new_uid,
)
from part15.wire.writing import element

ROUNDS = 3
TUNED = {"TCP_NODELAY": "1"}


def image(study: str, series: str) -> Trap:
    """Return an image of 512 x 512 x 16 bit."""
    uid = new_uid()
    elements = base(uid, study, series)
    for tag, vr, value in (
        (0x00280010, "US", struct.pack("<H", 512)),
        (0x00280011, "US", struct.pack("<H", 512)),
        (0x00280100, "US", struct.pack("<H", 16)),
        (0x00280101, "US", struct.pack("<H", 16)),
        (0x00280102, "US", struct.pack("<H", 15)),
        (0x7FE00010, "OW", bytes(512 * 512 * 2)),
    ):
        elements[tag] = element(tag, vr, value)
    return Trap("image", uid, joined(elements))


def free_port() -> int:
    """Return a port of loopback that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def storescp(options: Sequence[str], tuned: dict[str, str]) -> Iterator[int]:
    """Run storescp, which discards what it gets, until the block ends; give its port."""
    port = free_port()
    environment = {k: v for k, v in os.environ.items() if k not in TUNED} | tuned
    process = subprocess.Popen(
        ["storescp", "--ignore", *options, str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            threading.Event().wait(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


def theirs(port: int, folder: Path, options: Sequence[str], tuned: dict[str, str]) -> float:
    """Return the wall seconds in which storescu sends the files of *folder*."""
    environment = {k: v for k, v in os.environ.items() if k not in TUNED} | tuned
    began = time.perf_counter()
    command = ["storescu", *options, "+sd", "127.0.0.1", str(port), str(folder)]
    subprocess.run(command, check=True, env=environment, capture_output=True)
    return time.perf_counter() - began


def ours(port: int, instances: Sequence[Instance]) -> float:
    """Return the wall seconds in which we send *instances*."""
    until = time.monotonic() + 300
    began = time.perf_counter()
    asked = services.proposal("ANY-SCP", "BENCH", [(SECONDARY_CAPTURE, (EXPLICIT,))])
    talk = services.opened(Line(Plain(dial(f"127.0.0.1:{port}", until))), asked, until)
    for instance in instances:
        if services.store(talk, instance, until) != 0:
            raise SystemExit("the peer refused an object")
    services.close(talk, until)
    return time.perf_counter() - began


def receiving(send: Callable[[int], float]) -> float:
    """Return the wall seconds in which *send* sends to our own acceptor."""
    listener = Listener(port=free_port(), transport="plain", ae_title="ANY-SCP")
    bench: Any = SimpleNamespace(until=lambda: time.monotonic() + 300, recorder=None)
    inbox = lines.Inbox()
    with lines.acceptor(bench, listener, inbox) as own:
        return send(own.port)


def paired(peer: Callable[[], float], mine: Callable[[], float]) -> tuple[float, float]:
    """Return the medians of both, measured in turns."""
    rows = [(peer(), mine()) for _ in range(ROUNDS)]
    return statistics.median(r[0] for r in rows), statistics.median(r[1] for r in rows)


def told(name: str, peer: float, mine: float, goal: str) -> None:
    """Print one row."""
    print(f"{name}: peer {peer:.2f} s, ours {mine:.2f} s ({peer / mine:.1f} x faster; goal {goal})")


def main(count: int) -> None:
    """Make the objects, measure in pairs, print."""
    study, series = new_uid(), new_uid()
    images = [image(study, series) for _ in range(count)]
    instances = [Instance(SECONDARY_CAPTURE, i.uid, EXPLICIT, i.data) for i in images]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for number, each in enumerate(images):
            (folder / f"{number:05}.dcm").write_bytes(file_of(each))
        with storescp((), {}) as port:
            told(
                f"10: send {count} to storescp as shipped",
                *paired(lambda: theirs(port, folder, (), {}), lambda: ours(port, instances)),
                "4 x",
            )
        pdu = ("-pdu", "131072")
        with storescp(pdu, TUNED) as port:
            told(
                f"11: send {count} to a tuned storescp",
                *paired(lambda: theirs(port, folder, pdu, TUNED), lambda: ours(port, instances)),
                "0.25 x",
            )
            told(
                f"11: receive {count} from a tuned storescu",
                *paired(
                    lambda: theirs(port, folder, pdu, TUNED),
                    lambda: receiving(lambda own: theirs(own, folder, pdu, TUNED)),
                ),
                "0.33 x",
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
