"""Goals 1 and 2: what a scan of one TLS server costs beside nmap and sslyze on the same server.

    python harness/benchmarks/tls_scan.py [--runs 5] [--sslyze PATH]

Starts DCMTK's storescp as the goals define it, measures in turns (peer, ours, peer, ours ...), and
prints medians of wall seconds, their ratios and the numbers of connections. Ours is measured as a
whole process, the way the peers are, and as the scan alone.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import types
from collections.abc import Iterator
from pathlib import Path

from part15.bench import Bench, Ledger, Shelf
from part15.drivers.tls_exchange import Line
from part15.drivers.tls_survey import survey
from part15.observations.tls import SuitesSeen
from part15.wire import tls_names as names
from part15.wire.tls_hello import Offer

SUITES = (
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
)


class Nowhere:
    """Evidence that is not kept."""

    def keep(self, name: str, data: bytes, *, phi: str = "none") -> None:
        """Drop it."""


def bench(port: int) -> Bench:
    point = types.SimpleNamespace(
        id="dicom",
        address=f"127.0.0.1:{port}",
        host="127.0.0.1",
        port=port,
        transport="tls",
        profiles=(),
    )
    return Bench(
        target=types.SimpleNamespace(endpoints={"dicom": point}),
        endpoint=point,
        evidence=Nowhere(),
        ledger=Ledger(),
        shelf=Shelf(),
        scratch=Path(),
    )


@contextlib.contextmanager
def storescp() -> Iterator[int]:
    """Run the server that the goals name and give its port."""
    from part15 import pki

    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        mine = pki.make_pki(Path(folder))["server"]
        wanted = [word for suite in SUITES for word in ("+cs", suite)]
        process = subprocess.Popen(
            ["storescp", "+tls", str(mine.key), str(mine.certificate), "-ic", *wanted, str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
        )
        try:
            wait_for(port)
            yield port
        finally:
            process.terminate()
            process.wait()


def wait_for(port: int) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise SystemExit("storescp does not listen")


class Counter:
    """A relay before the server that counts the connections of a scanner."""

    def __init__(self, port: int) -> None:
        self.target, self.count = port, 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            near, _ = self.listener.accept()
            self.count += 1
            far = socket.create_connection(("127.0.0.1", self.target))
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    @staticmethod
    def _pump(one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_WR)


def timed(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=False, capture_output=True)
    return time.perf_counter() - began


def prove(port: int) -> dict[str, float]:
    """Offer every suite alone in every version; return wall and our own processor time."""
    line = Line(bench(port))
    offers = [
        Offer((version,), (code,))
        for version in ("1.2", "1.1", "1.0")
        for code in names.suite_codes("all")
    ] + [Offer(("1.3",), (code,)) for code in names.suite_codes("all-1.3")]
    wall, mine, accepted = time.perf_counter(), time.process_time(), 0
    for offer in offers:
        accepted += line.ask(offer).outcome == "hello"
    spent = time.process_time() - mine
    return {
        "pairs": len(offers),
        "accepted": accepted,
        "wall_s": round(time.perf_counter() - wall, 3),
        "own_ms_per_offer": round(spent / len(offers) * 1000, 3),
    }


def scan(port: int) -> dict[str, object]:
    """Enumerate once; what the child process of a measurement does."""
    began = time.perf_counter()
    seen = survey(bench(port))
    assert isinstance(seen, SuitesSeen)
    return {
        "wall_s": round(time.perf_counter() - began, 4),
        "connections": seen.connections,
        "accepted": {version: len(seen.accepted(version)) for version in seen.negotiated},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--sslyze", default=shutil.which("sslyze") or "")
    parser.add_argument("--scan", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.scan:
        print(json.dumps(scan(given.scan)))
        return
    with storescp() as port:
        report(port, given.runs, given.sslyze)


def report(port: int, runs: int, sslyze: str) -> None:
    nmap = ["nmap", "-Pn", "-n", "-p", "{port}", "--script", "ssl-enum-ciphers", "127.0.0.1"]
    quick = [
        "--mozilla_config",
        "disable",
        "--tlsv1",
        "--tlsv1_1",
        "--tlsv1_2",
        "--tlsv1_3",
        "127.0.0.1:{port}",
    ]
    peers = {"nmap": nmap} if shutil.which("nmap") else {}
    if sslyze:
        peers |= {"sslyze": [sslyze, *quick], "sslyze full": [sslyze, "127.0.0.1:{port}"]}
    ours = [sys.executable, __file__, "--scan", str(port)]
    walls: dict[str, list[float]] = {name: [] for name in ("ours", *peers)}
    for _ in range(runs):
        for name, command in peers.items():
            walls[name].append(timed([word.replace("{port}", str(port)) for word in command]))
            walls["ours"].append(timed(ours))
        if not peers:
            walls["ours"].append(timed(ours))
    one = scan(port)
    mine = statistics.median(walls["ours"])
    print(
        f"ours: {mine:.3f} s as a process, {one['wall_s']} s the scan, {one['connections']} connections, {one['accepted']}"
    )
    for name, command in peers.items():
        relay = Counter(port)
        timed([word.replace("{port}", str(relay.port)) for word in command])
        theirs = statistics.median(walls[name])
        print(
            f"{name}: {theirs:.3f} s, {relay.count} connections; ours is 1/{theirs / mine:.1f} as a process"
        )
    proof = prove(port)
    print(f"each pair alone: {proof}")
    if walls.get("sslyze full"):
        full = statistics.median(walls["sslyze full"])
        print(f"each pair alone is {proof['wall_s'] / full:.2f} of sslyze's full scan")


if __name__ == "__main__":
    main()
