"""Compare folders: goals 5 and 6 of the performance goals. Prints ratios to ``diff -rq`` and pydicom.

python harness/benchmarks/compare.py [FILES]
"""

from __future__ import annotations

import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from part15.inspect_pairs import compare
from part15.peers.media_samples import element, file_of, sequence
from part15.wire.comparison import compare_octets

ROUNDS = 5


def small(number: int) -> bytes:
    """Return a CT of about 39 KB with 261 elements."""
    code = element(0x00080100, "SH", "T1") + element(0x00080102, "SH", "99P")
    rows = [
        element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2"),
        element(0x00080018, "UI", f"2.25.{number}"),
        *(sequence(0x00081000 + i, [code, code]) for i in range(10)),
        *(element(0x00100010 + i, "LO", f"value {number} {i}") for i in range(100)),
        *(element(0x00291000 + i, "LO", f"private {i}") for i in range(100)),
        element(0x7FE00010, "OW", bytes(32768)),
    ]
    return file_of("1.2.840.10008.5.1.4.1.1.2", f"2.25.{number}", b"".join(rows))


def cpu(work: Callable[[], object]) -> float:
    """Return the cpu seconds of *work*, children included."""

    def used() -> float:
        kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        return sum(resource.getrusage(k).ru_utime + resource.getrusage(k).ru_stime for k in kinds)

    before = used()
    work()
    return used() - before


def median(work: Callable[[], object]) -> float:
    """Return the median cpu seconds of *work*."""
    return statistics.median(cpu(work) for _ in range(ROUNDS))


def main(count: int) -> None:
    """Make the folders, measure in pairs, print."""
    with tempfile.TemporaryDirectory() as place:
        a, b = Path(place, "a"), Path(place, "b")
        a.mkdir()
        for number in range(count):
            (a / f"{number:05}.dcm").write_bytes(small(number))
        shutil.copytree(a, b)
        peer = median(lambda: subprocess.run(["diff", "-rq", a, b], check=True))
        ours = median(lambda: compare(a, b))
        started = median(
            lambda: subprocess.run(
                [sys.executable, "-m", "part15", "compare", "-q", a, b], check=True
            )
        )
        print(f"identical folders: diff -rq {peer:.3f} s, ours {ours:.3f} s ({ours / peer:.2f} x)")
        print(f"  with start {started:.3f} s; goal {2 * peer + 0.15:.3f} s")
        walked(sorted(a.iterdir())[: min(count, 100)])


def walked(paths: list[Path]) -> None:
    """Compare every element of pairs that differ in the last octet."""
    from pydicom import dcmread

    pairs = []
    for path in paths:
        octets = path.read_bytes()
        other = path.with_suffix(".other")
        other.write_bytes(octets[:-1] + b"\1")
        pairs.append((path, other))
    peer = median(lambda: [dcmread(x) == dcmread(y) for x, y in pairs])
    ours = median(lambda: [compare_octets(x.read_bytes(), y.read_bytes()) for x, y in pairs])
    elements = compare_octets(paths[0].read_bytes(), paths[0].read_bytes()).elements
    wall = time.perf_counter()
    print(f"every element ({elements} per file): pydicom {peer:.3f} s, ours {ours:.3f} s")
    print(f"  {peer / ours:.0f} x faster; goal 20 x ({time.perf_counter() - wall:.0f} s)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
